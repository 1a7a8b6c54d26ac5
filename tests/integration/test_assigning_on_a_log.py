"""Assignment on a log that is kept: whoever enters a pool gets an owner, in log order, exactly once."""

from datetime import timedelta

import pytest
from support.leads import BEGIN, HEAD, HQ, LI, NO_FALLBACK, PUBLIC, WANG, ZHAO, Leads, leads_playbook

from domain.assigning.commands import AssignRecord, ClaimRecord, ReturnRecord
from domain.organisation.commands import AddPerson, EndAbsence, GiveDelegation, NoteAbsence, SetSkills
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Right
from domain.record import state as record_state
from domain.record.commands import ChangeOwner, ChangeStage, EditFields, RecordTouch
from domain.refusals import InvalidCommand, NotAllowed, NotFound
from domain.values import moment_text
from projections import people
from projections.as_of import Horizon
from projections.errors import InvalidQuery
from projections.lists import Ask
from projections.pools import Which, assignments, waiting


@pytest.fixture
def leads(a_tenant) -> Leads:
    """A simulated log with the shipped playbook and its people."""
    return Leads(a_tenant("leads", clock="simulated", told_time=BEGIN))


def why(decision):
    """Why each candidate was chosen or passed over."""
    return {item["person"]: item["why"] for item in decision.candidates}


def test_leads_go_round_in_their_region_and_industry(leads):
    """Six leads, three people: two each; everybody who was judged stands in the event, and the owner changed in the same command."""
    streams = [leads.lead(str(number)) for number in range(6)]
    leads.settle()
    owners = [leads.owner(stream) for stream in streams]
    assert sorted(owners) == sorted([LI, WANG, ZHAO] * 2)
    decisions = leads.decisions()
    assert [decision.person for decision in decisions] == owners
    assert {decision.rule for decision in decisions} == {"by_region_and_industry"}
    assert all(set(why(decision)) == {LI, WANG, ZHAO} for decision in decisions)
    (opened, changed) = leads.tenant.log.stream(streams[0])
    (assigned, *_) = leads.tenant.log.stream(f"pools/{PUBLIC}")
    assert (assigned.position + 1, assigned.command_id) == (changed.position, changed.command_id)
    assert (assigned.causation_id, assigned.actor) == (str(opened.position), "system/assignment")


def test_the_stage_and_the_history_stay_when_a_lead_is_handed_over(leads):
    stream = leads.lead("1", needs="CT scanners")
    leads.settle()
    leads.do(ReturnRecord(PUBLIC, stream), actor=leads.owner(stream))
    leads.settle()
    events = leads.tenant.log.stream(stream)
    assert [event.event.TOPIC for event in events] == ["record.opened.v1", *["record.owner-changed.v1"] * 3]
    record = record_state.fold(None, events)
    assert (record.stage, "needs" in record.fields) == ("assigned", True)


def test_a_lead_somebody_opened_for_themself_is_left_alone(leads):
    stream = leads.lead("1")
    leads.do(ChangeOwner(stream, WANG))
    leads.settle()
    assert (leads.owner(stream), leads.decisions()) == (WANG, [])


def test_whoever_is_away_is_passed_over_and_the_event_says_so(leads):
    leads.do(NoteAbsence(LI, absence="abs_1"))
    leads.do(NoteAbsence(WANG, absence="abs_2"))
    owners = {leads.lead(str(number)) for number in range(3)}
    leads.settle()
    assert {leads.owner(stream) for stream in owners} == {ZHAO}
    assert all(why(decision) == {LI: "away", WANG: "away", ZHAO: "chosen"} for decision in leads.decisions())


def test_the_industry_decides_and_otherwise_the_fewest_open(leads):
    """Nobody knows power; the region takes it, whoever has the fewest."""
    leads.do(SetSkills(LI, ("电力",)))
    power = leads.lead("power", industry="电力")
    retail = leads.lead("retail", industry="零售")
    leads.settle()
    assert leads.owner(power) == LI
    first, second = leads.decisions()
    assert (first.rule, second.rule) == ("by_region_and_industry", "by_region")
    assert leads.owner(retail) in {WANG, ZHAO}
    assert [item["open"] for item in second.candidates if item["rule"] == "by_region"] == [1, 0, 0]
    missing = [item["missing"] for item in first.candidates if item["why"] == "not in scope"]
    assert missing == [["skill 电力"]] * 2


def test_what_no_rule_finds_anybody_for_goes_to_the_fallback_and_is_marked(leads):
    stream = leads.lead("1", region="西部")
    leads.settle()
    (passed_on,), (taken,) = leads.decisions(PUBLIC), leads.decisions(HQ)
    assert (passed_on.person, passed_on.fallback, passed_on.rule) == (None, True, None)
    assert (taken.person, taken.rule, leads.owner(stream)) == (HEAD, "at_headquarters", HEAD)


