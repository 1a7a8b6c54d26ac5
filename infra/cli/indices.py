"""Verbs about indices: what they are made of, their values, and the cases their components rest on."""

from typing import Annotated

import typer

from infra.cli.closings import all_closings, close_one
from infra.cli.measured_tables import footing, print_cases, values_table
from infra.cli.measuring import (
    AMONG,
    BY,
    CELL,
    LAST,
    OUT,
    PERIOD,
    PERIODS,
    REPLAY,
    SCHEDULER,
    WHERE,
    asked,
    measures_of,
    one,
    write_table,
)
from infra.cli.reading import AS_OF, CURSOR, JSON, LIMIT
from infra.cli.render import PlainTable, label
from infra.cli.session import session_of
from infra.cli.words import word
from projections.lists import Ask

index = typer.Typer(
    no_args_is_help=True, help="Indices of the playbooks: their values, and what they come from."
)


@index.command("list")
def indices(context: typer.Context, json: JSON = False) -> None:
    """List the indices of the playbooks in force, and what they are made of."""
    session = session_of(context)
    with measures_of(session) as measures:
        answer = measures.indices()
    if json:
        typer.echo(answer.json().decode())
        return
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for name in ("index", "", "kind", "a value for each", "components (weight)"):
        table.add_column(word(name, session.language), overflow="fold")
    for item in answer.data["items"]:
        parts = ", ".join(
            f"{label(spec['label'], session.language, part) if session.language == 'zh' else part} ({spec['weight']})"
            for part, spec in item["parts"].items()
        )
        table.add_row(
            item["index"], label(item["label"], session.language, item["index"]), item["kind"],
            word(item["period"] or "stuck record", session.language), parts,
        )  # fmt: skip
    session.out.print(table)


@index.command("show")
def values(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The index; `dealtrail index list` names them.")],
    by: BY = "",
    period: PERIODS = None,
    last: LAST = None,
    where: WHERE = None,
    as_of: AS_OF = None,
    replay: REPLAY = None,
    scheduler: SCHEDULER = None,
    out: OUT = None,
    json: JSON = False,
) -> None:
    """Show the values of an index by slice and period, each with its components."""
    session = session_of(context)
    periods = () if period is None else period.split(",")
    question = asked(by=by, periods=periods, last=last, where=where, as_of=as_of, replay=replay)
    with measures_of(session, scheduler) as measures:
        if out is not None:
            write_table(session, measures.index_table(name, question), out)
            return
        answer = measures.index(name, question)
    if json:
        typer.echo(answer.json().decode())
        return
    session.out.print(values_table(answer, session.language))
    footing(session, answer)


@index.command("cases")
def behind_component(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The index.")],
    component: Annotated[str, typer.Option(help="The component to open.")],
    cell: CELL = None,
    period: PERIOD = None,
    where: WHERE = None,
    as_of: AS_OF = None,
    replay: REPLAY = None,
    among: AMONG = False,
    cursor: CURSOR = None,
    limit: LIMIT = 50,
    json: JSON = False,
) -> None:
    """List the cases a component of a value rests on."""
    session = session_of(context)
    question = asked(periods=one(period), where=where, as_of=as_of, replay=replay)
    with measures_of(session) as measures:
        page = Ask(question.horizon, cursor, limit)
        answer = measures.index_cases(name, component, cell or [], question, page, among=among)
    print_cases(session, answer, json)


index.command("close")(close_one)
index.command("closings")(all_closings)
