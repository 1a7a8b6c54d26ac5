"""The part of the demo that nobody does: deadlines that are noticed while nobody writes, an approval that finds its people, leads that find an owner."""

from datetime import datetime, timedelta
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

from commands.playbook_file import read_playbook
from commands.submission import Command, Submission
from domain.organisation.commands import NoteAbsence, SetSkills
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import EditFields, OpenRecord
from domain.record.state import Record
from domain.work.commands import CommentApproval, DecideApproval, RequestApproval
from infra.cli import pools
from infra.cli.deadlines import told_table
from infra.cli.demo_measures import NotAsTold, table_of, title
from infra.cli.render import label
from infra.cli.session import ALL_RIGHTS, OPERATOR, Session
from infra.cli.words import word
from infra.deadline_clock import let_time_pass
from infra.tenant import Tenant
from projections.deadline_answers import Asked, escalations
from projections.lists import Ask
from projections.pools import Which, assignments

DAYS_WITHOUT_A_WORD = 4
DISCOUNT, AMOUNT = "18", "620000"
"""Ten percent ask finance and risk as well, half a million the vice president."""

_LEADS = (
    ("无锡惠仁医院", "华东", "医疗"),
    ("宁波海曙连锁药房", "华东", "医疗"),
    ("苏州工业园供电所", "华东", "电力"),
    ("嘉兴港区冷链", "华东", "零售"),
)
_SKILLED = 3


def work_without_anybody(session: Session, tenant: Tenant, kind: str, evening: datetime) -> None:
    """Let some days go by in which nobody writes anything, then ask for an agreement, then let leads come in."""
    desk = _Desk(session, tenant, evening)
    climbed = _days_without_a_word(desk, kind, evening)
    _agreement(desk, kind, climbed)
    _leads(desk)


class _Desk:
    """Issues the commands of the demo, each a minute after the one before it."""

    def __init__(self, session: Session, tenant: Tenant, begins: datetime) -> None:
        self.session = session
        self.tenant = tenant
        self.now = begins
        self._numbers = count(1)

    def issue(self, command: Command, actor: str = OPERATOR, reason: str | None = None) -> list[Any]:
        """Issue a command that has to be accepted; whatever follows the log has read it when this returns."""
        self.now = max(self.now, self.tenant.told_time() or self.now) + timedelta(minutes=1)
        issued = Submission(
            command=command,
            client="demo",
            key=f"work-{next(self._numbers)}",
            actor=actor,
            channel="cli",
            rights=ALL_RIGHTS if actor == OPERATOR else frozenset(),
            reason=reason,
            told_time=self.now,
        )
        done = self.tenant.bus.submit(issued).required()
        self.tenant.catch_up.run()
        return [recorded.event for recorded in done.events]


# ── deadlines ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _days_without_a_word(desk: _Desk, kind: str, evening: datetime) -> str:
    """Let time go by; show what was noticed of one deal on which it climbed. Returns its stream."""
    session, tenant = desk.session, desk.tenant
    backlog = let_time_pass(tenant, evening)
    began = tenant.log.head()
    until = evening + timedelta(days=DAYS_WITHOUT_A_WORD)
    done = let_time_pass(tenant, until)
    tenant.catch_up.run()
    title(
        session,
        "demo: days",
        f"deadlines told --kind {kind}",
        days=DAYS_WITHOUT_A_WORD,
        told=done.told,
    )
    session.print("demo: backlog", told=backlog.told, position=began + 1, style="dim")
    told = escalations(tenant.reads, Asked(kind=kind, limit=200)).data["items"]
    rungs: dict[str, list[Any]] = {}
    for item in told:
        data = getattr(item, "data", item)
        if data["position"] > began:
            rungs.setdefault(data["record"], []).append(data)
    if not rungs:
        raise NotAsTold(f"in {DAYS_WITHOUT_A_WORD} days without a word no deadline was noticed")
    record = max(rungs, key=lambda name: (len({row["rung"] for row in rungs[name]}), len(rungs[name]), name))
    shown = escalations(tenant.reads, Asked(record=record, limit=6))
    session.out.print(told_table(shown, session))
    desk.now = max(desk.now, until)
    return record


