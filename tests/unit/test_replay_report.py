"""The report of a replay: one file, nothing from elsewhere, nothing run but its own scripts, and a table behind every chart."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from typing import Any

import pytest
from support.replays import found
from support.sales import ANNA, BEN, playbook, stricter

from domain.organisation.state import Organisation, Person
from domain.playbook.catalogue import Playbooks
from infra.replays import Wanted
from infra.report import policy, report
from infra.report.words import WORDS, duration
from projections.lens import Lens, Visible
from projections.replay_answers import Words, shown_impact, told
from projections.replay_changes import changes_of
from projections.replay_jobs import Job, State
from projections.replay_window import Window

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
WANTED = Wanted(stricter(), Window(0, 50, 50), 1)
LOADS = {"src", "href", "srcset", "action", "data", "poster", "background", "formaction", "xlink:href"}


class Open:
    """Keys to a log in which nothing is sealed."""

    def prepare(self, subjects: Any) -> None:
        """Nothing to fetch."""

    def reveal(self, stream: str, field: str, stored: Any) -> Any:
        """It is readable as it is."""
        return stored


class Page(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and what stands inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, dict[str, str | None], str]] = []
        self.words: list[str] = []
        self._open: tuple[str, dict[str, str | None]] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._open = (tag, dict(attrs))
            self.inside.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is None:
            self.words.append(data)
        else:
            tag, attrs, text = self.inside[-1]
            self.inside[-1] = (tag, attrs, text + data)


def shown(deals: int = 16, *, indices: Any = None, begins_with_log: bool = True) -> Visible:
    """A replay that is done, one of its people with a hostile name."""
    answer = found(WANTED, [f"deal/dea_{number}" for number in range(deals)])
    people = {
        ANNA: Person(ANNA, HOSTILE, "north", None, frozenset(), None),
        BEN: Person(BEN, "Ben Okoro", "south", None, frozenset(), None),
    }
    lens = Lens(Open(), Playbooks(), Organisation(1, people, {}))
    job = Job(
        id="a1" * 32,
        playbook="desk",
        draft=1,
        digest=WANTED.draft.digest,
        after=0,
        upto=50,
        position=50,
        state=State.done,
        asked_at="2026-03-02T09:00:00.000000Z",
        scope={"heat": ["hot"]},
    )
    impact = shown_impact(
        answer.impact if indices is None else {**answer.impact, "indices": indices},
        Words(lens, WANTED.draft, ()),
    )
    changes = {"playbook_version": 1, "items": changes_of(playbook(), WANTED.draft)}
    recorded = {
        "from": "2026-01-05T01:00:00.000000Z",
        "to": "2026-03-02T09:00:00.000000Z",
        "log_began": "2026-01-05T01:00:00.000000Z",
        "begins_with_log": begins_with_log,
    }
    return lens.figures(
        **told(job),
        playbook_label={"zh": "柜台", "en": "The desk"},
        recorded=recorded,
        changes=changes,
        impact=impact,
        datasets={},
        simulated=True,
    )


@pytest.fixture(scope="module", params=["en", "zh"])
def language(request) -> Any:
    return request.param


@pytest.fixture(scope="module")
def text(language) -> str:
    return report(shown(), language).decode()


def test_it_is_one_file_that_asks_nobody_for_anything(text):
    """No element loads anything, and the policy would not let it."""
    page = Page(text)
    for tag, attributes in page.elements:
        assert tag not in {"link", "iframe", "object", "embed", "img", "base", "form", "video", "audio"}
        assert not LOADS & attributes.keys(), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    styles = [content for tag, _, content in page.inside if tag == "style"]
    assert not re.search(r"url\(|@import|expression", "".join(styles))
    assert len(text.encode()) <= 2_000_000


def test_its_policy_allows_its_own_scripts_and_style_and_nothing_else(text):
    page = Page(text)
    [said] = [a["content"] for tag, a in page.elements if tag == "meta" and a.get("http-equiv")]
    assert said == policy()
    parts = {part.split()[0]: part.split()[1:] for part in policy().split(";")}
    assert parts["default-src"] == ["'none'"]
    run = [(tag, content) for tag, attrs, content in page.inside if attrs.get("type") != "application/json"]
    for tag, content in run:
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in parts[f"{tag}-src"]
    assert len(run) == sum(len(parts[name]) for name in ("script-src", "style-src"))
    assert "unsafe" not in policy()


def test_names_are_text_wherever_they_stand(text):
    """Somebody whose name is a script is shown with that name, in tables and in charts."""
    page = Page(text)
    assert HOSTILE in "".join(page.words)
    assert HOSTILE not in text
    assert len(page.inside) == 4
    [options] = [json.loads(content) for _, attrs, content in page.inside if attrs.get("id") == "options"]
    assert options["index-0"]["option"]["yAxis"]["data"][0].startswith("</script>")


def test_every_chart_stands_above_a_table(text):
    page = Page(text)
    charts = [attrs["id"] for tag, attrs in page.elements if tag == "div" and attrs.get("class") == "chart"]
    assert charts == ["chart-rules", "chart-edges", "chart-index-0"]
    [options] = [json.loads(content) for _, attrs, content in page.inside if attrs.get("id") == "options"]
    assert [f"chart-{name}" for name in options] == charts
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == 7
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in page.elements if tag == "th")


def test_it_says_everything(text, language):
    """What changes, the law, which rules and moves, who, the movers with their reasons, what cannot be judged, how to ask again."""
    words = " ".join(" ".join(Page(text).words).split())
    labels = {"en": "Worth at least 100", "zh": "金额不低于100"}
    for part in (
        WORDS[language]["title"], WORDS[language]["law"], WORDS[language]["newly_refused"], WORDS[language]["simulated"],
        labels[language], "condition:worth_it", "−18.5", "80.5", "a1" * 32, WANTED.draft.digest,
        "dealtrail replay run desk --draft-number 1 --after 0 --upto 50 --position 50 --scope heat=hot",
    ):  # fmt: skip
        assert part in words, part


def words_of(page: str) -> str:
    return " ".join(" ".join(Page(page).words).split())


def test_it_says_what_the_draft_changes(text, language):
    """The rule that was and the rule that would be, at its place in the document."""
    words = words_of(text)
    assert WORDS[language]["draft_says"] in words
    assert "amount >= 100" in words
    assert "amount >= 500" in words
    assert {"en": "Worth at least 100 › rule", "zh": "金额不低于100 › 规则"}[language] in words
    assert {"en": "playbook The desk ·", "zh": "打法手册 柜台 ·"}[language] in words
    assert "kinds/deal/stages/offer/enter/conditions/worth_it/rule" in words


def test_beside_each_number_stands_how_to_open_it(text):
    """The command that lists as many decisions as the number says: of requirements, moves, people and what cannot be judged."""
    words = words_of(text)
    for limits in (
        "--verdict newly_refused --requirement condition:worth_it",
        "--verdict newly_allowed",
        "--edge lead:offer",
        f"--owner {BEN}",
        "--verdict not_judgeable --requirement condition:worth_it",
    ):
        assert f"dealtrail replay cases {'a1' * 6} {limits}" in words, limits
    assert f"dealtrail index show phi --replay {'a1' * 6} --by owner --period 2026-03" in words


def test_its_commands_name_the_tenant_they_are_about(language):
    """Once a command copied from the report of the demo answered that there is no such replay: it asked another tenant."""
    words = words_of(report(shown(), language, "demo").decode())
    commands = re.findall(r"dealtrail .{20}", words)
    assert len(commands) > 5
    assert all(command.startswith("dealtrail --tenant demo ") for command in commands)


def test_the_window_is_told_in_dates_and_where_the_log_began(text, language):
    """Whoever asked for more than there is learns that there is no more; a window that begins later says nothing of it."""
    words = words_of(text)
    assert "2026-01-05 01:00 UTC – 2026-03-02 09:00 UTC" in words
    assert f"{WORDS[language]['log_began']} 2026-01-05 01:00 UTC" in words
    later = words_of(report(shown(begins_with_log=False), language).decode())
    assert WORDS[language]["log_began"] not in later


def a_month(period: str | None, delta: str, index: str = "phi") -> dict[str, Any]:
    mover = {"cell": {"owner": BEN}, "before": "80", "after": "62", "delta": delta, "reasons": []}
    return {"index": index, "period": period, "cells": 3, "changed": 1, "movers": [mover]}


def test_months_are_folded_but_for_the_last(language):
    """The last one stands open with its chart, what moves most of all months follows, and the others are there for whoever opens them."""
    months = [a_month(f"2026-{month:02}", f"-{month}.5") for month in range(1, 13)]
    page = report(shown(indices=months), language).decode()
    tags = [tag for tag, _ in Page(page).elements]
    assert tags.count("details") == 1
    before, _, folded = page.partition("<details>")
    folded = folded.partition("</details>")[0]
    assert "2026-12" in before
    assert "−12.5" in before
    assert before.count('id="chart-index-') == 1
    assert folded.count("<table>") == 11
    assert [f"<h4>2026-{month:02}</h4>" in folded for month in range(1, 13)] == [True] * 11 + [False]
    assert WORDS[language]["most_moved"] in before
    assert "chart-index-1" not in page


def test_an_index_without_periods_has_no_dot_without_anything_behind_it(language):
    """Deals that are stuck are stuck now."""
    page = report(shown(indices=[a_month(None, "-1.5", "stuck")]), language).decode()
    assert not re.search(r"·\s*</h3>", page)
    assert "<h3>stuck</h3>" in page
    assert "<details>" not in page


def test_every_word_is_there_in_both_languages():
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    assert all(WORDS["en"].values())
    assert all(re.search(r"[\u4e00-\u9fff。/]", word) for word in WORDS["zh"].values())


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [(None, "—", "—"), (0, "0 s", "0 s"), (59, "59 s", "59 秒"), (3_600, "1 h", "1 小时"), (90_061, "1 d 1 h", "1 天 1 小时"), (-60, "−1 min", "−1 分")],
)  # fmt: skip
def test_a_duration_is_told_in_its_two_largest_units(seconds, en, zh):
    assert (duration(seconds, "en"), duration(seconds, "zh")) == (en, zh)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no browser here")
def test_a_browser_draws_the_charts_under_the_policy(tmp_path, text):
    """The scripts run, each chart becomes a picture, and nothing is refused by the policy."""
    place = tmp_path / "report.html"
    place.write_text(text, "utf-8")
    done = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=3000", "--dump-dom", place.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.count("<svg") == 3
    assert "CONSOLE" not in done.stderr
