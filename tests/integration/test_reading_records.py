"""What can be asked of records: can it move, what is stuck, what happened; what schemas, playbooks and the organisation tell."""

import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from support.sales import ANNA, BEN, HOUR, MORNING, PLAYBOOK, SCAN, Desk, a_client, playbook

from domain.organisation.commands import AddPerson, GrantRole, MovePerson, RemovePerson, RevokeRole
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    EditFields,
    OpenRecord,
    Override,
    RecordTouch,
)
from domain.refusals import GateNotMet, NotFound
from domain.values import moment_text
from projections import people, rulebooks, schemas
from projections.as_of import Horizon
from projections.checking import check_move, check_moves
from projections.errors import InvalidQuery
from projections.lists import Ask
from projections.stuck import Where, stuck
from projections.timeline import timeline

DAY = timedelta(days=1)
JUDGED_BY_TIME = PLAYBOOK.replace(
    "              why: {zh: 小单不报价, en: Small deals are not quoted}\n",
    "              why: {zh: 小单不报价, en: Small deals are not quoted}\n"
    "            noted: {rule: length(note) >= 3, label: {zh: 有备注, en: There is a note}}\n"
    "            waited: {rule: \"days_in_stage() >= 1 AND touches('call', 7) >= 1\", label: {zh: 已等, en: It has waited}}\n",
)
assert JUDGED_BY_TIME != PLAYBOOK


@pytest.fixture
def desk(a_tenant) -> Desk:
    """A simulated log with people, and rules that ask for personal values and for time."""
    desk = Desk(a_tenant("records", clock="simulated", told_time=MORNING))
    desk.do(PublishPlaybook(playbook(JUDGED_BY_TIME)))
    return desk


def caught_up(desk: Desk) -> Any:
    """The answers of a desk, its read models at the head."""
    desk.tenant.catch_up.run()
    return desk.tenant.reads


def later(desk: Desk, **about: float) -> None:
    """Let time go by."""
    desk.clock += timedelta(**about)


# ── can I move? ──────────────────────────────────────────────────────────────────────────────────────────────────────


def attempts(desk: Desk, deal: str, to: str, **about: Any) -> tuple[bool, list[str]]:
    """What the live command says: allowed, and what is unmet."""
    try:
        desk.do(ChangeStage(deal, to), **about)
    except GateNotMet as refusal:
        return False, [item.id for item in refusal.unmet]
    return True, []


def test_the_check_says_what_the_gate_says(desk):
    """A6: the very requirements the live command names, met and unmet, personal values and time among what they ask."""
    combinations = itertools.product([None, "50", "500"], [None, "no", "they wait"], [0, 2], [False, True])
    answers = []
    for number, (amount, note, days, called) in enumerate(combinations):
        name = f"dea_{number}"
        desk.do(OpenRecord(f"deal/{name}", {"amount": amount, "note": note}))
        if called:
            desk.do(RecordTouch(f"deal/{name}", "tou_1", "call"))
        later(desk, days=days)
        desk.do(OpenRecord(f"customer/cus_{number}", {"name": "the clock goes on"}))
        told = check_move(caught_up(desk), "deal", name, "offer").data
        head = desk.tenant.log.head()
        allowed, unmet = attempts(desk, f"deal/{name}", "offer")
        assert (told["allowed"], [item["id"] for item in told["unmet"]]) == (allowed, unmet)
        assert (told["move"], told["as_of_position"]) == ("forward", head)
        asked = {item["id"]: item["met"] for item in told["requirements"]}
        assert set(asked) == {"field:amount", "condition:worth_it", "condition:noted", "condition:waited"}
        assert [name for name, met in asked.items() if not met] == unmet
        assert note is None or f"'{note}'" not in str(told), "what was opened to judge is not shown"
        answers.append(allowed)
    assert answers.count(True) == 1


def test_a_check_says_why_and_in_which_field(desk):
    """Labels and reasons in both languages, and the field somebody has to fill."""
    desk.do(OpenRecord("deal/dea_1", {"amount": "50"}))
    unmet = {item["id"]: item for item in check_move(caught_up(desk), "deal", "dea_1", "offer").data["unmet"]}
    assert unmet["condition:worth_it"]["why"] == {"zh": "小单不报价", "en": "Small deals are not quoted"}
    desk.do(EditFields("deal/dea_1", {"amount": None}))
    unmet = {item["id"]: item for item in check_move(caught_up(desk), "deal", "dea_1", "offer").data["unmet"]}
    assert unmet["field:amount"]["field"] == "amount"
    assert unmet["field:amount"]["label"] == {"zh": "金额", "en": "Amount"}


