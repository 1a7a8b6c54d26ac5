"""Typed questions about a list of records: which ones (filters), in which order, and what of them.

A filter is `name=value` or `name.operator=value`; names are those of the playbook's fields and a record's attributes.
A field that has the name of an attribute or of a parameter is written `fields.NAME`. The same filter repeated: one of the values
(`ne`: none of them). A missing value is neither equal to anything, nor different from it, nor before or after it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

from domain.naming import nearest, person_stream
from domain.organisation.state import Organisation
from domain.playbook.model import Kind
from domain.refusals import Problem
from domain.rules.types import FieldType, ValueType
from domain.values import Stored, ValueRefused, store
from projections.errors import InvalidQuery, not_among, problem_of

Operator: TypeAlias = Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "is_null", "contains"]

OPERATORS: tuple[Operator, ...] = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "is_null", "contains")
ORDERING = frozenset({"gt", "gte", "lt", "lte"})
ORDERED = frozenset({ValueType.text, ValueType.number, ValueType.money, ValueType.date, ValueType.datetime})

MAX_PARAMETERS = 100

ATTRIBUTES: Mapping[str, ValueType] = {
    "id": ValueType.text,
    "external_id": ValueType.text,
    "stage": ValueType.choice,
    "owner": ValueType.person,
    "team": ValueType.choice,
    "region": ValueType.choice,
    "opened_at": ValueType.datetime,
    "stage_entered_at": ValueType.datetime,
    "last_touch_at": ValueType.datetime,
    "touches": ValueType.number,
    "version": ValueType.number,
}
"""What every record has beside its fields; team and region are those of its owner."""

OF_THE_OWNER = frozenset({"team", "region"})
SHOWN_ALWAYS = frozenset({"id", "version"})
CHOOSABLE = (*(name for name in ATTRIBUTES if name not in OF_THE_OWNER), "title")
ON_ONE_RECORD = ("evidence", "relations", "entries", "touches")
"""What one record is asked for beside that; a list does not carry it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a filter or an order is about: an attribute or a field, with its type (None: evidence)."""

    name: str
    is_field: bool
    type: FieldType | None


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on a subject. `values` are stored values; several mean one of them (`ne`: none of them)."""

    subject: Subject
    operator: Operator
    values: tuple[Stored, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A subject to sort by. What has no value comes last in both directions."""

    subject: Subject
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """Which records, in which order, and what of them: `chosen` None means everything."""

    filters: tuple[Filter, ...] = ()
    order: tuple[Order, ...] = ()
    chosen: frozenset[str] | None = None


@dataclass(slots=True)
class _Reader:
    kind: Kind
    people: Organisation
    problems: list[Problem] = field(default_factory=list)
    beside: tuple[str, ...] = ()

    def subject(self, name: str, parameter: str) -> Subject | None:
        """Find what a name means; note a problem when it means nothing, or nothing that may be asked."""
        bare = name.removeprefix("fields.")
        if bare == name and name in ATTRIBUTES:
            return Subject(name, False, self._attribute_type(name))
        spec = self.kind.fields.get(bare)
        if spec is None:
            fields = [field for field, it in self.kind.fields.items() if not it.is_personal]
            what, beside = "there is no such field or parameter", self.beside
            if parameter == "sort":
                what, beside = "there is no such field", ()
            names = dict.fromkeys([*beside, *ATTRIBUTES, *fields])
            self.problems.append(not_among(parameter, what, bare, names))
            return None
        if spec.is_personal:
            self.problems.append(
                problem_of(
                    parameter,
                    "this field is personal: its values are sealed, so that they can be neither filtered nor sorted",
                )
            )
            return None
        return Subject(bare, True, spec.value_type)

    def _attribute_type(self, name: str) -> FieldType:
        match name:
            case "stage":
                return FieldType(ValueType.choice, options=tuple(self.kind.steps))
            case "team":
                return FieldType(ValueType.choice, options=tuple(self.people.teams))
            case "region":
                regions = {self.people.region_of(person) for person in self.people.people}
                return FieldType(ValueType.choice, options=tuple(sorted(r for r in regions if r is not None)))
            case _:
                return FieldType(ATTRIBUTES[name])

    def filter(self, parameter: str, given: Sequence[str]) -> Filter | None:
        name, operator = self._split(parameter)
        subject = self.subject(name, parameter)
        if subject is None:
            return None
        if operator not in OPERATORS:
            hint = nearest(operator, OPERATORS)
            self.problems.append(problem_of(parameter, f"an operator is one of {', '.join(OPERATORS)}", hint))
            return None
        problem = _misfit(subject, operator)
        if problem is not None:
            self.problems.append(problem_of(parameter, problem))
            return None
        try:
            values = tuple(self._value(subject, operator, text) for text in given)
        except ValueRefused as refused:
            self.problems.append(problem_of(parameter, str(refused), refused.suggestion))
            return None
        if operator == "is_null" and len(set(values)) > 1:
            self.problems.append(problem_of(parameter, "true or false is expected, not both"))
            return None
        return Filter(subject, operator, values)

    def _value(self, subject: Subject, operator: Operator, text: str) -> Stored:
        """Turn a text into a stored value. A person goes by person/per_… or by the id alone. Raises ValueRefused."""
        is_person = subject.type is not None and subject.type.type is ValueType.person
        if not is_person or operator == "is_null":
            return _value(subject, operator, text)
        person = person_stream(text.removeprefix("person/"))
        people = self.people.people
        if person not in people:
            known = [name.removeprefix("person/") for name in people]
            raise ValueRefused(
                "there is no person of this id; a person is named as person/per_…",
                nearest(text.removeprefix("person/"), known),
            )
        return person

    def _split(self, parameter: str) -> tuple[str, str]:
        """Split `amount.gte` and `fields.amount.gte` into name and operator (default: eq)."""
        parts = parameter.split(".")
        if parts[0] == "fields" and len(parts) > 1:
            return ".".join(parts[:2]), ".".join(parts[2:]) or "eq"
        return parts[0], ".".join(parts[1:]) or "eq"

    def order(self, text: str) -> Order | None:
        descending = text.startswith("-")
        subject = self.subject(text.removeprefix("-"), "sort")
        if subject is None:
            return None
        if subject.type is None or subject.type.type is ValueType.choices or subject.name in OF_THE_OWNER:
            self.problems.append(problem_of("sort", "a list is not sorted by this"))
            return None
        return Order(subject, descending)

    def chosen(self, names: Iterable[str], also: Sequence[str] = ()) -> frozenset[str]:
        found = []
        choosable = (*CHOOSABLE, *also)
        for name in names:
            bare = name.removeprefix("fields.")
            if name in choosable or bare in self.kind.fields:
                found.append(name if bare == name and name in choosable else f"fields.{bare}")
            else:
                known = [*choosable, *self.kind.fields]
                self.problems.append(problem_of("fields", "there is no such field", nearest(bare, known)))
        return frozenset(found)


def read_question(
    kind: Kind,
    people: Organisation,
    filters: Iterable[tuple[str, str]] = (),
    *,
    sort: str | None = None,
    fields: str | None = None,
    beside: Sequence[str] = (),
) -> Question:
    """Read the parameters of a list; `beside` are those it takes beside filters, one of which may be meant. Raises InvalidQuery with everything that is wrong with them, each by its parameter."""
    given: dict[str, list[str]] = {}
    for parameter, text in filters:
        given.setdefault(parameter, []).append(text)
    if sum(map(len, given.values())) > MAX_PARAMETERS:
        raise InvalidQuery.of("", f"at most {MAX_PARAMETERS} filters are read")
    reader = _Reader(kind, people, beside=tuple(beside))
    read = [reader.filter(parameter, texts) for parameter, texts in given.items()]
    order = [reader.order(text) for text in _listed(sort)]
    chosen = None if fields is None else reader.chosen(_listed(fields))
    if reader.problems:
        raise InvalidQuery(reader.problems)
    return Question(
        tuple(item for item in read if item is not None),
        tuple(item for item in order if item is not None),
        chosen,
    )


def read_chosen(kind: Kind, fields: str) -> frozenset[str]:
    """Read which members and fields of a record are asked for. Raises InvalidQuery."""
    reader = _Reader(kind, Organisation())
    chosen = reader.chosen(_listed(fields), ON_ONE_RECORD)
    if reader.problems:
        raise InvalidQuery(reader.problems)
    return chosen


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _misfit(subject: Subject, operator: Operator) -> str | None:
    """Say why an operator does not fit a type; None when it does."""
    if operator == "is_null":
        return (
            "team and region are those of the owner; ask owner.is_null"
            if subject.name in OF_THE_OWNER and not subject.is_field
            else None
        )
    if subject.type is None:
        return "of evidence one can only ask is_null"
    if subject.type.type is ValueType.choices:
        return None if operator == "contains" else "a field of several options is asked by contains"
    if operator == "contains":
        return "only a field of several options is asked by contains"
    if operator in ORDERING and subject.type.type not in ORDERED:
        return f"a {subject.type.type.value} has no order; ask eq, ne or in"
    return None


def _value(subject: Subject, operator: Operator, text: str) -> Stored:
    """Turn the text of a parameter into a stored value of the subject's type. Raises ValueRefused."""
    if operator == "is_null":
        return _boolean(text)
    assert subject.type is not None
    match subject.type.type:
        case ValueType.boolean:
            return _boolean(text)
        case ValueType.choices:
            return store(FieldType(ValueType.choice, options=subject.type.options), text)
        case ValueType.datetime if operator in ORDERING and len(text) == len("2026-01-31"):
            return _edge(text, operator)
        case ValueType.money:
            return _amount(subject.type, text)
        case _:
            return store(subject.type, text)


def _amount(money: FieldType, text: str) -> Stored:
    try:
        stored = store(money, text)
    except ValueRefused:
        raise ValueRefused(f"an amount of {money.currency} is expected, as 5000 or 5000.50") from None
    assert isinstance(stored, dict)
    return stored["amount"]


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueRefused("true or false is expected")
    return text == "true"


def _edge(text: str, operator: Operator) -> str:
    """A date compared with moments: `gte` and `lt` mean its beginning in UTC, `gt` and `lte` its end."""
    try:
        day = date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueRefused(
            "a date (2026-01-31) or a moment (2026-01-31T08:00:00+08:00) is expected"
        ) from None
    return f"{day}T00:00:00.000000Z" if operator in ("gte", "lt") else f"{day}T23:59:59.999999Z"
