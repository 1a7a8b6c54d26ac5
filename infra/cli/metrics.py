"""Verbs about metrics: their contracts, their numbers, and the cases behind every number."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.table import Table

from infra.cli.measured_tables import footing, pairs_table, print_cases, table_of, went_together
from infra.cli.measuring import (
    AMONG,
    BY,
    CELL,
    KIND,
    OUT,
    PERIOD,
    REPLAY,
    SCHEDULER,
    SET,
    WHERE,
    asked,
    measures_of,
    one,
    write_table,
)
from infra.cli.reading import AS_OF, CURSOR, JSON, LIMIT
from infra.cli.render import PlainTable, label
from infra.cli.sentences import sentence
from infra.cli.session import session_of
from infra.cli.words import word
from projections.lists import Ask
from projections.measured import Beside
from projections.measured_contracts import CLAUSES, contract
from projections.metrics.registry import metric_of

metric = typer.Typer(
    no_args_is_help=True, help="Metrics: their contracts, their numbers, the cases behind them."
)


@metric.command("list")
def contracts(context: typer.Context, json: JSON = False) -> None:
    """List the metrics, each with what it says."""
    session = session_of(context)
    with measures_of(session) as measures:
        answer = measures.contracts()
    if json:
        typer.echo(answer.json().decode())
        return
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for name in ("metric", "", "a case is", "numbers"):
        table.add_column(word(name, session.language), overflow="fold")
    for item in answer.data["items"]:
        unit = metric_of(item["name"]).unit.in_language(session.language)
        numbers = ", ".join(_called(number, session.language) for number in item["numbers"])
        table.add_row(item["name"], label(item["label"], session.language, item["name"]), unit, numbers)
    session.out.print(table)
    session.tell("explain one")


@metric.command("explain")
def explain(
    context: typer.Context, name: Annotated[str, typer.Argument(help="The metric.")], json: JSON = False
) -> None:
    """Show the contract of a metric: what counts as what, the denominator, what is unknown."""
    session = session_of(context)
    with measures_of(session) as measures:
        told = measures.contract(name)
    if json:
        typer.echo(told.json().decode())
        return
    session.out.print(_card(contract(metric_of(told.data["name"]), session.language), session.language))


def _card(data: Mapping[str, Any], language: str) -> Table:
    """Show a contract; its names are those that are typed, in both languages."""
    card = PlainTable.grid(padding=(0, 2))
    card.add_column(style="dim")
    card.add_column(overflow="fold")
    card.add_row(
        word("metric", language),
        f"{data['name']}  v{data['version']}  {label(data['label'], language, data['name'])}",
    )
    for member in CLAUSES:
        card.add_row(word(member, language), data[member])
    card.add_row(word("dimensions", language), ", ".join(data["dimensions"]) or "–")
    for spec in data["parameters"]:
        default = word("none", language) if spec["default"] is None else spec["default"]
        needed = sentence("needed" if spec["required"] else "default", language, default=default)
        card.add_row(f"--set {spec['name']}=…", f"{spec['meaning']} ({needed})")
    for number in data["numbers"]:
        called = label(number["label"], language, number["name"])
        card.add_row(number["name"], f"{called}  ({word(number['is'], language)})")
    return card


def _called(number: Mapping[str, Any], language: str) -> str:
    """Name a number in a list: in Chinese by its label, in English by the name that is typed, which says the same."""
    return label(number["label"], language, number["name"]) if language == "zh" else str(number["name"])


@metric.command("show")
def numbers(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The metric; `dealtrail metric list` names them.")],
    kind: KIND = None,
    by: BY = "",
    period: PERIOD = None,
    where: WHERE = None,
    parameters: SET = None,
    as_of: AS_OF = None,
    replay: REPLAY = None,
    scheduler: SCHEDULER = None,
    out: OUT = None,
    json: JSON = False,
) -> None:
    """Show the numbers of a metric, by any slice."""
    session = session_of(context)
    question = asked(
        kind=kind, by=by, periods=one(period), where=where, parameters=parameters, as_of=as_of, replay=replay
    )
    with measures_of(session, scheduler) as measures:
        if out is not None:
            write_table(session, measures.metric_table(name, question), out)
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
    if shown:
        session.out.print(table_of(answer, dimensions, shown, session.language))
    else:
        session.out.print(word("every number is nothing or unknown here", session.language))
    footing(session, answer)


@metric.command("correlation")
def together(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The metric.")],
    number: Annotated[str, typer.Option(help="The number of the metric.")],
    other: Annotated[str, typer.Option("--with", metavar="METRIC", help="The other metric.")],
    other_number: Annotated[
        str, typer.Option("--with-number", metavar="NUMBER", help="The number of the other metric.")
    ],
    by: BY,
    other_kind: Annotated[
        str | None,
        typer.Option("--with-kind", metavar="KIND", help="The kind of the other metric; else the same one."),
    ] = None,
    kind: KIND = None,
    period: PERIOD = None,
    where: WHERE = None,
    parameters: SET = None,
    other_parameters: Annotated[
        list[str] | None,
        typer.Option("--with-set", metavar="NAME=VALUE", help="A parameter of the other metric."),
    ] = None,
    as_of: AS_OF = None,
    replay: REPLAY = None,
    scheduler: SCHEDULER = None,
    json: JSON = False,
) -> None:
    """Say whether two numbers go together, cell by cell: r, over how many cells, and how sure it is."""
    session = session_of(context)
    question = asked(
        kind=kind, by=by, periods=one(period), where=where, parameters=parameters, as_of=as_of, replay=replay
    )
    beside = Beside(other, other_number, other_kind, asked(parameters=other_parameters).parameters)
    with measures_of(session, scheduler) as measures:
        answer = measures.correlation(name, number, question, beside)
    if json:
        typer.echo(answer.json().decode())
        return
    session.out.print(pairs_table(answer, session.language))
    session.out.print(went_together(answer.data, session.language), style="bold")
    footing(session, answer)


@metric.command("cases")
def behind(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The metric.")],
    number: Annotated[str, typer.Option(help="The number to open.")],
    cell: CELL = None,
    kind: KIND = None,
    period: PERIOD = None,
    where: WHERE = None,
    parameters: SET = None,
    as_of: AS_OF = None,
    replay: REPLAY = None,
    among: AMONG = False,
    cursor: CURSOR = None,
    limit: LIMIT = 50,
    json: JSON = False,
) -> None:
    """List the cases behind a number: as many as it says."""
    session = session_of(context)
    cell = cell or []
    by = ",".join(text.partition("=")[0] for text in cell)
    question = asked(
        kind=kind, by=by, periods=one(period), where=where, parameters=parameters, as_of=as_of, replay=replay
    )
    with measures_of(session) as measures:
        page = Ask(question.horizon, cursor, limit)
        answer = measures.metric_cases(name, number, cell, question, page, among=among)
    print_cases(session, answer, json)