def test_every_step_is_checked_at_once(desk):
    """Each stage there is, but the one it stands in: forward, skip, back and end, each with what it lacks."""
    desk.do(OpenRecord("deal/dea_1", {"amount": "500", "note": "they wait"}))
    told = {item["to"]: item for item in check_moves(caught_up(desk), "deal", "dea_1").data["items"]}
    assert {name: item["move"] for name, item in told.items()} == {
        "offer": "forward", "won": "skip", "lost": "forward",
    }  # fmt: skip
    assert told["lost"]["allowed"] is True
    assert [item["id"] for item in told["won"]["unmet"]] == ["move:skip", "evidence:scan"]


def test_a_reason_is_asked_for_and_told(desk):
    """A move back needs a reason: without one it is unmet, with one it is not."""
    desk.do(OpenRecord("deal/dea_1"))
    desk.do(ChangeStage("deal/dea_1", "lost"))
    reads = caught_up(desk)
    without = check_move(reads, "deal", "dea_1", "lead").data
    assert [item["id"] for item in without["unmet"]] == ["move:reason"]
    assert check_move(reads, "deal", "dea_1", "lead", has_reason=True).data["allowed"] is True


def test_a_check_leaves_no_trace(desk):
    """Nothing is written: not an event, not a refusal."""
    desk.do(OpenRecord("deal/dea_1"))
    reads, head = caught_up(desk), desk.tenant.log.head()
    assert check_move(reads, "deal", "dea_1", "offer").data["allowed"] is False
    assert desk.tenant.log.head() == head


def test_a_stage_that_is_not_there_is_named_with_the_nearest(desk):
    """As everywhere."""
    desk.do(OpenRecord("deal/dea_1"))
    with pytest.raises(NotFound) as error:
        check_move(caught_up(desk), "deal", "dea_1", "offr")
    assert (error.value.what, error.value.suggestion) == ("stage", "offer")


def test_a_check_on_a_real_clock_reads_the_database(a_tenant):
    """What a command would be decided with: the clock of the database, never that of this process."""
    desk = Desk(a_tenant("clock"))
    desk.do(OpenRecord("deal/dea_1"))
    before = desk.tenant.log.now()
    told = check_move(caught_up(desk), "deal", "dea_1", "offer").data
    assert before <= datetime.fromisoformat(told["decided_at"]) <= desk.tenant.log.now()


# ── what is stuck ────────────────────────────────────────────────────────────────────────────────────────────────────


def stuck_ids(desk: Desk, days: str | None = None, **by: str) -> list[tuple[str, str | None]]:
    """Which deals are stuck, and for how many whole days."""
    where = Where(days, {name: (value,) for name, value in by.items()})
    items = stuck(caught_up(desk), "deal", Ask(), where).data["items"]
    return [(item["id"], None if item["days"] is None else str(int(Decimal(item["days"])))) for item in items]


def test_defect_3_a_deal_created_40_days_ago_and_moved_today_is_not_stale(desk):
    """A peer's defect: age is not standstill. The stage counts from the moment it was entered."""
    desk.do(OpenRecord("deal/dea_old", {"amount": "500", "note": "they wait"}))
    desk.do(OpenRecord("deal/dea_idle", {"amount": "500"}))
    later(desk, days=40)
    desk.do(RecordTouch("deal/dea_old", "tou_1", "call"))
    desk.do(ChangeStage("deal/dea_old", "offer"))
    assert stuck_ids(desk, "5") == [("dea_idle", "40")]
    assert stuck_ids(desk) == [("dea_idle", "40"), ("dea_old", "0")]


