"""What a newcomer sees: `make demo` runs the console script `dealtrail demo`."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from rich.cells import cell_len

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of its own that the database's user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="dealtrail-demo-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def a_free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def width(line: str) -> int:
    """How many columns a line takes on a terminal."""
    return cell_len(line.rstrip())


def too_wide(told: str) -> list[str]:
    """Lines that take more columns than output to a file has; what is there to be copied stands in one line, however long."""
    to_copy = ("curl -s ", "$ dealtrail ", "report: ")
    return [line for line in told.splitlines() if width(line) > 140 and not line.startswith(to_copy)]


def asked_beside(urls: list[str]) -> list[str]:
    """What is asked beside the printed URLs: the cases behind a number of the metric, and the playbook with its drafts."""
    dwell = next(urlsplit(url) for url in urls if "/metrics/dwell" in url)
    base = f"{dwell.scheme}://{dwell.netloc}/v1"
    cases = f"{base}/metrics/dwell/cases?kind=opportunities&number=judged&cell=step%3Dpoc_feedback"
    return [cases, f"{base}/playbooks/smart_hardware"]


def a_replay_answers_the_same_question_otherwise(
    told: str, live: httpx.Response, replayed: httpx.Response
) -> None:
    """One route, one question; with the replay's id the draft answers it, about the same cells and with other values. Both stand in the demo's table."""
    sides = [urlsplit(str(answer.url)) for answer in (live, replayed)]
    assert sides[0].path == sides[1].path == "/v1/indices/phi"
    asked, of_replay = (dict(parse_qsl(side.query)) for side in sides)
    replay = of_replay.pop("replay")
    assert int(asked.pop("as_of")) > 20_000, "where the replay stands"
    assert asked == of_replay == {"by": "team", "period": "2026-04,2026-05,2026-06"}
    before, after = live.json(), replayed.json()
    assert "replay" not in before
    assert (after["replay"], after["playbook_version"]) == (replay, None)
    assert before["playbook_version"] == 2
    values = [
        {(row["cell"]["team"], row["cell"]["period"]): row["value"] for row in side["items"]}
        for side in (before, after)
    ]
    assert values[0].keys() == values[1].keys()
    assert len(values[0]) == 18
    fresh = [float(row["components"]["freshness"]["measured"]) for row in before["items"]]
    assert 10 < min(fresh) < max(fresh) < 95, "people confirm some of what they know, not all and not nothing"
    differ = [cell for cell in values[0] if values[0][cell] != values[1][cell]]
    assert differ
    for cell in differ:
        shown = (f"{float(side[cell]):.1f}" for side in values)
        assert re.search(r"{} \S+ → {} ".format(*map(re.escape, shown)), told), cell
    weights = [{name: part["weight"] for name, part in side["parts"].items()} for side in (before, after)]
    assert weights == [
        {"penetration": "1", "response": "1", "freshness": "1"},
        {"penetration": "50", "response": "30", "freshness": "20"},
    ]


def a_number_opens_to_as_many_cases(told: str, dwell: httpx.Response, cases: httpx.Response) -> None:
    """What the demo opens is what the routes tell: the number of a cell, and as many cases behind it."""
    row = next(row for row in dwell.json()["items"] if row["cell"]["step"] == "poc_feedback")
    assert cases.json()["total"] == row["judged"] > 0
    assert f"of {row['judged']:,} cases: exactly as many as the number says" in told


def a_draft_is_in_the_log(playbook: httpx.Response) -> None:
    """The replayed draft is the second one of the year; nobody signed it off, and nothing was published by it."""
    told = playbook.json()
    assert [(draft["draft"], draft["sign_offs"]) for draft in told["drafts"]] == [(2, []), (1, [])]
    assert [version["version"] for version in told["versions"]] == [2, 1]


class Loading(HTMLParser):
    """What a page would fetch from elsewhere; texts inside scripts are no tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.styles = ""
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"] or ""
        at = {"src", "href", "srcset", "data", "action", "poster", "background"}
        self.addresses += [
            value for name, value in attrs if name in at and value and not value.startswith(("#", "data:"))
        ]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style":
            self.styles += data


