"""What a draft would make of the indices: each value beside the published one, and what moved it.

Effects are counted in points and add up to the difference: first each component's share of the whole, with the score it had, then its
score, with the share it has; what is left over is a cap. Of a value that is unknown on a side there is nothing to add up.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from oracle.indices import UNKNOWN, index_slices, rounded, stuck_values
from oracle.playbooks import named
from oracle.reading import Reading, month_of, period, quarter_of, week_of

SLICES = ((), ("owner",), ("team",), ("region",))
PERIOD = {"month": month_of, "quarter": quarter_of, "week": week_of}
MOST = 20
NOTHING: dict[str, Any] = {"value": None, "band": None, "capped_by": None, "components": {}}

Key = tuple[str, str | None, str | None]
"""How it is cut (`whole` for not at all, `record` where each stuck record has a value), the cell, and the period."""


def unknown(components: Iterable[str]) -> dict[str, Any]:
    """What a cell is in which nothing happened."""
    return {**NOTHING, "components": {name: UNKNOWN | {"weight_percent": None} for name in components}}


def values_of(
    readings: Sequence[Reading], name: str, first: datetime, last: datetime
) -> dict[Key, dict[str, Any]]:
    """Every value of an index in the periods from one moment to another; of an index that the playbook does not have, none."""
    index = named(readings[0].playbook["document"].get("indices")).get(name)
    if index is None:
        return {}
    if index.get("stuck"):
        stuck = [it for reading in readings for it in stuck_values(reading, name).items()]
        return {("record", record, None): value for record, value in stuck}
    zone = readings[0].zone
    found: dict[Key, dict[str, Any]] = {}
    for text in periods(index.get("period", "month"), first, last, zone):
        sliced = index_slices(readings, name, SLICES, period(text, zone))
        # All records together are a cell also where nothing happened.
        found["whole", None, text] = unknown(it["name"] for it in index["components"])
        for by, cells in zip(SLICES, sliced, strict=True):
            for key, value in cells.items():
                found[by[0] if by else "whole", key[0] if key else None, text] = value
    return found


def periods(length: str, first: datetime, last: datetime, zone: str) -> list[str]:
    """The names of the periods there is a day of between two moments, in their order."""
    here = ZoneInfo(zone)
    day, names = first.astimezone(here), []
    while day.date() <= last.astimezone(here).date():
        names.append(PERIOD[length](day, zone))
        day += timedelta(days=1)
    return [name for name in dict.fromkeys(names) if name is not None]


def compared(
    old: dict[Key, dict[str, Any]], new: dict[Key, dict[str, Any]], weights: Sequence[dict[str, Any]]
) -> dict[Key, dict[str, Any]]:
    """Each value on both sides with the difference and its reasons; `weights` are those the components are written with on each side.

    In a cell that only one side has nothing happened on the other, so all is unknown there; a record that is not stuck is no such cell.
    """
    found = {}
    for key in old.keys() | new.keys():
        is_cut = all(weights) and key[0] != "record"
        absent = [unknown(side) if is_cut else NOTHING for side in weights]
        was, now = old.get(key, absent[0]), new.get(key, absent[1])
        known = None not in (was["value"], now["value"])
        found[key] = {
            "published": was["value"],
            "draft": now["value"],
            "delta": now["value"] - was["value"] if known else None,
            "published_band": was["band"],
            "draft_band": now["band"],
            "reasons": reasons(was, now, weights),
        }
    return found


def weights_of(index: dict[str, Any] | None) -> dict[str, str]:
    """The weight each component of an index is written with."""
    return {} if index is None else {it["name"]: str(it.get("weight", "1")) for it in index["components"]}


def reasons(
    was: dict[str, Any], now: dict[str, Any], weights: Sequence[dict[str, Any]]
) -> dict[tuple[str | None, str], tuple[Any, Any, Decimal | None]]:
    """Why a value is another one: by component and what about it, what it was, what it is, and how many points that makes."""
    if _same(was, now):
        return {}
    is_known = None not in (was["value"], now["value"])
    found: dict[tuple[str | None, str], tuple[Any, Any, Decimal | None]] = {}
    exact: dict[tuple[str | None, str], Fraction] = {}
    names = sorted(was["components"].keys() | now["components"].keys())
    mean = sum((score * _share(was, name, weights[0]) for name in names if (score := _score(was, name)) is not None), Fraction(0))  # fmt: skip
    for name in names:
        shares = [_share(side, name, of) for side, of in zip((was, now), weights, strict=True)]
        scores = [_score(was, name), _score(now, name)]
        told = [of.get(name) if name in side["components"] else None for side, of in zip((was, now), weights, strict=True)]  # fmt: skip
        held = scores[0] if scores[0] is not None else scores[1]
        what = "added" if name not in was["components"] else "removed" if name not in now["components"] else "weight"  # fmt: skip
        if held is not None and (what != "weight" or shares[0] != shares[1]):
            found[name, what] = (*told, None)
            exact[name, what] = (shares[1] - shares[0]) * (held - mean)
    for name in names:
        if not (name in was["components"] and name in now["components"]):
            continue
        before, after = _score(was, name), _score(now, name)
        if before != after:
            found[name, "score"] = (_text(before), _text(after), None)
            gained = Fraction(0) if None in (before, after) else (after or 0) - (before or 0)
            exact[name, "score"] = _share(now, name, weights[1]) * gained
    if is_known:
        found = _in_points(was, now, found, exact)
    if was["band"] != now["band"]:
        found[None, "band"] = (was["band"], now["band"], None)
    return found


def _in_points(
    was: dict[str, Any], now: dict[str, Any], found: dict[Any, Any], exact: dict[Any, Fraction]
) -> dict[Any, Any]:
    """Points at six places; what rounding leaves over goes to the first of the largest, unless a cap takes it."""
    points = {key: rounded(effect) or Decimal(0) for key, effect in exact.items()}
    rest = now["value"] - was["value"] - sum(points.values(), Decimal(0))
    if was["capped_by"] != now["capped_by"] or (rest and now["capped_by"] is not None):
        found[None, "cap"], points[None, "cap"] = (was["capped_by"], now["capped_by"], None), rest
    elif rest and points:
        largest = max(abs(effect) for effect in points.values())
        points[next(key for key, effect in points.items() if abs(effect) == largest)] += rest
    return {key: (*found[key][:2], effect) for key, effect in points.items() if effect}


def changed(rows: dict[Key, dict[str, Any]]) -> list[Key]:
    """The cells whose value or band is another one, those that move farthest first; of equals by name, nobody's last."""
    moved = [
        key
        for key, row in rows.items()
        if (row["published"], row["published_band"]) != (row["draft"], row["draft_band"])
    ]
    return sorted(moved, key=lambda key: (rows[key]["delta"] is None, -abs(rows[key]["delta"] or 0), key[0], key[1] is None, key[1] or ""))  # fmt: skip


