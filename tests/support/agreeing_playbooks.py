"""Playbooks of agreement: chains whose rules change from version to version, gates that ask whether work is done and agreement was given."""

from collections.abc import Mapping
from functools import cache

from commands.playbook_file import parse_playbook
from domain.playbook.published import KindMappings, PublishedPlaybook

FIRST = """
playbook: agreeing
label: {zh: 审批, en: Agreeing}
time_zone: Asia/Shanghai
roles:
  seller: {label: {zh: 销售, en: Seller}, rights: [waive]}
  legal: {label: {zh: 法务, en: Legal}}
  finance: {label: {zh: 财务, en: Finance}}
  officer: {label: {zh: 风控, en: Risk officer}}
  vp: {label: {zh: 副总, en: Vice president}, rights: [publish]}
kinds:
  deal:
    label: {zh: 商机, en: Deal}
    collection: deals
    prefix: dea
    fields:
      amount: {type: money, currency: CNY, label: {zh: 金额, en: Amount}}
      discount: {type: number, label: {zh: 折扣, en: Discount}}
      region:
        type: choice
        label: {zh: 地区, en: Region}
        options: {north: {zh: 北, en: North}, south: {zh: 南, en: South}}
      note: {type: text, label: {zh: 备注, en: Note}}
      spec: {type: evidence, valid_days: 10, label: {zh: 规格书, en: Specification}}
    touches:
      call: {label: {zh: 电话, en: Call}}
    stages:
      lead: {label: {zh: 线索, en: Lead}}
      offer:
        label: {zh: 报价, en: Offer}
        enter:
          conditions:
            estimated: {rule: done('estimate'), label: {zh: 已评估, en: Estimated}}
            agreed: {rule: approved('discount') OR discount <= 5 OR discount IS NULL, label: {zh: 已批折扣, en: Discount agreed}}
      talks:
        label: {zh: 谈判, en: Talks}
        enter:
          conditions:
            settled: {rule: approved('terms') OR NOT done('schedule'), label: {zh: 条款已定, en: Terms settled}}
            possible: {rule: "outcome('estimate', 'verdict') IS NULL OR outcome('estimate', 'verdict') <> 'refused'", label: {zh: 评估可行, en: Estimated as possible}}
      won: {label: {zh: 赢单, en: Won}, outcome: won, enter: {conditions: {signed: {rule: approved('terms'), label: {zh: 已批条款, en: Terms agreed}}}}}
      lost: {label: {zh: 输单, en: Lost}, outcome: lost}
    moves: {skip: allowed, back: free, reopen: free}
    work:
      estimate:
        label: {zh: 评估, en: Estimate}
        done_by_word: true
        fields:
          verdict: {type: choice, label: {zh: 结论, en: Verdict}, options: {possible: {zh: 可行, en: Possible}, refused: {zh: 不可行, en: Refused}}}
          hours: {type: number, label: {zh: 工时, en: Hours}}
          remark: {type: text, label: {zh: 备注, en: Remark}}
      schedule: {label: {zh: 排期, en: Schedule}, done_by_word: true}
    approvals:
      discount:
        label: {zh: 特价审批, en: Special discount}
        when: discount > 5
        levels:
          manager: {label: {zh: 上级, en: Manager}, roles: [manager]}
          joint: {label: {zh: 会签, en: Together}, roles: [finance, officer], within_hours: 2, when: amount >= 1000 OR region = 'south'}
          top: {label: {zh: 副总, en: Vice president}, roles: [vp], when: amount >= 500000}
      terms:
        label: {zh: 条款审批, en: Terms}
        order: parallel
        levels:
          legal: {label: {zh: 法务, en: Legal}, roles: [legal]}
          either: {label: {zh: 其一, en: Either}, roles: [finance, officer], quorum: 1, when: "touches('any', 30) >= 1"}
      far:
        label: {zh: 上上级审批, en: Above}
        when: length(note) > 3 OR evidence('spec')
        levels:
          above: {label: {zh: 上上级, en: Managers manager}, roles: [managers_manager], when: NOT done('schedule')}
          legal: {label: {zh: 法务, en: Legal}, roles: [legal], when: approved('discount')}
"""

