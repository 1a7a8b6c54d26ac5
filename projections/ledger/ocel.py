"""The ledger as an object-centric event log, OCEL 2.0 in JSON: records, work items, approvals and people are objects, activities are events.

An object's attributes are its fields, each value from the moment it was told on; relations are those that hold.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import polars as pl

from domain.values import moment_text
from projections.ledger.export import (
    Progress,
    activities,
    is_sealed,
    moment_of,
    partitions,
    plain,
    rows_of,
)
from projections.ledger.view import View

_WORDS = {
    "open": "open",
    "step": "enter ",
    "touch": "touch ",
    "field": "change ",
    "confirm": "confirm ",
    "evidence": "attach ",
    "owner": "change owner",
    "work": "work ",
    "approval": "approval ",
    "pool": "pool ",
    "deadline": "deadline ",
    "reaction": "reaction ",
}
_ATTRIBUTES = {
    "step": ("move",),
    "field": ("old", "new", "is_sealed"),
    "owner": ("new",),
    "work": ("new",),
    "pool": ("new",),
}
PERSON = "person"
ITEMS = {"work": ("work item", "template", "assignee"), "approval": ("approval request", "chain", None)}
"""Objects that are asked for on a record: their type (with a space, as no kind of record has), what they are called by, and who has them."""
FILE = "ledger.ocel.json"

_TABLE_OF = {"work": "work", "approval": "approvals"}
_GIVEN = {"owner", "work", "pool"}
_HAS = {"work": "assignee", "pool": "person"}


def export_ocel(
    view: View, folder: Path, *, kind: str | None = None, progress: Progress | None = None
) -> dict[str, int]:
    """Write one file, piece by piece; return the number of events."""
    numbers = partitions(view)
    known = _Known(view, kind)
    count = 0
    with (folder / FILE).open("wb") as file:
        file.write(b'{"objectTypes":')
        file.write(orjson.dumps(known.object_types()))
        file.write(b',"eventTypes":')
        file.write(orjson.dumps(known.event_types()))
        file.write(b',"objects":[')
        separator = b""
        for number in numbers:
            separator, _ = _listed(file, known.objects(number), separator)
            separator, _ = _listed(file, known.items(number), separator)
            if progress is not None:
                progress(number + 1, 2 * len(numbers))
        _listed(file, known.person_objects(), separator)
        file.write(b'],"events":[')
        separator = b""
        for number in numbers:
            separator, more = _listed(file, known.events(number), separator)
            count += more
            if progress is not None:
                progress(len(numbers) + number + 1, 2 * len(numbers))
        file.write(b"]}\n")
    return {FILE: count}


class _Known:
    """What has to be known before the first event is written: every type, and every object an event may be related to."""

    def __init__(self, view: View, kind: str | None) -> None:
        self._view = view
        self._kind = kind
        self._records = set(self._of("records").select("record").collect().get_column("record"))
        people = [
            self._of(table).select(pl.col(column).alias("person"))
            for table, column in (
                ("visits", "actor"), ("touches", "actor"), ("field_changes", "actor"), ("confirmations", "actor"),
                ("evidence", "actor"), ("owners", "actor"), ("owners", "owner"), ("records", "actor"),
                ("work", "actor"), ("work", "assignee"), ("approvals", "actor"), ("assignments", "actor"), ("assignments", "person"),
                ("firings", "actor"), ("reactions", "actor"),
            )
        ]  # fmt: skip
        people += [
            self._of(table).select(person=pl.col("told")).explode("person")
            for table in ("firings", "reactions")
        ]
        found = pl.concat(people).drop_nulls().unique().collect().get_column("person")
        self._people = sorted(set(found) - self._records)

    def _of(self, table: str, partition: int | None = None) -> pl.LazyFrame:
        return self._view.scan(table, partition=partition, kind=self._kind)

    def object_types(self) -> list[dict[str, Any]]:
        fields: dict[str, list[str]] = {kind: [] for (kind,) in self._of("records").select("kind").unique().collect().sort("kind").iter_rows()}  # fmt: skip
        pairs = self._of("field_changes").select("kind", "field").unique().collect().sort("kind", "field")
        for kind, name in pairs.iter_rows():
            fields.setdefault(kind, []).append(name)
        told = [_type(kind, ["$owner", "$path", *names]) for kind, names in sorted(fields.items())]
        told += [
            _type(of, [called, *([] if whose is None else [whose])])
            for what, (of, called, whose) in ITEMS.items()
            if not self._requested(what).limit(1).collect().is_empty()
        ]
        return [*told, _type(PERSON, [])] if PERSON not in fields else told

    def event_types(self) -> list[dict[str, Any]]:
        seen: set[tuple[str, str]] = set()
        for number in partitions(self._view):
            seen |= set(
                activities(self._view, number, self._kind).select("what", "name").unique().iter_rows()
            )
        return [
            _type(_event_type(what, name), ["position", "time_is_recorded", *_ATTRIBUTES.get(what, ())])
            for what, name in sorted(seen)
        ]

    def objects(self, number: int) -> Iterator[dict[str, Any]]:
        """One object a record, with every value it had and the relations that hold."""
        relations: dict[str, list[dict[str, str]]] = {}
        for record, to, relation in (
            self._of("relations", number).filter(pl.col("until").is_null()).sort("record", "position")
            .select("record", "to", "relation").collect().iter_rows()
        ):  # fmt: skip
            if to in self._records:
                relations.setdefault(record, []).append({"objectId": to, "qualifier": relation})
        values: dict[str, list[dict[str, str]]] = {}
        changes = self._of("field_changes", number).select(
            "record", "position", pl.col("field").alias("name"), pl.col("new").alias("value"), pl.coalesce("at", "recorded_at").alias("time")
        )  # fmt: skip
        for record, name, value, time in (
            changes.sort("record", "position", maintain_order=True).select("record", "name", "value", "time").collect().iter_rows()
        ):  # fmt: skip
            if is_sealed(value):
                continue
            told = {"name": name, "time": moment_text(time), "value": plain(value) or ""}
            values.setdefault(record, []).append(told)
        for record, owner, time in (
            self._of("owners", number).sort("record", "position")
            .select("record", "owner", pl.coalesce("at", "recorded_at")).collect().iter_rows()
        ):  # fmt: skip
            told = {"name": "$owner", "time": moment_text(time), "value": owner or ""}
            values.setdefault(record, []).append(told)
        for row in rows_of(self._of("records", number).sort("record").collect()):
            attributes = values.get(row["record"], [])
            if row["path"] is not None:
                opened = row["opened_at"] or row["recorded_at"]
                attributes.append({"name": "$path", "time": moment_text(opened), "value": row["path"]})
            yield _object(row["record"], row["kind"], attributes, relations.get(row["record"], []))

    def _requested(self, what: str, number: int | None = None) -> pl.LazyFrame:
        return self._of(_TABLE_OF[what], number).filter(event="requested").sort("record", "position")

    def items(self, number: int) -> Iterator[dict[str, Any]]:
        """One object a work item, with whoever had it, and one an approval; each belongs to its record."""
        for what, (of, called, whose) in ITEMS.items():
            held: dict[tuple[str, str], list[dict[str, str]]] = {}
            if whose is not None:
                rows = self._of(_TABLE_OF[what], number).filter(
                    pl.col("event").is_in(["requested", "reassigned"])
                )
                for record, name, person, time in (
                    rows.sort("record", "position").select("record", what, whose, pl.coalesce("at", "recorded_at")).collect().iter_rows()
                ):  # fmt: skip
                    told = {"name": whose, "time": moment_text(time), "value": person}
                    held.setdefault((record, name), []).append(told)
            for row in rows_of(self._requested(what, number).collect()):
                attributes = [{"name": called, "time": moment_of(row), "value": row[called]}]
                attributes += held.get((row["record"], row[what]), [])
                belongs = {"objectId": row["record"], "qualifier": row["kind"]}
                yield _object(
                    _item(row["record"], row[what]),
                    of,
                    attributes,
                    [belongs] if row["record"] in self._records else [],
                )

    def person_objects(self) -> Iterator[dict[str, Any]]:
        """One object a person who did something, without a name."""
        return (_object(person, PERSON, [], []) for person in self._people)

    def events(self, number: int) -> Iterator[dict[str, Any]]:
        """One event an activity."""
        for row in rows_of(activities(self._view, number, self._kind)):
            what = row["what"]
            attributes = [{"name": "position", "value": str(row["position"])}]
            if row["at"] is None:
                attributes.append({"name": "time_is_recorded", "value": "true"})
            if what == "step":
                attributes.append({"name": "move", "value": row["move"]})
            elif what in _GIVEN:
                attributes.append({"name": "new", "value": row["new"] or ""})
            elif what == "field":
                attributes += [
                    {"name": name, "value": value}
                    for name in ("old", "new")
                    if (value := plain(row[name])) is not None
                ]
                if is_sealed(row["old"]) or is_sealed(row["new"]):
                    attributes.append({"name": "is_sealed", "value": "true"})
            related = [{"objectId": row["record"], "qualifier": row["kind"]}]
            related.append({"objectId": row["actor"], "qualifier": "actor"})
            if row["contact"] in self._records:
                related.append({"objectId": row["contact"], "qualifier": "contact"})
            if row["about"] is not None and what in ITEMS:
                related.append({"objectId": _item(row["record"], row["about"]), "qualifier": ITEMS[what][0]})
            if what in ("work", "pool") and row["new"] is not None:
                related.append({"objectId": row["new"], "qualifier": _HAS[what]})
            related += [{"objectId": person, "qualifier": "told"} for person in row["told"] or ()]
            yield {
                "id": f"{row['position']}/{what}/{row['name']}",
                "type": _event_type(what, row["name"]),
                "time": moment_of(row),
                "attributes": attributes,
                "relationships": related,
            }


def _item(record: str, name: str) -> str:
    """Name a work item or an approval: ids are those of its record."""
    return f"{record}/{name}"


def _event_type(what: str, name: str) -> str:
    return _WORDS[what] + ("" if what in {"open", "owner"} else name)


def _type(name: str, attributes: list[str]) -> dict[str, Any]:
    return {"name": name, "attributes": [{"name": attribute, "type": "string"} for attribute in attributes]}


def _object(
    name: str, kind: str, attributes: list[dict[str, str]], relations: list[dict[str, str]]
) -> dict[str, Any]:
    return {"id": name, "type": kind, "attributes": attributes, "relationships": relations}


def _listed(file: BinaryIO, items: Iterator[dict[str, Any]], separator: bytes) -> tuple[bytes, int]:
    count = 0
    for item in items:
        file.write(separator + b"\n" + orjson.dumps(item))
        separator = b","
        count += 1
    return separator, count
