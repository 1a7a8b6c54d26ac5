"""What can be wrong with the reactions of a playbook: unknown names, values that do not fit, chains of them that lead back to where they began."""

from collections.abc import Iterator, Mapping

from domain.deadlines.limits import named_in
from domain.naming import a
from domain.playbook.check_deadlines import date_problems
from domain.playbook.check_working import ReadRule
from domain.playbook.fields import FieldKind, FieldSpec
from domain.playbook.formats import refuse_unfit
from domain.playbook.model import Kind, Playbook
from domain.playbook.problems import Place, PlaybookProblem, known, named_once, not_among
from domain.playbook.reactions import (
    ASKED,
    NARROWED_BY,
    STEPS,
    TOLD,
    FromField,
    Opening,
    ReactionStep,
    Trigger,
    WorkAsked,
    WorkRescheduled,
    Written,
    reaction_place,
)
from domain.rules.tree import Rule
from domain.rules.types import Vocabulary
from domain.values import ValueRefused, store


def reaction_problems(playbook: Playbook, name: str, kind: Kind, here: Place) -> Iterator[PlaybookProblem]:
    """Everything wrong with the reactions of a kind, but for their rules and for the circles they make."""
    for reaction_name, reaction in kind.reactions.items():
        at: Place = (*here, "reactions", reaction_name)
        yield from _trigger(kind, reaction.on, (*at, "on"))
        if not reaction.then:
            yield PlaybookProblem((*at, "then"), f"say what it does: one of {', '.join(STEPS)}")
        for index, step in enumerate(reaction.then):
            yield from _step(playbook, name, kind, step, (*at, "then", str(index)))
        if reaction_name in ("enter", "leave") and "reactions" in kind.steps:
            yield PlaybookProblem(
                at,
                "the stage 'reactions' has a gate of this name, and rules are kept by these words; call the reaction otherwise",
            )
    for fork_name, fork in kind.forks.items():
        if fork.starts_on is not None:
            yield from _by_itself(kind, fork_name, (*here, "forks", fork_name, "starts_on"))
    for word in TOLD:
        if word in playbook.roles and kind.reactions:
            yield PlaybookProblem(
                ("roles", word),
                f"in reactions {word!r} means somebody of the record; call the role otherwise",
            )


def reaction_rules(
    name: str, kind: Kind, vocabulary: Vocabulary, read_rule: ReadRule, here: Place
) -> tuple[dict[str, Rule], list[PlaybookProblem]]:
    """Read the rules of a kind's reactions; return them by place, and everything wrong with them."""
    rules: dict[str, Rule] = {}
    problems: list[PlaybookProblem] = []
    for reaction_name, reaction in kind.reactions.items():
        if reaction.when is None:
            continue
        found = read_rule(reaction.when, vocabulary, (*here, "reactions", reaction_name, "when"))
        if isinstance(found, list):
            problems += found
        else:
            rules[reaction_place(name, reaction_name)] = found
    return rules, problems


# ── what sets it off ─────────────────────────────────────────────────────────────────────────────────────────────────


def _trigger(kind: Kind, on: Trigger, here: Place) -> Iterator[PlaybookProblem]:
    takes = NARROWED_BY[on.event]
    told = f"it is narrowed by {', '.join(takes)}" if takes else "it is not narrowed by anything"
    valid: Mapping[str, tuple[Mapping[str, object] | tuple[str, ...], str]] = {
        "to": ((*kind.steps, *kind.stages), "step or stage"),
        "kind": (kind.touches, "kind of touch"),
        "template": (kind.work, "work template"),
        "fork": (kind.forks, "fork"),
        "chain": (kind.approvals, "approval chain"),
        "deadline": (named_in(kind), "deadline"),
    }
    for member, value in on.narrowed:
        place = (*here, member)
        if member not in takes:
            yield PlaybookProblem(place, f"{on.event!r} has no {member!r}: {told}; leave it out")
        elif member in valid:
            names, what = valid[member]
            yield from known(str(value), names, what, place)
        elif member == "field" and on.event == "evidence-attached":
            yield from known(str(value), kind.evidence_fields, "evidence field", place)
        elif member == "field":
            yield from known(str(value), kind.fields, "field", place)
            if value in kind.evidence_fields:
                yield PlaybookProblem(
                    place, f"{value!r} is evidence, which is attached: say the event 'evidence-attached'"
                )
    needed: Mapping[str, tuple[Mapping[str, object] | tuple[str, ...], str]] = {
        "fork-joined": (kind.forks, "forks"),
        "approval-requested": (kind.approvals, "approvals"),
        "approval-decided": (kind.approvals, "approvals"),
        "deadline-noticed": (named_in(kind), "deadlines"),
        "stage-changed": (kind.stages, "stages"),
    }
    if on.event in needed and not list(on.narrowed):
        parts, what = needed[on.event]
        if not parts:
            yield PlaybookProblem(
                (*here, "event"), f"this kind has no {what}, so it never happens; write {what!r} first"
            )


