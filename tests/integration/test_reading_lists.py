"""Lists of records: what filters select and orders sort is what a person with the log in hand would; pages hold still; any moment can be asked."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from support.sales import ANNA, BEN, HOUR, MORNING, PLAYBOOK, SCAN, Desk, playbook

from domain.playbook.commands import PublishPlaybook
from domain.record import state as record_state
from domain.record.commands import (
    AttachEvidence,
    ChangeOwner,
    ChangeStage,
    EditFields,
    OpenRecord,
    RecordTouch,
)
from domain.record.state import Record
from domain.refusals import NotFound, Refusal
from domain.values import moment_text
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.as_of import Horizon
from projections.errors import BehindError, InvalidQuery
from projections.lists import Ask, list_records

MORE_FIELDS = """
      seats: {type: number, label: {zh: 席位, en: Seats}}
      due: {type: date, label: {zh: 日期, en: Due}}
      met_at: {type: datetime, label: {zh: 见面, en: Met at}}
      big: {type: boolean, label: {zh: 大, en: Big}}
      limit: {type: number, label: {zh: 上限, en: Limit}}
      pains:
        type: choice
        label: {zh: 痛点, en: Pains}
        choose: {at_most: 3}
        options:
          cost: {zh: 成本, en: Cost}
          time: {zh: 时间, en: Time}
          quality: {zh: 质量, en: Quality}
      scan: """
EVERY_TYPE = PLAYBOOK.replace("\n      scan: ", MORE_FIELDS)
HEATS = ["cold", "warm", "hot"]
STAGES = ["lead", "offer", "won", "lost"]


def do_at_random(desk: Desk, chance: random.Random, count: int) -> None:
    """Let people do what comes to their mind; what is refused is refused."""
    deals = [f"deal/dea_{number:02}" for number in range(14)]
    for number in range(count):
        deal = chance.choice(deals)
        fields: dict[str, Any] = {
            "topic": chance.choice(["Pumps", "pumps", "Välves", "阀门", f"t{number}"]),
            "amount": chance.choice(["9", "10", "250.5", "9000", "-3", None]),
            "seats": chance.choice([1, 10, "9.5", "100", None]),
            "due": chance.choice(["2026-02-28", "2026-03-01", "2025-12-31", None]),
            "met_at": chance.choice(["2026-03-01T08:00:00+08:00", "2026-03-01T08:00:00Z", None]),
            "heat": chance.choice([*HEATS, None]),
            "big": chance.choice([True, False, None]),
            "pains": chance.choice([["cost"], ["time", "cost"], ["quality"], None]),
            "note": "secret",
        }
        some = {name: value for name, value in fields.items() if chance.random() < 0.5}
        unknown = frozenset({"seats"} - some.keys()) if chance.random() < 0.3 else frozenset()
        owner = chance.choice([None, ANNA, BEN])
        command: Any = chance.choice(
            [
                OpenRecord(deal, some, owner=owner, external_id=f"X-{number}", unknown=unknown),
                OpenRecord(deal, some, owner=owner, unknown=unknown),
                EditFields(deal, some),
                ChangeStage(deal, chance.choice(STAGES), {"amount": "700"} if chance.random() < 0.5 else {}),
                ChangeOwner(deal, owner),
                RecordTouch(deal, f"tou_{number}", "call"),
                AttachEvidence(deal, f"evi_{number}", "scan", SCAN, 1, "image/png"),
            ]
        )
        occurred = {"occurred_at": None} if chance.random() < 0.2 else {}
        try:
            desk.do(command, reason=chance.choice([None, "because"]), **occurred)
        except Refusal:
            continue


@pytest.fixture(scope="module")
def desk(embedded_home) -> Iterator[Desk]:
    """A simulated log of deals of every type of field, its read models at its head."""
    own = Settings(home=embedded_home, database_url=None, tenant="lists")
    with open_tenant(own, clock="simulated", told_time=MORNING) as tenant:
        desk = Desk(tenant)
        desk.do(PublishPlaybook(playbook(EVERY_TYPE)))
        do_at_random(desk, random.Random(20_260_302), 260)
        tenant.catch_up.run()
        yield desk


def the_list(
    desk: Desk, *filters: tuple[str, str], horizon: Horizon | None = None, **about: Any
) -> list[str]:
    """The ids of a list, read page by page."""
    found, cursor = [], None
    limit = about.pop("limit", 3)
    while True:
        ask = Ask(horizon or Horizon(), cursor, limit)
        page = list_records(desk.tenant.reads, "deal", ask, filters, **about).data
        found += [item["id"] for item in page["items"]]
        assert len(page["items"]) <= limit
        cursor = page["next"]
        if cursor is None:
            return found


def records_at(desk: Desk, position: int | None = None) -> list[Record]:
    """Every deal as a pure fold of its events up to a position."""
    streams: dict[str, list[Any]] = {}
    log = desk.tenant.log
    for event in log.read(1, log.head() if position is None else position):
        if event.stream.startswith("deal/"):
            streams.setdefault(event.stream, []).append(event)
    folded = [record_state.fold(None, events) for events in streams.values()]
    return sorted([record for record in folded if record is not None], key=lambda record: record.stream)


def number(record: Record, name: str) -> Decimal | None:
    """A number or an amount of a record."""
    value = record.fields.get(name)
    return None if value is None else Decimal(str(value["amount"] if isinstance(value, dict) else value))


def known(value: Any, test: Callable[[Any], bool]) -> bool:
    """Whether there is a value, and it passes."""
    return value is not None and test(value)


CASES: list[tuple[list[tuple[str, str]], Callable[[Record], bool]]] = [
    ([], lambda r: True),
    ([("stage", "offer")], lambda r: r.stage == "offer"),
    ([("stage", "offer"), ("stage", "won")], lambda r: r.stage in ("offer", "won")),
    ([("stage.ne", "lead")], lambda r: r.stage != "lead"),
    ([("owner", ANNA)], lambda r: r.owner == ANNA),
    ([("owner.is_null", "true")], lambda r: r.owner is None),
    ([("owner.ne", ANNA)], lambda r: known(r.owner, lambda v: v != ANNA)),
    ([("team", "north")], lambda r: r.owner == ANNA),
    ([("region.ne", "north")], lambda r: r.owner == BEN),
    ([("external_id.is_null", "true")], lambda r: r.external_id is None),
    ([("amount.gt", "9")], lambda r: known(number(r, "amount"), lambda v: v > 9)),
    ([("amount.lte", "250.50")], lambda r: known(number(r, "amount"), lambda v: v <= Decimal("250.5"))),
    ([("amount", "9"), ("amount", "9000")], lambda r: number(r, "amount") in (Decimal(9), Decimal(9000))),
    ([("amount.is_null", "false")], lambda r: r.fields.get("amount") is not None),
    ([("seats.gte", "9.5")], lambda r: known(number(r, "seats"), lambda v: v >= Decimal("9.5"))),
    ([("seats.is_null", "true")], lambda r: r.fields.get("seats") is None and "seats" not in r.unknown),
    ([("seats.ne", "1")], lambda r: known(number(r, "seats"), lambda v: v != 1)),
    ([("due.lt", "2026-03-01")], lambda r: known(r.fields.get("due"), lambda v: v < "2026-03-01")),
    ([("met_at", "2026-03-01T00:00:00Z")], lambda r: r.fields.get("met_at") == "2026-03-01T00:00:00.000000Z"),
    ([("met_at.gte", "2026-03-01"), ("met_at.lt", "2026-03-01T08:00:00Z")],
     lambda r: known(r.fields.get("met_at"), lambda v: "2026-03-01" <= v < "2026-03-01T08")),
    ([("heat", "hot"), ("big", "true")], lambda r: r.fields.get("heat") == "hot" and r.fields.get("big") is True),
    ([("big.ne", "true")], lambda r: r.fields.get("big") is False),
    ([("pains.contains", "cost")], lambda r: known(r.fields.get("pains"), lambda v: "cost" in v)),
    ([("pains.contains", "time"), ("pains.contains", "quality")],
     lambda r: known(r.fields.get("pains"), lambda v: bool({"time", "quality"} & set(v)))),
    ([("scan.is_null", "false")], lambda r: bool(r.evidence)),
    ([("topic", "阀门")], lambda r: r.fields.get("topic") == "阀门"),
    ([("topic.gt", "a")], lambda r: known(r.fields.get("topic"), lambda v: v > "a")),
    ([("touches.gte", "2")], lambda r: len(r.touches) >= 2),
    ([("version.lt", "4")], lambda r: r.version < 4),
    ([("opened_at.is_null", "true")], lambda r: r.opened_at is None),
    ([("opened_at.gt", "2026-03-03")], lambda r: known(r.opened_at, lambda v: v.isoformat() > "2026-03-04")),
    ([("last_touch_at.is_null", "false")], lambda r: any(touch.at for touch in r.touches)),
    ([("fields.limit.is_null", "true")], lambda r: True),
]  # fmt: skip


@pytest.mark.parametrize(("filters", "selects"), CASES, ids=[str(case[0])[:70] for case in CASES])
@pytest.mark.parametrize("share", [100, 60, 25])
def test_a_filter_selects_what_a_person_would(desk, filters, selects, share):
    """D2: now, and as of positions long gone, against a plain fold of the log."""
    position = desk.tenant.log.head() * share // 100
    horizon = None if share == 100 else Horizon(position=position)
    expected = [record.id for record in records_at(desk, position) if selects(record)]
    assert the_list(desk, *filters, horizon=horizon) == expected


def test_the_cases_are_not_empty(desk):
    """A filter that selects nothing, or everything, would prove nothing; most select some."""
    records = records_at(desk)
    some = [case for case in CASES if 0 < sum(map(case[1], records)) < len(records)]
    assert len(records) >= 12
    assert len(some) > len(CASES) * 3 / 4


ORDERS: list[tuple[str, Callable[[Record], Any]]] = [
    ("amount", lambda r: number(r, "amount")),
    ("seats", lambda r: number(r, "seats")),
    ("due", lambda r: r.fields.get("due")),
    ("heat", lambda r: HEATS.index(r.fields["heat"]) if r.fields.get("heat") else None),
    ("stage", lambda r: STAGES.index(r.stage or "")),
    ("topic", lambda r: r.fields.get("topic")),
    ("big", lambda r: r.fields.get("big")),
    ("opened_at", lambda r: r.opened_at),
    ("touches", lambda r: len(r.touches)),
    ("external_id", lambda r: r.external_id),
]


@pytest.mark.parametrize(("name", "key"), ORDERS, ids=[name for name, _ in ORDERS])
@pytest.mark.parametrize("descending", [False, True])
def test_an_order_compares_by_type(desk, name, key, descending):
    """Numbers as numbers, options as the playbook orders them; what is missing comes last; equals by their streams."""
    records = records_at(desk)
    filled = [record for record in records if key(record) is not None]
    filled.sort(key=key, reverse=descending)
    groups: dict[Any, list[str]] = {}
    for record in filled:
        groups.setdefault(key(record), []).append(record.id)
    expected = [name for group in groups.values() for name in sorted(group)]
    expected += [record.id for record in records if key(record) is None]
    assert the_list(desk, sort=("-" if descending else "") + name) == expected


def test_pages_hold_still_whatever_is_written_meanwhile(a_tenant):
    """The first page fixes the position: later pages neither miss nor repeat a record, nor show a later value."""
    desk = Desk(a_tenant("pages", clock="simulated", told_time=MORNING))
    for index in range(12):
        desk.do(OpenRecord(f"deal/dea_{index:02}", {"amount": str(100 + index)}))
    desk.tenant.catch_up.run()
    reads, found, cursor, at = desk.tenant.reads, [], None, None
    while True:
        page = list_records(reads, "deal", Ask(cursor=cursor, limit=4), sort="-amount").data
        assert at in (None, page["as_of_position"])
        at = page["as_of_position"]
        found += [(item["id"], item["fields"]["amount"]["amount"]) for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        # What was first becomes last, what is last becomes first, and something new comes in between.
        desk.do(EditFields(f"deal/dea_{len(found):02}", {"amount": str(1 + len(found))}))
        desk.do(EditFields("deal/dea_00", {"amount": str(10_000 + len(found))}))
        desk.do(OpenRecord(f"deal/dea_new{len(found)}", {"amount": "104.50"}))
        desk.tenant.catch_up.run()
    assert found == [(f"dea_{index:02}", f"{100 + index}.00") for index in reversed(range(12))]


def test_a_cursor_belongs_to_its_question(desk):
    """Another filter, order, choice or moment with the same cursor is refused; another page size is not."""
    reads = desk.tenant.reads
    cursor = list_records(reads, "deal", Ask(limit=2), [("stage", "lead")]).data["next"]
    assert list_records(reads, "deal", Ask(cursor=cursor, limit=5), [("stage", "lead")]).data["items"]
    for about in (
        {"filters": [("stage", "offer")]},
        {"filters": [("stage", "lead")], "sort": "amount"},
        {"filters": [("stage", "lead")], "fields": "stage"},
    ):
        with pytest.raises(InvalidQuery, match="another question"):
            list_records(reads, "deal", Ask(cursor=cursor), about.pop("filters"), **about)
    with pytest.raises(InvalidQuery, match="another question"):
        list_records(reads, "deal", Ask(Horizon(position=9), cursor), [("stage", "lead")])
    with pytest.raises(InvalidQuery, match="another question"):
        list_records(reads, "customer", Ask(cursor=cursor), [("stage", "lead")])


def test_what_was_chosen_is_all_that_is_shown(desk):
    """`fields` limits members and fields; id and version are always there."""
    page = list_records(desk.tenant.reads, "deal", Ask(), fields="stage,amount").data
    for item in page["items"]:
        assert set(item) - {"_erased", "_unknown"} == {"id", "version", "stage", "fields"}
        assert set(item["fields"]) <= {"amount"}
    shown = desk.tenant.reads.record("deal", "dea_00", fields="owner,topic").data
    assert {"id", "version", "owner", "as_of_position"} <= set(shown)
    assert not {"stage", "evidence", "entries", "touches"} & set(shown)
    assert set(shown["fields"]) <= {"topic"}
    with pytest.raises(InvalidQuery):
        desk.tenant.reads.record("deal", "dea_00", fields="topik")


def test_personal_values_are_opened_by_the_lens_and_asked_by_nobody(desk):
    """P24: a list shows them to whoever may see them; as a filter or an order they are refused."""
    page = list_records(desk.tenant.reads, "deal", Ask(limit=200)).data
    assert {"secret"} == {item["fields"]["note"] for item in page["items"] if "note" in item["fields"]}
    for filters, sort in (([("note", "secret")], None), ([], "note")):
        with pytest.raises(InvalidQuery, match="personal"):
            list_records(desk.tenant.reads, "deal", Ask(), filters, sort=sort)


def test_business_time_asks_what_had_happened(desk):
    """`effective_at` folds what had happened by then; the same filters and orders hold over it."""
    middle = MORNING + 120 * HOUR
    horizon = Horizon(effective_at=middle)
    folded = []
    for record in records_at(desk):
        events = desk.tenant.log.stream(record.stream)
        seen = [event for event in events if event.occurred_at is not None and event.occurred_at <= middle]
        seen.sort(key=lambda event: (event.occurred_at, event.position))
        while seen and seen[0].event.TOPIC != "record.opened.v1":
            seen.pop(0)
        if seen:
            folded.append(record_state.fold(None, seen))
    assert the_list(desk, horizon=horizon) == [record.id for record in folded if record]
    assert the_list(desk, ("amount.gt", "9"), horizon=horizon) == [
        record.id for record in folded if record and known(number(record, "amount"), lambda v: v > 9)
    ]


def test_as_of_a_moment_is_as_of_the_last_position_recorded_by_then(desk):
    """A moment and its position give the same list."""
    position = desk.tenant.log.head() // 2
    at = desk.tenant.log.read(position, position)[0].recorded_at
    assert the_list(desk, horizon=Horizon.read(at.isoformat())) == the_list(
        desk, horizon=Horizon(position=position)
    )
    with pytest.raises(NotFound):
        the_list(desk, horizon=Horizon.read((MORNING - timedelta(days=9)).isoformat()))


def test_every_version_holds_until_the_next(desk):
    """P30: versions are contiguous, one stands, and each is the fold of the record's events up to it; past ones keep no list of touches."""
    with desk.tenant.pool.connection() as connection:
        rows = connection.execute(
            "SELECT * FROM dealtrail_read.record_versions WHERE kind = 'deal' ORDER BY stream, from_position"
        ).fetchall()
    by_stream: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_stream.setdefault(row["stream"], []).append(row)
    for stream, versions in by_stream.items():
        events = desk.tenant.log.stream(stream)
        assert [row["from_position"] for row in versions] == [event.position for event in events]
        assert [row["until_position"] for row in versions] == [*(e.position for e in events[1:]), None]
        for index, row in enumerate(versions):
            record = record_state.fold(None, events[: index + 1])
            assert record is not None
            whole = record_state.to_json(record)
            assert row["touches"] == len(record.touches)
            moments = [touch.at for touch in record.touches if touch.at]
            assert row["last_touch_at"] == (moment_text(max(moments)) if moments else None)
            if row["until_position"] is not None:
                del whole["touches"]
            assert row["record"] == whole


