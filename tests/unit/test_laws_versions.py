"""Laws of versions, tried on random histories in which scopes, dates and mappings come and go."""

import json
from itertools import pairwise

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.desk import a_desk
from support.given import NOW
from support.histories import histories, play, submission_of

from commands.errors import StaleVersion
from domain.envelope import Recorded
from domain.events import FieldsChanged, MoveRefused, OwnerChanged, RecordOpened, StageChanged
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM, split_stream
from domain.organisation import state as organisation_state
from domain.playbook import catalogue
from domain.playbook.published import OWNER_REGION, OWNER_TEAM
from domain.record import state as record_state
from domain.record.adoption import adopted
from domain.values import SEALED
from infra.log.sealing import canonical

quickly = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a history is made of one number: there is nothing to shrink
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
everything = histories(taking_away=True)


def upto(log, stream, position):
    """The events of a stream as they stood at a position."""
    return [recorded for recorded in log.stream(stream) if recorded.position <= position]


# ── which version ────────────────────────────────────────────────────────────────────────────────────────────────────


def expected_version(log, recorded, stream):
    """The number of the version a decision about a record was under, by the log as it stood at its basis."""
    playbooks = catalogue.fold(None, upto(log, PLAYBOOKS_STREAM, recorded.basis)).at(recorded.decided_at)
    people = organisation_state.fold(None, upto(log, ORGANISATION_STREAM, recorded.basis))
    record = record_state.fold(None, upto(log, stream, recorded.basis))
    event = recorded.event
    if record is None:
        assert isinstance(event, RecordOpened | MoveRefused)
        fields, owner = event.fields, event.owner
    else:
        fields, owner = record.fields, record.owner
    person = people.people.get(owner)
    place = {OWNER_REGION: people.region_of(owner), OWNER_TEAM: person.team if person else None}
    return playbooks.for_record(split_stream(stream)[0], fields, place).number


@quickly
@given(everything)
def test_every_event_names_the_version_in_force_for_its_record_at_its_basis(steps):
    """By what the record held and who owned it before the command; events of a form in another record name the form's version."""
    played = play(steps)
    for submission, answer in zip(played.submissions, played.answers, strict=True):
        stream = getattr(submission.command, "stream", None)
        if stream is None or not answer.events:
            continue
        first = answer.events[0]
        home = first.event.record if isinstance(first.event, MoveRefused) else first.stream
        stream = home if stream.endswith("/") else stream
        assert {event.playbook_version for event in answer.events} == {
            expected_version(played.log, first, stream)
        }


@quickly
@given(everything)
def test_a_version_reads_a_record_by_names_it_has_and_reads_its_own_reading_the_same(steps):
    """Whatever a record went through under earlier versions, a later one finds it on its steps, in its fields, with its options.

    What a record took on under a newer version is another matter: a version knows nothing of those after it.
    """
    played = play(steps)
    for version in played.playbooks.versions.values():
        for stream in played.records:
            kind = version.document.kinds.get(split_stream(stream)[0])
            events = played.log.stream(stream)
            before = [recorded for recorded in events if recorded.playbook_version <= version.number]
            if kind is None or len(before) < len(events):
                continue
            seen = adopted(record_state.fold(None, events), version)
            assert adopted(seen, version) == seen
            assert seen.stage is None or seen.stage in kind.steps
            assert set(seen.entries) <= kind.steps.keys()
            assert seen.fields.keys() | seen.unknown <= kind.fields.keys()
            assert not seen.unknown & seen.fields.keys()
            assert {piece.field for piece in seen.evidence} <= set(kind.evidence_fields)
            for name, value in seen.fields.items():
                held = value if isinstance(value, list) else [value] if isinstance(value, str) else []
                if kind.fields[name].options:
                    assert set(held) <= kind.fields[name].options.keys()


@quickly
@given(everything)
def test_every_change_begins_where_its_version_saw_the_record_stand(steps):
    """The old value of each change is what the version it was made under read just before; the new one is what the log holds since.

    Backward this leads to the start one reading at a time: a version that takes things away reads a record otherwise than
    its events say, so its old values are not the new ones of the change before. Without mappings they are.
    """
    played = play(steps)
    reveal = played.desk.vault.keyring().reveal
    for stream in played.records:
        record = None
        for recorded in played.log.stream(stream):
            after = record_state.evolve(record, recorded)
            if record is not None:
                version = played.playbooks.versions[("projects", recorded.playbook_version)]
                seen, event = adopted(record, version), recorded.event
                if isinstance(event, FieldsChanged):
                    for name, change in event.changes.items():
                        assert reveal(stream, name, seen.fields.get(name)) == reveal(
                            stream, name, change["old"]
                        )
                        assert after.fields[name] == change["new"]
                        now_seen = adopted(after, version).fields.get(name)
                        assert reveal(stream, name, now_seen) == reveal(stream, name, change["new"])
                elif isinstance(event, StageChanged):
                    assert (seen.stage, after.stage) == (event.before, event.after)
                elif isinstance(event, OwnerChanged):
                    assert (seen.owner, after.owner) == (event.before, event.after)
            record = after


