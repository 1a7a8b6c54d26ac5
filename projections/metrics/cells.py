"""Cells: the numbers of a metric, slice by slice. Partitions give partial results, which are merged; quotients come last and are exact."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeAlias

import polars as pl

from domain.naming import nearest
from projections.errors import InvalidQuery, not_among
from projections.ledger.running import LOOP, Runner, side_by_side
from projections.ledger.together import MEASURED, dealt_out
from projections.ledger.view import View
from projections.metrics.asking import Ask, Value, checked, frames_for
from projections.metrics.contract import Mean, Metric, Quantile, Share
from projections.metrics.dimensions import named
from projections.metrics.merging import merged
from projections.metrics.partials import Asked, all_partials, listed
from projections.metrics.reading import Reading
from projections.metrics.registry import metric_of

Progress: TypeAlias = Callable[[int], None]
"""Is told how many partitions are done."""


Wanted: TypeAlias = tuple[str, Ask, Collection[str] | None]
"""A metric by name, a question to it, and the numbers that are wanted; None: all."""


@dataclass(frozen=True)
class Cells:
    """The cells of a metric: one row a cell, its dimensions and then its numbers, in the order of the dimensions; none comes last.

    Counts are whole numbers, sums Decimal(38, 0), quotients Decimal(38, 6) rounded half-even; null is unknown.
    `version` is that of the metric's contract; the answer is as of `position`, speaks of `now`, and reads through version `playbook_version`.
    """

    metric: Metric
    ask: Ask
    frame: pl.DataFrame
    position: int
    now: datetime
    playbook: str
    playbook_version: int

    @property
    def version(self) -> int:
        """The version of the contract the numbers follow."""
        return self.metric.version


def measure(
    view: View,
    reading: Reading,
    name: str,
    ask: Ask,
    runner: Runner = LOOP,
    progress: Progress | None = None,
    *,
    numbers: Collection[str] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Cells:
    """Measure a metric. `numbers` limits it to some of them and to what they are made of.

    Raises NotFound for a metric there is none of, InvalidQuery for a question that makes no sense.
    """
    (found,) = measure_all(view, reading, [(name, ask, numbers)], runner, progress, cancelled=cancelled)
    return found


def measure_all(
    view: View,
    reading: Reading,
    questions: Sequence[Wanted],
    runner: Runner = LOOP,
    progress: Progress | None = None,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> list[Cells]:
    """Measure several metrics, each by name, question and the numbers that are wanted: the same as one after the other, and rows are read once.

    Raises what `measure` raises.
    """
    asked: list[Asked] = []
    for name, ask, numbers in questions:
        metric = metric_of(name)
        clear = checked(metric, reading, ask)
        asked.append((name, clear, _needed(metric, clear, numbers)))
    lots = dealt_out(view, MEASURED)
    task = partial(all_partials, reading=reading, asked=tuple(asked), lots=lots)
    parts = list(side_by_side(runner).map(task, view, lots.firsts, done=progress, cancelled=cancelled))
    document = reading.document
    return [
        Cells(
            metric_of(name),
            ask,
            merged(metric_of(name), reading, ask, [part[place] for part in parts], wanted),
            reading.position,
            reading.now,
            document.playbook,
            reading.number,
        )
        for place, (name, ask, wanted) in enumerate(asked)
    ]


def cases(
    view: View,
    reading: Reading,
    name: str,
    ask: Ask,
    number: str,
    cell: Mapping[str, Value] | None = None,
    *,
    among: bool = False,
    runner: Runner = LOOP,
) -> pl.DataFrame:
    """List the cases behind a number of a cell, sorted by (position, record): as many as the number says.

    Of a share they are those of its numerator, with `among` those of its denominator; of a mean, a quantile and a sum those they are over.
    Of a number of records it is the first case of each. `cell` names values of dimensions; those that are left out are not limited.
    """
    metric = metric_of(name)
    asked = checked(metric, reading, ask)
    cell = cell or {}
    frames = [frame for frame in frames_for(metric, asked) if number in {own.name for own in frame.numbers}]
    if not frames:
        known = [own.name for frame in frames_for(metric, asked) for own in frame.numbers]
        raise InvalidQuery([not_among("number", f"there is no number {number!r}", number, known)])
    if stray := [dimension for dimension in cell if dimension not in asked.by]:
        raise InvalidQuery.of(
            "cell", f"the cells are not sliced by {', '.join(stray)}", nearest(stray[0], asked.by)
        )
    place = metric.frames.index(frames[0])
    lots = dealt_out(view, MEASURED)
    task = partial(
        listed,
        lots=lots,
        reading=reading,
        name=name,
        ask=asked,
        frame=place,
        number=number,
        cell=dict(cell),
        among=among,
    )
    found = list(runner.map(task, view, lots.firsts))
    return named(pl.concat(found).sort("position", "record", maintain_order=True))


def _needed(metric: Metric, ask: Ask, numbers: Collection[str] | None) -> frozenset[str]:
    """Return the numbers that are wanted, with those they are made of. Raises InvalidQuery for one there is not."""
    known = {number.name: number for frame in frames_for(metric, ask) for number in frame.numbers}
    wanted: set[str] = set()
    for name in known if numbers is None else numbers:
        if name not in known:
            raise InvalidQuery([not_among("numbers", f"there is no number {name!r}", name, known)])
        wanted.add(name)
        match known[name]:
            case Share(part=part, whole=whole):
                wanted |= {part, whole}
            case Mean(judged=judged) | Quantile(judged=judged):
                wanted.add(judged)
    return frozenset(wanted)
