"""Event logs for other programs: what the standards ask of them, whom an event is about besides its record, and values with their types."""

import copy
import json
from collections import Counter
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from support.event_log_rules import SPACE, ocel_faults, xes_faults
from support.histories import play
from support.ledgers import A_HISTORY, UpTo, a_ledger, flattened
from support.worked import A_WORKED_LOG

from domain.playbook.catalogue import Playbooks
from projections.ledger.attributes import FieldTypes, declared, merged, plain, spelled
from projections.ledger.export import activities, activity_name, partitions
from projections.ledger.ocel import export_ocel
from projections.ledger.xes import _key, export_xes

LOGS = {"sold": play(A_HISTORY).log, "worked": A_WORKED_LOG}


@pytest.fixture(scope="module", params=sorted(LOGS))
def handed(request, tmp_path_factory):
    """A log, its ledger half in segments, and a folder with both event logs."""
    log = LOGS[request.param]
    folder = tmp_path_factory.mktemp("ledger")
    a_ledger(folder, UpTo(log, log.head() // 2), part=200).update()
    view = a_ledger(folder, log).at()
    out = tmp_path_factory.mktemp("out")
    types = FieldTypes.upto(log, log.head())
    export_ocel(view, out, types)
    export_xes(view, out, types)
    return log, view, out


@pytest.fixture(scope="module")
def ocel(handed):
    return json.loads((handed[2] / "ledger.ocel.json").read_text())


def pointing_changes(log):
    """The changes of fields that lead somewhere, in the order of the log."""
    pairs = set(FieldTypes.upto(log, log.head()).pointing)
    changes = flattened(log, log.head())["field_changes"].sort("position", maintain_order=True)
    rows = changes.select("position", "record", "kind", "field", "new").iter_rows()
    return [row for row in rows if (row[2], row[3]) in pairs]


def referred(changes, position):
    """What each record refers to as of a position, by field, told from the log's own changes."""
    held = {}
    for at, record, _, field, new in changes:
        if at <= position:
            held.setdefault(record, {})[field] = None if new is None else json.loads(new)
    return held


def test_the_object_centric_log_keeps_the_rules_of_its_standard(ocel):
    """Types declared, attributes declared by type and of it, moments ISO, relationships that lead somewhere, nothing twice."""
    assert ocel_faults(ocel) == []


def test_the_traces_keep_the_rules_of_theirs(handed):
    """Elements in their order, keys that are names, values of their type, extensions declared, globals in every trace and event."""
    files = list(handed[2].glob("*.xes"))
    assert files
    for file in files:
        assert xes_faults(file) == []


def spoil(told, way):
    """Break one rule of a document."""
    event, thing = told["events"][0], next(item for item in told["objects"] if item["attributes"])
    match way:
        case "a type":
            event["type"] = "never declared"
        case "an attribute":
            event["attributes"].append({"name": "never declared", "value": ""})
        case "a value":
            next(it for it in event["attributes"] if it["name"] == "position")["value"] = "many"
        case "a number":
            next(it for it in event["attributes"] if it["name"] == "position")["value"] = 7
        case "a moment":
            event["time"] = "2026-03-02 09:00"
        case "a relationship":
            thing["relationships"].append({"objectId": "nobody", "qualifier": "owner"})
        case "an id":
            told["objects"].append(copy.deepcopy(thing))
        case "an untimed value":
            del thing["attributes"][0]["time"]
        case "a lonely event":
            event["relationships"] = []
        case "a declaration":
            told["eventTypes"].append(told["eventTypes"][0])


@pytest.mark.parametrize(
    "way",
    ["a type", "an attribute", "a value", "a number", "a moment", "a relationship", "an id", "an untimed value",
     "a lonely event", "a declaration"],
)  # fmt: skip
def test_a_broken_rule_of_ocel_is_found(ocel, way):
    """The rules can fail: each broken one is told."""
    told = copy.deepcopy(ocel)
    spoil(told, way)
    assert ocel_faults(told)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('xes.version="1849.2016"', 'xes.version="1849-2016"'),
        ('  <classifier name="Activity" keys="concept:name"/>\n', ""),
        ('key="position" value="', 'key="position" value="x'),
        ('key="activity"', 'key="$activity"'),
        ('key="activity"', 'key="deal:activity"'),
        ('key="activity"', 'key="position"'),
        ("T00:00:00", " 00:00:00"),
        ('<string key="org:resource"', '<int key="org:resource"'),
    ],
)
def test_a_broken_rule_of_xes_is_found(handed, tmp_path, old, new):
    """The same of traces; a classifier is moved behind the traces."""
    file = next(path for path in handed[2].glob("*.xes") if "<event>" in path.read_text())
    text = file.read_text()
    if not new:
        text = text.replace(old, "").replace("</log>", f"{old}</log>")
    elif "T00:00:00" in old:
        text = text.replace('value="1970-01-01T00:00:00.000000Z"', 'value="1970-01-01 00:00"')
    else:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "broken.xes").write_text(text)
    assert xes_faults(tmp_path / "broken.xes")


