"""The verb about work: what waits for whom, which legs of forks are late, how long people wait for each other."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from infra.cli.answers import called_part, next_due
from infra.cli.reading import CURSOR, JSON, LIMIT
from infra.cli.render import PlainTable, based_on, label, moment, plain
from infra.cli.session import session_of
from infra.cli.words import word
from projections.lens import Visible
from projections.lists import ITEMS, Ask
from projections.working import Which, late_legs, list_work, response_times, work_of

LATE, TIMES = "late", "times"


class Department(StrEnum):
    """What counts as a department: the role a leg is for, or the team of whoever has it."""

    role = "role"
    team = "team"


def work(
    context: typer.Context,
    whom: Annotated[
        str | None,
        typer.Argument(
            metavar="[PERSON|late|times]",
            help="Whose work: the id of a person. Or `late`: legs of forks that are late. Or `times`: how long people wait for answers. Left out: everybody's.",
        ),
    ] = None,
    by: Annotated[
        Department, typer.Option(help="With `late`: by the role of a leg, or the team of whoever has it.")
    ] = Department.role,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is late.")] = False,
    cursor: CURSOR = None,
    limit: LIMIT = ITEMS,
    json: JSON = False,
) -> None:
    """Show what waits for whom, by priority and due moment: work, and approvals to decide. What is late is marked."""
    session = session_of(context)
    ask = Ask(cursor=cursor, limit=limit)
    with session.tenant() as tenant:
        reads = tenant.reads
        if whom == LATE:
            answer = late_legs(reads, by.value)
            rendered = late_table(answer, session.language)
        elif whom == TIMES:
            answer = response_times(reads)
            rendered = _times(answer, session.language)
        else:
            which = Which(state="open", overdue=True if overdue else None)
            answer = list_work(reads, ask, which) if whom is None else work_of(reads, whom, ask)
            rendered = _list(answer, session.language)
        if json:
            typer.echo(answer.json().decode())
        else:
            session.out.print(rendered)


def _list(answer: Visible, language: str) -> RenderableType:
    table = _table(language, "work", "record", "who", "state", "priority", "due (UTC)", "asked by")
    for item in answer.data["items"]:
        table.add_row(*_row(answer, item, language), style="bold red" if item["overdue"] else None)
    return Group(table, based_on(answer.data, language))


def _row(answer: Visible, item: dict[str, Any], language: str) -> list[str]:
    due = next_due(item)
    state = word(item["state"], language)
    return [
        called_part(item, language),
        answer.data["names"].get(item["record"], item["record"]),
        item["assignee_name"] or item["assignee"],
        f"{state}: {word(item['waiting_for'], language)}" if item["waiting_for"] else state,
        str(item["priority"]),
        "–" if due is None else moment(due) + (f" ({word('late', language)})" if item["overdue"] else ""),
        item["requested_by_name"] or item["requested_by"],
    ]


def late_table(answer: Visible, language: str) -> RenderableType:
    """Show the legs of forks that are late, by department."""
    parts: list[RenderableType] = []
    for group in answer.data["items"]:
        name = group[answer.data["by"]] or "–"
        told = group["label"] if isinstance(group["label"], str) else label(group["label"], language, name)
        parts.append(plain(f"{told}: {group['late']} / {group['open']} {word('late', language)}"))
        table = _table(language, "work", "record", "who", "state", "priority", "due (UTC)", "asked by")
        for item in group["legs"]:
            table.add_row(*_row(answer, item, language))
        parts.append(table)
    if not parts:
        parts.append(plain(word("no leg is late", language)))
    return Group(*parts, based_on(answer.data, language))


def _times(answer: Visible, language: str) -> RenderableType:
    table = _table(
        language,
        "asked by",
        "answered by",
        "asked",
        "judged",
        "mean working hours of answered",
        "median working hours of answered",
        "unanswered, working hours so far",
    )
    for pair in answer.data["items"]:
        waiting = [_hours(found["elapsed_hours"]) for found in pair["unanswered"]]
        table.add_row(
            pair["requester_name"] or pair["requester"],
            pair["responder_name"] or pair["responder"],
            str(pair["asked"]),
            str(pair["judged"]),
            _hours(pair["mean_answered_hours"]),
            _hours(pair["median_answered_hours"]),
            ", ".join(waiting) or "–",
        )
    return Group(table, based_on(answer.data, language))


def _hours(exact: str | None) -> str:
    return "–" if exact is None else f"{float(exact):,.1f}"


def _table(language: str, *columns: str) -> PlainTable:
    table = PlainTable()
    for column in columns:
        table.add_column(word(column, language))
    return table
