"""What a move is asked, by published rules and by the draft: worked out once for all attempts that are alike.

The rules of the domain say what is asked, put to an empty record; how the records themselves answer stands in columns.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

from domain.playbook.model import Kind, Right
from domain.playbook.published import PublishedPlaybook
from domain.record.gates import (
    Attempt,
    Move,
    Requirement,
    fields_of_chain,
    move_between,
    needs_right,
    requirements,
)
from domain.record.state import Record
from domain.refusals import NotFound
from domain.rules.tree import Node, evidence_types_of, facts_of
from domain.values import Stored
from projections.replay.asked_then import asked_for
from projections.replay.questions import (
    HasNoEntry,
    HasNoMoment,
    HoldsRole,
    IsErased,
    IsFilled,
    IsPerson,
    IsProven,
    IsTrue,
    Question,
    Reading,
    StandsOn,
    Validity,
    WasUnknown,
)
from projections.replay.rulebook import Rulebook, mappings_of

RIGHT_TO_SKIP = "right:skip"
RIGHT_TO_WAIVE = "right:waive"


@dataclass(frozen=True, slots=True)
class Group:
    """Attempts that are alike as far as rules look at the attempt and not at the record."""

    playbook: str | None
    version: int | None
    kind: str
    path: str | None
    before: str | None
    after: str
    move: str
    has_reason: bool
    waives: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a move is asked, and the questions that tell how it is answered.

    `erased`: it rests on what these say. `unknown`: nobody knew, or no playbook asked, when one of these is so, or always
    (`is_unknown`); with `only_unmet` that matters only where it is not met. `same`: the published rules asked the very same.
    `only_if`: it counts as not met only where this is so. `is_right`: it is asked of whoever tried, not of the record.
    """

    id: str
    is_met: Question | bool
    erased: tuple[IsErased, ...] = ()
    unknown: tuple[Question, ...] = ()
    is_unknown: bool = False
    only_unmet: bool = False
    same: bool = False
    only_if: Question | None = None
    is_right: bool = False

    @property
    def questions(self) -> list[Question]:
        """Everything that has to be known."""
        own = [self.is_met] if not isinstance(self.is_met, bool) else []
        return [*own, *self.erased, *self.unknown, *([] if self.only_if is None else [self.only_if])]


