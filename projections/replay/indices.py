"""The draft's indices beside the published ones, over the periods of the window: every value, and what moved it.

The same recorded cases are measured twice, once as the published playbook says and once as the draft does. What moved a value adds up:
the shares of the components first (weights, components that came or went), then their scores, and what is left is caps.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import orjson
import polars as pl

from domain.playbook.catalogue import Playbooks
from domain.playbook.measuring import Acceptance, Index
from domain.playbook.published import PublishedPlaybook
from projections.ledger.running import LOOP, Runner
from projections.ledger.view import View
from projections.metrics.indices import index_slices, index_values
from projections.metrics.periods import latest, period_of
from projections.metrics.reading import Reading, Redecided
from projections.replay.asking import Window
from projections.replay.measured_once import MeasuredOnce, measure_alike

SLICES: Final = ((), ("owner",), ("team",), ("region",))
MOVERS: Final = 20
"""How many of the cells that moved most are told with their reasons in the impact; the dataset has all."""

_MOST_PERIODS: Final = 120
_TOLD: Final = ("component", "score", "measured", "judged", "weight_percent")
_VALUE: Final = pl.Decimal(38, 6)
INDEX_VALUES: Final = pl.Schema(
    {
        "index": pl.String(),
        "by": pl.String(),
        "cell": pl.String(),
        "period": pl.String(),
        "published": _VALUE,
        "draft": _VALUE,
        "delta": _VALUE,
        "published_band": pl.String(),
        "draft_band": pl.String(),
        "published_components": pl.String(),
        "draft_components": pl.String(),
        "reasons": pl.String(),
    }
)
"""One row: an index of a slice (`by`: whole, owner, team, region or record; `cell`: which one) in a period, under both; null is unknown."""


@dataclass(frozen=True)
class Part:
    """A component of one value: its score, and its share of the whole after unknown ones left (both null: unknown)."""

    score: Fraction | None
    share: Fraction | None
    weight: str
    told: Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """One value of an index, with what it is made of."""

    value: Decimal | None
    band: str | None
    capped_by: str | None
    parts: Mapping[str, Part]


_NOTHING: Final = Value(None, None, None, {})
Cells = Mapping[tuple[str, str | None, str | None], Value]
Recorded = tuple[datetime, datetime] | None
"""When something was recorded for the first time and for the last time; None where nothing was."""


def compared_indices(
    view: View,
    playbooks: Playbooks,
    draft: PublishedPlaybook,
    window: Window,
    moment: datetime,
    redecided: Redecided,
    *,
    runner: Runner = LOOP,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Return every value of every index under both, and for the impact what changed by index and period, with movers and reasons.

    Attempts are accepted under the draft as it decides them (`redecided`).
    """
    published = _in_force(playbooks, draft.name, view.position, moment)
    names = sorted({*draft.document.indices, *(published.document.indices if published else {})})
    once = MeasuredOnce(runner, view)
    recorded = _recorded(view, window)
    rows: list[tuple[Any, ...]] = []
    for name in names:
        old, new = (_index(rules, name) for rules in (published, draft))
        reading, drafted = (
            None
            if rules is None or index is None
            else Reading.of_draft(rules, index.kind, view.position, moment)
            for rules, index in ((published, old), (draft, new))
        )
        asked = name
        if reading is not None and drafted is not None and _see_the_same(reading, drafted):
            # Read through one and the same playbook, in which the draft's index has another name, what both measure is measured once.
            asked = f"{name} (draft)"
            indices = {**reading.document.indices, name: old, asked: new}
            document = reading.document.model_copy(update={"indices": indices})
            reading = drafted = replace(reading, document=document)
        if drafted is not None and new is not None and _counts_decisions(new):
            drafted = replace(drafted, redecided=redecided)
        before = _cells(view, reading, old, name, recorded, once, cancelled)
        after = (
            before
            if old == new and drafted is reading
            else _cells(view, drafted, new, asked, recorded, once, cancelled)
        )
        rows += _rows(name, before, after, _absent(old, new))
    frame = pl.DataFrame(rows, schema=INDEX_VALUES, orient="row")
    return frame, list(_told(frame))


def _in_force(playbooks: Playbooks, name: str, position: int, moment: datetime) -> PublishedPlaybook | None:
    known = {key: rules for key, rules in playbooks.versions.items() if rules.position <= position}
    return Playbooks(playbooks.version, known).at(moment).in_force.get(name)


def _index(rules: PublishedPlaybook | None, name: str) -> Index | None:
    found = None if rules is None else rules.document.indices.get(name)
    return found if rules is not None and found is not None and found.kind in rules.document.kinds else None


def _see_the_same(one: Reading, other: Reading) -> bool:
    return (one.kind_name, one.adopts) == (other.kind_name, other.adopts) and measure_alike(
        one.document, other.document, one.kind_name
    )


