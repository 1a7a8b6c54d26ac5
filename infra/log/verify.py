"""Walking the chain: is every event what it was when it was sealed, and is none missing?

Ranges of the log are checked by several processes on one snapshot and stitched together; docs/format.md says what is checked.
"""

import hashlib
import hmac
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from struct import Struct
from struct import error as StructError  # noqa: N812 — it is an exception, whatever it is called there
from typing import Any

import psycopg
from psycopg.rows import tuple_row
from psycopg.sql import SQL

from domain.events import LogBegun
from infra.log.sealing import FORMAT, SALT_BYTES, parse_canonical, root

RANGE = 10_000
RANGES_PER_PROCESS = 8
"""A process takes a second or two to start; below this many ranges each it costs more than it saves."""

Progress = Callable[[int, int], None]

_I64 = Struct(">q").pack
_FIRST_THREE = Struct(">qqq").pack
_PRESENT = Struct(">Bq").pack
_ABSENT = _I64(-1)
_GENESIS = bytes(32)
_TEXTS = (
    "originator_id",
    "topic",
    "playbook",
    "actor",
    "on_behalf_of",
    "channel",
    "reason",
    "command_id",
    "correlation_id",
    "causation_id",
)
_REQUIRED = tuple(map(_TEXTS.index, ("originator_id", "topic", "actor", "channel", "command_id")))


class WitnessRefused(ValueError):
    """The witness is not one of this log, or not a witness at all."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A position and its hash, kept on another host: whoever cuts or rewrites the tail cannot change it there."""

    tenant: str
    position: int
    hash: bytes
    recorded_at: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Witness":
        """Read a witness. Raises WitnessRefused."""
        try:
            tenant, position, recorded_at = data["tenant"], data["position"], data.get("recorded_at", "")
            found = cls(tenant, position, bytes.fromhex(data["hash"]), str(recorded_at))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise WitnessRefused(f"this is not a witness: {error}") from None
        told = type(position) is int and position >= 1 and isinstance(tenant, str) and len(found.hash) == 32
        if not told or type(data.get("format")) is not int or data["format"] != FORMAT:
            raise WitnessRefused(f"this is not a witness of format {FORMAT}")
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the witness as it is written to a file."""
        return {
            "tenant": self.tenant,
            "format": FORMAT,
            "position": self.position,
            "hash": self.hash.hex(),
            "recorded_at": self.recorded_at,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the walk found: `events` hold; `first_bad_position` and `reason` say where the log stops being right."""

    tenant: str
    clock: str
    events: int
    head: Witness | None
    first_bad_position: int | None = None
    reason: str | None = None

    @property
    def holds(self) -> bool:
        """Whether everything is as it was sealed."""
        return self.first_bad_position is None


@dataclass(slots=True)
class _Range:
    """What one range leaves for the stitching."""

    first_previous: bytes
    last_hash: bytes
    first_moment: int | None = None
    last_moment: int | None = None
    versions: dict[str, tuple[int, int, int]] = field(
        default_factory=dict
    )  # stream: first version, its position, last version
    bad: tuple[int, str] | None = None


