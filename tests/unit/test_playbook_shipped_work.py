"""The shipped playbooks in which departments work for each other: what the stories tell of them is true when people act on them."""

from datetime import date, timedelta
from decimal import Decimal
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from support.desk import an_empty_desk
from support.given import NOW, SHA256

import playbooks
from commands.playbook_file import read_playbook
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.record import state as record_state
from domain.record.commands import AttachEvidence, ChangeStage, EditFields, OpenRecord, Progress
from domain.refusals import GateNotMet, InvalidCommand
from domain.work.commands import (
    CompleteWork,
    DecideApproval,
    RequestApproval,
    RequestWork,
    TickWork,
)

SHIPPED = Path(playbooks.__file__).parent
BOSS, LEAD, SAM, AMY = (f"person/per_{name}" for name in ("boss", "lead", "sam", "amy"))
HOSPITAL, COMMITMENT, DEVICE, ORDER = (
    "customer/cus_1",
    "commitment/com_1",
    "device_acceptance/acp_1",
    "order/ord_1",
)
TODAY = date(2026, 3, 2)
"""The day of the tests in Shanghai."""


def shipped(name):
    return read_playbook(SHIPPED / f"{name}.yaml")


def a_desk(name):
    """A desk with a shipped playbook in force, Sam who sells under Lead under Boss, and Amy who holds every role."""
    playbook = shipped(name)
    roles = tuple(role for role in playbook.document.roles if role != "sales_operations")
    desk = an_empty_desk()
    for command in (
        PublishPlaybook(playbook),
        FormTeam("office", "Office", "华东"),
        AddPerson(BOSS, "Boss", "office", None, roles[:1]),
        AddPerson(LEAD, "Lead", "office", BOSS, roles[:1]),
        AddPerson(SAM, "Sam", "office", LEAD, roles[:1]),
        AddPerson(AMY, "Amy", "office", BOSS, roles),
        OpenRecord(HOSPITAL, {"name": "First People's"}),
    ):
        desk.submit(command)
    return desk


def attach(stream, field):
    return AttachEvidence(stream, f"evi_{field}", field, SHA256, 10, "application/pdf")


def refused(desk, command, **about):
    """What a move lacks."""
    with pytest.raises(GateNotMet) as caught:
        desk.submit(command, **about)
    return [item.id for item in caught.value.unmet]


def record(desk, stream):
    return desk.log.state(stream, record_state.fold)


# ── commitments ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def promises():
    return a_desk("medical_distribution")


def promised(desk, due_on, **fields):
    fields = {"promise": "两台监护仪", "customer": HOSPITAL, "department": "warehouse"} | fields
    desk.submit(OpenRecord(COMMITMENT, {**fields, "due_on": due_on.isoformat()}, owner=SAM))


@pytest.mark.parametrize("days", [0, 1, 30])
def test_a_promise_for_a_day_that_is_not_over_is_made(promises, days):
    promised(promises, TODAY + timedelta(days=days))
    promises.submit(ChangeStage(COMMITMENT, "made"))
    assert record(promises, COMMITMENT).stage == "made"


def test_a_promise_that_is_past_already_is_locked_until_the_department_knew_or_there_is_a_proof(promises):
    promised(promises, TODAY - timedelta(days=1))
    move = ChangeStage(COMMITMENT, "made")
    assert refused(promises, move) == ["condition:date_ahead_or_known"]
    promises.submit(ChangeStage(COMMITMENT, "made", {"department_notified": True}))
    promises.submit(ChangeStage(COMMITMENT, "noted"), reason="noted too early")
    promises.submit(EditFields(COMMITMENT, {"department_notified": False}))
    assert refused(promises, move) == ["condition:date_ahead_or_known"]
    promises.submit(attach(COMMITMENT, "notice_proof"))
    promises.submit(move)


def test_today_is_the_day_in_the_time_zone_of_the_playbook(promises):
    """At midnight in Shanghai a day is over that goes on for eight hours in Greenwich."""
    promised(promises, TODAY - timedelta(days=1))
    move = ChangeStage(COMMITMENT, "made")
    midnight = NOW.replace(day=1, hour=16)
    assert refused(promises, move, occurred_at=midnight) == ["condition:date_ahead_or_known"]
    promises.submit(move, occurred_at=midnight - timedelta(microseconds=1))


