"""Assignment replayed: who would have got which lead under a draft, told on small histories; and what is assumed of everybody else."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from support.leads import HEAD, NO_FALLBACK, PUBLIC, leads_playbook
from support.oracle_assigning import assigned, verdicts
from support.pool_histories import ONE_A_DAY, SELLERS, Company, play, versions

from domain.assigning.commands import ClaimRecord, ReturnRecord
from domain.erasure import EraseSubject, Ground
from domain.organisation.commands import AddPerson, EndAbsence, FormTeam, NoteAbsence, SetSkills
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import ChangeOwner, ChangeStage, EditFields, OpenRecord
from projections.ledger.running import Cancelled

ANN, BOB = SELLERS[:2]
ONE_EACH = ("capacity: 60", "capacity: 1")
HEADQUARTERS_AGAIN = ("per_day: 10", "per_day: 11")
"""The fallback is there as it ships; otherwise the text would be the published one."""

ALL_TO_HEADQUARTERS = ("roles: [sales], region_of: region, skills_of: [industry]", "roles: [hq_sales]")


class Office(Company):
    """Ann and Bob sell 医疗 in the east, and somebody is at headquarters."""

    def __init__(self, *changes: tuple[str, str]) -> None:
        super().__init__()
        self.must(PublishPlaybook(leads_playbook(*changes)))
        self.must(FormTeam("east", "east", region="华东"))
        self.must(FormTeam("hq", "hq", region="总部"))
        for person in (ANN, BOB):
            self.must(AddPerson(person, person, team="east", roles=("sales",)))
            self.must(SetSkills(person, ("医疗",)))
        self.must(AddPerson(HEAD, "head", team="hq", roles=("hq_sales",)))

    def must(self, command, **about):
        """Carry out what is accepted, and let the worker read it."""
        self.clock += timedelta(minutes=1)
        assert self.do(command, **about), command
        self.work()

    def lead(self, name, **fields):
        """A medical lead comes in from the east."""
        stream = f"lead/lea_{name}"
        self.must(
            OpenRecord(stream, {"region": "华东", "industry": "医疗", **fields}), actor="system/website"
        )
        return stream

    def drafted(self, *changes: tuple[str, str], **about):
        """The rows of a replay under another text, by record, in the order they were made."""
        found = assigned(self, leads_playbook(*changes), **about)
        assert (found.law.different, found.law.reproduced) == ([], found.law.decisions)
        return found.datasets["assignment"].to_dicts()


def said(rows, *names):
    """What rows say under some names."""
    return [tuple(row[name] for name in names) for row in rows]


# ── the draft's own choices count ────────────────────────────────────────────────────────────────────────────────────


def test_what_the_draft_gave_counts_for_what_it_gives_next():
    """One open lead each: the third finds nobody in the region any more, although the log gave it to somebody."""
    office = Office(NO_FALLBACK)
    for number in range(3):
        office.lead(number)
    rows = office.drafted(NO_FALLBACK, ONE_EACH)
    assert [row["verdict"] for row in rows] == ["unchanged", "unchanged", "changed"]
    assert (rows[2]["would"], rows[2]["why"]) == ("nobody", "at capacity")
    assert {item["open"] for item in json.loads(rows[2]["candidates_would"])} == {1}


def test_room_made_by_hand_lets_a_draft_give_what_waits_in_its_world_only():
    """The lead that waits under the draft goes to whoever lost one, at that moment: a search only the draft makes."""
    office = Office(NO_FALLBACK)
    first, _, third = (office.lead(number) for number in range(3))
    loser = office.owner(first)
    office.must(ChangeStage(first, "lost", {"lost_reason": "price"}))
    rows = office.drafted(NO_FALLBACK, ONE_EACH)
    last = rows[-1]
    assert said(rows[2:], "record", "verdict", "would", "why") == [
        (third, "changed", "nobody", "at capacity"), (third, "new", loser, "tried again"),
    ]  # fmt: skip
    assert (last["position"], last["person_would"], last["at"]) == (None, loser, office.clock)


def test_turns_are_the_turns_of_the_draft():
    """A draft that knows no turns would have given both to whoever the draw says; the turns of the log are not its own."""
    office = Office()
    office.must(NoteAbsence(BOB, absence="abs_1"))
    office.lead(1)
    office.must(EndAbsence(BOB, "abs_1"))
    office.lead(2)
    office.lead(3)
    assert [office.owner(f"lead/lea_{number}") for number in (1, 2, 3)] == [ANN, BOB, ANN]
    assert verdicts(assigned(office, leads_playbook())) == {"unchanged": 3}
    rows = office.drafted(ALL_TO_HEADQUARTERS)
    assert {row["person_would"] for row in rows} == {HEAD}
    turns = [json.loads(row["chosen"])["turn"] for row in rows]
    assert turns == [None, 1, 2]


def test_a_day_that_begins_lets_a_draft_with_a_daily_limit_go_on():
    """Two a day in all under the draft: the third waits until midnight in Shanghai, when nothing else happens."""
    office = Office(NO_FALLBACK)
    streams = [office.lead(number) for number in range(3)]
    office.clock += timedelta(days=2)
    office.lead("later")
    rows = office.drafted(*ONE_A_DAY)
    waits, found = [row for row in rows if row["record"] == streams[2]]
    assert (waits["would"], waits["why"]) == ("nobody", "daily limit")
    assert (found["verdict"], found["because"]) == ("new", "tried again")
    assert (found["at"].hour, found["at"].minute) == (16, 0)


# ── what stays as it was ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_owner_named_by_hand_ends_what_the_draft_made_of_a_lead():
    """Under the draft headquarters has it; when somebody gives it to Ann, it is Ann's there too, and counts as hers."""
    office = Office(NO_FALLBACK)
    stream = office.lead(1, region="西部")
    assert office.owner(stream) is None
    office.must(ChangeOwner(stream, ANN))
    office.lead(2)
    rows = office.drafted(HEADQUARTERS_AGAIN)
    passed, taken, second = rows
    assert said([passed, taken], "verdict", "would") == [("changed", "pool hq_pool"), ("new", HEAD)]
    opens = {item["person"]: item["open"] for item in json.loads(second["candidates_would"])}
    assert opens == {ANN: 1, BOB: 0}


