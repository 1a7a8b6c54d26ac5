"""What can be asked of a record."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Override:
    """A request to waive requirements a gate would ask for. It needs a right, a name and a reason.

    `waive` lists requirement ids; None waives whatever is unmet, which only an import may ask for.
    """

    name: str
    waive: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """Open a record, in a stage its path may begin in. `stream` names it; ids are made by whoever asks.

    `unknown` names fields whose value at this moment is not known, which is neither filled nor empty.
    """

    stream: str
    fields: Mapping[str, object] = field(default_factory=dict)
    stage: str | None = None
    owner: str | None = None
    external_id: str | None = None
    unknown: frozenset[str] = frozenset()
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class EditFields:
    """Give fields new values; null clears one."""

    stream: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ChangeStage:
    """Move a record to a stage, with edits that belong to the move."""

    stream: str
    to: str
    fields: Mapping[str, object] = field(default_factory=dict)
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class RecordTouch:
    """Note that somebody was in touch."""

    stream: str
    touch: str
    kind: str
    note: str | None = None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class AttachEvidence:
    """Attach evidence to an evidence field, by the SHA-256 of the file."""

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
class ChangeOwner:
    """Let somebody else answer for a record."""

    stream: str
    owner: str | None


RecordCommand = (
    OpenRecord | EditFields | ChangeStage | RecordTouch | AttachEvidence | RelateRecord | ChangeOwner
)
