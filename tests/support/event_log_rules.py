"""What the published standards ask of event logs, as rules of our own: OCEL 2.0 in JSON, and XES as in IEEE 1849.

The rules follow the texts of the standards (arXiv 2403.01975, section 8, and IEEE 1849-2016, annex on the XML serialization), not what this program writes.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

SPACE = "{http://www.xes-standard.org/}"
_ATTRIBUTES = {"string", "date", "int", "float", "boolean", "id", "list"}
_ORDER = ["extension", "global", "classifier", "attribute", "trace", "event"]
_NAME = re.compile(r"[:A-Z_a-z\u00c0-\ufffd][-.:A-Z_a-z0-9\u00b7\u00c0-\ufffd]*\Z")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")


def ocel_faults(told: Any) -> list[str]:
    """Say how a document breaks the rules of OCEL 2.0 in JSON; an empty list where it does not."""
    return list(_of_ocel(told))


def xes_faults(path: Path) -> list[str]:
    """Say how a file breaks the rules of XES; an empty list where it does not."""
    return list(_of_xes(ET.parse(path).getroot()))


def _of_ocel(told: Any) -> Iterator[str]:
    if set(told) != {"objectTypes", "eventTypes", "objects", "events"}:
        yield f"members are {sorted(told)}"
    ids = {item["id"] for item in told["objects"]}
    for items, types in (("objects", "objectTypes"), ("events", "eventTypes")):
        for name, count in Counter(item["name"] for item in told[types]).items():
            if count > 1:
                yield f"{types}: {name} is declared {count} times"
        for name, count in Counter(item["id"] for item in told[items]).items():
            if count > 1:
                yield f"{items}: {name} is there {count} times"
        declared: dict[str, dict[str, str]] = {}
        for item in told[types]:
            names = [attribute["name"] for attribute in item["attributes"]]
            if len(set(names)) < len(names):
                yield f"{item['name']} declares an attribute twice"
            declared[item["name"]] = {a["name"]: a["type"] for a in item["attributes"]}
            for name, kind in declared[item["name"]].items():
                if kind not in {"string", "time", "integer", "float", "boolean"}:
                    yield f"{item['name']}.{name} is of no type OCEL knows: {kind}"
        for item in told[items]:
            yield from _of_item(item, declared.get(item["type"]), ids, timed=items == "objects")


def _of_item(item: Any, declared: dict[str, str] | None, ids: set[str], *, timed: bool) -> Iterator[str]:
    if declared is None:
        yield f"{item['id']} is of no declared type: {item['type']}"
        return
    if not timed and not _is_moment(item["time"]):
        yield f"{item['id']} is at no moment: {item['time']}"
    for attribute in item["attributes"]:
        if set(attribute) != ({"name", "value", "time"} if timed else {"name", "value"}):
            yield f"{item['id']} has an attribute of {sorted(attribute)}"
        kind = declared.get(attribute["name"])
        if kind is None:
            yield f"{item['id']} has an attribute that is not declared: {attribute['name']}"
        elif not isinstance(attribute["value"], str):
            yield f"{item['id']}.{attribute['name']} is no text"
        elif not (timed and attribute["value"] == "") and not _is_of(kind, attribute["value"]):
            # A value that was taken away again is an empty text: the format has no other way to say so.
            yield f"{item['id']}.{attribute['name']} is no {kind}: {attribute['value']}"
        if timed and not _is_moment(attribute.get("time", "")):
            yield f"{item['id']}.{attribute['name']} is at no moment"
    if not timed and len({a["name"] for a in item["attributes"]}) < len(item["attributes"]):
        yield f"{item['id']} has an attribute twice"
    related = [(it["objectId"], it["qualifier"]) for it in item["relationships"]]
    if len(set(related)) < len(related):
        yield f"{item['id']} is related twice to the same object in the same way"
    for to, _ in related:
        if to not in ids:
            yield f"{item['id']} is related to {to}, which is not there"
    if not timed and not related:
        yield f"{item['id']} is related to nothing"


def _of_xes(root: ET.Element) -> Iterator[str]:
    if root.tag != f"{SPACE}log":
        yield f"the root is {root.tag}"
    if not _is_of("float", root.get("xes.version", "")) or root.get("xes.features") is None:
        yield "the log lacks its version or its features"
    places = [_ORDER.index(_group(element)) for element in root]
    if places != sorted(places):
        yield "the elements of the log are not in their order"
    prefixes = {item.get("prefix") for item in root.iter(f"{SPACE}extension")}
    for item in root.iter(f"{SPACE}extension"):
        if not all(item.get(name) for name in ("name", "prefix", "uri")):
            yield "an extension lacks its name, its prefix or its URI"
    given: dict[str | None, dict[str, str]] = {}
    for item in root.findall(f"{SPACE}global"):
        given[item.get("scope")] = {str(one.get("key")): one.tag for one in item}
    for item in root.findall(f"{SPACE}classifier"):
        if not set((item.get("keys") or "").split()) <= set(given.get(item.get("scope") or "event", {})):
            yield f"the classifier {item.get('name')} stands on what not every event has"
    for holder in root.iter():
        tag = holder.tag.removeprefix(SPACE)
        if tag in _ATTRIBUTES:
            yield from _of_attribute(holder, tag, prefixes)
        if tag in {"trace", "event", "log", "global"}:
            keys = [item.get("key") for item in holder if item.tag.removeprefix(SPACE) in _ATTRIBUTES]
            if len(set(keys)) < len(keys):
                yield f"a {tag} has a key twice: {sorted(map(str, keys))}"
        if tag in {"trace", "event"}:
            has = {str(item.get("key")): item.tag for item in holder if item.get("key") is not None}
            if any(has.get(key) != kind for key, kind in given.get(tag, {}).items()):
                yield f"a {tag} lacks what every one is said to have"
    for trace in root.findall(f"{SPACE}trace"):
        groups = [_group(item) for item in trace]
        if groups != sorted(groups, key=_ORDER.index) or set(groups) - {"attribute", "event"}:
            yield "a trace has something else than attributes and then events"


def _of_attribute(item: ET.Element, tag: str, prefixes: set[str | None]) -> Iterator[str]:
    key, value = item.get("key") or "", item.get("value")
    if not _NAME.match(key):
        yield f"{key!r} is no name"
    if ":" in key and key.partition(":")[0] not in prefixes:
        yield f"{key!r} is of an extension that is not declared"
    kind = {"date": "time", "int": "integer", "id": "string"}.get(tag, tag)
    if tag != "list" and (value is None or not _is_of(kind, value)):
        yield f"{key} is no {kind}: {value!r}"


def _group(element: ET.Element) -> str:
    tag = element.tag.removeprefix(SPACE)
    return "attribute" if tag in _ATTRIBUTES else tag


def _is_of(kind: str, text: str) -> bool:
    match kind:
        case "string":
            return True
        case "time":
            return _is_moment(text)
        case "integer":
            return re.fullmatch(r"[+-]?\d+", text) is not None
        case "boolean":
            return text in {"true", "false"}
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_moment(text: str) -> bool:
    if not _MOMENT.match(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
