"""How answers look on a terminal. Only what has passed the lens is printed."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from infra.cli.words import word
from projections.lens import Visible

UNKNOWN = "unknown"
NOBODY: Mapping[str, str] = MappingProxyType({})
"""No names of people: ids are shown."""
ERASED = "‹erased›"
ID = re.compile(r"\b[a-z]{2,6}_[0-9a-z]{26}\b")


_UNPRINTABLE = {
    **{code: 0x2400 + code for code in range(32) if chr(code) != "\n"},
    0x7F: 0x2421,
    **dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD),
}


def plain(text: str) -> Text:
    """Print a text as it stands: it is neither markup, nor does anything in it steer the terminal."""
    return Text(text.translate(_UNPRINTABLE))


class PlainTable(Table):
    """A table whose texts are printed as they stand; markup has to be asked for, as a Text."""

    def add_row(self, *cells: RenderableType | None, **about: Any) -> None:
        """Add a row."""
        super().add_row(*(plain(cell) if isinstance(cell, str) else cell for cell in cells), **about)

    def add_column(self, header: RenderableType = "", *more: Any, **about: Any) -> None:
        """Add a column."""
        super().add_column(plain(header) if isinstance(header, str) else header, *more, **about)


def label(labels: Mapping[str, str] | None, language: str, fallback: str) -> str:
    """Return a label in the language, else the name itself."""
    return labels.get(language) or labels.get("en") or fallback if labels else fallback


def moment(text: str | None) -> str:
    """Shorten a moment to minutes, in UTC; an unknown one is said to be unknown."""
    return UNKNOWN if text is None else text[:16].replace("T", " ")


def in_utc(text: str | None, language: str) -> str:
    """Shorten a moment to minutes and say its zone, for where no heading says it."""
    return word(UNKNOWN, language) if text is None else f"{moment(text)} UTC"


def value(shown: Any, names: Mapping[str, str] | None = None, language: str = "en") -> str:
    """Spell a value for people; people and records by their names where they are known. A text is nobody's to translate."""
    if shown is None:
        return "–"
    if isinstance(shown, str) and names and shown in names:
        return names[shown]
    if isinstance(shown, dict) and set(shown) == {"amount", "currency"}:
        return f"{_grouped(shown['amount'])} {shown['currency']}"
    if isinstance(shown, list):
        return ", ".join(value(item, names, language) for item in shown)
    return word("yes" if shown else "no", language) if isinstance(shown, bool) else str(shown)


def called(
    names: Mapping[str, str], options: Mapping[str, Mapping[str, str]], language: str
) -> dict[str, str]:
    """Return what values are called: people and records by their names, options and stages by their labels."""
    return {**names, **{name: label(labels, language, name) for name, labels in options.items()}}


def record(visible: Visible, language: str) -> RenderableType:
    """Show one record as a card."""
    data = visible.data
    head = Text.assemble(
        (f"{data['kind']} ", "dim"),
        (plain(data["title"] or data["external_id"] or data["id"]).plain, "bold"),
        (f"   {data['id']}", "dim"),
    )
    card = PlainTable.grid(padding=(0, 2))
    card.add_column(style="dim")
    card.add_column(overflow="fold")
    if data["stage"]:
        since = in_utc(data["stage_entered_at"], language)
        stage = plain(label(data["stage_label"], language, data["stage"]))
        stage.stylize("bold")
        card.add_row(word("stage", language), Text.assemble(stage, f"  {word('since', language)} {since}"))
    card.add_row(word("owner", language), data["owner_name"] or data["owner"] or "–")
    card.add_row(word("opened", language), in_utc(data["opened_at"], language))

    def field(name: str) -> str:
        return label(data["labels"].get(name), language, name)

    for name, shown in data["fields"].items():
        names = called(data["names"], data["options"].get(name, {}), language)
        card.add_row(field(name), value(shown, names, language))
    for name in data.get("_erased", ()):
        card.add_row(field(name), ERASED)
    for name in data.get("_unknown", ()):
        card.add_row(field(name), Text(word("unknown at that moment", language), style="italic"))
    for piece in data["evidence"]:
        attached = f"{field(piece['field'])}  {in_utc(piece['attached_at'], language)}  sha256 {piece['sha256'][:12]}…"
        card.add_row(word("evidence", language), attached)
    for relation in data["relations"]:
        card.add_row(relation["relation"], value(relation["to"], data["names"]))
    card.add_row(word("touches", language), str(data["touches"]))
    return Group(head, card, based_on(data, language))


