"""The timeline of a record tells approvals by what chain, level and role are called, and by the names of whoever decides."""

from datetime import UTC, datetime

import pytest
from support.given import PLAYBOOKS
from support.sales import a_submission

from commands.playbook_file import read_playbook
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import OpenRecord
from domain.work.commands import DecideApproval, RequestApproval
from projections.lists import Ask
from projections.timeline import timeline

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DEAL, SAM, LEA = "deal/dea_1", "person/per_sam", "person/per_lea"


@pytest.fixture
def tenant(a_tenant):
    made = a_tenant("agreed", clock="simulated", told_time=MONDAY)

    def do(command, actor="system/operator"):
        rights = {} if actor.startswith("system/") else {"rights": frozenset()}
        made.bus.submit(a_submission(command, actor=actor, told_time=MONDAY, **rights)).required()

    do(PublishPlaybook(read_playbook(PLAYBOOKS / "working.yaml")))
    do(FormTeam("office", "Head office"))
    for person, name, role in (
        (SAM, "Sam", "seller"), (LEA, "Lea", "legal"), ("person/per_fay", "Fay", "finance"), ("person/per_otto", "Otto", "officer"),
    ):  # fmt: skip
        do(AddPerson(person, name, team="office", roles=(role,)))
    do(OpenRecord(DEAL, {"amount": "100000", "discount": "8"}))
    do(RequestApproval(DEAL, "apr_1", "terms"), actor=SAM)
    do(DecideApproval(DEAL, "apr_1", "approved"), actor=LEA)
    made.catch_up.run()
    return made


def test_approvals_are_told_by_what_they_are_called(tenant):
    """Once chain, level, role and approvers were ids only."""
    kind = tenant.reads.playbooks().for_kind("deal").kind("deal")
    roles = tenant.reads.playbooks().roles
    chain = kind.approvals["terms"]
    shown = timeline(tenant.reads, "deal", "dea_1", Ask()).data
    entries = {entry["what"]: entry for entry in shown["items"]}
    asked, decided = entries["approval-requested"], entries["approval-decided"]
    assert asked["label"] == chain.label.model_dump()
    assert asked["level_labels"] == {
        level["name"]: chain.levels[level["name"]].label.model_dump() for level in asked["levels"]
    }
    assert asked["role_labels"]["legal"] == roles["legal"].label.model_dump()
    assert shown["names"][LEA] == "Lea"
    assert (decided["chain"], decided["label"]) == ("terms", chain.label.model_dump())
    assert decided["level_label"] == chain.levels[decided["level"]].label.model_dump()
    assert decided["role_label"] == roles["legal"].label.model_dump()
    assert decided["back_to_label"] is None
