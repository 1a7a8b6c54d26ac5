"""How a log begins, and what is checked when one is opened."""

from datetime import datetime
from importlib.metadata import version
from typing import Literal

from commands.ports import Append, NewEvent
from domain.envelope import Origin
from domain.events import LogBegun
from domain.naming import LOG_STREAM
from infra.log.application import SalesLog
from infra.log.sealing import FORMAT

Clock = Literal["database", "simulated"]


class WrongLog(RuntimeError):
    """The log cannot be used as asked: another tenant's, another clock, or a newer format."""


def begin(log: SalesLog, tenant: str, clock: Clock, told_time: datetime | None = None) -> None:
    """Write the genesis event. The tenant, the format and the clock of a log never change."""
    decided_at = told_time or log.now()
    genesis = LogBegun(tenant, FORMAT, clock, f"dealtrail {version('dealtrail')}")
    origin = Origin(
        actor="system/operator", channel="system", occurred_at=decided_at, command_id="cmd_genesis"
    )
    event = NewEvent(LOG_STREAM, 1, genesis, genesis.payload())
    log.append(
        [
            Append(
                events=[event],
                expectations=[],
                origin=origin,
                decided_at=decided_at,
                basis=0,
                told_time=told_time,
            )
        ]
    )


def check(log: SalesLog, tenant: str) -> None:
    """Make sure that a log is this tenant's and of a format this version knows. Raises WrongLog."""
    genesis = log.genesis
    if genesis.format > FORMAT:
        raise WrongLog(
            f"the log has format {genesis.format}, this version of dealtrail knows {FORMAT}. Upgrade dealtrail; nothing was changed."
        )
    if genesis.tenant != tenant:
        raise WrongLog(
            f"the log belongs to the tenant {genesis.tenant!r}, not to {tenant!r}. Set DEALTRAIL_TENANT={genesis.tenant} or another database."
        )
