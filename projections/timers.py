"""The timer table: one row per armed deadline, kept up with the log; the deadline clock claims the rows that are due."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from psycopg import Connection

from domain.deadlines import watched as watching
from domain.deadlines.events import DeadlineNoticed
from domain.deadlines.limits import named_in
from domain.deadlines.watched import Watched, evolve
from domain.envelope import Recorded
from domain.events import EVENTS, MoveRefused, PlaybookPublished
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM, split_stream
from domain.organisation import state as organisation
from domain.organisation.state import Organisation
from domain.playbook import catalogue
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Playbook
from projections.kinds import TimerTable
from projections.ports import LogReader
from projections.timer_rows import Epoch, Told, epochs, kinds_by_owner, rows_of, told_from, told_json

RECORD_PREFIX = "record."
_BATCH = 2_000
_TOPICS = frozenset(
    topic for topic in EVENTS if topic.startswith(RECORD_PREFIX) and topic != MoveRefused.TOPIC
)
"""The topics of a record's own stream, work and approvals among them."""

_COLUMNS = (
    "record text, deadline text, subject text, armed_at bigint, in_force_from timestamptz, in_force_until timestamptz, kind text, playbook text,"
    " playbook_version integer, starts_at timestamptz, warn_at timestamptz, due_at timestamptz, is_paused boolean, told_rung integer, told_repeat integer,"
    " next_rung integer, next_repeat integer, next_at timestamptz"
)
_NAMES = [column.split()[0] for column in _COLUMNS.split(", ")]
_KEY = _NAMES[:5]
_OTHERS = _NAMES[5:]
# Rows that stay as they are are not written: a record is edited far more often than its deadlines move.
_WRITE = f"""
WITH new AS (SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS n ({_COLUMNS})),
gone AS (DELETE FROM timers t WHERE t.record = ANY(%(records)s)
    AND NOT EXISTS (SELECT FROM new n WHERE ({", ".join(f"n.{name}" for name in _KEY)}) = ({", ".join(f"t.{name}" for name in _KEY)})))
INSERT INTO timers ({", ".join(_NAMES)}) SELECT {", ".join(_NAMES)} FROM new
ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _OTHERS)}
    WHERE ({", ".join(f"timers.{name}" for name in _OTHERS)}) IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _OTHERS)})
"""  # noqa: S608 — made of the column names above
_KEEP = """
INSERT INTO watched_records (stream, kind, owner, watched, told)
SELECT * FROM jsonb_to_recordset(%s::jsonb) AS n (stream text, kind text, owner text, watched jsonb, told jsonb)
ON CONFLICT (stream) DO UPDATE SET owner = excluded.owner, watched = excluded.watched, told = excluded.told
"""


