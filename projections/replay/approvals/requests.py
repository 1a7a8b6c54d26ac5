"""Requests for agreement as they were put to the rules, and, apart from them, what came of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import polars as pl

from domain.work.approving import Level, levels_of
from projections.ledger.view import View
from projections.replay.asking import Window

_ASKED: Final = (
    "position", "record", "kind", "approval", "chain", "order", "named", "at", "decided_at", "actor", "on_behalf_of",
    "playbook", "playbook_version",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asked for agreement: for which chain, at which moment (None: nobody knows), and whom they named, by level and role."""

    position: int
    record: str
    kind: str
    approval: str
    chain: str
    order: str
    named: Mapping[str, Mapping[str, str]]
    at: datetime | None
    decided_at: datetime
    actor: str
    on_behalf_of: str | None
    playbook: str | None
    playbook_version: int | None

    @property
    def requested_by(self) -> str:
        """Whose request it is."""
        return self.on_behalf_of or self.actor


def requests(view: View, window: Window) -> list[Request]:
    """Read the requests of a window, in the order of the log. Whom they went to is not read here."""
    rows = _of_window(view, window).select(_ASKED).sort("position").collect()
    return [Request(**{**row, "named": _read(row["named"]) or {}}) for row in rows.iter_rows(named=True)]


def asked_then(view: View, window: Window) -> dict[int, tuple[Level, ...]]:
    """Read whom the requests of a window went to, level by level, by their positions."""
    rows = _of_window(view, window).select("position", "levels").collect()
    return {position: levels_of(_read(levels)) for position, levels in rows.iter_rows()}


def _of_window(view: View, window: Window) -> pl.LazyFrame:
    return view.scan("approvals").filter(
        pl.col("event") == "requested",
        pl.col("position") > window.after,
        pl.col("position") <= window.upto,
    )


def _read(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
