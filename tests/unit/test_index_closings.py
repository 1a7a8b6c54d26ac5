"""Closing a period of an index: the result is frozen with its rules, and is changed in no other way than by restating it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.desk import an_empty_desk
from support.given import NOW, PLAYBOOKS

from commands.caller import Caller
from commands.playbook_file import parse_playbook
from consumers.closing import IndexResult, close_period, frozen
from domain.events import IndexClosed
from domain.indices import closings
from domain.indices.commands import CloseIndex
from domain.indices.periods import days_of
from domain.naming import index_stream
from domain.plain import digest_of, is_plain
from domain.playbook.commands import PublishPlaybook
from domain.playbook.measuring import Period
from domain.playbook.model import Right
from domain.refusals import InvalidCommand, NotAllowed, NotFound

TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8")
INDICES = """
indices:
  phi:
    label: {zh: 过程健康度, en: Process health}
    kind: opportunity
    components:
      fresh: {label: {zh: 新鲜度, en: Freshness}, measure: freshness, fields: [source]}
  weekly:
    label: {zh: 每周, en: Weekly}
    kind: opportunity
    period: week
    components:
      fresh: {label: {zh: 新鲜度, en: Freshness}, measure: freshness, fields: [source]}
  health:
    label: {zh: 商机健康度, en: Health of deals}
    kind: opportunity
    stuck: {steps: [quoted], longer_than_days: 14}
    components:
      fresh: {label: {zh: 新鲜度, en: Freshness}, measure: freshness, fields: [source]}
"""
CELLS = [
    {"owner": "person/per_anna", "value": "83.500000", "judged": "12"},
    {"owner": None, "value": None, "judged": "0"},
]


def a_playbook(more=INDICES):
    return parse_playbook(TEXT + more, "projects.yaml")


@pytest.fixture
def desk():
    """A log with a playbook that has indices; it is March 2026."""
    desk = an_empty_desk()
    desk.submit(PublishPlaybook(a_playbook()))
    return desk


def close(period="2026-02", **about):
    told = {"playbook": "projects", "number": 1, "position": 2, "result": CELLS, **about}
    return CloseIndex(
        about.pop("index", "phi"), period=period, **{k: v for k, v in told.items() if k != "index"}
    )


def pointers(refused):
    return [problem.pointer for problem in refused.value.problems]


def test_a_closing_freezes_the_cells_with_their_rules(desk):
    """The version that judged, the position it rests on, and a digest anybody can compute again."""
    assert (NOW.year, NOW.month) == (2026, 3)
    (closed,) = desk.submit(close()).events
    assert closed.stream == index_stream("phi")
    assert closed.event == IndexClosed(
        "phi", "projects", 1, "opportunity", "2026-02", 2, CELLS, digest_of(CELLS)
    )
    known = closings.fold(None, desk.log.stream(index_stream("phi")))
    standing = known.standing("2026-02")
    assert standing is not None
    assert (standing.position, standing.rests_on, standing.digest) == (closed.position, 2, digest_of(CELLS))


def test_a_period_that_is_closed_is_not_closed_again(desk):
    """Not even with the same cells: what stands is told, and how to change it."""
    (closed,) = desk.submit(close()).events
    with pytest.raises(
        InvalidCommand, match=f"closed at position {closed.position}; restate it, with a reason"
    ):
        desk.submit(close())
    desk.submit(close("2026-01"))


def test_restating_names_what_stands_and_says_why(desk):
    """A chain: each closing names the one before, and all of them stay in the log."""
    (first,) = desk.submit(close()).events
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(close(restates=first.position))
    assert pointers(refused) == ["/reason"]
    (second,) = desk.submit(
        close(restates=first.position, result=CELLS[:1], position=3), reason="a deal was noted late"
    ).events
    assert (second.event.restates, second.event.result) == (first.position, CELLS[:1])
    with pytest.raises(InvalidCommand, match=f"closed at position {second.position}; restate that"):
        desk.submit(close(restates=first.position), reason="again")
    (third,) = desk.submit(close(restates=second.position), reason="no, it was not").events
    known = closings.fold(None, desk.log.stream(index_stream("phi")))
    assert [told.position for told in known.by_period["2026-02"]] == [
        first.position,
        second.position,
        third.position,
    ]


def test_what_was_never_closed_cannot_be_restated(desk):
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(close(restates=2), reason="a slip")
    assert pointers(refused) == ["/restates"]


def test_a_period_that_goes_on_is_not_closed(desk):
    """Its end is that of its last day where the playbook is at home."""
    with pytest.raises(InvalidCommand, match="ends with 2026-03-31; close it when it is over"):
        desk.submit(close("2026-03"))


@pytest.mark.parametrize(("hours", "may"), [(-1, False), (0, True)])
def test_the_end_of_a_period_is_told_by_the_zone_of_the_playbook(hours, may):
    """In Shanghai the month is over eight hours before it is in Greenwich."""
    over = datetime(2026, 1, 31, 16, tzinfo=UTC)
    desk = an_empty_desk(told_time=datetime(2026, 1, 1, tzinfo=UTC))
    desk.submit(PublishPlaybook(a_playbook()), told_time=datetime(2026, 1, 1, tzinfo=UTC), occurred_at=None)
    submission = desk.submission(close("2026-01"), told_time=over + timedelta(hours=hours), occurred_at=None)
    answer = desk.bus.submit_batch([submission])[0]
    assert (answer.outcome == "accepted") is may


@pytest.mark.parametrize("period", ["2026-13", "2026-Q1", "2026-W05", "2026-2", "february", "", "2026-02\n"])
def test_a_period_of_another_form_is_refused(desk, period):
    with pytest.raises(InvalidCommand, match="a month is expected, as 2026-03"):
        desk.submit(close(period))


def test_an_index_by_the_week_is_closed_by_the_week(desk):
    desk.submit(close("2026-W05", index="weekly"))
    with pytest.raises(InvalidCommand, match="a week is expected"):
        desk.submit(close("2026-02", index="weekly"))


def test_an_index_of_single_records_has_no_periods(desk):
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(close(index="health"))
    assert pointers(refused) == ["/index"]


@pytest.mark.parametrize(
    "about", [{"index": "phy"}, {"number": 2}, {"playbook": "other"}, {"index": "no index"}, {"index": "a/b"}]
)
def test_an_index_nobody_has_is_not_there(desk, about):
    with pytest.raises(NotFound):
        desk.submit(close(**about))


def test_closing_needs_the_right_to_publish(desk):
    with pytest.raises(NotAllowed, match="publish"):
        desk.submit(close(), rights=frozenset({Right.import_data}))


@pytest.mark.parametrize(
    ("about", "pointer"),
    [
        ({"position": 1}, "/position"),
        ({"result": [{"value": 0.5}]}, "/result"),
        ({"result": [{"a": "\x00"}]}, "/result"),
    ],
)
def test_a_result_that_cannot_be_is_refused(desk, about, pointer):
    """Computed before there were such rules, or made of numbers that are not exact."""
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(close(**about))
    assert pointers(refused) == [pointer]


def test_two_who_close_at_once_leave_one_closing(desk):
    """The second one is decided again on what the first one did, and is told so."""
    other = desk.another()
    other.submit(close("2026-01"))
    answers = desk.batch(close(), close())
    assert [answer.outcome for answer in answers] == ["accepted", "refused"]
    with pytest.raises(InvalidCommand):
        other.submit(close())


def test_an_index_belongs_to_one_playbook(desk):
    """Closings of one name are about one index."""
    other = """