def test_whoever_has_it_in_the_world_of_the_draft_is_who_gives_it_back():
    """The log gave it to one, the draft to headquarters; returned, it does not go to headquarters again."""
    office = Office()
    stream = office.lead(1)
    office.must(ReturnRecord(PUBLIC, stream))
    first, second = office.drafted(ALL_TO_HEADQUARTERS)
    assert (first["person_would"], first["why"]) == (HEAD, "not a candidate")
    assert json.loads(second["candidates_would"])[0] == {"person": HEAD, "rule": "by_region_and_industry", "why": "had it"}  # fmt: skip
    assert second["person_would"] in {ANN, BOB}


def test_a_claim_stays_a_claim():
    office = Office(NO_FALLBACK)
    stream = office.lead(1, region="西部")
    office.must(ClaimRecord(PUBLIC, stream), actor=BOB)
    office.must(ReturnRecord(PUBLIC, stream))
    rows = office.drafted(HEADQUARTERS_AGAIN)
    assert said(rows, "verdict", "was", "would") == [
        ("changed", "nobody", "pool hq_pool"), ("new", None, HEAD), ("changed", "nobody", "pool hq_pool"), ("new", None, HEAD),
    ]  # fmt: skip


def test_a_search_that_the_draft_made_needless_is_gone():
    """Nobody was found, then somebody came; under the draft the lead had its owner from the beginning."""
    office = Office(NO_FALLBACK)
    stream = office.lead(1, region="西部")
    office.must(AddPerson("person/per_west", "west", roles=("sales",), region="西部"))
    assert office.owner(stream) == "person/per_west"
    rows = office.drafted(HEADQUARTERS_AGAIN)
    assert said(rows, "verdict", "was", "would", "why", "owned_by")[-1] == (
        "gone",
        "person/per_west",
        None,
        "owned already",
        HEAD,
    )


# ── what nobody can judge, and what is not asked ─────────────────────────────────────────────────────────────────────

VIP = (
    ("      needs: {type: text", "      vip: {type: choice, label: {zh: 贵宾, en: VIP}, options: {vip_yes: {zh: 是, en: VIP}}}\n      needs: {type: text"),
    ("when: grade = 'key'", "when: vip = 'vip_yes'"),
)  # fmt: skip


