"""The worker of reactions: it reads the log in its order and does what playbooks let follow, once for each event that sets something off."""

from collections.abc import Sequence

from commands.errors import CommandError
from consumers.reacting.asking import ReactionDesk
from domain.envelope import Recorded
from domain.naming import REACTIONS_CHANNEL, split_stream
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from domain.playbook.reactions import MOST_CAUSES, Reaction, ReactionStep
from domain.reacting.asking import begun_for, requester_of
from domain.reacting.commands import FailReaction, FinishReaction, TakeStep
from domain.reacting.events import ReactionRetried
from domain.reacting.setting_off import CAUSES, may_set_off, record_of, set_off
from domain.record import state as record_state
from domain.record.adoption import adopted
from domain.record.state import Record
from domain.refusals import Refusal
from projections.as_read import Connected
from projections.kinds import Process
from projections.poison import describe
from projections.ports import Keys

TOO_DEEP = "too-deep"
BROKEN = "internal-error"
_LONGEST_CHAIN = 50

_CONCERNED = CAUSES | {ReactionRetried}
_BY_THE_SYSTEM = (REACTIONS_CHANNEL, "system")
"""The channels of what parts of the system do: only of these the causation leads to an event of the log."""

_MISTAKES_OF_OURS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""A mistake in the software fails the one step that met it, as a refusal does; what happens to the database is no fault of a step."""


class Reacting(Process):
    """Carries out reactions, in the order of the log, event after event, and for each event in the order of the playbook.

    Every step is a command under a key made of the reaction, its cause and the step, so that a crash lets nothing happen twice.
    A step that is refused ends its reaction with an event that says why; all other reactions go on, and somebody may have it tried again.
    """

    name = "reacting"

    def __init__(self, desk: ReactionDesk, keys: Keys) -> None:
        self._desk = desk
        self._keys = keys

    def apply(self, connection: Connected, events: Sequence[Recorded]) -> None:
        """Handle events in order. Raises NotNow when the log is too busy; the batch is handled again then, and nothing happens twice."""
        concerned = [found for found in events if type(found.event) in _CONCERNED]
        if not concerned:
            return
        playbooks = self._desk.playbooks()
        for recorded in concerned:
            # All it does goes through the bus. A transaction in which nothing is said meanwhile is ended by the database, and the batch with it.
            connection.execute("SELECT 1")
            if isinstance(recorded.event, ReactionRetried):
                self._try_again(recorded.event, playbooks)
            else:
                self._react(recorded, playbooks)

    def _react(self, cause: Recorded, playbooks: Playbooks) -> None:
        version = _version_of(cause, playbooks)
        if version is None or not may_set_off(cause, version):
            return
        then = self._record_then(cause)
        for found in set_off(cause, then, version, self._keys.keyring().reveal):
            outcome = self._desk.reacted(then.stream).of(found.name, cause.position)
            if outcome is not None:
                continue  # it was carried out before a crash, or is tried again by an event of its own
            if self._depth(cause) >= MOST_CAUSES:
                message = f"{MOST_CAUSES} reactions caused each other before this one; they may never come to an end"
                failed = FailReaction(then.stream, found.name, cause.position, 0, TOO_DEEP, message)
                self._desk.note(failed, 1, cause)
                continue
            self._carry_out(found.name, found.reaction, cause, adopted(then, version))

    def _try_again(self, wanted: ReactionRetried, playbooks: Playbooks) -> None:
        """Go on at the step that failed: those before it have done what they do."""
        outcome = self._desk.reacted(wanted.record).of(wanted.reaction, wanted.cause)
        cause = self._desk.event_at(wanted.cause)
        if outcome is None or outcome.what != "retried" or cause is None:
            return
        version = _version_of(cause, playbooks)
        assert version is not None  # something was set off by it, and no version is ever taken away
        reaction = version.reactions[split_stream(wanted.record)[0]][wanted.reaction]
        then = adopted(self._record_then(cause), version)
        self._carry_out(
            wanted.reaction, reaction, cause, then, outcome.attempt, outcome.step, outcome.positions
        )

    def _carry_out(
        self,
        name: str,
        reaction: Reaction,
        cause: Recorded,
        then: Record,
        attempt: int = 1,
        first: int = 0,
        positions: tuple[int, ...] = (),
    ) -> None:
        record, position = then.stream, cause.position
        for index in range(first, len(reaction.then)):
            step = TakeStep(record, name, position, index)
            try:
                whom = self._in_whose_name(reaction.then[index], cause, then)
                answer = self._desk.take(step, attempt, cause, whom)
            except (Refusal, CommandError) as error:
                code, message = error.code, str(error)
            except _MISTAKES_OF_OURS as error:
                code, message = BROKEN, describe(error)
            else:
                positions = (*positions, *(event.position for event in answer.events))
                continue
            failed = FailReaction(record, name, position, index, code, message, positions)
            self._desk.note(failed, attempt, cause)
            return
        self._desk.note(FinishReaction(record, name, position, positions), attempt, cause)

    # ── what it knows ────────────────────────────────────────────────────────────────────────────────────────────────

    def _record_then(self, cause: Recorded) -> Record:
        """Return the record as it stood right after an event."""
        stream = record_of(cause)
        then = record_state.fold(
            None, [event for event in self._desk.stream(stream) if event.position <= cause.position]
        )
        assert then is not None  # nothing happens to a record before it is opened
        return then

    def _in_whose_name(self, step: ReactionStep, cause: Recorded, then: Record) -> str | None:
        """Return for whom a step asks somebody for something; None where it asks nobody. Raises InvalidCommand where nobody may be named."""
        if step.request_approval is not None:
            return requester_of(self._line(cause), then)
        if step.request_work is not None or step.start_fork is not None:
            return begun_for(self._line(cause), then.owner, self._desk.people())
        return None

    def _line(self, cause: Recorded) -> Sequence[Recorded]:
        """Return an event and those that led to it by parts of the system, the last of them first: what a person did ends the line."""
        line = [cause]
        while len(line) < _LONGEST_CHAIN:
            at = line[-1]
            if at.channel not in _BY_THE_SYSTEM or not (at.causation_id or "").isdecimal():
                break
            before = self._desk.event_at(int(at.causation_id or 0))
            if before is None or before.position >= at.position:
                break
            line.append(before)
        return line

    def _depth(self, cause: Recorded) -> int:
        """Count the reactions that led to an event, one caused by another; what other parts of the system did in between is passed over."""
        return sum(at.channel == REACTIONS_CHANNEL for at in self._line(cause))


def _version_of(cause: Recorded, playbooks: Playbooks) -> PublishedPlaybook | None:
    """The version an event was decided under; None for what belongs to no record."""
    if cause.playbook is None or cause.playbook_version is None:
        return None
    return playbooks.versions.get((cause.playbook, cause.playbook_version))
