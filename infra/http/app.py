"""The HTTP service of one tenant: commands, reads, health and pages behind one edge."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from commands.caller import Caller
from commands.errors import CommandError
from commands.evidence import EvidenceMissing
from commands.http.router import build_router as command_routes
from commands.playbook_file import FileRefused
from domain.refusals import NotAllowed, Refusal
from infra.deadline_clock import noticing
from infra.follower import following
from infra.http.addresses import Addresses
from infra.http.bodies import Bodies, Limits
from infra.http.closings import closing_routes
from infra.http.description import Description
from infra.http.desk import TenantDesk
from infra.http.doorkeeper import Doorkeeper
from infra.http.evidence import EvidenceOfSettings
from infra.http.heads import Heads
from infra.http.health import Readiness, health_routes
from infra.http.pages.docs import docs_pages
from infra.http.pages.problems import problem_pages
from infra.http.problems import DATABASE_IS_AWAY, Refused, described, language_of
from infra.http.rate import Admission, Buckets, RateLimit
from infra.http.replays import replay_routes
from infra.http.requests import Requests, log_error
from infra.http.tokens import Tokens
from infra.ledger import ledger_store
from infra.ledger_keeping import keeping
from infra.pool_clock import recycling
from infra.replay_engine import LedgerEngine
from infra.replays import ReplayJobs, SignableReplays
from infra.settings import Settings
from infra.telling import targets_of, telling
from infra.tenant import Tenant
from projections.as_of import BadMoment
from projections.errors import ReadError
from projections.ledger.ledger import Ledger
from projections.ledger.store import LedgerError
from projections.measured import Measures
from projections.timer_forecast import forecast
from read_api.app import build_router as read_routes

DEMO_HEADERS = {"X-Dealtrail-Mode": "demo: no tokens, everybody on this machine may do everything"}
METHOD_NOT_ALLOWED = 405
_SPARE_THREADS = 8
_ERRORS: tuple[type[Exception], ...] = (
    Refused, Refusal, CommandError, ReadError, FileRefused, BadMoment, EvidenceMissing, RequestValidationError, HTTPException,
    LedgerError, *DATABASE_IS_AWAY, Exception,
)  # fmt: skip

security = structlog.get_logger(log="security")


def build(
    tenant: Tenant,
    settings: Settings | None = None,
    *,
    tokens: Tokens | None = None,
    caller: Caller | None = None,
    is_demo: bool = False,
    replays: ReplayJobs | None = None,
) -> FastAPI:
    """Build the service for one tenant.

    Callers are known by `tokens`, or everybody is taken for the one `caller`; with neither, only the public addresses answer.
    As a demo it answers to the names of this machine only, and says in every answer that there are no tokens.
    """
    settings = settings or Settings()
    targets_of(settings)  # targets that cannot be used are said now, and not to nobody in a thread
    replays = replays or ReplayJobs(tenant, settings, LedgerEngine())
    readiness = Readiness(tenant, max_events_behind=settings.max_events_behind, is_demo=is_demo)
    app = FastAPI(
        title="dealtrail",
        summary="How a company sells: every record, every change, as of any moment.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # a redirect would repeat the address, and the name of the host as the caller has it
        lifespan=_serving(tenant, readiness, settings, replays),
        middleware=_edge(tenant.name, settings, tokens, caller, is_demo=is_demo),
    )
    add_routes(app, tenant, settings, replays)
    app.include_router(health_routes(readiness))
    for kind in _ERRORS:
        app.add_exception_handler(kind, answer)
    description = Description(app)

    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> Response:
        return JSONResponse(description.of(tenant.reads.playbooks()))

    app.include_router(docs_pages())
    app.include_router(problem_pages())
    return app


def add_routes(app: FastAPI, tenant: Tenant, settings: Settings, replays: ReplayJobs | None = None) -> None:
    """Add the routes of commands, replays and reads. Nothing is asked of the tenant meanwhile."""
    evidence = EvidenceOfSettings(settings)
    replays = replays or ReplayJobs(tenant, settings, LedgerEngine())
    commands = command_routes(
        TenantDesk(tenant, evidence),
        threads=settings.commands_in_flight,
        max_evidence_bytes=settings.max_evidence_bytes,
        max_bulk_bytes=settings.max_bulk_bytes,
        replays=SignableReplays(replays),
        forecast=lambda draft: forecast(tenant.reads, draft).as_json(),
    )
    app.include_router(commands, prefix="/v1")
    app.include_router(replay_routes(tenant, replays), prefix="/v1")
    measures = Measures(tenant.reads, replays.view, replays)
    app.include_router(closing_routes(tenant, measures), prefix="/v1")
    reads = read_routes(
        tenant,
        evidence,
        replays,
        measures,
        settings.public_url,
        lambda command: tenant.migrations.preview(command),  # noqa: PLW0108 — nothing is asked of the tenant yet
    )
    app.include_router(reads, prefix="/v1")


def _edge(
    tenant: str, settings: Settings, tokens: Tokens | None, caller: Caller | None, *, is_demo: bool
) -> list[Middleware]:
    """What a request passes on its way in, outermost first: nothing is read of a body before its sender is known and may send it."""
    limits = Limits(
        body_bytes=settings.max_body_bytes,
        bulk_bytes=settings.max_bulk_bytes,
        evidence_bytes=settings.max_evidence_bytes,
        seconds=settings.body_seconds,
    )
    buckets = Buckets(settings.commands_per_second_per_client, settings.command_burst_per_client)
    return [
        Middleware(Requests, always=DEMO_HEADERS if is_demo else None),
        Middleware(Heads),
        Middleware(Addresses, loopback_only=is_demo),
        Middleware(Doorkeeper, tenant=tenant, tokens=tokens, caller=caller),
        Middleware(RateLimit, buckets=buckets),
        Middleware(Bodies, limits=limits),
        Middleware(Admission, commands=settings.commands_in_flight, reads=settings.reads_in_flight),
    ]


def _serving(
    tenant: Tenant, readiness: Readiness, settings: Settings, replays: ReplayJobs
) -> Callable[[FastAPI], Any]:
    """While the service runs, read models and ledger follow the log, and replays are worked off."""

    @asynccontextmanager
    async def serving(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = settings.reads_in_flight + _SPARE_THREADS
        ledger = Ledger(ledger_store(settings), tenant.log)
        with (
            following(tenant) as followers,
            noticing(tenant, settings.deadline_workers),
            recycling(tenant),
            telling(tenant, settings),
            keeping(ledger, tenant.pool, settings.ledger_seconds) as keeper,
        ):
            readiness.followers = followers
            app.state.keeper = keeper
            try:
                yield
            finally:
                readiness.followers = None
                await to_thread.run_sync(replays.close)

    return serving


async def answer(request: Request, error: Exception) -> Response:
    """Answer an error with its problem; what is nobody's mistake but ours, and who tried what they may not, is logged."""
    caller = getattr(request.state, "caller", None)
    language = caller.language if caller is not None else language_of(request.scope)
    if isinstance(error, HTTPException) and error.status_code == METHOD_NOT_ALLOWED:
        error.headers = {"Allow": ", ".join(allowed_at(request))}
    problem = described(error, language)
    if isinstance(error, NotAllowed):
        security.warning(
            "not_allowed",
            right=str(error.right),
            client=getattr(caller, "client", None),
            actor=getattr(caller, "actor", None),
            client_address=request.client.host if request.client else None,
        )
    elif problem.code == "ledger-unavailable":
        keeper = getattr(request.app.state, "keeper", None)
        if keeper is not None:
            keeper.suspect()
        log_error(error)
    elif problem.code in {"internal-error", "database-unavailable", "evidence-unavailable"}:
        log_error(error)
    return problem.response(language)


def allowed_at(request: Request) -> list[str]:
    """Return every method there is at an address; the framework stops at the first route that knows the path.

    Of several routes that match, those with the fewest parameters mean the address: a fixed name goes before a collection.
    """
    methods: dict[int, set[str]] = {}
    for route in iter_route_contexts(request.app.routes):
        pattern, names = getattr(route, "path_regex", None), getattr(route, "param_convertors", {})
        if pattern is not None and pattern.match(request.url.path):
            methods.setdefault(len(names), set()).update(getattr(route, "methods", None) or ())
    found = methods[min(methods)] if methods else set()
    return sorted(found | ({"HEAD"} if "GET" in found else set()))
