"""The law of assignment: every recorded search for an owner, decided again on what was recorded then, finds the same person by the same reasons."""

from collections.abc import Callable, Iterator

import orjson

from domain.assigning.commands import AssignRecord
from domain.assigning.events import PoolAssigned
from domain.playbook.catalogue import Playbooks
from projections.ledger.running import Cancelled
from projections.ports import Revealer
from projections.replay.asking import Window
from projections.replay.assignment.counted import Counts
from projections.replay.assignment.deciding import Grounds, Judging, decided, siblings_of
from projections.replay.assignment.recorded import Recorded
from projections.replay.assignment.told import Deed, Pools, Told
from projections.replay.law import LawFigures
from projections.replay.verdicts import Law


def law_of_kind(
    told: Told,
    recorded: Recorded,
    playbooks: Playbooks,
    keyring: Revealer,
    window: Window,
    cancelled: Callable[[], bool] | None = None,
) -> LawFigures:
    """Decide every recorded search of a window again, each on everything recorded before it, by the version it names.

    Whatever a search stands on was unmoved when it was appended, so it is what stood right before it; counts are as of what it names.
    """
    counts = dict.fromkeys(Law, 0)
    different = []
    for position, law in _judged(told, recorded, playbooks, keyring, window, cancelled):
        counts[law] += 1
        if law is Law.different:
            different.append(position)
    return LawFigures(sum(counts.values()), counts[Law.reproduced], counts[Law.erased], different)


def _judged(
    told: Told,
    recorded: Recorded,
    playbooks: Playbooks,
    keyring: Revealer,
    window: Window,
    cancelled: Callable[[], bool] | None,
) -> Iterator[tuple[int, Law]]:
    pools, counting = Pools(), recorded.counts
    for deed in recorded.deeds:
        if deed.position > window.upto:
            return
        if deed.is_search and deed.position > window.after:
            if cancelled is not None and cancelled():
                raise Cancelled
            yield deed.position, _law(told, recorded, playbooks, keyring, pools, counting, deed)
        pools.happen(deed)


def _law(
    told: Told,
    recorded: Recorded,
    playbooks: Playbooks,
    keyring: Revealer,
    pools: Pools,
    counting: Counts,
    deed: Deed,
) -> Law:
    rules = playbooks.versions.get((deed.playbook or "", deed.playbook_version or 0))
    before = deed.position - 1
    record = recorded.histories.as_of(deed.record, before)
    if rules is None or record is None:
        return Law.different
    judge = Judging(rules, record, deed.decided_at, keyring)
    on = Grounds(record, told.organised.as_of(before), pools, counting, deed.decided_at)
    command = AssignRecord(deed.pool, deed.record, deed.attempt, deed.cause)
    found = decided(command, judge, on, siblings_of(playbooks, deed.kind, deed.position))
    if found is not None and same(found, deed):
        return Law.reproduced
    return Law.erased if judge.erased else Law.different


def same(found: PoolAssigned, deed: Deed) -> bool:
    """Tell whether a search comes out as recorded: the same person by the same rule, and everybody judged for the same reasons."""
    told = deed.outcome
    assert told is not None
    return (found.rule, found.person, found.fallback) == (told.rule, told.person, told.fallback) and (
        _text(found.candidates) == _text(list(told.candidates))
    )


def _text(candidates: object) -> bytes:
    return orjson.dumps(candidates, option=orjson.OPT_SORT_KEYS)
