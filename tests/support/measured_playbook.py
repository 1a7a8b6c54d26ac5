"""A playbook with everything replay and metrics look at, in versions, for long random histories.

Two paths, nodes, skips with a right, conditions over facts, money and personal words, prescribed actions, requests,
a calendar with days off and a make-up day, and indices of every kind of component.
"""

from functools import cache

from commands.playbook_file import parse_playbook
from domain.playbook.published import PublishedPlaybook

NAME = "measured"

TEXT = """
playbook: measured
label: {zh: 度量, en: Measured}
time_zone: Asia/Shanghai
calendar:
  hours:
    mon: ["09:00-12:00", "13:00-18:00"]
    tue: ["09:00-12:00", "13:00-18:00"]
    wed: ["09:00-12:00", "13:00-18:00"]
    thu: ["09:00-12:00", "13:00-18:00"]
    fri: ["09:00-12:00", "13:00-17:30"]
  first_year: 2025
  last_year: 2027
  days_off: [2026-01-01, 2026-02-16, 2026-02-17, 2026-02-18, 2026-02-19, 2026-02-20, 2026-04-06]
  working_days: [2026-02-14, 2026-02-28, 2026-03-15]
roles:
  seller: {label: {zh: 销售, en: Seller}}
  lead_seller: {label: {zh: 资深销售, en: Lead seller}, rights: [skip]}
  head: {label: {zh: 总监, en: Head}, rights: [skip, waive]}
kinds:
  customer:
    label: {zh: 客户, en: Customer}
    collection: customers
    prefix: cus
    title: name
    fields:
      name: {type: text, personal: false, label: {zh: 名称, en: Name}}
  deal:
    label: {zh: 商机, en: Deal}
    collection: deals
    prefix: dea
    title: topic
    worth: amount
    subject: customer
    fields:
      topic: {type: text, personal: false, label: {zh: 主题, en: Topic}}
      customer: {type: reference, to: customer, label: {zh: 客户, en: Customer}}
      note: {type: text, label: {zh: 备注, en: Note}}
      amount: {type: money, currency: CNY, label: {zh: 金额, en: Amount}}
      cost: {type: money, currency: CNY, label: {zh: 成本, en: Cost}}
      discount: {type: number, label: {zh: 折扣, en: Discount}}
      source:
        type: choice
        label: {zh: 来源, en: Source}
        options: {fair: {zh: 展会, en: Fair}, referral: {zh: 转介绍, en: Referral}, website: {zh: 官网, en: Website}}
      pains:
        type: choice
        label: {zh: 痛点, en: Pains}
        choose: {at_least: 1, at_most: 2}
        options: {price: {zh: 价格, en: Price}, quality: {zh: 质量, en: Quality}, time: {zh: 工期, en: Time}}
      strategic: {type: boolean, label: {zh: 战略, en: Strategic}}
      presales: {type: person, label: {zh: 售前, en: Presales}}
      deck: {type: evidence, valid_days: 1, label: {zh: 方案, en: Deck}}
      cost_sheet: {type: evidence, valid_days: 1, label: {zh: 成本表, en: Cost sheet}}
    opens_in: [lead, diagnosis]
    stages:
      lead:
        label: {zh: 线索, en: Lead}
        leave:
          conditions:
            noted: {rule: "note IS NULL OR length(note) > 2", label: {zh: 备注, en: Noted}}
        actions:
          first_call: {label: {zh: 首电, en: First call}, done: {touch: call}, within_hours: 24}
          sourced: {label: {zh: 来源, en: Sourced}, done: {field: source}}
      diagnosis:
        label: {zh: 诊断, en: Diagnosis}
        enter: {fields: [source]}
        leave:
          fields: [pains]
          conditions:
            touched: {rule: "touches('any', 30) >= 1", label: {zh: 有接触, en: Touched}}
        actions:
          visit: {label: {zh: 拜访, en: Visit}, done: {touch: visit}, within_hours: 72}
          priced_pain: {label: {zh: 价格痛点, en: Price pain}, done: {field: pains, one_of: [price]}}
      offer:
        label: {zh: 报价, en: Offer}
        enter: {fields: [amount]}
        leave:
          conditions:
            calm: {rule: "days_in_stage() >= 0 OR strategic", label: {zh: 稳, en: Calm}}
        actions:
          deck_made: {label: {zh: 方案, en: Deck}, done: {evidence: deck}, within_hours: 48}
        nodes:
          costing:
            label: {zh: 成本核算, en: Costing}
            leave: {evidence: [cost_sheet]}
            actions:
              costed: {label: {zh: 已核算, en: Costed}, done: {evidence: cost_sheet}}
          quoted:
            label: {zh: 已报价, en: Quoted}
            enter:
              conditions:
                worth_it: {rule: "amount >= 1000 AND (discount IS NULL OR discount <= 0.2) OR strategic", label: {zh: 值得, en: Worth it}}
      trial:
        label: {zh: 试用, en: Trial}
        enter: {evidence: [deck]}
      contract:
        label: {zh: 合同, en: Contract}
        enter:
          conditions:
            says_why: {rule: "length(note) >= 3", label: {zh: 说明, en: Says why}}
            margin: {rule: "COALESCE(amount - cost, amount) > 0", label: {zh: 毛利, en: Margin}}
      won: {label: {zh: 赢单, en: Won}, outcome: won, enter: {fields: [amount]}}
      lost: {label: {zh: 输单, en: Lost}, outcome: lost, enter: {fields: [topic]}}
      parked: {label: {zh: 搁置, en: Parked}, outcome: closed}
    paths:
      full: {label: {zh: 完整, en: Full}, steps: [lead, diagnosis, offer, trial, contract, won, lost, parked]}
      short: {label: {zh: 简化, en: Short}, steps: [lead, offer, contract, won, lost, parked], opens_in: [lead, costing]}
    moves: {skip: with_right, back: with_reason, reopen: with_reason}
    requests:
      deck_asked: {label: {zh: 要方案, en: Deck asked}, asked: {field: presales}, answered: {evidence: deck}}
      quote_asked: {label: {zh: 要报价, en: Quote asked}, asked: {enters: costing}, answered: {enters: quoted}}
      called_back: {label: {zh: 回电, en: Called back}, asked: {field: strategic}, answered: {touch: any}}
    touches:
      call: {label: {zh: 电话, en: Call}}
      visit: {label: {zh: 拜访, en: Visit}}
indices:
  phi:
    label: {zh: 过程健康度, en: Process health}
    kind: deal
    components:
      penetration: {measure: penetration, label: {zh: 穿透, en: Penetration}}
      response: {measure: response, label: {zh: 响应, en: Response}, requests: [deck_asked, quote_asked], baseline_hours: 16}
      freshness: {measure: freshness, label: {zh: 新鲜, en: Freshness}, fields: [amount, pains], within_days: 15}
    bands:
      good: {label: {zh: 好, en: Good}, at_least: 80}
      fair: {label: {zh: 中, en: Fair}, at_least: 50}
      poor: {label: {zh: 差, en: Poor}}
    caps:
      broken: {label: {zh: 断, en: Broken}, component: penetration, below: 60, at_most: 45}
  weekly:
    label: {zh: 周, en: Weekly}
    kind: deal
    period: week
    components:
      penetration: {measure: penetration, counted: records, label: {zh: 穿透, en: Penetration}, weight: 2}
      response: {measure: response, label: {zh: 响应, en: Response}, baseline_hours: 12, points: 7.5, step_percent: 25, step: started}
      touching: {measure: touches, label: {zh: 触达, en: Touching}, target: 3, weight: 0.5}
      proving: {measure: evidence, label: {zh: 证据, en: Proving}, evidence: [deck], target: 2}
      acceptance: {measure: acceptance, label: {zh: 通过, en: Acceptance}, weight: 1.25}
    caps:
      slow: {label: {zh: 慢, en: Slow}, component: response, below: 50, at_most: 70}
      refused: {label: {zh: 被拒, en: Refused}, component: acceptance, below: 40, at_most: 45.5}
  stuck_deals:
    label: {zh: 停滞, en: Stuck deals}
    kind: deal
    stuck: {steps: [diagnosis, costing, quoted, contract], longer_than_days: 5}
    components:
      visits: {measure: touches, touches: [visit], within_days: 30, target: 2, label: {zh: 拜访, en: Visits}}
      proof: {measure: evidence, within_days: 30, target: 1, label: {zh: 证据, en: Proof}}
      legal: {measure: acceptance, into: [contract, won], within_days: 30, label: {zh: 合同, en: Legal}}
      fresh: {measure: freshness, fields: [amount, source], within_days: 10, full_at_percent: 60, label: {zh: 新鲜, en: Fresh}}
"""


