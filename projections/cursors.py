"""Opaque cursors: which page of which question comes next, over which position of the log.

A cursor holds nothing a caller could not have asked for in words, so it needs no signature; it is bound to its question all the same.
Because a page is of a fixed position, pages neither miss nor repeat anything, whatever is written meanwhile.
"""

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from domain.values import moment_text
from projections.errors import InvalidQuery

PARAMETER = "cursor"
MAX_CURSOR = 400
_MAX_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the answer to one question: as of a position (and a clock reading, where the question needs one), after so many items.

    Where a list moves while it is read, `after` says in the question's own words which item was the last.
    """

    position: int
    skip: int
    moment: datetime | None = None
    after: str | None = None

    def text(self, question: object) -> str:
        """Spell the cursor, bound to its question."""
        told: dict[str, Any] = {"p": self.position, "s": self.skip, "q": _digest(question)}
        if self.moment is not None:
            told["m"] = moment_text(self.moment)
        if self.after is not None:
            told["a"] = self.after
        return urlsafe_b64encode(orjson.dumps(told)).decode().rstrip("=")

    @classmethod
    def read(cls, text: str | None, question: object) -> "Cursor | None":
        """Read a cursor. Raises InvalidQuery for what is none, and for the cursor of another question."""
        if text is None:
            return None
        try:
            told = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            position, skip, digest, after = told["p"], told["s"], told["q"], told.get("a")
            moment = datetime.fromisoformat(told["m"]) if "m" in told else None
            if moment is not None and moment.tzinfo is not None:
                moment = moment.astimezone(UTC)
        except (binascii.Error, ValueError, LookupError, TypeError, AttributeError, OverflowError):
            raise unreadable() from None
        numbers = (position, skip)
        if not all(type(number) is int and 0 <= number <= _MAX_NUMBER for number in numbers):
            raise unreadable()
        if moment is not None and moment.tzinfo is None:
            raise unreadable()
        if after is not None and not isinstance(after, str):
            raise unreadable()
        if digest != _digest(question):
            raise InvalidQuery.of(
                PARAMETER, "this cursor belongs to another question; leave it out to begin again"
            )
        return cls(position, skip, moment, after)


def unreadable() -> InvalidQuery:
    """Return what is said of a cursor that is none."""
    return InvalidQuery.of(PARAMETER, "this is not a cursor; take it from 'next' of the page before")


def _digest(question: object) -> str:
    return hashlib.sha256(orjson.dumps(question, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
