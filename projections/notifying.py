"""Who is told of what: a function of one event, of the subscriptions that held before it, and of what the event stands in.

Nobody is told of what they did themself, and nobody is told of imported history.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID, uuid5

from domain.envelope import Recorded
from domain.inbox.topics import ADDRESSED, beginnings
from domain.naming import REACTIONS_CHANNEL, split_stream
from domain.work.approving import Approval
from domain.work.state import WorkItem

IMPORTED = "import"
"""The channel of imported history: what happened long ago concerns nobody's inbox."""

NEEDS_AROUND = frozenset(
    {
        "record.approval-decided.v1", "record.approval-migrated.v1", "record.approval-recalled.v1",
        "record.work-completed.v1", "record.work-declined.v1", "record.work-cancelled.v1", "record.work-rescheduled.v1",
    }
)  # fmt: skip
"""Topics that address people the event itself does not name: who asked, and who is asked next."""

_ADDRESSING = NEEDS_AROUND | {
    "record.owner-changed.v1", "record.opened.v1", "record.work-requested.v1", "record.work-reassigned.v1",
    "record.approval-requested.v1", "deadline.noticed.v1", "pool.assigned.v1", "reaction.alerted.v1", "reaction.failed.v1",
}  # fmt: skip
"""Topics that address people at all."""

_NAMES = UUID("0f3c9a4e-52b7-5d18-8c61-7a9be0d4f6c2")
"""The space of names in which the ids of notifications are made."""

_OTHERS = frozenset(
    {"deadlines", "drafts", "erasures", "inboxes", "indices", "log", "organisation", "playbooks", "pools", "reactions", "refusals"}
)  # fmt: skip
"""Beginnings of streams that are no records."""

Reasons: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a person asked to be told of, after one position of the log and before another."""

    person: str
    id: str
    topics: tuple[str, ...]
    channel: str = "inbox"
    kind: str | None = None
    record: str | None = None
    target: str | None = None
    after: int = 0
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of the record an event belongs to: its approvals before and after the event, and its work after it.

    `alerted` are the people who have to hear that a pool found nobody, or that a reaction failed.
    """

    approvals_before: Mapping[str, Approval] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    work: Mapping[str, WorkItem] = field(default_factory=dict)
    alerted: Sequence[str] = ()


NOTHING_AROUND = Around()


@dataclass(frozen=True, slots=True)
class Notification:
    """One person is told of one event, once, however many subscriptions it matches.

    `reason` says why: `owner`, `work`, `approval`, `deadline`, `pool`, `alert` or `notice` where it is addressed to them, else `subscription`;
    `subscriptions` are those that match, whose channels carry it out of the inbox.
    """

    person: str
    position: int
    topic: str
    record: str | None
    at: datetime
    reason: str
    subscriptions: tuple[Subscription, ...] = ()

    @property
    def id(self) -> str:
        """The same whenever and wherever it is made: by it, whoever gets a message twice knows."""
        return notification_id(self.position, self.person)


def notification_id(position: int, person: str) -> str:
    """Return the id of what a person is told of the event at a position."""
    return str(uuid5(_NAMES, f"{position}\n{person}"))


def notifications(
    recorded: Recorded, subscriptions: Iterable[Subscription], around: Around = NOTHING_AROUND
) -> list[Notification]:
    """Return who is told of an event, in the order of the people's ids."""
    if recorded.channel == IMPORTED or recorded.event.TOPIC.startswith("inbox."):
        return []
    reasons = addressed(recorded, around)
    matching: dict[str, list[Subscription]] = {person: [] for person in reasons}
    for subscription in subscriptions:
        if matches(subscription, recorded, is_addressed=subscription.person in reasons):
            matching.setdefault(subscription.person, []).append(subscription)
    # What a reaction does in somebody's name they have not done: they may be the very one it asks.
    by_itself = recorded.channel == REACTIONS_CHANNEL
    own = {recorded.actor, None if by_itself else recorded.on_behalf_of}
    return [
        Notification(
            person=person,
            position=recorded.position,
            topic=recorded.event.TOPIC,
            record=record_of(recorded),
            at=recorded.recorded_at,
            reason=reasons.get(person, "subscription"),
            subscriptions=tuple(sorted(found, key=lambda subscription: subscription.id)),
        )
        for person, found in sorted(matching.items())
        if person not in own
    ]


