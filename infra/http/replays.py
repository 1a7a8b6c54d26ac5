"""Routes that start and cancel replays, and the report of one. A replay writes nothing to the log: it is no command and needs no key."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from commands.http.bodies import MappingOfKind
from commands.http.describing import problem_response, schema_of
from commands.http.headers import require_json
from commands.http.issuing import caller_of
from commands.http.reading import read_body, read_json
from domain.refusals import InvalidCommand
from infra.http.language import Language
from infra.http.problems import RETRY_AFTER_SECONDS, Problem, Refused
from infra.replays import ReplayJobs, ReplaysBusy, Wanted, kept_draft
from infra.report import policy, report
from infra.tenant import Tenant
from projections.lens import Visible
from projections.replay.asking import unknown_names
from projections.replay_answers import show_replay, show_result
from projections.replay_jobs import find_job
from projections.replay_window import MOST_DAYS, Words, read_window
from read_api.parameters import only_known

_LARGEST = 2**63
EXAMPLE = "all"
_Position = Annotated[int | None, Field(ge=0, lt=_LARGEST)]
_Moment = Annotated[str | None, Field(max_length=40)]


class ReplayRequest(BaseModel):
    """Which decisions are judged again, and on which position of the log; by default all of them, at its head."""

    model_config = ConfigDict(extra="forbid", strict=True)

    since: _Moment = Field(
        default=None, description="Decisions recorded from then on: a date (UTC) or a moment with offset."
    )
    until: _Moment = Field(
        default=None, description="Decisions recorded by then: a date (its end, UTC) or a moment with offset."
    )
    after: _Position = Field(default=None, description="Decisions after this position.")
    upto: _Position = Field(default=None, description="Decisions up to this position.")
    last_days: Annotated[int | None, Field(ge=1, le=MOST_DAYS)] = Field(
        default=None, description="Decisions of the last so many days."
    )
    position: Annotated[int | None, Field(ge=1, lt=_LARGEST)] = Field(
        default=None,
        description="The position of the log the replay stands on (default: its head). With the same one, the same question is the same replay.",
    )
    scope: dict[str, list[str]] = Field(
        default={},
        max_length=20,
        description="Only records that hold one of the options of a choice field; `owner.region` and `owner.team` go by the owner.",
    )
    mappings: dict[str, MappingOfKind] = Field(
        default={},
        max_length=1_000,
        description="By kind: where the stages, fields and options go that the draft takes away, as in a publication.",
    )
    about: list[Literal["indices", "deadlines", "approvals", "assignment", "reactions"]] | None = Field(
        default=None,
        description="What is replayed beside gates; by default indices, and whatever the draft says otherwise than the versions in force.",
    )
    again: bool = Field(default=False, description="Make a result anew that is kept already.")

    @property
    def words(self) -> Words:
        """How the request says which decisions are meant."""
        return Words(self.after, self.upto, self.since, self.until, self.last_days, self.position)


def replay_routes(tenant: Tenant, replays: ReplayJobs) -> APIRouter:
    """Build the routes that start and cancel replays and show their reports, to be mounted under /v1."""
    router = APIRouter(tags=["replays"])

    @router.post(
        "/playbooks/{name}/drafts/{number}/replays",
        status_code=202,
        response_class=Response,
        operation_id="start_replay",
        summary="Replay a draft over what was recorded",
        responses={
            202: _answer(
                "It is under way, or done already: the same question is the same replay.", location=True
            ),
            **_problems(400, 401, 404, 413, 415, 422, 429, 503),
        },
        openapi_extra={
            "parameters": [
                _path("name", "string", "The name of the playbook.", "smart_hardware"),
                _path("number", "integer", "The number of the draft.", 1),
            ],
            "requestBody": {
                "required": False,
                "content": {
                    "application/json": {
                        "schema": schema_of(ReplayRequest),
                        "examples": {EXAMPLE: {"summary": "Everything that was ever decided", "value": {}}},
                    }
                },
            },
        },
    )
    async def start(request: Request) -> Response:
        """Nothing live changes by it. It goes on when the client is gone; `Location` says where it is to be seen."""
        caller = caller_of(request)
        name, number = request.path_params["name"], request.path_params["number"]
        raw = await request.body()
        if raw:
            require_json(request.headers)
        body = read_json(raw or b"{}")
        if isinstance(body, dict) and isinstance(body.get("scope"), dict):
            # A field there is none of is what is wrong, however its options are written.
            await run_in_threadpool(_refuse_unknown, tenant, name, number, body["scope"])
        asked = read_body(ReplayRequest, body)

        def begin() -> Visible:
            mappings = {kind: told.mappings() for kind, told in asked.mappings.items()}
            draft = replace(kept_draft(tenant, name, number), mappings=mappings)
            window = read_window(tenant.log, tenant.reads.clock(), asked.words)
            scope = {part: tuple(options) for part, options in asked.scope.items()}
            who = caller.on_behalf_of or caller.actor
            about = None if asked.about is None else frozenset[str](asked.about)
            wanted = Wanted(draft, window, int(number), scope, who, about)
            try:
                job = replays.start(wanted, again=asked.again)
            except ReplaysBusy:
                later = {"Retry-After": str(RETRY_AFTER_SECONDS)}
                raise Refused(Problem("overloaded", headers=later)) from None
            return show_replay(tenant.reads, replays, job.id)

        return _shown(await run_in_threadpool(begin), 202)

    @router.delete(
        "/replays/{replay}",
        status_code=202,
        response_class=Response,
        operation_id="cancel_replay",
        summary="Cancel a replay",
        responses={
            202: _answer("It ends within seconds, without a result; one that is done stays as it is."),
            **_problems(401, 404, 429, 503),
        },
    )
    async def cancel(replay: str) -> Response:
        def end() -> Visible:
            job = replays.cancel(find_job(replays, replay).id)
            return show_replay(tenant.reads, replays, job.id)

        return _shown(await run_in_threadpool(end), 202)

    @router.get(
        "/replays/{replay}/report",
        response_class=Response,
        dependencies=[Depends(only_known)],
        operation_id="replay_report",
        summary="A replay as a page: one file that needs nothing from elsewhere",
        responses={
            200: {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}},
            **_problems(400, 401, 404, 409),
        },
    )
    def page(
        request: Request,
        replay: str,
        lang: Annotated[
            Language | None, Query(description="The language; by default the one the header prefers.")
        ] = None,
    ) -> Response:
        language = lang or caller_of(request).language
        shown = show_result(tenant.reads, replays, replay)
        headers = {
            "Content-Security-Policy": f"{policy()}; frame-ancestors 'none'",
            "Content-Language": language,
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Language",
        }
        return Response(report(shown, language, tenant.name), 200, headers, "text/html; charset=utf-8")

    return router


def _shown(shown: Visible, status: int) -> Response:
    headers = {"Location": f"/v1/replays/{shown.data['id']}", "Cache-Control": "no-store"}
    return Response(shown.json(), status, headers, "application/json")


def _path(name: str, kind: str, description: str, example: Any) -> dict[str, Any]:
    return {
        "examples": {EXAMPLE: {"value": example}},
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": kind},
    }


_ANSWER = {
    "type": "object",
    "required": ["id", "state", "playbook", "window", "position", "progress"],
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "state": {"enum": ["queued", "running", "done", "failed", "cancelled", "interrupted"]},
        "playbook": {"type": "string"},
        "draft": {"type": ["integer", "null"]},
        "digest": {"type": "string"},
        "window": {"type": "object"},
        "scope": {"type": "object"},
        "position": {"type": "integer"},
        "progress": {"type": "object"},
        "failure": {"type": ["object", "null"]},
        "impact": {"type": ["object", "null"]},
    },
}


def _refuse_unknown(tenant: Tenant, name: str, number: str, scope: Iterable[str]) -> None:
    """Refuse a scope that names what the draft has no choice field for. Raises InvalidCommand, NotFound."""
    if unknown := unknown_names(scope, None, kept_draft(tenant, name, number)):
        raise InvalidCommand(unknown)


def _answer(description: str, *, location: bool = False) -> dict[str, Any]:
    told: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": _ANSWER}},
    }
    if location:
        told["headers"] = {"Location": {"description": "The replay.", "schema": {"type": "string"}}}
    return told


_PROBLEMS = {
    400: "The request cannot be read.",
    401: "The token is missing, or is not one of ours.",
    404: "There is no such thing.",
    409: "The replay is not done, or ended without a result.",
    413: "The body is too large.",
    415: "The body is of a media type that is not taken here.",
    422: "The window or the scope does not fit.",
    429: "Too many requests: wait for as long as Retry-After says.",
    503: "Not now: wait for as long as Retry-After says.",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: problem_response(_PROBLEMS[status]) for status in statuses}
