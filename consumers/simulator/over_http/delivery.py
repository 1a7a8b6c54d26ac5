"""One command on its way: sent until it is answered, always with the same key, whatever happens to the connection."""

import asyncio
import random
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass

import orjson

from commands.submission import Submission
from consumers.simulator.over_http.badges import Badges
from consumers.simulator.over_http.faults import Fault, Faults, Mishap
from consumers.simulator.over_http.requests import Request, Spelling
from consumers.simulator.over_http.telling import GaveUp, Told, told_by
from consumers.simulator.over_http.wire import Address, Connection, Disconnected, Response
from domain.record.commands import ChangeStage, OpenRecord

ANSWER_SECONDS = 30.0
_STALE = 412
_NO_TIME = frozenset({429, 503})
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.02, 1.0
_LONGEST_RETRY_AFTER_SECONDS = 10.0


class AnsweredDifferently(Exception):
    """The same request was sent twice and answered in two ways: the promise of the key is broken."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of a command and how often it was sent; times are those of the event loop, in seconds."""

    told: Told
    sent_at: float
    answered_at: float
    attempts: int
    fault: Fault | None = None


class Messenger:
    """Somebody who carries one command after another over a connection of their own, and makes a new one when it breaks."""

    def __init__(
        self,
        address: Address,
        spelling: Spelling,
        badges: Badges,
        faults: Faults,
        *,
        patience_seconds: float,
    ) -> None:
        self._address = address
        self._spelling = spelling
        self._badges = badges
        self._faults = faults
        self._patience = patience_seconds
        self._connection: Connection | None = None

    async def deliver(self, submission: Submission, version: int) -> Delivered:
        """Send a command until it is answered; an edit names the version it was made on. What is never answered has failed."""
        loop = asyncio.get_running_loop()
        sent_at, attempts = loop.time(), 0
        mishap = self._faults.of(submission.key)
        spread = random.Random(submission.key)  # noqa: S311 — spreads retries, guards nothing
        headers, to_stage = self._badges.headers(submission), _stage_of(submission)

        def delivered(told: Told) -> Delivered:
            return Delivered(told, sent_at, loop.time(), attempts, mishap.fault if mishap else None)

        while True:
            request = self._spelling.request(submission, version)
            attempts += 1
            wait = _back_off(attempts, spread)
            try:
                response = await self._attempt(request, headers, mishap if attempts == 1 else None)
            except AnsweredDifferently as error:
                return delivered(Told("failed", error=error))
            except Disconnected as error:
                problem: object = error
            else:
                told = told_by(response, to_stage)
                if not _to_be_sent_again(response, told):
                    return delivered(told)
                problem = told.error
                if response.status == _STALE:
                    version, wait = _current_version(response), 0.0
                else:
                    wait = _retry_after(response, default=wait)
            if loop.time() + wait - sent_at > self._patience:
                gave_up = GaveUp(f"{submission.key}: not answered in {attempts} attempts; at last: {problem}")
                return delivered(Told("failed", error=gave_up))
            await asyncio.sleep(wait)

    async def close(self) -> None:
        """End the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _attempt(self, request: Request, headers: Mapping[str, str], mishap: Mishap | None) -> Response:
        connection = await self._connected()
        match mishap:
            case None:
                return await _within(connection.exchange(request, headers))
            case Mishap(Fault.delayed, seconds):
                return await _within(connection.exchange(request, headers, hold_seconds=seconds))
            case Mishap(Fault.duplicated):
                return await self._twice(connection, request, headers)
            case Mishap(Fault.dropped):
                await connection.send_and_vanish(request, headers)
                raise Disconnected("the connection was dropped after the request was sent")
            case Mishap(_, seconds, share):
                await connection.send_and_vanish(request, headers, share=share)
                await asyncio.sleep(seconds)
                raise Disconnected("the client was killed while it sent")

    async def _twice(self, connection: Connection, request: Request, headers: Mapping[str, str]) -> Response:
        """Send the same twice at a time; both answers have to tell the same, and not both may be the first."""
        other = await Connection.to(self._address)
        try:
            first, second = await asyncio.gather(
                _within(connection.exchange(request, headers)),
                _within(other.exchange(request, headers)),
                return_exceptions=True,
            )
        finally:
            await other.close()
        answers = [it for it in (first, second) if isinstance(it, Response)]
        if not answers:
            raise Disconnected("neither of two requests was answered")
        final = [it for it in answers if not _to_be_sent_again(it, told_by(it, ""))]
        if len(final) == 2:
            _refuse_two_stories(*final)
        return (final or answers)[0]

    async def _connected(self) -> Connection:
        if self._connection is None or not self._connection.is_usable:
            self._connection = await Connection.to(self._address)
        return self._connection


async def _within(exchange: Coroutine[object, object, Response]) -> Response:
    """Wait for an answer, but not for ever. Raises Disconnected."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await exchange
    except TimeoutError:
        raise Disconnected(f"no answer within {ANSWER_SECONDS:.0f} seconds") from None


def _refuse_two_stories(first: Response, second: Response) -> None:
    one, other = told_by(first, ""), told_by(second, "")
    is_same = (one.outcome, [*one.events]) == (other.outcome, [*other.events])
    # Of two accepted answers one is the first and the other a replay; both being the first would be an event too many.
    is_once = one.replayed or other.replayed or not one.events
    if not is_same or not is_once:
        raise AnsweredDifferently(
            f"{first.body.decode('utf-8', 'replace')} | {second.body.decode('utf-8', 'replace')}"
        )


def _to_be_sent_again(response: Response, told: Told) -> bool:
    """Whether the service had no time, or somebody else was first: then the same is sent again, with the same key."""
    if response.status in _NO_TIME or response.status == _STALE:
        return True
    return response.status == 409 and getattr(told.error, "code", "") == "too-busy"


def _retry_after(response: Response, *, default: float) -> float:
    stated = response.headers.get("retry-after", "")
    return min(float(stated), _LONGEST_RETRY_AFTER_SECONDS) if stated.isdigit() else default


def _current_version(response: Response) -> int:
    return int(orjson.loads(response.body)["current_version"])


def _back_off(attempts: int, spread: random.Random) -> float:
    return spread.uniform(0, min(_FIRST_WAIT_SECONDS * 2**attempts, _LONGEST_WAIT_SECONDS))


def _stage_of(submission: Submission) -> str:
    match submission.command:
        case ChangeStage(to=to):
            return to
        case OpenRecord(stage=str(stage)):
            return stage
        case _:
            return ""
