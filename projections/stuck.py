"""Stuck: which open records stand where, since when, whose they are, what is missing for the next step, and whom they wait for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from domain.playbook.model import Kind
from domain.record.adoption import adopted
from domain.record.state import Record
from domain.rules.arithmetic import divide, number_text
from domain.rules.types import FieldType, ValueType
from domain.values import moment_text
from projections.checking import judged, next_step
from projections.cursors import Cursor
from projections.errors import InvalidQuery
from projections.filters import Filter, Order, Question, Subject, read_question
from projections.footing import Footing
from projections.lens import Lens, Visible
from projections.listing import Listed, count_by_stage, fetch
from projections.lists import Ask, Ground, ground, incomplete, pinned
from projections.parked import Parked
from projections.record_versions import RecordVersions
from projections.waiting import titles_of, waits_of

_SECONDS_A_DAY = 86_400
_MOST_DAYS = Decimal(36_500)
_ENTERED = Subject("stage_entered_at", False, FieldType(ValueType.datetime))


@dataclass(frozen=True, slots=True)
class Where:
    """Which records are looked at: those of stages, owners, teams or regions; each may be one of several."""

    longer_than_days: str | None = None
    by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def stuck(footing: Footing, kind: str, ask: Ask, where: Where = Where()) -> Visible:
    """Show the records that stand in an open stage, longest first, with what is missing for their next step and whom they wait for.

    How long is counted from the moment a record entered its stage, whenever it was opened or edited.
    Where that moment is unknown nothing is invented: such records are listed last, with no days, and counted apart.
    Raises InvalidQuery, NotFound, BehindError.
    """
    days = _days(where.longer_than_days)
    given = [(name, text) for name, texts in sorted(where.by.items()) for text in texts]
    words = ["stuck", kind, given, where.longer_than_days, str(ask.horizon)]
    cursor = Cursor.read(ask.cursor, words)
    horizon = ask.horizon if cursor is None else pinned(ask.horizon, cursor.position)
    on = ground(footing, kind, horizon)
    at = cursor.moment if cursor is not None and cursor.moment else footing.moment(ask.horizon)
    standing = (standing_in_open_stages(on.kind), *read_question(on.kind, on.people, given).filters)
    known, unknown = _since(at, days), Filter(_ENTERED, "is_null", (True,))
    skip = cursor.skip if cursor is not None else 0
    with footing.snapshot(RecordVersions.name) as (connection, reached):
        source = on.source(reached)
        by_stage = count_by_stage(connection, source, (*standing, known), on.people)
        unknown_by_stage = count_by_stage(connection, source, (*standing, unknown), on.people)
        total = sum(by_stage.values())
        longest = Question((*standing, known), (Order(_ENTERED),))
        found = fetch(connection, source, longest, on.people, skip=skip, limit=ask.limit + 1)
        if len(found) <= ask.limit:
            nobody_knows = Question((*standing, unknown))
            found += fetch(
                connection,
                source,
                nobody_knows,
                on.people,
                skip=max(skip - total, 0),
                limit=ask.limit + 1 - len(found),
            )
        parked = Parked.count(connection, RecordVersions.name, kind=kind)
    page = [_whole(footing, item, on) for item in found[: ask.limit]]
    lens = footing.lens(on.bounded)
    records = [record for record, _ in page]
    lens.prepare([*(record.fields for record in records), *titles_of(records)])
    return lens.page(
        [_row(lens, on, record, item, at) for record, item in page],
        next=Cursor(on.position, skip + len(page), at).text(words) if len(found) > ask.limit else None,
        kind=kind,
        at=moment_text(at),
        longer_than_days=where.longer_than_days,
        records=total,
        unknown=sum(unknown_by_stage.values()),
        by_stage=[
            {
                "stage": name,
                "label": step.label.model_dump(),
                "records": by_stage.get(name, 0),
                "unknown": unknown_by_stage.get(name, 0),
            }
            for name, step in on.kind.steps.items()
            if step.outcome == "open"
        ],
        **incomplete(parked),
        **footing.about(on.bounded),
    )


def standing_in_open_stages(kind: Kind) -> Filter:
    """Select the records that have not ended: those in a stage that is open."""
    steps = kind.steps
    subject = Subject("stage", False, FieldType(ValueType.choice, options=tuple(steps)))
    return Filter(subject, "in", tuple(name for name, step in steps.items() if step.outcome == "open"))


def _since(at: datetime, days: Decimal) -> Filter:
    """Longer than so many days: entered before that. Without a number of days, whoever has a known moment."""
    try:
        before = at - timedelta(microseconds=int(days * _SECONDS_A_DAY * 1_000_000))
    except OverflowError:
        before = datetime.min.replace(tzinfo=at.tzinfo)
    operator: Any = "lt" if days else "lte"
    return Filter(
        _ENTERED, operator, (moment_text(before if days else datetime.max.replace(tzinfo=at.tzinfo)),)
    )


def _days(text: str | None) -> Decimal:
    if text is None:
        return Decimal(0)
    try:
        days = Decimal(text) if text.isascii() and "_" not in text else Decimal("NaN")
    except InvalidOperation:
        days = Decimal("NaN")
    if not days.is_finite() or not 0 <= days <= _MOST_DAYS:
        raise InvalidQuery.of("longer_than_days", f"a number of days is expected, from 0 to {_MOST_DAYS}")
    return days


def _whole(footing: Footing, item: Listed, on: Ground) -> tuple[Record, Listed]:
    """The record with all its touches: a version that is over keeps no list of them, so it is folded from the log."""
    if item.is_last:
        return item.record, item
    record = footing.folded(item.record.stream, on.bounded)
    assert record is not None
    return adopted(record, on.playbook(record)), item


def _row(lens: Lens, on: Ground, record: Record, item: Listed, at: datetime) -> Visible:
    playbook = on.playbook(record)
    spec = playbook.kind(record.kind)
    to = next_step(spec, record)
    step = spec.steps.get(record.stage or "")
    person = on.people.people.get(record.owner or "")
    return lens.figures(
        id=record.id,
        external_id=record.external_id,
        title=lens.title(record),
        stage=record.stage,
        stage_label=None if step is None else step.label.model_dump(),
        stage_entered_at=None if record.stage_entered_at is None else moment_text(record.stage_entered_at),
        days=days_between(record.stage_entered_at, at),
        opened_at=None if record.opened_at is None else moment_text(record.opened_at),
        last_touch_at=item.last_touch_at,
        touches=item.touches,
        owner=record.owner,
        owner_name=lens.person(record.owner),
        team=person.team if person is not None else None,
        region=on.people.region_of(record.owner or ""),
        next_stage=to,
        next_stage_label=None if to is None else spec.steps[to].label.model_dump(),
        unmet=[] if to is None else judged(lens, playbook, record, to, at)["unmet"],
        waits_for=waits_of(lens, on.playbooks, record, at),
        playbook=playbook.name,
        playbook_version=playbook.number,
    )


def days_between(begin: datetime | None, end: datetime | None) -> str | None:
    """Return the days from one moment to another as decimal text, to six places; None where one of them is unknown."""
    if begin is None or end is None:
        return None
    microseconds = (end - begin) // timedelta(microseconds=1)
    seconds = divide(microseconds, 1_000_000)
    days = None if seconds is None else divide(seconds, _SECONDS_A_DAY)
    return None if days is None else number_text(days)
