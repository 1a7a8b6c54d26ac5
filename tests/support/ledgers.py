"""Ledgers on in-memory logs: a store that can be damaged, and rows to compare."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from infra.ledger import ObjectStoreLedger
from projections.ledger.ends import ended, shown, sorted_rows
from projections.ledger.flatten import flatten
from projections.ledger.ledger import Ledger
from projections.ledger.memory import Memory
from projections.ledger.tables import TABLES
from projections.ledger.view import View
from support.histories import Step, _steps

A_HISTORY: list[Step] = _steps(20260302, 100, taking_away=False)
"""Long enough for many small segments, with touches that were corrected, refusals and handovers."""


def a_ledger(folder: Path, log: Any, *, partitions: int = 3, part: int = 7, **about: Any) -> Ledger:
    """A ledger in a folder, with parts so small that a short history makes many segments."""
    return Ledger(ObjectStoreLedger.in_folder(folder), log, partitions=partitions, part=part, **about)


def rows_of(view: View, name: str) -> pl.DataFrame:
    """The rows of a table, sorted."""
    return sorted_rows(TABLES[name], view.scan(name).collect())


def flattened(log: Any, position: int) -> dict[str, pl.DataFrame]:
    """Every table as of a position, flattened from the log at once, without any store."""
    flat = flatten(log.after(0, 1_000_000, upto=position), Memory())
    return {
        name: shown(table, ended(table, sorted_rows(table, flat.frame(name))).lazy()).collect()
        for name, table in TABLES.items()
    }


def assert_says(view: View, log: Any, position: int) -> None:
    """Every table of a view, row by row, is what the log says up to a position."""
    assert view.position == position
    for name, expected in flattened(log, position).items():
        assert_frame_equal(rows_of(view, name), expected)


class UpTo:
    """A log as it was at a position: nothing behind it has happened yet."""

    def __init__(self, log: Any, position: int) -> None:
        self._log = log
        self._position = position
        self.genesis = log.genesis

    def head(self) -> int:
        """Return the last position."""
        return self._position

    def after(self, position: int, limit: int, *, topics: Any = (), upto: int | None = None) -> list[Any]:
        """Return events after a position."""
        last = self._position if upto is None else min(upto, self._position)
        found: list[Any] = self._log.after(position, limit, topics=topics, upto=last)
        return found

    def stream(self, stream: str) -> list[Any]:
        """Return the events of a stream."""
        return [recorded for recorded in self._log.stream(stream) if recorded.position <= self._position]


class Killed(BaseException):
    """What a failpoint raises: the process is gone."""


def killed_at(place: str, times: int) -> Callable[[str], None]:
    """Kill the writer when it comes to a place for the nth time."""
    seen = 0

    def reached(name: str) -> None:
        nonlocal seen
        if name == place:
            seen += 1
            if seen == times:
                raise Killed(place)

    return reached
