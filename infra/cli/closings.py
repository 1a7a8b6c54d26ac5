"""Verbs about closings: close a period of an index, and show what is closed."""

from typing import Annotated

import typer

from commands.caller import Caller
from commands.http.answers import accepted
from infra.cli.measured_tables import figure
from infra.cli.measuring import opened
from infra.cli.reading import JSON
from infra.cli.render import PlainTable
from infra.cli.session import ALL_RIGHTS, OPERATOR, session_of
from infra.cli.words import word
from infra.http.closings import ClosingRequest, close
from projections.closings import closing, closings
from projections.lists import MAX_ITEMS, Ask


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
    with opened(session) as (tenant, measures):
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
    session.print(
        "period closed",
        name=name,
        period=period,
        cells=len(data["cells"]),
        position=data["rests_on"],
        playbook=data["playbook"],
        version=data["playbook_version"],
        digest=data["digest"][:12],
    )


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
        table.add_column(word(column, session.language), overflow="fold")
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
        justify = "right" if column == "value" else "left"
        cells.add_column(word(column, session.language), justify=justify)
    names = answer.data["names"]
    for cell in answer.data["cells"]:
        about = [str(names.get(v, v)) for k, v in cell["cell"].items() if k != "period" and v is not None]
        cells.add_row(
            ", ".join(about) or word("all", session.language),
            figure(cell["value"], "score"),
            cell["band"] or "–",
        )
    session.out.print(cells)
