"""Verbs about reactions: what ran and what failed, and trying again what failed."""

from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from domain.naming import nearest
from domain.reacting.commands import RetryReaction
from domain.refusals import NotFound
from infra.cli.reading import AS_OF, CURSOR, JSON, LIMIT
from infra.cli.render import PlainTable, based_on, label, moment
from infra.cli.session import session_of
from infra.cli.words import word
from infra.tenant import Tenant
from projections import reactions as answers
from projections.as_of import Horizon
from projections.catch_up import CatchUp
from projections.lens import Visible
from projections.lists import ITEMS, Ask
from projections.reactions import Which

reaction_verbs = typer.Typer(
    no_args_is_help=True, help="Look at what happened by itself, and try again what failed."
)


@reaction_verbs.command("list")
def list_reactions(
    context: typer.Context,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only what failed and nobody has tried again.")
    ] = False,
    kind: Annotated[str | None, typer.Option(help="Only of records of this kind.")] = None,
    record: Annotated[str | None, typer.Option(help="Only of this record, as KIND/ID.")] = None,
    reaction: Annotated[str | None, typer.Option(help="Only this one, as the playbook names it.")] = None,
    cause: Annotated[
        int | None, typer.Option(min=1, help="Only what the event at this position set off.")
    ] = None,
    as_of: AS_OF = None,
    cursor: CURSOR = None,
    limit: LIMIT = ITEMS,
    json: JSON = False,
) -> None:
    """List what became of reactions, the newest first, each with the event that set it off."""
    session = session_of(context)
    with session.tenant() as tenant:
        ask = Ask(Horizon.read(as_of), cursor, limit)
        found = answers.reactions(tenant.reads, ask, Which(kind, record, reaction, cause, failed=failed))
    if json:
        typer.echo(found.json().decode())
    else:
        session.out.print(_table(found, session.language))


@reaction_verbs.command("retry")
def retry(
    context: typer.Context,
    record: Annotated[
        str,
        typer.Argument(
            metavar="KIND/ID", help="Of which record: deal/dea_1, or deals/dea_1 as addresses have it."
        ),
    ],
    reaction: Annotated[str, typer.Argument(help="The reaction, as the playbook names it.")],
    cause: Annotated[
        int | None,
        typer.Option(min=1, help="The position of the event that set it off; left out: of the last failure."),
    ] = None,
    json: JSON = False,
) -> None:
    """Try a reaction again that failed, from the step that failed on; what was done before is not done twice."""
    session = session_of(context)
    with session.tenant() as tenant:
        stream = tenant.reads.named(record)
        if cause is None:
            cause = _last_failure(tenant, stream, reaction)
        tenant.bus.submit(session.submission(tenant, RetryReaction(stream, reaction, cause)))
        # Here and now: nobody has to wait for a service that may not run.
        CatchUp(tenant.pool, tenant.log, [tenant.reacting]).run()
        tenant.catch_up.run(processes=False)
        found = answers.reactions(
            tenant.reads, Ask(limit=1), Which(record=stream, reaction=reaction, cause=cause)
        )
    if json:
        typer.echo(found.json().decode())
    else:
        session.out.print(_table(found, session.language))


def _last_failure(tenant: Tenant, stream: str, reaction: str) -> int:
    which = Which(record=stream, reaction=reaction, failed=True)
    items = answers.reactions(tenant.reads, Ask(limit=1), which).data["items"]
    if not items:
        open_ones = answers.reactions(tenant.reads, Ask(), Which(record=stream, failed=True)).data["items"]
        names = [item["reaction"] for item in open_ones]
        raise NotFound("failed reaction to this record", reaction, nearest(reaction, names))
    return int(items[0]["cause"]["position"])


def _table(found: Visible, language: str) -> RenderableType:
    table = PlainTable(
        *(
            word(name, language)
            for name in ("position", "recorded (UTC)", "record", "reaction", "what", "cause", "outcome")
        )
    )
    for item in found.data["items"]:
        cause = item["cause"]
        table.add_row(
            f"{item['position']:,}",
            moment(item["at"]),
            str(found.data["names"].get(item["record"], item["record"])),
            label(item["label"], language, item["reaction"]) if item["label"] else item["reaction"],
            word(item["what"], language),
            f"{cause['topic']} {cause['position']:,}",
            _outcome(item, language),
            style="bold red" if item["what"] == "failed" and item["settled_position"] is None else None,
        )
    told = based_on({name: shown for name, shown in found.data.items() if name != "next"}, language)
    if found.data.get("next"):
        told.append(f" · {word('more', language)}: --cursor {found.data['next']}")
    return Group(table, told)


def _outcome(item: dict[str, Any], language: str) -> str:
    match item["what"]:
        case "failed":
            step = f"{item['step']} {item['does'] or ''}".strip()
            return f"{step}: {item['code']}: {item['message'] or '–'}"
        case "alerted":
            told = ", ".join(who["name"] or who["person"] for who in item["told"])
            text = (item["text"] or {}).get(language, "")
            return f"{told or word('nobody', language)}: {text}"
        case "ran":
            return ", ".join(f"{position:,}" for position in item["positions"]) or "–"
        case _:
            return str(item["by"])
