"""Playbooks of what follows by itself: a reaction to everything there is to react to, versions that react otherwise, and drafts."""

from collections.abc import Mapping
from functools import cache

from commands.playbook_file import parse_playbook
from domain.playbook.published import KindMappings, PublishedPlaybook

FIRST = """
playbook: following
label: {zh: 联动, en: Following}
time_zone: Asia/Shanghai
roles:
  presales: {label: {zh: 售前, en: Presales}}
  legal: {label: {zh: 法务, en: Legal}}
  finance: {label: {zh: 财务, en: Finance}}
  boss: {label: {zh: 老板, en: Boss}, rights: [publish, organise]}
kinds:
  deal:
    label: {zh: 商机, en: Deal}
    collection: deals
    prefix: dea
    fields:
      amount: {type: money, currency: CNY, label: {zh: 金额, en: Amount}}
      size: {type: number, label: {zh: 数量, en: Size}}
      note: {type: text, label: {zh: 备注, en: Note}}
      grade: {type: choice, label: {zh: 级别, en: Grade}, options: {cold: {zh: 冷, en: Cold}, warm: {zh: 热, en: Warm}}}
      wanted_on: {type: date, label: {zh: 期望日期, en: Wanted on}}
      scan: {type: evidence, valid_days: 5, label: {zh: 扫描件, en: Scan}}
    touches:
      call: {label: {zh: 电话, en: Call}}
      visit: {label: {zh: 拜访, en: Visit}}
    stages:
      lead: {label: {zh: 线索, en: Lead}}
      offer: {label: {zh: 报价, en: Offer}, nodes: {quoted: {label: {zh: 已报价, en: Quoted}}, haggled: {label: {zh: 议价, en: Haggled}}}}
      won: {label: {zh: 赢单, en: Won}, outcome: won}
    moves: {skip: allowed, back: free, reopen: free}
    work:
      demo: {label: {zh: 演示, en: Demo}, role: presales, done_by_word: true, fields: {verdict: {type: choice, label: {zh: 结论, en: Verdict}, options: {liked: {zh: 喜欢, en: Liked}, boring: {zh: 乏味, en: Boring}}}}}
      visit: {label: {zh: 回访, en: Visit}, done_by_word: true}
      review: {label: {zh: 评审, en: Review}, role: legal, done_by_word: true}
      costing: {label: {zh: 核价, en: Costing}, role: finance, done_by_word: true}
    forks:
      closing:
        label: {zh: 收尾, en: Closing}
        legs: {law: {template: review}, money: {template: costing}}
        join: any
        starts_on: quoted
    approvals:
      price:
        label: {zh: 特价, en: Special price}
        when: amount IS NULL OR amount > 5
        levels:
          above: {label: {zh: 上级, en: Manager}, roles: [manager]}
          money: {label: {zh: 财务, en: Finance}, roles: [finance]}
    deadlines:
      quiet: {label: {zh: 无人跟进, en: Nobody touched it}, on_silence: any, after_hours: 24, warn_percent: 50, ladder: [{tell: [owner]}]}
    reactions:
      welcome: {label: {zh: 迎, en: Welcome}, on: {event: opened}, when: amount >= 1000, then: [{request_work: {template: demo}}]}
      second_visit:
        label: {zh: 再访, en: A visit after the demo}
        on: {event: work-completed, template: demo}
        then: [{request_work: {template: visit, assignee: owner, within_hours: 24, priority: 3}}]
      liked: {label: {zh: 好, en: Liked}, on: {event: work-completed, template: demo}, when: "outcome('demo', 'verdict') = 'liked'", then: [{notify: {tell: [owner], text: {zh: 演示满意, en: They liked it}}}]}
      big: {label: {zh: 大, en: Big}, on: {event: fields-changed, field: amount}, when: amount >= 100000, then: [{alert: {tell: [manager, owner], text: {zh: 大单, en: A big one}}}]}
      noted: {label: {zh: 记, en: Noted}, on: {event: fields-changed, field: note}, when: note LIKE 'call%', then: [{notify: {tell: [actor], text: {zh: 打电话, en: Call}}}]}
      sized: {label: {zh: 数, en: Sized}, on: {event: fields-changed, field: size}, when: size > 3, then: [{notify: {tell: [owner], text: {zh: 多, en: Many}}}]}
      called: {label: {zh: 常联系, en: Called}, on: {event: touched, kind: call}, when: "touches('call', 3) >= 2", then: [{set_fields: {grade: warm}}]}
      entered: {label: {zh: 进, en: Entered}, on: {event: stage-changed, to: offer}, when: amount >= 1000, then: [{request_approval: price}]}
      back: {label: {zh: 退, en: Back}, on: {event: stage-changed, move: back}, then: [{notify: {tell: [managers_manager], text: {zh: 退回, en: Back}}}]}
      papers: {label: {zh: 证, en: Papers}, on: {event: evidence-attached, field: scan}, when: "evidence('scan') AND size > 3", then: [{request_work: {template: review}}]}
      handed: {label: {zh: 转, en: Handed over}, on: {event: owner-changed}, then: [{request_work: {template: visit, assignee: manager}}]}
      asked: {label: {zh: 请, en: Asked}, on: {event: work-requested, template: costing}, then: [{notify: {tell: [finance], text: {zh: 请核, en: Cost it}}}]}
      answered: {label: {zh: 应, en: Answered}, on: {event: work-responded}, when: "grade = 'warm'", then: [{notify: {tell: [owner], text: {zh: 有回应, en: Answered}}}]}
      wanted: {label: {zh: 定期, en: Wanted}, on: {event: touched, kind: visit}, when: wanted_on IS NOT NULL, then: [{request_work: {template: visit, assignee: owner, due: {from: wanted_on}}}]}
      rescheduled: {label: {zh: 改期, en: Moved}, on: {event: fields-changed, field: wanted_on}, when: "grade IS NULL OR grade = 'warm'", then: [{reschedule_work: {template: visit, due: {from: wanted_on}}}]}
      resized: {label: {zh: 数变, en: Resized}, on: {event: fields-changed, field: size}, then: [{reschedule_work: {template: visit, due: {from: wanted_on}}}]}
      declined: {label: {zh: 拒, en: Declined}, on: {event: work-declined, template: demo}, then: [{request_work: {template: visit, assignee: actor}}]}
      dropped: {label: {zh: 撤, en: Dropped}, on: {event: work-cancelled}, when: "NOT done('demo')", then: [{notify: {tell: [owner, legal], text: {zh: 撤, en: Dropped}}}]}
      joined: {label: {zh: 合, en: Joined}, on: {event: fork-joined, fork: closing}, when: "done('review')", then: [{set_fields: {size: 7}}]}
      asking: {label: {zh: 审, en: Asking}, on: {event: approval-requested, chain: price}, then: [{notify: {tell: [finance], text: {zh: 待审, en: Waiting}}}]}
      priced: {label: {zh: 准, en: Priced}, on: {event: approval-decided, chain: price, decision: approved}, when: "approved('price')", then: [{notify: {tell: [owner], text: {zh: 已准, en: Agreed}}}, {start_fork: closing}]}
      refused: {label: {zh: 驳, en: Refused}, on: {event: approval-decided, decision: rejected}, then: [{alert: {tell: [manager], text: {zh: 驳回, en: Refused}}}]}
      late: {label: {zh: 迟, en: Late}, on: {event: deadline-noticed, deadline: quiet, rung: 0}, when: "grade = 'cold' OR grade IS NULL", then: [{alert: {tell: [owner], text: {zh: 没人, en: Nobody}}}]}
"""
"""Everything there is to react to."""

