"""Replay of approvals: who would have been asked to agree, had these rules held when somebody asked."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from domain.playbook.catalogue import Playbooks
from projections.ledger.running import refuse_cancelled
from projections.ledger.view import View
from projections.ports import Keys
from projections.replay.approvals.comparing import Row, rows_of
from projections.replay.approvals.drafted import as_drafted, unrecorded_kind
from projections.replay.approvals.impact import APPROVALS, framed, impact_of
from projections.replay.approvals.law import law_says
from projections.replay.approvals.requests import Request, asked_then, requests
from projections.replay.approvals.routing import routed
from projections.replay.approvals.standing import standings
from projections.replay.asking import Ask
from projections.replay.footing import Standing, in_scope
from projections.replay.law import law_of
from projections.replay.subject import Subject

__all__ = ["APPROVALS", "NAME", "replay_approvals"]

NAME: Final = "approvals"


def replay_approvals(
    view: View,
    playbooks: Playbooks,
    keys: Keys,
    ask: Ask,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> Subject:
    """Route every request for agreement of a window again: on what was recorded of the record and the organisation when it was decided.

    The chain that was asked for and the people the requester named stay what they were; what became of a request stays as it was.
    Raises Cancelled.
    """
    law, rows = Counter[str](), list[Row]()
    different: list[int] = []
    told = asked_then(view, ask.window)
    for request, standing in _standing(view, playbooks, keys, ask):
        refuse_cancelled(cancelled)
        said = law_says(routed(request, standing.then), told[request.position], request.order)
        law[said] += 1
        if said == "different":
            different.append(request.position)
        if ask.draft is not None and ask.draft.name == request.playbook:
            would = (
                as_drafted(request, standing, ask.draft, told[request.position])
                if request.kind in ask.draft.document.kinds
                else unrecorded_kind(request)
            )
            rows += rows_of(request, told[request.position], would)
    figures = law_of([(law, different)])
    if ask.draft is None:
        return Subject(NAME, figures)
    return Subject(NAME, figures, impact_of(rows, ask.draft, playbooks), {NAME: framed(rows)})


def _standing(view: View, playbooks: Playbooks, keys: Keys, ask: Ask) -> Iterator[tuple[Request, Standing]]:
    """The requests that are asked about, each with what it was decided on."""
    for request, standing in standings(view, requests(view, ask.window), playbooks, keys):
        if in_scope(ask, request.playbook, standing):
            yield request, standing
