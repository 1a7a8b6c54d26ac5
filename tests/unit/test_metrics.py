"""Each metric on a small history told in words; every figure is counted by hand."""

from decimal import Decimal

import pytest
from support.given import ANNA, BEN
from support.measuring import a_story, the_measured_playbook, yuan

HOUR, DAY = 3_600, 86_400


def D(text: str) -> Decimal:  # noqa: N802 — reads as the number it is
    """A number as metrics say it."""
    return Decimal(text)


def test_stage_distribution_counts_records_and_what_they_are_worth():
    """Each record where it stands now, under its outcome; worth in minor units, and how many have one."""
    story = (
        a_story()
        .on("2026-03-02 09:00").opens("a", amount=yuan("100.50")).opens("b", owner=BEN).opens("c", amount=yuan("7"))
        .moves("c", "lost").on("2026-03-03 09:00").writes("a", amount=yuan("200.25"))
    )  # fmt: skip
    story.asks("stage_distribution").says(
        records=3, worth_minor=D("20725"), worth_currency="CNY", worth_records=2, mixed_currencies=False
    )
    answer = story.asks("stage_distribution", by="step,region")
    assert answer.per("records") == {("lead", "华北"): 1, ("lead", "华南"): 1, ("lost", "华北"): 1}
    assert answer.per("worth_minor") == {
        ("lead", "华北"): D("20025"),
        ("lead", "华南"): D("0"),
        ("lost", "华北"): D("700"),
    }
    assert story.asks("stage_distribution", by="outcome").per("records") == {"lost": 1, "open": 2}


def test_the_worth_of_two_currencies_is_unknown_and_said():
    """No sum over yuan and yen; apart from each other both are known."""
    story = (
        a_story().on("2026-03-02 09:00").opens("a", amount=yuan("5")).opens("b", amount=yuan("300", "JPY"), owner=BEN)
    )  # fmt: skip
    story.asks("stage_distribution").says(
        worth_minor=None, worth_currency=None, mixed_currencies=True, worth_records=2
    )
    answer = story.asks("stage_distribution", by="owner")
    assert answer.per("worth_minor") == {ANNA: D("500"), BEN: D("300")}
    assert answer.per("worth_currency") == {ANNA: "CNY", BEN: "JPY"}


def test_a_kind_that_names_no_worth_has_none():
    """Nothing is added up where nobody said what records are worth."""
    story = a_story(("    worth: amount\n", "")).on("2026-03-02 09:00").opens("a", amount=yuan("5"))
    story.asks("stage_distribution").says(records=1, worth_minor=None, worth_currency=None, worth_records=0)


def test_dwell_is_told_of_each_visit_and_running_ones_stay_apart():
    """Two ended visits of lead: one day and three days; one runs for two days; working time leaves out nights and the weekend."""
    story = (
        a_story()
        .on("2026-03-02 09:00").opens("a")  # a Monday
        .on("2026-03-03 09:00").moves("a", "planned")
        .on("2026-03-06 12:00").opens("b")  # a Friday
        .on("2026-03-09 12:00").moves("b", "quoted").opens("c")
        .on("2026-03-11 12:00").touches("a")
    )  # fmt: skip
    answer = story.asks("dwell", by="step")
    lead = {row["step"]: row for row in answer.rows}["lead"]
    assert (lead["visits"], lead["running"], lead["ended"], lead["judged"]) == (3, 1, 2, 2)
    assert lead["mean_seconds"] == 2 * DAY
    assert (lead["median_seconds"], lead["p90_seconds"]) == (DAY, 3 * DAY)
    # Monday 9–17 is 8 h; Friday 12–17 and Monday 9–12 are 8 h.
    assert (lead["business_mean_seconds"], lead["business_median_seconds"]) == (8 * HOUR, 8 * HOUR)
    assert lead["running_mean_seconds"] == 2 * DAY
    assert answer.records("mean_seconds", step="lead") == ["a", "b"]
    assert answer.records("running", step="lead") == ["c"]


