"""What the log says of reactions: which of them each event set off. It is read for comparison, and by nothing that judges."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from domain.playbook.published import PublishedPlaybook
from projections.ledger.view import View
from projections.replay.asking import Window


@dataclass(frozen=True)
class Recorded:
    """By the position of a cause: the reactions that ran or failed because of it, each with the position at which that was noted first."""

    by_cause: Mapping[int, Mapping[str, int]]

    @classmethod
    def of(cls, view: View) -> "Recorded":
        """Read it, as far as the view reaches."""
        rows = (
            view.scan("reactions")
            .filter(pl.col("event").is_in(["ran", "failed"]))
            .select("cause", "reaction", "position")
            .sort("position")
            .collect()
        )
        found: dict[int, dict[str, int]] = {}
        for cause, reaction, position in rows.iter_rows():
            found.setdefault(cause, {}).setdefault(reaction, position)
        return cls(found)

    def at(self, cause: int) -> Mapping[str, int]:
        """Return the reactions that the event at a position set off."""
        return self.by_cause.get(cause, {})

    def causes(self, window: Window) -> Iterator[int]:
        """Name the positions of a window at which something set anything off."""
        return (cause for cause in self.by_cause if window.after < cause <= window.upto)

    def is_to_come(self, name: str, cause: int, kind: str, playbook: PublishedPlaybook) -> bool:
        """Tell whether the worker, which goes by the order of the log and of the playbook, may not have come to a reaction yet."""
        last = max(self.by_cause, default=0)
        if cause != last:
            return cause > last
        order = list(playbook.reactions[kind])
        done = [order.index(other) for other in self.at(cause) if other in order]
        return name in order and order.index(name) > max(done, default=-1)
