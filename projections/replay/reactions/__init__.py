"""Replay of reactions, one step far: whether what happened would set them off under these rules, and what they would ask for.

What a reaction did is not followed: events stay as they are, and so does what came of its steps. Whether they were refused, were tried again,
or were never begun because reactions had caused each other in too long a chain, is no input and is not judged; such a reaction was set off.

The law: of every cause in the window, the version it was decided under names exactly the reactions of which the log says that they ran or
failed. One decision is one reaction to one cause. What the worker had not come to when the view ends is none yet.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from domain.playbook.catalogue import Playbooks
from projections.ledger.running import refuse_cancelled
from projections.ledger.view import View
from projections.ports import Keys
from projections.replay.asking import Ask
from projections.replay.deadlines.histories import People
from projections.replay.footing import in_scope
from projections.replay.law import law_of
from projections.replay.reactions.causes import causes_of
from projections.replay.reactions.comparing import Row, rows_of
from projections.replay.reactions.impact import REACTIONS, framed, impact_of
from projections.replay.reactions.recorded import Recorded
from projections.replay.reactions.setting_off import said
from projections.replay.subject import Subject
from projections.replay.verdicts import Law

__all__ = ["NAME", "REACTIONS", "replay_reactions"]

NAME: Final = "reactions"


def replay_reactions(
    view: View,
    playbooks: Playbooks,
    keys: Keys,
    ask: Ask,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> Subject:
    """Ask of every event of a window whether it sets off a reaction: under the rules of then, and under a draft. Raises Cancelled.

    The scope is asked of a record as it stood right after the event.
    """
    recorded, people = Recorded.of(view), People.of(view)
    law, rows = Counter[str](), list[Row]()
    different: list[int] = []
    unseen = set(recorded.causes(ask.window))
    for partition in range(view.manifest.partitions):
        refuse_cancelled(cancelled)
        for cause, standing in causes_of(view, partition, playbooks, keys, ask, people):
            refuse_cancelled(cancelled)
            unseen.discard(cause.position)
            if not in_scope(ask, cause.playbook, standing):
                continue
            then = said(cause, standing, recorded)
            law.update(then.law.values())
            different += [cause.position for answer in then.law.values() if answer == Law.different]
            if ask.draft is not None and ask.draft.name == cause.playbook:
                rows += rows_of(cause, standing, then, recorded, ask.draft)
    for position in unseen:  # what nothing of the kind can have set off
        law[Law.different] += len(recorded.at(position))
        different += [position] * len(recorded.at(position))
    refuse_cancelled(cancelled)
    figures = law_of([(law, different)])
    if ask.draft is None:
        return Subject(NAME, figures)
    return Subject(NAME, figures, impact_of(rows, ask.draft, playbooks), {NAME: framed(rows)})
