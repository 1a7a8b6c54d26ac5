"""Lists of records as SQL: the same conditions over the table of versions and over records folded from the log."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg import Connection

from domain.organisation.state import Organisation
from domain.record.state import Record, to_json
from domain.rules.types import ValueType
from projections.filters import Filter, Order, Question, Subject
from projections.record_versions import Version, record_of

_NOW = "SELECT stream, touches, last_touch_at, record, true AS is_last FROM dealtrail_read.record_versions WHERE kind = %s AND until_position IS NULL"
_THEN = """
SELECT v.* FROM dealtrail_read.record_versions standing CROSS JOIN LATERAL (
    SELECT stream, touches, last_touch_at, record, until_position IS NULL AS is_last FROM dealtrail_read.record_versions
    WHERE stream = standing.stream AND from_position <= %s ORDER BY from_position DESC LIMIT 1
) AS v WHERE standing.kind = %s AND standing.until_position IS NULL
"""
_FOLDED = "SELECT * FROM jsonb_to_recordset(%s::jsonb) AS f (stream text, touches integer, last_touch_at text, record jsonb, is_last boolean)"

Expression = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Listed:
    """A record of a list. Its touches are complete only when `is_last`, that is when it still stands so."""

    record: Record
    touches: int
    last_touch_at: str | None
    is_last: bool


def standing_at(kind: str, position: int, reached: int) -> Expression:
    """Return the records of a kind as of a position that the read model has reached."""
    return (_NOW, [kind]) if position >= reached else (_THEN, [position, kind])


def folded(records: Iterable[Listed]) -> Expression:
    """Return records at hand as a source of the same shape."""
    rows = [
        {
            "stream": item.record.stream,
            "touches": item.touches,
            "last_touch_at": item.last_touch_at,
            "record": to_json(item.record),
            "is_last": item.is_last,
        }
        for item in records
    ]
    return _FOLDED, [orjson.dumps(rows).decode()]


def listed(record: Record) -> Listed:
    """Return a record folded from the log as an item of a list."""
    return Listed(record, len(record.touches), Version(record, record.position, None).last_touch_at, True)


def fetched(
    connection: Connection[Any],
    source: Expression,
    question: Question,
    people: Organisation,
    *,
    skip: int = 0,
    limit: int | None = None,
) -> list[Mapping[str, Any]]:
    """Return the rows of the records a question asks for, in its order; those that compare equal by the name of their streams.

    They are `decoded` once the transaction is over: a thousand records keep no connection waiting.
    """
    conditions, parameters = _where(question.filters, people)
    order, more = _order(question.order)
    return connection.execute(
        f"SELECT r.* FROM ({source[0]}) AS r WHERE {conditions} ORDER BY {order} LIMIT %s OFFSET %s",  # noqa: S608 — every value is a parameter
        [*source[1], *parameters, *more, limit, skip],
    ).fetchall()


def fetch(
    connection: Connection[Any],
    source: Expression,
    question: Question,
    people: Organisation,
    *,
    skip: int = 0,
    limit: int | None = None,
) -> list[Listed]:
    """Return the records a question asks for, where there are few of them."""
    return decoded(fetched(connection, source, question, people, skip=skip, limit=limit))


def decoded(rows: Iterable[Mapping[str, Any]]) -> list[Listed]:
    """Return rows that were fetched as records."""
    return [_listed(row) for row in rows]


def count_by_stage(
    connection: Connection[Any], source: Expression, filters: Sequence[Filter], people: Organisation
) -> dict[str | None, int]:
    """Count the records that conditions select, by the stage they stand in."""
    conditions, parameters = _where(filters, people)
    rows = connection.execute(
        f"SELECT r.record ->> 'stage' AS stage, count(*) AS records FROM ({source[0]}) AS r WHERE {conditions} GROUP BY 1",  # noqa: S608 — every value is a parameter
        [*source[1], *parameters],
    ).fetchall()
    return {row["stage"]: int(row["records"]) for row in rows}


def _listed(row: Mapping[str, Any]) -> Listed:
    return Listed(record_of(row["record"]), row["touches"], row["last_touch_at"], row["is_last"])


def _where(filters: Sequence[Filter], people: Organisation) -> Expression:
    conditions, parameters = ["true"], []
    for condition in filters:
        text, values = _condition(condition, people)
        conditions.append(text)
        parameters += values
    return " AND ".join(f"({text})" for text in conditions), parameters


def _condition(condition: Filter, people: Organisation) -> Expression:
    subject, values = condition.subject, list(condition.values)
    if subject.name in ("team", "region") and not subject.is_field:
        return _of_the_owner(condition, people)
    if condition.operator == "is_null":
        return _is_null(subject, bool(values[0]))
    if condition.operator == "contains":
        return "r.record -> 'fields' -> %s::text ?| %s::text[]", [subject.name, values]
    expression, parameters = _typed(subject)
    array = f"%s::{_sql_type(subject)}[]"
    match condition.operator:
        case "eq" | "in":
            return f"{expression} = ANY ({array})", [*parameters, values]
        case "ne":
            return f"{expression} <> ALL ({array})", [*parameters, values]
        case _:
            sign = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}[condition.operator]
            return f"{expression} {sign} ALL ({array})", [*parameters, values]


def _of_the_owner(condition: Filter, people: Organisation) -> Expression:
    def held(person: str) -> object:
        return people.region_of(person) if condition.subject.name == "region" else people.people[person].team

    wanted = [
        person
        for person in people.people
        if (value := held(person)) is not None and (value in condition.values) == (condition.operator != "ne")
    ]
    return "r.record ->> 'owner' = ANY (%s::text[])", [wanted]


def _is_null(subject: Subject, wanted: bool) -> Expression:
    """What nobody knew is neither filled nor empty, so it is in neither answer."""
    if not subject.is_field:
        expression, parameters = _typed(subject)
        return f"({expression} IS NULL) = %s", [*parameters, wanted]
    if subject.type is None:
        attached = orjson.dumps([{"field": subject.name}]).decode()
        return "(NOT r.record -> 'evidence' @> %s::jsonb) = %s", [attached, wanted]
    return (
        "(coalesce(r.record -> 'fields' -> %s::text, 'null') = 'null') = %s AND NOT r.record -> 'unknown' ? %s::text",
        [subject.name, wanted, subject.name],
    )


def _order(order: Sequence[Order]) -> Expression:
    texts, parameters = [], []
    for item in order:
        expression, values = _sortable(item.subject)
        texts.append(f"{expression} {'DESC' if item.descending else 'ASC'} NULLS LAST")
        parameters += values
    return ", ".join([*texts, 'r.stream COLLATE "C"']), parameters


def _sortable(subject: Subject) -> Expression:
    """Options and stages sort in the order the playbook gives them, everything else by its value."""
    expression, parameters = _typed(subject)
    if subject.type is not None and subject.type.type is ValueType.choice:
        return f"array_position(%s::text[], {expression})", [list(subject.type.options), *parameters]
    return expression, parameters


def _typed(subject: Subject) -> Expression:
    """The value of a subject in the type it is compared by. A value of another form than the type's, such as a sealed one, is missing."""
    if not subject.is_field:
        return _ATTRIBUTES[subject.name], []
    assert subject.type is not None
    name = subject.name
    match subject.type.type:
        case ValueType.number:
            return f"({_TEXT})::numeric", [name, name]
        case ValueType.money:
            amount = "r.record -> 'fields' -> %s::text ->> 'currency' = %s THEN (r.record -> 'fields' -> %s::text ->> 'amount')::numeric"
            return f"CASE WHEN {amount} END", [name, subject.type.currency, name]
        case ValueType.boolean:
            value = "r.record -> 'fields' -> %s::text"
            return f"CASE jsonb_typeof({value}) WHEN 'boolean' THEN ({value})::boolean END", [name, name]
        case _:
            return f'({_TEXT}) COLLATE "C"', [name, name]


_TEXT = "CASE jsonb_typeof(r.record -> 'fields' -> %s::text) WHEN 'string' THEN r.record -> 'fields' ->> %s::text END"

_ATTRIBUTES = {
    "id": "split_part(r.stream, '/', 2) COLLATE \"C\"",
    "touches": "r.touches",
    "version": "(r.record ->> 'version')::bigint",
    "last_touch_at": 'r.last_touch_at COLLATE "C"',
    **{
        name: f"(r.record ->> '{name}') COLLATE \"C\""
        for name in ("external_id", "stage", "owner", "opened_at", "stage_entered_at")
    },
}


def _sql_type(subject: Subject) -> str:
    assert subject.type is not None
    match subject.type.type:
        case ValueType.number | ValueType.money:
            return "numeric"
        case ValueType.boolean:
            return "boolean"
        case _:
            return "text"
