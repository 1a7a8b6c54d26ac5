"""The law of replay: the published rules reproduce every recorded decision; and what a draft would have changed."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.desk import a_desk
from support.given import (
    ACCOUNT,
    ANNA,
    DAY,
    NOW,
    OPPORTUNITY,
    PLAYBOOKS,
    attach,
    change_stage,
    edit,
    open_opportunity,
    the_playbook,
    touch,
    waiving,
)
from support.histories import histories, play
from support.history_playbooks import versions
from support.replaying import impact_of as told
from support.replaying import replayed

from commands.playbook_file import parse_playbook
from domain.erasure import EraseSubject
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import OpenRecord, Override
from domain.refusals import GateNotMet


def replay(log, keys, draft=None, **about):
    """Replay a log, and read what was found."""
    return told(replayed(log, keys, draft, **about))


quickly = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a history is made of one number: there is nothing to shrink
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@quickly
@given(histories(taking_away=True))
def test_the_published_rules_reproduce_every_recorded_decision(steps):
    """Each under the version it was made under; those that hang on erased values are counted apart, none is different."""
    played = play(steps)
    impact = replay(played.log, played.desk.vault)
    assert impact.different == []
    assert impact.decisions == impact.reproduced + impact.erased
    classes = played.classes()
    moves = (
        "forward",
        "skip",
        "back",
        "re-entry",
        "reopen",
        "refused move",
        "refused opening",
        "opening of a path",
    )
    assert impact.decisions == sum(classes[name] for name in moves)
    if not classes["erasure"]:
        assert impact.erased == 0


@quickly
@given(histories(), st.integers(0, 3))
def test_a_draft_equal_to_the_published_rules_changes_nothing(steps, number):
    """Nor is anything not judgeable: whatever was unknown or erased then is judged as it was judged then."""
    draft = versions()[number]
    played = play(steps)
    published = {
        recorded.event.number
        for recorded in played.log.stream("playbooks")
        if recorded.event.document == draft.document.as_json()
    }
    found = replayed(played.log, played.desk.vault, draft)
    under_it = found.decisions.filter(pl.col("playbook_version").is_in(sorted(published)))
    assert under_it.filter(pl.col("verdict") != "unchanged").is_empty()
    assert found.decisions.height == found.law.decisions


@quickly
@given(histories(taking_away=True))
def test_a_replay_is_the_same_each_time_and_writes_nothing(steps):
    played = play(steps)
    head = played.log.head()
    first, second = (replay(played.log.another_process(), played.desk.vault, versions()[1]) for _ in range(2))
    for ours, theirs in ((first.changed, second.changed), (first.not_judgeable, second.not_judgeable)):
        assert ours == theirs
    assert (first.decisions, first.reproduced, first.erased) == (
        second.decisions,
        second.reproduced,
        second.erased,
    )
    assert played.log.head() == head


# ── what a draft would have changed ──────────────────────────────────────────────────────────────────────────────────

TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8")


def a_draft(*changes: tuple[str, str]):
    """The playbook with pieces of its text replaced."""
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return parse_playbook(text, "draft.yaml")


def asking_to_diagnose_for(condition=None, fields="source", also=()):
    gate = f"fields: [{fields}]"
    if condition:
        gate += f'\n          conditions:\n            asked: {{rule: "{condition}", label: {{zh: 问, en: Asked}}}}'
    return a_draft(("fields: [source]", gate), *also)


@pytest.fixture
def desk():
    """A deal that went to diagnosis, after one refusal; Anna owns it."""
    desk = a_desk()
    desk.submit(open_opportunity({"account": ACCOUNT, "topic": "Gates"}, owner=ANNA))
    with pytest.raises(GateNotMet):
        desk.submit(change_stage("needs_diagnosis"))
    desk.submit(change_stage("needs_diagnosis", source="fair"))
    return desk


def impact_of(desk, draft):
    return replay(desk.log, desk.vault, draft)


def test_the_draft_that_is_published_changes_nothing(desk):
    impact = impact_of(desk, the_playbook())
    assert (impact.decisions, impact.reproduced, impact.judged) == (3, 3, 3)
    assert (impact.changed, impact.not_judgeable, impact.different) == ([], [], [])


def test_a_stricter_gate_newly_refuses(desk):
    """With the record, the person who answers for it, the requirement and the position of the event."""
    impact = impact_of(desk, asking_to_diagnose_for(fields="source, budget"))
    (judged,) = impact.changed
    assert (judged.verdict, judged.requirements) == ("newly_refused", ("field:budget",))
    assert (judged.position, judged.record, judged.owner) == (desk.log.head(), OPPORTUNITY, ANNA)
    assert (judged.before, judged.after, judged.move) == ("lead", "needs_diagnosis", "forward")


def test_a_looser_gate_newly_allows(desk):
    impact = impact_of(desk, asking_to_diagnose_for(fields=""))
    (judged,) = impact.changed
    assert (judged.verdict, judged.requirements) == ("newly_allowed", ("field:source",))


def test_a_field_nobody_asked_for_then_cannot_be_judged(desk):
    draft = a_draft(
        ("fields: [source]", "fields: [source, referrer]"),
        (
            "      seats: {type",
            "      referrer: {type: text, label: {zh: 推荐人, en: Referrer}}\n      seats: {type",
        ),
    )
    impact = impact_of(desk, draft)
    assert impact.changed == []
    assert [judged.requirements for judged in impact.not_judgeable] == [("field:referrer",)]


def test_a_value_nobody_knew_then_cannot_be_judged():
    desk = a_desk()
    desk.submit(OpenRecord(OPPORTUNITY, unknown=frozenset({"budget"})))
    draft = a_draft(
        (
            "label: {zh: 线索, en: Lead}",
            "label: {zh: 线索, en: Lead}\n        enter:\n          fields: [budget]",
        )
    )
    impact = impact_of(desk, draft)
    assert impact.changed == []
    assert [judged.requirements for judged in impact.not_judgeable] == [("field:budget",)]


@pytest.mark.parametrize("rule", ["touches('any', 30) = 0", "days_in_stage() < 1"])
def test_at_an_unknown_moment_a_rule_about_time_cannot_be_judged(rule):
    desk = a_desk()
    desk.submit(open_opportunity({"source": "fair"}), occurred_at=None)
    desk.submit(change_stage("needs_diagnosis"), occurred_at=None)
    impact = impact_of(desk, asking_to_diagnose_for(rule))
    assert [judged.requirements for judged in impact.not_judgeable] == [("condition:asked",)]


def test_a_move_is_not_delayed_until_a_change_at_an_unknown_moment_where_its_gate_asks_for_time():
    """Nobody can say whether the gate would have been met then; it was when the next touch came, at a moment that is known."""
    desk = a_desk(told_time=NOW)
    desk.submit(open_opportunity({"source": "fair"}), told_time=NOW, occurred_at=NOW)
    desk.submit(change_stage("needs_diagnosis"), told_time=NOW, occurred_at=NOW)
    desk.submit(edit(budget="5000"), told_time=NOW, occurred_at=None)
    draft = asking_to_diagnose_for("budget >= 1000 AND touches('any', 30) >= 0")
    assert _delays(desk, draft) == [None]
    desk.submit(touch(), **at(2))
    assert _delays(desk, draft) == [desk.log.head()]


def test_a_move_is_delayed_until_what_only_a_later_version_asked_for_is_on_record():
    """It was "never": the version that judged had no such field, so nobody could say, though the value was told later."""
    asks = (
        "      seats: {type",
        "      referrer: {type: text, label: {zh: 推荐人, en: Referrer}}\n      seats: {type",
    )
    desk = a_desk()
    desk.submit(open_opportunity({"source": "fair"}))
    desk.submit(change_stage("needs_diagnosis"))
    desk.submit(PublishPlaybook(a_draft(asks)))
    draft = asking_to_diagnose_for("referrer IS NOT NULL", fields="budget", also=[asks])
    assert _delays(desk, draft) == [None]
    desk.submit(edit(referrer="Li"))
    assert _delays(desk, draft) == [None]
    desk.submit(edit(budget="5000"))
    assert _delays(desk, draft) == [desk.log.head()]


def _delays(desk, draft):
    found = replayed(desk.log, desk.vault, draft).decisions
    return found.filter(pl.col("verdict") == "newly_refused")["delayed_until_position"].to_list()


def test_a_stage_the_draft_does_not_have_cannot_be_judged(desk):
    impact = impact_of(desk, parse_playbook(TEXT.replace("needs_diagnosis", "diagnosis"), "draft.yaml"))
    assert Counter(judged.requirements for judged in impact.not_judgeable) == {("stage:needs_diagnosis",): 2}


def test_what_was_waived_then_is_waived_now():
    """Overrides waive the same requirement ids."""
    desk = a_desk()
    desk.submit(open_opportunity())
    desk.submit(change_stage("needs_diagnosis", override=waiving("field:source", "field:budget")), reason="x")
    assert impact_of(desk, asking_to_diagnose_for(fields="source")).changed == []
    assert [
        judged.requirements
        for judged in impact_of(desk, asking_to_diagnose_for(fields="source, seats")).changed
    ] == [("field:seats",)]


def test_a_draft_that_types_a_field_otherwise_finds_its_values_unknown(desk):
    """It could not be published, and can be replayed all the same."""
    draft = a_draft(
        ("topic: {type: text, personal: false,", "topic: {type: number,"),
        (
            "fields: [source]",
            'fields: [source]\n          conditions:\n            asked: {rule: "topic > 1", label: {zh: 问, en: Asked}}',
        ),
    )
    impact = impact_of(desk, draft)
    assert [(judged.verdict, judged.requirements) for judged in impact.changed] == [
        ("newly_refused", ("condition:asked",))
    ]


@pytest.mark.parametrize("override", [None, Override("import"), waiving("condition:fresh")])
@pytest.mark.parametrize(
    "rule",
    [
        "days_in_stage() IS NULL",
        "days_in_stage() >= 0",
        "coalesce(days_in_stage(), 99) > 1",
        "stage() = 'lead'",
    ],
)
def test_an_opening_is_judged_again_as_it_was_judged(rule, override):
    """A record that is being opened has been in no stage yet, also when it is judged again."""
    desk = a_desk()
    gate = f'label: {{zh: 线索, en: Lead}}\n        enter:\n          conditions:\n            fresh: {{rule: "{rule}", label: {{zh: 新, en: Fresh}}}}'
    desk.submit(PublishPlaybook(a_draft(("label: {zh: 线索, en: Lead}", gate))))
    desk.batch(desk.submission(open_opportunity(override=override), reason="x"))
    impact = replay(desk.log, desk.vault)
    assert (impact.decisions, impact.reproduced, impact.different) == (1, 1, [])


def test_a_decision_on_erased_words_is_counted_apart_and_not_blamed_on_a_draft():
    """The note said why, and nobody can read it any more: published and draft are the same rules, so nothing changes."""
    desk = a_desk()
    desk.submit(open_opportunity({"account": ACCOUNT, "source": "fair"}))
    desk.submit(change_stage("needs_diagnosis", pains=["cost"], budget="5000", is_strategic=True))
    desk.submit(touch())
    desk.submit(
        change_stage("quoted", override=waiving("evidence:solution_deck", "evidence:cost_sheet")), reason="x"
    )
    with pytest.raises(GateNotMet):
        desk.submit(change_stage("negotiation", note="no"))
    desk.submit(change_stage("negotiation", note="in a hurry"))
    desk.submit(EraseSubject(ACCOUNT))
    impact = impact_of(desk, the_playbook())
    assert (impact.decisions, impact.reproduced, impact.erased, impact.different) == (5, 4, 1, [])
    assert (impact.changed, impact.not_judgeable) == ([], [])


def at(days):
    """The time in a simulated log, some days on."""
    return {"occurred_at": NOW + days * DAY, "told_time": NOW + days * DAY}


def test_expiry_is_judged_as_of_the_move():
    """Evidence that has expired since was valid then."""
    desk = a_desk(told_time=NOW)
    desk.submit(open_opportunity({"account": ACCOUNT}))
    desk.batch(attach("cost_sheet"), attach("solution_deck", evidence="evi_3"), touch())
    desk.submit(change_stage("needs_diagnosis", source="fair", pains=["cost"], budget="5000"))
    desk.submit(change_stage("quoted"), **at(29))
    desk.submit(change_stage("lead"), reason="again", **at(30))
    desk.submit(change_stage("needs_diagnosis"), **at(31))
    with pytest.raises(GateNotMet):
        desk.submit(change_stage("quoted"), **at(31))
    impact = replay(desk.log, desk.vault)
    assert (impact.decisions, impact.reproduced, impact.different) == (6, 6, [])


def test_evidence_counts_as_long_as_a_draft_says():
    """What was attached under thirty days is judged under one: the move it carried is newly refused."""
    desk = a_desk(told_time=NOW)
    desk.submit(open_opportunity({"account": ACCOUNT}))
    desk.batch(attach("cost_sheet"), attach("solution_deck", evidence="evi_3"), touch())
    desk.submit(change_stage("needs_diagnosis", source="fair", pains=["cost"], budget="5000"))
    desk.submit(change_stage("quoted"), **at(29))
    shorter = a_draft(("valid_days: 30", "valid_days: 1"))
    (judged,) = replay(desk.log, desk.vault, shorter).changed
    assert (judged.verdict, judged.requirements) == ("newly_refused", ("evidence:cost_sheet",))


def test_a_window_limits_what_is_judged_not_what_it_stands_on(desk):
    head = desk.log.head()
    found = replayed(desk.log, desk.vault, the_playbook(), after=head - 1)
    assert (found.law.decisions, found.law.reproduced, found.decisions["position"].to_list()) == (
        1,
        1,
        [head],
    )


def test_a_log_without_decisions_has_no_impact():
    desk = a_desk()
    impact = replay(desk.log, desk.vault, the_playbook())
    assert (impact.decisions, impact.judged, impact.different) == (0, 0, [])


def test_progress_is_told(desk):
    heard = []
    replay(desk.log, desk.vault, partitions=4, progress=lambda done, of: heard.append((done, of)))
    assert heard == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_edits_before_the_move_are_part_of_what_is_judged(desk):
    desk.submit(edit(pains=["cost"]))
    assert replay(desk.log, desk.vault).different == []
