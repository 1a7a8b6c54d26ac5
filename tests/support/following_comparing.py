"""Replay of reactions beside the oracle: the same histories put to both, and every difference in words."""

from typing import Any

from oracle import reactions as oracle

from domain.playbook.catalogue import as_if_published
from domain.playbook.published import PublishedPlaybook
from projections.replay import Ask, Window
from projections.replay.reactions import replay_reactions
from projections.replay.subject import Subject
from support.following_histories import Followed
from support.oracle_adapter import plain_draft, plain_events
from support.replaying import view_of

TOLD = ("cause", "name", "position", "record", "verdict", "why", "person_was", "person_would")
NEXT_NUMBER = 99


def replayed_reactions(
    played: Followed,
    draft: PublishedPlaybook | None,
    *,
    partitions: int = 3,
    after: int = 0,
    position: int | None = None,
    **about: Any,
) -> Subject:
    """Replay the reactions of a history, all of it or as of a position."""
    view = view_of(played.log, partitions=partitions, position=position)
    asked = None if draft is None else as_if_published(played.playbooks, draft)
    ask = Ask(Window(after, view.position), about.pop("scope", {}), asked)
    return replay_reactions(view, played.playbooks, played.desk.vault, ask, **about)


def differences(
    played: Followed, draft: PublishedPlaybook, *, partitions: int = 3, position: int | None = None
) -> list[str]:
    """What the product and the oracle say differently: the law of every cause, and every row."""
    head = played.log.head() if position is None else position
    found = replayed_reactions(played, draft, partitions=partitions, position=position)
    events = plain_events(played.log.read(1, head), played.desk.vault)
    causes = oracle.causes(events, (0, head))
    law = [(cause["position"], answer) for cause in causes for answer in oracle.law_of(cause).values()]
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
        "different": sorted(position for position, answer in law if answer == "different"),
    }
    plain = {**plain_draft(draft), "number": NEXT_NUMBER}
    data = found.datasets["reactions"]
    ours = {(row["cause"], row["name"]): {name: row[name] for name in TOLD} for row in data.to_dicts()}
    assert len(ours) == data.height, "a reaction is told twice"
    theirs = {
        (row["cause"], row["name"]): row
        for cause in causes
        if cause["playbook"]["name"] == draft.name
        for row in oracle.rows(cause, plain)
    }
    about = [] if said == right else [f"law: {said} is {right}"]
    return about + [
        f"{key}: {ours.get(key, 'absent')} is {theirs.get(key, 'absent')}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]
