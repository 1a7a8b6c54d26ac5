"""Load the service with the simulated organisation: `python -m benchmarks.load --rate 200 --concurrency 32 --commands 5000`.

The plan is an open loop: each command has its moment whether or not the service keeps up, and latency counts from that moment,
so a service that stalls cannot hide it by keeping requests from being sent (coordinated omission).
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.figures import LoadFigures, Machine
from benchmarks.grounds import private_grounds, version_of
from benchmarks.rehearsal import Story, rehearse, the_playbook
from benchmarks.service import a_service, tokens_of
from benchmarks.verdict import Verdict, events_after, head_of, judge
from consumers.simulator import Scenario
from consumers.simulator.over_http import Address, Faults, Played, play
from consumers.simulator.over_http.badges import Badges, NoToken, OneToken
from consumers.simulator.over_http.playing import Crew, Step
from consumers.simulator.over_http.requests import Spelling
from consumers.simulator.over_http.telling import NotCarriedOut
from domain.organisation.commands import FormTeam

PEOPLE = 126
Advance: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """What is sent, and how."""

    rate: float
    concurrency: int
    commands: int
    faults: float = 0.0
    seed: int = 42
    people: int = PEOPLE

    @property
    def scenario(self) -> Scenario:
        """The year whose beginning is played."""
        return Scenario(seed=self.seed, people=self.people)


@dataclass(frozen=True)
class Run:
    """What came of a plan."""

    plan: Plan
    figures: LoadFigures
    verdict: Verdict
    machine: Machine
    failures: Sequence[str]

    @property
    def is_good(self) -> bool:
        """Whether every command was answered and every answer is true."""
        return self.verdict.is_good and not self.figures.failed

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "plan": asdict(self.plan),
            "machine": asdict(self.machine),
            **self.figures.as_json(),
            "verdict": asdict(self.verdict) | {"is_good": self.verdict.is_good},
            "failures": list(self.failures),
        }


def run(
    plan: Plan,
    *,
    service: tuple[Address, Badges] | None = None,
    progress: Callable[[str], Advance] | None = None,
) -> Run:
    """Rehearse a story, play it against a service (or one of its own), and compare the answers with the log.

    The rehearsal needs a log of its own even where the service is elsewhere: what people do next depends on answers.
    """
    advance = progress or (lambda _: lambda _done, _total: None)
    with private_grounds() as grounds:
        with grounds.tenant("rehearsal") as tenant:
            postgresql = version_of(tenant)
            story = rehearse(tenant, plan.scenario, plan.commands, advance("rehearsal"))
        if service is not None:
            address, badges = service
            return _measured(
                plan, story, address, badges, Machine.here("of the service"), advance, alone=False
            )
        with (
            grounds.tenant("load") as tenant,
            a_service(tenant.url, "load") as (address, own_badges),
        ):
            machine = Machine.here(postgresql)
            return _measured(plan, story, address, own_badges, machine, advance, alone=True)


def _measured(
    plan: Plan,
    story: Story,
    address: Address,
    badges: Badges,
    machine: Machine,
    advance: Callable[[str], Advance],
    *,
    alone: bool,
) -> Run:
    reader = badges.headers(story.steps[0].submission)
    head = head_of(address)
    founding, played = asyncio.run(_play(plan, story, address, badges, advance))
    everything = [item for item in [*founding, *played] if not _is_there_already(item)]
    # Who is answered with what was done before the run reads the log from its beginning.
    first = min((place.position for item in everything for place in item.told.events), default=head + 1)
    events = events_after(address, reader, min(head, first - 1))
    verdict = judge(everything, events, alone=alone)
    verdict.problems += _failures(item for item in founding if not _is_there_already(item))
    return Run(plan, LoadFigures.of(played), verdict, machine, _failures(played))


async def _play(
    plan: Plan, story: Story, address: Address, badges: Badges, advance: Callable[[str], Advance]
) -> tuple[list[Played], list[Played]]:
    """Bring rules and people into being first; only what follows is measured."""
    collections = {name: kind.collection for name, kind in the_playbook().document.kinds.items()}
    faults = Faults(plan.faults, plan.seed)
    crew = Crew(address, Spelling(collections), badges, concurrency=plan.concurrency, faults=faults)
    begin, rest = story.steps[: story.founding], story.steps[story.founding :]
    moved = [
        Step(step.submission, None if step.refers_to is None else step.refers_to - story.founding)
        for step in rest
    ]
    try:
        founding = await play(crew, begin, progress=advance("rules and people"))
        return founding, await play(crew, moved, rate=plan.rate, progress=advance("load"))
    finally:
        await crew.close()


def _is_there_already(item: Played) -> bool:
    """A team that another story formed in the same log is as good as one of this story's."""
    error = item.told.error
    return (
        isinstance(item.submission.command, FormTeam)
        and isinstance(error, NotCarriedOut)
        and error.code == "already-exists"
    )


