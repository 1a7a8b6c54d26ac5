"""A server process around the command bus, for tests that kill it: a line of JSON per request, a line per answer.

`python -m support.faults.bus_server URL TENANT THREADS [SKEW]`; an answer that was printed is an acknowledgement.
With SKEW, in seconds, every clock that Python offers this process is wrong by that much.
"""

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from support.faults.skew import skew_python

if __name__ == "__main__" and len(sys.argv) > 4:
    skew_python(float(sys.argv[4]))

from eventsourcing.persistence import PersistenceError
from psycopg import OperationalError

from commands.errors import TooBusy
from domain.envelope import Origin
from domain.record.commands import ChangeStage, EditFields, OpenRecord
from infra.tenant import Tenant
from support.faults.history import Acknowledged, Work
from support.sales import MORNING, OPERATOR, a_submission, an_append, edited, opened

PASSING = (PersistenceError, OperationalError, TooBusy)
"""What may be sent again: nobody knows, or nobody had the time."""


def carry_out(tenant: Tenant, works: list[Work]) -> list[Acknowledged]:
    """Carry works out, all that can be appended together in one transaction."""
    if works[0].act == "append":
        return _append(tenant, works)
    answers = tenant.bus.submit_batch([a_submission(_command(work), work.key) for work in works])
    acknowledged = []
    for work, answer in zip(works, answers, strict=True):
        answer.required()
        positions = tuple(event.position for event in answer.events)
        acknowledged.append(Acknowledged(work.key, answer.events[0].command_id, positions, answer.replayed))
    return acknowledged


def _command(work: Work) -> Any:
    match work.act:
        case "open":
            return OpenRecord(work.stream, {"topic": work.key})
        case "move":
            return ChangeStage(work.stream, "offer", {"amount": "250"})
        case "edit":
            return EditFields(work.stream, {"topic": work.key})
    raise ValueError(work.act)


def _append(tenant: Tenant, works: list[Work]) -> list[Acknowledged]:
    """Append commands of many events, which no command of the bus has, through the same group commit."""
    batch = [
        an_append(
            opened(work.stream, topic="0"),
            *(
                edited(work.stream, version, str(version - 1), str(version))
                for version in range(2, work.events + 1)
            ),
            key=work.key,
            origin=Origin(actor=OPERATOR, channel="test", occurred_at=MORNING, command_id=f"cmd_{work.key}"),
        )
        for work in works
    ]
    outcomes = tenant.bus._log.append(batch)
    acknowledged = []
    for work, append, outcome in zip(works, batch, outcomes, strict=True):
        assert outcome.result in ("appended", "replayed"), (work, outcome)
        assert outcome.first_position is not None
        assert outcome.last_position is not None
        positions = tuple(range(outcome.first_position, outcome.last_position + 1))
        acknowledged.append(
            Acknowledged(work.key, append.origin.command_id, positions, outcome.result == "replayed")
        )
    return acknowledged


def main(url: str, name: str, threads: int) -> None:
    """Serve until the input ends."""
    printing = threading.Lock()

    def say(answer: dict[str, Any]) -> None:
        line = json.dumps(answer).encode() + b"\n"
        with printing:
            while line:
                line = line[os.write(1, line) :]

    with Tenant(url, name, pool_size=threads) as tenant, ThreadPoolExecutor(threads) as pool:

        def serve(request: dict[str, Any]) -> None:
            try:
                done = carry_out(tenant, [Work(*work) for work in request["works"]])
                answer = [[a.key, a.command_id, a.positions, a.replayed] for a in done]
                say({"id": request["id"], "acknowledged": answer})
            except PASSING as error:
                say({"id": request["id"], "passing": repr(error)})
            except Exception as error:  # noqa: BLE001 — whoever sent it is told, and fails the test
                say({"id": request["id"], "wrong": repr(error)})

        say({"ready": os.getpid()})
        for line in sys.stdin:
            pool.submit(serve, json.loads(line))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