def test_a_promise_is_kept_with_a_proof_and_with_one_tap(promises):
    promised(promises, TODAY)
    promises.submit(ChangeStage(COMMITMENT, "made"))
    promises.submit(RequestWork(COMMITMENT, "wrk_1", "keep_promise", AMY))
    with pytest.raises(InvalidCommand) as caught:
        promises.submit(Progress(COMMITMENT, "kept_today", {"kept_on": TODAY.isoformat()}))
    assert [problem.pointer for problem in caught.value.problems] == ["/evidence/keeping_proof", "/preset"]
    promises.submit(attach(COMMITMENT, "keeping_proof"))
    proof = {"keeping_proof": "evi_keeping_proof"}
    kept = Progress(COMMITMENT, "kept_today", {"kept_on": TODAY.isoformat()}, evidence=proof)
    # Sales had a proof, and said so alone: whoever keeps it has to say that it is done.
    assert refused(promises, kept) == ["condition:done_by_whoever_keeps_it"]
    promises.submit(CompleteWork(COMMITMENT, "wrk_1", {"result": "已发车"}), actor=AMY)
    promises.submit(kept)
    assert record(promises, COMMITMENT).stage == "kept"


def test_a_promise_moves_to_a_day_ahead_and_with_the_customers_consent(promises):
    promised(promises, TODAY)
    promises.submit(ChangeStage(COMMITMENT, "made"))
    promises.submit(attach(COMMITMENT, "new_date_agreed"))
    agreed = {"new_date_agreed": "evi_new_date_agreed"}

    def moved(to):
        fields = {"due_on": to.isoformat(), "moved_reason": "capacity"}
        return Progress(COMMITMENT, "moved_by_agreement", fields, evidence=agreed)

    assert refused(promises, moved(TODAY - timedelta(days=3))) == ["condition:new_date_ahead"]
    promises.submit(moved(TODAY + timedelta(days=3)))
    assert record(promises, COMMITMENT).stage == "moved"
    promises.submit(ChangeStage(COMMITMENT, "excused", {"excuse_reason": "手术取消"}))


def test_whoever_has_to_keep_a_promise_is_asked_with_priority_whatever_department_it_is():
    kind = shipped("medical_distribution").kind("commitment")
    asked = {
        reaction.when: reaction.then[0].request_work
        for name, reaction in kind.reactions.items()
        if name.endswith("_keeps")
    }
    assert set(asked) == {f"department = '{option}'" for option in kind.fields["department"].options}
    assert {(work.template, work.priority) for work in asked.values()} == {("keep_promise", 8)}
    assert len({work.assignee for work in asked.values()}) == len(asked)


# ── complaints and documents ─────────────────────────────────────────────────────────────────────────────────────────


def test_every_step_of_a_complaint_has_a_fuse_of_24_hours_that_ends_at_the_direct_superior():
    complaint = shipped("medical_distribution").kind("complaint")
    fuse = complaint.deadlines["fuse"]
    assert (fuse.on_work, fuse.after_hours, fuse.by, fuse.clock) == ("any", Decimal(24), "clock", "done")
    assert fuse.rungs[0].tell == ("manager",)
    assert [template.role for template in complaint.work.values()] == [
        "service_engineer",
        "complaint_reviewer",
        "archivist",
    ]
    assert all(template.evidence for template in complaint.work.values()), "evidence at each hand-over"


