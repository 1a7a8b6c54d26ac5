"""The terminal speaks one language: what a verb prints for a Chinese reader has no English beside names that are typed."""

import re

import pytest
from support.sales import Desk
from typer.testing import CliRunner

from domain.record.commands import ChangeStage, OpenRecord
from infra.cli.main import app
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.ledger.tables import TABLES

WORDS = re.compile(r"[A-Za-z][A-Za-z_.-]+")
KNOWN = {"UTC", "CNY", "EUR", "database", "tenant"}


@pytest.fixture(scope="module")
def desk(embedded_home):
    """A log with a deal in it."""
    with open_tenant(Settings(home=embedded_home, database_url=None, tenant="one_language")) as tenant:
        desk = Desk(tenant)
        desk.do(OpenRecord("deal/dea_1", {"topic": "泵", "amount": "1250"}))
        desk.do(ChangeStage("deal/dea_1", "offer"))
        yield desk


@pytest.fixture
def dealtrail(embedded_home, desk, monkeypatch):
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))
    monkeypatch.setenv("DEALTRAIL_TENANT", desk.tenant.name)
    monkeypatch.setenv("COLUMNS", "250")

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.stderr
        return done.stdout

    return run


def english_in(told: str, *names: str) -> set[str]:
    """The English words of an output, without the names that are the same for every reader."""
    return set(WORDS.findall(told)) - KNOWN - {part for name in names for part in WORDS.findall(name)}


def test_a_list_of_playbooks_is_chinese(dealtrail, desk):
    """It said "from position 2" behind a Chinese label."""
    told = dealtrail("-l", "zh", "playbook", "list")
    playbook = desk.tenant.reads.playbooks()
    names = [
        name for version in playbook.in_force.values() for name in (version.name, *version.document.kinds)
    ]
    assert "自位置" in told
    assert english_in(told, *names) <= {"v"}
    assert "from position" in dealtrail("-l", "en", "playbook", "list")


def test_the_state_of_the_ledger_is_chinese(dealtrail):
    """Its tables have the names they have in queries."""
    told = dealtrail("-l", "zh", "ledger", "status")
    assert "落后" in told
    assert english_in(told, *TABLES) == set()


def test_the_state_of_projections_is_chinese(dealtrail, desk):
    told = dealtrail("-l", "zh", "projections", "status")
    assert {"投影", "读模型", "计时表"} <= set(re.findall(r"[一-鿿]+", told))
    names = [projection.name for projection in desk.tenant.catch_up.projections]
    assert english_in(told, *names, "dealtrail") == set()


def test_a_verdict_is_chinese(dealtrail, desk):
    told = dealtrail("-l", "zh", "verify")
    assert "个事件完好 · 租户 one_language · 数据库时钟" in told
    assert english_in(told.partition("；")[0], desk.tenant.name, told.partition("末端 ")[2]) == set()
    assert "events hold · tenant one_language · clock of the database" in dealtrail("-l", "en", "verify")


@pytest.mark.parametrize("name", ["dwell", "conversion", "response"])
def test_a_contract_is_chinese(name, dealtrail):
    """It was English throughout; the names that are typed stand as they are, in backquotes or at the beginning of a line."""
    told = dealtrail("-l", "zh", "metric", "explain", name)
    prose = re.sub(r"`[^`]+`|--set \S+|^[a-z0-9_]+ ", "", told, flags=re.MULTILINE)
    assert english_in(prose, name, "cohort flow snapshot edge_from edge_to request") == set()
    english = dealtrail("-l", "en", "metric", "explain", name)
    assert "denominator" in english
    assert not re.search(r"[一-鿿]", english)


def test_the_list_of_metrics_is_chinese(dealtrail, desk):
    told = dealtrail("-l", "zh", "metric", "list")
    assert "一次停留：记录在某个步骤的一次停留" in told
    assert "停留次数" in told
    assert not re.search(r"\b(?:the|of|that)\b", told)
    assert dealtrail("-l", "zh", "metric", "list", "--json") == dealtrail(
        "-l", "en", "metric", "list", "--json"
    )


def test_the_cases_behind_a_number_are_chinese_and_say_their_zone(dealtrail):
    """Their columns were English, and moments did not say that they are UTC."""
    told = dealtrail("-l", "zh", "metric", "cases", "dwell", "--kind", "deal", "--number", "visits")
    header = told.splitlines()[0]
    assert "进入 (UTC)" in header
    assert english_in(header) == set()
    assert "个个案中的" in told
    assert (
        "entered at (UTC)"
        in dealtrail(
            "-l", "en", "metric", "cases", "dwell", "--kind", "deal", "--number", "visits"
        ).splitlines()[0]
    )


def test_what_people_typed_is_not_translated(dealtrail, desk):
    """A text that happens to be a word of the program, as "open" or "all", was translated as one."""
    desk.do(OpenRecord("deal/dea_2", {"topic": "open", "note": "all"}))
    for words in (("show", "deal", "dea_2"), ("history", "deal", "dea_2"), ("timeline", "deals", "dea_2")):
        told = dealtrail("-l", "zh", *words)
        assert "open" in told
        assert "全部" not in told


def test_moments_say_their_zone(dealtrail):
    """A card showed moments without a zone."""
    card = dealtrail("-l", "en", "show", "deal", "dea_1")
    assert re.search(r"opened +\d{4}-\d\d-\d\d \d\d:\d\d UTC", card)
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d UTC", card)