def _counts_decisions(index: Index) -> bool:
    return any(isinstance(component, Acceptance) for component in index.components.values())


def _cells(
    view: View,
    reading: Reading | None,
    index: Index | None,
    name: str,
    recorded: Recorded,
    runner: Runner,
    cancelled: Callable[[], bool] | None,
) -> Cells:
    if reading is None or index is None:
        return {}
    found: dict[tuple[str, str | None, str | None], Value] = {}
    if index.stuck is not None:
        found_now = index_values(view, reading, name, runner=runner, cancelled=cancelled)
        return dict(_stuck(index, found_now.values, found_now.components))
    periods = _periods(recorded, index, reading)
    if not periods:
        return {}
    sliced = index_slices(view, reading, name, SLICES, periods, runner=runner, cancelled=cancelled)
    for by, told in zip(SLICES, sliced, strict=True):
        found |= _values(index, told.values, told.components, by[0] if by else "whole", [*by, "period"])
    return found


def _recorded(view: View, window: Window) -> Recorded:
    """Find when the first event of the window was recorded, and the last one."""
    events = view.scan("events")
    if window.after > 0 or window.upto < view.position:
        events = events.filter(pl.col("position") > window.after, pl.col("position") <= window.upto)
    first, last = (
        events.select(pl.col("recorded_at").min().alias("first"), pl.col("recorded_at").max().alias("last"))
        .collect()
        .row(0)
    )
    return None if first is None else (first, last)


def _periods(recorded: Recorded, index: Index, reading: Reading) -> list[str]:
    """Name the periods in which something of the window was recorded, the last ones where there are very many."""
    if recorded is None:
        return []
    first, last = recorded
    names = latest(index.period.value, last, reading.zone, _MOST_PERIODS)
    return [name for name in names if period_of(name, reading.zone).end > first]


def _values(
    index: Index, values: pl.DataFrame, components: pl.DataFrame, by: str, keys: list[str]
) -> Iterator[tuple[tuple[str, str | None, str | None], Value]]:
    told: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for key, *row in zip(
        components.select(keys).iter_rows(), *(components.get_column(name) for name in _TOLD), strict=True
    ):
        told.setdefault(key, []).append(tuple(row))
    for row in values.iter_rows(named=True):
        key = tuple(row[name] for name in keys)
        parts = {name: _part(index, name, score, *about) for name, score, *about in told.get(key, ())}
        cell = None if by == "whole" else row[by]
        value = Value(row["value"], row["band"], row["capped_by"], _with_shares(index, parts))
        yield (by, cell, row.get("period")), value


def _stuck(
    index: Index, values: pl.DataFrame, components: pl.DataFrame
) -> Iterator[tuple[tuple[str, str | None, str | None], Value]]:
    """Return what each record that is stuck is worth; that is what its owner is, worked out once."""
    firsts = values.unique("owner", keep="first", maintain_order=True)
    of_them = components.join(firsts.select("record"), on="record", how="semi", maintain_order="left")
    found = {cell: value for (_, cell, _), value in _values(index, firsts, of_them, "record", ["record"])}
    of_owner = {owner: found[record] for record, owner in firsts.select("record", "owner").iter_rows()}
    for record, owner in values.select("record", "owner").iter_rows():
        yield ("record", record, None), of_owner[owner]


def _part(index: Index, name: str, score: Decimal | None, *about: Any) -> Part:
    told = dict(zip(_TOLD[1:], (score, *about), strict=True))
    exact = None if score is None else Fraction(score)
    return Part(exact, None, str(index.components[name].weight), told)


def _with_shares(index: Index, parts: Mapping[str, Part]) -> dict[str, Part]:
    """What a component weighs among those that are known."""
    whole = sum(
        (Fraction(index.components[name].weight) for name, part in parts.items() if part.score is not None),
        Fraction(0),
    )
    return {
        name: Part(
            part.score,
            None if part.score is None else Fraction(index.components[name].weight) / whole,
            part.weight,
            part.told,
        )
        for name, part in parts.items()
    }


def _absent(old: Index | None, new: Index | None) -> tuple[Value, Value]:
    """Return what a cell is on each side that only the other one has.

    Where both cut the same periods into slices, nothing happened there, so all its components are unknown; else there is no such cell.
    """
    if old is None or new is None or old.stuck or new.stuck or old.period is not new.period:
        return _NOTHING, _NOTHING
    return _unknown(old), _unknown(new)


def _unknown(index: Index) -> Value:
    parts = {name: _part(index, name, None, None, 0, None) for name in index.components}
    return replace(_NOTHING, parts=parts)


def _rows(name: str, before: Cells, after: Cells, absent: tuple[Value, Value]) -> Iterator[tuple[Any, ...]]:
    """Return the rows of `INDEX_VALUES`. Cells that share their values, as stuck records of one owner do, are told apart once."""
    known: dict[tuple[int, int], tuple[Any, ...]] = {}
    for by, cell, period in sorted({*before, *after}, key=_in_order):
        key = (by, cell, period)
        old, new = before.get(key, absent[0]), after.get(key, absent[1])
        pair = (id(old), id(new))
        if pair not in known:
            known[pair] = _beside(old, new)
        yield name, by, cell, period, *known[pair]