def verify(
    url: str,
    *,
    witness: Witness | None = None,
    since: Witness | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Check the log at a URL from its first event, or from a witness on; a witness is compared in either case.

    `progress` gets (events checked, events to check). Raises WitnessRefused when a witness is another log's.
    """
    with psycopg.connect(url, row_factory=tuple_row) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = _one(connection, "SELECT pg_export_snapshot()")
        head = int(_one(connection, "SELECT coalesce(max(notification_id), 0) FROM dealtrail.events"))
        tenant, clock = _genesis(connection)
        for given in (witness, since):
            if given is not None and given.tenant != tenant:
                raise WitnessRefused(
                    f"the witness is of the tenant {given.tenant!r}, this log is {tenant!r}'s"
                )
        start = since.position if since else 0
        known = _versions_upto(connection, start) if since else {}
        ranges = [(first, min(first + RANGE - 1, head)) for first in range(start + 1, head + 1, RANGE)]
        checked = start
        bad = (1, "the log is empty") if head == 0 else None
        previous, moment, last_hash = (
            (since.hash if since else _GENESIS),
            None,
            since.hash if since else _GENESIS,
        )
        if since is not None and _hash_at(connection, since.position) != since.hash:
            bad = (min(since.position, head + 1), "the log does not have the event the witness holds")
        elif stray := _stray_row(connection, head, start):
            bad = stray
        for (first, last), found in zip(ranges, _walk(url, str(snapshot), ranges), strict=True):
            if bad is not None and bad[0] <= first:
                break
            fault = _stitch(first, found, previous, moment, known)
            if fault is not None:
                bad = min(filter(None, (bad, fault)))
                break
            previous, moment, last_hash = found.last_hash, found.last_moment, found.last_hash
            checked = last
            if progress is not None:
                progress(checked - start, head - start)
        recorded_at = _one(
            connection,
            "SELECT to_char(max(recorded_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM dealtrail.events WHERE notification_id = %s",
            (checked,),
        )
        if witness is not None and (fault := _against(connection, witness, head)) is not None:
            bad = min(filter(None, (bad, fault)))
        if bad is not None:
            return Verdict(tenant, clock, max(bad[0] - 1, 0), None, *bad)
        return Verdict(tenant, clock, head, Witness(tenant, head, last_hash, str(recorded_at or "")))


def _stray_row(connection: psycopg.Connection[Any], head: int, start: int) -> tuple[int, str] | None:
    """Find a row where no position is, before the first or without any: the walk would pass it by."""
    if start == 0 and _one(connection, "SELECT min(notification_id) < 1 FROM dealtrail.events"):
        return 1, "an event stands before position 1"
    if _one(connection, "SELECT EXISTS (SELECT FROM dealtrail.events WHERE notification_id IS NULL)"):
        return head + 1, "an event has no position"
    return None


def _against(connection: psycopg.Connection[Any], witness: Witness, head: int) -> tuple[int, str] | None:
    """Compare the log with what a witness holds."""
    if witness.position > head:
        return (
            head + 1,
            f"the log ends at position {head}, the witness stands at {witness.position}: the tail is missing",
        )
    if _hash_at(connection, witness.position) != witness.hash:
        return (
            witness.position,
            "the event has another hash than the witness holds: the log was rewritten up to here or further",
        )
    return None


def _stitch(
    first: int, found: _Range, previous: bytes, moment: int | None, known: dict[str, int]
) -> tuple[int, str] | None:
    """Check what lies between a range and the ones before it; the earliest fault wins."""
    faults = [found.bad] if found.bad is not None else []
    if found.first_previous != previous:
        faults.append((first, "the hash does not follow from the previous event's"))
    if moment is not None and found.first_moment is not None and found.first_moment < moment:
        faults.append((first, "recorded_at is before the previous event's"))
    for stream, (version, position, last) in found.versions.items():
        expected = known.get(stream, 0) + 1
        if version != expected:
            faults.append((position, f"version {version} of {stream!r} stands where {expected} should"))
        known[stream] = last
    return min(faults, default=None)


def _walk(url: str, snapshot: str, ranges: list[tuple[int, int]]) -> Iterator[_Range]:
    """Check ranges in order of position, in as many processes as there are processors."""
    workers = min(len(ranges) // RANGES_PER_PROCESS, os.cpu_count() or 1, 8)
    if workers < 2:
        for first, last in ranges:
            yield _check_range(url, snapshot, first, last)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        with _interrupts_held_back():
            futures = [pool.submit(_check_range, url, snapshot, first, last) for first, last in ranges]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Start processes that never see Ctrl-C: whoever started them ends them, and says so once."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_INFINITE = -(2**63)
_EARLIEST, _LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999
_MOMENT = (
    "CASE WHEN isfinite({0}) THEN (extract(epoch FROM {0}) * 1000000)::bigint"
    f" WHEN {{0}} IS NOT NULL THEN {_INFINITE} END"
)
_ROWS = SQL(
    "SELECT notification_id, originator_version, basis, {}, {}, {}, playbook_version, {}, state, salt, root, hash"
    " FROM dealtrail.events WHERE notification_id BETWEEN %s AND %s ORDER BY notification_id"
).format(
    *(SQL(_MOMENT.format(name)) for name in ("recorded_at", "occurred_at", "decided_at")),
    SQL(", ".join(_TEXTS)),
)


def _check_range(url: str, snapshot: str, first: int, last: int) -> _Range:
    """Check every event of a range by itself and in its order; the hash before the first one is taken on trust, for the stitching."""
    with psycopg.connect(url, row_factory=tuple_row) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute(SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
        previous = _hash_at(connection, first - 1) or _GENESIS if first > 1 else _GENESIS
        found = _Range(previous, previous)
        position = first - 1
        with connection.cursor("walk", row_factory=tuple_row) as cursor:
            cursor.itersize = 2_000
            for row in cursor.execute(_ROWS, (first, last), binary=True):
                position += 1
                try:
                    reason = _fault(row, position, found)
                except (ValueError, TypeError, AttributeError, OverflowError, StructError) as error:
                    reason = str(error) or type(error).__name__
                if reason is not None:
                    found.bad = (position, reason)
                    return found
        if position < last:
            found.bad = (position + 1, "the event is missing")
        return found


def _fault(row: tuple[Any, ...], position: int, found: _Range) -> str | None:
    """Say what is wrong with a row that stands at a position, or nothing; take note of it for what follows."""
    at, version, basis, recorded, occurred, decided, playbook_version, *rest = row
    texts, (state, salt, sealed_root, sealed_hash) = rest[:10], rest[10:]
    if at != position:
        return "the event is missing"
    for index in _REQUIRED:
        if texts[index] is None:
            return f"{_TEXTS[index]} is null"
    if recorded is None or decided is None:
        return "a moment is null that may not be"
    if any(
        moment is not None and not _EARLIEST <= moment <= _LATEST for moment in (recorded, occurred, decided)
    ):
        return "a moment is infinite, or not from year 1 to year 9999"
    if found.last_moment is not None and recorded < found.last_moment:
        return "recorded_at is before the previous event's"
    if basis >= position:
        return "the basis is not before the event"
    stream = texts[0]
    before = found.versions.get(stream)
    if before is not None and version != before[2] + 1:
        return f"version {version} of {stream!r} stands where {before[2] + 1} should"
    if len(salt) != SALT_BYTES:
        return "the salt has not 16 bytes"
    payload = parse_canonical(state)
    if root(payload, salt) != sealed_root:
        return "the root does not follow from state and salt: the payload was changed"
    header = _header(position, version, basis, recorded, occurred, decided, playbook_version, texts)
    if not hmac.compare_digest(hashlib.sha256(found.last_hash + header + sealed_root).digest(), sealed_hash):
        return "the hash does not follow from the previous hash, the header and the root: the event or the one before it was changed"
    if (position == 1) != (texts[1] == LogBegun.TOPIC) or (
        position == 1 and not ((stream, version, basis) == ("log", 1, 0) and _is_genesis(payload))
    ):
        return f"position 1, and only position 1, is a genesis of format {FORMAT}"
    found.last_hash = sealed_hash
    found.last_moment = recorded
    found.first_moment = recorded if found.first_moment is None else found.first_moment
    found.versions[stream] = (
        (before[0], before[1], version) if before is not None else (version, position, version)
    )
    return None


def _is_genesis(payload: Mapping[str, Any]) -> bool:
    """Tell whether a payload begins a log of this format; true is not the number 1."""
    return (
        type(payload.get("format")) is int
        and payload["format"] == FORMAT
        and payload.get("clock") in ("database", "simulated")
        and all(isinstance(payload.get(name), str) for name in ("tenant", "product"))
    )


def _header(
    position: int,
    version: int,
    basis: int,
    recorded: int,
    occurred: int | None,
    decided: int,
    playbook_version: int | None,
    texts: list[str | None],
) -> bytes:
    """Lay out the fixed binary header of docs/format.md."""
    parts = [_FIRST_THREE(position, version, basis)]
    parts += [_optional(number) for number in (recorded, occurred, decided, playbook_version)]
    for text in texts:
        if text is None:
            parts.append(_ABSENT)
        else:
            raw = text.encode()
            parts += (_I64(len(raw)), raw)
    return b"dealtrail\x01" + b"".join(parts)


def _optional(number: int | None) -> bytes:
    return b"\x00" if number is None else _PRESENT(1, number)


def _one(connection: psycopg.Connection[Any], query: str, parameters: tuple[object, ...] = ()) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None


def _hash_at(connection: psycopg.Connection[Any], position: int) -> bytes | None:
    found = _one(connection, "SELECT hash FROM dealtrail.events WHERE notification_id = %s", (position,))
    return None if found is None else bytes(found)


def _versions_upto(connection: psycopg.Connection[Any], position: int) -> dict[str, int]:
    query = "SELECT originator_id, max(originator_version) FROM dealtrail.events WHERE notification_id <= %s GROUP BY 1"
    return dict(connection.execute(query, (position,)).fetchall())


def _genesis(connection: psycopg.Connection[Any]) -> tuple[str, str]:
    """The tenant and clock the first event claims; a broken one is found by the walk."""
    row = connection.execute("SELECT state FROM dealtrail.events WHERE notification_id = 1").fetchone()
    try:
        payload = parse_canonical(bytes(row[0])) if row else {}
    except (TypeError, ValueError):
        payload = {}
    return str(payload.get("tenant", "?")), str(payload.get("clock", "?"))
