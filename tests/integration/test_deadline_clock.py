"""The timer table and its clock on a real log: what is armed, what fires although nobody writes, and what a change of rules does."""

import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from support import projecting
from support.deadlines import ANNA, BEN, CARA, DAY, DEAL, HOUR, MONDAY, TEXT, the_playbook, with_deadlines
from support.projecting import query
from support.sales import a_client, a_submission
from typer.testing import CliRunner

from commands.submission import NOW
from consumers.deadlines.clock import key_of, send, tick
from domain.deadlines.commands import AcknowledgeDeadline, NoticeDeadline
from domain.deadlines.events import DeadlineNoticed
from domain.organisation.commands import AddPerson, FormTeam, MovePerson
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import OWNER_REGION
from domain.record.commands import ChangeOwner, ChangeStage, CorrectTouch, EditFields, OpenRecord, RecordTouch
from domain.refusals import InvalidCommand, NotAllowed
from domain.values import moment_text
from domain.work.commands import CompleteWork, RequestWork, RescheduleWork
from infra.cli.main import app
from infra.deadline_clock import blames_the_row, let_time_pass, noticing
from projections import due_timers
from projections.timer_forecast import forecast

server = projecting.server
WEEK = 7 * DAY


class Team:
    """A tenant with the team of the watched playbook; in a simulated log time goes as it is told."""

    def __init__(self, tenant, playbook=None, *, begins=MONDAY):
        self.tenant = tenant
        self.clock = begins if tenant.log.is_simulated else None
        self.do(PublishPlaybook(playbook or the_playbook()))
        self.do(FormTeam("north", "North", region="north"))
        for person, name, manager, roles in (
            (CARA, "Cara", None, ("vp",)),
            (BEN, "Ben", CARA, ()),
            (ANNA, "Anna", BEN, ("seller",)),
        ):
            self.do(AddPerson(person, name, team="north", manager=manager, roles=roles))

    def do(self, command, at=None, **about):
        """Carry a command out, in a simulated log at a moment."""
        if self.clock is not None:
            self.clock = max(self.clock, at or self.clock)
            about = {"told_time": self.clock} | about
        return self.tenant.bus.submit(a_submission(command, **{"occurred_at": NOW} | about))

    def until(self, moment):
        """Let time pass."""
        return let_time_pass(self.tenant, moment)

    def fired(self, stream=DEAL):
        """What was noticed of a deal: the deadline, the rung, who was told, and when."""
        self.tenant.catch_up.run()
        return [
            (event.deadline, event.rung, event.told, datetime.fromisoformat(event.noticed_at))
            for recorded in self.tenant.log.stream(f"deadlines/{stream}")
            if isinstance(event := recorded.event, DeadlineNoticed)
        ]

    def timers(self):
        """The rows of the timer table."""
        self.tenant.catch_up.run()
        return query(
            self.tenant,
            "SELECT deadline, armed_at, told_rung, next_rung, next_at, due_at FROM dealtrail_read.timers ORDER BY record, deadline, armed_at, in_force_from",
        )


@pytest.fixture
def team(a_tenant):
    return Team(a_tenant("clock", clock="simulated", told_time=MONDAY))


def opened(team, at=MONDAY, stream=DEAL, **about):
    return (
        team.do(OpenRecord(stream, {"topic": "x"}, stage="lead", owner=ANNA), at, **about).events[0].position
    )


# ── a deadline passes ────────────────────────────────────────────────────────────────────────────────────────────────


def test_defect_4_a_deadline_passes_though_nobody_saves_the_record(team):
    """Defect 4 of peers: the ladder is climbed to its end although the last event of the deal is its opening."""
    opened(team)
    done = team.until(MONDAY + 10 * DAY)
    evening = MONDAY + timedelta(hours=9)
    assert [item for item in team.fired() if item[0] == "diagnosed"] == [
        ("diagnosed", 0, [ANNA], evening), ("diagnosed", 1, [ANNA], evening + DAY), ("diagnosed", 2, [BEN], evening + 2 * DAY),
        ("diagnosed", 3, [CARA], evening + 3 * DAY), ("diagnosed", 3, [CARA], evening + 4 * DAY), ("diagnosed", 3, [CARA], evening + 7 * DAY),
    ]  # fmt: skip
    assert [item for item in team.fired() if item[0] == "silent"] == [("silent", 1, [BEN], MONDAY + WEEK)]
    assert (done.due, done.told, done.refused) == (7, 7, 0)
    assert team.tenant.log.version(DEAL) == 1, "the version callers hold is still the one they read"


