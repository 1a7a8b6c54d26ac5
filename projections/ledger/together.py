"""How many partitions are worked on at once: asking a question of a partition costs some time however small it is, so small ones share it.

What comes out is the same whatever is taken together.
"""

from projections.ledger.view import View

EVENTS = 1_900_000
"""As many events are worked on at once in each thread, or one partition of however many: memory grows with them."""


def together(view: View, events: int | None = None) -> int:
    """Say how many partitions are taken at once, so that they hold no more events than that (default: `EVENTS`) on average; at least one."""
    partitions = view.manifest.partitions
    events = EVENTS if events is None else events
    kept = sum(segment.rows for segment in view.manifest.of("events"))
    behind = sum(frame.height for (table, _), frame in view.tail.items() if table == "events")
    return max(1, min(partitions, events * partitions // max(1, kept + behind)))


def firsts(view: View, at_once: int) -> range:
    """Return the first partition of each lot."""
    return range(0, view.manifest.partitions, at_once)


def from_on(view: View, first: int, at_once: int) -> range:
    """Return the partitions of the lot that begins with one."""
    return range(first, min(first + at_once, view.manifest.partitions))
