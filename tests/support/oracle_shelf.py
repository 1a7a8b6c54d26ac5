"""Many histories in one log, each with its own records, people, versions and positions: what a question costs is paid once for all.

A history's events keep their order and everything they say; only names get its mark, and numbers start further on. Nothing one
history holds is known in another, so the oracle judges each of them by its own events alone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Volume:
    """One history among many: its tale, its place, and its events under the names it has there."""

    tale: Tale
    place: int
    told: Told
    events: tuple[Recorded, ...]

    @classmethod
    def of(cls, told: Told, tale: Tale, place: int, start: int, upto: int | None = None) -> "Volume":
        """Put a history, or its beginning up to a position of its own, behind so many events."""
        events = told.log.after(0, FURTHER, upto=upto)
        assert len(events) < FURTHER
        return cls(tale, place, told, tuple(_placed(recorded, place, start) for recorded in events))

    @property
    def end(self) -> int:
        """The position of its last event."""
        return self.events[-1].position

    @cached_property
    def plain(self) -> list[dict[str, Any]]:
        """The events as the oracle reads them."""
        return plain_events(self.events, Keys([self]))

    @cached_property
    def playbooks(self) -> Playbooks:
        """The versions of this history."""
        return catalogue.fold(None, [it for it in self.events if it.stream == PLAYBOOKS_STREAM])

    @cached_property
    def general(self) -> PublishedPlaybook:
        """The version in force at the end where no scope says otherwise."""
        return self.playbooks.at(self.events[-1].recorded_at).for_kind("deal")


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
    return shelved((tell(tale), tale, None) for tale in tales)


def shelved(told: Iterable[tuple[Told, Tale, int | None]]) -> Shelf:
    """Put histories that were told behind each other, each up to a position of its own."""
    volumes: list[Volume] = []
    for place, (history, tale, upto) in enumerate(told):
        volumes.append(Volume.of(history, tale, place, volumes[-1].end if volumes else 0, upto))
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
