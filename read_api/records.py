"""Routes about records: lists, one record, its history and timeline, what its next move lacks, what is stuck."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from domain.refusals import NotFound
from projections.as_of import Horizon
from projections.checking import check_move, check_moves
from projections.lists import Ask, list_records
from projections.replay_answers import AsReplayed
from projections.replay_jobs import Replays
from projections.stuck import Where, stuck
from projections.timeline import timeline
from read_api.answers import (
    Fields,
    MinPosition,
    ReadTenant,
    VisibleResponse,
    ask_of,
    horizon_of,
)
from read_api.parameters import Others, OwnNames

_SEVERAL = Query(max_length=200, description="One of these; may be repeated.")
Several = Annotated[tuple[str, ...], _SEVERAL]
Reason = Annotated[bool, Query(description="Whether the move would come with a reason.")]


ReplayId = Annotated[
    str | None,
    Query(
        max_length=64,
        description="The id of a replay: the answer is of its position, each item with what its draft would ask for the next step.",
    ),
]


def add_list_routes(router: APIRouter, tenant: ReadTenant, replays: Replays | None = None) -> None:
    """Add the routes that answer about many records."""

    def kind_of(collection: str) -> str:
        return tenant.reads.playbooks().kind_of_collection(collection)

    def as_replayed(replay: str | None) -> AsReplayed | None:
        if replay is None:
            return None
        if replays is None:
            raise NotFound("replay", replay)
        return AsReplayed(tenant.reads, replays, replay)

    @router.get("/boards/{collection}", summary="How many records stand in each stage")
    def board(collection: str, horizon: Annotated[Horizon, Depends(horizon_of(tenant))]) -> Response:
        return VisibleResponse(tenant.reads.board(kind_of(collection), horizon))

    @router.get("/{collection}", summary="A list of records: any field filters, any field sorts")
    def records(
        collection: str,
        ask: Annotated[Ask, Depends(ask_of(tenant))],
        filters: Others,
        own: OwnNames,
        sort: Annotated[
            str | None,
            Query(
                max_length=500,
                description="What to sort by, with commas; a minus before a name turns it round. What has no value comes last.",
                examples=["-amount,opened_at"],
            ),
        ] = None,
        fields: Fields = None,
        replay: ReplayId = None,
    ) -> Response:
        """Every other parameter is a filter: `stage=quoted`, `amount.gte=500000`, `owner.is_null=true`.

        Operators: eq (the default), ne, gt, gte, lt, lte, in, is_null, contains; the same filter repeated means one of the values.
        A field that is called like an attribute or a parameter is written `fields.NAME`. Personal fields cannot be filtered or sorted.
        The first page fixes the position of the log that all pages are of.
        """
        kind, replayed = kind_of(collection), as_replayed(replay)
        ask = ask if replayed is None else replayed.ask(ask)
        shown = list_records(tenant.reads, kind, ask, filters, sort=sort, fields=fields, beside=own)
        return VisibleResponse(shown if replayed is None else replayed.beside(kind, shown))

    @router.get(
        "/{collection}/stuck", summary="Which open records stand where, for how long, and what is missing"
    )
    def stuck_records(
        collection: str,
        ask: Annotated[Ask, Depends(ask_of(tenant))],
        longer_than_days: Annotated[
            str | None,
            Query(
                max_length=30,
                description="Only what has stood in its stage for longer than so many days.",
                examples=["5"],
            ),
        ] = None,
        stage: Several = (),
        owner: Several = (),
        team: Several = (),
        region: Several = (),
        replay: ReplayId = None,
    ) -> Response:
        """Longest first. Where it is not known since when, nothing is invented: those records come last and are counted apart."""
        by = {"stage": stage, "owner": owner, "team": team, "region": region}
        where = Where(longer_than_days, {name: values for name, values in by.items() if values})
        kind, replayed = kind_of(collection), as_replayed(replay)
        ask = ask if replayed is None else replayed.ask(ask)
        shown = stuck(tenant.reads, kind, ask, where)
        return VisibleResponse(shown if replayed is None else replayed.beside(kind, shown))


def add_record_routes(router: APIRouter, tenant: ReadTenant) -> None:
    """Add the routes that answer about one record."""

    def kind_of(collection: str) -> str:
        return tenant.reads.playbooks().kind_of_collection(collection)

    @router.get("/{collection}/{record_id}", summary="A record, as of any moment")
    def record(
        collection: str,
        record_id: str,
        horizon: Annotated[Horizon, Depends(horizon_of(tenant))],
        fields: Fields = None,
    ) -> Response:
        found = tenant.reads.record(kind_of(collection), record_id, horizon, fields)
        return VisibleResponse(found, headers={"ETag": f'"{found.data["version"]}"'})

    @router.get("/{collection}/{record_id}/history", summary="Every change of a record")
    def history(
        collection: str,
        record_id: str,
        horizon: Annotated[Horizon, Depends(horizon_of(tenant))],
        field: Annotated[
            str | None, Query(max_length=100, description="Only this field (or stage, owner).")
        ] = None,
    ) -> Response:
        return VisibleResponse(tenant.reads.history(kind_of(collection), record_id, horizon, field))

    @router.get(
        "/{collection}/{record_id}/timeline", summary="Everything that happened to a record, in one order"
    )
    def record_timeline(
        collection: str,
        record_id: str,
        ask: Annotated[Ask, Depends(ask_of(tenant))],
        order: Annotated[
            Literal["business", "recorded"],
            Query(description="By when things happened, or by when they were recorded."),
        ] = "business",
    ) -> Response:
        return VisibleResponse(timeline(tenant.reads, kind_of(collection), record_id, ask, order))

    @router.get(
        "/{collection}/{record_id}/stage-changes",
        summary="Where a record could move to, and what each move lacks",
    )
    def moves(
        collection: str, record_id: str, reason: Reason = False, min_position: MinPosition = None
    ) -> Response:
        _wait(min_position)
        return VisibleResponse(check_moves(tenant.reads, kind_of(collection), record_id, has_reason=reason))

    @router.get("/{collection}/{record_id}/stage-changes/{to}/check", summary="Can this record move there?")
    def move(
        collection: str, record_id: str, to: str, reason: Reason = False, min_position: MinPosition = None
    ) -> Response:
        """The answer of the very gate that would judge the move now; nothing is written."""
        _wait(min_position)
        return VisibleResponse(
            check_move(tenant.reads, kind_of(collection), record_id, to, has_reason=reason)
        )

    def _wait(min_position: int | None) -> None:
        if min_position is not None:
            tenant.reads.wait_for(min_position)
