"""Replay row by row: records folded from their events, each decision judged by the domain itself. What replay in columns must equal.

Slow, and plain: one fold over the log in its order, `domain.record.gates.requirements` for every decision, published and drafted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeAlias, cast
from zoneinfo import ZoneInfo

from domain.envelope import Recorded
from domain.events import (
    EVENTS,
    EvidenceAttached,
    FieldsChanged,
    GateOverridden,
    MoveRefused,
    PlaybookPublished,
    RecordOpened,
    StageChanged,
    TouchCorrected,
    Touched,
)
from domain.facts import Erased
from domain.naming import ORGANISATION_STREAM
from domain.organisation import state as organisation
from domain.organisation.state import Organisation
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Kind, Right
from domain.playbook.published import NOTHING_MAPPED, KindMappings, PublishedPlaybook
from domain.record.adoption import adopted
from domain.record.gates import (
    Attempt,
    Move,
    Requirement,
    Reveal,
    move_between,
    needs_right,
    requirements,
    valid_until,
)
from domain.record.state import AttachedEvidence, Record, evolve
from domain.refusals import NotFound
from domain.rules.tree import evidence_types_of, facts_of
from domain.values import is_personal
from domain.work.approving import after_changes
from domain.work.events import (
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRequested,
    WorkCompleted,
    WorkRequested,
)
from projections.ports import Keys, LogReader
from projections.topics import RECORD_TOPICS

BATCH = 5_000

Verdict: TypeAlias = Literal["newly refused", "newly allowed", "not judgeable"]
Progress = Callable[[int, int], None]
Within = Callable[[Recorded], bool]

_TOPICS = sorted(RECORD_TOPICS | {MoveRefused.TOPIC, PlaybookPublished.TOPIC})
assert set(_TOPICS) <= set(EVENTS)


@dataclass(frozen=True, slots=True)
class Decision:
    """A recorded decision as replay sees it: what was attempted on what, by whom, under which rules; not what came out of it."""

    position: int
    attempt: Attempt
    asked_to_waive: frozenset[str]
    playbook: PublishedPlaybook
    actor: str
    owner: str | None
    occurred_at: datetime | None
    stands_on_its_basis: bool
    person: str = ""
    basis: int = 0
    command: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What came out of a recorded decision: accepted (then `unmet` was waived), or refused for what was unmet."""

    accepted: bool
    unmet: frozenset[str]


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision a draft answers otherwise, or cannot judge: the requirements that make the difference."""

    decision: Decision
    verdict: Verdict
    requirements: tuple[str, ...]
    delayed_until: tuple[int, datetime | None] | None = None


@dataclass(slots=True)
class Impact:
    """What a draft would have changed among the recorded decisions of a window.

    `reproduced` of `decisions` come out as recorded under the rules they were made under; `erased` hang on values nobody can read any more;
    `different` are positions that come out otherwise, which is a defect of the log or of this software.
    """

    decisions: int = 0
    reproduced: int = 0
    erased: int = 0
    judged: int = 0
    different: list[int] = field(default_factory=list)
    changed: list[Judged] = field(default_factory=list)
    not_judgeable: list[Judged] = field(default_factory=list)
    first_position: int = 0
    last_position: int = 0


def replay(
    log: LogReader,
    keys: Keys,
    draft: PublishedPlaybook | None = None,
    *,
    within: Within | None = None,
    progress: Progress | None = None,
) -> Impact:
    """Judge recorded decisions again, under the published rules of their version and under a draft.

    Without a draft only the law is checked: the published rules reproduce every recorded decision.
    `within` limits which decisions are judged; the state they stand on is always folded from the first event.
    """
    impact = Impact()
    reveal = keys.keyring().reveal
    beside = _Beside.of(log)
    for decision, answer, recorded in _decisions(log, progress):
        if within is not None and not within(recorded):
            continue
        impact.decisions += 1
        impact.first_position = impact.first_position or decision.position
        impact.last_position = decision.position
        published = requirements(decision.playbook, decision.attempt, reveal)
        missing = frozenset(item.asks.id for item in published if not item.is_met)
        if decision.stands_on_its_basis and _answer(missing, decision) == answer:
            impact.reproduced += 1
        elif decision.stands_on_its_basis and _hangs_on_erased(published, decision, answer, reveal):
            impact.erased += 1
        else:
            impact.different.append(decision.position)
        if draft is not None and draft.name == decision.playbook.name:
            impact.judged += 1
            verdict = _judge(draft, decision, published, answer, reveal, beside)
            if verdict is not None and verdict.verdict == "newly refused":
                until = _delayed_until(draft, decision, published, answer, reveal, beside)
                verdict = replace(verdict, delayed_until=until)
            if verdict is not None:
                (impact.not_judgeable if verdict.verdict == "not judgeable" else impact.changed).append(
                    verdict
                )
    return impact


def _decisions(
    log: LogReader, progress: Progress | None
) -> Iterator[tuple[Decision, RecordedAnswer, Recorded]]:
    """Fold the log in its order and stop at every decision, on the state its record had then."""
    head, position = log.head(), 0
    playbooks = Playbooks()
    records: dict[str, Record] = {}
    last_command: dict[str, str] = {}
    while events := log.after(position, BATCH, topics=_TOPICS, upto=head):
        for recorded in events:
            event = recorded.event
            if isinstance(event, PlaybookPublished):
                playbooks = catalogue.fold(playbooks, [recorded])
                continue
            if isinstance(event, MoveRefused):
                yield from _refused(recorded, event, records.get(event.record), playbooks)
                continue
            before = records.get(recorded.stream)
            after = records[recorded.stream] = evolve(before, recorded)
            own = last_command.get(recorded.stream) == recorded.command_id
            last_command[recorded.stream] = recorded.command_id
            if isinstance(event, RecordOpened) and event.stage is not None:
                # Whoever decided the opening saw a record that had been in no stage yet.
                opening = replace(after, stage_entered_at=None)
                attempt = Attempt(
                    opening, None, event.stage, "open", recorded.occurred_at, recorded.reason is not None
                )
                yield from _accepted(recorded, attempt, event.override, playbooks, on_basis=True)
            elif isinstance(event, StageChanged) and before is not None:
                attempt = Attempt(
                    before,
                    event.before,
                    event.after,
                    cast("Move", event.move),
                    recorded.occurred_at,
                    recorded.reason is not None,
                )
                yield from _accepted(
                    recorded,
                    attempt,
                    event.override,
                    playbooks,
                    on_basis=own or before.position <= recorded.basis,
                )
        position = events[-1].position
        if progress is not None:
            progress(position, head)
    if progress is not None:
        progress(head, head)


def _accepted(
    recorded: Recorded, attempt: Attempt, override: object, playbooks: Playbooks, *, on_basis: bool
) -> Iterator[tuple[Decision, RecordedAnswer, Recorded]]:
    waived = frozenset(map(str, override["waived"])) if isinstance(override, dict) else frozenset[str]()
    yield (
        _decision(recorded, attempt, waived, playbooks, on_basis),
        RecordedAnswer(accepted=True, unmet=waived),
        recorded,
    )


def _refused(
    recorded: Recorded, event: MoveRefused, record: Record | None, playbooks: Playbooks
) -> Iterator[tuple[Decision, RecordedAnswer, Recorded]]:
    base = record or Record(
        stream=event.record,
        version=0,
        position=0,
        fields={},
        unknown=frozenset(event.unknown),
        stage=event.after,
        path=event.path,
        owner=event.owner,
    )
    base = adopted(base, _playbook_of(recorded, playbooks))
    edited = replace(
        base,
        fields={**base.fields, **event.fields},
        unknown=base.unknown - event.fields.keys(),
        approvals=after_changes(base.approvals, event.fields),
    )
    attempt = Attempt(
        edited,
        event.before,
        event.after,
        cast("Move", event.move),
        recorded.occurred_at,
        recorded.reason is not None,
    )
    answer = RecordedAnswer(accepted=False, unmet=frozenset(event.unmet))
    on_basis = base.version == event.record_version and base.position <= recorded.basis
    yield _decision(recorded, attempt, frozenset(event.waived), playbooks, on_basis), answer, recorded


def _decision(
    recorded: Recorded, attempt: Attempt, waived: frozenset[str], playbooks: Playbooks, on_basis: bool
) -> Decision:
    playbook = _playbook_of(recorded, playbooks)
    attempt = replace(attempt, record=adopted(attempt.record, playbook))
    return Decision(
        position=recorded.position,
        attempt=attempt,
        asked_to_waive=waived,
        playbook=playbook,
        actor=recorded.actor,
        owner=attempt.record.owner,
        occurred_at=recorded.occurred_at,
        stands_on_its_basis=on_basis,
        person=recorded.on_behalf_of or recorded.actor,
        basis=recorded.basis,
        command=(attempt.record.stream, recorded.command_id),
    )


def _playbook_of(recorded: Recorded, playbooks: Playbooks) -> PublishedPlaybook:
    return playbooks.versions[(recorded.playbook or "", recorded.playbook_version or 0)]


def _answer(missing: frozenset[str], decision: Decision) -> RecordedAnswer:
    """What rules say to a decision by what is missing: accepted when all of it is waived."""
    left = missing - decision.asked_to_waive
    return RecordedAnswer(accepted=not left, unmet=left or missing)


@dataclass(frozen=True)
class _Beside:
    """What a judgement needs beside the record: who held which roles, which commands overrode by name, and what happened later."""

    people: list[tuple[int, Organisation]]
    overridden: set[tuple[str, str]]
    events: dict[str, list[Recorded]]

    @classmethod
    def of(cls, log: LogReader) -> "_Beside":
        state, people = Organisation(), []
        for recorded in log.stream(ORGANISATION_STREAM):
            state = organisation.evolve(state, recorded)
            people.append((recorded.position, state))
        events: dict[str, list[Recorded]] = {}
        overridden = set()
        for recorded in log.after(0, 1_000_000):
            events.setdefault(recorded.stream, []).append(recorded)
            if isinstance(recorded.event, GateOverridden):
                overridden.add((recorded.stream, recorded.command_id))
        return cls(people, overridden, events)

    def as_of(self, position: int) -> Organisation:
        """The organisation as it was known at a position."""
        return next((state for at, state in reversed(self.people) if at <= position), Organisation())


def _judge(
    draft: PublishedPlaybook,
    decision: Decision,
    published: list[Requirement],
    answer: RecordedAnswer,
    reveal: Reveal,
    beside: _Beside,
) -> Judged | None:
    """Say how a draft answers a decision; None when it answers as recorded."""
    attempt = decision.attempt
    record = attempt.record
    told = draft.adopts.get(record.kind, NOTHING_MAPPED)
    before = attempt.before and told.stages.get(attempt.before, attempt.before)
    after = told.stages.get(attempt.after, attempt.after)
    try:
        kind = draft.kind(record.kind)
        move = "open" if before is None else move_between(kind, before, after, record.path)
    except NotFound as gone:
        return Judged(decision, "not judgeable", (f"{gone.what}:{gone.name}",))
    if after not in kind.steps:
        return Judged(decision, "not judgeable", (f"stage:{after}",))
    refusing, unknown = _refusing(draft, decision, attempt, published, answer, reveal)
    rights_refusing, rights_unknown = _rights(draft, decision, answer, cast("Move", move), beside)
    refusing, unknown = refusing + rights_refusing, unknown + rights_unknown
    if refusing:
        return Judged(decision, "newly refused", tuple(refusing)) if answer.accepted else None
    if unknown:
        return Judged(decision, "not judgeable", tuple(unknown))
    return None if answer.accepted else Judged(decision, "newly allowed", tuple(sorted(answer.unmet)))


def _refusing(
    draft: PublishedPlaybook,
    decision: Decision,
    attempt: Attempt,
    published: list[Requirement],
    answer: RecordedAnswer,
    reveal: Reveal,
) -> tuple[list[str], list[str]]:
    """Name the requirements of a draft that refuse an attempt on the state it has, and those nobody can judge."""
    told = draft.adopts.get(attempt.record.kind, NOTHING_MAPPED)
    kind = draft.kind(attempt.record.kind)
    before = attempt.before and told.stages.get(attempt.before, attempt.before)
    after = told.stages.get(attempt.after, attempt.after)
    move = "open" if before is None else move_between(kind, before, after, attempt.record.path)
    then = decision.playbook.kind(attempt.record.kind)
    asked_then = {item.asks.id: item for item in published}
    refusing, unknown = [], []
    zone = ZoneInfo(draft.document.time_zone)
    record = adopted(_with_validity_of(kind, then, told, attempt.record, zone), draft)
    drafted = replace(attempt, before=before, after=after, move=move, record=record)
    for item in requirements(draft, drafted, reveal):
        name = item.asks.id
        if name in decision.asked_to_waive:
            continue
        was = asked_then.get(name)
        same = was is not None and (was.rule.tree if was.rule else None) == (
            item.rule.tree if item.rule else None
        )
        if not same and _is_unknown(item, drafted, _Names.of(then, told), reveal):
            unknown.append(name)
        elif same and _rests_on_erased(item, record, reveal):
            # Nobody can judge it again, and the same rule on the same words would have said the same.
            if name in answer.unmet:
                refusing.append(name)
        elif not item.is_met:
            refusing.append(name)
    return refusing, unknown


def _rights(
    draft: PublishedPlaybook, decision: Decision, answer: RecordedAnswer, move: Move, beside: _Beside
) -> tuple[list[str], list[str]]:
    """A draft takes a right from whoever held it by a role then, or asks for one it did not ask for."""
    attempt, refusing, unknown = decision.attempt, list[str](), list[str]()
    if answer.accepted and decision.asked_to_waive and decision.command not in beside.overridden:
        return [], []  # taken in from elsewhere, as it was there
    known = beside.as_of(decision.basis)
    held = known.roles_of(decision.person) if decision.person in known.people else frozenset()

    def may(playbook: PublishedPlaybook, right: Right) -> bool:
        return any(right in role.rights for name, role in playbook.document.roles.items() if name in held)

    then = decision.playbook.kind(attempt.record.kind)
    if needs_right(draft.kind(attempt.record.kind), move) and not may(draft, Right.skip):
        if attempt.before is not None and needs_right(then, attempt.move):
            if may(decision.playbook, Right.skip):
                refusing.append("right:skip")
        elif decision.person in known.people:
            refusing.append("right:skip")
        else:
            unknown.append("right:skip")
    if decision.asked_to_waive and may(decision.playbook, Right.waive) and not may(draft, Right.waive):
        refusing.append("right:waive")
    return refusing, unknown


def _delayed_until(
    draft: PublishedPlaybook,
    decision: Decision,
    published: list[Requirement],
    answer: RecordedAnswer,
    reveal: Reveal,
    beside: _Beside,
) -> tuple[int, datetime | None] | None:
    """Find the first later change of the record at which the draft would have let the same attempt pass, had it stood still."""
    attempt = decision.attempt
    kind = draft.kind(attempt.record.kind)
    told = draft.adopts.get(attempt.record.kind, NOTHING_MAPPED)
    before = attempt.before and told.stages.get(attempt.before, attempt.before)
    after = told.stages.get(attempt.after, attempt.after)
    move = "open" if before is None else move_between(kind, before, after, attempt.record.path)
    if any(_rights(draft, decision, answer, cast("Move", move), beside)):
        return None
    record: Record | None = None
    for recorded in beside.events[attempt.record.stream]:
        record = evolve(record, recorded)
        changes = (
            FieldsChanged, Touched, TouchCorrected, EvidenceAttached, WorkRequested, WorkCompleted, ApprovalRequested,
            ApprovalDecided, ApprovalMigrated,
        )  # fmt: skip
        if recorded.position <= decision.position or not isinstance(recorded.event, changes):
            continue
        still = replace(record, stage=attempt.record.stage, stage_entered_at=attempt.record.stage_entered_at)
        later = replace(attempt, record=adopted(still, decision.playbook), occurred_at=recorded.occurred_at)
        if not any(_refusing(draft, decision, later, published, answer, reveal)):
            return recorded.position, recorded.occurred_at
    return None


@dataclass(frozen=True)
class _Names:
    """What the rules of then knew, under the names the draft has for it."""

    fields: frozenset[str | None]
    evidence_fields: frozenset[str | None]
    touches: frozenset[str]
    work: frozenset[str]
    forms: frozenset[tuple[str, str]]
    approvals: frozenset[str]

    @classmethod
    def of(cls, then: Kind, told: KindMappings) -> "_Names":
        return cls(
            frozenset(map(told.field, then.fields)),
            frozenset(map(told.field, then.evidence_fields)),
            frozenset(then.touches),
            frozenset(then.work),
            frozenset((name, field) for name, work in then.work.items() for field in work.read_by_rules),
            frozenset(then.approvals),
        )


def _is_unknown(item: Requirement, attempt: Attempt, then: _Names, reveal: Reveal) -> bool:
    """Tell whether a new requirement asks for what nobody knew, or no playbook asked for, at that time."""
    record = attempt.record
    what, _, name = item.asks.id.partition(":")
    if what == "field":
        return not item.is_met and (name in record.unknown or name not in then.fields)
    if what == "evidence":
        return not item.is_met and name not in then.evidence_fields
    if item.rule is None:
        return False
    if any(
        name in record.unknown or name not in then.fields or _is_erased(record, name, reveal)
        for name in item.rule.fields
    ):
        return True
    if evidence_types_of(item.rule.tree) - set(then.evidence_fields):
        return True
    facts = {fact.name for fact in facts_of(item.rule.tree)}
    if "touches" in facts and any(
        fact.arguments[0] not in ("any", *then.touches)
        for fact in facts_of(item.rule.tree)
        if fact.name == "touches"
    ):
        return True
    asked = facts_of(item.rule.tree)
    if any(fact.name == "done" and fact.arguments[0] not in then.work for fact in asked):
        return True
    if any(fact.name == "outcome" and fact.arguments[:2] not in then.forms for fact in asked):
        return True
    if any(fact.name == "approved" and fact.arguments[0] not in then.approvals for fact in asked):
        return True
    no_moment = attempt.occurred_at is None
    return (no_moment and bool(facts & {"touches", "days_in_stage", "today"})) or (
        record.stage_entered_at is None and "days_in_stage" in facts
    )


def _hangs_on_erased(
    asked: list[Requirement], decision: Decision, answer: RecordedAnswer, reveal: Reveal
) -> bool:
    """Tell whether the answer is the recorded one once the requirements that hang on values nobody can read any more are answered as they were then."""
    record = decision.attempt.record
    hanging = frozenset(item.asks.id for item in asked if _rests_on_erased(item, record, reveal))
    missing = frozenset(item.asks.id for item in asked if not item.is_met)
    as_then = (missing - hanging) | (answer.unmet & hanging)
    return bool(hanging) and _answer(as_then, decision) == answer


def _rests_on_erased(item: Requirement, record: Record, reveal: Reveal) -> bool:
    return item.rule is not None and any(_is_erased(record, name, reveal) for name in item.rule.fields)


def _with_validity_of(draft: Kind, then: Kind, told: KindMappings, record: Record, zone: ZoneInfo) -> Record:
    """Let evidence count as long as the draft says, where it says otherwise than the rules it was attached under."""

    def judged(piece: AttachedEvidence) -> AttachedEvidence:
        before, after = then.fields.get(piece.field), draft.fields.get(told.field(piece.field) or "")
        if (
            after is None
            or piece.attached_at is None
            or (before is not None and before.valid_days == after.valid_days)
        ):
            return piece
        return replace(piece, valid_until=valid_until(piece.attached_at, after.valid_days, zone))

    return replace(record, evidence=tuple(judged(piece) for piece in record.evidence))


def _is_erased(record: Record, name: str, reveal: Reveal) -> bool:
    stored = record.fields.get(name)
    return is_personal(stored) and isinstance(reveal(record.stream, name, stored), Erased)
