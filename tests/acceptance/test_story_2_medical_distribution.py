"""Story 2, *medical distribution*: what a hospital asks for goes from production to the warehouse to quality, in March 2026.

Whoever is late is seen by the manager of their region. What is promised becomes somebody's work and is counted; a complaint has one named handler a step;
a device is accepted by seventeen actions; a visit has its list; a document says which version legal has. Everything goes over HTTP, on a simulated log.
"""

from datetime import datetime
from typing import Any

import pytest
from support.office import SHANGHAI, Office, named, pointers, unmet
from support.sales import is_whole
from support.slicing import slices_refused

HOSPITAL = "customer/cus_first"
NEED, OTHER_NEED = "/v1/requirements/req_1", "/v1/requirements/req_2"
COMPLAINT, DEVICE = "/v1/complaints/cmp_1", "/v1/device_acceptances/acp_1"
VISIT, CONTRACT = "/v1/visits/vis_1", "/v1/documents/doc_1"
STAFF = (
    ("pan", "production", "gong"), ("wei", "warehouse", "gong"), ("qiu", "quality", "gong"), ("lin", "legal", None), ("fan", "finance", None),
    ("shen", "service_engineer", "song"), ("chen", "clinical_specialist", "song"), ("rui", "regulatory", None), ("cao", "complaint_reviewer", None), ("an", "archivist", None),
)  # fmt: skip
SEVENTEEN = {
    "arrival_announced": ("shen", None), "crate_checked": ("shen", "arrival_photo"), "papers_checked": ("rui", "qualification_file"),
    "import_checked": ("rui", None), "unpacked_by_three": ("shen", None), "contents_counted": ("shen", "packing_list"),
    "identity_checked": ("rui", None), "documents_handed_over": ("shen", None), "site_ready": ("shen", None), "installed": ("shen", None),
    "electrical_safety": ("shen", "safety_report"), "performance_tested": ("shen", "performance_report"), "metrology_done": ("rui", "metrology_certificate"),
    "connected": ("shen", None), "users_trained": ("chen", "training_record"), "trial_run": ("chen", "trial_record"), "signed_by_three": ("shen", "acceptance_report"),
}  # fmt: skip
"""The seventeen actions of acceptance: who ticks each, and the piece that shows it."""
LATER = {"electrical_safety": (20, 9), "trial_run": (24, 9), "signed_by_three": (24, 14)}
"""Days of March on which the acceptance goes on: installed, after three days of trial, signed."""


@pytest.fixture
def office(a_tenant, embedded_home) -> Office:
    """Two regions with a manager each; the east sells, plans, picks, inspects and mends, with a manager above each."""
    begins = datetime(2026, 3, 2, 8, 40, tzinfo=SHANGHAI)
    tenant = a_tenant("medical", clock="simulated", told_time=begins)
    office = Office(tenant, embedded_home, "medical_distribution", begins)
    office.post("/v1/teams", {"id": "east", "name": "华东", "region": "华东"})
    office.post("/v1/teams", {"id": "north", "name": "华北", "region": "华北"})
    office.post("/v1/teams", {"id": "plant", "name": "工厂", "region": "华东"})
    office.join("nora", "regional_manager", team="north")
    office.join("rita", "regional_manager", team="east")
    office.join("dora", "sales", team="east", manager="rita")
    office.join("sun", "sales", team="east", manager="dora")
    office.join("sid", "sales", team="east", manager="dora")
    office.join("gong", "sales_operations", team="plant")
    office.join("song", "sales_operations", team="plant")
    for name, role, manager in STAFF:
        office.join(name, role, team="plant", manager=manager)
    office.post("/v1/customers", {"id": "cus_first", "fields": {"name": "第一人民医院", "region": "华东"}})
    return office


def opened(office: Office, path: str, fields: dict[str, Any], owner: str = "sun") -> str:
    """Open a record of the hospital; return its stream."""
    collection, record_id = path.removeprefix("/v1/").split("/")
    body = {"id": record_id, "owner": named(owner), "fields": {"customer": HOSPITAL} | fields}
    answer = office.post(f"/v1/{collection}", body, by=owner)
    stream: str = answer["events"][0]["stream"]
    return stream


def work(office: Office, path: str, stream: str, template: str) -> str:
    """The address of the newest work of a template about a record."""
    return f"{path}/work/{office.asked(stream)[template]['id']}"


def alerts(office: Office, after: int) -> list[tuple[str, list[str]]]:
    """Which reactions told whom since a position."""
    found = office.items("/v1/events", topic="reaction.alerted", after=after, limit=200)
    return [
        (it["payload"]["reaction"], sorted(who.removeprefix("person/per_") for who in it["payload"]["told"]))
        for it in found
    ]


