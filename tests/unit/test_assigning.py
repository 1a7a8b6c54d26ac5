"""Who gets a record, and why the others do not: sentences, and laws over any history of a pool."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from support.given import NOW, recorded
from support.leads import PUBLIC, leads_playbook

from consumers.assigning.worker import may_find
from domain.assigning.commands import AssignRecord, ClaimRecord, RecycleRecord, ReturnRecord
from domain.assigning.decide import Situation, decide
from domain.assigning.entries import Entries
from domain.assigning.events import PoolAssigned, PoolClaimed, PoolRecycled, PoolReturned
from domain.assigning.places import entered, reached
from domain.assigning.state import PoolState, fold
from domain.events import (
    AbsenceNoted,
    OwnerChanged,
    PersonJoined,
    PersonLeft,
    RecordOpened,
    SkillsSet,
    StageChanged,
    TeamFormed,
)
from domain.naming import ORGANISATION_STREAM, pools_stream
from domain.organisation import state as organisation_state
from domain.playbook.catalogue import Playbooks
from domain.playbook.pools import AssignmentRule, Candidates, Claiming, Fallback, Pool, Strategy
from domain.playbook.published import NOTHING_MAPPED, KindMappings
from domain.record import state as record_state
from domain.record.gates import judged
from domain.refusals import InvalidCommand, NotAllowed
from domain.values import Private, moment_text

PEOPLE = [f"person/per_{name}" for name in ("ann", "bob", "cat", "dan")]
ANN, BOB, CAT, DAN = PEOPLE
EMPTY = PoolState()
LABEL = leads_playbook().document.label


@dataclass(frozen=True)
class Counted:
    """Counts as they are told. Implements `domain.assigning.counting.Counting`."""

    open: Mapping[str, int] = field(default_factory=dict)
    closed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def open_records(self, kind, steps, as_of):
        """How many each person has."""
        assert kind == "lead"
        assert set(steps) == {"assigned", "contacted", "qualified"}
        return self.open

    def last_closed(self, kind, steps, field, value, last, as_of):
        """How the last of each ended."""
        assert (kind, field.names, value, set(steps)) == ("lead", ("region",), "华东", {"won", "lost"})
        return {person: steps[:last] for person, steps in self.closed.items()}


def organised(*events):
    """Four people in the east who know 医疗, and what happened to them."""
    everybody = [TeamFormed("east", "East", "华东"), TeamFormed("inner", "Inner", None, "east")]
    for person in PEOPLE:
        everybody += [
            PersonJoined(person, Private(person, "x"), "east", None, ["sales"]),
            SkillsSet(person, ["医疗"]),
        ]
    return organisation_state.fold(
        None,
        [
            recorded(event, ORGANISATION_STREAM, index + 1)
            for index, event in enumerate([*everybody, *events])
        ],
    )


def away(person, hours=48):
    """The event of an absence that holds now."""
    begins, ends = NOW - timedelta(hours=1), NOW + timedelta(hours=hours)
    return AbsenceNoted(f"abs_{person[-3:]}", person, moment_text(begins), moment_text(ends))


def a_pool(strategy=Strategy.round_robin, *, fallback=None, claim=None, when=None, **rule):
    """A pool of leads with one rule."""
    who = rule.pop("candidates", Candidates(roles=("sales",), region_of="region"))
    rules = {"only": AssignmentRule(label=LABEL, strategy=strategy, candidates=who, **rule)}
    return Pool(label=LABEL, kind="lead", rules=rules, fallback=fallback, claim=claim, when=when)


def a_lead(name="1", owner=None, stage="assigned", **fields):
    """A lead of the east, with its history."""
    stream = f"lead/lea_{name}"
    opened = RecordOpened({"region": "华东", "industry": "医疗", **fields}, stage, owner)
    history = [recorded(opened, stream, 1, at=NOW - timedelta(days=30))]
    return record_state.fold(None, history), history


def situated(
    pool,
    lead=None,
    state=EMPTY,
    people=None,
    counted=Counted(),
    at=NOW,
    who="system/assignment",
    **about,
):
    """Everything a decision stands on."""
    record, history = lead or a_lead()
    shipped = leads_playbook()
    document = shipped.document.model_copy(update={"pools": {PUBLIC: pool, **about.pop("pools", {})}})
    published = replace(shipped, document=document)
    return Situation(
        record=record,
        playbook=document,
        adopts=about.pop("adopts", NOTHING_MAPPED),
        pool=state,
        siblings=about.pop("siblings", ()),
        people=people or organised(),
        counting=counted,
        judge=lambda place: judged(published, place, record, at, lambda *_: None) is True,
        history=history,
        at=at,
        who=who,
        may_organise=about.pop("may_organise", False),
    )


def assigned(situation, attempt=1, as_of=10):
    """What comes of asking; the event of the pool."""
    command = AssignRecord(PUBLIC, situation.record.stream, attempt, as_of)
    events = decide(command, situation)
    assert [kind for kind, _ in events] in ([], ["pool"], ["pool", "record"])
    return events[0][1] if events else None


def why(event):
    """Why each candidate was chosen or passed over."""
    return {item["person"]: item["why"] for item in event.candidates}


def after(state, event, *, position=None, at=NOW, because_of=None):
    """A pool after one more event."""
    version = state.version + 1
    causes = {} if because_of is None else {"causation_id": str(because_of)}
    entry = recorded(event, pools_stream(PUBLIC), version, at=at, position=position or version * 10, **causes)
    return fold(state, [entry])


# ── who gets it ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_owner_changes_in_the_same_command():
    events = decide(AssignRecord(PUBLIC, "lead/lea_1", 1, 10), situated(a_pool()))
    (_, found), (_, changed) = events
    assert changed == OwnerChanged(None, found.person)


def test_turns_go_to_whoever_had_theirs_longest_ago():
    state = PoolState()
    for person in (CAT, ANN, DAN):
        state = after(state, PoolAssigned("lead/lea_0", "only", 1, person))
    found = assigned(situated(a_pool(), state=state))
    assert found.person == BOB
    assert [item["turn"] for item in found.candidates] == [2, None, 1, 3]
    assert (
        assigned(situated(a_pool(), state=after(state, PoolAssigned("lead/lea_0", "only", 1, BOB)))).person
        == CAT
    )


def test_the_fewest_open_ones_get_it():
    found = assigned(situated(a_pool(Strategy.least_open), counted=Counted({ANN: 3, BOB: 2, CAT: 1, DAN: 2})))
    assert found.person == CAT
    assert why(found) == {ANN: "lower", BOB: "lower", CAT: "chosen", DAN: "lower"}
    assert [item["open"] for item in found.candidates] == [3, 2, 1, 2]


def test_the_best_win_rate_of_the_last_three_gets_it_and_whoever_closed_nothing_comes_last():
    """One of one beats two of three; who closed nothing is said to have closed nothing."""
    closed = {ANN: ("won", "won", "lost"), BOB: ("won",), CAT: ("lost", "lost", "lost", "won")}
    found = assigned(situated(a_pool(Strategy.best_win_rate), counted=Counted(closed=closed)))
    assert found.person == BOB
    assert why(found) == {ANN: "lower", BOB: "chosen", CAT: "lower", DAN: "nothing closed"}
    assert [(item["won"], item["closed"]) for item in found.candidates] == [(2, 3), (1, 1), (0, 3), (0, 0)]


def test_ties_are_broken_by_the_record_and_the_attempt():
    """The same each time, and not the same person for every record."""
    chosen = [assigned(situated(a_pool(), a_lead(str(number)))).person for number in range(40)]
    assert chosen == [assigned(situated(a_pool(), a_lead(str(number)))).person for number in range(40)]
    assert set(chosen) == set(PEOPLE)
    attempts = {assigned(situated(a_pool()), attempt=attempt).person for attempt in range(1, 30)}
    assert attempts == set(PEOPLE)


def test_everybody_is_passed_over_for_a_reason():
    """Away, at capacity, the daily limit, another region, a missing skill, had it before, left."""
    state = PoolState()
    for _ in range(2):
        state = after(state, PoolAssigned("lead/lea_0", "only", 1, CAT))
    state = after(state, PoolReturned("lead/lea_1", DAN))
    other = "person/per_other"
    people = organised(away(ANN), PersonJoined(other, Private(other, "x"), None, None, ["sales"]))
    rule = {
        "capacity": 5,
        "per_day": 2,
        "candidates": Candidates(roles=("sales",), region_of="region", skills_of=("industry",)),
    }
    found = assigned(situated(a_pool(**rule), state=state, people=people, counted=Counted({BOB: 5})))
    assert (found.person, found.rule, found.fallback) == (None, None, False)
    assert why(found) == {
        ANN: "away", BOB: "at capacity", CAT: "daily limit", DAN: "had it", other: "not in scope",
    }  # fmt: skip
    (missing,) = [item["missing"] for item in found.candidates if item["person"] == other]
    assert missing == ["region", "skill 医疗"]


def test_who_left_is_named_only_where_they_were_ever_assigned_something():
    state = after(PoolState(), PoolAssigned("lead/lea_0", "only", 1, ANN))
    people = organised(PersonLeft(ANN), PersonLeft(BOB))
    assert why(assigned(situated(a_pool(), state=state, people=people))).keys() == {ANN, CAT, DAN}


def test_teams_below_belong_to_a_team():
    inner = "person/per_inner"
    people = organised(PersonJoined(inner, Private(inner, "x"), "inner", None, ["sales"], region="华东"))
    found = assigned(situated(a_pool(candidates=Candidates(teams=("east",))), people=people))
    assert set(why(found)) == {*PEOPLE, inner}
    found = assigned(situated(a_pool(candidates=Candidates(teams=("inner",))), people=people))
    assert found.person == inner


def test_capacity_counts_what_the_pool_gave_since_the_counts():
    """The counts are as of position 10; what was assigned and claimed after it is added."""
    state = after(PoolState(), PoolAssigned("lead/lea_7", "only", 1, ANN), position=20, because_of=5)
    state = after(state, PoolClaimed("lead/lea_8", ANN), position=22)
    found = assigned(situated(a_pool(capacity=2), state=state), as_of=10)
    assert why(found)[ANN] == "at capacity"
    assert why(assigned(situated(a_pool(capacity=2), state=state), as_of=21))[ANN] != "at capacity"


def test_what_another_pool_of_the_kind_gave_counts_too():
    """Ann is in two pools, and has as many as she may from the other; what she gave back there she has no more."""
    other = after(PoolState(), PoolAssigned("lead/lea_7", "only", 1, ANN), position=20, because_of=5)
    other = after(other, PoolClaimed("lead/lea_8", ANN), position=22)
    found = assigned(situated(a_pool(capacity=2), siblings=(other,)), as_of=10)
    assert why(found)[ANN] == "at capacity"
    assert why(assigned(situated(a_pool(capacity=3), siblings=(other,)), as_of=10))[ANN] != "at capacity"
    back = after(other, PoolReturned("lead/lea_8", ANN), position=24)
    assert why(assigned(situated(a_pool(capacity=2), siblings=(back,)), as_of=10))[ANN] != "at capacity"


@dataclass
class Asked:
    """Remembers what was asked to be counted. Implements `domain.assigning.counting.Counting`."""

    open: list[tuple[str, ...]] = field(default_factory=list)
    closed: list[tuple[tuple[str, ...], object]] = field(default_factory=list)

    def open_records(self, kind, steps, as_of):
        """Nobody has any."""
        self.open.append(steps)
        return {}

    def last_closed(self, kind, steps, field, value, last, as_of):
        """Ann won one when winning had another name, Bob lost one."""
        self.closed.append((steps, field))
        return {ANN: ("signed",), BOB: ("lost",)}


def test_open_records_are_counted_once_a_decision_and_only_for_a_rule_that_is_judged_by_them():
    """Two rules that find nobody, both with a capacity: one count. By turns without a capacity: none, and none is told."""
    nobody = Candidates(roles=("sales",), regions=("华南",))
    limited = {
        name: AssignmentRule(label=LABEL, capacity=3, candidates=nobody) for name in ("first", "second")
    }
    counted = Asked()
    assigned(situated(a_pool().model_copy(update={"rules": limited}), counted=counted))
    assert len(counted.open) == 1
    counted = Asked()
    found = assigned(situated(a_pool(), counted=counted))
    assert counted.open == []
    assert all("open" not in item for item in found.candidates)


def test_what_a_publication_renamed_is_counted_under_the_names_it_had():
    """Steps, the field of the region and its options: records that are older say the old ones."""
    told = KindMappings(
        {"calling": "contacted", "signed": "won", "dropped": "elsewhere"},
        {"area": "region", "colour": None},
        {"region": {"沪": "华东"}, "area": {"东": "华东", "西": None}},
    )
    counted = Asked()
    found = assigned(situated(a_pool(Strategy.best_win_rate, capacity=5), counted=counted, adopts=told))
    ((steps, held),) = counted.closed
    assert set(counted.open[0]) == {"assigned", "contacted", "qualified", "calling"}
    assert set(steps) == {"won", "lost", "signed"}
    assert (held.names, held.options) == (("region", "area"), dict(told.options))
    assert (found.person, found.candidates[0]["won"]) == (ANN, 1)


def test_who_had_it_from_another_pool_of_the_kind_had_it():
    """Whichever pool it was given back to or taken back into."""
    for event in (PoolReturned("lead/lea_1", ANN), PoolRecycled("lead/lea_1", ANN, 15)):
        found = assigned(situated(a_pool(), siblings=(after(PoolState(), event),)))
        assert why(found)[ANN] == "had it"
        assert found.person != ANN


def test_an_older_cause_than_the_last_that_was_asked_about_is_not_counted_as_of():
    """The worker has asked because of position 30, so what was given at 20 is not kept: asked again as of 10 it would be one too few."""
    state = after(PoolState(), PoolAssigned("lead/lea_7", "only", 1, ANN), position=20, because_of=5)
    state = after(state, PoolAssigned("lead/lea_8", "only", 1, ANN), position=31, because_of=30)
    assert state.asked_up_to == 30
    for pools in ({"state": state}, {"siblings": (state,)}):
        situation = situated(a_pool(capacity=2), **pools)
        assert decide(AssignRecord(PUBLIC, "lead/lea_1", 1, 10), situation) == []
        assert assigned(situation, as_of=30).person in PEOPLE
    late = after(state, PoolAssigned("lead/lea_9", "only", 1, BOB), position=40, because_of=10)
    assert (late.asked_up_to, [moved.position for moved in late.recent]) == (30, [31, 40])


def test_the_first_rule_that_applies_and_finds_somebody_decides():
    """One rule does not apply, the next finds nobody, the third finds somebody; the second's judgements are told as well."""
    rules = {
        "no": AssignmentRule(label=LABEL, when="grade = 'key'"),
        "nobody": AssignmentRule(label=LABEL, candidates=Candidates(roles=("sales",), regions=("华南",))),
        "somebody": AssignmentRule(label=LABEL, candidates=Candidates(roles=("sales",))),
    }
    pool = a_pool().model_copy(update={"rules": rules})
    situation = situated(pool)
    found = assigned(replace(situation, judge=lambda place: "no" not in place.split("/")))
    assert found.rule == "somebody"
    assert [item["rule"] for item in found.candidates] == ["nobody"] * 4 + ["somebody"] * 4


