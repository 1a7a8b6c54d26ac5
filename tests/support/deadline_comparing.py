"""Deadlines of generated histories, replayed by the product and by the oracle: every difference in words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from oracle import deadlines as oracle

from domain.playbook.published import PublishedPlaybook
from projections.ledger.view import View
from projections.replay.asking import Ask, Window
from projections.replay.deadlines import replay_deadlines
from projections.replay.subject import Subject
from support.deadline_histories import Told, tell
from support.oracle_adapter import plain_draft, plain_events
from support.oracle_comparing import differing
from support.replaying import view_of

SCOPES: Sequence[Mapping[str, tuple[str, ...]]] = ({}, {}, {"source": ("fair",)}, {}, {"owner.region": ("south",)})  # fmt: skip
COLUMNS = (
    "verdict", "why", "position", "at", "due_was", "told_was", "due_would", "told_would", "noticed_would",
)  # fmt: skip


def replayed(
    told: Told,
    draft: PublishedPlaybook | None = None,
    *,
    window: Window | None = None,
    scope: Mapping[str, tuple[str, ...]] | None = None,
    partitions: int = 2,
    view: View | None = None,
) -> Subject:
    """Replay the deadlines of a history, all of it by default."""
    view = view or view_of(told.log, partitions=partitions)
    ask = Ask(window or Window(0, view.position), scope or {}, draft)
    return replay_deadlines(view, told.playbooks, told.desk.vault, ask)


def window_for(told: Told, number: int) -> Window:
    """The window of a question: mostly all of the log, else some of its middle."""
    head = told.log.head()
    return Window(0, head) if number % 3 else Window(head // 3, head - number % 7)


@cache
def _expected(seed: int, number: int) -> tuple[dict[str, Any], dict[Any, dict[str, Any]]]:
    """What the oracle says of a history, asked the question of a number: the law, and every row by its name."""
    told = tell(seed)
    scope = {name: list(options) for name, options in SCOPES[number % len(SCOPES)].items()}
    window = window_for(told, number)
    events = plain_events(told.log.read(1, told.log.head()), told.desk.vault)
    draft = plain_draft(told.draft(number)) | {"number": 10**6}  # newer than every published version
    law = oracle.law(events, window.after, window.upto, scope)
    rows = oracle.rows(events, draft, window.after, window.upto, scope)
    return law, by_name(rows, lambda row: row["name"])


def differences(seed: int, number: int) -> list[str]:
    """What the product and the oracle say differently about a history, asked the question of a number."""
    law, rows = _expected(seed, number)
    told = tell(seed)
    scope, window = SCOPES[number % len(SCOPES)], window_for(told, number)
    found = replayed(told, told.draft(number), window=window, scope=scope)
    said = {name: getattr(found.law, name) for name in law}
    about = [] if said == law else [f"law: {said} is {law}"]
    return [*about, *differing("firing", by_name(found.datasets["deadlines"].to_dicts(), name_of), rows)]


def name_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells a row of the dataset from every other one."""
    return tuple(row[name] for name in ("record", "name", "subject", "armed_at", "rung", "repeat"))


def by_name(rows: Iterable[Mapping[str, Any]], name: Any) -> dict[Any, dict[str, Any]]:
    """Rows by their names, as far as both sides tell them."""
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        assert name(row) not in found, f"{name(row)} is told twice"
        found[name(row)] = {column: _plain(row[column]) for column in COLUMNS}
    return found


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
