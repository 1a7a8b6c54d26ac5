"""Which way a record goes: the kinds of move between the steps of its path, and what each needs before any gate is asked."""

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from domain.labels import Label
from domain.naming import nearest
from domain.playbook.model import Gate, Kind, Right, Step
from domain.refusals import NotFound, Problem, unknown_name

Move: TypeAlias = Literal["open", "forward", "skip", "back", "re-entry", "reopen"]

MOVE_REQUIREMENTS: Mapping[str, Label] = {
    "move:open": Label(zh="记录不能从此阶段开始", en="A record does not begin in this stage"),
    "move:path": Label(zh="此阶段不在记录所走的路径上", en="This stage is not on the record's path"),
    "move:skip": Label(zh="不能跳过阶段", en="Stages cannot be skipped"),
    "move:reason": Label(
        zh="跳过、退回或重新打开需要说明原因", en="Skipping, moving back or reopening needs a reason"
    ),
}


def requirements_of(kind: Kind) -> tuple[str, ...]:
    """Return the ids of all that a gate or a move of a kind could ask for: its fields and evidence, the conditions there are, and what moves need."""
    fields = (f"{'evidence' if name in kind.evidence_fields else 'field'}:{name}" for name in kind.fields)
    conditions = (f"condition:{name}" for _, _, _, gate in kind.gates for name in gate.conditions)
    return tuple(dict.fromkeys((*fields, *conditions, *MOVE_REQUIREMENTS)))


def path_problems(kind: Kind, path: str | None) -> list[Problem]:
    """Return what is wrong with the path somebody chose for a new record."""
    if path is None or path in kind.paths:
        return []
    if not kind.paths:
        return [Problem("/path", "these records have one path only; leave it out")]
    return [unknown_name("/path", f"there is no path {path!r}", path, kind.paths)]


def chosen_path(kind: Kind, path: str | None) -> str | None:
    """Return the path a new record takes: the chosen one, else the first of several; None where there is one way only."""
    return path if path is not None else next(iter(kind.paths), None)


def move_between(kind: Kind, before: str, after: str, path: str | None = None) -> Move:
    """Tell what kind of move leads from one step to another on a path.

    Where one of them lies off the path, the move is named as if it stood there in the order of the kind.
    Raises NotFound for a step or a path the kind does not have.
    """
    steps = kind.steps
    for name in (before, after):
        if name not in steps:
            raise NotFound("stage", name, nearest(name, steps))
    if before == after:
        return "re-entry"
    if steps[before].outcome != "open":
        return "reopen"
    way = _way(kind, steps, path, before, after)
    if after in way:
        ahead = way.index(after) - way.index(before)
        return "forward" if ahead == 1 else "skip" if ahead > 1 else "back"
    ends_early = steps[after].outcome in {"lost", "closed"}
    return "forward" if ends_early or before == way[-1] else "skip"


def lies_on(kind: Kind, step: str, path: str | None) -> bool:
    """Tell whether a step lies on a path; nothing lies on a path that is gone."""
    return path is None or (path in kind.paths and step in kind.steps_of(path))


def opens_in(kind: Kind, step: str, path: str | None) -> bool:
    """Tell whether records of a path may begin in a step; nothing begins on a path that is gone."""
    return (path is None or path in kind.paths) and step in kind.opening_steps(path)


def needs_right(kind: Kind, move: Move) -> Right | None:
    """Return the right whoever makes a move must hold, beside everything the gates ask of the record."""
    return Right.skip if move == "skip" and kind.moves.skip == "with_right" else None


def gates_between(kind: Kind, move: Move, before: str | None, after: str) -> Iterator[tuple[str, str, Gate]]:
    """Return the gates a move passes, in order: side, the stage or node it belongs to, and the gate.

    Leaving and entering on the way forward, nothing on the way back. The gate of a stage is passed where its border is:
    after that of the node one leaves, before that of the node one comes into; from node to node within a stage not at all.
    Giving up (a lost or closed stage) leaves nothing behind that the next step would need, so it passes no leaving gate.
    """
    steps = kind.steps
    to, come_from = steps[after], steps[before] if before is not None else None
    gives_up = to.outcome in {"lost", "closed"}
    crosses = come_from is None or come_from.part_of != to.part_of
    if move in {"forward", "skip"} and come_from is not None and not gives_up:
        yield "leave", come_from.name, come_from.leave
        if crosses and come_from.node is not None:
            yield "leave", come_from.part_of, come_from.stage.leave
    if move in {"open", "forward", "skip", "reopen"}:
        if crosses and to.node is not None:
            yield "enter", to.part_of, to.stage.enter
        yield "enter", to.name, to.enter


def _way(kind: Kind, steps: Mapping[str, Step], path: str | None, before: str, after: str) -> tuple[str, ...]:
    """The open steps a move is measured by: those of the path, and where one end of the move lies off it, that end in the order of the kind."""
    on_path = _on(kind, path)
    if before in on_path and after in on_path:
        return kind.way(path)
    return tuple(
        name
        for name, step in steps.items()
        if step.outcome == "open" and (name in on_path or name in (before, after))
    )


def _on(kind: Kind, path: str | None) -> Mapping[str, Step]:
    if path is not None and path not in kind.paths:
        raise NotFound("path", path, nearest(path, kind.paths))
    return kind.steps_of(path)
