"""Routes about pools: what they are, what they decided and why, and who waits."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from projections import pools
from projections.as_of import Horizon
from projections.lists import ITEMS, Ask
from projections.pools import Which
from read_api.answers import CursorText, Limit, MinPosition, ReadTenant, VisibleResponse, ask_of, known_of


def add_pool_routes(router: APIRouter, tenant: ReadTenant) -> None:
    """Add the routes about pools."""

    @router.get("/pools", summary="Pools: their rules, and how many each person got")
    def all_pools(horizon: Annotated[Horizon, Depends(known_of(tenant))]) -> Response:
        return VisibleResponse(pools.pools(tenant.reads, horizon))

    @router.get(
        "/pools/{pool}/assignments", summary="What a pool decided, newest first, with every candidate"
    )
    def assignments(
        pool: str,
        ask: Annotated[Ask, Depends(ask_of(tenant, known_of))],
        record: Annotated[
            str | None,
            Query(max_length=400, description="Only about this record, as kind/id or collection/id."),
        ] = None,
        person: Annotated[
            str | None,
            Query(
                max_length=200,
                description="Only what this person got, claimed or gave back, as person/per_….",
            ),
        ] = None,
    ) -> Response:
        """Each decision says whom it chose, by which rule, and why it passed over everybody else, with the numbers they were judged by."""
        stream = None if record is None else tenant.reads.named(record)
        return VisibleResponse(pools.assignments(tenant.reads, ask, Which(pool, stream, person)))

    @router.get("/pools/{pool}/waiting", summary="Records nobody owns, longest first")
    def waiting(
        pool: str, cursor: CursorText = None, limit: Limit = ITEMS, min_position: MinPosition = None
    ) -> Response:
        """Since when each has had no owner, how often one was looked for, and where it stands that nobody was found."""
        if min_position is not None:
            tenant.reads.wait_for(min_position)
        return VisibleResponse(pools.waiting(tenant.reads, pool, Ask(cursor=cursor, limit=limit)))


def add_assignment_route(router: APIRouter, tenant: ReadTenant) -> None:
    """Add the route that tells why a record went to whom it went."""

    @router.get("/{collection}/{record_id}/assignments", summary="Why it went to whom it went")
    def why(
        collection: str, record_id: str, ask: Annotated[Ask, Depends(ask_of(tenant, known_of))]
    ) -> Response:
        """Every decision of a pool about it, newest first: each candidate, why they were chosen or passed over, and by which numbers."""
        stream = tenant.reads.find(tenant.reads.playbooks().kind_of_collection(collection), record_id)
        return VisibleResponse(pools.assignments(tenant.reads, ask, Which(record=stream)))
