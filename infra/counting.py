"""Counts records by owner, as they stood at a position, from the versions of records."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from domain.assigning.recorded_names import RecordedField

# What still holds lies at the end of the index, beyond every position: few versions are read, however long the history is.
_OPEN = """
SELECT record ->> 'owner' AS owner, count(*) AS records FROM dealtrail_read.record_versions
WHERE kind = %(kind)s AND coalesce(until_position, 9223372036854775807) > %(as_of)s AND from_position <= %(as_of)s
  AND record ->> 'owner' IS NOT NULL AND (record ->> 'stage' IS NULL OR record ->> 'stage' = ANY(%(steps)s))
GROUP BY 1
"""
# The first name a record holds counts, as `domain.playbook.published.KindMappings.read` reads it.
_CLOSED = """
SELECT owner, stage FROM (
    SELECT record ->> 'owner' AS owner, record ->> 'stage' AS stage,
        row_number() OVER (
            PARTITION BY record ->> 'owner' ORDER BY record ->> 'stage_entered_at' DESC NULLS LAST, stream COLLATE "C"
        ) AS place
    FROM dealtrail_read.record_versions
    WHERE kind = %(kind)s AND coalesce(until_position, 9223372036854775807) > %(as_of)s AND from_position <= %(as_of)s
      AND record ->> 'owner' IS NOT NULL AND record ->> 'stage' = ANY(%(steps)s)
      AND %(value)s = (
        SELECT said FROM (
            SELECT place, CASE WHEN %(options)s -> name ? (record -> 'fields' ->> name)
                THEN %(options)s -> name ->> (record -> 'fields' ->> name) ELSE record -> 'fields' ->> name END AS said
            FROM unnest(%(names)s::text[]) WITH ORDINALITY AS held (name, place)
            WHERE record -> 'fields' ? name
        ) AS held
        WHERE place = 1 OR said IS NOT NULL ORDER BY place LIMIT 1
      )
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
        self, kind: str, steps: tuple[str, ...], field: RecordedField, value: str, last: int, as_of: int
    ) -> Mapping[str, tuple[str, ...]]:
        """Return the steps of the last so many records that each person owned and that stood in one of the steps, newest first."""
        asked = {
            "kind": kind,
            "steps": list(steps),
            "names": list(field.names),
            "options": Jsonb({name: dict(told) for name, told in field.options.items()}),
            "value": value,
            "last": last,
            "as_of": as_of,
        }
        with self._pool.connection() as connection:
            rows = connection.execute(_CLOSED, asked).fetchall()
        found: dict[str, tuple[str, ...]] = {}
        for row in rows:
            found[row["owner"]] = (*found.get(row["owner"], ()), str(row["stage"]))
        return found
