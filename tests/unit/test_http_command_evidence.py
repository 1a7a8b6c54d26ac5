"""The store of evidence, in memory and in an object store, keeps one contract."""

import io

import pytest
from obstore.store import MemoryStore
from support.evidence import STAMP, EvidenceContract, MemoryEvidence, OnlyOnce, sha256_of

from commands.evidence import EvidenceDamaged, EvidenceUnavailable
from infra.evidence import ObjectStoreEvidence


class TestMemoryEvidence(EvidenceContract):
    """The twin."""

    @pytest.fixture
    def evidence(self):
        return MemoryEvidence()


class TestALocalFolder(EvidenceContract):
    """The default: a folder of this machine."""

    @pytest.fixture
    def evidence(self, tmp_path):
        return ObjectStoreEvidence.in_folder(tmp_path / "evidence")

    def test_what_was_changed_behind_our_back_is_found(self, evidence, tmp_path):
        """A file is its hash: other bytes under its name are never taken for it."""
        evidence.put(sha256_of(STAMP), io.BytesIO(STAMP))
        (tmp_path / "evidence" / sha256_of(STAMP)).write_bytes(b"something else")
        with pytest.raises(EvidenceDamaged):
            list(evidence.open(sha256_of(STAMP)))

    def test_a_large_file_is_never_held_in_memory(self, evidence):
        """It is read in pieces while it is written."""
        content = b"0123456789abcdef" * 500_000
        evidence.put(sha256_of(content), OnlyOnce(content))
        assert evidence.exists(sha256_of(content))

    def test_nobody_else_can_look_into_a_folder_that_was_made(self, evidence, tmp_path):
        """Scans of contracts are nobody else's business."""
        assert (tmp_path / "evidence").stat().st_mode & 0o077 == 0
        assert evidence.exists("0" * 64) is False

    def test_a_store_that_does_not_answer_is_no_mistake_of_the_caller(self, evidence, tmp_path):
        """The folder is gone: the command can be sent again."""
        (tmp_path / "evidence").rmdir()
        (tmp_path / "evidence").write_text("a file where the folder was")
        with pytest.raises(EvidenceUnavailable):
            evidence.put(sha256_of(STAMP), io.BytesIO(STAMP))


class TestAnObjectStore(EvidenceContract):
    """Any store the library knows; here one in memory."""

    @pytest.fixture
    def evidence(self):
        return ObjectStoreEvidence(MemoryStore())


def test_a_url_names_the_store(tmp_path):
    """A folder by its URL is the same as by its path."""
    at = ObjectStoreEvidence.at(f"file://{tmp_path}/evidence")
    at.put(sha256_of(STAMP), io.BytesIO(STAMP))
    assert ObjectStoreEvidence.in_folder(tmp_path / "evidence").exists(sha256_of(STAMP))
