"""The playbook random histories are played under, in versions that ask for more, ask otherwise, and take things away."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from commands.playbook_file import parse_playbook
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import FieldKind, Kind
from domain.playbook.published import KindMappings, PublishedPlaybook
from support.given import PLAYBOOKS

FORMS = """
    forms:
      first_call:
        label: {zh: 首次通话, en: First call}
        fields: [topic, account, account.hotline]
"""
DELIVERY = """
  delivery:
    label: {zh: 交付, en: Delivery}
    collection: deliveries
    prefix: del
    fields:
      size:
        type: choice
        label: {zh: 规模, en: Size}
        options: {small: {zh: 小, en: Small}, large: {zh: 大, en: Large}, huge: {zh: 特大, en: Huge}}
      drawing: {type: text, personal: false, label: {zh: 图号, en: Drawing}}
    stages:
      survey: {label: {zh: 勘察, en: Survey}, leave: {fields: [size]}}
      build:
        label: {zh: 施工, en: Build}
        enter: {fields: [drawing]}
        nodes:
          design: {label: {zh: 设计, en: Design}}
          assembly:
            label: {zh: 装配, en: Assembly}
            enter: {conditions: {not_huge: {rule: size <> 'huge', label: {zh: 非特大, en: Not huge}}}}
      handover: {label: {zh: 移交, en: Handover}}
      done: {label: {zh: 完成, en: Done}, outcome: closed}
      dropped: {label: {zh: 终止, en: Dropped}, outcome: lost}
    paths:
      full: {label: {zh: 完整, en: Full}, steps: [survey, build, handover, done, dropped], opens_in: [survey, design]}
      short: {label: {zh: 简化, en: Short}, steps: [survey, handover, done, dropped]}
    moves: {skip: with_right, back: with_reason, reopen: with_reason}
    touches:
      call: {label: {zh: 电话, en: Call}}
"""
JUST_BEGUN = """
        enter:
          conditions:
            just_begun: {rule: days_in_stage() IS NULL OR days_in_stage() > 1, label: {zh: 新, en: New}}
        leave:
          conditions:
            stayed: {rule: days_in_stage() >= 1 OR length(note) > 3, label: {zh: 停留, en: Stayed}}
"""


def _text() -> str:
    text = (PLAYBOOKS / "projects.yaml").read_text("utf-8")
    assert text.rstrip().endswith("decided_by: {to: contact, label: {zh: 决策人, en: Decided by}}")
    return text.rstrip() + FORMS + DELIVERY


def _changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


@cache
def versions() -> tuple[PublishedPlaybook, ...]:
    """Versions of the playbook: as it is, stricter, and with rules about time and about erased notes. None takes anything away."""
    text = _text()
    stricter = _changed(
        text,
        ("fields: [budget]\n          evidence", "fields: [budget, seats]\n          evidence"),
        (">= 1000", ">= 2000"),
        ("skip: allowed", "skip: with_right"),
    )
    lead = "        label: {zh: 线索, en: Lead}\n"
    timed = _changed(text, (lead, lead + JUST_BEGUN))
    odd = _changed(
        text,
        (
            "rule: length(note) >= 3",
            "rule: note IS NULL OR stage() = 'quoted' AND touches('visit', 90) = 0",
        ),
    )
    assert len({text, stricter, timed, odd}) == 4
    return tuple(parse_playbook(version, "projects.yaml") for version in (text, stricter, timed, odd))


@cache
def taking_away() -> tuple[PublishedPlaybook, ...]:
    """Versions that take away: a stage, a field and options; a node and a path's step; fields that are called otherwise from now on."""
    text = _text()
    smaller = _changed(
        text,
        (text[text.index("      negotiation:\n") : text.index("      won:\n")], ""),
        ("      seats: {type: number, label: {zh: 数量, en: Seats}}\n", ""),
        ("          website: {zh: 官网, en: Website}\n", ""),
        ("          time: {zh: 工期, en: Time}\n", ""),
        (", huge: {zh: 特大, en: Huge}", ""),
        ("size <> 'huge'", "size = 'large'"),
    )
    otherwise = _changed(
        text,
        ("loss_reason", "why_lost"),
        ("cost_sheet", "costing"),
        ("      source:\n", "      channel:\n"),
        ("fields: [source]", "fields: [channel]"),
        ("          website: {zh: 官网, en: Website}\n", "          web: {zh: 官网, en: Website}\n"),
        (text[text.index("          assembly:\n") : text.index("      handover:")], ""),
        ("opens_in: [lead, needs_diagnosis]", "opens_in: [needs_diagnosis]"),
        ("      lead:\n        label: {zh: 线索, en: Lead}\n", ""),
    )
    both = _changed(
        otherwise,
        ("          web: {zh: 官网, en: Website}\n", ""),
        ("          time: {zh: 工期, en: Time}\n", ""),
        ("      why_lost: {type: text, personal: false, label: {zh: 输单原因, en: Loss reason}}\n", ""),
        ("fields: [why_lost]", "fields: [topic]"),
    )
    return tuple(parse_playbook(version, "projects.yaml") for version in (smaller, otherwise, both))


def mappings_to(new: PublishedPlaybook, playbooks: Playbooks, chosen: int) -> dict[str, KindMappings]:
    """Say of everything any version ever had, and the new one has not, where it goes: `chosen` among what fits."""
    found = {}
    for name, kind in new.document.kinds.items():
        was = [
            version.document.kinds[name]
            for (_, _), version in sorted(playbooks.versions.items())
            if name in version.document.kinds
        ]
        told = _mappings(kind, was, chosen)
        if told != KindMappings():
            found[name] = told
    return found


def _mappings(kind: Kind, was: Sequence[Kind], chosen: int) -> KindMappings:
    stages: dict[str, str] = {}
    fields: dict[str, str | None] = {}
    options: dict[str, Mapping[str, str | None]] = {}
    for before in was:
        for name, step in before.steps.items():
            fit = [other for other, to in kind.steps.items() if to.outcome == step.outcome]
            if name not in kind.steps:
                stages[name] = fit[chosen % len(fit)]
        for name, spec in before.fields.items():
            if name not in kind.fields:
                same = [
                    other
                    for other, to in kind.fields.items()
                    if (to.type, to.choose, to.to) == (spec.type, spec.choose, spec.to)
                    and not to.is_personal
                    and not spec.is_personal
                ]
                fields[name] = same[chosen % len(same)] if same and chosen % 5 else None
            end = fields.get(name, name)
            if spec.type is FieldKind.choice and end is not None:
                left = kind.fields[end].options
                gone = {
                    option: _one_of([*left, None], chosen) for option in spec.options if option not in left
                }
                options[name] = {**options.get(name, {}), **gone}
    return KindMappings(stages, fields, {name: ends for name, ends in options.items() if ends})


def _one_of(candidates: Sequence[Any], chosen: int) -> Any:
    return candidates[chosen % len(candidates)]
