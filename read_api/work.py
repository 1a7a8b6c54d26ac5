"""Routes about work: what waits for whom, which legs are late, how long people wait for each other's answers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from projections.lists import ITEMS, Ask
from projections.work import Work
from projections.working import Which, late_legs, list_work, response_times, work_of
from read_api.answers import CursorText, Limit, MinPosition, ReadTenant, VisibleResponse


def add_work_routes(router: APIRouter, tenant: ReadTenant) -> None:
    """Add the routes about work and approvals that wait."""

    def waited(min_position: MinPosition = None) -> None:
        if min_position is not None:
            tenant.reads.wait_for(min_position, (Work.name,))

    @router.get(
        "/work", summary="Work and approvals, by priority and due moment", dependencies=[Depends(waited)]
    )
    def work(
        assignee: Annotated[
            str | None, Query(max_length=200, description="Whose it is to do, as person/per_….")
        ] = None,
        state: Annotated[
            str | None,
            Query(
                max_length=20,
                description="open (whatever is still to be done), requested, accepted, paused, done, declined or cancelled.",
                examples=["open"],
            ),
        ] = None,
        overdue: Annotated[
            bool | None, Query(description="Only what is late (true) or is not (false).")
        ] = None,
        record: Annotated[
            str | None,
            Query(max_length=410, description="Only what is about this record, as kind/id or collection/id."),
        ] = None,
        template: Annotated[
            str | None, Query(max_length=200, description="Only of this template, or this chain of approval.")
        ] = None,
        cursor: CursorText = None,
        limit: Limit = ITEMS,
    ) -> Response:
        """What is late is marked (`overdue`): an answer or the work itself was due before now. What waits for somebody else is not late."""
        which = Which(assignee, state, overdue, record, template)
        return VisibleResponse(list_work(tenant.reads, Ask(cursor=cursor, limit=limit), which))

    @router.get(
        "/work/late-legs",
        summary="Legs of forks that are late, by department",
        dependencies=[Depends(waited)],
    )
    def legs(
        by: Annotated[
            Literal["role", "team"],
            Query(description="By the role a leg is for, or by the team of whoever has it."),
        ] = "role",
    ) -> Response:
        """`late_hours` are hours by the clock, nights and weekends included, since the answer or the work was due."""
        return VisibleResponse(late_legs(tenant.reads, by))

    @router.get(
        "/work/response-times",
        summary="How long people wait for each other's first answer, in business hours",
        dependencies=[Depends(waited)],
    )
    def responses() -> Response:
        """A row for each who asked and who answered. What is unanswered is listed with the time it has waited. All hours, `elapsed_hours` too, are working hours of the playbook's calendar; without one, hours by the clock."""
        return VisibleResponse(response_times(tenant.reads))

    @router.get("/people/{person}/work", summary="What waits for somebody", dependencies=[Depends(waited)])
    def my_work(person: str, cursor: CursorText = None, limit: Limit = ITEMS) -> Response:
        """Their work and the approvals they have to decide, by priority and due moment; what is late is marked."""
        return VisibleResponse(work_of(tenant.reads, person, Ask(cursor=cursor, limit=limit)))
