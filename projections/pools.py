"""Pools as they are read: what each decided, who waits since when, and why a record went to whom it went."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from domain.assigning.events import PoolAssigned, PoolClaimed, PoolRecycled, PoolReturned
from domain.assigning.places import entered, is_open
from domain.assigning.state import PoolState, asked_because_of, fold
from domain.envelope import Recorded
from domain.naming import nearest, pools_stream, split_stream
from domain.playbook.catalogue import Playbooks
from domain.playbook.pools import Pool
from domain.playbook.published import OWNER_REGION, OWNER_TEAM, PublishedPlaybook
from domain.record.adoption import adopted
from domain.record.gates import judged
from domain.record.state import Record, from_json
from domain.refusals import NotFound
from domain.values import moment_text
from projections.as_of import Horizon
from projections.current_records import CurrentRecords
from projections.cursors import Cursor
from projections.footing import NOW, Footing
from projections.kinds import ReadModel
from projections.lens import Lens, Visible
from projections.lists import Ask, pinned

_WORDS = {
    PoolAssigned: "assigned",
    PoolClaimed: "claimed",
    PoolReturned: "returned",
    PoolRecycled: "recycled",
}


class Assignments(ReadModel):
    """One row a decision of a pool: which record, which person, and where in the log it stands."""

    name = "assignments"
    tables = ("assignments",)

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Add a row for each event of a pool."""
        rows = [
            (
                recorded.position,
                split_stream(recorded.stream)[1],
                recorded.event.record,
                _WORDS[type(recorded.event)],
                recorded.event.person,
            )
            for recorded in events
            if isinstance(recorded.event, PoolAssigned | PoolClaimed | PoolReturned | PoolRecycled)
        ]
        if rows:
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO assignments (position, pool, record, what, person) VALUES (%s, %s, %s, %s, %s)",
                    rows,
                )


@dataclass(frozen=True, slots=True)
class Which:
    """Which decisions are listed; None asks nothing."""

    pool: str | None = None
    record: str | None = None
    person: str | None = None


def pools(footing: Footing, horizon: Horizon = NOW) -> Visible:
    """Show every pool there is at a moment: its rules in order, who waits, and how many each person got."""
    bounded = footing.bounded(horizon)
    playbooks, lens = footing.playbooks(bounded), footing.lens(bounded)
    lens.prepare(())
    items = []
    for name, (pool, playbook) in sorted(_pools_of(playbooks).items()):
        state = fold(None, bounded.within(footing.log.stream(pools_stream(name))))
        items.append(
            lens.figures(
                id=name,
                label=pool.label.model_dump(),
                why=None if pool.why is None else pool.why.model_dump(),
                kind=pool.kind,
                playbook=playbook.name,
                playbook_version=playbook.number,
                when=pool.when,
                rules=[
                    {"name": rule_name, **rule.as_json(), "strategy": rule.strategy.value}
                    for rule_name, rule in pool.rules.items()
                ],
                fallback=None if pool.fallback is None else pool.fallback.as_json(),
                claim=None if pool.claim is None else pool.claim.as_json(),
                nobody_found=len(state.waiting),
                assigned=[
                    {"person": person, "name": lens.person(person), "records": count}
                    for person, count in sorted(state.totals.items(), key=lambda item: (-item[1], item[0]))
                ],
            )
        )
    return lens.page(items, next=None, **footing.about(bounded))


def assignments(footing: Footing, ask: Ask, which: Which) -> Visible:
    """Show decisions of pools, newest first, each with everybody who was judged. Raises NotFound for a pool nobody ever published."""
    words = ["assignments", which.pool, which.record, which.person, str(ask.horizon)]
    if which.pool is not None:
        _known(footing, which.pool)
    cursor = Cursor.read(ask.cursor, words)
    bounded = footing.bounded(ask.horizon if cursor is None else pinned(ask.horizon, cursor.position))
    skip = 0 if cursor is None else cursor.skip
    with footing.snapshot(Assignments.name) as (connection, reached_position):
        upto = min(bounded.position or 0, reached_position)
        rows = connection.execute(
            "SELECT position FROM dealtrail_read.assignments WHERE position <= %(upto)s"
            " AND (%(pool)s::text IS NULL OR pool = %(pool)s) AND (%(record)s::text IS NULL OR record = %(record)s)"
            " AND (%(person)s::text IS NULL OR person = %(person)s)"
            " ORDER BY position DESC OFFSET %(skip)s LIMIT %(limit)s",
            {
                "upto": upto,
                "pool": which.pool,
                "record": which.record,
                "person": which.person,
                "skip": skip,
                "limit": ask.limit + 1,
            },
        ).fetchall()
    events = [
        footing.log.after(int(row["position"]) - 1, 1, upto=int(row["position"]))[0]
        for row in rows[: ask.limit]
    ]
    lens = footing.lens(bounded)
    lens.prepare(())
    more = Cursor(bounded.position or 0, skip + ask.limit).text(words) if len(rows) > ask.limit else None
    return lens.page(
        [lens.figures(**_told(lens, recorded)) for recorded in events], next=more, **footing.about(bounded)
    )