def history(
    visible: Visible, language: str, last: int | None = None, people: Mapping[str, str] = NOBODY
) -> RenderableType:
    """Show every change of a record, oldest first, or only the last ones; `people` are the names of whom somebody acted for."""
    items = visible.data["items"]
    shown = items if last is None else items[-last:]
    versions = sorted({rules(row) for row in items})
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    table.add_column(word("position", language), justify="right")
    table.add_column(word("recorded (UTC)", language), no_wrap=True)
    table.add_column(word("who", language), no_wrap=True)
    for name in ("field", "old", "new"):
        table.add_column(word(name, language), overflow="fold")
    if len(versions) > 1:
        table.add_column(word("rules", language), no_wrap=True)
    table.add_column(word("occurred, why", language), overflow="fold")
    if len(shown) < len(items):
        table.add_row("", f"… {len(items) - len(shown):,} {word('earlier', language)}")
    for row in shown:
        erased = row.get("_erased", ())
        names = called(visible.data["names"], row["options"], language)
        when = in_utc(row["occurred_at"], language)
        notes = [when] if when != in_utc(row["recorded_at"], language) else []
        table.add_row(
            f"{row['position']:,}",
            moment(row["recorded_at"]),
            who(row, language, people),
            label(row["label"], language, word(row["field"], language)),
            ERASED if "old" in erased else value(row["old"], names, language),
            ERASED if "new" in erased else value(row["new"], names, language),
            *([rules(row)] if len(versions) > 1 else []),
            "; ".join([*notes, *_mapping(row, language), *filter(None, [row["reason"]])]),
        )
    counted = f"{len(items):,} {word('change' if len(items) == 1 else 'changes', language)}"
    same_rules = f", {word('all under', language)} {''.join(versions)}" if len(versions) == 1 else ""
    under = Text(counted + same_rules, style="dim")
    return Group(table, under, based_on(visible.data, language))


def _mapping(row: Mapping[str, Any], language: str) -> list[str]:
    return [f"{word('mapped', language)}: {mapped(row, language)}"] if row.get("mapped") else []


def mapped(row: Mapping[str, Any], language: str) -> str:
    """Say between which versions a publication mapped a value, and under which names where those differ."""
    sides = row["mapped"]
    told = [
        f"v{side['playbook_version']}"
        if side["field"] is None or sides["from"]["field"] == sides["to"]["field"]
        else f"{label(side['label'], language, side['field'])} v{side['playbook_version']}"
        for side in (sides["from"], sides["to"])
    ]
    return " → ".join(told)


def events(visible: Visible, language: str, people: Mapping[str, str] = NOBODY) -> RenderableType:
    """Show events in the order of the log."""
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    table.add_column(word("position", language), justify="right")
    for name in ("recorded (UTC)", "stream", "topic", "who"):
        table.add_column(word(name, language), no_wrap=True)
    table.add_column(word("what", language), overflow="fold")
    for row in visible.data["items"]:
        erased = [f"{name}: {ERASED}" for name in row.get("_erased", ())]
        when = (
            []
            if moment(row["occurred_at"]) == moment(row["recorded_at"])
            else [f"{word('occurred', language)} {in_utc(row['occurred_at'], language)}"]
        )
        what = "; ".join(
            [*_what(row["payload"]), *erased, *when, *([f"“{row['reason']}”"] if row["reason"] else [])]
        )
        topic = row["topic"].removesuffix(".v1")
        table.add_row(
            f"{row['position']:,}",
            moment(row["recorded_at"]),
            _short_id(row["stream"]),
            topic,
            who(row, language, people),
            what,
        )
    return Group(table, based_on(visible.data, language))