_STRICTER = (
    ("when: discount > 5\n", "when: discount > 3\n"),
    ("when: amount >= 500000", "when: amount >= 300000"),
    ("roles: [legal]}\n          either", "roles: [legal, finance], quorum: 2}\n          either"),
    ("when: length(note) > 3 OR evidence('spec')", "when: length(note) > 6 AND days_in_stage() < 400"),
)
_RENAMED = (
    ("      discount: {type", "      rebate: {type"),
    (
        "approved('discount') OR discount <= 5 OR discount IS NULL",
        "approved('discount') OR rebate <= 5 OR rebate IS NULL",
    ),
    ("when: discount > 3\n", "when: rebate > 3\n"),
)


def _changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


@cache
def published_versions() -> tuple[PublishedPlaybook, ...]:
    """The versions histories are played under, in the order they are published: first, stricter, and with a field that has another name."""
    stricter = _changed(FIRST, *_STRICTER)
    texts = (FIRST, stricter, _changed(stricter, *_RENAMED))
    return tuple(parse_playbook(text, "agreeing.yaml") for text in texts)


def mappings_to(version: int) -> Mapping[str, KindMappings]:
    """What the version of a number takes away, and where it goes."""
    return {"deal": KindMappings(fields={"discount": "rebate"})} if version == 2 else {}


@cache
def drafts() -> tuple[PublishedPlaybook, ...]:
    """Drafts that ask other people, other levels, other chains, and what nobody recorded."""
    texts = [
        _changed(
            FIRST,
            ("roles: [finance, officer], quorum: 1", "roles: [officer, legal]"),
            ("when: amount >= 500000", "when: amount >= 20"),
            ("outcome('estimate', 'verdict') IS NULL OR outcome('estimate', 'verdict') <> 'refused'", "outcome('estimate', 'hours') <= discount * 10 OR outcome('estimate', 'hours') IS NULL"),
            ("rule: done('estimate')", "rule: approved('terms') OR discount > 3 OR NOT done('estimate')"),
            (
                "rule: approved('discount') OR discount <= 5 OR discount IS NULL",
                "rule: approved('discount') OR NOT done('schedule')",
            ),
        ),
        _changed(
            FIRST,
            ("          manager: {label: {zh: 上级, en: Manager}, roles: [manager]}\n", ""),
            ("order: parallel", "order: sequence"),
            ("within_hours: 2", "within_hours: 9"),
            ("          hours: {type: number", "          hours: {type: text, personal: false"),
            ("outcome('estimate', 'verdict') IS NULL OR outcome('estimate', 'verdict') <> 'refused'", "outcome('estimate', 'hours') IS NULL OR outcome('estimate', 'verdict') = 'possible'"),
            ("approved('terms') OR NOT done('schedule')", "done('schedule') OR approved('far')"),
        ),
        _changed(
            FIRST,
            ("      note: {type", "      margin: {type: number, label: {zh: 毛利, en: Margin}}\n      note: {type"),
            ("when: amount >= 500000", "when: margin < 10 OR amount >= 500000"),
            ("when: approved('discount')}", "when: done('audit') OR approved('discount')}"),
            ("      schedule: {label", "      audit: {label: {zh: 审计, en: Audit}, done_by_word: true}\n      schedule: {label"),
            ("rule: done('estimate')", "rule: done('audit') OR done('estimate')"),
            ("          hours: {type", "          risk: {type: number, label: {zh: 风险, en: Risk}}\n          hours: {type"),
            ("outcome('estimate', 'verdict') <> 'refused'", "outcome('estimate', 'risk') < 3"),
        ),
        _changed(
            FIRST,
            ("      terms:\n        label: {zh: 条款审批", "      clauses:\n        label: {zh: 条款审批"),
            ("approved('terms')", "approved('clauses')"),
            ("roles: [vp]", "roles: [seller, vp], quorum: 1"),
            ("          remark: {type: text", "          remark: {type: text, personal: false"),
            ("outcome('estimate', 'verdict') IS NULL OR", "length(outcome('estimate', 'remark')) > 2 OR"),
            ("roles: [manager]", "roles: [managers_manager]"),
            ("rule: done('estimate')", "rule: done('estimate') AND done('schedule')"),
        ),
    ]  # fmt: skip
    renamed = published_versions()[2]
    return (*published_versions()[:2], renamed, *(parse_playbook(text, "draft.yaml") for text in texts))
