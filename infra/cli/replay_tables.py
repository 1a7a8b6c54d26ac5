"""How replays look on a terminal. Only what has passed the lens is printed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType

from infra.cli.render import PlainTable, plain
from infra.http.language import Language
from infra.report.words import duration, points, reason, told, why
from projections.lens import Visible

MOST_ROWS = 12
"""How many rows of a table the terminal shows; all of them are in `--json` and in the report."""

_COUNTS = ("newly_refused", "newly_allowed", "not_judgeable")


def impact_shown(visible: Visible, out: Console, language: str) -> None:
    """Print a replay: the law first, then what changes by rule, step and person, how long, what cannot be judged, and the indices."""
    data, spoken = visible.data, _spoken(language)
    impact = data["impact"]
    if impact is None:
        out.print(replays_shown_of([data]))
        if data["failure"] is not None:
            out.print(plain(f"{data['failure']['reason']}: {data['failure']['message']}"))
        return
    _law(impact["law"], out)
    totals = impact["totals"]
    changed = totals["newly_refused"] + totals["newly_allowed"]
    out.print(
        f"the draft of {data['playbook']!r} changes [bold]{changed:,}[/bold] of {totals['judged']:,} decisions:"
        f" {totals['newly_refused']:,} newly refused, {totals['newly_allowed']:,} newly allowed;"
        f" {totals['records']:,} records, {totals['people']:,} people; {totals['not_judgeable']:,} cannot be judged"
    )
    for part in (_rules, _edges, _people, _unknown, _indices):
        for shown in part(impact, spoken):
            out.print(shown)
    caveat = impact["caveat"]
    spelled = caveat[spoken] if isinstance(caveat, Mapping) else str(caveat)
    out.print(plain(spelled), style="dim")
    out.print(
        f"[dim]Nothing live was changed. replay {data['id'][:12]}: `dealtrail replay cases {data['id'][:12]} --verdict newly_refused`"
        f" lists decisions, `dealtrail replay report {data['id'][:12]} --out FILE` writes the report.[/dim]"
    )


def _law(law: Mapping[str, Any], out: Console) -> None:
    erased = f", {law['erased']:,} hang on erased values" if law["erased"] else ""
    out.print(
        f"reproduces {law['reproduced']:,} of {law['decisions']:,} recorded decisions under the published rules{erased}",
        style="bold",
    )
    if law["different"]:
        out.print(
            f"[red]{len(law['different']):,} come out differently, which must not be; first at position {law['different'][0]}[/red]"
        )


def _rules(impact: Mapping[str, Any], spoken: Language) -> Iterable[RenderableType]:
    rows = [
        (
            told(row["label"], row["requirement"], spoken), row["requirement"], row["verdict"].replace("_", " "), f"{row['decisions']:,}",
            f"{row['records']:,}", f"{row['people']:,}", duration(row["delayed_median_seconds"], spoken), f"{row['never'] or 0:,}",
        )
        for row in impact["rules"]
    ]  # fmt: skip
    columns = (
        "requirement",
        "id",
        "verdict",
        "decisions",
        "records",
        "people",
        "delayed by (median)",
        "never met",
    )
    return _table("requirements that make the difference", columns, rows, words=3)


def _edges(impact: Mapping[str, Any], spoken: Language) -> Iterable[RenderableType]:
    rows = [
        (
            told(row["before_label"], row["before"] or "(opening)", spoken),
            told(row["after_label"], row["after"], spoken),
            *(f"{row[count]:,}" for count in _COUNTS),
        )
        for row in impact["edges"]
        if any(row[count] for count in _COUNTS)
    ]
    return _table("moves", ("from", "to", *_spelled(_COUNTS)), rows, words=2)


def _people(impact: Mapping[str, Any], _: Language) -> Iterable[RenderableType]:
    rows = [
        (row["owner_name"] or row["owner"] or "nobody", *(f"{row[count]:,}" for count in _COUNTS))
        for row in impact["people"]
    ]
    return _table("people", ("who answers for the record", *_spelled(_COUNTS)), rows, words=1)


def _unknown(impact: Mapping[str, Any], spoken: Language) -> Iterable[RenderableType]:
    rows = [
        (told(row["label"], row["requirement"], spoken), why(row["why"], spoken), f"{row['decisions']:,}")
        for row in impact["not_judgeable"]
    ]
    return _table("not judgeable", ("requirement", "why", "decisions"), rows, words=2)


def _indices(impact: Mapping[str, Any], spoken: Language) -> Iterable[RenderableType]:
    """One table an index: the values that move most, of all periods."""
    for name in dict.fromkeys(index["index"] for index in impact["indices"]):
        periods = [index for index in impact["indices"] if index["index"] == name]
        movers = [(index["period"], mover) for index in periods for mover in index["movers"]]
        movers.sort(key=lambda found: -abs(float(found[1]["delta"] or 0)))
        changed, cells = (sum(index[count] for index in periods) for count in ("changed", "cells"))
        rows = [
            (
                period or "",
                _cell(mover["cell"]),
                *(
                    points(mover[side]) if mover[side] is not None else "unknown"
                    for side in ("before", "after")
                ),
                points(mover["delta"], signed=True) if mover["delta"] is not None else "",
                "; ".join(reason(item, spoken) for item in mover["reasons"]),
            )
            for period, mover in movers
        ]
        label = told(periods[0]["label"], name, spoken)
        yield plain(
            f"index {label}: {changed:,} of {cells:,} values change{'; those that move most:' if changed else ''}"
        )
        columns = ("period", "whose", "before", "after", "change", "because of")
        yield from _table("", columns, rows, words=2, left=changed - min(changed, MOST_ROWS))


def _cell(cell: Any) -> str:
    if not isinstance(cell, Mapping):
        return str(cell)
    named = {name: value for name, value in cell.items() if value is not None and name != "owner_name"}
    named.pop("team_name", None)
    for what in ("owner", "team"):
        if cell.get(f"{what}_name"):
            named[what] = cell[f"{what}_name"]
    return ", ".join(str(value) for value in named.values()) or "all"


def _spoken(language: str) -> Language:
    return "zh" if language == "zh" else "en"


def _spelled(names: Sequence[str]) -> list[str]:
    return [name.replace("_", " ") for name in names]


def _table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: int,
    left: int | None = None,
) -> Iterable[RenderableType]:
    """A table of what there is; the first columns hold words, the others figures."""
    if not rows:
        return
    table = PlainTable(title=title or None, title_justify="left")
    for number, column in enumerate(columns):
        is_last_of_words = column == "because of"
        table.add_column(
            column, justify="left" if number < words or is_last_of_words else "right", overflow="fold"
        )
    for row in rows[:MOST_ROWS]:
        table.add_row(*row)
    yield table
    more = max(len(rows) - MOST_ROWS, 0) if left is None else left
    if more:
        where = "the dataset index_values has all" if left is not None else "--json lists all"
        yield plain(f"… and {more:,} more rows ({where})")


def replays_shown(visible: Visible) -> RenderableType:
    """Show replays, one a line."""
    return replays_shown_of(visible.data["items"])


def replays_shown_of(items: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Show replays, one a line."""
    table = PlainTable()
    for name in ("id", "state", "playbook", "draft", "decisions after", "up to", "log at", "asked (UTC)"):
        table.add_column(
            name, justify="right" if name in ("draft", "decisions after", "up to", "log at") else "left"
        )
    for item in items:
        progress = item["progress"]
        state = item["state"]
        if state == "running" and progress["of"]:
            left = duration(progress["eta_seconds"], "en")
            state += f" {progress['done']}/{progress['of']}, {left} left"
        table.add_row(
            item["id"][:12],
            state,
            item["playbook"],
            "file" if item["draft"] is None else str(item["draft"]),
            f"{item['window']['after']:,}",
            f"{item['window']['upto']:,}",
            f"{item['position']:,}",
            item["asked_at"][:16].replace("T", " "),
        )
    return table


