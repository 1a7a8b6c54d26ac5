"""A command on its way in, and the answer on its way out."""

from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from domain.assigning.commands import PoolCommand
from domain.deadlines.commands import DeadlineCommand
from domain.envelope import Recorded
from domain.erasure import EraseSubject
from domain.inbox.commands import InboxCommand
from domain.indices.commands import CloseIndex
from domain.organisation.commands import OrganisationCommand
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook, SignOffReplay
from domain.playbook.model import Right
from domain.reacting.commands import ReactionCommand, TakeStep
from domain.record.commands import RecordCommand
from domain.refusals import Refusal

Command = (
    RecordCommand
    | OrganisationCommand
    | PublishPlaybook
    | DraftPlaybook
    | PublishDraft
    | SignOffReplay
    | CloseIndex
    | EraseSubject
    | DeadlineCommand
    | InboxCommand
    | PoolCommand
    | ReactionCommand
)


class Occurred(Enum):
    """When something happened, if not at a stated moment."""

    NOW = "now"


NOW = Occurred.NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A command, who issues it, and the key that makes it safe to send again.

    `occurred_at` NOW means the moment of the decision, None means that the moment is unknown.
    `rights` are those of the system's own principals; people have theirs from their roles.
    `expected_version` is the version of the record the caller has seen: where it has moved on, the command fails
    (StaleVersion) and is never decided again. `told_time` is the time in a simulated log and must be None in any other.
    """

    command: Command
    client: str
    key: str
    actor: str
    channel: str
    rights: frozenset[Right] = frozenset()
    occurred_at: datetime | Occurred | None = NOW
    on_behalf_of: str | None = None
    reason: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    expected_version: int | None = None
    told_time: datetime | None = None

    def body(self) -> dict[str, Any]:
        """Return what makes two submissions the same one, as plain data."""
        command: Any = self.command
        content: Any
        match command:
            case DraftPlaybook():
                content = command.playbook.document_json
            case PublishPlaybook():
                how = {"scope": command.scope, "effective_from": command.effective_from}
                how = _plain(how | {"mappings": command.mappings})
                content = [command.playbook.document_json, _with_replay(how, command.replay)]
            case PublishDraft():
                content = _with_replay(_plain(command), command.replay)
            case _:
                content = _plain(command)
        return {
            "command": type(command).__name__,
            "content": content,
            "actor": self.actor,
            "occurred_at": _plain(self.occurred_at),
            # A step of a reaction is the same step whoever it is taken for: that is looked up anew when it is asked again after a crash.
            "on_behalf_of": None if isinstance(command, TakeStep) else self.on_behalf_of,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command: its events, or the refusal; `replayed` when the same was answered before.

    Of a command that changed nothing, `looked_at` is the position it was found so at, and `version` that of its record there.
    `error` is set when the command was neither accepted nor refused (a reused key, or everything kept moving).
    """

    outcome: Literal["accepted", "refused", "failed"]
    events: tuple[Recorded, ...] = ()
    refusal: Refusal | None = None
    error: Exception | None = None
    replayed: bool = False
    looked_at: int | None = None
    version: int | None = None

    def required(self) -> "Answer":
        """Return the answer of an accepted command; raise its refusal or error otherwise."""
        if self.refusal is not None:
            raise self.refusal
        if self.error is not None:
            raise self.error
        return self


def _with_replay(told: Any, replay: str | None) -> Any:
    """A replay that is not named says nothing: what was sent before publications could name one stays the same submission."""
    known = {name: value for name, value in told.items() if name != "replay"}
    return known if replay is None else {**known, "replay": replay}


def _plain(value: object) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Enum):
        return value.value
    return value if value is None or isinstance(value, str | int | bool) else str(value)
