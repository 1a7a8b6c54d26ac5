"""A log as of any of its positions and moments: the rules in force, the people there, the deadlines that run."""

from datetime import datetime
from typing import Any

from oracle import log as told
from oracle import playbooks as books
from oracle.arming import Ladder, armed
from oracle.log import Event
from oracle.telling import people


class Log:
    """The events of a log, and what follows from them as of any position; everything is worked out once."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self._known: dict[Any, Any] = {}

    def of(self, record: str, position: int) -> list[Event]:
        """What happened to a record before a position."""
        return [it for it in self.events if it["stream"] == record and it["position"] < position]

    def published(self, position: int) -> list[books.Playbook]:
        """The versions that were published before a position."""
        return self._once(("books", position), lambda: books.versions(self.events, position - 1))

    def organised(self, until: Any) -> dict[str, Any]:
        """The organisation before a position, or by a moment."""

        def of() -> Any:
            if isinstance(until, datetime):
                return people([it for it in self.events if it["recorded_at"] <= until])
            return people([it for it in self.events if it["position"] < until])

        return self._once(("people", until), of)

    def version(self, record: str, position: int, at: datetime) -> books.Playbook:
        """The version a record follows at a moment before a position."""

        def of() -> Any:
            known = told.fold(self.of(record, position))[record]
            return books.for_record(
                self.published(position), known, told.organisation(self.events, position - 1), at
            )

        dates = sum(
            it["effective_from"] is not None and it["effective_from"] <= at for it in self.published(position)
        )
        return self._once(("version", record, position, dates), of)

    def ladders(self, record: str, position: int, reading: books.Playbook) -> dict[Any, Ladder]:
        """The deadlines that run for a record before a position, as a version reads it."""
        happened = self.of(record, position)
        key = ("ladders", record, len(happened), reading["number"], len(self.published(position)))
        return self._once(
            key, lambda: {it["key"]: it for it in armed(happened, reading, self.published(position))}
        )

    def _once(self, key: Any, of: Any) -> Any:
        if key not in self._known:
            self._known[key] = of()
        return self._known[key]