# ── what it does ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _step(
    playbook: Playbook, name: str, kind: Kind, step: ReactionStep, here: Place
) -> Iterator[PlaybookProblem]:
    given = step.given
    if len(given) != 1:
        told = f"{given[0]} and {given[1]} are both given" if given else "none is given"
        yield PlaybookProblem(here, f"a step does exactly one thing, one of {', '.join(STEPS)}; {told}")
    if step.request_work is not None:
        yield from _work_asked(playbook, kind, step.request_work, (*here, "request_work"))
    if step.reschedule_work is not None:
        yield from _work_rescheduled(kind, step.reschedule_work, (*here, "reschedule_work"))
    if step.start_fork is not None:
        yield from known(step.start_fork, kind.forks, "fork", (*here, "start_fork"))
        yield from _by_itself(kind, step.start_fork, (*here, "start_fork"))
    if step.request_approval is not None:
        yield from known(step.request_approval, kind.approvals, "approval chain", (*here, "request_approval"))
    if step.set_fields is not None:
        yield from _values(kind, name, kind, step.set_fields, (*here, "set_fields"))
    if step.open_record is not None:
        yield from _opening(playbook, name, kind, step.open_record, (*here, "open_record"))
    for member in ("alert", "notify"):
        telling = getattr(step, member)
        if telling is not None:
            at: Place = (*here, member, "tell")
            yield from named_once(telling.tell, at)
            for index, who in enumerate(telling.tell):
                yield from known(who, (*TOLD, *playbook.roles), "role or place", (*at, str(index)))


def _by_itself(kind: Kind, fork: str, here: Place) -> Iterator[PlaybookProblem]:
    """A fork that nobody starts finds its people by their roles, or not at all."""
    for name, leg in kind.forks[fork].legs.items() if fork in kind.forks else ():
        template = kind.work.get(leg.template)
        if template is not None and template.role is None and leg.role is None:
            yield PlaybookProblem(
                here,
                f"nobody is there to name a person for the leg {name!r}; give it a role, or its template",
            )


def _work_asked(playbook: Playbook, kind: Kind, asked: WorkAsked, here: Place) -> Iterator[PlaybookProblem]:
    yield from known(asked.template, kind.work, "work template", (*here, "template"))
    template = kind.work.get(asked.template)
    if asked.due is not None:
        yield from date_problems(kind, asked.due.from_, (*here, "due", "from"))
        if asked.within_hours is not None:
            yield PlaybookProblem(
                (*here, "due"), "it is due within hours or by a date, not both: leave one of them out"
            )
    if asked.assignee is not None:
        yield from known(asked.assignee, (*ASKED, *playbook.roles), "role or place", (*here, "assignee"))
    if template is None:
        return
    if asked.assignee is None and template.role is None:
        yield PlaybookProblem(
            here, f"the template {asked.template!r} is for no role: say the 'assignee', or its role"
        )
    if asked.assignee in playbook.roles and template.role not in (None, asked.assignee):
        yield PlaybookProblem(
            (*here, "assignee"),
            f"the template {asked.template!r} is for the role {template.role!r}; leave this out",
        )


def _work_rescheduled(kind: Kind, moved: WorkRescheduled, here: Place) -> Iterator[PlaybookProblem]:
    yield from known(moved.template, kind.work, "work template", (*here, "template"))
    yield from date_problems(kind, moved.due.from_, (*here, "due", "from"))


