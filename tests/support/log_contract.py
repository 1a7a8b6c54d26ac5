"""What every log and every vault must do, in memory or in PostgreSQL.

Subclass in a test module whose fixtures provide `log` (begun, with the clock of the database), `simulated_log`, `empty_log`,
`another_process` (opens a log once more) and `vault` (of `log`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from eventsourcing.persistence import IntegrityError

from commands.ports import Append, Expectation, NewEvent, ToSeal
from domain.envelope import Origin
from domain.event import Event
from domain.events import (
    FieldsChanged,
    LogBegun,
    MoveRefused,
    OwnerChanged,
    RecordOpened,
    SubjectErased,
    TeamFormed,
)
from domain.facts import ERASED
from domain.record import state as record_state
from domain.values import SEALED

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
DEAL = "opportunity/opp_1"
OTHER = "opportunity/opp_2"


def an_append(*events: tuple[str, int | None, Event], key: str | None = None, **about: Any) -> Append:
    """A decided command; each event is (stream, version, event)."""
    reason = about.pop("reason", None)
    origin = Origin(
        actor="person/per_1",
        channel="test",
        occurred_at=about.pop("occurred_at", NOON),
        command_id=f"cmd_{key}",
        **about.pop("origin", {}),
    )
    return Append(
        events=[
            NewEvent(stream, version, event, event.payload(), reason) for stream, version, event in events
        ],
        expectations=[Expectation(*item) for item in about.pop("expecting", ())],
        origin=origin,
        decided_at=about.pop("decided_at", NOON),
        client=None if key is None else "test",
        key=key,
        body_hmac=about.pop("body", b"b" * 32),
        **about,
    )


def opening(stream: str = DEAL, key: str | None = None, **about: Any) -> Append:
    """The opening of a record."""
    return an_append(
        (stream, 1, RecordOpened({"topic": "gate"}, "lead")), key=key, expecting=[(stream, 0, True)], **about
    )


def a_change(stream: str, version: int, key: str | None = None, **about: Any) -> Append:
    """A change that takes a stream to a version."""
    event = FieldsChanged({"topic": {"old": None, "new": str(version)}})
    return an_append((stream, version, event), key=key, expecting=[(stream, version - 1, True)], **about)


def results(outcomes: Sequence[Any]) -> list[str]:
    """What became of each command."""
    return [outcome.result for outcome in outcomes]


class LogContract:
    """A sealed log answers each command of a batch by itself, in order, and keeps what it answered."""

    def test_a_log_begins_with_its_genesis(self, log):
        """Position 1 says whose log it is, in which format and by which clock."""
        assert log.head() == 1
        assert log.genesis.clock == "database"
        assert not log.is_simulated
        (first,) = log.read(1, 1)
        assert (first.stream, first.version, first.position, first.basis) == ("log", 1, 1, 0)

    def test_nothing_comes_before_the_genesis(self, empty_log):
        with pytest.raises(Exception, match="has not begun"):
            empty_log.append([opening()])
        assert empty_log.head() == 0

    def test_a_log_begins_once(self, log):
        with pytest.raises(Exception, match="begun already"):
            log.append([an_append(("log", 2, LogBegun("main", 1, "database", "x")))])
        assert log.head() == 1

    def test_what_was_appended_is_read_back_whole(self, log):
        """Every header column, and the payload, come back as they went in."""
        about = {"on_behalf_of": "person/per_2", "correlation_id": "cor_1", "causation_id": "evt_9"}
        given = an_append(
            (DEAL, 1, RecordOpened({"topic": "Ünïcode 中文 🙂", "seats": None}, "lead", unknown=["budget"])),
            key="k1",
            origin=about,
            occurred_at=None,
            basis=0,
            playbook="projects",
            playbook_version=3,
            reason='{"$sealed":{}}',
        )
        (outcome,) = log.append([given])
        assert (outcome.result, outcome.first_position, outcome.last_position, outcome.stored_outcome) == (
            "appended",
            2,
            2,
            "accepted",
        )
        (back,) = log.read(2, 2)
        assert back.event == given.events[0].event
        assert (back.stream, back.version, back.position, back.basis) == (DEAL, 1, 2, 0)
        assert (back.occurred_at, back.decided_at, back.recorded_at) == (None, NOON, outcome.recorded_at)
        assert (back.actor, back.channel, back.command_id, back.reason) == (
            "person/per_1",
            "test",
            "cmd_k1",
            '{"$sealed":{}}',
        )
        assert (back.on_behalf_of, back.correlation_id, back.causation_id) == (
            "person/per_2",
            "cor_1",
            "evt_9",
        )
        assert (back.playbook, back.playbook_version) == ("projects", 3)

    def test_moments_keep_their_microseconds(self, log):
        moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)
        log.append([opening(occurred_at=moment)])
        assert log.read(2, 2)[0].occurred_at == moment

    def test_without_a_basis_a_decision_stands_on_the_position_before_it(self, log):
        two = an_append((DEAL, 1, RecordOpened({})), (DEAL, 2, OwnerChanged(None, "person/per_1")))
        log.append([opening(OTHER), two])
        assert [recorded.basis for recorded in log.after(0, 10)] == [0, 1, 2, 2]

    def test_the_same_key_with_the_same_body_is_answered_as_before(self, log):
        """Nothing is written the second time, whatever has moved meanwhile."""
        first = opening(key="k1", outcome="refused")
        (before,) = log.append([first])
        (again,) = log.append([first])
        assert (again.result, again.first_position, again.last_position, again.stored_outcome) == (
            "replayed",
            2,
            2,
            "refused",
        )
        assert (before.result, log.head()) == ("appended", 2)

    def test_the_same_key_with_another_body_is_a_mismatch(self, log):
        log.append([opening(key="k1")])
        (outcome,) = log.append([opening(OTHER, key="k1", body=b"c" * 32)])
        assert (outcome.result, outcome.first_position) == ("mismatch", None)
        assert log.head() == 2

    def test_keys_belong_to_their_client(self, log):
        log.append([opening(key="k1")])
        assert set(log.known_answers("test", ["k1", "k2"])) == {"k1"}
        assert log.known_answers("somebody else", ["k1"]) == {}

    def test_known_answers_say_what_was_answered(self, log):
        two = an_append(
            (DEAL, 1, RecordOpened({})),
            (DEAL, 2, OwnerChanged(None, "person/per_1")),
            key="k1",
            body=b"x" * 32,
        )
        log.append([two])
        known = log.known_answers("test", ["k1"])["k1"]
        assert (known.body_hmac, known.outcome, known.first_position, known.last_position) == (
            b"x" * 32,
            "accepted",
            2,
            3,
        )

    def test_what_changed_nothing_keeps_the_position_it_was_looked_at(self, log):
        """An empty range after it: what the same batch had appended before is in it, what comes later is not."""
        log.append(
            [
                opening(key="k1"),
                an_append(key="same", expecting=[(DEAL, 1, True)]),
                a_change(DEAL, 2, key="k2"),
            ]
        )
        known = log.known_answers("test", ["k1", "same"])
        position = known["k1"].last_position
        assert (known["same"].first_position, known["same"].last_position) == (position + 1, position)
        assert not known["same"].positions
        (again,) = log.append([an_append(key="same")])
        assert (again.result, again.first_position, again.last_position) == (
            "replayed",
            position + 1,
            position,
        )
        assert [log.version_at(DEAL, at) for at in (position - 1, position, log.head())] == [0, 1, 2]

    def test_a_key_twice_in_one_batch_is_appended_once(self, log):
        outcomes = log.append([opening(key="k1"), opening(key="k1")])
        assert results(outcomes) == ["appended", "replayed"]

    def test_a_stream_that_moved_is_a_conflict_where_it_is_written_to(self, log):
        log.append([opening()])
        (outcome,) = log.append([a_change(DEAL, 1, key="k1")])
        assert (outcome.result, outcome.moved_stream, outcome.first_position) == ("conflict", DEAL, None)
        assert log.known_answers("test", ["k1"]) == {}, "a conflict is no answer"

    def test_a_stream_that_moved_is_moved_where_it_was_only_read(self, log):
        log.append([opening()])
        team = an_append(
            ("organisation", 1, TeamFormed("north", "North")),
            expecting=[("organisation", 0, True), (DEAL, 0, False)],
        )
        (outcome,) = log.append([team])
        assert (outcome.result, outcome.moved_stream) == ("moved", DEAL)
        assert log.head() == 2

    def test_one_that_conflicts_never_fails_its_neighbours(self, log):
        outcomes = log.append([opening(), a_change(DEAL, 9), opening(OTHER), a_change(OTHER, 2)])
        assert results(outcomes) == ["appended", "conflict", "appended", "appended"]
        assert [(r.stream, r.version, r.position) for r in log.after(1, 10)] == [
            (DEAL, 1, 2),
            (OTHER, 1, 3),
            (OTHER, 2, 4),
        ]

    def test_what_stands_on_a_lost_command_is_lost_too(self, log):
        """A version that somebody else's event has taken meanwhile is not the version the second command was decided on."""
        log.append([opening()])
        log.append([a_change(DEAL, 2)])
        decided_on_version_1 = [a_change(DEAL, 2), a_change(DEAL, 3)]
        team = an_append(
            ("organisation", 1, TeamFormed("north", "North")),
            expecting=[("organisation", 0, True), (DEAL, 2, False)],
        )
        outcomes = log.append([*decided_on_version_1, opening(OTHER), team])
        assert results(outcomes) == ["conflict", "conflict", "appended", "moved"]
        assert [outcome.moved_stream for outcome in outcomes] == [DEAL, DEAL, None, DEAL]

    def test_no_version_means_the_next_one(self, log):
        refused = MoveRefused(DEAL, 0, None, "lead", "open", ["field:source"])
        for expected in (1, 2):
            log.append([an_append(("refusals/opportunity/opp_1", None, refused))])
            assert log.stream("refusals/opportunity/opp_1")[-1].version == expected

    def test_a_wrong_version_fails_the_whole_batch(self, log):
        """It is a defect of the caller, not an outcome: nothing of the batch is kept."""
        gap = an_append((OTHER, 5, RecordOpened({})))
        with pytest.raises(IntegrityError):
            log.append([opening(), gap])
        assert log.head() == 1
        assert log.stream(DEAL) == []

    def test_what_is_not_canonical_fails_the_whole_batch(self, log):
        with pytest.raises(ValueError, match="canonical"):
            log.append([opening(), an_append((OTHER, 1, RecordOpened({"topic": "\x00"})))])
        assert log.head() == 1

    def test_an_empty_batch_is_nothing(self, log):
        assert list(log.append([])) == []

    def test_the_clock_of_the_database_cannot_be_told(self, log):
        with pytest.raises(Exception, match="clock of the database"):
            log.append([opening(told_time=NOON)])

    def test_the_clock_never_runs_backwards(self, log):
        before = log.now()
        for number in range(1, 4):
            log.append([opening(f"opportunity/opp_{number}")])
        moments = [recorded.recorded_at for recorded in log.after(0, 10)]
        assert moments == sorted(moments)
        assert before <= moments[-1] <= log.now()

    def test_a_simulated_log_is_told_the_time(self, simulated_log):
        log = simulated_log
        assert log.is_simulated
        with pytest.raises(Exception, match="simulated clock"):
            log.append([opening()])
        (outcome,) = log.append([opening(told_time=NOON + timedelta(days=1))])
        assert outcome.recorded_at == NOON + timedelta(days=1)

    def test_told_time_never_runs_backwards(self, simulated_log):
        """A moment before the last one is recorded as the last one, also within a batch."""
        later, earlier = NOON + timedelta(days=2), NOON + timedelta(days=1)
        outcomes = simulated_log.append([opening(told_time=later), opening(OTHER, told_time=earlier)])
        assert [outcome.recorded_at for outcome in outcomes] == [later, later]

    def test_states_are_kept_until_they_are_forgotten(self, log, another_process):
        """The cache does not ask whether a stream moved: the append finds out, and `stale` tells beforehand."""
        log.append([opening()])
        other = another_process(log)
        assert log.state(DEAL, record_state.fold).version == 1
        other.append([a_change(DEAL, 2)])
        assert log.state(DEAL, record_state.fold).version == 1
        assert log.stale({DEAL: 1, OTHER: 0}) == {DEAL}
        assert log.stale({DEAL: 2, OTHER: 0}) == frozenset()
        assert results(log.append([a_change(DEAL, 2)])) == ["conflict"]
        log.forget(DEAL)
        log.forget("never heard of")
        assert log.state(DEAL, record_state.fold).version == 2

    def test_what_has_moved_is_caught_up(self, log, another_process):
        """Only what came after is read, however long the history is: else a writer that lost a record to another process loses it again."""
        log.append([opening()])
        other = another_process(log)
        folded: list[list[int]] = []

        def fold(record, events):
            events = list(events)
            folded.append([event.version for event in events])
            return record_state.fold(record, events)

        log.state(DEAL, fold)
        other.append([a_change(DEAL, 2)])
        other.append([a_change(DEAL, 3)])
        log.forget(DEAL)
        assert log.state(DEAL, fold) == other.state(DEAL, record_state.fold)
        log.state(DEAL, fold)
        assert folded == [[1], [2, 3]]

    def test_what_is_remembered_is_the_state(self, log):
        log.append([opening()])
        state = log.state(DEAL, record_state.fold)
        log.remember(DEAL, state)
        assert log.state(DEAL, record_state.fold) == state

    def test_a_stream_without_events_has_no_state(self, log):
        assert log.state(DEAL, record_state.fold) is None
        log.append([opening()])
        assert log.state(DEAL, record_state.fold) is not None, "that there was none is not kept"

    def test_several_streams_are_read_together(self, log):
        """Each in the order of its versions; one that has no events is there as well."""
        log.append([opening(), opening(OTHER), a_change(DEAL, 2), a_change(OTHER, 2), a_change(DEAL, 3)])
        found = log.streams([OTHER, "opportunity/nobody", DEAL])
        assert {stream: list(events) for stream, events in found.items()} == {
            stream: list(log.stream(stream)) for stream in (DEAL, OTHER, "opportunity/nobody")
        }
        assert [event.version for event in found[DEAL]] == [1, 2, 3]

    def test_absent_streams_are_told_together(self, log):
        log.append([opening()])
        assert log.absent([DEAL, OTHER]) == {OTHER}
        assert log.absent([]) == frozenset()

    @pytest.mark.parametrize("stream", ["opportunity/\x00", "opportunity/\ud800"], ids=ascii)
    def test_a_log_cannot_be_asked_about_what_is_no_text(self, log, stream):
        """Whoever asks makes sure beforehand; nothing else is spoilt by it."""
        for ask in (
            lambda: log.state(stream, record_state.fold),
            lambda: log.stale({stream: 0}),
            lambda: log.absent([stream, DEAL]),
        ):
            with pytest.raises(Exception, match=r"NUL|surrogate"):
                ask()
        assert results(log.append([opening()])) == ["appended"]

    def test_the_version_of_a_stream_is_told(self, log):
        log.append([opening(), a_change(DEAL, 2)])
        assert (log.version(DEAL), log.version(OTHER)) == (2, 0)

    def test_reading_goes_in_the_order_of_the_log(self, log):
        log.append([opening(), opening(OTHER), a_change(DEAL, 2), a_change(OTHER, 2)])
        assert [r.position for r in log.after(1, 2)] == [2, 3]
        assert [r.position for r in log.after(2, 10, upto=4)] == [3, 4]
        assert [r.position for r in log.after(0, 10, topics=["record.fields-changed.v1"])] == [4, 5]
        assert [r.version for r in log.stream(OTHER)] == [1, 2]
        assert [r.position for r in log.read(2, 3)] == [2, 3]
        assert log.after(log.head(), 10) == []
        assert log.stream("opportunity/nobody") == []