def test_a_deal_created_40_days_ago_and_moved_today_is_not_stale(team):
    """Defect 3 of peers: it has all of the time again, and by the evening of the day after nothing of it is late."""
    created, today = MONDAY + 2 * DAY, MONDAY + 42 * DAY
    opened(team, created)
    team.do(ChangeStage(DEAL, "costed"), created + HOUR)
    for week in range(1, 6):
        team.do(RecordTouch(DEAL, f"tou_{week}", "call"), created + week * WEEK)
    team.until(today - HOUR)
    before = team.fired()
    assert "offered" in {name for name, *_ in before}
    team.do(ChangeStage(DEAL, "lead"), today)
    team.until(today + DAY)
    later = [(name, rung) for name, rung, *_ in team.fired()[len(before) :]]
    assert later == [("diagnosed", 0)], "only the warning in the evening of the first day"


def test_progress_stops_the_ladder(team):
    """After the move of the third day nobody above the owner hears of it."""
    opened(team)
    team.until(MONDAY + DAY + 10 * HOUR)
    team.do(ChangeStage(DEAL, "costed"), MONDAY + DAY + 11 * HOUR)
    team.until(MONDAY + 3 * DAY)
    assert [(name, rung) for name, rung, *_ in team.fired()] == [("diagnosed", 0), ("diagnosed", 1)]


def test_what_is_moved_rings_at_its_new_moment_and_not_at_its_old_one(a_tenant):
    """What was told of the old moment stays told; of the new one the whole ladder is told, under the position it was moved at."""
    playbook = with_deadlines(
        "done: {on_work: demo, ladder: [{tell: [assignee]}, {tell: [manager], after_hours: 3}]}"
    )
    team, wanted = Team(a_tenant("clock", clock="simulated", told_time=MONDAY), playbook), MONDAY + DAY
    opened(team)
    for work in ("wrk_1", "wrk_2"):
        team.do(RequestWork(DEAL, work, "demo", ANNA, due_at=wanted), MONDAY, actor=BEN)
    first = team.do(RescheduleWork(DEAL, "wrk_1", wanted + DAY), MONDAY + HOUR, actor=BEN, reason="agreed")
    team.until(wanted + HOUR)
    assert team.fired() == [("done", 1, [ANNA], wanted)], "of the one that was not moved"
    team.do(RescheduleWork(DEAL, "wrk_2", wanted + DAY), wanted + HOUR, actor=BEN, reason="agreed afterwards")
    team.until(wanted + DAY + HOUR)
    assert team.fired()[1:] == [("done", 1, [ANNA], wanted + DAY)] * 2
    team.do(CompleteWork(DEAL, "wrk_2"), wanted + DAY + HOUR, actor=ANNA)
    team.until(wanted + WEEK)
    assert team.fired()[3:] == [("done", 2, [BEN], wanted + DAY + 3 * HOUR)]
    (moved,) = first.events
    told = [it.event for it in team.tenant.log.stream(f"deadlines/{DEAL}") if it.event.subject == "wrk_1"]
    assert {(it.armed_at, it.due_at) for it in told} == {(moved.position, moment_text(wanted + DAY))}
    assert team.timers() == [("done", moved.position, 2, None, None, wanted + DAY)]


def test_what_was_told_is_not_told_again_when_the_deadline_comes_back(team):
    """A touch that was withdrawn brings the silence before it back, as far up its ladder as it was."""
    opened(team)
    team.do(ChangeStage(DEAL, "costed"), MONDAY)
    team.do(ChangeStage(DEAL, "quoted"), MONDAY)
    team.until(MONDAY + WEEK)
    assert [name for name, *_ in team.fired()].count("silent") == 1
    team.do(RecordTouch(DEAL, "tou_1", "call"), MONDAY + 8 * DAY)
    team.do(CorrectTouch(DEAL, "tou_1", withdrawn=True), MONDAY + 9 * DAY, reason="it was another customer")
    team.until(MONDAY + 30 * DAY)
    assert [name for name, *_ in team.fired()].count("silent") == 1


