"""Replay of assignment: who would have got which record under a draft, and why; in closed loop, for the draft's own choices count for its next ones.

The law is open loop: every recorded search for an owner is decided again by the published rules on what was recorded then.

What a draft is assumed to be (`world` and `drafted` say it in code): records come in, change, move on and end as recorded, and people join,
leave and are away as recorded. Who owns what is as recorded up to the window. Within it the draft's choices replace the recorded ones in
open counts, in the counts of a day, in turns and in what is waiting. An owner named by hand, a claim, a return and recycling stay as they
were, and from then on the record is whose the log says it is. The draft's worker asks whenever the recorded one did, and where only the draft
has reason to: a record enters a pool without an owner, somebody may be found for what waits in its world, a day begins, an absence begins or ends.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from projections.ledger.view import View
from projections.ports import Keys
from projections.replay.asking import Ask
from projections.replay.assignment.dataset import NAME, framed, impact_of, rows_of
from projections.replay.assignment.in_window import drafted_rows
from projections.replay.assignment.lawful import law_of_kind
from projections.replay.assignment.recorded import Recorded
from projections.replay.assignment.told import Told
from projections.replay.law import LawFigures
from projections.replay.subject import Subject

__all__ = ["replay_assignment"]


def replay_assignment(
    view: View,
    playbooks: Playbooks,
    keys: Keys,
    ask: Ask,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> Subject:
    """Decide every search for an owner in a window again: under published rules, and, where there is one, under a draft. Raises Cancelled.

    Its time grows with what pools did and with the owners, steps and regions of all records of their kinds; nothing is written.
    """
    told, keyring = Told(view), keys.keyring()
    known = replace(
        playbooks,
        versions={
            key: version for key, version in playbooks.versions.items() if version.position <= view.position
        },
    )
    laws, rows = [], []
    for kind in _kinds(told, known, ask.draft):
        recorded = Recorded.of(told, kind, [*known.versions.values(), *([ask.draft] if ask.draft else [])])
        recorded.prepare(keyring)
        laws.append(law_of_kind(told, recorded, known, keyring, ask.window, cancelled))
        if ask.draft is not None:
            found = drafted_rows(told, recorded, known, keyring, ask, ask.draft, cancelled)
            rows += rows_of(found, kind, known)
    law = _added(laws)
    if ask.draft is None:
        return Subject(NAME, law)
    return Subject(NAME, law, impact_of(rows, ask.draft, known), {NAME: framed(rows)})


def _kinds(told: Told, playbooks: Playbooks, draft: PublishedPlaybook | None) -> list[str]:
    """Name the kinds pools did anything about, and those a draft has pools for, where such records are kept at all."""
    published = {kind for version in playbooks.versions.values() for kind in version.document.kinds}
    drafted = set() if draft is None else {pool.kind for pool in draft.document.pools.values()}
    return sorted({deed.kind for deed in told.deeds} | (drafted & published))


def _added(laws: Iterable[LawFigures]) -> LawFigures:
    found = list(laws)
    return LawFigures(
        sum(law.decisions for law in found),
        sum(law.reproduced for law in found),
        sum(law.erased for law in found),
        sorted(position for law in found for position in law.different),
    )
