"""What can be asked of a deadline."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoticeDeadline:
    """Notice that a deadline, as it was armed at a position, has come to a rung. Only the system's clock asks for it."""

    record: str
    deadline: str
    armed_at: int
    rung: int
    repeat: int = 0
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class AcknowledgeDeadline:
    """Say that one knows of a deadline one was told of: of the last rung that was told, unless `rung` and `armed_at` say which."""

    record: str
    deadline: str
    subject: str | None = None
    armed_at: int | None = None
    rung: int | None = None


DeadlineCommand = NoticeDeadline | AcknowledgeDeadline
