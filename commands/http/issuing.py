"""From a request to the bus and back: who issues the command, under which key, and in which thread."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from fastapi import Request, Response

from commands.caller import Caller
from commands.errors import CommandError
from commands.http.answers import Made, accepted, content_of, response_of
from commands.http.bodies import Body
from commands.http.desk import Collections, Desk
from commands.http.headers import require_json
from commands.http.reading import read_body, read_json, read_known
from commands.submission import NOW, Command, Submission
from domain.record.commands import OpenRecord
from domain.refusals import InvalidCommand, Problem, Refusal

BodyOf = TypeVar("BodyOf", bound=Body)
Result = TypeVar("Result")

CHANNEL = "http"


class Counter:
    """Where requests become submissions: one for all routes, with the threads commands wait in.

    Commands have threads of their own, so that reads never queue behind appends, nor the other way round.
    Threads that wait together are appended together.
    """

    def __init__(self, desk: Desk, *, threads: int) -> None:
        self.desk = desk
        self.collections = Collections(desk.log)
        self._threads = threads
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar("dealtrail_command_threads")

    async def in_a_thread(self, work: Callable[[], Result]) -> Result:
        """Do what blocks, in one of the threads of commands."""
        limiter = self._limiter.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(self._threads)
            self._limiter.set(limiter)
        return await anyio.to_thread.run_sync(work, limiter=limiter)

    async def body(self, request: Request, model: type[BodyOf]) -> BodyOf:
        """Return the body of a request; one that is empty says nothing."""
        require_json(request.headers)
        return read_body(model, read_json(await request.body() or b"{}"))

    async def known_of_body(self, request: Request, model: type[BodyOf]) -> tuple[BodyOf, list[Problem]]:
        """Return what of a body is known, and what is wrong with the members that are not."""
        require_json(request.headers)
        return read_known(model, read_json(await request.body() or b"{}"))

    def refuse_unknown(self, unknown: list[Problem], rest: Submission) -> None:
        """Refuse a command with members nobody knows, and tell what is wrong with the rest of it as well. Raises InvalidCommand.

        The rest is decided and nothing is written. Should it be refused for another reason than what was sent, that is told once it can be read.
        """
        if not unknown:
            return
        try:
            self.desk.bus.preview(_named(rest))
        except InvalidCommand as refused:
            unknown = [*unknown, *refused.problems]
        except (Refusal, CommandError):
            pass
        raise InvalidCommand(unknown)

    def submission(
        self,
        caller: Caller,
        command: Command,
        body: Body,
        key: str,
        *,
        expected_version: int | None = None,
    ) -> Submission:
        """Return a command as the bus takes it: who issues it is told by the token alone."""
        return Submission(
            command=command,
            client=caller.client,
            key=key,
            actor=caller.actor,
            channel=CHANNEL,
            rights=caller.rights,
            occurred_at=body.occurred_at if "occurred_at" in body.model_fields_set else NOW,
            on_behalf_of=caller.on_behalf_of,
            reason=body.reason,
            correlation_id=body.correlation_id,
            causation_id=body.causation_id,
            expected_version=expected_version,
            told_time=self.desk.told_time(),
        )

    async def issue(
        self,
        submission: Callable[[], Submission],
        *,
        status: int = 200,
        made: Made | None = None,
        headers: Callable[[Mapping[str, Any]], Mapping[str, str]] | None = None,
    ) -> Response:
        """Submit a command and answer it. What it takes to make the submission may block, so it is made in the thread."""

        def carry_out() -> Response:
            submitted = submission()
            answer = accepted(self.desk.bus.submit_batch([submitted])[0])
            is_simulated = self.desk.log.is_simulated
            content = content_of(answer, submitted.command, made=made, is_simulated=is_simulated)
            told = headers(content) if headers is not None else None
            return response_of(content, status, replayed=answer.replayed, headers=told)

        return await self.in_a_thread(carry_out)


def _named(submission: Submission) -> Submission:
    """A submission as it can be decided before any id is made for it."""
    command: Any = submission.command
    if isinstance(command, OpenRecord) and command.stream.endswith("/"):
        command = replace(command, stream=command.stream + _UNNAMED)
    for member in ("touch", "work", "fork", "approval"):
        if getattr(command, member, None) == "":
            command = replace(command, **{member: _UNNAMED})
    return replace(submission, command=command)


_UNNAMED = "unnamed"


def caller_of(request: Request) -> Caller:
    """Return who issues a request, as the edge found out before any route runs."""
    caller = request.state.caller
    assert isinstance(caller, Caller)
    return caller
