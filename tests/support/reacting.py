"""A company in which things follow by themselves: a playbook with reactions of every kind, a few people, and deals."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from commands.playbook_file import parse_playbook
from commands.submission import Answer
from domain.envelope import Recorded
from domain.event import Event
from domain.naming import reactions_stream
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import PublishedPlaybook
from domain.record import state as record_state
from domain.record.commands import OpenRecord
from domain.record.state import Record
from domain.work.commands import CompleteWork, RequestWork
from support.sales import a_submission

BEGIN = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SELLER, BOSS, PRESALES, LEGAL, FINANCE = (
    "person/per_seller", "person/per_boss", "person/per_presales", "person/per_legal", "person/per_finance",
)  # fmt: skip
DEAL = "deal/dea_1"

TOLD_SOMETHING = "notify: {tell: [owner], text: {zh: 知悉, en: To know}}"

REACTIONS = """
      second_visit:
        label: {zh: 演示后回访, en: A visit after the demo}
        on: {event: work-completed, template: demo}
        then: [{request_work: {template: visit, assignee: owner, within_hours: 24, priority: 3}}]
"""
"""One work item follows another."""

PLAYBOOK = """
playbook: follows
label: {zh: 联动, en: What follows}
roles:
  presales: {label: {zh: 售前, en: Presales}}
  legal: {label: {zh: 法务, en: Legal}}
  finance: {label: {zh: 财务, en: Finance}}
  operations: {label: {zh: 销售运营, en: Sales operations}, rights: [publish, organise]}
kinds:
  contract:
    label: {zh: 合同, en: Contract}
    collection: contracts
    prefix: ctr
    title: topic
    fields:
      topic: {type: text, personal: false, label: {zh: 主题, en: Topic}}
      deal: {type: reference, to: deal, label: {zh: 商机, en: Deal}}
      amount: {type: money, currency: CNY, label: {zh: 金额, en: Amount}}
    stages:
      draft: {label: {zh: 草稿, en: Draft}GATE}
      signed: {label: {zh: 已签, en: Signed}}
  deal:
    label: {zh: 商机, en: Deal}
    collection: deals
    prefix: dea
    title: topic
    fields:
      topic: {type: text, personal: false, label: {zh: 主题, en: Topic}}
      amount: {type: money, currency: CNY, label: {zh: 金额, en: Amount}}
      size: {type: number, label: {zh: 数量, en: Size}}
      phone: {type: phone, label: {zh: 电话, en: Phone}}
      backup: {type: phone, label: {zh: 备用电话, en: Other phone}}
      wanted_on: {type: date, label: {zh: 期望日期, en: Wanted on}}
      born_on: {type: date, personal: true, label: {zh: 生日, en: Born on}}
      scan: {type: evidence, label: {zh: 扫描件, en: Scan}}
      grade: {type: choice, label: {zh: 级别, en: Grade}, options: {small: {zh: 小, en: Small}, large: {zh: 大, en: Large}}}
    touches:
      call: {label: {zh: 电话, en: Call}}
      visit: {label: {zh: 拜访, en: Visit}}
    relations:
      leads_to: {label: {zh: 促成, en: Leads to}, to: contract}
    stages:
      lead: {label: {zh: 线索, en: Lead}}
      offer: {label: {zh: 报价, en: Offer}, nodes: {quoted: {label: {zh: 已报价, en: Quoted}}, haggled: {label: {zh: 议价, en: Haggled}}}}
      won: {label: {zh: 赢单, en: Won}, outcome: won}
    work:
      demo: {label: {zh: 演示, en: Demo}, role: presales, done_by_word: true}
      visit: {label: {zh: 回访, en: Visit}, done_by_word: true}
      review: {label: {zh: 评审, en: Review}, role: legal, done_by_word: true}
      costing: {label: {zh: 核价, en: Costing}, role: finance, done_by_word: true}
    forks:
      closing:
        label: {zh: 收尾, en: Closing}
        legs: {law: {template: review}, money: {template: costing}}
