"""Running approvals after another version was published: listed with what would become of each, then moved one by one, or left as they are with every reason."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.given import PLAYBOOKS
from support.sales import a_client, a_submission
from typer.testing import CliRunner

from commands.playbook_file import parse_playbook
from domain.organisation.commands import AddPerson, FormTeam, RemovePerson
from domain.playbook.commands import PublishPlaybook
from domain.record import state as record_state
from domain.record.commands import OpenRecord
from domain.refusals import InvalidCommand, Refusal
from domain.work.commands import DecideApproval, MigrateApproval, RecallApproval, RequestApproval
from infra.cli.main import app
from projections.errors import InvalidQuery
from projections.lists import Ask
from projections.migrating import Which, migrations, movable

BEGIN = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
TEXT = (PLAYBOOKS / "working.yaml").read_text("utf-8")
JOINT = "joint: {label: {zh: 会签, en: Together}, roles: [finance, officer], within_hours: 2}"
SAM, MAX, VERA, FAY, OTTO, LEA = (
    f"person/per_{name}" for name in ("sam", "max", "vera", "fay", "otto", "lea")
)
ONLY_FINANCE = TEXT.replace(
    JOINT, "joint: {label: {zh: 会签, en: Together}, roles: [finance], within_hours: 4}"
)
WITHOUT_TERMS = (
    TEXT[: TEXT.index("      terms:\n        label: {zh: 条款审批")] + TEXT[TEXT.index("      far:\n") :]
)


class Office:
    """A tenant with a simulated clock in which approvals of three deals run."""

    def __init__(self, tenant: Any) -> None:
        self.tenant = tenant
        self.at = BEGIN
        self.publish(TEXT)
        self.do(FormTeam("office", "Head office"))
        for person, manager, roles in (
            (VERA, None, ("vp",)),
            (MAX, VERA, ("seller",)),
            (SAM, MAX, ("seller",)),
            (FAY, VERA, ("finance",)),
            (OTTO, VERA, ("officer",)),
            (LEA, VERA, ("legal",)),
        ):
            self.do(AddPerson(person, person[11:].title(), team="office", manager=manager, roles=roles))
        for number in (1, 2, 3):
            self.do(OpenRecord(f"deal/dea_{number}", {"amount": "100000", "discount": "8"}))
        self.do(RequestApproval("deal/dea_1", "apr_1", "discount"), by=SAM)
        self.do(RequestApproval("deal/dea_2", "apr_2", "terms"), by=SAM)
        self.do(RequestApproval("deal/dea_3", "apr_3", "discount"), by=SAM)

    def publish(self, text: str) -> None:
        self.do(PublishPlaybook(parse_playbook(text, "working.yaml")))

    def do(self, command: Any, *, by: str = "system/operator", **about: Any) -> Any:
        """Let somebody do something a minute later."""
        self.at += timedelta(minutes=1)
        about = about if by.startswith("system/") else about | {"rights": frozenset()}
        return self.tenant.bus.submit(a_submission(command, actor=by, told_time=self.at, **about)).required()

    def would(self, which: Which | None = None, **about: Any) -> list[dict[str, Any]]:
        """What a migration would make of each, all pages of it."""
        self.tenant.catch_up.run()
        found, cursor = [], None
        while True:
            ask = Ask(cursor=cursor, **about)
            page = migrations(self.tenant.reads, ask, which or Which(), self.tenant.migrations.preview).data
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                return found

    def approval(self, number: int) -> Any:
        record = record_state.fold(None, self.tenant.log.stream(f"deal/dea_{number}"))
        return record.approvals[f"apr_{number}"]


@pytest.fixture
def office(a_tenant):
    return Office(a_tenant("migrating", clock="simulated", told_time=BEGIN))


def test_while_everything_runs_under_the_version_in_force_there_is_nothing_to_move(office):
    assert office.would() == []


def test_a_dry_run_shows_the_levels_before_and_after_and_writes_nothing(office):
    """The level in the middle needs one role less and has more time; the others stay. Whoever was asked stays asked."""
    office.do(DecideApproval("deal/dea_1", "apr_1", "approved"), by=MAX)
    office.publish(ONLY_FINANCE)
    head = office.tenant.log.head()
    first, second, third = office.would()
    assert office.tenant.log.head() == head
    assert [item["id"] for item in (first, second, third)] == ["apr_1", "apr_2", "apr_3"], (
        "the oldest request first"
    )
    assert (first["began"]["number"], first["current"]["number"]) == (1, 2)
    assert first["changes"] == [
        {"level": "manager", "change": "same"},
        {
            "level": "joint",
            "change": "changed",
            "differs": [
                {"what": "approvers", "old": {"finance": FAY, "officer": OTTO}, "new": {"finance": FAY}},
                {"what": "quorum", "old": 2, "new": 1},
                {"what": "within_hours", "old": "2", "new": "4"},
            ],
        },
    ]
    assert [level["approvers"] for level in first["levels"]] == [
        {"manager": MAX},
        {"finance": FAY, "officer": OTTO},
    ]
    assert first["levels"][0]["decided"] == {"manager": "approved"}
    assert [level["approvers"] for level in first["would"]] == [{"manager": MAX}, {"finance": FAY}]
    assert first["would"][1]["within_hours"] == "4"
    assert {change["change"] for change in second["changes"]} == {"same"}
    assert (first["chain_label"]["en"], first["requested_by_name"], first["problems"]) == (
        "Special discount",
        "Sam",
        [],
    )


def test_only_what_another_version_changes_of_a_level_is_told(office):
    """One of both is enough, and nobody has to hurry any more; who decides stays, and is not told again."""
    office.publish(
        TEXT.replace(JOINT, "joint: {label: {zh: 会签, en: Together}, roles: [finance, officer], quorum: 1}")
    )
    assert office.would(Which(chain="discount"))[0]["changes"][1]["differs"] == [
        {"what": "quorum", "old": 2, "new": 1},
        {"what": "within_hours", "old": "2", "new": None},
    ]


def test_what_cannot_move_says_everything_in_the_way(office):
    """The chain is gone; and a level that comes in now finds nobody, in either role."""
    office.publish(WITHOUT_TERMS.replace(JOINT, f"{JOINT}\n          law: {{label: {{zh: 法, en: Law}}, roles: [legal, engineer]}}"))  # fmt: skip
    office.do(RemovePerson(LEA))
    first, second, third = office.would()
    assert first["would"] is None
    assert [problem["pointer"] for problem in first["problems"]] == [
        "/approvers/law/legal",
        "/approvers/law/engineer",
    ]
    assert (second["would"], second["chain_label"], second["changes"]) == (None, None, [])
    assert "no chain terms" in second["problems"][0]["message"]
    assert third["problems"] == first["problems"]


def test_a_preview_decides_as_the_bus_would_and_the_move_does_what_it_said(office):
    """One after the other; one that is refused stops none of the others, and is as it was."""
    office.publish(
        WITHOUT_TERMS.replace(JOINT, ONLY_FINANCE[ONLY_FINANCE.index("joint:") :].partition("\n")[0])
    )
    told = {item["id"]: item["would"] for item in office.would()}
    items = movable(office.tenant.reads)
    before = office.approval(2)
    moved = list(office.tenant.migrations.move(items, reason="one role less"))
    assert [(done.item.approval.id, done.event is not None) for done in moved] == [
        ("apr_1", True), ("apr_2", False), ("apr_3", True),
    ]  # fmt: skip
    for done in (moved[0], moved[2]):
        assert [level.as_json() for level in done.levels] == told[done.item.approval.id]
    assert isinstance(moved[1].refusal, InvalidCommand)
    assert office.approval(2) == before
    assert (office.approval(1).number, office.approval(3).number) == (2, 2)
    assert [item["id"] for item in office.would()] == ["apr_2"]
    last = office.tenant.log.stream("deal/dea_1")[-1]
    assert (last.actor, last.reason is not None, last.channel) == ("system/migration", True, "migration")


def test_moving_twice_moves_once(office):
    """Whoever was interrupted runs it again, also from a list that is old by then."""
    office.publish(ONLY_FINANCE)
    office.would()
    items = movable(office.tenant.reads)
    assert len([done for done in office.tenant.migrations.move(items) if done.event]) == 3
    head = office.tenant.log.head()
    again = [*office.tenant.migrations.move(items)]
    assert office.tenant.log.head() == head
    assert all(done.event is not None for done in again), "answered from its key, as it was answered before"
    by_others = [*office.tenant.migrations.move(items, actor="system/operator")]
    assert [done.by_others for done in by_others] == [True, True, True]
    assert office.tenant.log.head() == head


def test_approvals_that_are_over_are_not_listed(office):
    office.do(RecallApproval("deal/dea_1", "apr_1"), by=SAM)
    office.do(DecideApproval("deal/dea_3", "apr_3", "rejected", comment="no"), by=MAX)
    office.publish(ONLY_FINANCE)
    assert [item["id"] for item in office.would()] == ["apr_2"]


def test_they_are_asked_for_by_kind_and_chain_and_come_in_pages(office):
    office.publish(ONLY_FINANCE)
    assert [item["id"] for item in office.would(Which(chain="discount"), limit=1)] == ["apr_1", "apr_3"]
    assert [item["id"] for item in office.would(Which(kind="deal", chain="terms"))] == ["apr_2"]
    assert len(office.would(limit=1)) == 3
    with pytest.raises(InvalidQuery, match="discuont"):
        office.would(Which(chain="discuont"))


def test_a_chain_that_is_gone_can_still_be_asked_for(office):
    """What began under it is what has to be seen to."""
    office.publish(WITHOUT_TERMS)
    assert [item["id"] for item in office.would(Which(chain="terms"))] == ["apr_2"]


def test_a_preview_raises_what_the_command_would_raise(office):
    with pytest.raises(Refusal) as refused:
        office.tenant.migrations.preview(MigrateApproval("deal/dea_1", "apr_9"))
    assert refused.value.code == "not-found"
    assert office.tenant.migrations.preview(MigrateApproval("deal/dea_1", "apr_1")) == ()


def test_a_preview_sees_what_another_process_wrote(office, a_tenant):
    """A cached state that has moved since is no ground for it."""
    office.tenant.migrations.preview(MigrateApproval("deal/dea_1", "apr_1"))
    elsewhere = type(office.tenant)(office.tenant.url, office.tenant.name)
    try:
        office.at += timedelta(minutes=1)
        elsewhere.bus.submit(
            a_submission(
                RecallApproval("deal/dea_1", "apr_1"), actor=SAM, told_time=office.at, rights=frozenset()
            )
        ).required()
    finally:
        elsewhere.close()
    with pytest.raises(InvalidCommand, match="recalled"):
        office.tenant.migrations.preview(MigrateApproval("deal/dea_1", "apr_1"))


def test_over_http_the_dry_run_is_read(a_tenant):
    office = Office(a_tenant("migrating_http", clock="simulated", told_time=BEGIN))
    office.publish(ONLY_FINANCE)
    office.tenant.catch_up.run()
    with a_client(office.tenant) as client:
        page = client.get("/v1/approvals/migrations?chain=discount&limit=1").json()
        assert [item["id"] for item in page["items"]] == ["apr_1"]
        assert page["names"][FAY] == "Fay"
        page = client.get(f"/v1/approvals/migrations?chain=discount&cursor={page['next']}&limit=1").json()
        assert ([item["id"] for item in page["items"]], page["next"]) == (["apr_3"], None)
        wrong = client.get("/v1/approvals/migrations?chain=discuont")
        assert (wrong.status_code, wrong.json()["errors"][0]["suggestion"]) == (400, "discount")
        assert client.get("/v1/approvals/migrations?kind=dael").status_code == 404


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ["would become", "Special discount", "1 → 2"]), ("zh", ["迁移后", "特价审批", "1 → 2"])],
)
def test_on_the_command_line_it_is_tried_and_then_done(office, embedded_home, language, said):
    """The refused ones are listed, and say so by the exit status; the others have moved."""
    office.publish(WITHOUT_TERMS)
    office.tenant.catch_up.run()

    def dealtrail(*words):
        about = ["-l", language, "--tenant", office.tenant.name, "--home", str(embedded_home)]
        return CliRunner().invoke(app, [*about, "approvals", "migrate", *words], env={"COLUMNS": "250"})

    head = office.tenant.log.head()
    tried = dealtrail("--dry-run")
    assert tried.exit_code == 0, tried.output
    assert all(word in tried.stdout for word in said)
    assert "joint (Fay, Otto; 2/2; 2 h)" in tried.stdout
    assert "no chain terms" in tried.stdout
    assert len(json.loads(dealtrail("--dry-run", "--json").stdout)["items"]) == 3
    assert office.tenant.log.head() == head
    done = dealtrail("--json", "--reason", "new version")
    assert done.exit_code == 1, done.output
    told = {item["id"]: item for item in json.loads(done.stdout)}
    assert [told[name]["moved"] for name in ("apr_1", "apr_2", "apr_3")] == [True, False, True]
    assert "no chain terms" in told["apr_2"]["problems"][0]["message"]
    assert office.approval(1).number == 2
    last = dealtrail("--chain", "discount")
    assert last.exit_code == 0, last.output
    assert dealtrail("--cursor", "x").exit_code == 2