def test_a_dwell_with_an_unknown_or_disordered_moment_leaves_the_mean():
    """Neither is ever negative or invented."""
    story = (
        a_story()
        .on("2026-03-02 09:00").opens("a").unknown().moves("a", "quoted")
        .on("2026-03-04 09:00").opens("b").on("2026-03-03 09:00", recorded="2026-03-05 09:00").moves("b", "quoted")
        .on("2026-03-05 10:00").opens("c").on("2026-03-05 11:00").moves("c", "quoted")
    )  # fmt: skip
    story.asks("dwell", where=["step=lead"]).says(
        visits=3, ended=3, judged=1, unknown=1, disordered=1, mean_seconds=D("3600"), median_seconds=3_600
    )
    story.asks("dwell", where=["step=quoted"]).says(
        visits=3,
        running=3,
        running_judged=2,
        mean_seconds=None,
        median_seconds=None,
        business_mean_seconds=None,
    )


def test_dwell_in_a_period_begins_at_its_midnight_in_the_zone_and_ends_before_the_next():
    """Half-open, in Shanghai: the first instant of March is in, that of April is not."""
    story = (
        a_story().on("2026-02-28 23:59").opens("a").on("2026-03-01 00:00").opens("b").on("2026-04-01 00:00").opens("c")
    )  # fmt: skip
    assert story.asks("dwell", period="2026-03").records("visits") == ["b"]
    assert story.asks("dwell", period="2026-03-01..2026-04-02").records("visits") == ["b", "c"]
    assert story.asks("dwell", by="month").per("visits") == {"2026-02": 1, "2026-03": 1, "2026-04": 1}
    assert story.asks("dwell", by="quarter").per("visits") == {"2026-Q1": 2, "2026-Q2": 1}
    assert story.asks("dwell", by="week").per("visits") == {"2026-W09": 2, "2026-W14": 1}


CONVERTING = (
    a_story()
    .on("2026-03-02 09:00").opens("a").opens("b").opens("c").opens("d")
    .on("2026-03-05 09:00").moves("a", "planned").moves("b", "lost").moves("c", "planned").unknown().moves("d", "quoted")
    .on("2026-03-20 09:00").moves("a", "held").moves("a", "quoted").moves("c", "lead")
    .on("2026-04-02 09:00").moves("a", "won").opens("e")
)  # fmt: skip


def test_conversion_of_a_cohort_follows_its_records_to_the_end():
    """Four entered lead in March; two came to quoted, one was lost, one is on its way."""
    CONVERTING.asks("conversion", period="2026-03", from_="lead", to="quoted").says(
        entered=4, reached=2, lost=1, running=1, rate_percent=D("50")
    )
    answer = CONVERTING.asks("conversion", period="2026-04", from_="lead", to="quoted")
    answer.says(entered=1, reached=0, running=1, rate_percent=D("0"))
    CONVERTING.asks("conversion", period="2026-05", from_="lead", to="quoted").says(
        entered=0, rate_percent=None
    )


def test_conversion_of_a_cohort_counts_the_first_entry_alone():
    """The deal that went back to lead in March is not a new one, and what it reached before does not count for later."""
    story = a_story().on("2026-03-02 09:00").opens("a", "quoted").moves("a", "lead")
    story.asks("conversion", from_="lead", to="quoted").says(entered=1, reached=0, running=1)


def test_conversion_by_flow_looks_at_where_visits_led():
    """Four visits of lead ended in March at a known moment or not; two led to planned."""
    story = CONVERTING
    story.asks("conversion", variant="flow", period="2026-03", from_="lead", to="planned").says(
        left=3, moved_on=2, rate_percent=D("66.666667")
    )
    story.asks("conversion", variant="flow", from_="lead", to="planned").says(
        left=4, moved_on=2, rate_percent=D("50")
    )


def test_conversion_as_a_snapshot_orders_steps_along_the_way():
    """Won is the last step; lost is nowhere on the way."""
    CONVERTING.asks("conversion", variant="snapshot", from_="lead", to="quoted").says(
        at_or_beyond=4, beyond=2, rate_percent=D("50")
    )
    assert CONVERTING.asks("conversion", variant="snapshot", from_="planned", to="won").records(
        "rate_percent"
    ) == ["a"]