def told(rows: dict[Key, dict[str, Any]]) -> dict[str | None, dict[str, Any]]:
    """By period: how many cells there are, how many change, and the first of those that do."""
    found = {}
    for name in {key[2] for key in rows}:
        mine = {key: row for key, row in rows.items() if key[2] == name}
        moved = changed(mine)
        found[name] = {"cells": len(mine), "changed": len(moved), "movers": moved[:MOST]}
    return found


def _same(was: dict[str, Any], now: dict[str, Any]) -> bool:
    about = ("value", "band", "capped_by")
    parts = ("score", "measured", "judged", "weight_percent")
    return all(was[it] == now[it] for it in about) and [
        (name, [part[it] for it in parts]) for name, part in sorted(was["components"].items())
    ] == [(name, [part[it] for it in parts]) for name, part in sorted(now["components"].items())]


def _score(side: dict[str, Any], name: str) -> Fraction | None:
    part = side["components"].get(name)
    return None if part is None or part["score"] is None else Fraction(part["score"])


def _share(side: dict[str, Any], name: str, weights: dict[str, str]) -> Fraction:
    """What a component weighs among those that are known; nothing where it is unknown itself."""
    known: Iterable[str] = [it for it in side["components"] if _score(side, it) is not None]
    whole = sum((Fraction(weights[it]) for it in known), Fraction(0))
    return Fraction(weights[name]) / whole if name in known else Fraction(0)


def _text(score: Fraction | None) -> str | None:
    return None if score is None else str(rounded(score))
