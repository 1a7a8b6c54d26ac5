"""Many histories in one log, each with its own records, people, versions and positions: what a question costs is paid once for all.

A history's events keep their order and everything they say; only names get its mark, and numbers start further on. Nothing one
history holds is known in another, so the oracle judges each of them by its own events alone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from domain.envelope import Recorded
from domain.events import PlaybookPublished, decode
from domain.naming import PLAYBOOKS_STREAM
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from domain.values import SEALED
from infra.ledger import ObjectStoreLedger
from projections.ledger.ledger import Ledger
from projections.ledger.view import View
from support.long_histories import Tale, Told, tell
from support.memory import MemoryLog
from support.oracle_adapter import nowhere, plain_events

FURTHER = 10_000
"""So much further on the versions of the next history begin."""
_MARKED = re.compile(r"(?:(?:person|deal|customer)/|(?:tou|evi)_)")


@dataclass(frozen=True, eq=False)
class History:
    """A history that was told; it is put behind others again and again, and what it publishes is read once."""

    tale: Tale
    told: Told
    _published: dict[int, Playbooks] = field(default_factory=dict)

    def events(self, upto: int | None) -> list[Recorded]:
        """Its events, or those up to a position of its own."""
        events: list[Recorded] = self.told.log.after(0, FURTHER, upto=upto)
        assert len(events) < FURTHER
        return events

    def published(self, versions: int) -> Playbooks:
        """The first so many versions of it, under the numbers they have where it was told."""
        if versions not in self._published:
            events = self.told.log.stream(PLAYBOOKS_STREAM)[:versions]
            self._published[versions] = catalogue.fold(None, events)
        return self._published[versions]


@dataclass(frozen=True)
class Volume:
    """One history among many: its place, where it starts, and its events under the names it has there."""

    history: History
    place: int
    start: int
    events: tuple[Recorded, ...]

    @classmethod
    def of(cls, history: History, place: int, start: int, upto: int | None = None) -> "Volume":
        """Put a history, or its beginning up to a position of its own, behind so many events."""
        placed = tuple(_placed(recorded, place, start) for recorded in history.events(upto))
        return cls(history, place, start, placed)

    @property
    def tale(self) -> Tale:
        """What it tells."""
        return self.history.tale

    @property
    def told(self) -> Told:
        """How it was told."""
        return self.history.told

    @property
    def as_long(self) -> tuple[History, int]:
        """The history, and how far it goes here."""
        return self.history, len(self.events)

    @property
    def end(self) -> int:
        """The position of its last event."""
        return self.events[-1].position

    @cached_property
    def plain(self) -> list[dict[str, Any]]:
        """The events as the oracle reads them."""
        return plain_events(self.events, Keys([self]))

    @cached_property
    def published(self) -> Playbooks:
        """The versions of this history, under the numbers they have where it was told."""
        return self.history.published(sum(it.stream == PLAYBOOKS_STREAM for it in self.events))

    @cached_property
    def playbooks(self) -> Playbooks:
        """The versions of this history, under the numbers they have here."""
        further = self.place * FURTHER
        versions = {
            (name, number + further): replace(
                version, number=number + further, position=self.start + version.position
            )
            for (name, number), version in self.published.versions.items()
        }
        return Playbooks(self.published.version, versions)

    @property
    def general(self) -> PublishedPlaybook:
        """The version in force at the end where no scope says otherwise, under the number it has where it was told."""
        return self.published.at(self.events[-1].recorded_at).for_kind("deal")


@dataclass(frozen=True)
class Keys:
    """The keys of many histories."""

    volumes: Sequence[Volume]

    def keyring(self) -> "Keys":
        """Begin a unit of work; each history keeps its own."""
        return self

    def prepare(self, subjects: Sequence[str]) -> None:
        """Each value is opened by the keys of its history, which are at hand."""

    def reveal(self, stream: str, field: str, stored: Any) -> Any:
        """Open a value where it was sealed; streams without a mark are those of the only history there is."""
        name, _, mark = stream.partition("-v")
        (ring,) = [self._rings[int(mark)]] if mark else self._rings.values()
        return ring.reveal(name, field, stored)

    @cached_property
    def _rings(self) -> Mapping[int, Any]:
        return {volume.place: volume.told.desk.vault.keyring() for volume in self.volumes}


class Shelf(MemoryLog):
    """The log that holds many histories one behind the other."""

    def __init__(self, volumes: Sequence[Volume]) -> None:
        super().__init__()
        self.volumes = volumes
        self._contents.events = [recorded for volume in volumes for recorded in volume.events]
        for recorded in self._contents.events:
            self._contents.streams.setdefault(recorded.stream, []).append(recorded)

    @property
    def keys(self) -> Keys:
        """The keys of all of them."""
        return Keys(self.volumes)

    @property
    def playbooks(self) -> Playbooks:
        """The versions of all of them; what a version reads as what follows from the versions of its own history."""
        known = {
            key: version for volume in self.volumes for key, version in volume.playbooks.versions.items()
        }
        return Playbooks(len(known), known)

    @property
    def moment(self) -> datetime:
        """The moment of the last event of any of them."""
        return max(volume.events[-1].recorded_at for volume in self.volumes)

    def view(self, *, partitions: int = 1) -> View:
        """The log in columns, every row from the log itself."""
        return Ledger(ObjectStoreLedger.in_folder(nowhere()), self, partitions=partitions).at()


def shelf_of(tales: Iterable[Tale]) -> Shelf:
    """Tell tales, and put them behind each other."""
    return shelved((History(tale, tell(tale)), None) for tale in tales)


def shelved(histories: Iterable[tuple[History, int | None]]) -> Shelf:
    """Put histories that were told behind each other, each up to a position of its own."""
    volumes: list[Volume] = []
    for place, (history, upto) in enumerate(histories):
        volumes.append(Volume.of(history, place, volumes[-1].end if volumes else 0, upto))
    return Shelf(volumes)


def _placed(recorded: Recorded, place: int, start: int) -> Recorded:
    """An event under the mark of its history."""
    event = recorded.event
    if isinstance(event, PlaybookPublished):
        event = replace(event, number=event.number + place * FURTHER)
    elif recorded.stream != PLAYBOOKS_STREAM:
        payload = {name: _marked(value, place) for name, value in event.payload().items()}
        event = decode(event.TOPIC, payload)
    number = recorded.playbook_version
    return replace(
        recorded,
        event=event,
        stream=_marked(recorded.stream, place),
        position=start + recorded.position,
        basis=start + recorded.basis,
        actor=_marked(recorded.actor, place),
        on_behalf_of=_marked(recorded.on_behalf_of, place),
        playbook_version=None if number is None else place * FURTHER + number,
    )


def _marked(value: Any, place: int) -> Any:
    if isinstance(value, str):
        return f"{value}-v{place}" if _MARKED.match(value) else value
    if isinstance(value, dict):
        return value if SEALED in value else {name: _marked(it, place) for name, it in value.items()}
    return [_marked(it, place) for it in value] if isinstance(value, list | tuple) else value
