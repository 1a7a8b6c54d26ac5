"""Charts of the report, as options of ECharts built here; every one stands above a table that says the same."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from infra.http.language import Language
from infra.report.words import WORDS, told

_MOST_BARS = 15
_MOST_MOVERS = 10
_BAR_PIXELS = 26
_MARGIN_PIXELS = 90
_LONGEST_NAME = 28
_COLORS = {"newly_refused": "#b3362b", "newly_allowed": "#1f6f78", "not_judgeable": "#8a8a8a"}
_VERDICTS = ("newly_refused", "newly_allowed", "not_judgeable")


def charts(impact: Mapping[str, Any], language: Language) -> dict[str, dict[str, Any]]:
    """Return the charts there is something to show in, by name: the height in pixels and the option of each."""
    words = WORDS[language]
    found: dict[str, dict[str, Any]] = {}
    rules: dict[str, dict[str, int]] = {}
    for row in impact["rules"]:
        name = told(row["label"], row["requirement"], language)
        counts = rules.setdefault(name, {})
        counts[row["verdict"]] = counts.get(row["verdict"], 0) + row["decisions"]
    if rules:
        found["rules"] = _stacked(list(rules), list(rules.values()), words)
    edges = {
        f"{told(row['before_label'], row['before'] or words['opening'], language)} → {told(row['after_label'], row['after'], language)}": row
        for row in concerned(impact["edges"])
    }
    if edges:
        found["edges"] = _stacked(list(edges), list(edges.values()), words)
    for number, (*_, index) in enumerate(by_index(impact["indices"])):
        movers = [mover for mover in index["movers"] if mover["delta"] is not None][:_MOST_BARS]
        if movers:
            found[f"index-{number}"] = _diverging(movers)
    return found


def by_index(indices: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return what is told of each index, its periods in their order: the last one is shown, the others are folded away."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for told_of in indices:
        found.setdefault(told_of["index"], []).append(told_of)
    return [sorted(periods, key=lambda index: index["period"] or "") for periods in found.values()]


def most_moved(periods: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return the values that move most, whatever their period, each with what is told of it."""
    movers = [(index, mover) for index in periods for mover in index["movers"] if mover["delta"] is not None]
    return sorted(movers, key=lambda found: -abs(Decimal(str(found[1]["delta"]))))[:_MOST_MOVERS]


def concerned(edges: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the moves a draft changes something about, or cannot judge."""
    return [row for row in edges if any(row[verdict] for verdict in _VERDICTS)]


def _stacked(
    names: Sequence[str], rows: Sequence[Mapping[str, Any]], words: Mapping[str, str]
) -> dict[str, Any]:
    shown = [verdict for verdict in _VERDICTS if any(row.get(verdict) for row in rows)]
    series = [
        {
            "name": words[verdict],
            "type": "bar",
            "stack": "all",
            "data": [row.get(verdict) or 0 for row in rows[:_MOST_BARS]],
            "itemStyle": {"color": _COLORS[verdict]},
        }
        for verdict in shown
    ]
    return _framed([_short(name) for name in names[:_MOST_BARS]], series, legend=True)


def _diverging(movers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names, data = [], []
    for mover in movers:
        cell = mover["cell"]
        name = (cell.get("owner_name") or cell.get("team_name") or " ".join(str(v) for v in cell.values() if v)) if isinstance(cell, Mapping) else cell  # fmt: skip
        names.append(_short(str(name or "—")))
        value = str(mover["delta"])
        # The number is only drawn: the table beside says it exactly.
        color = _COLORS["newly_refused"] if value.startswith("-") else _COLORS["newly_allowed"]
        data.append({"value": value, "itemStyle": {"color": color}})
    return _framed(names, [{"type": "bar", "data": data}], legend=False)


def _framed(names: list[str], series: list[dict[str, Any]], *, legend: bool) -> dict[str, Any]:
    option = {
        "animation": False,
        "aria": {"enabled": True},
        "textStyle": {"fontFamily": "system-ui, sans-serif"},
        "grid": {"left": 8, "right": 32, "top": 36 if legend else 8, "bottom": 8, "containLabel": True},
        "legend": {"show": legend, "top": 0},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}, "renderMode": "richText"},
        "xAxis": {"type": "value"},
        "yAxis": {"type": "category", "inverse": True, "data": names, "axisTick": {"show": False}},
        "series": series,
    }
    return {"height": _MARGIN_PIXELS + _BAR_PIXELS * len(names), "option": option}


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
