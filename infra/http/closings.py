"""Routes that close periods of indices and show what was closed. The result is computed here from the ledger, and frozen by a command."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from commands.caller import Caller
from commands.http.answers import accepted, content_of, response_of
from commands.http.bodies import Body
from commands.http.describing import problem_response, schema_of
from commands.http.headers import IDEMPOTENCY_KEY, idempotency_key, require_json
from commands.http.issuing import CHANNEL, caller_of
from commands.http.reading import read_body, read_json
from commands.submission import Answer
from consumers.closing import IndexResult, close_period
from domain.indices.commands import CloseIndex
from domain.refusals import InvalidCommand, Problem
from infra.tenant import Tenant
from projections.as_of import Horizon
from projections.closings import closing, closings
from projections.lists import Ask
from projections.measured import Measures
from read_api.answers import ANSWERS, VisibleResponse, ask_of, horizon_of
from read_api.parameters import only_known

_LARGEST = 2**63
EXAMPLE = "march"


class ClosingRequest(Body):
    """A period of an index to close, with the result as of the position that was looked at."""

    period: str = Field(max_length=20, description="The period, as the index names it.", examples=["2026-03"])
    position: int = Field(
        ge=1,
        lt=_LARGEST,
        description="The position of the log the result is of: `as_of_position` of the answer that was looked at.",
        examples=[22_998],
    )
    restates: int | None = Field(
        default=None,
        ge=1,
        lt=_LARGEST,
        description="The position of the closing this one replaces; needs a reason.",
    )


def close(
    tenant: Tenant,
    measures: Measures,
    caller: Caller,
    index: str,
    asked: ClosingRequest,
    *,
    key: str,
    channel: str,
) -> Answer:
    """Compute what a period came to as of a position, and freeze it. Raises InvalidCommand for a position the log has not reached."""
    head = tenant.log.head()
    if asked.position > head:
        raise InvalidCommand([Problem("/position", f"the log ends at position {head:,}")])
    frozen = measures.frozen(index, asked.period, asked.position)
    return close_period(
        tenant.bus,
        caller,
        index,
        asked.period,
        IndexResult(frozen.playbook, frozen.playbook_version, asked.position, frozen.cells),
        asked.restates,
        asked.reason,
        key=key,
        channel=channel,
        told_time=tenant.told_time(),
    )


def closing_routes(tenant: Tenant, measures: Measures) -> APIRouter:
    """Build the routes about closings, to be mounted under /v1."""
    router = APIRouter(tags=["indices"], responses=ANSWERS)
    looks, known = Depends(horizon_of(tenant)), [Depends(only_known)]

    @router.post(
        "/indices/{index}/closings",
        status_code=201,
        response_class=Response,
        operation_id="close_period",
        summary="Close a period of an index",
        responses={
            201: _answer("It stands from now on; only a closing that restates it, with a reason, replaces it."),
            **_problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
        },
        openapi_extra={
            "parameters": [
                {
                    "name": "index",
                    "in": "path",
                    "required": True,
                    "description": "The index.",
                    "examples": {EXAMPLE: {"value": "phi"}},
                    "schema": {"type": "string"},
                },
                {
                    "name": IDEMPOTENCY_KEY,
                    "in": "header",
                    "required": True,
                    "description": "The same key and body give the same answer, and close once.",
                    "examples": {EXAMPLE: {"value": "phi 2026-03"}},
                    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
                },
            ],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": schema_of(ClosingRequest),
                        "examples": {
                            EXAMPLE: {"summary": "What March came to", "value": {"period": "2026-03", "position": 22_998}}
                        },
                    }
                },
            },
        },
    )  # fmt: skip
    async def close_one(request: Request) -> Response:
        """The cells are computed as of the position: for all records, and by region, team and owner."""
        caller, key = caller_of(request), idempotency_key(request.headers)
        require_json(request.headers)
        index = request.path_params["index"]
        asked = read_body(ClosingRequest, read_json(await request.body()))

        def carry_out() -> Response:
            answer = accepted(close(tenant, measures, caller, index, asked, key=key, channel=CHANNEL))
            about = CloseIndex(index, "", 0, asked.period, asked.position, [])
            content = content_of(answer, about, made=None, is_simulated=tenant.log.is_simulated)
            where = {"Location": f"/v1/indices/{index}/closings/{asked.period}"}
            return response_of(content, 201, replayed=answer.replayed, headers=where)

        return await run_in_threadpool(carry_out)

    @router.get("/indices/{index}/closings", summary="The closed periods of an index, the latest first", response_class=VisibleResponse, dependencies=known)  # fmt: skip
    def all_closings(index: str, ask: Annotated[Ask, Depends(ask_of(tenant))]) -> Response:
        return VisibleResponse(closings(tenant.reads, index, ask))

    @router.get("/indices/{index}/closings/{period}", summary="What stands for a closed period, with everything that stood before", response_class=VisibleResponse, dependencies=known)  # fmt: skip
    def one_closing(index: str, period: str, horizon: Annotated[Horizon, looks]) -> Response:
        return VisibleResponse(closing(tenant.reads, index, period, horizon))

    return router


def _answer(description: str) -> dict[str, Any]:
    content: Mapping[str, Any] = {"application/json": {"schema": {"type": "object", "required": ["outcome", "position", "events"]}}}  # fmt: skip
    return {"description": description, "content": content}


_PROBLEMS = {
    400: "The request cannot be read, or the idempotency key is missing.",
    401: "The token is missing, or is not one of ours.",
    403: "This needs a right the caller does not have.",
    404: "There is no such index.",
    409: "The log moved meanwhile: try again.",
    413: "The body is too large.",
    415: "The body is of a media type that is not taken here.",
    422: "The period is not over, closed already, or none of this index.",
    429: "Too many requests: wait for as long as Retry-After says.",
    503: "Not now: wait for as long as Retry-After says.",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: problem_response(_PROBLEMS[status]) for status in statuses}
