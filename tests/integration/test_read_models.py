"""Read models follow the log exactly once, and every answer can be asked for as of any moment."""

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row
from support.sales import ANNA, BEN, HOUR, MORNING, SCAN, Desk, stricter

import playbooks
from commands.playbook_file import read_playbook
from commands.submission import Submission
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Right
from domain.record import state as record_state
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    EditFields,
    OpenRecord,
    RecordTouch,
    RelateRecord,
)
from domain.refusals import NotFound, Refusal
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant
from projections import batch as batches_of
from projections.as_of import BadMoment, Horizon
from projections.current_records import CurrentRecords
from projections.errors import InvalidQuery
from projections.field_history import FieldHistory

STAGES = ["lead", "offer", "won", "lost"]
TABLES = {
    "current_records": "stream",
    "field_history": "stream, position, field",
    "record_versions": "stream, from_position",
    "refused_attempts": "record, position",
}


def rows(tenant: Tenant) -> dict[str, list[dict[str, Any]]]:
    """Everything the read models hold, with their positions."""
    found = {}
    with psycopg.connect(tenant.url, row_factory=dict_row) as connection:
        for table, order in (TABLES | {"cursors": "projection"}).items():
            found[table] = connection.execute(
                f"SELECT * FROM dealtrail_read.{table} ORDER BY {order}"
            ).fetchall()
    return found


def at_random(desk: Desk, chance: random.Random, count: int) -> None:
    """Let people do what comes to their mind; what is refused is refused."""
    deals = [f"deal/dea_{number}" for number in range(8)]
    for number in range(count):
        deal = chance.choice(deals)
        command: Any = chance.choice(
            [
                OpenRecord(
                    deal,
                    {"topic": f"topic {number}", "note": "secret"},
                    owner=chance.choice([None, ANNA, BEN]),
                ),
                EditFields(
                    deal, {"topic": f"topic {number}", "heat": chance.choice(["cold", "warm", "hot", None])}
                ),
                EditFields(
                    deal, {"amount": chance.choice(["50", "250.5", "9000", None]), "note": f"note {number}"}
                ),
                ChangeStage(deal, chance.choice(STAGES), {"amount": "700"} if chance.random() < 0.5 else {}),
                ChangeOwner(deal, chance.choice([None, ANNA, BEN])),
                RecordTouch(deal, f"tou_{number}", "call", note="hello"),
                AttachEvidence(deal, f"evi_{number}", "scan", SCAN, 1, "image/png"),
                RelateRecord(deal, "follows", chance.choice(deals)),
            ]
        )
        occurred = {"occurred_at": None} if chance.random() < 0.2 else {}
        try:
            desk.do(command, reason=chance.choice([None, "because"]), **occurred)
        except Refusal:
            continue


@pytest.fixture
def busy(a_tenant) -> Desk:
    """A simulated log of a few dozen commands done at random, and its read models nowhere yet."""
    desk = Desk(a_tenant("busy", clock="simulated", told_time=MORNING))
    at_random(desk, random.Random(7), 120)
    assert desk.tenant.log.head() > 60
    return desk


def folded(tenant: Tenant) -> dict[str, Any]:
    """Every record as a pure fold of its events."""
    streams: dict[str, list[Any]] = {}
    for event in tenant.log.read(1, tenant.log.head()):
        if event.stream.startswith("deal/"):
            streams.setdefault(event.stream, []).append(event)
    return {stream: record_state.fold(None, events) for stream, events in streams.items()}


# Exactly once


def test_read_models_are_the_fold_of_the_log(busy):
    """P8, P30: every row is what a pure fold of the record's events gives, and nothing else is there."""
    assert busy.tenant.catch_up.run() == busy.tenant.log.head()
    found = rows(busy.tenant)
    expected = folded(busy.tenant)
    assert {row["stream"]: row["record"] for row in found["current_records"]} == {
        stream: record_state.to_json(record) for stream, record in expected.items()
    }
    for row in found["current_records"]:
        record = expected[row["stream"]]
        assert (row["stage"], row["owner"], row["position"], row["kind"]) == (
            record.stage,
            record.owner,
            record.position,
            "deal",
        )


