"""Personal values are opened where the keys are, in the process that asks for a replay, and only those a condition asks."""

from collections.abc import Collection, Iterator, Mapping

import orjson
import polars as pl

from domain.facts import Erased
from domain.values import SEALED
from projections.ledger.view import View
from projections.ports import Keys
from projections.replay.asking import Window
from projections.replay.state import IS_SEALED, OPENED, edits_of


class Opened(Mapping[int, pl.DataFrame]):
    """Opened values by partition. In this process a partition is opened when it is asked for; whoever sends them elsewhere opens them before."""

    def __init__(self, view: View, keys: Keys, fields: Collection[str], window: Window) -> None:
        self._view = view
        self._keys = keys
        self._fields = sorted(fields)
        self._window = window

    def __getitem__(self, partition: int) -> pl.DataFrame:
        if not self._fields:
            return OPENED.to_frame()
        changes = (
            self._view.scan("field_changes", partition=partition)
            .filter(pl.col("field").is_in(self._fields), pl.col("new").str.starts_with(IS_SEALED))
            .select("record", "position", "field", "new")
        )
        refused = (
            self._view.scan("decisions", partition=partition)
            .filter(
                pl.col("edits").str.contains(f'"{SEALED}"', literal=True),
                pl.col("position") > self._window.after,
                pl.col("position") <= self._window.upto,
            )
            .select("record", "position", "edits")
        )
        told, attempts = pl.collect_all([changes, refused])
        edits = edits_of(attempts, self._fields).filter(pl.col("new").str.starts_with(IS_SEALED))
        edited = edits.join(attempts.select("record", "position"), on="position", maintain_order="left")
        return self._reveal(pl.concat([told, edited.select(told.columns)]))

    def __iter__(self) -> Iterator[int]:
        return iter(self._view.manifest.partitions_of("records"))

    def __len__(self) -> int:
        return len(self._view.manifest.partitions_of("records"))

    def __reduce__(self) -> tuple[type[dict[int, pl.DataFrame]], tuple[dict[int, pl.DataFrame]]]:
        return dict, ({partition: self[partition] for partition in self},)

    def _reveal(self, sealed: pl.DataFrame) -> pl.DataFrame:
        keyring = self._keys.keyring()
        values = [orjson.loads(text) for text in sealed.get_column("new")]
        keyring.prepare(sorted({str(value[SEALED]["subject"]) for value in values}))
        opened = []
        for (record, field), value in zip(sealed.select("record", "field").iter_rows(), values, strict=True):
            found = keyring.reveal(record, field, value)
            opened.append(
                None
                if isinstance(found, Erased)
                else orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode()
            )
        return sealed.select("position", "field").with_columns(opened=pl.Series(opened, dtype=pl.String))
