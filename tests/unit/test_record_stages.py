"""Moving a record along its path."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.given import (
    ACCOUNT,
    OPPORTUNITY,
    READY,
    VISIT,
    a_visit_in,
    an_opportunity_in,
    an_opportunity_ready_in,
    change_stage,
    given,
    waiving,
)

from domain.events import FieldsChanged, GateOverridden, StageChanged
from domain.playbook.model import Right
from domain.record.commands import ChangeStage, Override
from domain.record.state import Record
from domain.refusals import GateNotMet, InvalidCommand, NotAllowed
from domain.values import Private


def visit_to(stage, **fields):
    return ChangeStage(VISIT, stage, fields)


# ── forward ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_goes_forward_once_the_gates_are_met():
    given(an_opportunity_ready_in("needs_diagnosis")).when(change_stage("quoted")).then(
        StageChanged("needs_diagnosis", "quoted", "forward")
    )


def test_the_refusal_names_every_missing_requirement_in_order():
    """First the gate that is left, then the one that is entered; each fields, evidence, conditions, as the playbook lists them."""
    refused = given(an_opportunity_in("needs_diagnosis")).when(change_stage("quoted"))
    refused.refuses(
        GateNotMet,
        unmet=[
            "field:pains",
            "condition:was_touched",
            "field:budget",
            "evidence:solution_deck",
            "evidence:cost_sheet",
            "condition:worth_it",
        ],
    )
    by_id = {item.id: item for item in refused.refusal.unmet}
    assert (by_id["field:pains"].kind, by_id["field:pains"].field, by_id["field:pains"].label.zh) == (
        "field",
        "pains",
        "痛点",
    )
    assert by_id["field:pains"].why.en == "Without a pain there is no solution"
    assert (by_id["condition:worth_it"].field, by_id["condition:worth_it"].why.en) == (
        None,
        "Small deals lose money",
    )
    assert by_id["evidence:cost_sheet"].kind == "evidence"


def test_edits_that_come_with_a_move_count_for_its_gates():
    """They happen before the move, in one command."""
    world = an_opportunity_in("lead")
    then = [
        FieldsChanged({"source": {"old": None, "new": "fair"}}),
        StageChanged("lead", "needs_diagnosis", "forward"),
    ]
    given(world).when(change_stage("needs_diagnosis", source="fair")).then(*then)


def test_edits_that_come_with_a_refused_move_do_not_happen():
    refused = given(an_opportunity_in("needs_diagnosis")).when(
        change_stage("quoted", pains=["cost"], note="hm")
    )
    refused.refuses(GateNotMet)
    assert refused.refusal.fields == {"pains": ["cost"], "note": Private(ACCOUNT, "hm")}
    assert (refused.refusal.attempt.before, refused.refusal.attempt.after, refused.refusal.attempt.move) == (
        "needs_diagnosis",
        "quoted",
        "forward",
    )


def test_a_move_can_take_a_requirement_away_again():
    given(an_opportunity_ready_in("needs_diagnosis")).when(change_stage("quoted", pains=None)).refuses(
        GateNotMet, unmet=["field:pains"]
    )


def test_unknown_is_not_true():
    """A rule over a field that nobody filled blocks."""
    world = an_opportunity_in(
        "needs_diagnosis", **{name: READY[name] for name in ("pains", "account")}
    ).with_evidence("solution_deck", "cost_sheet")
    given(world.touched()).when(change_stage("quoted")).refuses(
        GateNotMet, unmet=["field:budget", "condition:worth_it"]
    )


def test_an_erased_value_reads_as_unknown_in_a_rule():
    given(an_opportunity_ready_in("quoted").without(ACCOUNT)).when(change_stage("negotiation")).refuses(
        GateNotMet, unmet=["condition:note_says_why"]
    )


def test_the_last_open_stage_leads_to_the_end():
    given(an_opportunity_ready_in("negotiation")).when(change_stage("won")).then(
        StageChanged("negotiation", "won", "forward")
    )


@pytest.mark.parametrize("stage", ["lead", "quoted", "negotiation"])
def test_a_record_can_be_lost_from_everywhere(stage):
    """Ending early is no skip; the gate of the end is asked all the same."""
    given(an_opportunity_in(stage)).when(change_stage("lost")).refuses(
        GateNotMet, unmet=["field:loss_reason"]
    )
    given(an_opportunity_ready_in(stage)).when(change_stage("lost")).then(
        StageChanged(stage, "lost", "forward")
    )


def test_giving_up_passes_no_leaving_gate():
    """Nobody will need what the next step would have needed."""
    world = an_opportunity_in("needs_diagnosis", loss_reason="price")
    given(world).when(change_stage("lost")).then(StageChanged("needs_diagnosis", "lost", "forward"))


@pytest.mark.parametrize(
    "moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)], ids=["first", "last"]
)
def test_a_gate_can_be_asked_at_any_moment(moment):
    """Also at the ends of time, where days before and other time zones do not exist."""
    world = (
        an_opportunity_ready_in("needs_diagnosis")
        .with_evidence("cost_sheet", valid_until="2026-03-31")
        .at(moment)
    )
    given(world).when(change_stage("quoted")).refuses(GateNotMet)


# ── skipping ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_stages_cannot_be_skipped():
    given(an_opportunity_ready_in("lead")).when(change_stage("quoted")).refuses(
        GateNotMet, unmet=["move:skip"]
    )


def test_a_deal_is_not_won_from_the_middle():
    given(an_opportunity_ready_in("lead")).when(change_stage("won")).refuses(GateNotMet, unmet=["move:skip"])


def test_a_skip_is_told_with_everything_else():
    given(an_opportunity_in("lead")).when(change_stage("won")).refuses(
        GateNotMet, unmet=["move:skip", "field:budget"]
    )


def test_stages_can_be_skipped_where_the_playbook_allows_it():
    given(a_visit_in("planned")).when(visit_to("on_site")).then(StageChanged("planned", "on_site", "skip"))


# ── back, reopened, again ────────────────────────────────────────────────────────────────────────────────────────────


def test_going_back_needs_a_reason():
    given(an_opportunity_in("quoted")).when(change_stage("lead")).refuses(GateNotMet, unmet=["move:reason"])
    given(an_opportunity_in("quoted").because("new buyer")).when(change_stage("lead")).then(
        StageChanged("quoted", "lead", "back")
    )


def test_an_empty_reason_is_none():
    given(an_opportunity_in("quoted").because("")).when(change_stage("lead")).refuses(
        GateNotMet, unmet=["move:reason"]
    )


def test_going_back_asks_no_gate():
    """What was required to enter is not required again."""
    given(an_opportunity_in("quoted").because("mistake")).when(change_stage("needs_diagnosis")).then(
        StageChanged("quoted", "needs_diagnosis", "back")
    )


def test_going_back_is_free_where_the_playbook_says_so():
    given(a_visit_in("on_site")).when(visit_to("planned")).then(StageChanged("on_site", "planned", "back"))


def test_reopening_needs_a_reason_and_asks_the_gate_it_enters():
    given(an_opportunity_in("lost")).when(change_stage("needs_diagnosis")).refuses(
        GateNotMet, unmet=["move:reason", "field:source"]
    )
    world = an_opportunity_ready_in("lost").because("they called again")
    given(world).when(change_stage("needs_diagnosis")).then(StageChanged("lost", "needs_diagnosis", "reopen"))


def test_an_ended_record_can_end_otherwise():
    given(an_opportunity_ready_in("won").because("cancelled")).when(change_stage("lost")).then(
        StageChanged("won", "lost", "reopen")
    )


def test_reopening_is_free_where_the_playbook_says_so():
    given(a_visit_in("reported")).when(visit_to("planned")).then(
        StageChanged("reported", "planned", "reopen")
    )


def test_entering_the_stage_again_is_a_re_entry():
    """Without a gate: nothing is left and nothing new is entered, and the count of entries grows."""
    world = an_opportunity_in("quoted")
    then = given(world).when(change_stage("quoted")).then(StageChanged("quoted", "quoted", "re-entry"))
    assert world.but(then.event).record.entries == {"quoted": 2}


def test_a_deal_that_moved_today_is_not_stale():
    """The clock of a stage begins with the move, however old the deal."""
    world = an_opportunity_in("lead").but(StageChanged("lead", "needs_diagnosis", "forward"))
    assert world.record.stage_entered_at == world.decided_at
    assert world.record.opened_at < world.decided_at


def test_a_move_at_an_unknown_moment_enters_at_an_unknown_moment():
    """It is never invented."""
    world = an_opportunity_in("lead").but(StageChanged("lead", "needs_diagnosis", "forward"), at=None)
    assert world.record.stage_entered_at is None


def test_an_unknown_stage_is_answered_with_the_nearest_one_and_all_else():
    given(an_opportunity_in("lead")).when(change_stage("qouted", sauce="x")).refuses(
        InvalidCommand, problems=[("/to", "quoted"), ("/fields/sauce", "source")]
    )


def test_a_record_without_stages_does_not_move():
    world = an_opportunity_in("lead")
    account = ChangeStage("account/acc_1", "lead")
    world = replace(world, record=Record("account/acc_1", 1, 1, {}))
    given(world).when(account).refuses(InvalidCommand, problems=["/to"])


# ── overrides ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_may_waive_names_what_is_waived():
    """The event says which requirements it was, in their order."""
    world = an_opportunity_in("quoted").who_may(Right.waive).because("the CEO promised")
    expected = {"name": "agreed_with_head", "waived": ["condition:note_says_why"]}
    command = change_stage("negotiation", override=waiving("condition:note_says_why", "field:budget"))
    given(world).when(command).then(
        GateOverridden("agreed_with_head", "negotiation", ["condition:note_says_why"]),
        StageChanged("quoted", "negotiation", "forward", expected),
    )


def test_nobody_waives_without_the_right():
    command = change_stage("negotiation", override=waiving("condition:note_says_why"))
    for rights in [(), (Right.import_data,)]:
        given(an_opportunity_in("quoted").because("x").who_may(*rights)).when(command).refuses(
            NotAllowed, saying="waive"
        )


def test_an_override_needs_its_reason():
    command = change_stage("negotiation", override=waiving("condition:note_says_why"))
    given(an_opportunity_in("quoted").who_may(Right.waive)).when(command).refuses(
        InvalidCommand, problems=["/reason"]
    )


def test_an_override_that_is_not_enough_leaves_the_rest():
    """The refusal names only what is left, and keeps what it would have waived."""
    command = change_stage("quoted", override=waiving("field:pains", "evidence:cost_sheet"))
    refused = given(an_opportunity_in("needs_diagnosis").who_may(Right.waive).because("x")).when(command)
    refused.refuses(
        GateNotMet,
        unmet=["condition:was_touched", "field:budget", "evidence:solution_deck", "condition:worth_it"],
    )
    assert refused.refusal.waived == ["field:pains", "evidence:cost_sheet"]


def test_an_override_that_is_not_needed_is_not_mentioned():
    """And nobody is asked for a right they do not use."""
    command = change_stage("quoted", override=waiving("field:pains"))
    given(an_opportunity_ready_in("needs_diagnosis")).when(command).then(
        StageChanged("needs_diagnosis", "quoted", "forward")
    )


def test_even_a_skip_can_be_waived_by_its_id():
    world = an_opportunity_ready_in("lead").who_may(Right.waive).because("trade fair")
    expected = {"name": "agreed_with_head", "waived": ["move:skip"]}
    given(world).when(change_stage("quoted", override=waiving("move:skip"))).then(
        GateOverridden("agreed_with_head", "quoted", ["move:skip"]),
        StageChanged("lead", "quoted", "skip", expected),
    )


def test_an_import_records_what_happened_and_counts_what_was_unmet():
    world = an_opportunity_in("lead").who_may(Right.import_data)
    expected = {"name": "crm_export", "waived": ["move:skip", "field:budget"]}
    given(world).when(change_stage("won", override=Override("crm_export"))).then(
        StageChanged("lead", "won", "skip", expected)
    )


def test_waiving_everything_is_for_imports_only():
    command = change_stage("won", override=Override("crm_export"))
    given(an_opportunity_in("lead").who_may(Right.waive).because("x")).when(command).refuses(
        NotAllowed, saying="import"
    )


@pytest.mark.parametrize("name", ["", "a\x00b", "x" * 1000])
def test_an_override_has_a_proper_name(name):
    world = an_opportunity_in("quoted").who_may(Right.waive).because("x")
    command = ChangeStage(OPPORTUNITY, "negotiation", override=waiving("condition:note_says_why", name=name))
    given(world).when(command).refuses(InvalidCommand, problems=["/name"])


@pytest.mark.parametrize("stage", ["lead", "quoted"])
def test_what_nothing_asks_for_cannot_be_waived(stage):
    """Whoever mistypes an id learns of it, also where nothing is left to waive: an override that says nothing is no override."""
    world = an_opportunity_ready_in(stage).who_may(Right.waive).because("x")
    to = {"lead": "needs_diagnosis", "quoted": "negotiation"}[stage]
    command = change_stage(to, override=waiving("field:budgit", "condition:worth_it"))
    given(world).when(command).refuses(
        InvalidCommand, problems=[("/waive", "field:budget")], saying="'field:budgit'"
    )
