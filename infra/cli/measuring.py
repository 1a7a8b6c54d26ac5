"""Verbs about metrics and indices: what they are, their numbers, and the cases behind every number."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from rich.table import Table

from commands.caller import Caller
from commands.http.answers import accepted
from infra.cli.reading import AS_OF, CURSOR, JSON, LIMIT
from infra.cli.render import PlainTable, label
from infra.cli.session import ALL_RIGHTS, OPERATOR, Session, session_of
from infra.cluster import runner
from infra.http.closings import ClosingRequest, close
from infra.replay_engine import LedgerEngine
from infra.replays import ReplayJobs
from infra.tenant import Tenant
from projections.as_of import Horizon
from projections.closings import closing, closings
from projections.lens import Visible
from projections.lists import MAX_ITEMS, Ask
from projections.measured import Measures, Question
from projections.replay_rows import csv_lines, json_lines

MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")
BRIEF = 24
"""So many characters of a name are shown beside the figures of an index."""

metric = typer.Typer(
    no_args_is_help=True, help="Metrics: their contracts, their numbers, the cases behind them."
)
index = typer.Typer(
    no_args_is_help=True, help="Indices of the playbooks: their values, and what they come from."
)


class Form(StrEnum):
    """How a table is written to a file."""

    csv = "csv"
    json = "json"
    parquet = "parquet"


KIND = Annotated[
    str | None,
    typer.Option(help="The kind of record; needed where several kinds stand in steps."),
]
BY = Annotated[
    str,
    typer.Option(
        metavar="DIMENSIONS",
        help="What to slice by, with commas: owner, team, region, step, stage, path, move, month, quarter, week, field:NAME, or a metric's own.",
    ),
]
PERIOD = Annotated[str | None, typer.Option(help="2026-03, 2026-Q1, 2026-W12, or 2026-03-01..2026-03-08.")]
PERIODS = Annotated[
    str | None, typer.Option("--period", help="Periods of the index, with commas: 2026-02,2026-03.")
]
LAST = Annotated[int | None, typer.Option(help="The last so many periods, the present one included.")]
WHERE = Annotated[
    list[str],
    typer.Option(
        metavar="DIMENSION=VALUE",
        help="Only these slices; several values with commas, none after the sign for none.",
    ),
]
SET = Annotated[
    list[str], typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the metric: from=quoted.")
]
REPLAY = Annotated[str | None, typer.Option(metavar="ID", help="As of that replay, read through its draft.")]
SCHEDULER = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="The scheduler of a Dask cluster that does the work.")
]
OUT = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the table there: .csv, .json or .parquet, with ids for people."),
]
CELL = Annotated[
    list[str], typer.Option(metavar="DIMENSION=VALUE", help="The cell: one value for each dimension.")
]
AMONG = Annotated[bool, typer.Option("--among", help="Of a share, the cases of the whole.")]


@metric.command("list")
def contracts(context: typer.Context, json: JSON = False) -> None:
    """List the metrics, each with what it says."""
    session = session_of(context)
    with _measures(session) as measures:
        answer = measures.contracts()
    if json:
        typer.echo(answer.json().decode())
        return
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for name in ("metric", "", "a case is", "numbers"):
        table.add_column(name, overflow="fold")
    for item in answer.data["items"]:
        numbers = ", ".join(number["name"] for number in item["numbers"])
        table.add_row(
            item["name"], label(item["label"], session.language, item["name"]), item["unit"], numbers
        )
    session.out.print(table)
    session.say("`dealtrail metric explain NAME` shows the whole contract")


@metric.command("explain")
def explain(
    context: typer.Context, name: Annotated[str, typer.Argument(help="The metric.")], json: JSON = False
) -> None:
    """Show the contract of a metric: what counts as what, the denominator, what is unknown."""
    session = session_of(context)
    with _measures(session) as measures:
        told = measures.contract(name)
    if json:
        typer.echo(told.json().decode())
        return
    data = told.data
    card = PlainTable.grid(padding=(0, 2))
    card.add_column(style="dim")
    card.add_column(overflow="fold")
    card.add_row(
        "metric",
        f"{data['name']}  v{data['version']}  {label(data['label'], session.language, data['name'])}",
    )
    for member in ("meaning", "axis", "unit", "running", "team", "calendar", "denominator", "nulls"):
        card.add_row(member, data[member])
    card.add_row("dimensions", ", ".join(data["dimensions"]) or "–")
    for spec in data["parameters"]:
        needed = "needed" if spec["required"] else f"default {spec['default']}"
        card.add_row(f"--set {spec['name']}=…", f"{spec['meaning']} ({needed})")
    for number in data["numbers"]:
        card.add_row(
            number["name"], f"{label(number['label'], session.language, number['name'])}  ({number['is']})"
        )
    session.out.print(card)


@metric.command("show")
def numbers(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The metric; `dealtrail metric list` names them.")],
    kind: KIND = None,
    by: BY = "",
    period: PERIOD = None,
    where: WHERE = [],  # noqa: B006 — typer copies it
    parameters: SET = [],  # noqa: B006
    as_of: AS_OF = None,
    replay: REPLAY = None,
    scheduler: SCHEDULER = None,
    out: OUT = None,
    json: JSON = False,
) -> None:
    """Show the numbers of a metric, by any slice."""
    session = session_of(context)
    question = Question(
        kind, by, () if period is None else (period,), None, tuple(where), _set(parameters), Horizon.read(as_of), replay
    )  # fmt: skip
    with _measures(session, scheduler) as measures:
        if out is not None:
            _write(session, measures.metric_table(name, question), out)
            return
        answer = measures.metric(name, question)
    if json:
        typer.echo(answer.json().decode())
        return
    dimensions = answer.data["by"]
    items = answer.data["items"]
    shown = [
        number
        for number in answer.data["numbers"]
        # What is nothing everywhere, and what a mean was judged on, only widens the table: --json has all of it.
        if any(item.get(number) not in (None, 0, False) for item in items) and not number.endswith("_judged")
    ]
    session.out.print(_table(answer, dimensions, shown, session.language))
    _footing(session, answer)


@metric.command("cases")
def behind(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The metric.")],
    number: Annotated[str, typer.Option(help="The number to open.")],
    cell: CELL = [],  # noqa: B006
    kind: KIND = None,
    period: PERIOD = None,
    where: WHERE = [],  # noqa: B006
    parameters: SET = [],  # noqa: B006
    as_of: AS_OF = None,
    replay: REPLAY = None,
    among: AMONG = False,
    cursor: CURSOR = None,
    limit: LIMIT = 50,
    json: JSON = False,
) -> None:
    """List the cases behind a number: as many as it says."""
    session = session_of(context)
    by = ",".join(text.partition("=")[0] for text in cell)
    question = Question(
        kind, by, () if period is None else (period,), None, tuple(where), _set(parameters), Horizon.read(as_of), replay
    )  # fmt: skip
    with _measures(session) as measures:
        page = Ask(question.horizon, cursor, limit)
        answer = measures.metric_cases(name, number, cell, question, page, among=among)
    _print_cases(session, answer, json)


@index.command("list")
def indices(context: typer.Context, json: JSON = False) -> None:
    """List the indices of the playbooks in force, and what they are made of."""
    session = session_of(context)
    with _measures(session) as measures:
        answer = measures.indices()
    if json:
        typer.echo(answer.json().decode())
        return
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for name in ("index", "", "kind", "a value for each", "components (weight)"):
        table.add_column(name, overflow="fold")
    for item in answer.data["items"]:
        parts = ", ".join(f"{part} ({spec['weight']})" for part, spec in item["parts"].items())
        table.add_row(
            item["index"], label(item["label"], session.language, item["index"]), item["kind"],
            item["period"] or "stuck record", parts,
        )  # fmt: skip
    session.out.print(table)


@index.command("show")
def values(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The index; `dealtrail index list` names them.")],
    by: BY = "",
    period: PERIODS = None,
    last: LAST = None,
    where: WHERE = [],  # noqa: B006
    as_of: AS_OF = None,
    replay: REPLAY = None,
    scheduler: SCHEDULER = None,
    out: OUT = None,
    json: JSON = False,
) -> None:
    """Show the values of an index by slice and period, each with its components."""
    session = session_of(context)
    periods = () if period is None else tuple(period.split(","))
    question = Question(None, by, periods, last, tuple(where), {}, Horizon.read(as_of), replay)
    with _measures(session, scheduler) as measures:
        if out is not None:
            _write(session, measures.index_table(name, question), out)
            return
        answer = measures.index(name, question)
    if json:
        typer.echo(answer.json().decode())
        return
    session.out.print(_values(answer, session.language))
    _footing(session, answer)


@index.command("cases")
def behind_component(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The index.")],
    component: Annotated[str, typer.Option(help="The component to open.")],
    cell: CELL = [],  # noqa: B006
    period: PERIOD = None,
    where: WHERE = [],  # noqa: B006
    as_of: AS_OF = None,
    replay: REPLAY = None,
    among: AMONG = False,
    cursor: CURSOR = None,
    limit: LIMIT = 50,
    json: JSON = False,
) -> None:
    """List the cases a component of a value rests on."""
    session = session_of(context)
    periods = () if period is None else (period,)
    question = Question(None, "", periods, None, tuple(where), {}, Horizon.read(as_of), replay)
    with _measures(session) as measures:
        page = Ask(question.horizon, cursor, limit)
        answer = measures.index_cases(name, component, cell, question, page, among=among)
    _print_cases(session, answer, json)


@index.command("close")
def close_one(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The index.")],
    period: Annotated[str, typer.Argument(help="The period, as the index names it: 2026-03.")],
    position: Annotated[
        int | None,
        typer.Option(min=1, help="The position of the log the result is of; the head of the log by default."),
    ] = None,
    restates: Annotated[
        int | None,
        typer.Option(min=1, metavar="POSITION", help="The closing this one replaces; needs a reason."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; needed to restate.")] = None,
    json: JSON = False,
) -> None:
    """Close a period of an index: the result stands from now on, with the version of its rules."""
    session = session_of(context)
    caller = Caller(session.settings.tenant, "cli", OPERATOR, rights=ALL_RIGHTS)
    with _opened(session) as (tenant, measures):
        asked = ClosingRequest(
            period=period, position=position or tenant.log.head(), restates=restates, reason=reason
        )
        key = f"cli-close-{name}-{period}-{asked.position}-{restates or ''}"
        accepted(close(tenant, measures, caller, name, asked, key=key, channel="cli"))
        answer = closing(tenant.reads, name, period)
    if json:
        typer.echo(answer.json().decode())
        return
    data = answer.data
    session.out.print(
        f"{name} {period} is closed: {len(data['cells']):,} cells as of position {data['rests_on']:,},"
        f" {data['playbook']} v{data['playbook_version']}, sha256 {data['digest'][:12]}…"
    )


@index.command("closings")
def all_closings(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The index.")],
    period: Annotated[str | None, typer.Argument(help="Show what stands for this period.")] = None,
    json: JSON = False,
) -> None:
    """List the closed periods of an index, or show what stands for one and everything that stood before."""
    session = session_of(context)
    with session.tenant() as tenant:
        answer = (
            closings(tenant.reads, name, Ask(limit=MAX_ITEMS))
            if period is None
            else closing(tenant.reads, name, period)
        )
    if json:
        typer.echo(answer.json().decode())
        return
    rows = answer.data["items"] if period is None else answer.data["history"]
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for column in (
        "period",
        "position",
        "closed (UTC)",
        "by",
        "as of position",
        "playbook",
        "replaces",
        "reason",
    ):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(
            row["period"], f"{row['position']:,}", row["recorded_at"][:16].replace("T", " "), row["actor_name"] or row["actor"],
            f"{row['rests_on']:,}", f"{row['playbook']} v{row['playbook_version']}",
            f"{row['restates']:,}" if row["restates"] else "–", row["reason"] or "",
        )  # fmt: skip
    session.out.print(table)
    if period is None:
        return
    cells = PlainTable(box=None, pad_edge=False, header_style="dim")
    for column in ("cell", "value", "band"):
        cells.add_column(column, justify="right" if column == "value" else "left")
    names = answer.data["names"]
    for cell in answer.data["cells"]:
        about = [str(names.get(v, v)) for k, v in cell["cell"].items() if k != "period" and v is not None]
        cells.add_row(", ".join(about) or "all", figure(cell["value"], "score"), cell["band"] or "–")
    session.out.print(cells)


@contextmanager
def _measures(session: Session, scheduler: str | None = None) -> Iterator[Measures]:
    with _opened(session, scheduler) as (_, measures):
        yield measures


@contextmanager
def _opened(session: Session, scheduler: str | None = None) -> Iterator[tuple[Tenant, Measures]]:
    """Open the tenant and what measures it; the ledger is brought near enough to the log for the rest to be read from there."""
    with (
        session.tenant() as tenant,
        runner(scheduler) as run,
        contextlib.closing(ReplayJobs(tenant, session.settings, LedgerEngine())) as replays,
    ):
        yield tenant, Measures(tenant.reads, replays.view, replays, run)


def _set(parameters: Iterable[str]) -> dict[str, str]:
    found = {}
    for text in parameters:
        name, sign, value = text.partition("=")
        if not sign:
            raise typer.BadParameter(f"--set takes NAME=VALUE, not {text!r}")
        found[name] = value
    return found


def _write(session: Session, rows: pl.DataFrame, out: Path) -> None:
    if out.exists():
        raise typer.BadParameter(f"{out} is there already; nothing is written over")
    match out.suffix:
        case ".parquet":
            rows.write_parquet(out)
        case ".csv":
            out.write_bytes(b"".join(csv_lines(rows.lazy())))
        case ".json":
            out.write_bytes(b"".join(json_lines(rows.lazy())))
        case _:
            raise typer.BadParameter(f"name a file that ends in {', '.join(f'.{form}' for form in Form)}")
    session.out.print(f"{out}: {rows.height:,} rows", markup=False)


def _called(answer: Visible, dimension: str, value: Any, language: str) -> str:
    if value is None:
        return "–"
    name = answer.data["names"].get(dimension, {}).get(str(value))
    return label(name, language, str(value)) if isinstance(name, Mapping) else str(name or value)


def _table(answer: Visible, dimensions: Sequence[str], shown: Sequence[str], language: str) -> Table:
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for name in dimensions:
        table.add_column(name)
    for name in shown:
        table.add_column(heading(name), justify="right")
    for item in answer.data["items"]:
        called = [_called(answer, name, item["cell"][name], language) for name in dimensions]
        table.add_row(*called, *(figure(item.get(name), name) for name in shown))
    return table


def _values(answer: Visible, language: str) -> Table:
    parts = answer.data["parts"]
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    about = [name for name in (answer.data["items"] or [{"cell": {}}])[0]["cell"] if name != "position"]
    for name in about:
        table.add_column(name)
    table.add_column(label(answer.data["label"], language, answer.data["index"]), justify="right")
    table.add_column("band")
    for part, spec in parts.items():
        table.add_column(f"{label(spec['label'], language, part)} (judged)", justify="right", overflow="fold")
    for item in answer.data["items"]:
        band = item["band"] and label(answer.data["bands"][item["band"]]["label"], language, item["band"])
        notes = [band or "–", *(["broken"] if item["broken"] else []), *([f"capped: {item['capped_by']}"] if item["capped_by"] else [])]  # fmt: skip
        scores = [
            f"{figure(item['components'][part]['score'], 'score')} ({item['components'][part]['judged']:,})"
            for part in parts
        ]
        called = [_brief(_called(answer, name, item["cell"][name], language)) for name in about]
        table.add_row(*called, figure(item["value"], "score"), ", ".join(notes), *scores)
    return table


def _brief(text: str) -> str:
    if MOMENT.match(text):
        return text[:16].replace("T", " ")
    return text if len(text) <= BRIEF else f"{text[: BRIEF - 1]}…"


def _print_cases(session: Session, answer: Visible, json: bool) -> None:
    if json:
        typer.echo(answer.json().decode())
        return
    items = answer.data["items"]
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    about = [name for name in ("position", "moment") if items and name in items[0]]
    hidden = {"kind", "record", "record_name", "path", *about}
    columns = [
        name
        for name in (items[0] if items else {})
        if name not in hidden
        and any(item[name] is not None and not isinstance(item[name], bool) for item in items)
    ]
    table.add_column("record", no_wrap=True)
    for name in (*about, *columns):
        table.add_column(heading(name), justify="right" if name == "position" else "left")
    table.add_column("counts as")
    for item in items:
        flags = ", ".join(name for name, value in item.items() if value is True)
        told = (_cell(name, item[name], answer) for name in (*about, *columns))
        table.add_row(item["record_name"] or item["record"], *told, flags)
    session.out.print(table)
    session.out.print(f"{len(items):,} of {answer.data['total']:,} cases", style="bold")
    if answer.data["next"]:
        session.say(f"more with --cursor {answer.data['next']}")
    _footing(session, answer)


def _cell(name: str, value: Any, answer: Visible) -> str:
    if value is None:
        return "–"
    if isinstance(value, int):
        return span(value) if name.endswith("seconds") else f"{value:,}"
    text = str(answer.data.get("names", {}).get(value, value))
    return text[:16].replace("T", " ") if MOMENT.match(text) else text


def figure(value: Any, name: str) -> str:
    """Spell a figure for people: seconds as days, hours and minutes, percentages and scores with one decimal; unknown is a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.startswith("business_") and name.endswith("seconds"):
        return f"{int(float(value)) // 3_600:,} working h"
    if name.endswith("seconds"):
        return span(int(float(value)))
    if name.endswith("_minor"):
        return f"{int(value):,}"
    if isinstance(value, str):
        text = f"{float(value):,.1f}"
        return f"{text} %" if name.endswith("percent") else text
    return f"{value:,}"


def heading(number: str) -> str:
    """Name a number above its column; lengths of time and percentages carry their unit in each figure."""
    return number.removesuffix("_seconds").removesuffix("_percent").replace("_", " ")


def span(seconds: int) -> str:
    """Spell a length of time by its two largest units."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes = rest // 60
    if days:
        return f"{days:,} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest % 60} s"


def _footing(session: Session, answer: Visible) -> None:
    data = answer.data
    version = f" v{data['playbook_version']}" if data["playbook_version"] else " (the draft of the replay)"
    session.out.print(
        f"[dim]as of position {data['as_of_position']:,}, {data['now'][:16].replace('T', ' ')} UTC, read through {data['playbook']}{version}[/dim]"
    )
