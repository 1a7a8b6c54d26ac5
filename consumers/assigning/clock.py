"""The clock of the pools: records nobody touches go back, and what waits is tried again on a new day."""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from consumers.assigning.asking import PoolDesk
from consumers.assigning.worker import Assigning
from domain.playbook.pools import Pool
from domain.record.gates import day_in
from projections.as_read import Connections, position_of, untouched


class PoolClock:
    """Looks at what time has done to the pools. Ask it now and then; asking twice is harmless."""

    def __init__(self, desk: PoolDesk, connections: Connections) -> None:
        self._desk = desk
        self._connections = connections

    def tick(self) -> int:
        """Recycle what nobody touched for too long and try again what waits; return how many records moved."""
        moved = 0
        for name, pool, zone in self._pools():
            moved += self._recycle(name, pool, zone)
            moved += self._try_again(name)
        return moved

    def _pools(self) -> Iterator[tuple[str, Pool, ZoneInfo]]:
        seen: set[str] = set()
        for versions in self._desk.playbooks().effective.values():
            for version in versions:
                for name, pool in version.document.pools.items():
                    if name not in seen:
                        seen.add(name)
                        yield name, pool, ZoneInfo(version.document.time_zone)

    def _recycle(self, name: str, pool: Pool, zone: ZoneInfo) -> int:
        """Ask for each record that has not been touched for long; the decision looks at its whole history."""
        days = None if pool.claim is None else pool.claim.recycle_after_days
        if days is None:
            return 0
        now = self._desk.now()
        since = now - timedelta(days=days)
        known, moved = self._desk.pool(name), 0
        with self._connections() as connection:
            found = untouched(connection, pool.kind, since)
        for stream, position in found:
            given_at = known.entry(stream).given_at
            if given_at is not None and given_at > since:
                continue
            answer = self._desk.recycle(name, stream, position, day_in(zone, now).isoformat())
            moved += bool(answer is not None and answer.events and not answer.replayed)
        return moved

    def _try_again(self, name: str) -> int:
        """Ask again for what waits, as far as the worker has read: an absence or a day may be over."""
        with self._connections() as connection:
            as_of = position_of(connection, Assigning.name)
        hour = self._desk.now().strftime("%Y-%m-%dT%H")
        moved = 0
        for record in self._desk.pool(name).waiting:
            answer = self._desk.assign(name, record, as_of, hour)
            moved += bool(answer is not None and answer.events and not answer.replayed)
        return moved
