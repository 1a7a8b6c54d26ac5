"""The ledger as XES event logs (IEEE 1849): one log a kind of record, one trace a record, one event an activity.

Extensions are the standard ones: concept, time, organizational and lifecycle.
"""

import re
from contextlib import ExitStack
from io import TextIOWrapper
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from projections.ledger.export import (
    Progress,
    activities,
    is_sealed,
    moment_of,
    partitions,
    plain,
    rows_of,
)
from projections.ledger.view import View

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2016" xes.features="" xmlns="http://www.xes-standard.org/">
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
_WORDS = {
    "open": "",
    "step": "",
    "touch": "touch: ",
    "field": "field: ",
    "confirm": "confirm: ",
    "evidence": "evidence: ",
    "owner": "",
    "work": "work: ",
    "approval": "approval: ",
    "pool": "pool: ",
    "deadline": "deadline: ",
    "reaction": "reaction: ",
}

_GIVEN = {"owner", "work", "pool"}
"""Activities after which somebody has something: `new` says who."""

# XML 1.0 has no way to write these, not even escaped.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def export_xes(
    view: View, folder: Path, *, kind: str | None = None, progress: Progress | None = None
) -> dict[str, int]:
    """Write a log for each kind of record, `KIND.xes`; return the number of traces by file."""
    traces: dict[str, int] = {}
    numbers = partitions(view)
    with ExitStack() as closing:
        files: dict[str, TextIOWrapper] = {}
        for number in numbers:
            paths = dict(
                view.scan("records", partition=number, kind=kind)
                .select("record", "path")
                .collect()
                .iter_rows()
            )
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
                    files[of].write(_trace(current, paths.get(current)))
                files[of].write(_event(row))
            if current is not None:
                files[current.partition("/")[0]].write("  </trace>\n")
            if progress is not None:
                progress(number + 1, len(numbers))
        for file in files.values():
            file.write(_FOOT)
    return dict(sorted(traces.items()))


def _trace(record: str, path: str | None) -> str:
    name = f'  <trace>\n    <string key="concept:name" value={_quoted(record)}/>\n'
    return name if path is None else f'{name}    <string key="path" value={_quoted(path)}/>\n'


def _event(row: dict[str, Any]) -> str:
    told = [
        ("string", "concept:name", _WORDS[row["what"]] + row["name"]),
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