def test_the_same_firing_sent_twice_is_one(team):
    """Sent from a row that is out of date, after it was told: the key answers, and nothing is written."""
    opened(team)
    team.tenant.catch_up.run()
    with team.tenant.pool.connection() as connection:
        rows = due_timers.claim(connection, MONDAY + DAY)
    first = send(team.tenant.bus, rows, blames_the_row, told_time=MONDAY + DAY)
    head = team.tenant.log.head()
    again = send(team.tenant.bus, rows, blames_the_row, told_time=MONDAY + 2 * DAY)
    assert [answer.outcome for answer in first] == ["accepted"]
    assert ([answer.replayed for answer in again], team.tenant.log.head()) == ([True], head)


def test_a_command_before_its_moment_does_not_use_up_its_key(team):
    """Sent too early it is refused and forgotten; sent again when it is time it is noticed."""
    opened(team)
    team.tenant.catch_up.run()
    with team.tenant.pool.connection() as connection:
        rows = due_timers.claim(connection, MONDAY + DAY)
    (early,) = send(team.tenant.bus, rows, blames_the_row, told_time=MONDAY + HOUR)
    (late,) = send(team.tenant.bus, rows, blames_the_row, told_time=MONDAY + DAY)
    assert (early.outcome, late.outcome, late.replayed) == ("refused", "accepted", False)


# ── rules change ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_another_calendar_what_fired_stays_and_what_is_past_fires_once_at_its_highest_rung(team):
    """People now work around the clock: eighteen hours were over long ago, and only the VP is told, once."""
    opened(team)
    team.until(MONDAY + 10 * HOUR)
    around_the_clock = TEXT.replace("09:00-18:00", "00:00-24:00")
    position = (
        team.do(PublishPlaybook(the_playbook(around_the_clock)), MONDAY + DAY + 13 * HOUR).events[0].position
    )
    team.until(MONDAY + DAY + 13 * HOUR)
    (event,) = [
        item.event for item in team.tenant.log.stream(f"deadlines/{DEAL}") if item.position > position
    ]
    assert (event.rung, event.skipped, event.told) == (3, [1, 2], [CARA])
    assert [(name, rung) for name, rung, *_ in team.fired()] == [("diagnosed", 0), ("diagnosed", 3)]


def test_a_deadline_that_is_given_later_watches_what_there_is_already(a_tenant):
    """The records of a kind are known with their history, from the first version on that gives it a deadline."""
    bare = Team(a_tenant("bare", clock="simulated", told_time=MONDAY), with_deadlines())
    opened(bare)
    assert bare.timers() == []
    bare.do(PublishPlaybook(the_playbook()), MONDAY + 2 * DAY)
    assert {row[0]: row[3] for row in bare.timers()} == {"diagnosed": 0, "silent": 1}
    bare.until(MONDAY + 2 * DAY)
    assert [(name, rung) for name, rung, *_ in bare.fired()] == [("diagnosed", 1)]


def test_a_version_that_waits_for_its_moment_has_rows_that_wait(team):
    """Until then the old reckoning holds, although nobody writes anything when the new one takes effect."""
    opened(team)
    shorter = the_playbook(TEXT.replace("after_hours: 168", "after_hours: 24"))
    team.do(PublishPlaybook(shorter, effective_from=MONDAY + 3 * DAY), MONDAY + HOUR)
    team.until(MONDAY + 6 * DAY)
    silent = [(rung, at) for name, rung, _, at in team.fired() if name == "silent"]
    diagnosed = [rung for name, rung, *_ in team.fired() if name == "diagnosed"]
    assert silent == [(1, MONDAY + 3 * DAY)]
    assert diagnosed == [0, 1, 2, 3, 3]


def test_taking_a_deadline_away_ends_it_and_giving_it_back_does_not_tell_it_again(team):
    opened(team)
    team.until(MONDAY + DAY)
    team.do(PublishPlaybook(with_deadlines()), MONDAY + DAY)
    assert team.timers() == []
    team.do(PublishPlaybook(the_playbook()), MONDAY + DAY + HOUR)
    team.until(MONDAY + DAY + 10 * HOUR)
    assert [(name, rung) for name, rung, *_ in team.fired()] == [("diagnosed", 0), ("diagnosed", 1)]


