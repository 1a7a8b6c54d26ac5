"""The time of a record, cut where what its deadlines see changes: by its own events, by publications, by versions that take effect, by people who move."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.deadlines.watched import Watched, evolve
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import NOTHING_MAPPED, OWNER_REGION, PublishedPlaybook, Scope
from projections.replay.deadlines.histories import History, Look, People
from projections.timer_rows import version_for


@dataclass(frozen=True)
class Rules:
    """Every published version as it came into force, and where each of them stands; `draft` is what they are compared with, over a `scope`."""

    playbooks: Playbooks
    published: Sequence[tuple[int, datetime]]
    people: People
    draft: PublishedPlaybook | None = None
    scope: Scope = field(default_factory=dict)
    _known: dict[int, Playbooks] = field(default_factory=dict, compare=False, repr=False)

    def before(self, position: int) -> Playbooks:
        """Return the versions that were published before a position."""
        count = bisect_left([at for at, _ in self.published], position)
        found = self._known.get(count)
        if found is None:
            versions = {
                key: version
                for key, version in self.playbooks.versions.items()
                if version.position < position
            }
            found = self._known[count] = replace(
                self.playbooks, version=count, versions=versions, moment=None
            )
        return found

    @property
    def dates(self) -> list[datetime]:
        """The moments at which versions take effect that were published before."""
        return sorted(
            {
                version.effective_from
                for version in self.playbooks.versions.values()
                if version.effective_from is not None
            }
        )

    @property
    def ask_for_owners(self) -> bool:
        """Whether it depends on where somebody stands in the organisation which rules are followed, or what is asked about."""
        scopes = [self.scope, *(version.scope for version in self.playbooks.versions.values())]
        return any("." in name for scope in scopes for name in scope)

    def judge(self, version: PublishedPlaybook | None) -> bool:
        """Tell whether the draft is one of the playbook of a version."""
        return self.draft is not None and version is not None and self.draft.name == version.name

    def concern(self, watched: Watched, version: PublishedPlaybook | None, people: Organisation) -> bool:
        """Tell whether a record is in the scope that is asked about: as it is read by the version it follows, and after that by the draft."""
        fields, kind = dict(watched.fields), watched.record.kind
        for reader in (version, self.draft if self.judge(version) else None):
            fields = fields if reader is None else reader.adopts.get(kind, NOTHING_MAPPED).read(fields)
        owner = people.people.get(watched.owner or "")

        def held(name: str) -> set[object]:
            if "." in name:
                place = (
                    people.region_of(watched.owner or "") if name == OWNER_REGION else owner and owner.team
                )
                return {place}
            value = fields.get(name)
            return set(value) if isinstance(value, list) else {value}

        return all(held(name) & set(options) for name, options in self.scope.items())


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which nothing changes that the deadlines of a record see, from the event at `since` until the one at `until`.

    `seen` is the record as the published rules see it, `opened` as a draft does; `version` is the one it follows, if any.
    `is_asked` says whether the record is in the scope, `is_judged` whether the draft is one of its playbook as well.
    """

    since: int
    until: int
    begins: datetime
    ends: datetime
    seen: Watched
    opened: Watched
    version: PublishedPlaybook | None
    is_asked: bool
    is_judged: bool
    looks: tuple[Look, ...] = ()

    def holds(self, moment: datetime) -> bool:
        """Tell whether a moment comes in this time. What comes as it ends comes before what ends it; what was there as it begins, at once."""
        return self.begins <= moment < self.ends or self.begins < moment == self.ends


def stretches_of(history: History, rules: Rules, upto: int, until: datetime) -> Iterator[Stretch]:
    """Cut the time of a record up to a position, which was recorded at `until`."""
    own = {recorded.position: recorded.recorded_at for recorded in history.events}
    first = history.events[0].position
    cuts = dict(own)
    cuts |= {position: moment for position, moment in rules.published if first < position <= upto}
    if rules.ask_for_owners:
        moved = zip(rules.people.positions, rules.people.moments, strict=True)
        cuts |= {position: moment for position, moment in moved if first < position <= upto}
    seen: Watched | None = None
    opened: Watched | None = None
    at = 0
    places = sorted(cuts)
    for index, since in enumerate(places):
        while at < len(history.events) and history.events[at].position <= since:
            seen = evolve(seen, history.events[at])
            opened = evolve(opened, history.opened[at])
            at += 1
        assert seen is not None
        assert opened is not None
        is_last = index + 1 == len(places)
        following = upto + 1 if is_last else places[index + 1]
        ends = until if is_last else cuts[following]
        yield from _by_moment(history, rules, (since, following), (cuts[since], ends), seen, opened)


def _by_moment(
    history: History,
    rules: Rules,
    places: tuple[int, int],
    moments: tuple[datetime, datetime],
    seen: Watched,
    opened: Watched,
) -> Iterator[Stretch]:
    """Cut a time once more where a version takes effect in it; the looks of the clock belong where their moment is."""
    since, until = places
    begins, ends = moments
    looks = [look for look in history.looks if since < look.position < until]
    dates = [moment for moment in rules.dates if begins < moment < ends]
    people = rules.people.before(since + 1)
    for start, end in zip([begins, *dates], [*dates, ends], strict=True):
        is_last = end == ends
        here = [look for look in looks if is_last or look.at < end]
        looks = [look for look in looks if look not in here]
        version = version_for(seen, rules.before(since + 1).at(start), people)
        is_asked = rules.concern(seen, version, people)
        yield Stretch(
            since, until, start, end, seen, opened, version, is_asked, is_asked and rules.judge(version), tuple(here)
        )  # fmt: skip


def dates_of(rules: Rules) -> Mapping[str, frozenset[str]]:
    """Name by kind the fields whose dates a draft waits for, under every name they ever had."""
    if rules.draft is None:
        return {}
    found = {}
    for name, kind in rules.draft.document.kinds.items():
        mapped = rules.draft.adopts.get(name, NOTHING_MAPPED).fields
        waited = {deadline.on_date for deadline in kind.deadlines.values() if deadline.on_date is not None}
        found[name] = frozenset(waited | {old for old, new in mapped.items() if new in waited})
    return found
