"""A tenant as the routes of commands see it."""

from datetime import datetime

from commands.bus import CommandBus
from commands.evidence import EvidenceStore
from commands.ports import EventLog
from infra.tenant import Tenant


class TenantDesk:
    """Where commands of one tenant are issued. Implements the port `commands.http.desk.Desk`."""

    def __init__(self, tenant: Tenant, evidence: EvidenceStore) -> None:
        self._tenant = tenant
        self._evidence = evidence

    @property
    def bus(self) -> CommandBus:
        """The one way into the log."""
        return self._tenant.bus

    @property
    def log(self) -> EventLog:
        """The log commands are decided on."""
        return self._tenant.log

    @property
    def evidence(self) -> EvidenceStore:
        """Where files of evidence are kept."""
        return self._evidence

    def told_time(self) -> datetime | None:
        """Return the last moment a simulated log knows: that is its present. None for a log with a clock of its own."""
        return self._tenant.told_time()
