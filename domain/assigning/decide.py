"""Decisions of a pool: who gets a record, who may claim one, when it goes back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from domain.assigning.candidates import (
    Circumstances,
    Found,
    claimed_today,
    first_found,
    turn_of_role,
)
from domain.assigning.commands import AssignRecord, ClaimRecord, PoolCommand, RecycleRecord, ReturnRecord
from domain.assigning.counting import Counting
from domain.assigning.events import PoolAssigned, PoolClaimed, PoolRecycled, PoolReturned
from domain.assigning.places import Judge, is_open, reached
from domain.assigning.state import PoolState
from domain.envelope import Recorded
from domain.event import Event
from domain.events import OwnerChanged, RecordOpened
from domain.naming import split_stream
from domain.organisation.state import Organisation
from domain.playbook.check_pools import pool_rule_place
from domain.playbook.model import Kind, Playbook
from domain.playbook.pools import Pool
from domain.playbook.published import KindMappings
from domain.record.state import Record
from domain.refusals import InvalidCommand, NotAllowed, Problem


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision of a pool stands on: the record as its playbook reads it, the pool, the organisation, all as of the basis.

    `adopts` says where the playbook reads what is gone from the kind.
    `siblings` are the other pools of the kind, and `counting` is needed to assign. `judge` judges a rule of the playbook over the record; `history` are the record's events; `who` asks, a person or a part of the system.
    """

    record: Record
    playbook: Playbook
    adopts: KindMappings
    pool: PoolState
    siblings: Sequence[PoolState]
    people: Organisation
    counting: Counting | None
    judge: Judge
    history: Sequence[Recorded]
    at: datetime
    who: str
    may_organise: bool

    @property
    def kind(self) -> Kind:
        """The kind of the record."""
        return self.playbook.kinds[self.record.kind]

    @property
    def zone(self) -> ZoneInfo:
        """The time zone days are counted in."""
        return ZoneInfo(self.playbook.time_zone)

    @property
    def pools(self) -> tuple[PoolState, ...]:
        """Every pool of the kind: what one of them gave counts in the others too."""
        return (self.pool, *self.siblings)

    @property
    def had_by(self) -> frozenset[str]:
        """Who gave the record back or lost it, whichever pool it was in."""
        return frozenset[str]().union(*(pool.entry(self.record.stream).had_by for pool in self.pools))

    def gained_after(self, position: int) -> Mapping[str, int]:
        """How many records of the kind more each person has by what its pools did after a position."""
        found = Counter[str]()
        for pool in self.pools:
            found.update(pool.gained_after(position))
        return found


def decide(command: PoolCommand, about: Situation) -> list[tuple[str, Event]]:
    """Decide what happens to a record in a pool: events, each with whether it belongs to the `pool` or to the `record`."""
    pool = about.playbook.pools[command.pool]
    match command:
        case AssignRecord():
            return _assign(command, pool, about)
        case ClaimRecord():
            return _claim(command, pool, about)
        case ReturnRecord():
            return _return(command, about)
        case RecycleRecord():
            return _recycle(command, pool, about)


# ── assigning ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _assign(command: AssignRecord, pool: Pool, about: Situation) -> list[tuple[str, Event]]:
    """Give a record to somebody, pass it on to another pool, or say once that nobody was found."""
    record, entry = about.record, about.pool.entry(command.record)
    if record.owner is not None or not is_open(record, about.kind) or entry.asked_at >= command.as_of:
        return []
    if any(command.as_of < pool.asked_up_to for pool in about.pools):
        return []  # what moved between that cause and the newer one is not known any more: too many could be given
    if command.pool not in reached(record, about.playbook, about.judge):
        return []
    assert about.counting is not None
    circumstances = Circumstances(
        record=record,
        kind=about.kind,
        adopts=about.adopts,
        pool=about.pool,
        people=about.people,
        counting=about.counting,
        applies=lambda rule: (
            pool.rules[rule].when is None or about.judge(pool_rule_place(command.pool, rule))
        ),
        gained=about.gained_after(command.as_of),
        had_by=about.had_by,
        attempt=command.attempt,
        as_of=command.as_of,
        at=about.at,
        zone=about.zone,
    )
    rule, found = first_found(pool, circumstances)
    is_fallback = rule is None
    if rule is None:
        found = _fallen_back(pool, found, circumstances)
    passed_on = found.person is None and pool.fallback is not None and pool.fallback.pool is not None
    if found.person is None and not passed_on and entry.waiting_since is not None:
        return []  # that nobody was found is said already
    assigned = PoolAssigned(
        record=command.record,
        rule=rule,
        attempt=command.attempt,
        person=found.person,
        fallback=is_fallback and (found.person is not None or passed_on),
        candidates=[*found.judged],
    )
    if found.person is None:
        return [("pool", assigned)]
    return [("pool", assigned), ("record", OwnerChanged(None, found.person))]


