"""Publishing playbooks: the next version, and what a version may not take away."""

import json
from dataclasses import replace

import pytest
from support.given import PLAYBOOKS, an_organisation, given, nothing_yet, published, recorded, the_playbook

from commands.playbook_file import parse_playbook
from domain.events import PersonJoined, PersonLeft, TeamFormed
from domain.naming import PLAYBOOKS_STREAM
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks, fold
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Playbook, Right
from domain.playbook.publish import conflicts, digest
from domain.refusals import InvalidCommand, NotAllowed, NotFound
from domain.values import Private
from infra.http.wording import without_quotations
from infra.log.sealing import canonical

TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8")
OTHER = """
playbook: service
label: {zh: 服务, en: Service}
kinds:
  ticket:
    label: {zh: 工单, en: Ticket}
    collection: tickets
    prefix: tic
"""


def a_draft(*changes):
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_playbook(text, "projects.yaml")


def a_world(*drafts):
    return replace(nothing_yet(), books=published(*drafts)).who_may(Right.publish)


LONGER = ("seats: {type", "desks: {type: number, label: {zh: 桌, en: Desks}}\n      seats: {type")


def test_the_first_version_has_number_one():
    event = given(a_world()).when(PublishPlaybook(the_playbook())).event
    assert (event.name, event.number) == ("projects", 1)
    assert event.digest == digest(the_playbook())


def test_the_next_version_has_the_next_number():
    assert given(a_world(the_playbook())).when(PublishPlaybook(a_draft(LONGER))).event.number == 2
    assert given(a_world(the_playbook(), a_draft(LONGER), parse_playbook(OTHER, "o"))).when(
        PublishPlaybook(parse_playbook(OTHER + "    title: null\n", "o"))
    )


def test_the_same_playbook_again_is_nothing_new():
    given(a_world(the_playbook())).when(PublishPlaybook(a_draft())).changes_nothing()


def test_the_version_before_the_last_is_something_new():
    """Rolling back is publishing again, unless something would disappear."""
    higher = a_draft((">= 1000", ">= 2000"))
    assert given(a_world(the_playbook(), higher)).when(PublishPlaybook(the_playbook())).event.number == 3


def test_publishing_needs_the_right():
    given(a_world().who_may(Right.organise)).when(PublishPlaybook(the_playbook())).refuses(
        NotAllowed, saying="publish"
    )


def test_a_kind_belongs_to_one_playbook():
    theirs = parse_playbook(OTHER.replace("ticket:", "account:"), "o")
    given(a_world(the_playbook())).when(PublishPlaybook(theirs)).refuses(
        InvalidCommand, problems=["/kinds/account"], saying="'projects'"
    )


def test_two_playbooks_stand_side_by_side():
    books = published(the_playbook(), parse_playbook(OTHER, "o"))
    assert (books.for_kind("ticket").name, books.for_kind("account").name) == ("service", "projects")
    assert set(books.roles) == {"seller", "head_of_sales", "operator"}
    assert books.kind_of_collection("tickets") == "ticket"
    with pytest.raises(NotFound) as refused:
        books.kind_of_collection("ticket")
    assert refused.value.suggestion == "tickets"


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ([("result", "report")], ["/kinds/visit/fields/result"]),
        ([("travelling", "driving")], ["/kinds/visit/stages/travelling"]),
        ([("seats: {type: number", "seats: {type: text")], ["/kinds/opportunity/fields/seats/type"]),
        ([("currency: CNY", "currency: USD")], ["/kinds/opportunity/fields/budget/type"]),
        (
            [("choose: {at_least: 1, at_most: 2}", "choose: {at_most: 1}")],
            ["/kinds/opportunity/fields/pains/type"],
        ),
        (
            [("account: {type: reference, to: account", "account: {type: reference, to: contact")],
            ["/kinds/opportunity/fields/account/type"],
        ),
        (
            [
                ("  visit:\n    label: {zh: 拜访", "  trip:\n    label: {zh: 拜访"),
                ("hotline", "phone"),
                ("loss_reason", "why_lost"),
            ],
            ["/kinds/account/fields/hotline", "/kinds/visit", "/kinds/opportunity/fields/loss_reason"],
        ),
    ],
)
def test_nothing_disappears_that_records_may_hold(changes, pointers):
    """A field, a stage, a kind, or what a field holds; all at once."""
    given(a_world(the_playbook())).when(PublishPlaybook(a_draft(*changes))).refuses(
        InvalidCommand, problems=pointers
    )


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        (("collection: tickets", "collection: opportunities"), "/kinds/ticket/collection"),
        (("prefix: tic", "prefix: opp"), "/kinds/ticket/prefix"),
        (
            ("kinds:", "roles:\n  seller:\n    label: {zh: 销售, en: Seller}\n    rights: [erase]\nkinds:"),
            "/roles/seller/rights",
        ),
    ],
)
def test_playbooks_of_one_log_do_not_clash(change, pointer):
    """One address, one form of id and one meaning of a role, whichever playbook names it."""
    other = parse_playbook(OTHER.replace(*change), "service.yaml")
    given(a_world(the_playbook())).when(PublishPlaybook(other)).refuses(InvalidCommand, problems=[pointer])


