"""Every question the read side answers; each answer has passed the lens and carries the position it is based on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from psycopg import Connection
from psycopg_pool import ConnectionPool

from domain.envelope import Recorded
from domain.events import EVENTS, RecordOpened
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM, nearest, record_stream, split_stream
from domain.organisation import state as organisation
from domain.organisation.state import Organisation
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Kind
from domain.playbook.published import PublishedPlaybook
from domain.record import state as record_state
from domain.record.state import Record, from_json
from domain.refusals import NotFound
from domain.values import ValueRefused, clean_text, moment_text
from projections.as_of import Horizon
from projections.current_records import CurrentRecords
from projections.field_history import OWNER, STAGE, Change, FieldHistory
from projections.lens import Lens, Visible
from projections.ports import Keys, LogReader

NOW = Horizon()
MAX_PAGE = 1_000
MAX_STREAM = 200


class Reads:
    """Answers about records, history, events and boards, as of now or any moment before."""

    def __init__(self, pool: ConnectionPool[Any], log: LogReader, keys: Keys) -> None:
        self._pool = pool
        self._log = log
        self._keys = keys
        self._rests_on: dict[str, Any] = {}

    # ── what answers rest on ─────────────────────────────────────────────────────────────────────────────────────────

    def playbooks(self, horizon: Horizon = NOW) -> Playbooks:
        """Return the playbooks as they were known."""
        if horizon.is_now:
            return cast("Playbooks", self._current(PLAYBOOKS_STREAM, catalogue.fold))
        return catalogue.fold(None, _known(horizon, self._log.stream(PLAYBOOKS_STREAM)))

    def published(self, name: str) -> PublishedPlaybook:
        """Return the version of a playbook that is in force. Raises NotFound, with the nearest name."""
        in_force = self.playbooks().in_force
        if name not in in_force:
            raise NotFound("published playbook", name, nearest(name, in_force))
        return in_force[name]

    def organisation(self, horizon: Horizon = NOW) -> Organisation:
        """Return the organisation as it was known."""
        if horizon.is_now:
            return cast("Organisation", self._current(ORGANISATION_STREAM, organisation.fold))
        return organisation.fold(None, _known(horizon, self._log.stream(ORGANISATION_STREAM)))

    def lens(self, horizon: Horizon = NOW) -> Lens:
        """Return the lens of the viewer, with playbooks and people as of then."""
        return Lens(self._keys.keyring(), self.playbooks(horizon), self.organisation(horizon))

    def _current(self, stream: str, fold: Callable[[Any, Sequence[Recorded]], Any]) -> Any:
        """Return a state every answer rests on, folded again only when its stream has moved."""
        state = self._rests_on.get(stream)
        if state is None or state.version != self._log.version(stream):
            state = self._rests_on[stream] = fold(None, self._log.stream(stream))
        return state

    def _bounded(self, horizon: Horizon) -> Horizon:
        """Fix the last position a horizon sees, so that an answer is of one moment although the log goes on."""
        head = self._log.head()
        position = head if horizon.position is None else min(horizon.position, head)
        if horizon.recorded_by is not None:
            position = self._log.position_at(horizon.recorded_by)
        return replace(horizon, position=position, recorded_by=None)

    def _about(self, horizon: Horizon) -> dict[str, object]:
        """What every answer carries: the position it is based on, and whether the log's time is simulated."""
        about: dict[str, object] = {"as_of_position": horizon.position}
        if horizon.effective_at is not None:
            about["effective_at"] = moment_text(horizon.effective_at)
        if self._log.genesis.clock == "simulated":
            about["simulated"] = True
        return about

    def about_now(self) -> dict[str, object]:
        """What an answer carries that is based on the whole log."""
        return self._about(self._bounded(NOW))

    @contextmanager
    def _snapshot(self, model: str) -> Iterator[tuple[Connection[Any], int]]:
        """Look at a read model and at how far it is, both of the same moment."""
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            row = connection.execute(
                "SELECT position FROM dealtrail_read.cursors WHERE projection = %s", (model,)
            ).fetchone()
            yield connection, int(row["position"]) if row else 0

    # ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def find(self, kind: str, name: str) -> str:
        """Return the stream of a record by its id or its external id. Raises NotFound, with the nearest name."""
        self.playbooks().for_kind(kind)
        try:
            clean_text(name)
        except ValueRefused:
            raise NotFound(kind, name) from None  # no record has a name the database could not even hold
        with self._pool.connection() as connection:
            row = connection.execute(
                "SELECT stream FROM dealtrail_read.current_records WHERE kind = %s AND (stream = %s OR external_id = %s) LIMIT 1",
                (kind, record_stream(kind, name), name),
            ).fetchone()
            if row is not None:
                return str(row["stream"])
            near = connection.execute(
                "SELECT split_part(stream, '/', 2) AS id, external_id FROM dealtrail_read.current_records"
                " WHERE kind = %s AND (stream ILIKE %s OR external_id ILIKE %s) LIMIT 20",
                (kind, f"%{_like(_beginning(name, 6))}%", f"%{_like(_beginning(name, 4))}%"),
            ).fetchall()
        known = [row[name] for name in ("external_id", "id") for row in near if row[name] is not None]
        raise NotFound(kind, name, nearest(name, known))

    def record(self, kind: str, name: str, horizon: Horizon = NOW) -> Visible:
        """Show one record, as of a moment. Raises NotFound, also when the record was not there yet."""
        stream = self.find(kind, name)
        bounded = self._bounded(horizon)
        record = record_state.fold(None, _from_opening(bounded.within(self._log.stream(stream))))
        if record is None:
            raise NotFound(f"{kind} (at that moment)", name)
        lens = self.lens(horizon)
        lens.prepare(record.fields.values())
        leads_to = [*record.fields.values(), *(to for _, to in record.relations)]
        names = self._names(lens, leads_to, horizon, bounded)
        return lens.record(record, names=names, **self._about(bounded))

    def history(self, kind: str, name: str, horizon: Horizon = NOW, field: str | None = None) -> Visible:
        """Show every change of a record, oldest first: who, when, why, old, new, under which rule."""
        stream = self.find(kind, name)
        spec = self.playbooks().for_kind(kind).kind(kind)
        if field is not None and field not in spec.fields and field not in {"stage", "owner"}:
            raise NotFound("field", field, nearest(field, [*spec.fields, "stage", "owner"]))
        wanted = {"stage": STAGE, "owner": OWNER}.get(field or "", field)
        bounded = self._bounded(horizon)
        with self._snapshot(FieldHistory.name) as (connection, reached):
            rows = connection.execute(
                "SELECT position, field, old, new FROM dealtrail_read.field_history"
                " WHERE stream = %s AND (%s::text IS NULL OR field = %s) ORDER BY position, array_position(ARRAY['$stage', '$owner'], field), field",
                (stream, wanted, wanted),
            ).fetchall()
        bounded = replace(bounded, position=min(bounded.position or 0, reached))
        changes: dict[int, list[Change]] = {}
        for row in rows:
            changes.setdefault(row["position"], []).append((row["field"], row["old"], row["new"]))
        events = bounded.within(self._log.stream(stream))
        lens = self.lens(horizon)
        lens.prepare(events)
        shown = [lens.change(event, change) for event in events for change in changes.get(event.position, ())]
        values = (value for row in shown for value in (row.data["old"], row.data["new"]))
        names = self._names(lens, values, horizon, bounded)
        return lens.page(shown, names=names, kind=kind, id=split_stream(stream)[1], **self._about(bounded))

    def events(
        self, *, after: int = 0, limit: int = 100, topic: str | None = None, stream: str | None = None
    ) -> Visible:
        """Show events in log order after a position; of one stream, or of topics that begin with a word."""
        topics = _topics(topic)
        limit = max(1, min(limit, MAX_PAGE))
        bounded = self._bounded(NOW)
        if stream is not None:
            found = [
                event
                for event in bounded.within(self._log.stream(stream))
                if event.position > after and (not topics or event.event.TOPIC in topics)
            ][:limit]
        else:
            found = self._log.after(after, limit, topics=topics, upto=bounded.position)
        lens = self.lens()
        lens.prepare(found)
        following = found[-1].position if len(found) == limit else None
        return lens.page([lens.event(event) for event in found], next=following, **self._about(bounded))

    def _names(
        self, lens: Lens, values: Iterable[object], horizon: Horizon, bounded: Horizon
    ) -> dict[str, str]:
        """Return what people call the people and records that values lead to, as it was known, as far as the viewer may know."""
        targets = {
            value for value in values if isinstance(value, str) and "/" in value and len(value) < MAX_STREAM
        }
        names = {target: name for target in targets if (name := lens.person(target)) is not None}
        left = sorted(targets - names.keys())
        if horizon.is_now:
            with self._pool.connection() as connection:
                rows = connection.execute(
                    "SELECT record FROM dealtrail_read.current_records WHERE stream = ANY(%s)", (left,)
                ).fetchall()
            found = [from_json(row["record"]) for row in rows]
        else:
            folded = (
                record_state.fold(None, _from_opening(_known(bounded, self._log.stream(target))))
                for target in left
            )
            found = [record for record in folded if record is not None]
        lens.prepare(record.fields for record in found)
        return names | {record.stream: name for record in found if (name := lens.title(record)) is not None}

    # ── boards ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def board(self, kind: str, horizon: Horizon = NOW) -> Visible:
        """Show how many records stand in each stage and what they are worth, in total and by region."""
        self.playbooks().for_kind(kind)
        in_force = self.playbooks(horizon)
        if kind not in in_force.by_kind:
            raise NotFound("kind (at that moment)", kind)
        playbook = in_force.for_kind(kind)
        spec = playbook.kind(kind)
        people = self.organisation(horizon)
        money = spec.worth
        records, bounded = self._all(kind, horizon)
        stages = [
            _column(name, spec, [r for r in records if r.stage == name], money, people)
            for name in spec.stages
        ]
        return self.lens(horizon).figures(
            kind=kind,
            label=spec.label.model_dump(),
            playbook=playbook.name,
            playbook_version=playbook.number,
            money_field=money,
            money_label=spec.fields[money].label.model_dump() if money else None,
            currency=spec.fields[money].currency if money else None,
            records=len(records),
            stages=stages,
            **self._about(bounded),
        )

    def records(self, kind: str, horizon: Horizon = NOW) -> list[Record]:
        """Return all records of a kind as of a moment, personal values sealed."""
        return self._all(kind, horizon)[0]

    def _all(self, kind: str, horizon: Horizon) -> tuple[list[Record], Horizon]:
        """All records of a kind, and the horizon they are of: the read model for now, the log for any other moment."""
        if horizon.is_now:
            with self._snapshot(CurrentRecords.name) as (connection, reached):
                rows = connection.execute(
                    "SELECT record FROM dealtrail_read.current_records WHERE kind = %s", (kind,)
                ).fetchall()
            return [from_json(row["record"]) for row in rows], Horizon(position=reached)
        bounded = self._bounded(horizon)
        by_stream: dict[str, list[Recorded]] = {}
        position = 0
        while batch := self._log.after(position, 5_000, upto=bounded.position):
            for recorded in batch:
                if recorded.stream.startswith(f"{kind}/"):
                    by_stream.setdefault(recorded.stream, []).append(recorded)
            position = batch[-1].position
        folded = (
            record_state.fold(None, _from_opening(bounded.within(events))) for events in by_stream.values()
        )
        return [record for record in folded if record is not None], bounded


