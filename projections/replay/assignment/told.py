"""What the ledger says about pools, and about the records and people their decisions stand on, as plain rows in the order of the log."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson
import polars as pl

from domain.assigning.events import PoolAssigned, PoolClaimed, PoolRecycled, PoolReturned
from domain.assigning.state import PoolState, fold
from domain.envelope import Recorded
from domain.event import Event
from domain.naming import pools_stream
from domain.organisation.state import Organisation, evolve
from domain.values import Stored
from projections.ledger.organisation import organisation_events
from projections.ledger.view import View


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a decision. Nothing that judges it again may look at it."""

    rule: str | None
    person: str | None
    fallback: bool
    candidates: Sequence[Stored]

    @property
    def is_passed_on(self) -> bool:
        """Whether the record was passed on to another pool."""
        return self.person is None and self.fallback


@dataclass(frozen=True, slots=True)
class Deed:
    """What a pool did: looked for an owner (`asked` because of the event at `cause`), or a record was claimed, returned or recycled.

    `outcome` is that of a search; `person` whoever claimed, had or lost the record.
    """

    position: int
    record: str
    kind: str
    pool: str
    event: str
    cause: int
    attempt: int
    decided_at: datetime
    recorded_at: datetime
    playbook: str | None
    playbook_version: int | None
    person: str | None
    days: int
    outcome: Outcome | None

    @property
    def is_search(self) -> bool:
        """Whether an owner was looked for."""
        return self.outcome is not None

    def happened(self, person: str | None) -> Event:
        """The event it was, with whoever it was about."""
        assert person is not None
        match self.event:
            case "claimed":
                return PoolClaimed(self.record, person)
            case "returned":
                return PoolReturned(self.record, person)
            case _:
                return PoolRecycled(self.record, person, self.days)

    def found(self) -> PoolAssigned:
        """The event of a search, as it was recorded."""
        told = self.outcome
        assert told is not None
        return PoolAssigned(
            self.record, told.rule, self.attempt, told.person, told.fallback, list(told.candidates)
        )


@dataclass(frozen=True, slots=True)
class Handover:
    """That somebody else, or nobody, answers for a record from a position on; `before` is who did, None also where it was only opened."""

    position: int
    record: str
    before: str | None
    owner: str | None
    recorded_at: datetime
    at_opening: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """That a record came into a step."""

    position: int
    record: str
    step: str
    entered_at: datetime | None
    recorded_at: datetime
    at_opening: bool


@dataclass(frozen=True, slots=True)
class Change:
    """That a field of a record got a value."""

    position: int
    record: str
    field: str
    value: Stored
    recorded_at: datetime
    at_opening: bool


class Organised:
    """The organisation as of any position, folded once."""

    def __init__(self, events: Iterable[Recorded]) -> None:
        self.events = tuple(events)
        self._positions: list[int] = []
        self._states = [Organisation()]
        for recorded in self.events:
            self._positions.append(recorded.position)
            self._states.append(evolve(self._states[-1], recorded))

    def as_of(self, position: int) -> Organisation:
        """Return who worked where, and who was away, after everything up to a position."""
        return self._states[bisect_right(self._positions, position)]


@dataclass(frozen=True)
class Told:
    """Everything the ledger says that concerns the pools of one log."""

    view: View

    @cached_property
    def deeds(self) -> tuple[Deed, ...]:
        """What pools did, in the order of the log."""
        rows = self.view.scan("assignments").collect().sort("position")
        return tuple(map(_deed, rows.iter_rows(named=True)))

    @cached_property
    def organised(self) -> Organised:
        """The organisation, as of any position."""
        return Organised(organisation_events(self.view))

    @cached_property
    def publications(self) -> tuple[tuple[int, datetime], ...]:
        """Where and when playbooks were published."""
        rows = self.view.scan("publications").select("position", "recorded_at").collect().sort("position")
        return tuple(rows.iter_rows())

    def handovers(self, kind: str) -> list[Handover]:
        """Who answered for the records of a kind, in the order of the log."""
        rows = (
            self.view.scan("owners", kind=kind)
            .select("record", "position", "owner", "recorded_at")
            .collect()
            .sort("record", "position")
        )
        before: dict[str, str | None] = {}
        found = []
        for record, position, owner, recorded_at in rows.iter_rows():
            found.append(
                Handover(
                    position, record, before.get(record), owner, recorded_at, at_opening=record not in before
                )
            )
            before[record] = owner
        return sorted(found, key=lambda handover: handover.position)

    def entries(self, kind: str) -> list[Entry]:
        """When the records of a kind came into which step, in the order of the log."""
        columns = ("position", "record", "step", "entered_at", "entered_recorded_at", "ordinal")
        rows = self.view.scan("visits", kind=kind).select(columns).collect().sort("position")
        return [
            Entry(position, record, step, entered_at, recorded_at, at_opening=ordinal == 1)
            for position, record, step, entered_at, recorded_at, ordinal in rows.iter_rows()
        ]

    def changes(self, kind: str, fields: Iterable[str]) -> list[Change]:
        """What some fields of the records of a kind got which values, in the order of the log."""
        rows = self.view.scan("field_changes", kind=kind).filter(pl.col("field").is_in(sorted(fields)))
        columns = ("position", "record", "field", "new", "recorded_at", "at_opening")
        found = rows.select(columns).collect().sort("position", "field")
        return [
            Change(
                position, record, field, None if new is None else orjson.loads(new), recorded_at, at_opening
            )
            for position, record, field, new, recorded_at, at_opening in found.iter_rows()
        ]


def _deed(row: dict[str, Any]) -> Deed:
    outcome = None
    if row["event"] == "assigned":
        listed = () if row["candidates"] is None else tuple(orjson.loads(row["candidates"]))
        outcome = Outcome(row["rule"], row["person"], bool(row["fallback"]), listed)
    return Deed(
        position=row["position"],
        record=row["record"],
        kind=row["kind"],
        pool=row["pool"],
        event=row["event"],
        cause=row["cause"] or 0,
        attempt=row["attempt"] or 0,
        decided_at=row["decided_at"],
        recorded_at=row["recorded_at"],
        playbook=row["playbook"],
        playbook_version=row["playbook_version"],
        person=row["person"],
        days=row["days"] or 0,
        outcome=outcome,
    )


class Pools:
    """What each pool knows of its past, after everything it was told; folded by the domain's own function."""

    def __init__(self) -> None:
        self.states: dict[str, PoolState] = {}

    def state(self, pool: str) -> PoolState:
        """Return a pool as it is now."""
        return self.states.get(pool, PoolState())

    def take(self, pool: str, event: Event, position: int, at: datetime, cause: int) -> None:
        """Let something happen in a pool."""
        known = self.state(pool)
        recorded = Recorded(
            stream=pools_stream(pool),
            version=known.version + 1,
            position=position,
            event=event,
            recorded_at=at,
            occurred_at=at,
            decided_at=at,
            basis=position,
            actor="",
            channel="",
            command_id="",
            causation_id=str(cause),
        )
        self.states[pool] = fold(known, [recorded])

    def happen(self, deed: Deed) -> None:
        """Let something happen as it was recorded."""
        event = deed.found() if deed.is_search else deed.happened(deed.person)
        self.take(deed.pool, event, deed.position, deed.decided_at, deed.cause)
