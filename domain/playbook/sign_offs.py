"""Decisions about replays that are signed off: somebody stands by what a draft would have done, before it is published."""

from collections.abc import Iterator
from typing import Any

from domain.event import Event
from domain.events import ReplaySignedOff
from domain.facts import Facts
from domain.naming import is_id, nearest
from domain.plain import is_plain
from domain.playbook.catalogue import Drafts, Playbooks
from domain.playbook.commands import SignOffReplay
from domain.playbook.model import Right
from domain.playbook.published import PublishedPlaybook
from domain.refusals import InvalidCommand, NotAllowed, NotFound, Problem


def kept_draft(drafts: Drafts, number: int) -> PublishedPlaybook:
    """Return a draft. Raises NotFound for one that was never kept, with the nearest number."""
    kept = drafts.drafts.get(number)
    if kept is None:
        raise NotFound("draft", str(number), nearest(str(number), map(str, drafts.drafts)))
    return kept


def sign_off(drafts: Drafts, command: SignOffReplay, facts: Facts) -> list[Event]:
    """Note that somebody stands by a replay of a draft. Refused for a replay that judged another text than the draft's."""
    if not facts.may(Right.publish):
        raise NotAllowed(Right.publish)
    kept = kept_draft(drafts, command.draft)
    problems = list(_malformed(command))
    if command.digest != kept.digest:
        others = [number for number, other in drafts.drafts.items() if other.digest == command.digest]
        judged = f"this replay judged draft {max(others)}" if others else "the draft changed since"
        problems.append(
            Problem("/digest", f"{judged}: replay draft {command.draft} again, and sign that off")
        )
    if problems:
        raise InvalidCommand(problems)
    return [
        ReplaySignedOff(
            name=kept.name,
            draft=command.draft,
            digest=command.digest,
            replay=command.replay,
            window=dict(command.window),
            position=command.position,
            summary=dict(command.summary),
        )
    ]


def replay_problems(
    playbooks: Playbooks, drafts: Drafts, new: PublishedPlaybook, replay: str | None
) -> Iterator[Problem]:
    """Tell what is wrong with the replay a publication names, or with its naming none."""
    for_this = drafts.signed_for(new.digest)
    if replay is None:
        # Whatever is in force anywhere may ask for it; the first version of a playbook has none before it.
        if any(version.document.publishing.needs_replay for version in playbooks.effective.get(new.name, ())):
            yield Problem(
                "/replay",
                "the version in force asks for a replay that was signed off: keep the playbook as a draft, replay it,"
                " sign the replay off, and name it here",
                for_this.replay if for_this is not None else None,
            )
        return
    signed = drafts.sign_offs.get(replay)
    if signed is None:
        yield Problem(
            "/replay",
            "nobody has signed this replay off; look at what it says and sign it off first",
            nearest(replay, drafts.sign_offs),
        )
    elif signed.digest != new.digest:
        yield Problem(
            "/replay",
            f"this replay was signed off for draft {signed.draft}, which says something else than what is published:"
            " replay this one, and sign that off",
            for_this.replay if for_this is not None else None,
        )


def _malformed(command: SignOffReplay) -> Iterator[Problem]:
    """What no replay could have said about itself."""
    if not is_id(command.replay):
        yield Problem("/replay", "this cannot be the id of a replay")
    window: dict[str, Any] = dict(command.window)
    after, upto = window.get("after"), window.get("upto")
    if set(window) != {"after", "upto"} or not isinstance(after, int) or not isinstance(upto, int):
        yield Problem("/window", "a window has two positions of the log, after and upto")
    elif not 0 <= after <= upto <= command.position:
        yield Problem(
            "/window", "a window begins before it ends, and ends no later than the log that was read"
        )
    if not is_plain(dict(command.summary)):
        yield Problem("/summary", "a summary is plain JSON: numbers with decimals are texts")