def test_an_agreement_on_a_document_is_about_one_version(promises):
    document = "document/doc_1"
    fields = {"name": "购销合同", "customer": HOSPITAL, "type": "contract", "version": 1}
    promises.submit(OpenRecord(document, fields, owner=SAM))
    promises.submit(attach(document, "text"))
    promises.submit(ChangeStage(document, "reviewing"))
    promises.submit(RequestWork(document, "wrk_1", "legal_review"))
    about = {"actor": AMY, "rights": frozenset()}
    promises.submit(CompleteWork(document, "wrk_1", {"version": 1, "verdict": "agreed"}), **about)
    assert refused(promises, ChangeStage(document, "agreed")) == ["condition:both_agreed"]
    promises.submit(AddPerson("person/per_law", "Law", "office", BOSS, ("legal",)))
    promises.submit(RequestApproval(document, "apr_1", "final_draft"), actor=SAM, rights=frozenset())
    (level,) = record(promises, document).approvals["apr_1"].levels
    assert len(set(level.approvers.values())) == 2, "two people, each for one role"
    for role, person in level.approvers.items():
        decision = DecideApproval(document, "apr_1", "approved", role=role)
        promises.submit(decision, actor=person, rights=frozenset())
    proof = {"text": "evi_text"}
    newer = Progress(document, "new_version", {"version": 2, "version_note": "付款改月结"}, evidence=proof)
    promises.submit(newer)
    assert refused(promises, ChangeStage(document, "agreed")) == [
        "condition:reviewed",
        "condition:both_agreed",
    ]


def test_a_document_legal_wants_changed_is_not_agreed_until_legal_has_agreed_to_it(promises):
    """The newest review counts: that it was done is no agreement, and what is asked again is open."""
    document = "document/doc_1"
    fields = {"name": "购销合同", "customer": HOSPITAL, "type": "contract", "version": 1}
    about = {"actor": AMY, "rights": frozenset()}
    promises.submit(OpenRecord(document, fields, owner=SAM))
    promises.submit(attach(document, "text"))
    promises.submit(ChangeStage(document, "reviewing"))

    def missing():
        return "condition:reviewed" in refused(promises, ChangeStage(document, "agreed"))

    promises.submit(RequestWork(document, "wrk_1", "legal_review"))
    promises.submit(CompleteWork(document, "wrk_1", {"version": 1, "verdict": "changes"}), **about)
    assert missing(), "the verdict is no"
    promises.submit(RequestWork(document, "wrk_2", "legal_review"))
    assert missing()
    promises.submit(CompleteWork(document, "wrk_2", {"version": 1, "verdict": "agreed"}), **about)
    assert not missing()
    promises.submit(RequestWork(document, "wrk_3", "legal_review"))
    assert missing(), "asked again, it counts by its new answer"
    promises.submit(CompleteWork(document, "wrk_3", {"version": 1, "verdict": "changes"}), **about)
    assert missing()


def test_a_requirement_is_planned_on_terms_that_can_be_signed_and_as_production_told(promises):
    """Legal's verdict decides, and day and batch are those of production's own form."""
    need = "requirement/req_1"
    fields = {"subject": "监护仪", "customer": HOSPITAL, "quantity": 2, "expected_on": "2026-04-01"}
    about = {"actor": AMY, "rights": frozenset()}
    promises.submit(OpenRecord(need, fields, owner=SAM))
    for piece in ("requirement_sheet", "plan_screenshot"):
        promises.submit(attach(need, piece))
    promises.submit(RequestWork(need, "wrk_1", "contract_terms"))
    promises.submit(RequestWork(need, "wrk_2", "plan_production"))
    told = {"planned_on": "2026-03-20", "batch_number": "B-1"}
    promises.submit(CompleteWork(need, "wrk_2", told), **about)
    promises.submit(CompleteWork(need, "wrk_1", {"verdict": "refused"}), **about)
    copied = told | {"batch_number": "B-7"}
    assert refused(promises, ChangeStage(need, "planned", copied)) == [
        "condition:plan_as_told",
        "condition:terms_done",
    ]
    promises.submit(RequestWork(need, "wrk_3", "contract_terms"))
    promises.submit(CompleteWork(need, "wrk_3", {"verdict": "with_changes"}), **about)
    assert refused(promises, ChangeStage(need, "planned", told | {"planned_on": "2026-03-21"})) == [
        "condition:plan_as_told"
    ]
    promises.submit(ChangeStage(need, "planned", told))


