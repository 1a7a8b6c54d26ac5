"""Damage to the ledger is named, and made good from the log: what is kept afterwards is what was kept before."""

import shutil

import polars as pl
import pytest
from support.histories import play
from support.ledgers import A_HISTORY, UpTo, a_ledger, assert_says

from projections.ledger.checking import check_files, check_rows, repair
from projections.ledger.manifest import Manifest
from projections.ledger.tables import TABLES
from projections.ledger.work_tables import WORK_TABLES
from projections.ledger.writing import encoded, files_of

OF_WORK = {table.name for table in WORK_TABLES}


@pytest.fixture(scope="module")
def log():
    return play(A_HISTORY).log


@pytest.fixture(scope="module")
def _written(log, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    a_ledger(folder, log).update()
    return folder


@pytest.fixture
def ledger(log, _written, tmp_path):
    """A ledger of several segments a partition, to be damaged."""
    shutil.copytree(_written, tmp_path / "ledger")
    return a_ledger(tmp_path / "ledger", log)


def damaged_by(ledger, segment, how):
    """Damage the file of a segment."""
    path = ledger.store.path(segment.name, segment.size_bytes, segment.sha256)
    content = path.read_bytes()
    match how:
        case "missing":
            path.unlink()
        case "cut":
            path.write_bytes(content[:-5])
        case "edited":
            middle = len(content) // 2
            path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def test_a_whole_ledger_has_no_findings(ledger, log, tmp_path):
    """Neither its files nor its rows."""
    assert check_files(ledger) == []
    assert check_rows(ledger, a_ledger(tmp_path / "beside", log)) == []


@pytest.mark.parametrize("how", ["missing", "cut", "edited"])
@pytest.mark.parametrize("table", [name for name in TABLES if name not in OF_WORK])
def test_a_damaged_segment_is_named_and_made_again(ledger, log, how, table):
    """Each kind of damage in each table, to its last segment; put back, it is the same file. Tables of work: `test_ledger_work`."""
    manifest = ledger.kept()
    segment = manifest.of(table)[-1]
    damaged_by(ledger, segment, how)
    (finding,) = check_files(ledger)
    assert (finding.file, finding.fault, finding.table) == (segment.name, how, table)
    assert repair(ledger, [finding]) == manifest
    assert check_files(ledger) == []
    assert ledger.store.get(segment.name)


def test_what_was_known_before_a_segment_is_made_good_first(ledger, log):
    """Everything is damaged at once: earlier segments are made again before later ones that repeat what they say."""
    manifest = ledger.kept()
    for number, segment in enumerate(manifest.segments):
        damaged_by(ledger, segment, ("missing", "cut", "edited")[number % 3])
    findings = check_files(ledger)
    assert [finding.file for finding in findings] == [segment.name for segment in manifest.segments]
    assert len({segment.after for segment in manifest.segments}) > 3
    assert repair(ledger, findings) == manifest
    assert check_files(ledger) == []
    assert_says(ledger.at(), log, log.head())


def test_surplus_files_are_named_and_removed(ledger):
    """What nobody names may be what a writer that was killed left, or something that is not ours to keep there."""
    ledger.store.put("segments/visits/000/000000000001-000000000007.0123456789abcdef.parquet", b"x")
    (finding,) = check_files(ledger)
    assert (finding.file, finding.fault) == (
        "segments/visits/000/000000000001-000000000007.0123456789abcdef.parquet",
        "surplus",
    )
    repair(ledger, [finding])
    assert check_files(ledger) == []
    assert set(ledger.store.names()) == files_of(ledger.kept())


def test_rows_that_are_not_those_of_the_log_are_found_although_every_hash_fits(ledger, log, tmp_path):
    """Whoever can write the manifest can make the hashes fit; the log tells the rows."""
    manifest = ledger.kept()
    segment = manifest.of("visits")[0]
    rows = pl.read_parquet(ledger.store.path(segment.name, segment.size_bytes, segment.sha256))
    forged = rows.with_columns(pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("won")).otherwise("step").alias("step"))  # fmt: skip
    position = forged["position"][0]
    other, content = encoded("visits", segment.partition, segment.after, segment.upto, forged)
    ledger.store.put(other.name, content)
    ledger.writer.publish(manifest.with_segments([*(set(manifest.segments) - {segment}), other]))
    findings = [finding for finding in check_files(ledger) if finding.fault != "surplus"]
    assert findings == []
    (finding, *_) = check_rows(ledger, a_ledger(tmp_path / "beside", log))
    assert (finding.file, finding.fault, finding.position) == (other.name, "other rows", position)
    repair(ledger, [finding])
    assert_says(ledger.at(), log, log.head())
    assert check_rows(ledger, a_ledger(tmp_path / "beside_again", log)) == []


def test_a_manifest_reads_as_it_was_written(ledger):
    """The same bytes each time, so that its hash says what it says."""
    manifest = ledger.kept()
    assert Manifest.from_json(manifest.json()) == manifest
    assert Manifest.from_json(manifest.json()).sha256 == manifest.sha256


def test_a_repair_of_merged_segments_needs_nothing_but_the_log(log, tmp_path):
    """A fully merged ledger has one segment a partition: what is lost is flattened from the first event."""
    ledger = a_ledger(tmp_path, UpTo(log, log.head()))
    manifest = ledger.rebuild()
    for segment in manifest.of("visits") + manifest.of("owners"):
        damaged_by(ledger, segment, "missing")
    assert repair(ledger, check_files(ledger)) == manifest
    assert_says(ledger.at(), log, log.head())