def test_the_return_rate_of_an_edge_is_the_share_of_the_moves_out_of_a_step_that_went_back():
    """Out of planned: one on, one back."""
    answer = CONVERTING.asks("return_rate", by="edge_from")
    assert answer.per("moves") == {"held": 1, "lead": 4, "planned": 2, "quoted": 1}
    assert answer.per("rate_percent") == {"held": 0, "lead": 0, "planned": 50, "quoted": 0}
    assert answer.records("returns", edge_from="planned") == ["c"]


def test_rework_tells_its_four_kinds_apart_and_counts_a_visit_once():
    """Going back to a step one was in is a backtrack and a repetition, and one visit of rework."""
    story = (
        a_story().on("2026-03-02 09:00").opens("a").moves("a", "lead").moves("a", "planned").moves("a", "lead")
        .moves("a", "lost").moves("a", "planned")
    )  # fmt: skip
    story.asks("rework").says(
        visits=6, self_loops=1, repetitions=2, backtracks=1, reopenings=1, rework=3, rework_percent=D("50")
    )


def test_conformance_names_every_violation_and_keeps_running_records_apart():
    """One conforms by winning, one by being lost in order, one is running, one broke the way in every manner."""
    story = (
        a_story().on("2026-03-02 09:00")
        .opens("won").moves("won", "planned").moves("won", "held").moves("won", "quoted").moves("won", "won")
        .opens("lost").moves("lost", "lost")
        .opens("running", path="short").moves("running", "quoted")
        .opens("bad", "planned").moves("bad", "planned").moves("bad", "quoted", waiving=["field:amount"]).moves("bad", "lead")
        .moves("bad", "won").moves("bad", "quoted")
        .opens("stray", path="short").moves("stray", "planned")
    )  # fmt: skip
    story.asks("conformance", period="2026-03").says(
        records=5, violating=2, running=1, conforming=2, judged=4, rate_percent=D("50")
    )
    answer = story.asks("conformance", by="violation")
    assert answer.per("violations") == {
        "back": 1,
        "off_path": 1,
        "opened_late": 1,
        "overridden": 1,
        "reopened": 1,
        "repeated": 1,
        "skipped:held": 2,
    }
    assert answer.records("violations", violation="off_path") == ["stray"]


def test_freshness_asks_key_fields_of_open_records_for_their_last_word():
    """Fresh by an update, by a confirmation, stale by age, by never having been told, by having been emptied; unknown; ended records are not asked."""
    story = (
        a_story()
        .on("2026-01-05 09:00").opens("old", source="fair").opens("confirmed", source="fair").opens("emptied", source="fair").opens("never")
        .on("2026-03-01 09:00").confirms("confirmed", "source").writes("emptied", source=None).opens("ended", source="web").moves("ended", "lost")
        .unknown().opens("unknown", source="web")
        .on("2026-03-04 09:00").opens("new", source="web")
    )  # fmt: skip
    answer = story.asks("freshness", fields="source", within_days="30", by="field")
    answer.says(pairs=6, fresh=2, stale=3, unknown=1, judged=5, rate_percent=D("40"))
    assert answer.records("fresh") == ["confirmed", "new"]
    assert answer.records("unknown") == ["unknown"]
    # A confirmation, too, ages; a field told of the future is fresh.
    story.asks("freshness", fields="source", within_days="3").says(fresh=2)
    story.asks("freshness", fields="source", within_days="3", now="2026-03-05 09:00").says(fresh=1)
    story.asks("freshness", fields="source", within_days="3", now="2026-03-01 08:00").says(fresh=2)
    # By default the fields and days of the playbook's own index: source and amount, 30 days.
    story.asks("freshness").says(pairs=12, fresh=2, unknown=1)


