"""The read model that finds a record by the value of a field, without holding the value."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from domain.envelope import Recorded
from domain.events import FieldsChanged, PlaybookPublished, RecordOpened, SubjectErased
from domain.facts import Erased
from domain.naming import split_stream
from domain.playbook.model import Playbook
from domain.values import SEALED, Stored
from projections.field_history import changes_of
from projections.kinds import ReadModel
from projections.ports import LogReader, PseudonymousKeys

Field = tuple[str, str]
"""A kind of record, and the name of one of its fields."""

_CHANGES = (RecordOpened.TOPIC, FieldsChanged.TOPIC)
_BATCH = 2_000

_UPSERT = """
INSERT INTO lookups (kind, field, stream, pseudonym, subject, position)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::bigint[])
ON CONFLICT (kind, field, stream) DO UPDATE SET
    pseudonym = excluded.pseudonym, subject = excluded.subject, position = excluded.position
"""


@dataclass(frozen=True, slots=True)
class Found:
    """The record a value leads to: the one that has had it longest; `others` counts further records with the same value."""

    stream: str
    others: int


@dataclass(frozen=True, slots=True)
class _Held:
    """What a record holds in a field, as the log has it, since a position."""

    value: Stored
    position: int


_Holdings = dict[tuple[str, str, str], _Held]
"""By kind, field and stream."""


class Lookups(ReadModel):
    """One row a value that can be looked up: kind, field, a pseudonym of the value, and the record that holds it.

    A field is kept from the moment the first published playbook looks it up, with what records have held in it until then.
    What was erased is not found: its rows go with the erasure, and without its key no rebuild can make them again.
    """

    name = "lookups"
    tables = ("lookups", "looked_up_fields")

    def __init__(self, log: LogReader, keys: PseudonymousKeys) -> None:
        self._log = log
        self._keys = keys

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Fold a batch of events into the rows, in the order of the log."""
        rows = connection.execute("SELECT kind, field FROM looked_up_fields").fetchall()
        fields = {(str(row["kind"]), str(row["field"])) for row in rows}
        holdings: _Holdings = {}
        for recorded in events:
            match recorded.event:
                case PlaybookPublished(document=document):
                    if added := set(_looked_up(document)) - fields:
                        self._write(connection, holdings)
                        holdings = {}
                        self._begin(connection, added, recorded.position)
                        fields |= added
                case SubjectErased(subject=subject):
                    self._write(connection, holdings)
                    holdings = {}
                    connection.execute("DELETE FROM lookups WHERE subject = %s", (subject,))
                case RecordOpened() | FieldsChanged():
                    holdings.update(_holdings(recorded, fields))
                case _:
                    pass
        self._write(connection, holdings)

    def find(self, connection: Connection[Any], kind: str, field: str, stored: Stored) -> Found | None:
        """Return the record of a kind that holds a value in a field, in the live tables; the value is not sealed."""
        row = connection.execute(
            "SELECT stream, count(*) OVER () AS found FROM dealtrail_read.lookups"
            " WHERE kind = %s AND field = %s AND pseudonym = %s ORDER BY position, stream LIMIT 1",
            (kind, field, self._pseudonym(kind, field, stored)),
        ).fetchone()
        return None if row is None else Found(str(row["stream"]), int(row["found"]) - 1)

    def _begin(self, connection: Connection[Any], added: set[Field], position: int) -> None:
        """Begin to keep fields: what records hold in them was written before anybody looked it up."""
        connection.cursor().executemany(
            "INSERT INTO looked_up_fields (kind, field) VALUES (%s, %s) ON CONFLICT DO NOTHING", sorted(added)
        )
        holdings: _Holdings = {}
        reached = 0
        while batch := self._log.after(reached, _BATCH, topics=_CHANGES, upto=position):
            for recorded in batch:
                holdings.update(_holdings(recorded, added))
            reached = batch[-1].position
        self._write(connection, holdings)

    def _write(self, connection: Connection[Any], holdings: _Holdings) -> None:
        """Write what records hold now; null, and what nobody can read any more, leads nowhere."""
        if not holdings:
            return
        keyring = self._keys.keyring()
        keyring.prepare(sorted({subject for held in holdings.values() if (subject := _subject(held.value))}))
        kept: list[tuple[str, str, str, bytes, str | None, int]] = []
        gone: list[tuple[str, str, str]] = []
        for (kind, field, stream), held in holdings.items():
            value = keyring.reveal(stream, field, held.value)
            if value is None or isinstance(value, Erased):
                gone.append((kind, field, stream))
            else:
                pseudonym = self._pseudonym(kind, field, value)
                kept.append((kind, field, stream, pseudonym, _subject(held.value), held.position))
        if gone:
            connection.cursor().executemany(
                "DELETE FROM lookups WHERE kind = %s AND field = %s AND stream = %s", gone
            )
        if kept:
            connection.execute(_UPSERT, [list(column) for column in zip(*kept, strict=True)])

    def _pseudonym(self, kind: str, field: str, stored: Stored) -> bytes:
        return self._keys.pseudonym(f"lookup\n{kind}\n{field}\n{_spelled(stored)}")


def _looked_up(document: Stored) -> Iterator[Field]:
    """The fields a published playbook looks up by."""
    for kind in Playbook.model_validate(document).kinds.values():
        for spec in kind.fields.values():
            if spec.lookup is not None:
                yield spec.lookup.kind, spec.lookup.by


def _holdings(recorded: Recorded, fields: set[Field]) -> Iterator[tuple[tuple[str, str, str], _Held]]:
    kind = split_stream(recorded.stream)[0]
    for field, _, new in changes_of(recorded):
        if (kind, field) in fields:
            yield (kind, field, recorded.stream), _Held(new, recorded.position)


def _spelled(stored: Stored) -> str:
    """Spell a value the one way it is looked up: people do not tell ANNA@EXAMPLE.COM from anna@example.com."""
    folded = stored.casefold() if isinstance(stored, str) else stored
    return json.dumps(folded, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _subject(stored: Stored) -> str | None:
    sealed = stored.get(SEALED) if isinstance(stored, dict) else None
    return str(sealed["subject"]) if isinstance(sealed, dict) else None