@pytest.mark.parametrize(
    ("name", "kind", "templates"),
    [
        ("medical_distribution", "complaint", ("handle", "file")),
        ("medical_distribution", "commitment", ("keep_promise",)),
        ("medical_distribution", "document", ("legal_review",)),
        ("medical_distribution", "device_acceptance", ("acceptance",)),
        ("order_desk", "order", ("payment_check", "filing")),
    ],
)
def test_a_step_that_is_declined_is_an_alert_to_owner_and_manager(name, kind, templates):
    """Nobody has the work any more, so nobody's limit runs: somebody has to be told."""
    told = {
        (reaction.on.template, who)
        for reaction in shipped(name).kind(kind).reactions.values()
        if reaction.on.event == "work-declined" and reaction.when is None
        for step in reaction.then
        if step.alert is not None
        for who in step.alert.tell
    }
    assert {(template, who) for template in templates for who in ("owner", "manager")} <= told


def test_a_complaint_that_is_nobodys_work_has_a_deadline_all_the_same():
    complaint = shipped("medical_distribution").kind("complaint")
    unheard = complaint.deadlines["unheard"]
    assert set(unheard.stages) == {step for step, it in complaint.steps.items() if it.outcome == "open"}


# ── the acceptance of a device ───────────────────────────────────────────────────────────────────────────────────────


def test_the_acceptance_of_a_device_is_seventeen_actions_in_order():
    """Each with its limit and its reason; who ticks them, and which are duties, is told; nothing waits for itself."""
    acceptance = shipped("medical_distribution").kind("device_acceptance").work["acceptance"]
    items = acceptance.checklist
    assert len(items) == 17
    assert all(item.why and item.within_hours and item.required for item in items.values())
    assert sum(item.compliance for item in items.values()) == 8
    assert {item.role for item in items.values()} == {None, "regulatory", "clinical_specialist"}
    order = list(TopologicalSorter({name: item.after for name, item in items.items()}).static_order())
    assert order[-1] == "signed_by_three", "everything comes before the signatures"


def test_a_device_is_accepted_once_every_action_is_ticked_in_order_and_its_use_is_filed(promises):
    kind = shipped("medical_distribution").kind("device_acceptance")
    fields = {"device_name": "超声诊断仪", "customer": HOSPITAL, "model": "US-9"}
    promises.submit(OpenRecord(DEVICE, fields, owner=SAM))
    promises.submit(RequestWork(DEVICE, "wrk_1", "acceptance"))
    by = {"actor": AMY, "rights": frozenset()}
    items = kind.work["acceptance"].checklist
    with pytest.raises(InvalidCommand) as caught:
        promises.submit(TickWork(DEVICE, "wrk_1", "installed"), **by)
    assert "site_ready" in str(caught.value)
    for field in kind.evidence_fields:
        if field != "usage_filing":
            promises.submit(attach(DEVICE, field))
    proof = {"packing_list": "evi_packing_list"}
    said = {"installed_on": TODAY.isoformat(), "serial_number": "SN-1"}
    promises.submit(Progress(DEVICE, "installed_today", said, evidence=proof))
    promises.submit(ChangeStage(DEVICE, "trial"))
    accepted = ChangeStage(
        DEVICE, "accepted", {"registration_number": "国械注准2020", "accepted_on": TODAY.isoformat()}
    )
    assert refused(promises, accepted) == ["evidence:usage_filing", "condition:all_actions_done"]
    for name in TopologicalSorter({name: item.after for name, item in items.items()}).static_order():
        piece = f"evi_{items[name].evidence}" if items[name].evidence else None
        promises.submit(TickWork(DEVICE, "wrk_1", name, piece), **by)
    promises.submit(CompleteWork(DEVICE, "wrk_1"), **by)
    assert refused(promises, accepted) == ["evidence:usage_filing"]
    promises.submit(attach(DEVICE, "usage_filing"))
    promises.submit(accepted)


