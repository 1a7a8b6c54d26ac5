"""Polars is told how to work before it is imported, whoever imports it first."""

import json
import os
import subprocess
import sys

import pytest

from projections.polars_settings import ALLOCATOR, ENGINE

SAYS = (
    "import importlib, json, os, sys; importlib.import_module(sys.argv[1]); import polars;"
    f" print(json.dumps([os.environ.get({ALLOCATOR!r}), os.environ.get({ENGINE!r})]))"
)


def said_by(module: str, **told: str) -> tuple[list[str], str]:
    """What stands in the environment of a process that imported a module and then Polars: the parts of the allocator's settings, and the engine."""
    left = {name: value for name, value in os.environ.items() if name not in (ALLOCATOR, ENGINE)}
    done = subprocess.run(
        [sys.executable, "-c", SAYS, module], env=left | told, capture_output=True, text=True, check=True
    )
    allocator, engine = json.loads(done.stdout)
    return str(allocator).split(","), engine


@pytest.mark.parametrize(
    "module", ["infra.cli.main", "infra.replays", "read_api.metrics", "projections.ledger.view"]
)
def test_whatever_is_imported_first_polars_hears_what_is_wanted(module):
    """Polars puts its own settings first, once; of two about the same the later one counts."""
    allocator, engine = said_by(module)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert allocator[-2:] == [f"narenas:{cores}", "dirty_decay_ms:5000"]
    assert [part for part in allocator if part.startswith("narenas")] == allocator[-2:-1], "it was told twice"
    assert len(allocator) > 2, "Polars was imported before it was told"
    assert engine == "in-memory"


def test_what_the_environment_says_counts_more():
    allocator, engine = said_by("infra.cli.main", **{ALLOCATOR: "narenas:7", ENGINE: "streaming"})
    assert allocator[-1] == "narenas:7"
    assert engine == "streaming"
