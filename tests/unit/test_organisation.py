"""People, roles and teams."""

from dataclasses import replace

import pytest
from support.given import (
    ANNA,
    BEN,
    ZOE,
    World,
    an_organisation,
    given,
    nothing_yet,
    published,
    the_playbook,
)

from domain.events import PersonJoined, PersonLeft, PersonMoved, RoleGranted, RoleRevoked, TeamFormed
from domain.organisation.commands import AddPerson, FormTeam, GrantRole, MovePerson, RemovePerson, RevokeRole
from domain.organisation.requirements import JOINING_REQUIREMENTS, PersonNotComplete
from domain.organisation.state import Organisation, fold
from domain.playbook.model import Joining, JoiningFact
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


# ── what must be known of whoever works here ─────────────────────────────────────────────────────────────────────────


def a_strict_organisation(*requires, labels=None, **about):
    """An organisation whose playbook requires facts of people."""
    joining = Joining.model_validate({"requires": requires, "labels": labels or {}, **about})
    document = the_playbook().document
    rules = document.organisation.model_copy(update={"joining": joining})
    strict = replace(the_playbook(), document=document.model_copy(update={"organisation": rules}))
    return replace(an_organisation(), books=published(strict))


def test_joining_names_everything_that_is_not_known():
    everything = ("team", "region", "manager", "email", "role")
    given(a_strict_organisation(*everything)).when(AddPerson(NEW, "New")).refuses(
        PersonNotComplete, unmet=[f"organisation:{fact}" for fact in everything]
    )


def test_a_missing_fact_is_told_in_the_words_of_the_playbook():
    why = {"zh": "按大区分线索", "en": "Leads go by region"}
    labels = {"region": {"zh": "战区", "en": "Theatre"}}
    refused = given(a_strict_organisation("region", "team", labels=labels, why=why)).when(
        AddPerson(NEW, "New")
    )
    told = [(item.kind, item.label.zh, item.why.zh, item.field) for item in refused.refusal.unmet]
    assert told == [
        ("organisation", "团队", "按大区分线索", "team"),
        ("organisation", "战区", "按大区分线索", "region"),
    ]


def test_whoever_is_complete_may_join():
    world = a_strict_organisation("team", "region", "manager", "email", "role")
    command = AddPerson(NEW, "New", "north", BEN, ("seller",), "new@example.com")
    given(world).when(command).then(
        PersonJoined(NEW, Private(NEW, "New"), "north", BEN, ["seller"], Private(NEW, "new@example.com"))
    )


def test_the_first_person_needs_no_manager():
    """With a playbook that requires managers nobody could ever join an empty organisation."""
    empty = replace(a_strict_organisation("manager"), organisation=Organisation())
    given(empty).when(AddPerson(BEN, "Ben")).then(PersonJoined(BEN, Private(BEN, "Ben")))
    given(a_strict_organisation("manager")).when(AddPerson(NEW, "New")).refuses(
        PersonNotComplete, unmet=["organisation:manager"]
    )


def test_the_region_of_the_team_is_that_of_its_people_unless_they_have_their_own():
    world = an_organisation(PersonJoined(NEW, Private(NEW, "New"), "north", BEN, region="华东"))
    assert (world.organisation.region_of(ANNA), world.organisation.region_of(NEW)) == ("华北", "华东")


def test_a_region_of_ones_own_is_enough():
    command = AddPerson(NEW, "New", region="华东")
    given(a_strict_organisation("region")).when(command).then(
        PersonJoined(NEW, Private(NEW, "New"), region="华东")
    )


def test_nobody_moves_to_where_something_required_is_missing():
    given(a_strict_organisation("region", "manager", "email")).when(MovePerson(ANNA, None, None)).refuses(
        PersonNotComplete, unmet=["organisation:region", "organisation:manager"]
    )


def test_a_move_may_give_a_region_of_ones_own():
    given(a_strict_organisation("region", "manager")).when(MovePerson(ANNA, None, BEN, "华南")).then(
        PersonMoved(ANNA, None, BEN, "华南")
    )


def test_a_move_without_a_region_goes_back_to_that_of_the_team():
    world = an_organisation(PersonMoved(ANNA, "north", BEN, "华南"))
    given(world).when(MovePerson(ANNA, "north", BEN)).then(PersonMoved(ANNA, "north", BEN))
    given(world).when(MovePerson(ANNA, "north", BEN, "华南")).changes_nothing()


def test_a_region_is_a_name():
    given(an_organisation()).when(AddPerson(NEW, "New", region=" ")).refuses(
        InvalidCommand, problems=["/region"]
    )
    given(an_organisation()).when(MovePerson(ANNA, None, None, "a\x00b")).refuses(
        InvalidCommand, problems=["/region"]
    )


def test_what_several_playbooks_require_is_required_together():
    other = a_strict_organisation("email").books.in_force["projects"]
    document = other.document.model_copy(update={"playbook": "elsewhere"})
    strict = a_strict_organisation("team")
    books = replace(
        strict.books, versions={**strict.books.versions, ("elsewhere", 1): replace(other, document=document)}
    )
    given(replace(strict, books=books)).when(AddPerson(NEW, "New")).refuses(
        PersonNotComplete, unmet=["organisation:team", "organisation:email"]
    )


def test_every_fact_has_words_in_both_languages():
    assert set(JOINING_REQUIREMENTS) == set(JoiningFact)
