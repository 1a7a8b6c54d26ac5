"""A replay as work: what was asked, how far it is, and how it ended. Its result is kept apart, under the same id."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import orjson

from domain.refusals import NotFound
from projections.errors import InvalidQuery, ReadError
from projections.ledger.view import View
from projections.replay_store import KeptReplay, ReplayStore, is_replay_id

SHORTEST_ID = 6


class State(StrEnum):
    """Where a replay stands. `interrupted`: whoever ran it is gone; asked again, it begins again."""

    queued = "queued"
    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"
    interrupted = "interrupted"


UNDER_WAY = frozenset({State.queued, State.running})


class NotDone(ReadError):
    """The replay has no result: it is still under way, or it ended without one."""

    code = "replay-not-done"

    def __init__(self, replay: str, state: State) -> None:
        super().__init__(f"the replay {replay[:12]} is {state}; it has no result")
        self.state = state


@dataclass(frozen=True, slots=True)
class Job:
    """A replay that was asked for.

    `after` and `upto` are the window, in positions; `position` is that of the log the replay stands on.
    `done` of `of` steps are done, in `seconds`: partitions whose decisions are judged, the indices, other subjects, and keeping the result. `of` is 0
    and `eta_seconds` null as long as nobody knows them; `reason` says why it failed, for programs, and `message` for people.
    """

    id: str
    playbook: str
    draft: int | None
    digest: str
    after: int
    upto: int
    position: int
    scope: Mapping[str, Sequence[str]] = field(default_factory=dict)
    asked_at: str = ""
    asked_by: str = ""
    state: State = State.queued
    done: int = 0
    of: int = 0
    seconds: int = 0
    eta_seconds: int | None = None
    reason: str | None = None
    message: str | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether somebody is at it."""
        return self.state in UNDER_WAY

    def json(self) -> bytes:
        """Return it as it is kept."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def from_json(cls, content: bytes) -> "Job":
        """Read a job that was kept. Raises ValueError, KeyError or TypeError for anything else."""
        told: dict[str, Any] = orjson.loads(content)
        return cls(**{**told, "state": State(told["state"])})


class Replays(Protocol):
    """The replays of one tenant, as those who read them see them."""

    @property
    def store(self) -> ReplayStore:
        """Where results are kept."""
        ...

    def jobs(self) -> list[Job]:
        """Return every replay that was asked for, the newest first."""
        ...

    def job(self, replay: str) -> Job | None:
        """Return a replay by its whole id; None when nobody asked for it."""
        ...

    def view(self, position: int | None) -> View:
        """Return the ledger as of a position."""
        ...


def find_job(replays: Replays, name: str) -> Job:
    """Return a replay by its id, or by the beginning of it when no other begins so. Raises NotFound, InvalidQuery."""
    if is_replay_id(name):
        found = replays.job(name)
        if found is None:
            raise NotFound("replay", name)
        return found
    if len(name) >= SHORTEST_ID:
        matching = [job for job in replays.jobs() if job.id.startswith(name)]
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise InvalidQuery.of("replay", f"{len(matching)} replays begin so; write more of the id")
    raise NotFound("replay", name)


def result_of(replays: Replays, name: str) -> tuple[Job, KeptReplay]:
    """Return a replay that is done, with its result. Raises NotFound, NotDone."""
    job = find_job(replays, name)
    kept = replays.store.find(job.id) if job.state is State.done else None
    if kept is None:
        raise NotDone(job.id, job.state)
    return job, kept
