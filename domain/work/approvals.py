"""Decisions about agreement: ask for it, give it, refuse it, talk about it, take the request back, move it to another version."""

from domain.event import Event
from domain.facts import Facts
from domain.naming import a, nearest
from domain.playbook.model import Right
from domain.playbook.published import PublishedPlaybook
from domain.playbook.working import chain_place
from domain.record.edits import subject_of
from domain.record.gates import judged
from domain.record.problems import refuse_if, text_problems, unknown
from domain.record.state import Record
from domain.refusals import InvalidCommand, NotAllowed, NotFound, Problem
from domain.values import Private, Stored
from domain.work.approvers import Asking, levels_asked
from domain.work.approving import Approval, Level, requesters_of
from domain.work.commands import (
    CommentApproval,
    DecideApproval,
    MigrateApproval,
    RecallApproval,
    RequestApproval,
)
from domain.work.events import (
    ApprovalCommented,
    ApprovalDecided,
    ApprovalMigrated,
    ApprovalRecalled,
    ApprovalRequested,
)
from domain.work.items import new_id_problems
from domain.work.people import acting_person

DECISIONS = ("approved", "rejected")
_ENDED = {
    "approved": "it is approved already",
    "rejected": "it was rejected",
    "recalled": "it was recalled",
}


def request_approval(
    record: Record, command: RequestApproval, facts: Facts, playbook: PublishedPlaybook
) -> list[Event]:
    """Ask for agreement: the chain and its levels are those the record calls for, and every role gets a named person."""
    problems = new_id_problems(command.approval, record.approvals, "approval")
    name, wrong = _chain(record, command.chain, facts, playbook)
    problems += wrong
    if name is None:
        refuse_if(problems)
        raise AssertionError("without a chain there is a problem")
    problems += [
        Problem("/chain", f"{name} is being decided already; recall that approval first")
        for running in record.approvals.values()
        if running.chain == name and running.state == "running"
    ]
    acting = acting_person(facts)
    if not acting.startswith("person/"):
        # Whoever is behind a program could otherwise decide what they asked for.
        raise InvalidCommand([Problem("", "somebody asks for agreement: say for whom (On-Behalf-Of)")])
    asking = Asking(record, playbook, facts, acting, requesters_of(acting, facts.actor), command.approvers)
    chain = playbook.kind(record.kind).approvals[name]
    levels, wrong = levels_asked(asking, name, chain)
    refuse_if(problems + wrong)
    named: dict[str, Stored] = {level: dict(people) for level, people in command.approvers.items() if people}
    told: list[Stored] = [level.as_json() for level in levels]
    return [ApprovalRequested(command.approval, name, chain.order, told, named)]


def decide_approval(
    record: Record, command: DecideApproval, facts: Facts, playbook: PublishedPlaybook, *, has_reason: bool
) -> list[Event]:
    """Approve or reject one role of a level that waits for whoever decides, or for somebody they stand in for."""
    approval = _running(record, command.approval)
    _refuse_before_it_was_asked(approval, facts)
    refuse_if(unknown(command.decision, DECISIONS, "decision", "/decision"))
    if requesters_of(acting_person(facts), facts.actor) & approval.requesters:
        raise InvalidCommand([Problem("", "nobody approves or rejects what they asked for")])
    level, role = _decided(approval, command, facts)
    problems = text_problems("/comment", command.comment)
    says_why = has_reason or (command.comment is not None and bool(command.comment.strip()))
    if command.decision == "rejected" and not says_why:
        problems.append(Problem("/comment", "whoever rejects says why"))
    if command.back_to is not None:
        names = [found.name for found in approval.levels]
        before = tuple(names[: names.index(level.name) + 1])
        if command.decision != "rejected":
            problems.append(Problem("/back_to", "only a rejection leads back to a level"))
        problems += unknown(command.back_to, before, "level to go back to", "/back_to")
    refuse_if(problems)
    comment = None if command.comment is None else _private(record, command.comment, playbook)
    return [ApprovalDecided(approval.id, level.name, role, command.decision, command.back_to, comment)]


def comment_approval(record: Record, command: CommentApproval, playbook: PublishedPlaybook) -> list[Event]:
    """Say something about an approval, also after it has ended."""
    approval = _known(record, command.approval)
    problems = text_problems("/comment", command.comment)
    if not command.comment.strip():
        problems.append(Problem("/comment", "this cannot be empty"))
    refuse_if(problems)
    return [ApprovalCommented(approval.id, _private(record, command.comment, playbook))]


def recall_approval(record: Record, command: RecallApproval, facts: Facts) -> list[Event]:
    """Take a request back; what was decided stays in the history.

    Whoever runs the organisation may do so as well: whoever asked may have left.
    """
    approval = _running(record, command.approval)
    _refuse_before_it_was_asked(approval, facts)
    if acting_person(facts) not in approval.requesters and not facts.may(Right.organise):
        raise InvalidCommand([Problem("", f"only {approval.requested_by}, who asked for it, may recall it")])
    return [ApprovalRecalled(approval.id)]