def waiting(footing: Footing, name: str, ask: Ask) -> Visible:
    """Show the records that nobody owns and this pool is for, longest first: since when, and how often an owner was looked for.

    A page goes on after the position since which the last of the page before waits, whatever came or went meanwhile.
    """
    pool, _ = _known(footing, name)
    words = ["waiting", name]
    cursor = Cursor.read(ask.cursor, words)
    bounded = footing.bounded(NOW)
    state = fold(None, bounded.within(footing.log.stream(pools_stream(name))))
    is_here = _waits_in(footing, footing.playbooks(bounded), name, state)
    with footing.snapshot(CurrentRecords.name) as (connection, _reached):
        rows = connection.execute(
            _OWNERLESS, {"kind": pool.kind, "after": 0 if cursor is None else cursor.skip}
        ).fetchall()
        found: list[tuple[Record, int]] = []
        for row in rows:
            record = from_json(row["record"])
            if is_here(record):
                found.append((record, int(row["since"])))
            if len(found) > ask.limit:
                break
        page = found[: ask.limit]
        began = _moments(connection, [since for _, since in page])
    lens = footing.lens(bounded)
    lens.prepare(())
    items = [
        lens.figures(
            record=record.stream,
            kind=record.kind,
            id=record.id,
            stage=record.stage,
            since=moment_text(began[since]),
            since_position=since,
            nobody_found_at=state.entry(record.stream).waiting_since,
            attempts=state.entry(record.stream).attempts,
        )
        for record, since in page
    ]
    more = Cursor(bounded.position or 0, page[-1][1]).text(words) if len(found) > ask.limit else None
    return lens.page(items, next=more, **footing.about(bounded))


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


_OWNERLESS = """
SELECT record, since FROM (
    SELECT c.stream, c.record, coalesce((SELECT max(h.position) FROM dealtrail_read.field_history h WHERE h.stream = c.stream
        AND h.field = '$owner' AND coalesce(h.new, 'null') = 'null'), c.opened_position) AS since
    FROM dealtrail_read.current_records c WHERE c.kind = %(kind)s AND c.owner IS NULL
) AS ownerless
WHERE since > %(after)s ORDER BY since, stream
"""


def _waits_in(
    footing: Footing, playbooks: Playbooks, name: str, state: PoolState
) -> Callable[[Record], bool]:
    """Tell whether a record that nobody owns waits in a pool: it entered it, or nobody was found for it there."""
    keyring, now = footing.keys.keyring(), footing.log.now()

    def is_here(record: Record) -> bool:
        playbook = playbooks.for_record(record.kind, record.fields, {OWNER_REGION: None, OWNER_TEAM: None})
        read = adopted(record, playbook)
        if not is_open(read, playbook.kind(record.kind)):
            return False
        if state.entry(record.stream).waiting_since:
            return True
        enters = entered(
            read,
            playbook.document,
            lambda place: judged(playbook, place, read, now, keyring.reveal) is True,
        )
        return enters == name

    return is_here


def _moments(connection: Connection[Any], positions: Sequence[int]) -> Mapping[int, datetime]:
    """Return when what stands at some positions of the log was recorded."""
    rows = connection.execute(
        "SELECT notification_id, recorded_at FROM dealtrail.events WHERE notification_id = ANY(%s)",
        (list(positions),),
    ).fetchall()
    return {int(row["notification_id"]): row["recorded_at"].astimezone(UTC) for row in rows}


def _pools_of(playbooks: Playbooks) -> Mapping[str, tuple[Pool, PublishedPlaybook]]:
    """Every pool of the playbooks in force, as the version for most records has it."""
    return {
        name: (pool, version)
        for versions in playbooks.effective.values()
        for version in versions
        for name, pool in version.document.pools.items()
    }


def _known(footing: Footing, name: str) -> tuple[Pool, PublishedPlaybook]:
    found = _pools_of(footing.playbooks())
    if name in found:
        return found[name]
    ever = {
        pool_name: (pool, version)
        for version in footing.playbooks().versions.values()
        for pool_name, pool in version.document.pools.items()
    }
    if name not in ever:
        raise NotFound("pool", name, nearest(name, ever))
    return ever[name]


def _told(lens: Lens, recorded: Recorded) -> dict[str, Any]:
    event = recorded.event
    assert isinstance(event, PoolAssigned | PoolClaimed | PoolReturned | PoolRecycled)
    told: dict[str, Any] = {
        "position": recorded.position,
        "recorded_at": moment_text(recorded.recorded_at),
        "pool": split_stream(recorded.stream)[1],
        "what": _WORDS[type(event)],
        "record": event.record,
        "person": event.person,
        "name": lens.person(event.person),
        "playbook": recorded.playbook,
        "playbook_version": recorded.playbook_version,
        "basis": recorded.basis,
        "actor": recorded.actor,
    }
    if isinstance(event, PoolRecycled):
        told["days"] = event.days
    if isinstance(event, PoolAssigned):
        told |= {
            "rule": event.rule,
            "attempt": event.attempt,
            "fallback": event.fallback,
            "because_of": asked_because_of(recorded) or None,
            "candidates": list(_candidates(lens, event)),
        }
    return told


def _candidates(lens: Lens, event: PoolAssigned) -> Iterator[dict[str, Any]]:
    for candidate in event.candidates:
        assert isinstance(candidate, dict)
        person = candidate["person"]
        yield {"person": person, "name": lens.person(str(person)), **candidate}