def test_folding_the_history_forward_gives_now_and_backward_the_beginning(busy):
    """P30: the changes of a record lead from nothing to its fields of now, and back, without a jump."""
    busy.tenant.catch_up.run()
    history: dict[str, dict[str, list[Any]]] = {}
    for row in rows(busy.tenant)["field_history"]:
        history.setdefault(row["stream"], {}).setdefault(row["field"], []).append(row)
    for stream, record in folded(busy.tenant).items():
        now = record.fields | {"$stage": record.stage, "$owner": record.owner}
        assert {name for name, value in now.items() if value is not None} <= set(history[stream])
        for field, changes in history[stream].items():
            changes.sort(key=lambda row: row["position"])
            assert changes[0]["old"] is None
            assert changes[-1]["new"] == now[field]
            for before, after in pairwise(changes):
                assert after["old"] == before["new"]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("batch", [1, 7, 2_000])
def test_a_rebuild_equals_what_followed_live(a_tenant, monkeypatch, seed, batch):
    """P8: however the log was cut into batches, the rows made again are the rows made live."""
    desk = Desk(a_tenant("live"))
    chance = random.Random(seed)
    for _ in range(4):
        at_random(desk, chance, 12)
        desk.tenant.catch_up.run()
    live = rows(desk.tenant)
    monkeypatch.setattr(batches_of, "BATCH", batch)
    desk.tenant.catch_up.rebuild()
    assert rows(desk.tenant) == live
    assert {row["position"] for row in live["cursors"]} == {desk.tenant.log.head()}
    assert [row["projection"] for row in live["cursors"]] == sorted(
        model.name for model in desk.tenant.catch_up.projections
    )


@pytest.mark.parametrize("model", [CurrentRecords, FieldHistory])
@pytest.mark.parametrize("after", [0, 2, 5])
def test_a_model_killed_between_or_within_batches_resumes_exactly(busy, monkeypatch, model, after):
    """P8: nothing of the batch that died is left, and the next run goes on where the last whole one ended."""
    monkeypatch.setattr(batches_of, "BATCH", 9)
    apply, batches = model.apply, []

    def dying(self: Any, connection: Any, events: Any) -> None:
        apply(self, connection, events)
        batches.append(events[-1].position)
        if len(batches) > after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(model, "apply", dying)
        with pytest.raises(KeyboardInterrupt):
            busy.tenant.catch_up.run()
    assert busy.tenant.catch_up.positions()[model.name] == (batches[-2] if after else 0)
    seen = rows(busy.tenant)[model.name]
    assert max((row["position"] for row in seen), default=0) <= (batches[-2] if after else 0)
    busy.tenant.catch_up.run()
    resumed = rows(busy.tenant)
    busy.tenant.catch_up.rebuild()
    assert rows(busy.tenant) == resumed


def test_rows_and_position_change_together(busy, monkeypatch):
    """P8: whoever looks from outside sees neither rows ahead of the position nor a position ahead of the rows."""
    monkeypatch.setattr(batches_of, "BATCH", 5)
    done, seen = Event(), []

    def watch() -> None:
        with psycopg.connect(busy.tenant.url, autocommit=True) as connection:
            while not done.is_set():
                seen.append(
                    connection.execute(
                        "SELECT coalesce((SELECT position FROM dealtrail_read.cursors WHERE projection = 'field_history'), 0),"
                        " coalesce((SELECT max(position) FROM dealtrail_read.field_history), 0)"
                    ).fetchone()
                )

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        busy.tenant.catch_up.run()
        done.set()
        watching.result(10)
    positions = [event.position for event in busy.tenant.log.read(1, busy.tenant.log.head())]
    changes = {row["position"] for row in rows(busy.tenant)["field_history"]}
    for cursor, last in seen:
        assert last == max((p for p in positions if p <= cursor and p in changes), default=0)


def test_several_at_once_apply_nothing_twice(busy, monkeypatch):
    """P8: six runs in two processes' worth of pools work on the same models; the result is that of one."""
    monkeypatch.setattr(batches_of, "BATCH", 3)
    with Tenant(busy.tenant.url, busy.tenant.name) as other, ThreadPoolExecutor(6) as pool:
        runs = [pool.submit((busy.tenant, other)[n % 2].catch_up.run) for n in range(6)]
        assert {run.result(30) for run in runs} == {busy.tenant.log.head()}
    together = rows(busy.tenant)
    busy.tenant.catch_up.rebuild()
    assert rows(busy.tenant) == together


def test_a_rebuild_beside_a_run_is_no_harm(busy):
    """P8: whichever comes last, the rows are those of the log."""
    busy.tenant.catch_up.run()
    before = rows(busy.tenant)
    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(busy.tenant.catch_up.rebuild), pool.submit(busy.tenant.catch_up.run)] * 2
        for one in work:
            one.result(30)
    assert rows(busy.tenant) == before


