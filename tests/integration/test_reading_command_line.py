"""The verbs stuck, timeline and organisation difference: what they print is what the answers hold, in the reader's language."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from support.sales import ANNA, MORNING, Desk
from typer.testing import CliRunner

from domain.organisation.commands import MovePerson
from domain.record.commands import ChangeStage, EditFields, OpenRecord, RecordTouch
from domain.refusals import GateNotMet
from infra.cli.main import app
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.errors import InvalidQuery
from projections.lists import Ask
from projections.stuck import stuck
from projections.timeline import timeline

ODD = "Ten [red]pumps[/red] \x1b[31m"


@pytest.fixture(scope="module")
def desk(embedded_home) -> Iterator[Desk]:
    """A simulated log: one deal that stands still, with a refused move, and one nobody knows the beginning of."""
    own = Settings(home=embedded_home, database_url=None, tenant="cli_reading")
    with open_tenant(own, clock="simulated", told_time=MORNING) as tenant:
        desk = Desk(tenant)
        desk.do(OpenRecord("deal/dea_1", {"topic": ODD, "note": "secret"}, owner=ANNA, external_id="X-1"))
        with pytest.raises(GateNotMet):
            desk.do(ChangeStage("deal/dea_1", "offer"))
        desk.do(RecordTouch("deal/dea_1", "tou_1", "call", note="they [b]rang"))
        desk.do(EditFields("deal/dea_1", {"heat": "hot"}))
        desk.do(OpenRecord("deal/dea_2"), occurred_at=None)
        desk.clock += timedelta(days=9)
        desk.do(MovePerson(ANNA, "south", None))
        tenant.catch_up.run()
        yield desk


@pytest.fixture
def dealtrail(embedded_home, desk, monkeypatch) -> Callable[..., str]:
    """The program, within this process; what it prints."""
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))
    monkeypatch.setenv("DEALTRAIL_TENANT", desk.tenant.name)
    monkeypatch.setenv("COLUMNS", "250")

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, list(words), catch_exceptions=False, env={"COLUMNS": "250"})
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_stuck_tells_where_how_long_who_and_what_is_missing(dealtrail, desk):
    """By collection or by kind; an unknown beginning is said to be unknown."""
    told = dealtrail("-l", "en", "stuck", "deals")
    assert dealtrail("-l", "en", "stuck", "deal", "--longer-than-days", "5") == told
    for part in ("Lead", "9.", "Anna Quist (South)", "Offer", "Amount, Worth at least 100", "unknown"):
        assert part in told
    assert "\x1b[31m" not in told
    assert "Ten [red]pumps[/red]" in told
    assert "金额不低于100" in dealtrail("-l", "zh", "stuck", "deals")
    answer = json.loads(dealtrail("stuck", "deals", "--json"))
    assert answer == stuck(desk.tenant.reads, "deal", Ask()).data
    assert json.loads(dealtrail("stuck", "deals", "--team", "north", "--json"))["items"] == []


def test_a_timeline_tells_everything(dealtrail, desk):
    """The refused attempt with what it lacked, the touch with its note, the field with its option's label."""
    told = dealtrail("-l", "en", "timeline", "deals", "X-1", "--order", "recorded")
    for part in (
        "opened",
        "Lead → Offer (forward)",
        "field:amount",
        "they [b]rang",
        "– → Hot",
        "touch: Call",
        "desk v1",
    ):
        assert part in told, part
    assert "\x1b[31m" not in told
    assert "被拒绝" in dealtrail("-l", "zh", "timeline", "deals", "X-1")
    answer = json.loads(dealtrail("timeline", "deals", "X-1", "--json", "--limit", "2"))
    assert answer == timeline(desk.tenant.reads, "deal", "dea_1", Ask(limit=2)).data
    rest = json.loads(dealtrail("timeline", "deals", "X-1", "--json", "--cursor", answer["next"]))
    assert len(answer["items"]) + len(rest["items"]) == answer["entries"]


def test_a_difference_tells_who_moved(dealtrail, desk):
    """From a position to now, each line with its positions."""
    head = desk.tenant.log.head()
    told = dealtrail("-l", "en", "organisation", "difference", "--from", str(head - 1))
    assert "team: north → south" in told
    assert f"{head:,}" in told
    assert "调动" in dealtrail("-l", "zh", "organisation", "difference", "--from", str(head - 1))


def test_what_cannot_be_read_is_explained(dealtrail):
    """A wrong number of days, a wrong stage."""
    for words in (("stuck", "deals", "--longer-than-days", "x"), ("stuck", "deals", "--stage", "ofer")):
        with pytest.raises(InvalidQuery):
            dealtrail(*words)


def test_a_tenant_nobody_has_written_to_is_said_to_be_empty(embedded_home, monkeypatch):
    """An auditor who verified such a log was told that one event holds, and nothing else."""
    own = Settings(home=embedded_home, database_url=None, tenant="cli_empty")
    open_tenant(own).close()
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))
    done = CliRunner().invoke(app, ["-l", "en", "--tenant", "cli_empty", "verify"], catch_exceptions=False)
    assert "the log of the tenant 'cli_empty' is empty" in " ".join(done.stderr.split())
