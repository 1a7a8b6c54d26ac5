"""How the answers about stuck records, timelines and the organisation look on a terminal."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from infra.cli.render import (
    ERASED,
    NOBODY,
    UNKNOWN,
    PlainTable,
    based_on,
    called,
    label,
    mapped,
    moment,
    plain,
    rules,
    value,
    who,
)
from infra.cli.words import word
from projections.lens import Visible

MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")
_MISSING_SHOWN = 4


def stuck(visible: Visible, language: str, teams: Mapping[str, str] = NOBODY) -> RenderableType:
    """Show stuck records: where, since when, how long, whose, what is missing for the next step, and whom they wait for; below, how many in each stage. `teams` are their names by id."""
    data = visible.data
    anybody = any(row["waits_for"] for row in data["items"])
    columns = ("record", "stage", "since (UTC)", "days", "owner", "last touch (UTC)", "next", "missing")
    table = _table(language, *columns, *(("waits for, until (UTC)",) if anybody else ()))
    for row in data["items"]:
        missing = [item["label"][language] for item in row["unmet"]]
        shown = ", ".join(missing[:_MISSING_SHOWN]) + (" …" if len(missing) > _MISSING_SHOWN else "")
        owner = row["owner_name"] or row["owner"] or "–"
        table.add_row(
            row["title"] or row["external_id"] or row["id"],
            label(row["stage_label"], language, row["stage"]),
            word(moment(row["stage_entered_at"]), language),
            word(UNKNOWN, language) if row["days"] is None else _days(row["days"]),
            f"{owner} ({teams.get(row['team'], row['team'])})" if row["team"] else owner,
            moment(row["last_touch_at"]) if row["last_touch_at"] else "–",
            label(row["next_stage_label"], language, "–"),
            shown or "✓",
            *((_waits(row["waits_for"], language),) if anybody else ()),
        )
    counted = " · ".join(
        f"{label(stage['label'], language, stage['stage'])}: {stage['records']}"
        + (f" + {stage['unknown']} {word(UNKNOWN, language)}" if stage["unknown"] else "")
        for stage in data["by_stage"]
    )
    return Group(table, plain(f"{word('by stage', language)}: {counted}"), _end(data, language))


def _waits(waits: Sequence[Mapping[str, Any]], language: str) -> Text:
    """Name whom a record waits for, and until when; what is late is red."""
    if not waits:
        return plain("–")
    told = Text("\n").join(_wait(wait, language) for wait in waits[:_MISSING_SHOWN])
    return told.append("\n…") if len(waits) > _MISSING_SHOWN else told


def _wait(wait: Mapping[str, Any], language: str) -> Text:
    due = next_due(wait)
    until = "" if due is None else f", {word('due', language)} {moment(due)}"
    late = f" ({word('late', language)})" if wait["overdue"] else ""
    whom = wait["assignee_name"] or wait["assignee"]
    told = plain(f"{called_part(wait, language)}: {whom}{until}{late}")
    if wait["overdue"]:
        told.stylize("red")
    return told


def called_part(item: Mapping[str, Any], language: str) -> str:
    """Return what a piece of work or an approval is called, with the leg of its fork or the level that waits."""
    what, part = label(item["template_label"], language, item["template"]), item["leg"] or item["level"]
    return f"{what} / {part}" if part else what


def next_due(item: Mapping[str, Any]) -> str | None:
    """Return when a piece of work is due next: the answer as long as there is none, or the work itself."""
    answer = item["response_due_at"] if item["first_response_at"] is None else None
    return min((at for at in (answer, item["done_due_at"]) if at is not None), default=None)


def timeline(visible: Visible, language: str, people: Mapping[str, str] = NOBODY) -> RenderableType:
    """Show everything that happened to a record, one line an entry: when, who, what, and why; `people` are the names of whom somebody acted for."""
    data = visible.data
    table = _table(language, "occurred (UTC)", "who", "what", "details", "rules", "why")
    things = {
        row.get("work") or row.get("approval"): thing
        for row in data["items"]
        if (thing := _thing(row, language)) is not None
    }
    for row in data["items"]:
        table.add_row(
            word(moment(row["occurred_at"]), language),
            who(row, language, people),
            _what(row, language),
            "; ".join(_details(row, data["names"], things, language)),
            rules(row),
            row["reason"] or "",
            style={"refused": "red", "stage": "bold"}.get(row["what"]),
        )
    return Group(table, _end(data, language))


def _what(row: Mapping[str, Any], language: str) -> str:
    match row["what"]:
        case "field":
            return label(row["label"], language, row["field"])
        case "mapped":
            return (
                f"{word('mapped', language)}: {label(row['label'], language, word(row['field'], language))}"
            )
        case "touch" | "evidence" | "relation" | "relation-end":
            return (
                f"{word(row['what'], language)}: {label(row.get('label'), language, row.get('kind') or '–')}"
            )
        case what:
            return word(what.replace("-", " ") if what.startswith(("work-", "approval-")) else what, language)


def _details(
    row: Mapping[str, Any], names: Mapping[str, str], things: Mapping[str, str], language: str
) -> Iterator[str]:
    """What an entry says, briefly; all of it is in --json. `things` is what work and approvals are called, by id."""
    erased = row.get("_erased", ())
    match row["what"]:
        case "field" | "mapped":
            known = called(names, row["options"], language)
            sides = [
                ERASED if side in erased else value(row[side], known, language) for side in ("old", "new")
            ]
            yield " → ".join(sides)
            if row["what"] == "mapped":
                yield mapped(row, language)
        case "opened":
            if row.get("stage"):
                yield label(row["stage_label"], language, row["stage"])
            yield from (
                f"{name}: {value(shown, names, language)}"
                for name, shown in row.get("fields", {}).items()
                if shown is not None
            )
        case "stage" | "refused":
            before = label(row["before_label"], language, row["before"] or "–")
            yield f"{before} → {label(row['after_label'], language, row['after'])} ({row['move']})"
            if row.get("dwell_days"):
                yield f"{_days(row['dwell_days'])} {word('days', language)}"
            yield from row.get("unmet", ())
            if isinstance(row.get("override"), dict):
                yield f"{word('override', language)}: {', '.join(row['override']['waived'])}"
        case "confirmation":
            yield ", ".join(label(row.get("labels", {}).get(name), language, name) for name in row["fields"])
        case "owner":
            yield " → ".join(row[f"{side}_name"] or row[side] or "–" for side in ("before", "after"))
        case what if what.startswith(("work-", "approval-")):
            yield from _asked(row, names, things, language)
            yield from (f"{name}: {ERASED}" for name in erased)
        case _:
            yield from (
                value(row[name], names, language)
                for name in ("note", "contact", "to", "file_name", "name", "waived")
                if row.get(name)
            )
            yield from (f"{name}: {ERASED}" for name in erased)


def _thing(row: Mapping[str, Any], language: str) -> str | None:
    """What is asked for: the template of work, the chain of an approval. Only the request says it."""
    if row.get("template"):
        return label(row.get("label"), language, row["template"])
    return row.get("chain")


def _asked(
    row: Mapping[str, Any], names: Mapping[str, str], things: Mapping[str, str], language: str
) -> Iterator[str]:
    """What an entry about work or an approval says: which, whose, what was decided at which level, and the words with it."""
    if thing := _thing(row, language) or things.get(row.get("work") or row.get("approval") or ""):
        yield thing
    yield from (str(row[name]) for name in ("name", "item") if row.get(name))
    if row.get("assignee"):
        yield row.get("assignee_name") or value(row["assignee"], names)
    if row.get("before") and row.get("after"):
        yield " → ".join(row.get(f"{side}_name") or value(row[side], names) for side in ("before", "after"))
    if row.get("levels"):
        yield " → ".join(level["name"] for level in row["levels"])
    if row.get("decision"):
        place = " / ".join(dict.fromkeys((row["level"], row["role"])))
        yield f"{place}: {word(row['decision'], language)}"
    if row.get("back_to"):
        yield f"{word('back to', language)} {row['back_to']}"
    yield from (
        f"{word(name.removesuffix('_at').replace('_', ' '), language)}: {word(_moment_or(row[name], names), language)}"
        for name in ("waiting_for", "due_at")
        if row.get(name)
    )
    yield from (f"“{row[name]}”" for name in ("title", "note", "comment") if row.get(name))


def _moment_or(shown: Any, names: Mapping[str, str]) -> str:
    text = value(shown, names)
    return f"{moment(text)} UTC" if MOMENT.match(text) else text


def difference(visible: Visible, language: str, people: Mapping[str, str] = NOBODY) -> RenderableType:
    """Show what changed in an organisation, each line with the positions of its events; `people` are their names by id."""
    data = visible.data
    table = _table(language, "what", "who", "details", "positions")
    for what in (
        "joined",
        "left",
        "moved",
        "roles_granted",
        "roles_revoked",
        "skills_set",
        "absences_noted",
        "absences_ended",
        "delegations_given",
        "delegations_ended",
        "teams_formed",
        "teams_changed",
    ):
        for row in data[what]:
            table.add_row(
                word(what.replace("_", " "), language),
                row.get("name") or row.get("person") or row.get("team"),
                _change(row, language, people),
                ", ".join(f"{position:,}" for position in row["positions"]),
            )
    between = Text(f"{data['from_position']:,} → {data['to_position']:,}", style="dim")
    return Group(table, between, based_on(data, language))


def left_behind(visible: Visible, language: str) -> RenderableType:
    """Show what somebody has in their hands, a table each: records, work, approvals; and who reports to them."""
    data = visible.data
    names = data["names"]
    parts: list[RenderableType] = [plain(data["person_name"] or data["person"])]
    for kind in data["records"]:
        table = _table(language, "record", "stage", "since (UTC)")
        for item in kind["items"]:
            since = word(moment(item["stage_entered_at"]), language)
            table.add_row(
                item["title"] or item["id"], label(item["stage_label"], language, item["stage"] or "–"), since
            )
        parts += [plain(f"{label(kind['label'], language, kind['kind'])}: {kind['open']}"), table]
    for what, called_so in (("work", "open work"), ("approvals", "approvals to decide")):
        table = _table(language, "what", "record", "since (UTC)", "due (UTC)")
        for item in data[what]["items"]:
            due = next_due(item)
            late = f" ({word('late', language)})" if item["overdue"] else ""
            table.add_row(
                called_part(item, language),
                names.get(item["record"], item["record"]),
                word(moment(item["requested_at"]), language),
                "–" if due is None else moment(due) + late,
                style="red" if item["overdue"] else None,
            )
        counted = plain(f"{word(called_so, language)}: {data[what]['open']}")
        parts += [counted, table] if data[what]["items"] else [counted]
    reports = ", ".join(names.get(person, person) for person in data["reports"])
    parts.append(plain(f"{word('reports', language)}: {reports or '–'}"))
    return Group(*parts, based_on(data, language))


def _change(row: Mapping[str, Any], language: str, people: Mapping[str, str]) -> str:
    if isinstance(row.get("before"), list):
        return f"{', '.join(row['before']) or '–'} → {', '.join(row['after']) or '–'}"
    if "before" in row:
        return "; ".join(
            f"{word(name.replace('_', ' '), language)}: {_named(row['before'][name], people)} → {_named(row['after'][name], people)}"
            for name in row["before"]
            if row["before"][name] != row["after"][name]
        )
    members = ("role", "team", "region", "manager", "part_of", "begins", "ends", "stand_in", "to")
    told = {name: row[name] for name in members if row.get(name)}
    return "; ".join(
        f"{word(name.replace('_', ' '), language)}: {_named(shown, people)}" for name, shown in told.items()
    )


def _named(shown: Any, people: Mapping[str, str]) -> str:
    """A person by their name, a moment to the minute with its zone, anything else as it is."""
    text = str(shown or "–")
    return f"{moment(text)} UTC" if MOMENT.match(text) else people.get(text, text)


def _table(language: str, *columns: str) -> PlainTable:
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(word(column, language), overflow="fold")
    return table


def _days(text: str) -> str:
    """Cut decimal days to one place, never up."""
    whole, _, rest = text.partition(".")
    return f"{whole}.{(rest or '0')[0]}"


def _end(data: Mapping[str, Any], language: str) -> Text:
    """What an answer is based on, and how its next page is asked for."""
    told = based_on({name: shown for name, shown in data.items() if name != "next"}, language)
    if data.get("next"):
        told.append(f" · {word('more', language)}: --cursor {data['next']}")
    return told
