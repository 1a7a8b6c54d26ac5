"""Errors as problem details (RFC 9457): a stable code, what to do, and never an echo of the input."""

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from domain.refusals import NotFound

MEDIA_TYPE = "application/problem+json"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "suggestion": {"type": ["string", "null"]},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}

TITLES = {
    "not-found": {"en": "There is no such thing", "zh": "找不到该对象"},
    "bad-moment": {"en": "A moment cannot be read", "zh": "无法识别时间"},
    "invalid-request": {"en": "The request is not valid", "zh": "请求无效"},
    "http-error": {"en": "The request cannot be answered", "zh": "无法处理该请求"},
    "internal-error": {"en": "Something went wrong on our side", "zh": "服务器内部错误"},
}

log = structlog.get_logger()


def problem(
    request: Request,
    status: int,
    code: str,
    *,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """Build a problem answer, its title in the language the caller accepts."""
    language = "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"
    body = {"type": f"/problems/{code}", "title": TITLES[code][language], "status": status, "code": code}
    if detail is not None:
        body["detail"] = detail
    return Response(
        orjson.dumps(body | more),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**(headers or {}), "Content-Language": language},
    )


def not_found(request: Request, error: Exception) -> Response:
    """Name what kind of thing is missing, and the nearest name there is; not the name that was asked for."""
    assert isinstance(error, NotFound)
    return problem(
        request, 404, "not-found", detail=f"there is no such {error.what}", suggestion=error.suggestion
    )


def bad_moment(request: Request, error: Exception) -> Response:
    """Say how moments are written."""
    del error
    detail = "as_of takes a position, a date (2026-01-31) or a moment (2026-01-31T08:00:00+08:00); effective_at a date or a moment"
    return problem(request, 400, "bad-moment", detail=detail)


def invalid_request(request: Request, error: Exception) -> Response:
    """Point at every parameter that is wrong. FastAPI's own handler echoes the input and fails on some of it."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"pointer": "/" + "/".join(map(str, found["loc"])), "message": found["msg"]}
        for found in error.errors()
    ]
    return problem(request, 400, "invalid-request", errors=errors)


def http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses, such as an unknown path or method."""
    assert isinstance(error, HTTPException)
    code = "not-found" if error.status_code == 404 else "http-error"
    return problem(request, error.status_code, code, headers=error.headers)


def internal_error(request: Request, error: Exception) -> Response:
    """Log what went wrong and tell the caller nothing of it."""
    log.error("unhandled_error", path=request.url.path, error=repr(error))
    return problem(request, 500, "internal-error")