# ── nobody, and the fallback ─────────────────────────────────────────────────────────────────────────────────────────


def everybody_away():
    return organised(*[away(person) for person in PEOPLE])


def test_that_nobody_was_found_is_an_event_and_is_said_once():
    found = assigned(situated(a_pool(), people=everybody_away()))
    assert (found.person, set(why(found).values())) == (None, {"away"})
    state = after(PoolState(), found, because_of=10)
    assert state.waiting == ("lead/lea_1",)
    assert assigned(situated(a_pool(), state=state, people=everybody_away()), 2, 11) is None
    assert assigned(situated(a_pool(), state=state), 2, 11).person in PEOPLE


def test_the_fallback_is_marked():
    """A role in turn, a person or their stand-in; nobody where they are away."""
    boss = "person/per_boss"
    people = organised(
        *[away(person) for person in PEOPLE],
        PersonJoined(boss, Private(boss, "x"), "east", None, ["hq_sales"]),
    )
    for fallback in (Fallback(role="hq_sales"), Fallback(person=boss)):
        found = assigned(situated(a_pool(fallback=fallback), people=people))
        assert (found.person, found.fallback, found.rule) == (boss, True, None)
        assert found.candidates[-1] == {"person": boss, "fallback": True, "why": "chosen"}
    found = assigned(situated(a_pool(fallback=Fallback(person=ANN)), people=people))
    assert (found.person, found.fallback, found.candidates[-1]["why"]) == (None, False, "away")