def a_requirement_goes_through_the_chain(office: Office) -> None:
    """Production and legal are asked at once, the warehouse and quality when the one before has handed over its proof; the region hears of what is late."""
    office.at(3, 2, 9)
    vague = office.refused("/v1/requirements", {"owner": named("sun"), "fields": {"subject": "监护仪", "customer": HOSPITAL}}, by="sun")  # fmt: skip
    assert unmet(vague) == {"field:quantity", "field:expected_on"}
    fields = {"subject": "监护仪两台", "quantity": "2", "expected_on": "2026-03-20", "amount": "180000"}
    need = opened(office, NEED, fields)
    first = office.asked(need)
    assert {name: (item["assignee"], item["priority"]) for name, item in first.items()} == {
        "plan_production": (named("pan"), 5),
        "contract_terms": (named("lin"), 0),
    }
    terms, plan = (work(office, NEED, need, name) for name in ("contract_terms", "plan_production"))
    office.at(3, 2, 9, 30).post(f"{terms}/acceptances", by="lin")
    office.at(3, 2, 10, 30).post(f"{terms}/completions", {"fields": {"verdict": "as_is"}}, by="lin")

    # Production does not answer. Nobody writes anything, and by the evening the manager of their region knows, and no other.
    head = office.tenant.log.head()
    office.at(3, 3, 8, 45)
    assert set(office.topics(head)) == {"deadline.noticed"}
    assert office.told(need, "first_leg") == [
        (1, ["pan", "sun"], "03-02 11:00"),
        (2, ["gong"], "03-02 13:00"),
        (3, ["rita"], "03-02 17:00"),
    ]
    office.at(3, 3, 9).post(f"{plan}/acceptances", by="pan")
    office.at(3, 3, 10)
    unproved = office.refused(f"{plan}/completions", by="pan")
    assert pointers(unproved) == {"/fields/planned_on", "/fields/batch_number", "/evidence/plan_screenshot"}
    assert "pick_stock" not in office.asked(need), "the next leg begins with the proof of the one before"
    office.attach(NEED, "plan_screenshot", by="pan")
    planned = {"planned_on": "2026-03-12", "batch_number": "B-0312"}
    done = office.post(f"{plan}/completions", {"fields": planned}, by="pan")
    picking = office.asked(need)["pick_stock"]
    assert picking["assignee"] == named("wei")
    (request,) = [it for it in office.items("/v1/events", after=done["position"]) if it["topic"] == "record.work-requested.v1"]  # fmt: skip
    assert (request["channel"], request["causation_id"]) == ("reaction", str(done["position"]))

    office.at(3, 3, 10, 30)
    gate = office.refused(f"{NEED}/stage-changes", {"to": "planned", "fields": planned}, by="sun")
    assert unmet(gate) == {"evidence:requirement_sheet"}
    office.attach(NEED, "requirement_sheet", by="sun")
    office.post(f"{NEED}/stage-changes", {"to": "planned", "fields": planned}, by="sun")
    head = office.tenant.log.head()
    office.edit(NEED, {"expected_on": "2026-03-18"}, by="sun")
    assert alerts(office, head) == [("date_moved", ["pan", "wei"])]
    read = {"preset": "customer_has_read", "fields": {"next_step": "设备科王老师，3月16日腾场地"}}
    office.at(3, 3, 16).post(f"{NEED}/progress", read, by="sun")

    # The warehouse is late: red in the list, then its manager, then the manager of the region.
    office.at(3, 5, 11)
    assert office.told(need, "chain") == [
        (0, ["wei"], "03-03 17:54"),
        (1, ["sun", "wei"], "03-04 10:00"),
        (2, ["gong"], "03-04 15:30"),
        (3, ["rita"], "03-05 10:00"),
    ]
    assert [item["template"] for item in office.items("/v1/work", overdue=True, record=need)] == [
        "pick_stock"
    ]
    pick = work(office, NEED, need, "pick_stock")
    picked = {"batch_number": "B-0312", "expires_on": "2028-03-12"}
    assert pointers(office.refused(f"{pick}/completions", {"fields": picked}, by="wei")) == {
        "/evidence/stock_photo"
    }
    office.attach(NEED, "stock_photo", by="wei")
    office.post(f"{pick}/completions", {"fields": picked}, by="wei")
    office.post(f"{NEED}/stage-changes", {"to": "stocked"}, by="sun")
    release = work(office, NEED, need, "release_quality")
    office.at(3, 5, 15)
    assert "comes after label_and_udi" in office.refused(f"{release}/ticks", {"item": "expiry"}, by="qiu")["errors"][0]["message"]  # fmt: skip
    for item in ("label_and_udi", "expiry", "storage"):
        office.post(f"{release}/ticks", {"item": item}, by="qiu")
    assert pointers(office.refused(f"{release}/completions", by="qiu")) == {"/evidence/quality_report"}
    office.attach(NEED, "quality_report", by="qiu")
    head = office.tenant.log.head()
    office.post(f"{release}/completions", by="qiu")
    assert alerts(office, head) == [("released", ["sun"])]
    office.post(f"{NEED}/stage-changes", {"to": "released"}, by="sun")
    office.at(3, 6, 9)
    arrived = {
        "preset": "delivered_today",
        "fields": {"delivered_on": "2026-03-06"},
        "evidence": office.attach(NEED, "delivery_receipt", by="sun"),
    }
    told = office.post(f"{NEED}/progress", arrived, by="sun")
    assert [it["topic"] for it in told["events"]] == ["record.touched.v1", "record.fields-changed.v1", "record.stage-changed.v1"]  # fmt: skip
    assert office.get(NEED)["stage"] == "delivered"


