"""Imported history and deadlines: nothing of the past is called late, what happens after the import is, and a `go_live` says otherwise."""

from dataclasses import replace
from datetime import timedelta

import pytest
from oracle import deadlines as oracle
from support.deadline_comparing import by_name, name_of, replayed
from support.deadline_histories import ANNA, BEN, CARA, Clock, Told
from support.deadline_playbooks import DEADLINES, version
from support.deadlines import DAY, HOUR, MONDAY, armed, told, with_deadlines
from support.desk import an_empty_desk
from support.oracle_adapter import plain_draft, plain_events
from support.oracle_comparing import differing

from domain.deadlines import watched as watching
from domain.deadlines.events import DeadlineNoticed
from domain.events import FieldsChanged, RecordOpened, StageChanged, Touched
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import ChangeStage, OpenRecord, RecordTouch

YEAR_AGO = MONDAY - 300 * DAY
OPENED = RecordOpened(fields={}, stage="lead", owner=ANNA)
CALLED = Touched("tou_1", "call")
STAGE = "late: {on_stage: lead, after_hours: 1}"
SILENCE = "silent: {on_silence: any, after_hours: 24, by: clock}"
DATE = "decided: {on_date: decides_on}"


def history(*happened, imported):
    """What happened to a deal, each at its moment; of the events at some places the import told on Monday at nine."""
    events = [
        replace(one, recorded_at=MONDAY, channel="import") if place in imported else one
        for place, one in enumerate(told(*happened))
    ]
    found = watching.fold(None, events)
    assert found is not None
    assert watching.from_json(watching.to_json(found)) == found
    return found


def opened(**fields):
    return (replace(OPENED, fields=fields), YEAR_AGO)


# ── what arms ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("happened_at", [YEAR_AGO, MONDAY - HOUR, None])
def test_an_imported_stage_has_no_deadline_until_the_record_moves(happened_at):
    """It had one from the import on, and every old record was called late as soon as its hours were over."""
    found = history((OPENED, happened_at), imported={0})
    assert armed(found, with_deadlines(STAGE)) == {}
    back = (StageChanged("costed", "lead", "back"), MONDAY + 2 * HOUR)
    moved = history(
        (OPENED, happened_at), (StageChanged("lead", "costed", "forward"), MONDAY + HOUR), back, imported={0}
    )
    assert armed(moved, with_deadlines(STAGE))["late"].starts_at == MONDAY + 2 * HOUR


def test_a_go_live_says_from_when_on_imported_history_has_deadlines():
    """With the year before the import it is what it was without one: it begins with the import, since nobody is late because something was noted late."""
    playbook = with_deadlines(STAGE.replace("}", ", go_live: '2025-01-01T00:00:00+08:00'}"))
    assert armed(history(opened(), imported={0}), playbook)["late"].starts_at == MONDAY


def test_imported_silence_begins_once_somebody_here_moves_or_touches_the_record():
    """From then on a touch that comes by an import, from a telephone for example, counts like any other."""
    playbook = with_deadlines(SILENCE)
    assert armed(history(opened(), (CALLED, YEAR_AGO), imported={0, 1}), playbook) == {}
    lived = history(opened(), (CALLED, MONDAY + HOUR), imported={0})
    assert armed(lived, playbook)["silent"].starts_at == MONDAY + HOUR
    synced = history((OPENED, MONDAY - DAY), (CALLED, MONDAY - HOUR), imported={1})
    assert armed(synced, playbook)["silent"].starts_at == MONDAY - HOUR


@pytest.mark.parametrize(
    ("day", "is_armed"), [("2026-03-01", False), ("2026-03-02", True), ("2026-04-01", True)]
)
def test_an_imported_day_is_waited_for_where_it_was_still_to_come(day, is_armed):
    """Monday is the second of March; of a day that was over by then, nobody is told."""
    playbook = with_deadlines(DATE)
    assert ("decided" in armed(history(opened(decides_on=day), imported={0}), playbook)) is is_armed
    changed = FieldsChanged({"decides_on": {"old": None, "new": day}})
    assert ("decided" in armed(history(opened(), (changed, YEAR_AGO), imported={0, 1}), playbook)) is is_armed


