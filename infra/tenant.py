"""The composition root: everything that works on one tenant's log, put together."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from eventsourcing.persistence import PersistenceError
from psycopg_pool import ConnectionPool

from commands.bus import CommandBus
from consumers.assigning.asking import PoolDesk
from consumers.assigning.clock import PoolClock
from consumers.assigning.worker import Assigning
from consumers.migrating import Migrations
from consumers.reacting.asking import ReactionDesk
from consumers.reacting.worker import Reacting
from domain.naming import nearest_first
from infra import database
from infra.counting import CountedRecords
from infra.embedded import EmbeddedPostgres
from infra.log import genesis
from infra.log.application import SalesLog
from infra.log.genesis import Clock
from infra.log.group_commit import GroupCommit
from infra.settings import Settings
from infra.standing import CurrentStanding
from infra.vault import PostgresVault
from projections.catch_up import CatchUp
from projections.current_records import CurrentRecords
from projections.deliveries import Deliveries
from projections.escalations import Escalations
from projections.field_history import FieldHistory
from projections.inbox import Inboxes
from projections.kinds import Projection
from projections.lookups import Lookups
from projections.pools import Assignments
from projections.reactions import Reactions
from projections.reads import Reads
from projections.record_versions import RecordVersions
from projections.timers import Timers
from projections.work import Work

Report = Callable[[str], None]

_PREFIX = "dealtrail_"
"""What the database of a tenant is called on the embedded server, before the tenant's name."""

MAX_ATTEMPTS = 100
"""Threads of one process take turns on a record; between processes each attempt may lose: of 1,200 commands of six processes on one record, the unluckiest took 15."""


class NoSuchTenant(RuntimeError):
    """There is no log of this name where it was looked for, and none was begun: whoever asked wanted one that is there.

    `others` are the tenants there are, the most similar name first; `home` is the folder they are kept in, None for a database of one's own.
    """

    def __init__(self, name: str, others: Iterable[str], home: Path | None) -> None:
        self.name = name
        self.others = tuple(nearest_first(name, others))
        self.home = home
        super().__init__(f"there is no tenant {name!r}, only {', '.join(self.others) or 'an empty place'}")


