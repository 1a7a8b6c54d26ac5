"""S1 and S2: append one event, sealed (key, version, position, hash), against the library's own `Application.save`.

Both sides run on the same server with the same pool, alternating, round by round; every caller writes to records of its own.
What is compared is a ratio; the figures of both sides are shown.
"""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from benchmarks.figures import percentile
from benchmarks.grounds import Grounds
from benchmarks.stock import Visited, stock_application
from commands.ports import Append, Expectation, NewEvent
from domain.envelope import Origin
from domain.events import RecordOpened, Touched
from domain.naming import token
from infra import database
from infra.log.group_commit import GroupCommit
from infra.tenant import Tenant

ROUNDS = 7
POOL_SIZE = 5
NOTE = "到现场看了产线，对方希望先在一条线上试；技术负责人要求补一组高温数据，周五前回复"

One = Callable[[int], None]
"""Appends one event for the caller of a number."""


@dataclass(frozen=True)
class Round:
    """One round of one side: appends a second, and the latency of single appends in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Comparison:
    """Both sides of a benchmark, round by round; `to_beat` and `aim` are ratios of appends a second."""

    name: str
    what: str
    callers: int
    appends: int
    ours: Sequence[Round]
    stock: Sequence[Round]
    to_beat: float
    aim: float
    p99_to_beat: float | None = None

    @property
    def ratio(self) -> float:
        """How many times as many appends a second, median against median."""
        return _median(self.ours, "per_second") / _median(self.stock, "per_second")

    @property
    def ratios(self) -> list[float]:
        """The same for each round, beside the one that ran next to it."""
        return [ours.per_second / stock.per_second for ours, stock in zip(self.ours, self.stock, strict=True)]

    @property
    def p99_ratio(self) -> float:
        """The p99 of a single append as a share of the stock side's, median against median."""
        return _median(self.ours, "p99_ms") / _median(self.stock, "p99_ms")

    def as_json(self) -> dict[str, Any]:
        """Return both sides with every round as plain data."""
        return {
            "name": self.name,
            "what": self.what,
            "callers": self.callers,
            "appends_a_round": self.appends,
            "ratio": round(self.ratio, 2),
            "ratios": [round(ratio, 2) for ratio in self.ratios],
            "p99_ratio": round(self.p99_ratio, 3),
            "to_beat": self.to_beat,
            "aim": self.aim,
            "p99_to_beat": self.p99_to_beat,
            "ours": [_plain(item) for item in self.ours],
            "stock": [_plain(item) for item in self.stock],
        }


def compare(
    grounds: Grounds, progress: Callable[[str], Callable[[int, int], None]], *, rounds: int = ROUNDS
) -> list[Comparison]:
    """Measure both benchmarks, the two sides taking turns."""
    admin = grounds.server.url("postgres", "postgres")
    database.create_database(admin, "stock")
    found = []
    with (
        grounds.tenant("appending", pool_size=POOL_SIZE) as tenant,
        stock_application(grounds.server.url("stock", "postgres"), pool_size=POOL_SIZE) as application,
    ):
        for name, what, callers, appends, to_beat, aim, p99 in (
            ("S1", "append one event, one caller", 1, 400, 1.5, 2.5, None),
            ("S2", "append one event, 32 callers, group commit", 32, 1_600, 6.0, 10.0, 1 / 6),
        ):
            advance = progress(name)
            sealed, saved = _sealed(tenant, callers), _saved(application, callers)
            _measure(sealed, callers, appends // 4)
            _measure(saved, callers, appends // 4)
            ours, stock = [], []
            for index in range(rounds):
                ours.append(_measure(sealed, callers, appends))
                stock.append(_measure(saved, callers, appends))
                advance(index + 1, rounds)
            found.append(Comparison(name, what, callers, appends, ours, stock, to_beat, aim, p99))
    return found


def _measure(one: One, callers: int, appends: int) -> Round:
    """Let callers append at the same time, each its share, and measure every append."""
    share = appends // callers
    begin, latencies = threading.Barrier(callers + 1), [list[float]() for _ in range(callers)]
    failed: list[BaseException] = []

    def call(caller: int) -> None:
        begin.wait()
        try:
            for _ in range(share):
                at = time.perf_counter()
                one(caller)
                latencies[caller].append(time.perf_counter() - at)
        except BaseException as error:  # noqa: BLE001 — raised again below, in the thread that measures
            failed.append(error)

    threads = [threading.Thread(target=call, args=(caller,)) for caller in range(callers)]
    for thread in threads:
        thread.start()
    begin.wait()
    at = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - at
    if failed:
        raise failed[0]
    flat = [item * 1_000 for caller in latencies for item in caller]
    return Round(share * callers / seconds, percentile(flat, 0.5), percentile(flat, 0.99))


def _sealed(tenant: Tenant, callers: int) -> One:
    """Our side: the sealed append as the bus calls it, each command with its key, its version and its read set."""
    log, now = GroupCommit(tenant.log), tenant.log.now()
    numbers = count()
    streams = [f"deal/dea_{callers}_{caller}" for caller in range(callers)]
    versions = [0] * callers

    def append(caller: int, event: RecordOpened | Touched) -> None:
        command = token(next(numbers).to_bytes(8, "big") + callers.to_bytes(8, "big"))
        stream, version = streams[caller], versions[caller]
        appended = Append(
            events=[NewEvent(stream, version + 1, event, event.payload())],
            expectations=[Expectation(stream, version, own=True)],
            origin=Origin(actor="system/benchmark", channel="benchmark", occurred_at=now, command_id=command),
            decided_at=now,
            client="benchmark",
            key=command,
            body_hmac=command.encode(),
        )
        (outcome,) = log.append([appended])
        if outcome.result != "appended":
            raise RuntimeError(f"an append of a benchmark was answered {outcome.result}")
        versions[caller] += 1

    for caller in range(callers):
        append(caller, RecordOpened(fields={"topic": "高温工况"}, stage="lead", owner=None, external_id=None))
    return lambda caller: append(caller, Touched(f"tou_{versions[caller]}", "visit", NOTE, "contact/con_1"))


def _saved(application: Any, callers: int) -> One:
    """Their side: an aggregate that is in memory gets one event and is saved."""
    aggregates = [Visited(topic="高温工况") for _ in range(callers)]
    for aggregate in aggregates:
        application.save(aggregate)

    def save(caller: int) -> None:
        aggregate = aggregates[caller]
        aggregate.touch(f"tou_{aggregate.version}", "visit", NOTE, "contact/con_1")
        application.save(aggregate)

    return save


def _median(rounds: Sequence[Round], figure: str) -> float:
    return float(statistics.median(getattr(item, figure) for item in rounds))


def _plain(item: Round) -> dict[str, float]:
    return {
        "per_second": round(item.per_second, 1),
        "p50_ms": round(item.p50_ms, 2),
        "p99_ms": round(item.p99_ms, 2),
    }