def test_that_nobody_was_found_is_said_once_and_tried_again_when_somebody_comes(leads):
    """Silence would be the outage of story 4."""
    leads.do(PublishPlaybook(leads_playbook(NO_FALLBACK)))
    stream = leads.lead("1", region="西部")
    leads.settle()
    leads.do(EditFields(stream, {"company": "西部医院"}))
    leads.settle()
    (nobody,) = leads.decisions()
    assert (nobody.person, nobody.fallback, leads.owner(stream)) == (None, False, None)
    assert set(why(nobody).values()) == {"not in scope"}
    leads.join("person/per_west", "西", team=None, region="西部")
    leads.settle()
    assert (leads.owner(stream), leads.decisions()[-1].attempt) == ("person/per_west", 2)


def test_who_comes_back_gets_what_nobody_took(leads):
    leads.do(PublishPlaybook(leads_playbook(NO_FALLBACK)))
    for person in (LI, WANG, ZHAO):
        leads.do(NoteAbsence(person, absence=f"abs_{person[-3:]}"))
    stream = leads.lead("1")
    leads.settle()
    assert leads.owner(stream) is None
    leads.do(EndAbsence(WANG, "abs_ang"))
    leads.settle()
    assert leads.owner(stream) == WANG


def test_an_absence_that_is_over_by_time_is_noticed_by_the_clock(leads):
    leads.do(PublishPlaybook(leads_playbook(NO_FALLBACK)))
    for person in (LI, WANG, ZHAO):
        leads.do(NoteAbsence(person, ends=BEGIN + timedelta(days=2), absence=f"abs_{person[-3:]}"))
    stream = leads.lead("1")
    leads.settle()
    assert (leads.tenant.pool_clock.tick(), leads.owner(stream)) == (0, None)
    leads.clock = BEGIN + timedelta(days=3)
    leads.do(AddPerson("person/per_x", "x", team="hq"))
    assert (leads.tenant.pool_clock.tick(), leads.owner(stream) is not None) == (1, True)


def test_capacity_counts_what_the_pool_just_gave(leads):
    """Two open records are the most; the seventh lead finds nobody in the region, though no read model knows of the six yet."""
    two = leads_playbook(("capacity: 60", "capacity: 2"))
    leads.do(PublishPlaybook(two))
    streams = [leads.lead(str(number)) for number in range(7)]
    leads.tenant.catch_up.run()
    owners = [leads.owner(stream) for stream in streams]
    assert sorted(owners[:6]) == sorted([LI, WANG, ZHAO] * 2)
    leads.settle()
    assert leads.owner(streams[6]) == HEAD
    assert set(why(leads.decisions()[-1]).values()) == {"at capacity"}


def test_the_daily_limit_is_of_the_day_of_the_playbook(leads):
    """23:30 in Shanghai and 00:30 are two days, although UTC says one."""
    leads.do(PublishPlaybook(leads_playbook(("per_day: 20", "per_day: 1"), NO_FALLBACK)))
    leads.clock = BEGIN.replace(hour=15, minute=30)
    streams = [leads.lead(str(number)) for number in range(4)]
    leads.settle()
    assert leads.owner(streams[3]) is None
    assert set(why(leads.decisions()[-1]).values()) == {"daily limit"}
    leads.clock = BEGIN.replace(hour=16, minute=30)
    leads.join("person/per_far", "远", team=None)
    leads.settle()
    assert leads.owner(streams[3]) in {LI, WANG, ZHAO}


def test_only_the_worker_assigns(leads):
    stream = leads.lead("1")
    with pytest.raises(NotAllowed):
        leads.do(AssignRecord(PUBLIC, stream, 1, 99), actor=LI)


# ── the public pool ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def wild(a_tenant) -> Leads:
    """A pool without rules: whoever wants a lead claims it, two a day."""
    shipped = leads_playbook(NO_FALLBACK, ("per_day: 10\n      recycle", "per_day: 2\n      recycle"))
    pools = {**shipped.document.pools}
    pools["public_pool"] = pools["public_pool"].model_copy(update={"rules": {}})
    document = shipped.document.model_copy(update={"pools": pools})
    kept = {place: rule for place, rule in shipped.rules.items() if not place.startswith("pools/")}
    published = type(shipped)(document, 0, kept)
    return Leads(a_tenant("wild", clock="simulated", told_time=BEGIN), published=published)


def test_people_claim_up_to_their_limit(wild):
    streams = [wild.lead(str(number)) for number in range(3)]
    wild.settle()
    assert wild.decisions() == []
    for stream in streams[:2]:
        wild.do(ClaimRecord(PUBLIC, stream), actor=LI)
    with pytest.raises(InvalidCommand, match="2 claims a day"):
        wild.do(ClaimRecord(PUBLIC, streams[2]), actor=LI)
    with pytest.raises(InvalidCommand, match="somebody owns it already"):
        wild.do(ClaimRecord(PUBLIC, streams[0]), actor=WANG)
    wild.clock += timedelta(days=1)
    wild.do(ClaimRecord(PUBLIC, streams[2]), actor=LI)
    assert [wild.owner(stream) for stream in streams] == [LI, LI, LI]


