"""Story 1, *smart-hardware projects*: eight stages from the lead to the first payment, told in the spring of 2026.

Sam takes a lead through all of them. Every gate names what it lacks; the freeze starts engineering, legal and finance by itself; finance is late, and
while nobody writes anything the vice president hears of it. Beside it Tom leaves one lead untouched and one deal stuck in its POC.
Everything goes over HTTP, on a simulated log.
"""

from datetime import datetime
from decimal import Decimal

import pytest
from support.office import SHANGHAI, Office, named, pointers, unmet
from support.sales import is_whole
from support.slicing import slices_refused

DEALS = "/v1/opportunities"
DEAL, STUCK = f"{DEALS}/opp_gate", f"{DEALS}/opp_stuck"
GATE, COLD = "opportunity/opp_gate", "opportunity/opp_cold"
EIGHT_STAGES = ["lead_assigned", "needs_diagnosis", "project_confirmed", "poc_feedback", "requirements_frozen", "quoted", "contract", "paid"]  # fmt: skip
THREE_LEGS = {"effort_estimate": "eve", "contract_supplement": "lea", "payment_schedule": "fay"}
SELLERS = (("sam", "sales"), ("tom", "sales"), ("pia", "presales"), ("eve", "engineer"), ("lea", "legal"), ("rio", "risk_officer"))  # fmt: skip


@pytest.fixture
def office(a_tenant, embedded_home) -> Office:
    """A head office and a team in the east on Monday, 2 March; a customer with a technician and somebody who decides; three leads."""
    begins = datetime(2026, 3, 2, 9, 0, tzinfo=SHANGHAI)
    tenant = a_tenant("hardware", clock="simulated", told_time=begins)
    office = Office(tenant, embedded_home, "smart_hardware", begins)
    office.post("/v1/teams", {"id": "head", "name": "总部"})
    office.post("/v1/teams", {"id": "east", "name": "华东一部", "region": "华东", "part_of": "head"})
    office.join("vera", "sales_vp", team="head")
    office.join("carl", "finance", team="head", manager="vera")
    office.join("max", "sales_manager", team="east", manager="vera")
    for name, role in SELLERS:
        office.join(name, role, team="east", manager="max")
    office.join("fay", "finance", team="east", manager="carl")
    office.post("/v1/customers", {"id": "cus_anhui", "fields": {"name": "安徽智造", "region": "east"}})
    for name, role in (("wu", "technical"), ("he", "decider")):
        fields = {"name": name, "customer": "customer/cus_anhui", "role": role}
        office.post("/v1/contacts", {"id": f"con_{name}", "fields": fields})
    nameless = office.refused(DEALS, {"owner": named("sam"), "fields": {"project_name": "边缘网关"}})
    assert unmet(nameless) == {"field:customer", "field:source"}
    for name, owner in (("gate", "sam"), ("stuck", "tom"), ("cold", "tom")):
        fields = {"project_name": name, "customer": "customer/cus_anhui", "source": "referral"}
        office.post(DEALS, {"id": f"opp_{name}", "owner": named(owner), "fields": fields})
    return office


