"""Verbs that check and prepare: verify, witness, db."""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Annotated

import typer
from rich.text import Text

from infra import database
from infra.cli.render import plain
from infra.cli.sentences import sentence
from infra.cli.session import Session, session_of
from infra.cli.verify_reasons import reason_in
from infra.log.verify import Verdict, Witness, WitnessRefused
from infra.log.verify import verify as walk
from infra.tenant import Tenant

db = typer.Typer(no_args_is_help=True, help="Prepare a PostgreSQL server of your own.")
WITNESS = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Compare with a witness kept on another host.")
]


def verify(
    context: typer.Context,
    witness: WITNESS = None,
    since: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Check only what came after this witness.")
    ] = None,
    write_witness: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the head as a witness; keep it on another host."),
    ] = None,
) -> None:
    """Walk the chain of hashes and name the first position that is not what it was."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant:
        verdict = _walk(session, tenant, read_witness(witness), read_witness(since))
    compared = witness is not None or since is not None
    session.out.print(describe(verdict, session.language, compared=compared))
    if write_witness is not None and verdict.head is not None:
        _write(write_witness, verdict.head)
        session.tell("witness written", position=verdict.head.position, file=write_witness)
    if not verdict.holds:
        raise typer.Exit(1)


def _walk(session: Session, tenant: Tenant, witness: Witness | None, since: Witness | None) -> Verdict:
    with session.progress("verify") as advance:
        return walk(tenant.url, witness=witness, since=since, progress=advance)


def _write(file: Path, witness: Witness) -> None:
    try:
        file.write_text(json.dumps(witness.to_json()) + "\n", "utf-8")
    except OSError as error:
        raise WitnessRefused(f"{file} cannot be written: {error.strerror}") from None


def describe(verdict: Verdict, language: str, *, compared: bool) -> Text:
    """Say in one sentence what a verdict means."""
    if not verdict.holds:
        reason = reason_in(verdict.reason or "", language)
        wrong = sentence("not right", language, position=verdict.first_bad_position, reason=reason)
        before = sentence("hold before", language, events=verdict.events)
        return Text.assemble((plain(wrong).plain, "red"), "\n", before)
    assert verdict.head is not None
    said = sentence(
        "holds",
        language,
        events=verdict.events,
        tenant=verdict.tenant,
        clock=sentence(f"{verdict.clock} clock", language),
        head=verdict.head.hash.hex()[:16],
        tail="" if compared else sentence("tail unproven", language),
    )
    return plain(said)


def read_witness(file: Path | None) -> Witness | None:
    """Read a witness file. Raises WitnessRefused."""
    if file is None:
        return None
    try:
        return Witness.from_json(json.loads(file.read_text("utf-8")))
    except OSError as error:
        raise WitnessRefused(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, AttributeError, TypeError) as error:
        if isinstance(error, WitnessRefused):
            raise
        raise WitnessRefused(f"{file} is not a witness: {error}") from None


ADMIN_URL = Annotated[
    str,
    typer.Option(
        envvar="DEALTRAIL_ADMIN_DATABASE_URL", help="URL of the database, as an administrator of the server."
    ),
]


@db.command("init")
def init(
    context: typer.Context,
    admin_url: ADMIN_URL,
    clock: Annotated[
        str, typer.Option(help="database, or simulated (for demos and tests); it can never be changed.")
    ] = "database",
    told_time: Annotated[
        datetime | None, typer.Option(help="The first moment of a simulated log, in UTC.")
    ] = None,
) -> None:
    """Make the roles, bring the schema up to date and begin the log; print the DATABASE_URL to use."""
    session = session_of(context)
    if clock not in ("database", "simulated"):
        raise typer.BadParameter("the clock is 'database' or 'simulated'")
    if clock == "simulated" and told_time is None:
        raise typer.BadParameter("a simulated log needs --told-time, its first moment")
    known = database.has_log(admin_url)
    password = None if known else secrets.token_urlsafe(24)
    applied = database.migrate(admin_url, password=password)
    session.tell("steps applied" if applied else "schema up to date", steps=", ".join(applied))
    if password is None:
        session.print("log is there")
        return
    url = database.application_url(admin_url, password)
    Tenant(
        url,
        session.settings.tenant,
        clock="simulated" if clock == "simulated" else "database",
        told_time=None if told_time is None else told_time.replace(tzinfo=UTC),
    ).close()
    session.print("log has begun", style="bold")
    typer.echo(f"DATABASE_URL={url}")


@db.command("url")
def url(context: typer.Context) -> None:
    """Print the URL the log is read at and wait; while this runs other programs can use it. Ctrl-C stops."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant:
        typer.echo(tenant.url)
        session.tell("keeps running")
        Event().wait()


@db.command("sql")
def sql(
    database_name: Annotated[str, typer.Argument(metavar="DATABASE", help="The name of the database.")],
) -> None:
    """Print the SQL that prepares a database, for servers where only an administrator may run it."""
    typer.echo(database.database_sql(database_name, "choose-a-password"))
