"""Lists of records: typed filters, any order, pages that hold still, as of now or any moment before."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from domain.envelope import Recorded
from domain.naming import nearest
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.playbook.model import Kind
from domain.playbook.published import PublishedPlaybook
from domain.record import state as record_state
from domain.record.adoption import adopted
from domain.record.state import Record
from domain.refusals import NotFound
from projections.as_of import Horizon
from projections.cursors import Cursor
from projections.filters import Question, read_question
from projections.footing import NOW, Footing, from_opening, playbook_of, whole_kind
from projections.lens import Visible
from projections.listing import Expression, Listed, decoded, fetch, fetched, folded, listed, standing_at
from projections.parked import Parked
from projections.record_versions import RecordVersions
from projections.topics import RECORD_TOPICS

MAX_ITEMS = 200
ITEMS = 50
_BATCH = 5_000
_MOST_TO_FOLD = 5_000
"""How many events the read model may be behind a position that is asked for; more are waited for."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question as it was asked: how far one looks, from where on, and how much at a time."""

    horizon: Horizon = NOW
    cursor: str | None = None
    limit: int = ITEMS


@dataclass(frozen=True, slots=True)
class Ground:
    """What a list stands on: a position, what had happened by then, the playbooks and people of then."""

    name: str
    kind: Kind
    bounded: Horizon
    playbooks: Playbooks
    people: Organisation
    listed: tuple[Listed, ...] | None
    """The records themselves, where the table does not hold them as they are asked for."""

    @property
    def position(self) -> int:
        """The position the list is of."""
        assert self.bounded.position is not None
        return self.bounded.position

    def source(self, reached: int) -> Expression:
        """Where to ask for the records: the table of versions, or the records themselves."""
        if self.listed is not None:
            return folded(self.listed)
        return standing_at(self.name, self.position, reached)

    def playbook(self, record: Record) -> PublishedPlaybook:
        """The playbook a record follows."""
        return playbook_of(record, self.playbooks, self.people)


def ground(footing: Footing, kind: str, horizon: Horizon) -> Ground:
    """Stand on the records of a kind as of a moment; without a position, on those the read model has now.

    Raises NotFound for a kind nobody knew then, BehindError when the read model has not reached the position yet.
    """
    footing.playbooks().for_kind(kind)
    reached = footing.reached((RecordVersions.name,))
    is_open = horizon.position is None and horizon.recorded_by is None
    bounded = replace(horizon, position=reached) if is_open else footing.bounded(horizon)
    position = bounded.position or 0
    playbooks = footing.playbooks(bounded)
    if kind not in playbooks.by_kind:
        raise NotFound("kind (at that moment)", kind, nearest(kind, playbooks.by_kind))
    on = Ground(kind, whole_kind(playbooks, kind), bounded, playbooks, footing.organisation(bounded), None)
    if bounded.effective_at is not None:
        return replace(on, listed=tuple(_adopted(map(listed, _folded(footing, kind, bounded)), on)))
    if position - reached > _MOST_TO_FOLD:
        footing.wait_for(position, (RecordVersions.name,))
    elif position > reached:
        return replace(on, listed=tuple(_adopted(_with_tail(footing, on), on)))
    if _takes_away(playbooks, kind):
        with footing.snapshot(RecordVersions.name) as (connection, now):
            found = fetch(connection, on.source(now), Question(), on.people)
        return replace(on, listed=tuple(_adopted(found, on)))
    return on


def _with_tail(footing: Footing, on: Ground) -> Iterator[Listed]:
    """Return records as of a position the read model has not reached: what it has, and the few events after it folded upon that."""
    with footing.snapshot(RecordVersions.name) as (connection, reached):
        source = standing_at(on.name, min(on.position, reached), reached)
        records = {item.record.stream: item for item in fetch(connection, source, Question(), on.people)}
    tail = footing.log.after(reached, _MOST_TO_FOLD, topics=sorted(RECORD_TOPICS), upto=on.position)
    for recorded in tail:
        if recorded.stream.startswith(f"{on.name}/"):
            before = records.get(recorded.stream)
            after = record_state.evolve(before.record if before is not None else None, recorded)
            records[recorded.stream] = listed(after)
    yield from records.values()