def healthy_actions_are_counted(office: Office) -> None:
    """Of two requirements one was taken within two hours; legal and the customer were in time where there was something to be in time for."""
    office.at(3, 6, 10)
    fields = {"subject": "输液泵十台", "quantity": "10", "expected_on": "2026-04-20"}
    need = opened(office, OTHER_NEED, fields)
    plan = work(office, OTHER_NEED, need, "plan_production")
    office.at(3, 6, 11).post(f"{plan}/acceptances", by="pan")
    office.attach(OTHER_NEED, "plan_screenshot", by="pan")
    planned = {"planned_on": "2026-04-01", "batch_number": "B-0401"}
    office.post(f"{plan}/completions", {"fields": planned}, by="pan")
    rows = office.items("/v1/metrics/healthy_actions", kind="requirements", by="action")
    assert {row["cell"]["action"]: (row["healthy"], row["late"], row["running"], row["rate_percent"]) for row in rows} == {
        "first_leg_taken": (1, 1, 0, "50"),
        "terms_in_four_hours": (1, 0, 1, "100"),
        "date_read_in_a_day": (1, 0, 0, "100"),
    }  # fmt: skip
    (index,) = office.items("/v1/indices/healthy_actions", by="owner", period="2026-03")
    assert index["cell"]["owner"] == named("sun")
    measured = {name: (part["measured"], part["judged"]) for name, part in index["components"].items()}
    assert measured["readings"] == ("1", 1)
    assert measured["actions"] == ("66.666667", 3), (
        "sheet and reading of the first in time, its delivery not arranged"
    )
    assert (index["value"], index["band"]) == ("58.333333", "red")


