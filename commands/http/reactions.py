"""Route of reactions: one that failed is tried again."""

from fastapi import APIRouter, Request, Response
from pydantic import Field

from commands.http.bodies import Body
from commands.http.describing import add_route
from commands.http.headers import idempotency_key
from commands.http.issuing import Counter, caller_of
from commands.http.records import stream_of
from domain.reacting.commands import RetryReaction


class Retry(Body):
    """That a reaction which failed is tried again, from the step that failed on; what was done before is not done twice."""

    cause: int = Field(
        ge=1,
        lt=2**63,
        description="The position of the event that set it off, as the list of reactions says it.",
    )

    def of(self, stream: str, reaction: str) -> RetryReaction:
        """Return the command it asks for."""
        return RetryReaction(stream, reaction, self.cause)


def add_reaction_routes(router: APIRouter, counter: Counter) -> None:
    """Add the route."""

    async def retry(request: Request) -> Response:
        at = request.path_params
        caller, key = caller_of(request), idempotency_key(request.headers)
        body = await counter.body(request, Retry)
        return await counter.issue(
            lambda: counter.submission(
                caller,
                body.of(stream_of(counter, at["collection"], at["record_id"]), at["reaction"]),
                body,
                key,
            )
        )

    add_route(
        router,
        "/{collection}/{record_id}/reactions/{reaction}/retries",
        retry,
        "retry_reaction",
        "Try a reaction again that failed",
        body=Retry,
        description="It is done a moment later, when the service comes to it: the list of reactions says what came of it.",
    )