def _beside(old: Value, new: Value) -> tuple[Any, ...]:
    return (
        old.value,
        new.value,
        None if old.value is None or new.value is None else new.value - old.value,
        old.band,
        new.band,
        _spelled(old),
        _spelled(new),
        orjson.dumps(reasons(old, new)).decode(),
    )


def _in_order(key: tuple[str, str | None, str | None]) -> tuple[Any, ...]:
    return tuple((part is None, part or "") for part in key)


def _spelled(value: Value) -> str:
    told = {
        name: {what: None if figure is None else str(figure) for what, figure in part.told.items()}
        for name, part in sorted(value.parts.items())
    }
    return orjson.dumps(told).decode()


def reasons(old: Value, new: Value) -> list[dict[str, Any]]:
    """Say what moved a value: the effects, in points, add up to the difference. Without a value on one side there are none to add."""
    if old == new:
        return []
    effects = [*_shares(old, new), *_scores(old, new)]
    if old.value is None or new.value is None:
        found = [{**reason, "effect": None} for reason, _ in effects]
    else:
        delta = new.value - old.value
        rounded = [(reason, _rounded(effect)) for reason, effect in effects]
        rest = delta - sum((effect for _, effect in rounded), Decimal(0))
        if old.capped_by != new.capped_by or (rest and new.capped_by is not None):
            cap = {"component": None, "what": "cap", "before": old.capped_by, "after": new.capped_by}
            rounded.append((cap, rest))
        elif rest and rounded:
            # Six places are not all of it: the largest effect takes what rounding left over.
            at = max(range(len(rounded)), key=lambda place: (abs(rounded[place][1]), -place))
            rounded[at] = (rounded[at][0], rounded[at][1] + rest)
        found = [{**reason, "effect": str(effect)} for reason, effect in rounded if effect]
    if old.band != new.band:
        found.append(
            {"component": None, "what": "band", "before": old.band, "after": new.band, "effect": None}
        )
    return found


def _shares(old: Value, new: Value) -> Iterator[tuple[dict[str, Any], Fraction]]:
    whole = sum(((part.score or 0) * (part.share or 0) for part in old.parts.values()), Fraction(0))
    for name in sorted({*old.parts, *new.parts}):
        was, now = old.parts.get(name), new.parts.get(name)
        before, after = (part.share if part and part.share else Fraction(0) for part in (was, now))
        if was is not None and was.score is not None:
            score = was.score
        elif now is not None and now.score is not None:
            score = now.score
        else:
            continue
        what = "added" if was is None else "removed" if now is None else "weight"
        effect = (after - before) * (score - whole)
        if before != after or what != "weight":
            weights = [None if part is None else part.weight for part in (was, now)]
            yield {"component": name, "what": what, "before": weights[0], "after": weights[1]}, effect


def _scores(old: Value, new: Value) -> Iterator[tuple[dict[str, Any], Fraction]]:
    for name in sorted(old.parts.keys() & new.parts.keys()):
        was, now = old.parts[name], new.parts[name]
        if was.score != now.score:
            told = [None if part.score is None else str(_rounded(part.score)) for part in (was, now)]
            known = was.score is not None and now.score is not None
            effect = (now.share or 0) * (now.score - was.score) if known else Fraction(0)  # type: ignore[operator]
            yield {"component": name, "what": "score", "before": told[0], "after": told[1]}, Fraction(effect)


def _rounded(effect: Fraction) -> Decimal:
    """Half-even at six places, on whole numbers throughout."""
    return Decimal(round(effect * 1_000_000)).scaleb(-6)


def _told(frame: pl.DataFrame) -> Iterator[dict[str, Any]]:
    for (index, period), cells in frame.partition_by(
        ["index", "period"], as_dict=True, maintain_order=True
    ).items():
        changed = cells.filter(
            pl.col("published").ne_missing(pl.col("draft"))
            | pl.col("published_band").ne_missing(pl.col("draft_band"))
        )
        most = changed.sort(
            pl.col("delta").abs(), "by", "cell", descending=[True, False, False], nulls_last=True
        ).head(MOVERS)
        yield {
            "index": index,
            "period": period,
            "cells": cells.height,
            "changed": changed.height,
            "movers": [
                {
                    "cell": {} if by == "whole" else {by: cell},
                    "before": _text(before),
                    "after": _text(after),
                    "delta": _text(delta),
                    "reasons": orjson.loads(why),
                }
                for by, cell, before, after, delta, why in most.select(
                    "by", "cell", "published", "draft", "delta", "reasons"
                ).iter_rows()
            ],
        }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
