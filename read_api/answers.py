"""What every route shares: answers that have passed the lens, and the parameters questions are asked with."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Protocol

from fastapi import Depends, Query, Response
from fastapi.responses import StreamingResponse

from projections.as_of import Horizon
from projections.cursors import MAX_CURSOR
from projections.errors import InvalidQuery
from projections.lens import Visible
from projections.lists import ITEMS, MAX_ITEMS, Ask
from projections.ports import LogReader
from projections.reads import Reads

PROBLEM = "application/problem+json"
_LARGEST = 2**63


class ReadTenant(Protocol):
    """What the read API needs of a tenant."""

    @property
    def name(self) -> str:
        """The name of the tenant."""
        ...

    @property
    def log(self) -> LogReader:
        """Its log."""
        ...

    @property
    def reads(self) -> Reads:
        """Its answers."""
        ...


class VisibleResponse(Response):
    """A response that sends only what has passed the lens."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of something visible. Raises TypeError for anything else."""
        if not isinstance(content, Visible):
            raise TypeError("only what has passed the lens can be sent")
        return content.json()


class VisibleLines(StreamingResponse):
    """Many visible things, one JSON document a line, sent as they are read."""

    media_type = "application/x-ndjson"

    def __init__(self, items: Iterable[Visible]) -> None:
        super().__init__(item.json() + b"\n" for item in items)


AsOf = Annotated[
    str | None,
    Query(
        description="What was known then: a position, a date (its end, UTC) or a moment with offset.",
        max_length=40,
        examples=["12345", "2026-01-31"],
    ),
]
EffectiveAt = Annotated[
    str | None,
    Query(
        description="Business time: only what had happened by then.", max_length=40, examples=["2026-01-31"]
    ),
]
MinPosition = Annotated[
    int | None,
    Query(
        ge=0,
        lt=_LARGEST,
        description="The answer is of this position or a later one; waits briefly for the read models, then 503 with Retry-After.",
        examples=[1],
    ),
]
Limit = Annotated[int, Query(ge=1, le=MAX_ITEMS, description="How many items at most.")]
CursorText = Annotated[
    str | None,
    Query(
        max_length=MAX_CURSOR,
        description="Where the page before ended: its `next`. Belongs to the same question.",
    ),
]
Fields = Annotated[
    str | None,
    Query(
        max_length=2_000,
        description="Only these members and fields, with commas between them.",
        examples=["stage,amount"],
    ),
]


def problem(text: str) -> dict[str, Any]:
    """Describe a problem answer."""
    return {"description": text, "content": {PROBLEM: {"schema": {"type": "object"}}}}


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The answer.", "content": {"application/json": {"schema": {"type": "object"}}}},
    400: problem("A parameter cannot be read."),
    404: problem("There is no such thing, or it was not there yet."),
    503: problem("The read models have not reached the position that was asked for; ask again."),
    "default": problem("Any other problem."),
}


def horizon_of(tenant: ReadTenant) -> Callable[..., Horizon]:
    """Make the dependency that reads how far a question looks, and waits for the position it asks for."""

    def horizon(
        as_of: AsOf = None, effective_at: EffectiveAt = None, min_position: MinPosition = None
    ) -> Horizon:
        read = Horizon.read(as_of, effective_at)
        if min_position is not None:
            tenant.reads.wait_for(min_position)
        if as_of is not None:
            tenant.reads.bounded(read)  # whatever is asked: a time that has not come is answered by nobody
        return read

    return horizon


def known_of(tenant: ReadTenant) -> Callable[..., Horizon]:
    """Make the dependency of what follows the log alone: people and rules have no business time."""

    def known(
        as_of: AsOf = None,
        min_position: MinPosition = None,
        effective_at: Annotated[str | None, Query(max_length=40, include_in_schema=False)] = None,
    ) -> Horizon:
        if effective_at is not None:
            raise InvalidQuery.of("effective_at", "people and rules follow the log; ask by as_of")
        return horizon_of(tenant)(as_of, None, min_position)

    return known


def ask_of(
    tenant: ReadTenant, looks: Callable[[ReadTenant], Callable[..., Horizon]] = horizon_of
) -> Callable[..., Ask]:
    """Make the dependency that reads a question whose answer comes in pages; `looks` reads how far it looks."""

    def ask(
        horizon: Annotated[Horizon, Depends(looks(tenant))], cursor: CursorText = None, limit: Limit = ITEMS
    ) -> Ask:
        return Ask(horizon, cursor, limit)

    return ask