def test_another_pool_takes_what_is_passed_on():
    second = a_pool(candidates=Candidates(roles=("hq_sales",)))
    pool = a_pool(fallback=Fallback(pool="hq"))
    situation = situated(pool, people=everybody_away(), pools={"hq": second})
    found = assigned(situation)
    assert (found.person, found.fallback) == (None, True)
    assert after(PoolState(), found, because_of=10).waiting == ()
    assert list(reached(situation.record, situation.playbook, situation.judge)) == [PUBLIC, "hq"]
    assert entered(situation.record, situation.playbook, situation.judge) == PUBLIC


@pytest.mark.parametrize("lead", [a_lead(owner=ANN), a_lead(stage="won")], ids=["owned", "ended"])
def test_what_somebody_owns_or_what_has_ended_is_left_alone(lead):
    assert assigned(situated(a_pool(), lead)) is None


def test_what_was_asked_because_of_the_same_event_is_not_asked_again():
    """A worker that comes back after a crash finds that it had asked."""
    state = after(PoolState(), PoolAssigned("lead/lea_1", None, 1), because_of=10)
    assert assigned(situated(a_pool(), state=state), 2, 10) is None


def test_only_what_makes_room_or_brings_somebody_lets_what_waits_be_tried_again():
    """What happens to people: every pool. A record that ends or is taken from somebody: the pools of its kind with a capacity."""
    shipped = leads_playbook()
    earlier = replace(
        shipped, number=1, document=shipped.document.model_copy(update={"pools": {"gone": a_pool()}})
    )
    told = KindMappings({"signed": "won"})
    newest = replace(
        shipped,
        number=2,
        document=shipped.document.model_copy(
            update={"pools": {"limited": a_pool(capacity=3), "free": a_pool()}}
        ),
        adopts={"lead": told},
    )
    known = Playbooks(2, {("leads", 1): earlier, ("leads", 2): newest})

    def tried(event, stream="lead/lea_1"):
        return may_find(recorded(event, stream, 1), known)

    assert tried(away(ANN), ORGANISATION_STREAM) == ["free", "gone", "limited"]
    assert tried(OwnerChanged(ANN, None)) == tried(OwnerChanged(ANN, BOB)) == ["limited"]
    assert tried(StageChanged("assigned", "won", "forward")) == ["limited"]
    assert tried(StageChanged("assigned", "signed", "forward")) == ["limited"]
    assert tried(StageChanged("assigned", "contacted", "forward")) == []
    assert tried(OwnerChanged(None, ANN)) == []
    assert tried(RecordOpened({}, "assigned", ANN)) == []
    assert tried(StageChanged("assigned", "won", "forward"), "deal/dea_1") == []


