"""The log of a server: one line an event, as JSON or for people, without secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from enum import StrEnum
from typing import Any, TextIO

import structlog

_SECRETS = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+]*://[^\s:/@]*):[^\s@]+@"
    r"|(?P<bearer>\bbearer\s+)[\w.~+/=-]+"
    r"|(?P<jwt>)\beyJ[\w-]*\.[\w-]*\.?[\w-]*"
    r"|(?P<password>\bpassword\s*[=:]\s*)\S+"
    r"|(?P<pem>)-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.IGNORECASE,
)


class LogStyle(StrEnum):
    """How log lines are written."""

    json = "json"
    console = "console"


def configure(style: LogStyle, stream: TextIO | None = None) -> None:
    """Write the log to a stream (the error stream unless told otherwise); what libraries log goes the same way."""
    out = stream or sys.stderr
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style is LogStyle.json
        else structlog.dev.ConsoleRenderer(
            colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            without_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_Forwarding()]
    root.setLevel(logging.WARNING)


def without_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take passwords, tokens and private keys out of whatever is logged, should they ever get there; and keep each event on its line."""
    for name, value in event.items():
        event[name] = _cleaned(value)
    return event


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _SECRETS.sub(_masked, value)
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value if value is None or isinstance(value, int | float) else _cleaned(str(value))


def _masked(found: re.Match[str]) -> str:
    kept = found["scheme"] or found["bearer"] or found["password"] or ""
    return f"{kept}:***@" if found["scheme"] else f"{kept}***"


class _Forwarding(logging.Handler):
    """Sends what libraries log to the same place; of an exception its type and place, never its text."""

    def emit(self, record: logging.LogRecord) -> None:
        about: dict[str, Any] = {"log": record.name}
        if record.exc_info and record.exc_info[0] is not None:
            about["error"] = record.exc_info[0].__qualname__
        line = structlog.get_logger()
        write = line.error if record.levelno >= logging.ERROR else line.warning
        write(record.getMessage().strip(), **about)
