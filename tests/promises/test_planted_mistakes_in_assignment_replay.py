"""Mistakes are planted in the replay of assignment; the histories were played without them, and the oracle says otherwise."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from support.oracle_assigning import compared, differences

from domain.assigning import candidates
from domain.organisation.state import Organisation
from projections.replay.assignment import counted, drafted, world
from projections.replay.assignment.told import Pools

SEEDS = range(300, 310)

_take = Pools.take


def _forgets_what_the_draft_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open counts as the log says them, whatever the draft chose."""
    choose = world.World.choose

    def not_owned(self: world.World, pool: str, found: Any, *about: Any, **more: Any) -> None:
        choose(self, pool, found, *about, **more)
        if found.person is not None:
            self.counts.own(about[0] + more["recorded"], found.record, None)

    monkeypatch.setattr(world.World, "choose", not_owned)


def _takes_no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns that nobody ever took."""

    def without(self: Pools, pool: str, *about: Any) -> None:
        _take(self, pool, *about)
        self.states[pool] = replace(self.states[pool], turns={})

    monkeypatch.setattr(Pools, "take", without)


def _loses_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody ever got anything on the same day."""
    monkeypatch.setattr(candidates, "assigned_today", lambda *_about: 0)


def _never_sees_anybody_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Absences that are not looked at."""
    monkeypatch.setattr(Organisation, "is_away", lambda *_about: False)


def _counts_as_of_the_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of a later moment than the one that is named: what came between is counted twice."""
    open_records = counted.Counts.open_records

    def later(self: counted.Counts, kind: str, steps: tuple[str, ...], as_of: int) -> Any:
        return open_records(self, kind, steps, as_of + 3)

    monkeypatch.setattr(counted.Counts, "open_records", later)


def _keeps_what_people_took_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Owners that were named by hand change nothing in the world of the draft."""
    own = world.World._own

    def only_somebody(self: world.World, position: int, record: str, owner: str | None) -> None:
        if owner is not None:
            own(self, position, record, owner)

    monkeypatch.setattr(world.World, "_own", only_somebody)


def _never_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits in the world of the draft alone waits for ever."""
    monkeypatch.setattr(drafted.Drafting, "_try_again", lambda *_about, **_more: None)


def _is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moments at which time alone changes something are left out."""

    def none_of(self: world.Moments, moment: datetime) -> int:
        return 0

    monkeypatch.setattr(world.Moments, "last_by", none_of)


@pytest.mark.parametrize(
    "plant",
    [
        _forgets_what_the_draft_gave,
        _takes_no_turns,
        _loses_days,
        _never_sees_anybody_away,
        _counts_as_of_the_decision,
        _keeps_what_people_took_away,
        _never_tries_again,
        _is_late,
    ],
)
def test_a_planted_mistake_is_found_in_the_replay(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The histories were played without the mistake; only the replay makes it, and the oracle says otherwise."""
    histories = [compared(seed) for seed in SEEDS]
    plant(monkeypatch)
    assert any(differences(*history) for history in histories)