def test_who_waits_is_known_in_the_order_in_which_it_came_to_wait():
    """Whoever gets somebody, by the pool or by their own hand, waits no longer."""
    state = PoolState()
    for name in ("b", "c", "a"):
        state = after(state, PoolAssigned(f"lead/lea_{name}", None, 1))
    state = after(state, PoolAssigned("lead/lea_b", None, 2))
    assert state.waiting == ("lead/lea_b", "lead/lea_c", "lead/lea_a")
    state = after(state, PoolAssigned("lead/lea_b", "only", 3, ANN))
    state = after(state, PoolClaimed("lead/lea_a", BOB))
    assert state.waiting == ("lead/lea_c",)
    assert after(state, PoolAssigned("lead/lea_c", None, 2, fallback=True)).waiting == ()


# ── claiming and giving back ─────────────────────────────────────────────────────────────────────────────────────────

CLAIM = Claiming(per_day=2, recycle_after_days=15)


def test_somebody_claims():
    events = decide(ClaimRecord(PUBLIC, "lead/lea_1"), situated(a_pool(claim=CLAIM), who=ANN))
    assert events == [("pool", PoolClaimed("lead/lea_1", ANN)), ("record", OwnerChanged(None, ANN))]


def test_everything_wrong_with_a_claim_is_named():
    state = PoolState()
    for number in (7, 8):
        state = after(state, PoolClaimed(f"lead/lea_{number}", ANN))
    with pytest.raises(InvalidCommand) as refused:
        decide(
            ClaimRecord(PUBLIC, "lead/lea_1"),
            situated(a_pool(claim=CLAIM), a_lead(owner=BOB, stage="won"), state, who=ANN),
        )
    assert [problem.pointer for problem in refused.value.problems] == ["/record", "/record", ""]
    with pytest.raises(InvalidCommand, match="its rules assign"):
        decide(ClaimRecord(PUBLIC, "lead/lea_1"), situated(a_pool(), who=ANN))
    with pytest.raises(InvalidCommand, match="part of the system"):
        decide(ClaimRecord(PUBLIC, "lead/lea_1"), situated(a_pool(claim=CLAIM)))