def test_defect_9_unknown_start_times_are_unknown_not_invented(desk):
    """A peer's defect: nobody knows since when, so it has no days, comes last, and is counted apart."""
    desk.do(OpenRecord("deal/dea_when"), occurred_at=None)
    desk.do(OpenRecord("deal/dea_known"))
    later(desk, days=10)
    desk.do(OpenRecord("deal/dea_new"))
    assert stuck_ids(desk, "5") == [("dea_known", "10"), ("dea_when", None)]
    told = stuck(desk.tenant.reads, "deal", Ask(), Where("5")).data
    assert (told["records"], told["unknown"]) == (1, 1)
    assert told["by_stage"][0] == {
        "stage": "lead", "label": {"zh": "线索", "en": "Lead"}, "records": 1, "unknown": 1,
    }  # fmt: skip
    (unknown,) = [item for item in told["items"] if item["id"] == "dea_when"]
    assert (unknown["stage_entered_at"], unknown["opened_at"], unknown["days"]) == (None, None, None)


def test_an_edit_or_a_touch_does_not_make_a_stuck_deal_young(desk):
    """Only entering a stage begins its time; the last touch is told beside it."""
    desk.do(OpenRecord("deal/dea_1"))
    later(desk, days=9)
    desk.do(EditFields("deal/dea_1", {"topic": "x"}))
    desk.do(RecordTouch("deal/dea_1", "tou_1", "call"))
    touched_at = moment_text(desk.clock)
    later(desk, days=1)
    desk.do(OpenRecord("deal/dea_2"))
    (item,) = stuck(caught_up(desk), "deal", Ask(), Where("5")).data["items"]
    assert (item["id"], int(Decimal(item["days"])), item["last_touch_at"]) == ("dea_1", 10, touched_at)


def test_stuck_says_who_where_and_what_is_missing(desk):
    """B7: the owner with name and team, the stage with its label, the next step and what it lacks."""
    desk.do(OpenRecord("deal/dea_1", {"amount": "50", "topic": "Pumps"}, owner=ANNA))
    later(desk, days=3)
    desk.do(OpenRecord("deal/dea_2", {"amount": "700"}, owner=BEN))
    item = stuck(caught_up(desk), "deal", Ask(), Where("1")).data["items"][0]
    assert (item["owner"], item["owner_name"], item["team"], item["region"]) == (
        ANNA,
        "Anna Quist",
        "north",
        "north",
    )
    assert (item["title"], item["stage_label"]["en"], item["next_stage"]) == ("Pumps", "Lead", "offer")
    assert [missing["id"] for missing in item["unmet"]] == [
        "condition:worth_it", "condition:noted", "condition:waited",
    ]  # fmt: skip
    assert stuck_ids(desk, owner=BEN) == [("dea_2", "0")]
    assert stuck_ids(desk, team="north") == [("dea_1", "3")]
    assert stuck_ids(desk, region="south", stage="lead") == [("dea_2", "0")]
    assert stuck_ids(desk, stage="offer") == []


def test_what_has_ended_is_not_stuck(desk):
    """A lost deal stands still for good."""
    desk.do(OpenRecord("deal/dea_1"))
    desk.do(ChangeStage("deal/dea_1", "lost"))
    later(desk, days=100)
    desk.do(OpenRecord("customer/cus_1", {"name": "x"}))
    assert stuck_ids(desk) == []


def test_pages_of_stuck_deals_hold_still_and_join(desk):
    """Longest first over pages, the unknown ones after them; a page asked for later is of the same moment."""
    for index in range(5):
        desk.do(OpenRecord(f"deal/dea_{index}"))
        later(desk, days=1)
    for index in range(5, 8):
        desk.do(OpenRecord(f"deal/dea_{index}"), occurred_at=None)
    reads = caught_up(desk)
    found, cursor, moments = [], None, set()
    while True:
        page = stuck(reads, "deal", Ask(cursor=cursor, limit=2), Where("1.5")).data
        found += [item["id"] for item in page["items"]]
        moments.add(page["at"])
        cursor = page["next"]
        if cursor is None:
            break
        later(desk, days=1)
        desk.do(EditFields("deal/dea_0", {"topic": "x"}))
        desk.tenant.catch_up.run()
    assert found == ["dea_0", "dea_1", "dea_2", "dea_3", "dea_5", "dea_6", "dea_7"]
    assert len(moments) == 1