def decisions_shown(visible: Visible, language: str) -> RenderableType:
    """Show decisions, one a line."""
    data, spoken = visible.data, _spoken(language)
    table = PlainTable()
    for name in ("position", "record", "move", "verdict", "requirements", "owner", "delayed by"):
        table.add_column(name, justify="right" if name == "position" else "left", overflow="fold")
    for row in data["items"]:
        before = told(row["before_label"], row["before"] or "(opening)", spoken)
        late = "never" if row["never"] else duration(row["delayed_seconds"], spoken) if row["delayed_seconds"] is not None else ""  # fmt: skip
        table.add_row(
            f"{row['position']:,}",
            row["record_name"] or row["record"],
            f"{before} → {told(row['after_label'], row['after'], spoken)}",
            row["verdict"].replace("_", " "),
            ", ".join(told(row["labels"][name], name, spoken) for name in row["requirements"]),
            row["owner_name"] or row["owner"] or "nobody",
            late,
        )
    more = f"; the next page: --cursor {data['next']}" if data["next"] else ""
    return Group(table, plain(f"{len(data['items']):,} of {data['total']:,} decisions{more}"))


def comparison_shown(visible: Visible, out: Console, language: str) -> None:
    """Print what was forecast beside what happened: refusals per hundred decisions, per requirement."""
    data, spoken = visible.data, _spoken(language)
    out.print(
        f"{data['playbook']} v{data['playbook_version']}, in force since position {data['published_position']:,}"
    )
    table = PlainTable()
    for name in ("requirement", "forecast", "per 100", "of", "actual", "per 100", "of", "held up: forecast", "actual"):  # fmt: skip
        table.add_column(name, justify="left" if name == "requirement" else "right", overflow="fold")
    for row in data["requirements"]:
        sides = []
        held = []
        for side in (row["forecast"], row["actual"]):
            if side is None:
                sides += ["unknown", "", ""]
                held.append("")
            else:
                sides += [
                    f"{side['refused']:,}",
                    side["rate_percent"] or "unknown",
                    f"{side['decisions']:,}",
                ]
                held.append(duration(side["held_up_median_seconds"], spoken))
        table.add_row(told(row["label"], row["requirement"], spoken), *sides, *held)
    out.print(table)
    if data["forecast"] is None:
        out.print("the result of the replay is not kept any more, so its forecast is unknown")
    out.print(plain(data["note"]), style="dim")
