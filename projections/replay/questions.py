"""What has to be known of a record to judge a move: questions that are answered yes or no for many decisions at once.

The same question may be asked by many gates, of many versions; it is answered once for all decisions that ask it.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import orjson

from domain.playbook.published import NOTHING_MAPPED, KindMappings
from domain.rules.nodes import Node


@dataclass(frozen=True)
class Reading:
    """How names that were recorded are read: through the mappings of the version that judged then, and after those through the draft's."""

    key: str
    levels: tuple[KindMappings, ...] = field(compare=False, repr=False)

    @classmethod
    def of(cls, *levels: KindMappings) -> "Reading":
        """Read through mappings, one after the other. One that maps nothing changes nothing."""
        kept = [levels[0], *(told for told in levels[1:] if told != NOTHING_MAPPED)]
        spelled = [[dict(t.stages), dict(t.fields), {f: dict(o) for f, o in t.options.items()}] for t in kept]
        return cls(orjson.dumps(spelled, option=orjson.OPT_SORT_KEYS).decode(), tuple(kept))

    def step(self, name: str | None) -> str | None:
        """Return the name a step of the log has."""
        for told in self.levels:
            name = told.stages.get(name, name) if name is not None else None
        return name

    def sources(self, name: str) -> frozenset[str]:
        """Name every recorded field whose value may be read under a name."""
        names = {name}
        for told in reversed(self.levels):
            names |= {old for old, new in told.fields.items() if new in names}
        return frozenset(names)


StandsOn: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""The fields approvals stand on, by chain: those the rules of the chain read in the version that judges."""

Validity: TypeAlias = tuple[tuple[str, int | None], ...]
"""Evidence fields whose pieces count for other days than they were attached under (None: for ever)."""


@dataclass(frozen=True)
class IsFilled:
    """Does the record hold something in a field?"""

    reading: Reading
    name: str


@dataclass(frozen=True)
class IsProven:
    """Is a valid piece of evidence attached? `validity` says of which fields the last day is counted anew."""

    reading: Reading
    name: str
    zone: str
    validity: Validity = ()


@dataclass(frozen=True)
class IsTrue:
    """Is a condition true? Unknown is no. `stands_on` is told of the chains it asks about."""

    reading: Reading
    tree: Node
    zone: str
    validity: Validity = ()
    stands_on: StandsOn = ()

    @cached_property
    def _hash(self) -> int:
        return hash((self.reading, self.tree, self.zone, self.validity, self.stands_on))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True)
class WasUnknown:
    """Was it said of the field that nobody knows its value?"""

    reading: Reading
    name: str


@dataclass(frozen=True)
class IsErased:
    """Was there a value that nobody can read any more?"""

    reading: Reading
    name: str


@dataclass(frozen=True)
class HasNoMoment:
    """Does nobody know when the attempt was made?"""


@dataclass(frozen=True)
class HasNoEntry:
    """Does nobody know when the record came into the step it was in?"""


@dataclass(frozen=True)
class HoldsRole:
    """Did whoever tried, or whom they acted for, hold one of these roles as of the basis?"""

    roles: frozenset[str]


@dataclass(frozen=True)
class IsPerson:
    """Is whoever tried, or whom they acted for, a person of the organisation? Or, with `is_so` false, are they none?"""

    is_so: bool = True


Question: TypeAlias = (
    IsFilled | IsProven | IsTrue | WasUnknown | IsErased | HasNoMoment | HasNoEntry | HoldsRole | IsPerson
)
