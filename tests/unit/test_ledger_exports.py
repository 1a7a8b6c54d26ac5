"""What is handed out: the same rows as Parquet, and the same activities as OCEL and XES, with nothing personal in the clear."""

import json
from collections import Counter
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from support.histories import play
from support.ledgers import A_HISTORY, UpTo, a_ledger, flattened

from projections.ledger.attributes import FieldTypes, plain
from projections.ledger.export import activity_name, export_parquet
from projections.ledger.ocel import export_ocel
from projections.ledger.tables import TABLES
from projections.ledger.xes import export_xes

XES = "{http://www.xes-standard.org/}"


@pytest.fixture(scope="module")
def log():
    return play(A_HISTORY).log


@pytest.fixture(scope="module")
def view(log, tmp_path_factory):
    """A view that stands half on segments and half on the tail."""
    folder = tmp_path_factory.mktemp("ledger")
    a_ledger(folder, UpTo(log, log.head() // 2)).update()
    return a_ledger(folder, log).at()


@pytest.fixture(scope="module")
def types(log):
    return FieldTypes.upto(log, log.head())


def activities_of(log):
    """Names of activities by record, told from the tables as flattened at once."""
    tables = flattened(log, log.head())
    told = Counter()
    told.update((r, "step", s) for r, s in tables["visits"].select("record", "step").iter_rows())
    touches = tables["touches"].filter(pl.col("until").is_null())
    told.update((r, "touch", k) for r, k in touches.select("record", "touch_kind").iter_rows())
    changes = tables["field_changes"].filter(~pl.col("at_opening"))
    told.update((r, "field", f) for r, f in changes.select("record", "field").iter_rows())
    told.update((r, "confirm", f) for r, f in tables["confirmations"].select("record", "field").iter_rows())
    told.update((r, "evidence", f) for r, f in tables["evidence"].select("record", "field").iter_rows())
    opened = set(tables["records"].select("record", "position").iter_rows())
    told.update((r, "owner", "owner") for r, p in tables["owners"].select("record", "position").iter_rows() if (r, p) not in opened)  # fmt: skip
    without = tables["records"].filter(pl.col("step").is_null())
    told.update((r, "open", "opened") for r in without["record"])
    return told


def test_parquet_holds_every_table_as_it_is_read(view, log, tmp_path):
    """One file a table, the rows of the log, sorted by record and position."""
    written = export_parquet(view, tmp_path)
    expected = flattened(log, log.head())
    assert written == {f"{name}.parquet": frame.height for name, frame in expected.items()}
    for name, frame in expected.items():
        found = pl.read_parquet(tmp_path / f"{name}.parquet")
        assert found.sort(*TABLES[name].order, maintain_order=True).equals(frame)
        assert TABLES[name].whole or found.equals(frame)


def test_one_kind_is_handed_out_alone(view, tmp_path):
    """Tables that are about no record go out whole."""
    export_parquet(view, tmp_path, kind="visit")
    assert set(pl.read_parquet(tmp_path / "events.parquet")["kind"]) == {"visit"}
    assert pl.read_parquet(tmp_path / "people.parquet").height == view.scan("people").collect().height


def test_xes_has_a_trace_a_record_and_an_event_an_activity(view, log, types, tmp_path):
    """Each with the attributes of the standard extensions, in the order of business time."""
    traces = export_xes(view, tmp_path, types)
    told = Counter()
    for file, count in traces.items():
        root = ET.parse(tmp_path / file).getroot()
        assert len(root.findall(f"{XES}trace")) == count
        assert {item.get("prefix") for item in root.findall(f"{XES}extension")} == {"concept", "time", "org", "lifecycle"}  # fmt: skip
        for trace in root.findall(f"{XES}trace"):
            record = trace.find(f"{XES}string[@key='concept:name']").get("value")
            assert record.startswith(f"{file.removesuffix('.xes')}/")
            moments = []
            for event in trace.findall(f"{XES}event"):
                about = {item.get("key"): item.get("value") for item in event}
                assert about.keys() >= {
                    "concept:name",
                    "time:timestamp",
                    "org:resource",
                    "lifecycle:transition",
                }
                told[record, about["activity"], about["concept:name"]] += 1
                moments.append(about["time:timestamp"])
            assert moments == sorted(moments)
    named = Counter()
    for (record, what, name), count in activities_of(log).items():
        named[record, what, activity_name(what, name)] += count
    assert told == named


def test_ocel_relates_every_activity_to_objects_that_are_there(view, log, types, tmp_path):
    """Types are declared, ids are unique, and every relation leads somewhere."""
    (count,) = export_ocel(view, tmp_path, types).values()
    told = json.loads((tmp_path / "ledger.ocel.json").read_text())
    assert set(told) == {"objectTypes", "eventTypes", "objects", "events"}
    objects = {item["id"]: item for item in told["objects"]}
    events = {item["id"]: item for item in told["events"]}
    assert (len(objects), len(events)) == (len(told["objects"]), len(told["events"]))
    assert len(events) == count == activities_of(log).total()
    for items, types in ((told["objects"], told["objectTypes"]), (told["events"], told["eventTypes"])):
        declared = {item["name"]: {attribute["name"] for attribute in item["attributes"]} for item in types}
        for item in items:
            assert {attribute["name"] for attribute in item["attributes"]} <= declared[item["type"]]
            assert all(related["objectId"] in objects for related in item["relationships"])
    records = set(flattened(log, log.head())["records"]["record"])
    assert {name for name, item in objects.items() if item["type"] != "person"} == records


def test_nothing_personal_is_handed_out(view, types, tmp_path):
    """Sealed values stay sealed in Parquet, and are left out elsewhere; that there was one is said."""
    export_xes(view, tmp_path, types)
    export_ocel(view, tmp_path, types)
    text = "".join(path.read_text() for path in tmp_path.iterdir())
    for word in ("$sealed", "Anna Quist", "they said", "call back soon", "13800138000"):
        assert word not in text
    assert "is_sealed" in text


def test_values_are_shown_as_other_programs_read_them():
    """Texts without their quotes, amounts with their currency, anything else as JSON, what is sealed or empty not at all."""
    assert plain('"fair"') == "fair"
    assert plain('{"amount":"5.00","currency":"CNY"}') == "5.00 CNY"
    assert plain("true") == "true"
    assert plain(None) is None
    assert plain('{"$sealed":{"subject":"account/acc_1"}}') is None


def test_a_value_with_characters_xml_has_no_place_for_stays_well_formed(view, types, tmp_path, monkeypatch):
    """Whatever somebody once typed, the file can be read."""
    odd = "a\x01<b>&\"'\n\uffff"
    frame = pl.DataFrame({"record": ["visit/vis_1"], "kind": ["visit"], "position": [1], "what": ["field"], "name": [odd], "at": [None], "recorded_at": ["2026-03-02T09:00:00Z"], "actor": ["x"], "move": [None], "contact": [None], "old": [None], "new": [json.dumps(odd)]})  # fmt: skip
    frame = frame.with_columns(pl.col("recorded_at").str.to_datetime(time_unit="us", time_zone="UTC"))
    monkeypatch.setattr("projections.ledger.xes.activities", lambda view, number, kind: frame if number == 0 else frame.clear())  # fmt: skip
    export_xes(view, tmp_path, types)
    root = ET.parse(tmp_path / "visit.xes").getroot()
    (value,) = [item.get("value") for item in root.iter(f"{XES}string") if item.get("key") == "new"]
    assert value == "a\ufffd<b>&\"'\n\ufffd"
    (told,) = [
        item.get("value") for item in root.iter(f"{XES}boolean") if item.get("key") == "time_is_recorded"
    ]
    assert told == "true"