def to_poc(office: Office) -> None:
    """From the lead to the POC, by the evidence each gate asks for; Tom's deal comes along by the same gates."""
    office.at(3, 2, 10)
    for deal, who in ((DEAL, "sam"), (STUCK, "tom")):
        office.post(f"{deal}/touches", {"kind": "call"}, by=who)

    # The third lead nobody touches: its owner hears of it after a day, the manager after two, though nobody saves anything.
    office.at(3, 5, 9)
    assert office.told(COLD, "first_contact") == [
        (1, ["tom"], "03-03 09:00"),
        (2, ["max"], "03-04 09:00"),
    ]

    # No stage is passed over.
    leap = office.refused(f"{DEAL}/stage-changes", {"to": "project_confirmed"}, by="sam")
    assert unmet(leap) >= {"move:skip", "field:pains", "evidence:red_stamp_scan"}
    first = {"main_contact": "contact/con_he", "contact_channel": "phone"}
    for deal, who in ((DEAL, "sam"), (STUCK, "tom")):
        office.post(f"{deal}/stage-changes", {"to": "needs_diagnosis", "fields": first}, by=who)
        office.post(f"{deal}/touches", {"kind": "visit"}, by=who)

    # Two pains of three are refused at the field; a confirmation without a stamp at the gate, which names everything, and the question names the same.
    two = office.refused(f"{DEAL}/stage-changes", {"to": "project_confirmed", "fields": {"pains": ["downtime", "poor_yield"]}}, by="sam")  # fmt: skip
    assert pointers(two) == {"/fields/pains"}
    lacking = office.refused(f"{DEAL}/stage-changes", {"to": "project_confirmed"}, by="sam")
    assert unmet(lacking) == {
        "field:pains", "field:pain_record", "field:amount", "field:expected_sign_on",
        "evidence:competitor_table", "evidence:red_stamp_scan", "condition:three_touches",
    }  # fmt: skip
    twin = office.get(f"{DEAL}/stage-changes/project_confirmed/check")
    assert unmet(twin) == unmet(lacking)
    stamp = next(item for item in lacking["unmet"] if item["field"] == "red_stamp_scan")
    assert stamp["why"] == "A project is confirmed by a stamp, not by word of mouth"

    # One tap says that the tender came: a touch, two fields and the documents, as typed events of one moment. Half of it is refused.
    office.at(3, 6, 9)
    half = office.refused(f"{DEAL}/progress", {"preset": "tender_received"}, by="sam")
    assert pointers(half) == {"/fields/expected_sign_on", "/evidence/tender_documents"}
    assert office.get(DEAL)["touches"] == 2
    tapped = office.post(
        f"{DEAL}/progress",
        {
            "preset": "tender_received",
            "fields": {"expected_sign_on": "2026-05-29"},
            "evidence": office.attach(DEAL, "tender_documents", by="sam"),
        },
        by="sam",
    )
    assert [event["topic"] for event in tapped["events"]] == ["record.touched.v1", "record.fields-changed.v1"]
    assert len({event["recorded_at"] for event in tapped["events"]}) == 1
    office.post(f"{STUCK}/touches", {"kind": "wechat"}, by="tom")

    office.at(3, 9, 9)
    confirmed = {
        "pains": ["downtime", "poor_yield", "manual_recording"],
        "pain_record": "每周停机两次，一次三小时",
        "amount": "600000",
        "expected_sign_on": "2026-05-29",
    }
    for deal, who, presales in ((DEAL, "sam", "pia"), (STUCK, "tom", "pia")):
        office.attach(deal, "competitor_table", "red_stamp_scan", by=who)
        office.post(f"{deal}/stage-changes", {"to": "project_confirmed", "fields": confirmed}, by=who)
        office.edit(deal, {"presales": named(presales)}, by=who)
    unready = office.get(f"{DEAL}/stage-changes/poc_feedback/check")
    assert unmet(unready) == {"field:poc_started_on", "condition:demo_given"}
    office.at(3, 11, 9)
    for deal, who in ((DEAL, "sam"), (STUCK, "tom")):
        office.post(f"{deal}/touches", {"kind": "demo"}, by="pia")
        dated = {"preset": "poc_time_confirmed", "fields": {"poc_started_on": "2026-03-11"}}
        office.post(f"{deal}/progress", dated, by=who)
        office.post(f"{deal}/stage-changes", {"to": "poc_feedback"}, by=who)


def who_is_stuck_and_why(office: Office) -> None:
    """After more than five days in the POC each deal is named, with what its owner did in thirty days: Tom has not been there."""
    office.at(3, 16, 9)
    assert office.items("/v1/indices/poc_health") == [], "five days are not more than five"
    office.post(f"{DEAL}/touches", {"kind": "visit", "note": "现场看测试"}, by="sam")
    office.attach(DEAL, "poc_report", "requirement_spec", by="sam")
    office.at(3, 19, 9)
    assert office.told("opportunity/opp_stuck", "sample_feedback") == [(1, ["max"], "03-18 09:00")]
    health = {row["cell"]["owner"]: row for row in office.items("/v1/indices/poc_health")}
    sam, tom = health[named("sam")], health[named("tom")]
    measured = {
        name: {part: (found["measured"], found["judged"]) for part, found in row["components"].items()}
        for name, row in (("sam", sam), ("tom", tom))
    }
    assert measured["tom"] == {"visits": ("1", 1), "revisions": ("0", 0), "accepted": ("100", 5)}
    assert measured["sam"] == {"visits": ("2", 2), "revisions": ("2", 2), "accepted": ("57.142857", 7)}
    assert (sam["cell"]["record"], sam["cell"]["step"]) == (GATE, "poc_feedback")
    assert Decimal(tom["value"]) == Decimal("37.5") < Decimal(sam["value"])
    opened = office.get("/v1/indices/poc_health/cases", component="visits", cell=f"record={GATE}")
    assert opened["total"] == 2, "as many visits as the number says"
    stuck = {
        row["id"]: row for row in office.items(f"{DEALS}/stuck", longer_than_days=5, stage="poc_feedback")
    }
    assert stuck.keys() == {"opp_gate", "opp_stuck"}
    assert unmet(stuck["opp_stuck"]) - unmet(stuck["opp_gate"]) == {
        "evidence:poc_report",
        "evidence:requirement_spec",
    }
    assert (stuck["opp_stuck"]["owner"], stuck["opp_stuck"]["days"]) == (named("tom"), "7")


