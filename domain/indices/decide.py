"""Decisions about indices: close a period, or restate one that was closed."""

from collections.abc import Iterator
from typing import Any

from domain.event import Event
from domain.events import IndexClosed
from domain.facts import Facts
from domain.indices.closings import Closings
from domain.indices.commands import CloseIndex
from domain.indices.periods import EXAMPLES, days_of
from domain.naming import nearest
from domain.plain import digest_of, is_plain
from domain.playbook.catalogue import Playbooks
from domain.playbook.measuring import Index
from domain.playbook.model import Right
from domain.playbook.published import PublishedPlaybook
from domain.refusals import InvalidCommand, NotAllowed, NotFound, Problem


def close(
    closings: Closings, playbooks: Playbooks, command: CloseIndex, facts: Facts, *, has_reason: bool = False
) -> list[Event]:
    """Close a period of an index. What was closed is restated by name and with a reason, and what stood before stays in the log."""
    if not facts.may(Right.publish):
        raise NotAllowed(Right.publish)
    version = playbooks.versions.get((command.playbook, command.number))
    if version is None:
        raise NotFound("version of a playbook", f"{command.playbook} {command.number}")
    index = version.document.indices.get(command.index)
    if index is None:
        raise NotFound("index", command.index, nearest(command.index, version.document.indices))
    problems = [
        *_period_problems(index, command.period, version, facts),
        *_restating_problems(closings, command, has_reason=has_reason),
    ]
    if command.position < version.position:
        problems.append(Problem("/position", "the playbook was not published yet at this position"))
    result: list[Any] = [dict(cell) for cell in command.result]
    if not is_plain(result):
        problems.append(Problem("/result", "cells are plain JSON: numbers with decimals are texts"))
    if problems:
        raise InvalidCommand(problems)
    return [
        IndexClosed(
            index=command.index,
            playbook=command.playbook,
            number=command.number,
            kind=index.kind,
            period=command.period,
            position=command.position,
            result=result,
            digest=digest_of(result),
            restates=command.restates,
        )
    ]


def _period_problems(
    index: Index, period: str, version: PublishedPlaybook, facts: Facts
) -> Iterator[Problem]:
    if index.stuck is not None:
        yield Problem(
            "/index", "this is an index of single records as they stand; it has no periods to close"
        )
        return
    days = days_of(period)
    if days is None or days.period is not index.period:
        yield Problem("/period", f"a {index.period} is expected, as {EXAMPLES[index.period]}")
    elif not days.is_over(facts.decided_at, version.document.time_zone):
        yield Problem(
            "/period", f"the {index.period} ends with {days.last.isoformat()}; close it when it is over"
        )


def _restating_problems(closings: Closings, command: CloseIndex, *, has_reason: bool) -> Iterator[Problem]:
    standing = closings.standing(command.period)
    if standing is None:
        if command.restates is not None:
            yield Problem("/restates", "this period was never closed; close it without restating anything")
        return
    if command.restates is None:
        yield Problem(
            "/period",
            f"this period was closed at position {standing.position}; restate it, with a reason",
        )
    elif command.restates != standing.position:
        yield Problem(
            "/restates",
            f"what stands for this period was closed at position {standing.position}; restate that",
        )
    if command.restates is not None and not has_reason:
        yield Problem("/reason", "whoever restates what was closed says why")
