"""Closed periods, confirmations and sign-offs on a log that is kept: they are sealed, read back as of any position, and followed."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from support.sales import ALL_RIGHTS, ANNA, BEN, MORNING, OPERATOR, PLAYBOOK, Desk, is_whole, playbook

from commands.caller import Caller
from consumers.closing import IndexResult, close_period
from domain.erasure import EraseSubject
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook, SignOffReplay
from domain.record.commands import ConfirmFields, OpenRecord
from domain.refusals import InvalidCommand, NotFound
from projections.as_of import Horizon
from projections.closings import closing, closings
from projections.lists import Ask
from projections.timeline import timeline

MEASURED = (
    PLAYBOOK
    + """
indices:
  phi:
    label: {zh: 过程健康度, en: Process health}
    kind: deal
    components:
      fresh: {label: {zh: 新鲜度, en: Freshness}, measure: freshness, fields: [amount]}
"""
)
CALLER = Caller("main", "job", OPERATOR, rights=ALL_RIGHTS)
DEAL = "deal/dea_1"


@pytest.fixture
def desk(a_tenant) -> Desk:
    """A simulated log with people and an index, three months after its beginning."""
    desk = Desk(a_tenant("closings", clock="simulated", told_time=MORNING))
    desk.do(PublishPlaybook(playbook(MEASURED)))
    desk.do(OpenRecord(DEAL, {"topic": "Pumps", "amount": "250", "note": "call back"}, owner=ANNA))
    desk.clock += timedelta(days=91)
    return desk


def close(desk: Desk, period: str, value: str, **about: Any) -> int:
    """Close a period for Anna and Ben; returns the position."""
    cells = [
        {"owner": ANNA, "value": Decimal(value), "judged": 4},
        {"owner": BEN, "value": None, "judged": 0},
    ]
    computed = IndexResult("desk", 2, desk.tenant.log.head(), cells)
    desk.clock += timedelta(hours=1)
    answer = close_period(desk.tenant.bus, CALLER, "phi", period, computed, told_time=desk.clock, **about)
    (closed,) = answer.events
    return closed.position


def test_what_stands_for_a_period_and_what_stood_before(desk):
    """The standing closing with its cells, and the history with who restated it and why; as of earlier, what stood then."""
    march = close(desk, "2026-03", "83.5")
    april = close(desk, "2026-04", "80")
    restated = close(desk, "2026-03", "81.25", restates=march, reason="a deal was noted late")
    desk.tenant.catch_up.run()
    reads = desk.tenant.reads

    listed = closings(reads, "phi", Ask()).data
    assert [(item["period"], item["position"], item["restated"]) for item in listed["items"]] == [
        ("2026-04", april, 0),
        ("2026-03", restated, 1),
    ]
    assert (listed["next"], listed["index"], listed["simulated"]) == (None, "phi", True)

    shown = closing(reads, "phi", "2026-03").data
    assert (shown["restates"], shown["reason"], shown["kind"]) == (march, "a deal was noted late", "deal")
    assert (shown["playbook"], shown["playbook_version"], shown["rests_on"]) == ("desk", 2, restated - 1)
    assert shown["cells"] == [
        {"owner": ANNA, "value": "81.25", "judged": "4"},
        {"owner": BEN, "value": None, "judged": "0"},
    ]
    assert shown["names"] == {ANNA: "Anna Quist", BEN: "Ben Okoro"}
    assert [told["position"] for told in shown["history"]] == [restated, march]
    assert shown["digest"] == shown["history"][0]["digest"] != shown["history"][1]["digest"]

    before = closing(reads, "phi", "2026-03", Horizon(position=april)).data
    assert (before["position"], before["cells"][0]["value"], len(before["history"])) == (march, "83.5", 1)
    assert is_whole(desk.tenant.url)


def test_a_list_of_closings_is_read_page_by_page(desk):
    """Pages are of one position: what is closed meanwhile is on none of them."""
    for period in ("2026-03", "2026-04"):
        close(desk, period, "80")
    reads = desk.tenant.reads
    first = closings(reads, "phi", Ask(limit=1)).data
    close(desk, "2026-05", "70")
    second = closings(reads, "phi", Ask(limit=1, cursor=first["next"])).data
    assert [item["period"] for item in (*first["items"], *second["items"])] == ["2026-04", "2026-03"]
    assert second["next"] is None


def test_an_index_that_was_never_closed_has_no_closings(desk):
    """One that nobody knows is not there, and neither is a period."""
    assert closings(desk.tenant.reads, "phi", Ask()).data["items"] == []
    with pytest.raises(NotFound) as refused:
        closings(desk.tenant.reads, "phy", Ask())
    assert refused.value.suggestion == "phi"
    for name in ("a/b", "\x00", ""):
        with pytest.raises(NotFound):
            closings(desk.tenant.reads, name, Ask())
    with pytest.raises(NotFound):
        closing(desk.tenant.reads, "phi", "2026-03")


def test_the_name_of_whoever_was_erased_is_gone_from_a_closing(desk):
    """The frozen cells hold ids only, and stay as they are."""
    close(desk, "2026-03", "83.5")
    desk.tenant.catch_up.run()
    before = closing(desk.tenant.reads, "phi", "2026-03").data
    desk.do(EraseSubject(ANNA))
    after = closing(desk.tenant.reads, "phi", "2026-03").data
    assert after["cells"] == before["cells"]
    assert after["digest"] == before["digest"]
    assert after["names"] == {BEN: "Ben Okoro"}


def test_a_confirmation_stands_in_the_timeline_and_changes_no_field(desk):
    """With the labels of its fields; lists and records have the new version."""
    before = desk.tenant.reads
    desk.tenant.catch_up.run()
    shown = before.record("deal", "dea_1").data
    desk.do(ConfirmFields(DEAL, frozenset({"amount", "note"})), reason="by phone", occurred_at=None)
    desk.tenant.catch_up.run()
    now = desk.tenant.reads.record("deal", "dea_1").data
    assert (now["fields"], now["version"]) == (shown["fields"], shown["version"] + 1)
    entry = timeline(desk.tenant.reads, "deal", "dea_1", Ask(), "recorded").data["items"][-1]
    assert (entry["what"], entry["fields"], entry["reason"], entry["occurred_at"]) == (
        "confirmation",
        ["amount", "note"],
        "by phone",
        None,
    )
    assert entry["labels"] == {
        "amount": {"zh": "金额", "en": "Amount"},
        "note": {"zh": "备注", "en": "Note"},
    }
    (event,) = desk.tenant.log.after(0, 100, topics=["record.fields-confirmed.v1"])
    assert event.position == desk.tenant.log.head()
    assert desk.tenant.reads.history("deal", "dea_1").data["items"][-1]["position"] < event.position
    assert is_whole(desk.tenant.url)


def test_a_draft_is_signed_off_and_published_by_its_replay(desk):
    """Two processes: what one signed off, the other publishes; what changed since is refused."""
    draft = playbook(MEASURED.replace("amount >= 100", "amount >= 500"))
    desk.do(DraftPlaybook(draft))
    sign = SignOffReplay("desk", 1, draft.digest, "rep_1", {"after": 0, "upto": 9}, 9, {"newly_refused": 1})
    with pytest.raises(InvalidCommand):
        desk.do(PublishDraft(name="desk", draft=1, replay="rep_1"))
    desk.do(sign, reason="looked at all of them")
    (published,) = desk.do(PublishDraft(name="desk", draft=1, replay="rep_1")).events
    assert published.event.replay == "rep_1"
    desk.do(DraftPlaybook(playbook(MEASURED.replace("amount >= 100", "amount >= 600"))))
    with pytest.raises(InvalidCommand):
        desk.do(PublishDraft(name="desk", draft=2, replay="rep_1"))
    assert desk.tenant.log.after(0, 100, topics=["playbook.replay-signed-off.v1"])[0].stream == "drafts/desk"
    assert is_whole(desk.tenant.url)
