"""Laws of the log, tried on random histories."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import get_type_hints

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.desk import a_desk
from support.given import ACCOUNT, OPPORTUNITY, edit, open_opportunity
from support.histories import STREAMS, _steps, histories, play

from domain.events import EVENTS, MalformedPayload, UnknownTopic, decode
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM
from domain.organisation import state as organisation_state
from domain.playbook import catalogue
from domain.record import state as record_state
from domain.values import SEALED, is_personal
from infra.log.sealing import canonical
from projections.as_of import Horizon
from projections.field_history import OWNER, STAGE, changes_of

quickly = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a history is made of one number: there is nothing to shrink
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


# ── folding ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@quickly
@given(histories(taking_away=True), st.integers(0, 100))
def test_folding_in_two_steps_equals_folding_at_once(steps, where):
    """For records, the organisation and the playbooks; a read model that has stopped halfway goes on as if it had not."""
    log = play(steps).log
    folds = [(stream, record_state.fold) for stream in STREAMS]
    folds += [(ORGANISATION_STREAM, organisation_state.fold), (PLAYBOOKS_STREAM, catalogue.fold)]
    for stream, fold in folds:
        events = log.stream(stream)
        cut = where % (len(events) + 1)
        at_once, in_two = fold(None, events), fold(fold(None, events[:cut]), events[cut:])
        if stream == PLAYBOOKS_STREAM:
            assert (in_two.version, list(in_two.versions)) == (at_once.version, list(at_once.versions))
            at_once, in_two = (
                {
                    key: (
                        p.document,
                        p.rules_json,
                        p.position,
                        p.scope,
                        p.effective_from,
                        p.mappings,
                        p.adopts,
                    )
                    for key, p in s.versions.items()
                }
                for s in (at_once, in_two)
            )
        assert in_two == at_once


@quickly
@given(histories(taking_away=True))
def test_a_record_survives_the_read_model(steps):
    """to_json and from_json lose nothing, through real JSON."""
    for record in play(steps).records.values():
        assert record_state.from_json(json.loads(json.dumps(record_state.to_json(record)))) == record


@quickly
@given(histories())
def test_folding_field_changes_gives_the_current_record(steps):
    """Fields, stage and owner: the history of changes is the whole story."""
    played = play(steps)
    for stream, record in played.records.items():
        now = {}
        for recorded in played.log.stream(stream):
            now.update({name: new for name, _, new in changes_of(recorded)})
        assert now.pop(STAGE, None) == record.stage
        assert now.pop(OWNER, None) == record.owner
        assert now == record.fields


@quickly
@given(histories())
def test_folding_field_changes_backward_gives_the_start(steps):
    """Every change undone, from the last to the first, leaves nothing; and each old value is what was there.

    So it is as long as no version takes anything away: then each version reads a record as its events say
    (what holds where one does stands in test_laws_versions.py).
    """
    played = play(steps)
    reveal = played.desk.vault.keyring().reveal
    for stream, record in played.records.items():
        now = {STAGE: record.stage, OWNER: record.owner, **record.fields}
        for recorded in reversed(played.log.stream(stream)):
            for name, old, new in changes_of(recorded):
                assert reveal(stream, name, now.get(name)) == reveal(stream, name, new)
                now[name] = old
        assert {name: value for name, value in now.items() if value is not None} == {}


@quickly
@given(histories())
def test_as_of_a_position_is_what_it_was_then(steps):
    """The horizon at position p shows each record as it was when the log ended at p."""
    whole = play(steps)
    for cut in {len(steps) // 3, len(steps) // 2, len(steps) - 1}:
        ended = play(steps[:cut])
        now = Horizon.read(str(ended.log.head()))
        for stream in STREAMS:
            seen = record_state.fold(None, now.within(whole.log.stream(stream)))
            assert _shown(seen) == _shown(ended.records.get(stream))


def _shown(record):
    """A record without its sealings, of which no two look the same; whom they belong to stays."""
    if record is None:
        return None
    fields = {
        name: value[SEALED]["subject"] if is_personal(value) else value
        for name, value in record.fields.items()
    }
    return {**record_state.to_json(record), "fields": fields}


@quickly
@given(histories())
def test_the_cache_is_what_the_log_holds(steps):
    """After any history, whatever a process has cached and not yet found stale is a state the log had."""
    played = play(steps)
    for stream in STREAMS:
        cached = played.log.state(stream, record_state.fold)
        if cached is not None:
            assert cached == record_state.fold(None, played.log.stream(stream)[: cached.version])


@quickly
@given(histories(taking_away=True))
def test_every_history_keeps_the_form_of_the_log(steps):
    """Positions and versions have no gap, time never runs back, a basis lies before its event, one command is one basis."""
    events = play(steps).log.after(0, 10_000)
    assert [recorded.position for recorded in events] == list(range(1, len(events) + 1))
    seen: Counter[str] = Counter()
    for before, recorded in zip([None, *events], events, strict=False):
        seen[recorded.stream] += 1
        assert recorded.version == seen[recorded.stream]
        assert recorded.basis < recorded.position
        assert before is None or before.recorded_at <= recorded.recorded_at


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@quickly
@given(histories(20, taking_away=True))
def test_the_same_command_twice_appends_once(steps):
    """And is answered the same: accepted, refused by a gate, or refused for good."""
    played = play(steps, twice=True)
    pairs = list(
        zip(played.answers[::2], played.answers[1::2], played.heads[::2], played.heads[1::2], strict=True)
    )
    for first, second, head, later_head in pairs:
        assert head == later_head
        assert (second.outcome, second.events) == (first.outcome, first.events)
        assert (str(second.refusal), str(second.error)) == (str(first.refusal), str(first.error))
        assert second.replayed == (first.outcome == "accepted" or bool(first.events))


@quickly
@given(histories(20, taking_away=True), st.integers(2, 6))
def test_a_batch_does_what_its_commands_do_one_by_one(steps, size):
    """Grouping commands into a batch changes their positions at most, never what they decide."""
    played = play(steps)
    alone = a_desk(told_time=played.submissions[0].told_time)
    together = a_desk(told_time=played.submissions[0].told_time)
    one_by_one = [alone.bus.submit_batch([submission])[0] for submission in played.submissions]
    in_batches = [
        answer
        for start in range(0, len(played.submissions), size)
        for answer in together.bus.submit_batch(played.submissions[start : start + size])
    ]
    assert [(a.outcome, str(a.refusal), str(a.error), len(a.events)) for a in in_batches] == [
        (a.outcome, str(a.refusal), str(a.error), len(a.events)) for a in one_by_one
    ]
    for stream in STREAMS:
        records = [record_state.fold(None, desk.log.stream(stream)) for desk in (alone, together)]
        assert len({(r and r.stage, r and r.version, r and r.owner) for r in records}) == 1
        if records[0] is not None:
            shown = [
                {
                    name: repr(desk.vault.keyring().reveal(stream, name, value))
                    for name, value in record.fields.items()
                }
                for desk, record in zip((alone, together), records, strict=True)
            ]
            assert shown[0] == shown[1]


@quickly
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=12))
def test_of_two_submitters_one_wins_each_version_and_both_succeed_in_the_end(turns):
    """Whoever loses decides again on what the other one did; no change is lost and none is made twice."""
    ours = a_desk()
    ours.submit(open_opportunity({"account": ACCOUNT}))
    theirs = ours.another("theirs")
    said = []
    for number, (we_begin, interruptions) in enumerate(turns):
        first, second = (ours, theirs) if we_begin else (theirs, ours)
        theirs_now = [f"{number}.{index}" for index in range(interruptions)]
        first.log.meanwhile(
            *[lambda text=text, who=second: who.submit(edit(topic=text)) for text in theirs_now]
        )
        first.submit(edit(topic=f"{number}.mine"))
        said += [*theirs_now, f"{number}.mine"]
    changes = ours.log.stream(OPPORTUNITY)[1:]
    assert [recorded.event.changes["topic"]["new"] for recorded in changes] == said
    assert [recorded.event.changes["topic"]["old"] for recorded in changes] == [None, *said[:-1]]
    assert [recorded.version for recorded in changes] == list(range(2, len(said) + 2))


# ── payloads ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
STORED = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def payload_strategy(hint):
    """Values of a member by what its annotation says."""
    text = str(hint)
    if hint is str:
        return TEXTS
    if hint is int:
        return st.integers(0, 2**53 - 1)
    if text in {"str | None", "typing.Optional[str]"}:
        return st.none() | TEXTS
    if text.startswith("list[str]"):
        return st.lists(TEXTS, max_size=3)
    if text.startswith("dict[str"):
        return st.dictionaries(TEXTS, STORED, max_size=3)
    return STORED


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_every_event_survives_its_payload(topic):
    """What is left out because it equals its default comes back as the default."""
    kind = EVENTS[topic]
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name != "TOPIC"}

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(st.fixed_dictionaries({name: payload_strategy(hint) for name, hint in hints.items()}))
    def survives(members):
        happened = kind(**members)
        assert decode(topic, json.loads(canonical(happened.payload()))) == happened

    survives()


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_a_payload_of_another_topic_is_refused(topic):
    with pytest.raises(MalformedPayload):
        decode(topic, {"no_such_member": 1})


def test_an_unknown_topic_asks_for_a_newer_version():
    with pytest.raises(UnknownTopic, match="upgrade dealtrail"):
        decode("record.teleported.v1", {})


# ── horizons ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@quickly
@given(histories(), st.integers(-5, 200))
def test_effective_at_orders_by_what_happened_first(steps, days):
    """Nothing later, nothing of unknown moment, and the earliest first."""
    log = play(steps).log
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC) + timedelta(days=days)
    seen = Horizon(effective_at=moment).within(log.after(0, 10_000))
    keys = [(recorded.occurred_at, recorded.position) for recorded in seen]
    assert keys == sorted(keys)
    assert all(recorded.occurred_at <= moment for recorded in seen)


# ── the census ───────────────────────────────────────────────────────────────────────────────────────────────────────

CLASSES = (
    "refused move", "refused opening", "insufficient override", "overridden move", "overridden opening", "unknown fields", "unknown moment",
    "forward", "back", "skip", "re-entry", "reopen", "edit", "another version", "moved under a later version", "erasure",
    "restoration", "confirmation", "form", "corrected touch", "withdrawn touch", "ended relation", "stale version",
    "scope", "moved within a scope", "date", "mappings", "published draft",
)  # fmt: skip


def test_the_histories_reach_every_class_of_event():
    """The laws would hold trivially for histories in which nothing happens: each class occurs in at least one of twenty.

    The numbers are drawn here: those Hypothesis draws depend on which modules happen to be imported.
    """
    found: Counter[str] = Counter()
    chance, total = Random(1), 200
    for _ in range(total):
        found.update(
            set(play(_steps(chance.getrandbits(64), chance.randint(12, 30), taking_away=True)).classes())
        )
    shares = {name: found[name] / total for name in CLASSES}
    assert min(shares.values()) >= 0.05, shares
