"""One thing wrong with a playbook: where in the document, and what would be right."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from domain.naming import nearest
from domain.refusals import those_there_are

Place = tuple[str, ...]
"""Where in the document: the names that lead there, for example ("kinds", "opportunity", "title")."""


@dataclass(frozen=True, slots=True)
class PlaybookProblem:
    """One thing wrong with a playbook. `line` and `column` (from 1) lie inside the value at `place`; 0 means the value itself."""

    place: Place
    message: str
    suggestion: str | None = None
    line: int = 0
    column: int = 0


def known(
    name: str, valid: Iterable[str] | Mapping[str, object], what: str, place: Place
) -> Iterator[PlaybookProblem]:
    """Tell when a name is none of those there are, with the nearest one."""
    names = tuple(valid)
    if name not in names:
        yield not_among(names, name, f"there is no {what} {name!r}", place)


def not_among(names: Iterable[str], name: str, message: str, place: Place) -> PlaybookProblem:
    """Say that a name is none of some: with the nearest one, or where none is near with those there are."""
    valid = tuple(names)
    near = nearest(name, valid)
    return PlaybookProblem(place, message if near else f"{message}; {those_there_are(valid)}", near)


def named_once(names: Iterable[str], place: Place) -> Iterator[PlaybookProblem]:
    """Tell which names of a list stand in it a second time."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield PlaybookProblem((*place, str(index)), f"{str(name)!r} is named twice")
        seen.add(name)