def test_a_day_of_claims_is_one_of_the_time_zone():
    """17:00 UTC of the day before is 01:00 in Shanghai; 15:00 is 23:00 the day before."""
    early, late = NOW.replace(hour=17) - timedelta(days=1), NOW.replace(hour=15) - timedelta(days=1)
    for moments, is_refused in (((early, early), True), ((late, early), False)):
        state = PoolState()
        for at in moments:
            state = after(state, PoolClaimed("lead/lea_9", ANN), at=at)
        situation = situated(a_pool(claim=CLAIM), state=state, who=ANN)
        if is_refused:
            with pytest.raises(InvalidCommand, match="2 claims a day"):
                decide(ClaimRecord(PUBLIC, "lead/lea_1"), situation)
        else:
            assert decide(ClaimRecord(PUBLIC, "lead/lea_1"), situation)


def test_the_owner_gives_back_and_somebody_who_may_organise():
    lead, back = a_lead(owner=ANN), ReturnRecord(PUBLIC, "lead/lea_1")
    expected = [("pool", PoolReturned("lead/lea_1", ANN)), ("record", OwnerChanged(ANN, None))]
    assert decide(back, situated(a_pool(), lead, who=ANN)) == expected
    assert decide(back, situated(a_pool(), lead, who=BOB, may_organise=True)) == expected
    with pytest.raises(NotAllowed):
        decide(back, situated(a_pool(), lead, who=BOB))
    assert decide(back, situated(a_pool(), who=ANN)) == []