BOSS = "person/per_boss"


def test_nobody_gets_past_the_limit_of_the_public_pool_by_a_plain_owner_change(wild):
    """It was never asked about: who had used up their claims made themself the owner, or took it from a colleague they had made the owner."""
    streams = [wild.lead(str(number)) for number in range(3)]
    for stream in streams[:2]:
        wild.do(ClaimRecord(PUBLIC, stream), actor=LI)
    helping_themself = {"actor": LI, "rights": frozenset()}
    for about in (helping_themself, {"actor": "system/crm", "on_behalf_of": LI}):
        with pytest.raises(
            InvalidCommand, match="waits in the public pool 'public_pool': claim it there"
        ) as refused:
            wild.do(ChangeOwner(streams[2], LI), **about)
        assert [problem.pointer for problem in refused.value.problems] == ["/owner"]
    with pytest.raises(InvalidCommand, match=f"{WANG} claims it there, or whoever leads {WANG}"):
        wild.do(ChangeOwner(streams[2], WANG), **helping_themself)
    assert wild.owner(streams[2]) is None
    with pytest.raises(InvalidCommand, match="2 claims a day"):
        wild.do(ClaimRecord(PUBLIC, streams[2]), actor=LI)


def test_who_may_organise_gives_from_the_public_pool_but_helps_themself_by_claiming(wild):
    stream = wild.lead("1")
    organising = {"actor": LI, "rights": frozenset({Right.organise})}
    with pytest.raises(InvalidCommand, match="claim it there"):
        wild.do(ChangeOwner(stream, LI), **organising)
    wild.do(ChangeOwner(stream, WANG), **organising)
    assert wild.owner(stream) == WANG


def test_a_manager_gives_from_the_public_pool_to_whom_they_lead(wild):
    wild.join(BOSS, "总监")
    wild.join("person/per_new", "新", manager=BOSS)
    stream = wild.lead("1")
    asking = {"actor": BOSS, "rights": frozenset()}
    with pytest.raises(InvalidCommand, match="waits in the public pool"):
        wild.do(ChangeOwner(stream, WANG), **asking)
    wild.do(ChangeOwner(stream, "person/per_new"), **asking)
    assert wild.owner(stream) == "person/per_new"


def test_what_waits_in_no_public_pool_is_handed_over_as_ever(wild):
    """What somebody owns, and what has ended; and a program gives as it likes."""
    owned, ended, given = wild.lead("1"), wild.lead("2"), wild.lead("3")
    wild.do(ClaimRecord(PUBLIC, owned), actor=WANG)
    wild.do(ChangeOwner(owned, LI), actor=LI, rights=frozenset())
    wild.do(ChangeStage(ended, "lost", fields={"lost_reason": "price"}))
    wild.do(ChangeOwner(ended, LI), actor=LI, rights=frozenset())
    wild.do(ChangeOwner(given, LI), actor="system/crm")
    assert [wild.owner(stream) for stream in (owned, ended, given)] == [LI, LI, LI]


def test_what_nobody_touches_goes_back_and_its_stage_stays(wild):
    """Fifteen days after the claim, or after the last touch."""
    first, second = wild.lead("1"), wild.lead("2")
    wild.do(ClaimRecord(PUBLIC, first), actor=LI)
    wild.do(ClaimRecord(PUBLIC, second), actor=LI)
    wild.clock += timedelta(days=10)
    wild.do(RecordTouch(second, "tou_1", "call"), actor=LI)
    wild.settle()
    assert wild.tenant.pool_clock.tick() == 0
    wild.clock += timedelta(days=6)
    wild.join("person/per_x", "x")
    wild.settle()
    assert (wild.tenant.pool_clock.tick(), wild.tenant.pool_clock.tick()) == (1, 0)
    assert (wild.owner(first), wild.owner(second)) == (None, LI)
    recycled = wild.tenant.log.stream(f"pools/{PUBLIC}")[-1].event
    assert (recycled.person, recycled.days) == (LI, 15)


