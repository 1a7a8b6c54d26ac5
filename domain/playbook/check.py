"""What can be wrong with a playbook although each part of it is well-formed."""

from collections.abc import Iterator
from typing import Protocol
from zoneinfo import ZoneInfo

from domain.naming import a
from domain.playbook.check_calendar import calendar_problems
from domain.playbook.check_deadlines import deadline_problems
from domain.playbook.check_fields import field_problems
from domain.playbook.check_healthy import healthy_problems
from domain.playbook.check_measuring import action_problems, index_problems, request_problems
from domain.playbook.check_pools import pool_problems, pool_rules
from domain.playbook.check_quick_entry import progress_problems
from domain.playbook.check_reactions import reaction_problems, reaction_rules
from domain.playbook.check_way import form_problems, gate_problems, way_problems
from domain.playbook.check_working import approval_rules, work_problems
from domain.playbook.model import FieldKind, JoiningFact, Kind, Playbook
from domain.playbook.problems import Place, PlaybookProblem, known, named_once
from domain.playbook.reaction_circles import circle_problems
from domain.rules.tree import Rule
from domain.rules.types import Vocabulary

__all__ = ["Place", "PlaybookProblem", "RuleReader", "check", "rule_place", "vocabulary_of"]

RULES_ARE_TEXT_OF = "rule"

RESERVED_KINDS = frozenset(
    {
        "deadlines",
        "drafts",
        "erasures",
        "inboxes",
        "indices",
        "log",
        "organisation",
        "person",
        "playbooks",
        "pools",
        "reactions",
        "refusals",
    }
)
"""Streams begin with the name of a kind, and these begin the names of other streams and of people."""

RESERVED_COLLECTIONS = frozenset(
    {
        "approvals", "audit", "boards", "bulk", "commands", "deadlines", "erasures", "escalations", "events", "evidence", "exports", "inbox", "indices", "lookups", "metrics", "organisation", "people",
        "playbooks", "pools", "problems", "projections", "reactions", "replays", "schemas", "teams", "work",
    }
)  # fmt: skip
"""Records are reached by the name of their collection, and these are words of the API itself."""


class RuleReader(Protocol):
    """Turns the text of a rule into its typed tree, or tells everything wrong with it."""

    def __call__(self, text: str, vocabulary: Vocabulary, place: Place) -> Rule | list[PlaybookProblem]:
        """Read one rule."""


def vocabulary_of(kind: Kind) -> Vocabulary:
    """Return what rules of a kind may speak of: its fields, evidence, touches, the steps a record can stand in, its work and its chains of approval."""
    fields = {name: spec.value_type for name, spec in kind.fields.items()}
    return Vocabulary(
        fields={name: value_type for name, value_type in fields.items() if value_type is not None},
        evidence_types=kind.evidence_fields,
        touch_kinds=tuple(kind.touches),
        stages=tuple(kind.steps),
        work_templates=tuple(kind.work),
        approval_chains=tuple(kind.approvals),
        forms={name: template.read_by_rules for name, template in kind.work.items()},
    )


def rule_place(kind: str, step: str, side: str, condition: str) -> str:
    """Name the place of a gate's rule, the key under which its typed tree is published; `step` is a stage or a node."""
    return f"{kind}/{step}/{side}/{condition}"


def check(playbook: Playbook, read_rule: RuleReader) -> tuple[dict[str, Rule], list[PlaybookProblem]]:
    """Check a whole playbook; return its rules by place, and everything that is wrong, all at once."""
    rules: dict[str, Rule] = {}
    problems = list(_whole(playbook))
    for name, kind in playbook.kinds.items():
        problems += _kind(playbook, name, kind)
        vocabulary = vocabulary_of(kind)
        for place_of_step, step, side, gate in kind.gates:
            place: Place = ("kinds", name, *place_of_step, side)
            problems += gate_problems(kind, gate, place)
            for condition_name, condition in gate.conditions.items():
                found = read_rule(
                    condition.rule, vocabulary, (*place, "conditions", condition_name, RULES_ARE_TEXT_OF)
                )
                if isinstance(found, list):
                    problems += found
                else:
                    rules[rule_place(name, step, side, condition_name)] = found
        of_chains, wrong = approval_rules(name, kind, vocabulary, read_rule, ("kinds", name))
        rules |= of_chains
        problems += wrong
        of_reactions, wrong = reaction_rules(name, kind, vocabulary, read_rule, ("kinds", name))
        rules |= of_reactions
        problems += wrong
    of_pools, wrong = pool_rules(
        playbook, lambda text, kind, place: read_rule(text, vocabulary_of(playbook.kinds[kind]), place)
    )
    return rules | of_pools, problems + wrong


