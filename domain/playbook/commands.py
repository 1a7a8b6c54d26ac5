"""What can be asked of playbooks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.playbook.published import KindMappings, PublishedPlaybook, Scope


@dataclass(frozen=True, slots=True)
class DraftPlaybook:
    """Keep a checked playbook as the next draft of its name; nothing is in force by it."""

    playbook: PublishedPlaybook


@dataclass(frozen=True, slots=True, kw_only=True)
class _Publication:
    """How a playbook is put into force: for which records, from when on, and where goes what it takes away (by kind)."""

    scope: Scope = field(default_factory=dict)
    effective_from: datetime | None = None
    mappings: Mapping[str, KindMappings] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PublishPlaybook(_Publication):
    """Put a checked playbook into force. `playbook` carries its rules as typed trees."""

    playbook: PublishedPlaybook


@dataclass(frozen=True, slots=True)
class PublishDraft(_Publication):
    """Put a draft that was kept before into force."""

    name: str
    draft: int
