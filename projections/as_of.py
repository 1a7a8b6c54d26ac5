"""Two axes of time: what was known (`as_of`), and what had happened (`effective_at`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.envelope import Recorded


class BadMoment(ValueError):
    """A position or a moment that cannot be read; `parameter` is the one that holds it, where it is known."""

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message if parameter is None else f"{parameter}: {message}")
        self.message = message
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far one looks: up to a position or a recording moment, and only at what happened by a business moment."""

    position: int | None = None
    recorded_by: datetime | None = None
    effective_at: datetime | None = None

    @classmethod
    def read(
        cls, as_of: str | None, effective_at: str | None = None, *, parameter: str = "as_of"
    ) -> "Horizon":
        """Read a horizon: `as_of` is a position (12345), a date or a moment; `effective_at` a date or a moment.

        A date means its end in UTC. `parameter` is what `as_of` is called where it was asked. Raises BadMoment, which names it.
        """
        at = None if effective_at is None else read_moment(effective_at, "effective_at")
        if as_of is None:
            return cls(effective_at=at)
        if as_of.isascii() and as_of.isdigit():
            return cls(position=int(as_of), effective_at=at)
        return cls(recorded_by=read_moment(as_of, parameter), effective_at=at)

    @property
    def is_now(self) -> bool:
        """Whether everything is in sight."""
        return self == Horizon()

    def sees(self, recorded: Recorded) -> bool:
        """Tell whether an event was known by then, and had happened. What happened at an unknown moment has not, as far as is known."""
        if self.position is not None and recorded.position > self.position:
            return False
        if self.recorded_by is not None and recorded.recorded_at > self.recorded_by:
            return False
        return self.effective_at is None or (
            recorded.occurred_at is not None and recorded.occurred_at <= self.effective_at
        )

    def within(self, events: Sequence[Recorded]) -> list[Recorded]:
        """Return what is in sight: in log order, or by (occurred_at, position) when business time is asked for."""
        seen = [recorded for recorded in events if self.sees(recorded)]
        if self.effective_at is not None:
            seen.sort(key=lambda recorded: (recorded.occurred_at or _BEGINNING, recorded.position))
        return seen


_BEGINNING = datetime.min.replace(tzinfo=UTC)


def end_of_day(moment: datetime) -> datetime:
    """Return the last microsecond of the day of a moment, in UTC: what a date means."""
    return moment.astimezone(UTC).replace(hour=23, minute=59, second=59, microsecond=999_999)


def read_moment(text: str, parameter: str | None = None) -> datetime:
    """Read a date (its end, UTC) or a moment with an offset. Raises BadMoment, which names the parameter."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadMoment(
            f"{text!r} is neither a position, nor a date (2026-01-31), nor a moment (2026-01-31T08:00:00+08:00)",
            parameter,
        ) from None
    if len(text) == len("2026-01-31"):
        return end_of_day(moment.replace(tzinfo=UTC))
    if moment.tzinfo is None:
        raise BadMoment(f"{text!r} needs its offset, as 2026-01-31T08:00:00+08:00", parameter)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise BadMoment(f"{text!r} is before the year 1 or after the year 9999 in UTC", parameter) from None
