"""Where a record without an owner is: in which pools of its kind it waits, and from which of them people claim."""

from collections.abc import Callable, Iterator

from domain.playbook.check_pools import pool_place
from domain.playbook.model import Kind, Playbook
from domain.record.state import Record

Judge = Callable[[str], bool]
"""Tells whether the rule at a place of the playbook holds for the record; unknown is no."""


def entered(record: Record, playbook: Playbook, judge: Judge) -> str | None:
    """Return the pool a record enters while nobody owns it: the first of its kind whose condition holds."""
    for name, pool in playbook.pools.items():
        if pool.kind == record.kind and (pool.when is None or judge(pool_place(name))):
            return name
    return None


def reached(record: Record, playbook: Playbook, judge: Judge) -> Iterator[str]:
    """The pool a record enters, and those it may be passed on to from there."""
    name = entered(record, playbook, judge)
    while name is not None:
        yield name
        fallback = playbook.pools[name].fallback
        name = None if fallback is None else fallback.pool


def is_open(record: Record, kind: Kind) -> bool:
    """Tell whether a record is still on its way."""
    step = kind.steps.get(record.stage) if record.stage is not None else None
    return step is None or step.outcome == "open"


def claimed_from(record: Record, playbook: Playbook, judge: Judge) -> str | None:
    """Return the public pool a record waits in: the first it reaches from which people claim. None where there is none, or it waits for nobody."""
    if record.owner is not None or not is_open(record, playbook.kinds[record.kind]):
        return None
    pools = reached(record, playbook, judge)
    return next((name for name in pools if playbook.pools[name].claim is not None), None)
