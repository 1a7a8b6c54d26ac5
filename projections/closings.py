"""Closings of indices: what stands for each period, what it rests on, and everything that stood before it was restated."""

from collections.abc import Iterator, Sequence
from typing import Any

from domain.envelope import Recorded
from domain.events import IndexClosed
from domain.indices.periods import days_of
from domain.naming import index_stream, is_id, nearest
from domain.refusals import NotFound
from projections.as_of import Horizon
from projections.cursors import Cursor
from projections.footing import NOW, Footing
from projections.lens import Lens, Visible
from projections.lists import Ask, pinned


def closings(footing: Footing, index: str, ask: Ask) -> Visible:
    """Show what stands for each closed period of an index, the latest period first, without its cells.

    `restated` says how often a period was restated. Raises NotFound, with the nearest index.
    """
    words = ["closings", index, str(ask.horizon)]
    cursor = Cursor.read(ask.cursor, words)
    bounded = footing.bounded(ask.horizon if cursor is None else pinned(ask.horizon, cursor.position))
    by_period = _by_period(footing, index, bounded)
    lens = footing.lens(bounded)
    skip = cursor.skip if cursor is not None else 0
    ordered = sorted(by_period, key=_first_day, reverse=True)
    page = [by_period[period] for period in ordered[skip : skip + ask.limit]]
    lens.prepare([told[-1] for told in page])
    following = Cursor(bounded.position or 0, skip + len(page)).text(words)
    return lens.page(
        [lens.figures(**_about(lens, told[-1]), restated=len(told) - 1) for told in page],
        next=following if skip + len(page) < len(ordered) else None,
        index=index,
        **footing.about(bounded),
    )


def closing(footing: Footing, index: str, period: str, horizon: Horizon = NOW) -> Visible:
    """Show what stands for a period, with its cells, and the history: every closing of it, the newest first.

    As of an earlier position what stood then is shown. Raises NotFound, with the nearest index or period.
    """
    bounded = footing.bounded(horizon)
    by_period = _by_period(footing, index, bounded)
    if period not in by_period:
        raise NotFound("closed period", period, nearest(period, by_period))
    told = by_period[period]
    event = told[-1].event
    assert isinstance(event, IndexClosed)
    lens = footing.lens(bounded)
    lens.prepare(told)
    return lens.figures(
        index=index,
        **_about(lens, told[-1]),
        cells=event.result,
        history=[_about(lens, recorded) for recorded in reversed(told)],
        names=footing.names(lens, _leaves(event.result), bounded),
        **footing.about(bounded),
    )


def _by_period(footing: Footing, index: str, bounded: Horizon) -> dict[str, list[Recorded]]:
    found: dict[str, list[Recorded]] = {}
    for recorded in bounded.within(footing.log.stream(index_stream(index))) if is_id(index) else ():
        if isinstance(recorded.event, IndexClosed):
            found.setdefault(recorded.event.period, []).append(recorded)
    if not found:
        known = {
            name
            for version in footing.playbooks(bounded).versions.values()
            for name in version.document.indices
        }
        if index not in known:
            raise NotFound("index", index, nearest(index, known))
    return found


def _first_day(period: str) -> tuple[str, str]:
    days = days_of(period)
    return ("" if days is None else days.first.isoformat(), period)


def _about(lens: Lens, recorded: Recorded) -> dict[str, Any]:
    """What is said of a closing beside its cells: `rests_on` is the position its result was computed at, `position` its own."""
    event = recorded.event
    assert isinstance(event, IndexClosed)
    told = lens.event(recorded).data
    members = (
        "position",
        "recorded_at",
        "actor",
        "actor_name",
        "on_behalf_of",
        "channel",
        "reason",
        "command_id",
    )
    return {
        "period": event.period,
        "playbook": event.playbook,
        "playbook_version": event.number,
        "kind": event.kind,
        "rests_on": event.position,
        "digest": event.digest,
        "restates": event.restates,
        **{member: told[member] for member in members},
    }


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
