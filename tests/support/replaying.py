"""Replays of in-memory logs: the ledger of the whole log, made where it is needed and kept nowhere."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from domain.naming import PLAYBOOKS_STREAM
from domain.playbook import catalogue
from domain.playbook.published import PublishedPlaybook, Scope
from projections.ledger.ledger import Ledger
from projections.ledger.view import View
from projections.replay import Ask, LawFigures, Replayed, Window, replay


class NoFiles:
    """A store in which nothing is kept: every row of the ledger comes from the log."""

    def put(self, name: str, content: bytes) -> None:
        """Keep nothing."""
        raise AssertionError("a replay writes nothing")

    def get(self, name: str) -> bytes:
        """Find nothing."""
        raise FileNotFoundError(name)

    def path(self, name: str, size_bytes: int, sha256: str) -> Path:
        """Find nothing."""
        raise FileNotFoundError(name)

    def names(self) -> Iterator[str]:
        """Name nothing."""
        return iter(())

    def delete(self, name: str) -> None:
        """There is nothing to remove."""


def view_of(log: Any, *, partitions: int = 3, position: int | None = None) -> View:
    """The ledger of a log, as of a position."""
    return Ledger(NoFiles(), log, partitions=partitions).at(position)


def replayed(
    log: Any,
    keys: Any,
    draft: PublishedPlaybook | None = None,
    *,
    after: int = 0,
    upto: int | None = None,
    scope: Scope | None = None,
    partitions: int = 3,
    **about: Any,
) -> Replayed:
    """Replay a log, all of it by default."""
    view = view_of(log, partitions=partitions)
    playbooks = catalogue.fold(None, log.stream(PLAYBOOKS_STREAM))
    window = Window(after, view.position if upto is None else upto)
    return replay(view, playbooks, keys, Ask(window, scope or {}, draft), **about)


def the_law(log: Any, keys: Any) -> LawFigures:
    """What the published rules make of every recorded decision of a log."""
    return replayed(log, keys).law


@dataclass(frozen=True, slots=True)
class Changed:
    """A decision a draft answers otherwise, or cannot judge: the requirements that make the difference."""

    position: int
    record: str
    owner: str | None
    before: str | None
    after: str
    move: str
    at: datetime | None
    verdict: str
    requirements: tuple[str, ...]


@dataclass(frozen=True)
class Impact:
    """A replay as tests ask it: the figures of the law, and the decisions that come out otherwise."""

    decisions: int
    reproduced: int
    erased: int
    different: list[int]
    judged: int
    changed: list[Changed]
    not_judgeable: list[Changed]


def impact_of(found: Replayed) -> Impact:
    """Read what a replay found."""
    law = found.law
    rows = [
        Changed(**{**row, "requirements": tuple(row["requirements"])})
        for row in found.decisions.filter(pl.col("verdict") != "unchanged")
        .select(field.name for field in fields(Changed))
        .iter_rows(named=True)
    ]
    return Impact(
        law.decisions,
        law.reproduced,
        law.erased,
        law.different,
        found.decisions.height,
        [row for row in rows if row.verdict != "not_judgeable"],
        [row for row in rows if row.verdict == "not_judgeable"],
    )