def test_what_no_playbook_asked_for_then_is_not_judgeable_and_stays_as_recorded():
    office = Office()
    office.lead(1, grade="key")
    (row,) = office.drafted(*VIP)
    assert said([row], "verdict", "why", "unknown", "was") == [("not_judgeable", "not known then", ["vip"], row["would"])]  # fmt: skip
    assert row["person_would"] == row["person_was"]


def test_what_rests_on_erased_words_is_said_by_the_law_and_not_judged():
    asks_for_name = ("when: grade = 'key'", "when: contact_name = 'Li'")
    office = Office(asks_for_name)
    stream = office.lead(1, contact_name="Li")
    office.must(EditFields(stream, {"company": "A"}))
    before = assigned(office, leads_playbook(asks_for_name))
    assert (before.law.reproduced, verdicts(before)) == (1, {"unchanged": 1})
    office.must(EraseSubject(stream, Ground.consent_withdrawn))
    after = assigned(office, leads_playbook(asks_for_name))
    assert (after.law.decisions, after.law.erased, after.law.different) == (1, 1, [])
    assert after.datasets["assignment"]["why"].to_list() == ["erased"]


def test_a_scope_keeps_other_leads_as_they_were_and_they_still_count():
    """Only the leads of the south are asked about; those of the east count as recorded."""
    office = Office(NO_FALLBACK)
    office.lead(1)
    west = office.lead(2, region="西部")
    rows = office.drafted(HEADQUARTERS_AGAIN, scope={"region": ("西部",)})
    assert {row["record"] for row in rows} == {west}


def test_without_a_draft_only_the_law_is_told_and_whoever_cancels_is_heard():
    office = Office()
    office.lead(1)
    found = assigned(office)
    assert (found.law.decisions, found.law.reproduced, dict(found.impact), dict(found.datasets)) == (1, 1, {}, {})  # fmt: skip
    with pytest.raises(Cancelled):
        assigned(office, cancelled=lambda: True)


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_figure_of_the_impact_is_a_number_of_rows():
    """Whatever the history and the draft: totals, pools, people, nobody and reasons count rows of the dataset."""
    for seed in (3, 5):
        company = play(seed, 40).company
        for draft in versions()[1:5]:
            found = assigned(company, draft)
            rows, impact = found.datasets["assignment"].to_dicts(), found.impact
            counted = Counter(row["verdict"] for row in rows)
            assert impact["totals"] == {"judged": len(rows), **{name: counted[name] for name in ("unchanged", "changed", "gone", "new", "not_judgeable")}}  # fmt: skip
            for pool in impact["rules"]:
                mine = [row for row in rows if row["name"] == pool["name"]]
                assert pool["was"] == len([row for row in mine if row["was"] is not None])
                assert pool["would"] == len([row for row in mine if row["would"] is not None])
                assert all(pool[name] == len([row for row in mine if row["verdict"] == name]) for name in ("gone", "new", "changed", "not_judgeable"))  # fmt: skip
            assert sum(pool["was"] for pool in impact["rules"]) == sum(row["was"] is not None for row in rows)
            for person in impact["people"]:
                for side in ("was", "would"):
                    name = person["person"] or "nobody"
                    assert person[side] == sum(row[side] == name for row in rows)
            assert {reason["why"]: reason["count"] for reason in impact["why"]} == Counter(row["why"] for row in rows if row["why"])  # fmt: skip
            assert all((row["why"] is None) == (row["verdict"] == "unchanged") for row in rows)
            assert impact["nobody"] == {side: sum(row[side] == "nobody" for row in rows) for side in ("was", "would")}  # fmt: skip


def test_the_reason_is_that_of_the_person_it_was():
    """Beside the chosen one stands how whoever got it was judged by the draft."""
    office = Office()
    office.lead(1)
    got = office.owner("lead/lea_1")
    (row,) = office.drafted(ALL_TO_HEADQUARTERS)
    assert (row["person_was"], row["person_would"], row["passed_over"], row["why"]) == (got, HEAD, None, "not a candidate")  # fmt: skip
    assert json.loads(row["chosen"])["why"] == "chosen"
