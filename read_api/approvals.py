"""Route about approvals: which began under another version, and what a migration would make of each."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from projections.lists import ITEMS, Ask
from projections.migrating import MODELS, Preview, Which, migrations
from read_api.answers import CursorText, Limit, MinPosition, ReadTenant, VisibleResponse


def add_approval_routes(router: APIRouter, tenant: ReadTenant, preview: Preview) -> None:
    """Add the route; `preview` decides a migration and writes nothing."""

    @router.get(
        "/approvals/migrations", summary="What a migration would make of running approvals: a dry run"
    )
    def dry_run(
        kind: Annotated[
            str | None, Query(max_length=200, description="Only of records of this kind.")
        ] = None,
        chain: Annotated[str | None, Query(max_length=200, description="Only of this chain.")] = None,
        cursor: CursorText = None,
        limit: Limit = ITEMS,
        min_position: MinPosition = None,
    ) -> Response:
        """Lists the running approvals that began under another version than the one their record follows now, the oldest request first: their `levels`,
        those a migration `would` give them, and how each level `changes`; or, where it is refused, everything in the way (`problems`). Nothing is written."""
        if min_position is not None:
            tenant.reads.wait_for(min_position, MODELS)
        return VisibleResponse(
            migrations(tenant.reads, Ask(cursor=cursor, limit=limit), Which(kind, chain), preview)
        )
