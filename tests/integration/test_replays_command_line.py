"""Replays on the command line, by the real engine over a real log: run, seen, opened, handed out, signed off, published, compared."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest
from support.replays import ByHand
from support.sales import ANNA, BEN, PLAYBOOK, Desk
from typer.testing import CliRunner

from domain.naming import drafts_stream
from domain.playbook.catalogue import fold_drafts
from domain.playbook.commands import SignOffReplay
from domain.record.commands import ChangeStage, EditFields, OpenRecord
from domain.refusals import InvalidCommand, Refusal
from domain.values import moment_text
from infra.cli import replays as verbs
from infra.cli.main import app
from infra.cli.replay_words import words
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.replay_jobs import State

DRAFT = PLAYBOOK.replace("amount >= 100", "amount >= 500")
Run = Callable[..., str]


@pytest.fixture(scope="module")
def settings(embedded_home, a_fresh_name) -> Settings:
    return Settings(_env_file=None, home=embedded_home, database_url=None, tenant=a_fresh_name("verbs"))


@pytest.fixture(scope="module")
def desk(settings) -> Iterator[Desk]:
    """Twenty deals, from 50 to 1,000 euros; those under 100 were refused an offer, and one of them made it later."""
    with open_tenant(settings) as tenant:
        desk = Desk(tenant)
        for number in range(20):
            deal = f"deal/dea_{number}"
            desk.do(
                OpenRecord(
                    deal,
                    {"topic": f"Pumps {number}", "amount": str(50 + 50 * number)},
                    owner=(ANNA, BEN)[number % 2],
                )
            )
            desk.batch([ChangeStage(deal, "offer")])
        desk.do(EditFields("deal/dea_3", {"amount": "900"}))
        yield desk


@pytest.fixture
def run(desk, embedded_home, settings, monkeypatch, tmp_path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))
    monkeypatch.setenv("DEALTRAIL_TENANT", settings.tenant)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "draft.yaml").write_text(DRAFT, "utf-8")

    def run(*words: str, status: int = 0) -> str:
        found = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(words))
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        assert found.exit_code == status, found.output
        return found.stdout

    return run


@pytest.fixture
def done(run) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run("replay", "run", "--draft", "draft.yaml", "--json"))
    return told


def test_a_replay_says_first_what_it_reproduces(run, done):
    """The law, then what the draft changes: deals from 100 to 450 euros would have been refused."""
    impact = done["impact"]
    assert (impact["law"]["decisions"], impact["law"]["reproduced"]) == (40, 40)
    assert impact["totals"]["newly_refused"] == 8
    [rule] = impact["rules"]
    assert (rule["requirement"], rule["decisions"], rule["never"]) == ("condition:worth_it", 8, 7)
    spoken = run("replay", "--draft", "draft.yaml")
    assert spoken.startswith("reproduces 40 of 40 recorded decisions")
    assert "Worth at least 100" in spoken
    assert "Anna Quist" in spoken
    assert done["id"][:12] in spoken


def test_a_replay_shows_what_its_draft_says_otherwise(run, done):
    """As the report and the answer over HTTP do: the place, the old rule and the new one; right after it was run as well as later."""
    for spoken in (
        run("-l", "en", "replay", "show", done["id"][:12]),
        run("-l", "en", "replay", "--draft", "draft.yaml"),
    ):
        assert "what the draft says otherwise than version 1" in spoken
        for part in ("gate", "Deal › Offer › Worth at least 100 › rule", "amount >= 100", "amount >= 500"):
            assert part in spoken, spoken
    assert "草案与版本 1 的不同之处" in run("-l", "zh", "replay", "show", done["id"][:12])


def test_a_draft_that_changes_nothing_says_so(run, tmp_path):
    (tmp_path / "same.yaml").write_text(PLAYBOOK, "utf-8")
    told = run("-l", "en", "replay", "run", "--draft", "same.yaml")
    assert "the draft says the same as version 1" in told


def test_a_number_of_a_real_replay_opens_to_as_many_decisions(run, done):
    """Each count of the impact, against the list the same conditions give."""

    def behind(**asked: str | None) -> int:
        words = [word for name, value in asked.items() if value is not None for word in (f"--{name}", value)]
        page = json.loads(run("replay", "cases", done["id"], "--json", *words))
        assert len(page["items"]) == page["total"]
        return len(page["items"])

    impact = done["impact"]
    for name in ("unchanged", "newly_refused", "newly_allowed", "not_judgeable"):
        assert behind(verdict=name) == impact["totals"][name]
    for row in impact["rules"]:
        assert behind(verdict=row["verdict"], requirement=row["requirement"]) == row["decisions"]
    for row in impact["edges"]:
        edge = f"{row['before'] or ''}:{row['after']}"
        assert behind(edge=edge) == row["judged"]
        for name in ("unchanged", "newly_refused", "newly_allowed", "not_judgeable"):
            assert behind(edge=edge, verdict=name) == row[name]
    assert {row["owner_name"] for row in impact["people"]} == {"Anna Quist", "Ben Okoro"}
    for row in impact["people"]:
        assert behind(owner=row["owner"], verdict="newly_refused") == row["newly_refused"]


def test_a_replay_is_listed_shown_reported_and_handed_out(run, done, tmp_path):
    short = done["id"][:12]
    assert short in run("replay", "list")
    assert json.loads(run("replay", "show", short, "--json"))["impact"] == done["impact"]
    assert "newly refused" in run("replay", "cases", short, "--verdict", "newly_refused")
    assert "report" in run("replay", "report", short, "--out", "report.html", "--lang", "zh")
    assert "新增拒绝" in (tmp_path / "report.html").read_text("utf-8")
    for form in ("parquet", "csv", "json"):
        assert "decisions" in run("replay", "export", short, "--to", form, "--format", form)
    frame = pl.read_parquet(tmp_path / "parquet" / "decisions.parquet")
    with (tmp_path / "csv" / "decisions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "json" / "decisions.json").read_text("utf-8").splitlines()]  # fmt: skip
    assert frame.height == len(rows) == len(lines) == done["impact"]["totals"]["judged"]
    assert frame["position"].to_list() == [line["position"] for line in lines]
    run("replay", "export", short, "--to", "csv", "--format", "csv", status=2)


def test_a_replay_is_shown_in_chinese(run, done):
    """Titles, columns, verdicts and sentences: nothing the terminal says in English is left, but what has to be typed."""
    shown = [run("-l", "zh", "replay", *words) for words in (("show", done["id"]), ("list",), ("cases", done["id"]))]  # fmt: skip
    assert "重现了 40 个已记录决定中的 40 个" in shown[0]
    assert all(title in shown[0] for title in ("造成差异的要求", "阶段变更", "人员", "新增拒绝"))
    assert "已完成" in shown[1]
    assert "不变" in shown[2]
    english = [said for said, _ in words().values() if "{" not in said and len(said) > 3]
    assert len(english) > 40
    for text in shown:
        typed = re.sub(r"`[^`]*`|--\w+|\w+:\w+", "", text)
        assert [said for said in english if said in typed] == []


def test_as_of_a_replay_attempts_are_accepted_as_its_draft_decides(run, done):
    """The replayed metric gave what was decided then, whatever the draft would have said; it opens to as many decisions as it counts."""

    def asked(*words: str) -> dict[str, Any]:
        [item] = json.loads(run("metric", "show", "acceptance", "--kind", "deal", *words, "--json"))["items"]
        return {name: item[name] for name in ("decisions", "accepted", "refused", "unmet")}

    assert asked() == {"decisions": 40, "accepted": 39, "refused": 1, "unmet": 1}
    replayed = asked("--replay", done["id"][:12])
    assert replayed == {"decisions": 40, "accepted": 31, "refused": 9, "unmet": 9}
    refused = json.loads(run("metric", "cases", "acceptance", "--number", "refused", "--kind", "deal", "--replay", done["id"], "--json"))  # fmt: skip
    assert refused["total"] == 9


def test_a_draft_goes_from_replay_to_sign_off_to_publication_to_comparison(run, desk, tmp_path):
    """The whole way: what was forecast of the version that names the replay stands beside what happened since."""
    run("playbook", "draft", "draft.yaml")
    told = json.loads(run("replay", "run", "desk", "--draft-number", "1", "--json"))
    assert "signed off" in run("playbook", "sign-off", "desk", "1", "--replay", told["id"][:12])
    run("playbook", "publish", "desk", "--draft", "1", "--replay", told["id"][:12])
    assert desk.tenant.reads.published("desk").replay == told["id"]
    for number in range(4):
        deal = f"deal/dea_new_{number}"
        desk.do(OpenRecord(deal, {"topic": "New", "amount": "300" if number < 3 else "800"}, owner=ANNA))
        try:
            desk.do(ChangeStage(deal, "offer"))
        except Refusal:
            continue
    desk.do(EditFields("deal/dea_new_0", {"amount": "700"}))
    desk.do(ChangeStage("deal/dea_new_0", "offer"))
    shown = json.loads(run("playbook", "compare", "desk", "2", "--json"))
    [row] = shown["requirements"]
    forecast, actual = row["forecast"], row["actual"]
    # the deal of 50 euros was refused and would be again: like the truth, the forecast counts what a requirement always refused
    assert (forecast["refused"], forecast["decisions"], forecast["rate_percent"]) == (8 + 1, 40, "22.5")
    assert (actual["refused"], actual["decisions"], actual["rate_percent"]) == (3, 9, "33.333333")
    assert (actual["held_up_judged"], actual["went_on_never"]) == (1, 2)
    assert sum(week["decisions"] for week in shown["weeks"]["actual"]) == 9
    assert sum(sum(week["refused"].values()) for week in shown["weeks"]["forecast"]) == 9
    assert shown["indices"] == []
    assert "Worth at least 100" in run("playbook", "compare", "desk", "2")


def test_a_version_whose_replay_was_not_about_indices_is_compared_without_them(run, desk):
    """It failed for want of a forecast of indices; `null` says that there is none."""
    run("playbook", "draft", "draft.yaml")
    kept = max(fold_drafts(None, desk.tenant.log.stream(drafts_stream("desk"))).drafts)
    told = json.loads(run("replay", "run", "desk", "--draft-number", str(kept), "--about", "gates", "--json"))
    run("playbook", "sign-off", "desk", str(kept), "--replay", told["id"])
    run("playbook", "publish", "desk", "--draft", str(kept), "--replay", told["id"])
    version = str(desk.tenant.reads.published("desk").number)
    shown = json.loads(run("playbook", "compare", "desk", version, "--json"))
    assert shown["indices"] is None
    assert shown["forecast"] is not None
    assert "Worth at least 100" in run("playbook", "compare", "desk", version)


def test_the_beginning_of_an_id_names_a_replay_that_was_signed_off(run, desk, settings):
    """One of them, or nobody knows which; what was signed off is known although nothing of the replay is kept."""
    run("playbook", "draft", "draft.yaml")
    kept = fold_drafts(None, desk.tenant.log.stream(drafts_stream("desk")))
    number = max(kept.drafts)
    alike = [f"{'5e' * 30}{end}" for end in ("aaaa", "abbb")]
    for replay in alike:
        desk.do(
            SignOffReplay("desk", number, kept.drafts[number].digest, replay, {"after": 0, "upto": 1}, 1, {})
        )

    def publish(replay: str) -> str:
        words = ["playbook", "publish", "desk", "--draft", str(number), "--replay", replay]
        return " ".join(CliRunner(env={"COLUMNS": "400"}).invoke(app, words).output.replace("│", " ").split())

    before = desk.tenant.log.head()
    said = publish(alike[0][:12])
    assert "2 replays that were signed off begin with '5e5e5e5e5e5e'" in said
    assert all(replay in said for replay in alike)
    assert "at least 6 characters" in publish("5e5e5")
    assert desk.tenant.log.head() == before
    with pytest.raises(InvalidCommand, match="nobody has signed this replay off"):
        run("playbook", "publish", "desk", "--draft", str(number), "--replay", "0123456789ab")
    run("playbook", "publish", "desk", "--draft", str(number), "--replay", alike[1][:62])
    assert desk.tenant.reads.published("desk").replay == alike[1]


def refused(*words: str) -> str:
    """What the program says, on one line; it is a usage problem."""
    found = CliRunner(env={"COLUMNS": "400"}).invoke(app, list(words))
    assert found.exit_code == 2, found.output
    return " ".join(found.output.replace("│", " ").split())


def test_a_scope_there_is_none_of_is_refused_before_anything_is_kept(run, desk):
    """With the nearest field, or with those there are; no failed replay stays behind, and no line of a log is printed."""
    before = json.loads(run("replay", "list", "--json"))["items"]
    near = refused("replay", "run", "--draft", "draft.yaml", "--scope", "heet=hot")
    assert "--scope heet: there is no choice field 'heet'; did you mean 'heat'?" in near
    far = refused("replay", "run", "--draft", "draft.yaml", "--scope", "nosuch=a")
    assert "'heat', 'owner.region', 'owner.team' can be named" in far
    for told in (near, far):
        assert "replay_failed" not in told
        assert "/scope" not in told
    assert "--about" in refused("replay", "run", "--draft", "draft.yaml", "--about", "dedlines")
    assert json.loads(run("replay", "list", "--json"))["items"] == before


def test_a_window_is_refused_in_the_words_of_the_options(run):
    """Whoever typed --until reads of --until."""
    told = refused("replay", "run", "--draft", "draft.yaml", "--until", "1999-01-01")
    assert "--until: the log began later, at" in told
    assert "/until" not in told
    both = refused("replay", "run", "--draft", "draft.yaml", "--since", "2026-01-01", "--last-days", "3")
    assert "--last-days: say where the window begins once" in both


def test_a_window_that_begins_before_the_log_says_where_the_log_began(run, desk):
    """Also where somebody asked for a hundred years; one that begins later says when it does, and nothing of the log."""
    began = desk.tenant.log.after(0, 1)[0].recorded_at
    told = json.loads(run("replay", "run", "--draft", "draft.yaml", "--last-days", "36500", "--json"))
    assert told["recorded"]["begins_with_log"] is True
    assert told["recorded"]["log_began"] == told["recorded"]["from"] == moment_text(began)
    assert told["changes"]["playbook_version"] == desk.tenant.reads.published("desk").number
    shown = run("replay", "show", told["id"][:12])
    assert f"the log began {began:%Y-%m-%d %H:%M} UTC, so there is nothing earlier" in shown
    later = json.loads(run("replay", "run", "--draft", "draft.yaml", "--after", "9", "--json"))
    assert later["recorded"]["begins_with_log"] is False
    assert later["recorded"]["from"] == moment_text(desk.tenant.log.after(9, 1)[0].recorded_at)
    assert "the log began" not in run("replay", "show", later["id"][:12])


def test_what_is_dropped_is_made_again_the_same(run, done):
    run("replay", "drop", done["id"])
    again = json.loads(
        run("replay", "run", "--draft", "draft.yaml", "--position", str(done["position"]), "--json")
    )
    assert (again["id"], again["impact"]) == (done["id"], done["impact"])


def test_interrupted_by_ctrl_c_it_is_cancelled_and_says_what_to_do(run, monkeypatch):
    engine = ByHand(["deal/dea_1"])
    engine.may_go_on.clear()
    monkeypatch.setattr(verbs, "LedgerEngine", lambda _: engine)

    def interrupted(*_: Any) -> Any:
        assert engine.began.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs.ReplayJobs, "wait", interrupted)
    found = CliRunner().invoke(app, ["replay", "run", "--draft", "draft.yaml"])
    assert found.exit_code == verbs.INTERRUPTED
    said = " ".join(found.output.split())
    assert "is cancelled and nothing is kept of it; run the same again" in said
    assert json.loads(run("replay", "list", "--json"))["items"][0]["state"] == State.cancelled


@pytest.mark.parametrize(
    "words",
    [
        ["replay", "run"],
        ["replay", "run", "--draft", "draft.yaml", "--draft-number", "1"],
        ["replay", "run", "desk"],
        ["replay", "run", "--draft", "draft.yaml", "--scope", "heat"],
    ],
)
def test_wrong_usage_is_named(run, words):
    run(*words, status=2)
