"""Limits of assignment on a log that is kept: people in two pools, what was renamed, and how little it asks and writes."""

from datetime import timedelta

import orjson
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from support.leads import BEGIN, HEAD, HQ, LI, NO_FALLBACK, PUBLIC, WANG, ZHAO, Leads, leads_playbook

from domain.assigning.commands import ClaimRecord, ReturnRecord
from domain.assigning.recorded_names import RecordedField
from domain.organisation.commands import EndAbsence, GrantRole, NoteAbsence
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import KindMappings
from domain.record.commands import ChangeOwner, ChangeStage, EditFields
from infra.counting import CountedRecords

HQ_CAPACITY = ("candidates: {roles: [hq_sales]}", "candidates: {roles: [hq_sales]}\n        capacity: 2")


@pytest.fixture
def leads(a_tenant) -> Leads:
    """A simulated log with the shipped playbook and its people."""
    return Leads(a_tenant("limits", clock="simulated", told_time=BEGIN))


def why(decision):
    """Why each candidate was chosen or passed over."""
    return {item["person"]: item["why"] for item in decision.candidates}


def kept(leads, table="commands"):
    """How many commands, or events, the log keeps."""
    with leads.tenant.pool.connection() as connection:
        row = connection.execute(f"SELECT count(*) AS kept FROM dealtrail.{table}").fetchone()
    return row["kept"]


# ── two pools ────────────────────────────────────────────────────────────────────────────────────────────────────────


def in_both_pools(leads, *, head_is_away=False):
    """Li works for the region and for headquarters; the others of the region are away."""
    leads.do(GrantRole(LI, "hq_sales"))
    for person in (WANG, ZHAO, *([HEAD] if head_is_away else [])):
        leads.do(NoteAbsence(person, absence=f"abs_{person[-3:]}"))


def test_what_somebody_gave_back_to_one_pool_is_not_given_to_them_by_another(leads):
    """It falls back to headquarters, where Li works too: whoever else is there gets it."""
    in_both_pools(leads)
    stream = leads.lead("1")
    leads.settle()
    assert leads.owner(stream) == LI
    leads.do(ReturnRecord(PUBLIC, stream), actor=LI)
    leads.settle()
    assert leads.owner(stream) == HEAD
    assert why(leads.decisions(HQ)[-1])[LI] == "had it"


def test_nobody_has_more_than_their_capacity_from_two_pools_together(leads):
    """Four leads at once, two for each pool, and room for two: the worker comes late, so no count knows of any of them. What falls back comes later."""
    leads.do(PublishPlaybook(leads_playbook(("capacity: 60", "capacity: 2"), HQ_CAPACITY)))
    in_both_pools(leads, head_is_away=True)
    regions = ("华东", "西部", "华东", "西部")
    streams = [leads.lead(str(number), region=region) for number, region in enumerate(regions)]
    leads.settle()
    assert [leads.owner(stream) for stream in streams] == [LI, None, LI, None]
    assert why(leads.decisions(HQ)[-1])[LI] == "at capacity"


# ── what a publication renamed ───────────────────────────────────────────────────────────────────────────────────────


def test_records_that_stand_in_a_step_that_was_renamed_count_for_capacity(leads):
    leads.do(PublishPlaybook(leads_playbook(("capacity: 60", "capacity: 2"))))
    older = [leads.lead(str(number)) for number in range(6)]
    leads.settle()
    renamed = leads_playbook(("capacity: 60", "capacity: 2"), ("      assigned:\n", "      incoming:\n"))
    leads.do(PublishPlaybook(renamed, mappings={"lead": KindMappings({"assigned": "incoming"})}))
    seventh = leads.lead("7")
    leads.settle()
    assert sorted(map(leads.owner, older)) == sorted([LI, WANG, ZHAO] * 2)
    assert leads.owner(seventh) == HEAD
    assert set(why(leads.decisions()[-1]).values()) == {"at capacity"}


VALUES = st.none() | st.sampled_from(["a", "b", "c", "gone"])
TOLD = KindMappings(
    fields={"early": "region", "first": "region", "colour": None},
    options={"region": {"gone": "b"}, "early": {"a": "c", "gone": None}},
)


def test_law_a_renamed_field_is_counted_as_the_version_in_force_reads_it(leads):
    """Whatever a record holds under a new name, an old one, or both: SQL counts what `KindMappings.read` reads."""
    counted, name = CountedRecords(leads.tenant.pool), RecordedField.of("region", TOLD)

    @settings(max_examples=40, deadline=None)
    @for_all(
        st.dictionaries(st.sampled_from(["region", "early", "first", "colour"]), VALUES),
        st.sampled_from("abc"),
    )
    def judge(fields, value):
        record = {"owner": LI, "stage": "won", "stage_entered_at": None, "fields": fields}
        with leads.tenant.pool.connection() as connection:
            connection.execute("DELETE FROM dealtrail_read.record_versions WHERE kind = 'some'")
            connection.execute(
                "INSERT INTO dealtrail_read.record_versions (stream, kind, from_position, touches, record)"
                " VALUES ('some/som_1', 'some', 5, 0, %s)",
                (orjson.dumps(record).decode(),),
            )
        found = counted.last_closed("some", ("won",), name, value, 3, 10)
        assert bool(found) == (TOLD.read(fields).get("region") == value)

    judge()


