"""What a draft would have decided in a window: its worker is asked whenever the recorded one was, and wherever it alone would have asked.

The order is that of the worker: searches follow the events that cause them, in the order of the log. A search that was recorded is decided
on what stood right before it and at its moment. One that only the draft makes is decided at once: on everything up to its cause, or up to
the search before it where that is further.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.assigning.commands import AssignRecord
from domain.assigning.events import PoolAssigned
from domain.playbook.catalogue import Playbooks
from domain.playbook.publish import digest
from domain.playbook.published import PublishedPlaybook
from domain.refusals import NotFound
from projections.ledger.running import Cancelled
from projections.ports import Revealer
from projections.replay.asking import Ask
from projections.replay.assignment.deciding import (
    Grounds,
    Judging,
    decided,
    has_ended,
    offered,
    siblings_of,
    unknown_then,
    without_waiting,
)
from projections.replay.assignment.lawful import same
from projections.replay.assignment.occasions import Occasion
from projections.replay.assignment.told import Deed, Told
from projections.replay.assignment.world import Moments, World
from projections.replay.histories import Histories


@dataclass(frozen=True)
class Row:
    """One search of the draft beside the recorded one: either may be missing.

    `pool` is where the draft searched, `found` what it found (None: it would not have searched, or found nobody again).
    `passed_to` is the pool it was passed on to; `owned_by` who has the record already; `unknown` is what nobody can judge it by,
    `left_out` why there would have been no search, and `because` why there was one: the record `enters`, was `passed on`, or was `tried again`.
    """

    record: str
    at: datetime
    was: Deed | None
    pool: str | None = None
    found: PoolAssigned | None = None
    passed_to: str | None = None
    owned_by: str | None = None
    unknown: tuple[str, ...] = ()
    left_out: str | None = None
    because: str = "enters"


@dataclass
class Drafting:
    """One kind under a draft, on its way through a window."""

    told: Told
    kind: str
    playbooks: Playbooks
    draft: PublishedPlaybook
    ask: Ask
    keyring: Revealer
    histories: Histories
    world: World
    moments: Moments
    searches: Mapping[int, list[Deed]]
    occasions: Mapping[int, Occasion]
    ticks: Iterable[datetime]
    in_scope: Callable[[Judging], bool]
    cancelled: Callable[[], bool] | None = None
    rows: list[Row] = field(default_factory=list)
    differs: bool = False
    _now: datetime | None = None
    _passed: dict[tuple[str, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Work out once what stays the same for every search."""
        self._catalogues: dict[int, Playbooks] = {}
        self._siblings = siblings_of(self.playbooks, self.kind, self.ask.window.upto + 1, self.draft)
        self._digest = digest(self.draft)
        self._is_full: dict[str, bool] = {}
        self._left: list[Deed] = []
        self._causes: list[int] = []
        passing = [deed for deed in self.told.deeds if deed.outcome is not None and deed.outcome.is_passed_on]
        self._passing = {deed.position for deed in passing}
        # What was passed on before the window is on its way; where the recorded worker never asked, nothing came of it.
        for deed in passing:
            if deed.position <= self.ask.window.after and deed.position in self.searches:
                then = self.playbooks.versions[deed.playbook or "", deed.playbook_version or 0]
                fallback = then.document.pools[deed.pool].fallback
                if fallback is not None and fallback.pool is not None:
                    self._passed[deed.record, deed.position] = fallback.pool

    def run(self) -> list[Row]:
        """Go through the window; return a row for each search, recorded or drafted, in the order they are made."""
        self.world.advance(self.ask.window.after)
        by_tick: dict[int, list[datetime]] = {}
        for moment in self.ticks:
            by_tick.setdefault(self.moments.last_by(moment), []).append(moment)
        self._causes = list({*self.searches, *self.occasions, *by_tick})
        heapq.heapify(self._causes)
        done = -1
        while self._causes:
            cause = heapq.heappop(self._causes)
            if cause == done and not self._pending(cause):
                continue
            if self.cancelled is not None and self.cancelled():
                raise Cancelled
            if cause != done:
                self._left = list(self.searches.get(cause, ()))
                self._at_cause(cause)
            self._pass_on(cause)
            if cause != done:
                for moment in by_tick.get(cause, ()):
                    self._try_again(cause, sorted(self._siblings), moment)
                    self._pass_on(cause)
            done = cause
        return self.rows

    # ── who is asked for ─────────────────────────────────────────────────────────────────────────────────────────────

    def _at_cause(self, cause: int) -> None:
        occasion = self.occasions.get(cause)
        if occasion is not None and occasion.entering is not None:
            self._search(occasion.entering, cause)
        if occasion is not None and (occasion.may_find or occasion.makes_room):
            if occasion.may_find:
                self._try_again(cause, sorted(self._siblings))
            else:
                self._try_again(cause, sorted(self._with_capacity()), only_full=True)
        for deed in list(self._left):
            if deed in self._left:
                self._search(deed.record, cause)

    def _with_capacity(self) -> Iterator[str]:
        for name, pool in self.draft.document.pools.items():
            if pool.kind == self.kind and any(rule.capacity is not None for rule in pool.rules.values()):
                yield name

    def _try_again(
        self, cause: int, pools: Iterable[str], moment: datetime | None = None, *, only_full: bool = False
    ) -> None:
        """Ask for what waits, in the order in which it came to wait; `only_full`: not where room helps nobody."""
        for name in pools:
            for record in self.world.pools.state(name).waiting:
                if only_full and not self._is_full.get(record, True) and not self._was_searched(record):
                    continue
                if self.world.owner(record) is None:
                    self._search(record, cause, moment)

    def _was_searched(self, record: str) -> bool:
        return any(deed.record == record for deed in self._left)

    def _pending(self, cause: int) -> list[str]:
        return [record for record, place in self._passed if place == cause]

    def _pass_on(self, cause: int) -> None:
        """Ask the pools that records were passed on to at this place, where the recorded worker did not."""
        while pending := self._pending(cause):
            for record in pending:
                self._search(record, cause)
                self._passed.pop((record, cause), None)

    # ── one search ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _search(self, record: str, cause: int, moment: datetime | None = None) -> None:
        """Ask for an owner because of an event: as was recorded, where it was."""
        was = next((deed for deed in self._left if deed.record == record), None)
        if was is not None:
            self._left.remove(was)
            self.world.advance(was.position - 1)
            at = was.decided_at
        else:
            self.world.advance(cause)
            known = moment or self.moments.at(cause)
            at = known if self._now is None else max(known, self._now)
        to = self._passed.pop((record, cause), None)
        if was is None and self.world.owner(record) is not None:
            return
        found = self.histories.as_of(record, max(self.world.position, cause))
        if found is None:
            return
        judge = Judging(self.draft, replace(found, owner=self.world.owner(record)), at, self.keyring)
        then = self._then(judge, was)
        if was is None and (then is None or not self.in_scope(judge)):
            return
        if was is None and not self.differs and digest(then) == self._digest:  # type: ignore[arg-type]
            return  # the same rules in the same world: what they did not do then, they would not do now
        self._now = at
        row = self._row(judge, was, to, cause, then)
        if row is not None:
            self.rows.append(row)

    def _then(self, judge: Judging, was: Deed | None) -> PublishedPlaybook | None:
        """The version a record followed; None where that is one of another playbook, or none at all."""
        if was is not None:
            return self.playbooks.versions.get((was.playbook or "", was.playbook_version or 0))
        known = {
            key: version
            for key, version in self.playbooks.versions.items()
            if version.position <= self.world.position
        }
        try:
            found = self._as_of(len(known), known).at(judge.at).for_record(self.kind, judge.record.fields, {})
        except NotFound:
            return None
        return found if found.name == self.draft.name else None

    def _as_of(self, many: int, known: Mapping[tuple[str, int], PublishedPlaybook]) -> Playbooks:
        if many not in self._catalogues:
            self._catalogues[many] = Playbooks(many, dict(known))
        return self._catalogues[many]

    def _row(
        self, judge: Judging, was: Deed | None, to: str | None, cause: int, then: PublishedPlaybook | None
    ) -> Row | None:
        record, world = judge.record.stream, self.world
        owner = world.owner(record)

        def left_out(why: str, **about: object) -> Row | None:
            self.differs = self.differs or was is not None
            return None if was is None else Row(record, judge.at, was, left_out=why, **about)  # type: ignore[arg-type]

        if owner is not None:
            return left_out("owned already", owned_by=owner)
        if self.kind not in self.draft.document.kinds:
            return left_out("no pool")
        if has_ended(judge):
            return left_out("ended")
        if was is not None and to is None and self._was_passed_on(was):
            return left_out("not passed on")
        pool = to if to is not None else self._pool(judge)
        if pool is None or pool not in self.draft.document.pools:
            unknown = unknown_then((), None, judge, then)
            return self._unjudged(judge, was, unknown) if unknown else left_out("no pool")
        state = world.pools.state(pool)
        waits = state.entry(record).waiting_since is not None
        world.pools.states[pool] = without_waiting(state, record)
        command = AssignRecord(pool, record, state.entry(record).attempts + 1, cause)
        on = Grounds(
            judge.record, self.told.organised.as_of(world.position), world.pools, world.counts, judge.at
        )
        found = decided(command, judge, on, self._siblings)
        world.pools.states[pool] = state
        unknown = unknown_then([pool], found, judge, then)
        if unknown or judge.erased:
            return self._unjudged(judge, was, unknown)
        if found is None:
            return left_out("not asked again")
        passed_to = None
        if found.person is None and found.fallback:
            fallback = self.draft.document.pools[pool].fallback
            passed_to = None if fallback is None else fallback.pool
        if found.person is None:
            self._is_full[record] = "at capacity" in {
                told["why"] for told in found.candidates if isinstance(told, dict)
            }
        if found.person is None and passed_to is None and waits:
            # Said already: nothing is added to the log, and whoever was judged is told beside the recorded search only.
            self.differs = self.differs or was is not None
            return None if was is None else Row(record, judge.at, was, pool, found)
        place = cause if was is None else was.position
        world.choose(pool, found, place, judge.at, cause, recorded=was is not None)
        if passed_to is not None:
            self._passed[record, place] = passed_to
            heapq.heappush(self._causes, place)
        self.differs = self.differs or was is None or pool != was.pool or not same(found, was)
        because = "passed on" if to is not None else "tried again" if waits else "enters"
        return Row(record, judge.at, was, pool, found, passed_to, because=because)

    def _unjudged(self, judge: Judging, was: Deed | None, unknown: list[str]) -> Row | None:
        """What nobody can judge stays as recorded; where nothing was recorded, nothing is said."""
        if was is None:
            return None
        self.world.take_as_recorded(was)
        told = was.outcome
        assert told is not None
        return Row(judge.record.stream, judge.at, was, unknown=tuple(unknown) or ("erased",))

    def _was_passed_on(self, was: Deed) -> bool:
        """Tell whether a recorded search was made only because another pool passed the record on."""
        return was.cause in self._passing

    def _pool(self, judge: Judging) -> str | None:
        """The pool a record waits in, which may be one it was passed on to, else the one it enters; None where that assigns nobody."""
        names = offered(judge)
        waits_in = [
            name
            for name in names
            if self.world.pools.state(name).entry(judge.record.stream).waiting_since is not None
        ]
        pools = self.draft.document.pools
        for name in (*waits_in, *names)[:1]:
            if pools[name].rules or pools[name].fallback:
                return name
        return None