def the_freeze_starts_three_departments(office: Office) -> dict[str, str]:
    """Entering the freeze asks engineering, legal and finance at once, each by name; a form with items missing is refused with all of them named."""
    assert unmet(office.get(f"{DEAL}/stage-changes/requirements_frozen/check")) == {
        "field:poc_result", "field:technical_contact", "field:frozen_on", "condition:poc_passed",
    }  # fmt: skip
    office.at(3, 20, 9, 30)
    frozen = {
        "poc_result": "passed_with_changes",
        "technical_contact": "contact/con_wu",
        "frozen_on": "2026-03-20",
    }
    moved = office.post(f"{DEAL}/stage-changes", {"to": "requirements_frozen", "fields": frozen}, by="sam")
    started = [event for event in office.items("/v1/events", after=moved["position"], limit=50) if event["stream"] == GATE]  # fmt: skip
    assert [event["topic"] for event in started] == [
        "record.work-forked.v1",
        *["record.work-requested.v1"] * 3,
    ]
    assert {(event["channel"], event["causation_id"]) for event in started} == {
        ("reaction", str(moved["position"]))
    }
    asked = office.asked(GATE)
    assert {name: item["assignee"] for name, item in asked.items()} == {name: named(who) for name, who in THREE_LEGS.items()}  # fmt: skip
    legs = {name: f"{DEAL}/work/{item['id']}" for name, item in asked.items()}
    lacking = {
        name: pointers(office.refused(f"{leg}/completions", by=THREE_LEGS[name]))
        for name, leg in legs.items()
    }
    assert lacking == {
        "effort_estimate": {
            "/fields/person_days", "/fields/sample_on", "/fields/hardest_part",
            "/checklist/specification_read", "/checklist/components_checked", "/checklist/export_rules_checked",
        },
        "contract_supplement": {"/fields/clauses", "/fields/acceptance_criteria"},
        "payment_schedule": {"/fields/on_signing_percent", "/fields/on_samples_percent", "/fields/on_delivery_percent"},
    }  # fmt: skip
    assert "only person/per_lea" in office.refused(f"{legs['contract_supplement']}/completions", by="sam")["errors"][0]["message"]  # fmt: skip
    return legs


