"""Verbs that read: show, history, timeline, events, board, stuck, organisation difference."""

from enum import StrEnum
from typing import Annotated

import typer

from infra.cli import answers, render
from infra.cli.session import session_of
from projections import people
from projections.as_of import Horizon
from projections.leaving import left_behind
from projections.lens import Visible
from projections.lists import ITEMS, MAX_ITEMS, Ask
from projections.reads import Reads
from projections.stuck import Where
from projections.stuck import stuck as stuck_records
from projections.timeline import timeline as record_timeline

KIND = Annotated[
    str,
    typer.Argument(help="The records, as the playbook names them: opportunity, or opportunities."),
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

COLLECTION = Annotated[
    str, typer.Argument(help="The records, as the playbook names them: opportunities, or opportunity.")
]
CURSOR = Annotated[str | None, typer.Option(help="Where the page before ended.")]
LIMIT = Annotated[int, typer.Option(min=1, max=MAX_ITEMS, help="How many at most.")]

organisation = typer.Typer(no_args_is_help=True, help="People and teams.")


class InOrderOf(StrEnum):
    """What a timeline follows: when things happened, or when they were recorded."""

    business = "business"
    recorded = "recorded"


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
        answer = tenant.reads.record(tenant.reads.kind_called(kind), name, Horizon.read(as_of, effective_at))
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
        horizon = Horizon.read(as_of, effective_at)
        answer = tenant.reads.history(tenant.reads.kind_called(kind), name, horizon, field)
        shown = render.history(answer, session.language, last, people_of(tenant.reads))
        _print(context, answer, json, shown)


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
            stream = tenant.reads.named(record)
        answer = tenant.reads.events(after=after, limit=limit, topic=topic, stream=stream)
        _print(context, answer, json, render.events(answer, session.language, people_of(tenant.reads)))


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
        answer = tenant.reads.board(tenant.reads.kind_called(kind), Horizon.read(as_of, effective_at))
        _print(context, answer, json, render.board(answer, session.language))


def timeline(
    context: typer.Context,
    collection: COLLECTION,
    name: NAME,
    order: Annotated[
        InOrderOf, typer.Option(help="By when things happened, or by when they were recorded.")
    ] = InOrderOf.business,
    as_of: AS_OF = None,
    effective_at: EFFECTIVE_AT = None,
    cursor: CURSOR = None,
    limit: LIMIT = MAX_ITEMS,
    json: JSON = False,
) -> None:
    """Show everything that happened to a record in one order: fields, stages, touches, evidence, refused attempts."""
    session = session_of(context)
    with session.tenant() as tenant:
        ask = Ask(Horizon.read(as_of, effective_at), cursor, limit)
        answer = record_timeline(tenant.reads, tenant.reads.kind_called(collection), name, ask, order.value)
        _print(context, answer, json, answers.timeline(answer, session.language, people_of(tenant.reads)))


def stuck(
    context: typer.Context,
    collection: COLLECTION,
    longer_than_days: Annotated[
        str | None, typer.Option(metavar="DAYS", help="Only what has stood in its stage for longer.")
    ] = None,
    stage: Annotated[list[str] | None, typer.Option(help="Only in this stage; may be repeated.")] = None,
    owner: Annotated[
        list[str] | None, typer.Option(help="Only of this owner (person/…); may be repeated.")
    ] = None,
    team: Annotated[list[str] | None, typer.Option(help="Only of this team; may be repeated.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="Only of this region; may be repeated.")] = None,
    as_of: AS_OF = None,
    cursor: CURSOR = None,
    limit: LIMIT = ITEMS,
    json: JSON = False,
) -> None:
    """Show which open records stand where, for how long, whose they are, and what is missing for the next step."""
    session = session_of(context)
    by = {"stage": stage, "owner": owner, "team": team, "region": region}
    where = Where(longer_than_days, {name: tuple(values) for name, values in by.items() if values})
    with session.tenant() as tenant:
        ask = Ask(Horizon.read(as_of), cursor, limit)
        answer = stuck_records(tenant.reads, tenant.reads.kind_called(collection), ask, where)
        _print(context, answer, json, answers.stuck(answer, session.language, _teams(tenant.reads)))


@organisation.command("difference")
def difference(
    context: typer.Context,
    begin: Annotated[
        str, typer.Option("--from", metavar="POSITION|TIME", help="What was known by then is compared …")
    ],
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="POSITION|TIME", help="… with what was known by then (default: now)."),
    ] = None,
    json: JSON = False,
) -> None:
    """Show who joined, left or moved and which roles came and went between two moments, each with its positions."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant:
        answer = people.difference(
            tenant.reads, Horizon.read(begin, parameter="from"), Horizon.read(end, parameter="to")
        )
        _print(context, answer, json, answers.difference(answer, session.language, people_of(tenant.reads)))


@organisation.command("leaving")
def leaving(
    context: typer.Context,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Who: per_… or person/per_….")],
    limit: LIMIT = ITEMS,
    json: JSON = False,
) -> None:
    """Show what somebody would leave behind: the open records they own, their work, the approvals they have to decide, and who reports to them."""
    session = session_of(context)
    with session.tenant() as tenant:
        answer = left_behind(tenant.reads, person, limit)
        _print(context, answer, json, answers.left_behind(answer, session.language))


def people_of(reads: Reads) -> dict[str, str]:
    """Return what people are called, by their ids; whoever was erased is not among them."""
    lens = reads.lens()
    lens.prepare(())
    called = {person: lens.person(person) for person in reads.organisation().people}
    return {person: name for person, name in called.items() if name is not None}


def _teams(reads: Reads) -> dict[str, str]:
    return {team: about.name for team, about in reads.organisation().teams.items()}


def _print(context: typer.Context, answer: Visible, as_json: bool, rendered: object) -> None:
    session = session_of(context)
    if as_json:
        typer.echo(answer.json().decode())
    else:
        session.out.print(rendered)
