"""Who is away, who stands in, and what people can do."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from support.given import ANNA, BEN, DAY, NOW, ZOE, World, an_organisation, given, recorded

from domain.events import (
    AbsenceEnded,
    AbsenceNoted,
    DelegationEnded,
    DelegationGiven,
    PersonJoined,
    PersonLeft,
    SkillsSet,
)
from domain.naming import ORGANISATION_STREAM
from domain.organisation.commands import (
    EndAbsence,
    EndDelegation,
    GiveDelegation,
    NoteAbsence,
    SetSkills,
)
from domain.organisation.state import evolve
from domain.refusals import AlreadyExists, InvalidCommand, NotAllowed, NotFound
from domain.values import Private, moment_text

CARL, DORA = "person/per_carl", "person/per_dora"
JOINED = [PersonJoined(person, Private(person, "x"), "north") for person in (CARL, DORA)]
SOON, LATER = NOW + DAY, NOW + 10 * DAY


def away(person, stand_in=None, begins=NOW - DAY, ends=LATER, absence=None):
    """The event of an absence."""
    ends = None if ends is None else moment_text(ends)
    return AbsenceNoted(absence or f"abs_{person[-4:]}", person, moment_text(begins), ends, stand_in)


def delegated(person, to, covers=("approvals", "work"), begins=NOW - DAY, ends=None):
    """The event of a delegation."""
    ends = None if ends is None else moment_text(ends)
    return DelegationGiven(f"del_{person[-4:]}_{to[-4:]}", person, to, moment_text(begins), ends, [*covers])


def after(world: World, *events, at=NOW) -> World:
    """The same organisation, a moment later."""
    organisation = world.organisation
    for event in events:
        version = organisation.version + 1
        organisation = evolve(organisation, recorded(event, ORGANISATION_STREAM, version, at=at))
    return replace(world, organisation=organisation)


def test_a_person_is_away_from_the_beginning_and_there_again_at_the_end():
    """Both are moments; the end does not belong to the absence."""
    organisation = an_organisation(away(ANNA, begins=SOON, ends=LATER)).organisation
    assert [organisation.is_away(ANNA, at) for at in (SOON - timedelta(microseconds=1), SOON, LATER)] == [
        False,
        True,
        False,
    ]
    assert not organisation.is_away(BEN, SOON)


def test_an_absence_is_noted_with_whoever_stands_in():
    given(an_organisation()).when(NoteAbsence(ANNA, SOON, LATER, BEN, "abs_1")).then(
        AbsenceNoted("abs_1", ANNA, moment_text(SOON), moment_text(LATER), BEN)
    )


def test_an_absence_without_a_beginning_begins_now():
    given(an_organisation()).when(NoteAbsence(ANNA, absence="abs_1")).then(
        AbsenceNoted("abs_1", ANNA, moment_text(NOW))
    )


@pytest.mark.parametrize(
    "command",
    [
        NoteAbsence(ANNA, absence="abs_1"),
        GiveDelegation(ANNA, BEN, delegation="del_1"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_people_say_themselves_that_they_are_away(command):
    """Their own absence and delegation need no right; those of others do."""
    assert given(an_organisation().asked_by(ANNA)).when(command).event.person == ANNA
    given(an_organisation().asked_by(BEN)).when(command).refuses(NotAllowed, saying="organise")


def test_nobody_sets_their_own_skills():
    """Leads are assigned by skills, so they are facts of the organisation."""
    given(an_organisation().asked_by(ANNA)).when(SetSkills(ANNA, ("医疗",))).refuses(NotAllowed)


def test_everything_wrong_with_an_absence_is_named():
    given(an_organisation()).when(NoteAbsence(ANNA, LATER, SOON, ZOE, "abs 1")).refuses(
        InvalidCommand, problems=["/id", "/ends", "/stand_in"]
    )
    given(an_organisation()).when(NoteAbsence(ANNA, stand_in=ANNA, absence="abs_1")).refuses(
        InvalidCommand, problems=["/stand_in"], saying="themself"
    )


def test_who_is_away_themself_cannot_stand_in():
    """The refusal says until when."""
    world = an_organisation(away(BEN, ends=LATER))
    given(world).when(NoteAbsence(ANNA, stand_in=BEN, absence="abs_1")).refuses(
        InvalidCommand, problems=["/stand_in"], saying=moment_text(LATER)
    )
    given(world).when(NoteAbsence(ANNA, LATER, None, BEN, "abs_1")).then(
        AbsenceNoted("abs_1", ANNA, moment_text(LATER), None, BEN)
    )


def test_a_circle_of_stand_ins_is_refused():
    """Anna for Ben, Ben for Carl, Carl for Anna: nobody would be left."""
    world = an_organisation(*JOINED, away(BEN, ANNA, begins=SOON), away(CARL, BEN, begins=SOON))
    given(world).when(NoteAbsence(ANNA, NOW, LATER, CARL, "abs_1")).refuses(
        InvalidCommand, problems=["/stand_in"], saying="circle"
    )
    given(world).when(NoteAbsence(ANNA, LATER, None, CARL, "abs_1")).then(
        AbsenceNoted("abs_1", ANNA, moment_text(LATER), None, CARL)
    )


def test_everything_wrong_with_a_delegation_is_named():
    command = GiveDelegation(ANNA, ANNA, LATER, SOON, ("aprovals",), "")
    given(an_organisation()).when(command).refuses(
        InvalidCommand, problems=["/id", "/ends", "/to", ("/covers/0", "approvals")]
    )
    given(an_organisation()).when(GiveDelegation(ANNA, ZOE, covers=(), delegation="del_1")).refuses(
        InvalidCommand, problems=["/to", "/covers"]
    )


def test_an_absence_ends_once():
    """What is over already does not end again; what nobody noted is named."""
    world = an_organisation(away(ANNA, absence="abs_1", ends=None))
    given(world).when(EndAbsence(ANNA, "abs_1")).then(AbsenceEnded("abs_1", ANNA))
    given(after(world, AbsenceEnded("abs_1", ANNA))).when(EndAbsence(ANNA, "abs_1")).changes_nothing()
    given(world).when(EndAbsence(BEN, "abs_1")).refuses(NotFound)
    given(world).when(EndAbsence(ANNA, "abs_2")).refuses(NotFound, saying="abs_1")
    given(world).when(NoteAbsence(ANNA, absence="abs_1")).refuses(AlreadyExists)


def test_who_came_back_early_is_there():
    world = after(an_organisation(away(ANNA, absence="abs_1")), AbsenceEnded("abs_1", ANNA))
    assert not world.organisation.is_away(ANNA, NOW)


def test_a_delegation_is_taken_back():
    world = an_organisation(delegated(ANNA, BEN))
    (name,) = world.organisation.delegations
    given(world).when(EndDelegation(ANNA, name)).then(DelegationEnded(name, ANNA))
    given(after(world, DelegationEnded(name, ANNA))).when(EndDelegation(ANNA, name)).changes_nothing()
    given(world).when(EndDelegation(BEN, name)).refuses(NotFound)
    given(world).when(GiveDelegation(ANNA, BEN, delegation=name)).refuses(AlreadyExists)


def test_whoever_is_there_stands_for_themself():
    """A delegation takes effect only while the person is not there."""
    assert an_organisation(delegated(ANNA, BEN)).organisation.stand_in_for(ANNA, NOW) == ANNA


def test_the_stand_in_of_the_absence_comes_before_a_delegation():
    organisation = an_organisation(*JOINED, delegated(ANNA, BEN), away(ANNA, CARL)).organisation
    assert organisation.stand_in_for(ANNA, NOW) == CARL


def test_a_delegation_takes_over_what_it_covers():
    organisation = an_organisation(delegated(ANNA, BEN, ["approvals"]), away(ANNA)).organisation
    assert organisation.stand_in_for(ANNA, NOW, "approvals") == BEN
    assert organisation.stand_in_for(ANNA, NOW, "work") is None


def test_stand_ins_who_are_away_have_theirs_followed():
    organisation = an_organisation(*JOINED, away(ANNA, BEN), away(BEN, CARL)).organisation
    assert organisation.stand_in_for(ANNA, NOW) == CARL


def test_stand_ins_are_followed_five_times_at_most():
    people = [f"person/per_{number}" for number in range(7)]
    joined = [PersonJoined(person, Private(person, "x")) for person in people]
    chain = [away(who, next_one) for who, next_one in pairwise(people)]
    organisation = an_organisation(*joined, *chain).organisation
    assert organisation.stand_in_for(people[1], NOW) == people[6]
    assert organisation.stand_in_for(people[0], NOW) is None


def test_nobody_is_left_in_a_circle():
    """A circle can still come about through delegations; it has no end, so nobody is found."""
    organisation = an_organisation(
        away(ANNA), away(BEN), delegated(ANNA, BEN), delegated(BEN, ANNA)
    ).organisation
    assert organisation.stand_in_for(ANNA, NOW) is None


def test_nobody_stands_in_for_who_left_and_who_left_stands_in_for_nobody():
    organisation = an_organisation(away(ANNA, BEN), delegated(ZOE, ANNA)).organisation
    assert organisation.stand_in_for(ZOE, NOW) is None
    gone = after(an_organisation(away(ANNA, BEN)), PersonLeft(BEN)).organisation
    assert gone.stand_in_for(ANNA, NOW) is None


def test_skills_are_set_as_a_whole():
    world = an_organisation(SkillsSet(ANNA, ["English"]))
    given(world).when(SetSkills(ANNA, ("电力", "医疗", "电力"))).then(SkillsSet(ANNA, ["医疗", "电力"]))
    given(world).when(SetSkills(ANNA, ("English",))).changes_nothing()
    given(world).when(SetSkills(ANNA, ())).then(SkillsSet(ANNA, []))
    assert world.organisation.skills_of(ANNA) == {"English"}


def test_everything_wrong_with_skills_is_named():
    given(an_organisation()).when(SetSkills(ANNA, ("", " a", "b\x00"))).refuses(
        InvalidCommand, problems=["/skills/0", "/skills/1", "/skills/2"]
    )
    given(an_organisation()).when(SetSkills(ANNA, tuple(str(number) for number in range(101)))).refuses(
        InvalidCommand, problems=["/skills"]
    )
    given(an_organisation()).when(SetSkills(ZOE, ())).refuses(NotFound)
