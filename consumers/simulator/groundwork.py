"""How a requirement of a gate is worked off: a field found out, a document made, a customer visited."""

import hashlib
import random
from collections.abc import Mapping
from datetime import timedelta

from consumers.simulator import texts
from consumers.simulator.customers import Customers
from consumers.simulator.deals import OPPORTUNITY, Deal, NotedTouch
from consumers.simulator.desk import Desk
from consumers.simulator.people import Company, Employee
from consumers.simulator.working_days import Clock
from domain.record.commands import AttachEvidence, EditFields, RecordTouch

MADE_BY_PRESALES = frozenset({"poc_report", "requirement_spec", "solution_deck", "cost_sheet"})
WITH_THE_MOVE = frozenset(
    {
        "poc_started_on",
        "frozen_on",
        "contract_number",
        "contract_amount",
        "payment_terms",
        "signed_on",
        "first_payment",
        "paid_on",
    }
)
"""Fields that are written down together with the step they belong to."""

_TOUCHES_ASKED = {
    "first_touch": ("any", 30, 1),
    "three_touches": ("any", 45, 3),
    "visited_twice": ("visit", 30, 2),
}
_PDF, _DECK = "application/pdf", "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILES = {
    "competitor_table": ("竞品对比表", "xlsx", _SHEET),
    "red_stamp_scan": ("立项红章扫描件", "pdf", _PDF),
    "poc_report": ("POC测试报告", "pdf", _PDF),
    "requirement_spec": ("需求规格书_冻结版", "pdf", _PDF),
    "solution_deck": ("定制化方案", "pptx", _DECK),
    "cost_sheet": ("成本测算表", "xlsx", _SHEET),
    "contract_scan": ("合同扫描件", "pdf", _PDF),
    "payment_receipt": ("银行到账回单", "pdf", _PDF),
}
_SMALLEST_FILE, _LARGEST_FILE = 40_000, 6_000_000


