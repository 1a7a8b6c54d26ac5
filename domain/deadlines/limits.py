"""Time limits that stand where something is asked, at a level of a chain and at an item of a checklist: each is a deadline of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, NamedTuple, TypeAlias

from domain.deadlines.asked import Asked, Since
from domain.labels import Label
from domain.playbook.deadlines import ASSIGNEE, MANAGER, Deadline, Rung
from domain.playbook.model import Kind

APPROVALS, WORK = "approvals", "work"
"""Where limits stand, and how the names of their deadlines begin; no deadline of a playbook has a name with points in it."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The deadline that a limit makes: whoever has to answer is told when it is due, and their manager once as much time again has passed.

    It is about one `part`, a level or an item. Whoever ticks an item of a `role` has to hold it. It passes as every deadline does of which
    nothing else is said: in the calendar, where there is one.
    """

    part: str
    hours: Decimal
    role: str | None = None

    by: ClassVar[None] = None
    warn_percent: ClassVar[None] = None

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The ladder from the due moment on."""
        return (Rung(tell=(ASSIGNEE,)), Rung(tell=(MANAGER,), after_hours=self.hours))


Rule: TypeAlias = Deadline | Limit
"""What a deadline that runs goes by: what a playbook says of it, or a limit."""


class Running(NamedTuple):
    """A limit that runs: its name, the deadline it makes, and since when."""

    name: str
    limit: Limit
    since: Since


def limits_of(item: Asked, kind: Kind) -> Iterator[Running]:
    """Return the limits that run for what was asked and is open.

    Those of an approval are the ones it began under; they run level by level, as each has to be decided. Those of a checklist are the ones of the
    kind as it is read now, as with every limit of work: an item's time begins with the request, or when the last item it comes after was ticked.
    """
    if item.what == "approval":
        for level in item.levels:
            if level.within_hours is not None and level.since is not None:
                name = limit_name(APPROVALS, item.named, level.name)
                yield Running(name, Limit(level.name, level.within_hours), level.since)
        return
    template = kind.work.get(item.named)
    for part, spec in {} if template is None else template.checklist.items():
        if spec.within_hours is None or part in item.ticked or not item.ticked.keys() >= set(spec.after):
            continue
        begins = [Since(item.position, item.starts_at), *(item.ticked[before] for before in spec.after)]
        name = limit_name(WORK, item.named, part)
        yield Running(
            name,
            Limit(part, spec.within_hours, spec.role),
            Since(max(begin.position for begin in begins), max(begin.starts_at for begin in begins)),
        )


def limit_name(where: str, named: str, part: str) -> str:
    """Name the deadline of a level or an item: `approvals.CHAIN.LEVEL`, `work.TEMPLATE.ITEM`."""
    return f"{where}.{named}.{part}"


def named_in(kind: Kind) -> tuple[str, ...]:
    """Return the names of all deadlines a kind can have: its own, then those of its limits."""
    levels = (
        limit_name(APPROVALS, chain, part)
        for chain, spec in kind.approvals.items()
        for part, level in spec.levels.items()
        if level.within_hours is not None
    )
    items = (
        limit_name(WORK, template, part)
        for template, spec in kind.work.items()
        for part, item in spec.checklist.items()
        if item.within_hours is not None
    )
    return (*kind.deadlines, *levels, *items)


def called(kind: Kind, name: str) -> tuple[Label, Label | None] | None:
    """Return what a deadline is called in a kind, and why there is it; None for one the kind does not know."""
    if name in kind.deadlines:
        return kind.deadlines[name].label, kind.deadlines[name].why
    where, _, rest = name.partition(".")
    named, _, part = rest.partition(".")
    if where == APPROVALS and named in kind.approvals and part in kind.approvals[named].levels:
        chain = kind.approvals[named]
        return _both(chain.label, chain.levels[part].label), chain.why
    if where == WORK and named in kind.work and part in kind.work[named].checklist:
        item = kind.work[named].checklist[part]
        return _both(kind.work[named].label, item.label), item.why
    return None


def _both(of: Label, part: Label) -> Label:
    # Each of the two may be as long as a label gets.
    return Label.model_construct(zh=f"{of.zh}：{part.zh}", en=f"{of.en}: {part.en}")
