"""P30 over random histories: the changes of a record lead from its beginning to now and back, and its version as of any position is a replay of the log."""

import random
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.histories import histories, play

from domain.record import state as record_state
from domain.record.state import Record
from projections.as_of import Horizon
from projections.field_history import OWNER, STAGE, changes_of
from projections.record_versions import Version, record_of, versions_of
from projections.timeline import in_order

quickly = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a history is made of one number: there is nothing to shrink
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def held(record: Record) -> dict[str, Any]:
    """What the changes of a record lead to."""
    found = record.fields | {STAGE: record.stage, OWNER: record.owner}
    return {name: value for name, value in found.items() if value is not None}


@quickly
@given(histories())
def test_folding_the_changes_forward_gives_now_and_backward_the_beginning(steps):
    """Without a jump: each change begins where the one before it ended; taken back one by one, nothing is left."""
    played = play(steps)
    for stream, record in played.records.items():
        changes = [change for recorded in played.log.stream(stream) for change in changes_of(recorded)]
        values: dict[str, Any] = {}
        for name, old, new in changes:
            assert values.get(name) == old
            values[name] = new
        assert {name: value for name, value in values.items() if value is not None} == held(record)
        for name, old, new in reversed(changes):
            assert values[name] == new
            values[name] = old
        assert not any(value is not None for value in values.values())


def kept(log: Any, chance: random.Random) -> list[Version]:
    """The versions a read model would keep, whatever batches the log is cut into."""
    standing: dict[str, Version] = {}
    over: list[Version] = []
    position = 0
    while batch := log.after(position, chance.randint(1, 9)):
        position = batch[-1].position
        before = {stream: version.record for stream, version in standing.items()}
        for version in versions_of(before, batch):
            stream = version.record.stream
            if stream in standing and standing[stream].until_position is None:
                last = standing.pop(stream)
                over.append(Version(last.record, last.from_position, version.from_position))
            if version.until_position is None:
                standing[stream] = version
            else:
                over.append(version)
    return [*over, *standing.values()]


@quickly
@given(histories(), st.randoms(use_true_random=False))
def test_as_of_any_position_is_a_replay_of_the_log(steps, chance):
    """Exactly one version of each record holds at each position since its opening, and it is the fold of its events up to there."""
    played = play(steps)
    versions = kept(played.log, chance)
    for stream in played.records:
        own = sorted(
            (version for version in versions if version.record.stream == stream),
            key=lambda v: v.from_position,
        )
        assert all(left.until_position == right.from_position for left, right in pairwise(own))
        assert own[-1].until_position is None
        for position in range(1, played.log.head() + 1):
            holding = [
                version
                for version in own
                if version.from_position <= position
                and (version.until_position is None or position < version.until_position)
            ]
            seen = Horizon(position=position).within(played.log.stream(stream))
            expected = record_state.fold(None, seen)
            assert [version.record for version in holding] == ([] if expected is None else [expected])


@quickly
@given(histories())
def test_a_version_that_is_over_keeps_everything_but_the_list_of_touches(steps):
    """What is stored comes back; how many touches there were stands beside it."""
    played = play(steps)
    for version in versions_of({}, played.log.after(0, 10_000)):
        back = record_of(version.stored)
        assert record_state.to_json(back) | {"touches": None} == record_state.to_json(version.record) | {
            "touches": None
        }
        assert (back.touches == version.record.touches) == (
            version.until_position is None or not version.record.touches
        )


@quickly
@given(histories(), st.sampled_from(["business", "recorded"]))
def test_a_timeline_holds_every_event_once_in_one_order(steps, order):
    """Nothing is merged and nothing falls out; equal moments follow the log."""
    played = play(steps)
    for stream in played.records:
        events = played.log.stream(stream)
        found = [happened.recorded for happened in in_order(events, order)]
        assert sorted(recorded.position for recorded in found) == [recorded.position for recorded in events]
        told = [recorded for recorded in found if recorded.occurred_at is not None]
        for left, right in pairwise(told):
            key = [(r.occurred_at, r.position) if order == "business" else r.position for r in (left, right)]
            assert key[0] < key[1]
