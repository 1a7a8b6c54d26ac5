"""Defect 5 of peers: assignment run twice on the same data gives the same answer, also while leads arrive at once and workers die."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.leads import BEGIN, HEAD, LI, PUBLIC, WANG, ZHAO, Leads

from domain.assigning.events import PoolAssigned
from domain.record.commands import EditFields, OpenRecord
from infra.follower import following
from projections.catch_up import CatchUp


class Killed(BaseException):
    """The process is gone."""


def what_happened(leads: Leads) -> list[tuple[str, str | None, str | None]]:
    """What the pool decided, without the positions and moments at which it did."""
    return [(decided.record, decided.rule, decided.person) for decided in leads.decisions()]


def a_history(tenant) -> Leads:
    """Twelve leads of three industries and two regions; one is edited before anybody looks at it."""
    leads = Leads(tenant)
    for number in range(12):
        region = "西部" if number % 5 == 4 else "华东"
        grade = "key" if number % 4 == 1 else "normal"
        leads.lead(str(number), region=region, industry=("医疗", "电力", "零售")[number % 3], grade=grade)
    leads.do(EditFields("lead/lea_4", {"region": "华东"}))
    return leads


def test_defect_5_assignment_run_twice_on_the_same_data_gives_the_same_answer(a_tenant):
    """Two logs with the same history: the same owners by the same rules, whether the worker follows event by event or comes late."""
    late = a_history(a_tenant("late", clock="simulated", told_time=BEGIN))
    again = a_history(a_tenant("again", clock="simulated", told_time=BEGIN))
    late.settle()
    again.settle()
    assert what_happened(late) == what_happened(again)
    assert {record for record, _, person in what_happened(late) if person} >= {"lead/lea_0", "lead/lea_4"}
    candidates = [[decided.candidates for decided in leads.decisions()] for leads in (late, again)]
    assert candidates[0] == candidates[1]


@pytest.mark.parametrize("place", ["after_apply", "before_commit", "after_commit"])
def test_a_worker_that_is_killed_in_between_assigns_exactly_once(a_tenant, place):
    """It had asked, and its cursor had not moved: the next worker asks again, and the log knows the answer."""
    whole = a_history(a_tenant("whole", clock="simulated", told_time=BEGIN))
    whole.settle()
    killed = a_history(a_tenant(f"killed_{place}", clock="simulated", told_time=BEGIN))

    def die(reached: str) -> None:
        if reached == place:
            raise Killed

    models = [model for model in killed.tenant.catch_up.projections if model.name != "assigning"]
    CatchUp(killed.tenant.pool, killed.tenant.log, models).run()
    for _ in range(3):
        dying = CatchUp(killed.tenant.pool, killed.tenant.log, [killed.tenant.assigning], failpoint=die)
        with pytest.raises(Killed):
            dying.run()
        CatchUp(killed.tenant.pool, killed.tenant.log, models).run()
    killed.settle()
    assert what_happened(killed) == what_happened(whole)
    for stream in {decided.record for decided in killed.decisions()}:
        events = [event.event.TOPIC for event in killed.tenant.log.stream(stream)]
        assert events.count("record.owner-changed.v1") == 1, stream


def test_leads_that_arrive_at_once_are_assigned_one_by_one(a_tenant):
    """Sixteen threads open leads while the worker follows: every lead has one owner, nobody has more than one more than the others."""
    leads = Leads(a_tenant("atonce"))
    streams = [f"lead/lea_{number}" for number in range(24)]
    opening = [OpenRecord(stream, {"region": "华东", "industry": "医疗"}) for stream in streams]
    with following(leads.tenant), ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda command: leads.do(command, actor="system/website"), opening))
    leads.settle()
    owners = [leads.owner(stream) for stream in streams]
    assert sorted(owners.count(person) for person in (LI, WANG, ZHAO)) == [8, 8, 8]
    decided = leads.tenant.log.stream(f"pools/{PUBLIC}")
    assert len(decided) == 24
    # In the order of the log: whoever came first is first.
    opened = {stream: leads.tenant.log.stream(stream)[0].position for stream in streams}
    asked = [event.event.record for event in decided if isinstance(event.event, PoolAssigned)]
    assert asked == sorted(streams, key=opened.__getitem__)
    assert HEAD not in owners


def test_two_workers_assign_each_lead_once(a_tenant, embedded_home):
    """Two followers of one log, as two processes would be: one leads, the other stands by; nothing is assigned twice."""
    leads = Leads(a_tenant("two"))
    with following(leads.tenant), following(leads.tenant):
        streams = [leads.lead(str(number)) for number in range(9)]
    leads.settle()
    assert sorted(leads.owner(stream) for stream in streams) == sorted([LI, WANG, ZHAO] * 3)
    assert len(leads.decisions()) == 9
