"""What can go wrong with a command on its way to and from the log, besides the domain's refusals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.refusals import GateNotMet, Problem


class CommandError(Exception):
    """The root of the write side's own errors. Nothing was changed."""

    code = "command-error"


class KeyReused(CommandError):
    """The idempotency key was used before for another command."""

    code = "idempotency-key-reused"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the idempotency key {key!r} was used before for another command; use a new key for a new command"
        )
        self.key = key


class TooBusy(CommandError):
    """What the decision stands on kept moving; the command can be sent again with the same key."""

    code = "too-busy"

    def __init__(self, stream: str, attempts: int) -> None:
        super().__init__(
            f"{stream!r} moved during each of {attempts} attempts; send the command again with the same key"
        )
        self.stream = stream
        self.attempts = attempts


@dataclass(frozen=True, slots=True)
class LaterChange:
    """A change of one field (or of the stage or owner) that whoever issued a command had not seen."""

    field: str
    version: int
    position: int
    recorded_at: datetime
    actor: str


class StaleVersion(CommandError):
    """The record has moved on since the caller read it; `changes` are what the caller has not seen."""

    code = "stale-version"

    def __init__(self, expected: int, current: int, changes: Sequence[LaterChange] = ()) -> None:
        super().__init__(
            f"the record is at version {current}, not {expected}; read it again, and send the command with the new version"
        )
        self.expected = expected
        self.current = current
        self.changes = tuple(changes)


class KeyMissing(CommandError):
    """A command has no idempotency key, or one that is none: 1 to 200 printable characters, the same when it is sent again.

    `in_line` tells that it is a line of many, where the key is the member `key` and no header.
    """

    code = "idempotency-key-missing"

    def __init__(self, *, in_line: bool = False) -> None:
        super().__init__(
            "a command needs a key of its own, 1 to 200 printable characters, that stays the same when it is sent again"
        )
        self.in_line = in_line


class VersionMissing(CommandError):
    """An edit does not say which version of the record it was made on: by If-Match, or `in_line` by the member `if_match`."""

    code = "if-match-missing"

    def __init__(self, *, in_line: bool = False) -> None:
        super().__init__("an edit says which version of the record it was made on: the ETag, as If-Match")
        self.in_line = in_line


class MalformedRequest(CommandError):
    """A header or a parameter cannot be read, or does not fit what was sent; `problems` point at /header/… and /query/…."""

    code = "invalid-request"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


class MalformedBody(CommandError):
    """The body is not the JSON it should be, so nothing in it can be pointed at."""

    code = "malformed-body"

    def __init__(self) -> None:
        super().__init__("this is not JSON (RFC 8259) in UTF-8, or it is nested too deep")


class MediaTypeRefused(CommandError):
    """The body is of a media type the command does not take; `accepted` lists those it does."""

    code = "unsupported-media-type"

    def __init__(self, *accepted: str) -> None:
        super().__init__(f"a body of the media type {' or '.join(accepted)} is expected")
        self.accepted = accepted


class TooLarge(CommandError):
    """What was sent is larger than allowed: `limit_bytes`, or `limit_lines` where lines are counted."""

    code = "body-too-large"

    def __init__(self, *, limit_bytes: int | None = None, limit_lines: int | None = None) -> None:
        limit = f"{limit_lines:,} lines" if limit_bytes is None else f"{limit_bytes:,} bytes"
        super().__init__(f"at most {limit} can be sent at once")
        self.limit_bytes = limit_bytes
        self.limit_lines = limit_lines


class AnsweredRefusal(GateNotMet):
    """A gate's refusal as it stands in the log, at a position; `replayed` when the same was answered before."""

    def __init__(self, refusal: GateNotMet, position: int, *, replayed: bool) -> None:
        super().__init__(refusal.to_stage, refusal.unmet)
        self.position = position
        self.replayed = replayed
