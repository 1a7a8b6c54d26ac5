"""What all metrics share: a case with everything it can be cut by, and how cases are counted."""

from datetime import datetime, timedelta
from typing import Any

from oracle.log import Record
from oracle.reading import Case, Reading

Numbers = dict[str, Any]
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def case_of(reading: Reading, record: Record, position: int, at: datetime | None, **about: Any) -> Case:
    """A case of a record at a position: where it stood then, who answered for it, and every other dimension."""
    step = about.pop("step") if "step" in about else reading.step_at(record, position)
    base = {
        "record": record["stream"],
        "position": position,
        "moment": at,
        "step": step,
        "stage": reading.part_of(step),
    }
    return base | reading.dimensions(record, position, at) | about


def count(cases: list[Case], name: str) -> int:
    """How many cases something is true of."""
    return sum(bool(case[name]) for case in cases)


def known(cases: list[Case], name: str) -> list[int]:
    """What is known of something, case by case."""
    return [case[name] for case in cases if case[name] is not None]