# ── an agreement ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _agreement(desk: _Desk, kind: str, avoided: str) -> None:
    """Ask for a special price, and have everybody who was named decide."""
    session, tenant = desk.session, desk.tenant
    deal = _quoted(tenant, kind, avoided)
    owner = deal.owner or OPERATOR
    desk.issue(EditFields(deal.stream, {"discount_percent": DISCOUNT, "amount": AMOUNT}), owner)
    desk.issue(RequestApproval(deal.stream, "", "special_discount"), owner, reason="客户两家比价，只差这一步")
    asked = _approval(tenant, deal)
    people = [(level["name"], *named) for level in asked["levels"] for named in level["approvers"].items()]
    note = "毛利还剩多少？成本测算表第三页和报价对不上"
    desk.issue(CommentApproval(deal.stream, asked["id"], note), people[0][2])
    for level, role, person in people:
        desk.issue(DecideApproval(deal.stream, asked["id"], "approved", level, role), person)
    decided = _approval(tenant, deal)
    title(
        session,
        "demo: special price",
        f"timeline {kind} {deal.id}",
        discount=DISCOUNT,
        amount=int(AMOUNT),
    )
    session.out.print(_levels(desk, deal, decided))
    session.print("demo: who decides", style="dim")


def _quoted(tenant: Tenant, kind: str, avoided: str) -> Record:
    """An open deal that is quoted, whose owner has a manager who is not the vice president."""
    people = tenant.reads.organisation().people
    for deal in sorted(tenant.reads.records(kind), key=lambda deal: deal.id):
        owner = people.get(deal.owner or "")
        if deal.stage == "quoted" and deal.stream != avoided and owner is not None and owner.manager:
            return deal
    raise NotAsTold("no quoted deal has an owner with a manager")


def _approval(tenant: Tenant, deal: Record) -> dict[str, Any]:
    found: dict[str, Any] = tenant.reads.record(deal.kind, deal.id).data["approvals"][-1]
    return found


def _levels(desk: _Desk, deal: Record, approval: dict[str, Any]) -> Any:
    session, reads = desk.session, desk.tenant.reads
    lens, language = reads.lens(), session.language
    lens.prepare(())
    document = reads.playbooks().for_kind(deal.kind).document
    chain = document.kinds[deal.kind].approvals[approval["chain"]]
    decided = {(told["level"], told["role"]): told for told in approval["decisions"]}
    table = table_of(*(word(name, language) for name in ("level", "role", "who", "decision")))
    for level in approval["levels"]:
        for role, person in level["approvers"].items():
            told = decided.get((level["name"], role))
            role_label = document.roles[role].label.model_dump() if role in document.roles else None
            table.add_row(
                label(chain.levels[level["name"]].label.model_dump(), language, level["name"]),
                label(role_label, language, word(role, language)),
                lens.person(person) or person,
                word("open" if told is None else told["decision"], language),
            )
    return table


# ── leads ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _leads(desk: _Desk) -> None:
    """Put the playbook of leads into force, let one of those who know the trade be away, and let leads come in."""
    session, tenant = desk.session, desk.tenant
    playbook = read_playbook(Path(str(resources.files("playbooks"))) / "leads.yaml")
    desk.issue(PublishPlaybook(playbook), reason="线索从今天起自动分配")
    organisation = tenant.reads.organisation()
    east = [
        person
        for person, about in sorted(organisation.people.items())
        if "sales" in about.roles
        and organisation.is_active(person)
        and organisation.region_of(person) == "华东"
    ][:_SKILLED]
    for person in east:
        desk.issue(SetSkills(person, ("医疗",)))
    desk.issue(NoteAbsence(east[0], ends=desk.now + timedelta(days=14), stand_in=east[1]), reason="年假")
    for number, (company, region, industry) in enumerate(_LEADS, 1):
        fields = {"company": company, "region": region, "industry": industry, "source": "fair"}
        desk.issue(OpenRecord(f"lead/lea_demo{number}", fields))
    record = "lead/lea_demo1"
    title(
        session,
        "demo: leads",
        "pool explain lead/lea_demo1",
        count=len(_LEADS),
    )
    session.out.print(
        pools.explained(assignments(tenant.reads, Ask(), Which(record=record)), session.language)
    )
    owners = [
        tenant.reads.record("lead", f"lea_demo{number}").data["owner"] for number in range(1, len(_LEADS) + 1)
    ]
    if None in owners or east[0] in owners:
        raise NotAsTold(f"the leads went to {owners}")