def migrate_approval(
    record: Record, command: MigrateApproval, facts: Facts, playbook: PublishedPlaybook
) -> list[Event]:
    """Let a running approval go on under the version in force, or with the people who are named.

    Under that version already, and with nobody named, nothing happens. Whoever asked never moves what they asked for to other levels.
    """
    approval = _running(record, command.approval)
    _refuse_before_it_was_asked(approval, facts)
    if not facts.may(Right.publish):
        raise NotAllowed(Right.publish)
    if requesters_of(acting_person(facts), facts.actor) & approval.requesters:
        message = "nobody moves what they asked for to other levels; somebody else who may publish does"
        raise InvalidCommand([Problem("", message)])
    if (approval.playbook, approval.number) == (playbook.name, playbook.number) and not command.approvers:
        return []
    chains = playbook.kind(record.kind).approvals
    refuse_if(
        []
        if approval.chain in chains
        else [Problem("", f"the version in force has no chain {approval.chain}; recall the approval instead")]
    )
    asking = Asking(
        record,
        playbook,
        facts,
        approval.requested_by,
        approval.requesters,
        command.approvers,
        before=approval,
    )
    levels, problems = levels_asked(asking, approval.chain, chains[approval.chain])
    refuse_if(problems)
    told: list[Stored] = [level.as_json() for level in levels]
    return [ApprovalMigrated(approval.id, playbook.name, playbook.number, told)]


def _chain(
    record: Record, named: str | None, facts: Facts, playbook: PublishedPlaybook
) -> tuple[str | None, list[Problem]]:
    """The chain that was named, else the first that applies; it must be known to apply."""
    chains = playbook.kind(record.kind).approvals
    if named is not None and named not in chains:
        return None, unknown(named, chains, "chain of approval", "/chain")
    why_not = []
    for name in [named] if named is not None else chains:
        place = chain_place(record.kind, name)
        if place not in playbook.rules:
            return name, []
        applies = judged(playbook, place, record, facts.occurred_at, facts.reveal)
        if applies:
            return name, []
        empty = [
            field
            for field in sorted(playbook.rules[place].fields)
            if record.fields.get(field) in (None, "", [])
        ]
        unknown_for = f": {', '.join(empty)} is empty" if empty else ""
        why_not.append(
            f"{name} does not apply to this record"
            if applies is False
            else f"nobody knows whether {name} applies to this record{unknown_for}"
        )
    message = "; ".join(why_not) or f"{a(record.kind)} has no chain of approval"
    return None, [Problem("/chain", message)]


def _decided(approval: Approval, command: DecideApproval, facts: Facts) -> tuple[Level, str]:
    """The level and role that are decided. Raises InvalidCommand where none waits for whoever acts, or several do."""
    problems: list[Problem] = []
    if command.level is not None:
        names = tuple(level.name for level in approval.levels)
        problems += unknown(command.level, names, "level", "/level")
    if command.role is not None:
        roles = tuple(role for level in approval.levels for role in level.approvers)
        problems += unknown(command.role, roles, "role", "/role")
    refuse_if(problems)
    acting = acting_person(facts)
    waiting = [
        (level, role, person)
        for level in approval.open_levels
        for role, person in sorted(approval.waits_for(level).items())
    ]
    own = [
        (level, role)
        for level, role, person in waiting
        if acting in (person, level.asked.get(role)) or acting == facts.stand_in(person, "approvals")
    ]
    deciders = requesters_of(acting, facts.actor)
    free = [(level, role) for level, role in own if not _has_decided(approval, level, deciders)]
    fitting = [
        (level, role)
        for level, role in free
        if command.level in (None, level.name) and command.role in (None, role)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        told = ", ".join(f"{level.name}/{role}" for level, role in fitting)
        raise InvalidCommand([Problem("/role", f"say which level and role you decide: {told}")])
    if own and not free:
        raise InvalidCommand([Problem("", "one person decides one role of a level, and you have")])
    told = ", ".join(f"{level.name}/{role}: {person}" for level, role, person in waiting)
    raise InvalidCommand([Problem("", f"this does not wait for {acting}; it waits for {told}")])


def _has_decided(approval: Approval, level: Level, deciders: frozenset[str]) -> bool:
    """Whether one of those who act now, the person and whoever sends it for them, has decided a role of the level."""
    return any(
        deciders & requesters_of(found.by, found.actor or "") for found in approval.counted(level).values()
    )


def _refuse_before_it_was_asked(approval: Approval, facts: Facts) -> None:
    at = facts.occurred_at
    if at is not None and approval.requested_at is not None and at < approval.requested_at:
        raise InvalidCommand([Problem("/occurred_at", "it had not been asked by then")])


def _known(record: Record, name: str) -> Approval:
    approval = record.approvals.get(name)
    if approval is None:
        raise NotFound("approval", name, nearest(name, record.approvals))
    return approval


def _running(record: Record, name: str) -> Approval:
    approval = _known(record, name)
    if approval.state != "running":
        raise InvalidCommand([Problem("", f"nothing can be done to this any more: {_ENDED[approval.state]}")])
    return approval


def _private(record: Record, text: str, playbook: PublishedPlaybook) -> Private:
    return Private(subject_of(playbook.kind(record.kind), record), text)
