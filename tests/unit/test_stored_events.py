"""Events that were stored once decode for ever."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.envelope import Recorded
from domain.events import EVENTS, MalformedPayload, UnknownTopic, decode
from domain.playbook import catalogue

STORED = json.loads((Path(__file__).parents[1] / "golden" / "stored_events.json").read_text("utf-8"))


def test_every_topic_has_a_stored_fixture() -> None:
    """A new event is not released without one."""
    assert set(STORED) == set(EVENTS)


@pytest.mark.parametrize("topic", STORED)
def test_a_stored_payload_decodes_and_encodes_to_itself(topic: str) -> None:
    """What the log holds is read and would be written again without a difference."""
    event = decode(topic, STORED[topic])
    assert type(event) is EVENTS[topic]
    assert event.payload() == STORED[topic]


def test_a_stored_playbook_still_judges() -> None:
    """The typed trees of a published playbook are read back without parsing the texts again."""
    event = decode("playbook.published.v1", STORED["playbook.published.v1"])
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    recorded = Recorded(
        stream="playbooks",
        version=1,
        position=2,
        event=event,
        recorded_at=moment,
        occurred_at=moment,
        decided_at=moment,
        basis=1,
        actor="system/operator",
        channel="cli",
        command_id="cmd_1",
    )
    playbook = catalogue.fold(None, [recorded]).in_force["deals"]
    assert list(playbook.kind("deal").stages) == ["new", "won"]
    assert set(playbook.rules) == {"deal/won/enter/large"}


def test_a_topic_outside_the_allow_list_is_refused() -> None:
    """A log written by a newer version says so instead of running code it names."""
    with pytest.raises(UnknownTopic, match="upgrade dealtrail"):
        decode("os:system", {})


def test_a_payload_of_another_shape_is_refused() -> None:
    """A missing or an unknown member is named."""
    with pytest.raises(MalformedPayload, match="subject"):
        decode("subject.erased.v1", {})
    with pytest.raises(MalformedPayload, match="colour"):
        decode("subject.erased.v1", {"subject": "a", "colour": "red"})