def matches(subscription: Subscription, recorded: Recorded, *, is_addressed: bool = False) -> bool:
    """Tell whether a subscription that held at an event's position means the event."""
    if not subscription.after < recorded.position < (subscription.before or recorded.position + 1):
        return False
    words = {*beginnings(recorded.event.TOPIC)} | ({ADDRESSED} if is_addressed else set())
    if words.isdisjoint(subscription.topics):
        return False
    record = record_of(recorded)
    if subscription.record is not None:
        return subscription.record == record
    return subscription.kind is None or (record is not None and subscription.kind == split_stream(record)[0])


def addressed(recorded: Recorded, around: Around = NOTHING_AROUND) -> Reasons:
    """Return whom an event addresses by itself, with the reason. Topics and payloads are a format, so they are read as such."""
    told: dict[str, str] = {}
    for person, reason in _addressed(recorded, around):
        if isinstance(person, str) and person.startswith("person/"):
            told.setdefault(person, reason)
    return told


def _addressed(recorded: Recorded, around: Around) -> Iterator[tuple[Any, str]]:
    topic = recorded.event.TOPIC
    if topic not in _ADDRESSING:
        return
    payload: Mapping[str, Any] = recorded.event.payload()
    match topic:
        case "record.owner-changed.v1":
            yield payload.get("after"), "owner"
        case "record.opened.v1":
            yield payload.get("owner"), "owner"
        case "record.work-requested.v1":
            yield payload.get("assignee"), "work"
        case "record.work-reassigned.v1":
            yield payload.get("after"), "work"
            # Whoever it was taken from would go on with it for want of a word.
            yield payload.get("before"), "work"
        case "record.work-completed.v1" | "record.work-declined.v1":
            if (item := around.work.get(payload["work"])) is not None:
                yield item.requested_by, "work"
        case "record.work-cancelled.v1":
            if (item := around.work.get(payload["work"])) is not None:
                yield item.assignee, "work"
        case "record.work-rescheduled.v1":
            if (item := around.work.get(payload["work"])) is not None:
                # Whoever has it works towards a day, and whoever asked counts on one.
                yield item.assignee, "work"
                yield item.requested_by, "work"
        case "record.approval-requested.v1":
            levels = payload.get("levels", [])
            for level in levels if payload.get("order") == "parallel" else levels[:1]:
                for person in level.get("approvers", {}).values():
                    yield person, "approval"
        case "record.approval-decided.v1" | "record.approval-migrated.v1":
            yield from _asked_next(payload["approval"], around)
        case "record.approval-recalled.v1":
            yield from _asked_so_far(payload["approval"], around)
        case "pool.assigned.v1":
            for person in around.alerted:
                yield person, "pool"
        case "reaction.failed.v1":
            for person in around.alerted:
                yield person, "alert"
        case "reaction.alerted.v1":
            for person in payload.get("told", []):
                yield person, "alert" if payload.get("alert", True) else "notice"
        case _:
            for person in payload.get("told", []):
                yield person, "deadline"


def _asked_next(approval: str, around: Around) -> Iterator[tuple[str, str]]:
    """Whoever an approval waits for now and did not before; once it has ended, who asked for it."""
    now = around.approvals.get(approval)
    if now is None:
        return
    if now.state != "running":
        yield now.requested_by, "approval"
        return
    before = around.approvals_before.get(approval)
    waited = set() if before is None else {*_waited_for(before)}
    for place in _waited_for(now):
        if place not in waited:
            yield place[1], "approval"


def _asked_so_far(approval: str, around: Around) -> Iterator[tuple[str, str]]:
    """Whoever an approval waited for, and whoever had decided: to them it goes on until somebody says that it does not."""
    before = around.approvals_before.get(approval)
    if before is None:
        return
    for _, person in _waited_for(before):
        yield person, "approval"
    for decision in before.decisions:
        yield decision.by, "approval"


def _waited_for(approval: Approval) -> Iterator[tuple[str, str]]:
    """The level and the person of each role that has not decided."""
    for level in approval.open_levels:
        for person in approval.waits_for(level).values():
            yield level.name, person


def record_of(recorded: Recorded) -> str | None:
    """Return the record an event is about; None for what is about none, such as the organisation."""
    named = getattr(recorded.event, "record", None)
    if isinstance(named, str):
        return named
    return None if split_stream(recorded.stream)[0] in _OTHERS else recorded.stream