def test_only_the_owner_gives_back_and_does_not_get_it_again(leads):
    stream = leads.lead("1")
    leads.settle()
    owner = leads.owner(stream)
    other = next(person for person in (LI, WANG) if person != owner)
    with pytest.raises(NotAllowed):
        leads.do(ReturnRecord(PUBLIC, stream), actor=other, rights=frozenset())
    leads.do(ReturnRecord(PUBLIC, stream), actor=owner)
    leads.settle()
    assert leads.owner(stream) not in {owner, None}
    assert why(leads.decisions()[-1])[owner] == "had it"


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_decided_is_read_by_pool_record_and_person_page_by_page(leads):
    """Newest first; a page is of one position, whatever is decided meanwhile."""
    streams = [leads.lead(str(number)) for number in range(4)]
    leads.settle()
    reads = leads.tenant.reads
    first = assignments(reads, Ask(limit=3), Which(PUBLIC)).data
    leads.lead("later")
    leads.settle()
    second = assignments(reads, Ask(limit=3, cursor=first["next"]), Which(PUBLIC)).data
    told = [item["record"] for item in (*first["items"], *second["items"])]
    assert (told, second["next"]) == (streams[::-1], None)
    (only,) = assignments(reads, Ask(), Which(record=streams[0])).data["items"]
    owner = leads.owner(streams[0])
    assert (only["person"], only["what"], only["rule"]) == (owner, "assigned", "by_region_and_industry")
    mine = assignments(reads, Ask(), Which(PUBLIC, person=owner)).data["items"]
    assert {item["person"] for item in mine} == {owner}
    before = assignments(reads, Ask(Horizon(position=only["position"])), Which(PUBLIC)).data["items"]
    assert [item["record"] for item in before] == [streams[0]]
    with pytest.raises(NotFound) as refused:
        assignments(reads, Ask(), Which("public_pol"))
    assert refused.value.suggestion == PUBLIC


def test_who_waits_is_read_longest_first(wild):
    """A pool that nobody is assigned from shows what can be claimed; what was claimed and what ended waits no longer."""
    streams = [wild.lead(str(number)) for number in range(3)]
    wild.do(ClaimRecord(PUBLIC, streams[0]), actor=LI)
    wild.do(ReturnRecord(PUBLIC, streams[0]), actor=LI)
    wild.do(ClaimRecord(PUBLIC, streams[1]), actor=LI)
    wild.settle()
    items = waiting(wild.tenant.reads, PUBLIC, Ask()).data["items"]
    assert [item["record"] for item in items] == [streams[2], streams[0]]
    assert items[0]["since_position"] < items[1]["since_position"]
    opened, *_, returned = (
        event for stream in (streams[2], streams[0]) for event in wild.tenant.log.stream(stream)
    )
    assert [item["since"] for item in items] == [
        moment_text(event.recorded_at) for event in (opened, returned)
    ]


def test_who_waits_is_read_page_by_page_whatever_is_claimed_meanwhile(wild):
    """Somebody claims a lead of the first page before the second is read: none is left out, none comes twice."""
    streams = [wild.lead(str(number)) for number in range(5)]
    wild.settle()
    first = waiting(wild.tenant.reads, PUBLIC, Ask(limit=2)).data
    wild.do(ClaimRecord(PUBLIC, streams[0]), actor=LI)
    wild.settle()
    second = waiting(wild.tenant.reads, PUBLIC, Ask(limit=2, cursor=first["next"])).data
    third = waiting(wild.tenant.reads, PUBLIC, Ask(limit=2, cursor=second["next"])).data
    pages = [[item["record"] for item in page["items"]] for page in (first, second, third)]
    assert (pages, third["next"]) == ([streams[:2], streams[2:4], streams[4:]], None)
    with pytest.raises(InvalidQuery):
        waiting(wild.tenant.reads, PUBLIC, Ask(cursor=first["next"][:-4]))


def test_a_person_is_shown_with_absences_delegations_and_skills(leads):
    leads.do(NoteAbsence(LI, stand_in=WANG, absence="abs_1"))
    leads.do(GiveDelegation(LI, ZHAO, covers=("approvals",), delegation="del_1"))
    begin = leads.tenant.log.head()
    leads.do(EndAbsence(LI, "abs_1"))
    leads.do(SetSkills(LI, ("电力",)))
    leads.settle()
    shown = people.person(leads.tenant.reads, "per_li").data
    (absence,), (delegation,) = shown["absences"], shown["delegations"]
    assert (absence["absence"], absence["stand_in_name"], absence["ends"] is None) == ("abs_1", "王", False)
    assert (delegation["to"], delegation["covers"], shown["skills"]) == (ZHAO, ["approvals"], ["电力"])
    assert [event["what"] for event in shown["events"]][-4:] == [
        "absence-noted", "delegation-given", "absence-ended", "skills-set",
    ]  # fmt: skip
    net = people.difference(leads.tenant.reads, Horizon(position=begin)).data
    (ended,), (skills,) = net["absences_ended"], net["skills_set"]
    assert (ended["person"], ended["positions"]) == (LI, [begin + 1])
    assert (skills["before"], skills["after"], skills["positions"]) == (["医疗"], ["电力"], [begin + 2])
    assert net["absences_noted"] == net["delegations_given"] == []
