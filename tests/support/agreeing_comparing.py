"""Replay of approvals beside the oracle: the same histories put to both, and every difference in words."""

from typing import Any

from oracle import approvals as oracle

from domain.naming import PLAYBOOKS_STREAM
from domain.playbook import catalogue
from domain.playbook.published import PublishedPlaybook
from projections.replay import Ask, Window
from projections.replay.approvals import replay_approvals
from projections.replay.subject import Subject
from support.agreeing_histories import Agreed
from support.oracle_adapter import plain_draft, plain_events
from support.replaying import view_of

TOLD = (
    "request",
    "position",
    "level",
    "role",
    "name",
    "verdict",
    "why",
    "person_was",
    "person_would",
)


def replayed_approvals(
    played: Agreed, draft: PublishedPlaybook | None, *, partitions: int = 3, after: int = 0, **about: Any
) -> Subject:
    """Replay the approvals of a history."""
    view = view_of(played.log, partitions=partitions)
    playbooks = catalogue.fold(None, played.log.stream(PLAYBOOKS_STREAM))
    ask = Ask(Window(after, view.position), about.pop("scope", {}), draft)
    return replay_approvals(view, playbooks, played.desk.vault, ask, **about)


def differences(played: Agreed, draft: PublishedPlaybook, *, partitions: int = 3) -> list[str]:
    """What the product and the oracle say differently: the law of every request, and every row."""
    found = replayed_approvals(played, draft, partitions=partitions)
    events = plain_events(played.log.after(0, 1_000_000), played.desk.vault)
    asked = oracle.requests(events, (0, played.log.head()))
    law = [(request["position"], oracle.law_of(request)) for request in asked]
    said = {
        "decisions": found.law.decisions,
        "reproduced": found.law.reproduced,
        "erased": found.law.erased,
        "different": found.law.different,
    }
    right = {
        "decisions": len(law),
        "reproduced": sum(answer == "reproduced" for _, answer in law),
        "erased": sum(answer == "erased" for _, answer in law),
        "different": [position for position, answer in law if answer == "different"],
    }
    plain = plain_draft(draft)
    ours = {
        (row["request"], row["level"], row["role"]): {name: row[name] for name in TOLD}
        for row in found.datasets["approvals"].to_dicts()
    }
    theirs = {
        (row["request"], row["level"], row["role"]): row
        for request in asked
        if request["playbook"]["name"] == draft.name
        for row in oracle.rows(request, plain)
    }
    assert len(ours) == found.datasets["approvals"].height, "a role is told twice"
    about = [] if said == right else [f"law: {said} is {right}"]
    return about + [
        f"{key}: {ours.get(key, 'absent')} is {theirs.get(key, 'absent')}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]
