"""The store of evidence the settings name, opened with the first file."""

from collections.abc import Iterator
from functools import cached_property
from typing import BinaryIO

from commands.evidence import EvidenceStore
from infra.evidence import ObjectStoreEvidence
from infra.settings import Settings


class EvidenceOfSettings:
    """Where files of evidence are kept. Nothing is made or asked of a store before it is used. Implements the port `EvidenceStore`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _store(self) -> EvidenceStore:
        if self._settings.evidence_url:
            return ObjectStoreEvidence.at(self._settings.evidence_url)
        return ObjectStoreEvidence.in_folder(self._settings.home / "evidence" / self._settings.tenant)

    def put(self, sha256: str, content: BinaryIO) -> None:
        """Keep a file, whole or not at all."""
        self._store.put(sha256, content)

    def open(self, sha256: str) -> Iterator[bytes]:
        """Return the bytes of a file in chunks."""
        return self._store.open(sha256)

    def exists(self, sha256: str) -> bool:
        """Tell whether a file is there."""
        return self._store.exists(sha256)
