"""The playbook that histories of deadlines are told under: deadlines of every sort, versions that change them, drafts they are replayed under."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache

from commands.playbook_file import parse_playbook
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import KindMappings, PublishedPlaybook
from support.deadlines import HOUR

HEAD = """\
playbook: timed
label: {zh: 限时, en: Timed}
time_zone: Asia/Shanghai
calendar:
  hours: {mon: [09:00-12:00, 13:00-18:00], tue: [09:00-18:00], wed: [09:00-18:00], thu: [09:00-18:00], fri: [09:00-17:30]}
  first_year: 2025
  last_year: 2027
  days_off: [2026-03-09]
  working_days: [2026-03-14]
roles:
  seller: {label: {zh: 销售, en: Seller}}
  vp: {label: {zh: 副总, en: VP}}
kinds:
  deal:
    label: {zh: 单, en: Deal}
    collection: deals
    prefix: dea
    fields:
      topic: {type: text, personal: false, label: {zh: 题, en: Topic}}
      source: {type: choice, label: {zh: 源, en: Source}, options: {fair: {zh: 展, en: Fair}, web: {zh: 网, en: Web}}}
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
      demo:
        label: {zh: 演示, en: Demo}
        respond_within_hours: 2
        complete_within_hours: 9
        done_by_word: true
        checklist:
          slides: {label: {zh: 片, en: Slides}, within_hours: 4, required: false}
          room: {label: {zh: 室, en: Room}, after: [slides], role: vp, within_hours: 3, required: false}
      bid: {label: {zh: 标, en: Bid}, done_by_word: true}
    approvals:
      discount:
        label: {zh: 折扣, en: Discount}
        levels:
          head: {label: {zh: 主管, en: Head}, roles: [manager], within_hours: 6}
          both: {label: {zh: 会签, en: Both}, roles: [vp, managers_manager], quorum: 1}
      beside:
        label: {zh: 并行, en: Beside}
        order: parallel
        levels:
          one: {label: {zh: 一, en: One}, roles: [manager], within_hours: 5}
          two: {label: {zh: 二, en: Two}, roles: [vp]}
"""

DEADLINES = {
    "diagnosed": "{on_stage: lead, after_hours: 18, warn_percent: 50, ladder: [{tell: [owner]}, {tell: [manager, owner], after_hours: 9}, {tell: [vp], after_hours: 18, repeat_hours: 9, repeats: 2}]}",
    "offered": "{on_stage: offer, after_hours: 48, by: clock}",
    "silent": "{on_silence: any, after_hours: 70, by: clock, warn_percent: 80, ladder: [{tell: [manager]}, {tell: [managers_manager], after_hours: 24}]}",
    "decided": "{on_date: decides_on, after_hours: 3, warn_percent: 40, ladder: [{tell: [owner]}, {tell: [vp], after_hours: 9}]}",
    "met": "{on_date: meets_at, by: clock}",
    "answered": "{on_work: any, clock: response, after_hours: 3, ladder: [{tell: [assignee]}, {tell: [manager], after_hours: 5}]}",
    "shown": "{on_work: demo, warn_percent: 70}",
    "agreed": "{on_approval: any, after_hours: 9, ladder: [{tell: [assignee, owner]}, {tell: [managers_manager], after_hours: 9}]}",
}
"""The deadlines of the first version."""


@cache
def version(head: str = HEAD, **changed: str | None) -> PublishedPlaybook:
    """A version of the playbook, with some of its deadlines changed, new, or (None) gone."""
    told = {name: text for name, text in (DEADLINES | changed).items() if text is not None}
    lines = "".join(
        f"      {name}: {text.replace('{', '{label: {zh: 限, en: Limit}, ', 1)}\n"
        for name, text in told.items()
    )
    return parse_playbook(f"{head}    deadlines:\n{lines}", "timed.yaml")


def _head(*changes: tuple[str, str]) -> str:
    head = HEAD
    for old, new in changes:
        assert old in head, old
        head = head.replace(old, new)
    return head


SHORTER = {
    "diagnosed": DEADLINES["diagnosed"].replace("after_hours: 18, warn", "after_hours: 9, warn"),
    "silent": "{on_silence: call, stages: [lead, quoted], after_hours: 30, by: clock, ladder: [{tell: [owner, manager]}]}",
}
LONGER = {
    "diagnosed": DEADLINES["diagnosed"].replace("after_hours: 18, warn", "after_hours: 27, warn"),
    "met": None,
}
OTHER_DAYS = _head(
    ("days_off: [2026-03-09]", "days_off: [2026-03-04, 2026-03-05]"),
    ("working_days: [2026-03-14]", "working_days: [2026-03-07]"),
)
WITHOUT_COSTED = _head(("          costed: {label: {zh: 核, en: Costed}}\n", ""))
LATE_START = {"offered": "{on_stage: offer, after_hours: 20, go_live: '2026-03-05T00:00:00+08:00'}"}

PUBLISHED: Sequence[Callable[[datetime], PublishPlaybook]] = (
    lambda now: PublishPlaybook(version(**SHORTER)),
    lambda now: PublishPlaybook(version(**LONGER)),
    lambda now: PublishPlaybook(version(OTHER_DAYS)),
    lambda now: PublishPlaybook(version(**LATE_START), effective_from=now + 31 * HOUR),
    lambda now: PublishPlaybook(version(**SHORTER), scope={"source": ("fair",)}),
    lambda now: PublishPlaybook(version(**LONGER), scope={"owner.region": ("south",)}),
    lambda now: PublishPlaybook(
        version(WITHOUT_COSTED), mappings={"deal": KindMappings(stages={"costed": "quoted"})}
    ),
    lambda now: PublishPlaybook(version()),
)
"""What is published on the way: other limits, another calendar, later, for some records only, and with a step taken away."""


@cache
def drafts() -> tuple[PublishedPlaybook, ...]:
    """What histories are replayed under, the first version itself in front."""
    return (
        version(),
        version(**SHORTER),
        version(OTHER_DAYS, **LONGER),
        version(WITHOUT_COSTED, **LATE_START),
        version(
            _head(
                ("      birthday: {type: date, personal: true", "      birthday: {type: date, personal: false"),
                ("    touches:\n", "    touches:\n      mail: {label: {zh: 信, en: Mail}}\n"),
                ("      decides_on:", "      renews_on: {type: date, label: {zh: 续, en: Renews on}}\n      decides_on:"),
                ("      bid:", "      survey: {label: {zh: 勘, en: Survey}, done_by_word: true}\n      bid:"),
            ),
            greeted="{on_date: birthday, by: clock}",
            renewed="{on_date: renews_on}",
            written="{on_silence: mail, stages: [lead], after_hours: 20}",
            surveyed="{on_work: survey, after_hours: 9}",
            agreed=None,
            decided=DEADLINES["decided"].replace("tell: [owner]", "tell: [manager, owner]"),
        ),
        version(
            shown="{on_work: demo, after_hours: 5, ladder: [{tell: [assignee]}, {tell: [owner], after_hours: 2}, {tell: [vp], after_hours: 9}]}",
            diagnosed=DEADLINES["diagnosed"].replace(", repeat_hours: 9, repeats: 2", ""),
            met=DEADLINES["met"].replace("by: clock", "by: clock, after_hours: 5, warn_percent: 90"),
        ),
    )  # fmt: skip