def test_an_answer_waits_for_its_position_and_then_says_to_come_again(a_tenant, monkeypatch):
    """`min_position` beyond the read models is refused after a moment's patience, never answered with less."""
    desk = Desk(a_tenant("behind", clock="simulated", told_time=MORNING))
    desk.do(OpenRecord("deal/dea_1"))
    reads, head = desk.tenant.reads, desk.tenant.log.head()
    monkeypatch.setattr("projections.footing.PATIENCE_SECONDS", 0.05)
    with pytest.raises(BehindError) as error:
        reads.wait_for(head)
    assert (error.value.wanted, error.value.retry_after) == (head, 1)
    desk.tenant.catch_up.run()
    reads.wait_for(head)
    with pytest.raises(BehindError):
        reads.wait_for(head + 1)


def test_a_position_the_read_model_has_not_reached_is_answered_exactly(a_tenant):
    """What is behind by a few events is folded upon: the answer is of the position that was asked for, whatever the table holds."""
    desk = Desk(a_tenant("tail", clock="simulated", told_time=MORNING))
    desk.do(PublishPlaybook(playbook(EVERY_TYPE)))
    chance = random.Random(5)
    do_at_random(desk, chance, 40)
    desk.tenant.catch_up.run()
    begin = desk.tenant.log.head()
    do_at_random(desk, chance, 40)
    head = desk.tenant.log.head()
    assert head > begin + 10
    asked = [("amount.gt", "9")]
    behind = [
        the_list(desk, *asked, horizon=Horizon(position=position)) for position in range(begin, head + 1)
    ]
    shown = list_records(desk.tenant.reads, "deal", Ask(Horizon(position=head), limit=200)).data
    desk.tenant.catch_up.run()
    assert behind == [
        the_list(desk, *asked, horizon=Horizon(position=position)) for position in range(begin, head + 1)
    ]
    assert shown == list_records(desk.tenant.reads, "deal", Ask(Horizon(position=head), limit=200)).data