def test_what_is_counted_is_what_stood_at_the_position(leads):
    """Each version counts from its position up to the next; what still holds counts for good."""
    first, second = leads.lead("1"), leads.lead("2")
    for stream, owner in ((first, LI), (second, LI), (first, WANG)):
        leads.do(ChangeOwner(stream, owner))
    leads.settle()
    (_, to_li, to_wang) = leads.tenant.log.stream(first)
    counted = CountedRecords(leads.tenant.pool)

    def as_of(position):
        return counted.open_records("lead", ("assigned",), position)

    assert as_of(to_li.position - 1) == {}
    assert as_of(to_li.position) == {LI: 1}
    assert as_of(to_wang.position - 1) == {LI: 2}
    assert as_of(to_wang.position) == as_of(10**9) == {LI: 1, WANG: 1}


# ── how little it asks and writes ────────────────────────────────────────────────────────────────────────────────────


def test_tries_that_find_nobody_again_change_nothing(leads):
    """Not an event, not a command in the log: whatever happens, and however often the worker and the clock try."""
    leads.do(PublishPlaybook(leads_playbook(NO_FALLBACK)))
    waiting = leads.lead("1", region="西部")
    mine = leads.lead("2")
    leads.settle()
    events, commands = kept(leads, "events"), kept(leads)
    leads.do(ChangeOwner(mine, ZHAO if leads.owner(mine) != ZHAO else LI))
    leads.do(ChangeStage(mine, "lost", fields={"lost_reason": "price"}))
    leads.do(NoteAbsence(WANG, absence="abs_1"))
    leads.do(EndAbsence(WANG, "abs_1"))
    leads.do(EditFields(waiting, {"company": "西部医院"}))
    leads.settle()
    for _ in range(3):
        assert leads.tenant.pool_clock.tick() == 0
    issued = 5
    assert kept(leads) == commands + issued
    assert kept(leads, "events") == events + issued + 1  # the field comes with the move
    assert leads.owner(waiting) is None


def test_a_record_that_ends_makes_room_for_what_waits(leads):
    """By another lead of the kind: what waits for room is tried again as soon as somebody has some."""
    leads.do(PublishPlaybook(leads_playbook(("capacity: 60", "capacity: 1"), NO_FALLBACK)))
    streams = [leads.lead(str(number)) for number in range(4)]
    leads.settle()
    assert leads.owner(streams[3]) is None
    freed = leads.owner(streams[1])
    leads.do(ChangeStage(streams[1], "lost", fields={"lost_reason": "price"}))
    leads.settle()
    assert leads.owner(streams[3]) == freed


def test_the_clock_asks_of_a_record_once_an_hour_and_of_what_has_ended_never(leads, monkeypatch):
    """Both have not been touched for long; one of them is lost, of the other it is not due yet because it was handed over lately."""
    lost, handed = leads.lead("1"), leads.lead("2")
    for stream in (lost, handed):
        leads.do(ClaimRecord(PUBLIC, stream), actor=LI)
    leads.do(ChangeStage(lost, "lost", fields={"lost_reason": "price"}))
    leads.clock += timedelta(days=20)
    leads.do(ChangeOwner(handed, WANG))
    leads.settle()
    asked = []
    recycle = leads.tenant.pool_desk.recycle
    monkeypatch.setattr(
        leads.tenant.pool_desk, "recycle", lambda *about: (asked.append(about[1]), recycle(*about))[1]
    )
    commands = kept(leads)
    for _ in range(3):
        assert leads.tenant.pool_clock.tick() == 0
    assert (asked, kept(leads)) == ([handed], commands)
    leads.clock += timedelta(hours=1)
    leads.join("person/per_x", "x")
    leads.settle()
    leads.tenant.pool_clock.tick()
    assert asked == [handed, handed]


def test_what_is_due_later_the_same_day_goes_back_the_same_day(leads):
    """It was asked about in the morning, in vain; in the evening the fifteen days are over."""
    stream = leads.lead("1")
    leads.do(ClaimRecord(PUBLIC, stream), actor=LI)
    leads.do(ChangeOwner(stream, WANG))
    leads.settle()
    begun = leads.clock
    for after, owner in ((timedelta(days=14, hours=22), WANG), (timedelta(days=15, hours=1), None)):
        leads.clock = begun + after
        leads.join(f"person/per_{after.seconds}", "x", team=None)
        leads.settle()
        leads.tenant.pool_clock.tick()
        assert leads.owner(stream) == owner
