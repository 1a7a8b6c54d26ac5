"""A small team whose deals have deadlines of every sort, and what tests ask of them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from commands.playbook_file import parse_playbook
from domain.deadlines import watched as watching
from domain.deadlines.arming import Armed, arm
from domain.deadlines.watched import Watched
from domain.envelope import Recorded
from domain.event import Event
from domain.events import PersonJoined, RecordOpened, TeamFormed
from domain.naming import ORGANISATION_STREAM
from domain.organisation import state as organisation_state
from domain.organisation.state import Organisation
from domain.playbook.published import PublishedPlaybook
from domain.values import Private
from support.given import recorded

DEAL = "deal/dea_1"
ANNA, BEN, CARA, DIRK, EVE = (f"person/per_{name}" for name in ("anna", "ben", "cara", "dirk", "eve"))
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""Nine o'clock in Shanghai, where people work until six."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

TEXT = """\
playbook: watched
label: {zh: 看表, en: Watched}
time_zone: Asia/Shanghai
calendar:
  hours: {mon: [09:00-18:00], tue: [09:00-18:00], wed: [09:00-18:00], thu: [09:00-18:00], fri: [09:00-18:00]}
  first_year: 2025
  last_year: 2040
roles:
  seller: {label: {zh: 销售, en: Seller}}
  vp: {label: {zh: 销售副总, en: Sales VP}}
kinds:
  deal:
    label: {zh: 单, en: Deal}
    collection: deals
    prefix: dea
    fields:
      topic: {type: text, personal: false, label: {zh: 题, en: Topic}}
      decides_on: {type: date, label: {zh: 定, en: Decides on}}
      meets_at: {type: datetime, label: {zh: 会, en: Meets at}}
      birthday: {type: date, personal: true, label: {zh: 生, en: Birthday}}
    touches:
      call: {label: {zh: 电, en: Call}}
      visit: {label: {zh: 访, en: Visit}}
    moves: {skip: allowed, back: free, reopen: free}
    stages:
      lead: {label: {zh: 线, en: Lead}}
      offer:
        label: {zh: 案, en: Offer}
        nodes:
          costed: {label: {zh: 核, en: Costed}}
          quoted: {label: {zh: 价, en: Quoted}}
      won: {label: {zh: 赢, en: Won}, outcome: won}
      lost: {label: {zh: 输, en: Lost}, outcome: lost}
    work:
      demo: {label: {zh: 演示, en: Demo}, respond_within_hours: 2, complete_within_hours: 9, done_by_word: true}
    approvals:
      discount:
        label: {zh: 折扣, en: Discount}
        levels: {head: {label: {zh: 主管, en: Head}, roles: [manager]}}
    deadlines:
      diagnosed:
        label: {zh: 诊断, en: Diagnosed}
        on_stage: lead
        after_hours: 18
        warn_percent: 50
        ladder:
          - {tell: [owner]}
          - {tell: [manager], after_hours: 9}
          - {tell: [vp], after_hours: 18, repeat_hours: 9, repeats: 2}
      offered: {label: {zh: 报价, en: Offered}, on_stage: offer, after_hours: 48, by: clock}
      silent: {label: {zh: 无声, en: Silent}, on_silence: any, after_hours: 168, by: clock, ladder: [{tell: [manager]}]}
"""
"""Two working days to diagnose a lead, two days to make an offer, a week without a word at most."""


@cache
def the_playbook(text: str = TEXT) -> PublishedPlaybook:
    """The playbook, or a variation of its text."""
    return replace(parse_playbook(text, "watched.yaml"), number=1)


def with_deadlines(*lines: str, work: bool = True) -> PublishedPlaybook:
    """The same playbook with other deadlines: each line is one, as `name: {…}`."""
    head = TEXT[: TEXT.index("    deadlines:\n")]
    told = [f"      {line.replace('{', '{label: {zh: 限, en: Limit}, ', 1)}\n" for line in lines]
    return the_playbook(head + ("    deadlines:\n" + "".join(told) if told else ""))


def told(*happened: tuple[Event, datetime] | Event, at: datetime = MONDAY, since: int = 1) -> list[Recorded]:
    """Events of the deal as the log has them: each at its moment, positions ten apart."""
    found = []
    for index, item in enumerate(happened):
        event, moment = item if isinstance(item, tuple) else (item, at)
        found.append(recorded(event, DEAL, since + index, at=moment, position=(since + index) * 10))
    return found


def a_deal(*happened: tuple[Event, datetime] | Event, at: datetime = MONDAY, stage: str | None = "lead", **fields: Any) -> Watched:  # fmt: skip
    """A deal of Anna's, opened in a stage on Monday at nine, and what happened to it since."""
    events = told((RecordOpened(fields=fields, stage=stage, owner=ANNA), at), *happened)
    found = watching.fold(None, events)
    assert found is not None
    return found


def armed(deal: Watched, playbook: PublishedPlaybook | None = None) -> dict[str, Armed]:
    """What is armed for a deal, by the name of the deadline and of what it is about."""
    found: Iterable[Armed] = arm(deal, playbook or the_playbook())
    return {"/".join(filter(None, (item.deadline, item.subject))): item for item in found}


@cache
def the_team() -> Organisation:
    """Anna sells under Ben, Ben under Cara; Cara and Dirk are VPs, Cara above Anna and Dirk elsewhere; Eve leads Dirk's region."""
    events: list[Event] = [
        TeamFormed("north", "North", "north"),
        TeamFormed("south", "South", "south"),
        PersonJoined(CARA, Private(CARA, "Cara"), "north", None, ["vp"]),
        PersonJoined(BEN, Private(BEN, "Ben"), "north", CARA),
        PersonJoined(ANNA, Private(ANNA, "Anna"), "north", BEN, ["seller"]),
        PersonJoined(EVE, Private(EVE, "Eve"), "south", None),
        PersonJoined(DIRK, Private(DIRK, "Dirk"), "south", EVE, ["vp"]),
    ]
    found = organisation_state.fold(
        None, [recorded(event, ORGANISATION_STREAM, index + 1) for index, event in enumerate(events)]
    )
    assert found is not None
    return found
