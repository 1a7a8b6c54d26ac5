"""Trying commands out where nothing is kept: an example that was carried out by the bus is right by construction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from commands.bus import CommandBus
from commands.caller import Caller
from commands.http.actions import RecordAction
from commands.http.answers import Made, accepted, content_of
from commands.http.bodies import Body
from commands.http.example_values import in_ascii
from commands.http.imagined import ImaginedLog, OpenVault
from commands.http.reading import read_body
from commands.ports import Append, NewEvent
from commands.submission import Command, Submission
from domain.envelope import Origin
from domain.event import Event
from domain.naming import record_stream
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Right
from domain.refusals import Refusal

WHOEVER = Caller("main", "example", "system/operator", rights=frozenset(Right))
LONG_AGO = datetime(2026, 1, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Example:
    """One request of the walk, and what it is answered with."""

    operation: str
    kind: str | None
    name: str
    summary: str
    body: Any
    status: int
    answer: Mapping[str, Any]
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None
    media_type: str = "application/json"
    on_behalf_of: str | None = None
    happens_first: Mapping[str, Any] | None = None
    """What the service notices by itself before it works, as `stream`, `topic` and `payload`; None: commands alone lead to it."""

    @property
    def key(self) -> str:
        """The idempotency key: a new one for each example."""
        parts = ("example", self.operation, self.kind, self.name)
        return "-".join(in_ascii(part) for part in parts if part)


class Imagination:
    """A log in which nothing but some playbooks happened, and what examples made of it; `there` are the records by kind."""

    def __init__(self, playbooks: Playbooks) -> None:
        self.playbooks = playbooks
        self.log = ImaginedLog(playbooks, playbooks.moment or LONG_AGO)
        self._vault = OpenVault()
        self._number = 0
        self.there: dict[str, str] = {}

    def happens(self, stream: str, event: Event) -> Mapping[str, Any]:
        """Let something happen that no command brings about but the service notices; returns what happened, as an example tells it."""
        now = self.log.now()
        noticed = NewEvent(stream, None, event, event.payload())
        origin = Origin(actor=WHOEVER.actor, channel="example", occurred_at=now)
        self.log.append([Append(events=[noticed], expectations=[], origin=origin, decided_at=now)])
        return {"stream": stream, "topic": event.TOPIC, "payload": event.payload()}

    def carry_out(
        self,
        command: Command,
        body: Body,
        made: Made | None,
        version: int | None = None,
        *,
        log: ImaginedLog | None = None,
        on_behalf_of: str | None = None,
    ) -> Mapping[str, Any]:
        """Carry a command out, and return its answer. Raises its refusal."""
        self._number += 1
        submission = Submission(
            command=command,
            client=WHOEVER.client,
            key=str(self._number),
            actor=WHOEVER.actor,
            channel="http",
            # Who acts for somebody has that person's rights and no others.
            rights=WHOEVER.rights if on_behalf_of is None else frozenset(),
            on_behalf_of=on_behalf_of,
            reason=body.reason,
            expected_version=version,
        )
        answer = accepted(CommandBus(log or self.log, self._vault).submit_batch([submission])[0])
        return content_of(answer, command, made=made, is_simulated=False)

    def issue(
        self,
        action: RecordAction,
        kind: str,
        record_id: str,
        body: dict[str, Any],
        name: str,
        summary: str,
        **about: Any,
    ) -> Example | None:
        """Carry out a command of a record; None when the playbook refuses what could be thought of."""
        log, whom = self.log.copied(), about.get("on_behalf_of")
        try:
            read = read_body(action.body, body)
            command = action.command(
                record_stream(kind, record_id), read, action.part_of(about.get("path", {}))
            )
            self.carry_out(command, read, action.made, about.get("version"), log=log, on_behalf_of=whom)
        except Refusal:
            return None
        answer = self.carry_out(command, read, action.made, about.get("version"), on_behalf_of=whom)
        path = {**({} if action.opens else {"record_id": record_id}), **about.pop("path", {})}
        return Example(action.name, kind, name, summary, body, action.status, answer, path=path, **about)
