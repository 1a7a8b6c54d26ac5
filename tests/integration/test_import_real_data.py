"""The public data sets, imported into a real log: exact figures, nothing twice, and the first replay of a stricter gate."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.replaying import Changed, Impact, impact_of, replayed

import playbooks
from commands.playbook_file import read_playbook
from commands.submission import Submission
from consumers.importing.mapping import read_mapping
from consumers.importing.report import KindCount, Report
from consumers.importing.run import run_import
from domain.envelope import Recorded
from domain.events import FieldsChanged, PersonJoined, RecordOpened, StageChanged, TeamFormed
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Right
from domain.values import SEALED
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant

DATA = os.environ.get("DEALTRAIL_TEST_DATA")
EXAMPLES = Path(playbooks.__file__).parent / "examples"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        not DATA, reason="DEALTRAIL_TEST_DATA is unset; it names the folder of the public data sets"
    ),
]


@dataclass(frozen=True)
class Imported:
    """A log with both data sets, what the imports reported the first and the second time, and its events by topic."""

    tenant: Tenant
    first: dict[str, Report]
    second: dict[str, Report]
    head_after_first: int
    events: list[Recorded]

    def of(self, event_type: type, kind: str = "") -> list[Recorded]:
        """The events of one type, of one kind of record."""
        return [
            item
            for item in self.events
            if isinstance(item.event, event_type) and item.stream.startswith(kind)
        ]


@pytest.fixture(scope="module")
def imported() -> Iterator[Imported]:
    """Both imports, twice, once for all tests; none of them changes the log."""
    home = Path(tempfile.mkdtemp(prefix="dt_"))
    home.chmod(0o755)
    try:
        with open_tenant(Settings(home=home, tenant="real_data", database_url=None)) as tenant:
            first = {name: import_into(tenant, name) for name in ("crm", "helpdesk")}
            head = tenant.log.head()
            second = {name: import_into(tenant, name) for name in ("crm", "helpdesk")}
            yield Imported(tenant, first, second, head, tenant.log.after(0, 100_000))
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def impact(imported: Imported) -> Impact:
    """What the draft "an open deal needs an account" would have changed."""
    draft = read_playbook(EXAMPLES / "crm.account-gate.draft.yaml")
    return impact_of(replayed(imported.tenant.log, imported.tenant.vault, draft))


def groups(judged: list[Changed]) -> Counter[tuple[str, str, str]]:
    """Count decisions by what they attempted and every requirement that makes the difference."""
    return Counter((item.move, item.after, name) for item in judged for name in item.requirements)


def records(judged: list[Changed]) -> set[str]:
    """The records decisions are about."""
    return {item.record for item in judged}


def import_into(tenant: Tenant, name: str) -> Report:
    """Publish the playbook of a data set and import it, recording what its gates would have refused."""
    playbook = read_playbook(EXAMPLES / f"{name}.playbook.yaml")
    rights = frozenset(Right)
    publication = PublishPlaybook(playbook)
    tenant.bus.submit(
        Submission(
            command=publication,
            client="test",
            key=name,
            actor="system/operator",
            channel="cli",
            rights=rights,
        )
    )
    mapping = read_mapping(EXAMPLES / f"{name}.mapping.yaml", {name: playbook})
    data = Path(DATA or "") / name
    return run_import(tenant.bus, tenant.vault, playbook, mapping, data, gate_policy="record", rights=rights)


def test_every_row_of_the_crm_is_there(imported):
    """8,800 opportunities, 85 accounts, 41 people, every repair counted."""
    report = imported.first["crm"]
    assert report.rows_read == {"accounts": 85, "sales_teams": 35, "pipeline": 8_800}
    assert report.kinds["account"] == KindCount(opened=85, relations=15)
    assert report.kinds["opportunity"] == KindCount(opened=8_800, moves=6_711, field_edits=6_711)
    assert (report.people, report.teams) == (41, 6)
    assert report.refused == []
    assert report.repairs == {
        "opportunity.product: 'GTXPro' → 'GTX Pro'": 1_480,
        "account.sector: 'technolgy' → 'technology'": 12,
    }
    assert report.waived == {"field:product": 6_711}


def test_the_people_work_where_the_export_says(imported):
    """35 agents with a manager each, 6 managers with a team each, two teams in each region, no name unsealed."""
    joined = [item.event for item in imported.of(PersonJoined)]
    agents = [person for person in joined if person.roles == ["sales_agent"]]
    managers = {person.person: person for person in joined if person.roles == ["sales_manager"]}
    assert (len(agents), len(managers)) == (35, 6)
    assert all(managers[agent.manager].team == agent.team for agent in agents)
    teams = [item.event for item in imported.of(TeamFormed)]
    assert Counter(team.region for team in teams) == {"Central": 2, "East": 2, "West": 2}
    assert {team.name for team in teams} == {"Central", "Central 2", "East", "East 2", "West", "West 2"}
    assert all(SEALED in person.name for person in joined)
    assert all(item.occurred_at is None for item in [*imported.of(PersonJoined), *imported.of(TeamFormed)])


def test_only_the_moments_of_the_export_are_told(imported):
    """500 deals began at an unknown moment in prospecting; the others were first seen engaging."""
    opened = imported.of(RecordOpened, "opportunity/")
    assert Counter((item.event.stage, item.occurred_at is None) for item in opened) == {
        ("prospecting", True): 500,
        ("engaging", False): 8_300,
    }
    closed = imported.of(StageChanged, "opportunity/")
    assert Counter(item.event.after for item in closed) == {"won": 4_238, "lost": 2_473}
    assert all(item.occurred_at.time().isoformat() == "00:00:00" for item in closed)
    assert all(item.occurred_at is None for item in imported.of(RecordOpened, "account/"))


def test_what_closed_deals_hold_is_unknown_until_they_close(imported):
    """The opening lists the fields as unknown, the move to won or lost sets them."""
    unknown = Counter(tuple(item.event.unknown) for item in imported.of(RecordOpened, "opportunity/"))
    assert unknown == {("account", "close_value", "product"): 6_711, (): 2_089}
    edits = imported.of(FieldsChanged, "opportunity/")
    assert all(set(item.event.changes) == {"account", "close_value", "product"} for item in edits)


def test_salespeople_acted_and_everything_came_in_by_import(imported):
    """The actor is the owner; accounts and people came from the import itself."""
    opened = imported.of(RecordOpened, "opportunity/")
    assert all(item.actor == item.event.owner for item in opened)
    assert len({item.actor for item in opened}) == 30
    assert {item.actor for item in imported.of(RecordOpened, "account/")} == {"system/import"}
    assert {
        item.channel for item in imported.events if item.stream.startswith(("opportunity/", "ticket/"))
    } == {"import"}


def test_every_activity_of_the_help_desk_is_there(imported):
    """4,580 cases, 21,348 activities, 944 immediate repeats as re-entries, none dropped."""
    report = imported.first["helpdesk"]
    assert report.rows_read == {"log": 21_348}
    count = report.kinds["ticket"]
    assert (count.opened, count.moves, count.re_entries) == (4_580, 16_768, 944)
    assert count.opened + count.moves == 21_348
    assert (report.people, report.refused, report.waived) == (22, [], {})
    changed = Counter(name for item in imported.of(FieldsChanged, "ticket/") for name in item.event.changes)
    assert changed == {
        "seriousness_2": 84,
        "service_level": 49,
        "customer": 14,
        "service_type": 11,
        "workgroup": 11,
        "product": 4,
    }


@pytest.mark.parametrize("kind", ["opportunity/", "ticket/"])
def test_records_stand_in_the_log_in_the_order_of_their_moments(imported, kind):
    """Unknown moments first."""
    moments = [item.occurred_at for item in imported.of(RecordOpened, kind) + imported.of(StageChanged, kind)]
    by_position = sorted(
        imported.of(RecordOpened, kind) + imported.of(StageChanged, kind), key=lambda item: item.position
    )
    known = [item.occurred_at for item in by_position if item.occurred_at is not None]
    assert known == sorted(known)
    assert all(item.occurred_at is None for item in by_position[: len(moments) - len(known)])


def test_a_second_run_adds_nothing(imported):
    """Every command is answered as the first time."""
    assert imported.tenant.log.head() == imported.head_after_first
    for name, report in imported.second.items():
        assert report.replayed == report.commands == imported.first[name].commands
        assert (report.events, report.refused) == (0, [])


def test_the_published_rules_reproduce_every_decision(imported, impact):
    """8,800 openings and 6,711 moves of deals, 21,348 activities."""
    assert impact.decisions == impact.reproduced == 8_800 + 6_711 + 21_348
    assert impact.different == []
    assert impact.judged == 8_800 + 6_711


def test_the_draft_names_the_open_deals_without_an_account(imported, impact):
    """1,088 at entering engaging and 337 at opening in prospecting; the open ones with an account are not touched."""
    assert {item.verdict for item in impact.changed} == {"newly_refused"}
    assert groups(impact.changed) == {
        ("open", "engaging", "field:account"): 1_088,
        ("open", "prospecting", "field:account"): 337,
    }
    assert len(records(impact.changed)) == 1_425
    prospecting = [item for item in impact.changed if item.after == "prospecting"]
    assert all(item.at is None for item in prospecting)
    with_account = {
        item.stream for item in imported.of(RecordOpened, "opportunity/") if item.event.fields.get("account")
    }
    assert len(with_account) == 501 + 163
    assert not with_account & records(impact.changed)


def test_the_draft_does_not_judge_what_nobody_knows(impact):
    """When the closed deals were engaged nobody wrote down whether they had an account."""
    assert groups(impact.not_judgeable) == {("open", "engaging", "field:account"): 6_711}
