"""The words of the report and of the terminal: why an index moved, by what things are called."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from commands.playbook_file import parse_playbook
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from infra.report.words import member, reason, side
from projections.lens import Lens
from projections.replay_answers import Words
from projections.replay_changes import changes_of

TEXT = (Path(__file__).parents[2] / "playbooks" / "smart_hardware.yaml").read_text("utf-8")


class Open:
    """Keys to a log in which nothing is sealed."""

    def prepare(self, subjects: Any) -> None:
        """Nothing to fetch."""

    def reveal(self, stream: str, field: str, stored: Any) -> Any:
        """It is readable as it is."""
        return stored


@cache
def the_playbook(text: str = TEXT) -> PublishedPlaybook:
    return parse_playbook(text, "smart_hardware.yaml")


def said(told: dict[str, Any], language: Any, draft: str = TEXT) -> str:
    words = Words(Lens(Open(), Playbooks(), Organisation(1, {}, {})), the_playbook(draft), (the_playbook(),))
    return reason(words.reason("phi", {"effect": None, **told}), language)


@pytest.mark.parametrize(
    ("language", "text"), [("zh", "档位变化 黄 → 绿"), ("en", "another band Yellow → Green")]
)
def test_bands_are_told_by_their_labels(language, text):
    """Once a report in Chinese said 档位变化 yellow → green, and one in English the ids as well, behind a dash and a colon."""
    assert said({"what": "band", "component": None, "before": "yellow", "after": "green"}, language) == text


def test_a_band_the_draft_takes_away_is_called_as_it_was():
    without = TEXT.replace("      green: {label: {zh: 绿, en: Green}, at_least: 80}\n", "", 1)
    assert without != TEXT
    told = {"what": "band", "component": None, "before": "green", "after": "yellow"}
    assert said(told, "zh", without) == "档位变化 绿 → 黄"


def test_an_unknown_band_is_a_dash():
    assert (
        said({"what": "band", "component": None, "before": None, "after": "red"}, "en")
        == "another band — → Red"
    )


def test_a_cap_is_told_by_its_label():
    """Once it was work_left_undone in both languages."""
    told = {"what": "cap", "component": None, "before": None, "after": "work_left_undone", "effect": "-6"}
    assert said(told, "zh") == "封顶 — → 规定动作不到四成，总分不过及格线 (−6.0)"


def test_a_component_s_score_is_told_in_points():
    told = {"what": "score", "component": "freshness", "before": "80", "after": "62.5", "effect": "-3.5"}
    assert said(told, "en") == "Data freshness: another score 80 → 62.5 (−3.5)"


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", {"weight": ("1", "30"), "baseline": ("48 h", "36 h")}),
        ("zh", {"权重": ("1", "30"), "基线": ("48 小时", "36 小时")}),
    ],
)
def test_each_number_of_a_draft_says_what_it_is_and_in_which_unit(language, told):
    """Once two rows of the same labels said 1 → 30 and 48 → 36."""
    draft = (Path(__file__).parents[2] / "playbooks" / "smart_hardware.stricter-gate.draft.yaml").read_text(
        "utf-8"
    )
    changes = [
        change for change in changes_of(the_playbook(), the_playbook(draft)) if "response" in change["path"]
    ]
    said = {
        member(change["member"], language): (
            side(change, "before", language),
            side(change, "after", language),
        )
        for change in changes
    }
    assert said == told


def test_what_is_new_is_told_by_what_says_most_in_the_reader_s_language():
    """Once a report in Chinese said "rule:"."""
    change = {"member": None, "before": None, "after": "rule: touches(visit) >= 2"}
    assert side(change, "after", "zh") == "规则\uff1atouches(visit) >= 2"
    assert side(change, "after", "en") == "rule: touches(visit) >= 2"
    assert side(change, "before", "zh") is None
