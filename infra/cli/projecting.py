"""Verbs about projections: how far each is and what it keeps aside, and trying that again."""

import json as jsonlib
from typing import Annotated, Any

import typer

from infra.cli.reading import JSON
from infra.cli.render import PlainTable
from infra.cli.session import session_of
from infra.cli.words import word
from projections.standing import Standing

projections = typer.Typer(
    no_args_is_help=True, help="Look at what is derived from the log, and retry what failed."
)
NAME = Annotated[str | None, typer.Argument(help="Only this projection.")]


@projections.command("status")
def status(context: typer.Context, json: JSON = False) -> None:
    """Show how far each projection is, who keeps it up with the log, and what it keeps aside."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant:
        found = tenant.catch_up.status()
    if json:
        typer.echo(jsonlib.dumps([standing.to_json() for standing in found], ensure_ascii=False))
        return
    session.out.print(_table(found, session.language))
    for standing in found:
        if standing.why is not None:
            session.out.print(f"{standing.name}: {standing.why}", markup=False)
    if any(standing.parked_streams for standing in found):
        session.tell("parked are missing")


@projections.command("retry")
def retry(context: typer.Context, name: NAME = None, json: JSON = False) -> None:
    """Let stopped projections go on, and try parked records again, each in the order of its events."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant:
        done = tenant.catch_up.retry(name)
        with session.progress("projections") as advance:
            tenant.catch_up.run(advance)
        stopped = {
            standing.name: standing for standing in tenant.catch_up.status() if standing.state == "stopped"
        }
    if json:
        rows = [
            {
                "name": retried.projection,
                "drained_streams": retried.streams_drained,
                "parked_streams": retried.streams_still_parked,
                "restarted": retried.restarted,
                "stopped_why": stopped[retried.projection].why if retried.projection in stopped else None,
            }
            for retried in done
        ]
        typer.echo(jsonlib.dumps(rows, ensure_ascii=False))
    else:
        for retried in done:
            again = stopped.get(retried.projection)
            went_on = ""
            if again or retried.restarted:
                went_on = session.sentence("stopped again" if again else "goes on", why=again and again.why)
            session.print(
                "retried",
                name=retried.projection,
                drained=retried.streams_drained,
                parked=retried.streams_still_parked,
                went_on=went_on,
            )
    if stopped or any(retried.streams_still_parked for retried in done):
        raise typer.Exit(1)


def _table(found: list[Standing], language: str) -> PlainTable:
    table = PlainTable()
    for name, justify in (
        ("projection", "left"), ("type", "left"), ("version", "right"), ("state", "left"), ("position", "right"),
        ("events behind", "right"), ("seconds behind", "right"), ("parked records", "right"), ("parked events", "right"), ("led by", "left"),
    ):  # fmt: skip
        # Names are what a retry is told, so they are never cut.
        table.add_column(word(name, language), justify=justify, no_wrap=name == "projection")
    for standing in found:
        live = standing.live_version
        version = str(live or "–") if live in (None, standing.version) else f"{live} → {standing.version}"
        table.add_row(
            standing.name,
            word(standing.type, language),
            version,
            word(standing.state, language),
            _figure(standing.position),
            _figure(standing.events_behind),
            "–" if standing.seconds_behind is None else f"{standing.seconds_behind:,.1f}",
            _figure(standing.parked_streams),
            _figure(standing.parked_events),
            (standing.leader_application or "–").split()[-1],
        )
    return table


def _figure(number: Any) -> str:
    return "–" if number is None else f"{number:,}"