def commitments_are_kept_moved_broken_and_excused(office: Office) -> None:
    """A promise becomes work of whoever has to keep it, before other work; a past day needs proof; the rate is of those kept by their day."""
    office.at(3, 9, 9)

    def promise(number: int, department: str, due_on: str, owner: str = "sun") -> tuple[str, str]:
        path = f"/v1/commitments/com_{number}"
        return path, opened(
            office, path, {"promise": "做到", "department": department, "due_on": due_on}, owner
        )

    nameless = office.refused(
        "/v1/commitments", {"owner": named("sun"), "fields": {"promise": "尽快"}}, by="sun"
    )
    assert unmet(nameless) == {"field:customer", "field:department", "field:due_on"}
    first, stream = promise(1, "warehouse", "2026-03-11")
    office.post(f"{first}/stage-changes", {"to": "made"}, by="sun")
    assert [(item["template"], item["priority"]) for item in office.items("/v1/people/per_wei/work")] == [("keep_promise", 8), ("pick_stock", 5)]  # fmt: skip
    keeping = work(office, first, stream, "keep_promise")
    office.at(3, 9, 10).post(f"{keeping}/responses", {"note": "周三发车"}, by="wei")

    # Two promises whose day is past already: one the department knew of, one with proof of it.
    for number, department in ((2, "quality"), (3, "finance")):
        path, _ = promise(number, department, "2026-03-05")
        assert unmet(office.refused(f"{path}/stage-changes", {"to": "made"}, by="sun")) == {"condition:date_ahead_or_known"}  # fmt: skip
        if number == 2:
            office.edit(path, {"department_notified": True}, by="sun")
        else:
            office.attach(path, "notice_proof", by="sun")
        office.post(f"{path}/stage-changes", {"to": "made"}, by="sun")
    forgotten, forgotten_stream = promise(4, "legal", "2026-03-10")
    office.post(f"{forgotten}/stage-changes", {"to": "made"}, by="sun")
    other, other_stream = promise(5, "production", "2026-03-13", "sid")
    office.post(f"{other}/stage-changes", {"to": "made"}, by="sid")

    # Moved by agreement, before its day, with the customer's word; the manager hears of it.
    office.at(3, 10, 10)
    new_date = {
        "preset": "moved_by_agreement",
        "fields": {"due_on": "2026-03-13", "moved_reason": "logistics"},
    }
    assert pointers(office.refused(f"{first}/progress", new_date, by="sun")) == {"/evidence/new_date_agreed"}
    head = office.tenant.log.head()
    agreed = office.attach(first, "new_date_agreed", by="sun")
    office.post(f"{first}/progress", new_date | {"evidence": agreed}, by="sun")
    assert alerts(office, head) == [("moved", ["dora"])]

    # Kept by its day and with proof, or not kept.
    office.at(3, 12, 15)
    assert pointers(office.refused(f"{keeping}/completions", {"fields": {"result": "已发车"}}, by="wei")) == {"/evidence/keeping_proof"}  # fmt: skip
    proof = office.attach(first, "keeping_proof", by="wei")
    head = office.tenant.log.head()
    office.post(f"{keeping}/completions", {"fields": {"result": "已发车"}}, by="wei")
    assert alerts(office, head) == [("work_done", ["sun"])]
    kept = {"preset": "kept_today", "fields": {"kept_on": "2026-03-16"}, "evidence": proof}
    assert unmet(office.refused(f"{first}/progress", kept, by="sun")) == {"condition:kept_in_time"}
    kept["fields"] = {"kept_on": "2026-03-12"}
    office.post(f"{first}/progress", kept, by="sun")
    of_other = {"evidence": office.attach(other, "keeping_proof", by="sid")}
    too_early = office.refused(f"{other}/progress", kept | of_other, by="sid")
    assert unmet(too_early) == {"condition:done_by_whoever_keeps_it"}
    theirs = work(office, other, other_stream, "keep_promise")
    office.post(f"{theirs}/completions", {"fields": {"result": "已入库"}}, by="pan")
    office.post(f"{other}/progress", kept | of_other, by="sid")

    # One is excused, one broken by its department; the fourth nobody thought of, and the ladder climbs by itself.
    assert unmet(office.refused("/v1/commitments/com_3/stage-changes", {"to": "excused"}, by="sun")) == {"field:excuse_reason"}  # fmt: skip
    excused = {"to": "excused", "fields": {"excuse_reason": "医院取消了手术"}}
    office.post("/v1/commitments/com_3/stage-changes", excused, by="sun")
    assert unmet(office.refused("/v1/commitments/com_2/stage-changes", {"to": "broken"}, by="sun")) == {"field:broken_reason"}  # fmt: skip
    head = office.tenant.log.head()
    broken = {"to": "broken", "fields": {"broken_reason": "late_department"}}
    office.post("/v1/commitments/com_2/stage-changes", broken, by="sun")
    assert alerts(office, head) == [("broken", ["dora", "rita"])]
    office.at(3, 16, 9)
    assert [line for line in office.told(forgotten_stream, "due") if line[0] > 0] == [
        (1, ["sun"], "03-11 00:00"),
        (2, ["dora"], "03-11 18:00"),
        (3, ["rita"], "03-13 18:00"),
    ]
    office.post(
        f"{forgotten}/stage-changes", {"to": "broken", "fields": {"broken_reason": "forgotten"}}, by="sun"
    )
    rates = office.items(
        "/v1/metrics/conversion", kind="commitments", by="owner", **{"from": "made", "to": "kept"}
    )
    assert {row["cell"]["owner"]: (row["entered"], row["reached"], row["rate_percent"]) for row in rates} == {
        named("sun"): (4, 1, "25"),
        named("sid"): (1, 1, "100"),
    }
    (team,) = office.items("/v1/metrics/conversion", kind="commitments", by="team", period="2026-03", **{"from": "made", "to": "kept"})  # fmt: skip
    assert (team["cell"]["team"], team["rate_percent"]) == ("east", "40")


