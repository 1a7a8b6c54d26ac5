"""What the two ways of telling of a record have in common: its stream, who acted, its fields, the chain of its commands."""

from abc import ABC, abstractmethod
from collections.abc import Mapping as Named
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from commands.submission import Command
from consumers.importing.cells import Cells, Reasons
from consumers.importing.language import Column, Mapping
from consumers.importing.organisation import IMPORT
from consumers.importing.sources import Row
from consumers.importing.steps import Origin, Step
from domain.playbook.model import FieldKind, Kind


@dataclass(frozen=True, slots=True)
class Draft:
    """A record as its rows tell it, until it is known that the records it leads to are there (kind and natural key of each)."""

    origin: Origin
    steps: Sequence[Step]
    relations: Sequence[Step] = ()
    leads_to: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Said:
    """One thing a row says happened: the name of the step, the command, when, who, and which streams it needs."""

    name: str
    command: Command
    at: datetime | None
    actor: str
    needs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Values:
    """Fields as commands take them (None: nothing is there), and the records they lead to by kind and natural key."""

    fields: dict[str, object] = field(default_factory=dict)
    leads_to: list[tuple[str, str]] = field(default_factory=list)

    @property
    def filled(self) -> dict[str, object]:
        """Only the fields that hold something."""
        return {name: value for name, value in self.fields.items() if value is not None}


class RecordPlanner(ABC):
    """Drafts the records of one kind."""

    def __init__(self, mapping: Mapping, name: str, kind: Kind, cells: Cells) -> None:
        self._name = name
        self._kind = kind
        self._record = mapping.records[name]
        self._source = mapping.sources[self._record.source]
        self._cells = cells

    def draft(self, origin: Origin, rows: Sequence[Row], reasons: list[str]) -> Draft | None:
        """Return what the rows of one record say, or None after every reason against them was added."""
        reading = Reasons(reasons)
        if not origin.key:
            reading.add("key", "the natural key is empty")
        draft = self._read(origin, rows, reading)
        return None if reasons else draft

    @abstractmethod
    def _read(self, origin: Origin, rows: Sequence[Row], reasons: Reasons) -> Draft:
        """Read the rows of one record."""

    def _external_id(self, origin: Origin) -> str | None:
        """The natural key as it may stand in the log: not at all when it is also something personal, such as a phone number."""
        key = self._record.key
        personal = {
            column.column
            for name, column in self._record.fields.items()
            if self._kind.fields[name].is_personal
        }
        return None if key is not None and key.column in personal else origin.key

    def _who(self, row: Row, reasons: Reasons) -> tuple[str | None, str]:
        """The owner, and who acted: the actor the row names, else the owner, else the import."""
        owner, actor = (
            None if column is None else self._cells.person(column, row, self._what(part), reasons)
            for part, column in (("owner", self._record.owner), ("actor", self._record.actor))
        )
        return owner, actor or owner or IMPORT

    def _values(self, row: Row, columns: Named[str, Column], reasons: Reasons) -> Values:
        values = Values()
        for name, column in columns.items():
            spec = self._kind.fields[name]
            value = self._cells.value(spec, column, row, self._record.source, self._what(name), reasons)
            values.fields[name] = value
            if spec.type is FieldKind.reference and value is not None:
                values.leads_to.append((spec.to or "", self._cells.peek(column, row) or ""))
        return values

    def _steps(self, origin: Origin, said: Sequence[Said]) -> list[Step]:
        """Make a chain of what a row says: each step needs the one before, the first one makes the record."""
        stream = self._stream(origin)
        steps: list[Step] = []
        for item in said:
            key = self._cells.ids.step(origin, item.name)
            before = (steps[-1].key,) if steps else ()
            steps.append(
                Step(
                    origin,
                    key,
                    item.command,
                    item.at,
                    item.actor,
                    (key,) if steps else (key, stream),
                    (*before, *item.needs),
                )
            )
        return steps

    def _stream(self, origin: Origin) -> str:
        return self._cells.ids.record(self._name, origin.key)

    def _what(self, part: str) -> str:
        return f"{self._name}.{part}"
