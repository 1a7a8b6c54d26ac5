"""Routes about deadlines: which run and which are overdue, and who was told of what."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from projections.deadline_answers import Asked, deadlines, escalations
from projections.escalations import Escalations
from projections.lists import ITEMS
from projections.timers import Timers
from read_api.answers import CursorText, Limit, MinPosition, ReadTenant, VisibleResponse

Kind = Annotated[
    str | None, Query(max_length=200, description="Only about records of this kind, or of this collection.")
]
Record = Annotated[
    str | None,
    Query(
        max_length=410,
        description="Only about this record: as kind/id or collection/id, or by its id or external id where the kind is given.",
    ),
]


def add_deadline_routes(router: APIRouter, tenant: ReadTenant) -> None:
    """Add the routes that answer about deadlines."""

    @router.get("/deadlines", summary="The deadlines that run, what is due first in front")
    def armed(
        kind: Kind = None,
        record: Record = None,
        overdue: Annotated[bool, Query(description="Only those that were due.")] = False,
        cursor: CursorText = None,
        limit: Limit = ITEMS,
        min_position: MinPosition = None,
    ) -> Response:
        """Each with when it began, when it is due, how far up its ladder it is and which rung comes next."""
        if min_position is not None:
            tenant.reads.wait_for(min_position, (Timers.name,))
        asked = Asked(kind, record, overdue=overdue, cursor=cursor, limit=limit)
        return VisibleResponse(deadlines(tenant.reads, asked))

    @router.get("/escalations", summary="What was told of deadlines, the latest first")
    def told(
        person: Annotated[
            str | None, Query(max_length=210, description="Only what this person was told, as person/per_….")
        ] = None,
        kind: Kind = None,
        record: Record = None,
        unacknowledged: Annotated[
            bool, Query(description="Only what somebody who was told has not acknowledged.")
        ] = False,
        cursor: CursorText = None,
        limit: Limit = ITEMS,
        min_position: MinPosition = None,
    ) -> Response:
        """Who was told, when, at which rung, how long after the due moment, and whether they said that they know."""
        if min_position is not None:
            tenant.reads.wait_for(min_position, (Escalations.name,))
        asked = Asked(kind, record, person=person, unacknowledged=unacknowledged, cursor=cursor, limit=limit)
        return VisibleResponse(escalations(tenant.reads, asked))
