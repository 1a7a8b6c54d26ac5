"""The simulated organisation over HTTP: many at a time, over connections that fail, and the log is the one the bus would have written."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from support.replaying import the_law

from benchmarks.rehearsal import Story, rehearse, the_playbook
from benchmarks.service import a_service
from consumers.simulator import Scenario, simulate
from consumers.simulator.over_http import Faults, HttpBus, Played, play
from consumers.simulator.over_http.faults import FAULTS
from consumers.simulator.over_http.playing import Crew
from consumers.simulator.over_http.requests import Spelling
from consumers.simulator.real_clock import OnTheRealClock
from domain.events import MoveRefused
from domain.refusals import GateNotMet, Refusal
from domain.values import SEALED
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant
from infra.vault import PostgresKeyring

COMMANDS = 300
A_FEW_DAYS = Scenario(seed=7, days=90, people=12, pace=0.5)
OPENINGS = re.compile(r"^(refusals/[a-z_]+/)\d{4}-\d\d-\d\d$")
FAULTY = Faults(share=0.05, seed=7, longest_seconds=0.05)


@dataclass(frozen=True)
class Told:
    """One story in two logs: by the bus alone, and over HTTP."""

    story: Story
    by_bus: Tenant
    over_http: Tenant
    played: list[Played]


@pytest.fixture(scope="module")
def told(embedded_home) -> Iterator[Told]:
    """Some three hundred commands of a small organisation, told to the bus, then over eight connections that fail now and then."""

    def tenant(name: str) -> Tenant:
        return open_tenant(Settings(home=embedded_home, database_url=None, tenant=name))

    with tenant("rehearsed") as by_bus, tenant("played") as over_http:
        story = rehearse(by_bus, A_FEW_DAYS, COMMANDS)
        collections = {name: kind.collection for name, kind in the_playbook().document.kinds.items()}
        with a_service(over_http.url, "played") as (address, badges):

            async def tell() -> list[Played]:
                crew = Crew(address, Spelling(collections), badges, concurrency=8, faults=FAULTY)
                try:
                    return await play(crew, story.steps)
                finally:
                    await crew.close()

            played = asyncio.run(tell())
        yield Told(story, by_bus, over_http, played)


def streams_of(tenant: Tenant) -> dict[str, list[tuple[str, Any]]]:
    """What stands in each stream, opened with the tenant's own keys: topics and payloads, in order.

    A restored change is named by its place in its stream, because positions are those of one log alone.
    Refused openings share a stream a day: who came first there means nothing, so they are put in some order.
    """
    recorded = tenant.log.after(1, 100_000)
    place = {event.position: (event.stream, event.version) for event in recorded}
    keyring = tenant.vault.keyring()
    found: dict[str, list[tuple[str, Any]]] = {}
    for item in recorded:
        home = item.event.record if isinstance(item.event, MoveRefused) else item.stream
        payload: dict[str, Any] = {}
        for name, value in item.event.payload().items():
            if isinstance(value, dict) and SEALED not in value:
                payload[name] = {inner: opened(keyring, home, inner, it) for inner, it in value.items()}
            else:
                payload[name] = opened(keyring, home, name, value)
        if payload.get("restores") is not None:
            payload["restores"] = place[payload["restores"]]
        found.setdefault(OPENINGS.sub(r"\1", item.stream), []).append((item.event.TOPIC, payload))
    for stream, events in found.items():
        if stream.startswith("refusals/"):
            events.sort(key=repr)
    return found


def opened(keyring: PostgresKeyring, home: str, field: str, value: Any) -> Any:
    if isinstance(value, dict) and SEALED not in value:
        return {name: opened(keyring, home, field, item) for name, item in value.items()}
    return keyring.reveal(home, field, value)


def test_the_story_is_one_worth_telling(told):
    """Three hundred commands of many kinds, some of them refused, and every kind of fault happened to some."""
    assert len(told.played) == told.story.founding + COMMANDS
    kinds = {type(step.submission.command).__name__ for step in told.story.steps}
    assert {"OpenRecord", "EditFields", "ChangeStage", "RecordTouch", "AttachEvidence"} <= kinds
    assert {item.told.outcome for item in told.played} == {"accepted", "refused"}
    assert {item.fault for item in told.played} == {None, *FAULTS}
    assert any(item.attempts > 1 for item in told.played)
    assert any(item.told.replayed for item in told.played)


def test_every_command_is_answered_as_on_the_bus(told):
    """The outcome is the same, a refusal names the same requirements, and as many events stand in the log."""
    for answer, played in zip(told.story.answers, told.played, strict=True):
        heard = played.told
        assert (heard.outcome, len(heard.events)) == (answer.outcome, len(answer.events)), played
        assert [*unmet(heard.refusal)] == [*unmet(answer.refusal)], played


def unmet(refusal: Refusal | None) -> list[str]:
    return [item.id for item in refusal.unmet] if isinstance(refusal, GateNotMet) else []


def test_every_record_has_the_events_it_has_on_the_bus(told):
    """Topics and payloads are the same stream by stream, whoever came first elsewhere."""
    by_bus, over_http = streams_of(told.by_bus), streams_of(told.over_http)
    assert by_bus.keys() == over_http.keys()
    for stream, events in by_bus.items():
        assert over_http[stream] == events, stream


def test_nothing_is_there_twice_and_nothing_is_missing(told):
    """Every acknowledged event stands where the answer says, once; and no other event is in the log."""
    recorded = {event.position: event for event in told.over_http.log.after(1, 100_000)}
    acknowledged = Counter(place.position for item in told.played for place in item.told.events)
    assert set(acknowledged.values()) == {1}
    assert acknowledged.keys() == recorded.keys()
    for item in told.played:
        assert len({recorded[place.position].command_id for place in item.told.events}) <= 1
        for place in item.told.events:
            if place.stream:
                there = recorded[place.position]
                assert (there.stream, there.version) == (place.stream, place.version)
    commands = {recorded[item.told.events[0].position].command_id for item in told.played if item.told.events}
    assert len(commands) == sum(bool(item.told.events) for item in told.played)


def test_everybody_acted_as_themselves(told):
    """The log names the person who acted, not the program that carried it."""
    recorded = {event.position: event for event in told.over_http.log.after(1, 100_000)}
    for item in told.played:
        for place in item.told.events:
            assert recorded[place.position].actor == item.submission.actor
            assert recorded[place.position].channel == "http"


def test_replay_reproduces_every_decision(told):
    """What was decided over HTTP, with retries and all, comes out the same when it is judged again."""
    impact = the_law(told.over_http.log, told.over_http.vault)
    assert impact.reproduced == impact.decisions > 0
    assert impact.different == []


def test_the_simulation_sells_over_http_and_is_told_the_same_twice(embedded_home):
    """`simulate` takes the service for its bus; told again, the story adds nothing, every command being answered as before."""
    collections = {name: kind.collection for name, kind in the_playbook().document.kinds.items()}
    scenario = Scenario(seed=3, days=4, people=12, pace=1.0)
    with (
        open_tenant(Settings(home=embedded_home, database_url=None, tenant="sells")) as tenant,
        a_service(tenant.url, "sells") as (address, badges),
    ):
        summaries = []
        for faults in (FAULTY, None):
            with HttpBus(address, collections, badges, concurrency=4, faults=faults) as bus:
                summaries.append(simulate(OnTheRealClock(bus), the_playbook(), scenario))
        first, again = summaries
        assert (first.commands, first.refused) == (again.commands, again.refused)
        assert first.records["opportunity"] > 0
        # The draft behind the publication, and the event the log begins with, are no commands of the story.
        assert tenant.log.head() == first.events + 2
        assert again.replayed == again.commands
