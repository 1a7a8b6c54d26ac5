"""How late deadlines are noticed when many become due: `python -m benchmarks.deadlines`.

Records stand in a stage since moments of yesterday, so that so many of their deadlines become due each second. Processes of their own
(`dealtrail deadlines run`) keep the timer table and notice what is due; how late each was is read from the log, by its clock.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from commands.playbook_file import parse_playbook
from commands.ports import Append, NewEvent
from commands.submission import Command, Submission
from domain.deadlines.events import DeadlineNoticed
from domain.envelope import Origin
from domain.events import RecordOpened
from domain.organisation.commands import AddPerson
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Right
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant

TENANT = "deadlines"
OPERATOR, OWNER = "system/operator", "person/per_owner"
BEFORE = timedelta(hours=20)
TOGETHER = 500
P99_AT_MOST_SECONDS = 2
"""What is promised at 500 a second."""
PER_SECOND, SECONDS, PROCESSES, WORKERS = 500, 60, 2, 2

PLAYBOOK = f"""
playbook: due
label: {{zh: 到期, en: Due}}
time_zone: Asia/Shanghai
roles:
  seller: {{label: {{zh: 销售, en: Seller}}}}
kinds:
  deal:
    label: {{zh: 商机, en: Deal}}
    collection: deals
    prefix: dea
    stages:
      lead: {{label: {{zh: 线索, en: Lead}}}}
      won: {{label: {{zh: 赢单, en: Won}}, outcome: won}}
    deadlines:
      answered: {{label: {{zh: 跟进, en: Answered}}, on_stage: lead, after_hours: {BEFORE // timedelta(hours=1)}}}
"""


def main(
    per_second: Annotated[
        int, typer.Option(min=1, help="How many deadlines become due each second.")
    ] = PER_SECOND,
    seconds: Annotated[int, typer.Option(min=5, help="For how many seconds.")] = SECONDS,
    processes: Annotated[int, typer.Option(min=1, help="How many processes notice them.")] = PROCESSES,
    workers: Annotated[int, typer.Option(min=1, max=16, help="How many threads each of them has.")] = WORKERS,
    out: Annotated[Path | None, typer.Option(help="Where the figures go, as JSON.")] = None,
) -> None:
    """Measure how late deadlines are noticed."""
    figures = lateness(per_second, seconds, processes, workers)
    text = json.dumps(figures, indent=2)
    if out is not None:
        out.write_text(text + "\n", "utf-8")
    typer.echo(text)


def lateness(
    per_second: int = PER_SECOND, seconds: int = SECONDS, processes: int = PROCESSES, workers: int = WORKERS
) -> dict[str, Any]:
    """Let deadlines become due in a home of their own; return how late they were, in seconds."""
    with TemporaryDirectory(prefix="dealtrail-bench-") as folder:
        Path(folder).chmod(0o755)  # as root, the database runs as another user who has to get there
        return measured(Path(folder), per_second, seconds, processes, workers)


def measured(home: Path, per_second: int, seconds: int, processes: int, workers: int) -> dict[str, Any]:
    """Let deadlines become due; return how late they were, in seconds."""
    count = per_second * seconds
    with open_tenant(Settings(home=home, database_url=None, tenant=TENANT)) as tenant:
        commands: list[Command] = [
            PublishPlaybook(parse_playbook(PLAYBOOK, "due.yaml")),
            AddPerson(OWNER, "Owner"),
        ]
        for number, command in enumerate(commands):
            about: Any = {"actor": OPERATOR, "channel": "bench", "rights": frozenset(Right)}
            tenant.bus.submit(Submission(command=command, client="bench", key=str(number), **about))
        environment = os.environ | {"DEALTRAIL_HOME": str(home), "DEALTRAIL_TENANT": TENANT}
        command_line = [sys.executable, "-m", "infra.cli.main", "deadlines", "run", "--workers", str(workers)]
        running = [
            subprocess.Popen(command_line, env=environment, stderr=subprocess.DEVNULL)
            for _ in range(processes)
        ]
        try:
            first = tenant.log.now() + timedelta(seconds=30 + count / 100)
            _open(
                tenant, [first - BEFORE + timedelta(seconds=number / per_second) for number in range(count)]
            )
            _armed(tenant, first)
            return _waited_for(tenant, count) | {
                "due_per_second": per_second,
                "seconds": seconds,
                "processes": processes,
                "workers": workers,
                "p99_at_most_seconds": P99_AT_MOST_SECONDS,
            }
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()


def _open(tenant: Tenant, begins: Sequence[datetime]) -> None:
    """Append openings as they would have been recorded: noted today, of moments of yesterday."""
    appends = []
    for number, moment in enumerate(begins):
        event = RecordOpened(fields={}, stage="lead", owner=OWNER)
        origin = Origin(actor=OPERATOR, channel="bench", occurred_at=moment, command_id=f"cmd_{number}")
        opening = NewEvent(f"deal/dea_{number}", 1, event, event.payload())
        appends.append(Append(events=[opening], expectations=[], origin=origin, decided_at=moment))
    for start in range(0, len(appends), TOGETHER):
        tenant.log.append(appends[start : start + TOGETHER])


def _armed(tenant: Tenant, first: datetime) -> None:
    """Wait until all of them are in the timer table. Raises RuntimeError when the first one was due before that: nothing could be measured."""
    while tenant.catch_up.positions()["timers"] < tenant.log.head():
        time.sleep(0.1)
    if tenant.log.now() > first:
        raise RuntimeError(
            "the first deadline was due before all of them were armed: fewer a second, or fewer seconds"
        )


def _waited_for(tenant: Tenant, count: int) -> dict[str, Any]:
    reached, late = 0, list[float]()
    began = time.monotonic()
    while len(late) < count:
        if time.monotonic() - began > 600:
            raise TimeoutError(f"{len(late):,} of {count:,} were noticed")
        page = tenant.log.after(reached, 5_000, topics=[DeadlineNoticed.TOPIC])
        for recorded in page:
            assert isinstance(recorded.event, DeadlineNoticed)
            due_at = datetime.fromisoformat(recorded.event.due_at)
            late.append((recorded.recorded_at - due_at).total_seconds())
            reached = recorded.position
        time.sleep(0.2)
    late.sort()
    return {
        "noticed": len(late),
        "p50_seconds": round(late[len(late) // 2], 3),
        "p99_seconds": round(late[len(late) * 99 // 100], 3),
        "most_seconds": round(late[-1], 3),
    }


if __name__ == "__main__":
    typer.run(main)
