"""Route of deadlines: whoever was told of one says that they know."""

from fastapi import APIRouter, Request, Response
from pydantic import Field

from commands.http.bodies import Body, Id
from commands.http.describing import add_route
from commands.http.headers import idempotency_key
from commands.http.issuing import Counter, caller_of
from commands.http.records import stream_of
from domain.deadlines.commands import AcknowledgeDeadline


class Acknowledgement(Body):
    """That somebody knows of a deadline they were told of. Left empty it is about the last time they were told."""

    subject: Id | None = Field(default=None, description="The work or approval it is about.")
    rung: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="The rung: 0 is the warning, 1 the due moment, above it the ladder.",
    )
    armed_at: int | None = Field(
        default=None, ge=1, lt=2**63, description="The position it was armed at, as the escalation says it."
    )

    def of(self, stream: str, deadline: str) -> AcknowledgeDeadline:
        """Return the command it asks for."""
        return AcknowledgeDeadline(
            stream, deadline, subject=self.subject, armed_at=self.armed_at, rung=self.rung
        )


def add_deadline_routes(router: APIRouter, counter: Counter) -> None:
    """Add the route."""

    async def acknowledge(request: Request) -> Response:
        at = request.path_params
        caller, key = caller_of(request), idempotency_key(request.headers)
        body = await counter.body(request, Acknowledgement)
        return await counter.issue(
            lambda: counter.submission(
                caller,
                body.of(stream_of(counter, at["collection"], at["record_id"]), at["deadline"]),
                body,
                key,
            )
        )

    add_route(
        router,
        "/{collection}/{record_id}/deadlines/{deadline}/acknowledgements",
        acknowledge,
        "acknowledge_deadline",
        "Say that one knows of a deadline one was told of",
        body=Acknowledgement,
    )
