"""All published playbooks of a log, and the decision to publish another version."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from domain.envelope import Recorded
from domain.events import Event, PlaybookPublished
from domain.facts import Facts
from domain.naming import nearest
from domain.playbook.model import Playbook, Right, Role
from domain.playbook.published import PublishedPlaybook
from domain.refusals import InvalidCommand, NotAllowed, NotFound, Problem


@dataclass(frozen=True, slots=True)
class PublishPlaybook:
    """Put a checked playbook into force. `playbook` carries its rules as typed trees."""

    playbook: PublishedPlaybook


@dataclass(frozen=True, slots=True)
class KindMappings:
    """Where what a new version takes away goes: stage → stage, field → field (null: nowhere), field → option → option (null: nowhere)."""

    stages: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str | None] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DraftPlaybook:
    """Keep a checked playbook as the next draft of its name; nothing is in force by it."""

    playbook: PublishedPlaybook


@dataclass(frozen=True, slots=True)
class PublishDraft:
    """Put a draft into force: for a scope (choice field, or `region` of the owner → options), from a moment on.

    `mappings` says, by kind, where what the draft takes away goes.
    """

    name: str
    draft: int
    scope: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    effective_from: datetime | None = None
    mappings: Mapping[str, KindMappings] = field(default_factory=dict)


@dataclass(frozen=True)
class Playbooks:
    """Every version of every playbook, at one version of their common stream."""

    version: int = 0
    versions: Mapping[tuple[str, int], PublishedPlaybook] = field(default_factory=dict)

    @cached_property
    def in_force(self) -> Mapping[str, PublishedPlaybook]:
        """The newest version of each playbook, by name."""
        newest: dict[str, PublishedPlaybook] = {}
        for (name, _), playbook in sorted(self.versions.items()):
            newest[name] = playbook
        return newest

    @cached_property
    def by_kind(self) -> Mapping[str, PublishedPlaybook]:
        """The playbook in force for each kind of record."""
        return {kind: playbook for playbook in self.in_force.values() for kind in playbook.document.kinds}

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """The roles of all playbooks in force, by name."""
        return {
            name: role
            for playbook in self.in_force.values()
            for name, role in playbook.document.roles.items()
        }

    def for_kind(self, kind: str) -> PublishedPlaybook:
        """Return the playbook in force for a kind. Raises NotFound, with the nearest kind."""
        playbook = self.by_kind.get(kind)
        if playbook is None:
            raise NotFound("kind", kind, nearest(kind, self.by_kind))
        return playbook

    def kind_of_collection(self, collection: str) -> str:
        """Return the kind whose records a collection holds. Raises NotFound, with the nearest collection."""
        kinds = {
            kind.collection: name
            for playbook in self.in_force.values()
            for name, kind in playbook.document.kinds.items()
        }
        if collection not in kinds:
            raise NotFound("collection", collection, nearest(collection, kinds))
        return kinds[collection]


def fold(playbooks: Playbooks | None, events: Iterable[Recorded]) -> Playbooks:
    """Fold publish events into the catalogue."""
    state = playbooks or Playbooks()
    for recorded in events:
        event = recorded.event
        if isinstance(event, PlaybookPublished):
            assert isinstance(event.rules, list)
            rules = {str(rule["place"]): rule["tree"] for rule in event.rules if isinstance(rule, dict)}
            published = PublishedPlaybook.from_published(
                event.document, rules, event.number, recorded.position
            )
            state = Playbooks(recorded.version, {**state.versions, (event.name, event.number): published})
    return state


def publish(playbooks: Playbooks, command: PublishPlaybook, facts: Facts) -> list[Event]:
    """Put a playbook into force as its next version; the very same playbook again is nothing new."""
    if not facts.may(Right.publish):
        raise NotAllowed(Right.publish)
    draft = command.playbook
    before = playbooks.in_force.get(draft.name)
    document, rules = draft.document.as_json(), draft.rules_json
    if before is not None and (before.document.as_json(), before.rules_json) == (document, rules):
        return []
    problems = [
        Problem(f"/kinds/{kind}", f"the kind {kind!r} belongs to the playbook {other.name!r}")
        for kind, other in playbooks.by_kind.items()
        if other.name != draft.name and kind in draft.document.kinds
    ]
    for other in playbooks.in_force.values():
        if other.name != draft.name:
            problems += _clashes(other, draft)
    if before is not None:
        problems += _removals(before.document, draft.document)
    if problems:
        raise InvalidCommand(problems)
    trees = _stored_rules(draft)
    number = before.number + 1 if before is not None else 1
    return [PlaybookPublished(draft.name, number, document, trees, digest(draft))]


def _clashes(other: PublishedPlaybook, draft: PublishedPlaybook) -> list[Problem]:
    """What two playbooks of one log cannot both have: collections, prefixes, and roles of one name with other rights."""
    taken = {
        (member, str(getattr(kind, member)))
        for kind in other.document.kinds.values()
        for member in ("collection", "prefix")
    }
    problems = [
        Problem(f"/kinds/{name}/{member}", f"the {member} {value!r} belongs to the playbook {other.name!r}")
        for name, kind in draft.document.kinds.items()
        for member in ("collection", "prefix")
        if (member, value := str(getattr(kind, member))) in taken and name not in other.document.kinds
    ]
    problems += [
        Problem(f"/roles/{name}/rights", f"the role {name!r} has other rights in the playbook {other.name!r}")
        for name, role in draft.document.roles.items()
        if name in other.document.roles and set(other.document.roles[name].rights) != set(role.rights)
    ]
    return problems


def _stored_rules(playbook: PublishedPlaybook) -> Any:
    """The typed trees of a playbook as they are published: each with its place."""
    return [{"place": place, "tree": tree} for place, tree in playbook.rules_json.items()]


def digest(playbook: PublishedPlaybook) -> str:
    """Return the SHA-256, in hexadecimal, of the canonical JSON of what is published: [document, rules]."""
    published = [playbook.document.as_json(), _stored_rules(playbook)]
    text = json.dumps(published, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _removals(before: Playbook, after: Playbook) -> list[Problem]:
    """What a new version takes away although records may stand on it."""
    gone = [
        Problem(f"/roles/{name}", f"the role {name!r} would disappear with the people who hold it; keep it")
        for name in before.roles
        if name not in after.roles
    ]
    for name, kind in before.kinds.items():
        kept = after.kinds.get(name)
        if kept is None:
            gone.append(
                Problem(f"/kinds/{name}", f"the kind {name!r} would disappear with its records; keep it")
            )
            continue
        gone += [
            Problem(
                f"/kinds/{name}/{what}/{part}",
                f"the {what[:-1]} {part!r} would disappear with what records hold; keep it",
            )
            for what, parts, left in (
                ("fields", kind.fields, kept.fields),
                ("stages", kind.stages, kept.stages),
                ("touches", kind.touches, kept.touches),
                ("relations", kind.relations, kept.relations),
            )
            for part in parts
            if part not in left
        ]
        gone += [
            Problem(
                f"/kinds/{name}/fields/{part}/options/{option}",
                f"the option {option!r} would disappear with what records hold; keep it",
            )
            for part, spec in kind.fields.items()
            if part in kept.fields
            for option in spec.options
            if option not in kept.fields[part].options
        ]
        gone += [
            Problem(
                f"/kinds/{name}/stages/{part}/outcome",
                f"the outcome of the stage {part!r} cannot change once it is published",
            )
            for part, stage in kind.stages.items()
            if part in kept.stages and kept.stages[part].outcome != stage.outcome
        ]
        gone += [
            Problem(
                f"/kinds/{name}/fields/{part}/type",
                f"the type of the field {part!r} cannot change once it is published",
            )
            for part, spec in kind.fields.items()
            if part in kept.fields and _shape(kept.fields[part]) != _shape(spec)
        ]
    return gone


def _shape(spec: Any) -> tuple[Any, ...]:
    return (spec.type, spec.currency, spec.to, spec.value_type.type if spec.value_type else None)