def test_what_a_record_refers_to_is_a_relationship(handed, ocel):
    """Its references and the people it names, by the name of the field; its owner; and the relations that hold."""
    log, _, _ = handed
    tables = flattened(log, log.head())
    ids = {item["id"] for item in ocel["objects"]}
    expected = Counter()
    for record, held in referred(pointing_changes(log), log.head()).items():
        expected.update((record, field, to) for field, to in held.items() if to in ids)
    owners = tables["owners"].filter(pl.col("until").is_null() & pl.col("owner").is_not_null())
    expected.update(
        (record, "owner", owner) for record, owner in owners.select("record", "owner").iter_rows()
    )
    holding = tables["relations"].filter(pl.col("until").is_null())
    expected.update(
        (record, relation, to)
        for record, relation, to in holding.select("record", "relation", "to").iter_rows()
        if to in ids
    )
    records = set(tables["records"]["record"])
    found = Counter(
        (item["id"], it["qualifier"], it["objectId"])
        for item in ocel["objects"]
        if item["id"] in records
        for it in item["relationships"]
    )
    assert found == expected
    assert expected.total() > 0


def test_an_event_is_about_what_its_record_referred_to_then(handed, ocel):
    """As of the position of the event, and not as of today: an event before a change is about what was named before."""
    log, _, _ = handed
    ids = {item["id"] for item in ocel["objects"]}
    changes = pointing_changes(log)
    fields = {field for _, _, _, field, _ in changes} - {"contact"}
    told = 0
    for event in ocel["events"]:
        position = int(next(it["value"] for it in event["attributes"] if it["name"] == "position"))
        record = event["relationships"][0]["objectId"]
        # The first one is the record itself, by its kind, and a field may be called like a kind.
        pairs = {(it["qualifier"], it["objectId"]) for it in event["relationships"][1:]}
        then = referred(changes, position).get(record, {})
        wanted = {(field, to) for field, to in then.items() if to in ids}
        assert wanted <= pairs
        assert {pair for pair in pairs if pair[0] in fields} <= wanted
        told += len(wanted)
    if log is LOGS["sold"]:
        assert told > 0


def test_attributes_have_the_types_of_their_fields():
    """A number and an amount are floats, days and moments are times, yes and no are booleans; a currency stands beside its amount."""
    types = FieldTypes.upto(LOGS["sold"], LOGS["sold"].head())
    found = {
        name: declared(name, types.of("opportunity", name))
        for name in ("seats", "budget", "expected_on", "demo_at", "is_strategic", "pains", "account")
    }
    assert found == {
        "seats": [("seats", "float")],
        "budget": [("budget", "float"), ("budget.currency", "string")],
        "expected_on": [("expected_on", "time")],
        "demo_at": [("demo_at", "time")],
        "is_strategic": [("is_strategic", "boolean")],
        "pains": [("pains", "string")],
        "account": [("account", "string")],
    }