def test_progress_is_told_to_the_head(busy, monkeypatch):
    """Whoever waits sees positions grow up to the head."""
    monkeypatch.setattr(batches_of, "BATCH", 20)
    told: list[tuple[int, int]] = []
    head = busy.tenant.catch_up.run(lambda *at: told.append(at))
    assert told[-1] == (head, head)
    assert busy.tenant.catch_up.run() == head


def test_two_connections_are_enough_for_a_run(a_tenant):
    """The smallest pool there is brings the models up to date."""
    desk = Desk(a_tenant("narrow", pool_size=1))
    desk.do(OpenRecord("deal/dea_1", {"topic": "x"}))
    assert desk.tenant.catch_up.run() == desk.tenant.log.head()


# As of any moment


@pytest.fixture(scope="module")
def story(embedded_home) -> Any:
    """Three deals over ten hours, told by hand; positions by the name of what happened."""
    own = Settings(home=embedded_home, database_url=None, tenant="story")
    with open_tenant(own, clock="simulated", told_time=MORNING) as tenant:
        desk = Desk(tenant)
        at: dict[str, int] = {}

        def tell(name: str, command: Any, **about: Any) -> None:
            at[name] = desk.do(command, **about).events[-1].position

        tell(
            "first",
            OpenRecord("deal/dea_1", {"topic": "Pumps", "amount": "100"}, owner=ANNA, external_id="X1"),
        )
        tell("second", OpenRecord("deal/dea_2", {"topic": "Valves", "amount": "300"}, owner=BEN))
        tell("offer", ChangeStage("deal/dea_1", "offer"))
        tell(
            "edit",
            EditFields("deal/dea_1", {"topic": "Ten pumps", "amount": "150.50"}),
            reason="counted again",
        )
        tell("third", OpenRecord("deal/dea_3", {"topic": "Hoses"}), occurred_at=None)
        tell("late", EditFields("deal/dea_2", {"heat": "hot"}), occurred_at=MORNING - timedelta(days=30))
        tell("lost", ChangeStage("deal/dea_2", "lost"))
        tell("stricter", PublishPlaybook(stricter(500)))
        tell("owner", ChangeOwner("deal/dea_1", BEN))
        tenant.catch_up.run()
        yield tenant, at


def board_by_hand(records: list[Any]) -> list[tuple[str, int, str, int, dict[str, int]]]:
    """A board counted from the records themselves."""
    regions = {ANNA: "north", BEN: "south", None: "–"}
    found = []
    for stage in STAGES:
        here = [record for record in records if record.stage == stage]
        amounts = [record.fields["amount"]["amount"] for record in here if record.fields.get("amount")]
        by_region: dict[str, int] = {}
        for record in here:
            by_region[regions[record.owner]] = by_region.get(regions[record.owner], 0) + 1
        found.append((stage, len(here), sum(map(float, amounts)), len(amounts), by_region))
    return found  # type: ignore[return-value]


