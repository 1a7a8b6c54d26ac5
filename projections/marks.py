"""Where publications mapped what a record holds: its own events and those of its playbook, walked through together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.envelope import Recorded
from domain.events import PlaybookPublished, RecordOpened
from domain.naming import ORGANISATION_STREAM, PLAYBOOKS_STREAM, split_stream
from domain.organisation import state as organisation
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import PublishedPlaybook
from domain.record.state import Record, evolve
from projections.as_of import Horizon
from projections.footing import Footing, playbook_of
from projections.mapped import Mapped, read_otherwise


@dataclass(frozen=True, slots=True)
class _Step:
    """Something after which a record may follow another version: an event, or a moment a version waited for (the event is its publication)."""

    at: datetime
    recorded: Recorded
    is_its_moment: bool = False


def marks(footing: Footing, stream: str, events: Sequence[Recorded], bounded: Horizon) -> list[Mapped]:
    """Return where publications mapped what a record holds, in the order the record came by them.

    `events` are those of the record within the horizon, in any order; refused attempts may stand among them.
    """
    kind, _ = split_stream(stream)
    playbooks = footing.playbooks(bounded)
    if not any(kind in version.mappings for version in playbooks.versions.values()):
        return []
    return list(_Walk(stream, playbooks).through(_steps(footing, events, playbooks, bounded)))


def names_of(playbooks: Playbooks, kind: str, field: str) -> frozenset[str]:
    """Return everything a field was called before and is called since: mappings are followed both ways."""
    pairs = [
        (old, new)
        for version in playbooks.versions.values()
        if kind in version.mappings
        for old, new in version.mappings[kind].fields.items()
        if new is not None
    ]
    return frozenset(_reached(field, pairs) | _reached(field, [(new, old) for old, new in pairs]))


def _reached(name: str, pairs: Sequence[tuple[str, str]]) -> set[str]:
    found, ahead = {name}, [name]
    while ahead:
        here = ahead.pop()
        further = {new for old, new in pairs if old == here} - found
        found |= further
        ahead += further
    return found


class _Walk:
    """A record on its way through the versions it follows."""

    def __init__(self, stream: str, playbooks: Playbooks) -> None:
        self._stream, self._versions = stream, playbooks.versions
        self._kind, _ = split_stream(stream)
        self._known, self._people = Playbooks(), Organisation()
        self._record: Record | None = None
        self._version: PublishedPlaybook | None = None
        self._after = 0

    def through(self, steps: Sequence[_Step]) -> Iterator[Mapped]:
        """Go from step to step; return every value that another version reads otherwise than the one before."""
        for step in steps:
            self._take(step)
            version = self._followed(step.at)
            if self._record is None or version is None:
                continue
            if self._version is not None and version.number != self._version.number:
                for before, now in read_otherwise(self._record, self._version, version):
                    yield Mapped(
                        self._kind, step.recorded, step.at, self._after, before, now, self._version, version
                    )
            self._version = version

    def _take(self, step: _Step) -> None:
        recorded, event = step.recorded, step.recorded.event
        if isinstance(event, PlaybookPublished):
            if not step.is_its_moment:
                # Made once for all who ask; folding them again for every record would compile every rule again.
                key = (event.name, event.number)
                self._known = Playbooks(recorded.version, {**self._known.versions, key: self._versions[key]})
        elif recorded.stream == ORGANISATION_STREAM:
            self._people = organisation.fold(self._people, [recorded])
        else:
            self._after = recorded.position
            if recorded.stream == self._stream and (
                self._record is not None or isinstance(event, RecordOpened)
            ):
                self._record = evolve(self._record, recorded)

    def _followed(self, at: datetime) -> PublishedPlaybook | None:
        known = self._known.at(at)
        if self._record is None or self._kind not in known.by_kind:
            return None
        return playbook_of(self._record, known, self._people)


def _steps(
    footing: Footing, events: Sequence[Recorded], playbooks: Playbooks, bounded: Horizon
) -> list[_Step]:
    """Everything a record may follow another version after, in the order in which the horizon looks at it."""
    published = [
        recorded
        for recorded in footing.log.stream(PLAYBOOKS_STREAM)
        if isinstance(recorded.event, PlaybookPublished) and bounded.sees(recorded)
    ]
    others = list(published)
    if any(part.startswith("owner.") for version in playbooks.versions.values() for part in version.scope):
        others += filter(bounded.sees, footing.log.stream(ORGANISATION_STREAM))
    is_business = bounded.effective_at is not None
    steps = [_Step(_moment(recorded, is_business=is_business), recorded) for recorded in (*events, *others)]
    steps.sort(key=lambda step: step.recorded.position)
    if is_business:
        steps.sort(key=lambda step: step.at)
    return _with_beginnings(steps, published, bounded, playbooks.moment)


def _moment(recorded: Recorded, *, is_business: bool) -> datetime:
    """When something counts. A publication counts from when it was recorded, whatever is told of it."""
    if is_business and recorded.occurred_at is not None and recorded.stream != PLAYBOOKS_STREAM:
        return recorded.occurred_at
    return recorded.recorded_at


def _with_beginnings(
    steps: Sequence[_Step], published: Sequence[Recorded], bounded: Horizon, upto: datetime | None
) -> list[_Step]:
    """Put the moments that versions waited for between the steps, as far as one looks."""
    ends = [moment for moment in (bounded.effective_at, upto) if moment is not None]
    waited = [
        _Step(moment, recorded, is_its_moment=True)
        for recorded in published
        if (moment := _begins(recorded)) is not None and all(moment <= end for end in ends)
    ]
    found: list[_Step] = []
    waited.sort(key=lambda step: (step.at, step.recorded.position))
    for step in steps:
        while waited and waited[0].at <= step.at and waited[0].recorded.position < step.recorded.position:
            found.append(waited.pop(0))
        found.append(step)
    return [*found, *waited]


def _begins(recorded: Recorded) -> datetime | None:
    event = recorded.event
    assert isinstance(event, PlaybookPublished)
    return None if event.effective_from is None else datetime.fromisoformat(event.effective_from)