def _whole(playbook: Playbook) -> Iterator[PlaybookProblem]:
    try:
        ZoneInfo(playbook.time_zone)
    except (KeyError, ValueError, OSError):
        yield PlaybookProblem(
            ("time_zone",), f"there is no time zone {playbook.time_zone!r}; write one as Asia/Shanghai"
        )
    for member in ("collection", "prefix"):
        seen: dict[str, str] = {}
        for name, kind in playbook.kinds.items():
            value = str(getattr(kind, member))
            if value in seen:
                yield PlaybookProblem(
                    ("kinds", name, member),
                    f"the {member} {value!r} is already that of {seen[value]!r}; choose another one",
                )
            seen.setdefault(value, name)
    joining, here = playbook.organisation.joining, ("organisation", "joining")
    yield from named_once(joining.requires, (*here, "requires"))
    for fact in joining.labels:
        yield from known(fact, JoiningFact, "fact", (*here, "labels", fact))
    if playbook.calendar is not None:
        yield from calendar_problems(playbook.calendar, ("calendar",))
    for name, index in playbook.indices.items():
        yield from index_problems(playbook, index, ("indices", name))
    yield from pool_problems(playbook)
    yield from circle_problems(playbook)


def _kind(playbook: Playbook, name: str, kind: Kind) -> Iterator[PlaybookProblem]:
    here: Place = ("kinds", name)
    if name in RESERVED_KINDS:
        yield PlaybookProblem(here, f"the name {name!r} is taken by dealtrail itself; choose another one")
    if kind.collection in RESERVED_COLLECTIONS:
        yield PlaybookProblem(
            (*here, "collection"), f"{kind.collection!r} is a word of the API itself; choose another one"
        )
    if kind.title is not None:
        yield from known(kind.title, kind.fields, "field", (*here, "title"))
    if kind.worth is not None:
        yield from known(kind.worth, kind.fields, "field", (*here, "worth"))
        if kind.worth in kind.fields and kind.fields[kind.worth].type is not FieldKind.money:
            yield PlaybookProblem(
                (*here, "worth"), f"{kind.worth!r} is not a money field; boards add up money"
            )
    if kind.subject != "self":
        yield from known(kind.subject, kind.fields, "field", (*here, "subject"))
        spec = kind.fields.get(kind.subject)
        if spec is not None and spec.type is not FieldKind.reference:
            yield PlaybookProblem(
                (*here, "subject"),
                f"the subject must be 'self' or a reference field; {kind.subject!r} is {a(spec.type)} field",
            )
    yield from way_problems(kind, here)
    for relation_name, relation in kind.relations.items():
        yield from known(relation.to, playbook.kinds, "kind", (*here, "relations", relation_name, "to"))
    for field_name, field in kind.fields.items():
        yield from field_problems(playbook, field, (*here, "fields", field_name))
    for form_name, form in kind.forms.items():
        yield from form_problems(playbook, kind, form, (*here, "forms", form_name))
    yield from action_problems(playbook, kind, here)
    yield from request_problems(kind, here)
    yield from healthy_problems(kind, here)
    yield from deadline_problems(playbook, kind, here)
    yield from work_problems(playbook, kind, here)
    yield from progress_problems(kind, here)
    yield from reaction_problems(playbook, name, kind, here)
