"""The typed tree of a rule: what was checked, what is stored for ever, what every back end compiles.

The tree is authoritative, the text it came from is not.
The nodes are in `domain.rules.nodes`, the stored form in `json_form`, the readable form in `text_form`.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.rules.json_form import TreeFormatError, from_json, to_json, tree_hash
from domain.rules.nodes import MAX_DEPTH, MAX_NODES, Fact, Field, Node, children, size_of, walk
from domain.rules.text_form import to_text

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "Node",
    "Rule",
    "TreeFormatError",
    "children",
    "evidence_types_of",
    "facts_of",
    "fields_of",
    "from_json",
    "size_of",
    "to_json",
    "to_text",
    "tree_hash",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule is a typed tree; the text is kept for people, the hash (SHA-256, hex) for comparison and audit."""

    tree: Node
    text: str
    hash: str

    @classmethod
    def of(cls, tree: Node, text: str) -> Rule:
        """Make a rule of a checked tree and its text."""
        return cls(tree, text, tree_hash(tree))


def fields_of(tree: Node) -> frozenset[str]:
    """Name every field the rule reads."""
    return frozenset(node.name for node, _ in walk(tree) if isinstance(node, Field))


def facts_of(tree: Node) -> frozenset[Fact]:
    """List every fact the rule asks, with its arguments."""
    return frozenset(node for node, _ in walk(tree) if isinstance(node, Fact))


def evidence_types_of(tree: Node) -> frozenset[str]:
    """Name every evidence type the rule asks for."""
    return frozenset(str(fact.arguments[0]) for fact in facts_of(tree) if fact.name == "evidence")