class Tenant:
    """One tenant: its log, its keys, the bus that writes and the reads that answer. Close it, or use it as a context."""

    def __init__(
        self,
        url: str,
        name: str,
        *,
        pool_size: int = 5,
        pool_overflow: int = 10,
        clock: Clock = "database",
        told_time: datetime | None = None,
        begins: bool = True,
    ) -> None:
        """Open the log at `url`; where there is none yet begin it, or with `begins=False` raise NoSuchTenant and leave everything as it is."""
        database.check_usable(url)
        self.name = name
        self.url = url
        self.began = False
        """Whether its log began just now."""
        self._closing = ExitStack()
        self._last: Callable[[], None] | None = None
        self.log = self._closing.enter_context(
            SalesLog(url, pool_size=pool_size, pool_overflow=pool_overflow)
        )
        try:
            if self.log.head() == 0:
                self._begin(clock, told_time, begins=begins)
            genesis.check(self.log, name)
            self.pool = cast("ConnectionPool[Any]", self.log.sealed.datastore.pool)
            self.vault = PostgresVault(self.pool)
            self.lookups = Lookups(self.log, self.vault)
            self.reads = Reads(self.pool, self.log, self.vault, self.lookups)
            self.bus = CommandBus(
                GroupCommit(self.log),
                self.vault,
                max_attempts=MAX_ATTEMPTS,
                standing=CurrentStanding(self.reads),
                counting=CountedRecords(self.pool),
            )
            self.migrations = Migrations(self.bus, self.told_time)
            self.pool_desk = PoolDesk(self.log, self.bus, self.told_time)
            self.assigning = Assigning(self.pool_desk, self.vault)
            self.pool_clock = PoolClock(self.pool_desk, self.pool.connection)
            self.reacting = Reacting(ReactionDesk(self.log, self.bus, self.told_time), self.vault)
            models: list[Projection] = [
                CurrentRecords(),
                FieldHistory(),
                RecordVersions(),
                self.lookups,
                Timers(self.log),
                Work(self.log),
                Escalations(),
                Inboxes(self.log),
                Deliveries(self.log),
                Assignments(),
                Reactions(),
                self.assigning,
                self.reacting,
            ]
            self.catch_up = CatchUp(self.pool, self.log, models)
        except BaseException:
            self.close()
            raise

    def _begin(self, clock: Clock, told_time: datetime | None, *, begins: bool) -> None:
        if not begins:
            raise NoSuchTenant(self.name, (), None)
        try:
            genesis.begin(self.log, self.name, clock, told_time)
            self.began = True
        except PersistenceError:
            if self.log.head() == 0:
                raise
            # another process was first

    def told_time(self) -> datetime | None:
        """Return the time to tell a simulated log: the last one it knows. None for a log with a clock of its own."""
        if not self.log.is_simulated:
            return None
        head = self.log.head()
        return self.log.read(head, head)[0].recorded_at

    def leave_with(self, last: Callable[[], None]) -> None:
        """Do something after everything else is closed."""
        self._last = last

    def close(self) -> None:
        """Give back connections; the embedded PostgreSQL stops with its last user."""
        self._closing.close()
        if self._last is not None:
            self._last()
            self._last = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_tenant(
    settings: Settings,
    *,
    report: Report | None = None,
    clock: Clock = "database",
    told_time: datetime | None = None,
    fresh: bool = False,
    begins: bool = True,
) -> Tenant:
    """Open the tenant the settings name, on the database they name or on the embedded one; begin its log where there is none.

    With `begins=False` nothing is made, neither a log nor its database nor a home for it: raises NoSuchTenant with those there are.
    `fresh` drops a simulated log first and begins again; a log with the clock of the database is never dropped.
    """
    if settings.database_url:
        return Tenant(
            settings.database_url,
            settings.tenant,
            pool_size=settings.pool_size,
            pool_overflow=settings.pool_overflow,
            clock=clock,
            told_time=told_time,
            begins=begins,
        )
    if not begins and not EmbeddedPostgres.has_data(settings.home):
        raise NoSuchTenant(settings.tenant, (), settings.home)
    server = EmbeddedPostgres.attach(settings.home, report=report)
    try:
        admin = server.url("postgres", "postgres")
        name = f"{_PREFIX}{settings.tenant}"
        if fresh:
            drop_simulated(server, settings.tenant)
        if begins:
            database.create_database(admin, name)
        else:
            _find(server, settings)
        database.migrate(server.url(name, "postgres"))
        tenant = Tenant(
            server.url(name, database.APPLICATION),
            settings.tenant,
            pool_size=settings.pool_size,
            pool_overflow=settings.pool_overflow,
            clock=clock,
            told_time=told_time,
            begins=begins,
        )
    except NoSuchTenant:
        others = [other for other in tenants(server) if other != settings.tenant]
        server.detach()
        raise NoSuchTenant(settings.tenant, others, settings.home) from None
    except BaseException:
        server.detach()
        raise
    tenant.leave_with(server.detach)
    return tenant


def tenants(server: EmbeddedPostgres) -> list[str]:
    """Return the names of the tenants that have a database on the embedded server, in order."""
    found = database.databases(server.url("postgres", "postgres"), _PREFIX)
    return [name.removeprefix(_PREFIX) for name in found]


def _find(server: EmbeddedPostgres, settings: Settings) -> None:
    if settings.tenant not in tenants(server):
        raise NoSuchTenant(settings.tenant, (), settings.home)


def drop_simulated(server: EmbeddedPostgres, name: str) -> None:
    """Drop the simulated log of a tenant. Raises WrongLog when the log is a real one."""
    admin, own = server.url("postgres", "postgres"), f"{_PREFIX}{name}"
    database.create_database(admin, own)
    database.migrate(server.url(own, "postgres"))
    with SalesLog(server.url(own, database.APPLICATION), pool_size=1) as log:
        if log.head() and not log.is_simulated:
            raise genesis.WrongLog(
                f"the log of the tenant {name!r} is a real one; a demo never drops it. Choose another tenant."
            )
    database.drop_database(admin, own)