def changed(text: str, *changes: tuple[str, str]) -> str:
    """The text with pieces of it replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


STRICTER = (
    ("enter: {fields: [source]}", "enter: {fields: [source, amount]}"),
    ("amount >= 1000", "amount >= 2000"),
    ("length(note) >= 3", "length(note) >= 8"),
    ("cost_sheet: {type: evidence, valid_days: 1", "cost_sheet: {type: evidence, valid_days: 3"),
    ("enter: {evidence: [deck]}", "enter: {fields: [discount], evidence: [deck]}"),
    ("penetration: {measure: penetration, label: {zh: 穿透, en: Penetration}}", "penetration: {measure: penetration, label: {zh: 穿透, en: Penetration}, weight: 3}"),
)  # fmt: skip
LOOSER = (
    ("back: with_reason, reopen: with_reason", "back: free, reopen: free"),
    ("skip: with_right", "skip: allowed"),
    ("          fields: [pains]\n", ""),
    ("leave: {evidence: [cost_sheet]}", "leave: {fields: [cost]}"),
    ("lost: {label: {zh: 输单, en: Lost}, outcome: lost, enter: {fields: [topic]}}", "lost: {label: {zh: 输单, en: Lost}, outcome: lost}"),
    ("at_least: 80", "at_least: 70"),
)  # fmt: skip
TIMED = (
    ("touches('any', 30) >= 1", "touches('visit', 7) >= 1 AND days_in_stage() > 0.5"),
    ("COALESCE(amount - cost, amount) > 0", "amount / cost > 1.25"),
    ("skip: with_right", "skip: refused"),
    ("enter: {fields: [amount]}\n        leave", "enter: {fields: [amount, presales]}\n        leave"),
    ("baseline_hours: 16", "baseline_hours: 8"),
)  # fmt: skip
ASKING = (
    ("      deck: {type: evidence", "      referrer: {type: text, personal: false, label: {zh: 推荐人, en: Referrer}}\n      plan: {type: evidence, label: {zh: 计划, en: Plan}}\n      deck: {type: evidence"),
    ("enter: {fields: [source]}", "enter: {fields: [referrer]}"),
    ("enter: {evidence: [deck]}", "enter: {evidence: [plan]}"),
    ("rule: \"length(note) >= 3\"", "rule: \"length(note) >= 3 AND referrer IS NOT NULL\""),
)  # fmt: skip
TAKING_AWAY = (
    (TEXT[TEXT.index("      trial:\n") : TEXT.index("      contract:\n")], ""),
    ("offer, trial, contract", "offer, contract"),
    ("      source:\n", "      channel:\n"),
    ("enter: {fields: [source]}", "enter: {fields: [channel]}"),
    ("done: {field: source}", "done: {field: channel}"),
    ("fields: [amount, source], within_days: 10", "fields: [amount, channel], within_days: 10"),
    (", website: {zh: 官网, en: Website}}", "}"),
    (", time: {zh: 工期, en: Time}}", "}"),
    ("      discount: {type: number, label: {zh: 折扣, en: Discount}}\n", ""),
    (" AND (discount IS NULL OR discount <= 0.2)", ""),
)  # fmt: skip


@cache
def versions() -> tuple[PublishedPlaybook, ...]:
    """Versions that take nothing away: as it is, stricter, looser, about time, and asking for what nobody asked for before."""
    return tuple(
        parse_playbook(changed(TEXT, *changes), "measured.yaml")
        for changes in ((), STRICTER, LOOSER, TIMED, ASKING)
    )


@cache
def smaller() -> PublishedPlaybook:
    """The version that takes a stage, a field and options away, and calls another field otherwise; it needs mappings."""
    return parse_playbook(changed(TEXT, *TAKING_AWAY), "measured.yaml")
