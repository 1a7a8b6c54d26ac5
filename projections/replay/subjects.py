"""What is replayed beside gates and indices: each subject has a package of its own that answers in one shape."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from domain.deadlines.limits import named_in
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Kind, Playbook
from projections.ledger.running import Cancelled
from projections.ledger.view import View
from projections.ports import Keys
from projections.replay.approvals import replay_approvals
from projections.replay.asking import Ask
from projections.replay.assignment import replay_assignment
from projections.replay.deadlines import replay_deadlines
from projections.replay.subject import Subject

Replays = Callable[..., Subject]
Concerns = Callable[[Playbook], bool]


def _any_kind(has: Callable[[Kind], object]) -> Concerns:
    return lambda book: any(has(kind) for kind in book.kinds.values())


SUBJECTS: Final[Mapping[str, tuple[Concerns, Replays]]] = {
    "deadlines": (_any_kind(named_in), replay_deadlines),
    "approvals": (_any_kind(lambda kind: kind.approvals), replay_approvals),
    "assignment": (lambda book: bool(book.pools), replay_assignment),
}
"""By name: which playbooks say anything about it, and what replays it."""


def replay_subjects(
    view: View,
    playbooks: Playbooks,
    keys: Keys,
    ask: Ask,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[Subject]:
    """Replay what is asked about beside gates and indices, where a published playbook or the draft says anything about it. Raises Cancelled."""
    for name, (concerns, replays) in SUBJECTS.items():
        if name not in ask.about or not any(map(concerns, _documents(playbooks, ask))):
            continue
        if cancelled is not None and cancelled():
            raise Cancelled
        yield replays(view, playbooks, keys, ask, cancelled=cancelled)


def impact_on(subject: Subject) -> dict[str, Any]:
    """Return what an impact says of a subject."""
    law = subject.law
    return {
        "name": subject.name,
        "law": {
            "decisions": law.decisions,
            "reproduced": law.reproduced,
            "erased": law.erased,
            "different": list(law.different),
        },
        **subject.impact,
    }


def _documents(playbooks: Playbooks, ask: Ask) -> Iterable[Playbook]:
    yield from (version.document for version in playbooks.versions.values())
    if ask.draft is not None:
        yield ask.draft.document