def test_a_published_version_judges_by_its_stored_trees():
    """Through real canonical JSON, and without reading any rule text again."""
    event = given(a_world()).when(PublishPlaybook(the_playbook())).event
    payload = json.loads(canonical(event.payload()))
    stored = type(event)(**payload)
    books = fold(None, [recorded(stored, PLAYBOOKS_STREAM, 1, position=7)])
    back = books.for_kind("opportunity")
    assert (back.number, back.position, back.document) == (1, 7, the_playbook().document)
    assert back.rules_json == the_playbook().rules_json
    assert set(back.rules) == {
        "opportunity/needs_diagnosis/leave/was_touched",
        "opportunity/quoted/enter/worth_it",
        "opportunity/negotiation/enter/note_says_why",
    }


def test_the_order_of_stages_fields_and_options_survives_canonical_json():
    """Objects are sorted there; what has an order is a list."""
    document = json.loads(canonical(the_playbook().document.as_json()))
    kind = Playbook.model_validate(document).kinds["opportunity"]
    original = the_playbook().kind("opportunity")
    assert (
        list(kind.stages)
        == list(original.stages)
        == ["lead", "needs_diagnosis", "quoted", "negotiation", "won", "lost"]
    )
    assert list(kind.fields) == list(original.fields)
    assert list(kind.fields["source"].options) == ["fair", "referral", "website"]


def test_a_log_without_playbooks_knows_no_kind():
    with pytest.raises(NotFound):
        Playbooks().for_kind("account")


def test_the_newest_version_is_in_force_beyond_nine():
    """Numbers are numbers: 10 comes after 9."""
    drafts = [a_draft((">= 1000", f">= {number}")) for number in range(1000, 1011)]
    assert published(*drafts).in_force["projects"].number == 11


POOLED = (
    OTHER
    + """
pools:
  desk:
    label: {zh: 服务台, en: Desk}
    kind: ticket
    rules:
      near: {label: {zh: 就近, en: Nearest}, candidates: {teams: [empty, left, noth, east, north]}}
"""
)


def test_a_pool_that_chooses_from_a_team_nobody_is_in_is_refused():
    """It would pass over every record. Whoever left is in none; whoever is in a team below counts; a name nobody formed is told with the nearest."""
    gone, ina = "person/per_gone", "person/per_ina"
    company = [
        TeamFormed("empty", "Empty"), TeamFormed("left", "Left"), TeamFormed("east", "East"), TeamFormed("inn", "Inn", part_of="east"),
        PersonJoined(gone, Private(gone, "Gone"), "left"), PersonLeft(gone), PersonJoined(ina, Private(ina, "Ina"), "inn"),
    ]  # fmt: skip
    world = replace(an_organisation(*company), books=published()).who_may(Right.publish)
    at = "/playbook/pools/desk/rules/near/candidates/teams"
    given(world).when(PublishPlaybook(parse_playbook(POOLED, "o"))).refuses(
        InvalidCommand,
        problems=[f"{at}/0", f"{at}/1", (f"{at}/2", "north")],
        saying="nobody is in the team 'empty'",
    )
    manned = parse_playbook(POOLED.replace("empty, left, noth, ", ""), "o")
    assert given(world).when(PublishPlaybook(manned)).event.number == 1


def test_a_pool_that_falls_back_on_somebody_who_does_not_work_here_is_refused():
    """What nobody is found for would find nobody again."""
    gone, ina = "person/per_gone", "person/per_ina"
    text = POOLED[: POOLED.index("    rules:\n")] + f"    fallback: {{person: {gone}}}\n"
    company = [PersonJoined(gone, Private(gone, "Gone")), PersonLeft(gone), PersonJoined(ina, Private(ina, "Ina"))]  # fmt: skip
    world = replace(an_organisation(*company), books=published()).who_may(Right.publish)
    given(world).when(PublishPlaybook(parse_playbook(text, "o"))).refuses(
        InvalidCommand, problems=["/playbook/pools/desk/fallback/person"], saying="does not work here"
    )
    assert given(world).when(PublishPlaybook(parse_playbook(text.replace(gone, ina), "o"))).event.number == 1


def test_a_company_without_teams_may_write_its_rules_first():
    world = replace(nothing_yet(), organisation=Organisation(), books=published()).who_may(Right.publish)
    assert given(world).when(PublishPlaybook(parse_playbook(POOLED, "o"))).event.number == 1


def test_what_can_never_be_published_is_known_before():
    """Names of another playbook, and names that meant something else, whatever is told with a publication; each with what to do."""
    books = published(the_playbook(), parse_playbook(OTHER, "o"))
    theirs = parse_playbook(OTHER.replace("ticket:", "account:"), "o")
    found = conflicts(books, theirs)
    assert found[0].pointer == "/kinds/account"
    assert found[0].names == ("account", "projects")
    assert without_quotations(found[0].message, found[0].names) == found[0].message
    assert "another name" in found[0].message
    typed = conflicts(books, a_draft(("currency: CNY", "currency: USD")))
    assert [problem.pointer for problem in typed] == ["/kinds/opportunity/fields/budget/type"]
    assert conflicts(books, a_draft(LONGER)) == []
