"""The simulated sales organisation on a real log."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.replaying import impact_of, replayed

import playbooks
from commands.playbook_file import read_playbook
from consumers.simulator import Scenario, Summary, simulate
from domain.events import MoveRefused
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant

FOLDER = Path(playbooks.__file__).parent
PUBLISHED = read_playbook(FOLDER / "smart_hardware.yaml")
STRICTER = read_playbook(FOLDER / "smart_hardware.stricter-gate.draft.yaml")
SOME_MONTHS = Scenario(days=120, pace=0.3)


@dataclass(frozen=True)
class Story:
    """A simulated log, and what its simulation says it did."""

    tenant: Tenant
    summary: Summary


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """Some months of the organisation, told once for all tests; none of them changes it."""
    home = Path(tempfile.mkdtemp(prefix="dt_"))
    home.chmod(0o755)
    begin = datetime.combine(SOME_MONTHS.until, datetime.min.time(), UTC) - timedelta(days=SOME_MONTHS.days)
    try:
        with open_tenant(Settings(home=home, tenant="story"), clock="simulated", told_time=begin) as tenant:
            yield Story(tenant, simulate(tenant.bus, PUBLISHED, SOME_MONTHS))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_every_command_is_answered_and_every_event_counted(story):
    """The summary agrees with the log: its events are those of the log, without the one that began it."""
    summary = story.summary
    assert summary.commands == summary.accepted + summary.refused
    assert summary.events == story.tenant.log.head() - 1
    assert summary.people == SOME_MONTHS.people
    assert set(summary.records) == {"customer", "contact", "opportunity"}
    assert summary.replayed == 0


def test_refusals_are_part_of_the_story_and_name_what_is_missing(story):
    """People try too early; each refused attempt stands in the log with everything that was unmet."""
    refused = story.tenant.log.after(0, 100_000, topics=[MoveRefused.TOPIC])
    assert len(refused) == story.summary.refused > 0
    assert all(recorded.event.unmet for recorded in refused)


def test_the_same_story_told_again_adds_nothing(story):
    """Every command is answered as before, out of the log."""
    head = story.tenant.log.head()
    again = simulate(story.tenant.bus, PUBLISHED, SOME_MONTHS)
    assert story.tenant.log.head() == head
    assert again.replayed == again.commands == story.summary.commands
    assert (again.accepted, again.refused) == (story.summary.accepted, story.summary.refused)


def test_the_published_rules_reproduce_every_decision(story):
    """The law of replay holds on a whole organisation's work."""
    impact = replayed(story.tenant.log, story.tenant.vault).law
    assert impact.decisions > 0
    assert impact.reproduced == impact.decisions
    assert impact.different == []


def test_the_stricter_draft_changes_some_decisions(story):
    """Only quotes are concerned, and only by the two new conditions."""
    impact = impact_of(replayed(story.tenant.log, story.tenant.vault, STRICTER))
    assert 0 < len(impact.changed) < impact.decisions
    assert {judged.after for judged in impact.changed} == {"quoted"}
    reasons = {requirement for judged in impact.changed for requirement in judged.requirements}
    assert reasons <= {"condition:budget_known", "condition:visited_twice"}