class VaultContract:
    """A vault seals for one place and one subject, and forgets a subject for good."""

    def seal(self, vault, value="hello", subject="contact/con_1", stream=DEAL, field="note"):
        (sealed,) = vault.keyring().seal([ToSeal(stream, field, subject, value)])
        return sealed

    def erase(self, log, subject="contact/con_1"):
        log.append([an_append(("erasures", None, SubjectErased(subject, "request")))])

    @pytest.mark.parametrize(
        "value", ["hello", "", "中文", 7, True, None, ["a", "b"], {"amount": "1.00", "currency": "CNY"}]
    )
    def test_what_is_sealed_opens_again(self, vault, value):
        sealed = self.seal(vault, value)
        assert set(sealed) == {SEALED}
        assert sealed[SEALED]["subject"] == "contact/con_1"
        assert vault.keyring().reveal(DEAL, "note", sealed) == value

    def test_a_sealed_value_does_not_look_like_itself(self, vault):
        assert self.seal(vault) != self.seal(vault), "nobody can tell that two values are equal"

    def test_a_value_that_is_not_sealed_is_returned_as_it_is(self, vault):
        assert vault.keyring().reveal(DEAL, "note", {"amount": "1"}) == {"amount": "1"}

    @pytest.mark.parametrize("place", [("opportunity/opp_2", "note"), (DEAL, "topic"), (DEAL, "")])
    def test_a_sealed_value_opens_only_where_it_was_sealed_for(self, vault, place):
        with pytest.raises(Exception, match="seal"):
            vault.keyring().reveal(*place, self.seal(vault))

    def test_erasing_takes_effect_with_the_event(self, log, vault):
        sealed, other = self.seal(vault), self.seal(vault, subject="contact/con_2")
        self.erase(log)
        keyring = vault.keyring()
        assert keyring.reveal(DEAL, "note", sealed) is ERASED
        assert keyring.reveal(DEAL, "note", other) == "hello"

    def test_what_is_written_after_an_erasure_uses_the_next_generation(self, log, vault):
        before = self.seal(vault)
        self.erase(log)
        after = self.seal(vault, "again")
        assert (before[SEALED]["generation"], after[SEALED]["generation"]) == (1, 2)
        keyring = vault.keyring()
        assert keyring.reveal(DEAL, "note", after) == "again"
        assert keyring.reveal(DEAL, "note", before) is ERASED

    def test_erasing_somebody_without_keys_is_no_error(self, log, vault):
        self.erase(log, "contact/con_unheard_of")
        assert self.seal(vault, subject="contact/con_unheard_of")[SEALED]["generation"] == 1

    def test_an_erasure_that_was_not_appended_destroys_nothing(self, log, vault):
        sealed = self.seal(vault)
        log.append(
            [
                an_append(
                    ("erasures", None, SubjectErased("contact/con_1", "request")),
                    expecting=[(DEAL, 7, False)],
                )
            ]
        )
        assert vault.keyring().reveal(DEAL, "note", sealed) == "hello"

    def test_a_keyring_prepares_many_subjects_at_once(self, vault):
        sealed = [self.seal(vault, str(number), f"contact/con_{number}") for number in range(3)]
        keyring = vault.keyring()
        keyring.prepare([f"contact/con_{number}" for number in range(4)])
        assert [keyring.reveal(DEAL, "note", value) for value in sealed] == ["0", "1", "2"]

    def test_pseudonyms_are_the_same_each_time_and_bodies_have_a_digest(self, vault):
        assert vault.pseudonym("a") == vault.pseudonym("a") != vault.pseudonym("b")
        assert len(vault.pseudonym("a")) == 16
        assert vault.body_hmac(b"a") == vault.body_hmac(b"a") != vault.body_hmac(b"b")
