"""The timer table as a clock reads it: what is due now, what comes next, and what has just been sent and rests."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from psycopg import Connection

Row: TypeAlias = Mapping[str, Any]
"""A rung that is due: `record`, `deadline`, `subject` (empty: none), `armed_at`, `rung`, `repeat`, `next_at`."""

LONGEST_REST = timedelta(seconds=60)
"""No rest is longer. One that claims to be was written while the clock of the database ran ahead, and means nothing."""

# What is due under the rules in force and does not rest. OFFSET keeps each row's rest a look into the key: as a join, the planner, who knows nothing
# of a table that is never logged and always new, compares every row that is due with every rest, and a clock that is late falls ever further behind.
_CLAIM = """
SELECT t.record, t.deadline, t.subject, t.armed_at, t.next_rung AS rung, t.next_repeat AS repeat, t.next_at
FROM dealtrail_read.timers t
WHERE t.next_at <= %(now)s AND t.in_force_from <= %(now)s AND (t.in_force_until IS NULL OR t.in_force_until > %(now)s)
  AND NOT EXISTS (SELECT FROM dealtrail_read.timer_rests r
    WHERE (r.record, r.deadline, r.subject, r.armed_at, r.rung, r.repeat) = (t.record, t.deadline, t.subject, t.armed_at, t.next_rung, t.next_repeat)
      AND r.until > %(now)s AND r.until <= %(now)s + %(longest)s OFFSET 0)
ORDER BY t.next_at, t.record, t.deadline LIMIT %(limit)s FOR UPDATE OF t SKIP LOCKED
"""
_REST = """
INSERT INTO dealtrail_read.timer_rests (record, deadline, subject, armed_at, rung, repeat, until)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::int[], %s::int[], %s::timestamptz[])
ON CONFLICT (record, deadline, subject, armed_at, rung, repeat) DO UPDATE SET until = excluded.until
"""
_NEXT = """
SELECT min(next_at) AS next_at FROM dealtrail_read.timers
WHERE next_at IS NOT NULL AND (%(after)s::timestamptz IS NULL OR next_at > %(after)s) AND (in_force_until IS NULL OR in_force_until > next_at)
"""


def now(connection: Connection[Any]) -> datetime:
    """Read the clock of the database: the one clock deadlines go by."""
    row = connection.execute("SELECT clock_timestamp() AS now").fetchone()
    assert row is not None
    moment: datetime = row["now"]
    return moment


def claim(connection: Connection[Any], moment: datetime, limit: int | None = None) -> list[Row]:
    """Return what is due at a moment, earliest first, and hold it until the transaction ends; what others hold is left to them."""
    return connection.execute(_CLAIM, {"now": moment, "longest": LONGEST_REST, "limit": limit}).fetchall()


def let_rest(
    connection: Connection[Any], rows: Sequence[Row], moment: datetime, rests: Sequence[timedelta]
) -> None:
    """Have nobody claim rows again for a while: the timer table will know better by then."""
    names = ("record", "deadline", "subject", "armed_at", "rung", "repeat")
    columns = [[row[name] for row in rows] for name in names]
    connection.execute(_REST, [*columns, [moment + rest for rest in rests]])


def next_moment(connection: Connection[Any], after: datetime | None = None) -> datetime | None:
    """Return when the next row is due after a moment, or the first of all."""
    row = connection.execute(_NEXT, {"after": after}).fetchone()
    return None if row is None else row["next_at"]


def forget_rests(connection: Connection[Any]) -> None:
    """Delete rests that are over, and those of a clock that ran ahead."""
    moment = now(connection)
    connection.execute(
        "DELETE FROM dealtrail_read.timer_rests WHERE until < %s OR until > %s",
        (moment, moment + LONGEST_REST),
    )