def test_who_moves_takes_their_records_to_the_rules_of_another_region_also_under_a_version_with_a_date(team):
    """A version for one region that took effect on a day counts from then on, whoever comes later."""
    team.do(FormTeam("south", "South", region="south"))
    shorter = the_playbook(TEXT.replace("after_hours: 168", "after_hours: 24"))
    team.do(PublishPlaybook(shorter, scope={OWNER_REGION: ("south",)}, effective_from=MONDAY + HOUR), MONDAY)
    opened(team, MONDAY + 2 * HOUR)

    def silent_until():
        return {row[5] for row in team.timers() if row[0] == "silent"}

    assert silent_until() == {MONDAY + 2 * HOUR + WEEK}
    team.do(MovePerson(ANNA, "south", BEN), MONDAY + 3 * HOUR)
    assert silent_until() == {MONDAY + 2 * HOUR + DAY}


def test_a_date_at_the_end_of_time_stops_no_deadline_of_the_tenant(team):
    """Neither the record's own nor the others': it was there before the deadline. What comes after it is refused, and stops nothing either."""
    watching = with_deadlines("decided: {on_date: decides_on}", "silent: {on_silence: any, after_hours: 24, by: clock, ladder: [{tell: [manager]}]}")  # fmt: skip
    opened(team)
    team.do(EditFields(DEAL, {"decides_on": "9999-12-31"}))
    team.tenant.catch_up.run()
    assert {name: armed for _, name, armed, _ in forecast(team.tenant.reads, watching).by_deadline} == {
        "decided": 1, "silent": 1,
    }  # fmt: skip
    team.do(PublishPlaybook(watching))
    opened(team, stream="deal/dea_2")
    with pytest.raises(InvalidCommand, match="would never come due"):
        team.do(EditFields("deal/dea_2", {"decides_on": "9999-12-31"}), MONDAY + HOUR)
    done = team.until(MONDAY + 2 * DAY)
    assert (done.told, done.failed) == (2, ())
    assert [name for name, *_ in team.fired() + team.fired("deal/dea_2")] == ["silent", "silent"]


# ── the table is derived ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_timer_table_made_again_is_the_same(team):
    """From the first event, beside the live one: 0 differences, and nothing fires a second time."""
    for number in range(6):
        stream = f"deal/dea_{number}"
        opened(team, MONDAY + number * HOUR, stream)
        if number % 2:
            team.do(RecordTouch(stream, f"tou_{number}", "visit"), MONDAY + DAY)
        if number % 3 == 0:
            team.do(EditFields(stream, {"decides_on": "2026-04-01"}), MONDAY + DAY)
            team.do(ChangeOwner(stream, BEN), MONDAY + DAY)
    team.until(MONDAY + 4 * DAY)
    rows, head = team.timers(), team.tenant.log.head()
    escalations = query(team.tenant, "SELECT * FROM dealtrail_read.escalations ORDER BY position")
    assert len(rows) == 12
    for name in ("timers", "escalations"):
        team.tenant.catch_up.rebuild(name=name)
    assert team.timers() == rows
    assert query(team.tenant, "SELECT * FROM dealtrail_read.escalations ORDER BY position") == escalations
    assert (team.until(MONDAY + 4 * DAY).due, team.tenant.log.head()) == (0, head)


def test_rows_that_stay_as_they_are_are_not_written(team):
    """A record is edited far more often than its deadlines move."""
    opened(team)
    before = query(team.tenant, "SELECT deadline, xmin::text FROM dealtrail_read.timers ORDER BY 1")
    team.tenant.catch_up.run()
    before = query(team.tenant, "SELECT deadline, xmin::text FROM dealtrail_read.timers ORDER BY 1")
    team.do(EditFields(DEAL, {"topic": "y"}))
    team.tenant.catch_up.run()
    assert (
        query(team.tenant, "SELECT deadline, xmin::text FROM dealtrail_read.timers ORDER BY 1")
        == before
        != []
    )


# ── a clock that goes by itself ──────────────────────────────────────────────────────────────────────────────────────

SECONDS = "quick: {on_stage: lead, after_hours: '0.000278', by: clock, warn_percent: 50, ladder: [{tell: [owner]}, {tell: [manager], after_hours: '0.000278'}]}"  # fmt: skip