# ── on a log, with the clock, and replayed ───────────────────────────────────────────────────────────────────────────

RULES = {name: None for name in DEADLINES if name not in ("diagnosed", "silent", "decided", "offered")}
"""Deadlines of a stage, of silence and of a day."""


def a_migration():
    """Three deals come out of another system on Monday morning; one is moved, one is touched, and a week goes by."""
    desk = an_empty_desk(told_time=MONDAY)
    clock = Clock(desk)
    for command in (
        PublishPlaybook(version(**RULES)), FormTeam("north", "North", region="north"), AddPerson(CARA, "Cara", "north", None, ("vp",)),
        AddPerson(BEN, "Ben", "north", CARA), AddPerson(ANNA, "Anna", "north", BEN, ("seller",)),
    ):  # fmt: skip
        desk.submit(command, told_time=MONDAY, occurred_at=MONDAY)
    for number, day in ((1, "2026-02-01"), (2, "2026-03-05"), (3, "2026-02-01")):
        given = {"topic": "x", "decides_on": day}
        desk.submit(
            OpenRecord(f"deal/dea_{number}", given, "lead", ANNA),
            told_time=MONDAY,
            occurred_at=YEAR_AGO,
            channel="import",
        )
    clock.run_until(MONDAY + 2 * HOUR)
    desk.submit(
        ChangeStage("deal/dea_2", "costed"), told_time=MONDAY + 2 * HOUR, occurred_at=MONDAY + 2 * HOUR
    )
    desk.submit(
        RecordTouch("deal/dea_3", "tou_1", "call"), told_time=MONDAY + 3 * HOUR, occurred_at=MONDAY + 3 * HOUR
    )
    clock.run_until(MONDAY + 8 * DAY)
    return Told(desk)


def test_a_migration_calls_nobody_and_what_happens_after_it_is_watched():
    """Every old record was called late within a day of the import, up to the VP."""
    log = a_migration().log
    fired = [one.event for one in log.read(1, log.head()) if isinstance(one.event, DeadlineNoticed)]
    assert {(event.record[-1], event.deadline) for event in fired} == {
        ("2", "offered"), ("2", "silent"), ("2", "decided"), ("3", "silent"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "draft",
    [
        version(**RULES),
        version(**RULES | {"diagnosed": DEADLINES["diagnosed"].replace("after_hours: 18, warn", "after_hours: 9, warn")}),
        version(**RULES | {"diagnosed": "{on_stage: lead, after_hours: 18, go_live: '2024-01-01T00:00:00+08:00'}"}),
        version(**RULES | {"decided": "{on_date: decides_on, go_live: '2024-01-01T00:00:00+08:00'}"}),
    ],
    ids=["the same", "other hours", "a go-live of a stage", "a go-live of a day"],
)  # fmt: skip
def test_the_law_and_the_oracle_hold_of_a_migration(draft):
    story = a_migration()
    found = replayed(story, draft)
    events = plain_events(story.log.read(1, story.log.head()), story.desk.vault)
    law = oracle.law(events, 0, story.log.head(), {})
    assert found.law.decisions == found.law.reproduced > 0
    assert {name: getattr(found.law, name) for name in law} == law
    rows = oracle.rows(events, plain_draft(draft) | {"number": 10**6}, 0, story.log.head(), {})
    expected = by_name(rows, lambda row: row["name"])
    assert differing("firing", by_name(found.datasets["deadlines"].to_dicts(), name_of), expected) == []


def test_a_replay_says_whom_a_go_live_would_call():
    draft = version(
        **RULES | {"diagnosed": "{on_stage: lead, after_hours: 18, go_live: '2024-01-01T00:00:00+08:00'}"}
    )
    found = replayed(a_migration(), draft).datasets["deadlines"].to_dicts()
    new = {(row["record"], row["name"]) for row in found if row["verdict"] == "new"}
    assert new == {("deal/dea_1", "diagnosed"), ("deal/dea_3", "diagnosed")}
    assert timedelta(0) < min(row["due_would"] for row in found if row["verdict"] == "new") - MONDAY
