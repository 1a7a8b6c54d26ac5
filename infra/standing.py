"""Which records stand on a part of a playbook: what a publisher is told before it would be taken away."""

from typing import Any

from psycopg.sql import SQL
from psycopg_pool import ConnectionPool

from domain.facts import Standing

FIRST = 100

_BEGIN = SQL(
    "SELECT split_part(stream, '/', 2) AS id, count(*) OVER () AS total FROM dealtrail_read.current_records"
    " WHERE kind = %(kind)s AND ("
)
_END = SQL(") ORDER BY stream LIMIT %(first)s")
_HOLDS = {
    "stage": SQL("record ->> 'stage' = %(name)s"),
    "field": SQL(
        "jsonb_typeof(record -> 'fields' -> %(name)s) <> 'null'"
        " OR jsonb_path_exists(record -> 'evidence', '$[*] ? (@.field == $name)', jsonb_build_object('name', %(name)s::text))"
    ),
    "option": SQL("record -> 'fields' -> %(name)s @> to_jsonb(%(option)s::text)"),
}


class CurrentStanding:
    """Answers from the read model of current records; it may be a moment behind the log, which a hint may be."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    def __call__(self, kind: str, what: str, name: str, /) -> Standing:
        """Return how many records stand on a `stage`, hold a `field` or an `option` (field/option), and the first of them."""
        field, _, option = name.partition("/")
        with self._pool.connection() as connection:
            rows = connection.execute(
                _BEGIN + _HOLDS[what] + _END, {"kind": kind, "name": field, "option": option, "first": FIRST}
            ).fetchall()
        return Standing(int(rows[0]["total"]) if rows else 0, tuple(str(row["id"]) for row in rows))