def a_complaint_has_one_named_handler_a_step(office: Office) -> None:
    """Whoever took it, who handles, who reviews and who files it are four people; after 24 hours without progress the direct superior has it."""
    office.at(3, 16, 10)
    head = office.tenant.log.head()
    stream = opened(office, COMPLAINT, {"summary": "监护仪误报警", "severity": "safety"})
    assert alerts(office, head) == [("safety_first", ["dora", "qiu", "rita"])]
    handle = work(office, COMPLAINT, stream, "handle")
    assert unmet(office.refused(f"{COMPLAINT}/stage-changes", {"to": "handling"}, by="sun")) == {"evidence:intake_record"}  # fmt: skip
    office.attach(COMPLAINT, "intake_record", by="sun")
    office.post(f"{COMPLAINT}/stage-changes", {"to": "handling"}, by="sun")
    office.at(3, 17, 11)
    assert office.told(stream, "answered") == [(1, ["shen"], "03-16 12:00"), (2, ["song"], "03-16 14:00")]
    assert office.told(stream, "fuse") == [(0, ["shen"], "03-17 04:00"), (1, ["song"], "03-17 10:00")]
    assert "only person/per_shen" in office.refused(f"{handle}/completions", by="sun")["errors"][0]["message"]
    assert pointers(office.refused(f"{handle}/completions", by="shen")) == {
        "/fields/finding", "/fields/action_taken", "/evidence/handling_proof",
    }  # fmt: skip
    found = {"finding": "探头松动", "action_taken": "更换探头"}
    early = {"to": "reviewing", "fields": {"solution": "已更换探头"}}
    assert unmet(office.refused(f"{COMPLAINT}/stage-changes", early, by="sun")) == {"evidence:handling_proof", "condition:handled"}  # fmt: skip
    office.attach(COMPLAINT, "handling_proof", by="shen")
    office.post(f"{handle}/completions", {"fields": found}, by="shen")
    review = work(office, COMPLAINT, stream, "review")
    assert office.asked(stream)["review"]["assignee"] == named("cao")

    # The reviewer sends it back, and says why; it is handled again, by name.
    office.at(3, 17, 14)
    assert pointers(office.refused(f"{review}/declines", {"reason": ""}, by="cao")) == {"/reason"}
    office.post(f"{review}/declines", {"reason": "没有说明报警日志"}, by="cao")
    again = work(office, COMPLAINT, stream, "handle")
    assert again != handle
    office.at(3, 17, 16).post(f"{again}/completions", {"fields": found}, by="shen")
    office.post(f"{COMPLAINT}/stage-changes", early, by="sun")
    review = work(office, COMPLAINT, stream, "review")
    assert pointers(office.refused(f"{review}/completions", {"fields": {"verdict": "settled"}}, by="cao")) == {"/evidence/review_record"}  # fmt: skip
    office.attach(COMPLAINT, "review_record", by="cao")
    head = office.tenant.log.head()
    office.post(f"{review}/completions", {"fields": {"verdict": "settled"}}, by="cao")
    assert alerts(office, head) == [("to_archivist", ["sun"])]
    filing = work(office, COMPLAINT, stream, "file")
    assert pointers(office.refused(f"{filing}/completions", by="an")) == {
        "/evidence/customer_reply", "/checklist/adverse_event", "/checklist/indexed",
    }  # fmt: skip
    archived = {"to": "archived", "fields": {"cause": "installation"}}
    assert unmet(office.refused(f"{COMPLAINT}/stage-changes", archived, by="sun")) == {"evidence:customer_reply", "condition:filed"}  # fmt: skip
    office.attach(COMPLAINT, "customer_reply", by="sun")
    for item in ("adverse_event", "indexed"):
        office.post(f"{filing}/ticks", {"item": item}, by="an")
    office.post(f"{filing}/completions", by="an")
    office.post(f"{COMPLAINT}/stage-changes", archived, by="sun")
    assert office.get(COMPLAINT)["stage"] == "archived"