def test_stuck_as_of_then_is_judged_as_it_was(desk):
    """D2: what was missing then, by the touches known then, at the clock of then."""
    desk.do(OpenRecord("deal/dea_1", {"amount": "700", "note": "they wait"}))
    later(desk, days=3)
    desk.do(RecordTouch("deal/dea_1", "tou_1", "call"))
    then = desk.tenant.log.head()
    later(desk, days=30)
    desk.do(EditFields("deal/dea_1", {"amount": "50"}))
    told = stuck(caught_up(desk), "deal", Ask(Horizon(position=then))).data["items"][0]
    assert (int(Decimal(told["days"])), told["unmet"]) == (3, [])
    now = stuck(desk.tenant.reads, "deal", Ask()).data["items"][0]
    assert [item["id"] for item in now["unmet"]] == ["condition:worth_it", "condition:waited"]


@pytest.mark.parametrize("days", ["x", "-1", "1e9", "NaN", "Infinity", "1_0", "٣"])
def test_a_number_of_days_is_asked_for(desk, days):
    """Anything else is explained."""
    with pytest.raises(InvalidQuery, match="days"):
        stuck(caught_up(desk), "deal", Ask(), Where(days))


# ── the timeline ─────────────────────────────────────────────────────────────────────────────────────────────────────


def entries(desk: Desk, order: str = "recorded", name: str = "dea_1", **about: Any) -> list[dict[str, Any]]:
    """The timeline of a deal, all its pages."""
    found, cursor = [], None
    while True:
        page = timeline(caught_up(desk), "deal", name, Ask(cursor=cursor, limit=3, **about), order).data
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            assert len(found) == page["entries"]
            return found


def test_defect_1_two_edits_of_one_field_by_one_person_within_ten_minutes_are_two_entries(desk):
    """A peer's defect: nothing is merged."""
    desk.do(OpenRecord("deal/dea_1", {"topic": "a"}))
    desk.clock -= HOUR - timedelta(minutes=1)
    desk.do(EditFields("deal/dea_1", {"topic": "b"}), actor=ANNA)
    desk.clock -= HOUR - timedelta(minutes=1)
    desk.do(EditFields("deal/dea_1", {"topic": "c"}), actor=ANNA)
    told = [(item["old"], item["new"]) for item in entries(desk) if item["what"] == "field"]
    assert told == [("a", "b"), ("b", "c")]


def test_defect_2_a_save_with_three_changed_fields_shows_three_changes(desk):
    """A peer's defect: one save, three entries, each with its field."""
    desk.do(OpenRecord("deal/dea_1"))
    desk.do(EditFields("deal/dea_1", {"topic": "a", "amount": "5", "heat": "hot"}))
    told = [(item["field"], item["new"]) for item in entries(desk) if item["what"] == "field"]
    assert sorted(told, key=str) == [
        ("amount", {"amount": "5.00", "currency": "EUR"}), ("heat", "hot"), ("topic", "a"),
    ]  # fmt: skip


def test_defect_6_no_entry_is_ever_purged(desk):
    """A peer's defect: the hundredth year is as complete as the first day."""
    desk.do(OpenRecord("deal/dea_1", {"topic": "0"}))
    for year in range(1, 13):
        later(desk, days=700)
        desk.do(EditFields("deal/dea_1", {"topic": str(year)}))
    assert [item["new"] for item in entries(desk) if item["what"] == "field"] == [
        str(n) for n in range(1, 13)
    ]


def test_defect_7_values_are_stored_typed_and_raw(desk):
    """A peer's defect: money is money, an option its name, a moment a moment; no text in some language's format."""
    desk.do(OpenRecord("deal/dea_1", {"amount": "1234567.5", "heat": "hot"}))
    (opened,) = entries(desk)
    assert opened["fields"] == {"amount": {"amount": "1234567.50", "currency": "EUR"}, "heat": "hot"}
    assert opened["recorded_at"].endswith("Z")


def test_every_entry_says_what_caused_it(desk):
    """A changed field as well, which left it out: whoever follows a chain of causes went no further there."""
    desk.do(OpenRecord("deal/dea_1"), causation_id="evt_1", correlation_id="cor_1")
    desk.do(EditFields("deal/dea_1", {"heat": "hot", "amount": "5"}), causation_id="evt_2")
    desk.do(RecordTouch("deal/dea_1", "tou_1", "call"), causation_id="evt_3")
    assert [(item["what"], item["causation_id"], item["correlation_id"]) for item in entries(desk)] == [
        ("opened", "evt_1", "cor_1"),
        ("field", "evt_2", None),
        ("field", "evt_2", None),
        ("touch", "evt_3", None),
    ]