def _what(payload: Mapping[str, Any]) -> list[str]:
    """Tell what is in a payload, briefly: changes as old → new, everything else by name."""
    told = []
    for name, shown in payload.items():
        if name == "changes":
            told += [
                f"{field}: {_short(change['old'])} → {_short(change['new'])}"
                for field, change in shown.items()
            ]
        elif isinstance(shown, dict) and name == "fields":
            told += [f"{field}: {_short(item)}" for field, item in shown.items()]
        elif shown is not None:
            told.append(f"{name}: {_short(shown)}")
    return told


def board(visible: Visible, language: str) -> RenderableType:
    """Show how many records stand in each stage, what they are worth, and where."""
    data = visible.data
    regions = sorted({region for stage in data["stages"] for region in stage["by_region"]})
    table = PlainTable(
        title=plain(
            f"{label(data['label'], language, data['kind'])} · {data['playbook']} v{data['playbook_version']}"
        ),
        title_justify="left",
    )
    table.add_column(word("stage", language), no_wrap=True)
    table.add_column(word("records", language), justify="right", no_wrap=True)
    table.add_column(word("share", language), justify="right", no_wrap=True)
    if data["money_field"]:
        worth = label(data["money_label"], language, data["money_field"])
        table.add_column(f"{worth} ({data['currency']})", justify="right", no_wrap=True)
        table.add_column(word("known for", language), justify="right", no_wrap=True)
    for region in regions:
        table.add_column(region, justify="right", no_wrap=True)
    for stage in data["stages"]:
        share = f"{100 * stage['records'] / data['records']:.1f} %" if data["records"] else "–"
        name = label(stage["label"], language, stage["stage"])
        if stage["part_of"] != stage["stage"]:
            name = f"{label(stage['part_of_label'], language, stage['part_of'])} · {name}"
        row = [name, str(stage["records"]), share]
        if data["money_field"]:
            row += [_grouped(stage["amount"]), str(stage["records_with_amount"])]
        style = "green" if stage["outcome"] == "won" else "dim" if stage["outcome"] != "open" else None
        table.add_row(*row, *(str(stage["by_region"].get(region, "")) for region in regions), style=style)
    return Group(table, based_on(data, language))


def unmet(items: Sequence[Any], language: str) -> RenderableType:
    """Show everything a move lacks, with the reason the playbook gives."""
    table = PlainTable(box=None, pad_edge=False, show_header=False)
    for item in items:
        why = item.why.in_language(language) if item.why else ""
        table.add_row(
            Text("✗", style="red"),
            item.label.in_language(language),
            Text(item.id, style="dim"),
            Text(why, style="dim"),
        )
    return table


def who(row: Mapping[str, Any], language: str, people: Mapping[str, str]) -> str:
    """Return who acted, by name where there is one, and for whom; `people` are their names by id."""
    name, whom = row["actor_name"] or row["actor"], row["on_behalf_of"]
    return f"{name} ({word('for', language)} {people.get(whom, whom)})" if whom else str(name)


def rules(row: Mapping[str, Any]) -> str:
    """Return the playbook version a change was made under."""
    return f"{row['playbook']} v{row['playbook_version']}" if row["playbook"] else "–"


def based_on(data: Mapping[str, Any], language: str) -> Text:
    """Say what an answer is based on."""
    parts = [f"{word('based on position', language)} {data['as_of_position']:,}"]
    if "effective_at" in data:
        parts.append(f"{word('business time up to', language)} {moment(data['effective_at'])} UTC")
    if data.get("next"):
        # Events go on after a position, all other lists where a cursor says.
        option = "--after" if isinstance(data["next"], int) else "--cursor"
        parts.append(f"{word('more', language)}: {option} {data['next']}")
    if data.get("simulated"):
        parts.append(word("simulated log", language))
    return Text(" · ".join(parts), style="dim")


def _short(shown: Any, limit: int = 60) -> str:
    text = _short_id(value(shown))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _short_id(text: str) -> str:
    """Cut the 26 characters of an id to the first six; all of it is in --json."""
    return ID.sub(lambda found: found[0][:-20] + "…", text)


def _grouped(amount: str) -> str:
    whole, point, rest = amount.partition(".")
    return f"{int(whole):,}{point}{rest}"
