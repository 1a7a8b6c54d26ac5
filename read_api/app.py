"""The read API: records, history, events and boards of one tenant, as of now or any moment before."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from domain.refusals import NotFound
from projections.as_of import BadMoment, Horizon
from projections.catch_up import CatchUp
from projections.lens import Visible
from projections.ports import LogReader
from projections.reads import MAX_PAGE, Reads
from read_api import problems


class ReadTenant(Protocol):
    """What the read API needs of a tenant."""

    @property
    def name(self) -> str:
        """The name of the tenant."""
        ...

    @property
    def log(self) -> LogReader:
        """Its log."""
        ...

    @property
    def reads(self) -> Reads:
        """Its answers."""
        ...

    @property
    def catch_up(self) -> CatchUp:
        """How far its read models are."""
        ...


class VisibleResponse(Response):
    """A response that sends only what has passed the lens."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of something visible. Raises TypeError for anything else."""
        if not isinstance(content, Visible):
            raise TypeError("only what has passed the lens can be sent")
        return content.json()


AsOf = Annotated[
    str | None,
    Query(
        description="What was known then: a position, a date (its end, UTC) or a moment with offset.",
        max_length=40,
        examples=["12345", "2026-01-31"],
    ),
]
EffectiveAt = Annotated[
    str | None,
    Query(
        description="Business time: only what had happened by then.", max_length=40, examples=["2026-01-31"]
    ),
]


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {problems.MEDIA_TYPE: {"schema": problems.SCHEMA}}}


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The answer.", "content": {"application/json": {"schema": {"type": "object"}}}},
    400: _problem("A parameter cannot be read."),
    404: _problem("There is no such thing, or it was not there yet."),
    "default": _problem("Any other problem."),
}


def create_app(
    tenant: ReadTenant, *, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None
) -> FastAPI:
    """Build the application for one tenant. Collections are those of the playbooks in force."""
    app = FastAPI(
        title="dealtrail",
        summary="How a company sells: every record, every change, as of any moment.",
        version="1",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.include_router(_router(tenant), prefix="/v1")
    app.include_router(_health(tenant))
    app.add_exception_handler(NotFound, problems.not_found)
    app.add_exception_handler(BadMoment, problems.bad_moment)
    app.add_exception_handler(RequestValidationError, problems.invalid_request)
    app.add_exception_handler(HTTPException, problems.http_error)
    app.add_exception_handler(Exception, problems.internal_error)
    return app


def _router(tenant: ReadTenant) -> APIRouter:
    router = APIRouter(default_response_class=VisibleResponse, responses=ANSWERS)
    reads = tenant.reads

    @router.get("/events", summary="Events in the order of the log")
    def events(
        after: Annotated[int, Query(ge=0, lt=2**63, description="Only events after this position.")] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
        topic: Annotated[
            str | None,
            Query(
                max_length=100,
                description="A topic, or the word topics begin with.",
                examples=["record.stage-changed.v1"],
            ),
        ] = None,
        record: Annotated[
            str | None,
            Query(
                max_length=200,
                description="Only events of this record, as collection/id.",
                examples=["opportunities/opp_…"],
            ),
        ] = None,
    ) -> Response:
        stream = None
        if record is not None:
            collection, _, name = record.partition("/")
            stream = reads.find(reads.playbooks().kind_of_collection(collection), name)
        return VisibleResponse(reads.events(after=after, limit=limit, topic=topic, stream=stream))

    @router.get("/boards/{collection}", summary="How many records stand in each stage")
    def board(collection: str, as_of: AsOf = None, effective_at: EffectiveAt = None) -> Response:
        return VisibleResponse(
            reads.board(reads.playbooks().kind_of_collection(collection), Horizon.read(as_of, effective_at))
        )

    @router.get("/{collection}/{record_id}", summary="A record, as of any moment")
    def record(
        collection: str, record_id: str, as_of: AsOf = None, effective_at: EffectiveAt = None
    ) -> Response:
        found = reads.record(
            reads.playbooks().kind_of_collection(collection), record_id, Horizon.read(as_of, effective_at)
        )
        return VisibleResponse(found, headers={"ETag": f'"{found.data["version"]}"'})

    @router.get("/{collection}/{record_id}/history", summary="Every change of a record")
    def history(
        collection: str,
        record_id: str,
        field: Annotated[
            str | None, Query(max_length=100, description="Only this field (or stage, owner).")
        ] = None,
        as_of: AsOf = None,
        effective_at: EffectiveAt = None,
    ) -> Response:
        kind = reads.playbooks().kind_of_collection(collection)
        return VisibleResponse(reads.history(kind, record_id, Horizon.read(as_of, effective_at), field))

    return router


def _health(tenant: ReadTenant) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="The process lives")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="The database answers, and how far the read models are")
    def readyz(_: Request) -> dict[str, Any]:
        head = tenant.log.head()
        behind = {name: head - position for name, position in tenant.catch_up.positions().items()}
        return {
            "status": "ok",
            "tenant": tenant.name,
            "clock": tenant.log.genesis.clock,
            "head": head,
            "events_behind": behind,
        }

    return router
