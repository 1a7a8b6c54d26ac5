"""The law of replay: the published rules say again what came out of every recorded decision. Every report states it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from projections.replay.verdicts import Law


@dataclass(frozen=True)
class LawFigures:
    """The law in figures. `erased` decisions hang on values nobody can read any more; `different` are the positions of those that come
    out otherwise, which is a defect of the log or of this software.
    """

    decisions: int
    reproduced: int
    erased: int
    different: list[int]


def law_of(parts: Iterable[tuple[Mapping[str, int], Sequence[int]]]) -> LawFigures:
    """Add up what partitions say: how many decisions come out how, and the positions of those that differ."""
    counts = dict.fromkeys(Law, 0)
    different: list[int] = []
    for found, positions in parts:
        for name, count in found.items():
            counts[Law(name)] += count
        different += positions
    return LawFigures(sum(counts.values()), counts[Law.reproduced], counts[Law.erased], sorted(different))
