"""Story 6, *the order desk*: who has to agree is decided by the amount and not by whom one knows, a discount has a name to it, and nothing is late unnoticed.

March 2026, on the shipped playbook: approvals used to take 4.3 steps and 2.8 days. Everything goes over HTTP, on a simulated log;
people do what they do through a program that says for whom it acts.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support.sales import ALL_RIGHTS, TestClient

import playbooks
from commands.caller import Caller
from infra.asgi import build
from infra.deadline_clock import let_time_pass
from infra.settings import Settings

SHANGHAI = ZoneInfo("Asia/Shanghai")
SHIPPED = Path(playbooks.__file__).parent / "order_desk.yaml"
ONLY_LARGE = "            roles: [vice_president]\n            when: amount >= 500000\n"
PEOPLE = (
    ("vera", "vice_president", None),
    ("otto", "order_manager", "vera"),
    ("max", "sales_lead", "otto"),
    ("sam", "sales", "max"),
    ("jun", "sales", "max"),
    ("fay", "finance", "otto"),
    ("flo", "finance", "otto"),
    ("tom", "technology", "vera"),
    ("rita", "risk_officer", "vera"),
    ("ada", "archivist", "otto"),
)
"""Who works at the order desk: name, role, manager."""


def moment(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of that March, as the office's clock shows it. The 2nd is a Monday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI)


def person(name: str) -> str:
    """Somebody, as they are named everywhere."""
    return f"person/per_{name}"


class Office:
    """The service of an order desk, at moments the story tells."""

    def __init__(self, tenant: Any, home: Path) -> None:
        self.tenant = tenant
        self.clock = moment(2, 8)
        tenant.told_time = lambda: self.clock
        caller = Caller(tenant.name, "story", "system/operations", rights=ALL_RIGHTS)
        settings = Settings(_env_file=None, home=home, database_url=None, tenant=tenant.name)
        self.http = TestClient(build(tenant, settings, caller=caller))
        self._keys = count(1)
        self._workers_read = False
        self._lay_groundwork()

    def at(self, day: int, hour: int, minute: int = 0) -> "Office":
        """It is this moment now; nobody wrote meanwhile, and what was due on the way was noticed."""
        now = moment(day, hour, minute)
        let_time_pass(self.tenant, now)
        self.clock = max(self.clock, now)
        self._settle()
        return self

    def post(self, path: str, body: Any = None, by: str | None = None, **how: Any) -> dict[str, Any]:
        """Issue a command that is accepted, for somebody; the workers have read it when this returns."""
        answer = self.send("POST", path, body, by, **how)
        assert answer.status_code in (200, 201, 202), answer.text
        content: dict[str, Any] = answer.json()
        return content

    def refused(self, path: str, body: Any = None, by: str | None = None) -> dict[str, Any]:
        """Issue a command that is refused; the answer says why."""
        answer = self.send("POST", path, body, by)
        assert answer.status_code in (409, 422), answer.text
        content: dict[str, Any] = answer.json()
        return content

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        by: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Issue a command a second later."""
        self.clock += timedelta(seconds=1)
        about = {"Idempotency-Key": f"story-{next(self._keys)}"} | dict(headers or {})
        if by is not None:
            about["On-Behalf-Of"] = person(by)
        if isinstance(body, str):
            about.setdefault("Content-Type", "application/yaml")
            answer = self.http.request(method, path, content=body.encode(), headers=about)
        else:
            answer = self.http.request(method, path, json=body or {}, headers=about)
        self._settle()
        return answer

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read what is there."""
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def draft(self, text: str) -> int:
        """Keep a draft of the playbook."""
        number: int = self.post("/v1/playbooks/order_desk/drafts", text)["draft"]
        return number

    def publish(self, draft: int, reason: str) -> None:
        """Put a draft into force."""
        self.post("/v1/playbooks/order_desk/publications", {"draft": draft, "reason": reason})

    def order(self, name: str, amount: str, owner: str = "sam", **fields: Any) -> str:
        """Enter an order; returns its address."""
        about = {"order_number": name, "customer": "customer/cus_1", "payment_method": "prepaid"}
        told = about | {"amount": amount} | fields
        self.post("/v1/orders", {"id": f"ord_{name}", "owner": person(owner), "fields": told})
        return f"/v1/orders/ord_{name}"

    def ask(self, address: str, by: str = "sam", approval: str = "apr_1", chain: str | None = None) -> Any:
        """Ask for agreement; returns the approval."""
        self.post(f"{address}/approvals", {"id": approval, "chain": chain}, by)
        return self.approval(address, approval)

    def decide(
        self, address: str, by: str, decision: str = "approved", approval: str = "apr_1", **how: Any
    ) -> Any:
        """Let somebody approve or reject; returns the approval."""
        self.post(f"{address}/approvals/{approval}/decisions", {"decision": decision, **how}, by)
        return self.approval(address, approval)

    def approval(self, address: str, approval: str = "apr_1") -> Any:
        """An approval as its record shows it."""
        return next(it for it in self.get(address)["approvals"] if it["id"] == approval)

    def attach(self, address: str, field: str) -> str:
        """Attach a file; returns its id."""
        file = {"headers": {"Content-Type": "application/pdf"}}
        piece: str = self.post(f"{address}/evidence?field={field}", f"%PDF {field}", **file)["id"]
        return piece

    def edit(self, address: str, fields: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Change fields of what was read."""
        version = self.get(address)["version"]
        answer = self.send("PATCH", address, {"fields": fields}, by, {"If-Match": f'"{version}"'})
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def told(self, address: str) -> list[tuple[str, str, list[str]]]:
        """What was noticed of the deadlines of a record, in order: which, when, and who was told."""
        collection, record = address.split("/")[2:]
        kind = {"orders": "order", "quotes": "quote"}[collection]
        found = self.get("/v1/escalations", kind=kind, record=record, limit=100)["items"]
        return [
            (
                it["deadline"],
                f"{datetime.fromisoformat(it['noticed_at']).astimezone(SHANGHAI):%d %H:%M}",
                sorted(who["name"] for who in it["told"]),
            )
            for it in reversed(found)
        ]

    def heard(self, name: str) -> list[str]:
        """What reactions told somebody, the newest first."""
        found = self.get(f"/v1/people/per_{name}/inbox", limit=100)["items"]
        return [it["text"]["zh"] for it in found if it["reason"] in ("alert", "notice")]

    def _lay_groundwork(self) -> None:
        """The playbook is in force, and everybody is there; the workers read all of it in one go."""
        self.publish(self.draft(SHIPPED.read_text("utf-8")), "金额决定级数")
        self.post("/v1/teams", {"id": "east", "name": "华东一部", "region": "华东"})
        for name, role, manager in PEOPLE:
            about = {"id": f"per_{name}", "name": name, "team": "east", "roles": [role]}
            self.post("/v1/people", about | {"manager": manager and person(manager)})
        self.post("/v1/customers", {"id": "cus_1", "fields": {"name": "第一医院"}})
        self._workers_read = True

    def _settle(self) -> None:
        """The workers read, what they do is read by workers again, until nothing follows any more."""
        head = -1
        while self._workers_read and head != self.tenant.log.head():
            head = self.tenant.log.head()
            self.tenant.catch_up.run()