class Timers(TimerTable):
    """One row an armed deadline: since when, due when, which rung comes next.

    Records are watched from the moment a published playbook gives their kind a deadline or a limit, with everything that happened to them before.
    Publishing derives the rows of its kinds anew: what was told stays told, what is past by the new reckoning is told once, at its highest rung.
    """

    name = "timers"
    version = 3  # what was imported arms nothing by itself
    tables = ("timers", "watched_records", "watched_kinds")

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._known: dict[str, tuple[list[Recorded], int, Any]] = {}

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Bring the rows of every record that changed, or whose rules did, to where the last event leaves them."""
        kinds = {str(row["kind"]) for row in connection.execute("SELECT kind FROM watched_kinds").fetchall()}
        own: list[Recorded] = []
        anew: set[str] = set()
        moved_people: set[str] = set()
        for recorded in events:
            event = recorded.event
            if isinstance(event, PlaybookPublished):
                told = Playbook.model_validate(event.document).kinds
                added = {name for name, kind in told.items() if named_in(kind)} - kinds
                self._begin(connection, added, recorded.position)
                kinds |= added
                anew |= kinds & told.keys()
            elif recorded.stream == ORGANISATION_STREAM:
                moved_people |= _people_of(recorded)
            elif _is_watched(recorded, kinds):
                own.append(recorded)
        changed = self._fold(connection, own)
        if not changed and not anew and not (moved_people and kinds):
            return
        last = events[-1]
        within = epochs(self._playbooks(last.position), last.recorded_at)
        people = self._people(last.position)
        by_owner = kinds_by_owner(within, kinds - anew) if moved_people else set()
        for page in self._pages(connection, anew, by_owner, moved_people):
            changed |= page
            if len(changed) >= _BATCH:
                self._derive(connection, changed, within, people)
                changed = {}
        self._derive(connection, changed, within, people)

    # ── what is watched ──────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, connection: Connection[Any], kinds: set[str], position: int) -> None:
        """Begin to watch kinds: what happened to their records was written before anybody gave them a deadline."""
        if not kinds:
            return
        connection.cursor().executemany(
            "INSERT INTO watched_kinds (kind) VALUES (%s) ON CONFLICT DO NOTHING",
            [(kind,) for kind in sorted(kinds)],
        )
        for events in earlier(self._log, kinds, position):
            self._fold(connection, events)

    def _fold(
        self, connection: Connection[Any], events: Sequence[Recorded]
    ) -> dict[str, tuple[Watched, Told]]:
        """Fold events into the records they are about; return those."""
        if not events:
            return {}
        streams = sorted({_record_of(recorded) for recorded in events})
        rows = connection.execute(
            "SELECT stream, watched, told FROM watched_records WHERE stream = ANY(%s)", (streams,)
        ).fetchall()
        found = {row["stream"]: (watching.from_json(row["watched"]), told_from(row["told"])) for row in rows}
        folded = folded_into(found, events)
        kept = [
            {
                "stream": stream,
                "kind": seen.record.kind,
                "owner": seen.owner,
                "watched": watching.to_json(seen),
                "told": told_json(told),
            }
            for stream, (seen, told) in folded.items()
        ]
        connection.execute(_KEEP, (orjson.dumps(kept).decode(),))
        return folded

    def _pages(
        self, connection: Connection[Any], kinds: set[str], by_owner: set[str], people: set[str]
    ) -> Iterator[dict[str, tuple[Watched, Told]]]:
        """The watched records of some kinds, and those of other kinds that some people own, in pages."""
        after = ""
        while kinds or by_owner:
            rows = connection.execute(
                "SELECT stream, watched, told FROM watched_records WHERE stream > %s"
                " AND (kind = ANY(%s) OR (kind = ANY(%s) AND owner = ANY(%s))) ORDER BY stream LIMIT %s",
                (after, list(kinds), list(by_owner), list(people), _BATCH),
            ).fetchall()
            yield {
                row["stream"]: (watching.from_json(row["watched"]), told_from(row["told"])) for row in rows
            }
            if len(rows) < _BATCH:
                return
            after = rows[-1]["stream"]

    @staticmethod
    def _derive(
        connection: Connection[Any],
        changed: Mapping[str, tuple[Watched, Told]],
        within: Sequence[Epoch],
        people: Organisation,
    ) -> None:
        if not changed:
            return
        rows = [row for seen, told in changed.values() for row in rows_of(seen, told, within, people)]
        connection.execute(_WRITE, {"rows": orjson.dumps(rows).decode(), "records": list(changed)})

    # ── the rules and the people, as they were at the end of a batch ─────────────────────────────────────────────────

    def _playbooks(self, position: int) -> Playbooks:
        found: Playbooks | None = self._as_of(PLAYBOOKS_STREAM, catalogue.fold, position)
        return found or Playbooks()

    def _people(self, position: int) -> Organisation:
        found: Organisation | None = self._as_of(ORGANISATION_STREAM, organisation.fold, position)
        return found or Organisation()

    def _as_of(self, stream: str, fold: Any, position: int) -> Any:
        """Fold a governing stream as far as a position; the log is asked whether it went on, and what it says is kept."""
        events, reached, state = self._known.get(stream, ([], 0, None))
        if len(events) < self._log.version(stream):
            events = self._log.stream(stream)
        count = bisect_right([recorded.position for recorded in events], position)
        if count < reached:
            reached, state = 0, None
        if count > reached:
            state = fold(state, events[reached:count])
        self._known[stream] = (events, count, state)
        return state


def earlier(log: LogReader, kinds: Iterable[str], position: int) -> Iterator[list[Recorded]]:
    """Return what happened to the records of some kinds up to a position, in pages, in the order of the log."""
    wanted, reached = set(kinds), 0
    topics = (*sorted(_TOPICS), DeadlineNoticed.TOPIC)
    while page := log.after(reached, _BATCH, topics=topics, upto=position):
        reached = page[-1].position
        yield [recorded for recorded in page if _is_watched(recorded, wanted)]


def folded_into(
    found: Mapping[str, tuple[Watched, Told]], events: Iterable[Recorded]
) -> dict[str, tuple[Watched, Told]]:
    """Fold events into records and into how far their ladders are; return all of them."""
    seen = {stream: watched for stream, (watched, _) in found.items()}
    told = {stream: dict(reached) for stream, (_, reached) in found.items()}
    for recorded in events:
        event, stream = recorded.event, _record_of(recorded)
        if isinstance(event, DeadlineNoticed):
            key = (event.deadline, event.subject, event.armed_at)
            ladders = told.setdefault(stream, {})
            ladders[key] = max(ladders.get(key, (-1, 0)), (event.rung, event.repeat))
        else:
            seen[stream] = evolve(seen.get(stream), recorded)
    return {stream: (watched, told.get(stream, {})) for stream, watched in seen.items()}


def _record_of(recorded: Recorded) -> str:
    event = recorded.event
    return event.record if isinstance(event, DeadlineNoticed) else recorded.stream


def _is_watched(recorded: Recorded, kinds: Iterable[str]) -> bool:
    event = recorded.event
    return (isinstance(event, DeadlineNoticed) or event.TOPIC in _TOPICS) and split_stream(
        _record_of(recorded)
    )[0] in kinds


def _people_of(recorded: Recorded) -> set[str]:
    """Whose team or region may be another one now: an event of a team counts for nobody, for teams never change."""
    person = getattr(recorded.event, "person", None)
    return {person} if isinstance(person, str) else set()
