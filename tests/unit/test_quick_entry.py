"""Quick entry: one tap becomes a touch, fields and a move; all of it or nothing, and everything that is missing is named at once."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import product

import pytest
from support.desk import a_desk
from support.given import (
    ACCOUNT,
    ANNA,
    CONTACT,
    NOW,
    OPPORTUNITY,
    PLAYBOOKS,
    Given,
    an_opportunity_in,
    attach,
    given,
    open_opportunity,
    published,
)
from support.replaying import impact_of, replayed

from commands.playbook_file import FileRefused, parse_playbook
from domain.events import FieldsChanged, MoveRefused, StageChanged, Touched
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Playbook
from domain.record.commands import ChangeStage, OpenRecord, Progress
from domain.refusals import GateNotMet, InvalidCommand
from domain.values import Private

PRESETS = """    progress:
      reached:
        label: {zh: 首次联系上, en: First reached}
        touch: call
        asks: [source]
        to: needs_diagnosis
      diagnosed:
        label: {zh: 诊断完成, en: Diagnosed}
        touch: visit
        note_asked: true
        fields: {is_strategic: true, pains: [cost, time]}
        asks: [budget]
        evidence: [solution_deck, cost_sheet]
        to: quoted
      counted:
        label: {zh: 数量确认, en: Seats confirmed}
        fields: {seats: '12.5', budget: {amount: '9000.00', currency: CNY}}
      wrote:
        label: {zh: 写了邮件, en: Wrote}
        touch: call
