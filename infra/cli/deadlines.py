"""Verbs about deadlines: which run and which are overdue, who was told, and the clock in a process of its own."""

import signal
from datetime import datetime
from threading import Event
from typing import Annotated, Any

import typer
from rich.text import Text

from domain.deadlines.limits import named_in
from domain.naming import drafts_stream
from domain.playbook import catalogue
from domain.playbook.commands import PublishDraft, PublishPlaybook
from infra.cli.reading import JSON
from infra.cli.render import PlainTable, moment
from infra.cli.session import Session, session_of
from infra.cli.words import word
from infra.deadline_clock import keeping_timers, let_time_pass, noticing
from infra.tenant import Tenant
from projections.deadline_answers import Asked, deadlines, escalations
from projections.lens import Visible
from projections.timer_forecast import Forecast, forecast

deadline_verbs = typer.Typer(no_args_is_help=True, help="Look at deadlines, and notice those that are due.")
KIND = Annotated[str | None, typer.Option(help="Only about records of this kind.")]
RECORD = Annotated[str | None, typer.Option(help="Only about this record, as KIND/ID.")]
LIMIT = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]


@deadline_verbs.command("list")
def list_deadlines(
    context: typer.Context,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that were due.")] = False,
    kind: KIND = None,
    record: RECORD = None,
    limit: LIMIT = 50,
    json: JSON = False,
) -> None:
    """List the deadlines that run, what is due first in front."""
    session = session_of(context)
    with session.tenant() as tenant:
        found = deadlines(tenant.reads, Asked(kind, record, overdue=overdue, limit=limit))
    if json:
        typer.echo(found.json().decode())
        return
    table = _table(session, "record", "deadline", "due (UTC)", "state", "told up to rung")
    for item in _items(found):
        table.add_row(
            _record(found, item),
            _label(session, item),
            "–" if item["due_at"] is None else moment(item["due_at"]),
            Text(word(item["state"], session.language), style="red" if item["state"] == "overdue" else ""),
            "–" if item["told_rung"] is None else str(item["told_rung"]),
        )
    session.out.print(table)
    session.tell("in all", count=found.data["total"], position=found.data["as_of_position"])


@deadline_verbs.command("told")
def told(
    context: typer.Context,
    person: Annotated[str | None, typer.Option(help="Only what this person was told.")] = None,
    kind: KIND = None,
    record: RECORD = None,
    unacknowledged: Annotated[
        bool, typer.Option("--unacknowledged", help="Only what somebody has not acknowledged.")
    ] = False,
    limit: LIMIT = 50,
    json: JSON = False,
) -> None:
    """List who was told of which deadline, when, at which rung, and who acknowledged it."""
    session = session_of(context)
    asked = Asked(kind, record, person=person, unacknowledged=unacknowledged, limit=limit)
    with session.tenant() as tenant:
        found = escalations(tenant.reads, asked)
    if json:
        typer.echo(found.json().decode())
        return
    session.out.print(told_table(found, session))
    session.tell("in all", count=found.data["total"], position=found.data["as_of_position"])


@deadline_verbs.command("run")
def run(
    context: typer.Context,
    workers: Annotated[int, typer.Option(min=1, max=16, help="How many threads notice what is due.")] = 1,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"],
            metavar="MOMENT",
            help="Of a simulated log: let its time go by up to this moment, then end.",
        ),
    ] = None,
) -> None:
    """Notice deadlines as they become due, until it is stopped; any number of processes may. `dealtrail serve` does this as well."""
    session = session_of(context)
    with session.tenant() as tenant:
        if tenant.log.is_simulated:
            if until is None:
                raise typer.BadParameter("time does not go by itself in a simulated log: say --until MOMENT")
            done = let_time_pass(tenant, until)
            session.print("noticed up to", count=done.told, moment=until.isoformat())
            return
        if until is not None:
            raise typer.BadParameter("this log has the clock of its database; --until is for simulated ones")
        stopped = Event()
        for wanted in (signal.SIGINT, signal.SIGTERM):
            signal.signal(wanted, lambda *_: stopped.set())
        with keeping_timers(tenant), noticing(tenant, workers):
            session.tell("noticing", workers=workers)
            stopped.wait()


def told_table(found: Visible, session: Session) -> PlainTable:
    """Show who was told of which deadline, when it was due and when that was noticed, one a line; ✓ stands behind whoever said that they know.

    Rung 0 is the warning before it is due.
    """
    table = _table(session, "noticed (UTC)", "record", "deadline", "due (UTC)", "rung", "told")
    for item in _items(found):
        people = ", ".join(
            f"{who['name'] or who['person']}{' ✓' if who['acknowledged_at'] else ''}" for who in item["told"]
        )
        table.add_row(
            moment(item["noticed_at"]),
            _record(found, item),
            _label(session, item),
            moment(item["due_at"]),
            str(item["rung"]),
            people or word("nobody", session.language),
        )
    return table


def what_would_be_late(tenant: Tenant, command: PublishPlaybook | PublishDraft) -> Forecast | None:
    """Count the deadlines a version would arm, and those that would fire at once; of a playbook without deadlines there is nothing to say."""
    if isinstance(command, PublishPlaybook):
        playbook = command.playbook
    else:
        kept = catalogue.fold_drafts(None, tenant.log.stream(drafts_stream(command.name))).drafts
        if command.draft not in kept:
            return None  # publishing says so
        playbook = kept[command.draft]
    if not any(named_in(kind) for kind in playbook.document.kinds.values()):
        return None
    return forecast(tenant.reads, playbook, scope=command.scope, effective_from=command.effective_from)


def say_what_would_be_late(session: Session, found: Forecast | None) -> None:
    """Show what was counted before a version was in force."""
    if found is None:
        return
    session.print("deadlines would run", armed=found.armed, at_once=found.at_once)
    for kind, deadline, armed, at_once in found.by_deadline:
        session.print("deadline would run", kind=kind, deadline=deadline, armed=armed, at_once=at_once)


def _table(session: Session, *columns: str) -> PlainTable:
    return PlainTable(*(word(column, session.language) for column in columns))


def _items(found: Visible) -> list[dict[str, Any]]:
    return [item.data if isinstance(item, Visible) else item for item in found.data["items"]]


def _record(found: Visible, item: dict[str, Any]) -> str:
    return str(found.data["names"].get(item["record"], item["record"]))


def _label(session: Session, item: dict[str, Any]) -> str:
    label = item["label"]
    return str(
        item["deadline"] if label is None else label[session.language if session.language in label else "en"]
    )
