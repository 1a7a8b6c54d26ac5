"""Back-pressure: how many commands a client may send, and how much may be under way at once. What is too much is told so at once."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.http.problems import RETRY_AFTER_SECONDS, Problem, language_of

WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
MOST_CLIENTS = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Buckets:
    """A token bucket per client: so many commands a second in the long run, so many at once.

    Only the clients that were heard last are remembered; one that was silent longest would have a full bucket anyway.
    """

    def __init__(
        self,
        per_second: float,
        burst: int,
        *,
        clock: Callable[[], float] = monotonic,
        most: int = MOST_CLIENTS,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, client: str) -> float:
        """Take a token; return 0, or the seconds until there is one."""
        now = self._clock()
        bucket = self._buckets.pop(client, None) or _Bucket(self._burst, now)
        self._buckets[client] = bucket
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        gained = (now - bucket.filled_at) * self._per_second
        bucket.tokens, bucket.filled_at = min(self._burst, bucket.tokens + gained), now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        return (1 - bucket.tokens) / self._per_second


class RateLimit:
    """Refuses commands of a client that sends more than its share, before anything is read or decided."""

    def __init__(self, app: ASGIApp, buckets: Buckets) -> None:
        self._app = app
        self._buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 429 with the seconds to wait."""
        if scope["type"] == "http" and scope["method"] in WRITING:
            caller = scope["state"].get("caller")
            wait = self._buckets.take(caller.client) if caller is not None else 0.0
            if wait > 0:
                problem = Problem("rate-limited", headers={"Retry-After": str(math.ceil(wait))})
                await problem.response(language_of(scope))(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Admission:
    """At most so many commands and so many reads under way: what comes on top is refused at once instead of waiting in line.

    A command is under way until its answer is complete, a read until its answer begins: a feed that stays open is no work.
    """

    def __init__(self, app: ASGIApp, *, commands: int, reads: int) -> None:
        self._app = app
        self._most = {True: commands, False: reads}
        self._under_way = {True: 0, False: 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 503 with the seconds to wait."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1"):
            await self._app(scope, receive, send)
            return
        writes = scope["method"] in WRITING
        if self._under_way[writes] >= self._most[writes]:
            problem = Problem("overloaded", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
            await problem.response(language_of(scope))(scope, receive, send)
            return
        self._under_way[writes] += 1
        holds = True

        def leave() -> None:
            nonlocal holds
            if holds:
                holds = False
                self._under_way[writes] -= 1

        async def answered(message: Message) -> None:
            if not writes and message["type"] == "http.response.start":
                leave()
            await send(message)

        try:
            await self._app(scope, receive, answered)
        finally:
            leave()
