"""What a record's deadlines see, read back from the ledger: the events they are folded from, the clock's looks, and the people as of any position."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from domain.deadlines.events import DeadlineNoticed
from domain.deadlines.firings import Key
from domain.envelope import Recorded
from domain.event import Event
from domain.events import FieldsChanged, RecordOpened, TouchCorrected
from domain.facts import Erased
from domain.naming import IMPORT_CHANNEL, split_stream
from domain.organisation.state import Organisation, evolve
from domain.values import Stored, is_personal, moment_text
from projections.ledger.organisation import organisation_events
from projections.ledger.view import View
from projections.ports import Keys, Revealer
from projections.replay.deadlines.told import READ, Row, changed, recorded_of, touches, value_of

BEGINNING = datetime.min.replace(tzinfo=UTC)
"""Before everything a log can hold."""


@dataclass(frozen=True, slots=True)
class Look:
    """The clock looked at an armed deadline, and found it past a rung. What it said then stands in `noticed`; judging never reads that."""

    position: int
    at: datetime
    deadline: str
    subject: str | None
    armed_at: int
    noticed: DeadlineNoticed = field(repr=False, compare=False)
    under: tuple[str | None, int | None] = field(repr=False, compare=False)

    @property
    def key(self) -> Key:
        """Which armed deadline it was."""
        return (self.deadline, self.subject, self.armed_at)


@dataclass(frozen=True, slots=True)
class History:
    """One record: what its deadlines begin and end with, oldest first, and when the clock looked at them.

    `opened` are the same events with those personal dates opened that a draft waits for; what is sealed there as well can be read by nobody any more.
    `unknown` names the fields of which nobody knew the value at the opening.
    """

    record: str
    events: tuple[Recorded, ...]
    looks: tuple[Look, ...]
    opened: tuple[Recorded, ...]
    unknown: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """The kind of the record."""
        return split_stream(self.record)[0]

    def held(self, names: set[str], position: int) -> dict[str, Any]:
        """Return what was said last of some fields up to a position; those of which nothing was are left out."""
        found: dict[str, Any] = {}
        for recorded in self.opened:
            if recorded.position > position:
                break
            match recorded.event:
                case RecordOpened(fields=fields):
                    found |= {name: fields[name] for name in names & fields.keys()}
                case FieldsChanged(changes=changes):
                    found |= {name: _new(changes[name]) for name in names & changes.keys()}
                case _:
                    pass
        return found

    def was_told(self, key: Key, place: tuple[int, int]) -> bool:
        """Tell whether a deadline ever got as far up its ladder as a place, also later than what is asked about."""
        return any(
            look.key == key and (look.noticed.rung, look.noticed.repeat) >= place for look in self.looks
        )


class People:
    """The organisation as of any position, and as of any moment."""

    def __init__(self, events: Sequence[Recorded]) -> None:
        self.positions = [recorded.position for recorded in events]
        self.moments = [recorded.recorded_at for recorded in events]
        self._states = [Organisation()]
        for recorded in events:
            self._states.append(evolve(self._states[-1], recorded))

    @classmethod
    def of(cls, view: View) -> "People":
        """Read what happened to the organisation."""
        return cls(organisation_events(view))

    def before(self, position: int) -> Organisation:
        """Return it as it was when the event of a position was decided."""
        return self._states[bisect_left(self.positions, position)]

    def at(self, moment: datetime) -> Organisation:
        """Return it as it was at a moment, with all that was recorded by then."""
        return self._states[bisect_right(self.moments, moment)]


def moment_of(view: View, position: int) -> datetime:
    """Return when the last event up to a position was recorded, as far as the ledger holds it; `BEGINNING` where there is none."""
    found = [
        view.scan(table)
        .filter(pl.col("position") <= position)
        .select(pl.col("recorded_at").max())
        .collect()
        .item()
        for table in ("events", "firings", "publications", "organisation_events")
    ]
    return max((moment for moment in found if moment is not None), default=BEGINNING)


def histories_of(
    view: View, partition: int, kinds: set[str], upto: int, keys: Keys, dates: Mapping[str, frozenset[str]]
) -> list[History]:
    """Read the records of some kinds in one partition of the ledger, as of a position; `dates` names by kind the fields a draft waits for."""

    def rows(table: str, until: int = upto) -> Iterator[Row]:
        found = view.scan(table, partition=partition).filter(
            pl.col("kind").is_in(sorted(kinds)), pl.col("position") <= until
        )
        return found.sort("record", "position").collect().iter_rows(named=True)

    openings = {row["record"]: row for row in rows("records")}
    told: dict[str, list[tuple[int, Row, Event]]] = {record: [] for record in openings}
    changes: dict[str, dict[int, list[Row]]] = {record: {} for record in openings}
    for row in rows("field_changes"):
        changes[row["record"]].setdefault(row["position"], []).append(row)
    withdrawn: dict[int, Row] = {}
    imported: set[int] = set()
    for row in rows("events"):
        if row["topic"] == TouchCorrected.TOPIC:
            withdrawn[row["position"]] = row
        if row["channel"] == IMPORT_CHANNEL:
            imported.add(row["position"])
    for table, read in READ.items():
        for row, event in read(rows(table)):
            told[row["record"]].append((row["position"], row, event))
    for row, event in touches(rows("touches"), withdrawn):
        told[row["record"]].append((row["position"], row, event))
    looks: dict[str, list[Look]] = {record: [] for record in openings}
    for row in rows("firings", view.position):
        if row["event"] == "noticed" and row["record"] in looks:
            looks[row["record"]].append(_look(row))
    keyring = keys.keyring()
    found = []
    for record, row in openings.items():
        first = {
            change["field"]: value_of(change["new"]) for change in changes[record].pop(row["position"], ())
        }
        opening = RecordOpened(fields=first, stage=row["step"], owner=row["owner"], path=row["path"])
        of = [(row["position"], row, opening), *told[record]]
        of += [(position, at_once[0], changed(at_once)) for position, at_once in changes[record].items()]
        of.sort(key=lambda item: item[0])
        events = tuple(
            recorded_of(record, row, event, IMPORT_CHANNEL if position in imported else "")
            for position, row, event in of
        )
        wanted = dates.get(row["kind"], frozenset())
        opened = _opened(events, wanted, keyring) if wanted else events
        found.append(History(record, events, tuple(looks[record]), opened, frozenset(row["unknown"])))
    return found


def _look(row: Row) -> Look:
    noticed = DeadlineNoticed(
        record=row["record"], deadline=row["deadline"], armed_at=row["armed_at"], rung=row["rung"], due_at=moment_text(row["due_at"]),
        noticed_at=moment_text(row["noticed_at"]), told=list(row["told"]), subject=row["subject"], repeat=row["repeat"], skipped=list(row["skipped"]),
    )  # fmt: skip
    under = (row["playbook"], row["playbook_version"])
    key = (row["deadline"], row["subject"], row["armed_at"])
    return Look(row["position"], row["decided_at"], *key, noticed, under)


# ── dates that were personal then, and that a draft would have everybody read ─────────────────────────────────────────


def _opened(events: tuple[Recorded, ...], wanted: frozenset[str], keyring: Revealer) -> tuple[Recorded, ...]:
    """The events with the wanted values opened, as far as anybody can."""

    def plain(stream: str, name: str, value: Any) -> Any:
        if name not in wanted or not is_personal(value):
            return value
        opened = keyring.reveal(stream, name, value)
        return value if isinstance(opened, Erased) else opened

    found = []
    for recorded in events:
        match recorded.event:
            case RecordOpened() as event:
                fields = {name: plain(recorded.stream, name, value) for name, value in event.fields.items()}
                found.append(replace(recorded, event=replace(event, fields=fields)))
            case FieldsChanged(changes=changes):
                told: dict[str, Any] = {
                    name: {"old": None, "new": plain(recorded.stream, name, _new(change))}
                    for name, change in changes.items()
                }
                found.append(replace(recorded, event=FieldsChanged(told)))
            case _:
                found.append(recorded)
    return tuple(found)


def _new(change: Stored) -> Stored:
    return change["new"] if isinstance(change, dict) else None
