"""What can be asked of playbooks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.playbook.published import KindMappings, PublishedPlaybook, Scope


@dataclass(frozen=True, slots=True)
class DraftPlaybook:
    """Keep a checked playbook as the next draft of its name; nothing is in force by it."""

    playbook: PublishedPlaybook


@dataclass(frozen=True, slots=True, kw_only=True)
class _Publication:
    """How a playbook is put into force: for which records, from when on, and where goes what it takes away (by kind).

    `replay` names the replay that was looked at before; it must have been signed off for the very text that is published.
    """

    scope: Scope = field(default_factory=dict)
    effective_from: datetime | None = None
    mappings: Mapping[str, KindMappings] = field(default_factory=dict)
    replay: str | None = None


@dataclass(frozen=True, slots=True)
class PublishPlaybook(_Publication):
    """Put a checked playbook into force. `playbook` carries its rules as typed trees."""

    playbook: PublishedPlaybook


@dataclass(frozen=True, slots=True)
class PublishDraft(_Publication):
    """Put a draft that was kept before into force."""

    name: str
    draft: int


@dataclass(frozen=True, slots=True)
class SignOffReplay:
    """Stand by a replay of a draft: what it would have done to recorded history was looked at, and is wanted.

    `digest` is that of the draft the replay judged; `window` is how much of the log it went over (`after`, `upto`),
    `position` the position it read the log at, `summary` the figures that were looked at.
    """

    name: str
    draft: int
    digest: str
    replay: str
    window: Mapping[str, int]
    position: int
    summary: Mapping[str, Any] = field(default_factory=dict)