def _failures(played: Iterable[Played]) -> list[str]:
    return [f"{item.submission.key}: {item.told.error}" for item in played if item.told.outcome == "failed"]


# ── the command line ─────────────────────────────────────────────────────────────────────────────────────────────────


def main(
    url: Annotated[
        str | None,
        typer.Option(help="A service that runs; without it one is started on a database of its own."),
    ] = None,
    rate: Annotated[
        float, typer.Option(min=0.1, help="Commands a second, whatever the service does.")
    ] = 200.0,
    concurrency: Annotated[int, typer.Option(min=1, max=1_000, help="How many connections.")] = 32,
    commands: Annotated[
        int | None, typer.Option(min=1, help="How many commands; 5000 unless --seconds is given.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="How long, instead of how many.")] = None,
    faults: Annotated[
        float, typer.Option(min=0, max=1, help="The share of commands something happens to.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Another seed is another story, with other faults.")] = 42,
    people: Annotated[int, typer.Option(min=12, max=2_000, help="How many people sell.")] = PEOPLE,
    home: Annotated[
        Path | None,
        typer.Option(
            help="Where the service of --url has its trial key: everybody gets a token of their own."
        ),
    ] = None,
    tenant: Annotated[str, typer.Option(help="The tenant of the service of --url.")] = "main",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="DEALTRAIL_LOAD_TOKEN",
            help="A token of a system/… actor with all rights that may delegate, for the service of --url.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Let a simulated organisation sell over HTTP, and report how the service kept up; ends with 1 when an answer was not true."""
    if commands is not None and seconds is not None:
        raise typer.BadParameter("give --commands or --seconds, not both")
    count = commands or (max(1, round(rate * seconds)) if seconds else 5_000)
    plan = Plan(rate, concurrency, count, faults, seed, people)
    service: tuple[Address, Badges] | None = None
    if url is not None:
        service = (_address(url), _badges(home, tenant, token))
    err = Console(stderr=True, highlight=False)
    with shown(err) as progress:
        found = run(plan, service=service, progress=progress)
    if as_json:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2))
    else:
        Console(highlight=False).print(report(found))
    raise typer.Exit(0 if found.is_good else 1)


def _address(url: str) -> Address:
    try:
        return Address.of(url)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _badges(home: Path | None, tenant: str, token: str | None) -> Badges:
    if token is not None:
        return OneToken(token)
    return NoToken() if home is None else tokens_of(home, tenant)


@contextmanager
def shown(err: Console) -> Iterator[Callable[[str], Advance]]:
    """Show progress bars on the error stream, where it is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:

        def begin(what: str) -> Advance:
            task = bars.add_task(what, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield begin


def report(found: Run) -> Table:
    """Return the report as a table of two columns."""
    figures, plan = found.figures, found.plan
    table = Table(show_header=False, box=None, pad_edge=False)
    rows = {
        "plan": f"{plan.commands:,} commands at {plan.rate:g}/s over {plan.concurrency} connections, faults {plan.faults:.1%}, seed {plan.seed}",
        "machine": str(found.machine),
        "answers": f"{figures.accepted:,} accepted, {figures.refused:,} refused by a gate, {figures.failed:,} failed; {figures.replayed:,} of them replayed",
        "pace": f"{figures.commands_per_second:,.1f} commands/s in {figures.seconds:,.1f} s",
        "latency": _milliseconds(figures.latency_ms) + " from the planned moment",
        "service time": _milliseconds(figures.service_ms) + " from the first sending",
        "sent again": f"{figures.retries:,} times",
        "faults": ", ".join(f"{count:,} {name}" for name, count in figures.faults.items()) or "none",
        "verdict": _verdict(found.verdict),
    }
    for name, text in rows.items():
        table.add_row(f"[bold]{name}[/bold]", text)
    for failure in found.failures[:5]:
        table.add_row("[bold red]failed[/bold red]", escape(failure[:400]))
    return table


def _milliseconds(spread: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:,.1f}" for name, value in spread.items()) + " ms"


def _verdict(verdict: Verdict) -> str:
    if verdict.is_good:
        return f"[green]every one of {verdict.acknowledged:,} acknowledged commands is in the log exactly once[/green] ({verdict.events:,} events read)"
    return "[red]" + escape("; ".join(verdict.problems)) + "[/red]"


if __name__ == "__main__":
    typer.run(main)
