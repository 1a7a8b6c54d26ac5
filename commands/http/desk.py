"""What the routes need of a tenant, and which kind of record a collection holds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from commands.bus import CommandBus
from commands.evidence import EvidenceStore
from commands.ports import EventLog
from domain.naming import PLAYBOOKS_STREAM, nearest
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.refusals import NotFound


class Desk(Protocol):
    """Where commands are issued: the bus, the log it writes to, and the store of evidence."""

    @property
    def bus(self) -> CommandBus:
        """The one way into the log."""
        ...

    @property
    def log(self) -> EventLog:
        """The log, to look up which collections there are."""
        ...

    @property
    def evidence(self) -> EvidenceStore:
        """Where files of evidence are kept."""
        ...

    def told_time(self) -> datetime | None:
        """Return the time commands happen at in a simulated log; None in a log with the clock of the database."""
        ...


class Collections:
    """Finds the kind a collection holds, from what is known of the playbooks; another process may have published since."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._known: tuple[Playbooks | None, Mapping[str, str]] = (None, {})

    def kind_of(self, collection: str) -> str:
        """Return the kind of a collection. Raises NotFound, with the nearest collection."""
        playbooks = self._playbooks()
        kinds = self._kinds(playbooks)
        if collection not in kinds and self._log.stale({PLAYBOOKS_STREAM: playbooks.version}):
            self._log.forget(PLAYBOOKS_STREAM)
            kinds = self._kinds(self._playbooks())
        if collection not in kinds:
            raise NotFound("collection", collection, nearest(collection, kinds))
        return kinds[collection]

    def playbooks(self) -> Playbooks:
        """Return the playbooks as they are published now, by whichever process."""
        known = self._playbooks()
        if self._log.stale({PLAYBOOKS_STREAM: known.version}):
            self._log.forget(PLAYBOOKS_STREAM)
            known = self._playbooks()
        return known

    def _playbooks(self) -> Playbooks:
        return self._log.state(PLAYBOOKS_STREAM, catalogue.fold) or Playbooks()

    def _kinds(self, playbooks: Playbooks) -> Mapping[str, str]:
        """Every collection any version has: whether the version is in force is decided with the command, at its moment."""
        of, kinds = self._known
        if of is not playbooks:
            kinds = {
                kind.collection: name
                for _, version in sorted(playbooks.versions.items(), key=lambda item: item[0])
                for name, kind in version.document.kinds.items()
            }
            self._known = (playbooks, kinds)
        return kinds
