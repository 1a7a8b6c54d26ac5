"""What answers rest on: playbooks and people as they were known, how far the read models are, and what things are called."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.envelope import Recorded
from domain.events import RecordOpened
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM, nearest, record_stream, split_stream
from domain.organisation import state as organisation
from domain.organisation.state import Organisation
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Kind
from domain.playbook.published import OWNER_REGION, OWNER_TEAM, PublishedPlaybook
from domain.record import state as record_state
from domain.record.state import Record
from domain.refusals import NotFound
from domain.values import ValueRefused, clean_text, moment_text
from projections.as_of import Horizon, end_of_day
from projections.current_records import CurrentRecords
from projections.errors import AmbiguousName, BehindError, InvalidQuery
from projections.field_history import FieldHistory
from projections.lens import Lens
from projections.lookups import Lookups
from projections.parked import Parked
from projections.ports import Keys, LogReader
from projections.record_versions import RecordVersions, record_of

NOW = Horizon()
MODELS = (CurrentRecords.name, FieldHistory.name, RecordVersions.name, Lookups.name)
"""The read models answers are taken from."""

PATIENCE_SECONDS = 2.0
"""How long a question waits for the read models before it is told to come again."""

_POLL_SECONDS = 0.01
_MAX_STREAM = 200
_MOST_NAMED = 20
"""How many records that share an external id are named."""


class Footing:
    """The ground every answer stands on. Looks at the log, the keys and the read models; writes nothing."""

    def __init__(self, pool: ConnectionPool[Any], log: LogReader, keys: Keys) -> None:
        self.pool = pool
        self.log = log
        self.keys = keys
        self._states: dict[str, Any] = {}

    # ── moments and positions ────────────────────────────────────────────────────────────────────────────────────────

    def bounded(self, horizon: Horizon = NOW, parameter: str = "as_of") -> Horizon:
        """Fix the last position a horizon sees, so that an answer is of one moment although the log goes on.

        `parameter` is what the position or moment is called where it was asked.

        Raises InvalidQuery for a position the log has not reached, and for a moment that has not come: asked again later, the answer would be another one.
        """
        head = self.log.head()
        position = head if horizon.position is None else horizon.position
        if position > head:
            raise InvalidQuery.of(parameter, f"the log goes up to position {head} so far")
        if horizon.recorded_by is not None:
            self._refuse_ahead(horizon.recorded_by, parameter)
            position = self.log.position_at(horizon.recorded_by)
        return replace(horizon, position=position, recorded_by=None)

    def _refuse_ahead(self, moment: datetime, parameter: str) -> None:
        """Refuse a moment the log's clock has not reached, but for the end of its day: by today's date people mean what is known so far.

        The clock is read only where the last event does not tell already.
        """
        if moment <= self.recorded_at(self.log.head()):
            return
        now = self.clock()
        if now < moment != end_of_day(now):
            raise InvalidQuery.of(
                parameter, f"this moment has not come: the clock of the log says {moment_text(now)}"
            )

    def clock(self) -> datetime:
        """Read the clock of the log: the database's, or in a simulated log the last time it was told."""
        if self.log.genesis.clock == "simulated":
            return self.recorded_at(self.log.head())
        return self.log.now()

    def recorded_at(self, position: int) -> datetime:
        """Return when the event at a position was recorded; before the first one, when the first one was."""
        return self.log.after(max(position, 1) - 1, 1)[0].recorded_at

    def moment(self, horizon: Horizon = NOW) -> datetime:
        """Return the moment a horizon stands for: business time, time recorded, else the clock."""
        if horizon.effective_at is not None:
            return horizon.effective_at
        return self._known_at(horizon)

    def _known_at(self, horizon: Horizon) -> datetime:
        if horizon.recorded_by is not None:
            return horizon.recorded_by
        if horizon.position is None:
            return self.clock()
        return self.recorded_at(self.bounded(horizon).position or 0)

    def about(self, horizon: Horizon) -> dict[str, object]:
        """Return what every answer carries: the position it is based on, and whether the log's time is simulated."""
        about: dict[str, object] = {"as_of_position": horizon.position}
        if horizon.effective_at is not None:
            about["effective_at"] = moment_text(horizon.effective_at)
        if self.log.genesis.clock == "simulated":
            about["simulated"] = True
        return about

    def about_now(self) -> dict[str, object]:
        """Return what an answer carries that is based on the whole log."""
        return self.about(self.bounded())

    # ── read models ──────────────────────────────────────────────────────────────────────────────────────────────────

    def wait_for(self, position: int, models: Sequence[str] = MODELS) -> None:
        """Wait briefly until the read models have reached a position. Raises BehindError."""
        head = self.log.head()
        if position > head:
            raise BehindError(position, head)
        until = time.monotonic() + PATIENCE_SECONDS
        while (reached := self.reached(models)) < position:
            if time.monotonic() >= until:
                raise BehindError(position, reached)
            time.sleep(_POLL_SECONDS)

    def reached(self, models: Sequence[str] = MODELS) -> int:
        """Return how far the read models are, all of them."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT position FROM dealtrail_read.cursors WHERE projection = ANY(%s)", (list(models),)
            ).fetchall()
        return min((int(row["position"]) for row in rows), default=0) if len(rows) == len(models) else 0

    def parked(self, model: str, *, kind: str | None = None, stream: str | None = None) -> int:
        """Count the parked records an answer touches."""
        with self.pool.connection() as connection:
            return Parked.count(connection, model, kind=kind, stream=stream)

    @contextmanager
    def snapshot(self, model: str) -> Iterator[tuple[Connection[Any], int]]:
        """Look at a read model and at how far it is, both of the same moment."""
        with self.pool.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            row = connection.execute(
                "SELECT position FROM dealtrail_read.cursors WHERE projection = %s", (model,)
            ).fetchone()
            yield connection, int(row["position"]) if row else 0

    # ── playbooks and people ─────────────────────────────────────────────────────────────────────────────────────────

    def playbooks(self, horizon: Horizon = NOW) -> Playbooks:
        """Return the playbooks as they were known, as they were in force at that moment."""
        found = cast("Playbooks", self._known(PLAYBOOKS_STREAM, catalogue.fold, horizon))
        return found.at(self._known_at(horizon)) if found.has_dated_versions else found

    def published(self, name: str) -> PublishedPlaybook:
        """Return the version of a playbook that is in force. Raises NotFound, with the nearest name."""
        in_force = self.playbooks().in_force
        if name not in in_force:
            raise NotFound("published playbook", name, nearest(name, in_force))
        return in_force[name]

    def organisation(self, horizon: Horizon = NOW) -> Organisation:
        """Return the organisation as it was known."""
        return cast("Organisation", self._known(ORGANISATION_STREAM, organisation.fold, horizon))

    def lens(self, horizon: Horizon = NOW) -> Lens:
        """Return the lens of the viewer, with playbooks and people as of then."""
        return Lens(self.keys.keyring(), self.playbooks(horizon), self.organisation(horizon))

    def _known(self, stream: str, fold: Callable[[Any, Sequence[Recorded]], Any], horizon: Horizon) -> Any:
        """Return a state every answer rests on, as it was known; folded again only when its stream has moved since."""
        moved_to, state, last = self._states.get(stream, (-1, None, 0))
        if moved_to != (version := self.log.version(stream)):
            events = self.log.stream(stream)
            last = events[-1].position if events else 0
            state = fold(None, events)
            self._states[stream] = (version, state, last)
        position = horizon.position
        if horizon.recorded_by is not None:
            position = self.log.position_at(horizon.recorded_by)
        if position is None or position >= last:
            return state
        return fold(None, Horizon(position=position).within(self.log.stream(stream)))

    # ── records and their names ──────────────────────────────────────────────────────────────────────────────────────

    def kind_called(self, word: str, *, in_an_address: bool = False) -> str:
        """Return the kind a word names: the kind itself, or the collection of its records.

        Raises NotFound with the nearest kind, or collection where records are named as in an address.
        """
        known = self.playbooks()
        if word in known.by_kind:
            return word
        collections = {
            playbook.document.kinds[kind].collection: kind for kind, playbook in known.by_kind.items()
        }
        if word not in collections:
            first, second = (collections, known.by_kind) if in_an_address else (known.by_kind, collections)
            raise NotFound("collection", word, nearest(word, first) or nearest(word, second))
        return collections[word]

    def named(
        self,
        record: str,
        kind: str | None = None,
        *,
        asks_for_kind: bool = False,
        in_an_address: bool = False,
    ) -> str:
        """Return the stream of a record that is named as kind/id or as collection/id; where the kind is told, its name alone will do.

        Raises NotFound, with the nearest name, and AmbiguousName; InvalidQuery for a name without a kind, where the question `asks_for_kind` too.
        """
        first, slash, name = record.partition("/")
        if kind is not None:
            kind = self.kind_called(kind)
            # What came from elsewhere may have a slash in its name.
            return self.find(kind, name if slash and self._is_called(first, kind) else record)
        if not slash and asks_for_kind:
            raise InvalidQuery.of(
                "record", "name it with its kind, as opportunity/opp_…, or give the kind as well"
            )
        return self.find(self.kind_called(first, in_an_address=in_an_address), name)

    def _is_called(self, word: str, kind: str) -> bool:
        return word in (kind, self.playbooks().for_kind(kind).kind(kind).collection)

    def find(self, kind: str, name: str) -> str:
        """Return the stream of a record: by its id, and only where no record has that id, by its external id.

        Raises NotFound, with the nearest name, and AmbiguousName where several records have the external id.
        """
        self.playbooks().for_kind(kind)
        try:
            clean_text(name)
        except ValueRefused:
            raise NotFound(kind, name) from None  # no record has a name the database could not even hold
        stream = record_stream(kind, name)
        with self.pool.connection() as connection:
            rows = connection.execute(_BY_NAME, {"kind": kind, "stream": stream, "name": name}).fetchall()
        if not rows:
            raise NotFound(kind, name, self._nearest(kind, name))
        if rows[0]["stream"] == stream or self.log.version(stream):
            return stream  # the read model may not have heard yet of the record with this very id
        if len(rows) > 1:
            ids = [split_stream(row["stream"])[1] for row in rows]
            raise AmbiguousName(kind, ids[:_MOST_NAMED], int(rows[0]["total"]))
        return str(rows[0]["stream"])

    def _nearest(self, kind: str, name: str) -> str | None:
        with self.pool.connection() as connection:
            near = connection.execute(
                "SELECT split_part(stream, '/', 2) AS id, external_id FROM dealtrail_read.current_records"
                " WHERE kind = %s AND (stream ILIKE %s OR external_id ILIKE %s) LIMIT 20",
                (kind, f"%{_like(_beginning(name, 6))}%", f"%{_like(_beginning(name, 4))}%"),
            ).fetchall()
        known_names = [row[of] for of in ("external_id", "id") for row in near if row[of] is not None]
        return nearest(name, known_names)

    def folded(self, stream: str, bounded: Horizon) -> Record | None:
        """Return a record as folded from its events within a horizon; None when it was not there yet."""
        return record_state.fold(None, from_opening(bounded.within(self.log.stream(stream))))

    def names(self, lens: Lens, values: Iterable[object], horizon: Horizon) -> dict[str, str]:
        """Return what people call the people and records that values lead to, as it was known, as far as the viewer may know."""
        targets = {
            value for value in values if isinstance(value, str) and "/" in value and len(value) < _MAX_STREAM
        }
        names = {target: name for target in targets if (name := lens.person(target)) is not None}
        found = self._then(sorted(targets - names.keys()), replace(self.bounded(horizon), effective_at=None))
        lens.prepare(record.fields for record in found)
        return names | {record.stream: name for record in found if (name := lens.title(record)) is not None}

    def _then(self, streams: Sequence[str], bounded: Horizon) -> list[Record]:
        """Return records as of a position: from the table of versions, or from the log where that is not there yet."""
        if not streams:
            return []
        with self.snapshot(RecordVersions.name) as (connection, reached):
            rows = connection.execute(
                "SELECT DISTINCT ON (stream) record FROM dealtrail_read.record_versions"
                " WHERE stream = ANY(%s) AND from_position <= %s ORDER BY stream, from_position DESC",
                (list(streams), bounded.position),
            ).fetchall()
        if reached >= (bounded.position or 0):
            return [record_of(row["record"]) for row in rows]
        folded = (self.folded(stream, bounded) for stream in streams)
        return [record for record in folded if record is not None]


# A record's own id always wins; external ids are given elsewhere, and nothing keeps two records from having the same.
_BY_NAME = f"""
SELECT stream, count(*) OVER () AS total FROM dealtrail_read.current_records
WHERE stream = %(stream)s OR (kind = %(kind)s AND external_id = %(name)s)
ORDER BY stream <> %(stream)s, stream COLLATE "C" LIMIT {_MOST_NAMED + 1}
"""  # noqa: S608 — a number of this module; values are parameters


def whole_kind(playbooks: Playbooks, kind: str) -> Kind:
    """Return a kind with all its records may hold: as it is where no scope says otherwise, and what versions with a scope add."""
    general = playbooks.for_kind(kind)
    whole = general.kind(kind)
    for version in playbooks.effective.get(general.name, ()):
        if kind in version.document.kinds and version is not general:
            scoped = version.document.kinds[kind]
            whole = whole.model_copy(
                update={
                    "fields": {**scoped.fields, **whole.fields},
                    "stages": {
                        **whole.stages,
                        **{k: v for k, v in scoped.stages.items() if k not in whole.stages},
                    },
                }
            )
    return whole


def playbook_of(record: Record, playbooks: Playbooks, people: Organisation) -> PublishedPlaybook:
    """Return the playbook a record follows: the newest whose scope it is in."""
    person = people.people.get(record.owner or "")
    owner = {OWNER_REGION: people.region_of(record.owner or ""), OWNER_TEAM: person.team if person else None}
    return playbooks.for_record(record.kind, record.fields, owner)


def from_opening(events: Sequence[Recorded]) -> Sequence[Recorded]:
    """Leave out what is said to have happened before the record's opening: there is nothing to fold it into."""
    first = next(
        (index for index, recorded in enumerate(events) if recorded.event.TOPIC == RecordOpened.TOPIC),
        len(events),
    )
    return events[first:]


def _beginning(name: str, length: int) -> str:
    """How a name begins, without its last character: that may be the one that was mistyped."""
    return name[: max(min(length, len(name) - 1), 1)]


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
