"""People, roles and teams."""

import pytest
from support.given import ANNA, BEN, ZOE, World, an_organisation, given, nothing_yet

from domain.events import PersonJoined, PersonLeft, PersonMoved, RoleGranted, RoleRevoked, TeamFormed
from domain.organisation.commands import AddPerson, FormTeam, GrantRole, MovePerson, RemovePerson, RevokeRole
from domain.organisation.state import fold
from domain.refusals import AlreadyExists, InvalidCommand, NotAllowed, NotFound
from domain.values import Private

NEW = "person/per_new"
COMMANDS = [
    FormTeam("south", "South"),
    AddPerson(NEW, "New"),
    MovePerson(ANNA, None, None),
    RemovePerson(ANNA),
    GrantRole(ANNA, "operator"),
    RevokeRole(ANNA, "seller"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_only_who_may_organise_organises(command):
    given(an_organisation().who_may()).when(command).refuses(NotAllowed, saying="organise")


def test_a_team_is_formed():
    given(an_organisation()).when(FormTeam("south", "South", "华南", "north")).then(
        TeamFormed("south", "South", "华南", "north")
    )


def test_a_team_is_formed_once():
    given(an_organisation()).when(FormTeam("north", "Again")).refuses(AlreadyExists)


def test_everything_wrong_with_a_team_is_named():
    given(an_organisation()).when(FormTeam("", " ", "a\x00", "nort")).refuses(
        InvalidCommand, problems=["/team", "/name", "/region", ("/part_of", "north")]
    )


def test_a_person_joins():
    """The name and the address belong to the person, so they can be erased."""
    joined = PersonJoined(
        NEW, Private(NEW, "李雷"), "north", BEN, ["head_of_sales", "seller"], Private(NEW, "li@example.com")
    )
    given(an_organisation()).when(
        AddPerson(NEW, "李雷", "north", BEN, ("seller", "head_of_sales"), "li@example.com")
    ).then(joined)


@pytest.mark.parametrize("person", [ANNA, ZOE])
def test_a_person_joins_once(person):
    """Also who left keeps the id for ever."""
    given(an_organisation()).when(AddPerson(person, "Again")).refuses(AlreadyExists)


def test_everything_wrong_with_a_person_is_named():
    command = AddPerson("", "", "nrth", ZOE, ("seler", "boss"), "nowhere")
    given(an_organisation()).when(command).refuses(
        InvalidCommand,
        problems=[
            "/person",
            "/name",
            "/email",
            ("/team", "north"),
            "/manager",
            ("/roles", "seller"),
            ("/roles", None),
        ],
    )


def test_a_person_moves():
    given(an_organisation(TeamFormed("south", "South"))).when(MovePerson(ANNA, "south", BEN)).then(
        PersonMoved(ANNA, "south", BEN)
    )


def test_a_person_can_be_left_without_team_and_manager():
    given(an_organisation()).when(MovePerson(ANNA, None, None)).then(PersonMoved(ANNA, None, None))


def test_moving_to_the_same_place_is_nothing_new():
    given(an_organisation()).when(MovePerson(ANNA, "north", BEN)).changes_nothing()


def test_everything_wrong_with_a_move_is_named():
    given(an_organisation()).when(MovePerson(ANNA, "nort", "person/nobody")).refuses(
        InvalidCommand, problems=[("/team", "north"), "/manager"]
    )


@pytest.mark.parametrize(
    "command",
    [MovePerson(ZOE, None, None), RemovePerson(ZOE), GrantRole(ZOE, "seller"), RevokeRole(ZOE, "seller")],
)
def test_nothing_happens_to_who_left(command):
    given(an_organisation()).when(command).refuses(NotFound, saying="active person")


def test_a_person_leaves():
    given(an_organisation()).when(RemovePerson(ANNA)).then(PersonLeft(ANNA))


def test_roles_are_granted_and_revoked_once():
    given(an_organisation()).when(GrantRole(ANNA, "operator")).then(RoleGranted(ANNA, "operator"))
    given(an_organisation()).when(GrantRole(ANNA, "seller")).changes_nothing()
    given(an_organisation()).when(RevokeRole(ANNA, "seller")).then(RoleRevoked(ANNA, "seller"))
    given(an_organisation()).when(RevokeRole(ANNA, "operator")).changes_nothing()


def test_nobody_is_above_themselves():
    """Escalation climbs from manager to manager; it must end somewhere."""
    people = an_organisation(PersonMoved(ANNA, "north", BEN))
    for command in (MovePerson(BEN, "north", BEN), MovePerson(BEN, "north", ANNA)):
        given(people).when(command).refuses(InvalidCommand, problems=["/manager"])


def test_a_person_has_the_id_of_a_person():
    given(an_organisation()).when(AddPerson("anna", "Anna")).refuses(InvalidCommand, problems=["/person"])


def test_a_role_comes_from_a_playbook():
    given(an_organisation()).when(GrantRole(ANNA, "operater")).refuses(
        InvalidCommand, problems=[("/role", "operator")]
    )


def test_who_left_holds_no_role_and_is_still_known():
    people = an_organisation(PersonLeft(BEN)).organisation
    assert (people.roles_of(BEN), people.is_active(BEN), BEN in people.people) == (frozenset(), False, True)
    assert people.roles_of("person/nobody") == frozenset()


def test_a_region_is_that_of_the_team():
    """Nobody's, where there is no team."""
    people = an_organisation(PersonJoined(NEW, None)).organisation
    assert (people.region_of(ANNA), people.region_of(NEW), people.region_of("person/nobody")) == (
        "华北",
        None,
        None,
    )


def test_an_organisation_begins_with_nobody():
    assert fold(None, []).people == {}
    assert isinstance(nothing_yet(), World)