def test_a_forbidden_skip_that_was_waived_is_seen_for_what_it_is(desk):
    """Who waived it, why, and that stages were skipped: on the timeline and among the events; an audit asks for the topic."""
    desk.do(OpenRecord("deal/dea_1", {"amount": "500"}))
    desk.do(AttachEvidence("deal/dea_1", "evi_1", "scan", SCAN, 7, "image/png", "scan.png"))
    with pytest.raises(GateNotMet):
        desk.do(ChangeStage("deal/dea_1", "won"), reason="signed at the fair")
    waiving = Override("trade fair", frozenset({"move:skip"}))
    desk.do(ChangeStage("deal/dea_1", "won", override=waiving), reason="signed at the fair")
    by = {item["what"]: item for item in entries(desk)}
    assert by["refused"]["unmet"] == ["move:skip"]
    assert (by["stage"]["move"], by["stage"]["override"]["waived"]) == ("skip", ["move:skip"])
    assert (by["override"]["name"], by["override"]["waived"]) == ("trade fair", ["move:skip"])
    with a_client(desk.tenant) as client:
        (found,) = client.get("/v1/events?topic=record.gate-overridden").json()["items"]
    assert (found["payload"]["waived"], found["reason"], found["actor"]) == (
        ["move:skip"], "signed at the fair", "system/operator",
    )  # fmt: skip


def test_everything_that_happens_is_on_it(desk):
    """Opening, fields, stages with dwell, touches with notes, evidence, owners, refused attempts with what was unmet, overrides."""
    desk.do(OpenRecord("deal/dea_1", {"topic": "Pumps"}, owner=ANNA), reason="they called")
    with pytest.raises(GateNotMet):
        desk.do(ChangeStage("deal/dea_1", "offer"))
    later(desk, days=2)
    desk.do(RecordTouch("deal/dea_1", "tou_1", "call", note="they want ten"))
    desk.do(
        ChangeStage(
            "deal/dea_1",
            "offer",
            {"amount": "500"},
            override=Override("trusted", frozenset({"condition:noted", "condition:waited"})),
        ),
        reason="an old friend",
    )
    desk.do(AttachEvidence("deal/dea_1", "evi_1", "scan", SCAN, 7, "image/png", "scan.png"))
    desk.do(ChangeOwner("deal/dea_1", BEN))
    told = entries(desk)
    assert [item["what"] for item in told] == [
        "opened", "refused", "touch", "field", "override", "stage", "evidence", "owner",
    ]  # fmt: skip
    by = {item["what"]: item for item in told}
    assert by["refused"]["unmet"] == [
        "field:amount",
        "condition:worth_it",
        "condition:noted",
        "condition:waited",
    ]
    assert (by["touch"]["note"], by["touch"]["label"]["en"]) == ("they want ten", "Call")
    assert (by["stage"]["before"], by["stage"]["after"], by["stage"]["move"]) == ("lead", "offer", "forward")
    assert int(Decimal(by["stage"]["dwell_days"])) == 2
    assert by["stage"]["reason"] == "an old friend"
    assert by["stage"]["override"] == {"name": "trusted", "waived": ["condition:noted"]}
    assert (by["owner"]["before_name"], by["owner"]["after_name"]) == ("Anna Quist", "Ben Okoro")
    assert (by["evidence"]["sha256"], by["evidence"]["file_name"]) == (SCAN, "scan.png")
    assert {(item["playbook"], item["playbook_version"]) for item in told} == {("desk", 2)}
    assert all(
        {"position", "recorded_at", "occurred_at", "actor", "channel", "command_id"} <= set(i) for i in told
    )


def test_an_opening_that_was_refused_is_on_the_timeline_of_what_was_opened_later(desk):
    """Refused openings lie in a stream per kind and day; they are found by the record they were about."""
    with pytest.raises(GateNotMet):
        desk.do(OpenRecord("deal/dea_1", stage="offer"))
    with pytest.raises(GateNotMet):
        desk.do(OpenRecord("deal/dea_2", stage="offer"))
    desk.do(OpenRecord("deal/dea_1"))
    assert [item["what"] for item in entries(desk)] == ["refused", "opened"]


