"""Routes about people, teams, and what changed in the organisation."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from projections import leaving, people
from projections.as_of import Horizon
from projections.lists import ITEMS, Ask
from projections.people import Who
from read_api.answers import Limit, MinPosition, ReadTenant, VisibleResponse, ask_of, known_of

_MOMENT = "A position, a date (its end, UTC) or a moment with offset."


def add_organisation_routes(router: APIRouter, tenant: ReadTenant) -> None:
    """Add the routes about the organisation."""

    @router.get("/people", summary="People")
    def all_people(
        ask: Annotated[Ask, Depends(ask_of(tenant, known_of))],
        team: Annotated[
            str | None, Query(max_length=200, description="Only the people of this team.")
        ] = None,
        role: Annotated[
            str | None, Query(max_length=200, description="Only people who hold this role.")
        ] = None,
        active: Annotated[
            bool | None, Query(description="Only people who work here (true) or have left (false).")
        ] = None,
    ) -> Response:
        return VisibleResponse(people.people(tenant.reads, ask, Who(team, role, active)))

    @router.get("/people/{person}", summary="A person, with every event about them")
    def one_person(person: str, horizon: Annotated[Horizon, Depends(known_of(tenant))]) -> Response:
        return VisibleResponse(people.person(tenant.reads, person, horizon))

    @router.get(
        "/people/{person}/departures/check",
        summary="What somebody would leave behind: open records, work, approvals to decide, reports",
    )
    def would_leave_behind(person: str, limit: Limit = ITEMS, min_position: MinPosition = None) -> Response:
        """All that is in somebody's hands now, counted, each with its first items. Nothing of it moves by itself when they leave: hand it over first."""
        if min_position is not None:
            tenant.reads.wait_for(min_position, leaving.MODELS)
        return VisibleResponse(leaving.left_behind(tenant.reads, person, limit))

    @router.get("/teams", summary="Teams, and who is in them")
    def teams(horizon: Annotated[Horizon, Depends(known_of(tenant))]) -> Response:
        return VisibleResponse(people.teams(tenant.reads, horizon))

    @router.get("/organisation", summary="Everybody and every team, as of any moment")
    def organisation(horizon: Annotated[Horizon, Depends(known_of(tenant))]) -> Response:
        return VisibleResponse(people.whole_organisation(tenant.reads, horizon))

    @router.get("/organisation/difference", summary="What changed in the organisation between two moments")
    def difference(
        begin: Annotated[str, Query(alias="from", max_length=40, description=_MOMENT, examples=["120"])],
        end: Annotated[
            str | None, Query(alias="to", max_length=40, description=f"{_MOMENT} Default: now.")
        ] = None,
        min_position: MinPosition = None,
    ) -> Response:
        """Who joined, left or moved, which roles were granted or revoked, which teams were formed; each with the positions of its events."""
        if min_position is not None:
            tenant.reads.wait_for(min_position)
        span = Horizon.read(begin, parameter="from"), Horizon.read(end, parameter="to")
        return VisibleResponse(people.difference(tenant.reads, *span))
