"""The demo's chapters about measures: a metric by step, the cases behind one of its numbers, and an index of single deals."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from infra.cli.measured_tables import figure
from infra.cli.render import PlainTable, label, moment, plain
from infra.cli.session import Session
from infra.cli.words import word
from infra.tenant import Tenant
from projections.lens import Visible
from projections.lists import Ask
from projections.measured import Measures, Question

METRIC, NUMBER = "dwell", "judged"
SHOWN_NUMBERS = {
    "visits": "visits",
    "running": "still there",
    "judged": "left again",
    "median_seconds": "median",
    "p90_seconds": "90 % left within",
    "business_median_seconds": "median in working hours",
}
STUCK_INDEX = "poc_health"
SHOWN_CASES = 5
SHOWN_STUCK = 6


class NotAsTold(RuntimeError):
    """What the demo says of itself does not hold: a number and the cases behind it differ, or a replay does not end."""


def title(session: Session, what: str, command: str = "", **figures: object) -> None:
    """Begin a chapter; under it stands the command that shows the same."""
    session.out.print()
    heading = plain(session.sentence(what, **figures))
    heading.stylize("bold")
    session.out.rule(heading, align="left", style="dim")
    if command:
        session.out.print(Text(f"$ dealtrail --tenant demo {command}", style="dim"), soft_wrap=True)


def metric(session: Session, tenant: Tenant, measures: Measures, kind: str) -> None:
    """Print a metric by step, and open one of its numbers."""
    title(session, "demo: how long", f"metric show {METRIC} --by step --kind {kind}")
    question = Question(kind, "step")
    answer = measures.metric(METRIC, question)
    way = tenant.reads.playbooks().for_kind(kind).kind(kind).open_stages
    rows = [row for step in way for row in answer.data["items"] if row["cell"]["step"] == step]
    language = session.language
    table = table_of(word("stage", language))
    for heading in SHOWN_NUMBERS.values():
        table.add_column(word(heading, language), justify="right")
    for row in rows:
        table.add_row(
            called(answer, "step", row, language),
            *(length(row[name], name, language) for name in SHOWN_NUMBERS),
        )
    session.out.print(table)
    slowest = max(rows, key=lambda row: row["median_seconds"] or 0)
    _cases(session, measures, slowest, called(answer, "step", slowest, language), question)


def _cases(
    session: Session, measures: Measures, row: Mapping[str, Any], step: str, question: Question
) -> None:
    cell = f"step={row['cell']['step']}"
    title(
        session,
        "demo: which visits",
        f"metric cases {METRIC} --kind {question.kind} --number {NUMBER} --cell {cell}",
        count=row[NUMBER],
        step=step,
    )
    answer = measures.metric_cases(METRIC, NUMBER, [cell], question, Ask(limit=SHOWN_CASES), among=False)
    if answer.data["total"] != row[NUMBER]:
        raise NotAsTold(
            f"{METRIC} counts {row[NUMBER]:,} in {cell}, and {answer.data['total']:,} cases are behind it"
        )
    language = session.language
    table = table_of(*(word(name, language) for name in ("record", "came (UTC)", "left (UTC)")))
    for name in ("stayed", "in working hours", "came at position"):
        table.add_column(word(name, language), justify="right")
    for case in answer.data["items"]:
        table.add_row(
            case["record_name"] or case["record"],
            *(moment(case[name]) for name in ("entered_at", "left_at")),
            *(length(case[name], name, language) for name in ("seconds", "business_seconds")),
            f"{case['position']:,}",
        )
    session.out.print(table)
    session.print(
        "demo: as many cases", shown=len(answer.data["items"]), total=answer.data["total"], style="dim"
    )


def stuck(session: Session, measures: Measures) -> None:
    """Print an index of single deals: those that stand in a step for too long, the worst first."""
    answer = measures.index(STUCK_INDEX, Question())
    data, language = answer.data, session.language
    rows = sorted(data["items"], key=lambda row: (row["value"] is None, float(row["value"] or 0)))
    days = data["stuck"]["longer_than_days"]
    title(
        session,
        "demo: stuck",
        f"index show {STUCK_INDEX}",
        count=len(rows),
        days=days,
    )
    table = table_of(*(word(name, language) for name in ("record", "owner", "since")))
    table.add_column(
        label(data["label"], language, STUCK_INDEX), justify="right", overflow="fold", max_width=16
    )
    table.add_column(word("band", language))
    for name, part in data["parts"].items():
        table.add_column(label(part["label"], language, name), justify="right", overflow="fold", max_width=18)
    for row in rows[:SHOWN_STUCK]:
        parts = (row["components"][name] for name in data["parts"])
        table.add_row(
            called(answer, "record", row, language),
            called(answer, "owner", row, language),
            moment(row["cell"]["entered_at"])[:10],
            figure(row["value"], "score"),
            band(answer, row, language),
            *(f"{short(part['measured'])} → {short(part['score'])}" for part in parts),
        )
    session.out.print(table)
    session.print("demo: the worst", shown=min(SHOWN_STUCK, len(rows)), total=len(rows), style="dim")


def table_of(*columns: str) -> Table:
    """Begin a table without lines."""
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def called(answer: Visible, dimension: str, row: Mapping[str, Any], language: str) -> str:
    """Return what the value of a dimension is called."""
    value = row["cell"][dimension]
    name = answer.data["names"].get(dimension, {}).get(value)
    return label(name, language, value) if isinstance(name, Mapping) else str(name or value or "–")


def band(answer: Visible, row: Mapping[str, Any], language: str) -> str:
    """Return what the band of a value is called."""
    bands = answer.data["bands"]
    return (
        label(bands[row["band"]]["label"], language, row["band"])
        if row["band"] in bands
        else word("unknown", language)
    )


def length(value: Any, name: str, language: str) -> str:
    """Spell a figure; working time in hours, because a day of it has no length everybody knows."""
    if value is not None and name.startswith("business_"):
        return f"{int(float(value)) // 3_600:,} {word('h', language)}"
    return figure(value, name, language)


def short(value: Any) -> str:
    """A number with one decimal at most; anything else as it is."""
    try:
        return f"{float(value):.1f}".removesuffix(".0")
    except (TypeError, ValueError):
        return "–" if value is None else str(value)
