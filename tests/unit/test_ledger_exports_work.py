"""Work, approvals, pools, deadlines and reactions in what is handed out: as tables, as objects and events, as activities of a trace."""

import json
from collections import Counter
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from support.ledgers import UpTo, a_ledger, flattened
from support.worked import A_WORKED_LOG as LOG

from projections.ledger.attributes import FieldTypes
from projections.ledger.export import OF_WORK, export_parquet
from projections.ledger.ocel import export_ocel
from projections.ledger.xes import export_xes

XES = "{http://www.xes-standard.org/}"
TABLE_OF = {"work": "work", "approval": "approvals", "pool": "assignments", "deadline": "firings", "reaction": "reactions"}  # fmt: skip


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    """A view that stands half on segments and half on the tail."""
    folder = tmp_path_factory.mktemp("ledger")
    a_ledger(folder, UpTo(LOG, LOG.head() // 2), part=200).update()
    return a_ledger(folder, LOG).at()


@pytest.fixture(scope="module")
def tables():
    return flattened(LOG, LOG.head())


@pytest.fixture(scope="module")
def ocel(view, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ocel")
    (count,) = export_ocel(view, folder, FieldTypes.upto(LOG, LOG.head())).values()
    told = json.loads((folder / "ledger.ocel.json").read_text())
    assert count == len(told["events"])
    return told


def expected(tables, word):
    """Names of activities of work by record, told from the tables."""
    found = Counter()
    for what, table in TABLE_OF.items():
        for row in tables[table].to_dicts():
            found[row["record"], word[what] + f"{row['event']} {row[OF_WORK[what]]}"] += 1
    return found


def test_every_row_is_an_event_of_its_record_and_of_its_actor(ocel, tables):
    """With ids of their own, of declared types, and every relation leads to an object that is there."""
    objects = {item["id"]: item for item in ocel["objects"]}
    assert len(objects) == len(ocel["objects"])
    assert len({item["id"] for item in ocel["events"]}) == len(ocel["events"])
    for items, types in ((ocel["objects"], ocel["objectTypes"]), (ocel["events"], ocel["eventTypes"])):
        declared = {item["name"]: {attribute["name"] for attribute in item["attributes"]} for item in types}
        for item in items:
            assert {attribute["name"] for attribute in item["attributes"]} <= declared[item["type"]]
            assert all(related["objectId"] in objects for related in item["relationships"])
    found = Counter()
    for event in ocel["events"]:
        if event["type"].split()[0] in OF_WORK:
            (record,) = [
                it["objectId"]
                for it in event["relationships"]
                if objects[it["objectId"]]["type"] == "deal" and it["qualifier"] == "deal"
            ]
            found[record, event["type"]] += 1
    assert found == expected(tables, {what: f"{what} " for what in TABLE_OF})


def test_work_items_and_approvals_are_objects_of_their_record(ocel, tables):
    """A work item knows everybody who had it, in order; its events, and those of nobody else, are related to it."""
    work = tables["work"]
    items = {item["id"]: item for item in ocel["objects"] if item["type"] == "work item"}
    assert set(items) == {f"{record}/{name}" for record, name in work.select("record", "work").iter_rows()}
    related = Counter(
        it["objectId"] for event in ocel["events"] for it in event["relationships"] if it["qualifier"] == "work item"
    )  # fmt: skip
    for (record, name), rows in work.sort("position").group_by("record", "work"):
        item = items[f"{record}/{name}"]
        assert related[item["id"]] == rows.height
        assert item["relationships"] == [{"objectId": record, "qualifier": "deal"}]
        held = [it["value"] for it in item["attributes"] if it["name"] == "assignee"]
        passed = rows.filter(pl.col("event").is_in(["requested", "reassigned"]))
        assert held == passed["assignee"].to_list()
    approvals = {item["id"] for item in ocel["objects"] if item["type"] == "approval request"}
    assert approvals == {
        f"{record}/{name}" for record, name in tables["approvals"].select("record", "approval").iter_rows()
    }


def test_whoever_was_told_or_given_something_is_related_to_it(ocel, tables):
    """The people told of a deadline or by a reaction, whoever has a work item, and whom a pool gave a record."""
    found = Counter(
        (it["qualifier"], it["objectId"])
        for event in ocel["events"]
        for it in event["relationships"]
        if it["qualifier"] in ("told", "assignee", "person")
    )
    told = Counter()
    for table in ("firings", "reactions"):
        told.update(("told", person) for row in tables[table]["told"] for person in row)
    told.update(("assignee", person) for person in tables["work"]["assignee"])
    told.update(("person", person) for person in tables["assignments"]["person"] if person is not None)
    assert found == told


def test_traces_have_them_as_activities(view, tables, tmp_path):
    """In the order of business time, named by what happened to what."""
    export_xes(view, tmp_path, FieldTypes.upto(LOG, LOG.head()))
    found = Counter()
    for trace in ET.parse(tmp_path / "deal.xes").getroot().findall(f"{XES}trace"):
        record = trace.find(f"{XES}string[@key='concept:name']").get("value")
        moments = []
        for event in trace.findall(f"{XES}event"):
            about = {item.get("key"): item.get("value") for item in event}
            moments.append(about["time:timestamp"])
            if about["activity"] in TABLE_OF:
                found[record, about["concept:name"]] += 1
            if about["activity"] == "work":
                assert about["about"].startswith(("wrk_", "frk_"))
                assert about["new"].startswith("person/")
        assert moments == sorted(moments)
    assert found == expected(tables, {what: f"{what} " for what in TABLE_OF})


def test_parquet_has_a_file_for_each_and_nothing_sealed_leaves_in_clear(view, tables, tmp_path):
    """What stands once, about no record, goes out whole."""
    written = export_parquet(view, tmp_path, kind="deal")
    for name in (*TABLE_OF.values(), "forks", "organisation_events"):
        assert written[f"{name}.parquet"] == tables[name].height > 0
        assert pl.read_parquet(tmp_path / f"{name}.parquet").schema == tables[name].schema