"""
TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8") + PRESETS


@cache
def the_presets():
    return parse_playbook(TEXT, "projects.yaml")


def an_opportunity(stage, **fields) -> Given:
    return given(replace(an_opportunity_in(stage, **fields), books=published(the_presets())))


def note(preset, **about) -> Progress:
    return Progress(OPPORTUNITY, preset, touch="tou_1", **about)


def with_proofs(world, **about):
    return Given(world.world.with_evidence("solution_deck", "cost_sheet", **about))


PROOFS = {"solution_deck": "evi_solution_deck", "cost_sheet": "evi_cost_sheet"}


# ── one tap, several events ──────────────────────────────────────────────────────────────────────────────────────────


def test_one_tap_is_a_touch_then_fields_then_the_move():
    an_opportunity("lead").when(note("reached", fields={"source": "fair"})).then(
        Touched("tou_1", "call"),
        FieldsChanged({"source": {"old": None, "new": "fair"}}),
        StageChanged("lead", "needs_diagnosis", "forward"),
    )


def test_what_the_preset_knows_and_what_is_asked_go_into_one_change():
    said = note("diagnosed", fields={"budget": "9000"}, note="they want it", contact=CONTACT, evidence=PROOFS)
    with_proofs(an_opportunity("needs_diagnosis")).when(said).then(
        Touched("tou_1", "visit", Private(CONTACT, "they want it"), CONTACT),
        FieldsChanged(
            {
                "is_strategic": {"old": None, "new": True},
                "pains": {"old": None, "new": ["cost", "time"]},
                "budget": {"old": None, "new": {"amount": "9000.00", "currency": "CNY"}},
            }
        ),
        StageChanged("needs_diagnosis", "quoted", "forward"),
    )


def test_the_touch_counts_for_the_gate_of_the_move_it_comes_with():
    """The gate asks for a touch of the last month, and the tap is one: whoever visited says so once."""
    world = with_proofs(an_opportunity("needs_diagnosis"))
    world.when(ChangeStage(OPPORTUNITY, "quoted", {"pains": ["cost"], "budget": "9000"})).refuses(
        GateNotMet, unmet=["condition:was_touched"]
    )
    tapped = world.when(note("diagnosed", fields={"budget": "9000"}, note="yes", evidence=PROOFS))
    assert tapped.refusal is None


def test_a_preset_without_touch_and_step_only_writes_what_it_knows():
    an_opportunity("lead").when(note("counted")).then(
        FieldsChanged(
            {
                "seats": {"old": None, "new": "12.5"},
                "budget": {"old": None, "new": {"amount": "9000.00", "currency": "CNY"}},
            }
        )
    )


def test_what_is_so_already_is_not_said_again():
    """The record stands in the step already and the field has the value: the touch is what is new."""
    an_opportunity("needs_diagnosis", source="fair").when(note("reached", fields={"source": "fair"})).then(
        Touched("tou_1", "call")
    )


# ── all or nothing, everything named at once ─────────────────────────────────────────────────────────────────────────


def test_everything_that_is_missing_is_named_at_once():
    """What is asked and not given, the note, the proofs, and what the move lacks beside, in the words of the playbook."""
    refused = an_opportunity("lead").when(note("diagnosed"))
    refused.refuses(
        InvalidCommand,
        problems=["/fields/budget", "/note", "/evidence/solution_deck", "/evidence/cost_sheet", "/preset"],
        saying="to enter Quoted this is missing: Stages cannot be skipped, move:skip",
    )


def test_a_value_that_does_not_fit_stops_the_touch_and_the_move_as_well():
    """It is named once: that the gate finds the field empty then is the same thing said again."""
    an_opportunity("lead").when(note("reached", fields={"source": "far"})).refuses(
        InvalidCommand, problems=[("/fields/source", "fair")]
    )


def test_what_nobody_asked_for_is_refused_by_name():
    said = note(
        "reached",
        fields={"source": "fair", "topic": "Gates", "sourse": "fair"},
        evidence={"cost_sheet": "evi_1", "cost_shet": "evi_1"},
    )
    an_opportunity("lead").when(said).refuses(
        InvalidCommand,
        problems=[
            ("/fields/topic", None),
            ("/fields/sourse", "source"),
            ("/evidence/cost_sheet", None),
            ("/evidence/cost_shet", None),
        ],
    )
    an_opportunity("lead").when(note("counted", note="nice", fields={"seats": 3})).refuses(
        InvalidCommand, problems=["/fields/seats", "/note"], saying="the preset knows its value"
    )


def test_a_preset_nobody_knows_is_refused_with_the_nearest():
    an_opportunity("lead").when(note("reachd")).refuses(InvalidCommand, problems=[("/preset", "reached")])


@pytest.mark.parametrize("nothing", ["", "  ", None, []])
def test_nothing_is_no_value_for_what_is_asked(nothing):
    refused = an_opportunity("lead").when(note("reached", fields={"source": nothing}))
    refused.refuses(InvalidCommand)
    assert "/fields/source" in {problem.pointer for problem in refused.refusal.problems}


def test_a_piece_of_another_field_or_one_that_counts_no_longer_is_no_proof():
    swapped = {"solution_deck": "evi_cost_sheet", "cost_sheet": "evi_solution_deck"}
    about = {"fields": {"budget": "9000"}, "note": "yes"}
    world = with_proofs(an_opportunity("needs_diagnosis"))
    world.when(note("diagnosed", evidence=swapped, **about)).refuses(
        InvalidCommand, problems=["/evidence/solution_deck", "/evidence/cost_sheet"], saying="of this id"
    )
    over = with_proofs(an_opportunity("needs_diagnosis"), valid_until="2026-03-01")
    refused = over.when(note("diagnosed", evidence=PROOFS, **about))
    refused.refuses(InvalidCommand, saying="counted until 2026-03-01")
    assert {problem.pointer for problem in refused.refusal.problems} == {
        "/evidence/solution_deck",
        "/evidence/cost_sheet",
    }, "the gate asks for the same pieces, and each is named once"


def test_the_gate_is_asked_as_for_any_other_move():
    """Everything the preset asks for is there; the leaving gate of another stage is not met, and nothing of the tap happens."""
    said = note("diagnosed", fields={"budget": "9000"}, note="yes", evidence=PROOFS)
    with_proofs(an_opportunity("lead")).when(said).refuses(GateNotMet, unmet=["move:skip"])


# ── in the log ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def desk():
    desk = a_desk()
    desk.submit(PublishPlaybook(the_presets()))
    desk.submit(open_opportunity({"account": ACCOUNT}))
    return desk


def test_the_events_of_a_tap_are_of_one_command_and_follow_each_other(desk):
    desk.submit(Progress(OPPORTUNITY, "reached", {"source": "fair"}))
    *_, touched, changed, moved = desk.log.stream(OPPORTUNITY)
    assert [type(it.event) for it in (touched, changed, moved)] == [Touched, FieldsChanged, StageChanged]
    assert len({it.command_id for it in (touched, changed, moved)}) == 1
    assert [changed.position, moved.position] == [touched.position + 1, touched.position + 2]
    assert touched.event.touch.startswith("tou_"), "an id was made"


def test_a_refused_tap_is_kept_as_a_refused_move_and_leaves_no_touch(desk):
    """What the move lacks is the same without the touch, so the attempt can be judged again from the log alone."""
    for name, piece in PROOFS.items():
        desk.submit(attach(name, evidence=piece))
    at_rest = desk.log.stream(OPPORTUNITY)
    (answer,) = desk.batch(
        Progress(OPPORTUNITY, "diagnosed", {"budget": "9000"}, note="x", evidence=PROOFS, touch="tou_9")
    )
    (kept,) = desk.log.stream("refusals/opportunity/opp_1")
    assert isinstance(kept.event, MoveRefused)
    assert (kept.event.after, kept.event.unmet) == ("quoted", ["move:skip"])
    assert set(kept.event.fields) == {"is_strategic", "pains", "budget"}
    assert (answer.outcome, desk.log.stream(OPPORTUNITY)) == ("refused", at_rest)


def test_a_gate_that_the_touch_is_half_of_refuses_without_keeping_the_attempt(desk):
    """The log has no place for the touch of a refused move: judged again without it, it would lack other things."""
    desk.submit(Progress(OPPORTUNITY, "reached", {"source": "fair"}))
    at_rest = desk.log.stream(OPPORTUNITY)
    kept = desk.log.stream("refusals/opportunity/opp_1")
    desk.submit(PublishPlaybook(stricter()))
    (answer,) = desk.batch(Progress(OPPORTUNITY, "moved_on", touch="tou_9"))
    assert [item.id for item in answer.refusal.unmet] == ["field:note"]
    assert (answer.events, desk.log.stream(OPPORTUNITY)) == ((), at_rest)
    assert desk.log.stream("refusals/opportunity/opp_1") == kept


def stricter():
    """A step whose gate asks for a visit and a note, and a preset that is a visit."""
    text = TEXT.replace(
        "              rule: touches('any', 30) >= 1\n", "              rule: touches('visit', 30) >= 1\n"
    ).replace("          fields: [pains]\n", "          fields: [note]\n")
    more = """      moved_on:
        label: {zh: 推进, en: Moved on}
        touch: visit
        fields: {pains: [cost], budget: {amount: '9000.00', currency: CNY}}
        to: lost
