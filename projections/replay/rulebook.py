"""The rules a replay judges by: every published version, and the draft; they can be sent to another process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.playbook.catalogue import Playbooks
from domain.playbook.published import NOTHING_MAPPED, JudgingRule, KindMappings, PublishedPlaybook


@dataclass(frozen=True)
class Rulebook:
    """The versions decisions were made under, by name and number, and the draft they are judged by again.

    A closure cannot be sent to another process, so the rules travel as their typed trees.
    """

    versions: Mapping[tuple[str, int], PublishedPlaybook]
    draft: PublishedPlaybook | None = None
    worked_out: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was worked out once and is the same for every partition; it stays in its process."""

    @classmethod
    def of(cls, playbooks: Playbooks, draft: PublishedPlaybook | None) -> "Rulebook":
        """Take all versions there are."""
        return cls(playbooks.versions, draft)

    def judges(self, playbook: str | None) -> bool:
        """Tell whether the draft is one of the playbook a decision was made under."""
        return self.draft is not None and self.draft.name == playbook

    def __reduce__(self) -> tuple[Any, ...]:
        packed = {key: _packed(version) for key, version in self.versions.items()}
        return _unpacked, (packed, None if self.draft is None else _packed(self.draft))


def mappings_of(playbook: PublishedPlaybook, kind: str) -> KindMappings:
    """Say where a version reads what it has not under the name it had then."""
    return playbook.adopts.get(kind, NOTHING_MAPPED)


def _packed(version: PublishedPlaybook) -> dict[str, Any]:
    return {
        "document": version.document,
        "number": version.number,
        "rules": {place: rule.tree for place, rule in version.rules.items()},
        "position": version.position,
        "scope": dict(version.scope),
        "effective_from": version.effective_from,
        "mappings": dict(version.mappings),
        "adopts": dict(version.adopts),
    }


def _restored(packed: dict[str, Any]) -> PublishedPlaybook:
    rules = {place: JudgingRule.of(tree) for place, tree in packed["rules"].items()}
    return PublishedPlaybook(**{**packed, "rules": rules})


def _unpacked(versions: dict[tuple[str, int], dict[str, Any]], draft: dict[str, Any] | None) -> Rulebook:
    return Rulebook(
        {key: _restored(version) for key, version in versions.items()},
        None if draft is None else _restored(draft),
    )
