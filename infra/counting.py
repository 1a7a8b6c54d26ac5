"""Counts records by owner, as they stood at a position, from the versions of records."""

from collections.abc import Mapping
from typing import Any

from psycopg_pool import ConnectionPool

_OPEN = """
SELECT record ->> 'owner' AS owner, count(*) AS records FROM dealtrail_read.record_versions
WHERE kind = %(kind)s AND record ->> 'owner' IS NOT NULL
  AND from_position <= %(as_of)s AND (until_position IS NULL OR until_position > %(as_of)s)
  AND (record ->> 'stage' IS NULL OR record ->> 'stage' = ANY(%(steps)s))
GROUP BY 1
"""
_CLOSED = """
SELECT owner, stage FROM (
    SELECT record ->> 'owner' AS owner, record ->> 'stage' AS stage,
        row_number() OVER (
            PARTITION BY record ->> 'owner' ORDER BY record ->> 'stage_entered_at' DESC NULLS LAST, stream COLLATE "C"
        ) AS place
    FROM dealtrail_read.record_versions
    WHERE kind = %(kind)s AND record ->> 'owner' IS NOT NULL
      AND from_position <= %(as_of)s AND (until_position IS NULL OR until_position > %(as_of)s)
      AND record ->> 'stage' = ANY(%(steps)s) AND record -> 'fields' ->> %(field)s = %(value)s
) AS closed
WHERE place <= %(last)s ORDER BY owner, place
"""


class CountedRecords:
    """Counts in the read model of record versions; whoever asks has made sure that it is as far. Implements `domain.assigning.counting.Counting`."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    def open_records(self, kind: str, steps: tuple[str, ...], as_of: int) -> Mapping[str, int]:
        """Return how many records each person owned that stood in one of the steps, or in none."""
        with self._pool.connection() as connection:
            rows = connection.execute(_OPEN, {"kind": kind, "steps": list(steps), "as_of": as_of}).fetchall()
        return {str(row["owner"]): int(row["records"]) for row in rows}

    def last_closed(
        self, kind: str, steps: tuple[str, ...], field: str, value: str, last: int, as_of: int
    ) -> Mapping[str, tuple[str, ...]]:
        """Return the steps of the last so many records that each person owned and that stood in one of the steps, newest first."""
        asked = {"kind": kind, "steps": list(steps), "field": field, "value": value, "last": last}
        with self._pool.connection() as connection:
            rows = connection.execute(_CLOSED, {**asked, "as_of": as_of}).fetchall()
        found: dict[str, tuple[str, ...]] = {}
        for row in rows:
            found[row["owner"]] = (*found.get(row["owner"], ()), str(row["stage"]))
        return found
