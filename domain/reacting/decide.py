"""Decisions about what became of reactions: that one ran, that one failed, that one is tried again."""

from domain.event import Event
from domain.facts import Facts
from domain.naming import nearest
from domain.organisation.above import above
from domain.playbook.model import Right
from domain.reacting.commands import FailReaction, FinishReaction, RetryReaction
from domain.reacting.events import ReactionFailed, ReactionRan, ReactionRetried
from domain.reacting.state import Reacted
from domain.record.state import Record
from domain.refusals import InvalidCommand, NotFound, Problem
from domain.values import Private
from domain.work.people import acting_person

MOST_MESSAGE = 2_000


def decide(
    reacted: Reacted, command: FinishReaction | FailReaction | RetryReaction, subject: str
) -> list[Event]:
    """Decide what is noted of a reaction; what stands there already is nothing new. `subject` is whose personal data the record carries."""
    match command:
        case RetryReaction():
            return _retry(reacted, command)
        case FinishReaction(record=record, reaction=reaction, cause=cause, positions=positions):
            return (
                []
                if _is_settled(reacted, reaction, cause)
                else [ReactionRan(record, reaction, cause, list(positions))]
            )
        case FailReaction():
            if _is_settled(reacted, command.reaction, command.cause):
                return []
            message = Private(subject, command.message[:MOST_MESSAGE])
            return [
                ReactionFailed(
                    command.record,
                    command.reaction,
                    command.cause,
                    command.step,
                    command.code,
                    message,
                    list(command.positions),
                )
            ]


def may_retry(record: Record, facts: Facts) -> bool:
    """Tell whether whoever acts may have a reaction to a record tried again: its owner, whoever leads the owner, and whoever runs the organisation or the rules."""
    if facts.may(Right.organise) or facts.may(Right.publish):
        return True
    acting = acting_person(facts)
    return record.owner is not None and (
        acting == record.owner or acting in above(record.owner, facts.people())
    )


def _is_settled(reacted: Reacted, reaction: str, cause: int) -> bool:
    """Whether it has ended, and nobody wants it tried again."""
    outcome = reacted.of(reaction, cause)
    return outcome is not None and outcome.what != "retried"


def _retry(reacted: Reacted, command: RetryReaction) -> list[Event]:
    """Only what failed is tried again: what ran has done what it does. Raises NotFound where nothing of this name was set off by the cause."""
    outcome = reacted.of(command.reaction, command.cause)
    if outcome is None:
        known = [name for name, cause in reacted.outcomes if cause == command.cause]
        if known:
            near = nearest(command.reaction, known)
            raise NotFound("reaction to this event", command.reaction, near)
        causes = [str(cause) for name, cause in reacted.outcomes if name == command.reaction]
        raise NotFound(
            "event that set this reaction off", str(command.cause), nearest(str(command.cause), causes)
        )
    if outcome.what == "ran":
        raise InvalidCommand([Problem("/cause", "it ran, and did everything it does")])
    if outcome.what == "retried":
        return []
    return [ReactionRetried(command.record, command.reaction, command.cause)]
