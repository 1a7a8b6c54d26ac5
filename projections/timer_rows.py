"""The rows of the timer table: what is armed for a record, under the version in force and under those that wait for their moment."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from domain.deadlines.arming import Armed, arm
from domain.deadlines.firings import Key
from domain.deadlines.watched import Watched
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import OWNER_REGION, OWNER_TEAM, PublishedPlaybook
from domain.refusals import NotFound
from domain.values import moment_text

Told: TypeAlias = Mapping[Key, tuple[int, int]]
"""How far up its ladder each deadline of a record is."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """The playbooks as they are in force from a moment (None: already) until another one (None: for good)."""

    playbooks: Playbooks
    begins: datetime | None
    ends: datetime | None


def epochs(playbooks: Playbooks, moment: datetime) -> tuple[Epoch, ...]:
    """Return what is in force at a moment, and what takes effect after it; without dated versions there is one epoch."""
    changes = sorted(
        {
            version.effective_from
            for version in playbooks.versions.values()
            if version.effective_from is not None and version.effective_from > moment
        }
    )
    begins: list[datetime | None] = [None, *changes]
    ends: list[datetime | None] = [*changes, None]
    return tuple(
        Epoch(playbooks.at(begin or moment), begin, end) for begin, end in zip(begins, ends, strict=True)
    )


def version_for(watched: Watched, playbooks: Playbooks, people: Organisation) -> PublishedPlaybook | None:
    """Return the version of its playbook a record follows; None where none is in force."""
    owner = watched.owner or ""
    person = people.people.get(owner)
    place = {OWNER_REGION: people.region_of(owner), OWNER_TEAM: person.team if person else None}
    try:
        return playbooks.for_record(watched.record.kind, watched.fields, place)
    except NotFound:
        return None


def kinds_by_owner(within: Sequence[Epoch], kinds: Iterable[str]) -> set[str]:
    """Return the kinds for whose records it depends on the owner's team or region, now or later, which version is in force."""
    return {
        kind
        for kind in kinds
        if any(kind in epoch.playbooks.by_kind and epoch.playbooks.asks_for_owner(kind) for epoch in within)
    }


def armed_in(epoch: Epoch, watched: Watched, people: Organisation) -> tuple[PublishedPlaybook | None, Sequence[Armed]]:  # fmt: skip
    """Return the version a record follows in an epoch, and its armed deadlines under it."""
    version = version_for(watched, epoch.playbooks, people)
    return version, () if version is None else arm(watched, version)


def rows_of(
    watched: Watched, told: Told, within: Sequence[Epoch], people: Organisation
) -> Iterator[dict[str, Any]]:
    """Return the rows of a record, as the table keeps them."""
    for epoch in within:
        version, armed = armed_in(epoch, watched, people)
        for item in armed:
            assert version is not None
            reached = told.get(item.key)
            following = item.next(reached)
            next_at = None if following is None else following.at
            if next_at is not None and epoch.begins is not None:
                next_at = max(next_at, epoch.begins)
            if next_at is not None and epoch.ends is not None and next_at >= epoch.ends:
                next_at = None  # by then other rules are in force; nobody has to look at it again and again
            yield {
                "record": watched.stream,
                "deadline": item.deadline,
                "subject": item.subject or "",
                "armed_at": item.armed_at,
                "in_force_from": "-infinity" if epoch.begins is None else moment_text(epoch.begins),
                "in_force_until": _text(epoch.ends),
                "kind": watched.record.kind,
                "playbook": version.name,
                "playbook_version": version.number,
                "starts_at": moment_text(item.starts_at),
                "warn_at": _text(item.warn_at),
                "due_at": _text(item.due_at),
                "is_paused": item.is_paused,
                "told_rung": None if reached is None else reached[0],
                "told_repeat": None if reached is None else reached[1],
                "next_rung": None if following is None else following.rung,
                "next_repeat": None if following is None else following.repeat,
                "next_at": _text(next_at),
            }


def told_json(told: Told) -> list[list[Any]]:
    """Return how far ladders are as plain JSON."""
    return [[*key, *reached] for key, reached in told.items()]


def told_from(stored: Sequence[Sequence[Any]]) -> dict[Key, tuple[int, int]]:
    """Return what `told_json` described."""
    return {
        (deadline, subject, armed_at): (rung, repeat) for deadline, subject, armed_at, rung, repeat in stored
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment_text(moment)
