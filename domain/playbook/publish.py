"""Decisions about playbooks: keep a draft, or put a version into force without stranding a record."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from domain.events import Event, PlaybookDrafted, PlaybookPublished
from domain.facts import Facts
from domain.naming import nearest
from domain.playbook.catalogue import Drafts, Playbooks
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook
from domain.playbook.model import FieldKind, Kind, Right
from domain.playbook.published import OWNER_REGION, OWNER_TEAM, KindMappings, PublishedPlaybook
from domain.refusals import InvalidCommand, NotAllowed, NotFound, Problem
from domain.values import moment_text


def draft(drafts: Drafts, command: DraftPlaybook, facts: Facts) -> list[Event]:
    """Keep a draft under the next number; the same text may be kept twice, each is a draft of its own."""
    if not facts.may(Right.publish):
        raise NotAllowed(Right.publish)
    kept = command.playbook
    return [
        PlaybookDrafted(
            kept.name, drafts.version + 1, kept.document.as_json(), _stored_rules(kept), digest(kept)
        )
    ]


def publish_draft(playbooks: Playbooks, drafts: Drafts, command: PublishDraft, facts: Facts) -> list[Event]:
    """Put a draft into force. Raises NotFound for a draft that was never kept; who may not publish learns of none."""
    if not facts.may(Right.publish):
        raise NotAllowed(Right.publish)
    kept = drafts.drafts.get(command.draft)
    if kept is None:
        raise NotFound(
            "draft",
            str(command.draft),
            nearest(str(command.draft), map(str, drafts.drafts)),
        )
    whole = PublishPlaybook(
        kept, scope=command.scope, effective_from=command.effective_from, mappings=command.mappings
    )
    return publish(playbooks, whole, facts, draft=command.draft)


def publish(
    playbooks: Playbooks, command: PublishPlaybook, facts: Facts, *, draft: int | None = None
) -> list[Event]:
    """Put a playbook into force as its next version; the very same publication again is nothing new."""
    if not facts.may(Right.publish):
        raise NotAllowed(Right.publish)
    new = command.playbook
    newest = max((number for name, number in playbooks.versions if name == new.name), default=0)
    starts_at = command.effective_from
    if newest and starts_at is None and _says_the_same(playbooks.versions[(new.name, newest)], command):
        return []
    problems = list(_clashes(playbooks, new))
    problems += _scope_problems(new, command.scope, is_first=not playbooks.effective.get(new.name))
    if starts_at is not None and starts_at < facts.decided_at:
        problems.append(Problem("/effective_from", "rules never change the past: choose a moment to come"))
    earlier = [version for (name, _), version in sorted(playbooks.versions.items()) if name == new.name]
    problems += _mapping_problems(new, command.mappings, earlier)
    # A version nobody can be under any more took nothing along that is still there; all others count, those in waiting too.
    for version in _still_alive(playbooks, new.name):
        problems += _removals(version.document.kinds, new, command.mappings, facts)
        problems += _roles_gone(version, new)
    if problems:
        raise InvalidCommand(list(dict.fromkeys(problems)))
    return [
        PlaybookPublished(
            new.name,
            newest + 1,
            new.document.as_json(),
            _stored_rules(new),
            digest(new),
            scope={name: list(options) for name, options in command.scope.items()},
            effective_from=None if starts_at is None else moment_text(starts_at),
            mappings={kind: _as_json(told) for kind, told in command.mappings.items()},
            draft=draft,
        )
    ]


def digest(playbook: PublishedPlaybook) -> str:
    """Return the SHA-256, in hexadecimal, of the canonical JSON of what is published: [document, rules]."""
    published = [playbook.document.as_json(), _stored_rules(playbook)]
    text = json.dumps(published, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _stored_rules(playbook: PublishedPlaybook) -> Any:
    """The typed trees of a playbook as they are published: each with its place."""
    return [{"place": place, "tree": tree} for place, tree in playbook.rules_json.items()]


def _as_json(told: KindMappings) -> Any:
    parts = {
        "stages": dict(told.stages),
        "fields": dict(told.fields),
        "options": {f: dict(o) for f, o in told.options.items()},
    }
    return {name: part for name, part in parts.items() if part}


def _says_the_same(version: PublishedPlaybook, command: PublishPlaybook) -> bool:
    new = command.playbook
    return (
        (version.document.as_json(), version.rules_json) == (new.document.as_json(), new.rules_json)
        and version.scope == command.scope
        and version.effective_from is None
    )


def _still_alive(playbooks: Playbooks, name: str) -> list[PublishedPlaybook]:
    """The versions records may stand on: those in force somewhere, and those that wait for their moment."""
    in_force = playbooks.effective.get(name, ())
    since = in_force[-1].number if in_force else 0
    return [version for (of, number), version in playbooks.versions.items() if of == name and number >= since]


# ── what two playbooks cannot both have ──────────────────────────────────────────────────────────────────────────────


def _clashes(playbooks: Playbooks, new: PublishedPlaybook) -> Iterator[Problem]:
    """Kinds, collections and prefixes belong to one playbook; roles of one name have the same rights everywhere."""
    for name, versions in playbooks.effective.items():
        if name == new.name:
            continue
        for other in versions:
            yield from _clashes_with(other, new)


def _clashes_with(other: PublishedPlaybook, new: PublishedPlaybook) -> Iterator[Problem]:
    for name in new.document.kinds:
        if name in other.document.kinds:
            yield Problem(f"/kinds/{name}", f"the kind {name!r} belongs to the playbook {other.name!r}")
    taken = {
        (member, str(getattr(kind, member)))
        for kind in other.document.kinds.values()
        for member in ("collection", "prefix")
    }
    for name, kind in new.document.kinds.items():
        for member in ("collection", "prefix"):
            value = str(getattr(kind, member))
            if (member, value) in taken and name not in other.document.kinds:
                yield Problem(
                    f"/kinds/{name}/{member}",
                    f"the {member} {value!r} belongs to the playbook {other.name!r}",
                )
    for name, role in new.document.roles.items():
        before = other.document.roles.get(name)
        if before is not None and set(before.rights) != set(role.rights):
            yield Problem(
                f"/roles/{name}/rights", f"the role {name!r} has other rights in the playbook {other.name!r}"
            )


def _scope_problems(
    new: PublishedPlaybook, scope: Mapping[str, tuple[str, ...]], *, is_first: bool
) -> Iterator[Problem]:
    if scope and is_first:
        yield Problem(
            "/scope", "the first version of a playbook is for all records; publish it without a scope"
        )
    for name, options in scope.items():
        pointer = f"/scope/{name}"
        if not options:
            yield Problem(pointer, "name at least one option; a scope without any is for nobody")
        if name in {OWNER_REGION, OWNER_TEAM}:
            continue
        choices = [
            spec
            for kind in new.document.kinds.values()
            if (spec := kind.fields.get(name)) is not None
            and spec.type is FieldKind.choice
            and not spec.is_personal
        ]
        if not choices:
            fields = [
                field
                for kind in new.document.kinds.values()
                for field, spec in kind.fields.items()
                if spec.type is FieldKind.choice and not spec.is_personal
            ]
            yield Problem(
                pointer,
                f"a scope names a choice field, {OWNER_REGION!r} or {OWNER_TEAM!r}; there is no choice field {name!r}",
                nearest(name, [*fields, OWNER_REGION, OWNER_TEAM]),
            )
            continue
        valid = {option for spec in choices for option in spec.options}
        for option in options:
            if option not in valid:
                yield Problem(
                    pointer, f"the field {name!r} has no option {option!r}", nearest(option, sorted(valid))
                )


# ── what a new version takes away ────────────────────────────────────────────────────────────────────────────────────


def _removals(
    before: Mapping[str, Kind],
    new: PublishedPlaybook,
    mappings: Mapping[str, KindMappings],
    facts: Facts,
) -> Iterator[Problem]:
    """What a new version takes away although records may stand on it, and no mapping says where it goes."""
    for name, kind in before.items():
        kept = new.document.kinds.get(name)
        if kept is None:
            yield Problem(f"/kinds/{name}", f"the kind {name!r} would disappear with its records; keep it")
            continue
        told = mappings.get(name, KindMappings())
        for step in kind.steps:
            if step not in kept.steps and step not in told.stages:
                yield _stranded(facts, name, "stage", step, "map it to another stage")
        for part, spec in kind.fields.items():
            after = kept.fields.get(part)
            if after is None:
                if part not in told.fields:
                    yield _stranded(facts, name, "field", part, "map it to another field, or to null")
                continue
            if _shape(after) != _shape(spec):
                yield Problem(
                    f"/kinds/{name}/fields/{part}/type",
                    f"the type of the field {part!r} cannot change once it is published",
                )
            for option in spec.options:
                if option not in after.options and option not in told.options.get(part, {}):
                    yield _stranded(
                        facts, name, "option", f"{part}/{option}", "map it to another option, or to null"
                    )
        for what, parts, left in (
            ("touch", kind.touches, kept.touches),
            ("relation", kind.relations, kept.relations),
            ("path", kind.paths, kept.paths),
        ):
            for part in parts:
                if part not in left:
                    yield Problem(
                        f"/kinds/{name}/{what}s/{part}".replace("touchs", "touches"),
                        f"the {what} {part!r} would disappear with what records hold; keep it",
                    )
        for part, stage in kind.steps.items():
            if part in kept.steps and kept.steps[part].outcome != stage.outcome:
                yield Problem(
                    f"/kinds/{name}/stages/{part}/outcome",
                    f"the outcome of the stage {part!r} cannot change once it is published",
                )


def _stranded(facts: Facts, kind: str, what: str, name: str, advice: str) -> Problem:
    """Say which records a removal would strand; the list is cut, the number is not."""
    standing = facts.standing_on(kind, what, name)
    place = {"stage": "stages", "field": "fields", "option": "fields"}[what]
    pointer = f"/kinds/{kind}/{place}/{name.replace('/', '/options/')}"
    held = "no record holds it now" if not standing.count else f"{standing.count} records would be stranded"
    return Problem(
        pointer,
        f"the {what} {name.rpartition('/')[2]!r} would disappear: {held}; keep it, or {advice}",
        records=standing.first,
        record_count=standing.count,
    )


def _mapping_problems(
    new: PublishedPlaybook, mappings: Mapping[str, KindMappings], earlier: list[PublishedPlaybook]
) -> Iterator[Problem]:
    for name, told in mappings.items():
        kind = new.document.kinds.get(name)
        here = f"/mappings/{name}"
        if kind is None:
            yield Problem(here, f"there is no kind {name!r}", nearest(name, new.document.kinds))
            continue
        was = [version.document.kinds[name] for version in earlier if name in version.document.kinds]
        for old, to in told.stages.items():
            yield from _mapped(f"{here}/stages/{old}", old, to, "stage", [k.steps for k in was], kind.steps)
        for old, field in told.fields.items():
            yield from _mapped(
                f"{here}/fields/{old}", old, field, "field", [k.fields for k in was], kind.fields
            )
            for before in was:
                spec = before.fields.get(old)
                if spec is None or field is None or field not in kind.fields:
                    continue
                if _shape(spec) != _shape(kind.fields[field]):
                    yield Problem(f"{here}/fields/{old}", f"{field!r} is of another type than {old!r} was")
                if spec.is_personal or kind.fields[field].is_personal:
                    yield Problem(
                        f"{here}/fields/{old}",
                        "personal values are sealed under the name of their field; keep the field and change its label",
                    )
        for field_name, options in told.options.items():
            left = kind.fields.get(field_name)
            had = [k.fields[field_name].options for k in was if field_name in k.fields]
            for old, to_option in options.items():
                yield from _mapped(
                    f"{here}/options/{field_name}/{old}",
                    old,
                    to_option,
                    "option",
                    had,
                    left.options if left else {},
                )


def _mapped(
    pointer: str,
    old: str,
    to: str | None,
    what: str,
    had: list[Mapping[str, Any]],
    has: Mapping[str, Any],
) -> Iterator[Problem]:
    if not any(old in names for names in had):
        known = dict.fromkeys(name for names in had for name in names)
        yield Problem(pointer, f"no version had a {what} {old!r}", nearest(old, known))
    elif old in has:
        yield Problem(pointer, f"the {what} {old!r} stays; there is nothing to map")
    if to is not None and to not in has:
        yield Problem(pointer, f"there is no {what} {to!r}", nearest(to, has))


def _roles_gone(before: PublishedPlaybook, new: PublishedPlaybook) -> Iterator[Problem]:
    for name in before.document.roles:
        if name not in new.document.roles:
            yield Problem(
                f"/roles/{name}", f"the role {name!r} would disappear with the people who hold it; keep it"
            )


def _shape(spec: Any) -> tuple[Any, ...]:
    return (spec.type, spec.currency, spec.to, spec.value_type.type if spec.value_type else None)
