"""What can be wrong with healthy actions: nothing that begins them, no time by which they are to be done."""

from collections.abc import Iterator
from decimal import Decimal

from domain.playbook.healthy import HealthyAction
from domain.playbook.model import Kind
from domain.playbook.problems import Place, PlaybookProblem, known

_OF = ("fork", "work", "request")


def healthy_problems(kind: Kind, here: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with the healthy actions of a kind."""
    for name, action in kind.healthy.items():
        at: Place = (*here, "healthy", name)
        given = [member for member in _OF if getattr(action, member) is not None]
        if len(given) != 1:
            yield PlaybookProblem(
                (*at, given[1]) if given else at,
                "say what it follows by exactly one of 'fork', 'work' and 'request'",
            )
        for member, valid in (("fork", kind.forks), ("work", kind.work), ("request", kind.requests)):
            told = getattr(action, member)
            if told is not None:
                yield from known(told, valid, "work template" if member == "work" else member, (*at, member))
        if action.work is None and action.clock != "done":
            yield PlaybookProblem((*at, "clock"), "a clock is chosen for work; this one has no other")
        if len(given) == 1 and limit_of(kind, action) is None:
            yield PlaybookProblem(
                (*at, "within_hours"),
                "say within how many hours; nothing else does, so it would never be late",
            )


def limit_of(kind: Kind, action: HealthyAction) -> Decimal | None:
    """Return within how many hours it is to follow: its own, else those of the template; None where nobody says."""
    template = kind.work.get(action.work or "")
    if action.within_hours is not None or template is None:
        return action.within_hours
    limits = {"response": template.respond_within_hours, "done": template.complete_within_hours}
    return limits.get(action.clock)
