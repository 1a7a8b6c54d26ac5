"""Which reactions could set each other off, and the circles that nothing would ever stop."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from domain.playbook.model import Kind, Playbook
from domain.playbook.problems import PlaybookProblem
from domain.playbook.reactions import ReactionStep, Trigger, all_reactions

Named: TypeAlias = tuple[str, str]
"""A reaction by its kind and its name."""


@dataclass(frozen=True, slots=True)
class _Caused:
    """An event a step may cause: on a record of a kind, with what is known of it beforehand by the members it could be narrowed by."""

    kind: str
    event: str
    of: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def may_set_off(self, kind: str, on: Trigger) -> bool:
        """Tell whether a reaction could be set off by it: what is not known beforehand may be whatever is asked for."""
        return (
            kind == self.kind
            and on.event == self.event
            and all(member not in self.of or value in self.of[member] for member, value in on.narrowed)
        )


def graph(playbook: Playbook) -> dict[Named, list[Named]]:
    """Return for each reaction those that what its steps cause could set off, in the order of the playbook.

    What people do about it later, and what time does, is no part of it: neither goes round by itself.
    """
    named = {
        (kind_name, name): reaction
        for kind_name, kind in playbook.kinds.items()
        for name, reaction in all_reactions(kind.reactions, kind.forks).items()
    }
    return {
        (kind_name, name): [
            other
            for other, further in named.items()
            if any(
                caused.may_set_off(other[0], further.on)
                for step in reaction.then
                for caused in _caused(playbook, kind_name, step)
            )
        ]
        for (kind_name, name), reaction in named.items()
    }


def circle_problems(playbook: Playbook) -> Iterator[PlaybookProblem]:
    """Tell circles with their whole path, each at the first of its reactions; one that shares a reaction with a circle already told waits until that is mended."""
    left = graph(playbook)
    order = {name: number for number, name in enumerate(left)}
    while True:
        try:
            # The sorter wants to know what comes before: here, whom each is set off by.
            TopologicalSorter(
                {name: [other for other in left if name in left[other]] for name in left}
            ).prepare()
        except CycleError as error:
            # The library tells a circle with each one before the next it sets off, the first one again at the end.
            circle: list[Named] = error.args[1][:-1]
            start = circle.index(min(circle, key=order.__getitem__))
            path = [*circle[start:], *circle[:start], circle[start]]
            told = " → ".join(f"{kind}.{name}" for kind, name in path)
            kind, name = path[0]
            yield PlaybookProblem(
                ("kinds", kind, "reactions", name),
                f"these set each other off without end: {told}; narrow what one of them is set off by ('on'), or leave a step out",
            )
            left = {
                name: [other for other in further if other not in circle]
                for name, further in left.items()
                if name not in circle
            }
        else:
            return


def _caused(playbook: Playbook, kind_name: str, step: ReactionStep) -> Iterator[_Caused]:
    kind: Kind = playbook.kinds[kind_name]
    if step.request_work is not None:
        yield _Caused(kind_name, "work-requested", {"template": frozenset({step.request_work.template})})
    if step.start_fork is not None and step.start_fork in kind.forks:
        templates = frozenset(leg.template for leg in kind.forks[step.start_fork].legs.values())
        yield _Caused(kind_name, "work-requested", {"template": templates})
    if step.request_approval is not None:
        yield _Caused(kind_name, "approval-requested", {"chain": frozenset({step.request_approval})})
    if step.set_fields is not None:
        yield _Caused(kind_name, "fields-changed", {"field": frozenset(step.set_fields)})
    if step.open_record is not None:
        yield _Caused(step.open_record.kind, "opened")
        pools = any(pool.kind == step.open_record.kind for pool in playbook.pools.values())
        if pools and step.open_record.owner == "nobody":
            yield _Caused(step.open_record.kind, "owner-changed")  # a pool finds somebody by itself
