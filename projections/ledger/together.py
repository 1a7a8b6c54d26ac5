"""Which partitions are worked on at once: asking a question of a partition costs some time however small it is, so small ones share it.

What comes out is the same whatever is taken together.
"""

from dataclasses import dataclass
from math import ceil

from projections.ledger.running import THREADS
from projections.ledger.view import View

MEASURED = 1_900_000
"""As many events are measured at once in each thread, or one partition of however many: memory grows with them."""

JUDGED = 2_500_000
"""The decisions of as many events are judged at once in each thread: more than are measured, because a lot costs more here however small it is."""


@dataclass(frozen=True)
class Lots:
    """The partitions of a view, dealt out into so many lots of following ones; no lot has two partitions more than another."""

    partitions: int
    count: int

    @property
    def firsts(self) -> list[int]:
        """The first partition of each lot."""
        return [lot * self.partitions // self.count for lot in range(self.count)]

    def beginning(self, first: int) -> range:
        """Return the partitions of the lot that begins with one."""
        behind = (other for other in self.firsts if other > first)
        return range(first, next(behind, self.partitions))


def dealt_out(view: View, events: int) -> Lots:
    """Deal out the partitions of a view, so that a lot holds no more events than that on average, or is one partition.

    Several lots are so many that all threads have as many of them to do.
    """
    partitions = view.manifest.partitions
    kept = sum(segment.rows for segment in view.manifest.of("events"))
    behind = sum(frame.height for (table, _), frame in view.tail.items() if table == "events")
    at_once = max(1, min(partitions, events * partitions // max(1, kept + behind)))
    count = ceil(partitions / at_once)
    return Lots(partitions, count if count == 1 else min(partitions, ceil(count / THREADS) * THREADS))
