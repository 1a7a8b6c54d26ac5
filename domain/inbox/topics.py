"""Which topics a subscription means."""

from collections.abc import Iterable

from domain.events import EVENTS

ADDRESSED = "addressed"
"""The word for whatever is addressed to the person by itself: work asked of them, records that became theirs. It begins no topic."""

_NEVER = "inbox"
"""Nobody is told of what others read: two who were would never come to an end."""


def beginnings(topic: str) -> tuple[str, ...]:
    """Return the words a topic is meant by: each of its beginnings up to a point, the topic itself last."""
    parts = topic.split(".")
    return tuple(".".join(parts[: count + 1]) for count in range(len(parts)))


def known_words() -> frozenset[str]:
    """Return every word a subscription may name."""
    words: Iterable[str] = (
        word for topic in EVENTS if not topic.startswith(f"{_NEVER}.") for word in beginnings(topic)
    )
    return frozenset((*words, ADDRESSED))
