"""The bus as the simulation knows it, with the service behind it."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from commands.submission import Submission
from consumers.simulator.over_http.badges import Badges
from consumers.simulator.over_http.faults import Faults
from consumers.simulator.over_http.playing import PATIENCE_SECONDS, Crew, Played, Step, play
from consumers.simulator.over_http.requests import Spelling
from consumers.simulator.over_http.telling import Told
from consumers.simulator.over_http.wire import Address


class HttpBus:
    """Carries out batches of commands over HTTP, side by side where their order does not matter. Close it, or use it as a context.

    `collections` tells by kind where the service has its records. `played` keeps how every command went.
    """

    def __init__(
        self,
        address: Address,
        collections: Mapping[str, str],
        badges: Badges,
        *,
        concurrency: int = 8,
        faults: Faults | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.played: list[Played] = []
        self._runner = asyncio.Runner()
        self._crew = Crew(
            address,
            Spelling(collections),
            badges,
            concurrency=concurrency,
            faults=faults,
            patience_seconds=patience_seconds,
        )

    def submit_batch(self, submissions: Sequence[Submission]) -> list[Told]:
        """Send commands and wait until all of them are answered."""
        played = self._runner.run(play(self._crew, [Step(submission) for submission in submissions]))
        self.played += played
        return [item.told for item in played]

    def close(self) -> None:
        """End all connections."""
        self._runner.run(self._crew.close())
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
