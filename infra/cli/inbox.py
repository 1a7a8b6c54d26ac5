"""Verbs about what people are told: somebody's inbox, and the messages that leave it."""

import signal
from threading import Event
from typing import Annotated

import typer

from consumers.telling.words import REASONS, happened
from infra.cli.reading import JSON
from infra.cli.render import PlainTable
from infra.cli.session import session_of
from infra.cli.words import word
from infra.follower import following
from infra.telling import telling
from projections import deliveries as answers
from projections.inbox import inbox as inbox_of
from projections.lists import Ask

delivery_verbs = typer.Typer(
    no_args_is_help=True, help="Look at messages that leave the inbox, and send them."
)
LIMIT = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]
CURSOR = Annotated[str | None, typer.Option(help="Where the page before ended.")]


def inbox(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="Whose, by their id.")],
    unread: Annotated[bool, typer.Option("--unread", help="Only what was not read.")] = False,
    limit: LIMIT = 50,
    cursor: CURSOR = None,
    json: JSON = False,
) -> None:
    """Show what somebody was told of, the newest first."""
    session = session_of(context)
    with session.tenant() as tenant:
        found = inbox_of(tenant.reads, person, Ask(cursor=cursor, limit=limit), True if unread else None)
    if json:
        typer.echo(found.json().decode())
        return
    language = "zh" if session.language == "zh" else "en"
    table = PlainTable(
        *(word(name, language) for name in ("recorded (UTC)", "what", "record", "why", "read"))
    )
    for item in found.data["items"]:
        table.add_row(
            item["at"][:19],
            item["text"][language] if item["text"] else happened(item["topic"], item["concerns"], language),
            str(found.data["names"].get(item["record"], item["record"] or "")),
            REASONS[item["reason"]][language],
            "" if item["read_at"] is None else item["read_at"][:19],
        )
    session.out.print(table)
    count = f"{found.data['unread']:,} {word('unread', language)}"
    session.say(f"{count} · {word('based on position', language)} {found.data['as_of_position']:,}")


@delivery_verbs.command("list")
def list_deliveries(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only these: waiting, sent or dead.")] = None,
    person: Annotated[str | None, typer.Option(help="Only to this person, as person/ID.")] = None,
    limit: LIMIT = 50,
    cursor: CURSOR = None,
    json: JSON = False,
) -> None:
    """List messages, the newest first: to whom, by which channel, how often they were tried, and what went wrong."""
    session = session_of(context)
    with session.tenant() as tenant:
        found = answers.deliveries(tenant.reads, Ask(cursor=cursor, limit=limit), status, person)
    if json:
        typer.echo(found.json().decode())
        return
    table = PlainTable(
        *(
            word(name, session.language)
            for name in ("delivery", "who", "channel", "target", "status", "attempts", "error")
        )
    )
    for item in found.data["items"]:
        table.add_row(
            item["id"],
            item["person_name"] or item["person"],
            item["channel"],
            item["target"],
            word(item["status"], session.language),
            str(item["attempts"]),
            item["error"] or "",
        )
    session.out.print(table)


@delivery_verbs.command("show")
def show(
    context: typer.Context,
    delivery: Annotated[str, typer.Argument(help="The id of the message.")],
    json: JSON = False,
) -> None:
    """Show one message, with every attempt to send it."""
    session = session_of(context)
    with session.tenant() as tenant:
        found = answers.delivery(tenant.reads, delivery)
    if json:
        typer.echo(found.json().decode())
        return
    told = found.data
    status = word(told["status"], session.language)
    session.out.print(f"{told['id']} · {told['channel']} → {told['target']} · {status}", markup=False)
    for attempt in told["tries"]:
        session.out.print(
            f"{attempt['at'][:19].replace('T', ' ')} UTC  {attempt['error'] or '✓'}", markup=False
        )


@delivery_verbs.command("retry")
def retry(
    context: typer.Context,
    delivery: Annotated[
        str | None, typer.Argument(help="The id of one dead letter; without it, all.")
    ] = None,
) -> None:
    """Try dead letters again, from the beginning."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant, tenant.pool.connection() as connection:
        count = answers.retry(connection, delivery)
    session.out.print(f"{count:,} {word('messages are tried again', session.language)}")


@delivery_verbs.command("run")
def run(
    context: typer.Context,
    workers: Annotated[int, typer.Option(min=1, max=16, help="How many threads send.")] = 1,
) -> None:
    """Send messages as they become due, until it is stopped; any number of processes may. `dealtrail serve` does this as well."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant:
        if tenant.log.is_simulated:
            raise typer.BadParameter("of a simulated log nothing is sent: what happens there concerns nobody")
        stopped = Event()
        for wanted in (signal.SIGINT, signal.SIGTERM):
            signal.signal(wanted, lambda *_: stopped.set())
        with following(tenant), telling(tenant, session.settings, workers):
            session.tell("sending", workers=workers)
            stopped.wait()