def asked(approval: Mapping[str, Any]) -> dict[str, list[str]]:
    """Who is asked at each level."""
    return {
        level["name"]: [who.removeprefix("person/per_") for who in level["approvers"].values()]
        for level in approval["levels"]
    }


@pytest.fixture
def office(a_tenant: Any, embedded_home: Path) -> Office:
    """The order desk on Monday at nine."""
    office = Office(a_tenant("order_desk", clock="simulated", told_time=moment(2, 8)), embedded_home)
    return office.at(2, 9)


def test_story_6_three_levels_within_two_hours_and_the_vice_president_as_the_fourth(office: Office) -> None:
    """The amount decides. What is closed in time is never heard of again; what is not climbs, level by level and as a whole, though nobody writes."""
    small = office.order("small", "499999.99")
    approval = office.ask(small)
    assert asked(approval) == {"manager": ["max"], "finance": ["fay"], "order_manager": ["otto"]}
    ended = {}
    for minute, name in ((10, "max"), (20, "fay"), (30, "otto")):
        ended = office.at(2, 9, minute).decide(small, name)
    assert ended["state"] == "approved"
    took = datetime.fromisoformat(ended["ended_at"]) - datetime.fromisoformat(ended["requested_at"])
    assert took < timedelta(hours=2)
    office.post(f"{small}/stage-changes", {"to": "approved"}, "sam")

    # From 500,000 on the vice president is the fourth. Nobody does anything until Tuesday morning.
    large = office.order("large", "500000")
    approval = office.ask(large)
    assert list(asked(approval)) == ["manager", "finance", "order_manager", "vice_president"]
    assert asked(approval)["vice_president"] == ["vera"]
    running = office.get("/v1/deadlines", kind="order")["items"]
    assert [(it["id"], it["deadline"]) for it in running] == [
        ("ord_large", "approvals.order_approval.manager"),
        ("ord_large", "approval_closed"),
    ]
    silent = office.tenant.log.head()
    office.at(3, 9)
    assert office.told(large) == [
        ("approvals.order_approval.manager", "02 10:00", ["max"]),
        ("approvals.order_approval.manager", "02 10:30", ["otto"]),
        ("approval_closed", "02 11:00", ["max"]),
        ("approval_closed", "02 11:30", ["max", "sam"]),
        ("approval_closed", "02 13:30", ["otto"]),
        ("approval_closed", "02 16:30", ["vera"]),
    ]
    after = office.get("/v1/events", after=silent, limit=100)["items"]
    assert {event["actor"] for event in after} == {"system/deadlines"}, "nobody wrote meanwhile"
    assert office.told(small) == []

    # The manager agrees at last: the next level has its own half hour.
    office.decide(large, "max")
    office.at(3, 11)
    assert [it for it in office.told(large) if it[1].startswith("03")] == [
        ("approvals.order_approval.finance", "03 09:30", ["fay"]),
        ("approvals.order_approval.finance", "03 10:00", ["otto"]),
    ]
    for name in ("fay", "otto"):
        assert office.decide(large, name)["state"] == "running"
    assert office.decide(large, "vera")["state"] == "approved"


