"""Verbs about pools: which there are, why a record went to whom it went, and who waits."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from infra.cli.reading import AS_OF, CURSOR, JSON, LIMIT
from infra.cli.render import PlainTable, based_on, label, moment, plain
from infra.cli.session import session_of
from infra.cli.words import word
from projections import pools as answers
from projections.as_of import Horizon
from projections.lens import Visible
from projections.lists import ITEMS, Ask
from projections.pools import Which

pool = typer.Typer(no_args_is_help=True, help="Records without an owner: who gets which one, and why.")

RECORD = Annotated[
    str,
    typer.Argument(metavar="KIND/ID", help="Which record: lead/lea_1, or leads/lea_1 as addresses have it."),
]
POOL = Annotated[str, typer.Argument(help="The pool, as the playbook names it.")]


@pool.command("list")
def list_pools(context: typer.Context, as_of: AS_OF = None, json: JSON = False) -> None:
    """Show the pools, their rules in order, how many each person got, and for how many nobody was found."""
    session = session_of(context)
    with session.tenant() as tenant:
        answer = answers.pools(tenant.reads, Horizon.read(as_of))
        _print(context, answer, json, _pools(answer, session.language))


@pool.command("explain")
def explain(context: typer.Context, record: RECORD, as_of: AS_OF = None, json: JSON = False) -> None:
    """Show why a record went to whom it went: every candidate, and why they were chosen or passed over."""
    session = session_of(context)
    with session.tenant() as tenant:
        stream = tenant.reads.named(record)
        ask = Ask(Horizon.read(as_of))
        answer = answers.assignments(tenant.reads, ask, Which(record=stream))
        _print(context, answer, json, explained(answer, session.language))


@pool.command("waiting")
def waiting(
    context: typer.Context, name: POOL, limit: LIMIT = ITEMS, cursor: CURSOR = None, json: JSON = False
) -> None:
    """Show the records of a pool that nobody owns, longest first."""
    session = session_of(context)
    with session.tenant() as tenant:
        answer = answers.waiting(tenant.reads, name, Ask(cursor=cursor, limit=limit))
        _print(context, answer, json, _waiting(answer, session.language))


def _pools(visible: Visible, language: str) -> RenderableType:
    table = _table(language, "pool", "records", "rule", "got", "nobody found")
    for item in visible.data["items"]:
        rules = [label(rule["label"], language, rule["name"]) for rule in item["rules"]]
        got = [f"{who['name'] or who['person']}: {who['records']}" for who in item["assigned"]]
        table.add_row(
            label(item["label"], language, item["id"]),
            item["kind"],
            "\n".join(f"{index}. {text}" for index, text in enumerate(rules, 1)) or "–",
            "\n".join(got) or "–",
            str(item["nobody_found"]),
        )
    return Group(table, based_on(visible.data, language))


def explained(visible: Visible, language: str) -> RenderableType:
    """Show decisions of pools with everybody who was judged."""
    parts: list[RenderableType] = []
    for item in visible.data["items"]:
        told = item["name"] or item["person"] or word("nobody", language)
        what = word(item["what"], language)
        rule = item.get("rule") or (word("fallback", language) if item.get("fallback") else "–")
        parts.append(
            plain(
                f"{moment(item['recorded_at'])} UTC  {item['pool']}  {what}: {told}  ({rule}, {item['position']:,})"
            )
        )
        if item.get("candidates"):
            table = _table(language, "rule", "who", "outcome", "judged by")
            for candidate in item["candidates"]:
                table.add_row(
                    str(candidate.get("rule") or word("fallback", language)),
                    str(candidate["name"] or candidate["person"]),
                    word(str(candidate["why"]), language),
                    _numbers(candidate, language),
                    style="bold" if candidate["why"] == "chosen" else None,
                )
            parts.append(table)
    return Group(*parts, based_on(visible.data, language))


def _numbers(candidate: Mapping[str, Any], language: str) -> str:
    told = [
        f"{word(member, language)} {candidate[member] if candidate[member] is not None else '–'}"
        for member in ("open", "today", "turn", "won", "closed")
        if member in candidate
    ]
    return ", ".join([*told, *(_lacking(what, language) for what in candidate.get("missing", ()))])


def _lacking(what: str, language: str) -> str:
    """What somebody lacks for a rule: a word of the program, before the name of a skill."""
    thing, space, name = what.partition(" ")
    return f"{word(thing, language)}{space}{name}"


def _waiting(visible: Visible, language: str) -> RenderableType:
    table = _table(language, "record", "stage", "since (UTC)", "attempts")
    for item in visible.data["items"]:
        table.add_row(item["record"], item["stage"] or "–", moment(item["since"]), str(item["attempts"]))
    told = based_on({name: shown for name, shown in visible.data.items() if name != "next"}, language)
    if visible.data.get("next"):
        told.append(f" · {word('more', language)}: --cursor {visible.data['next']}")
    return Group(table, told)


def _table(language: str, *columns: str) -> PlainTable:
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(word(column, language), overflow="fold")
    return table


def _print(context: typer.Context, answer: Visible, as_json: bool, rendered: RenderableType) -> None:
    if as_json:
        typer.echo(answer.json().decode())
    else:
        session_of(context).out.print(rendered)