playbook: service
label: {zh: 服务, en: Service}
kinds:
  ticket: {label: {zh: 工单, en: Ticket}, collection: tickets, prefix: tic, fields: {source: {type: number, label: {zh: 来源, en: Source}}}}
""" + INDICES.split("  weekly", maxsplit=1)[0].replace("kind: opportunity", "kind: ticket")
    with pytest.raises(InvalidCommand) as refused:
        desk.submit(PublishPlaybook(parse_playbook(other, "service.yaml")))
    assert pointers(refused) == ["/indices/phi"]


# ── what was computed becomes an event ───────────────────────────────────────────────────────────────────────────────

OPERATOR = Caller("main", "job", "system/operator", rights=frozenset(Right))


def test_computed_cells_are_frozen_as_texts(desk):
    """Decimals and whole numbers, moments and days; unknown stays unknown."""
    computed = IndexResult(
        "projects",
        1,
        2,
        [{"owner": None, "value": Decimal("83.5"), "judged": 12, "capped": False, "by": (date(2026, 2, 1),)}],
    )
    answer = close_period(desk.bus, OPERATOR, "phi", "2026-02", computed)
    (closed,) = answer.events
    assert closed.event.result == [
        {"owner": None, "value": "83.5", "judged": "12", "capped": False, "by": ["2026-02-01"]}
    ]
    again = close_period(desk.bus, OPERATOR, "phi", "2026-02", computed)
    assert (again.replayed, again.events) == (True, answer.events)
    restated = close_period(
        desk.bus, OPERATOR, "phi", "2026-02", computed, restates=closed.position, reason="late"
    )
    assert restated.events[0].event.restates == closed.position


def test_what_is_not_exact_is_never_frozen():
    with pytest.raises(TypeError, match="float"):
        frozen({"value": 0.5})


plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.decimals(allow_nan=False, allow_infinity=False, places=6)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5)
    | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(plain_values)
def test_whatever_is_frozen_is_plain(value):
    """The log can hold it, and freezing it again changes nothing."""
    told = frozen(value)
    assert is_plain(told)
    assert frozen(told) == told
    assert digest_of(told) == digest_of(frozen(told))


# ── periods ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_every_day_lies_in_one_month_one_quarter_and_one_week(day):
    """The names of these are read back as stretches that hold the day."""
    year, week, _ = day.isocalendar()
    names = {
        Period.month: f"{day:%Y-%m}",
        Period.quarter: f"{day.year}-Q{(day.month + 2) // 3}",
        Period.week: f"{year:04}-W{week:02}",
    }
    for period, name in names.items():
        days = days_of(name)
        assert days is not None
        assert days.period is period
        assert days.first <= day <= days.last < days.end


@pytest.mark.parametrize("text", ["2026-W54", "2025-W53", "2026-W00", "0000-01", "2026-Q5", "２０２６-01"])
def test_what_no_calendar_has_is_no_period(text):
    assert days_of(text) is None
