"""Routes of pools: people take records from one, and give them back."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from pydantic import Field

from commands.http.bodies import Body
from commands.http.describing import Endpoint, add_route
from commands.http.headers import idempotency_key
from commands.http.issuing import Counter, caller_of
from domain.assigning.commands import ClaimRecord, PoolCommand, ReturnRecord


class OfPool(Body):
    """A record, and what happens to it in the pool."""

    record: str = Field(
        max_length=400, description="Which record, as kind/id.", examples=["lead/lea_example"]
    )


@dataclass(frozen=True, slots=True)
class PoolAction:
    """One command of a pool: its path, and how its body becomes the command."""

    name: str
    summary: str
    path: str
    command: Callable[[str, OfPool], PoolCommand]


POOL_ACTIONS = (
    PoolAction(
        "claim_record",
        "Take a record that nobody owns from a pool",
        "/pools/{pool}/claims",
        lambda pool, body: ClaimRecord(pool, body.record),
    ),
    PoolAction(
        "return_record",
        "Give a record back to a pool",
        "/pools/{pool}/returns",
        lambda pool, body: ReturnRecord(pool, body.record),
    ),
)
"""What people do with pools, in the order one would try it out. Whoever issues the command claims for themself."""


def add_pool_routes(router: APIRouter, counter: Counter) -> None:
    """Add a route for each of these commands."""
    for action in POOL_ACTIONS:
        add_route(
            router,
            action.path,
            _route(counter, action),
            action.name,
            action.summary,
            body=OfPool,
            by_person=True,
            tag="pools",
        )


def _route(counter: Counter, action: PoolAction) -> Endpoint:
    async def issue(request: Request) -> Response:
        caller, key = caller_of(request), idempotency_key(request.headers)
        pool = request.path_params["pool"]
        body = await counter.body(request, OfPool)
        return await counter.issue(lambda: counter.submission(caller, action.command(pool, body), body, key))

    return issue