def test_two_workers_notice_what_is_due_by_the_clock_of_the_database(a_tenant):
    """A second to act, another one until the manager hears of it; nobody writes meanwhile."""
    tenant = a_tenant("ticking")
    team = Team(tenant, with_deadlines(SECONDS))
    with projecting.followed(tenant, tenant.catch_up), noticing(tenant, workers=2) as clock:
        for number in range(20):
            opened(team, stream=f"deal/dea_{number}")
        assert clock is not None
        told = "SELECT count(*) FROM dealtrail_read.timers WHERE told_rung = 2"
        projecting.until(lambda: query(tenant, told) == [(20,)], seconds=120)
    events = [item.event for item in tenant.log.after(0, 10_000, topics=[DeadlineNoticed.TOPIC])]
    for number in range(20):
        # On a machine that is slow enough several rungs are past at once: those are named, not told.
        rungs = [
            rung
            for event in events
            if event.record == f"deal/dea_{number}"
            for rung in (*event.skipped, event.rung)
        ]
        assert rungs == [0, 1, 2]
    for recorded in tenant.log.after(0, 10_000, topics=[DeadlineNoticed.TOPIC]):
        assert recorded.actor == "system/deadlines"
        assert recorded.event.due_at is not None


def test_rows_another_clock_holds_are_left_to_it(a_tenant):
    """And what was just sent rests until the timer table knows of it."""
    tenant = a_tenant("holding")
    team = Team(tenant, with_deadlines("late: {on_stage: lead, after_hours: '0.000001', by: clock}"))
    opened(team)
    tenant.catch_up.run()
    with tenant.pool.connection() as first, tenant.pool.connection() as second:
        with first.transaction():
            held = due_timers.claim(first, due_timers.now(first))
            assert len(held) == 1
            with second.transaction():
                assert due_timers.claim(second, due_timers.now(second)) == []
        assert (
            tick(first, tenant.bus, blames_the_row).told,
            tick(second, tenant.bus, blames_the_row).due,
        ) == (1, 0)
        # A rest that claims to be longer than any was written while the clock of the database ran ahead.
        first.execute("UPDATE dealtrail_read.timer_rests SET until = until + interval '1 hour'")
        assert tick(second, tenant.bus, blames_the_row).due == 1
        first.commit()
    assert len(team.fired()) == 1


def test_only_the_system_notices_deadlines(team):
    position = opened(team)
    command = NoticeDeadline(DEAL, "diagnosed", position, 0)
    with pytest.raises(NotAllowed):
        team.do(command, MONDAY + DAY, actor=ANNA)
    assert key_of(command)


def test_a_log_with_its_own_clock_cannot_be_told_the_time(a_tenant):
    with pytest.raises(ValueError, match="by itself"):
        let_time_pass(a_tenant("real"), datetime(2026, 1, 1, tzinfo=UTC))