def _takes_away(playbooks: Playbooks, kind: str) -> bool:
    """Tell whether a version in force took something away that records may still hold."""
    return any(kind in version.adopts for version in playbooks.effective[playbooks.for_kind(kind).name])


def _adopted(found: Iterable[Listed], on: Ground) -> Iterator[Listed]:
    """See records as the version of the playbook they follow sees them: under the names that are there now."""
    for item in found:
        yield replace(item, record=adopted(item.record, on.playbook(item.record)))


def _folded(footing: Footing, kind: str, bounded: Horizon) -> Iterator[Record]:
    """Fold all records of a kind from the log, as far as a horizon sees."""
    by_stream: dict[str, list[Recorded]] = {}
    position = 0
    topics = sorted(RECORD_TOPICS)
    while batch := footing.log.after(position, _BATCH, topics=topics, upto=bounded.position):
        for recorded in batch:
            if recorded.stream.startswith(f"{kind}/"):
                by_stream.setdefault(recorded.stream, []).append(recorded)
        position = batch[-1].position
    for events in by_stream.values():
        record = record_state.fold(None, from_opening(bounded.within(events)))
        if record is not None:
            yield record


def records_of(footing: Footing, kind: str, horizon: Horizon) -> tuple[list[Listed], Ground]:
    """Return all records of a kind as of a moment, personal values sealed, in the order of their streams."""
    on = ground(footing, kind, horizon)
    with footing.snapshot(RecordVersions.name) as (connection, reached):
        found = fetched(connection, on.source(reached), Question(), on.people)
    return decoded(found), on


def list_records(
    footing: Footing,
    kind: str,
    ask: Ask,
    filters: Iterable[tuple[str, str]] = (),
    *,
    sort: str | None = None,
    fields: str | None = None,
    beside: Sequence[str] = (),
) -> Visible:
    """Show the records of a kind that filters select; `beside` are the parameters of the question that are no filters. Raises InvalidQuery, NotFound, BehindError.

    The first page fixes the position it is of; every later page is of the same, so that pages neither miss nor repeat a record.
    """
    given = sorted(filters)
    question_text = [kind, given, sort, fields, *told(ask.horizon)]
    cursor = Cursor.read(ask.cursor, question_text)
    horizon = ask.horizon if cursor is None else pinned(ask.horizon, cursor.position)
    on = ground(footing, kind, horizon)
    question = read_question(on.kind, on.people, given, sort=sort, fields=fields, beside=beside)
    skip = cursor.skip if cursor is not None else 0
    with footing.snapshot(RecordVersions.name) as (connection, reached):
        rows_found = fetched(
            connection, on.source(reached), question, on.people, skip=skip, limit=ask.limit + 1
        )
        parked = Parked.count(connection, RecordVersions.name, kind=kind)
    found = decoded(rows_found)
    page, more = found[: ask.limit], len(found) > ask.limit
    lens = footing.lens(on.bounded)
    lens.prepare(item.record.fields for item in page)
    rows = [
        lens.row(item.record, question.chosen, touches=item.touches, last_touch_at=item.last_touch_at)
        for item in page
    ]
    values = (value for row in rows for value in row.data.get("fields", {}).values())
    in_force = on.playbooks.for_kind(kind)
    return lens.page(
        rows,
        next=Cursor(on.position, skip + len(page)).text(question_text) if more else None,
        kind=kind,
        playbook=in_force.name,
        playbook_version=in_force.number,
        names=footing.names(lens, values, on.bounded),
        **incomplete(parked),
        **footing.about(on.bounded),
    )


def pinned(horizon: Horizon, position: int) -> Horizon:
    """Return a horizon that ends at a position and looks at the same business time."""
    return Horizon(position=position, effective_at=horizon.effective_at)


def told(horizon: Horizon) -> list[str | None]:
    """Spell a horizon for a cursor to be bound to."""
    parts = (horizon.position, horizon.recorded_by, horizon.effective_at)
    return [None if part is None else str(part) for part in parts]


def incomplete(parked: int) -> dict[str, object]:
    """Say how many parked records an answer touches; nothing when there are none."""
    return {"incomplete": parked} if parked else {}
