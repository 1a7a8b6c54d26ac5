"""Writers of one log and readers that follow it while it grows, and the check of what the readers saw."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg

from infra.log.application import SalesLog
from infra.log.recorder import _APPEND, _parameters
from support.faults import history
from support.faults.history import Row
from support.faults.plan import FaultPlan
from support.sales import an_append, edited, opened

WRITERS = 8
MOST_EVENTS = 20
PAGE = 200
CHANGES = "record.fields-changed.v1"


@dataclass(slots=True)
class Followed:
    """What the writers were told, and what each reader saw, in its order."""

    log: list[Row] = field(default_factory=list)
    promised: int = 0
    turned_away: list[str] = field(default_factory=list)
    seen: dict[str, list[int]] = field(default_factory=dict)
    blocked_seconds: float = 0.0


def follow(url: str, plan: FaultPlan, *, events: int, held_open_seconds: float) -> Followed:
    """Let 8 writers append 1 to 20 events at a time, one of them holding a transaction open, and readers follow the log."""
    found, done = Followed(), threading.Event()
    first = len(history.rows(url))
    counting = threading.Lock()
    holding, released = threading.Event(), threading.Event()

    def one(writer: int, number: int, size: int) -> tuple[str, list[object]]:
        stream = f"deal/w{writer}_{number}"
        changes = (edited(stream, version, "before", "after") for version in range(2, size + 1))
        return stream, [opened(stream, topic="x"), *changes]

    def promise(size: int) -> None:
        with counting:
            found.promised += size

    def writer(index: int) -> None:
        chances = plan.chances(f"writer {index}")
        left, number = events // WRITERS + 1, 0
        with SalesLog(url, pool_size=1) as log:
            while left > 0:
                size, number = chances.randint(1, MOST_EVENTS), number + 1
                left -= size
                stream, made = one(index, number, size)
                began, held = time.monotonic(), holding.is_set()
                try:
                    (outcome,) = log.append([an_append(*made, key=stream)])
                except Exception as error:  # noqa: BLE001 — a writer that is turned away is what the check is about
                    found.turned_away.append(f"{stream}: {error!r}")
                    continue
                if held and not released.is_set():
                    # Begun and ended while the transaction was open: it did not wait for it.
                    found.turned_away.append(f"{stream} overtook a transaction that had positions already")
                found.blocked_seconds = max(found.blocked_seconds, time.monotonic() - began)
                assert outcome.result == "appended", outcome
                promise(size)

    def held_open() -> None:
        while found.promised < events // 4 and not found.turned_away:
            time.sleep(0.005)
        stream, made = one(99, 1, 3)
        try:
            with psycopg.connect(url) as connection:
                connection.execute(_APPEND, _parameters([an_append(*made, key=stream)]))
                holding.set()
                time.sleep(held_open_seconds)
                released.set()
        except psycopg.Error as error:
            found.turned_away.append(f"{stream}: {error!r}")
        else:
            promise(3)

    def reader(name: str, *, topics: tuple[str, ...] = (), restarts: bool = False) -> None:
        seen = found.seen[name] = []
        chances, position, going_on = plan.chances(name), first, True
        while going_on:
            with SalesLog(url, pool_size=1) as log:
                while going_on:
                    # The last look is begun after the last append has returned.
                    going_on = not done.is_set()
                    while page := log.after(position, PAGE, topics=topics):
                        seen += [event.position for event in page]
                        position = page[-1].position
                    if restarts and chances.random() < 0.2:
                        break
                    time.sleep(0.001)

    with ThreadPoolExecutor(WRITERS + 4) as pool:
        readers = [
            pool.submit(reader, "plain"),
            pool.submit(reader, "filtered", topics=(CHANGES,)),
            pool.submit(reader, "restarting", restarts=True),
        ]
        try:
            for writing in [
                pool.submit(held_open),
                *(pool.submit(writer, index) for index in range(WRITERS)),
            ]:
                writing.result()
        finally:
            done.set()
        for reading in readers:
            reading.result()
    found.log = history.rows(url)[first:]
    return found


def wrong_reading(found: Followed) -> list[str]:
    """P3: what writers were denied, and what readers missed, repeated or saw out of order."""
    every = [row.position for row in found.log]
    changes = [row.position for row in found.log if row.topic == CHANGES]
    wrong = list(found.turned_away)
    if len(every) != found.promised:
        wrong.append(f"{found.promised} events were acknowledged, {len(every)} are in the log")
    for reader, seen in found.seen.items():
        wrong += history.misread(reader, seen, changes if reader == "filtered" else every)
    if every and every != list(range(every[0], every[0] + len(every))):
        wrong.append("positions are not contiguous")
    return wrong