def the_report_needs_nothing_from_elsewhere(told: str, home: Path, served: httpx.Response) -> None:
    """The file the demo wrote, and the one the service hands out, load nothing: neither scripts nor styles nor pictures nor fonts."""
    written = re.search(r"^report: (.+\.html)$", told, re.MULTILINE)
    assert written is not None
    file = Path(written[1])
    assert file.parent == home
    assert served.headers["content-type"].startswith("text/html")
    for page in (file.read_text("utf-8"), served.text):
        reading = Loading()
        reading.feed(page)
        assert {"script", "style", "table"} <= reading.tags
        assert reading.addresses == []
        assert reading.policy.startswith("default-src 'none';")
        assert not re.search(r"@import|url\(", reading.styles)


def test_the_demo_tells_the_whole_story_and_serves_it(home: Path) -> None:
    """A year becomes sealed events, a board, a history, an as-of view, a refusal, a verdict, measures and a replay; the printed URLs answer."""
    command = [
        sys.executable,
        "-m",
        "infra.cli.main",
        "--home",
        str(home),
        "--language",
        "en",
        "demo",
        "--port",
        str(a_free_port()),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {
        "PYTHONUNBUFFERED": "1"
    }
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        told = ""
        while line := demo.stdout.readline():
            told += line
            if "/openapi.json" in line:
                break
        urls = re.findall(r"curl -s '([^']+)'", told)
        answers = [httpx.get(url, timeout=60) for url in urls] if demo.poll() is None else []
        more = [httpx.get(url, timeout=60) for url in asked_beside(urls)] if demo.poll() is None else []
        demo.terminate()
        try:
            _, complaints = demo.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            demo.kill()
            raise
    assert len(urls) == 7, told + complaints
    assert [answer.status_code for answer in [*answers, *more]] == [200] * 9, [
        answer.text[:300] for answer in answers
    ]
    assert all(answer.json()["simulated"] for answer in answers[:-1])
    assert "Traceback" not in complaints
    *_, dwell, live, replayed, report = answers
    a_replay_answers_the_same_question_otherwise(told, live, replayed)
    a_number_opens_to_as_many_cases(told, dwell, more[0])
    a_draft_is_in_the_log(more[1])
    the_report_needs_nothing_from_elsewhere(told, home, report)

    events = re.search(r"([\d,]+) events in", told)
    assert events is not None
    assert int(events[1].replace(",", "")) >= 20_000
    assert "42 people sold for 365 days" in told
    for chapter in (
        "the board",
        "one deal's history",
        "as it was known three months ago",
        "a refused move",
        "move:skip",
        "events hold",
        "how long do deals stand in each step?",
        "are stuck in the POC for more than 5 days",
        "newly refused",
        "requirements that make the difference",
        "delayed by (median)",
        "Nothing live was changed",
        "days in which nobody writes anything",
        "a special price finds its people",
        "Risk officer",
        "leads come in, and each finds an owner",
        "not in scope",
        "away",
    ):
        assert chapter in told, chapter
    law = re.search(r"reproduces ([\d,]+) of ([\d,]+) recorded decisions under the published rules", told)
    assert law is not None
    assert law[1] == law[2]
    changed = re.search(r"changes ([\d,]+) of ([\d,]+) decisions: ([\d,]+) newly refused", told)
    assert changed is not None
    assert int(changed[1].replace(",", "")) >= int(changed[3].replace(",", "")) > 0
    assert changed[2] == law[2]
    moved = re.search(r"Process health index: ([\d,]+) of ([\d,]+) values change", told)
    assert moved is not None
    assert moved[1] != "0"
    assert re.search(r"weight 1 → 50 \([+−]\d", told), "no mover tells that the weights are others"
    assert re.search(r"score \d+ → \d+ \(−\d", told), "no mover tells that an answer is expected sooner"
    assert too_wide(told) == []
    the_readme_says_so_too(told)


def the_readme_says_so_too(told: str) -> None:
    """The same seed tells the same year, in either language: the first screen of the README counted a year of long ago."""
    counted = {
        r"([\d,]+) commands, ([\d,]+) refused by a gate, ([\d,]+) events in": "{} 条命令，其中 {} 条被关口拒绝，共 {} 个事件",
        r"([\d,]+) events hold": "{} 个事件完好",
        r"([\d,]+) deadlines are noticed all the same": "{} 个期限照样被察觉",
    }
    for pattern, chinese in counted.items():
        found = re.search(pattern, told)
        assert found is not None, pattern
        for readme, said in (("README.md", found[0]), ("README.zh-CN.md", chinese.format(*found.groups()))):
            assert said in (REPOSITORY / readme).read_text("utf-8"), (readme, said)