class Groundwork:
    """Works off requirements, one command or a few at a time."""

    def __init__(self, desk: Desk, rng: random.Random, company: Company, customers: Customers) -> None:
        self._desk = desk
        self._rng = rng
        self._company = company
        self._customers = customers

    def fulfil(self, deal: Deal, requirement: str, clock: Clock) -> bool:
        """Do something for one requirement; tells whether it is done with that."""
        what, _, name = requirement.partition(":")
        match what:
            case "field":
                self.edit(deal, {name: self.value(deal, name, clock)}, clock)
            case "evidence":
                self.attach(deal, name, clock)
            case "condition" if name in _TOUCHES_ASKED:
                kind, days, wanted = _TOUCHES_ASKED[name]
                if deal.touched(kind, days, clock.now) < wanted:
                    self.touch(deal, None if kind == "any" else kind, clock)
                return deal.touched(kind, days, clock.now) >= wanted
            case _:
                self._condition(deal, name, clock)
        return True

    def edit(
        self, deal: Deal, fields: Mapping[str, object], clock: Clock, *, actor: str | None = None
    ) -> None:
        """Write fields down; what is there already is not written again."""
        if news := deal.add(fields):
            self._desk.put(clock.tick(), actor or deal.owner.id, EditFields(deal.stream, news))

    def touch(self, deal: Deal, kind: str | None, clock: Clock) -> None:
        """Be in touch with the customer, and write it down, sometimes only in the evening."""
        rng, owner = self._rng, deal.owner
        chosen = (
            kind
            or rng.choices(
                ("visit", "call", "wechat", "email"), (0.22 + 0.3 * owner.diligence, 0.3, 0.3, 0.13)
            )[0]
        )
        contact = deal.contact
        who = contact.called if contact is not None else "对方前台"
        if contact is not None and rng.random() < 0.3 and deal.customer.contacts:
            contact = rng.choice(deal.customer.contacts)
            who = contact.called
        told = clock.tick()
        happened = (
            max(clock.some_hours_ago(), deal.opened_at + timedelta(minutes=1)) if clock.is_evening else told
        )
        text = texts.note(rng, chosen, deal.stage, who, deal.product, deal.pain or "需求还比较模糊")
        note = text if rng.random() < 0.45 + 0.5 * owner.diligence else None
        touch = RecordTouch(
            deal.stream,
            self._desk.new_id("tou"),
            chosen,
            note,
            contact.stream if contact is not None else None,
        )
        actor = deal.presales if chosen == "demo" and deal.presales is not None else owner
        self._desk.put(told, actor.id, touch, happened=happened if happened < told else None)
        deal.touches.append((chosen, min(happened, told)))
        deal.last_touch = NotedTouch(touch.touch, actor, clock.day, note)

    def attach(self, deal: Deal, name: str, clock: Clock) -> None:
        """Attach a document, made by whoever makes documents of its kind."""
        title, ending, media_type = _FILES[name]
        size = self._rng.randrange(_SMALLEST_FILE, _LARGEST_FILE)
        at = clock.tick()
        content = f"{deal.number}\n{name}\n{at.isoformat()}\n{size}".encode()
        file_name = f"{deal.number}_{title}_{at:%Y%m%d}.{ending}"
        piece = AttachEvidence(
            deal.stream,
            self._desk.new_id("evi"),
            name,
            hashlib.sha256(content).hexdigest(),
            size,
            media_type,
            file_name,
        )
        actor = deal.presales if name in MADE_BY_PRESALES and deal.presales is not None else deal.owner
        self._desk.put(at, actor.id, piece)
        deal.evidence.add(name)

    def assign_presales(self, deal: Deal) -> Employee:
        """Choose a presales engineer for a deal."""
        deal.presales = deal.presales or self._rng.choice(self._company.presales())
        return deal.presales

    def value(self, deal: Deal, name: str, clock: Clock) -> object:
        """Find out what belongs into a field of a deal."""
        rng = self._rng
        match name:
            case "main_contact":
                deal.contact = self._customers.meet(clock, deal.owner.id, deal.customer)
                return deal.contact.stream
            case "technical_contact":
                return self._customers.meet(clock, deal.owner.id, deal.customer, "technical").stream
            case "presales":
                return self.assign_presales(deal).id
            case "pains":
                return sorted(rng.sample(list(texts.PAINS), 3))
            case "pain_record":
                pains = deal.fields.get("pains")
                found = [str(pain) for pain in pains] if isinstance(pains, list) else ["downtime"]
                record = texts.pain_record(rng, found)
                deal.pain = record.split("；")[0]
                return record
            case "expected_sign_on":
                return (clock.day + timedelta(days=rng.randrange(45, 130))).isoformat()
            case "poc_started_on" | "frozen_on" | "signed_on" | "paid_on":
                return clock.day.isoformat()
            case "contract_number":
                return deal.number.replace("SH", "HT")
            case "quantity":
                return rng.choice((20, 50, 80, 100, 150, 200, 300, 500))
            case "discount_percent":
                return round(rng.triangular(0, 23, 8))
            case "poc_result" if deal.losing is not None:
                return "failed"
            case _:
                return self._amount(deal, name) or self._choice(name)

    def _amount(self, deal: Deal, name: str) -> str | None:
        rng, amount = self._rng, deal.amount
        match name:
            case "amount":
                return str(amount)
            case "budget":
                return str(_rounded(amount * rng.uniform(0.9, 1.3)))
            case "cost":
                return str(_rounded(amount * rng.triangular(0.55, 0.87, 0.7)))
            case "contract_amount":
                return str(_rounded(amount * rng.triangular(0.83, 1.0, 0.96)))
            case "first_payment":
                contract = int(str(deal.known("contract_amount") or amount))
                return str(contract * rng.choice((3, 3, 3, 3, 5, 5, 10, 2)) // 10)
            case _:
                return None

    def _choice(self, name: str) -> object:
        rng = self._rng
        match name:
            case "contact_channel":
                return rng.choice(("phone", "wechat", "wechat", "on_site", "email"))
            case "source":
                return rng.choice(("exhibition", "referral", "inbound", "inbound", "partner", "outbound"))
            case "poc_result":
                return rng.choices(("passed", "passed_with_changes", "failed"), (0.52, 0.3, 0.18))[0]
            case "payment_terms":
                return rng.choice(("three_six_one", "three_six_one", "five_five", "prepaid", "monthly"))
            case "loss_reason":
                return rng.choice(("price", "slow_response", "technical_fit", "competitor"))
            case "competitors":
                return sorted(
                    rng.sample(("incumbent", "low_price", "large_vendor", "in_house"), rng.randrange(1, 3))
                )
            case _:
                raise ValueError(f"nobody knows what belongs into the field {name!r} of an {OPPORTUNITY}")

    def _condition(self, deal: Deal, name: str, clock: Clock) -> None:
        """Make a condition true, as far as it is in one's own hands."""
        contract, rng = int(str(deal.known("contract_amount") or deal.amount)), self._rng
        match name:
            case "demo_given":
                self.assign_presales(deal)
                self.touch(deal, "demo", clock)
            case "poc_passed":
                self.edit(deal, {"poc_result": "passed_with_changes"}, clock)
            case "decision_chain_interviewed":
                self.touch(deal, "visit", clock)
                self.edit(deal, {"decision_chain_complete": True}, clock)
            case "discount_within_limit":
                self.edit(deal, {"discount_percent": rng.randrange(8, 16)}, clock)
            case "margin_kept":
                self.edit(deal, {"cost": str(_rounded(deal.amount * rng.uniform(0.7, 0.8)))}, clock)
            case "amount_near_quote":
                deal.amount = _rounded(contract * 1.05)
                self.edit(deal, {"amount": str(deal.amount)}, clock)
            case "first_payment_large_enough":
                deal.carried["first_payment"] = str(contract * 3 // 10)
            case "budget_known":
                self.edit(deal, {"budget_confirmed": True, "budget": self._amount(deal, "budget")}, clock)
            case _:
                self.touch(deal, "call", clock)


def _rounded(amount: float) -> int:
    return max(1_000, round(amount / 1_000) * 1_000)
