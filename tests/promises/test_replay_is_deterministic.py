"""P9: replay is deterministic, and reproduces every recorded decision under the published rules, without ever looking at what came out."""

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support.desk import a_desk
from support.given import ACCOUNT, ANNA, PLAYBOOKS
from support.histories import _steps, play
from support.history_playbooks import versions
from support.ledgers import a_ledger
from support.replaying import replayed, view_of

from commands.playbook_file import parse_playbook
from domain.naming import PLAYBOOKS_STREAM
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import PublishedPlaybook
from domain.record.commands import ChangeStage, OpenRecord
from projections.ledger.view import View
from projections.metrics import cells, indices
from projections.replay import Ask, Replayed, Window, engine, replay
from projections.replay.engine import task_of
from projections.replay.partition import judge

HISTORY = _steps(20261122, 90, taking_away=True)
MUTATIONS = 100


def digest_of(found: Replayed) -> str:
    """The SHA-256 of everything a replay says: its impact, and every row of its datasets."""
    told = [found.impact, {name: frame.rows() for name, frame in sorted(found.datasets.items())}]
    return hashlib.sha256(orjson.dumps(told, default=str)).hexdigest()


def of_the_history(partitions: int = 3) -> str:
    """Replay a history with refusals, overrides, mappings and erasure, under a stricter draft."""
    played = play(HISTORY)
    return digest_of(replayed(played.log, played.desk.vault, versions()[1], partitions=partitions))


def test_p9_a_replay_is_the_same_whatever_the_hash_seed() -> None:
    """P9: sets and dictionaries are walked in another order in every process; the answer is the same bytes."""
    code = "from test_replay_is_deterministic import of_the_history; print(of_the_history())"
    path = [str(Path(__file__).parents[1]), str(Path(__file__).parent), *sys.path]
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert said == {of_the_history() + "\n"}


def test_p9_a_replay_is_the_same_in_one_lot_and_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """P9: partitions that are judged together and partitions judged one by one say the same bytes."""
    in_one = of_the_history(16)
    monkeypatch.setattr(engine, "JUDGED", 0)
    monkeypatch.setattr(cells, "MEASURED", 0)
    monkeypatch.setattr(indices, "MEASURED", 0)
    assert of_the_history(16) == in_one


def test_p9_a_replay_is_the_same_whatever_the_partitions(tmp_path: Path) -> None:
    """P9: one partition or sixteen, one segment or many, kept or read from the log: the same bytes."""
    played = play(HISTORY)
    expected = replayed(played.log, played.desk.vault, versions()[1])
    assert expected.decisions.height > 10
    for partitions in (1, 2, 16):
        assert of_the_history(partitions) == digest_of(expected)
    for part in (5, 1_000):
        ledger = a_ledger(tmp_path / str(part), played.log, part=part)
        ledger.update()
        view = ledger.at()
        found = replay(view, played.playbooks, played.desk.vault, expected.ask)
        assert digest_of(found) == digest_of(expected)


class WithoutOutcomes(View):
    """A ledger in which nobody may look at what came out of decisions."""

    def scan(self, table: str, *, partition: int | None = None, kind: str | None = None) -> pl.LazyFrame:
        """Return the rows of a table, other than outcomes."""
        assert table != "outcomes", "the rules were told what came out"
        return super().scan(table, partition=partition, kind=kind)


def test_p9_judging_never_looks_at_outcomes() -> None:
    """P9: the same decisions are judged the same where outcomes cannot be read at all, and where every one of them is another."""
    played = play(HISTORY)
    view = view_of(played.log)
    ask = Ask(Window(0, view.position), draft=versions()[1])
    task = task_of(view, played.playbooks, played.desk.vault, ask)
    blind = WithoutOutcomes(view.store, view.manifest, view.position, view.tail)
    for partition in range(3):
        seen, unseen = (judge(each, partition, task=task).cases for each in (view, blind))
        assert_frame_equal(seen.rows, unseen.rows)
        assert seen.cases == unseen.cases
        assert not {"accepted", "unmet", "override"} & set(unseen.rows.columns)


# ── the law notices ──────────────────────────────────────────────────────────────────────────────────────────────────

TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8")
STRICTER = TEXT.replace("fields: [source]", "fields: [source, budget]", 1)


@dataclass(frozen=True)
class Told:
    """A log of deals that each went one step, or were refused to; and its ledger."""

    log: Any
    vault: Any
    view: View
    playbooks: Playbooks


@pytest.fixture(scope="module")
def told() -> Told:
    """Sixty deals: forty moved on with a source, twenty refused for want of one. Another version asks for a budget, and is in force no more."""
    desk = a_desk()
    desk.submit(PublishPlaybook(parse_playbook(STRICTER, "stricter.yaml")))
    desk.submit(PublishPlaybook(parse_playbook(TEXT, "projects.yaml")))
    for number in range(60):
        stream = f"opportunity/opp_{number}"
        fields = {"account": ACCOUNT, **({"source": "fair"} if number % 3 else {})}
        desk.batch(OpenRecord(stream, fields, owner=ANNA), ChangeStage(stream, "needs_diagnosis"))
    view = view_of(desk.log)
    return Told(desk.log, desk.vault, view, catalogue.fold(None, desk.log.stream(PLAYBOOKS_STREAM)))


def mutated(view: View, table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> View:
    """The same ledger with one table changed."""
    tail = {key: change(frame) if key[0] == table else frame for key, frame in view.tail.items()}
    return View(view.store, view.manifest, view.position, tail)


def at(position: int, **columns: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Change columns of the row at a position."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        here = pl.col("position") == position
        return frame.with_columns(
            pl.when(here).then(value).otherwise(pl.col(name)).alias(name) for name, value in columns.items()
        )

    return change


def replay_of(told: Told, view: View, draft: PublishedPlaybook | None = None) -> Replayed:
    """Replay the ledger as it is now."""
    return replay(view, told.playbooks, told.vault, Ask(Window(0, view.position), draft=draft))


@pytest.mark.parametrize("seed", range(MUTATIONS))
def test_p9_the_law_of_replay_notices_one_change(told: Told, seed: int) -> None:
    """P9: one answer, one fact or one rule version made another makes exactly that decision come out otherwise."""
    chance = random.Random(seed)
    moves = told.view.scan("decisions").filter(pl.col("before").is_not_null()).sort("position").collect()
    outcomes = {row["position"]: row for row in told.view.scan("outcomes").collect().iter_rows(named=True)}
    row = moves.row(chance.randrange(moves.height), named=True)
    position, accepted = row["position"], outcomes[row["position"]]["accepted"]
    kinds = ["answer", "version"] + (["fact"] if accepted else ["reason", "requirement"])
    what = kinds[seed % len(kinds)]
    nothing = pl.lit([], dtype=pl.List(pl.String()))
    match what:
        case "answer":
            view = mutated(told.view, "outcomes", at(position, accepted=pl.lit(not accepted), unmet=nothing))
        case "version":
            view = mutated(told.view, "decisions", at(position, playbook_version=pl.lit(2, pl.Int64())))
        case "fact":
            (fact,) = (
                told.view.scan("field_changes")
                .filter(pl.col("record") == row["record"], pl.col("field") == "source")
                .collect()["position"]
            )
            view = mutated(told.view, "field_changes", _emptied(fact))
        case "reason":
            view = mutated(
                told.view,
                "outcomes",
                at(position, unmet=pl.lit(["field:source", "move:reason"], dtype=pl.List(pl.String()))),
            )
        case _:
            view = mutated(told.view, "decisions", at(position, edits=pl.lit('{"source":"fair"}')))
    law = replay_of(told, view).law
    assert law.different == [position], what
    assert law.reproduced == law.decisions - 1


def _emptied(position: int) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def change(frame: pl.DataFrame) -> pl.DataFrame:
        here = (pl.col("position") == position) & (pl.col("field") == "source")
        return frame.with_columns(new=pl.when(here).then(None).otherwise("new"))

    return change


def test_p9_replay_reproduces_all_of_it_where_nothing_was_changed(told: Told) -> None:
    """P9: the law holds before anything is changed, so what the mutations show is theirs."""
    law = replay_of(told, told.view).law
    assert law.different == []
    assert law.reproduced == law.decisions >= 120