def test_story_6_nobody_agrees_to_what_they_asked_for_and_a_stand_in_is_named(office: Office) -> None:
    """Not oneself, not as stand-in; whoever is on leave is stood in for, and the event says on whose behalf."""
    own = office.order("own", "1000", owner="otto")
    why = office.refused(f"{own}/approvals", {}, "otto")
    assert [error["pointer"] for error in why["errors"]] == ["/approvers/order_manager/order_manager"]
    assert asked(office.ask(own, by="fay"))["finance"] == ["flo"], "the other one of the department"

    order = office.order("1", "1000")
    office.ask(order)
    why = office.refused(f"{order}/approvals/apr_1/decisions", {"decision": "approved"}, "sam")
    assert [error["message"] for error in why["errors"]] == ["nobody approves or rejects what they asked for"]
    # Their manager goes on leave and leaves it to them.
    away = {"id": "abs_1", "ends": "2026-03-03T09:00:00+08:00", "stand_in": person("sam")}
    office.post("/v1/people/per_max/absences", away)
    why = office.refused(f"{order}/approvals/apr_1/decisions", {"decision": "approved"}, "sam")
    assert [error["message"] for error in why["errors"]] == ["nobody approves or rejects what they asked for"]
    why = office.refused(f"{office.order('2', '1000')}/approvals", {}, "sam")
    assert [error["pointer"] for error in why["errors"]] == ["/approvers/manager/manager"]
    office.post("/v1/people/per_max/absences/abs_1/endings")

    # Somebody else stands in: they are asked, they are told when it is late, and it stays told whose it was.
    office.post("/v1/people/per_max/absences", away | {"id": "abs_2", "stand_in": person("jun")})
    third = office.order("3", "1000")
    (level, *_) = office.ask(third)["levels"]
    assert (level["approvers"], level["asked"]) == ({"manager": person("jun")}, {"manager": person("max")})
    (work,) = [it for it in office.get("/v1/people/per_jun/work")["items"] if it["record"] == "order/ord_3"]
    assert (work["assignee_name"], work["asked_name"]) == ("jun", "max")
    office.at(2, 9, 40)
    assert office.told(third) == [("approvals.order_approval.manager", "02 09:30", ["jun"])]
    office.decide(third, "jun")
    requested, decided = (
        office.get("/v1/events", topic=f"record.approval-{what}")["items"][-1]
        for what in ("requested", "decided")
    )
    assert requested["payload"]["levels"][0]["asked"] == {"manager": person("max")}
    assert (decided["stream"], decided["on_behalf_of"]) == ("order/ord_3", person("jun"))
    assert [it["by"] for it in office.approval(third)["decisions"]] == [person("jun")]


