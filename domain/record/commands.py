"""What can be asked of a record."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.work.commands import ApprovalCommand, WorkCommand


@dataclass(frozen=True, slots=True)
class Override:
    """A request to waive requirements a gate would ask for. It needs a right, a name and a reason.

    `waive` lists requirement ids; None waives whatever is unmet, which only an import may ask for.
    """

    name: str
    waive: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """Open a record, in a stage its path may begin in. `stream` names it; of a kind alone (`opportunity/`), an id is made.

    `path` chooses among the paths of a kind that has several. `unknown` names fields whose value at this moment is not known, which is neither filled nor empty.
    """

    stream: str
    fields: Mapping[str, object] = field(default_factory=dict)
    stage: str | None = None
    owner: str | None = None
    external_id: str | None = None
    unknown: frozenset[str] = frozenset()
    override: Override | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class EditFields:
    """Give fields new values; null clears one."""

    stream: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ConfirmFields:
    """Say that the values of fields still hold. It changes none of them, and makes what is known of them new again."""

    stream: str
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class ChangeStage:
    """Move a record to a stage, with edits that belong to the move."""

    stream: str
    to: str
    fields: Mapping[str, object] = field(default_factory=dict)
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class RecordTouch:
    """Note that somebody was in touch. Without an id (`touch`) one is made."""

    stream: str
    touch: str
    kind: str
    note: str | None = None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class CorrectTouch:
    """Correct what was noted about a touch, or withdraw it; both versions stay in the log.

    `changes` may hold `kind`, `note`, `contact` and `happened_at` (a moment, null: unknown); what is left out stays.
    """

    stream: str
    touch: str
    changes: Mapping[str, object] = field(default_factory=dict)
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class AttachEvidence:
    """Attach evidence to an evidence field, by the SHA-256 of the file. Without an id (`evidence`) one is made."""

    stream: str
    evidence: str
    field: str
    sha256: str
    size_bytes: int
    media_type: str
    file_name: str | None = None


@dataclass(frozen=True, slots=True)
class RelateRecord:
    """Relate a record to another one."""

    stream: str
    relation: str
    to: str


@dataclass(frozen=True, slots=True)
class EndRelation:
    """End a relation to another record."""

    stream: str
    relation: str
    to: str


@dataclass(frozen=True, slots=True)
class RestoreFields:
    """Give fields back the values they had before the change at a position of the log.

    `fields` None means every field that was changed there. Where a field was changed again since, the restoration
    is refused unless `over_later_changes` says that those changes may go too.
    """

    stream: str
    change: int
    fields: frozenset[str] | None = None
    over_later_changes: bool = False


@dataclass(frozen=True, slots=True)
class ChangeOwner:
    """Let somebody else answer for a record."""

    stream: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Note a progress by a preset of the playbook: a touch, fields and a move in one, all of it or nothing.

    `fields` are the values the preset asks for, `evidence` the pieces it asks for: their ids by evidence field. Without an id (`touch`) one is
    made for the touch, where the preset has one.
    """

    stream: str
    preset: str
    fields: Mapping[str, object] = field(default_factory=dict)
    note: str | None = None
    contact: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)
    touch: str = ""


RecordCommand = (
    OpenRecord
    | EditFields
    | ConfirmFields
    | ChangeStage
    | RecordTouch
    | CorrectTouch
    | AttachEvidence
    | RelateRecord
    | EndRelation
    | ChangeOwner
    | Progress
    | RestoreFields
    | WorkCommand
    | ApprovalCommand
)