STARTS
    approvals:
      price:
        label: {zh: 特价, en: Special price}
        levels:
          above: {label: {zh: 上级, en: Manager}, roles: [manager]}
          money: {label: {zh: 财务, en: Finance}, roles: [finance]}
    deadlines:
      quiet: {label: {zh: 无人跟进, en: Nobody touched it}, on_silence: any, after_hours: 24, ladder: [{tell: [owner]}]}
    reactions:
REACTIONS
"""


@cache
def reacting_playbook(reactions: str = REACTIONS, *, starts: str = "", gate: str = "") -> PublishedPlaybook:
    """The playbook with these reactions; `starts` is the step a fork starts on, `gate` what a contract's first stage asks for."""
    text = PLAYBOOK.replace("REACTIONS", reactions.strip("\n"))
    text = text.replace("STARTS", f"        starts_on: {starts}" if starts else "").replace("GATE", gate)
    return parse_playbook(text, "follows.yaml")


def a_reaction(name: str, on: str, *then: str, when: str | None = None) -> str:
    """The text of one reaction."""
    rule = f'        when: "{when}"\n' if when else ""
    steps = "".join(f"          - {{{step}}}\n" for step in then)
    return f"      {name}:\n        label: {{zh: 联动, en: {name}}}\n        on: {{{on}}}\n{rule}        then:\n{steps}"


class Follows:
    """A tenant with the playbook of what follows; a seller under a boss, and one person of each other department."""

    def __init__(self, tenant: Any, published: PublishedPlaybook | None = None) -> None:
        self.tenant = tenant
        self.clock = BEGIN if tenant.log.is_simulated else None
        self.publish(published or reacting_playbook())
        self.do(FormTeam("east", "华东一部", region="华东"))
        self.do(AddPerson(BOSS, "老板", team="east", roles=("operations",)))
        self.do(AddPerson(SELLER, "卖家", team="east", manager=BOSS))
        for person, role in ((PRESALES, "presales"), (LEGAL, "legal"), (FINANCE, "finance")):
            self.do(AddPerson(person, role, team="east", roles=(role,)))

    def publish(self, playbook: PublishedPlaybook) -> None:
        """Put a version into force."""
        self.do(PublishPlaybook(playbook))

    def do(self, command: Any, key: str | None = None, **about: Any) -> Answer:
        """Carry a command out, a minute after the one before."""
        if self.clock is not None:
            self.clock += timedelta(minutes=1)
            about = {"told_time": self.clock} | about
        return self.tenant.bus.submit(a_submission(command, key, **about))

    def deal(self, stream: str = DEAL, **fields: Any) -> str:
        """A deal of the seller begins; return its stream."""
        self.do(OpenRecord(stream, fields, owner=SELLER), actor=SELLER)
        return stream

    def a_demo_is_done(self, stream: str = DEAL, work: str = "wrk_demo") -> Recorded:
        """Presales has shown what we have; return the event."""
        self.do(RequestWork(stream, work, "demo"), actor=SELLER)
        return self.do(CompleteWork(stream, work), actor=PRESALES).events[-1]

    def settle(self) -> None:
        """Let the workers read until nothing moves any more."""
        head = -1
        while head != self.tenant.log.head():
            head = self.tenant.log.head()
            self.tenant.catch_up.run()

    def record(self, stream: str = DEAL) -> Record:
        """A record as it is now."""
        record = record_state.fold(None, self.tenant.log.stream(stream))
        assert record is not None
        return record

    def became(self, stream: str = DEAL) -> list[Event]:
        """What became of the reactions to a record, in order."""
        return [recorded.event for recorded in self.tenant.log.stream(reactions_stream(stream))]

    def caused(self, stream: str = DEAL) -> list[Recorded]:
        """The events of a record that reactions caused, in order."""
        return [recorded for recorded in self.tenant.log.stream(stream) if recorded.channel == "reaction"]
