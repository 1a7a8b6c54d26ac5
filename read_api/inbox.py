"""Routes of what people are told: their inbox, what they asked for, and their calendar of what is due."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from commands.caller import Caller
from projections.deliveries import deliveries
from projections.deliveries import delivery as show_delivery
from projections.follow_ups import follow_ups, wait_for
from projections.inbox import Inboxes, inbox, refuse_others, subscriptions
from projections.lists import ITEMS, Ask
from projections.reads import Reads
from read_api.answers import CursorText, Limit, MinPosition, ReadTenant, VisibleResponse, problem
from read_api.icalendar import MEDIA_TYPE, VisibleCalendar

_REFUSED: dict[int | str, dict[str, Any]] = {
    403: problem("It is somebody else's: that needs the right to organise.")
}
_CALENDAR = {
    "description": "An iCalendar (RFC 5545).",
    "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
}
_ORGANISES: dict[int | str, dict[str, Any]] = {403: problem("This needs the right to organise.")}


def reader_of(request: Request) -> Caller:
    """Return who asks, as the edge found out before any route runs."""
    caller = request.state.caller
    assert isinstance(caller, Caller)
    return caller


def refuse_all_but(reads: Reads, request: Request, person: str | None) -> None:
    """Refuse whoever is neither that person nor somebody who may organise. Raises NotAllowed."""
    caller = reader_of(request)
    rights = caller.rights if caller.on_behalf_of is None else frozenset()
    refuse_others(reads, person, caller.on_behalf_of or caller.actor, rights)


def add_inbox_routes(router: APIRouter, tenant: ReadTenant, public_url: str | None = None) -> None:
    """Add the routes about inboxes."""

    def waited(min_position: MinPosition = None) -> None:
        if min_position is not None:
            tenant.reads.wait_for(min_position, (Inboxes.name,))

    @router.get(
        "/people/{person}/inbox",
        summary="What somebody was told of, the newest first",
        responses=_REFUSED,
        dependencies=[Depends(waited)],
    )
    def one_inbox(
        request: Request,
        person: str,
        unread: Annotated[
            bool | None, Query(description="Only what is unread (true) or was read (false).")
        ] = None,
        cursor: CursorText = None,
        limit: Limit = ITEMS,
    ) -> Response:
        """`reason` says why: `owner`, `work`, `approval`, `deadline` or `pool` where it is addressed to them, else `subscription`.

        `concerns` says which one: `what` is `deadline` (`label`, `rung`, `due_at`), `work` (`label`, `title`, `due_at`), `approval` (`label`,
        `state`, `levels` that wait, or the one that ended it) or `reaction` (`label`; of a failure `code` and `error`); null where topic and record say all.
        """
        refuse_all_but(tenant.reads, request, f"person/{person.removeprefix('person/')}")
        return VisibleResponse(inbox(tenant.reads, person, Ask(cursor=cursor, limit=limit), unread))

    @router.get(
        "/people/{person}/subscriptions",
        summary="What somebody asks to be told of",
        responses=_REFUSED,
        dependencies=[Depends(waited)],
    )
    def all_subscriptions(request: Request, person: str) -> Response:
        refuse_all_but(tenant.reads, request, f"person/{person.removeprefix('person/')}")
        return VisibleResponse(subscriptions(tenant.reads, person))

    @router.get(
        "/people/{person}/calendar.ics",
        summary="What somebody has to follow up, as a calendar to subscribe to",
        response_class=Response,
        responses={**_REFUSED, 200: _CALENDAR},
    )
    def calendar(request: Request, person: str, min_position: MinPosition = None) -> Response:
        """Work and approvals that wait for them, and deadlines of the records they own, each at its due moment, the most urgent 500."""
        refuse_all_but(tenant.reads, request, f"person/{person.removeprefix('person/')}")
        if min_position is not None:
            wait_for(tenant.reads, min_position)
        shown = follow_ups(tenant.reads, person, reader_of(request).language)
        return VisibleCalendar(shown, tenant=tenant.name, base=public_url)

    @router.get(
        "/inbox/deliveries",
        summary="What was or is to be sent to people, the newest first",
        responses=_ORGANISES,
        tags=["deliveries"],
    )
    def all_deliveries(
        request: Request,
        status: Annotated[
            str | None, Query(max_length=20, description="waiting, sent or dead.", examples=["dead"])
        ] = None,
        person: Annotated[
            str | None, Query(max_length=210, description="Only to this person, as person/per_….")
        ] = None,
        cursor: CursorText = None,
        limit: Limit = ITEMS,
    ) -> Response:
        refuse_all_but(tenant.reads, request, None)
        return VisibleResponse(deliveries(tenant.reads, Ask(cursor=cursor, limit=limit), status, person))

    @router.get(
        "/inbox/deliveries/{delivery}",
        summary="One message, with every attempt to send it",
        responses=_ORGANISES,
        tags=["deliveries"],
    )
    def one_delivery(request: Request, delivery: str) -> Response:
        refuse_all_but(tenant.reads, request, None)
        return VisibleResponse(show_delivery(tenant.reads, delivery))