def two_legs_are_done_and_one_is_late(office: Office, legs: dict[str, str]) -> None:
    """Three clocks are kept apart; finance is named late by department, and while nobody writes a word the ladder climbs to the vice president."""
    office.at(3, 20, 10, 30).post(f"{legs['contract_supplement']}/acceptances", by="lea")
    office.at(3, 20, 11).post(f"{legs['contract_supplement']}/responses", {"note": "下午给"}, by="lea")
    office.at(3, 20, 11, 30).post(f"{legs['effort_estimate']}/acceptances", by="eve")
    early = office.refused(f"{legs['effort_estimate']}/ticks", {"item": "components_checked"}, by="eve")
    assert "comes after specification_read" in early["errors"][0]["message"]
    for item in ("specification_read", "components_checked", "export_rules_checked"):
        office.post(f"{legs['effort_estimate']}/ticks", {"item": item}, by="eve")
    office.at(3, 20, 14, 30)
    clauses = {"clauses": ["acceptance", "rights"], "acceptance_criteria": "连续72小时无重启"}
    office.post(f"{legs['contract_supplement']}/completions", {"fields": clauses}, by="lea")
    estimate = {"person_days": "45", "sample_on": "2026-04-20", "hardest_part": "低温启动"}
    office.post(f"{legs['effort_estimate']}/completions", {"fields": estimate}, by="eve")
    (legal,) = office.items("/v1/metrics/work_times", kind="opportunities", by="template", where="template=contract_supplement")  # fmt: skip
    clocks = [legal[f"{clock}_business_median_seconds"] for clock in ("triggered", "response", "done")]
    assert clocks == [3_600, 5_400, 9_000], (
        "from the request to taking it on and to the answer; from taking it on to the end, without the noon break"
    )
    assert office.get("/v1/work/late-legs")["late"] == 0

    head = office.tenant.log.head()
    office.at(3, 24, 9)
    assert set(office.topics(head)) == {"deadline.noticed"}, "nobody wrote anything"
    assert office.told(GATE, "late_leg")[1:] == [
        (0, ["fay"], "03-20 17:24"),
        (1, ["fay", "sam"], "03-23 10:00"),
        (2, ["carl"], "03-23 13:30"),
        (3, ["vera"], "03-23 15:30"),
    ]
    (finance,) = office.items("/v1/work/late-legs")
    assert (finance["role"], finance["label"]["zh"], finance["late"]) == ("finance", "财务", 1)
    assert [(leg["assignee"], leg["leg"], leg["overdue"]) for leg in finance["legs"]] == [(named("fay"), "finance", True)]  # fmt: skip
    late = {row["cell"]["role"]: row["late_percent"] for row in office.items("/v1/metrics/late_legs", kind="opportunities", by="role")}  # fmt: skip
    assert late == {"engineer": "0", "legal": "0", "finance": "100"}
    office.post(
        f"{DEAL}/deadlines/late_leg/acknowledgements",
        {"subject": legs["payment_schedule"].rpartition("/")[2]},
        by="vera",
    )
    form = {"on_signing_percent": "40", "on_samples_percent": "30", "on_delivery_percent": "30"}
    office.post(f"{legs['payment_schedule']}/completions", {"fields": form}, by="fay")
    assert office.get("/v1/work/late-legs")["late"] == 0


def the_special_price_is_agreed_to(office: Office) -> None:
    """18 % is more than a quote may give by itself: manager, finance with risk, and the vice president agree, in this order, and never whoever asks."""
    figures = {"quantity": 200, "cost": "480000", "discount_percent": "18"}
    office.edit(DEAL, figures, by="sam")
    office.attach(DEAL, "solution_deck", "cost_sheet", by="sam")
    quoted = f"{DEAL}/stage-changes/quoted/check"
    assert unmet(office.get(quoted)) == {"condition:discount_within_limit"}
    nobody = office.refused(f"{DEAL}/approvals", {"chain": "special_discount"})
    assert "On-Behalf-Of" in nobody["errors"][0]["message"]
    office.post(f"{DEAL}/approvals", {"id": "apr_18", "chain": "special_discount"}, by="sam")
    decisions = f"{DEAL}/approvals/apr_18/decisions"

    def not_from(who: str, decision: str = "approved") -> str:
        message: str = office.refused(decisions, {"decision": decision}, by=who)["errors"][0]["message"]
        return message

    assert not_from("sam") == "nobody approves or rejects what they asked for"
    waits = "it waits for manager/manager: person/per_max"
    for who in (
        "tom",
        "lea",
        "fay",
        "rio",
        "vera",
    ):  # a colleague, another department, and those whose level is not asked yet
        assert not_from(who) == f"this does not wait for person/per_{who}; {waits}"
    assert [item["id"] for item in office.items("/v1/people/per_max/work")] == ["apr_18"]

    # Two working hours later nobody has decided: Max is told, and after as many again who is above him.
    office.at(3, 24, 15)
    assert office.told(GATE, "approvals.special_discount.manager") == [
        (1, ["max"], "03-24 11:00"),
        (2, ["vera"], "03-24 14:30"),
    ]
    office.post(decisions, {"decision": "approved"}, by="max")
    assert not_from("rio", "rejected") == "whoever rejects says why"
    back = {"decision": "rejected", "back_to": "manager", "comment": "毛利多少？"}
    office.post(decisions, back, by="rio")
    for who in ("max", "fay", "rio"):
        office.post(decisions, {"decision": "approved"}, by=who)
    assert "vice_president" in not_from("max")
    assert unmet(office.get(quoted)) == {"condition:discount_within_limit"}
    office.post(decisions, {"decision": "approved"}, by="vera")
    assert office.get(quoted)["allowed"]
    (times,) = office.items("/v1/metrics/approval_times", kind="opportunities", by="chain")
    assert (times["approval_approved"], times["level_approved"], times["level_rejected"]) == (1, 4, 1)

    # What was agreed to is 18 %: more of it is another price.
    more = {"to": "quoted", "fields": {"discount_percent": "25"}}
    assert unmet(office.refused(f"{DEAL}/stage-changes", more, by="sam")) == {
        "condition:discount_within_limit"
    }
    office.post(f"{DEAL}/stage-changes", {"to": "quoted"}, by="sam")