def test_story_6_recalled_and_led_back_with_all_of_its_history(office: Office) -> None:
    """A request that is taken back keeps what was decided; a rejection leads back to the level it names, or ends it and tells the owner."""
    order = office.order("1", "1000")
    office.ask(order)
    office.decide(order, "max")
    why = office.refused(f"{order}/approvals/apr_1/recalls", {}, "jun")
    assert person("sam") in why["errors"][0]["message"]
    office.post(f"{order}/approvals/apr_1/recalls", {"reason": "数量填错"}, "sam")
    recalled = office.approval(order)
    assert (recalled["state"], [it["by"] for it in recalled["decisions"]]) == ("recalled", [person("max")])

    # Asked again: the order manager sends it back to finance, and not to the start.
    office.ask(order, approval="apr_2")
    for name in ("max", "fay"):
        office.decide(order, name, approval="apr_2")
    why = office.refused(
        f"{order}/approvals/apr_2/decisions", {"decision": "rejected", "back_to": "finance"}, "otto"
    )
    assert [error["pointer"] for error in why["errors"]] == ["/comment"]
    back = office.decide(order, "otto", "rejected", "apr_2", back_to="finance", comment="信用额度没有核")
    assert (back["state"], back["open_levels"]) == ("running", ["finance"])
    assert [(it["level"], it["decision"], it["counts"]) for it in back["decisions"]] == [
        ("manager", "approved", True),
        ("finance", "approved", False),
        ("order_manager", "rejected", False),
    ]
    office.decide(order, "fay", approval="apr_2")
    ended = office.decide(order, "otto", "rejected", "apr_2", comment="额度不够")
    assert ended["state"] == "rejected"
    assert office.heard("sam") == ["订单审批未通过，请看意见"]

    # All of it is there to be read, in its order: each request, each decision, and what was said.
    history = office.get(f"{order}/timeline", order="recorded", limit=100)["items"]
    assert [it["what"].removeprefix("approval-") for it in history] == [
        "opened", "requested", "decided", "recalled", "requested", *["decided"] * 5
    ]  # fmt: skip
    assert [it["comment"] for it in history if it.get("comment")] == ["信用额度没有核", "额度不够"]


def test_story_6_a_discount_has_a_name_to_it_and_a_quote_three(office: Office) -> None:
    """A named risk officer answers for what is below the list, and the manager hears of it; a quote goes out when all three have agreed on it."""
    order = office.order("1", "1000", discount_percent="25")
    office.ask(order)
    for name in ("max", "fay", "otto"):
        office.decide(order, name)
    why = office.refused(f"{order}/stage-changes", {"to": "approved"}, "sam")
    assert [item["id"] for item in why["unmet"]] == ["condition:discount_approved"]
    special = office.ask(order, approval="apr_2", chain="special_discount")
    assert asked(special) == {"risk": ["rita"]}
    for name in ("max", "otto"):
        assert office.heard(name) == ["有一笔订单申请特价，已交风控专员"]
    why = office.refused(f"{order}/approvals/apr_2/decisions", {"decision": "approved"}, "max")
    assert "risk/risk_officer: person/per_rita" in why["errors"][0]["message"]
    office.decide(order, "rita", approval="apr_2")
    office.post(f"{order}/stage-changes", {"to": "approved"}, "sam")
    flat = office.order("2", "1000", discount_percent="10")
    office.refused(f"{flat}/approvals", {"chain": "special_discount"}, "sam")

    # The quote: all three at once, in whatever order; when the amount changes they are asked again.
    quote = "/v1/quotes/quo_1"
    terms = {"amount": "80000", "cost": "60000", "valid_until": "2026-04-01"}
    fields = {"subject": "监护仪", "customer": "customer/cus_1", **terms}
    office.post("/v1/quotes", {"id": "quo_1", "owner": person("sam"), "fields": fields})
    office.attach(quote, "technical_proposal")
    office.attach(quote, "quotation")
    joint = office.ask(quote)
    assert joint["levels"][0]["approvers"] == {
        "sales_lead": person("max"),
        "technology": person("tom"),
        "finance": person("fay"),
    }
    for name in ("fay", "tom"):
        assert office.decide(quote, name)["state"] == "running"
    why = office.refused(f"{quote}/stage-changes", {"to": "sent"}, "sam")
    assert [item["id"] for item in why["unmet"]] == ["condition:agreed_jointly"]
    assert office.decide(quote, "max")["state"] == "approved"
    office.edit(quote, {"amount": "70000"}, "sam")
    why = office.refused(f"{quote}/stage-changes", {"to": "sent"}, "sam")
    assert [item["id"] for item in why["unmet"]] == ["condition:agreed_jointly"]
    office.ask(quote, approval="apr_2")
    for name in ("tom", "max", "fay"):
        office.decide(quote, name, approval="apr_2")
    office.post(f"{quote}/stage-changes", {"to": "sent"}, "sam")


