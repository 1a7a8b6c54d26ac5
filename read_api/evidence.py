"""The route that hands out files of evidence: the very bytes whose SHA-256 the log names."""

import base64
from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from commands.evidence import EvidenceMissing, EvidenceStore
from domain.refusals import NotFound
from read_api.answers import ReadTenant

OPENED_IN_A_BROWSER = frozenset(
    {"application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"}
)
"""What a browser may show in place; anything else is only ever saved."""


def add_evidence_route(router: APIRouter, tenant: ReadTenant, store: EvidenceStore) -> None:
    """Add the route of evidence files."""

    @router.get(
        "/{collection}/{record_id}/evidence/{evidence}",
        summary="A file of evidence",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "The file.",
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    def evidence(collection: str, record_id: str, evidence: str) -> Response:
        """`Content-Digest` carries the SHA-256 that stands in the log."""
        kind = tenant.reads.playbooks().kind_of_collection(collection)
        piece = tenant.reads.evidence(kind, record_id, evidence).data
        try:
            content = store.open(piece["sha256"])
        except EvidenceMissing:
            raise NotFound("file of this evidence", evidence) from None
        digest = base64.b64encode(bytes.fromhex(piece["sha256"])).decode()
        headers = {
            "Content-Disposition": disposition(piece["file_name"] or piece["id"], piece["media_type"]),
            "Content-Digest": f"sha-256=:{digest}:",
            "Content-Length": str(piece["size_bytes"]),
            "ETag": f'"{piece["sha256"]}"',
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        return StreamingResponse(content, media_type=piece["media_type"], headers=headers)


def disposition(name: str, media_type: str) -> str:
    """Spell Content-Disposition (RFC 6266): an ASCII name for old readers, the real one in UTF-8 (RFC 8187), neither with a path in it."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(character for character in last if character.isprintable()) or "evidence"
    plain = "".join(
        character if character.isascii() and character not in '"\\%' else "_" for character in clean
    )
    how = "inline" if media_type in OPENED_IN_A_BROWSER else "attachment"
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"
