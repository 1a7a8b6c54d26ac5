"""Answers of lookups: the record a value leads to, and what of it is shown beside the field. All of it passes the lens."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection

from domain.naming import nearest
from domain.playbook.model import Kind, Lookup
from domain.record.state import from_json
from domain.refusals import NotFound
from domain.values import Stored, ValueRefused, store
from projections.errors import InvalidQuery
from projections.footing import Footing
from projections.lens import Lens, Visible
from projections.lookups import Lookups


def look_up(footing: Footing, lookups: Lookups, kind: str, field: str, value: str) -> Visible:
    """Look a value up as the form that holds `field` of `kind` does: `record` is null where nobody has it, `others` counts who else does.

    Raises NotFound for a field that is not looked up, InvalidQuery for what the field cannot hold.
    """
    spec = footing.playbooks().for_kind(kind).kind(kind)
    with_lookup = {name: item.lookup for name, item in spec.fields.items() if item.lookup is not None}
    lookup, value_type = (
        with_lookup.get(field),
        spec.fields[field].value_type if field in spec.fields else None,
    )
    if lookup is None or value_type is None:
        raise NotFound("field that is looked up", field, nearest(field, with_lookup))
    try:
        stored = store(value_type, value)
    except ValueRefused as refused:
        raise InvalidQuery.of("value", str(refused), refused.suggestion) from None
    lens = footing.lens()
    with footing.snapshot(Lookups.name) as (connection, reached):
        found = _found(connection, lens, lookups, lookup, stored)
    return lens.figures(
        kind=kind,
        field=field,
        looked_up={"kind": lookup.kind, "by": lookup.by},
        **(found or {"record": None, "shows": {}}),
        **(footing.about_now() | {"as_of_position": reached}),
    )


def shown(
    connection: Connection[Any], lens: Lens, lookups: Lookups, kind: Kind, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Return, for each looked-up field that leads somewhere, the record and what is shown of it.

    `fields` are those of a record as its viewer sees them: what is hidden is not looked up.
    """
    answers = {
        name: _found(connection, lens, lookups, spec.lookup, fields[name])
        for name, spec in kind.fields.items()
        if spec.lookup is not None and fields.get(name) is not None
    }
    return {name: answer for name, answer in answers.items() if answer is not None}


def _found(
    connection: Connection[Any], lens: Lens, lookups: Lookups, lookup: Lookup, stored: Stored
) -> dict[str, Any] | None:
    found = lookups.find(connection, lookup.kind, lookup.by, stored)
    if found is None:
        return None
    row = connection.execute(
        "SELECT record FROM dealtrail_read.current_records WHERE stream = %s", (found.stream,)
    ).fetchone()
    if row is None:
        return None
    record = from_json(row["record"])
    lens.prepare(record.fields.values())
    answer: dict[str, Any] = {"record": found.stream, "shows": _of(lens.record(record), lookup.show)}
    if found.others:
        answer["others"] = found.others
    return answer


def _of(visible: Visible, names: Sequence[str]) -> dict[str, Any]:
    """Only the fields a lookup shows, with their labels, as far as the viewer may see them."""
    fields, labels = visible.data["fields"], visible.data["labels"]
    return {name: {"value": fields[name], "label": labels.get(name)} for name in names if name in fields}