def test_penetration_counts_what_was_due_and_done_in_the_steps_entered():
    """First call within 24 h, source with a wanted option, an action of a stage on coming into it, one of a node."""
    story = (
        a_story()
        .on("2026-03-02 09:00").opens("a", source="fair").opens("b", source="friend").opens("c")
        .on("2026-03-03 09:00").touches("a")  # just in time
        .on("2026-03-03 09:01").touches("b")  # too late
        .on("2026-03-04 09:00").moves("a", "planned").touches("a", "visit").moves("a", "held")
        .on("2026-03-05 09:00").touches("c")
    )  # fmt: skip
    answer = story.asks("penetration", by="action")
    assert answer.per("done") == {"deck_made": 0, "first_call": 1, "source_asked": 1, "visited": 1}
    assert answer.per("due") == {"deck_made": 0, "first_call": 3, "source_asked": 1, "visited": 1}
    assert answer.per("open") == {"deck_made": 1, "first_call": 0, "source_asked": 2, "visited": 0}
    story.asks("penetration").says(
        actions=8, due=5, done=3, missed=2, open=3, unknown=0, rate_percent=D("60"),
        records_due=3, records_done=1, records_rate_percent=D("33.333333"),
    )  # fmt: skip
    assert story.asks("penetration").records("records_done") == ["a"]
    story.asks("penetration", now="2026-03-07 09:00", by="action", where=["action=deck_made"]).says(
        due=1, missed=1
    )


def test_penetration_looks_from_the_entry_to_the_move_that_ended_the_visit():
    """A move counts for the step it leaves; what comes later, or came before, does not count; a stage's action is asked once."""
    story = (
        a_story().on("2026-03-02 09:00")
        .opens("a", "quoted").moves("a", "won")
        .opens("b", "quoted").moves("b", "lead").moves("b", "won")
        .opens("c", "planned").moves("c", "held").touches("c", "visit").moves("c", "planned")
    )  # fmt: skip
    answer = story.asks("penetration", by="action")
    assert answer.per("done")["decided"] == 1
    assert answer.per("due")["decided"] == 2
    # Entered planned at the opening; held and planned again are within the stage: one visit action, missed in its own visit.
    assert answer.per("actions")["visited"] == 1
    assert answer.per("missed")["visited"] == 1


def test_penetration_with_a_limit_at_an_unknown_moment_is_unknown():
    """Nobody can tell whether it was in time; without any happening it was not done."""
    story = (
        a_story().on("2026-03-02 09:00").opens("a").opens("b").opens("c").unknown().touches("a").touches("b")
        .on("2026-03-02 10:00").touches("b").on("2026-03-05 10:00").touches("c").moves("a", "quoted")
    )  # fmt: skip
    story.asks("penetration", where=["action=first_call"], by="action").says(
        actions=3, due=2, done=1, missed=1, unknown=1
    )
    unknown = a_story().unknown().opens("a").opens("b").moves("b", "quoted").opens("c").touches("c")
    answer = unknown.asks("penetration", where=["action=first_call"], by="action")
    answer.says(actions=3, due=1, missed=1, unknown=2)