def a_device_is_accepted_by_seventeen_actions(office: Office) -> None:
    """In their order, each by whoever holds its role and with its proof; compliance points are marked; without the filing it is not accepted."""
    office.at(3, 18, 10)
    stream = opened(office, DEVICE, {"device_name": "彩色超声", "model": "US-9"})
    rules = office.get("/v1/playbooks/medical_distribution/versions/1")["document"]
    kind = next(kind for kind in rules["kinds"] if kind["name"] == "device_acceptance")
    (template,) = kind["work"]
    assert [item["name"] for item in template["checklist"]] == list(SEVENTEEN)
    assert {item["name"] for item in template["checklist"] if item.get("compliance")} == {
        "papers_checked", "import_checked", "identity_checked", "documents_handed_over",
        "electrical_safety", "metrology_done", "users_trained", "signed_by_three",
    }  # fmt: skip
    acceptance = work(office, DEVICE, stream, "acceptance")
    missing = pointers(office.refused(f"{acceptance}/completions", by="shen"))
    assert missing == {f"/checklist/{item}" for item in SEVENTEEN} | {"/evidence/acceptance_report"}
    office.at(3, 19, 11)
    assert office.told(stream, "work.acceptance.arrival_announced") == [(1, ["shen"], "03-19 10:00")]

    def tick(item: str, who: str, **more: str) -> str:
        errors = office.refused(f"{acceptance}/ticks", {"item": item} | more, by=who)["errors"]
        return " · ".join(f"{error['pointer']} {error['message']}" for error in errors)

    assert "comes after arrival_announced" in tick("crate_checked", "shen")
    ticked: list[str] = []
    for item, (who, proof) in SEVENTEEN.items():
        evidence = {}
        if item in LATER:
            office.at(3, *LATER[item])
        if who != "shen":
            assert f"may tick {item}" in tick(item, "shen"), item
        if proof is not None:
            assert "/evidence name the piece" in tick(item, who), item
            evidence = {"evidence": office.attach(DEVICE, proof, by=who)[proof]}
        office.post(f"{acceptance}/ticks", {"item": item} | evidence, by=who)
        ticked.append(item)
        if item == "contents_counted":
            assert "comes after installed" in tick("electrical_safety", "shen")
            pieces = [piece for piece in office.get(DEVICE)["evidence"] if piece["field"] == "packing_list"]
            there = {"installed_on": "2026-03-19", "serial_number": "US9-0042"}
            installed = {
                "preset": "installed_today",
                "fields": there,
                "evidence": {"packing_list": pieces[0]["id"]},
            }
            office.post(f"{DEVICE}/progress", installed, by="shen")
            assert unmet(office.get(f"{DEVICE}/stage-changes/trial/check")) == {"evidence:safety_report", "evidence:performance_report", "evidence:training_record"}  # fmt: skip
    assert len(ticked) == 17
    office.post(f"{DEVICE}/stage-changes", {"to": "trial"}, by="shen")
    accepted = {
        "to": "accepted",
        "fields": {"registration_number": "国械注准20203060000", "accepted_on": "2026-03-24"},
    }
    refused = office.refused(f"{DEVICE}/stage-changes", accepted, by="shen")
    assert unmet(refused) == {"evidence:usage_filing", "condition:all_actions_done"}
    office.post(f"{acceptance}/completions", by="shen")
    office.attach(DEVICE, "usage_filing", by="rui")
    head = office.tenant.log.head()
    office.post(f"{DEVICE}/stage-changes", accepted, by="shen")
    assert alerts(office, head) == [("accepted", ["fan", "sun"])]


def a_visit_has_its_actions(office: Office) -> None:
    """The plan opens the list; ticking attests; without the list the visit was not made."""
    office.at(3, 25, 9)
    stream = opened(office, VISIT, {"purpose": "回访监护仪", "planned_on": "2026-03-25"})
    actions = work(office, VISIT, stream, "action_list")
    assert office.asked(stream)["action_list"]["assignee"] == named("sun")
    made = {"to": "made", "fields": {"result": "误报警已解决"}}
    assert unmet(office.refused(f"{VISIT}/stage-changes", made, by="sun")) == {"condition:actions_done"}
    assert pointers(office.refused(f"{actions}/ticks", {"item": "next_step_agreed"}, by="sun")) == {"/item"}
    assert pointers(office.refused(f"{actions}/ticks", {"item": "device_seen"}, by="sun")) == {"/evidence"}
    photo = office.attach(VISIT, "site_photo", by="sun")["site_photo"]
    office.post(f"{actions}/ticks", {"item": "device_seen", "evidence": photo}, by="sun")
    office.post(f"{actions}/ticks", {"item": "user_heard"}, by="sun")
    assert pointers(office.refused(f"{actions}/completions", by="sun")) == {"/checklist/next_step_agreed"}
    office.post(f"{actions}/ticks", {"item": "next_step_agreed"}, by="sun")
    office.post(f"{actions}/completions", by="sun")
    office.post(f"{VISIT}/stage-changes", made, by="sun")
    attested = [it for it in office.items("/v1/events", record="visits/vis_1", limit=100) if it["topic"] == "record.work-ticked.v1"]  # fmt: skip
    assert [(it["payload"]["item"], it["on_behalf_of"]) for it in attested] == [
        (item, named("sun")) for item in ("device_seen", "user_heard", "next_step_agreed")
    ]