def test_what_was_touched_lately_is_not_recycled():
    """Fifteen days from the last touch, or from when the owner got it."""
    record, history = a_lead(owner=ANN)
    recycle = RecycleRecord(PUBLIC, "lead/lea_1")
    pool = a_pool(claim=CLAIM)
    recycled = [("pool", PoolRecycled("lead/lea_1", ANN, 15)), ("record", OwnerChanged(ANN, None))]
    assert decide(recycle, situated(pool, (record, history))) == recycled
    handed = recorded(OwnerChanged(ANN, BOB), record.stream, 2, at=NOW - timedelta(days=14))
    assert decide(recycle, situated(pool, (record_state.evolve(record, handed), [*history, handed]))) == []
    assert decide(recycle, situated(a_pool(), (record, history))) == []


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

PERSON = st.sampled_from(PEOPLE)
HISTORIES = st.lists(
    st.tuples(st.sampled_from(["lead", "claim", "back"]), st.integers(0, 5), PERSON), min_size=1, max_size=40
)
ABSENT = st.sets(PERSON, max_size=3)


def played(history, absent, pool, counted):
    """Play a history through the decisions: leads that come in, people who claim and give back. Returns the pool and what was decided."""
    state, owners, decided, position = PoolState(), {}, [], 100
    people = organised(*[away(person) for person in sorted(absent)])
    for index, (what, number, person) in enumerate(history):
        position += 10
        name = str(number) if what != "lead" else f"n{index}"
        stream = f"lead/lea_{name}"
        situation = situated(
            pool, a_lead(name, owners.get(stream)), state, people, counted, who=person, may_organise=True
        )
        match what:
            case "lead":
                entry = state.entry(stream)
                events = decide(AssignRecord(PUBLIC, stream, entry.attempts + 1, position), situation)
            case "claim":
                if owners.get(stream) is not None:
                    continue
                events = decide(ClaimRecord(PUBLIC, stream), situation)
            case _:
                events = decide(ReturnRecord(PUBLIC, stream), situation)
        for kind, event in events:
            position += 1
            if kind == "record":
                owners[stream] = event.after
            else:
                decided.append((state, event))
                state = after(state, event, position=position, because_of=position - 1)
    return state, owners, decided


