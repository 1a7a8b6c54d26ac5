"""The ledger as XES event logs (IEEE 1849): one log a kind of record, one trace a record, one event an activity.

Extensions are the standard ones: concept, time, organizational and lifecycle. A trace says of its record what is known now: its step, whose it is,
its path, and its fields as `field.NAME`, typed as the playbooks say.
"""

import re
from contextlib import ExitStack
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TypeAlias
from xml.sax.saxutils import quoteattr

import polars as pl

from projections.ledger.attributes import AttributeType, FieldTypes, is_sealed, plain, spelled
from projections.ledger.export import Progress, activities, activity_name, moment_of, partitions, rows_of
from projections.ledger.view import View

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849.2016" xes.features="" xmlns="http://www.xes-standard.org/">
  <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
  <extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
  <extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
  <extension name="Lifecycle" prefix="lifecycle" uri="http://www.xes-standard.org/lifecycle.xesext"/>
  <global scope="trace">
    <string key="concept:name" value=""/>
  </global>
  <global scope="event">
    <string key="concept:name" value=""/>
    <date key="time:timestamp" value="1970-01-01T00:00:00.000000Z"/>
    <string key="org:resource" value=""/>
    <string key="lifecycle:transition" value="complete"/>
  </global>
  <classifier name="Activity" keys="concept:name"/>
  <string key="concept:name" value={name}/>
"""
_FOOT = "</log>\n"
_GIVEN = {"owner", "work", "pool"}
"""Activities after which somebody has something: `new` says who."""

_Said: TypeAlias = tuple[str, str, str]
"""An attribute: its element, its key and its value."""

_TAGS: dict[AttributeType, str] = {
    "string": "string",
    "time": "date",
    "integer": "int",
    "float": "float",
    "boolean": "boolean",
}

# XML 1.0 has no way to write these, not even escaped.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


# Letters, digits and underscores are more to playbooks than to the names of XML (XML 1.0, NameChar).
_NOT_IN_A_NAME = re.compile(
    "[^-.0-9A-Z_a-z\u00b7\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u037d\u037f-\u1fff\u200c\u200d\u203f\u2040\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff]"
)


def export_xes(
    view: View,
    folder: Path,
    types: FieldTypes,
    *,
    kind: str | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write a log for each kind of record, `KIND.xes`; return the number of traces by file."""
    traces: dict[str, int] = {}
    numbers = partitions(view)
    with ExitStack() as closing:
        files: dict[str, TextIOWrapper] = {}
        for number in numbers:
            known = _known(view, number, kind, types)
            current = None
            for row in rows_of(activities(view, number, kind)):
                of = row["kind"]
                if of not in files:
                    files[of] = closing.enter_context((folder / f"{of}.xes").open("w", encoding="utf-8"))
                    files[of].write(_HEAD.replace("{name}", _quoted(of)))
                    traces[f"{of}.xes"] = 0
                if row["record"] != current:
                    if current is not None:
                        files[current.partition("/")[0]].write("  </trace>\n")
                    current = row["record"]
                    traces[f"{of}.xes"] += 1
                    files[of].write(_trace(current, known.get(current, [])))
                files[of].write(_event(row))
            if current is not None:
                files[current.partition("/")[0]].write("  </trace>\n")
            if progress is not None:
                progress(number + 1, len(numbers))
        for file in files.values():
            file.write(_FOOT)
    return dict(sorted(traces.items()))


def _known(view: View, number: int, kind: str | None, types: FieldTypes) -> dict[str, list[_Said]]:
    """What is known of each record of a partition: what is empty or sealed is left out."""

    def of(table: str) -> pl.LazyFrame:
        return view.scan(table, partition=number, kind=kind)

    known: dict[str, list[_Said]] = {}
    for table, column in (("records", "path"), ("visits", "step"), ("owners", "owner")):
        rows = of(table).sort("record", "position").unique("record", keep="last", maintain_order=True)
        for record, value in rows.select("record", column).collect().iter_rows():
            if value is not None:
                known.setdefault(record, []).append(("string", column, value))
    changes = (
        of("field_changes")
        .sort("record", "position", maintain_order=True)
        .unique(["record", "field"], keep="last", maintain_order=True)
        .sort("record", "field")
    )
    for record, kind_of, name, stored in (
        changes.select("record", "kind", "field", "new").collect().iter_rows()
    ):
        if stored is not None:
            known.setdefault(record, []).extend(
                (_TAGS[of_type], _key(f"field.{attribute}"), text)
                for attribute, of_type, text in spelled(name, types.of(kind_of, name), stored)
            )
    return known


def _trace(record: str, known: list[_Said]) -> str:
    said = "".join(
        f'    <{tag} key="{key}" value={_quoted(value)}/>\n'
        for tag, key, value in [("string", "concept:name", record), *known]
    )
    return f"  <trace>\n{said}"


def _key(name: str) -> str:
    """Spell a name as XML has names: a character that is none of theirs is told by its number."""
    return _NOT_IN_A_NAME.sub(lambda found: f"_x{ord(found[0]):04X}_", name)


def _event(row: dict[str, Any]) -> str:
    told = [
        ("string", "concept:name", activity_name(row["what"], row["name"])),
        ("date", "time:timestamp", moment_of(row)),
        ("string", "org:resource", row["actor"]),
        ("string", "lifecycle:transition", "complete"),
        ("string", "activity", row["what"]),
        ("int", "position", str(row["position"])),
    ]
    if row["at"] is None:
        told.append(("boolean", "time_is_recorded", "true"))
    if row["move"] is not None:
        told.append(("string", "move", row["move"]))
    if row["contact"] is not None:
        told.append(("string", "contact", row["contact"]))
    if row.get("about") is not None:
        told.append(("string", "about", row["about"]))
    if row["what"] in _GIVEN:
        told.append(("string", "new", row["new"] or ""))
    elif row["what"] == "field":
        told += [
            ("string", name, value) for name in ("old", "new") if (value := plain(row[name])) is not None
        ]
        if is_sealed(row["old"]) or is_sealed(row["new"]):
            told.append(("boolean", "is_sealed", "true"))
    lines = "".join(f'      <{tag} key="{key}" value={_quoted(value)}/>\n' for tag, key, value in told)
    return f"    <event>\n{lines}    </event>\n"


def _quoted(text: str) -> str:
    return quoteattr(_NOT_IN_XML.sub("\ufffd", text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