def signed_and_paid(office: Office) -> None:
    """A contract is its stamped scan, and won is what the bank has: each says so when it is missing."""
    reviewed = {
        "preset": "first_review_passed",
        "fields": {"next_step": "周五前谈付款方式"},
        "note": "对手只剩一家",
    }
    assert pointers(office.refused(f"{DEAL}/progress", reviewed | {"note": ""}, by="sam")) == {"/note"}
    office.at(3, 26, 10).post(f"{DEAL}/progress", reviewed, by="sam")
    assert office.get(DEAL)["fields"]["solution_review"] == "first_passed"
    office.at(4, 2, 10)
    terms = {"contract_number": "HT-2026-031", "contract_amount": "560000", "payment_terms": "three_six_one", "signed_on": "2026-04-02"}  # fmt: skip
    unsigned = office.refused(f"{DEAL}/stage-changes", {"to": "contract", "fields": terms}, by="sam")
    assert unmet(unsigned) == {"evidence:contract_scan", "condition:decision_chain_interviewed"}
    office.attach(DEAL, "contract_scan", by="sam")
    office.post(f"{DEAL}/stage-changes", {"to": "contract", "fields": terms | {"decision_chain_complete": True}}, by="sam")  # fmt: skip
    office.at(4, 9, 16)
    office.attach(DEAL, "payment_receipt", by="sam")
    little = {"to": "paid", "fields": {"first_payment": "160000", "paid_on": "2026-04-09"}}
    assert unmet(office.refused(f"{DEAL}/stage-changes", little, by="sam")) == {
        "condition:first_payment_large_enough"
    }
    little["fields"]["first_payment"] = "224000"
    office.post(f"{DEAL}/stage-changes", little, by="sam")


def everything_can_be_told_afterwards(office: Office) -> None:
    """The way of the deal, who took each step and by which event it was caused; the log is whole for both verifiers."""
    steps = office.items(f"{DEAL}/history", field="stage")
    assert [step["new"] for step in steps] == EIGHT_STAGES
    assert {step["on_behalf_of"] for step in steps[1:]} == {named("sam")}
    discount = [
        (change["old"], change["new"]) for change in office.items(f"{DEAL}/history", field="discount_percent")
    ]
    assert discount == [(None, "18")]
    events = office.items("/v1/events", record="opportunities/opp_gate", limit=500)
    own = [event for event in events if event["stream"] == GATE]
    assert [event["version"] for event in own] == list(range(1, office.get(DEAL)["version"] + 1))
    decided = [event for event in own if event["topic"] == "record.approval-decided.v1"]
    assert [event["on_behalf_of"] for event in decided] == [named(who) for who in ("max", "rio", "max", "fay", "rio", "vera")]  # fmt: skip
    assert office.get("/v1/opportunities/opp_gate", as_of="2026-03-12")["stage"] == "poc_feedback"
    assert office.items("/v1/deadlines", record=GATE) == []
    assert office.items("/v1/work", record=GATE, state="open") == []
    assert is_whole(office.tenant.url)


def test_story_1_smart_hardware_projects(office: Office) -> None:
    """Eight stages in order, each by its evidence; departments in parallel; who is stuck and why; the ladder up to the vice president; won when paid."""
    to_poc(office)
    who_is_stuck_and_why(office)
    legs = the_freeze_starts_three_departments(office)
    two_legs_are_done_and_one_is_late(office, legs)
    the_special_price_is_agreed_to(office)
    signed_and_paid(office)
    everything_can_be_told_afterwards(office)
    assert slices_refused(office.http, "opportunity") == []
    work = {"kind": "opportunity", "work": "effort_estimate", "where": "request=work:effort_estimate"}
    assert office.get("/v1/metrics/response", **work)["items"][0]["requests"] > 0