def it_is_known_which_version_legal_is_stuck_on(office: Office) -> None:
    """One query names the documents legal has, and which version of each; the final draft is what legal and the region have agreed to."""
    office.at(3, 26, 9)
    stream = opened(office, CONTRACT, {"name": "购销合同", "type": "contract", "version": 1})
    opened(office, "/v1/documents/doc_2", {"name": "质量协议", "type": "quality_agreement", "version": 1})
    assert unmet(office.refused(f"{CONTRACT}/stage-changes", {"to": "reviewing"}, by="sun")) == {
        "evidence:text"
    }

    def upload(number: int) -> None:
        body = {"preset": "new_version", "fields": {"version": number, "version_note": f"第{number}版"}}
        office.post(
            f"{CONTRACT}/progress", body | {"evidence": office.attach(CONTRACT, "text", by="sun")}, by="sun"
        )

    def with_legal(**then: Any) -> list[tuple[str, str, str]]:
        query = {"stage": "reviewing", "version_with_legal.is_null": "false"}
        found = office.items("/v1/documents", **query, **then)
        return [
            (it["id"], str(it["fields"]["version_with_legal"]), str(it["fields"]["version"])) for it in found
        ]

    upload(2)
    office.post(f"{CONTRACT}/stage-changes", {"to": "reviewing"}, by="sun")
    head = office.tenant.log.head()
    upload(3)
    assert alerts(office, head) == [("newer_version", ["lin", "sun"])]
    stuck_at = office.tenant.log.head()
    assert with_legal() == [("doc_1", "2", "3")], "legal reads the second while there is a third"
    office.post(f"{CONTRACT}/progress", {"preset": "annotated", "note": "第六条改为九十天"}, by="lin")
    office.at(3, 26, 14)
    review = work(office, CONTRACT, stream, "legal_review")
    office.post(f"{review}/completions", {"fields": {"version": 2, "verdict": "changes"}}, by="lin")
    assert with_legal() == []
    assert office.asked(stream)["legal_review"]["id"] in review
    assert with_legal(as_of=stuck_at) == [("doc_1", "2", "3")], "it can be asked for ever"
    assert unmet(office.refused(f"{CONTRACT}/stage-changes", {"to": "agreed"}, by="sun")) == {
        "condition:reviewed", "condition:both_agreed",
    }, "legal wants it changed"  # fmt: skip
    office.post(f"{CONTRACT}/approvals", {"id": "apr_final", "chain": "final_draft"}, by="sun")
    for who in ("rita", "lin"):
        office.post(f"{CONTRACT}/approvals/apr_final/decisions", {"decision": "approved"}, by=who)
    upload(4)
    assert unmet(office.refused(f"{CONTRACT}/stage-changes", {"to": "agreed"}, by="sun")) == {
        "condition:reviewed", "condition:both_agreed",
    }  # fmt: skip
    again = work(office, CONTRACT, stream, "legal_review")
    assert again != review, "a changed version is asked for again by itself"
    assert with_legal() == [("doc_1", "4", "4")]
    office.post(f"{again}/completions", {"fields": {"version": 4, "verdict": "agreed"}}, by="lin")
    office.post(f"{CONTRACT}/approvals", {"id": "apr_again", "chain": "final_draft"}, by="sun")
    for who in ("rita", "lin"):
        office.post(f"{CONTRACT}/approvals/apr_again/decisions", {"decision": "approved"}, by=who)
    office.post(f"{CONTRACT}/stage-changes", {"to": "agreed"}, by="sun")
    versions = [
        (it["new"], it["on_behalf_of"]) for it in office.items(f"{CONTRACT}/history", field="version")
    ]
    assert versions == [(str(number), named("sun")) for number in (1, 2, 3, 4)]


def test_story_2_medical_distribution(office: Office) -> None:
    """A requirement through its chain, promises, a complaint, a device, a visit and a contract: who had it when, who was late, who was told; all of it by name."""
    a_requirement_goes_through_the_chain(office)
    healthy_actions_are_counted(office)
    commitments_are_kept_moved_broken_and_excused(office)
    a_complaint_has_one_named_handler_a_step(office)
    a_device_is_accepted_by_seventeen_actions(office)
    a_visit_has_its_actions(office)
    it_is_known_which_version_legal_is_stuck_on(office)
    assert office.items("/v1/events", topic="reaction.failed") == []
    assert is_whole(office.tenant.url)
    assert slices_refused(office.http, "requirement", "commitment", "complaint") == []


def a_promise_to_keep(office: Office, number: int, due_on: str) -> tuple[str, str]:
    """A promise of the warehouse's that was made; return its path and the address of the work that keeps it."""
    path = f"/v1/commitments/com_{number}"
    fields = {"promise": "两台监护仪", "department": "warehouse", "due_on": due_on}
    stream = opened(office, path, fields)
    office.post(f"{path}/stage-changes", {"to": "made"}, by="sun")
    return path, work(office, path, stream, "keep_promise")


def is_moved(office: Office, path: str, due_on: str) -> dict[str, Any]:
    """The customer agrees to another day."""
    body = {"preset": "moved_by_agreement", "fields": {"due_on": due_on, "moved_reason": "logistics"}}
    agreed = office.attach(path, "new_date_agreed", by="sun")
    return office.post(f"{path}/progress", body | {"evidence": agreed}, by="sun")


