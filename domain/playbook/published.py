"""A published playbook: the document, its version, and its rules ready to judge."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeAlias

from domain.business_time import BusinessTime
from domain.naming import nearest
from domain.playbook.model import Kind, Playbook
from domain.playbook.reactions import Reaction, all_reactions
from domain.refusals import NotFound
from domain.rules.closure import CompiledRule, compile_rule
from domain.rules.tree import Node, fields_of, from_json, to_json
from domain.values import Stored


@dataclass(frozen=True, slots=True)
class JudgingRule:
    """A rule of a gate: its typed tree, which is authoritative, and the closure made from it."""

    tree: Node
    judge: CompiledRule
    fields: frozenset[str]

    @classmethod
    def of(cls, tree: Node) -> "JudgingRule":
        """Make a rule ready to judge."""
        return cls(tree, compile_rule(tree), fields_of(tree))


Scope: TypeAlias = Mapping[str, tuple[str, ...]]
"""Which records a version is for: the name of a choice field, `owner.region` or `owner.team`, and what counts. Empty: all."""

OWNER_REGION = "owner.region"
OWNER_TEAM = "owner.team"


@dataclass(frozen=True, slots=True)
class KindMappings:
    """Where what a new version takes away goes: stage → stage, field → field (None: nowhere), field → option → option (None: nowhere)."""

    stages: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str | None] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the mappings as plain JSON, without what says nothing."""
        parts = {
            "stages": dict(self.stages),
            "fields": dict(self.fields),
            "options": {name: dict(to) for name, to in self.options.items()},
        }
        return {name: part for name, part in parts.items() if part}

    @classmethod
    def from_json(cls, told: Any) -> "KindMappings":
        """Return the mappings that `as_json` described."""
        return cls(told.get("stages", {}), told.get("fields", {}), told.get("options", {}))

    def field(self, name: str) -> str | None:
        """Return the name a field has now, None where it is gone."""
        return self.fields.get(name, name)

    def value(self, name: str, value: Stored) -> Stored:
        """Return a value of a field as it is read now: options that are gone stand where they were mapped to."""
        options = self.options.get(name)
        if options is None:
            return value
        if isinstance(value, str):
            return options.get(value, value)
        if isinstance(value, list):
            mapped: list[Any] = [options.get(item, item) if isinstance(item, str) else item for item in value]
            return list(dict.fromkeys(item for item in mapped if item is not None)) or None
        return value

    def read(self, fields: Mapping[str, Stored]) -> dict[str, Stored]:
        """Return values under the names and options they have now.

        What was said under the new name wins over a mapped value, and that it was cleared is said as well;
        of several old names the first in alphabetical order counts, because the log keeps no other order.
        """
        found = {name: self.value(name, value) for name, value in fields.items() if name not in self.fields}
        for old in sorted(self.fields.keys() & fields.keys()):
            new = self.fields[old]
            if new is not None and new not in fields and found.get(new) is None:
                found[new] = self.value(old, fields[old])
        return found


NOTHING_MAPPED = KindMappings()


@dataclass(frozen=True)
class PublishedPlaybook:
    """One version of a playbook, in force from `position` on. A draft has number 0 and position 0.

    A version with a `scope` is for the records within it; one with `effective_from` waits for that moment.
    `mappings` are those it was published with, `adopts` says by kind where everything goes that any version before it had;
    `replay` is the replay that was signed off before, where one was named.
    """

    document: Playbook
    number: int
    rules: Mapping[str, JudgingRule] = field(repr=False)
    position: int = 0
    scope: Scope = field(default_factory=dict)
    effective_from: datetime | None = None
    mappings: Mapping[str, KindMappings] = field(default_factory=dict)
    adopts: Mapping[str, KindMappings] = field(default_factory=dict)
    replay: str | None = None

    @property
    def mappings_json(self) -> dict[str, Any]:
        """The mappings it was published with, as plain JSON by kind, without what says nothing."""
        return {kind: told.as_json() for kind, told in self.mappings.items()}

    @property
    def name(self) -> str:
        """The name all versions share."""
        return self.document.playbook

    def kind(self, name: str) -> Kind:
        """Return a kind of record. Raises NotFound, with the nearest kind there is."""
        kind = self.document.kinds.get(name)
        if kind is None:
            raise NotFound("kind", name, nearest(name, self.document.kinds))
        return kind

    @cached_property
    def working_time(self) -> BusinessTime | None:
        """The business time of the playbook's calendar, None where it has none."""
        return None if self.document.calendar is None else BusinessTime.of(self.document.calendar)

    @cached_property
    def reactions(self) -> Mapping[str, Mapping[str, Reaction]]:
        """The reactions of each kind by name, in order, those its forks make among them."""
        return {name: all_reactions(kind.reactions, kind.forks) for name, kind in self.document.kinds.items()}

    @cached_property
    def document_json(self) -> dict[str, Any]:
        """The document as the plain JSON that is published."""
        return self.document.as_json()

    @cached_property
    def rules_json(self) -> dict[str, Any]:
        """The typed trees of all rules by place, as the plain JSON that is published."""
        return {place: to_json(rule.tree) for place, rule in sorted(self.rules.items())}

    @cached_property
    def stored_rules(self) -> list[Any]:
        """The typed trees as the publish event lists them: each with its place."""
        return [{"place": place, "tree": tree} for place, tree in self.rules_json.items()]

    @cached_property
    def digest(self) -> str:
        """The SHA-256, in hexadecimal, of the canonical JSON of what is published: [document, rules]."""
        published = [self.document_json, self.stored_rules]
        text = json.dumps(published, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def from_published(
        cls,
        document: object,
        rules: Mapping[str, Any],
        number: int,
        position: int,
        *,
        scope: Scope | None = None,
        effective_from: datetime | None = None,
        mappings: Mapping[str, KindMappings] | None = None,
        replay: str | None = None,
    ) -> "PublishedPlaybook":
        """Rebuild a version from its publish event; the stored trees judge, the texts are not parsed again."""
        return cls(
            document=Playbook.model_validate(document),
            number=number,
            rules={place: JudgingRule.of(from_json(tree)) for place, tree in rules.items()},
            position=position,
            scope=scope or {},
            effective_from=effective_from,
            mappings=mappings or {},
            replay=replay,
        )
