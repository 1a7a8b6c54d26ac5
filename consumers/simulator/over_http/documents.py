"""The files behind the evidence of a simulated year: made from their ids, so that the same piece is the same file each time."""

import hashlib
from dataclasses import replace

from domain.record.commands import AttachEvidence

_SMALLEST, _LARGEST = 600, 6_000


def document(evidence: str) -> bytes:
    """Return the file of a piece of evidence: some kilobytes nobody can guess from another piece's."""
    seed = hashlib.sha256(evidence.encode()).digest()
    size = _SMALLEST + int.from_bytes(seed[:4], "big") % (_LARGEST - _SMALLEST)
    return hashlib.shake_256(seed).digest(size)


def with_its_file(piece: AttachEvidence) -> AttachEvidence:
    """Return what is said of a piece of evidence once its file has arrived: the digest and the size of that very file."""
    content = document(piece.evidence)
    return replace(piece, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
