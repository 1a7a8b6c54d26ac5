"""Errors as problem details (RFC 9457): a stable code, what to do, and never an echo of the input.

Every error of the layers below becomes a problem here and nowhere else. What an error tells is in `described`;
its status, title and page are in the catalogue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any

import orjson
import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from commands.errors import (
    AnsweredRefusal,
    CommandError,
    KeyMissing,
    KeyReused,
    MalformedRequest,
    MediaTypeRefused,
    StaleVersion,
    TooBusy,
    TooLarge,
    VersionMissing,
)
from commands.http.headers import ON_BEHALF_OF
from commands.playbook_file import FileRefused
from domain.refusals import (
    AlreadyExists,
    GateNotMet,
    InvalidCommand,
    NotAllowed,
    NotFound,
    Refusal,
    UnknownActor,
)
from domain.refusals import Problem as Wrong
from domain.values import moment_text
from infra.http.catalogue import CATALOGUE, Words
from infra.http.in_chinese import in_chinese, thing_in_chinese
from infra.http.language import Language, preferred
from infra.http.wording import cut, plain_pointer, pointer_of, sentence_for, without_quotations
from projections.as_of import BadMoment
from projections.errors import AmbiguousName, BehindError, InvalidQuery, ReadError, problem_of
from projections.ledger.store import LedgerError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1
LEDGER_AGAIN_SECONDS = 5
_MOST_ERRORS = 100

DATABASE_IS_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError)
"""What is raised while the database is down, restarting, out of connections or out of space: it is nobody's mistake, and it passes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem on its way out: its code in the catalogue, what it says beside title and status, and its headers."""

    code: str
    status: int | None = None
    detail: Words | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, language: Language) -> dict[str, Any]:
        """Return the members of the problem, its words in a language."""
        entry = CATALOGUE[self.code]
        return {
            "type": f"/problems/{self.code}",
            "title": entry.title.told(language),
            "status": self.status or entry.status,
            "code": self.code,
            "detail": (self.detail or entry.what_to_do).told(language),
            **self.more,
        }

    def response(self, language: Language) -> Response:
        """Return the answer in a language."""
        body = self.body(language)
        return Response(
            orjson.dumps(body),
            status_code=body["status"],
            media_type=MEDIA_TYPE,
            headers={**self.headers, "Content-Language": language},
        )