def test_a_visit_is_made_when_its_three_actions_are_ticked(promises):
    visit = "visit/vis_1"
    fields = {"purpose": "听一个病例", "customer": HOSPITAL, "planned_on": TODAY.isoformat()}
    promises.submit(OpenRecord(visit, fields, owner=SAM))
    promises.submit(RequestWork(visit, "wrk_1", "action_list", SAM))
    promises.submit(attach(visit, "site_photo"))
    made = ChangeStage(visit, "made", {"result": "下周试用"})
    assert refused(promises, made) == ["condition:actions_done"]
    by = {"actor": SAM, "rights": frozenset()}
    for item, piece in (("user_heard", None), ("device_seen", "evi_site_photo"), ("next_step_agreed", None)):
        promises.submit(TickWork(visit, "wrk_1", item, piece), **by)
    promises.submit(CompleteWork(visit, "wrk_1"), **by)
    promises.submit(made)


# ── the order desk ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def orders():
    desk = a_desk("order_desk")
    for number, role in enumerate(
        ("finance", "order_manager", "vice_president", "risk_officer", "technology")
    ):
        desk.submit(AddPerson(f"person/per_{number}", role, "office", BOSS, (role,)))
    return desk


def entered(desk, amount, **fields):
    fields = {"order_number": "A-1", "customer": HOSPITAL, "payment_method": "prepaid"} | fields
    desk.submit(OpenRecord(ORDER, {**fields, "amount": amount}, owner=SAM))
    desk.submit(RequestApproval(ORDER, "apr_1", "order_approval"), actor=SAM, rights=frozenset())
    return [level.name for level in record(desk, ORDER).approvals["apr_1"].levels]


def approved(desk, approval="apr_1"):
    """Everybody who is asked agrees."""
    while record(desk, ORDER).approvals[approval].state == "running":
        level = record(desk, ORDER).approvals[approval].open_levels[0]
        for role, person in level.approvers.items():
            decision = DecideApproval(ORDER, approval, "approved", level=level.name, role=role)
            desk.submit(decision, actor=person, rights=frozenset())


@pytest.mark.parametrize(
    ("amount", "levels"),
    [
        ("499999.99", ["manager", "finance", "order_manager"]),
        ("500000", ["manager", "finance", "order_manager", "vice_president"]),
    ],
)
def test_the_amount_decides_whether_the_vice_president_is_the_fourth(orders, amount, levels):
    assert entered(orders, amount) == levels
    assert refused(orders, ChangeStage(ORDER, "approved")) == ["condition:order_approved"]
    approved(orders)
    orders.submit(ChangeStage(ORDER, "approved"))


def test_another_amount_or_payment_method_asks_for_another_approval(orders):
    entered(orders, "1000")
    approved(orders)
    orders.submit(EditFields(ORDER, {"payment_method": "monthly"}))
    assert refused(orders, ChangeStage(ORDER, "approved")) == ["condition:order_approved"]


def test_a_special_discount_is_answered_for_by_a_named_risk_officer(orders):
    entered(orders, "1000", discount_percent=12)
    approved(orders)
    assert refused(orders, ChangeStage(ORDER, "approved")) == ["condition:discount_approved"]
    orders.submit(RequestApproval(ORDER, "apr_2", "special_discount"), actor=SAM, rights=frozenset())
    (level,) = record(orders, ORDER).approvals["apr_2"].levels
    assert set(level.approvers) == {"risk_officer"}
    approved(orders, "apr_2")
    orders.submit(ChangeStage(ORDER, "approved"))
    told = shipped("order_desk").kind("order").reactions["discount_known"]
    assert (told.on.chain, told.then[0].notify.tell[0]) == ("special_discount", "manager")


def test_no_invoice_is_made_on_a_payment_method_finance_does_not_know(orders):
    """What reactions write is written by hand here; whoever writes what finance confirms has not asked finance."""
    entered(orders, "1000")
    approved(orders)
    orders.submit(EditFields(ORDER, {"confirmed_payment_method": "prepaid"}))
    orders.submit(ChangeStage(ORDER, "approved"))
    orders.submit(attach(ORDER, "delivery_note"))
    orders.submit(attach(ORDER, "change_request"))
    proof = {"delivery_note": "evi_delivery_note"}
    orders.submit(Progress(ORDER, "delivered_today", {"delivered_on": TODAY.isoformat()}, evidence=proof))
    asked = {"change_request": "evi_change_request"}
    orders.submit(Progress(ORDER, "payment_change_asked", {"payment_method": "monthly"}, evidence=asked))
    invoiced = ChangeStage(ORDER, "invoiced", {"invoice_number": "12345678"})
    assert refused(orders, invoiced) == ["condition:payment_known_to_finance"]
    orders.submit(EditFields(ORDER, {"confirmed_payment_method": "monthly"}))
    assert refused(orders, invoiced) == ["condition:payment_known_to_finance"], (
        "nobody confirms their own change"
    )
    orders.submit(RequestWork(ORDER, "wrk_1", "payment_check"))
    check = CompleteWork(
        ORDER, "wrk_1", {"payment_method": "monthly", "credit_checked": True, "remark": "额度内"}
    )
    orders.submit(check, actor=record(orders, ORDER).work["wrk_1"].assignee, rights=frozenset())
    orders.submit(invoiced)