def test_story_6_finance_hears_of_a_payment_before_the_invoice_and_the_archive_alarms_by_itself(
    office: Office,
) -> None:
    """Nobody passes the change on: it is work of finance at once, with the change as its cause. And an order nobody files is told of, up the ladder."""
    order = office.order("1", "1000")
    office.ask(order)
    for name in ("max", "fay", "otto"):
        office.decide(order, name)
    office.post(f"{order}/stage-changes", {"to": "approved"}, "sam")
    office.attach(order, "delivery_note")
    office.post(
        f"{order}/stage-changes", {"to": "delivered", "fields": {"delivered_on": "2026-03-02"}}, "sam"
    )

    # One tap of Sam's: the customer asks for another way to pay, with a paper of it.
    paper = office.attach(order, "change_request")
    tap = {
        "preset": "payment_change_asked",
        "fields": {"payment_method": "monthly"},
        "evidence": {"change_request": paper},
    }
    done = office.at(2, 10).post(f"{order}/progress", tap, "sam")
    changed = done["events"][-1]["position"]
    (check,) = [it for it in office.get("/v1/people/per_fay/work")["items"] if it["what"] == "work"]
    assert (check["template"], check["record"], check["priority"]) == ("payment_check", "order/ord_1", 9)
    assert office.heard("fay") == ["订单批过之后改了付款方式，请在开票前复核"]
    invoice = {"to": "invoiced", "fields": {"invoice_number": "12345678"}}
    why = office.refused(f"{order}/stage-changes", invoice, "sam")
    assert [item["id"] for item in why["unmet"]] == ["condition:payment_known_to_finance"]
    form = {"fields": {"payment_method": "monthly", "credit_checked": True, "remark": "额度内"}}
    completed = office.post(f"{order}/work/{check['id']}/completions", form, "fay")["position"]

    # The record tells it all, and what came by itself names what it came of.
    history = office.get(f"{order}/timeline", order="recorded", limit=100)["items"]
    asked_for = next(it for it in history if it["what"] == "work-requested")
    assert (asked_for["channel"], asked_for["causation_id"]) == ("reaction", str(changed))
    ran = [
        it for it in office.get("/v1/reactions", kind="order", record="ord_1")["items"] if it["what"] == "ran"
    ]
    causes = {it["reaction"]: (it["cause"]["position"], it["positions"]) for it in ran}
    assert causes["payment_changed"][0] == changed
    assert causes["payment_changed"][1][0] == asked_for["position"]
    by_check = next(
        it["position"] for it in history if it.get("new") == "monthly" and it["channel"] == "reaction"
    )
    assert causes["payment_checked"][0] == completed
    assert causes["payment_checked"][1][0] == by_check
    confirmed = office.get(f"{order}/history", field="confirmed_payment_method")["items"]
    assert [(it["new"], it["channel"]) for it in confirmed] == [
        ("prepaid", "reaction"),
        ("monthly", "reaction"),
    ]
    office.post(f"{order}/stage-changes", invoice, "sam")

    # The archivist has it at once, and nobody does anything: five working days later it is told, and further and further up.
    (filing,) = office.get("/v1/people/per_ada/work")["items"]
    assert filing["template"] == "filing"
    silent = office.tenant.log.head()
    office.at(12, 18)
    assert [it for it in office.told(order) if it[0] == "archiving"] == [
        ("archiving", "06 10:00", ["sam"]),
        ("archiving", "09 10:00", ["sam"]),
        ("archiving", "10 10:00", ["max"]),
        ("archiving", "11 13:00", ["otto"]),
    ]
    after = office.get("/v1/events", after=silent, limit=100)["items"]
    assert {event["actor"] for event in after} == {"system/deadlines"}, "nobody wrote meanwhile"
    assert office.get("/v1/deadlines", kind="order", overdue=True)["total"] >= 1


