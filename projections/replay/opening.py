"""Personal values are opened where the keys are, in the process that asks for a replay, and only those a condition asks."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from threading import Lock
from typing import Final

import orjson
import polars as pl

from domain.facts import Erased
from domain.values import SEALED
from projections.ledger.view import View
from projections.ports import Keys
from projections.replay.asking import Window
from projections.replay.state import IS_SEALED, OPENED, edits_of

_CHANGED: Final = ("record", "position", "field", "new")
_BRINGS_SEALED: Final = pl.col("edits").str.contains(f'"{SEALED}"', literal=True)


def opened_in(
    opened: Mapping[int, pl.DataFrame],
    partitions: Sequence[int],
    changes: pl.DataFrame,
    decisions: pl.DataFrame,
) -> pl.DataFrame:
    """Return the opened values of partitions of which these changes of fields and these decisions were read."""
    if isinstance(opened, Opened):
        return opened.among(changes, decisions)
    return pl.concat([opened[partition] for partition in partitions])


class Opened(Mapping[int, pl.DataFrame]):
    """Opened values by partition. In this process they are opened where rows are read (`among`), one thread at a time; whoever sends them elsewhere opens them before."""

    def __init__(self, view: View, keys: Keys, fields: Collection[str], window: Window) -> None:
        self._view = view
        self._keys = keys
        self._fields = sorted(fields)
        self._window = window
        self._one_at_a_time = Lock()

    def __getitem__(self, partition: int) -> pl.DataFrame:
        if not self._fields:
            return OPENED.to_frame()
        changes = (
            self._view.scan("field_changes", partition=partition).select(_CHANGED).filter(self._is_sealed)
        )
        decisions = (
            self._view.scan("decisions", partition=partition)
            .filter(
                _BRINGS_SEALED,
                pl.col("position") > self._window.after,
                pl.col("position") <= self._window.upto,
            )
            .select("record", "position", "edits")
        )
        return self.among(*pl.collect_all([changes, decisions]))

    def among(self, changes: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
        """Open what is sealed in rows of `field_changes`, and in what `decisions` of the window brought along."""
        if not self._fields:
            return OPENED.to_frame()
        told = changes.select(_CHANGED).filter(self._is_sealed)
        attempts = decisions.filter(_BRINGS_SEALED)
        edits = edits_of(attempts, self._fields).filter(self._is_sealed)
        edited = edits.join(attempts.select("record", "position"), on="position", maintain_order="left")
        return self._reveal(pl.concat([told, edited.select(_CHANGED)]))

    @property
    def _is_sealed(self) -> pl.Expr:
        return pl.col("new").str.starts_with(IS_SEALED) & pl.col("field").is_in(self._fields)

    def __iter__(self) -> Iterator[int]:
        return iter(self._view.manifest.partitions_of("records"))

    def __len__(self) -> int:
        return len(self._view.manifest.partitions_of("records"))

    def __reduce__(self) -> tuple[type[dict[int, pl.DataFrame]], tuple[dict[int, pl.DataFrame]]]:
        return dict, ({partition: self[partition] for partition in self},)

    def _reveal(self, sealed: pl.DataFrame) -> pl.DataFrame:
        if sealed.is_empty():
            return OPENED.to_frame()
        values = [orjson.loads(text) for text in sealed.get_column("new")]
        opened = []
        with self._one_at_a_time:
            keyring = self._keys.keyring()
            keyring.prepare(sorted({str(value[SEALED]["subject"]) for value in values}))
            for (record, field), value in zip(
                sealed.select("record", "field").iter_rows(), values, strict=True
            ):
                found = keyring.reveal(record, field, value)
                opened.append(
                    None
                    if isinstance(found, Erased)
                    else orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode()
                )
        return sealed.select("position", "field").with_columns(opened=pl.Series(opened, dtype=pl.String))
