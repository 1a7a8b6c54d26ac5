"""Story 4, replayed: before the fix is published, a draft says of every lead that nobody got who would have got it.

The leads of thirty days, on a kept log with the real counts: on the eighth day a patch takes the fallback away, then two people join
without a region and the old ones go. The fix as two drafts: the fallback on again, and, as well, the region of no matter.
"""

from datetime import timedelta
from itertools import pairwise

import pytest
from support.leads import BEGIN, HEAD, HQ, LI, NO_FALLBACK, PUBLIC, WANG, ZHAO, Leads, leads_playbook
from support.pool_histories import ANY_REGION
from support.replaying import view_of

from domain.naming import PLAYBOOKS_STREAM
from domain.organisation.commands import NoteAbsence, RemovePerson, SetSkills
from domain.playbook import catalogue
from domain.playbook.catalogue import as_if_published
from domain.playbook.commands import PublishPlaybook
from projections.replay import Ask, Window
from projections.replay.assignment import replay_assignment

XU, SUN = "person/per_xu", "person/per_sun"


@pytest.fixture
def outage(a_tenant) -> tuple[Leads, list[str]]:
    """Thirty days of a company, and the leads nobody was found for."""
    leads = Leads(a_tenant("outage", clock="simulated", told_time=BEGIN))
    lost = []
    for day in range(30):
        leads.clock = BEGIN + timedelta(days=day)
        match day:
            case 8:
                leads.do(PublishPlaybook(leads_playbook(NO_FALLBACK)))
            case 9:
                for person in (XU, SUN):
                    leads.join(person, person, team=None)
                    leads.do(SetSkills(person, ("医疗",)))
            case 10:
                leads.do(RemovePerson(LI))
                leads.do(RemovePerson(WANG))
                leads.do(NoteAbsence(ZHAO, absence="abs_zhao"))
        streams = [leads.lead(f"{day}_{number}") for number in range(1 + day % 2)]
        leads.settle()
        lost += [stream for stream in streams if leads.owner(stream) is None]
    return leads, lost


def replayed(leads: Leads, draft):
    """The replay of assignment over the thirty days."""
    log, keys = leads.tenant.log, leads.tenant.vault
    view, playbooks = view_of(log), catalogue.fold(None, log.stream(PLAYBOOKS_STREAM))
    head = log.head()
    found = replay_assignment(
        view, playbooks, keys, Ask(Window(0, view.position), draft=as_if_published(playbooks, draft))
    )
    assert log.head() == head
    assert (found.law.different, found.law.reproduced) == ([], found.law.decisions)
    return found.datasets["assignment"].to_dicts(), found.impact


def test_story_4_the_outage_is_replayed_before_the_fix_is_published(outage) -> None:
    """Each lead that nobody got, who would have got it, and how many nobody: 30 under the published rules, none under either draft."""
    leads, lost = outage
    assert len(lost) == 30

    # The fallback on again: headquarters would have got each of them.
    rows, impact = replayed(leads, leads_playbook())
    assert [row["record"] for row in rows if row["nobody_was"]] == lost
    passed = {row["record"]: row for row in rows if row["nobody_was"]}
    taken = {row["record"]: row for row in rows if row["verdict"] == "new"}
    assert {(row["name"], row["verdict"], row["would"], row["why"]) for row in passed.values()} == {
        (PUBLIC, "changed", f"pool {HQ}", "passed on")
    }
    assert [(record, row["person_would"], row["name"]) for record, row in taken.items()] == [
        (record, HEAD, HQ) for record in lost
    ]
    assert impact["nobody"] == {"was": 30, "would": 0}
    assert impact["people"][0] == {"person": HEAD, "was": 0, "would": 30}
    assert impact["people"][1] == {"person": None, "was": 30, "would": 0}
    before = [row for row in rows if row["record"] not in lost]
    assert {row["verdict"] for row in before} == {"unchanged"}

    # The region of no matter as well: the two who joined would have taken turns; what counts for the next is what the draft gave.
    rows, impact = replayed(leads, leads_playbook(*ANY_REGION))
    found = {row["record"]: row for row in rows if row["nobody_was"]}
    assert list(found) == lost
    assert {row["why"] for row in found.values()} == {"was not in scope"}
    got = [found[record]["person_would"] for record in lost]
    assert {*got} == {XU, SUN}
    assert all(one != other for one, other in pairwise(got))
    assert impact["nobody"] == {"was": 30, "would": 0}
    gains = {row["person"]: row["would"] - row["was"] for row in impact["people"]}
    assert (gains[XU] >= 15, gains[SUN] >= 15, gains[None], sum(gains.values())) == (True, True, -30, 0)
