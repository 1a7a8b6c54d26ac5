"""The clock of the pools: records nobody touches go back, and what waits is tried again when time alone has changed something."""

from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime, timedelta

from consumers.assigning.asking import PoolDesk
from consumers.assigning.worker import Assigning
from domain.assigning.recorded_names import ended_steps
from domain.playbook.catalogue import Playbooks
from domain.playbook.pools import Pool
from projections.as_read import Connections, position_of, untouched
from projections.record_versions import RecordVersions


class PoolClock:
    """Looks at what time has done to the pools. Ask it now and then; asking twice is harmless.

    It remembers what it asked in vain, and asks that again only in the next hour, or when time has changed who is there.
    """

    def __init__(self, desk: PoolDesk, connections: Connections) -> None:
        self._desk = desk
        self._connections = connections
        self._recycling = _InVain()
        self._trying = _InVain()

    def tick(self) -> int:
        """Recycle what nobody touched for too long and try again what waits; return how many records moved."""
        playbooks, now = self._desk.playbooks(), self._desk.now()
        self._recycling.begin(_hour(now))
        self._trying.begin((_hour(now), self._away(now), _in_effect(playbooks)))
        moved = 0
        pools = list(_pools(playbooks))
        for name, pool in pools:
            moved += self._recycle(name, pool, playbooks, now)
            moved += self._try_again(name, [other for other, _ in pools], now)
        return moved

    def _recycle(self, name: str, pool: Pool, playbooks: Playbooks, now: datetime) -> int:
        """Ask for each record that has not been touched for long; the decision looks at its whole history."""
        days = None if pool.claim is None else pool.claim.recycle_after_days
        if days is None:
            return 0
        since = now - timedelta(days=days)
        known, moved = self._desk.pool(name), 0
        with self._connections() as connection:
            found = untouched(connection, pool.kind, since, _ended(playbooks, pool.kind))
        for stream, position in found:
            given_at = known.entry(stream).given_at
            if (given_at is not None and given_at > since) or (name, stream, position) in self._recycling:
                continue
            answer = self._desk.recycle(name, stream, position, _hour(now))
            if answer is None:
                self._recycling.add((name, stream, position))
            moved += bool(answer is not None and answer.events and not answer.replayed)
        return moved

    def _try_again(self, name: str, pools: Sequence[str], now: datetime) -> int:
        """Ask again for what waits, as far as the worker has read: an absence or a day may be over."""
        waiting = [record for record in self._desk.pool(name).waiting if (name, record) not in self._trying]
        if not waiting:
            return 0
        with self._connections() as connection:
            # Both: the worker does not wait for the versions where nothing it reads is about pools.
            as_of = min(position_of(connection, reader) for reader in (Assigning.name, RecordVersions.name))
        moved, in_vain = 0, []
        for record in waiting:
            answer = self._desk.assign(name, record, as_of, _hour(now))
            if answer is None:
                in_vain.append((name, record))
            moved += bool(answer is not None and answer.events and not answer.replayed)
        # Where the worker has asked because of something newer meanwhile, that was no answer: the next tick asks as of then.
        if all(self._desk.pool(pool).asked_up_to <= as_of for pool in pools):
            for asked in in_vain:
                self._trying.add(asked)
        return moved

    def _away(self, now: datetime) -> frozenset[str]:
        people = self._desk.people()
        return frozenset(person for person in people.people if people.is_away(person, now))


class _InVain:
    """What was asked in vain, for as long as the circumstances stay what they were."""

    def __init__(self) -> None:
        self._under: Hashable = None
        self._asked: set[Hashable] = set()

    def begin(self, under: Hashable) -> None:
        """Forget everything where the circumstances are others now."""
        if under != self._under:
            self._under, self._asked = under, set()

    def add(self, asked: Hashable) -> None:
        """Remember something until they change."""
        self._asked.add(asked)

    def __contains__(self, asked: Hashable) -> bool:
        return asked in self._asked


def _hour(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H")


def _in_effect(playbooks: Playbooks) -> Hashable:
    return tuple(
        (name, version.number) for name, versions in playbooks.effective.items() for version in versions
    )


def _pools(playbooks: Playbooks) -> Iterator[tuple[str, Pool]]:
    seen: set[str] = set()
    for versions in playbooks.effective.values():
        for version in versions:
            for name, pool in version.document.pools.items():
                if name not in seen:
                    seen.add(name)
                    yield name, pool


def _ended(playbooks: Playbooks, kind: str) -> frozenset[str]:
    """The steps in which a record of a kind has ended, whichever version in force it is under."""
    steps = [
        ended_steps(version, kind)
        for versions in playbooks.effective.values()
        for version in versions
        if kind in version.document.kinds
    ]
    return frozenset.intersection(*steps) if steps else frozenset()
