"""What assignment counts over many records: a port that the composition root fills, as of a position of the log."""

from collections.abc import Mapping
from typing import Protocol

from domain.assigning.recorded_names import RecordedField


class Counting(Protocol):
    """Counts records of a kind by who owns them, as they stood at a position."""

    def open_records(self, kind: str, steps: tuple[str, ...], as_of: int) -> Mapping[str, int]:
        """Return how many records each person owned that stood in one of the steps, or in none."""
        ...

    def last_closed(
        self, kind: str, steps: tuple[str, ...], field: RecordedField, value: str, last: int, as_of: int
    ) -> Mapping[str, tuple[str, ...]]:
        """Return the steps of the last so many records that each person owned and that stood in one of the steps, newest first.

        Only records that hold a value in a field count. Newest is what entered its step last, by when that happened.
        """
        ...