def test_business_order_follows_what_happened_and_recorded_order_the_log(desk):
    """A call logged in the evening comes before what was recorded at noon; an unknown moment stays behind its neighbour."""
    desk.do(OpenRecord("deal/dea_1", {"topic": "a"}))
    opened_at = desk.clock
    later(desk, hours=5)
    desk.do(EditFields("deal/dea_1", {"topic": "b"}))
    desk.do(RecordTouch("deal/dea_1", "tou_x", "call"), occurred_at=None)
    desk.do(RecordTouch("deal/dea_1", "tou_1", "call"), occurred_at=opened_at + HOUR)
    recorded = [item.get("touch") or item["what"] for item in entries(desk)]
    business = [item.get("touch") or item["what"] for item in entries(desk, "business")]
    assert recorded == ["opened", "field", "tou_x", "tou_1"]
    assert business == ["opened", "tou_1", "field", "tou_x"]


def test_dwell_is_unknown_where_a_moment_is(desk):
    """Nothing is invented: neither end of a stay may be unknown."""
    desk.do(OpenRecord("deal/dea_1"), occurred_at=None)
    desk.do(ChangeStage("deal/dea_1", "lost"))
    desk.do(ChangeStage("deal/dea_1", "lead"), reason="again")
    dwell = [item["dwell_days"] for item in entries(desk) if item["what"] == "stage"]
    assert dwell[0] is None
    assert Decimal(dwell[1]) == Decimal("0.041667")


def test_a_timeline_of_then_ends_then(desk):
    """D2: as of a position."""
    desk.do(OpenRecord("deal/dea_1", {"topic": "a"}))
    then = desk.tenant.log.head()
    desk.do(EditFields("deal/dea_1", {"topic": "b"}))
    assert [item["what"] for item in entries(desk, horizon=Horizon(position=then))] == ["opened"]
    with pytest.raises(NotFound):
        entries(desk, horizon=Horizon(position=then - 1))


# ── rules and people ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_schema_tells_what_may_be_written_and_what_each_gate_asks(desk):
    """Types, options with labels, money with its currency, who is personal, and gates by the ids refusals use."""
    told = schemas.schema(caught_up(desk), "deal").data
    properties = told["schema"]["properties"]
    assert told["schema"]["$schema"].endswith("2020-12/schema")
    assert set(properties) == {"topic", "contact", "amount", "note", "heat"}
    assert properties["heat"]["enum"] == ["cold", "warm", "hot", None]
    assert properties["heat"]["x-options"]["hot"] == {"zh": "热", "en": "Hot"}
    assert properties["amount"]["properties"]["currency"] == {"const": "EUR"}
    assert (properties["note"]["x-personal"], properties["topic"]["x-personal"]) == (True, False)
    assert properties["contact"]["x-to"] == "contact"
    offer = next(stage for stage in told["stages"] if stage["name"] == "offer")
    asked = {item["id"]: item for item in offer["enter"]["requirements"]}
    assert set(asked) == {"field:amount", "condition:worth_it", "condition:noted", "condition:waited"}
    assert asked["condition:worth_it"]["rule"] == "amount >= 100"
    assert [item["name"] for item in told["evidence_fields"]] == ["scan"]
    assert {item["kind"] for item in schemas.schemas(desk.tenant.reads).data["items"]} == {
        "customer",
        "contact",
        "deal",
    }
    with pytest.raises(NotFound) as error:
        schemas.schema(desk.tenant.reads, "deel")
    assert error.value.suggestion == "deal"