Asked: TypeAlias = tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the attempts of a group are asked. `published` is None where the rules they name do not know such a move.

    `drafted` is None where the draft is not asked at all; `gone` names what of the attempt the draft does not have.
    """

    published: Asked | None
    drafted: Asked | None = None
    gone: tuple[str, ...] = ()

    @property
    def questions(self) -> list[Question]:
        """Everything that has to be known of the attempts."""
        return [*questions_of(self.published), *questions_of(self.drafted)]


def questions_of(asked: Asked | None) -> list[Question]:
    """List what has to be known to answer what is asked."""
    return [question for item in asked or () for question in item.questions]


def plan_of(group: Group, rulebook: Rulebook) -> Plan:
    """Work out what a group of attempts is asked."""
    then = rulebook.versions.get((group.playbook or "", group.version or 0))
    if then is None or group.kind not in then.document.kinds:
        return Plan(None)
    try:
        found = _requirements(then, group)
    except (KeyError, NotFound):
        return Plan(None)
    reading = Reading.of(mappings_of(then, group.kind))
    published = tuple(_item(item, then, group.kind, reading) for item in found)
    draft = rulebook.draft
    if draft is None or not rulebook.judges(group.playbook):
        return Plan(published)
    return _drafted(Plan(published), group, found, then, draft)


def asked_of(draft: PublishedPlaybook, group: Group, reading: Reading) -> Asked:
    """Say what a version asks of a move in its own words, without comparing it with another. Raises NotFound."""
    return tuple(_item(item, draft, group.kind, reading) for item in _requirements(draft, group))


def drafted_of(group: Group, then: PublishedPlaybook, draft: PublishedPlaybook, reading: Reading) -> Asked:
    """Say what the draft asks of a move in its own words, evidence counting as long as the draft says. Raises NotFound."""
    compared = _Comparison(then.document.kinds[group.kind], group.kind, reading, draft)
    return tuple(compared.item(item, same=False) for item in _requirements(draft, group))


def _drafted(
    plan: Plan, group: Group, found: list[Requirement], then: PublishedPlaybook, draft: PublishedPlaybook
) -> Plan:
    told = mappings_of(draft, group.kind)
    reading = Reading.of(mappings_of(then, group.kind), told)
    was = then.document.kinds[group.kind]
    before, after = (name and told.stages.get(name, name) for name in (group.before, group.after))
    assert after is not None
    try:
        kind = draft.kind(group.kind)
        move = "open" if before is None else move_between(kind, before, after, group.path)
    except NotFound as gone:
        return replace(plan, gone=(f"{gone.what}:{gone.name}",))
    if after not in kind.steps:
        return replace(plan, gone=(f"stage:{after}",))
    as_drafted = replace(group, before=before, after=after, move=move)
    asked_then = {item.asks.id: item.rule.tree if item.rule else None for item in found}
    compared = _Comparison(was, group.kind, reading, draft)
    items = [
        compared.item(
            item,
            same=item.asks.id in asked_then
            and asked_then[item.asks.id] == (item.rule.tree if item.rule else None),
        )
        for item in _requirements(draft, as_drafted)
    ]
    rights = _rights(group, move, (then, was), (draft, kind))
    return replace(plan, drafted=(*items, *rights))


def _requirements(playbook: PublishedPlaybook, group: Group) -> list[Requirement]:
    nobody = Record(
        stream=f"{group.kind}/-", version=0, position=0, fields={}, stage=group.before, path=group.path
    )
    attempt = Attempt(nobody, group.before, group.after, cast("Move", group.move), None, group.has_reason)
    return requirements(playbook, attempt, _sealed)


def _sealed(_stream: str, _field: str, stored: Stored) -> Stored:
    return stored


def stands_on(playbook: PublishedPlaybook, kind: str, tree: Node) -> StandsOn:
    """Say which fields the approvals a rule asks for stand on."""
    chains = {str(fact.arguments[0]) for fact in facts_of(tree) if fact.name == "approved"}
    return tuple((chain, tuple(sorted(fields_of_chain(playbook, kind, chain)))) for chain in sorted(chains))


def _item(item: Requirement, playbook: PublishedPlaybook, kind: str, reading: Reading) -> Item:
    name, zone = item.asks.id, playbook.document.time_zone
    what, _, of = name.partition(":")
    if item.rule is not None:
        erased = tuple(IsErased(reading, field) for field in sorted(item.rule.fields))
        on = stands_on(playbook, kind, item.rule.tree)
        return Item(name, IsTrue(reading, item.rule.tree, zone, stands_on=on), erased)
    match what:
        case "field":
            return Item(name, IsFilled(reading, of))
        case "evidence":
            return Item(name, IsProven(reading, of, zone))
        case _:
            return Item(name, item.is_met)


@dataclass(frozen=True)
class _Comparison:
    """The draft's kind beside the one that judged then."""

    then: Kind
    name: str
    reading: Reading
    draft: PublishedPlaybook

    @property
    def kind(self) -> Kind:
        return self.draft.document.kinds[self.name]

    @property
    def zone(self) -> str:
        return self.draft.document.time_zone

    def item(self, item: Requirement, *, same: bool) -> Item:
        name = item.asks.id
        what, _, of = name.partition(":")
        if item.rule is not None:
            return self._condition(item, same=same)
        match what:
            case "field":
                return Item(
                    name,
                    IsFilled(self.reading, of),
                    unknown=() if same else (WasUnknown(self.reading, of),),
                    is_unknown=of not in self._named(self.then.fields),
                    only_unmet=True,
                    same=same,
                )
            case "evidence":
                return Item(
                    name,
                    IsProven(self.reading, of, self.zone, self._validity({of})),
                    is_unknown=of not in self._named(self.then.evidence_fields),
                    only_unmet=True,
                    same=same,
                )
            case _:
                return Item(name, item.is_met, same=same)

    def _condition(self, item: Requirement, *, same: bool) -> Item:
        assert item.rule is not None
        tree = item.rule.tree
        fields = sorted(item.rule.fields)
        evidence = evidence_types_of(tree)
        facts = {fact.name for fact in facts_of(tree)}
        erased = tuple(IsErased(self.reading, field) for field in fields)
        on = stands_on(self.draft, self.name, tree)
        is_true = IsTrue(self.reading, tree, self.zone, self._validity(evidence), on)
        if same:
            return Item(item.asks.id, is_true, erased, same=True)
        about_time: list[Question] = []
        if facts & {"touches", "days_in_stage", "today"}:
            about_time.append(HasNoMoment())
        if "days_in_stage" in facts:
            about_time.append(HasNoEntry())
        return Item(
            item.asks.id,
            is_true,
            unknown=(*(WasUnknown(self.reading, field) for field in fields), *erased, *about_time),
            is_unknown=not self._named(self.then.fields).issuperset(fields)
            or not self._named(self.then.evidence_fields).issuperset(evidence)
            or not all(asked_for(fact, self.then) for fact in facts_of(tree)),
        )

    def _named(self, names: Iterable[str]) -> set[str | None]:
        """The names of then as the draft has them."""
        found: set[str | None] = set(names)
        for told in self.reading.levels[1:]:
            found = {told.field(name) for name in found if name is not None}
        return found

    def _validity(self, asked: Iterable[str]) -> Validity:
        """Evidence counts as long as the draft says, where it says otherwise than the rules it was attached under."""
        found = []
        levels = self.reading.levels[1:]
        for name in {*self.kind.fields, *(old for told in levels for old in told.fields)}:
            now: str | None = name
            for told in levels:
                now = told.field(now) if now is not None else None
            if now is None or now not in set(asked) or now not in self.kind.fields:
                continue
            before, after = self.then.fields.get(name), self.kind.fields[now]
            if before is None or before.valid_days != after.valid_days:
                found.append((name, after.valid_days))
        return tuple(sorted(found))


def _rights(
    group: Group, move: Move, then: tuple[PublishedPlaybook, Kind], draft: tuple[PublishedPlaybook, Kind]
) -> list[Item]:
    """What is asked of whoever tried. A right that came from elsewhere than a role, as a service's, is not taken by a draft."""
    found = []
    held, holds = (_roles(document, Right.skip) for document, _ in (then, draft))
    if needs_right(draft[1], move) is not None:
        if group.before is not None and needs_right(then[1], cast("Move", group.move)) is not None:
            if held - holds:
                found.append(
                    Item(RIGHT_TO_SKIP, HoldsRole(holds), only_if=HoldsRole(held), same=True, is_right=True)
                )
        else:
            found.append(
                Item(
                    RIGHT_TO_SKIP,
                    HoldsRole(holds),
                    unknown=(IsPerson(is_so=False),),
                    only_unmet=True,
                    is_right=True,
                )
            )
    held, holds = (_roles(document, Right.waive) for document, _ in (then, draft))
    if group.waives and held - holds:
        found.append(
            Item(RIGHT_TO_WAIVE, HoldsRole(holds), only_if=HoldsRole(held), same=True, is_right=True)
        )
    return found


def _roles(playbook: PublishedPlaybook, right: Right) -> frozenset[str]:
    return frozenset(name for name, role in playbook.document.roles.items() if right in role.rights)
