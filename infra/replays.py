"""Replays as jobs: a queue and one worker thread a process, results kept beside the ledger, and nothing live changed by any of it.

How far a job is stands in a small file beside the results, so that every process sees it and a crash leaves it behind.
Whoever has a job holds an advisory lock of PostgreSQL: a job that is under way and that nobody holds was interrupted.
"""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Condition, Event, Thread
from typing import Any, Protocol

import polars as pl
import psycopg
import structlog
from psycopg.rows import dict_row

from commands.replays import SignedReplay
from domain.naming import drafts_stream, nearest
from domain.playbook.catalogue import fold_drafts
from domain.playbook.published import PublishedPlaybook
from domain.refusals import InvalidCommand, NotFound, Refusal
from domain.values import moment_text
from infra.http.problems import DATABASE_IS_AWAY
from infra.http.requests import log_error
from infra.ledger import ObjectStoreLedger, ledger_store, writing
from infra.settings import Settings
from infra.tenant import Tenant
from projections.ledger.ledger import Ledger
from projections.ledger.running import Cancelled
from projections.ledger.store import LedgerBusy, LedgerError, LedgerUnavailable, OlderLedger
from projections.ledger.view import View
from projections.replay.asking import unknown_names, unknown_options
from projections.replay_jobs import Job, State
from projections.replay_store import KeptReplay, ReplayDamaged, ReplayStore, ReplaysUnavailable, is_replay_id
from projections.replay_tables import drop_datasets, is_published, publish_datasets
from projections.replay_window import Scope, Window

MOST_WAITING = 32
"""How many replays wait for the worker at most; further ones are told to come again."""

FARTHEST_BEHIND = 20_000
"""The ledger is brought up to the log first when more events than these are missing: they would all be held in memory."""

_LONGEST_NAME = 200
_TELL_SECONDS = 0.5
_KEEPING = 1
"""The step that follows those of the engine: what it found is kept, and put where analysts read."""
_LOOK_SECONDS = 1.0

log = structlog.get_logger()

Progress = Callable[[int, int], None]


