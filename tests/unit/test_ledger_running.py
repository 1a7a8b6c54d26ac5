"""The loop over partitions, and what a view is when it is sent to another process."""

import os
import pickle
import subprocess
import sys
from functools import partial

import pytest
from obstore.store import MemoryStore
from polars.testing import assert_frame_equal
from support.histories import play
from support.ledgers import A_HISTORY, UpTo, a_ledger, assert_says, rows_of

from infra.ledger import ObjectStoreLedger
from projections.ledger.running import LOOP, Cancelled
from projections.ledger.store import LedgerDamaged, LedgerUnavailable
from projections.ledger.tables import TABLES


@pytest.fixture(scope="module")
def log():
    return play(A_HISTORY).log


def numbered(view, partition, *, plus=0):
    return partition + plus


def test_the_loop_gives_the_results_in_the_order_asked_for():
    counts: list[int] = []
    results = LOOP.map(partial(numbered, plus=10), None, [3, 1, 2], done=counts.append)
    assert counts == []
    assert next(results) == 13
    assert counts == [1]
    assert list(results) == [11, 12]
    assert counts == [1, 2, 3]


def test_the_loop_ends_when_nobody_wants_it_any_more():
    """Between two partitions, and also after the last one: a half or unwanted answer is none."""
    seen: list[int] = []

    def cancelled() -> bool:
        return len(seen) == 2

    with pytest.raises(Cancelled):
        seen.extend(LOOP.map(numbered, None, range(5), cancelled=lambda: True))
    assert seen == []
    with pytest.raises(Cancelled):
        seen.extend(LOOP.map(numbered, None, range(5), cancelled=cancelled))
    assert seen == [0, 1]


def test_a_view_that_was_sent_says_the_same(log, tmp_path):
    """With its tail, at the head and earlier; sending it takes the rows behind the manifest along, and no file."""
    a_ledger(tmp_path, UpTo(log, log.head() // 2)).update()
    ledger = a_ledger(tmp_path, log)
    for position in (log.head() // 3, log.head()):
        view = ledger.at(position)
        sent = pickle.loads(pickle.dumps(view))
        assert_says(sent, log, position)
        for name in TABLES:
            assert_frame_equal(rows_of(sent, name), rows_of(view, name))
    assert len(pickle.dumps(ledger.at(log.head() // 3))) < len(pickle.dumps(ledger.at()))


def test_a_relative_folder_is_the_same_folder_for_a_process_started_elsewhere(log, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    ledger = a_ledger(tmp_path / "ledger", log)
    ledger.update()
    relative = ObjectStoreLedger.in_folder((tmp_path / "ledger").relative_to(tmp_path))
    name = ledger.kept().segments[0].name
    (tmp_path / "sent").write_bytes(pickle.dumps((relative, name)))
    program = f"import pickle; store, name = pickle.load(open({str(tmp_path / 'sent')!r}, 'rb')); print(len(store.get(name)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "elsewhere",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(done.stdout) == ledger.kept().segments[0].size_bytes


def test_a_folder_that_is_not_there_is_named_and_not_made(tmp_path):
    store = ObjectStoreLedger.in_folder(tmp_path / "ledger")
    sent = pickle.dumps(store)
    (tmp_path / "ledger").rmdir()
    with pytest.raises(LedgerUnavailable, match=r"has no folder .*ledger; .*DEALTRAIL_LEDGER_URL"):
        pickle.loads(sent)
    assert not (tmp_path / "ledger").exists()


def test_a_url_is_opened_where_it_is_sent_to_with_the_credentials_found_there(tmp_path, monkeypatch):
    """Neither credentials nor files travel; where the cache cannot be made there, the process has one of its own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA-OF-THE-ASKER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-asker")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    store = ObjectStoreLedger.at("s3://bucket/ledger", tmp_path / "cache")
    sent = pickle.dumps(store)
    assert b"s3://bucket/ledger" in sent
    assert b"of-the-asker" not in sent.lower()
    assert pickle.loads(sent)._cache == tmp_path / "cache"
    (tmp_path / "cache").rmdir()
    (tmp_path / "cache").write_bytes(b"not a folder")
    there = pickle.loads(sent)._cache
    assert there.is_dir()
    assert there != tmp_path / "cache"


def test_a_store_that_nobody_else_could_open_is_not_sent(tmp_path):
    with pytest.raises(TypeError, match="no URL"):
        pickle.dumps(ObjectStoreLedger(MemoryStore(), cache=tmp_path))


def test_a_task_that_comes_upon_an_edited_file_names_it(log, tmp_path):
    """Whatever the reader of files says of it: the answer is which file is not what was written, and what makes it again."""
    ledger = a_ledger(tmp_path, log)
    ledger.update()
    view = ledger.at()
    segment = next(segment for segment in view.manifest.segments if segment.table == "records")
    path = view.store.path(segment.name, segment.size_bytes, segment.sha256)
    path.write_bytes(bytes(segment.size_bytes))

    def task(view, partition):
        return view.scan("records", partition=partition).collect()

    with pytest.raises(LedgerDamaged, match=r"segments/records/.* was edited; `dealtrail ledger verify`"):
        list(LOOP.map(task, view, [segment.partition]))

    def task_of_all(view, first):
        del first
        return view.scan("records").collect()

    # A lot of partitions is named by its first one: the file may belong to any other.
    other = next(number for number in range(view.manifest.partitions) if number != segment.partition)
    with pytest.raises(LedgerDamaged, match=f"{segment.name} was edited"):
        list(LOOP.map(task_of_all, view, [other]))
