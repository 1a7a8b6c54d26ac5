"""Every question the read side answers; each answer has passed the lens and carries the position it is based on."""

from dataclasses import dataclass, replace
from typing import Any

from psycopg_pool import ConnectionPool

from domain.events import EVENTS, EvidenceAttached
from domain.naming import nearest, split_stream
from domain.record.adoption import adopted
from domain.record.state import Record
from domain.refusals import NotFound
from projections.as_of import Horizon
from projections.boards import board
from projections.errors import InvalidQuery
from projections.field_history import OWNER, STAGE, Change, FieldHistory
from projections.filters import read_chosen
from projections.footing import NOW, Footing, playbook_of, whole_kind
from projections.lens import Lens, Visible
from projections.lists import incomplete, records_of
from projections.looked_up import look_up
from projections.looked_up import shown as shown_beside
from projections.lookups import Lookups
from projections.mapped import Mapped
from projections.marks import marks, names_of
from projections.ports import Keys, LogReader
from projections.record_work import work_shown

MAX_PAGE = 1_000
_KEPT_AS = {"stage": STAGE, "owner": OWNER}


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in log order, and the position after which the next ones come; None when there are no more yet."""

    items: list[Visible]
    next: int | None


class Reads(Footing):
    """Answers about records, history, events, boards, rules and people, as of now or any moment before."""

    def __init__(self, pool: ConnectionPool[Any], log: LogReader, keys: Keys, lookups: Lookups) -> None:
        super().__init__(pool, log, keys)
        self.lookups = lookups

    # ── one record ───────────────────────────────────────────────────────────────────────────────────────────────────

    def record(self, kind: str, name: str, horizon: Horizon = NOW, fields: str | None = None) -> Visible:
        """Show one record, as of a moment. Raises NotFound, also when the record was not there yet."""
        stream = self.find(kind, name)
        bounded = self.bounded(horizon)
        record = self.folded(stream, bounded)
        if record is None:
            raise NotFound(f"{kind} (at that moment)", name)
        known = self.playbooks(bounded)
        if kind in known.by_kind:
            record = adopted(record, playbook_of(record, known, self.organisation(bounded)))
        lens = self.lens(bounded)
        lens.prepare(record.fields.values())
        about: dict[str, Any] = self.about(bounded)
        leads_to = [*record.fields.values(), *(to for _, to in record.relations)]
        shown = lens.record(record, names=self.names(lens, leads_to, bounded), **about)
        if fields is None and (work := work_shown(lens, record)):
            shown = lens.figures(**shown.data, **work)
        if horizon.is_now and (found := self._looked_up(lens, record.kind, shown)):
            shown = lens.figures(**shown.data, lookups=found)
        return shown if fields is None else lens.only(shown, read_chosen(whole_kind(known, kind), fields))

    def _looked_up(self, lens: Lens, kind: str, visible: Visible) -> dict[str, Any]:
        """Return what stands beside the fields that are looked up. Only now: the index knows who has a value today."""
        spec = whole_kind(self.playbooks(), kind)
        if not any(field.lookup is not None for field in spec.fields.values()):
            return {}
        with self.snapshot(Lookups.name) as (connection, _):
            return shown_beside(connection, lens, self.lookups, spec, visible.data["fields"])

    def look_up(self, kind: str, field: str, value: str) -> Visible:
        """Look a value up, as a form does. Raises NotFound, InvalidQuery."""
        return look_up(self, self.lookups, kind, field, value)

    def history(self, kind: str, name: str, horizon: Horizon = NOW, field: str | None = None) -> Visible:
        """Show every change of a record, oldest first: who, when, why, old, new, under which rule, in the words of that rule's version.

        Where a publication mapped what the record holds there is a row too, with what it was `mapped` from and to; folded together the rows
        lead to the record as it is read. A `field` that was called otherwise, or is since, brings the rows of all its names. Raises NotFound.
        """
        stream = self.find(kind, name)
        wanted = None if field is None else self._names_of(kind, field)
        bounded = self.bounded(horizon)
        with self.snapshot(FieldHistory.name) as (connection, reached):
            rows = connection.execute(
                "SELECT position, field, old, new FROM dealtrail_read.field_history"
                " WHERE stream = %s AND (%s::text[] IS NULL OR field = ANY(%s)) ORDER BY position, array_position(ARRAY['$stage', '$owner'], field), field",
                (stream, wanted, wanted),
            ).fetchall()
        bounded = replace(bounded, position=min(bounded.position or 0, reached))
        changes: dict[int, list[Change]] = {}
        for row in rows:
            changes.setdefault(row["position"], []).append((row["field"], row["old"], row["new"]))
        events = bounded.within(self.log.stream(stream))
        lens = self.lens(bounded)
        lens.prepare(events)
        mapped: dict[int, list[Mapped]] = {}
        for mark in marks(self, stream, events, bounded):
            if wanted is None or mark.fields & set(wanted):
                mapped.setdefault(mark.after, []).append(mark)
        shown = []
        for event in events:
            shown += [lens.change(event, change) for change in changes.get(event.position, ())]
            shown += [lens.mapped(mark) for mark in mapped.get(event.position, ())]
        values = (value for row in shown for value in (row.data["old"], row.data["new"]))
        names = self.names(lens, values, bounded)
        parked = incomplete(self.parked(FieldHistory.name, stream=stream))
        about = parked | self.about(bounded)
        return lens.page(shown, names=names, kind=kind, id=split_stream(stream)[1], **about)

    def _names_of(self, kind: str, field: str) -> list[str]:
        """Everything a field is and was called, as the read model keeps it. Raises NotFound for what no version ever had."""
        known = self.playbooks()
        if field in _KEPT_AS:
            return [_KEPT_AS[field]]
        ever = {
            name
            for version in known.versions.values()
            if kind in version.document.kinds
            for name in version.document.kinds[kind].fields
        }
        if field not in ever:
            raise NotFound(
                "field", field, nearest(field, [*whole_kind(known, kind).fields, *_KEPT_AS, *sorted(ever)])
            )
        return sorted(names_of(known, kind, field))

    def evidence(self, kind: str, name: str, evidence: str) -> Visible:
        """Show what the log knows of a piece of evidence: the SHA-256 of its file, and what it is called. Raises NotFound."""
        stream = self.find(kind, name)
        attached = [event for event in self.log.stream(stream) if isinstance(event.event, EvidenceAttached)]
        ids = [event.event.evidence for event in attached if isinstance(event.event, EvidenceAttached)]
        if evidence not in ids:
            raise NotFound("evidence", evidence, nearest(evidence, ids))
        recorded = attached[ids.index(evidence)]
        lens = self.lens()
        lens.prepare([recorded])
        payload = lens.event(recorded).data["payload"]
        told = (
            {"file_name": None, "valid_until": None}
            | payload
            | {"id": evidence, "position": recorded.position}
        )
        return lens.figures(**told)

    # ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def events(
        self,
        *,
        after: int = 0,
        limit: int = 100,
        topic: str | None = None,
        stream: str | None = None,
        upto: int | None = None,
    ) -> Visible:
        """Show events in log order after a position; of one stream, or of topics that begin with one of several words."""
        bounded = self.bounded()
        if upto is not None:
            bounded = Horizon(position=min(upto, bounded.position or 0))
        page = self.events_upto(bounded.position or 0, after=after, limit=limit, topic=topic, stream=stream)
        return self.lens().page(page.items, next=page.next, **self.about(bounded))

    def refuse_ahead(self, after: int) -> None:
        """Refuse to go on after a position the log has not reached: whoever was there read another log, or this one before it was restored. Raises InvalidQuery."""
        head = self.log.head()
        if after > head:
            raise InvalidQuery.of(
                "after",
                f"the log goes up to position {head}; whoever has read further has read another log, or this one before it was restored",
            )

    def events_upto(
        self,
        upto: int,
        *,
        after: int = 0,
        limit: int = 100,
        topic: str | None = None,
        stream: str | None = None,
    ) -> EventPage:
        """Show events after a position and up to another one, at most `limit`; `next` is where the following page begins."""
        topics = topics_of(topic)
        limit = max(1, min(limit, MAX_PAGE))
        if stream is not None:
            found = [
                event
                for event in self.log.stream(stream)
                if after < event.position <= upto and (not topics or event.event.TOPIC in topics)
            ][:limit]
        else:
            found = self.log.after(after, limit, topics=topics, upto=upto)
        lens = self.lens()
        lens.prepare(found)
        following = found[-1].position if len(found) == limit else None
        return EventPage([lens.event(event) for event in found], following)

    # ── many records ─────────────────────────────────────────────────────────────────────────────────────────────────

    def board(self, kind: str, horizon: Horizon = NOW) -> Visible:
        """Show how many records stand in each stage and what they are worth, in total and by region."""
        return board(self, kind, horizon)

    def records(self, kind: str, horizon: Horizon = NOW) -> list[Record]:
        """Return all records of a kind as of a moment, personal values sealed."""
        return [item.record for item in records_of(self, kind, horizon)[0]]


def topics_of(topic: str | None) -> list[str]:
    """Return the topics that words begin, with commas between them; none for no word, which means all. Raises NotFound, with the nearest topic."""
    if topic is None:
        return []
    found: dict[str, None] = {}
    for word in topic.split(","):
        begun = [name for name in EVENTS if name == word or name.startswith(word + ".")]
        if not begun:
            raise NotFound("topic", word, nearest(word, EVENTS))
        found |= dict.fromkeys(begun)
    return list(found)
