"""Whether the process lives, and whether it is ready to be asked: what load balancers and people on call look at."""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Protocol

import anyio
import structlog
from anyio import to_thread
from eventsourcing.persistence import PersistenceError
from fastapi import APIRouter, Request
from psycopg import Error as DatabaseError
from starlette.responses import JSONResponse, Response

from infra import database
from infra.http.problems import RETRY_AFTER_SECONDS, Problem, language_of
from infra.tenant import Tenant
from projections.standing import BACKING_OFF, STOPPED, Standing

CHECK_SECONDS = 5.0
REMEMBER_SECONDS = 1.0

log = structlog.get_logger(log="health")


class Followers(Protocol):
    """What follows the log while the server runs."""

    def status(self) -> list[Standing]:
        """Return where each projection stands."""
        ...


class Readiness:
    """Looks at the database and the projections, at most once a second however often it is asked: anybody may ask."""

    def __init__(
        self, tenant: Tenant, *, max_events_behind: int, is_demo: bool, clock: Callable[[], float] = monotonic
    ) -> None:
        self.followers: Followers | None = None
        self._tenant = tenant
        self._max_events_behind = max_events_behind
        self._is_demo = is_demo
        self._clock = clock
        self._known: tuple[float, dict[str, Any]] | None = None
        self._one_at_a_time = anyio.Lock()

    async def look(self) -> dict[str, Any]:
        """Return what there is to say; `reasons` is empty when the server is ready."""
        async with self._one_at_a_time:
            if self._known is None or self._clock() - self._known[0] >= REMEMBER_SECONDS:
                found: dict[str, Any] = {"reasons": ["the database does not answer"]}
                with anyio.move_on_after(CHECK_SECONDS):
                    found = await to_thread.run_sync(self._look, abandon_on_cancel=True)
                self._known = (self._clock(), found)
            return self._known[1]

    def _look(self) -> dict[str, Any]:
        try:
            database.check_usable(self._tenant.url)
            standings = self.followers.status() if self.followers is not None else []
            head = self._tenant.log.head()
        except database.DatabaseUnusable as error:
            # Why is for the operator; names of hosts and databases are not for everybody.
            log.warning("not_ready", why=str(error))
            return {
                "reasons": [
                    "the database does not answer, or lacks what this version needs; the log of the server says more"
                ]
            }
        except (DatabaseError, PersistenceError) as error:
            log.warning("not_ready", error=type(error).__name__)
            return {"reasons": ["the database does not answer"]}
        found: dict[str, Any] = {
            "tenant": self._tenant.name,
            "clock": self._tenant.log.genesis.clock,
            "head": head,
            "events_behind": {standing.name: standing.events_behind for standing in standings},
            "reasons": list(self._reasons(standings)),
        }
        if parked := {
            standing.name: standing.parked_streams for standing in standings if standing.parked_streams
        }:
            found["parked_records"] = parked
        if self._is_demo:
            found["demo"] = True
        return found

    def _reasons(self, standings: Sequence[Standing]) -> Sequence[str]:
        reasons = []
        for standing in standings:
            if standing.state in {STOPPED, BACKING_OFF}:
                reasons.append(f"the projection {standing.name} is {standing.state}")
            elif standing.events_behind is None:
                reasons.append(f"nobody knows where the projection {standing.name} is")
            elif standing.events_behind > self._max_events_behind:
                reasons.append(
                    f"the projection {standing.name} is {standing.events_behind:,} events behind the log"
                )
        return reasons


def health_routes(readiness: Readiness) -> APIRouter:
    """Build the routes `/healthz` and `/readyz`."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="The process lives")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get(
        "/readyz",
        summary="Whether the database answers, is up to date, and the read models follow the log",
        response_model=dict[str, Any],
        responses={503: {"description": "Not ready; `reasons` says why."}},
    )
    async def readyz(request: Request) -> Response:
        found = await readiness.look()
        if found["reasons"]:
            problem = Problem("not-ready", more=found, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
            return problem.response(language_of(request.scope))
        return JSONResponse(
            {"status": "ok", **{name: value for name, value in found.items() if name != "reasons"}}
        )

    return router