def spelled_as(log, kind, name, stored):
    types = FieldTypes.upto(log, log.head())
    return [(attribute, text) for attribute, _, text in spelled(name, types.of(kind, name), stored)]


def test_values_are_spelled_as_their_types_ask():
    """An amount keeps its decimals, options are one text with commas, a day is a moment; an emptied field says so under each name."""
    told = {
        ("budget", '{"amount":"1500.00","currency":"CNY"}'): [
            ("budget", "1500.00"),
            ("budget.currency", "CNY"),
        ],
        ("budget", None): [("budget", ""), ("budget.currency", "")],
        ("pains", '["quality","time"]'): [("pains", "quality, time")],
        ("expected_on", '"2026-03-02"'): [("expected_on", "2026-03-02T00:00:00.000000Z")],
        ("is_strategic", "true"): [("is_strategic", "true")],
        ("buyer_phone", '{"$sealed":{"subject":"account/acc_1"}}'): [],
        ("never_published", '{"amount":"5.00","currency":"CNY"}'): [("never_published", "5.00 CNY")],
    }
    for (name, stored), expected in told.items():
        assert spelled_as(LOGS["sold"], "opportunity", name, stored) == expected


def test_a_field_that_was_two_things_is_a_text():
    """As far as anybody knows: a value of either version can be written then."""
    assert merged([("size", "float"), ("size", "time"), ("at", "time")]) == [
        {"name": "size", "type": "string"},
        {"name": "at", "type": "time"},
    ]
    assert FieldTypes(Playbooks()).of("opportunity", "budget") is None
    assert FieldTypes.upto(LOGS["sold"], 0).pointing == []


def test_values_of_the_log_reach_both_formats_typed(handed):
    """What stands in the trace of a record is what the object had last."""
    log, _, out = handed
    if log is not LOGS["sold"]:
        return
    ocel = json.loads((out / "ledger.ocel.json").read_text())
    last = {}
    for item in ocel["objects"]:
        for attribute in item["attributes"]:
            last[item["id"], attribute["name"]] = attribute["value"]
    seen = set()
    tags = set()
    for file in out.glob("*.xes"):
        for trace in ET.parse(file).getroot().findall(f"{SPACE}trace"):
            about = {item.get("key"): item for item in trace if item.get("key")}
            record = about.pop("concept:name").get("value")
            for key, item in about.items():
                name = key.removeprefix("field.") if key.startswith("field.") else f"${key}"
                assert last[record, name] == item.get("value")
                seen.add(name)
                tags.add(item.tag.removeprefix(SPACE))
            absent = {n for (of, n), value in last.items() if of == record and value} - {
                key.removeprefix("field.") if key.startswith("field.") else f"${key}" for key in about
            }
            assert not absent
    assert {"$step", "$owner", "budget", "budget.currency", "seats"} <= seen
    assert {"string", "float"} <= tags


def test_an_activity_has_one_name_in_both(handed, ocel):
    """Whoever reads both logs finds the same words, as often."""
    _, view, out = handed
    expected = Counter(
        activity_name(what, name)
        for number in partitions(view)
        for what, name in activities(view, number).select("what", "name").iter_rows()
    )
    told = Counter(event["type"] for event in ocel["events"])
    traced = Counter(
        item.get("value")
        for file in out.glob("*.xes")
        for event in ET.parse(file).getroot().iter(f"{SPACE}event")
        for item in event
        if item.get("key") == "concept:name"
    )
    assert told == traced == expected
    assert any(name.startswith(("enter ", "change ")) for name in told)


def test_a_name_xml_has_no_place_for_is_spelled_by_numbers():
    """Playbooks allow any letter and digit; keys of traces are names of XML."""
    assert _key("field.预算") == "field.预算"
    assert _key("field.m²") == "field.m_x00B2_"


def test_options_and_amounts_read_as_people_write_them():
    """In what has no type: a text."""
    assert plain('["quality","time"]') == "quality, time"
    assert plain('{"amount":"5.00","currency":"CNY"}') == "5.00 CNY"
