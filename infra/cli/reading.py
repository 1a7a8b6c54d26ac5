"""Verbs that read: show, history, events, board."""

from typing import Annotated

import typer

from infra.cli import render
from infra.cli.session import session_of
from projections.as_of import Horizon
from projections.lens import Visible

KIND = Annotated[
    str, typer.Argument(help="The kind of record, as the playbook names it: opportunity, customer …")
]
NAME = Annotated[
    str,
    typer.Argument(metavar="ID", help="The id of the record, or the id it had where it was imported from."),
]
AS_OF = Annotated[
    str | None,
    typer.Option(
        metavar="POSITION|TIME",
        help="What was known then: a position of the log, a date (its end, UTC), or a moment with offset.",
    ),
]
EFFECTIVE_AT = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Business time: only what had happened by then, among what was known."),
]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON, the same as the HTTP answer.")]


def show(
    context: typer.Context,
    kind: KIND,
    name: NAME,
    as_of: AS_OF = None,
    effective_at: EFFECTIVE_AT = None,
    json: JSON = False,
) -> None:
    """Show a record as it is, or as it was at any moment."""
    session = session_of(context)
    with session.tenant() as tenant:
        answer = tenant.reads.record(kind, name, Horizon.read(as_of, effective_at))
        _print(context, answer, json, render.record(answer, session.language))


def history(
    context: typer.Context,
    kind: KIND,
    name: NAME,
    field: Annotated[str | None, typer.Option(help="Only this field (or: stage, owner).")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="Print only the last changes.")] = None,
    as_of: AS_OF = None,
    effective_at: EFFECTIVE_AT = None,
    json: JSON = False,
) -> None:
    """Show every change of a record: who, when, old, new, why, under which rules."""
    session = session_of(context)
    with session.tenant() as tenant:
        answer = tenant.reads.history(kind, name, Horizon.read(as_of, effective_at), field)
        _print(context, answer, json, render.history(answer, session.language, last))


def events(
    context: typer.Context,
    after: Annotated[int, typer.Option(min=0, help="Only events after this position.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many events at most.")] = 50,
    topic: Annotated[
        str | None,
        typer.Option(
            help="Only this topic, or all that begin with this word: record.stage-changed.v1, organisation."
        ),
    ] = None,
    record: Annotated[str | None, typer.Option(metavar="KIND/ID", help="Only events of this record.")] = None,
    stream: Annotated[
        str | None, typer.Option(help="Only events of this stream: organisation, playbooks, log …")
    ] = None,
    json: JSON = False,
) -> None:
    """Show the events of the log, with who, when and under which rules."""
    session = session_of(context)
    with session.tenant() as tenant:
        if record is not None:
            kind, _, name = record.partition("/")
            stream = tenant.reads.find(kind, name)
        answer = tenant.reads.events(after=after, limit=limit, topic=topic, stream=stream)
        _print(context, answer, json, render.events(answer, session.language))


def board(
    context: typer.Context,
    kind: KIND,
    as_of: AS_OF = None,
    effective_at: EFFECTIVE_AT = None,
    json: JSON = False,
) -> None:
    """Show how many records stand in each stage and what they are worth, now or at any moment."""
    session = session_of(context)
    with session.tenant() as tenant:
        answer = tenant.reads.board(kind, Horizon.read(as_of, effective_at))
        _print(context, answer, json, render.board(answer, session.language))


def _print(context: typer.Context, answer: Visible, as_json: bool, rendered: object) -> None:
    session = session_of(context)
    if as_json:
        typer.echo(answer.json().decode())
    else:
        session.out.print(rendered)