def test_the_application_may_change_timers_and_nothing_of_the_log(team):
    """The clock works as the application role."""
    with psycopg.connect(team.tenant.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM dealtrail.events")


# ── counts before publishing, over HTTP and on the command line ──────────────────────────────────────────────────────


@pytest.mark.parametrize("watches", [True, False], ids=["watched before", "never watched before"])
def test_the_counts_before_publishing_are_what_publishing_does(a_tenant, watches):
    """How many run, and how many are told at once: also of records no deadline has watched so far."""
    before = the_playbook() if watches else with_deadlines()
    team = Team(a_tenant("counts", clock="simulated", told_time=MONDAY), before)
    for number in range(5):
        opened(team, MONDAY + number * DAY, f"deal/dea_{number}")
    team.do(ChangeStage("deal/dea_4", "costed"))
    team.until(MONDAY + 4 * DAY + HOUR)
    team.tenant.catch_up.run()
    around_the_clock = the_playbook(TEXT.replace("09:00-18:00", "00:00-24:00"))
    found = forecast(team.tenant.reads, around_the_clock)
    assert {(kind, name): armed for kind, name, armed, _ in found.by_deadline} == {
        ("deal", "diagnosed"): 4, ("deal", "offered"): 1, ("deal", "silent"): 5,
    }  # fmt: skip
    head = team.tenant.log.head()
    team.do(PublishPlaybook(around_the_clock))
    assert team.until(team.clock).told == found.at_once > 0
    assert team.tenant.log.head() == head + 1 + found.at_once


def test_deadlines_and_escalations_over_http(team):
    """What runs and what is overdue, who was told, and who said that they know."""
    opened(team)
    opened(team, MONDAY + 2 * DAY, "deal/dea_2")
    team.until(MONDAY + 3 * DAY)
    with a_client(team.tenant) as client:
        everything = client.get("/v1/deadlines").json()
        assert [(item["id"], item["deadline"], item["state"]) for item in everything["items"]] == [
            ("dea_1", "diagnosed", "overdue"), ("dea_2", "diagnosed", "warned"), ("dea_1", "silent", "running"), ("dea_2", "silent", "running"),
        ]  # fmt: skip
        (late,) = client.get("/v1/deadlines", params={"overdue": True, "kind": "deal"}).json()["items"]
        assert (late["told_rung"], late["next_rung"], late["label"]["en"]) == (2, 3, "Diagnosed")
        first = client.get("/v1/deadlines", params={"limit": 3}).json()
        rest = client.get("/v1/deadlines", params={"limit": 3, "cursor": first["next"]}).json()
        assert (len(rest["items"]), rest["total"], rest["next"]) == (1, 4, None)
        assert client.get("/v1/deadlines", params={"record": "dea_1"}).status_code == 400
        assert client.get("/v1/deadlines", params={"kind": "dael"}).json()["suggestion"] == "deal"
        bens = client.get("/v1/escalations", params={"person": BEN}).json()["items"]
        assert [
            (item["rung"], item["late_seconds"], [who["name"] for who in item["told"]]) for item in bens
        ] == [(2, 86_400, ["Ben"])]
        path = "/v1/deals/dea_1/deadlines/diagnosed/acknowledgements"
        refused = client.post(path, json={}, headers={"Idempotency-Key": "mine"})
        assert refused.json()["errors"][0]["pointer"] == ""
        unknown = client.post(
            "/v1/deals/dea_1/deadlines/diagnose/acknowledgements", json={}, headers={"Idempotency-Key": "x"}
        )
        assert (unknown.status_code, unknown.json()["suggestion"]) == (404, "diagnosed")
        (event,) = team.do(AcknowledgeDeadline(DEAL, "diagnosed"), actor=BEN).events
        asked = {"record": "deal/dea_1", "unacknowledged": True, "min_position": event.position}
        left = client.get("/v1/escalations", params=asked).json()["items"]
        assert [(item["rung"], item["skipped"]) for item in left] == [(1, [0])]
        (said,) = client.get("/v1/escalations", params={"person": "per_ben"}).json()["items"][0]["told"]
        assert said["acknowledged_at"] == event.recorded_at.isoformat(timespec="microseconds").replace(
            "+00:00", "Z"
        )
        checked = client.post(
            "/v1/playbooks/checks", content=TEXT, headers={"content-type": "application/yaml"}
        ).json()
        assert (checked["ok"], checked["deadlines"]["armed"], checked["deadlines"]["at_once"]) == (True, 4, 0)


def test_deadlines_on_the_command_line(team, monkeypatch, embedded_home, tmp_path):
    """The same lists, the counts before publishing, and time that is told."""
    opened(team)
    file = tmp_path / "watched.yaml"
    file.write_text(TEXT.replace("09:00-18:00", "00:00-24:00"), "utf-8")
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))
    monkeypatch.setenv("DEALTRAIL_TENANT", team.tenant.name)

    def ran(*words):
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == 0, result.output
        return result.output

    assert "2 deadlines noticed" in ran("deadlines", "run", "--until", "2026-03-03T18:00:00+0800")
    late = ran("-l", "en", "deadlines", "list", "--overdue")
    assert "overdue" in late
    assert "[red]" not in late, "what is late was printed with the markup that was to make it red"
    assert "已逾期" in ran("-l", "zh", "deadlines", "list", "--overdue")
    told = ran("-l", "en", "deadlines", "told", "--person", "per_anna")
    assert told.count("Anna") == 2
    assert "due (UTC)" in told
    assert re.search(r"2026-03-\d\d \d\d:\d\d ", told), "to the minute, as moments are everywhere"
    assert "00Z" not in told
    assert "2 would run" not in ran("playbook", "check", str(file))
    assert "2 would run, 1 of them are past already" in ran("playbook", "check", str(file), "--deadlines")
    past = CliRunner().invoke(
        app, ["playbook", "publish", str(file), "--effective-from", "2020-01-01T00:00:00Z"]
    )
    assert past.exception is not None
    assert "run" not in past.stdout, "what is refused arms nothing"
    assert "deal diagnosed: 1 run, 1 told at once" in ran("playbook", "publish", str(file))