# ── what never happens ───────────────────────────────────────────────────────────────────────────────────────────────


@quickly
@given(everything)
def test_a_refused_or_failed_command_changes_no_record(steps):
    """A gate's refusal is kept beside the record; of all others the log holds nothing. An accepted command writes what it answers."""
    played = play(steps)
    start = played.heads[0]
    for answer, (before, head) in zip(played.answers[1:], pairwise([start, *played.heads[1:]]), strict=True):
        written = tuple(played.log.after(before, 10_000, upto=head))
        assert written == answer.events
        if answer.outcome == "refused":
            assert all(recorded.stream.startswith("refusals/") for recorded in written)
        if answer.outcome == "failed":
            assert isinstance(answer.error, StaleVersion)
            assert written == ()


WORDS = ("call back soon", "in a hurry", "8613800138000", "55550000", "they said", "nobody", "offer.pdf", "because", "tidying",
         "a mistake", "typo", "agreed", "they called", "Anna", "Li Lei")  # fmt: skip


@quickly
@given(everything)
def test_no_personal_word_stands_unsealed_in_the_log(steps):
    """Notes, numbers, file names, reasons and names of people; the sealing of these tests only encodes, so what is left is what nobody sealed."""
    played = play(steps)
    for recorded in played.log.after(0, 10_000):
        said = canonical(recorded.event.payload()).decode() + (recorded.reason or "")
        if "document" in recorded.event.payload():
            said = recorded.reason or ""
        assert not [word for word in WORDS if word in said.replace("agreed_with_head", "")], said
        assert recorded.reason is None or SEALED in json.loads(recorded.reason)


# ── two processes ────────────────────────────────────────────────────────────────────────────────────────────────────


def told(recorded: Recorded) -> object:
    """An event without its sealing, of which no two look the same, and without its place."""

    def open_to_compare(value):
        if isinstance(value, dict) and SEALED in value:
            return value[SEALED]["subject"]
        return (
            {name: open_to_compare(item) for name, item in value.items()}
            if isinstance(value, dict)
            else value
        )

    payload = open_to_compare(recorded.event.payload())
    return (
        recorded.stream,
        recorded.version,
        recorded.event.TOPIC,
        payload,
        recorded.playbook_version,
        recorded.actor,
    )


@quickly
@given(histories(24, taking_away=True), st.integers(1, 3))
def test_of_two_processes_each_sees_what_the_other_did_first(steps, every):
    """Whatever another process does between a decision and its append, the log is as if it had been done just before."""
    desk = a_desk(told_time=NOW)
    ours, theirs = desk, desk.another("other")
    twin = a_desk(told_time=NOW)
    our_twin, their_twin = twin, twin.another("other")
    beginning = play([]).submissions[0]
    ours.bus.submit_batch([beginning])
    our_twin.bus.submit_batch([beginning])
    moment = NOW
    for first, second in zip(steps[::2], steps[1::2], strict=False):
        moment += (second.days + 1) * (NOW - NOW.replace(hour=8))
        mine, other = submission_of(first, desk, ours, moment), submission_of(second, desk, theirs, moment)
        said = []
        if first.how % every == 0:
            desk.log.meanwhile(lambda other=other, said=said: said.extend(theirs.bus.submit_batch([other])))
        (answer,) = ours.bus.submit_batch([mine])
        was_interrupted = bool(said)
        desk.log._meanwhile.clear()
        if not was_interrupted:
            said = theirs.bus.submit_batch([other])
        in_turn = [(our_twin, mine), (their_twin, other)]
        answers = [
            who.bus.submit_batch([item])[0] for who, item in (in_turn[::-1] if was_interrupted else in_turn)
        ]
        expected = answers[::-1] if was_interrupted else answers
        assert [(a.outcome, str(a.refusal), str(a.error)) for a in (answer, *said)] == [
            (a.outcome, str(a.refusal), str(a.error)) for a in expected
        ]
    assert list(map(told, desk.log.after(0, 10_000))) == list(map(told, twin.log.after(0, 10_000)))


@quickly
@given(histories(20, taking_away=True))
def test_a_key_repeated_within_a_batch_is_answered_and_not_done_again(steps):
    """Each command comes twice in one batch: the log is that of each coming once."""
    played = play(steps)
    desk = a_desk(told_time=NOW)
    once = [
        item
        for item, again in zip(played.submissions, [None, *played.submissions], strict=False)
        if item != again
    ]
    answers = desk.bus.submit_batch([item for item in once for _ in range(2)])
    for first, second in zip(answers[::2], answers[1::2], strict=True):
        assert (second.outcome, second.events) == (first.outcome, first.events)
        assert second.replayed or not second.events
    assert list(map(told, desk.log.after(0, 10_000))) == list(map(told, played.log.after(0, 10_000)))