@settings(max_examples=60, deadline=None)
@for_all(HISTORIES, ABSENT, st.sampled_from(list(Strategy)), st.integers(1, 4))
def test_law_nobody_away_or_over_capacity_is_ever_chosen_and_every_candidate_is_explained(
    history, absent, strategy, capacity
):
    """Whatever was claimed and given back before."""
    counted = Counted({ANN: 1, BOB: 2}, {ANN: ("won",), CAT: ("lost", "won")})
    pool = a_pool(strategy, capacity=capacity, per_day=3, claim=Claiming())
    _, _, decided = played(history, absent, pool, counted)
    for state, event in decided:
        if not isinstance(event, PoolAssigned):
            continue
        assert set(why(event)) == set(PEOPLE)
        assert all({"person", "rule", "why"} <= item.keys() for item in event.candidates)
        assert Counter(why(event).values())["chosen"] == (event.person is not None)
        if event.person is not None:
            assert why(event)[event.person] == "chosen"
            assert event.person not in absent
            (numbers,) = [item for item in event.candidates if item["person"] == event.person]
            assert numbers["open"] < capacity
            assert numbers["today"] < 3
            assert event.person not in state.entry(event.record).had_by
        else:
            assert not {"lower", "nothing closed"} & set(why(event).values())


@settings(max_examples=40, deadline=None)
@for_all(HISTORIES, ABSENT, st.sampled_from(list(Strategy)))
def test_law_assignment_is_a_function_of_the_log(history, absent, strategy):
    """The same history, the same owners, the same explanations; the pool folded from its events is the pool."""
    pool, counted = a_pool(strategy, claim=Claiming()), Counted({ANN: 1}, {BOB: ("won",)})
    first, owners, decided = played(history, absent, pool, counted)
    again, others, repeated = played(history, absent, pool, counted)
    assert (first, owners) == (again, others)
    assert [event for _, event in decided] == [event for _, event in repeated]


@settings(max_examples=40, deadline=None)
@for_all(st.integers(1, 40), ABSENT)
def test_law_turns_are_fair_within_one(leads, absent):
    """Among those who are there, nobody has had two turns more than anybody else."""
    history = [("lead", 0, ANN)] * leads
    _, owners, _ = played(history, absent, a_pool(), Counted())
    counts = [list(owners.values()).count(person) for person in PEOPLE if person not in absent]
    assert sum(counts) == leads
    assert max(counts) - min(counts) <= 1


@for_all(
    st.lists(st.dictionaries(st.integers(0, 2_500).map(str), st.integers(0, 3), max_size=8), max_size=12),
    st.integers(0, 12),
)
def test_law_entries_are_a_mapping_whose_earlier_versions_stay_what_they_were(changes, crowded):
    """Whatever is changed in whichever order, also by more at once than lies beside the others."""
    found, expected, versions = Entries(), {}, []
    crowd = {str(number): 9 for number in range(1_200)}
    for index, told in enumerate(changes):
        change = crowd | told if index == crowded else told
        found, expected = found.changed(change), expected | change
        versions.append((found, dict(expected)))
    for entries, known in versions:
        assert (entries, len(entries), set(entries)) == (known, len(known), set(known))


@settings(max_examples=40, deadline=None)
@for_all(HISTORIES, st.integers(0, 40))
def test_law_a_pool_folded_in_two_steps_is_the_pool_folded_at_once(history, cut):
    _, _, decided = played(history, set(), a_pool(claim=Claiming()), Counted())
    events = [
        recorded(event, pools_stream(PUBLIC), index + 1, position=index + 100, causation_id=str(index + 99))
        for index, (_, event) in enumerate(decided)
    ]
    assert fold(fold(None, events[:cut]), events[cut:]) == fold(None, events)