def test_response_counts_unanswered_requests_with_the_time_that_has_passed():
    """One answered after 26 h, 8 h of them working time; one waits for two days; an answer before the question is none."""
    story = (
        a_story()
        .on("2026-03-02 09:00").opens("a").opens("b").proves("b").touches("a", "visit")  # a Monday
        .on("2026-03-03 09:00").touches("b", "visit")
        .on("2026-03-03 11:00").proves("a").proves("a")
        .on("2026-03-05 09:00").touches("a")
    )  # fmt: skip
    answer = story.asks("response", requests="deck")
    answer.says(
        requests=2, answered=1, unanswered=1, unknown=0, judged=2, mean_seconds=D(str(37 * HOUR)), median_seconds=26 * HOUR,
        business_mean_seconds=D(str((10 + 16) * HOUR // 2)),
    )  # fmt: skip
    assert answer.records("answered") == ["a"]


def test_a_request_that_nobody_answered_waits_until_its_record_ended():
    """From then on nobody owes an answer: not the longer the log goes on, nor when the end is followed by another one."""
    story = (
        a_story()
        .on("2026-03-02 09:00").opens("a", "quoted").touches("a", "visit").opens("b", "quoted").touches("b", "visit")
        .on("2026-03-02 12:00").moves("a", "lost").moves("b", "won")
        .on("2026-03-04 09:00").moves("a", "parked").touches("b")
    )  # fmt: skip
    for now in ("2026-03-04 09:00", "2026-12-31 09:00"):
        story.asks("response", requests="deck", now=now).says(
            requests=2, unanswered=2, judged=2, mean_seconds=D(str(3 * HOUR)), business_mean_seconds=D(str(3 * HOUR))
        )  # fmt: skip
    # As of a position before the end it waits until then.
    before = next(event.position for event in story.events if event.event.TOPIC.startswith("record.stage"))
    story.asks("response", requests="deck", position=before - 1, now="2026-03-02 10:00").says(
        mean_seconds=D(str(HOUR))
    )


def test_a_request_of_a_record_that_goes_on_or_had_ended_waits_on():
    """Opened again it waits until now, asked after the end too; an answer after the end is an answer; an end at an unknown moment is unknown."""
    story = (
        a_story()
        .on("2026-03-02 09:00").opens("again", "quoted").touches("again", "visit").opens("late", "quoted").opens("told", "quoted").touches("told", "visit")
        .on("2026-03-02 10:00").moves("again", "lost").moves("late", "won").moves("told", "won")
        .on("2026-03-02 11:00").moves("again", "quoted").touches("late", "visit")
        .on("2026-03-02 13:00").proves("told")
    )  # fmt: skip
    answer = story.asks("response", requests="deck", now="2026-03-03 09:00")
    answer.says(requests=3, answered=1, unanswered=2, mean_seconds=D(str((24 + 22 + 4) * HOUR // 3)))
    ended = a_story().on("2026-03-02 09:00").opens("a").touches("a", "visit").unknown().moves("a", "lost")
    ended.asks("response", requests="deck").says(requests=1, unanswered=1, unknown=1, judged=0)


def test_response_of_a_field_request_takes_the_first_answer_and_leaves_unknown_moments_out():
    """A list that holds the option answers; another option does not; unknown moments leave the mean."""
    story = (
        a_story()
        .on("2026-03-02 09:00").opens("a").moves("a", "planned").opens("b").moves("b", "planned")
        .on("2026-03-02 10:00").writes("a", pains=["time"])
        .on("2026-03-02 12:00").writes("a", pains=["cost", "time"])
        .unknown().writes("b", pains=["cost"]).opens("c").moves("c", "planned")
    )  # fmt: skip
    story.asks("response", by="request").says(
        request="pains", requests=3, answered=2, unanswered=1, unknown=2, judged=1, mean_seconds=D("10800")
    )
    story.asks("response", period="2026-03").says(requests=2, unknown=1)


def test_touches_that_led_nowhere_are_told_from_those_that_may_still_lead_somewhere():
    """Somewhere: a step ahead, a field, a piece of evidence in time; not a lost deal, not what came too late."""
    story = (
        a_story()
        .on("2026-03-02 09:00").opens("a").opens("b").opens("c").opens("d").opens("e").opens("f")
        .touches("a").touches("b").touches("c").touches("d").touches("e")
        .on("2026-03-10 09:00").moves("a", "planned").moves("b", "lost").writes("c", source="web").proves("d")
        .on("2026-03-16 09:01").writes("e", source="web").touches("f").unknown().touches("f")
    )  # fmt: skip
    answer = story.asks("dead_touches")
    answer.says(touches=7, led_somewhere=3, led_nowhere=2, open=1, unknown=1, judged=5, rate_percent=D("40"))
    assert answer.records("led_nowhere") == ["b", "e"]
    story.asks("dead_touches", within_days="15", period="2026-03").says(led_somewhere=4, unknown=0, touches=6)


def test_contradictions_find_steps_that_were_claimed_without_proof():
    """Quoted asks for source, amount and deck along the full way, without the demo's source on the short one; waived is not contradictory."""
    story = (
        a_story().on("2026-03-02 09:00")
        .opens("proven", "quoted", source="fair", amount=yuan("1")).proves("proven")
        .opens("claimed", "quoted", amount=yuan("1"))
        .opens("waived").moves("waived", "quoted", waiving=["evidence:deck", "field:source", "field:amount"])
        .opens("short", "quoted", path="short", amount=yuan("1")).proves("short")
        .opens("won", "won", path="short", chain=False, amount=yuan("1"))
        .opens("lost", "lost").opens("fresh")
    )  # fmt: skip
    answer = story.asks("contradictions")
    answer.says(
        requirements=14, contradictory=3, waived=3, records=5, records_contradictory=2, rate_percent=D("40")
    )
    assert answer.records("records_contradictory") == ["claimed", "won"]
    assert story.asks("contradictions", by="requirement").per("contradictory") == {
        "evidence:deck": 2,
        "field:amount": 0,
        "field:chain": 0,
        "field:source": 1,
    }


def test_asking_in_vain_to_waive_waives_nothing():
    """Only what an accepted decision waived is waived."""
    story = a_story().on("2026-03-02 09:00").opens("a", "quoted", source="fair", amount=yuan("1"))
    story.is_refused("a", "won", "field:chain", waived=["evidence:deck"])
    story.asks("contradictions").says(waived=0, contradictory=1)


def test_touches_are_counted_as_they_are_known_now():
    """A corrected touch counts as corrected, where it was noted first; a withdrawn one not at all."""
    story = (
        a_story()
        .on("2026-03-02 09:00").opens("a").opens("b").touches("a", touch="t1").touches("a", touch="t2").touches("b", touch="t3")
        .on("2026-03-20 09:00").hands_over("a", BEN).corrects("a", "t1", kind="visit").corrects("b", "t3", withdrawn=True)
        .corrects("a", "t2", happened_at="2026-02-20T09:00:00Z")
    )  # fmt: skip
    story.asks("touches").says(touches=2, records=1)
    assert story.asks("touches", by="touch_kind,month,owner").per("touches") == {
        ("call", "2026-02", ANNA): 1,
        ("visit", "2026-03", ANNA): 1,
    }
    assert story.asks("touches").records("records") == ["a"]


def test_evidence_is_counted_by_field():
    """Pieces and the records they belong to."""
    story = a_story().on("2026-03-02 09:00").opens("a").opens("b").proves("a").proves("a").proves("b")
    story.asks("evidence", by="evidence_field").says(evidence_field="deck", pieces=3, records=2)


def test_acceptance_counts_refused_attempts_and_what_they_lacked():
    """Openings are decisions too; each unmet requirement of a refused one is a case of its own."""
    story = (
        a_story().on("2026-03-02 09:00").opens("a").is_refused("a", "quoted", "field:amount", "evidence:deck")
        .is_refused("a", "quoted", "field:amount").moves("a", "quoted", waiving=["field:amount"])
    )  # fmt: skip
    story.asks("acceptance").says(
        decisions=4, accepted=2, refused=2, overridden=1, rate_percent=D("50"), unmet=3
    )
    assert story.asks("acceptance", by="requirement").per("unmet") == {"evidence:deck": 1, "field:amount": 2}
    assert story.asks("acceptance", by="step,edge_from").per("accepted") == {
        ("lead", None): 1,
        ("quoted", "lead"): 1,
    }


def test_owner_team_and_region_are_those_as_of_the_case():
    """Who moved house since, or handed over, changes nothing about what was done before."""
    story = (
        a_story()
        .on("2026-03-02 09:00").opens("a").touches("a")
        .on("2026-03-03 09:00").changes_team(ANNA, "south").touches("a")
        .on("2026-03-04 09:00").hands_over("a", BEN).touches("a").hands_over("a", None).touches("a")
    )  # fmt: skip
    assert story.asks("touches", by="owner,team").per("touches") == {
        (ANNA, "north"): 1,
        (ANNA, "south"): 1,
        (BEN, "south"): 1,
        (None, None): 1,
    }
    assert story.asks("touches", by="region", where=["region=华南,"]).per("touches") == {"华南": 2, None: 1}
    assert story.asks("stage_distribution", by="owner").per("records") == {None: 1}


def test_a_field_as_a_dimension_is_its_value_as_of_the_case():
    """Before it was written there was none, and what was written later does not count."""
    story = (
        a_story().on("2026-03-02 09:00").opens("a").touches("a").writes("a", source="web", chain=True, expert=BEN)
        .touches("a").writes("a", source=None).touches("a").writes("a", source="fair")
    )  # fmt: skip
    assert story.asks("touches", by="field:source").per("touches") == {"web": 1, None: 2}
    assert story.asks("touches", by=["field:chain", "field:expert"]).per("touches") == {
        ("true", BEN): 2,
        (None, None): 1,
    }
    assert story.asks("stage_distribution", by="field:source").per("records") == {"fair": 1}


def test_step_stage_path_and_move_of_a_case_are_those_it_stood_in():
    """A touch belongs to the step the record was in."""
    story = (
        a_story()
        .on("2026-03-02 09:00")
        .opens("a", path="full")
        .touches("a")
        .moves("a", "planned")
        .touches("a")
    )
    assert story.asks("touches", by="step,stage,path,move").per("touches") == {
        ("lead", "lead", "full", "open"): 1,
        ("planned", "demo", "full", "forward"): 1,
    }


def test_names_are_read_through_the_mappings_of_the_playbook_in_force():
    """A stage, a field and an option that are gone stand where the later version says; what no version knows is unknown."""
    renamed = the_measured_playbook(
        ("          planned: {label: {zh: 安排, en: Planned}}\n", ""),
        ("asked: {enters: planned}", "asked: {enters: held}"),
        ("friend: {zh: 朋友, en: Friend}", "referral: {zh: 介绍, en: Referral}"),
        ("      source:\n", "      origin:\n"),
        ("field: source, one_of: [fair, web]", "field: origin, one_of: [referral]"),
        ("enter: {fields: [source]}", "enter: {fields: [origin]}"),
        ("fields: [source, amount]", "fields: [origin, amount]"),
    )
    story = (
        a_story().on("2026-03-02 09:00").opens("a", source="friend").moves("a", "planned").moves("a", "held").opens("b")
        .moves("b", "nowhere").publishes(
            renamed,
            {"deal": {"stages": {"planned": "held"}, "fields": {"source": "origin"}, "options": {"source": {"friend": "referral"}}}},
        )
    )  # fmt: skip
    assert story.asks("stage_distribution", by="step,outcome").per("records") == {
        ("held", "open"): 1,
        ("nowhere", "unknown"): 1,
    }
    assert story.asks("stage_distribution", by="field:origin").per("records") == {"referral": 1, None: 1}
    assert story.asks("rework", where=["step=held"]).only["repetitions"] == 1
    story.asks("penetration", where=["action=source_asked"], by="action").says(done=1, due=2)
    story.asks("freshness", fields="origin").says(pairs=1, fresh=1)
    # As of before the publication nothing was renamed.
    before = story.asks("stage_distribution", by="step", position=story.head - 1)
    assert before.per("records") == {"held": 1, "nowhere": 1}
    assert story.asks("touches", by="field:source", position=story.head - 1).rows == []


@pytest.mark.parametrize("steps", [(), ("lead",)])
def test_a_mean_of_nothing_is_unknown_and_never_zero(steps):
    """An empty log has one cell that says so."""
    story = a_story().on("2026-03-02 09:00")
    for step in steps:
        story.opens("a", step)
    answer = story.asks("dwell")
    answer.says(ended=0, mean_seconds=None, p90_seconds=None, business_mean_seconds=None)
    story.asks("return_rate").says(moves=0, rate_percent=None)
