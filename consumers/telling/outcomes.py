"""What came of sending a message: it arrived, it is tried again, or it never will; and how long until it is tried again."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

import orjson

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=8)
LONGEST_ASKED_FOR = timedelta(hours=24)
"""The longest a receiver may have us wait."""

MAX_ANSWER_BYTES = 65_536
_TRY_AGAIN = frozenset({408, 425, 429})


class Fate(StrEnum):
    """What becomes of a delivery."""

    sent = "sent"
    later = "later"
    never = "never"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt. `error` is a word of ours, never what the receiver said: that may repeat what was sent."""

    fate: Fate
    error: str | None = None
    wait: timedelta | None = None


SENT = Outcome(Fate.sent)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a receiver answered: the status, how long to wait if it says so, and the beginning of the body."""

    status: int
    retry_after: str | None = None
    body: bytes = b""


def later(error: str, wait: timedelta | None = None) -> Outcome:
    """It is tried again."""
    return Outcome(Fate.later, error, wait)


def never(error: str) -> Outcome:
    """It cannot arrive, however often it is sent."""
    return Outcome(Fate.never, error)


def of_status(answer: HttpAnswer, now: datetime) -> Outcome:
    """Judge an answer by its status. Redirects are not followed: what is signed for one place is sent to no other."""
    if 200 <= answer.status < 300:
        return SENT
    error = f"http-{answer.status}"
    if answer.status >= 500 or answer.status in _TRY_AGAIN:
        return later(error, wait_asked_for(answer.retry_after, now))
    return never(error)


def of_code(answer: HttpAnswer, now: datetime, member: str, permanent: frozenset[int]) -> Outcome:
    """Judge the answer of a robot: it answers 200 and says in its body what it thinks of the message.

    Codes that say that the target or the message is wrong are permanent; whatever else it says is tried again.
    """
    by_status = of_status(answer, now)
    if by_status.fate is not Fate.sent:
        return by_status
    try:
        told = orjson.loads(answer.body)
    except ValueError:
        return later("answer-unreadable")
    code = told.get(member) if isinstance(told, dict) else None
    if type(code) is not int:
        return later("answer-unreadable")
    if code == 0:
        return SENT
    return never(f"{member}-{code}") if code in permanent else later(f"{member}-{code}")


def wait_asked_for(retry_after: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After: seconds or a date (RFC 9110). None where it says nothing that could be kept."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return min(timedelta(seconds=int(text)), LONGEST_ASKED_FOR)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), LONGEST_ASKED_FOR)


def wait_after(attempts: int, delivery: str, asked_for: timedelta | None = None) -> timedelta:
    """Return how long to wait after so many attempts: twice as long each time, up to eight hours, and never less than the receiver asks.

    Each delivery takes its own share between three quarters and the whole, made from its id: many that failed together come back apart,
    and the same one never comes back sooner than the time before. Twelve attempts take about a day.
    """
    doubled = FIRST_WAIT * (1 << min(max(attempts, 1) - 1, 30))
    share = int.from_bytes(hashlib.sha256(delivery.encode()).digest()[:2], "big")
    whole = min(doubled, LONGEST_WAIT)
    wait = whole * 3 / 4 + whole * share / (4 * 65_535)
    return max(wait, asked_for or timedelta(0))
