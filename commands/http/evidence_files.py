"""Evidence comes as the file itself: it is kept under its SHA-256 first, and only then does the log name it."""

import hashlib
import tempfile
from collections.abc import Mapping
from typing import IO, Any, Final

from fastapi import APIRouter, Request, Response

from commands.errors import MalformedRequest, MediaTypeRefused, TooLarge
from commands.evidence import CHUNK_BYTES
from commands.http.actions import id_of
from commands.http.bodies import EvidenceAbout
from commands.http.describing import add_route
from commands.http.headers import content_digest, expected_version, idempotency_key, media_type
from commands.http.issuing import Counter, caller_of
from commands.http.reading import read_body
from commands.http.records import located, stream_of
from commands.submission import Submission
from domain.record.activities import MEDIA_TYPE
from domain.record.commands import AttachEvidence
from domain.refusals import InvalidCommand, Problem

_NOT_A_FILE: Final = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})
"""What browsers and tools wrap files in, or say when they were told nothing: the body would not be the file."""


def add_evidence_route(router: APIRouter, counter: Counter, *, max_bytes: int) -> None:
    """Add the route that takes files of evidence."""

    async def attach_evidence(request: Request) -> Response:
        at, headers = request.path_params, request.headers
        caller, key = caller_of(request), idempotency_key(headers)
        version = expected_version(headers, required=False)
        stated = content_digest(headers)
        about = read_body(EvidenceAbout, dict(request.query_params))
        kind_of_file = _media_type(headers)
        await counter.in_a_thread(lambda: stream_of(counter, at["collection"], at["record_id"]))
        with tempfile.TemporaryFile() as file:
            arrived = _Arriving(file, max_bytes)
            await _receive(request, counter, arrived)
            sha256 = arrived.digest.hexdigest()
            _refuse_other_bytes(arrived.size, sha256, stated)

            def submission() -> Submission:
                file.seek(0)
                counter.desk.evidence.put(sha256, file)
                command = AttachEvidence(
                    stream_of(counter, at["collection"], at["record_id"]),
                    about.id or "",
                    about.field,
                    sha256,
                    arrived.size,
                    kind_of_file,
                    about.file_name,
                )
                return counter.submission(caller, command, about, key, expected_version=version)

            def location(content: Mapping[str, Any]) -> Mapping[str, str]:
                return located(at["collection"], at["record_id"], "evidence", content["id"])

            return await counter.issue(submission, status=201, made=id_of("evidence"), headers=location)

    add_route(
        router,
        "/{collection}/{record_id}/evidence",
        attach_evidence,
        "attach_evidence",
        "Attach a file of evidence",
        query=EvidenceAbout,
        content={"*/*": {"schema": {"type": "string", "format": "binary"}}},
        status=201,
        description=f"The body is the file itself, at most {max_bytes:,} bytes, with its own Content-Type; with"
        " Content-Digest (RFC 9530) it is compared with what arrived. The file is kept under its SHA-256.",
    )


class _Arriving:
    """A file as it arrives: hashed and written in large pieces, never held as a whole."""

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.size = 0
        self._max_bytes = max_bytes

    def refuse_more_than_allowed(self, size: int) -> None:
        """Refuse a size that is too large, as soon as it is known. Raises TooLarge."""
        if size > self._max_bytes:
            raise TooLarge(limit_bytes=self._max_bytes)

    def write(self, piece: bytes) -> None:
        """Take the next piece."""
        self.size += len(piece)
        self.digest.update(piece)
        self.file.write(piece)


async def _receive(request: Request, counter: Counter, arriving: _Arriving) -> None:
    stated = request.headers.get("content-length", "")
    if stated.isascii() and stated.isdigit():
        arriving.refuse_more_than_allowed(int(stated[:18]))
    waiting = bytearray()
    async for piece in request.stream():
        waiting += piece
        arriving.refuse_more_than_allowed(arriving.size + len(waiting))
        if len(waiting) >= CHUNK_BYTES:
            taken, waiting = bytes(waiting), bytearray()
            await counter.in_a_thread(lambda taken=taken: arriving.write(taken))  # type: ignore[misc]
    last = bytes(waiting)
    await counter.in_a_thread(lambda: arriving.write(last))


def _media_type(headers: Mapping[str, str]) -> str:
    found = media_type(headers)
    if found in _NOT_A_FILE or not MEDIA_TYPE.fullmatch(found):
        raise MediaTypeRefused("application/pdf", "image/png", "…: that of the file, which is the whole body")
    return found


def _refuse_other_bytes(size: int, sha256: str, stated: str | None) -> None:
    if not size:
        raise InvalidCommand([Problem("", "the body is the file, and it is empty")])
    if stated is not None and stated != sha256:
        message = "the file that arrived has another SHA-256 than is stated: send it again"
        raise MalformedRequest([Problem("/header/Content-Digest", message)])
