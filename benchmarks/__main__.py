"""All benchmarks there are, with stated defaults: `make bench` writes `benchmarks/results/*.json` and `docs/benchmarks.md`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import load
from benchmarks.appending import ROUNDS, compare
from benchmarks.figures import Machine
from benchmarks.grounds import private_grounds, version_of
from benchmarks.report import page

LOADS = {
    "http-50-per-second": load.Plan(rate=50, concurrency=32, commands=2_000),
    "http-50-per-second-faulty": load.Plan(rate=50, concurrency=32, commands=2_000, faults=0.01),
    "http-as-fast-as-it-goes": load.Plan(rate=10_000, concurrency=32, commands=2_000),
}
"""The loads of `make bench`: one the service is to keep up with, the same over connections that fail, and more than anybody can carry."""

ROOT = Path(__file__).parents[1]


def main(
    results: Annotated[Path, typer.Option(help="Where the figures go, as JSON.")] = ROOT
    / "benchmarks"
    / "results",
    document: Annotated[Path, typer.Option(help="Where the table goes.")] = ROOT / "docs" / "benchmarks.md",
    rounds: Annotated[
        int, typer.Option(min=5, help="How often the two sides of a comparison take turns.")
    ] = ROUNDS,
) -> None:
    """Run every benchmark, keep the figures, and write the table from them."""
    out = Console(stderr=True, highlight=False)
    results.mkdir(parents=True, exist_ok=True)
    with load.shown(out) as progress:
        with private_grounds() as grounds:
            with grounds.tenant("version") as tenant:
                machine = Machine.here(version_of(tenant))
            for found in compare(grounds, progress, rounds=rounds):
                _keep(results / f"{found.name.lower()}.json", {"machine": vars(machine)} | found.as_json())
        for name, plan in LOADS.items():
            _keep(results / f"{name}.json", load.run(plan, progress=progress).as_json())
    document.write_text(page(results), "utf-8")
    out.print(f"wrote {document}")


def _keep(path: Path, figures: dict[str, Any]) -> None:
    path.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    typer.run(main)
