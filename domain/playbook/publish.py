"""Decisions about playbooks: keep a draft, or put a version into force without stranding a record."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from domain.event import Event
from domain.events import PlaybookDrafted, PlaybookPublished
from domain.facts import Facts
from domain.playbook.catalogue import Drafts, Playbooks
from domain.playbook.check_deadlines import is_over
from domain.playbook.check_people import nobody_to_choose
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook
from domain.playbook.model import FieldKind, Right
from domain.playbook.published import OWNER_REGION, OWNER_TEAM, PublishedPlaybook, Scope
from domain.playbook.removals import mapping_problems, other_meanings, removals, roles_gone
from domain.playbook.sign_offs import kept_draft, replay_problems
from domain.refusals import InvalidCommand, NotAllowed, Problem, unknown_name
from domain.values import moment_text

_ELSEWHERE = "give it another name, or change that playbook"


def draft(drafts: Drafts, command: DraftPlaybook, facts: Facts) -> list[Event]:
    """Keep a draft under the next number; the same text may be kept twice, each is a draft of its own."""
    if not facts.may(Right.publish):
        raise NotAllowed(Right.publish)
    kept = command.playbook
    return [
        PlaybookDrafted(kept.name, drafts.next_number, kept.document_json, kept.stored_rules, kept.digest)
    ]


def publish_draft(playbooks: Playbooks, drafts: Drafts, command: PublishDraft, facts: Facts) -> list[Event]:
    """Put a draft into force. Raises NotFound for a draft that was never kept; who may not publish learns of none."""
    if not facts.may(Right.publish):
        raise NotAllowed(Right.publish)
    whole = PublishPlaybook(
        kept_draft(drafts, command.draft),
        scope=command.scope,
        effective_from=command.effective_from,
        mappings=command.mappings,
        replay=command.replay,
    )
    return publish(playbooks, whole, facts, drafts=drafts, draft=command.draft)


def publish(
    playbooks: Playbooks,
    command: PublishPlaybook,
    facts: Facts,
    *,
    drafts: Drafts | None = None,
    draft: int | None = None,
) -> list[Event]:
    """Put a playbook into force as its next version; the very same publication again is nothing new.

    `drafts` are those of its name, with the replays that were signed off.
    """
    if not facts.may(Right.publish):
        raise NotAllowed(Right.publish)
    new = command.playbook
    newest = max((number for name, number in playbooks.versions if name == new.name), default=0)
    starts_at = command.effective_from
    if starts_at is not None and starts_at.tzinfo is None:
        raise InvalidCommand([Problem("/effective_from", "the moment needs its offset")])
    if newest and _says_the_same(playbooks, playbooks.versions[(new.name, newest)], command):
        return []
    problems = list(_clashes(playbooks, new))
    problems += replay_problems(playbooks, drafts or Drafts(), new, command.replay)
    general = playbooks.in_force.get(new.name)
    problems += _scope_problems(new, command.scope, is_first=general is None)
    if command.scope and general is not None:
        problems += _stages_of_its_own(new, general)
    if starts_at is not None and starts_at < facts.decided_at:
        problems.append(Problem("/effective_from", "rules never change the past: choose a moment to come"))
    if is_over(new.document, facts.decided_at if starts_at is None else max(starts_at, facts.decided_at)):
        message = "the calendar is over, and deadlines are counted in it: give it a later year"
        problems.append(Problem("/playbook/calendar/last_year", message))
    problems += nobody_to_choose(new.document, facts.people())
    earlier = [version for (name, _), version in sorted(playbooks.versions.items()) if name == new.name]
    problems += mapping_problems(new, command.mappings, earlier)
    # What was taken away and comes back means what it meant: records may still hold it.
    for version in earlier:
        problems += other_meanings(version.document.kinds, new)
    # A version nobody can be under any more took nothing along that is still there; all others count, those in waiting too.
    for version in _still_alive(playbooks, new.name):
        problems += removals(version.document.kinds, new, command.mappings, facts)
        problems += roles_gone(version, new)
    if problems:
        raise InvalidCommand(list(dict.fromkeys(problems)))
    return [
        PlaybookPublished(
            new.name,
            newest + 1,
            new.document_json,
            new.stored_rules,
            new.digest,
            scope={name: list(options) for name, options in command.scope.items()},
            effective_from=None if starts_at is None else moment_text(starts_at),
            mappings={kind: told.as_json() for kind, told in command.mappings.items()},
            draft=draft,
            replay=command.replay,
        )
    ]


def conflicts(playbooks: Playbooks, new: PublishedPlaybook) -> list[Problem]:
    """Return what keeps a playbook from being published whatever is told with it: names of other playbooks, and names that meant something else."""
    earlier = [version for (name, _), version in sorted(playbooks.versions.items()) if name == new.name]
    meant = (problem for version in earlier for problem in other_meanings(version.document.kinds, new))
    return list(dict.fromkeys([*_clashes(playbooks, new), *meant]))


def digest(playbook: PublishedPlaybook) -> str:
    """Return the SHA-256, in hexadecimal, of the canonical JSON of what is published: [document, rules]."""
    return playbook.digest


def _says_the_same(playbooks: Playbooks, version: PublishedPlaybook, command: PublishPlaybook) -> bool:
    """Tell whether the newest version is what a command asks for: the same text for the same records from the same moment, nothing mapped anew, no other replay named."""
    new, told = command.playbook, command.mappings
    has_begun = version in playbooks.effective.get(version.name, ())
    return (
        (version.document_json, version.rules_json) == (new.document_json, new.rules_json)
        and _as_sets(version.scope) == _as_sets(command.scope)
        and command.replay in {None, version.replay}
        and (
            version.effective_from == command.effective_from or (command.effective_from is None and has_begun)
        )
        and (
            not told
            or {k: m.as_json() for k, m in told.items()}
            == {k: m.as_json() for k, m in version.mappings.items()}
        )
    )


def _as_sets(scope: Scope) -> dict[str, frozenset[str]]:
    return {name: frozenset(options) for name, options in scope.items()}


def _still_alive(playbooks: Playbooks, name: str) -> list[PublishedPlaybook]:
    """The versions records may stand on: those in force somewhere, and those that wait for their moment."""
    in_force = playbooks.effective.get(name, ())
    since = in_force[-1].number if in_force else 0
    return [version for (of, number), version in playbooks.versions.items() if of == name and number >= since]


# ── what two playbooks cannot both have ──────────────────────────────────────────────────────────────────────────────


def _clashes(playbooks: Playbooks, new: PublishedPlaybook) -> Iterator[Problem]:
    """Kinds, collections, prefixes and indices belong to one playbook, one that waits included; roles of one name have the same rights everywhere."""
    for name in sorted({name for name, _ in playbooks.versions} - {new.name}):
        for other in _still_alive(playbooks, name):
            yield from _clashes_with(other, new)


def _clashes_with(other: PublishedPlaybook, new: PublishedPlaybook) -> Iterator[Problem]:
    for name in new.document.kinds:
        if name in other.document.kinds:
            yield Problem(
                f"/kinds/{name}",
                f"the kind {name!r} belongs to the playbook {other.name!r}; {_ELSEWHERE}",
                names=(name, other.name),
            )
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
                    f"the {member} {value!r} belongs to the playbook {other.name!r}; choose another one",
                    names=(value, other.name),
                )
    for name in new.document.indices:
        if name in other.document.indices:
            yield Problem(
                f"/indices/{name}",
                f"the index {name!r} belongs to the playbook {other.name!r}; {_ELSEWHERE}",
                names=(name, other.name),
            )
    for name, role in new.document.roles.items():
        before = other.document.roles.get(name)
        if before is not None and set(before.rights) != set(role.rights):
            yield Problem(
                f"/roles/{name}/rights",
                f"the role {name!r} has other rights in the playbook {other.name!r}; give it the same ones, or another name",
                names=(name, other.name),
            )


def _stages_of_its_own(new: PublishedPlaybook, general: PublishedPlaybook) -> Iterator[Problem]:
    """A record may leave a scope at any time, by an edit or with its owner; it must not stand in a stage nobody else has then."""
    for name, kind in new.document.kinds.items():
        there = general.document.kinds.get(name)
        if there is None:
            continue
        for step in kind.steps:
            if step not in there.steps:
                yield Problem(
                    f"/kinds/{name}/stages/{step}",
                    f"the stage {step!r} is not in the version for all records, and a record may leave the scope;"
                    " publish the stage for all first",
                    names=(step,),
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
            problem = unknown_name(
                pointer,
                f"a scope names a choice field, {OWNER_REGION!r} or {OWNER_TEAM!r}; there is no choice field {name!r}",
                name,
                dict.fromkeys([*fields, OWNER_REGION, OWNER_TEAM]),
            )
            yield replace(problem, names=(*problem.names, OWNER_REGION, OWNER_TEAM))
            continue
        valid = {option for spec in choices for option in spec.options}
        for option in options:
            if option not in valid:
                message = f"the field {name!r} has no option {option!r}"
                problem = unknown_name(pointer, message, option, sorted(valid))
                yield replace(problem, names=(*problem.names, name))
