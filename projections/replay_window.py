"""Which decisions a replay judges: words such as `since` and `last_days` become a window of positions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.refusals import InvalidCommand, Problem
from projections.as_of import BadMoment, read_moment
from projections.ports import LogReader

MOST_DAYS = 36_500
_A_DAY = len("2026-01-31")


@dataclass(frozen=True, slots=True)
class Words:
    """How somebody says which decisions are meant; what is left out limits nothing.

    `after` and `upto` are positions, `since` and `until` dates (whole days, UTC) or moments; each pair says one thing once.
    `last_days` counts back from the log's clock at `position`, the position of the log the replay stands on (default: its head).
    """

    after: int | None = None
    upto: int | None = None
    since: str | None = None
    until: str | None = None
    last_days: int | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The decisions recorded after one position and up to another one, in the log as it was at `position`."""

    after: int
    upto: int
    position: int


Scope = Mapping[str, Sequence[str]]


def read_window(log: LogReader, clock: datetime, words: Words) -> Window:
    """Turn words into positions. Raises InvalidCommand with everything that is wrong with them, a window before the log began included."""
    problems: list[Problem] = []
    begins = [name for name in ("after", "since", "last_days") if getattr(words, name) is not None]
    if len(begins) > 1:
        problems.append(
            Problem(f"/{begins[1]}", f"say where the window begins once, not also as {begins[0]}")
        )
    if words.upto is not None and words.until is not None:
        problems.append(Problem("/until", "say where the window ends once, not also as upto"))
    head = log.head()
    position = head if words.position is None else words.position
    if not 0 < position <= head:
        problems.append(Problem("/position", f"the log ends at position {head:,}"))
    if words.last_days is not None and not 0 < words.last_days <= MOST_DAYS:
        problems.append(Problem("/last_days", f"a number of days is expected, from 1 to {MOST_DAYS:,}"))
    since, until = _moment(words.since, "since", problems), _moment(words.until, "until", problems)
    if problems:
        raise InvalidCommand(problems)
    if words.last_days is not None:
        now = clock if words.position is None else log.after(position - 1, 1)[0].recorded_at
        since = now - timedelta(days=words.last_days)
    after = words.after or 0
    if since is not None:
        after = log.position_at(since - timedelta(microseconds=1))
    upto = position if words.upto is None else min(words.upto, position)
    if until is not None:
        upto = min(log.position_at(until), position)
        if upto == 0:
            began = log.after(0, 1)[0].recorded_at
            raise InvalidCommand([Problem("/until", f"the log began later, at {began:%Y-%m-%d %H:%M} UTC")])
    if after >= upto:
        pointer = "/upto" if words.upto is not None else "/until" if until is not None else f"/{begins[0]}"
        raise InvalidCommand([Problem(pointer, f"nothing was recorded in this window; the log ends at position {position:,}")])  # fmt: skip
    return Window(after, upto, position)


def _moment(text: str | None, name: str, problems: list[Problem]) -> datetime | None:
    """A date means its whole day: it begins a window at its beginning, and ends one at its end."""
    if text is None:
        return None
    try:
        moment = read_moment(text)
    except BadMoment:
        problems.append(
            Problem(f"/{name}", "a date (2026-01-31) or a moment (2026-01-31T08:00:00+08:00) is expected")
        )
        return None
    if name == "since" and len(text) == _A_DAY:
        moment = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    return moment
