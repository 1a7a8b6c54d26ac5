"""What can be wrong with the work of a playbook: nobody to do it, nothing to see when it is done, joins nothing can meet."""

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Protocol

from domain.playbook.check_fields import field_problems
from domain.playbook.model import FieldKind, Kind, Playbook
from domain.playbook.problems import Place, PlaybookProblem, known, named_once
from domain.playbook.working import (
    OF_THE_REQUESTER,
    ApprovalChain,
    ChecklistItem,
    Fork,
    WorkTemplate,
    chain_place,
)
from domain.rules.tree import Rule
from domain.rules.types import Vocabulary


class ReadRule(Protocol):
    """Turns the text of a rule into its typed tree, or tells everything wrong with it."""

    def __call__(self, text: str, vocabulary: Vocabulary, place: Place) -> Rule | list[PlaybookProblem]:
        """Read one rule."""


def work_problems(playbook: Playbook, kind: Kind, here: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with the templates, forks and chains of a kind, but for their rules."""
    for name, template in kind.work.items():
        yield from _template(playbook, kind, template, (*here, "work", name))
    for name, fork in kind.forks.items():
        yield from _fork(playbook, kind, fork, (*here, "forks", name))
    for name, chain in kind.approvals.items():
        yield from _chain(playbook, chain, (*here, "approvals", name))
        if name in ("enter", "leave") and "approvals" in kind.steps:
            yield PlaybookProblem(
                (*here, "approvals", name),
                "the stage 'approvals' has a gate of this name, and rules are kept by these words; call the chain otherwise",
            )
    for word in OF_THE_REQUESTER:
        if word in playbook.roles and kind.approvals:
            yield PlaybookProblem(
                ("roles", word),
                f"in chains of approval {word!r} means somebody above the requester; call the role otherwise",
            )


def approval_rules(
    name: str, kind: Kind, vocabulary: Vocabulary, read_rule: ReadRule, here: Place
) -> tuple[dict[str, Rule], list[PlaybookProblem]]:
    """Read the rules of a kind's chains and levels; return them by place, and everything wrong with them."""
    rules: dict[str, Rule] = {}
    problems: list[PlaybookProblem] = []
    for chain_name, chain in kind.approvals.items():
        at: Place = (*here, "approvals", chain_name)
        texts: list[tuple[str, str | None, Place]] = [
            (chain_place(name, chain_name), chain.when, (*at, "when"))
        ]
        texts += [
            (chain_place(name, chain_name, level_name), level.when, (*at, "levels", level_name, "when"))
            for level_name, level in chain.levels.items()
        ]
        for place, text, stands_at in texts:
            found = None if text is None else read_rule(text, vocabulary, stands_at)
            if isinstance(found, list):
                problems += found
            elif found is not None:
                rules[place] = found
    return rules, problems


def _template(
    playbook: Playbook, kind: Kind, template: WorkTemplate, here: Place
) -> Iterator[PlaybookProblem]:
    if template.role is not None:
        yield from known(template.role, playbook.roles, "role", (*here, "role"))
    for name, spec in template.fields.items():
        at: Place = (*here, "fields", name)
        yield from field_problems(playbook, spec, at)
        if spec.type is FieldKind.evidence:
            yield PlaybookProblem(
                (*at, "type"),
                "evidence is attached to the record: make it a field of the kind, and list it under 'evidence'",
            )
        if spec.lookup is not None:
            yield PlaybookProblem(
                (*at, "lookup"), "values are looked up for fields of records, not for those of a form"
            )
    yield from _each(template.requires, template.fields, "field of the form", (*here, "requires"))
    yield from _each(template.evidence, kind.evidence_fields, "evidence field", (*here, "evidence"))
    for name, item in template.checklist.items():
        at = (*here, "checklist", name)
        yield from _each(item.after, template.checklist, "checklist item", (*at, "after"))
        if item.role is not None:
            yield from known(item.role, playbook.roles, "role", (*at, "role"))
        if item.evidence is not None:
            yield from known(item.evidence, kind.evidence_fields, "evidence field", (*at, "evidence"))
        if not item.required and item.compliance:
            yield PlaybookProblem((*at, "required"), "a compliance point is a duty; it cannot be left open")
        optional = [before for before in item.after if _is_optional(template.checklist, before)]
        if item.required and optional:
            yield PlaybookProblem(
                (*at, "after"), f"this is required, and {optional[0]!r} before it is not; make both the same"
            )
    yield from _circles(template.checklist, (*here, "checklist"))
    yield from _limits(template, here)
    shows = bool(template.requires or template.evidence)
    shows = shows or any(item.required for item in template.checklist.values())
    if not shows and not template.done_by_word:
        yield PlaybookProblem(
            here,
            "nothing shows when this is done: ask for fields of its form (requires), evidence or a checklist,"
            " or say 'done_by_word: true'",
        )
    if shows and template.done_by_word:
        yield PlaybookProblem(
            (*here, "done_by_word"), "this asks for more than somebody's word; leave 'done_by_word' out"
        )


def _is_optional(checklist: Mapping[str, ChecklistItem], name: str) -> bool:
    return name in checklist and not checklist[name].required


def _limits(template: WorkTemplate, here: Place) -> Iterator[PlaybookProblem]:
    respond, complete = template.respond_within_hours, template.complete_within_hours
    if respond is not None and complete is not None and respond > complete:
        yield PlaybookProblem(
            (*here, "respond_within_hours"), f"the work is due after {complete} hours, before this answer is"
        )
    for name, item in template.checklist.items():
        if item.within_hours is not None and complete is not None and item.within_hours > complete:
            yield PlaybookProblem(
                (*here, "checklist", name, "within_hours"),
                f"the work is due after {complete} hours, before this item is",
            )


def _circles(checklist: Mapping[str, ChecklistItem], here: Place) -> Iterator[PlaybookProblem]:
    """Items that wait for each other can never be ticked; each circle is told once, at one of its items."""
    left = {
        name: [before for before in item.after if before in checklist] for name, item in checklist.items()
    }
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            # The library tells a circle with each item before the one that waits for it, the first one again at the end.
            circle: list[str] = error.args[1][::-1]
            told = " waits for ".join(map(repr, circle))
            yield PlaybookProblem((*here, circle[0], "after"), f"nobody could ever tick this: {told}")
            left = {
                name: [other for other in before if other not in circle]
                for name, before in left.items()
                if name not in circle
            }
        else:
            return


def _fork(playbook: Playbook, kind: Kind, fork: Fork, here: Place) -> Iterator[PlaybookProblem]:
    for name, leg in fork.legs.items():
        at: Place = (*here, "legs", name)
        yield from known(leg.template, kind.work, "work template", (*at, "template"))
        if leg.role is not None:
            yield from known(leg.role, playbook.roles, "role", (*at, "role"))
        template = kind.work.get(leg.template)
        asked = template.role if template is not None else None
        if leg.role is not None and asked is not None and leg.role != asked:
            yield PlaybookProblem(
                (*at, "role"), f"the template {leg.template!r} is for the role {asked!r}; leave this one out"
            )
    if isinstance(fork.join, int) and fork.join > len(fork.legs):
        yield PlaybookProblem(
            (*here, "join"), f"there are {len(fork.legs)} legs; {fork.join} of them can never be done"
        )
    if fork.starts_on is not None:
        yield from known(fork.starts_on, (*kind.steps, *kind.stages), "stage", (*here, "starts_on"))


def _chain(playbook: Playbook, chain: ApprovalChain, here: Place) -> Iterator[PlaybookProblem]:
    for name, level in chain.levels.items():
        at: Place = (*here, "levels", name)
        yield from _each(level.roles, (*playbook.roles, *OF_THE_REQUESTER), "role", (*at, "roles"))
        if level.quorum is not None and level.quorum > len(level.roles):
            yield PlaybookProblem(
                (*at, "quorum"), f"{len(level.roles)} roles decide here; {level.quorum} can never approve"
            )
    if all(level.when is not None for level in chain.levels.values()) and len(chain.levels) == 1:
        yield PlaybookProblem(
            (*here, "levels", next(iter(chain.levels)), "when"),
            "this is the only level: say 'when' of the chain, or it could end without anybody asked",
        )


def _each(names: Iterable[str], valid: Iterable[str], what: str, here: Place) -> Iterator[PlaybookProblem]:
    names, valid = tuple(names), tuple(valid)
    yield from named_once(names, here)
    for index, name in enumerate(names):
        yield from known(name, valid, what, (*here, str(index)))
