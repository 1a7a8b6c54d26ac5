"""When a pool finds nobody, somebody hears of it by name: whom the pool names, else whoever is above those who were passed over."""

from datetime import timedelta

import pytest
from support.deadlines import ANNA, BEN, CARA, DIRK, EVE, MONDAY, the_playbook, the_team
from support.given import recorded

from domain.assigning.alerting import is_alarming, people_alerted
from domain.assigning.events import PoolAssigned
from domain.events import AbsenceNoted, PersonLeft
from domain.labels import Label
from domain.naming import ORGANISATION_STREAM
from domain.organisation import state as organisation_state
from domain.organisation.state import Organisation
from domain.playbook.model import Right, Role
from domain.playbook.pools import Fallback, Pool

ROLES = the_playbook().document.roles
LABEL = Label(zh="池", en="Pool")


def a_pool(**about):
    return Pool(label=LABEL, kind="deal", **about)


def nobody(*judged):
    return PoolAssigned("deal/dea_1", None, 1, candidates=[{"person": who, "why": "away"} for who in judged])


def alerted(event, pool, team=None, roles=ROLES):
    return people_alerted(event, pool, roles, team or the_team(), MONDAY)


def after(*events):
    """The team after something more happened."""
    team = the_team()
    steps = [
        recorded(event, ORGANISATION_STREAM, team.version + index) for index, event in enumerate(events, 1)
    ]
    return organisation_state.fold(team, steps)


def away(person, stand_in=None):
    return AbsenceNoted(f"abs_{person[11:]}", person, "2026-03-01T00:00:00.000000Z", None, stand_in)


def test_a_pool_that_names_nobody_tells_the_managers_of_its_fallback():
    """Not those of everybody who was passed over before it came to that."""
    assert alerted(nobody(ANNA), a_pool(fallback=Fallback(person=DIRK))) == [EVE]
    assert alerted(nobody(ANNA), a_pool(fallback=Fallback(role="seller"))) == [BEN]


def test_without_a_fallback_the_managers_of_everybody_who_was_passed_over_are_told():
    """Each once."""
    assert alerted(nobody(ANNA, DIRK, ANNA), a_pool()) == [BEN, EVE]


def test_a_fallback_with_nobody_above_them_leaves_it_to_the_managers_of_the_others():
    assert alerted(nobody(ANNA), a_pool(fallback=Fallback(person=CARA))) == [BEN]


@pytest.mark.parametrize(
    ("named", "people"),
    [(("vp",), [CARA, DIRK]), (("manager", "vp"), [BEN, CARA, DIRK]), (("seller", "seller"), [ANNA])],
)
def test_a_pool_tells_whom_it_names(named, people):
    assert alerted(nobody(ANNA), a_pool(alert=named)) == people


def test_a_role_nobody_holds_any_more_is_no_reason_for_silence():
    """The managers are told as if nobody had been named."""
    left = after(PersonLeft(ANNA))
    assert alerted(nobody(DIRK), a_pool(alert=("seller",)), left) == [EVE]


def test_where_nobody_was_even_judged_whoever_may_organise_hears_of_it():
    """A pool whose teams are empty has no managers; else whoever has nobody above them does."""
    roles = {**ROLES, "vp": Role(label=LABEL, rights=(Right.organise,))}
    assert alerted(nobody(), a_pool(), roles=roles) == [CARA, DIRK]
    assert alerted(nobody(), a_pool()) == [CARA, EVE]


def test_only_where_nobody_works_here_is_nobody_told():
    assert alerted(nobody(), a_pool(), Organisation()) == []
    everybody = after(*(PersonLeft(person) for person in (ANNA, BEN, CARA, DIRK, EVE)))
    assert alerted(nobody(ANNA), a_pool(alert=("vp",)), everybody) == []


def test_whoever_has_left_is_answered_for_by_the_next_above_them():
    assert alerted(nobody(ANNA), a_pool(), after(PersonLeft(BEN))) == [CARA]


def test_of_whoever_is_away_the_stand_in_hears_it_as_well():
    """Themselves for when they are back; somebody today."""
    assert alerted(nobody(ANNA), a_pool(), after(away(BEN, DIRK))) == [BEN, DIRK]
    assert alerted(nobody(ANNA), a_pool(), after(away(BEN))) == [BEN]


def test_a_pool_that_is_gone_from_its_playbook_alerts_the_managers():
    assert alerted(nobody(ANNA), None) == [BEN]


def test_what_another_pool_takes_over_alarms_nobody_yet():
    """It is looked for there first; only the last of them says that there is nobody."""
    assert is_alarming(nobody())
    assert not is_alarming(PoolAssigned("deal/dea_1", None, 1, fallback=True))
    assert not is_alarming(PoolAssigned("deal/dea_1", "east", 1, person=ANNA))


def test_moments_of_absences_are_those_of_the_event():
    """Whoever was back by then stands for themselves."""
    ended = AbsenceNoted("abs_x", BEN, "2026-02-01T00:00:00.000000Z", "2026-03-01T00:00:00.000000Z", DIRK)
    team = after(ended)
    assert alerted(nobody(ANNA), a_pool(), team) == [BEN]
    earlier = MONDAY - timedelta(days=10)
    assert people_alerted(nobody(ANNA), a_pool(), ROLES, team, earlier) == [BEN, DIRK]