def _known(horizon: Horizon, events: Sequence[Recorded]) -> list[Recorded]:
    """What was known: rules and people follow the log, never business time."""
    known = Horizon(position=horizon.position, recorded_by=horizon.recorded_by)
    return known.within(events)


def _from_opening(events: Sequence[Recorded]) -> Sequence[Recorded]:
    """Leave out what is said to have happened before the record's opening: there is nothing to fold it into."""
    first = next(
        (index for index, recorded in enumerate(events) if recorded.event.TOPIC == RecordOpened.TOPIC),
        len(events),
    )
    return events[first:]


def _column(
    name: str, spec: Kind, records: Sequence[Record], money: str | None, people: Organisation
) -> dict[str, Any]:
    regions: dict[str, int] = {}
    for record in records:
        region = people.region_of(record.owner or "") or "–"
        regions[region] = regions.get(region, 0) + 1
    amounts = [
        Decimal(str(value["amount"]))
        for r in records
        if money and isinstance(value := r.fields.get(money), dict) and "amount" in value
    ]
    return {
        "stage": name,
        "label": spec.stages[name].label.model_dump(),
        "outcome": spec.stages[name].outcome,
        "records": len(records),
        "amount": str(sum(amounts, Decimal(0))) if money else None,
        "records_with_amount": len(amounts) if money else None,
        "by_region": dict(sorted(regions.items())),
    }


def _topics(topic: str | None) -> list[str]:
    if topic is None:
        return []
    found = [name for name in EVENTS if name == topic or name.startswith(topic + ".")]
    if not found:
        raise NotFound("topic", topic, nearest(topic, EVENTS))
    return found


def _beginning(name: str, length: int) -> str:
    """How a name begins, without its last character: that may be the one that was mistyped."""
    return name[: max(min(length, len(name) - 1), 1)]


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
