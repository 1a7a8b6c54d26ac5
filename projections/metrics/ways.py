"""The order of the steps of a way, also for steps that lie off it."""

from domain.playbook.model import Kind


def way_through(kind: Kind, path: str | None, *steps: str | None) -> tuple[str, ...]:
    """Return the open steps of a path in its order; where one of `steps` lies off it, those and that one in the order of the kind.

    That is how a move between such steps is named, too (`domain.record.way`). A path that is gone is the kind's own way.
    """
    path = path if path in kind.paths else None
    on_path = kind.steps_of(path)
    if all(step is None or step in on_path for step in steps):
        return kind.way(path)
    return tuple(
        name
        for name, step in kind.steps.items()
        if step.outcome == "open" and (name in on_path or name in steps)
    )


def reaches(kind: Kind, path: str | None, step: str, mark: str) -> bool:
    """Tell whether a step lies at or beyond another one on a way; won steps lie at its end, lost and closed ones nowhere."""
    way = way_through(kind, path, step, mark)
    ends = [name for name, found in kind.steps.items() if found.outcome == "won"]
    rank = {name: place for place, name in enumerate(way)} | dict.fromkeys(ends, len(way))
    return step in rank and mark in rank and rank[step] >= rank[mark]


def up_to(kind: Kind, path: str | None, step: str) -> tuple[str, ...]:
    """Return the steps of a way up to and including one; of a won one the whole way, and that step."""
    way = way_through(kind, path, step)
    if step not in way:
        return (*way, step)
    return way[: way.index(step) + 1]


def skipped(kind: Kind, path: str | None, before: str, after: str) -> tuple[str, ...]:
    """Return the open steps that lie strictly between two steps of a way."""
    way = way_through(kind, path, before, after)
    first = way.index(before) + 1 if before in way else len(way)
    last = way.index(after) if after in way else len(way)
    return way[first:last]