class Refused(Exception):
    """The edge refuses a request; carries the problem it is answered with."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def language_of(scope: Scope) -> Language:
    """Return the language the answer to a request is wanted in."""
    return preferred(Headers(scope=scope).get("accept-language", ""))


@singledispatch
def described(error: Exception, language: Language) -> Problem:
    """Return the problem an error is answered with; of an error nobody foresaw nothing is told."""
    del language
    return Problem("internal-error") if not isinstance(error, DATABASE_IS_AWAY) else _away()


def _away() -> Problem:
    return Problem("database-unavailable", headers=_later())


def _later(seconds: int = RETRY_AFTER_SECONDS) -> dict[str, str]:
    return {"Retry-After": str(seconds)}


@described.register
def _(error: Refused, language: Language) -> Problem:
    del language
    return error.problem


# ── refusals of the domain ───────────────────────────────────────────────────────────────────────────────────────────


@described.register
def _(error: Refusal, language: Language) -> Problem:
    del language
    return Problem(error.code if error.code in CATALOGUE else "refused")


@described.register
def _(error: InvalidCommand, language: Language) -> Problem:
    return Problem("invalid-command", more={"errors": _pointed_at(error.problems, language)})


@described.register
def _(error: UnknownActor, language: Language) -> Problem:
    """Nothing in the body is wrong, so nothing in it is pointed at; whom it was to be for stands in a header."""
    if not error.on_behalf_of:
        return Problem(error.code)
    (found,) = error.problems
    errors = _pointed_at([replace(found, pointer=f"/header/{ON_BEHALF_OF}")], language)
    return Problem(error.code, more={"errors": errors})


def _pointed_at(problems: Sequence[Wrong], language: Language) -> list[dict[str, Any]]:
    """Each thing that is wrong: where, what, and the nearest valid name."""
    errors = []
    for found in problems[:_MOST_ERRORS]:
        item: dict[str, Any] = {
            "pointer": plain_pointer(found.pointer),
            "message": _told(found, language),
            "suggestion": found.suggestion,
        }
        if found.record_count is not None:
            item |= {"records": list(found.records), "record_count": found.record_count}
        errors.append(item)
    return errors


def _told(found: Wrong, language: Language) -> str:
    """What is wrong, in a language: in words of the playbook, which are published, or in ours without those of the caller."""
    if found.said is not None:
        return cut(getattr(found.said, language))
    return _spoken(without_quotations(found.message, found.names), language)


def _spoken(message: str, language: Language) -> str:
    return in_chinese(message) if language == "zh" else message


@described.register
def _(error: GateNotMet, language: Language) -> Problem:
    unmet = [
        {
            "id": item.id,
            "kind": item.kind,
            "label": getattr(item.label, language),
            "why": getattr(item.why, language) if item.why else None,
            "field": item.field,
        }
        for item in error.unmet
    ]
    if not isinstance(error, AnsweredRefusal):
        return Problem("gate-not-met", more={"unmet": unmet})
    replayed = {"Idempotency-Replayed": "true"} if error.replayed else {}
    return Problem("gate-not-met", more={"unmet": unmet, "position": error.position}, headers=replayed)


@described.register
def _(error: NotAllowed, language: Language) -> Problem:
    del language
    return Problem("not-allowed", more={"right": str(error.right)})


@described.register
def _(error: NotFound, language: Language) -> Problem:
    del language
    detail = Words(f"there is no such {error.what}", f"找不到：{thing_in_chinese(error.what)}")
    return Problem("not-found", detail=detail, more={"suggestion": error.suggestion})


@described.register
def _(error: AlreadyExists, language: Language) -> Problem:
    del language
    return Problem(
        "already-exists",
        detail=Words(f"this {error.what} exists already", f"已存在：{thing_in_chinese(error.what)}"),
    )


# ── errors of the write side and of reading ──────────────────────────────────────────────────────────────────────────


@described.register
def _(error: CommandError, language: Language) -> Problem:
    """Errors that have nothing more to say are known by their code."""
    del language
    code = error.code if error.code in CATALOGUE else "command-error"
    return Problem(code, headers=_later() if CATALOGUE[code].status == 503 else {})


@described.register
def _(error: KeyMissing, language: Language) -> Problem:
    del language
    return Problem(error.code, detail=_KEY_OF_A_LINE if error.in_line else None)


@described.register
def _(error: VersionMissing, language: Language) -> Problem:
    del language
    return Problem(error.code, detail=_VERSION_OF_A_LINE if error.in_line else None)


_KEY_OF_A_LINE = Words(
    "Give each line a member `key`, a text of 1 to 200 printable characters: a new one for each new command, and the same when you send the line again.",
    "每一行都须有成员 `key`：1 到 200 个可打印字符的文本；新命令用新键，重发该行时用同一个键。",
)
_VERSION_OF_A_LINE = Words(
    "Read the record, and give the line a member `if_match` with its version, so that nobody's change is overwritten unseen.",
    "请先读取记录，并在该行的成员 `if_match` 中写明其版本，以免覆盖他人的更改。",
)


@described.register
def _(error: MalformedRequest, language: Language) -> Problem:
    return Problem("invalid-request", more={"errors": _pointed_at(error.problems, language)})


@described.register
def _(error: MediaTypeRefused, language: Language) -> Problem:
    del language
    return Problem("unsupported-media-type", more={"accepted": list(error.accepted)})


@described.register
def _(error: TooLarge, language: Language) -> Problem:
    del language
    limits = {"limit_bytes": error.limit_bytes, "limit_lines": error.limit_lines}
    return Problem(
        "body-too-large", more={name: limit for name, limit in limits.items() if limit is not None}
    )


@described.register
def _(error: KeyReused, language: Language) -> Problem:
    del error, language
    return Problem("idempotency-key-reused")


@described.register
def _(error: TooBusy, language: Language) -> Problem:
    del error, language
    return Problem("too-busy", headers=_later())


@described.register
def _(error: StaleVersion, language: Language) -> Problem:
    del language
    changes = [
        {
            "field": change.field,
            "version": change.version,
            "position": change.position,
            "recorded_at": moment_text(change.recorded_at),
            "actor": change.actor,
        }
        for change in error.changes
    ]
    return Problem("stale-version", more={"current_version": error.current, "changes": changes})


@described.register
def _(error: FileRefused, language: Language) -> Problem:
    errors = [
        {
            "line": found.line,
            "column": found.column,
            "message": _spoken(without_quotations(found.message), language),
            "suggestion": found.suggestion,
        }
        for found in error.problems[:_MOST_ERRORS]
    ]
    return Problem("playbook-refused", more={"errors": errors})


@described.register
def _(error: ReadError, language: Language) -> Problem:
    del language
    return Problem(error.code if error.code in CATALOGUE else "read-error")


@described.register
def _(error: InvalidQuery, language: Language) -> Problem:
    return Problem("invalid-request", more={"errors": _pointed_at(error.problems, language)})


@described.register
def _(error: AmbiguousName, language: Language) -> Problem:
    """Say which records have the name, so that one of them can be asked for."""
    del language
    return Problem("ambiguous-name", more={"ids": list(error.ids), "count": error.count})


@described.register
def _(error: BehindError, language: Language) -> Problem:
    del language
    return Problem("behind", more={"position": error.reached}, headers=_later(error.retry_after))


@described.register
def _(error: LedgerError, language: Language) -> Problem:
    del error, language
    return Problem("ledger-unavailable", headers=_later(LEDGER_AGAIN_SECONDS))


@described.register
def _(error: BadMoment, language: Language) -> Problem:
    """Point at the parameter, where it is known which one holds the moment."""
    if error.parameter is None:
        return Problem("bad-moment")
    return Problem(
        "bad-moment", more={"errors": _pointed_at([problem_of(error.parameter, error.message)], language)}
    )


# ── errors of the framework ──────────────────────────────────────────────────────────────────────────────────────────


@described.register
def _(error: RequestValidationError, language: Language) -> Problem:
    """Point at every parameter and member that is wrong. FastAPI's own handler echoes the input and fails on some of it."""
    found = error.errors()
    in_the_body = all(item["loc"][:1] == ("body",) for item in found)
    errors = [
        {
            "pointer": pointer_of(item["loc"][1:] if in_the_body else item["loc"]),
            "message": sentence_for(item["type"], item["msg"], language),
        }
        for item in found[:_MOST_ERRORS]
    ]
    return Problem("invalid-command" if in_the_body else "invalid-request", more={"errors": errors})


_BY_STATUS = {
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "unsupported-media-type",
}


@described.register
def _(error: HTTPException, language: Language) -> Problem:
    """Answer what the framework refuses, such as an unknown path or method; its own words may repeat the input."""
    del language
    if error.status_code >= 500:
        return Problem("internal-error")
    code = _BY_STATUS.get(error.status_code, "http-error")
    return Problem(code, error.status_code, headers=error.headers or {})
