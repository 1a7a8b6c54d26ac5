"""What a draft says otherwise: each place once, old beside new, with the words that stand on the way to it."""

from pathlib import Path

import pytest
from support.sales import PLAYBOOK, playbook

from commands.playbook_file import parse_playbook, read_playbook
from projections.replay_changes import PARTS, changes_of


def against(*changes: tuple[str, str]):
    """What a draft with some of the text changed says otherwise."""
    text = PLAYBOOK
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return changes_of(playbook(), parse_playbook(text, "draft.yaml"))


def test_the_same_playbook_changes_nothing():
    """Nor does another order of what is named."""
    assert against() == []


def test_a_rule_stands_with_its_old_and_its_new_text():
    """At its place in the document, with the labels that lead there."""
    [change] = against(("amount >= 100", "amount >= 500"))
    assert change == {
        "part": "gates",
        "path": ["kinds", "deal", "stages", "offer", "enter", "conditions", "worth_it", "rule"],
        "labels": [
            {"zh": "商机", "en": "Deal"},
            {"zh": "报价", "en": "Offer"},
            {"zh": "金额不低于100", "en": "Worth at least 100"},
        ],
        "member": "rule",
        "before": "amount >= 100",
        "after": "amount >= 500",
    }


@pytest.mark.parametrize("turned", [False, True])
def test_a_new_field_and_one_that_is_gone_are_told_by_what_they_hold(turned):
    """One line each, not one for every member."""
    longer = playbook(
        PLAYBOOK.replace(
            "      note: {", "      seats: {type: number, label: {zh: 数量, en: Seats}}\n      note: {"
        )
    )
    sides = (longer, playbook()) if turned else (playbook(), longer)
    [change] = changes_of(*sides)
    assert (change["part"], change["path"]) == ("fields", ["kinds", "deal", "fields", "seats"])
    assert change["member"] is None, "it is no member of something else"
    assert (change["before"], change["after"]) == (
        ("type: number", None) if turned else (None, "type: number")
    )


def test_what_a_gate_asks_for_is_told_as_a_list():
    """A required field that is not asked any more."""
    [change] = against(("          fields: [amount]\n", ""))
    assert (change["part"], change["before"], change["after"]) == ("gates", "amount", None)


def test_wording_comes_last_and_is_told_apart():
    """What something is called changes no decision."""
    changes = against(("zh: 报价, en: Offer", "zh: 报价单, en: Quote"), ("amount >= 100", "amount >= 500"))
    assert [change["part"] for change in changes] == ["gates", "words"]
    assert (changes[1]["before"], changes[1]["after"]) == ("Offer · 报价", "Quote · 报价单")
    assert PARTS[-1] == "words"


def test_a_weight_nobody_wrote_down_is_a_weight():
    """The value that held beside the one that would hold."""
    books = Path(__file__).parents[2] / "playbooks"
    changes = changes_of(
        read_playbook(books / "smart_hardware.yaml"),
        read_playbook(books / "smart_hardware.stricter-gate.draft.yaml"),
    )
    weights = {
        change["path"][-2]: (change["before"], change["after"])
        for change in changes
        if change["path"][-1] == "weight"
    }
    assert weights == {"penetration": ("1", "50"), "response": ("1", "30"), "freshness": ("1", "20")}
    assert {change["member"] for change in changes if "response" in change["path"]} == {
        "weight",
        "baseline_hours",
    }
    assert ("kinds", "opportunity", "stages", "quoted", "enter", "conditions", "visited_twice") in {
        tuple(change["path"]) for change in changes
    }


def test_without_a_version_in_force_all_of_it_is_new():
    """Nothing stands on the other side."""
    changes = changes_of(None, playbook())
    assert changes
    assert all(change["before"] is None for change in changes)
