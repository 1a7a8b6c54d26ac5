"""The read model of every change of every field, stage and owner."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from psycopg import Connection

from domain.envelope import Recorded
from domain.events import FieldsChanged, OwnerChanged, RecordOpened, StageChanged
from domain.naming import split_stream
from domain.values import Stored
from projections.kinds import ReadModel

STAGE = "$stage"
OWNER = "$owner"
"""Stage and owner are kept as changes too, under names no field can have."""

Change = tuple[str, Stored, Stored]


def changes_of(recorded: Recorded) -> Iterator[Change]:
    """Return the changes an event makes: field, old value, new value. Folding them gives the current fields."""
    match recorded.event:
        case RecordOpened(fields=fields, stage=stage, owner=owner):
            if stage is not None:
                yield STAGE, None, stage
            if owner is not None:
                yield OWNER, None, owner
            for name, value in fields.items():
                yield name, None, value
        case FieldsChanged(changes=changes):
            for name, change in changes.items():
                assert isinstance(change, dict)
                yield name, change["old"], change["new"]
        case StageChanged(before=before, after=after):
            yield STAGE, before, after
        case OwnerChanged(before=before, after=after):
            yield OWNER, before, after
        case _:
            return


class FieldHistory(ReadModel):
    """One row a changed field: old and new as the log has them; who and when stand in the event at that position."""

    name = "field_history"
    tables = ("field_history",)

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Add the changes of a batch of events."""
        rows = [
            (
                recorded.stream,
                recorded.position,
                field,
                split_stream(recorded.stream)[0],
                _json(old),
                _json(new),
            )
            for recorded in events
            for field, old, new in changes_of(recorded)
        ]
        if not rows:
            return
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY field_history (stream, position, field, kind, old, new) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)


def _json(value: Stored) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
