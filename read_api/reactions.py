"""Route about reactions: what ran, what failed and why, and which event set it off."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from projections import reactions
from projections.lists import Ask
from projections.reactions import Which
from read_api.answers import ReadTenant, VisibleResponse, ask_of, known_of


def add_reaction_routes(router: APIRouter, tenant: ReadTenant) -> None:
    """Add the route about reactions."""

    @router.get("/reactions", summary="What became of reactions, newest first")
    def all_reactions(
        ask: Annotated[Ask, Depends(ask_of(tenant, known_of))],
        kind: Annotated[
            str | None,
            Query(max_length=200, description="Only of records of this kind, or of this collection."),
        ] = None,
        record: Annotated[
            str | None,
            Query(
                max_length=410,
                description="Only of this record: as kind/id or collection/id, or by its id or external id where the kind is given.",
            ),
        ] = None,
        reaction: Annotated[
            str | None,
            Query(
                max_length=200,
                description="Only this one, as the playbook names it; that of a fork is forks.NAME.",
            ),
        ] = None,
        cause: Annotated[
            int | None,
            Query(ge=1, lt=2**63, description="Only what the event at this position set off."),
        ] = None,
        failed: Annotated[bool, Query(description="Only what failed and nobody has tried again.")] = False,
    ) -> Response:
        """Each with the event that set it off: what `ran`, with the positions of the events that came of it; what `failed`, at which step and why;
        what somebody had tried again (`retried`); and whom an alert or a notice told what (`alerted`)."""
        which = Which(kind, record, reaction, cause, failed=failed)
        return VisibleResponse(reactions.reactions(tenant.reads, ask, which))
