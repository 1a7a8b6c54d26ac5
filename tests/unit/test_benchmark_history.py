"""The big ledger of benchmarks is the ledger of a long log: that log is written out event by event here, and flattened."""

import json
import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support.histories import play
from support.ledgers import A_HISTORY, rows_of
from support.worked import ToldLog, random_worked_story

from benchmarks.history import BigLedger, copied_moment, copied_name, written
from benchmarks.story import Story, is_copied
from domain.envelope import Recorded
from domain.events import MoveRefused, TouchCorrected
from projections.ledger.ends import ended, shown, sorted_rows
from projections.ledger.flatten import flatten
from projections.ledger.manifest import partition_of
from projections.ledger.memory import Memory
from projections.ledger.tables import TABLES
from projections.ledger.work_tables import WORK_TABLES

COPIES = 3
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NAMES_OF_RECORDS = re.compile(r"(account|contact|opportunity|visit|delivery)/[a-z]+_[^/]+")


@pytest.fixture(scope="module")
def story() -> Story:
    log = play(A_HISTORY).log
    return Story(log.after(0, log.head()), log.genesis)


@pytest.fixture(scope="module")
def long(story) -> list[Recorded]:
    """The long log, one event after the other, made without the tables."""
    commands: list[list[Recorded]] = []
    for item in story.events:
        if commands and commands[-1][0].command_id == item.command_id:
            commands[-1].append(item)
        else:
            commands.append([item])
    made: list[Recorded] = []
    places: dict[tuple[int, int], int] = {(0, copy): 0 for copy in range(COPIES)}
    for number, command in enumerate(commands):
        following = commands[number + 1][0] if number + 1 < len(commands) else command[0]
        pause = (following.recorded_at - command[0].recorded_at) // MICROSECOND
        for copy in range(COPIES if is_copied(command[0]) else 1):
            for item in command:
                position = len(made) + 1
                for other in range(COPIES) if not is_copied(item) else [copy]:
                    places[item.position, other] = position
                made.append(
                    copy_of(item, copy, position, places, timedelta(microseconds=pause * copy // COPIES))
                )
    return made


def copy_of(item: Recorded, copy: int, position: int, places: Any, later: timedelta) -> Recorded:
    event: Any = item.event
    if not is_copied(item):
        return replace(item, position=position, basis=position - 1)

    def text(value: str) -> str:
        return copied_name(value, copy) if NAMES_OF_RECORDS.fullmatch(value) else value

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, list):
            return [renamed(part) for part in value]
        if isinstance(value, dict):
            return {name: renamed(part) for name, part in value.items()}
        return value

    changes = {field.name: renamed(getattr(event, field.name)) for field in fields(event)}
    for name in ("touch", "evidence", "external_id"):
        if changes.get(name) is not None:
            changes[name] = copied_name(changes[name], copy)
    if changes.get("restores") is not None:
        changes["restores"] = places[changes["restores"], copy]
    if isinstance(event, TouchCorrected) and isinstance(event.changes.get("happened_at"), str):
        told = moved(datetime.fromisoformat(str(event.changes["happened_at"])), copy)
        changes["changes"]["happened_at"] = told.isoformat()
    stream = item.stream if isinstance(event, MoveRefused) else text(item.stream)
    return replace(
        item,
        stream=stream,
        event=type(event)(**changes),
        position=position,
        basis=places[item.basis, copy],
        command_id=copied_name(item.command_id, copy),
        recorded_at=item.recorded_at + later,
        decided_at=item.decided_at + later,
        occurred_at=None if item.occurred_at is None else moved(item.occurred_at, copy),
    )


def moved(moment: datetime, copy: int) -> datetime:
    return EPOCH + copied_moment((moment - EPOCH) // MICROSECOND, copy) * MICROSECOND


def test_the_tables_are_those_of_the_long_log(story, long, tmp_path):
    """Row by row, in every table, at the end and half way."""
    big = written(tmp_path, story, COPIES)
    flat = flatten(long, Memory())
    assert big.head() == len(long)
    assert [item.position for item in long] == list(range(1, len(long) + 1))
    for name, table in TABLES.items():
        rows = shown(table, ended(table, sorted_rows(table, flat.frame(name))).lazy()).collect()
        assert_frame_equal(rows_of(big.view, name), rows)
    assert {name for name in TABLES if rows_of(big.view, name).is_empty()} <= {
        table.name for table in WORK_TABLES
    }
    half = len(long) // 2
    flat = flatten(long[:half], Memory())
    earlier = replace(big.view, position=half)
    for name, table in TABLES.items():
        rows = shown(table, ended(table, sorted_rows(table, flat.frame(name))).lazy()).collect()
        assert_frame_equal(rows_of(earlier, name), rows)


def test_each_record_is_in_its_partition_and_every_file_is_as_the_manifest_says(story, tmp_path):
    view = written(tmp_path, story, COPIES).view
    for segment in view.manifest.segments:
        rows = view.stored(segment.table, segment.partition).collect()
        assert rows.height == segment.rows
        spec = TABLES[segment.table]
        assert rows.equals(sorted_rows(spec, rows))
        if not spec.whole:
            parts = {partition_of(name, view.manifest.partitions) for name in rows["record"].unique()}
            assert parts == {segment.partition}


def test_what_stands_once_is_kept_with_it_at_its_place(story, long, tmp_path):
    """The playbooks and people of the told log, opened again by another process."""
    written(tmp_path, story, COPIES)
    big = BigLedger.opened(tmp_path)
    assert list(big.once) == [item for item in long if not is_copied(item)]
    assert {book.position for book in big.playbooks.versions.values()} == set(
        rows_of(big.view, "publications")["position"]
    )
    assert json.loads((tmp_path / "current.json").read_text("utf-8"))["manifest"] == big.view.manifest.name


def test_what_is_about_work_is_copied_with_its_names_and_places(tmp_path):
    """Each copy has work, forks, approvals, assignments, firings and reactions of its own, that point at its own events."""
    log = ToldLog(random_worked_story(7, 300))
    told = Story(log.after(0, log.head()), log.genesis)
    view = written(tmp_path, told, COPIES).view
    flat = flatten(told.events, Memory())
    events = rows_of(view, "events")
    for table in WORK_TABLES:
        rows, once = rows_of(view, table.name), flat.frame(table.name)
        assert rows.height == COPIES * once.height > 0
        assert rows["position"].n_unique() == rows.height
        for name in {"work", "fork", "approval"} & set(rows.columns):
            assert (
                rows[name].n_unique()
                == COPIES * once[name].n_unique() - (COPIES - 1) * once[name].has_nulls()
            )
        assert rows["record"].n_unique() == COPIES * once["record"].n_unique()
    work, forks = rows_of(view, "work"), rows_of(view, "forks")
    assert set(work["position"]) <= set(events["position"])
    legs = {item for row in forks["legs"] for item in json.loads(row).values()}
    assert legs <= set(work["work"])
    failed = rows_of(view, "reactions").filter(pl.col("positions").list.len() > 0)
    assert failed["record"].n_unique() > COPIES
    own = {
        name: {item for row in group["positions"] for item in row}
        for (name,), group in failed.group_by("record")
    }
    assert sum(map(len, own.values())) > len(own)
    assert max(max(found) for found in own.values()) <= view.position