"""
    lost = "        outcome: lost\n        enter:\n          fields: [loss_reason]\n"
    assert lost in text
    gate = lost.replace("fields: [loss_reason]", "fields: [note]") + (
        "          conditions:\n            visited:\n"
        "              rule: touches('visit', 30) >= 1\n              label: {zh: 拜访过, en: Visited}\n"
    )
    return parse_playbook(text.replace(lost, gate) + more, "projects.yaml")


def test_the_law_of_replay_holds_for_taps(desk):
    """Accepted and refused ones alike: judged again from the log, each comes out as it did."""
    desk.submit(Progress(OPPORTUNITY, "reached", {"source": "fair"}))
    desk.submit(OpenRecord("opportunity/opp_2", {"account": ACCOUNT}))
    for name, stream in product(PROOFS, (OPPORTUNITY, "opportunity/opp_2")):
        desk.submit(replace(attach(name, evidence=PROOFS[name]), stream=stream))
    about = {"note": "x", "evidence": PROOFS}
    skipped, done = desk.batch(
        Progress("opportunity/opp_2", "diagnosed", {"budget": "9000"}, **about),
        Progress(OPPORTUNITY, "diagnosed", {"budget": "9000"}, **about),
    )
    assert [type(it.event) for it in skipped.events] == [MoveRefused]
    assert [type(it.event) for it in done.events] == [Touched, FieldsChanged, StageChanged]
    impact = impact_of(replayed(desk.log, desk.vault))
    assert (impact.different, impact.decisions) == ([], impact.reproduced)
    assert impact.decisions == 5, "two openings and three moves"


def test_a_tap_is_dated_back_no_further_than_a_move(desk):
    (answer,) = desk.batch(
        desk.submission(
            Progress(OPPORTUNITY, "wrote"),
            occurred_at=NOW - timedelta(hours=25),
            rights=frozenset(),
            actor=ANNA,
        )
    )
    assert [problem.pointer for problem in answer.refusal.problems] == ["/occurred_at"]


# ── what a playbook may say ──────────────────────────────────────────────────────────────────────────────────────────


def test_presets_are_published_as_they_are_written():
    document = the_presets().document
    assert Playbook(**document.as_json()) == document
    assert "progress" not in parse_playbook(TEXT.replace(PRESETS, ""), "p").document.as_json()["kinds"][-1]


@pytest.mark.parametrize(
    ("old", "new", "message", "suggestion"),
    [
        ("touch: visit\n", "touch: vist\n", "there is no kind of touch", "visit"),
        ("asks: [source]", "asks: [sourse]", "there is no field 'sourse'", "source"),
        ("asks: [source]", "asks: [source, source]", "is named twice", None),
        ("asks: [source]", "asks: [cost_sheet]", "list it under 'evidence'", None),
        ("asks: [budget]", "asks: [budget, pains]", "knows the value of 'pains' already", None),
        ("evidence: [solution_deck,", "evidence: [solution_dek,", "there is no evidence field", "solution_deck"),
        ("to: quoted", "to: qouted", "there is no step 'qouted'", "quoted"),
        ("seats: '12.5'", "seats: many", "this is not a number", None),
        ("seats: '12.5'", "presales: person/per_1", "list 'presales' under 'asks'", None),
        ("seats: '12.5'", "seets: '12.5'", "there is no field 'seets'", "seats"),
        ("seats: '12.5'", "cost_sheet: x", "list it under 'evidence'", None),
        ("pains: [cost, time]", "pains: [cost, tme]", "not an option", "time"),
        ("pains: [cost, time]", "pains: [cost, time, quality]", "1 to 2 options are expected", None),
        ("currency: CNY}}\n      wrote", "currency: EUR}}\n      wrote", "CNY", None),
        ("seats: '12.5'", "topic: ''", "an empty value would clear the field", None),
        ("en: Wrote}\n        touch: call\n", "en: Wrote}\n", "nothing would come of this", None),
        ("en: Wrote}\n        touch: call\n", "en: Wrote}\n        note_asked: true\n        asks: [note]\n", "a note stands with a touch", None),
    ],
)  # fmt: skip
def test_a_preset_that_says_nothing_or_nonsense_is_refused_at_its_place(old, new, message, suggestion):
    assert TEXT.count(old) == 1 or PRESETS.count(old) == 1, old
    with pytest.raises(FileRefused) as caught:
        parse_playbook(TEXT.replace(PRESETS, PRESETS.replace(old, new)), "projects.yaml")
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.suggestion == suggestion
    first = len(TEXT[: TEXT.index(PRESETS)].splitlines())
    assert problem.line > first, "inside the presets"


def test_a_step_with_nodes_is_no_step():
    text = TEXT.replace(
        "        label: {zh: 谈判, en: Negotiation}\n",
        "        label: {zh: 谈判, en: Negotiation}\n        nodes: {talks: {label: {zh: 商谈, en: Talks}}}\n",
    ).replace("to: quoted", "to: negotiation")
    with pytest.raises(FileRefused) as caught:
        parse_playbook(text, "projects.yaml")
    (problem,) = caught.value.problems
    assert (problem.suggestion, "has nodes" in problem.message) == ("talks", True)
