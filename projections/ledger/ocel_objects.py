"""The objects of an object-centric event log: records, work items, approvals and people, with what they held and whom they lead to.

An attribute that changes stands once for each value, from the moment it was told on. A relationship has no moment in OCEL 2.0: those stand here that hold.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import polars as pl

from domain.values import moment_text
from projections.ledger.attributes import FieldTypes, declared, merged, spelled
from projections.ledger.export import moment_of, rows_of
from projections.ledger.referring import Referring, people_referred_to
from projections.ledger.view import View

PERSON = "person"
ITEMS = {"work": ("work item", "template", "assignee"), "approval": ("approval request", "chain", None)}
"""Objects that are asked for on a record: their type (with a space, as no kind of record has), what they are called by, and who has them."""

_TABLE_OF = {"work": "work", "approval": "approvals"}
_OWNER, _PATH, _STEP = "$owner", "$path", "$step"
_TOLD = pl.coalesce("at", "recorded_at").alias("time")
_PEOPLE = (
    ("visits", "actor"), ("touches", "actor"), ("field_changes", "actor"), ("confirmations", "actor"),
    ("evidence", "actor"), ("owners", "actor"), ("owners", "owner"), ("records", "actor"),
    ("work", "actor"), ("work", "assignee"), ("approvals", "actor"), ("assignments", "actor"), ("assignments", "person"),
    ("firings", "actor"), ("reactions", "actor"),
)  # fmt: skip
"""Where somebody stands who did something, or has something."""


class Objects:
    """Every object of a view, each known before the first event is written."""

    def __init__(self, view: View, kind: str | None, types: FieldTypes) -> None:
        self._view = view
        self._kind = kind
        self._types = types

    def of(self, table: str, partition: int | None = None) -> pl.LazyFrame:
        """Return rows of a table, of the kind that was asked for."""
        return self._view.scan(table, partition=partition, kind=self._kind)

    @cached_property
    def records(self) -> frozenset[str]:
        """The records there are."""
        return frozenset(self.of("records").select("record").collect().get_column("record"))

    @cached_property
    def people(self) -> frozenset[str]:
        """Everybody who did something, has something, was told, or is named in a field."""
        told = [self.of(table).select(person=pl.col(column)) for table, column in _PEOPLE]
        told += [
            self.of(table).select(person=pl.col("told")).explode("person")
            for table in ("firings", "reactions")
        ]
        told.append(people_referred_to(self._view, self._kind, self._types))
        found = pl.concat(told).drop_nulls().unique().collect().get_column("person")
        return frozenset(found) - self.records

    def referring(self, partition: int) -> Referring:
        """Return what the records of a partition refer to; objects that are not handed out are left out."""
        return Referring(self._view, partition, self._kind, self._types, self.records | self.people)

    def types(self) -> list[dict[str, Any]]:
        """Declare every type of object, with the types of its attributes."""
        kinds = self.of("records").select("kind").unique().collect().sort("kind").get_column("kind")
        fields: dict[str, list[str]] = {kind: [] for kind in kinds}
        pairs = self.of("field_changes").select("kind", "field").unique().collect().sort("kind", "field")
        for kind, name in pairs.iter_rows():
            fields.setdefault(kind, []).append(name)
        told = [
            _type(
                kind,
                [
                    *((name, "string") for name in (_OWNER, _PATH, _STEP)),
                    *(part for name in names for part in declared(name, self._types.of(kind, name))),
                ],
            )
            for kind, names in sorted(fields.items())
        ]
        told += [
            _type(of, [(name, "string") for name in (called, whose) if name is not None])
            for what, (of, called, whose) in ITEMS.items()
            if not self._requested(what).limit(1).collect().is_empty()
        ]
        return [*told, _type(PERSON, [])] if PERSON not in fields else told

    def of_records(self, partition: int, referring: Referring) -> Iterator[dict[str, Any]]:
        """One object a record: every value it had, whose it is, what it refers to, and the relations that hold."""
        relations = self._relations(partition)
        values = self._values(partition)
        owners: dict[str, str | None] = {}
        owned = self.of("owners", partition).sort("record", "position").select("record", "owner", _TOLD)
        for record, owner, time in owned.collect().iter_rows():
            values.setdefault(record, []).append(_attribute(_OWNER, owner or "", time))
            owners[record] = owner
        visits = self.of("visits", partition).select(
            "record", "position", "step", at="entered_at", recorded_at="entered_recorded_at"
        )
        for record, step, time in visits.sort("record", "position").select("record", "step", _TOLD).collect().iter_rows():  # fmt: skip
            values.setdefault(record, []).append(_attribute(_STEP, step, time))
        for row in rows_of(self.of("records", partition).sort("record").collect()):
            record = row["record"]
            attributes = values.get(record, [])
            if row["path"] is not None:
                attributes.append(_attribute(_PATH, row["path"], row["opened_at"] or row["recorded_at"]))
            related = [(target, field) for field, target in referring.now(record).items()]
            if (owner := owners.get(record)) is not None:
                related.append((owner, "owner"))
            related += relations.get(record, ())
            yield _object(record, row["kind"], attributes, related)

    def of_items(self, partition: int) -> Iterator[dict[str, Any]]:
        """One object a work item, with whoever had it, and one an approval; each belongs to its record."""
        for what, (of, called, whose) in ITEMS.items():
            held: dict[tuple[str, str], list[dict[str, str]]] = {}
            if whose is not None:
                rows = self.of(_TABLE_OF[what], partition).filter(
                    pl.col("event").is_in(["requested", "reassigned"])
                )
                for record, name, person, time in (
                    rows.sort("record", "position").select("record", what, whose, _TOLD).collect().iter_rows()
                ):  # fmt: skip
                    held.setdefault((record, name), []).append(_attribute(whose, person, time))
            for row in rows_of(self._requested(what, partition).collect()):
                attributes = [{"name": called, "time": moment_of(row), "value": row[called]}]
                attributes += held.get((row["record"], row[what]), [])
                belongs = [(row["record"], row["kind"])] if row["record"] in self.records else []
                yield _object(item_name(row["record"], row[what]), of, attributes, belongs)

    def of_people(self) -> Iterator[dict[str, Any]]:
        """One object a person, without a name."""
        return (_object(person, PERSON, [], []) for person in sorted(self.people))

    def _relations(self, partition: int) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        holding = self.of("relations", partition).filter(pl.col("until").is_null()).sort("record", "position")
        for record, to, relation in holding.select("record", "to", "relation").collect().iter_rows():
            if to in self.records:
                found.setdefault(record, []).append((to, relation))
        return found

    def _values(self, partition: int) -> dict[str, list[dict[str, str]]]:
        found: dict[str, list[dict[str, str]]] = {}
        changes = self.of("field_changes", partition).sort("record", "position", maintain_order=True)
        for record, kind, name, stored, time in (
            changes.select("record", "kind", "field", "new", _TOLD).collect().iter_rows()
        ):  # fmt: skip
            for attribute, _, text in spelled(name, self._types.of(kind, name), stored):
                found.setdefault(record, []).append(_attribute(attribute, text, time))
        return found

    def _requested(self, what: str, partition: int | None = None) -> pl.LazyFrame:
        return self.of(_TABLE_OF[what], partition).filter(event="requested").sort("record", "position")


def item_name(record: str, name: str) -> str:
    """Name a work item or an approval: ids are those of its record."""
    return f"{record}/{name}"


def related_to(related: Mapping[tuple[str, str], None]) -> list[dict[str, str]]:
    """Spell relationships, each once."""
    return [{"objectId": target, "qualifier": qualifier} for target, qualifier in related]


def _type(name: str, attributes: list[tuple[str, Any]]) -> dict[str, Any]:
    return {"name": name, "attributes": merged(attributes)}


def _attribute(name: str, value: str, time: Any) -> dict[str, str]:
    return {"name": name, "time": moment_text(time), "value": value}


def _object(
    name: str, kind: str, attributes: list[dict[str, str]], related: list[tuple[str, str]]
) -> dict[str, Any]:
    relations = related_to(dict.fromkeys(related))
    return {"id": name, "type": kind, "attributes": attributes, "relationships": relations}
