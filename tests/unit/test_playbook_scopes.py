"""Which version a record is under: by its scope, from a moment on, and where goes what a version takes away."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.desk import a_desk, an_empty_desk
from support.given import ANNA, NOW, PLAYBOOKS, the_playbook
from support.replaying import the_law

from commands.playbook_file import parse_playbook
from domain.events import FieldsChanged, MoveRefused, PlaybookPublished, StageChanged
from domain.facts import Standing
from domain.naming import PLAYBOOKS_STREAM
from domain.playbook import catalogue
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook
from domain.playbook.published import KindMappings
from domain.record import state as record_state
from domain.record.adoption import adopted
from domain.record.commands import ChangeStage, EditFields, OpenRecord
from domain.refusals import GateNotMet, InvalidCommand, NotAllowed, NotFound

TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8")
STRICT = ("      needs_diagnosis:\n        label: {zh: 需求诊断, en: Needs diagnosis}\n        enter:\n          fields: [source]",
          "      needs_diagnosis:\n        label: {zh: 需求诊断, en: Needs diagnosis}\n        enter:\n          fields: [source, seats]")  # fmt: skip
NO_NEGOTIATION = (TEXT[TEXT.index("      negotiation:\n") : TEXT.index("      won:\n")], "")
NO_SEATS = ("      seats: {type: number, label: {zh: 数量, en: Seats}}\n", "")
NO_WEBSITE = ("          website: {zh: 官网, en: Website}\n", "")


def a_draft(*changes):
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_playbook(text, "projects.yaml")


def playbooks_of(desk):
    return catalogue.fold(None, desk.log.stream(PLAYBOOKS_STREAM))


def an_opportunity(desk, name="opp_1", **fields):
    stream = f"opportunity/{name}"
    desk.submit(OpenRecord(stream, {"account": "account/acc_1", **fields}, "lead", ANNA))
    return stream


# ── scopes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_version_with_a_scope_is_for_the_records_within_it():
    """The stricter gate asks trade-fair deals for seats, and nobody else."""
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(STRICT), scope={"source": ("fair",)}))
    within, without = (
        an_opportunity(desk, "opp_1", source="fair"),
        an_opportunity(desk, "opp_2", source="website"),
    )
    (refused,) = desk.batch(ChangeStage(within, "needs_diagnosis"))
    assert refused.refusal is not None
    assert [item.id for item in refused.refusal.unmet] == ["field:seats"]
    (moved,) = desk.submit(ChangeStage(without, "needs_diagnosis")).events
    assert (refused.events[0].playbook_version, moved.playbook_version) == (2, 1)
    assert the_law(desk.log, desk.vault).reproduced == the_law(desk.log, desk.vault).decisions


def test_a_record_comes_into_a_scope_by_what_it_holds():
    """The command that brings it in is still judged as the record was before; the next one is not."""
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(STRICT), scope={"source": ("fair",)}))
    stream = an_opportunity(desk, source="website")
    (edited,) = desk.submit(EditFields(stream, {"source": "fair"})).events
    (refused,) = desk.batch(ChangeStage(stream, "needs_diagnosis"))
    assert (edited.playbook_version, refused.events[0].playbook_version) == (1, 2)


@pytest.mark.parametrize(("scope", "is_within"), [({"owner.region": ("华北",)}, True), ({"owner.region": ("华东",)}, False),
                                                  ({"owner.team": ("north",)}, True), ({"owner.team": ("south",)}, False)])  # fmt: skip
def test_a_scope_can_be_the_region_or_team_of_the_owner(scope, is_within):
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(STRICT), scope=scope))
    (answer,) = desk.batch(ChangeStage(an_opportunity(desk, source="fair"), "needs_diagnosis"))
    assert (answer.refusal is not None) is is_within


def test_a_newer_version_for_all_ends_a_scope():
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(STRICT), scope={"source": ("fair",)}))
    desk.submit(PublishPlaybook(a_draft()))
    assert (
        desk.submit(ChangeStage(an_opportunity(desk, source="fair"), "needs_diagnosis"))
        .events[0]
        .playbook_version
        == 3
    )


def test_the_first_version_is_for_all_records():
    with pytest.raises(InvalidCommand) as refused:
        an_empty_desk().submit(PublishPlaybook(the_playbook(), scope={"source": ("fair",)}))
    assert [problem.pointer for problem in refused.value.problems] == ["/scope"]


def test_a_scope_names_a_choice_field_and_its_options():
    with pytest.raises(InvalidCommand) as refused:
        a_desk().submit(
            PublishPlaybook(
                a_draft(STRICT), scope={"sorce": ("fair",), "source": ("fare", "fair"), "pains": ()}
            )
        )
    found = [(problem.pointer, problem.suggestion) for problem in refused.value.problems]
    assert found == [("/scope/sorce", "source"), ("/scope/source", "fair"), ("/scope/pains", None)]


def test_a_scope_has_no_stages_of_its_own():
    """A record that leaves the scope would stand where its playbook knows no stage, and could never move again."""
    demo = "      demo:\n        label: {zh: 演示, en: Demo}\n      won:\n"
    with_a_stage = a_draft(("      won:\n", demo))
    desk = a_desk()
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(PublishPlaybook(with_a_stage, scope={"source": ("fair",)}))
    assert [problem.pointer for problem in refused.value.problems] == ["/kinds/opportunity/stages/demo"]
    assert desk.submit(PublishPlaybook(with_a_stage)).events


# ── from when on ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_version_waits_for_its_moment():
    """Until then the version before it decides; from then on the new one does, and nobody has to do anything."""
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(STRICT), effective_from=NOW + timedelta(days=1)))
    first, second = an_opportunity(desk, "opp_1", source="fair"), an_opportunity(desk, "opp_2", source="fair")
    assert desk.submit(ChangeStage(first, "needs_diagnosis")).events[0].playbook_version == 1
    desk.log._clock = lambda: NOW + timedelta(days=1)
    (refused,) = desk.batch(ChangeStage(second, "needs_diagnosis"))
    assert isinstance(refused.refusal, GateNotMet)
    assert refused.events[0].playbook_version == 2


def test_rules_never_change_the_past():
    with pytest.raises(InvalidCommand) as refused:
        a_desk().submit(PublishPlaybook(a_draft(STRICT), effective_from=NOW - timedelta(seconds=1)))
    assert [problem.pointer for problem in refused.value.problems] == ["/effective_from"]


def test_a_newer_version_replaces_one_that_still_waits():
    desk = a_desk()
    desk.submit(PublishPlaybook(a_draft(STRICT), effective_from=NOW + timedelta(days=1)))
    desk.submit(PublishPlaybook(a_draft()))
    assert playbooks_of(desk).at(NOW + timedelta(days=2)).in_force["projects"].number == 3


# ── what a version takes away ────────────────────────────────────────────────────────────────────────────────────────


def test_a_version_that_would_strand_records_is_refused_with_the_list():
    """Removing a stage, a field and an option names the records that stand on each, and how many there are."""
    desk = a_desk()
    standing = {("stage", "negotiation"): ("opp_7", "opp_8"), ("field", "seats"): ("opp_7",)}
    desk.bus._standing = lambda kind, what, name: standing_of(standing.get((what, name), ()))
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(PublishPlaybook(a_draft(NO_NEGOTIATION, NO_SEATS, NO_WEBSITE)))
    found = {problem.pointer: (problem.records, problem.record_count) for problem in refused.value.problems}
    assert found == {
        "/kinds/opportunity/stages/negotiation": (("opp_7", "opp_8"), 2),
        "/kinds/opportunity/fields/seats": (("opp_7",), 1),
        "/kinds/opportunity/fields/source/options/website": ((), 0),
    }


def standing_of(ids):
    return Standing(len(ids), ids)


MAPPINGS = {
    "opportunity": KindMappings(
        stages={"negotiation": "quoted"}, fields={"seats": None}, options={"source": {"website": "referral"}}
    )
}


def test_with_mappings_every_record_stands_where_they_say():
    """The log is not rewritten: the new version reads the record its own way, and moves it on from there."""
    desk = a_desk()
    stream = an_opportunity(desk, source="website", seats=3)
    desk.submit(PublishPlaybook(a_draft(NO_NEGOTIATION, NO_SEATS, NO_WEBSITE), mappings=MAPPINGS))
    version = playbooks_of(desk).in_force["projects"]
    record = record_state.fold(None, desk.log.stream(stream))
    seen = adopted(record, version)
    assert record.fields["source"] == "website"
    assert (seen.fields["source"], "seats" in seen.fields) == ("referral", False)
    assert adopted(replace(record, stage="negotiation"), version).stage == "quoted"
    # An edit to what the mapping says already changes nothing.
    assert desk.submit(EditFields(stream, {"source": "referral"})).events == ()
    (changed,) = desk.submit(EditFields(stream, {"source": "fair"})).events
    assert changed.event == FieldsChanged({"source": {"old": "referral", "new": "fair"}})


def test_a_record_moves_on_from_the_stage_it_was_mapped_to():
    desk = a_desk()
    stream = an_opportunity(desk, source="fair")
    told = {"opportunity": KindMappings(stages={"lead": "needs_diagnosis"})}
    without_lead = a_draft(
        ("      lead:\n        label: {zh: 线索, en: Lead}\n", ""),
        ("opens_in: [lead, needs_diagnosis]", "opens_in: [needs_diagnosis]"),
    )
    desk.submit(PublishPlaybook(without_lead, mappings=told))
    (refused,) = desk.batch(ChangeStage(stream, "quoted"))
    event = refused.events[0].event
    assert isinstance(event, MoveRefused)
    assert (event.before, event.move) == ("needs_diagnosis", "forward")
    assert the_law(desk.log, desk.vault).different == []


def test_going_back_to_an_earlier_version_brings_everything_back():
    """Rolling back is publishing the earlier playbook again: stages and fields are there as before."""
    desk = a_desk()
    stream = an_opportunity(desk, source="website", seats=3)
    desk.submit(
        PublishPlaybook(
            a_draft(NO_SEATS, NO_WEBSITE),
            mappings={"opportunity": replace(MAPPINGS["opportunity"], stages={})},
        )
    )
    desk.submit(PublishPlaybook(a_draft()))
    version = playbooks_of(desk).in_force["projects"]
    seen = adopted(record_state.fold(None, desk.log.stream(stream)), version)
    assert (seen.fields["source"], seen.fields["seats"]) == ("website", "3")


def test_mappings_are_followed_from_version_to_version():
    """A stage that was mapped to one that is gone by now ends where the later mapping says."""
    desk = a_desk()
    stream = an_opportunity(desk)
    no_quoted = (TEXT[TEXT.index("      quoted:\n") : TEXT.index("      negotiation:\n")], "")
    desk.submit(
        PublishPlaybook(
            a_draft(NO_NEGOTIATION), mappings={"opportunity": KindMappings(stages={"negotiation": "quoted"})}
        )
    )
    desk.submit(
        PublishPlaybook(
            a_draft(NO_NEGOTIATION, no_quoted),
            mappings={"opportunity": KindMappings(stages={"quoted": "needs_diagnosis"})},
        )
    )
    record = record_state.fold(None, desk.log.stream(stream))
    assert (
        adopted(replace(record, stage="negotiation"), playbooks_of(desk).in_force["projects"]).stage
        == "needs_diagnosis"
    )


@pytest.mark.parametrize(
    ("told", "pointer", "suggestion"),
    [
        (KindMappings(stages={"negotiation": "quote"}), "/mappings/opportunity/stages/negotiation", "quoted"),
        (KindMappings(stages={"negotation": "quoted"}), "/mappings/opportunity/stages/negotation", "negotiation"),
        (KindMappings(stages={"lead": "quoted"}), "/mappings/opportunity/stages/lead", None),
        (KindMappings(fields={"seats": "budget"}), "/mappings/opportunity/fields/seats", None),
        (KindMappings(fields={"seats": "note"}), "/mappings/opportunity/fields/seats", None),
        (KindMappings(options={"source": {"website": "fare"}}), "/mappings/opportunity/options/source/website", "fair"),
    ],
)  # fmt: skip
def test_a_mapping_leads_from_what_was_to_what_is(told, pointer, suggestion):
    with pytest.raises(InvalidCommand) as refused:
        a_desk().submit(
            PublishPlaybook(a_draft(NO_NEGOTIATION, NO_SEATS, NO_WEBSITE), mappings={"opportunity": told})
        )
    assert (pointer, suggestion) in {
        (problem.pointer, problem.suggestion) for problem in refused.value.problems
    }


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_is_kept_and_published_later():
    desk = a_desk()
    first = desk.submit(DraftPlaybook(a_draft(STRICT))).events[0]
    second = desk.submit(DraftPlaybook(a_draft())).events[0]
    assert (first.stream, first.event.number, second.event.number) == ("drafts/projects", 1, 2)
    assert playbooks_of(desk).in_force["projects"].number == 1
    (published,) = desk.submit(PublishDraft("projects", 1, scope={"source": ("fair",)})).events
    assert isinstance(published.event, PlaybookPublished)
    assert (published.event.number, published.event.draft, published.event.scope) == (
        2,
        1,
        {"source": ["fair"]},
    )


def test_only_a_draft_that_was_kept_can_be_published():
    desk = a_desk()
    desk.submit(DraftPlaybook(a_draft(STRICT)))
    with pytest.raises(NotFound):
        desk.submit(PublishDraft("projects", 2))


def test_who_may_not_publish_does_not_learn_which_drafts_there_are():
    desk = a_desk()
    desk.submit(DraftPlaybook(a_draft(STRICT)))
    for number in (1, 2):
        with pytest.raises(NotAllowed):
            desk.submit(PublishDraft("projects", number), actor=ANNA, rights=frozenset())


def test_a_draft_moves_no_decision():
    """A command that is being decided while somebody drafts is not decided again: no decision rests on a draft."""
    desk = a_desk()
    stream = an_opportunity(desk, source="fair")
    other = desk.another()
    desk.log.meanwhile(lambda: other.submit(DraftPlaybook(a_draft(STRICT))))
    (moved,) = desk.submit(ChangeStage(stream, "needs_diagnosis")).events
    assert isinstance(moved.event, StageChanged)
