"""What a step of a reaction asks for when it is taken: looked up in the log, by the version of the playbook its cause was decided under."""

from commands.facts import DecisionFacts
from domain.naming import firings_stream
from domain.playbook.published import PublishedPlaybook
from domain.playbook.reactions import ReactionStep
from domain.reacting.asking import Asked, Circumstances, asked_for
from domain.reacting.commands import TakeStep
from domain.record import state as record_state
from domain.record.adoption import adopted
from domain.record.state import Record
from domain.refusals import NotFound


def what_is_asked(
    command: TakeStep, record: Record, facts: DecisionFacts
) -> tuple[Asked, ReactionStep, PublishedPlaybook]:
    """Return what a step asks for, the step, and the version that says so: nobody's rules change between a cause and its reaction.

    `record` is the record now. Raises NotFound where the cause is none of the record's, or the version has no such step.
    """
    own = facts.history(command.record)
    noticed = facts.recorded(firings_stream(command.record))
    cause = next((found for found in (*own, *noticed) if found.position == command.cause), None)
    if cause is None or cause.playbook is None or cause.playbook_version is None:
        raise NotFound("event of this record", str(command.cause))
    version = facts.playbook_version(cause.playbook, cause.playbook_version)
    reaction = version.reactions.get(record.kind, {}).get(command.reaction)
    if reaction is None or not 0 <= command.step < len(reaction.then):
        raise NotFound("step of a reaction", f"{command.reaction} {command.step}")
    step = reaction.then[command.step]
    then = record_state.fold(None, [found for found in own if found.position <= cause.position])
    assert then is not None  # nothing is noticed of a record before it is opened
    around = Circumstances(
        record=adopted(then, version),
        cause=cause,
        playbook=version,
        owner=record.owner,
        people=facts.organisation(),
        at=facts.decided_at,
        reveal=facts.reveal,
        made=command.made,
    )
    return asked_for(step, around), step, version
