"""What records refer to by their fields, and referred to at any position: other records, and people."""

from bisect import bisect_right
from collections.abc import Mapping, Set

import orjson
import polars as pl

from domain.playbook.fields import FieldKind
from projections.ledger.attributes import FieldTypes, is_sealed
from projections.ledger.view import View

NOTHING: Mapping[str, str] = {}


class Referring:
    """The reference and person fields of the records of one partition, as they changed. Only what is among `known` is referred to."""

    def __init__(
        self, view: View, partition: int, kind: str | None, types: FieldTypes, known: Set[str]
    ) -> None:
        self._positions: dict[str, list[int]] = {}
        self._held: dict[str, list[Mapping[str, str]]] = {}
        pointing = pl.DataFrame(
            types.pointing, schema={"kind": pl.String(), "field": pl.String()}, orient="row"
        )
        changes = (
            view.scan("field_changes", partition=partition, kind=kind)
            .join(pointing.lazy(), on=["kind", "field"], how="semi")
            .sort("record", "position", maintain_order=True)
            .select("record", "position", "field", "new")
            .collect()
        )
        for record, position, field, stored in changes.iter_rows():
            held = dict(self.now(record))
            held.pop(field, None)
            target = None if stored is None or is_sealed(stored) else orjson.loads(stored)
            if isinstance(target, str) and target in known:
                held[field] = target
            self._positions.setdefault(record, []).append(position)
            self._held.setdefault(record, []).append(held)

    def now(self, record: str) -> Mapping[str, str]:
        """Return what a record refers to, by field."""
        held = self._held.get(record)
        return held[-1] if held else NOTHING

    def at(self, record: str, position: int) -> Mapping[str, str]:
        """Return what a record referred to once the event at a position had happened, by field."""
        index = bisect_right(self._positions.get(record, []), position)
        return self._held[record][index - 1] if index else NOTHING


def people_referred_to(view: View, kind: str | None, types: FieldTypes) -> pl.LazyFrame:
    """Return, in a column `person`, everybody whom a person field ever named."""
    persons = [pair for pair in types.pointing if types.of(*pair) is not FieldKind.reference]
    named = pl.DataFrame(persons, schema={"kind": pl.String(), "field": pl.String()}, orient="row")
    return (
        view.scan("field_changes", kind=kind)
        .join(named.lazy(), on=["kind", "field"], how="semi")
        .filter(pl.col("new").str.starts_with('"person/'))
        .select(person=pl.col("new").str.strip_chars('"'))
    )