class ReplaysBusy(RuntimeError):
    """So many replays wait already that no more are taken; later ones are."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A replay as it is asked for: which draft (its number where it is kept as one), which decisions, which records, about what beside gates."""

    draft: PublishedPlaybook
    window: Window
    number: int | None = None
    scope: Scope = field(default_factory=dict)
    asked_by: str = ""
    about: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a replay found: the impact, and the datasets by name."""

    impact: Mapping[str, Any]
    frames: Mapping[str, pl.DataFrame]


class Engine(Protocol):
    """What replays."""

    def id_of(self, view: View, wanted: Wanted) -> str:
        """Return the id of a replay on a view of the ledger, whose rows are not looked at: the same question has the same one."""
        ...

    def run(
        self,
        view: View,
        tenant: Tenant,
        wanted: Wanted,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> Found:
        """Replay. Raises Cancelled soon after it is told so."""
        ...


class _Stopped(Exception):
    """The process goes down: the replay is not cancelled, it is interrupted."""


class ReplayJobs:
    """The replays of one tenant. Implements the port `projections.replay_jobs.Replays`.

    Nothing is made or asked before it is used: no folder, no connection, no thread.
    """

    def __init__(self, tenant: Tenant, settings: Settings, engine: Engine) -> None:
        self._tenant = tenant
        self._settings = settings
        self._engine = engine
        self._changed = Condition()
        self._waiting: deque[tuple[Job, Wanted]] = deque()
        self._own: dict[str, Job] = {}
        self._cancelled: set[str] = set()
        self._stopping = Event()
        self._worker: Thread | None = None
        self._holding: psycopg.Connection[Any] | None = None

    @cached_property
    def _files(self) -> ObjectStoreLedger:
        return replay_files(self._settings)

    @cached_property
    def store(self) -> ReplayStore:
        """Where results are kept."""
        return ReplayStore(self._files)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, wanted: Wanted, *, again: bool = False) -> Job:
        """Ask for a replay and return how it stands: one that is done or under way is joined, whoever asked for it first.

        `again` makes a result anew that is kept already. Raises InvalidCommand for a scope or a subject there is none of, before anything is noted;
        ReplaysBusy, ReplaysUnavailable.
        """
        if unknown := unknown_names(wanted.scope, wanted.about, wanted.draft):
            raise InvalidCommand(unknown)
        ledger = Ledger(ledger_store(self._settings), self._tenant.log)
        on = View(ledger.store, ledger.manifest(), wanted.window.position)
        if wanted.scope:
            organisation = self._tenant.reads.organisation()
            if unknown := unknown_options(wanted.scope, wanted.draft, on, organisation):
                raise InvalidCommand(unknown)
        replay = self._engine.id_of(on, wanted)
        with self._changed:
            known = self.job(replay)
            if known is not None and known.is_under_way:
                return known
            if known is not None and known.state is State.done and not again and self._is_there(replay):
                return known
            if self._stopping.is_set() or len(self._waiting) >= MOST_WAITING:
                raise ReplaysBusy(f"{len(self._waiting)} replays wait already; ask again later")
            job = Job(
                id=replay,
                playbook=wanted.draft.name,
                draft=wanted.number,
                digest=wanted.draft.digest,
                after=wanted.window.after,
                upto=wanted.window.upto,
                position=wanted.window.position,
                scope={name: list(options) for name, options in sorted(wanted.scope.items())},
                asked_at=moment_text(self._tenant.reads.clock()),
                asked_by=wanted.asked_by,
            )
            if not self._hold(replay):
                # Another process has just taken it; what that has written of it may be a moment away.
                return self._kept(replay) or job
            if again:
                self.drop(replay)
            self._files.delete(_cancel_file(replay))
            self._tell(job)
            self._waiting.append((job, wanted))
            if self._worker is None:
                self._worker = Thread(target=self._work, name="replays", daemon=True)
                self._worker.start()
            self._changed.notify_all()
            return job

    def cancel(self, replay: str) -> Job:
        """Ask that a replay end without a result; whoever runs it hears of it within seconds. Raises NotFound."""
        with self._changed:
            job = self.job(replay)
            if job is None:
                raise NotFound("replay", replay)
            if job.is_under_way:
                waiting = next((item for item in self._waiting if item[0].id == replay), None)
                if waiting is not None:
                    self._waiting.remove(waiting)
                    self._end(replace(job, state=State.cancelled))
                elif replay in self._own:
                    self._cancelled.add(replay)
                else:
                    self._files.put(_cancel_file(replay), b"")
            elif job.state is State.interrupted:
                self._keep(replace(job, state=State.cancelled, eta_seconds=None))
            return self.job(replay) or job

    def drop(self, replay: str) -> bool:
        """Remove everything that is kept of a replay that is not under way, the tables for analysts included; tell whether there was anything."""
        drop_datasets(self._tenant.pool, replay)
        self._files.delete(_job_file(replay))
        self._files.delete(_cancel_file(replay))
        return self.store.drop(replay)

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def jobs(self) -> list[Job]:
        """Return every replay that was asked for, the newest first."""
        ids = [
            name[5:-5] for name in self._files.names() if name.startswith("jobs/") and name.endswith(".json")
        ]
        found = [job for replay in ids if (job := self.job(replay)) is not None]
        return sorted(found, key=lambda job: (job.asked_at, job.position, job.id), reverse=True)

    def job(self, replay: str) -> Job | None:
        """Return how a replay stands; None when nobody asked for it."""
        own = self._own.get(replay)
        if own is not None:
            return own
        job = self._kept(replay)
        if job is not None and job.is_under_way and not self._is_held(replay):
            # Whoever had it may have ended between the two looks.
            job = self._kept(replay) or job
            if job.is_under_way:
                return replace(job, state=State.interrupted, eta_seconds=None)
        return job

    def view(self, position: int | None) -> View:
        """Return the ledger as of a position, the head of the log by default."""
        return self._ledger().at(position)

    def wait(self, replay: str, seconds: float) -> Job:
        """Return how a replay stands once it stands otherwise, or after so many seconds. Raises NotFound."""
        with self._changed:
            if replay in self._own:
                self._changed.wait(seconds)
        job = self.job(replay)
        if job is None:
            raise NotFound("replay", replay)
        return job

    def close(self) -> None:
        """Stop the worker; what it was at, and what waits, is interrupted."""
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()
        if self._worker is not None:
            self._worker.join()
        while self._waiting:
            self._end(replace(self._waiting.popleft()[0], state=State.interrupted))
        if self._holding is not None:
            self._holding.close()
            self._holding = None

    # ── working ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._stopping.is_set():
                    self._changed.wait()
                if self._stopping.is_set():
                    return
                job, wanted = self._waiting.popleft()
            self._end(self._done(job, wanted))

    def _done(self, job: Job, wanted: Wanted) -> Job:
        """Do a job and return how it ended: that it failed is an ending, not the end of the worker."""
        running = _Running(self, job)
        try:
            self._replay(wanted, running)
        except Cancelled:
            return replace(running.job, state=State.cancelled, eta_seconds=None)
        except _Stopped:
            return replace(running.job, state=State.interrupted, eta_seconds=None)
        except Exception as error:  # noqa: BLE001 — whatever it is, who asked must learn of it, and the next job comes
            reason, message = told_of(error)
            log.warning("replay_failed", replay=job.id, reason=reason)
            if reason == "internal-error":
                log_error(error)
            return replace(running.job, state=State.failed, eta_seconds=None, reason=reason, message=message)
        return replace(running.job, state=State.done, done=running.job.of, eta_seconds=0)

    def _replay(self, wanted: Wanted, running: "_Running") -> None:
        replay = running.job.id
        running.begin()
        running.look()
        kept = self._whole(replay)
        if kept is not None:
            running.advance(0, 0)
        else:
            view = self._ledger().at(wanted.window.position)
            found = self._engine.run(view, self._tenant, wanted, running.advance, running.is_over)
            running.look()
            kept = self.store.keep(replay, found.impact, found.frames, wanted.draft)
        publish_datasets(self._tenant.pool, self.store, kept, running.job)

    def _ledger(self) -> Ledger:
        """The ledger, near enough to the log for its tail to be held in memory."""
        ledger = Ledger(ledger_store(self._settings), self._tenant.log)
        try:
            position = ledger.manifest().position
        except OlderLedger:
            with writing(self._tenant.pool):
                position = ledger.rebuild().position
        if self._tenant.log.head() - position > FARTHEST_BEHIND:
            # Whoever is writing it does the same; a longer tail is then read from the log.
            with suppress(LedgerBusy), writing(self._tenant.pool):
                ledger.update()
        return ledger

    def _whole(self, replay: str) -> KeptReplay | None:
        try:
            kept = self.store.find(replay)
            if kept is not None:
                self.store.impact(kept)
        except ReplayDamaged:
            self.store.drop(replay)
            return None
        return kept

    def _is_there(self, replay: str) -> bool:
        return self._whole(replay) is not None and is_published(self._tenant.pool, replay)

    def _end(self, job: Job) -> None:
        with self._changed:
            try:
                self._keep(job)
                self._files.delete(_cancel_file(job.id))
            except (ReplaysUnavailable, LedgerUnavailable) as error:
                # What is kept says it is under way; nobody holds it any more, so it shows as interrupted.
                log.warning("replay_not_noted", replay=job.id, state=job.state.value, error=str(error))
            self._own.pop(job.id, None)
            self._cancelled.discard(job.id)
            self._release(job.id)
            self._changed.notify_all()

    def tell(self, job: Job) -> None:
        """Say how far a job of this process is."""
        with self._changed:
            self._tell(job)
            self._changed.notify_all()

    def is_cancelled(self, replay: str) -> bool:
        """Tell whether a job of this process is wanted no more, here or by the word of another process. Raises when this process goes down."""
        if replay in self._cancelled:
            return True
        if self._stopping.is_set():
            raise _Stopped
        try:
            self._files.get(_cancel_file(replay))
        except FileNotFoundError:
            return False
        return True

    def _tell(self, job: Job) -> None:
        self._own[job.id] = job
        self._keep(job)

    def _keep(self, job: Job) -> None:
        try:
            self._files.put(_job_file(job.id), job.json())
        except LedgerUnavailable as error:
            raise ReplaysUnavailable("where replays are kept does not answer") from error

    def _kept(self, replay: str) -> Job | None:
        if not is_replay_id(replay):
            return None
        try:
            return Job.from_json(self._files.get(_job_file(replay)))
        except FileNotFoundError:
            return None
        except LedgerUnavailable as error:
            raise ReplaysUnavailable("where replays are kept does not answer") from error

    # ── who has a job ────────────────────────────────────────────────────────────────────────────────────────────────

    def _hold(self, replay: str) -> bool:
        """Take a job; False when another process has it. The lock goes with the connection, however this process ends."""
        if self._holding is None or self._holding.closed or self._holding.broken:
            self._holding = psycopg.connect(
                self._tenant.url, autocommit=True, row_factory=dict_row, application_name="dealtrail replays"
            )
        row = self._holding.execute("SELECT pg_try_advisory_lock(%s) AS has", (_lock(replay),)).fetchone()
        return bool(row and row["has"])

    def _release(self, replay: str) -> None:
        if self._holding is not None:
            # A connection that is gone holds nothing.
            with suppress(*DATABASE_IS_AWAY):
                self._holding.execute("SELECT pg_advisory_unlock(%s)", (_lock(replay),))

    def _is_held(self, replay: str) -> bool:
        key = _lock(replay)
        with self._tenant.pool.connection() as connection:
            found = connection.execute(
                "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND classid = %s::bigint::oid AND objid = %s::bigint::oid"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND granted",
                (key >> 32, key & 0xFFFFFFFF),
            )
            return found.fetchone() is not None


class _Running:
    """A job under way: says how far it is now and then, and looks whether it is still wanted."""

    def __init__(self, jobs: ReplayJobs, job: Job) -> None:
        self._jobs = jobs
        self.job = replace(job, state=State.running)
        self._began = time.monotonic()
        self._told = self._looked = float("-inf")
        self._is_over = False

    def begin(self) -> None:
        """Say that it is under way; how much there is to do is not known before the engine has looked."""
        self._told = time.monotonic()
        self._jobs.tell(self.job)

    def advance(self, done: int, of: int) -> None:
        """Note how many of the engine's steps are done, with one more that follows them: the result is kept.

        The time left follows from the time that took. It is unknown before the first step is done, and never 0 before the last one is.
        """
        now = time.monotonic()
        took = now - self._began
        steps = of + _KEEPING
        eta = max(1, round(took / done * (steps - done))) if done else None
        is_news = steps != self.job.of or done == of
        self.job = replace(self.job, done=done, of=steps, seconds=int(took), eta_seconds=eta)
        if now - self._told >= _TELL_SECONDS or is_news:
            self._told = now
            self._jobs.tell(self.job)

    def is_over(self) -> bool:
        """Tell whether nobody wants the result any more."""
        now = time.monotonic()
        if not self._is_over and now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._is_over = self._jobs.is_cancelled(self.job.id)
        return self._is_over

    def look(self) -> None:
        """Go on only while the result is wanted. Raises Cancelled."""
        self._looked = float("-inf")
        if self.is_over():
            raise Cancelled


def kept_draft(tenant: Tenant, name: str, number: str) -> PublishedPlaybook:
    """Return a draft by its playbook and its number. Raises NotFound."""
    is_name = name.isprintable() and len(name) < _LONGEST_NAME
    drafts = fold_drafts(None, tenant.log.stream(drafts_stream(name)) if is_name else ()).drafts
    # Numbers as people write them only: 1, not 01 nor ١.
    found = next((draft for known, draft in drafts.items() if str(known) == number), None)
    if found is None:
        raise NotFound("draft", f"{name} {number}", nearest(number, map(str, drafts)))
    return found


def told_of(error: Exception) -> tuple[str, str]:
    """Return why a replay failed: a code for programs, and a sentence that repeats nothing of anybody's data."""
    match error:
        case LedgerUnavailable():
            return "ledger-unavailable", str(error)
        case LedgerError():
            return "ledger-damaged", str(error)
        case ReplaysUnavailable() | ReplayDamaged():
            return error.code, str(error)
        case InvalidCommand() | Refusal():
            return "bad-question", str(error)
        case MemoryError():
            return "out-of-memory", "the machine has too little memory for this window; choose a shorter one"
    if isinstance(error, DATABASE_IS_AWAY):
        return "database-unavailable", "the database did not answer; ask for the replay again"
    return "internal-error", "something went wrong on our side; the log of the server says what"


