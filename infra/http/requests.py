"""Every request has an id and one line in the log; no answer leaves without the headers that keep it from being misread.

What is logged is who, what and how long: never a body, a token, or the values of a query.
"""

import re
import secrets
import traceback
from collections.abc import Mapping
from time import perf_counter

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.http.problems import DATABASE_IS_AWAY, described, language_of

_REQUEST_ID = re.compile(r"[!-~]{1,100}\Z", re.ASCII)
_TRACE_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?\Z", re.ASCII)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})

API_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers of every answer that does not set its own."""

log = structlog.get_logger(log="access")
errors = structlog.get_logger(log="errors")


def request_id_of(headers: Headers) -> str:
    """Return the caller's id of a request when it is a plain one, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.match(given) else f"req_{secrets.token_hex(10)}"


def trace_of(headers: Headers) -> dict[str, str]:
    """Return the ids of the trace a request belongs to (W3C Trace Context), empty when there is none or it is not valid."""
    given = _TRACE_PARENT.match(headers.get("traceparent", ""))
    if given is None or given[1] == "ff" or (given[1] == "00" and given[4]):
        return {}
    if not int(given[2], 16) or not int(given[3], 16):
        return {}
    return {"trace_id": given[2], "parent_span_id": given[3]}


class Requests:
    """Gives each request its id, turns what escapes the routes into a problem, and writes the access log."""

    def __init__(self, app: ASGIApp, *, always: Mapping[str, str] | None = None) -> None:
        self._app = app
        self._always = dict(always or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and see to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = request_id_of(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id, **trace_of(headers)):
            await self._carry_out(scope, receive, send, request_id)

    async def _carry_out(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        began, status = perf_counter(), 0

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in API_HEADERS.items():
                    headers.setdefault(name, value)
                for name, value in self._always.items():
                    headers[name] = value
                headers["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, answered)
        except ClientDisconnect:
            pass  # nobody is there to be answered; the log line says status 0
        except Exception as error:  # noqa: BLE001 — whatever it is, the caller gets a problem and the log the place
            log_error(error)
            if status == 0:
                language = language_of(scope)
                await described(error, language).response(language)(scope, receive, answered)
        finally:
            caller = scope["state"].get("caller")
            method = scope["method"]
            log.info(
                "request",
                method=method if method in _METHODS else "other",
                route=_route_of(scope),
                status=status,
                duration_ms=round((perf_counter() - began) * 1000, 2),
                client=getattr(caller, "client", None),
            )


def _route_of(scope: Scope) -> str:
    """The template of the route that answered, with the prefix it is mounted under; the address itself may hold anything."""
    template: str | None = getattr(scope.get("route"), "path_format", None)
    if template is None:
        return "none"
    address: str = scope["path"]
    return f"{address.removesuffix(template.format(**scope.get('path_params', {})))}{template}"


def log_error(error: BaseException) -> None:
    """Log that something failed, and where; not what its message says, which may repeat what was sent."""
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    where = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    if isinstance(error, DATABASE_IS_AWAY):
        errors.warning("database_unavailable", error=type(error).__qualname__, where=where[-3:])
    else:
        errors.error("unhandled_error", error=type(error).__qualname__, where=where)
