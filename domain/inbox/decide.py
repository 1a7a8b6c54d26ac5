"""Decisions about an inbox: what somebody is told of from now on, and what they have read."""

from collections.abc import Collection, Iterator
from uuid import UUID

from domain.event import Event
from domain.facts import Facts
from domain.inbox.commands import Channel, InboxCommand, MarkRead, Subscribe, Unsubscribe
from domain.inbox.events import InboxRead, InboxSubscribed, InboxUnsubscribed
from domain.inbox.state import Inbox
from domain.inbox.topics import known_words
from domain.naming import is_id, nearest, split_stream
from domain.playbook.model import Right
from domain.refusals import AlreadyExists, InvalidCommand, NotAllowed, NotFound, Problem
from domain.values import Private, ValueRefused, clean_text

MAX_SUBSCRIPTIONS = 200
"""How many subscriptions of one person hold at a time."""

MAX_TOPICS = 50
MAX_READ = 1_000
"""How many notifications are marked by one command."""

_MAX_LABEL = 200


def decide(inbox: Inbox, command: InboxCommand, facts: Facts, by: str, kinds: Collection[str]) -> list[Event]:
    """Decide what a command does to an inbox. Raises a Refusal that names everything wrong.

    `by` is who asks for it: the person themself, or somebody who may organise. `kinds` are the kinds of records there are.
    """
    if by != command.person and not facts.may(Right.organise):
        raise NotAllowed(Right.organise)
    if not facts.is_active_person(command.person):
        raise NotFound("active person", command.person)
    match command:
        case Subscribe():
            return _subscribe(inbox, command, facts, kinds)
        case Unsubscribe(subscription=subscription):
            if subscription in inbox.ended:
                return []
            if subscription not in inbox.subscriptions:
                raise NotFound("subscription", subscription, nearest(subscription, inbox.subscriptions))
            return [InboxUnsubscribed(subscription)]
        case MarkRead():
            return _read(inbox, command)


def _subscribe(inbox: Inbox, command: Subscribe, facts: Facts, kinds: Collection[str]) -> list[Event]:
    if command.subscription in inbox.subscriptions or command.subscription in inbox.ended:
        raise AlreadyExists("subscription", command.subscription)
    problems = [
        *_id_problems(command),
        *_topic_problems(command.topics),
        *_channel_problems(command),
        *_record_problems(command, facts, kinds),
        *_label_problems(command.label),
    ]
    if len(inbox.subscriptions) >= MAX_SUBSCRIPTIONS:
        problems.append(Problem("", f"one person has at most {MAX_SUBSCRIPTIONS} subscriptions; end one"))
    if problems:
        raise InvalidCommand(problems)
    return [
        InboxSubscribed(
            subscription=command.subscription,
            topics=sorted(set(command.topics)),
            channel=str(command.channel),
            kind=command.kind,
            record=command.record,
            target=command.target,
            label=None if command.label is None else Private(command.person, command.label),
        )
    ]


def _read(inbox: Inbox, command: MarkRead) -> list[Event]:
    told = tuple(dict.fromkeys(command.notifications))
    if not told:
        raise InvalidCommand([Problem("/notifications", "name at least one notification")])
    if len(told) > MAX_READ:
        raise InvalidCommand([Problem("/notifications", f"at most {MAX_READ} are marked by one command")])
    problems = [
        Problem(f"/notifications/{index}", "this is not the id of a notification")
        for index, notification in enumerate(command.notifications)
        if not _is_notification(notification)
    ]
    if problems:
        raise InvalidCommand(problems)
    new = [notification for notification in told if notification not in inbox.read]
    return [InboxRead(new)] if new else []


def _is_notification(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _id_problems(command: Subscribe) -> Iterator[Problem]:
    if not is_id(command.subscription):
        yield Problem("/id", "an id is expected: printable, without spaces and slashes")


def _topic_problems(topics: tuple[str, ...]) -> Iterator[Problem]:
    if not topics:
        yield Problem("/topics", "say what to be told of: topics, words they begin with, or 'addressed'")
    if len(topics) > MAX_TOPICS:
        yield Problem("/topics", f"a subscription names at most {MAX_TOPICS} topics")
        return
    words = known_words()
    for index, topic in enumerate(topics):
        if topic not in words:
            yield Problem(
                f"/topics/{index}", "nothing that can be told of begins like this", nearest(topic, words)
            )


def _channel_problems(command: Subscribe) -> Iterator[Problem]:
    names = [channel.value for channel in Channel]
    if command.channel not in names:
        message = f"one of {', '.join(names)} is expected"
        yield Problem("/channel", message, nearest(command.channel, names))
        return
    if command.channel == Channel.inbox:
        if command.target is not None:
            yield Problem("/target", "the inbox needs no target; leave it out")
    elif command.target is None:
        yield Problem(
            "/target", f"the channel {str(command.channel)!r} needs a target, as the settings name it"
        )
    elif not is_id(command.target):
        yield Problem("/target", "the name of a target is expected, as the settings have it")


def _record_problems(command: Subscribe, facts: Facts, kinds: Collection[str]) -> Iterator[Problem]:
    if command.kind is not None and command.kind not in kinds:
        yield Problem("/kind", "no playbook has this kind", nearest(command.kind, kinds))
    if command.record is None:
        return
    kind, record_id = split_stream(command.record)
    if not is_id(record_id) or not facts.exists(command.record):
        yield Problem("/record", "there is no such record; name it as kind/id")
    elif command.kind not in (None, kind):
        yield Problem("/kind", f"the record is of the kind {kind!r}; leave the kind out")


def _label_problems(label: str | None) -> Iterator[Problem]:
    try:
        if label is not None and not clean_text(label, _MAX_LABEL).strip():
            yield Problem("/label", "a name is expected; leave it out where there is none")
    except ValueRefused as refused:
        yield Problem("/label", str(refused))
