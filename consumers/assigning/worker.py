"""The worker of the pools: it reads the log in its order and finds an owner for each record that enters a pool."""

import time
from collections.abc import Sequence

from consumers.assigning.asking import PoolDesk
from domain.assigning.events import PoolAssigned
from domain.assigning.places import is_open, reached
from domain.assigning.recorded_names import ended_steps
from domain.envelope import Recorded
from domain.events import (
    AbsenceEnded,
    AbsenceNoted,
    FieldsChanged,
    OwnerChanged,
    PersonJoined,
    PersonLeft,
    PersonMoved,
    PlaybookPublished,
    RecordOpened,
    RoleGranted,
    RoleRevoked,
    SkillsSet,
    StageChanged,
    TeamFormed,
)
from domain.naming import split_stream
from domain.playbook.catalogue import Playbooks
from domain.playbook.pools import Pool
from domain.playbook.published import OWNER_REGION, OWNER_TEAM, PublishedPlaybook
from domain.record.adoption import adopted
from domain.record.gates import judged
from domain.record.state import Record
from projections.as_read import Connected, ownerless_at, position_of, record_at
from projections.kinds import NotNow, Process
from projections.ports import Keys
from projections.record_versions import RecordVersions

_ENTERING = (RecordOpened, OwnerChanged, FieldsChanged, StageChanged)
"""After these a record may have no owner, and be where a pool is for it."""

_WHO_COULD = (
    TeamFormed, PersonJoined, PersonMoved, PersonLeft, RoleGranted, RoleRevoked, AbsenceNoted, AbsenceEnded, SkillsSet, PlaybookPublished,
)  # fmt: skip
"""After these somebody may be found for what nobody was found for."""

WAIT_SECONDS = 5.0
_PAUSE_SECONDS = 0.01


