"""The ledger as an object-centric event log, OCEL 2.0 in JSON: records, work items, approvals and people are objects, activities are events.

An object's attributes are its fields, typed as the playbooks say, each value from the moment it was told on; its relationships are those that hold.
An event is related to its record, to who did it, and to whatever the record referred to once the event had happened.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from projections.ledger.attributes import AttributeType, FieldTypes, declared, is_sealed, merged, spelled
from projections.ledger.export import Progress, activities, activity_name, moment_of, partitions, rows_of
from projections.ledger.ocel_objects import ITEMS, Objects, item_name, related_to
from projections.ledger.referring import Referring
from projections.ledger.view import View

FILE = "ledger.ocel.json"

_ALWAYS: list[tuple[str, AttributeType]] = [("position", "integer"), ("time_is_recorded", "boolean")]
_MORE: dict[str, list[tuple[str, AttributeType]]] = {
    "step": [("move", "string")],
    "field": [("is_sealed", "boolean")],
    "owner": [("new", "string")],
    "work": [("new", "string")],
    "pool": [("new", "string")],
}
_GIVEN = {"owner", "work", "pool"}
_HAS = {"work": "assignee", "pool": "person"}
_SIDES = ("old", "new")


def export_ocel(
    view: View,
    folder: Path,
    types: FieldTypes,
    *,
    kind: str | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write one file, piece by piece; return the number of events."""
    numbers = partitions(view)
    objects = Objects(view, kind, types)
    count = 0
    with (folder / FILE).open("wb") as file:
        file.write(b'{"objectTypes":')
        file.write(orjson.dumps(objects.types()))
        file.write(b',"eventTypes":')
        file.write(orjson.dumps(_event_types(view, kind, types)))
        file.write(b',"objects":[')
        separator = b""
        for number in numbers:
            separator, _ = _listed(file, objects.of_records(number, objects.referring(number)), separator)
            separator, _ = _listed(file, objects.of_items(number), separator)
            if progress is not None:
                progress(number + 1, 2 * len(numbers))
        _listed(file, objects.of_people(), separator)
        file.write(b'],"events":[')
        separator = b""
        for number in numbers:
            told = _events(view, number, kind, types, objects, objects.referring(number))
            separator, more = _listed(file, told, separator)
            count += more
            if progress is not None:
                progress(len(numbers) + number + 1, 2 * len(numbers))
        file.write(b"]}\n")
    return {FILE: count}


def _event_types(view: View, kind: str | None, types: FieldTypes) -> list[dict[str, Any]]:
    """Declare every type of event; records of two kinds may share one, and so may a field and something else of the same name."""
    seen: set[tuple[str, str, str]] = set()
    for number in partitions(view):
        seen |= set(activities(view, number, kind).select("what", "name", "kind").unique().iter_rows())
    attributes: dict[str, list[tuple[str, AttributeType]]] = {}
    for what, name, of in sorted(seen):
        told = attributes.setdefault(activity_name(what, name), [])
        told += [*_ALWAYS, *_MORE.get(what, ())]
        if what == "field":
            told += [part for side in _SIDES for part in declared(side, types.of(of, name))]
    return [{"name": name, "attributes": merged(told)} for name, told in sorted(attributes.items())]


def _events(
    view: View, number: int, kind: str | None, types: FieldTypes, objects: Objects, referring: Referring
) -> Iterator[dict[str, Any]]:
    """One event an activity."""
    for row in rows_of(activities(view, number, kind)):
        what, record = row["what"], row["record"]
        attributes = {"position": str(row["position"])}
        if row["at"] is None:
            attributes["time_is_recorded"] = "true"
        if what == "step":
            attributes["move"] = row["move"]
        elif what in _GIVEN:
            attributes["new"] = row["new"] or ""
        elif what == "field":
            held = types.of(row["kind"], row["name"])
            for side in _SIDES:
                if row[side] is not None:
                    attributes |= {name: text for name, _, text in spelled(side, held, row[side])}
            if is_sealed(row["old"]) or is_sealed(row["new"]):
                attributes["is_sealed"] = "true"
        yield {
            "id": f"{row['position']}/{what}/{row['name']}",
            "type": activity_name(what, row["name"]),
            "time": moment_of(row),
            "attributes": [{"name": name, "value": value} for name, value in attributes.items()],
            "relationships": related_to(
                dict.fromkeys([*_related(row, objects), *_referred(referring.at(record, row["position"]))])
            ),
        }


def _related(row: dict[str, Any], objects: Objects) -> Iterator[tuple[str, str]]:
    """The objects an activity itself names, each with what it is to it."""
    what = row["what"]
    yield row["record"], row["kind"]
    yield row["actor"], "actor"
    if row["contact"] in objects.records:
        yield row["contact"], "contact"
    if row["about"] is not None and what in ITEMS:
        yield item_name(row["record"], row["about"]), ITEMS[what][0]
    if what in _HAS and row["new"] is not None:
        yield row["new"], _HAS[what]
    for person in row["told"] or ():
        yield person, "told"


def _referred(held: Any) -> Iterator[tuple[str, str]]:
    return ((target, field) for field, target in held.items())


def _listed(file: BinaryIO, items: Iterator[dict[str, Any]], separator: bytes) -> tuple[bytes, int]:
    count = 0
    for item in items:
        file.write(separator + b"\n" + orjson.dumps(item))
        separator = b","
        count += 1
    return separator, count