def _opening(
    playbook: Playbook, name: str, kind: Kind, opening: Opening, here: Place
) -> Iterator[PlaybookProblem]:
    yield from known(opening.kind, playbook.kinds, "kind", (*here, "kind"))
    if opening.as_ is not None:
        yield from known(opening.as_, kind.relations, "relation", (*here, "as"))
        relation = kind.relations.get(opening.as_)
        if relation is not None and opening.kind in playbook.kinds and relation.to != opening.kind:
            yield PlaybookProblem(
                (*here, "as"),
                f"the relation {opening.as_!r} leads to records of {relation.to!r}, not of this kind",
            )
    target = playbook.kinds.get(opening.kind)
    if target is None:
        return
    if len(target.paths) > 1:
        yield PlaybookProblem(
            (*here, "kind"),
            f"{a(opening.kind)} takes one of several paths, and nobody is there to choose; open one of another kind",
        )
    if opening.link is not None:
        at: Place = (*here, "link")
        yield from known(opening.link, target.fields, "field", at)
        spec = target.fields.get(opening.link)
        if spec is not None and (spec.type is not FieldKind.reference or spec.to != name):
            yield PlaybookProblem(
                at, f"{opening.link!r} is no reference to records of {name!r}; name one that is"
            )
        if opening.link in opening.fields:
            yield PlaybookProblem(
                (*here, "fields", opening.link), "the link fills this field; leave it out here"
            )
    yield from _values(kind, opening.kind, target, opening.fields, (*here, "fields"))


def _values(
    kind: Kind, target_name: str, target: Kind, values: Mapping[str, Written], here: Place
) -> Iterator[PlaybookProblem]:
    """Everything wrong with values for fields of one kind, taken from fields of another (or the same) where they are not written down."""
    for name, value in values.items():
        at: Place = (*here, name)
        if name not in target.fields:
            yield not_among(target.fields, name, f"{a(target_name)} has no field {name!r}", at)
            continue
        spec = target.fields[name]
        if spec.type is FieldKind.evidence:
            yield PlaybookProblem(at, f"{name!r} is evidence, which somebody attaches")
        elif isinstance(value, FromField):
            yield from known(value.from_, kind.fields, "field", (*at, "from"))
            source = kind.fields.get(value.from_)
            message = None if source is None else _mismatch(value.from_, source, name, spec)
            if message is not None:
                yield PlaybookProblem((*at, "from"), message)
        elif value is not None:
            yield from _written(spec, value, at)


def _written(spec: FieldSpec, value: object, here: Place) -> Iterator[PlaybookProblem]:
    value_type, choose = spec.value_type, spec.choose
    assert value_type is not None  # evidence is refused before
    try:
        stored = store(
            value_type,
            value,
            at_least=choose.at_least if choose else 0,
            at_most=choose.at_most if choose else None,
        )
        if stored not in ("", []):
            refuse_unfit(spec, stored)
    except ValueRefused as refused:
        yield PlaybookProblem(here, str(refused), refused.suggestion)


def _mismatch(source_name: str, source: FieldSpec, name: str, spec: FieldSpec) -> str | None:
    """Say why the value of one field cannot be that of another."""
    if source.type is FieldKind.evidence:
        return f"{source_name!r} is evidence, which belongs to its own record"
    if source.is_personal and not spec.is_personal:
        return f"{source_name!r} is personal, and {name!r} would keep it open; make {name!r} personal too"
    if source.type is not spec.type:
        return f"{source_name!r} is {a(source.type)} field, and {name!r} {a(spec.type)} field"
    if source.currency != spec.currency:
        return f"{source_name!r} is in {source.currency}, and {name!r} in {spec.currency}"
    if source.to != spec.to:
        return f"{source_name!r} leads to records of {source.to!r}, and {name!r} to those of {spec.to!r}: take a field that leads there too"
    lacking = [option for option in source.options if option not in spec.options]
    if lacking:
        return f"{name!r} has no option {lacking[0]!r}, which {source_name!r} may have"
    if source.type is FieldKind.choice and source.choose != spec.choose:
        return f"{source_name!r} and {name!r} do not choose as many options"
    return None