class Assigning(Process):
    """Asks for an owner for every record that enters a pool, in the order of the log, and again for what waits when something changed.

    One process works on all pools of a log, one event after the other: two leads that arrive at once are two positions.
    Whom it may choose is decided by the bus; that it asks again after a crash is harmless, by its keys.
    """

    name = "assigning"

    def __init__(self, desk: PoolDesk, keys: Keys) -> None:
        self._desk = desk
        self._keys = keys

    def apply(self, connection: Connected, events: Sequence[Recorded]) -> None:
        """Handle events in order. Raises NotNow while the records are not known as far as the events go."""
        if not any(isinstance(event.event, (*_ENTERING, *_WHO_COULD, PoolAssigned)) for event in events):
            return
        playbooks = self._desk.playbooks()
        if not any(version.document.pools for version in playbooks.versions.values()):
            return
        for recorded in events:
            self._handle(connection, recorded, playbooks)

    def _handle(self, connection: Connected, recorded: Recorded, playbooks: Playbooks) -> None:
        event = recorded.event
        match event:
            case PoolAssigned(person=None, fallback=True):
                self._pass_on(connection, recorded, event, playbooks)
            case RecordOpened() | OwnerChanged() | FieldsChanged() | StageChanged():
                self._enter(connection, recorded, playbooks)
            case _:
                pass
        self._try_again(connection, recorded, playbooks)

    def _enter(self, connection: Connected, recorded: Recorded, playbooks: Playbooks) -> None:
        """Ask for an owner where the record has none now and a pool is for it."""
        if not _pools_of(split_stream(recorded.stream)[0], playbooks):
            return
        record = self._record_at(connection, recorded.stream, recorded.position)
        if record is not None:
            self._ask(record, recorded.position, playbooks)

    def _ask(self, record: Record, position: int, playbooks: Playbooks) -> None:
        """Ask the pool the record waits in, which may be one it was passed on to, else the one it enters now."""
        if record.owner is not None:
            return
        playbook = _playbook_of(record, playbooks)
        pools = playbook.document.pools
        offered = self._offered(record, playbook)
        waits_in = [name for name in offered if self._desk.pool(name).entry(record.stream).waiting_since]
        for name in (*waits_in, *offered)[:1]:
            if is_open(record, playbook.kind(record.kind)) and (pools[name].rules or pools[name].fallback):
                self._desk.assign(name, record.stream, position)

    def _pass_on(
        self, connection: Connected, recorded: Recorded, event: PoolAssigned, playbooks: Playbooks
    ) -> None:
        """Ask the pool that a pool falls back to."""
        record = self._record_at(connection, event.record, recorded.position)
        if record is None:
            return
        pools = _playbook_of(record, playbooks).document.pools
        fallback = pools[name].fallback if (name := split_stream(recorded.stream)[1]) in pools else None
        if fallback is not None and fallback.pool is not None:
            self._desk.assign(fallback.pool, event.record, recorded.position)

    def _try_again(self, connection: Connected, recorded: Recorded, playbooks: Playbooks) -> None:
        """Ask again for what nobody was found for, in the order in which it came to wait, where the event can have changed that."""
        for name in may_find(recorded, playbooks):
            waiting = self._desk.pool(name).waiting
            if not waiting:
                continue
            self._wait_for(connection, recorded.position)
            for record in ownerless_at(connection, waiting, recorded.position):
                self._ask(record, recorded.position, playbooks)

    # ── what it knows ────────────────────────────────────────────────────────────────────────────────────────────────

    def _offered(self, record: Record, playbook: PublishedPlaybook) -> list[str]:
        """The pool that is for a record, and those it may be passed on to."""
        read, keyring = adopted(record, playbook), self._keys.keyring()
        now = self._desk.now()
        return list(
            reached(
                read,
                playbook.document,
                lambda place: judged(playbook, place, read, now, keyring.reveal) is True,
            )
        )

    def _record_at(self, connection: Connected, stream: str, position: int) -> Record | None:
        """Return a record as it stood right after an event, its touches left out."""
        self._wait_for(connection, position)
        return record_at(connection, stream, position)

    def _wait_for(self, connection: Connected, position: int) -> None:
        """Wait until every record is known as of a position: by then, too, everything is counted."""
        until = time.monotonic() + WAIT_SECONDS
        while True:
            if position_of(connection, RecordVersions.name) >= position:
                return
            if time.monotonic() > until:
                raise NotNow(f"the versions of records are not at position {position:,} yet")
            time.sleep(_PAUSE_SECONDS)


def may_find(recorded: Recorded, playbooks: Playbooks) -> list[str]:
    """Return the pools in which an event may let somebody be found for what nobody was found for.

    After what happens to people and playbooks that is every pool there ever was: what waits in one that is gone is tried where it belongs now.
    What happens to a record only makes room, where somebody loses it or where it ends: in the pools of its kind that ask for room.
    """
    event, kind = recorded.event, split_stream(recorded.stream)[0]
    if isinstance(event, _WHO_COULD):
        return sorted({name for version in playbooks.versions.values() for name in version.document.pools})
    match event:
        case OwnerChanged(before=str()):
            pass
        case StageChanged(after=step) if any(
            step in ended_steps(version, kind)
            for versions in playbooks.effective.values()
            for version in versions
        ):
            pass
        case _:
            return []
    pools = _pools_of(kind, playbooks)
    return sorted(
        {name for name, pool in pools if any(rule.capacity is not None for rule in pool.rules.values())}
    )


def _pools_of(kind: str, playbooks: Playbooks) -> list[tuple[str, Pool]]:
    """Every pool of a kind, as each version in force has it."""
    return [
        (name, pool)
        for versions in playbooks.effective.values()
        for version in versions
        for name, pool in version.document.pools.items()
        if pool.kind == kind
    ]


def _playbook_of(record: Record, playbooks: Playbooks) -> PublishedPlaybook:
    return playbooks.for_record(record.kind, record.fields, {OWNER_REGION: None, OWNER_TEAM: None})
