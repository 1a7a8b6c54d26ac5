"""How metrics and indices look on a terminal: tables of numbers, of values, of cases, and figures as people read them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.table import Table

from infra.cli.case_words import case_word
from infra.cli.render import PlainTable, label
from infra.cli.sentences import sentence
from infra.cli.session import Session
from infra.cli.words import word
from projections.lens import Visible
from projections.metrics.correlating import AT_LEAST

MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")
_UNIT = re.compile(r"（(?:秒|%)）$")
_WORKING_TIME = re.compile(r"（工作秒）$")
BRIEF = 24
"""So many characters of a name are shown beside the figures of an index."""


def _called(answer: Visible, dimension: str, value: Any, language: str) -> str:
    if value is None:
        return "–"
    name = answer.data["names"].get(dimension, {}).get(str(value))
    return label(name, language, str(value)) if isinstance(name, Mapping) else str(name or value)


def table_of(answer: Visible, dimensions: Sequence[str], shown: Sequence[str], language: str) -> Table:
    """Show the numbers of a metric, a cell a line."""
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for name in dimensions:
        table.add_column(word(name, language))
    for name in shown:
        table.add_column(_headed(answer, name, language), justify="right")
    for item in answer.data["items"]:
        called = [_called(answer, name, item["cell"][name], language) for name in dimensions]
        table.add_row(*called, *(figure(item.get(name), name, language) for name in shown))
    return table


def _headed(answer: Visible, name: str, language: str) -> str:
    """Name a number above its column in the reader's language; the unit that its label ends with stands in each figure."""
    if language == "en":
        first = next((it for it in answer.data["numbers"] if heading(it) == heading(name)), name)
        return heading(name) if first == name else name.replace("_", " ")
    told = label(answer.data["numbers"].get(name), language, heading(name))
    return _WORKING_TIME.sub("（工作时间）", told) if name.startswith("business_") else _UNIT.sub("", told)


def pairs_table(answer: Visible, language: str) -> Table:
    """Show the two numbers of every cell of a correlation."""
    data = answer.data
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for name in data["by"]:
        table.add_column(word(name, language))
    sides = {"x": (data["metric"], data["number"]), "y": (data["with"], data["with_number"])}
    for metric, number in sides.values():
        table.add_column(f"{metric.replace('_', ' ')}: {heading(number)}", justify="right")
    for item in data["items"]:
        called = [_called(answer, name, item["cell"][name], language) for name in data["by"]]
        table.add_row(*called, *(figure(item[side], number, language) for side, (_, number) in sides.items()))
    return table


def went_together(data: Mapping[str, Any], language: str) -> str:
    """Say a correlation in a line: r with its interval and how many cells it is over, or why there is none."""
    over = sentence(
        "over cells but" if data["left_out"] else "over cells",
        language,
        cells=data["n"],
        left_out=data["left_out"],
    )
    if data["r"] is None:
        few = data["n"] < AT_LEAST
        return sentence(f"r unknown for {'few' if few else 'same'}", language, over=over, least=AT_LEAST)
    r, low, high = (f"{float(data[name]):+.2f}" for name in ("r", "low", "high"))
    return sentence("r", language, r=r, low=low, high=high, over=over)


def values_table(answer: Visible, language: str) -> Table:
    """Show the values of an index with their bands and components, a cell a line."""
    parts = answer.data["parts"]
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    about = [name for name in (answer.data["items"] or [{"cell": {}}])[0]["cell"] if name != "position"]
    for name in about:
        table.add_column(word(name, language))
    table.add_column(label(answer.data["label"], language, answer.data["index"]), justify="right")
    table.add_column(word("band", language))
    for part, spec in parts.items():
        table.add_column(
            f"{label(spec['label'], language, part)} ({word('judged', language)})",
            justify="right",
            overflow="fold",
        )
    for item in answer.data["items"]:
        band = item["band"] and label(answer.data["bands"][item["band"]]["label"], language, item["band"])
        notes = [band or "–", *([word("broken", language)] if item["broken"] else [])]
        if cap := item["capped_by"]:
            called_cap = label(answer.data["caps"].get(cap, {}).get("label"), language, cap)
            notes.append(f"{word('capped', language)}: {called_cap}")
        scores = [
            f"{figure(item['components'][part]['score'], 'score')} ({item['components'][part]['judged']:,})"
            for part in parts
        ]
        called = [_brief(_called(answer, name, item["cell"][name], language)) for name in about]
        table.add_row(*called, figure(item["value"], "score"), ", ".join(notes), *scores)
    return table


