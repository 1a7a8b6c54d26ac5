"""Reading cells: repairs, emptiness, types. What does not fit is a reason against the row, with the nearest valid value."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from consumers.importing.language import Column, Mapping
from consumers.importing.sources import Row
from consumers.importing.steps import Ids
from consumers.importing.texts import NotUnderstood, read_date, read_moment, read_number
from domain.naming import nearest
from domain.playbook.model import FieldKind, FieldSpec
from domain.values import ValueRefused, moment_text, store

MAX_SUGGESTIONS = 2_000
"""Among more texts than this none is suggested in place of a wrong one."""


class Reasons:
    """What speaks against a row. `at` narrows where, for rows that are one of several of a record."""

    def __init__(self, found: list[str], at: str = "") -> None:
        self._found = found
        self._at = at

    def of(self, row: Row) -> "Reasons":
        """Return the same reasons, told of one row."""
        return Reasons(self._found, f"{row.place}: ")

    def add(self, where: str, message: str, given: str | None = None, valid: Iterable[str] = ()) -> None:
        """Add a reason, with the valid value that is nearest to the given one."""
        suggestion = _nearest(given, frozenset(valid)) if given else None
        hint = f"; did you mean {suggestion!r}?" if suggestion else ""
        self._found.append(f"{self._at}{where}: {message}{hint}")

    def __bool__(self) -> bool:
        return bool(self._found)


class Cells:
    """Reads the cells of all sources of a mapping, and counts every repair.

    `people` and `targets` are the natural keys that exist: of people, and of records by kind.
    """

    def __init__(self, mapping: Mapping, ids: Ids) -> None:
        self.ids = ids
        self.people: set[str] = set()
        self.targets: dict[str, set[str]] = {}
        self.repairs: Counter[str] = Counter()
        self._zone = ZoneInfo(mapping.time_zone)
        self._dates = {
            name: source.csv.dates for name, source in mapping.sources.items() if source.csv is not None
        }

    @staticmethod
    def peek(column: Column, row: Row) -> str | None:
        """Return the text of a cell after its repairs, None where nothing is there; nothing is counted."""
        text = row.values.get(column.column, "")
        text = column.repairs.get(text, text)
        return None if text == "" or text in column.empty else text

    def text(self, column: Column, row: Row, what: str) -> str | None:
        """Return the text of a cell after its repairs, None where nothing is there; `what` it is names the repair."""
        text = row.values.get(column.column, "")
        repaired = column.repairs.get(text)
        if repaired is not None:
            self.repairs[f"{what}: {text!r} → {repaired!r}"] += 1
        return self.peek(column, row)

    def moment(self, column: Column, row: Row, source: str, what: str, reasons: Reasons) -> datetime | None:
        """Return the moment a cell tells, None where nothing is there."""
        text = self.text(column, row, what)
        try:
            return (
                None
                if text is None
                else read_moment(text, column.date or self._dates.get(source), self._zone)
            )
        except NotUnderstood as error:
            reasons.add(column.column, str(error))
            return None

    def person(self, column: Column, row: Row, what: str, reasons: Reasons) -> str | None:
        """Return the id of the person a cell names, None where nothing is there."""
        text = self.text(column, row, what)
        return None if text is None else self._person(text, column, reasons)

    def record(
        self, column: Column, row: Row, kind: str, what: str, reasons: Reasons
    ) -> tuple[str, str] | None:
        """Return the kind and the natural key of the record a cell leads to, None where nothing is there."""
        text = self.text(column, row, what)
        return (kind, text) if text is not None and self._is_target(kind, text, column, reasons) else None

    def value(
        self, spec: FieldSpec, column: Column, row: Row, source: str, what: str, reasons: Reasons
    ) -> object:
        """Return the value of a field as a command takes it, None where nothing is there."""
        text = self.text(column, row, what)
        if text is None:
            return None
        match spec.type:
            case FieldKind.person:
                return self._person(text, column, reasons)
            case FieldKind.reference:
                kind = spec.to or ""
                return self.ids.record(kind, text) if self._is_target(kind, text, column, reasons) else None
        try:
            raw = self._raw(spec, column, text, source)
            assert spec.value_type is not None
            choose = spec.choose
            store(
                spec.value_type,
                raw,
                at_least=choose.at_least if choose else 0,
                at_most=choose.at_most if choose else None,
            )
        except (NotUnderstood, ValueRefused) as error:
            hint = f"; did you mean {error.suggestion!r}?" if error.suggestion else ""
            shown = "" if isinstance(error, NotUnderstood) else f"{text[:80]!r}: "
            reasons.add(column.column, f"{shown}{error}{hint}")
            return None
        return raw

    def _raw(self, spec: FieldSpec, column: Column, text: str, source: str) -> object:
        date_format = column.date or self._dates.get(source)
        match spec.type:
            case FieldKind.number | FieldKind.money:
                return read_number(text, column.number)
            case FieldKind.date:
                found = read_date(text, date_format)
                return date(found.year, found.month, found.day).isoformat()
            case FieldKind.datetime:
                return moment_text(read_moment(text, date_format, self._zone))
            case FieldKind.choice if column.separator is not None:
                return [str(_option(column, part)) for part in text.split(column.separator) if part]
            case FieldKind.choice:
                return str(_option(column, text))
            case FieldKind.boolean:
                answer = str(_option(column, text)).lower()
                if answer not in ("true", "false"):
                    raise NotUnderstood(f"{text!r} is neither true nor false; name it under 'options'")
                return answer == "true"
            case _:
                return text

    def _person(self, key: str, column: Column, reasons: Reasons) -> str | None:
        if key not in self.people:
            reasons.add(column.column, f"there is no person {key!r} in the organisation", key, self.people)
            return None
        return self.ids.person(key)

    def _is_target(self, kind: str, key: str, column: Column, reasons: Reasons) -> bool:
        there = self.targets.get(kind, set())
        if key not in there:
            reasons.add(column.column, f"there is no {kind} {key!r}", key, there)
        return key in there


@lru_cache(maxsize=10_000)
def _nearest(given: str, valid: frozenset[str]) -> str | None:
    """The nearest valid text; among very many texts looking for it would take longer than the import."""
    return nearest(given, sorted(valid)) if len(valid) <= MAX_SUGGESTIONS else None


def _option(column: Column, text: str) -> str | bool:
    """The option of a text: the one the mapping names, or the text itself where it names none at all."""
    if not column.options:
        return text
    if text not in column.options:
        raise NotUnderstood(f"{text!r} is not under 'options'", nearest(text, column.options))
    return column.options[text]
