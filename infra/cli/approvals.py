"""Verbs about approvals: which began under another version, what a migration would make of each, and the migration itself."""

import json as jsonlib
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from consumers.migrating import Moved
from infra.cli.reading import CURSOR, JSON, LIMIT
from infra.cli.render import PlainTable, based_on, label, plain
from infra.cli.session import OPERATOR, Session, session_of
from infra.cli.words import word
from infra.tenant import Tenant
from projections.lens import Visible
from projections.lists import ITEMS, Ask
from projections.migrating import Movable, Which, migrations, movable, told_of, what_moved

approvals = typer.Typer(no_args_is_help=True, help="Approvals that run, and the version they run under.")

_MOST = 1_000_000


@approvals.command("migrate")
def migrate(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show what would become of each.")
    ] = False,
    kind: Annotated[str | None, typer.Option(help="Only of records of this kind.")] = None,
    chain: Annotated[str | None, typer.Option(help="Only of this chain.")] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why; it stands in the log beside each migration.")
    ] = None,
    limit: LIMIT = ITEMS,
    cursor: CURSOR = None,
    json: JSON = False,
) -> None:
    """Move running approvals to the version in force. What was decided counts, and whoever was asked stays asked.

    One after the other; each moves as a whole or stays where it began, and one that is refused stops none of the others.
    `--limit` and `--cursor` are of the dry run; without it all of them move. The exit status is 1 when some were refused.
    """
    session, which = session_of(context), Which(kind, chain)
    with session.tenant() as tenant:
        if dry_run:
            answer = migrations(
                tenant.reads, Ask(cursor=cursor, limit=limit), which, tenant.migrations.preview
            )
            if json:
                typer.echo(answer.json().decode())
            else:
                session.out.print(_would(answer, session.language))
            return
        if cursor is not None:
            raise typer.BadParameter("a cursor is of a dry run: without --dry-run all of them move")
        found = movable(tenant.reads, which, limit=_MOST)
        done = _moved(session, tenant, found, reason)
    if json:
        typer.echo(jsonlib.dumps([_told(moved) for moved in done], ensure_ascii=False))
    else:
        session.out.print(_became(done, session.language))
    if any(moved.refusal is not None for moved in done):
        raise typer.Exit(1)


def _moved(session: Session, tenant: Tenant, found: list[Movable], reason: str | None) -> list[Moved]:
    done: list[Moved] = []
    with session.progress("approvals") as advance:
        advance(0, len(found))
        for moved in tenant.migrations.move(found, actor=OPERATOR, reason=reason):
            done.append(moved)
            advance(len(done), len(found))
    return done


def _would(answer: Visible, language: str) -> RenderableType:
    table = _table(language, "record", "approval", "asked by", "version", "levels", "would become")
    for item in answer.data["items"]:
        names = answer.data["names"]
        table.add_row(
            names.get(item["record"], item["record"]),
            label(item["chain_label"], language, item["chain"]),
            item["requested_by_name"] or item["requested_by"],
            f"{item['began']['number']} → {item['current']['number']}",
            _levels(item["levels"], names),
            _levels(item["would"], names)
            if item["would"] is not None
            else "; ".join(problem["message"] for problem in item["problems"]),
            style=None if item["would"] is not None else "red",
        )
    parts: list[RenderableType] = [table]
    if answer.data["next"] is not None:
        parts.append(plain(f"{word('more', language)}: --cursor {answer.data['next']}"))
    return Group(*parts, based_on(answer.data, language))


def _became(done: list[Moved], language: str) -> RenderableType:
    table = _table(language, "record", "approval", "version", "what became of it")
    for moved in done:
        item = moved.item
        table.add_row(
            item.record,
            item.approval.chain,
            f"{item.approval.number} → {item.current.number}",
            _outcome(moved, language),
            style=None if moved.refusal is None else "red",
        )
    refused = sum(moved.refusal is not None for moved in done)
    counted = f"{len(done) - refused:,} {word('migrated', language)}, {refused:,} {word('refused', language)}"
    return Group(table, plain(counted))


def _outcome(moved: Moved, language: str) -> str:
    if moved.refusal is not None:
        return "; ".join(str(problem["message"]) for problem in told_of(moved.refusal))
    return word("migrated by somebody else" if moved.by_others else "migrated", language)


def _told(moved: Moved) -> dict[str, Any]:
    item = moved.item
    told: dict[str, Any] = {
        "record": item.record,
        "id": item.approval.id,
        "chain": item.approval.chain,
        "began": {"playbook": item.approval.playbook, "number": item.approval.number},
        "moved": moved.event is not None,
        "changes": [],
        "problems": [] if moved.refusal is None else told_of(moved.refusal),
    }
    if moved.event is not None:
        told["became"] = {"playbook": moved.event.playbook, "number": moved.event.number}
        told["changes"] = what_moved(item.approval.levels, moved.levels)
    return told


def _levels(levels: list[dict[str, Any]], names: dict[str, str]) -> str:
    return " →\n".join(f"{level['name']} ({_level(level, names)})" for level in levels)


def _level(level: dict[str, Any], names: dict[str, str]) -> str:
    """Who decides, how many of them have to approve, and within how many hours where there is a limit."""
    people = ", ".join(names.get(person, person) for person in level["approvers"].values())
    within = f"; {level['within_hours']} h" if level.get("within_hours") is not None else ""
    return f"{people}; {level['quorum']}/{len(level['approvers'])}{within}"


def _table(language: str, *columns: str) -> PlainTable:
    table = PlainTable()
    for column in columns:
        table.add_column(word(column, language))
    return table
