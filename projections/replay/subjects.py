"""What is replayed beside gates and indices: each subject has a package of its own that answers in one shape."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from projections.ledger.running import Cancelled
from projections.ledger.view import View
from projections.ports import Keys
from projections.replay.approvals import replay_approvals
from projections.replay.asking import Ask
from projections.replay.assignment import replay_assignment
from projections.replay.deadlines import replay_deadlines
from projections.replay.reactions import replay_reactions
from projections.replay.subject import Subject

Says = Callable[[PublishedPlaybook], Any]
Replays = Callable[..., Subject]


def _of_kinds(*parts: str) -> Says:
    """What the kinds of a playbook say in some parts; kinds that say nothing there are left out."""

    def says(book: PublishedPlaybook) -> Any:
        told = {name: [getattr(kind, part) for part in parts] for name, kind in book.document.kinds.items()}
        return {name: found for name, found in told.items() if any(found)}

    return says


def _pools(book: PublishedPlaybook) -> Any:
    return book.document.pools


def _reactions(book: PublishedPlaybook) -> Any:
    """Those that forks start by themselves are among them."""
    return {kind: found for kind, found in book.reactions.items() if found}


SUBJECTS: Final[Mapping[str, tuple[Says, Replays]]] = {
    "deadlines": (_of_kinds("deadlines", "work", "approvals"), replay_deadlines),
    "approvals": (_of_kinds("approvals"), replay_approvals),
    "assignment": (_pools, replay_assignment),
    "reactions": (_reactions, replay_reactions),
}
"""By name: what a playbook says about it, and what replays it."""

_HOURS: Final = ("calendar", "time_zone")
"""What all working hours hang on, deadlines with them."""


def replay_subjects(
    view: View,
    playbooks: Playbooks,
    keys: Keys,
    ask: Ask,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[Subject]:
    """Replay what is asked about beside gates and indices, where a published playbook or the draft says anything about it. Raises Cancelled."""
    for name in subjects_of(playbooks, ask):
        if cancelled is not None and cancelled():
            raise Cancelled
        _, replays = SUBJECTS[name]
        yield replays(view, playbooks, keys, ask, cancelled=cancelled)


def subjects_of(playbooks: Playbooks, ask: Ask) -> list[str]:
    """Name the subjects that are replayed, in their order."""
    return list(_asked_about(playbooks, ask))


def _asked_about(playbooks: Playbooks, ask: Ask) -> Iterator[str]:
    """Name the subjects that are meant; those nobody ever said anything about are none."""
    books = [*playbooks.versions.values(), *([] if ask.draft is None else [ask.draft])]
    for name, (says, _) in SUBJECTS.items():
        if ask.about is not None and name not in ask.about:
            continue
        if not any(says(book) for book in books):
            continue
        if ask.about is not None or ask.draft is None or _is_changed(name, says, playbooks, ask.draft):
            yield name


def _is_changed(name: str, says: Says, playbooks: Playbooks, draft: PublishedPlaybook) -> bool:
    """Tell whether a draft says otherwise than any version of its playbook that is in force."""

    def whole(book: PublishedPlaybook) -> Any:
        hours = [getattr(book.document, part) for part in _HOURS] if name == "deadlines" else []
        return [says(book), hours]

    return any(whole(version) != whole(draft) for version in playbooks.effective.get(draft.name, ()))


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