def _fallen_back(pool: Pool, found: Found, about: Circumstances) -> Found:
    """Whom the pool names for what no rule finds anybody for, where they are there."""
    fallback = pool.fallback
    if fallback is None:
        return found
    if fallback.role is not None:
        by_turns = turn_of_role(fallback.role, about)
        return Found(by_turns.person, (*found.judged, *by_turns.judged))
    if fallback.person is None:
        return found
    person = about.people.stand_in_for(fallback.person, about.at)
    if person is not None:
        return Found(person, (*found.judged, {"person": person, "fallback": True, "why": "chosen"}))
    why = "away" if about.people.is_active(fallback.person) else "left"
    return Found(None, (*found.judged, {"person": fallback.person, "fallback": True, "why": why}))


# ── claiming, returning, recycling ───────────────────────────────────────────────────────────────────────────────────


def _claim(command: ClaimRecord, pool: Pool, about: Situation) -> list[tuple[str, Event]]:
    if split_stream(about.who)[0] != "person":
        raise InvalidCommand([Problem("", "people claim records; a part of the system cannot own one")])
    problems = _outside(command, about)
    if pool.claim is None:
        problems.append(Problem("", f"nobody claims from the pool {command.pool!r}; its rules assign"))
    if about.record.owner == about.who:
        return []
    if about.record.owner is not None:
        problems.append(Problem("/record", "somebody owns it already"))
    if not about.people.is_active(about.who):
        problems.append(Problem("", "only who works here claims"))
    limit = None if pool.claim is None else pool.claim.per_day
    if limit is not None and claimed_today(about.pool, about.who, about.at, about.zone) >= limit:
        problems.append(Problem("", f"{limit} claims a day are the limit, and they are used up for today"))
    if problems:
        raise InvalidCommand(problems)
    return [
        ("pool", PoolClaimed(command.record, about.who)),
        ("record", OwnerChanged(None, about.who)),
    ]


def _return(command: ReturnRecord, about: Situation) -> list[tuple[str, Event]]:
    owner = about.record.owner
    if owner is None:
        return []
    if about.who != owner and not about.may_organise:
        raise NotAllowed("organise")
    problems = _outside(command, about)
    if problems:
        raise InvalidCommand(problems)
    return [("pool", PoolReturned(command.record, owner)), ("record", OwnerChanged(owner, None))]


def _recycle(command: RecycleRecord, pool: Pool, about: Situation) -> list[tuple[str, Event]]:
    owner, days = about.record.owner, None if pool.claim is None else pool.claim.recycle_after_days
    if owner is None or days is None or _outside(command, about):
        return []
    if about.at - untouched_since(about.record, about.history) < timedelta(days=days):
        return []
    return [("pool", PoolRecycled(command.record, owner, days)), ("record", OwnerChanged(owner, None))]


def untouched_since(record: Record, history: Sequence[Recorded]) -> datetime:
    """Return since when nobody was in touch: the last touch, or when the owner got the record if that is later.

    A touch whose moment is unknown counts from when it was noted.
    """
    begins = [
        event.recorded_at
        for event in history
        if isinstance(event.event, RecordOpened)
        or (isinstance(event.event, OwnerChanged) and event.event.after is not None)
    ]
    touched = [touch.at for touch in record.touches if touch.at is not None]
    unknown = {touch.id for touch in record.touches if touch.at is None}
    noted = [event.recorded_at for event in history if getattr(event.event, "touch", None) in unknown]
    return max([*begins, *touched, *noted])


def _outside(command: PoolCommand, about: Situation) -> list[Problem]:
    """Tell when a record has no place in the pool: it ended, or the pool is for others."""
    problems = []
    if not is_open(about.record, about.kind):
        problems.append(Problem("/record", "it has ended; reopen it first"))
    if command.pool not in reached(about.record, about.playbook, about.judge):
        problems.append(Problem("/record", f"the pool {command.pool!r} is not for this record"))
    return problems