def replay_files(settings: Settings) -> ObjectStoreLedger:
    """Return where replays of the tenant are kept, as the settings say; by default in a folder beside the ledger's."""
    if settings.replays_url is None:
        return ObjectStoreLedger.in_folder(settings.home / "replays" / settings.tenant)
    return ObjectStoreLedger.at(settings.replays_url, cache=settings.home / "replays-cache" / settings.tenant)


def _job_file(replay: str) -> str:
    return f"jobs/{replay}.json"


def _cancel_file(replay: str) -> str:
    return f"jobs/{replay}.cancel"


def _lock(replay: str) -> int:
    return int.from_bytes(hashlib.sha256(f"dealtrail replay {replay}".encode()).digest()[:7], "big")


class SignableReplays:
    """Replays that can be signed off: those that are done. Implements the port `commands.replays.Replays`."""

    def __init__(self, replays: ReplayJobs) -> None:
        self._replays = replays

    def find(self, replay: str) -> SignedReplay | None:
        """Return a finished replay with its totals and its law, None where there is none of that id."""
        job = self._replays.job(replay)
        kept = self._replays.store.find(replay) if job is not None and job.state is State.done else None
        if job is None or kept is None:
            return None
        impact = self._replays.store.impact(kept)
        law = {name: impact["law"][name] for name in ("decisions", "reproduced", "erased")}
        window = {"after": job.after, "upto": job.upto}
        summary = {"totals": impact["totals"], "law": law}
        return SignedReplay(job.id, job.playbook, job.digest, window, job.position, summary)