def shown(board: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The same figures, as the board shows them."""
    return [
        (
            s["stage"],
            s["records"],
            float(s["amount"]),
            s["records_with_amount"],
            s["by_region"],
        )
        for s in board["stages"]
    ]


def moment_of(tenant: Tenant, position: int) -> Any:
    """When the log learnt of a position."""
    return tenant.log.read(position, position)[0].recorded_at


def test_the_board_of_any_position_is_the_board_of_the_events_up_to_it(story):
    """P30: for every position of the log, and its recording moment, the board equals one counted by hand."""
    tenant, at = story
    for position in range(at["first"], tenant.log.head() + 1):
        streams: dict[str, list[Any]] = {}
        for event in tenant.log.read(1, position):
            if event.stream.startswith("deal/"):
                streams.setdefault(event.stream, []).append(event)
        by_hand = board_by_hand([record_state.fold(None, events) for events in streams.values()])
        as_of = [str(position), moment_of(tenant, position).isoformat()]
        for text in as_of:
            assert shown(tenant.reads.board("deal", Horizon.read(text)).data) == by_hand, text
    assert shown(tenant.reads.board("deal").data) == by_hand
    assert shown(tenant.reads.board("deal").data) == [
        ("lead", 1, 0, 0, {"–": 1}),
        ("offer", 1, 150.5, 1, {"south": 1}),
        ("won", 0, 0, 0, {}),
        ("lost", 1, 300, 1, {"south": 1}),
    ]


def test_the_board_of_then_is_judged_by_the_playbook_of_then(story):
    """P30: labels and rules are those in force at the time."""
    tenant, at = story
    assert tenant.reads.board("deal", Horizon.read(str(at["lost"]))).data["playbook_version"] == 1
    assert tenant.reads.board("deal").data["playbook_version"] == 2


def test_an_answer_says_what_it_is_based_on(story):
    """An answer as of a position is not based on what came later."""
    tenant, at = story
    for answer in (
        tenant.reads.board("deal", Horizon.read(str(at["offer"]))),
        tenant.reads.history("deal", "dea_1", Horizon.read(str(at["offer"]))),
        tenant.reads.record("deal", "dea_1", Horizon.read(str(at["offer"]))),
    ):
        assert answer.data["as_of_position"] == at["offer"]
        assert answer.data["simulated"] is True
    assert tenant.reads.board("deal").data["as_of_position"] == tenant.log.head()


def test_a_record_as_of_a_position_is_the_record_of_then(story):
    """P30: every field, the stage and the owner are as they were; before the opening there is nothing."""
    tenant, at = story
    topics = {
        "first": ("Pumps", "lead"),
        "offer": ("Pumps", "offer"),
        "edit": ("Ten pumps", "offer"),
        "owner": ("Ten pumps", "offer"),
    }
    for name, expected in topics.items():
        data = tenant.reads.record("deal", "dea_1", Horizon.read(str(at[name]))).data
        assert (data["fields"]["topic"], data["stage"]) == expected
        assert data["owner_name"] == ("Ben Okoro" if name == "owner" else "Anna Quist")
        moment = moment_of(tenant, at[name])
        assert (
            tenant.reads.record("deal", "dea_1", Horizon.read(moment.isoformat())).data["fields"]
            == data["fields"]
        )
    for nothing in (str(at["first"] - 1), "1", "0", (MORNING - HOUR).isoformat(), "2020-01-01"):
        with pytest.raises(NotFound):
            tenant.reads.record("deal", "dea_1", Horizon.read(nothing))


def test_a_record_is_found_by_the_id_it_came_with(story):
    """The id of the source works as well as our own."""
    tenant, _ = story
    assert tenant.reads.record("deal", "X1").data["id"] == "dea_1"
    with pytest.raises(NotFound) as missing:
        tenant.reads.record("deal", "X2")
    assert missing.value.suggestion == "X1"


def test_history_as_of_ends_there(story):
    """P30: the history of then is the beginning of the history of now."""
    tenant, at = story
    whole = tenant.reads.history("deal", "dea_1").data["items"]
    assert [
        (row["field"], row["old"], row["new"]) for row in whole if row["field"] in {"stage", "owner", "topic"}
    ] == [
        ("stage", None, "lead"),
        ("owner", None, ANNA),
        ("topic", None, "Pumps"),
        ("stage", "lead", "offer"),
        ("topic", "Pumps", "Ten pumps"),
        ("owner", ANNA, BEN),
    ]
    assert {row["reason"] for row in whole if row["position"] == at["edit"]} == {"counted again"}
    for name in ("first", "offer", "edit"):
        then = tenant.reads.history("deal", "dea_1", Horizon.read(str(at[name]))).data["items"]
        assert then == [row for row in whole if row["position"] <= at[name]]
    only = tenant.reads.history("deal", "dea_1", field="stage").data["items"]
    assert [row["new"] for row in only] == ["lead", "offer"]


def test_a_date_means_its_end(story):
    """As of a day everything of that day is seen, as of the day before nothing."""
    tenant, at = story
    day = moment_of(tenant, at["first"]).date()
    assert tenant.reads.record("deal", "dea_1", Horizon.read(day.isoformat())).data["fields"]
    with pytest.raises(NotFound):
        tenant.reads.record("deal", "dea_1", Horizon.read((day - timedelta(days=1)).isoformat()))


def test_business_time_sees_what_had_happened_not_what_was_known(story):
    """What happened earlier and was told later counts from when it happened; what has no known moment does not count."""
    tenant, at = story
    opening = moment_of(tenant, at["second"])
    seen = tenant.reads.record("deal", "dea_2", Horizon.read(None, opening.isoformat())).data
    assert (seen["stage"], seen["fields"].get("amount")) == ("lead", {"amount": "300.00", "currency": "EUR"})
    known = tenant.reads.record("deal", "dea_2", Horizon.read(str(at["second"]))).data
    assert known["stage"] == "lead"
    with pytest.raises(NotFound):
        tenant.reads.record("deal", "dea_3", Horizon.read(None, "2030-01-01"))
    assert tenant.reads.record("deal", "dea_3").data["opened_at"] is None
    board = tenant.reads.board("deal", Horizon.read(None, opening.isoformat())).data
    assert [stage["records"] for stage in board["stages"]] == [2, 0, 0, 0]
    board = tenant.reads.board("deal", Horizon.read(None, "2030-01-01")).data
    assert [stage["records"] for stage in board["stages"]] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "-1",
        "1.5",
        "2026-13-01",
        "2026-02-30",
        "2026-03-02T09:00:00",
        "٣",
        "0x10",
        "\0",
        "2026-03-02 ",
        "1e3",
        "+5",
        " 5",
    ],
)
def test_what_is_no_moment_is_refused(story, text):
    """A moment that cannot be read is never taken for another one."""
    with pytest.raises(BadMoment):
        Horizon.read(text)
    with pytest.raises(BadMoment):
        Horizon.read(None, text)


def test_a_position_is_no_business_time():
    """Business time is a date or a moment."""
    with pytest.raises(BadMoment):
        Horizon.read(None, "12")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=40) | st.from_regex(r"[0-9TZ:+. -]{1,34}", fullmatch=True))
def test_any_text_is_a_horizon_or_a_bad_moment(story, text):
    """P18: whatever is typed as a moment is read or refused, and what is read can be asked."""
    tenant, _ = story
    for arguments in ((text, None), (None, text)):
        try:
            horizon = Horizon.read(*arguments)
        except BadMoment:
            continue
        try:
            tenant.reads.record("deal", "dea_1", horizon)
        except NotFound:
            continue
        except InvalidQuery:
            assert horizon.position is not None
            assert horizon.position > tenant.log.head()


def test_events_come_in_pages_without_loss(story):
    """The cursor of a page leads to the next one, until there is none."""
    tenant, _ = story
    found, after = [], 0
    while after is not None:
        page = tenant.reads.events(after=after, limit=4).data
        found += [item["position"] for item in page["items"]]
        after = page["next"]
    assert found == list(range(1, tenant.log.head() + 1))
    of_one = tenant.reads.events(stream="deal/dea_1", limit=2).data
    assert len(of_one["items"]) == 2
    rest = tenant.reads.events(stream="deal/dea_1", after=of_one["next"]).data
    assert [item["version"] for item in of_one["items"] + rest["items"]] == [1, 2, 3, 4]
    assert {e["topic"] for e in tenant.reads.events(topic="organisation").data["items"]} == {
        "organisation.team-formed.v1",
        "organisation.person-joined.v1",
    }


def test_a_view_of_then_calls_things_what_they_were_called_then(a_tenant):
    """The name an account got later is not known yet; and an answer is of the position it states."""
    tenant = a_tenant("names")
    keys = itertools.count()

    def do(command):
        origin = {"client": "t", "actor": "system/operator", "channel": "cli", "rights": frozenset(Right)}
        tenant.bus.submit(Submission(command=command, key=str(next(keys)), **origin))
        return tenant.log.head()

    examples = Path(playbooks.__file__).parent / "examples"
    do(PublishPlaybook(read_playbook(examples / "crm.playbook.yaml")))
    do(OpenRecord("account/acc_1", {"name": "Old Ltd"}))
    then = do(OpenRecord("opportunity/opp_1", {"account": "account/acc_1", "product": "GTX_Pro"}))
    do(EditFields("account/acc_1", {"name": "New Ltd"}))
    tenant.catch_up.run()
    later = do(EditFields("account/acc_1", {"employees": 7}))
    before = Horizon(position=then)
    for answer in (
        tenant.reads.record("opportunity", "opp_1", before),
        tenant.reads.history("opportunity", "opp_1", before),
    ):
        assert (answer.data["names"], answer.data["as_of_position"]) == ({"account/acc_1": "Old Ltd"}, then)
    assert tenant.reads.record("opportunity", "opp_1").data["names"] == {"account/acc_1": "New Ltd"}
    assert tenant.reads.board("account").data["as_of_position"] == later - 1
    assert tenant.reads.board("account", Horizon(position=later)).data["as_of_position"] == later