def test_story_6_a_changed_chain_is_replayed_before_it_is_published_and_what_runs_stays(
    office: Office,
) -> None:
    """Four levels for all: the replay says of each request whom it would have gone to as well. What runs goes on as it began until it is moved."""
    orders = {
        name: office.order(name, amount) for name, amount in (("a", "1000"), ("b", "499999"), ("c", "800000"))
    }
    for address in orders.values():
        office.ask(address)
    for name in ("max", "fay", "otto"):
        office.decide(orders["a"], name)
    office.decide(orders["b"], "max")
    text = SHIPPED.read_text("utf-8")
    assert text.count(ONLY_LARGE) == 1
    draft = office.draft(text.replace(ONLY_LARGE, "            roles: [vice_president]\n"))

    head = office.tenant.log.head()
    started = office.post(f"/v1/playbooks/order_desk/drafts/{draft}/replays", {"about": ["approvals"]})
    replay = f"/v1/replays/{started['id']}"
    until = time.monotonic() + 60
    while (found := office.get(replay))["state"] in ("queued", "running") and time.monotonic() < until:
        time.sleep(0.05)
    assert found["state"] == "done", found
    (subject,) = [it for it in found["impact"]["subjects"] if it["name"] == "approvals"]
    assert subject["totals"] == {
        "judged": 12,
        "unchanged": 10,
        "changed": 0,
        "gone": 0,
        "new": 2,
        "not_judgeable": 0,
    }
    otherwise = office.get(f"{replay}/subjects/approvals", verdict="differs")
    assert [
        (it["record"], it["level"], it["verdict"], it["person_would"], it["why"]) for it in otherwise["items"]
    ] == [
        ("order/ord_a", "vice_president", "new", person("vera"), "level asked"),
        ("order/ord_b", "vice_president", "new", person("vera"), "level asked"),
    ]
    large = office.get(f"{replay}/subjects/approvals", record="order/ord_c")["items"]
    assert {it["verdict"] for it in large} == {"unchanged"}
    assert office.tenant.log.head() == head, "a replay writes nothing"

    # In force: what ran goes on under what it began with, and the dry run says what would become of it.
    office.publish(draft, "所有订单都要副总加签")
    assert (office.approval(orders["b"])["number"], list(asked(office.approval(orders["b"])))) == (
        1,
        ["manager", "finance", "order_manager"],
    )
    head = office.tenant.log.head()
    would = office.get("/v1/approvals/migrations", kind="order")["items"]
    assert {it["record"]: it["changes"][-1] for it in would} == {
        "order/ord_b": {"level": "vice_president", "change": "added"},
        "order/ord_c": {"level": "vice_president", "change": "same"},
    }
    assert all(it["problems"] == [] for it in would)
    assert office.tenant.log.head() == head, "a dry run writes nothing"
    office.post(f"{orders['b']}/approvals/apr_1/migrations", {"reason": "一律按新规则"})
    moved = office.approval(orders["b"])
    assert (moved["number"], asked(moved)["vice_president"], moved["open_levels"]) == (
        2,
        ["vera"],
        ["finance"],
    )
    assert [it["by"] for it in moved["decisions"]] == [person("max")], "who decided is not asked again"
    for name in ("fay", "otto"):
        assert office.decide(orders["b"], name)["state"] == "running"
    assert office.decide(orders["b"], "vera")["state"] == "approved"
    assert [it["record"] for it in office.get("/v1/approvals/migrations")["items"]] == ["order/ord_c"]