def is_done(office: Office, path: str, keeping: str) -> None:
    """The warehouse does what was promised."""
    office.attach(path, "keeping_proof", by="wei")
    office.post(f"{keeping}/completions", {"fields": {"result": "已发车"}}, by="wei")


def test_story_2_a_promise_that_is_moved_takes_its_work_with_it(office: Office) -> None:
    """Made for one day, moved by agreement to another: kept by the new day it is in time, after it late; nobody is called about the old day."""
    office.at(3, 9, 9)
    in_time, kept_work = a_promise_to_keep(office, 1, "2026-03-11")
    late, late_work = a_promise_to_keep(office, 2, "2026-03-11")
    never_moved, forgotten = a_promise_to_keep(office, 3, "2026-03-11")
    streams = [path.replace("/v1/commitments", "commitment") for path in (in_time, late, never_moved)]
    for keeping in (kept_work, late_work, forgotten):
        office.post(f"{keeping}/responses", {"note": "周三发车"}, by="wei")
    due = {item["id"]: item["done_due_at"] for item in office.items("/v1/people/per_wei/work")}
    assert set(due.values()) == {"2026-03-11T16:00:00.000000Z"}, "when the day is over in Shanghai"

    # The customer agrees to Thursday, and the work that keeps it is due by then: an event of its own, caused by the new day.
    office.at(3, 10, 10)
    for path in (in_time, late):
        head = office.tenant.log.head()
        told = is_moved(office, path, "2026-03-12")
        (changed,) = [it["position"] for it in told["events"] if it["topic"] == "record.fields-changed.v1"]
        (moved,) = [it for it in office.items("/v1/events", after=head, limit=50) if it["topic"] == "record.work-rescheduled.v1"]  # fmt: skip
        assert moved["payload"] | {"work": ""} == {
            "work": "", "before": "2026-03-11T16:00:00.000000Z", "after": "2026-03-12T16:00:00.000000Z",
        }  # fmt: skip
        assert (moved["channel"], moved["causation_id"]) == ("reaction", str(changed))
    listed = {item["record"]: item["done_due_at"] for item in office.items("/v1/people/per_wei/work")}
    assert [listed[stream][:10] for stream in streams] == ["2026-03-12", "2026-03-12", "2026-03-11"]
    inbox = office.items("/v1/people/per_wei/inbox")
    assert sum(item["topic"] == "record.work-rescheduled.v1" for item in inbox) == 2
    calendar = office.http.get("/v1/people/per_wei/calendar.ics").text
    assert (calendar.count("DTSTART:20260312T160000Z"), calendar.count("DTSTART:20260311T160000Z")) == (2, 1)

    # On the old day nobody hears of what was moved, and on the new one of what is not done by then.
    office.at(3, 12, 9)
    assert [told for told in office.told(streams[2], "keeping") if told[0] > 0] == [
        (1, ["wei"], "03-12 00:00")
    ]
    assert [told for stream in streams[:2] for told in office.told(stream, "keeping") if told[0] > 0] == []
    is_done(office, in_time, kept_work)
    assert {item["record"] for item in office.items("/v1/work", overdue=True)} == {streams[2]}
    office.at(3, 13, 15)
    is_done(office, late, late_work)
    assert office.told(streams[1], "keeping") == [
        (0, ["wei"], "03-12 13:30"), (1, ["wei"], "03-13 00:00"), (2, ["gong"], "03-13 14:00"),
    ]  # fmt: skip
    assert [line[0] for line in office.told(streams[0], "keeping")] == []

    # By the day that held when it was done, one was kept in time and one late; the third is overdue.
    (rate,) = office.items("/v1/metrics/on_time", kind="commitments", by="owner")
    assert rate["cell"]["owner"] == named("wei")
    assert (rate["in_time"], rate["done_late"], rate["overdue"], rate["kept_percent"]) == (
        1,
        1,
        1,
        "33.333333",
    )
    cases = office.get("/v1/metrics/on_time/cases", kind="commitments", number="in_time")["items"]
    assert [case["record"] for case in cases] == [streams[0]]
    ladders = office.items("/v1/metrics/overdue", kind="commitments", by="deadline")
    (keeping,) = [row for row in ladders if row["cell"]["deadline"] == "keeping"]
    assert (keeping["armed"], keeping["overdue"], keeping["escalated"]) == (3, 2, 2)
    answered = office.items("/v1/work/response-times")
    assert {pair["responder"] for pair in answered} == {named("wei")}, "how soon they answered is what it was"
    assert office.items("/v1/events", topic="reaction.failed") == []
    assert is_whole(office.tenant.url)
