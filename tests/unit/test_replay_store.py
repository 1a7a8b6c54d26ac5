"""Results of replays: kept whole or not at all, never changed, and what is damaged is named."""

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from support.replays import found
from support.sales import stricter

from infra.ledger import ObjectStoreLedger
from infra.replays import Wanted
from projections.replay_store import ReplayDamaged, ReplayStore
from projections.replay_window import Window

ID = "a1" * 32
DEALS = [f"deal/dea_{number}" for number in range(9)]
WANTED = Wanted(stricter(), Window(0, 50, 50), 1)


class Dies(Exception):
    """The process is gone."""


class DyingFiles:
    """A store that dies after so many files."""

    def __init__(self, files, most):
        self.files, self.left = files, most

    def put(self, name, content):
        if self.left == 0:
            raise Dies
        self.left -= 1
        self.files.put(name, content)

    def __getattr__(self, name):
        return getattr(self.files, name)


@pytest.fixture
def files(tmp_path: Path) -> ObjectStoreLedger:
    return ObjectStoreLedger.in_folder(tmp_path)


@pytest.fixture
def answer():
    return found(WANTED, DEALS, ID)


def keep(files, answer):
    return ReplayStore(files).keep(ID, answer.impact, answer.frames, WANTED.draft)


def read_everything(store):
    kept = store.find(ID)
    store.impact(kept)
    store.scan(kept, "decisions").collect()


def test_what_was_found_is_read_back_as_it_was(files, answer):
    keep(files, answer)
    store = ReplayStore(files)
    kept = store.find(ID)
    assert kept is not None
    assert store.impact(kept) == answer.impact
    assert store.draft(kept).digest == WANTED.draft.digest
    assert kept.datasets == {"decisions": 18, "gate_state": 9, "index_values": 1}
    for name, frame in answer.frames.items():
        assert_frame_equal(store.scan(kept, name).collect(), frame)


def test_the_same_result_has_the_same_bytes(files, answer, tmp_path_factory):
    other = ObjectStoreLedger.in_folder(tmp_path_factory.mktemp("other"))
    assert keep(files, answer) == keep(other, answer)


def test_a_result_is_there_whole_or_not_at_all(files, answer):
    """Whoever keeps it may die after any file: the manifest comes last, and the next one makes it whole."""
    for most in range(6):
        with pytest.raises(Dies):
            keep(DyingFiles(files, most), answer)
        assert ReplayStore(files).find(ID) is None
    keep(files, answer)
    assert ReplayStore(files).find(ID) is not None


def test_a_kept_result_never_changes(files, answer):
    before = keep(files, answer)
    after = ReplayStore(files).keep(ID, {**answer.impact, "caveat": "another"}, answer.frames, WANTED.draft)
    assert after == before
    assert ReplayStore(files).impact(after) == answer.impact


@pytest.mark.parametrize("name", ["manifest.json", "impact.json", "decisions.parquet"])
@pytest.mark.parametrize("fault", ["edited", "cut", "missing"])
def test_a_damaged_file_is_named_and_made_again(files, answer, tmp_path, name, fault):
    """Every byte counts, in each file of it; keeping the same result again repairs it."""
    keep(files, answer)
    place = tmp_path / ID / name
    content = place.read_bytes()
    if fault == "missing":
        place.unlink()
    else:
        middle = len(content) // 2
        changed = bytes([content[middle] ^ 1])
        place.write_bytes(content[:middle] + changed + content[middle + 1 :] if fault == "edited" else content[:-1])  # fmt: skip
    store = ReplayStore(files)
    if (name, fault) == ("manifest.json", "missing"):
        assert store.find(ID) is None
    else:
        with pytest.raises(ReplayDamaged, match=name):
            read_everything(store)
    keep(files, answer)
    kept = ReplayStore(files).find(ID)
    assert place.read_bytes() == content
    assert ReplayStore(files).scan(kept, "decisions").collect().height == 18


def test_what_is_dropped_is_gone(files, answer, tmp_path):
    keep(files, answer)
    store = ReplayStore(files)
    assert store.drop(ID)
    assert store.find(ID) is None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not store.drop(ID)


@pytest.mark.parametrize("name", ["", "x", "../" + ID, ID.upper(), ID + "/", f"{ID}/../{ID}"])
def test_what_cannot_be_an_id_is_never_looked_for(files, name):
    assert ReplayStore(files).find(name) is None
