"""Where every projection stands: how far, how late, who leads it, what it keeps aside."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psycopg import Connection

from projections.batch import key_of
from projections.kinds import Process, Projection, TimerTable

LEADS = " is led"
"""What the advisory lock of a leader is called, after the name of its projection."""

RUNNING, STANDING_BY, BUILDING, BACKING_OFF, STOPPED, NOT_FOLLOWED = (
    "running", "standing by", "building", "backing off", "stopped", "not followed",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One projection at one moment; None stands for what cannot be known, because the database does not answer.

    `seconds_behind` is the age of the first event not yet handled; None in a simulated log, whose times are told.
    `why` belongs to a state that needs one: the error of backing off, the reason of having stopped.
    """

    name: str
    type: str
    version: int
    live_version: int | None = None
    position: int | None = None
    head: int | None = None
    events_behind: int | None = None
    seconds_behind: float | None = None
    parked_streams: int | None = None
    parked_events: int | None = None
    leader_backend_pid: int | None = None
    leader_application: str | None = None
    leads_here: bool = False
    state: str = NOT_FOLLOWED
    why: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


def type_of(projection: Projection) -> str:
    """Return the word for the kind of a projection."""
    if isinstance(projection, Process):
        return "process"
    return "timer table" if isinstance(projection, TimerTable) else "read model"


_STANDINGS = """
SELECT wanted.name, coalesce(c.position, 0) AS position, c.version AS live_version, c.stopped_why, log.head, aside.streams, aside.events,
    CASE WHEN log.clock = 'database' THEN greatest(coalesce(extract(epoch FROM clock_timestamp() - next.recorded_at)::float8, 0), 0) END AS seconds_behind,
    leader.pid AS leader_pid, activity.application_name AS leader_application,
    EXISTS (SELECT FROM held WHERE held.key = wanted.build_key) AS is_built
FROM unnest(%(names)s::text[], %(leader_keys)s::bigint[], %(build_keys)s::bigint[]) AS wanted (name, leader_key, build_key)
CROSS JOIN LATERAL (
    SELECT (SELECT coalesce(max(notification_id), 0) FROM dealtrail.events) AS head,
        (SELECT convert_from(state, 'UTF8')::jsonb ->> 'clock' FROM dealtrail.events WHERE notification_id = 1) AS clock
) AS log
LEFT JOIN dealtrail_read.cursors c ON c.projection = wanted.name
LEFT JOIN dealtrail.events next ON next.notification_id = coalesce(c.position, 0) + 1
LEFT JOIN held AS leader ON leader.key = wanted.leader_key
LEFT JOIN pg_stat_activity activity ON activity.pid = leader.pid
CROSS JOIN LATERAL (
    SELECT count(DISTINCT p.stream) AS streams, count(*) AS events FROM dealtrail_read.parked p WHERE p.projection = wanted.name
) AS aside
"""
_WITH_LOCKS = """
WITH held AS MATERIALIZED (
    SELECT (l.classid::bigint << 32) | l.objid::bigint AS key, l.pid FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
        AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
)
"""


def standings(connection: Connection[Any], projections: Sequence[Projection]) -> list[Standing]:
    """Return where projections stand as the database knows it, all of the same moment."""
    rows = connection.execute(
        (_WITH_LOCKS + _STANDINGS).encode(),
        {
            "names": [projection.name for projection in projections],
            "leader_keys": [key_of(projection, LEADS) for projection in projections],
            "build_keys": [key_of(projection, " is built") for projection in projections],
        },
    ).fetchall()
    found = {row["name"]: row for row in rows}
    return [_standing(projection, found[projection.name]) for projection in projections]


def _standing(projection: Projection, row: dict[str, Any]) -> Standing:
    state, why = RUNNING if row["leader_pid"] is not None else NOT_FOLLOWED, None
    if row["is_built"]:
        state = BUILDING
    elif row["stopped_why"] is not None:
        state, why = STOPPED, row["stopped_why"]
    elif (row["live_version"] or 0) > projection.version:
        state, why = (
            STOPPED,
            f"version {row['live_version']} is live, this program has version {projection.version}",
        )
    return Standing(
        name=projection.name,
        type=type_of(projection),
        version=projection.version,
        live_version=row["live_version"],
        position=row["position"],
        head=row["head"],
        events_behind=max(row["head"] - row["position"], 0),
        seconds_behind=row["seconds_behind"],
        parked_streams=row["streams"],
        parked_events=row["events"],
        leader_backend_pid=row["leader_pid"],
        leader_application=row["leader_application"],
        state=state,
        why=why,
    )
