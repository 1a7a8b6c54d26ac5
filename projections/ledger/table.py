"""What a fact table is: its columns with their meanings, what makes a row end, and the columns that many tables have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeAlias

import polars as pl

MOMENT: Final = pl.Datetime("us", "UTC")
TEXT: Final = pl.String()
NUMBER: Final = pl.Int64()
FLAG: Final = pl.Boolean()
NAMES: Final = pl.List(pl.String())

Moment: TypeAlias = int | None
"""A moment on its way into a table: microseconds since 1970-01-01T00:00:00Z."""

DataType: TypeAlias = pl.DataType
Columns: TypeAlias = Mapping[str, tuple[DataType, str]]

GONE: Final = "gone"
"""Stored with tables whose rows may end without a successor: this row is only the end of the one before it, and is never shown."""


@dataclass(frozen=True)
class Table:
    """A fact table: its name, what one row is, its columns with their meanings, and what makes a row end.

    `key` names the columns whose next row ends a row; `ends` says which column of the ending row each end is taken from.
    `whole` tables are small and about no record, so they are not partitioned.
    """

    name: str
    row: str
    columns: Columns
    key: tuple[str, ...] = ("record",)
    ends: Mapping[str, str] = field(default_factory=dict)
    may_be_gone: bool = False
    whole: bool = False

    @cached_property
    def schema(self) -> pl.Schema:
        """The columns as they are read."""
        return pl.Schema({name: dtype for name, (dtype, _) in self.columns.items()})

    @cached_property
    def stored(self) -> pl.Schema:
        """The columns as they are kept in segments."""
        return pl.Schema({**self.schema, GONE: FLAG}) if self.may_be_gone else self.schema

    @cached_property
    def noted(self) -> pl.Schema:
        """The columns an event writes; the ends are derived from them."""
        return pl.Schema({name: dtype for name, dtype in self.stored.items() if name not in self.ends})

    @property
    def order(self) -> tuple[str, ...]:
        """What rows are sorted by: the record (of a whole table: what it is about), then the position."""
        return tuple(dict.fromkeys((self.key[0], "position")))


OF_RECORD: Final[Columns] = {
    "record": (TEXT, "the record, as its stream is named: `opportunity/opp_01…`"),
    "kind": (TEXT, "the kind of the record"),
    "position": (NUMBER, "the position of the event this row comes from"),
}
OF_MOMENT: Final[Columns] = {
    "at": (MOMENT, "when it happened; null: nobody knows"),
    "recorded_at": (MOMENT, "when the log took it in"),
}
OF_ACTOR: Final[Columns] = {
    "actor": (TEXT, "who did it"),
    "channel": (TEXT, "through what it came"),
}
OF_RULES: Final[Columns] = {
    "playbook": (TEXT, "the playbook the event was decided under"),
    "playbook_version": (NUMBER, "its version"),
}