def _brief(text: str) -> str:
    if MOMENT.match(text):
        return text[:16].replace("T", " ")
    return text if len(text) <= BRIEF else f"{text[: BRIEF - 1]}…"


def print_cases(session: Session, answer: Visible, json: bool) -> None:
    """Print the cases behind a number, and how many there are."""
    if json:
        typer.echo(answer.json().decode())
        return
    items = answer.data["items"]
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    about = [name for name in ("position", "moment") if items and name in items[0]]
    hidden = {"kind", "record", "record_name", "path", *about}
    columns = [
        name
        for name in (items[0] if items else {})
        if name not in hidden
        and any(item[name] is not None and not isinstance(item[name], bool) for item in items)
    ]
    table.add_column(word("record", session.language), no_wrap=True)
    for name in (*about, *columns):
        zone = " (UTC)" if any(_is_moment(item.get(name)) for item in items) else ""
        called = case_word(name, session.language) or heading(name)
        table.add_column(called + zone, justify="right" if name == "position" else "left")
    table.add_column(word("counts as", session.language))
    for item in items:
        flags = ", ".join(
            case_word(name, session.language) or name for name, value in item.items() if value is True
        )
        told = (_cell(name, item[name], answer, session.language) for name in (*about, *columns))
        table.add_row(item["record_name"] or item["record"], *told, flags)
    session.out.print(table)
    session.print("how many cases", shown=len(items), total=answer.data["total"], style="bold")
    if answer.data["next"]:
        session.tell("next page", cursor=answer.data["next"])
    footing(session, answer)


def _cell(name: str, value: Any, answer: Visible, language: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, int):
        return span(value, language) if name.endswith("seconds") else f"{value:,}"
    text = str(answer.data.get("names", {}).get(value, value))
    return text[:16].replace("T", " ") if MOMENT.match(text) else text


def _is_moment(value: Any) -> bool:
    return isinstance(value, str) and MOMENT.match(value) is not None


def figure(value: Any, name: str, language: str = "en") -> str:
    """Spell a figure for people: seconds as days, hours and minutes, percentages and scores with one decimal, currencies as they are; unknown is a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return word("yes" if value else "no", language)
    if name.startswith("business_") and name.endswith("seconds"):
        return f"{int(float(value)) // 3_600:,} {word('working h', language)}"
    if name.endswith("seconds"):
        return span(int(float(value)), language)
    if name.endswith("currency"):
        return str(value)
    if name.endswith("_minor"):
        return f"{int(value):,}"
    if isinstance(value, str):
        text = f"{float(value):,.1f}"
        return f"{text} %" if name.endswith("percent") else text
    return f"{value:,}"


def heading(number: str) -> str:
    """Name a number above its column; lengths of time and percentages carry their unit in each figure."""
    return number.removesuffix("_seconds").removesuffix("_percent").replace("_", " ")


def span(seconds: int, language: str) -> str:
    """Spell a length of time by its two largest units."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes = rest // 60
    sizes = ((days, "d"), (hours, "h")) if days else ((hours, "h"), (minutes, "min")) if hours else ((minutes, "min"), (rest % 60, "s"))  # fmt: skip
    return " ".join(f"{size:,} {word(unit, language)}" for size, unit in sizes)


def footing(session: Session, answer: Visible) -> None:
    """Print what an answer rests on."""
    data = answer.data
    language = session.language
    version = (
        f"v{data['playbook_version']}"
        if data["playbook_version"]
        else word("(the draft of the replay)", language)
    )
    when = f"{data['as_of_position']:,}, {data['now'][:16].replace('T', ' ')} UTC"
    through = f"{word('read through', language)} {data['playbook']} {version}"
    session.out.print(f"{word('as of position', language)} {when}, {through}", style="dim", markup=False)