def test_playbooks_tell_their_versions_with_rules_since_when_and_by_whom(desk):
    """The document, each rule in its words and as its tree; the newest version first."""
    reads = caught_up(desk)
    (one,) = rulebooks.playbooks(reads).data["items"]
    assert (one["name"], one["version"], one["actor"]) == ("desk", 2, "system/operator")
    told = rulebooks.playbook(reads, "desk").data
    assert [(item["version"], item["in_force"]) for item in told["versions"]] == [(2, True), (1, False)]
    first = rulebooks.version(reads, "desk", 1).data
    assert [(rule["place"], rule["rule"]) for rule in first["rules"]] == [
        ("deal/offer/enter/worth_it", "amount >= 100")
    ]
    assert first["rules"][0]["tree"]
    assert (first["in_force"], first["position"]) == (False, 2)
    assert first["document"]["playbook"] == "desk"
    for missing in (lambda: rulebooks.version(reads, "desk", 9), lambda: rulebooks.playbook(reads, "dask")):
        with pytest.raises(NotFound):
            missing()


def test_the_difference_of_an_organisation_between_two_moments(desk):
    """D20: who joined, left, moved, which roles came and went, each with the positions of its events."""
    zoe = "person/per_zoe"
    desk.do(AddPerson(zoe, "Zoe", team="north", roles=("seller",)))
    begin = desk.tenant.log.head()
    began_at = desk.clock
    desk.do(AddPerson("person/per_new", "Noa", team="south"))
    desk.do(MovePerson(ANNA, "south", None))
    desk.do(GrantRole(BEN, "officer"))
    desk.do(RevokeRole(ANNA, "seller"))
    desk.do(RemovePerson(zoe))
    desk.do(GrantRole("person/per_new", "officer"))
    desk.do(RevokeRole("person/per_new", "officer"))
    told = people.difference(caught_up(desk), Horizon(position=begin)).data
    assert [(item["person"], item["name"], item["positions"]) for item in told["joined"]] == [
        ("person/per_new", "Noa", [begin + 1])
    ]
    assert [(item["person"], item["before"]["team"], item["after"]["team"]) for item in told["moved"]] == [
        (ANNA, "north", "south")
    ]
    assert [(item["person"], item["role"], item["positions"]) for item in told["roles_granted"]] == [
        (BEN, "officer", [begin + 3])
    ]
    assert [(item["person"], item["role"]) for item in told["roles_revoked"]] == [(ANNA, "seller")]
    assert [(item["person"], item["positions"]) for item in told["left"]] == [(zoe, [begin + 5])]
    assert [item["position"] for item in told["events"]] == list(range(begin + 1, begin + 8))
    by_moment = people.difference(desk.tenant.reads, Horizon.read(began_at.isoformat())).data
    assert by_moment == told
    nothing = people.difference(desk.tenant.reads, Horizon(position=begin), Horizon(position=begin)).data
    assert nothing["events"] == nothing["joined"] == nothing["left"] == []


def test_people_are_listed_found_and_shown_as_of_then(desk):
    """Names through the lens; a page leads to the next; a person comes with every event about them."""
    reads = caught_up(desk)
    page = people.people(reads, Ask(limit=1)).data
    assert [item["name"] for item in page["items"]] == ["Anna Quist"]
    rest = people.people(reads, Ask(cursor=page["next"], limit=5)).data
    assert ([item["name"] for item in rest["items"]], rest["next"]) == (["Ben Okoro"], None)
    told = people.person(reads, "per_anna").data
    assert (told["team"], told["region"], told["roles"]) == ("north", "north", ["seller"])
    assert [item["what"] for item in told["events"]] == ["joined"]
    with pytest.raises(NotFound) as error:
        people.person(reads, "per_ana")
    assert error.value.suggestion == "per_anna"
    joined = told["events"][0]["position"]
    before = people.whole_organisation(reads, Horizon(position=joined - 1)).data
    assert [item["id"] for item in before["people"]] == []
    assert [item["id"] for item in before["teams"]] == ["north", "south"]
    assert [team["people"] for team in people.teams(reads).data["items"]] == [[ANNA], [BEN]]


@pytest.mark.parametrize(
    "path",
    ["/v1/people", "/v1/people/per_anna", "/v1/teams", "/v1/organisation", "/v1/schemas", "/v1/playbooks"],
)
def test_people_and_rules_have_no_business_time(desk, path):
    """They follow the log: `effective_at` would be answered as if it had been heeded, so it is refused."""
    with a_client(desk.tenant) as client:
        assert client.get(path).status_code == 200
        refused = client.get(path, params={"effective_at": "2020-01-01"})
    assert refused.status_code == 400
    assert "as_of" in refused.json()["errors"][0]["message"]
