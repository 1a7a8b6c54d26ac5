"""Every question the read side answers; each answer has passed the lens and carries the position it is based on."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, cast

from psycopg_pool import ConnectionPool

from domain.envelope import Recorded
from domain.events import EVENTS
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM, nearest, record_stream
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
from projections.field_history import changes_of
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

    def _about(self, horizon: Horizon) -> dict[str, object]:
        """What every answer carries: the position it is based on, and whether the log's time is simulated."""
        head = self._log.head()
        position = head if horizon.position is None else min(horizon.position, head)
        if horizon.recorded_by is not None:
            position = self._log.position_at(horizon.recorded_by)
        about: dict[str, object] = {"as_of_position": position}
        if horizon.effective_at is not None:
            about["effective_at"] = moment_text(horizon.effective_at)
        if self._log.genesis.clock == "simulated":
            about["simulated"] = True
        return about

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
        events = horizon.within(self._log.stream(stream))
        record = record_state.fold(None, _from_opening(events))
        if record is None:
            raise NotFound(f"{kind} (at that moment)", name)
        lens = self.lens(horizon)
        lens.prepare(record.fields.values())
        names = self._names(lens, [*record.fields.values(), *(to for _, to in record.relations)])
        return lens.record(record, names=names, **self._about(horizon))

    def history(self, kind: str, name: str, horizon: Horizon = NOW, field: str | None = None) -> Visible:
        """Show every change of a record, oldest first: who, when, why, old, new, under which rule."""
        stream = self.find(kind, name)
        spec = self.playbooks().for_kind(kind).kind(kind)
        if field is not None and field not in spec.fields and field not in {"stage", "owner"}:
            raise NotFound("field", field, nearest(field, [*spec.fields, "stage", "owner"]))
        wanted = {"stage": "$stage", "owner": "$owner"}.get(field or "", field)
        events = horizon.within(self._log.stream(stream))
        lens = self.lens(horizon)
        lens.prepare(events)
        rows = [
            lens.change(recorded, change)
            for recorded in events
            for change in changes_of(recorded)
            if wanted in (None, change[0])
        ]
        names = self._names(lens, (value for row in rows for value in (row.data["old"], row.data["new"])))
        return lens.page(rows, names=names, kind=kind, id=stream.partition("/")[2], **self._about(horizon))

    def events(
        self,
        *,
        after: int = 0,
        limit: int = 100,
        topic: str | None = None,
        stream: str | None = None,
        horizon: Horizon = NOW,
    ) -> Visible:
        """Show events in log order after a position; of one stream, or of topics that begin with a word."""
        topics = _topics(topic)
        limit = max(1, min(limit, MAX_PAGE))
        if stream is not None:
            found = [
                e
                for e in self._log.stream(stream)
                if e.position > after and (not topics or e.event.TOPIC in topics)
            ][:limit]
        else:
            found = self._log.after(after, limit, topics=topics)
        found = horizon.within(found)
        lens = self.lens(horizon)
        lens.prepare(found)
        following = found[-1].position if len(found) == limit else None
        return lens.page([lens.event(recorded) for recorded in found], next=following, **self._about(horizon))

    def _names(self, lens: Lens, values: Iterable[object]) -> dict[str, str]:
        """Return what people call the people and records that values lead to, as far as the viewer may know."""
        targets = {
            value for value in values if isinstance(value, str) and "/" in value and len(value) < MAX_STREAM
        }
        names = {target: name for target in targets if (name := lens.person(target)) is not None}
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT record FROM dealtrail_read.current_records WHERE stream = ANY(%s)",
                (sorted(targets - names.keys()),),
            ).fetchall()
        records = [from_json(row["record"]) for row in rows]
        lens.prepare(record.fields for record in records)
        return names | {record.stream: name for record in records if (name := lens.title(record)) is not None}

    # ── boards ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def board(self, kind: str, horizon: Horizon = NOW) -> Visible:
        """Show how many records stand in each stage and what they are worth, in total and by region."""
        playbook = self.playbooks(horizon).for_kind(kind)
        spec = playbook.kind(kind)
        people = self.organisation(horizon)
        money = spec.worth
        records = self.records(kind, horizon)
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
            currency=spec.fields[money].currency if money else None,
            records=len(records),
            stages=stages,
            **self._about(horizon),
        )

    def records(self, kind: str, horizon: Horizon = NOW) -> list[Record]:
        """All records of a kind: the read model for now, the log for any other moment."""
        if horizon.is_now:
            with self._pool.connection() as connection:
                rows = connection.execute(
                    "SELECT record FROM dealtrail_read.current_records WHERE kind = %s", (kind,)
                ).fetchall()
            return [from_json(row["record"]) for row in rows]
        by_stream: dict[str, list[Recorded]] = {}
        position = 0
        while batch := self._log.after(position, 5_000, upto=horizon.position):
            for recorded in batch:
                if recorded.stream.startswith(f"{kind}/"):
                    by_stream.setdefault(recorded.stream, []).append(recorded)
            position = batch[-1].position
        folded = (
            record_state.fold(None, _from_opening(horizon.within(events))) for events in by_stream.values()
        )
        return [record for record in folded if record is not None]


def _known(horizon: Horizon, events: Sequence[Recorded]) -> list[Recorded]:
    """What was known: rules and people follow the log, never business time."""
    known = Horizon(position=horizon.position, recorded_by=horizon.recorded_by)
    return known.within(events)


def _from_opening(events: Sequence[Recorded]) -> Sequence[Recorded]:
    """Leave out what is said to have happened before the record's opening: there is nothing to fold it into."""
    first = next(
        (index for index, recorded in enumerate(events) if recorded.event.TOPIC == "record.opened.v1"),
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
