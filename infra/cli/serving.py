"""The verb that serves commands and reads over HTTP."""

import socket
import sys
from contextlib import ExitStack
from typing import Annotated

import structlog
import typer

from commands.caller import Caller
from infra.cli.session import ALL_RIGHTS, Session, session_of
from infra.embedded import Keeping
from infra.http import logs
from infra.http.acceptance import Accepted, accepted_tokens
from infra.http.logs import LogStyle
from infra.settings import LOOPBACK_NAMES
from infra.tenant import Tenant

LOOPBACK = "127.0.0.1"
DEMO_ACTOR = "system/demo"
NO_KEYS = (
    "no keys for tokens are configured, so nobody could be let in. For a trial run `dealtrail token --actor system/trial --client trial` once, which"
    " makes a key; else set DEALTRAIL_TOKEN_ISSUER with DEALTRAIL_TOKEN_KEYS or DEALTRAIL_TOKEN_JWKS. `dealtrail serve --demo` needs no tokens, and"
    " answers this machine only"
)

database = structlog.get_logger(log="database")


class PortInUse(RuntimeError):
    """Another program listens on the port."""


def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port to listen on.")] = 8765,
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen on. Put what ends TLS in front of any other than this machine's own."
        ),
    ] = LOOPBACK,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="Without tokens: everybody on this machine may do everything, and nobody else."
        ),
    ] = False,
    log: Annotated[
        LogStyle | None, typer.Option(help="How the log is written; console on a terminal, else json.")
    ] = None,
) -> None:
    """Serve commands and reads over HTTP, to whoever has a token of the issuer in the settings."""
    session = session_of(context)
    if demo and host not in LOOPBACK_NAMES:
        raise typer.BadParameter(
            f"--demo has no tokens, so it listens on this machine only; leave --host {host} out"
        )
    ensure_free(port, host)
    accepted = None if demo else accepted_tokens(session.settings)
    if not demo and accepted is None:
        raise typer.BadParameter(NO_KEYS)
    with session.tenant(begins=True) as tenant:
        run(session, tenant, port, host=host, accepted=accepted, log=log)


def run(
    session: Session,
    tenant: Tenant,
    port: int,
    *,
    host: str = LOOPBACK,
    accepted: Accepted | None = None,
    log: LogStyle | None = None,
) -> None:
    """Serve until interrupted. Without tokens it is a demo, and listens on this machine only."""
    from infra import asgi  # noqa: PLC0415 — only what serves waits until FastAPI is read in

    logs.configure(log or (LogStyle.console if sys.stderr.isatty() else LogStyle.json))
    settings = session.settings
    if accepted is None:
        host = host if host in LOOPBACK_NAMES else LOOPBACK
        caller = Caller(tenant.name, "demo", DEMO_ACTOR, rights=ALL_RIGHTS)
        app = asgi.build(tenant, settings, caller=caller, is_demo=True)
    else:
        app = asgi.build(tenant, settings, tokens=accepted.tokens)

    def announce() -> None:
        base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        session.out.print(f"{base}/docs  ·  OpenAPI: {base}/openapi.json  ·  API: {base}/v1", style="bold")
        _tell_who_may(session, accepted)

    with ExitStack() as closing:
        if settings.database_url is None:
            closing.enter_context(
                Keeping(settings.home, lambda said: database.warning("embedded_postgres", said=said))
            )
        asgi.Server(app, host, port, settings.header_seconds, announce).run()


def _tell_who_may(session: Session, accepted: Accepted | None) -> None:
    if accepted is None:
        session.tell("no tokens", actor=DEMO_ACTOR)
    elif accepted.is_trial:
        session.tell("tokens for trials", source=accepted.source)
    else:
        session.tell("tokens of", issuer=accepted.tokens.issuer, source=accepted.source)


def ensure_free(port: int, host: str = LOOPBACK) -> None:
    """Make sure that nobody listens on a port. Raises PortInUse with what to do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise typer.BadParameter(f"{host} is no address of this machine") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError:
            raise PortInUse(f"port {port} is in use by another program; choose one with --port") from None
