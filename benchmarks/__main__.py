"""All benchmarks there are, with stated defaults: `make bench` writes `benchmarks/results/*.json` and `docs/benchmarks.md`."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import load
from benchmarks.analysing import HELPDESK, QUESTIONS, Question, ask
from benchmarks.appending import ROUNDS, compare
from benchmarks.deadlines import PER_SECOND, SECONDS, lateness
from benchmarks.figures import Machine
from benchmarks.grounds import private_grounds, version_of
from benchmarks.helpdesk import a_help_desk, described
from benchmarks.history import big_ledger
from benchmarks.report import page
from benchmarks.story import SEED, a_year
from projections.ledger.manifest import POINTER

LOADS = {
    "http-50-per-second": load.Plan(rate=50, concurrency=32, commands=2_000),
    "http-50-per-second-faulty": load.Plan(rate=50, concurrency=32, commands=2_000, faults=0.01),
    "http-as-fast-as-it-goes": load.Plan(rate=10_000, concurrency=32, commands=2_000),
}
"""The loads of `make bench`: one the service is to keep up with, the same over connections that fail, and more than anybody can carry."""

ROOT = Path(__file__).parents[1]
EVENTS = 10_000_000
DATA = "DEALTRAIL_TEST_DATA"
HELPDESK_EVENTS = 260_000

NAMES = ("s1", "s2", "s7", "s8", "s12", "deadlines", "load")
Progress = Callable[[str], Callable[[int, int], None]]


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Which ones: {', '.join(NAMES)}; all by default.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Where the figures go, as JSON.")] = ROOT
    / "benchmarks"
    / "results",
    document: Annotated[Path, typer.Option(help="Where the table goes.")] = ROOT / "docs" / "benchmarks.md",
    rounds: Annotated[
        int, typer.Option(min=5, help="How often the two sides of a comparison take turns.")
    ] = ROUNDS,
    events: Annotated[
        int, typer.Option(min=10_000, help="How many events the ledger of S7 and S8 has.")
    ] = EVENTS,
    ledgers: Annotated[
        Path | None, typer.Option(help="Where big ledgers are kept for the next time; else they are removed.")
    ] = None,
) -> None:
    """Run benchmarks, keep the figures, and write the table from them."""
    wanted = list(names or NAMES)
    if unknown := sorted(set(wanted) - set(NAMES)):
        raise typer.BadParameter(f"there is no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    out = Console(stderr=True, highlight=False)
    results.mkdir(parents=True, exist_ok=True)
    with load.shown(out) as progress:
        if {"s1", "s2"} & set(wanted):
            with private_grounds() as grounds:
                machine = _machine()
                for found in compare(grounds, progress, rounds=rounds):
                    _keep(
                        results / f"{found.name.lower()}.json", {"machine": vars(machine)} | found.as_json()
                    )
        questions = [question for question in QUESTIONS if question.name.lower() in wanted]
        with _folder(ledgers) as folder:
            if questions:
                _analyse(questions, _big(folder, events, progress), results, rounds, progress)
            if "s12" in wanted:
                if data := os.environ.get(DATA):
                    _help_desk(folder, Path(data), results, rounds, progress)
                else:
                    out.print(f"S12 is left out: {DATA} does not name the folder of the public data sets")
        if "deadlines" in wanted:
            out.print(f"{PER_SECOND} deadlines a second for {SECONDS} s, after some minutes of arming them")
            _keep(results / "deadlines.json", {"machine": vars(_machine())} | lateness())
        for name, plan in LOADS.items() if "load" in wanted else ():
            _keep(results / f"{name}.json", load.run(plan, progress=progress).as_json())
    document.write_text(page(results), "utf-8")
    out.print(f"wrote {document}")


def _big(folder: Path, events: int, progress: Progress) -> list[tuple[Path, int]]:
    """Make the ledger and one a tenth as large, of the same story."""
    places = [(folder / f"{size}-{SEED}", size) for size in (events, events // 10)]
    story = None if all((place / POINTER).exists() for place, _ in places) else a_year()
    return [
        (
            place,
            big_ledger(place, size, story=story, progress=progress(f"a ledger of {size:,} events")).head(),
        )
        for place, size in places
    ]


def _help_desk(folder: Path, data: Path, results: Path, rounds: int, progress: Progress) -> None:
    place = folder / f"helpdesk-{HELPDESK_EVENTS}"
    big = a_help_desk(place, data / "helpdesk", HELPDESK_EVENTS)
    asked = [replace(question, note=described(big)) for question in HELPDESK]
    _analyse(asked, [(place, big.head())], results, rounds, progress)


def _analyse(
    questions: Sequence[Question],
    ledgers: list[tuple[Path, int]],
    results: Path,
    rounds: int,
    progress: Progress,
) -> None:
    machine = vars(_machine())
    (large, events), *others = ledgers
    small, fewer = others[0] if others else (None, 0)
    for question in questions:
        found = ask(question, large, small, (events, fewer), rounds, progress(question.name))
        name = question.name.lower().replace(" ", "-")
        _keep(results / f"{name}.json", {"machine": machine} | found.as_json())


def _machine() -> Machine:
    with private_grounds() as grounds, grounds.tenant("version") as tenant:
        return Machine.here(version_of(tenant))


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.absolute()
        return
    with TemporaryDirectory(prefix="dealtrail-bench-") as folder:
        yield Path(folder)


def _keep(path: Path, figures: dict[str, Any]) -> None:
    path.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    typer.run(main)
