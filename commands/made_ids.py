"""Ids for what a command left unnamed.

They sort by time, and their other half comes from the idempotency key. A command that is sent again is answered from
its key before anything is decided, so that whoever leaves an id open never makes two things.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from commands.ports import Vault
from commands.submission import Submission
from domain.inbox.commands import Subscribe
from domain.naming import person_stream, token
from domain.organisation.commands import AddPerson, GiveDelegation, NoteAbsence
from domain.playbook.catalogue import Playbooks
from domain.reacting.commands import TakeStep
from domain.record.commands import AttachEvidence, OpenRecord, Progress, RecordTouch
from domain.work.commands import ForkWork, RequestApproval, RequestWork


def with_made_ids(
    submission: Submission, decided_at: datetime, vault: Vault, playbooks: Callable[[], Playbooks]
) -> Submission:
    """Return a submission whose command names everything it makes."""

    def made(prefix: str) -> str:
        milliseconds = max(int(decided_at.timestamp() * 1000), 0).to_bytes(6, "big")
        drawn = vault.pseudonym(f"id\n{submission.client}\n{submission.key}")
        return f"{prefix}_{token(milliseconds + drawn[:10])}"

    command: Any = submission.command
    match command:
        case OpenRecord(stream=stream) if stream.endswith("/"):
            kind = stream.removesuffix("/")
            playbook = playbooks().at(decided_at).by_kind.get(kind)
            command = replace(command, stream=stream + made(playbook.kind(kind).prefix if playbook else kind))
        case AddPerson(person=""):
            command = replace(command, person=person_stream(made("per")))
        case NoteAbsence(absence=""):
            command = replace(command, absence=made("abs"))
        case GiveDelegation(delegation=""):
            command = replace(command, delegation=made("del"))
        case Subscribe(subscription=""):
            command = replace(command, subscription=made("sub"))
        case RequestWork(work=""):
            command = replace(command, work=made("wrk"))
        case ForkWork(fork=""):
            command = replace(command, fork=made("frk"))
        case RequestApproval(approval=""):
            command = replace(command, approval=made("apr"))
        case RecordTouch(touch="") | Progress(touch=""):
            command = replace(command, touch=made("tou"))
        case TakeStep(made=""):
            command = replace(command, made=made("").removeprefix("_"))
        case AttachEvidence(evidence=""):
            command = replace(command, evidence=made("evi"))
        case _:
            return submission
    return replace(submission, command=command)