_OTHERWISE = (
    ("when: amount >= 100000", "when: amount >= 5000"),
    ("when: amount >= 1000, then: [{request_approval: price}]", "then: [{request_approval: price}]"),
    ("      handed: {label: {zh: 转, en: Handed over}, on: {event: owner-changed}, then: [{request_work: {template: visit, assignee: manager}}]}\n", ""),
    ("on: {event: touched, kind: call}", "on: {event: touched}"),
    ("template: visit, assignee: owner, within_hours: 24", "template: visit, assignee: manager, within_hours: 48"),
    ("on: {event: work-responded}", "on: {event: work-responded, template: visit}"),
)  # fmt: skip
_RENAMED = (
    ("      size: {type: number", "      volume: {type: number"),
    ("field: size}, when: size > 3", "field: volume}, when: volume > 3"),
    ("evidence('scan') AND size > 3", "evidence('scan') AND volume > 3"),
    ("field: size}, then: [{reschedule_work", "field: volume}, then: [{reschedule_work"),
    ("set_fields: {size: 7}", "set_fields: {volume: 7}"),
)


def _changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


@cache
def published_versions() -> tuple[PublishedPlaybook, ...]:
    """The versions histories are played under, in the order they are published: first, otherwise, and with a field that has another name."""
    otherwise = _changed(FIRST, *_OTHERWISE)
    texts = (FIRST, otherwise, _changed(otherwise, *_RENAMED))
    return tuple(parse_playbook(text, "following.yaml") for text in texts)


def mappings_to(version: int) -> Mapping[str, KindMappings]:
    """What the version of a number takes away, and where it goes."""
    return {"deal": KindMappings(fields={"size": "volume"})} if version == 2 else {}


@cache
def drafts() -> tuple[PublishedPlaybook, ...]:
    """Drafts that react to other things, under other conditions, with other steps, and ask what nobody recorded."""
    texts = [
        _changed(
            FIRST,
            ("      scan: {type", "      risk: {type: number, label: {zh: 险, en: Risk}}\n      scan: {type"),
            ("on: {event: work-cancelled}, when: \"NOT done('demo')\"", "on: {event: work-cancelled}, when: risk > 2"),
            ("when: note LIKE 'call%'", "when: note LIKE 'no%'"),
            ("valid_days: 5", "valid_days: 1"),
            ("work-completed, template: demo}", "work-completed, template: visit}"),
            ("demo: {label: {zh: 演示, en: Demo}, role: presales", "demo: {label: {zh: 演示, en: Demo}, role: legal"),
            ("        starts_on: quoted\n", ""),
            ("rung: 0}", "rung: 1}"),
            ("reschedule_work: {template: visit", "reschedule_work: {template: demo"),
        ),
        _changed(
            FIRST,
            ("alert: {tell: [manager, owner]", "notify: {tell: [owner, manager]"),
            ("touches('call', 3) >= 2", "touches('any', 9) >= 2"),
            ("outcome('demo', 'verdict') = 'liked'", "outcome('demo', 'verdict') = 'boring' OR outcome('demo', 'verdict') IS NULL"),
            ("        join: any\n", ""),
            ("template: review}, money", "template: costing}, money"),
            ("      asked: {label", "      seen: {label: {zh: 见, en: Seen}, on: {event: touched, kind: visit}, then: [{notify: {tell: [presales], text: {zh: 见, en: Seen}}}]}\n      asked: {label"),
            ("starts_on: quoted", "starts_on: lead"),
            ("when: \"grade = 'warm'\"", "when: \"days_in_stage() >= 1\""),
        ),
        FIRST.replace("  deal:\n", "  chance:\n"),
    ]  # fmt: skip
    return (*published_versions(), *(parse_playbook(text, "draft.yaml") for text in texts))
