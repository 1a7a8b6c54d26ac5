"""A replay on a cluster, asked for as a user does: `--scheduler ADDRESS` gives the result id, the impact and the rows of the run without it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support.sales import ANNA, BEN, PLAYBOOK, Desk
from typer.testing import CliRunner

from domain.record.commands import ChangeStage, EditFields, OpenRecord
from infra import cluster
from infra.cli.main import app
from infra.cluster import ClusterError
from infra.ledger import ledger_store
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.ledger.ledger import Ledger
from projections.replay import engine

dask = pytest.importorskip("distributed")

INDICES = """
indices:
  accepted:
    label: {zh: 通过, en: Accepted}
    kind: deal
    components:
      attempts: {measure: acceptance, label: {zh: 尝试, en: Attempts}}
"""
DRAFT = PLAYBOOK.replace("amount >= 100", "amount >= 500") + INDICES
PARTITIONS = 4
Run = Callable[..., str]


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    """A scheduler and two worker processes."""
    with dask.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", memory_limit=0
    ) as found:
        yield found


@pytest.fixture(scope="module")
def settings(embedded_home, a_fresh_name) -> Settings:
    return Settings(_env_file=None, home=embedded_home, database_url=None, tenant=a_fresh_name("clustered"))


@pytest.fixture(scope="module")
def desk(settings) -> Iterator[Desk]:
    """Twelve deals, from 50 to 600 euros, with notes that are sealed; the ledger has the first half of them, the tail of the log the rest."""
    with open_tenant(settings) as tenant:
        desk = Desk(tenant)
        for number in range(12):
            deal = f"deal/dea_{number}"
            amount = str(50 + 50 * number)
            fields = {"topic": f"Pumps {number}", "amount": amount, "note": "secret"}
            desk.do(OpenRecord(deal, fields, owner=(ANNA, BEN)[number % 2]))
            desk.batch([ChangeStage(deal, "offer")])
            if number == 5:
                Ledger(ledger_store(settings), tenant.log).rebuild(partitions=PARTITIONS)
        desk.do(EditFields("deal/dea_3", {"amount": "900"}))
        yield desk


@pytest.fixture
def run(desk, settings, monkeypatch, tmp_path) -> Run:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "draft.yaml").write_text(DRAFT, "utf-8")
    return lambda *words: _typed(settings, *words)


def _typed(settings: Settings, *words: str) -> str:
    own = {"DEALTRAIL_HOME": str(settings.home), "DEALTRAIL_TENANT": settings.tenant, "COLUMNS": "200"}
    done = CliRunner(env=own).invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def kept(run: Run, folder: Path, *words: str) -> tuple[dict[str, Any], dict[str, pl.DataFrame]]:
    """Replay the draft, hand the datasets out, and drop what is kept, so that the next run has to do all of it."""
    told = json.loads(run("replay", "run", "--draft", "draft.yaml", *words, "--json"))
    run("replay", "export", told["id"], "--to", str(folder))
    run("replay", "drop", told["id"])
    return told, {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}


def carried_out(workers: Any) -> set[str]:
    """What the workers have done so far of what they were given by partition, as the scheduler noted it."""
    noted = workers.scheduler.transition_log
    return {
        str(key) for key, _, after, *_ in noted if after == "memory" and str(key).startswith("partition-")
    }


def test_a_replay_on_a_cluster_is_the_one_without_it(run, workers, tmp_path, monkeypatch):
    """Same id, same impact, the same rows of every dataset; each partition was judged by a worker."""
    monkeypatch.setattr(engine, "JUDGED", 1)  # else so little is judged in one go
    here, rows = kept(run, tmp_path / "here")
    assert here["impact"]["law"]["decisions"] == 24
    assert here["impact"]["law"]["reproduced"] == 24
    assert here["impact"]["totals"]["newly_refused"] > 3
    assert not carried_out(workers)
    there, others = kept(run, tmp_path / "there", "--scheduler", workers.scheduler_address)
    assert len(carried_out(workers)) >= PARTITIONS
    assert there["id"] == here["id"]
    assert there["impact"] == here["impact"]
    assert others.keys() == rows.keys()
    assert set(rows) >= {"decisions", "gate_state", "index_values"}
    assert rows["decisions"].height == 24
    assert rows["index_values"]["draft"].drop_nulls().len()
    for name, frame in rows.items():
        assert_frame_equal(others[name], frame)


def test_metrics_on_a_cluster_are_those_without_it(run, workers):
    """`metric show` takes the same option, as of a replay too."""
    told = json.loads(run("replay", "run", "--draft", "draft.yaml", "--json"))
    for words in (
        ("stage_distribution", "--by", "step,owner"),
        ("acceptance", "--by", "owner", "--replay", told["id"]),
    ):
        asked = ("metric", "show", *words, "--kind", "deal", "--json")
        before = carried_out(workers)
        assert json.loads(run(*asked, "--scheduler", workers.scheduler_address)) == json.loads(run(*asked))
        assert len(carried_out(workers)) > len(before)


def test_a_scheduler_that_does_not_answer_is_named_and_nothing_is_kept(run, settings, monkeypatch):
    """The verb fails with the address, and leaves no replay behind that looks as if somebody were at it."""
    monkeypatch.setattr(cluster, "_ANSWERS_WITHIN_SECONDS", 1)
    before = run("replay", "list")
    with pytest.raises(ClusterError, match=re.escape("tcp://127.0.0.1:9")):
        run("replay", "run", "--draft", "draft.yaml", "--scheduler", "tcp://127.0.0.1:9")
    assert run("replay", "list") == before
