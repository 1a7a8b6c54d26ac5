"""Datasets of replays as tables, for analysts who speak SQL: keyed by the replay's id, filled when it is done, emptied when it is dropped.

They are read through the schema `analytics`. Nothing in them is personal, and no live table is touched.
"""

from collections.abc import Mapping
from typing import Any

import orjson
import polars as pl
from psycopg import Connection
from psycopg.sql import SQL, Composable, Identifier
from psycopg_pool import ConnectionPool

from projections.replay_jobs import Job
from projections.replay_store import KeptReplay, ReplayStore

_BATCH = 20_000
TABLES: Mapping[str, str] = {
    "decisions": "replay_decisions",
    "gate_state": "replay_gate_state",
    "index_values": "replay_index_values",
    "deadlines": "replay_deadlines",
    "approvals": "replay_approvals",
    "assignment": "replay_assignment",
    "reactions": "replay_reactions",
}
"""The table of each dataset, in `dealtrail_read`."""


def publish_datasets(pool: ConnectionPool[Any], store: ReplayStore, kept: KeptReplay, job: Job) -> None:
    """Fill the tables with the datasets of a replay, in one transaction. What is there already stays as it is."""
    with pool.connection() as connection, connection.transaction():
        new = connection.execute(
            "INSERT INTO dealtrail_read.replays (replay, playbook, draft, digest, after_position, upto_position, position, scope, impact)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING replay",
            [
                job.id, job.playbook, job.draft, job.digest, job.after, job.upto, job.position,
                orjson.dumps(job.scope, default=list).decode(), orjson.dumps(store.impact(kept)).decode(),
            ],
        ).fetchone()  # fmt: skip
        if new is None:
            return
        for dataset, table in TABLES.items():
            if dataset in kept.datasets:
                _fill(connection, table, kept.id, store.scan(kept, dataset))


def is_published(pool: ConnectionPool[Any], replay: str) -> bool:
    """Tell whether the tables hold the datasets of a replay."""
    with pool.connection() as connection:
        found = connection.execute("SELECT FROM dealtrail_read.replays WHERE replay = %s", (replay,))
        return found.fetchone() is not None


def drop_datasets(pool: ConnectionPool[Any], replay: str) -> None:
    """Empty the tables of one replay."""
    with pool.connection() as connection, connection.transaction():
        for table in (*TABLES.values(), "replays"):
            statement = SQL("DELETE FROM {} WHERE replay = %s").format(Identifier("dealtrail_read", table))
            connection.execute(statement, (replay,))


def _fill(connection: Connection[Any], table: str, replay: str, rows: pl.LazyFrame) -> None:
    """Copy rows: columns the table knows stand in columns of their own, the others together in `more`."""
    known = _columns_of(connection, table)
    schema = rows.collect_schema()
    own = [name for name in schema.names() if name in known]
    others = [name for name in schema.names() if name not in known]
    names: list[Composable] = [Identifier(name) for name in ("replay", "row_number", *own, "more")]
    copying = SQL("COPY {} ({}) FROM STDIN").format(
        Identifier("dealtrail_read", table), SQL(", ").join(names)
    )
    numbered = 0
    with connection.cursor() as cursor, cursor.copy(copying) as copy:
        for batch in rows.collect_batches(chunk_size=_BATCH, maintain_order=True):
            for row in batch.select([*own, *others]).iter_rows():
                numbered += 1
                more = dict(zip(others, row[len(own) :], strict=True))
                spelled = orjson.dumps(more, default=str).decode() if others else None
                copy.write_row((replay, numbered, *row[: len(own)], spelled))


def _columns_of(connection: Connection[Any], table: str) -> frozenset[str]:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'dealtrail_read' AND table_name = %s",
        (table,),
    ).fetchall()
    return frozenset(str(row["column_name"]) for row in rows) - {"replay", "row_number", "more"}