@pytest.mark.parametrize(
    ("form", "is_settled"),
    [
        ({"payment_method": "monthly", "credit_checked": False}, False),
        ({"payment_method": "prepaid", "credit_checked": True}, False),
        ({"payment_method": "monthly", "credit_checked": True}, True),
    ],
)
def test_a_check_that_says_no_or_was_about_another_method_makes_no_invoice(orders, form, is_settled):
    delivered_and_changed(orders)
    finance_says(orders, "wrk_1", form)
    invoiced = ChangeStage(ORDER, "invoiced", {"invoice_number": "12345678"})
    if is_settled:
        orders.submit(invoiced)
    else:
        assert refused(orders, invoiced) == ["condition:payment_known_to_finance"]


def test_whoever_changes_the_method_after_the_check_and_invoices_in_one_go_is_refused(orders):
    """No reaction runs between commands of one batch; the gate reads what finance itself has looked at."""
    delivered_and_changed(orders)
    finance_says(orders, "wrk_1", {"payment_method": "monthly", "credit_checked": True})
    changed = {
        "payment_method": "instalments",
        "confirmed_payment_method": "instalments",
        "invoice_number": "12345678",
    }
    edited, moved = orders.bus.submit_batch(
        [orders.submission(EditFields(ORDER, changed)), orders.submission(ChangeStage(ORDER, "invoiced"))]
    )
    assert (edited.outcome, moved.outcome) == ("accepted", "refused")
    assert refused(orders, ChangeStage(ORDER, "invoiced")) == ["condition:payment_known_to_finance"]
    orders.submit(RequestWork(ORDER, "wrk_2", "payment_check"))
    assert refused(orders, ChangeStage(ORDER, "invoiced", {"payment_method": "monthly"})) == [
        "condition:payment_known_to_finance"
    ], "what is asked again counts by its new answer"


def delivered_and_changed(orders):
    """An order that was approved prepaid and delivered, and is to be paid monthly now."""
    entered(orders, "1000")
    approved(orders)
    orders.submit(ChangeStage(ORDER, "approved"))
    orders.submit(attach(ORDER, "delivery_note"))
    orders.submit(attach(ORDER, "change_request"))
    orders.submit(ChangeStage(ORDER, "delivered", {"delivered_on": TODAY.isoformat()}))
    orders.submit(EditFields(ORDER, {"payment_method": "monthly"}))


def finance_says(orders, work, form):
    """Finance is asked to check the payment method, and answers."""
    orders.submit(RequestWork(ORDER, work, "payment_check"))
    check = CompleteWork(ORDER, work, form | {"remark": "看过"})
    orders.submit(check, actor=record(orders, ORDER).work[work].assignee, rights=frozenset())


def test_a_quote_is_agreed_to_by_sales_technology_and_finance_together():
    chain = shipped("order_desk").kind("quote").approvals["joint_quote"]
    (level,) = chain.levels.values()
    assert level.roles == ("sales_lead", "technology", "finance")
    assert level.quorum is None, "all of them"


def test_filing_has_a_deadline_that_climbs():
    archiving = shipped("order_desk").kind("order").deadlines["archiving"]
    assert (archiving.on_stage, archiving.after_hours) == ("invoiced", Decimal(40))
    assert [rung.tell for rung in archiving.rungs] == [("owner",), ("manager",), ("order_manager",)]
