"""The ledger in a folder: what is kept and what is read behind it is the log, at every position and whoever is killed."""

import tempfile
from pathlib import Path

import orjson
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.histories import histories, play
from support.ledgers import A_HISTORY, Killed, UpTo, a_ledger, assert_says, killed_at, rows_of

from projections.ledger.manifest import POINTER, partition_of
from projections.ledger.store import AnotherLedger, LedgerDamaged
from projections.ledger.tables import TABLES
from projections.ledger.writing import FAILPOINTS, files_of

quickly = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # a history is made of one number: there is nothing to shrink
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@pytest.fixture(scope="module")
def played():
    """One history, long enough for many segments."""
    return play(A_HISTORY)


@quickly
@given(histories(40, taking_away=True), st.floats(0, 1), st.floats(0, 1))
def test_segments_and_tail_say_what_the_log_says_at_every_position(steps, share, asked):
    """Written up to somewhere, in small segments some of which were merged; read at the head, before and behind what is written."""
    log = play(steps).log
    written, wanted = int(share * log.head()), int(asked * log.head())
    with tempfile.TemporaryDirectory() as folder:
        early = a_ledger(Path(folder), UpTo(log, written))
        assert early.update().position == written
        ledger = a_ledger(Path(folder), log)
        assert_says(ledger.at(), log, log.head())
        assert_says(ledger.at(wanted), log, wanted)
        ledger.update()
        assert_says(ledger.at(), log, log.head())
        assert_says(ledger.at(wanted), log, wanted)


@quickly
@given(histories(40), st.floats(0, 1))
def test_a_rebuilt_ledger_equals_the_kept_one_row_by_row(steps, share):
    """The kept one grew in two goes; the rebuilt one was made at once, with one segment a partition."""
    log = play(steps).log
    with tempfile.TemporaryDirectory() as folder:
        a_ledger(Path(folder), UpTo(log, int(share * log.head()))).update()
        ledger = a_ledger(Path(folder), log)
        ledger.update()
        kept = {name: rows_of(ledger.at(), name) for name in TABLES}
        manifest = ledger.rebuild()
        assert {name: rows_of(ledger.at(), name).equals(frame) for name, frame in kept.items()} == dict.fromkeys(TABLES, True)  # fmt: skip
        places = [(segment.table, segment.partition) for segment in manifest.segments]
        assert len(places) == len(set(places))


def test_many_segments_are_merged_and_few_are_left(played, tmp_path):
    """Whatever number of updates, a partition of a table stays in a handful of files, and nothing else lies about."""
    log = played.log
    for position in (*range(2, log.head(), 2), log.head()):
        ledger = a_ledger(tmp_path, UpTo(log, position))
        manifest = ledger.update()
        for table in TABLES:
            for partition in manifest.partitions_of(table):
                assert len(manifest.of(table, partition)) <= 4
    assert_says(ledger.at(), log, log.head())
    ledger.update()
    assert set(ledger.store.names()) == files_of(ledger.kept())


@pytest.mark.parametrize("place", FAILPOINTS)
@pytest.mark.parametrize("times", [1, 30])
@pytest.mark.parametrize("verb", ["update", "rebuild"])
def test_a_writer_that_is_killed_leaves_what_was_in_force(played, tmp_path, place, times, verb):
    """At every failpoint: the ledger reads as before, the next writer finishes, and nothing is left over."""
    log = played.log
    middle = log.head() // 2
    a_ledger(tmp_path, UpTo(log, middle)).update()
    before = a_ledger(tmp_path, log).kept()
    dying = a_ledger(tmp_path, log, failpoint=killed_at(place, times))
    try:
        getattr(dying, verb)()
    except Killed:
        pass
    else:
        assert times > 1  # it came to that place less often than that
    ledger = a_ledger(tmp_path, log)
    found = ledger.kept()
    assert found.position >= before.position
    if place in {"after_segment", "before_manifest", "before_pointer"} and times == 1:
        assert found == before
    assert_says(ledger.at(), log, log.head())
    ledger.update()
    last = ledger.update()
    assert last.position == log.head()
    assert_says(ledger.at(), log, log.head())
    assert set(ledger.store.names()) == files_of(last)


def test_a_partition_is_all_of_its_records_and_the_partitions_are_everything(played, tmp_path):
    """So work can be split by partition: each table of a partition is about the same records, found by CRC-32."""
    log = played.log
    a_ledger(tmp_path, UpTo(log, log.head() // 2)).update()
    view = a_ledger(tmp_path, log).at()
    for name, table in TABLES.items():
        if table.whole:
            continue
        parts = [view.scan(name, partition=number).collect() for number in range(3)]
        for number, part in enumerate(parts):
            assert {partition_of(record, 3) for record in part["record"]} <= {number}
        assert sum(part.height for part in parts) == view.scan(name).collect().height
        kinds = view.scan(name, kind="opportunity").collect()
        assert kinds.equals(view.scan(name).filter(pl.col("kind") == "opportunity").collect())


def test_an_empty_ledger_reads_the_log(played, tmp_path):
    """Nothing has to be written before something can be read."""
    ledger = a_ledger(tmp_path, played.log)
    assert ledger.kept() is None
    assert_says(ledger.at(), played.log, played.log.head())
    assert_says(ledger.at(0), played.log, 0)


def test_a_ledger_of_another_log_is_refused_and_made_again(played, tmp_path):
    """Of another state of this log too: a restored log has other commands at the same positions."""
    a_ledger(tmp_path, played.log).update()
    other = play(A_HISTORY[:30]).log
    with pytest.raises(AnotherLedger, match="restored"):
        a_ledger(tmp_path, other).at()
    with pytest.raises(AnotherLedger, match="restored"):
        a_ledger(tmp_path, UpTo(played.log, 5)).update()
    a_ledger(tmp_path, other).rebuild()
    assert_says(a_ledger(tmp_path, other).at(), other, other.head())


def test_an_edited_manifest_is_refused(played, tmp_path):
    """The pointer says what the manifest hashes to; a pointer that is not one is refused as well."""
    ledger = a_ledger(tmp_path, played.log)
    manifest = ledger.update()
    told = orjson.loads(manifest.json())
    told["segments"].pop()
    (tmp_path / manifest.name).write_bytes(orjson.dumps(told))
    with pytest.raises(LedgerDamaged, match="edited"):
        ledger.at()
    (tmp_path / manifest.name).unlink()
    with pytest.raises(LedgerDamaged, match="rebuild"):
        ledger.at()
    (tmp_path / POINTER).write_bytes(b"[]")
    with pytest.raises(LedgerDamaged, match="rebuild"):
        ledger.update()
    ledger.rebuild()
    assert_says(ledger.at(), played.log, played.log.head())


def test_a_cut_segment_is_not_read(played, tmp_path):
    """Its size is known before it is read, so an answer never stands on half a file."""
    ledger = a_ledger(tmp_path, played.log)
    segment = ledger.update().of("visits")[0]
    path = tmp_path / segment.name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(LedgerDamaged, match="verify"):
        ledger.at().scan("visits").collect()
