"""Which records stand on a part of a playbook: what a publisher is told before it would be taken away."""

from psycopg.sql import SQL

from domain.facts import Standing
from projections.current_records import CurrentRecords
from projections.errors import BehindError
from projections.reads import Reads

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
    """Answers from the read model of current records, once it has caught up with the log.

    It is waited for as long as a reader would wait, and no more than once for one head of the log: where nothing keeps the read model,
    its last word is told. The refusal that asks does not depend on the answer, only the records it names do.
    """

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._missed = 0

    def __call__(self, kind: str, what: str, name: str, /) -> Standing:
        """Return how many records stand on a `stage`, hold a `field` or an `option` (field/option), and the first of them."""
        self._catch_up()
        field, _, option = name.partition("/")
        with self._reads.pool.connection() as connection:
            rows = connection.execute(
                _BEGIN + _HOLDS[what] + _END, {"kind": kind, "name": field, "option": option, "first": FIRST}
            ).fetchall()
        return Standing(int(rows[0]["total"]) if rows else 0, tuple(str(row["id"]) for row in rows))

    def _catch_up(self) -> None:
        head = self._reads.log.head()
        if head <= self._missed:
            return
        try:
            self._reads.wait_for(head, (CurrentRecords.name,))
        except BehindError:
            self._missed = head
