"""One decision, judged again: the domain's own function on what was recorded, or on what a draft would have made of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from domain.assigning.commands import AssignRecord
from domain.assigning.counting import Counting
from domain.assigning.decide import Situation, decide
from domain.assigning.events import PoolAssigned
from domain.assigning.places import is_open, reached
from domain.assigning.state import PoolState
from domain.facts import Erased
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.playbook.check_pools import pool_rule_place
from domain.playbook.pools import AssignmentRule, Pool
from domain.playbook.published import NOTHING_MAPPED, KindMappings, PublishedPlaybook
from domain.record.adoption import adopted
from domain.record.gates import judged
from domain.record.state import Record
from domain.values import Stored
from projections.ports import Revealer
from projections.replay.assignment.told import Pools

ACTOR = "system/assignment"


@dataclass(frozen=True)
class Grounds:
    """What a decision stands on: the record, who works here, what the pools know, and what is counted; the moment it is made at."""

    record: Record
    people: Organisation
    pools: Pools
    counting: Counting
    at: datetime


@dataclass
class Judging:
    """The rules of one version, asked over one record; it notes what stood in the way of judging them.

    `asked` are the places that were judged, `erased` says whether any rested on what nobody can read any more.
    """

    rules: PublishedPlaybook
    record: Record
    at: datetime
    keyring: Revealer
    asked: set[str] = field(default_factory=set)
    erased: bool = False

    @cached_property
    def read(self) -> Record:
        """The record as the version reads it."""
        return adopted(self.record, self.rules)

    def __call__(self, place: str) -> bool:
        """Judge the rule at a place; unknown is no."""
        self.asked.add(place)
        return judged(self.rules, place, self.read, self.at, self._reveal) is True

    def _reveal(self, stream: str, name: str, stored: Stored) -> Stored | Erased:
        found = self.keyring.reveal(stream, name, stored)
        self.erased = self.erased or isinstance(found, Erased)
        return found


def offered(judge: Judging) -> list[str]:
    """Return the pool a record enters, and those it may be passed on to from there, as a version has them."""
    return list(reached(judge.read, judge.rules.document, judge))


def has_ended(judge: Judging) -> bool:
    """Tell whether a record is on its way no longer, as a version reads it."""
    read = judge.read
    return not is_open(read, judge.rules.document.kinds[read.kind])


def decided(command: AssignRecord, judge: Judging, on: Grounds, siblings: Iterable[str]) -> PoolAssigned | None:  # fmt: skip
    """Decide a search again; None where nothing would have come of it. `siblings` are the pools of the kind, this one or not."""
    document, kind = judge.rules.document, on.record.kind
    if kind not in document.kinds or command.pool not in document.pools:
        return None
    happened = decide(
        command,
        Situation(
            record=judge.read,
            playbook=document,
            adopts=judge.rules.adopts.get(kind, NOTHING_MAPPED),
            pool=on.pools.state(command.pool),
            siblings=[on.pools.state(name) for name in sorted(set(siblings) - {command.pool})],
            people=on.people,
            counting=on.counting,
            judge=judge,
            history=(),
            at=on.at,
            who=ACTOR,
            may_organise=False,
        ),
    )
    found = [event for of, event in happened if of == "pool"]
    assert not found or isinstance(found[0], PoolAssigned)
    return found[0] if found else None  # type: ignore[return-value]


def without_waiting(pool: PoolState, record: str) -> PoolState:
    """Return a pool that has not said yet that nobody was found for a record: asked so, it says who was judged."""
    entry = replace(pool.entry(record), waiting_since=None)
    return replace(pool, entries=pool.entries.changed({record: entry}))


def siblings_of(
    playbooks: Playbooks, kind: str, before: int, draft: PublishedPlaybook | None = None
) -> frozenset[str]:
    """Name every pool of a kind that was published before a position, and those of a draft."""
    versions = [version for version in playbooks.versions.values() if version.position < before]
    return frozenset(
        name
        for version in (*versions, *([] if draft is None else [draft]))
        for name, pool in version.document.pools.items()
        if pool.kind == kind
    )


# ── what nobody asked for then ───────────────────────────────────────────────────────────────────────────────────────


def unknown_then(
    pools: Iterable[str], found: PoolAssigned | None, judge: Judging, then: PublishedPlaybook | None
) -> list[str]:
    """Name the fields a decision under a draft hangs on that no playbook asked for then, or whose value nobody knew."""
    read, told = judge.read, judge.rules.adopts.get(judge.record.kind, NOTHING_MAPPED)
    asked = set[str]()
    for place in judge.asked:
        rule = judge.rules.rules.get(place)
        asked |= rule.fields if rule is not None else frozenset()
    for name in pools:
        pool = judge.rules.document.pools[name]
        for tried in _tried(name, pool, found, judge):
            who = tried.candidates
            asked |= {*([who.region_of] if who.region_of else []), *who.skills_of}
    known = _known(then, judge.record.kind, told)
    return sorted(
        name for name in asked if read.fields.get(name) is None and (name in read.unknown or not known(name))
    )


def _tried(name: str, pool: Pool, found: PoolAssigned | None, judge: Judging) -> Iterator[AssignmentRule]:
    """The rules that were tried: those that applied, up to the one that found somebody."""
    for rule_name, rule in pool.rules.items():
        place = pool_rule_place(name, rule_name)
        if rule.when is None or (place in judge.asked and judge(place)):
            yield rule
        if found is not None and found.rule == rule_name:
            return


def _known(then: PublishedPlaybook | None, kind: str, told: KindMappings) -> Callable[[str], bool]:
    names: Mapping[str, object] = {}
    if then is not None and kind in then.document.kinds:
        names = then.document.kinds[kind].fields
    there = {told.field(name) for name in names} | set(names)
    return lambda name: name in there
