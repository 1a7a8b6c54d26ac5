"""A request beside what a draft makes of it: one row for each role of each level that was asked, or would have been."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from domain.rules.arithmetic import number_text
from domain.work.approving import Level
from projections.replay.approvals.drafted import Drafted
from projections.replay.approvals.requests import Request
from projections.replay.drafted_rules import UNRECORDED

Row: TypeAlias = dict[str, Any]
Roles: TypeAlias = Mapping[tuple[str, str], Level]

NOT_ASKED: Final = "level not asked"
ASKED: Final = "level asked"
NO_ROLE: Final = "role not asked"
NEW_ROLE: Final = "role asked"
ANOTHER_PERSON: Final = "another person"
ANOTHER_QUORUM: Final = "another quorum"
ANOTHER_ORDER: Final = "another order"
ANOTHER_LIMIT: Final = "another time limit"


def rows_of(request: Request, recorded: Sequence[Level], would: Drafted) -> list[Row]:
    """Compare whom a request went to with whom it would have gone to, in the order it went, what is new last."""
    was = _roles(recorded)
    if would.unknown is not None:
        return [_row(request, key, "not_judgeable", would.unknown, level, None) for key, level in was.items()]
    if would.refused is not None:
        return [_row(request, key, "gone", would.refused, level, None) for key, level in was.items()]
    return list(_compared(request, was, would))


def _compared(request: Request, was: Roles, would: Drafted) -> Iterator[Row]:
    now = _roles(would.levels)
    maybe = _roles([level for level in would.unknown_levels.values() if level is not None])
    levels_now = {level.name for level in would.levels}
    levels_then = {level for level, _ in was}
    for key, level in was.items():
        if key[0] in would.unknown_levels:
            yield _row(request, key, "not_judgeable", UNRECORDED, level, None)
        elif key in now:
            why = _why(request, key, level, now[key], would.order)
            yield _row(request, key, "unchanged" if why is None else "changed", why, level, now[key], would.order)  # fmt: skip
        else:
            yield _row(request, key, "gone", NO_ROLE if key[0] in levels_now else NOT_ASKED, level, None)
    for key, level in now.items():
        if key not in was:
            why = NEW_ROLE if key[0] in levels_then else ASKED
            yield _row(request, key, "new", why, None, level, would.order)
    for key in maybe:
        if key not in was:
            yield _row(request, key, "not_judgeable", UNRECORDED, None, None)


def _why(request: Request, key: tuple[str, str], was: Level, now: Level, order: str | None) -> str | None:
    """What is otherwise about a role of a level, the most telling first; None: nothing."""
    role = key[1]
    if (was.approvers[role], was.asked.get(role)) != (now.approvers[role], now.asked.get(role)):
        return ANOTHER_PERSON
    if was.quorum != now.quorum:
        return ANOTHER_QUORUM
    if request.order != order:
        return ANOTHER_ORDER
    return ANOTHER_LIMIT if was.within_hours != now.within_hours else None


def _roles(levels: Sequence[Level]) -> Roles:
    return {(level.name, role): level for level in levels for role in level.approvers}


def _row(
    request: Request,
    key: tuple[str, str],
    verdict: str,
    why: str | None,
    was: Level | None,
    would: Level | None,
    order: str | None = None,
) -> Row:
    level, role = key
    return {
        "position": None if was is None else request.position,
        "record": request.record,
        "kind": request.kind,
        "at": request.at or request.decided_at,
        "name": request.chain,
        "verdict": verdict,
        "was": None if was is None else _told(was, role, request.order),
        "would": None if would is None else _told(would, role, order),
        "person_was": None if was is None else was.approvers[role],
        "person_would": None if would is None else would.approvers[role],
        "why": why,
        "approval": request.approval,
        "request": request.position,
        "level": level,
        "role": role,
        "requested_by": request.requested_by,
        "playbook": request.playbook,
        "playbook_version": request.playbook_version,
    }


def _told(level: Level, role: str, order: str | None) -> str:
    """Who is asked for a role of a level, for whom they stand in, how many must agree, in which order, and within which time."""
    person, asked = level.approvers[role], level.asked.get(role)
    parts = [
        person if asked is None else f"{person} for {asked}",
        f"{level.quorum} of {len(level.approvers)}",
    ]
    parts += [order or ""]
    if level.within_hours is not None:
        parts.append(f"{number_text(level.within_hours)} h")
    return " · ".join(parts)
