"""What happens by itself in the shipped playbooks: a chain of departments, a promise that becomes work, a version with legal, a change of payment."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.given import SHA256
from support.sales import a_submission

import playbooks
from commands.playbook_file import read_playbook
from domain.events import FieldsChanged
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.record import state as record_state
from domain.record.commands import AttachEvidence, ChangeStage, EditFields, OpenRecord
from domain.refusals import GateNotMet
from domain.work.commands import (
    CompleteWork,
    DecideApproval,
    DeclineWork,
    RequestApproval,
    RequestWork,
    TickWork,
)

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
BOSS, SAM = "person/per_boss", "person/per_sam"
HOSPITAL = "customer/cus_1"


class Company:
    """A tenant with a shipped playbook: Sam sells under Boss, and one person holds each other role."""

    def __init__(self, tenant: Any, name: str) -> None:
        self.tenant, self.clock = tenant, MONDAY
        playbook = read_playbook(Path(playbooks.__file__).parent / f"{name}.yaml")
        self.do(PublishPlaybook(playbook))
        self.do(FormTeam("office", "Office", "华东"))
        self.do(AddPerson(BOSS, "Boss", "office", None, ("sales",)))
        self.do(AddPerson(SAM, "Sam", "office", BOSS, ("sales",)))
        for role in playbook.document.roles:
            if role != "sales":
                self.do(AddPerson(f"person/per_{role}", role, "office", BOSS, (role,)))
        self.do(OpenRecord(HOSPITAL, {"name": "First People's"}))

    def do(self, command: Any, *, by: str = "system/operator", **about: Any) -> Any:
        """Let somebody do something, and whatever follows from it happen."""
        about = about if by.startswith("system/") else about | {"rights": frozenset()}
        answer = self.tenant.bus.submit(
            a_submission(command, actor=by, told_time=self.clock, **about)
        ).required()
        while self.tenant.catch_up.run() < self.tenant.log.head():
            pass  # what follows is followed by more
        return answer

    def attach(self, stream: str, *fields: str) -> None:
        """Attach a piece to each field."""
        for field in fields:
            self.do(AttachEvidence(stream, f"evi_{field}", field, SHA256, 10, "application/pdf"))

    def record(self, stream: str) -> Any:
        """The record as it stands."""
        return record_state.fold(None, self.tenant.log.stream(stream))

    def asked(self, stream: str) -> dict[str, Any]:
        """The newest work of each template."""
        return {item.template: item for item in self.record(stream).work.values()}

    def told(self) -> list[tuple[str, list[str]]]:
        """Who was told by which reaction."""
        found = self.tenant.log.after(0, 1_000, topics=["reaction.alerted.v1"])
        return [(it.event.reaction, sorted(it.event.told)) for it in found]

    def failed(self) -> list[Any]:
        """What did not come about."""
        return [it.event for it in self.tenant.log.after(0, 1_000, topics=["reaction.failed.v1"])]


@pytest.fixture
def company(a_tenant):
    return lambda name: Company(a_tenant(clock="simulated", told_time=MONDAY), name)


def test_a_requirement_goes_from_production_to_the_warehouse_to_quality(company):
    """Each leg is asked when the one before has handed over its proof; nobody forwards anything."""
    medical, need = company("medical_distribution"), "requirement/req_1"
    fields = {"subject": "监护仪", "customer": HOSPITAL, "quantity": "2", "expected_on": "2026-04-01"}
    medical.do(OpenRecord(need, fields, owner=SAM))
    first = medical.asked(need)
    assert {name: item.assignee for name, item in first.items()} == {
        "plan_production": "person/per_production",
        "contract_terms": "person/per_legal",
    }
    medical.attach(need, "plan_screenshot", "stock_photo", "quality_report")
    planned = {"planned_on": "2026-03-20", "batch_number": "B-1"}
    medical.do(CompleteWork(need, first["plan_production"].id, planned), by=first["plan_production"].assignee)
    picking = medical.asked(need)["pick_stock"]
    assert picking.assignee == "person/per_warehouse"
    picked = {"batch_number": "B-1", "expires_on": "2028-03-20"}
    medical.do(CompleteWork(need, picking.id, picked), by=picking.assignee)
    release = medical.asked(need)["release_quality"]
    assert release.assignee == "person/per_quality"
    for item in ("label_and_udi", "expiry", "storage"):
        medical.do(TickWork(need, release.id, item), by=release.assignee)
    medical.do(CompleteWork(need, release.id), by=release.assignee)
    assert medical.told() == [("released", [SAM])]
    medical.do(EditFields(need, {"expected_on": "2026-04-09"}))
    assert medical.told()[1:] == [("date_moved", ["person/per_production", "person/per_warehouse"])]
    assert medical.failed() == []


def test_a_promise_becomes_prioritised_work_of_whoever_has_to_keep_it(company):
    medical, promise = company("medical_distribution"), "commitment/com_1"
    fields = {"promise": "两台", "customer": HOSPITAL, "department": "warehouse", "due_on": "2026-03-05"}
    medical.do(OpenRecord(promise, fields, owner=SAM))
    assert medical.asked(promise) == {}, "it is not made yet"
    medical.do(ChangeStage(promise, "made"))
    (item,) = medical.record(promise).work.values()
    assert (item.template, item.assignee, item.priority) == ("keep_promise", "person/per_warehouse", 8)
    medical.do(ChangeStage(promise, "broken", {"broken_reason": "forgotten"}))
    assert medical.told() == [("broken", [BOSS, "person/per_regional_manager"])]
    assert medical.failed() == []


def a_promise_is_made(medical, promise, due_on="2026-03-05"):
    """Of the warehouse, by Sam; return the work that keeps it."""
    fields = {"promise": "两台", "customer": HOSPITAL, "department": "warehouse", "due_on": due_on}
    medical.do(OpenRecord(promise, fields, owner=SAM))
    medical.do(ChangeStage(promise, "made"))
    (item,) = medical.record(promise).work.values()
    return item


def kept(promise, on):
    """Say that it was kept on a day."""
    return ChangeStage(promise, "kept", {"kept_on": on})


def test_a_promise_whose_day_was_just_changed_is_judged_by_the_day_that_was_agreed(company):
    """Another day was written down, and what was late counted as kept. The work keeps its day, the manager hears of it."""
    medical, promise = company("medical_distribution"), "commitment/com_1"
    work = a_promise_is_made(medical, promise)
    medical.do(EditFields(promise, {"due_on": "2026-03-20"}))
    assert medical.record(promise).work[work.id].due_at == work.due_at
    assert medical.told() == [("day_edited", [BOSS])]
    medical.attach(promise, "keeping_proof")
    medical.do(CompleteWork(promise, work.id, {"result": "已发车"}), by=work.assignee)
    with pytest.raises(GateNotMet) as late:
        medical.do(kept(promise, "2026-03-06"))
    assert [item.id for item in late.value.unmet] == ["condition:kept_in_time"]
    medical.do(kept(promise, "2026-03-05"))
    assert medical.failed() == []


def test_the_day_that_was_agreed_is_changed_by_hand_under_the_eyes_of_the_manager(company):
    medical, promise = company("medical_distribution"), "commitment/com_1"
    a_promise_is_made(medical, promise)
    medical.do(EditFields(promise, {"agreed_on": "2026-03-20"}))
    medical.do(EditFields(promise, {"agreed_on": None}))
    assert medical.told() == [("agreed_edited", [BOSS])] * 2


def test_a_day_the_customer_agreed_to_holds_for_the_promise_and_for_its_work(company):
    """The proof is of this one change: the next day it says nothing of another."""
    medical, promise = company("medical_distribution"), "commitment/com_1"
    work = a_promise_is_made(medical, promise)
    medical.attach(promise, "new_date_agreed")
    medical.do(ChangeStage(promise, "moved", {"due_on": "2026-03-20", "moved_reason": "logistics"}))
    assert medical.record(promise).fields["agreed_on"] == "2026-03-20"
    assert medical.record(promise).work[work.id].due_at == "2026-03-20T16:00:00.000000Z"
    assert [reaction for reaction, _ in medical.told()] == ["moved"]
    medical.clock += timedelta(days=3)
    medical.do(EditFields(promise, {"due_on": "2026-03-27"}))
    assert medical.record(promise).fields["agreed_on"] == "2026-03-20"
    assert [reaction for reaction, _ in medical.told()] == ["moved", "day_edited"]
    assert medical.failed() == []


def test_it_can_be_told_which_version_legal_is_stuck_on(company):
    medical, document = company("medical_distribution"), "document/doc_1"
    fields = {"name": "购销合同", "customer": HOSPITAL, "type": "contract", "version": "3"}
    medical.do(OpenRecord(document, fields, owner=SAM))
    medical.attach(document, "text")
    medical.do(ChangeStage(document, "reviewing"))
    assert medical.record(document).fields["version_with_legal"] == "3"
    medical.do(EditFields(document, {"version": "4"}))
    assert medical.record(document).fields["version_with_legal"] == "3", "legal still reads the third"
    assert medical.told() == [("newer_version", ["person/per_legal", SAM])]
    review = medical.asked(document)["legal_review"]
    medical.do(CompleteWork(document, review.id, {"version": "3", "verdict": "changes"}), by=review.assignee)
    assert medical.record(document).fields["version_with_legal"] is None
    medical.do(EditFields(document, {"version": "5"}))
    assert medical.asked(document)["legal_review"].id != review.id, "asked again by itself"
    assert medical.record(document).fields["version_with_legal"] == "5"
    assert medical.failed() == []


def test_complaints_visits_and_devices_open_with_their_work(company):
    medical = company("medical_distribution")
    complaint = {"summary": "报警", "customer": HOSPITAL, "severity": "safety"}
    medical.do(OpenRecord("complaint/cmp_1", complaint, owner=SAM))
    visit = {"purpose": "回访", "customer": HOSPITAL, "planned_on": "2026-03-06"}
    medical.do(OpenRecord("visit/vis_1", visit, owner=SAM))
    device = {"device_name": "超声", "customer": HOSPITAL, "model": "US-9"}
    medical.do(OpenRecord("device_acceptance/acp_1", device, owner=SAM))
    assert medical.asked("complaint/cmp_1")["handle"].assignee == "person/per_service_engineer"
    assert medical.asked("visit/vis_1")["action_list"].assignee == SAM
    assert medical.asked("device_acceptance/acp_1")["acceptance"].assignee == "person/per_service_engineer"
    assert medical.told() == [
        ("safety_first", [BOSS, "person/per_quality", "person/per_regional_manager"]),
    ]
    medical.attach("complaint/cmp_1", "handling_proof")
    handled = medical.asked("complaint/cmp_1")["handle"]
    form = {"finding": "探头松动", "action_taken": "更换"}
    medical.do(CompleteWork("complaint/cmp_1", handled.id, form), by=handled.assignee)
    assert medical.asked("complaint/cmp_1")["review"].assignee == "person/per_complaint_reviewer"
    assert medical.failed() == []


def test_what_is_declined_does_not_die_in_silence(company):
    """A complaint, a promise and a review that somebody declines: owner and manager are told at once."""
    medical = company("medical_distribution")
    complaint = {"summary": "报警", "customer": HOSPITAL, "severity": "nuisance"}
    promise = {"promise": "两台", "customer": HOSPITAL, "department": "warehouse", "due_on": "2026-03-05"}
    document = {"name": "购销合同", "customer": HOSPITAL, "type": "contract", "version": "1"}
    medical.do(OpenRecord("complaint/cmp_1", complaint, owner=SAM))
    medical.do(OpenRecord("commitment/com_1", promise, owner=SAM))
    medical.do(ChangeStage("commitment/com_1", "made"))
    medical.do(OpenRecord("document/doc_1", document, owner=SAM))
    medical.attach("document/doc_1", "text")
    medical.do(ChangeStage("document/doc_1", "reviewing"))
    for stream in ("complaint/cmp_1", "commitment/com_1", "document/doc_1"):
        (item,) = medical.record(stream).work.values()
        medical.do(DeclineWork(stream, item.id), by=item.assignee, reason="出差")
    assert medical.told() == [
        (reaction, [BOSS, SAM]) for reaction in ("handling_declined", "keeping_declined", "review_declined")
    ]
    assert medical.record("document/doc_1").fields["version_with_legal"] is None
    assert medical.failed() == []


def test_a_change_of_the_payment_method_reaches_finance_before_the_invoice(company):
    """After the approval: finance has work with the highest priority, and no invoice is made until it is done."""
    desk, order = company("order_desk"), "order/ord_1"
    fields = {"order_number": "A-1", "customer": HOSPITAL, "amount": "1000", "payment_method": "prepaid"}
    desk.do(OpenRecord(order, fields, owner=SAM))
    desk.do(RequestApproval(order, "apr_1", "order_approval"), by=SAM)
    while desk.record(order).approvals["apr_1"].state == "running":
        level = desk.record(order).approvals["apr_1"].open_levels[0]
        for role, person in level.approvers.items():
            desk.do(DecideApproval(order, "apr_1", "approved", level=level.name, role=role), by=person)
    assert desk.record(order).fields["confirmed_payment_method"] == "prepaid", "what finance has approved"
    desk.do(ChangeStage(order, "approved"))
    desk.attach(order, "delivery_note", "change_request")
    desk.do(ChangeStage(order, "delivered", {"delivered_on": "2026-03-02"}))
    desk.do(EditFields(order, {"payment_method": "monthly"}))
    check = desk.asked(order)["payment_check"]
    assert (check.assignee, check.priority) == ("person/per_finance", 9)
    assert desk.told() == [("payment_changed", ["person/per_finance"])]
    invoiced = ChangeStage(order, "invoiced", {"invoice_number": "12345678"})
    with pytest.raises(GateNotMet) as caught:
        desk.do(invoiced)
    assert [item.id for item in caught.value.unmet] == ["condition:payment_known_to_finance"]
    form = {"payment_method": "monthly", "credit_checked": False, "remark": "额度不够"}
    desk.do(CompleteWork(order, check.id, form), by=check.assignee)
    assert desk.record(order).fields["confirmed_payment_method"] == "prepaid", "finance said no"
    assert desk.told()[1:] == [("payment_not_settled", [BOSS, SAM])]
    desk.do(RequestWork(order, "wrk_again", "payment_check"), by=SAM)
    desk.do(DeclineWork(order, "wrk_again"), by=check.assignee, reason="出差")
    assert desk.told()[2:] == [("payment_check_declined", [BOSS, "person/per_finance", SAM])]
    desk.do(RequestWork(order, "wrk_last", "payment_check"), by=SAM)
    form |= {"credit_checked": True, "remark": "额度内"}
    desk.do(CompleteWork(order, "wrk_last", form), by=check.assignee)
    desk.do(invoiced)
    assert desk.asked(order)["filing"].assignee == "person/per_archivist"
    changes = [it for it in desk.tenant.log.stream(order) if isinstance(it.event, FieldsChanged)]
    assert {it.channel for it in changes if "confirmed_payment_method" in it.event.changes} == {"reaction"}
    assert desk.failed() == []
