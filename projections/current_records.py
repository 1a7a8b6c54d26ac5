"""The read model of records as they are now."""

from collections.abc import Sequence
from typing import Any

import orjson
from psycopg import Connection

from domain.envelope import Recorded
from domain.record.state import Record, evolve, from_json, to_json
from projections.topics import RECORD_TOPICS

_UPSERT = """
INSERT INTO dealtrail_read.current_records (stream, kind, external_id, stage, owner, opened_position, position, record)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::jsonb[])
ON CONFLICT (stream) DO UPDATE SET
    stage = excluded.stage, owner = excluded.owner, position = excluded.position, record = excluded.record
"""


class CurrentRecords:
    """One row a record: where it stands, who answers for it, and its folded state; personal values stay sealed."""

    name = "current_records"

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Fold a batch of events into the rows of the records they belong to."""
        relevant = [recorded for recorded in events if recorded.event.TOPIC in RECORD_TOPICS]
        if not relevant:
            return
        streams = list({recorded.stream for recorded in relevant})
        rows = connection.execute(
            "SELECT record FROM dealtrail_read.current_records WHERE stream = ANY(%s)", (streams,)
        ).fetchall()
        records: dict[str, Record] = {row["record"]["stream"]: from_json(row["record"]) for row in rows}
        opened: dict[str, int] = {}
        for recorded in relevant:
            opened.setdefault(recorded.stream, recorded.position)
            records[recorded.stream] = evolve(records.get(recorded.stream), recorded)
        changed = [records[stream] for stream in streams]
        connection.execute(
            _UPSERT,
            (
                [record.stream for record in changed],
                [record.kind for record in changed],
                [record.external_id for record in changed],
                [record.stage for record in changed],
                [record.owner for record in changed],
                [opened[record.stream] for record in changed],
                [record.position for record in changed],
                [orjson.dumps(to_json(record)).decode() for record in changed],
            ),
        )

    def clear(self, connection: Connection[Any]) -> None:
        """Empty the table."""
        connection.execute("TRUNCATE dealtrail_read.current_records")
