"""All published playbooks of a log: which version is in force for which record, and from when."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypeAlias

from domain.envelope import Recorded
from domain.events import PlaybookDrafted, PlaybookPublished, ReplaySignedOff
from domain.naming import nearest
from domain.playbook.model import FieldSpec, Kind, Role
from domain.playbook.published import NOTHING_MAPPED, KindMappings, PublishedPlaybook, Scope
from domain.refusals import NotFound
from domain.values import Stored

To: TypeAlias = Mapping[str, str] | Mapping[str, str | None]


@dataclass(frozen=True)
class Playbooks:
    """Every version of every playbook, at one version of their common stream.

    `moment` is when one asks: versions that take effect later are not in force yet, and at no moment none of them is.
    """

    version: int = 0
    versions: Mapping[tuple[str, int], PublishedPlaybook] = field(default_factory=dict)
    moment: datetime | None = None

    @cached_property
    def has_dated_versions(self) -> bool:
        """Whether it depends on the moment which versions are in force."""
        return any(version.effective_from is not None for version in self.versions.values())

    def at(self, moment: datetime) -> "Playbooks":
        """Return the same playbooks as they are in force at a moment; between two changes of what is in force, the very same."""
        if not self.has_dated_versions:
            return self
        begun = frozenset(
            key
            for key, version in self.versions.items()
            if version.effective_from is not None and version.effective_from <= moment
        )
        return self._as_begun.setdefault(begun, replace(self, moment=moment))

    @cached_property
    def _as_begun(self) -> dict[frozenset[tuple[str, int]], "Playbooks"]:
        return {}

    @cached_property
    def effective(self) -> Mapping[str, tuple[PublishedPlaybook, ...]]:
        """The versions that can be in force for some record, by name, newest first: back to the newest without a scope.

        A newer publication replaces an older one, also one that still waits for its moment.
        """
        found: dict[str, list[PublishedPlaybook]] = {}
        for (name, _), version in sorted(self.versions.items(), reverse=True):
            newer = found.setdefault(name, [])
            if self._has_begun(version) and not (newer and not newer[-1].scope):
                newer.append(version)
        return {name: tuple(versions) for name, versions in sorted(found.items()) if versions}

    @cached_property
    def waiting(self) -> tuple[PublishedPlaybook, ...]:
        """The versions that will take effect, unless a newer one is published before."""
        return tuple(
            version
            for (name, number), version in sorted(self.versions.items())
            if not self._has_begun(version)
            and not any(
                of == name and newer > number and not other.scope and self._begins_by(other, version)
                for (of, newer), other in self.versions.items()
            )
        )

    def _begins_by(self, other: PublishedPlaybook, version: PublishedPlaybook) -> bool:
        """Tell whether another version is in force already when a version that waits would begin."""
        assert version.effective_from is not None
        return self._has_begun(other) or (
            other.effective_from is not None and other.effective_from <= version.effective_from
        )

    @cached_property
    def in_force(self) -> Mapping[str, PublishedPlaybook]:
        """The version of each playbook that is in force where no scope says otherwise, by name."""
        return {name: versions[-1] for name, versions in self.effective.items()}

    @cached_property
    def by_kind(self) -> Mapping[str, PublishedPlaybook]:
        """The playbook in force for each kind of record, where no scope says otherwise."""
        scoped = {
            kind: version
            for versions in self.effective.values()
            for version in reversed(versions)
            for kind in version.document.kinds
        }
        return scoped | {
            kind: playbook for playbook in self.in_force.values() for kind in playbook.document.kinds
        }

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """The roles of all playbooks in force, by name."""
        return {
            name: role
            for versions in self.effective.values()
            for version in reversed(versions)
            for name, role in version.document.roles.items()
        }

    def for_kind(self, kind: str) -> PublishedPlaybook:
        """Return the playbook in force for a kind where no scope says otherwise. Raises NotFound, with the nearest kind."""
        playbook = self.by_kind.get(kind)
        if playbook is None:
            raise NotFound("kind", kind, nearest(kind, self.by_kind))
        return playbook

    def for_record(
        self, kind: str, fields: Mapping[str, Stored], owner: Mapping[str, str | None]
    ) -> PublishedPlaybook:
        """Return the playbook in force for one record: the newest whose scope it is in, as that version reads its fields.

        `fields` are those of the record as its events say, not as another version reads them.
        `owner` holds `owner.region` and `owner.team`. Raises NotFound, with the nearest kind.
        """
        general = self.for_kind(kind)
        for version in self.effective[general.name]:
            if kind in version.document.kinds and _is_within(version, kind, fields, owner):
                return version
        return general

    def asks_for_owner(self, kind: str) -> bool:
        """Tell whether it depends on the owner's team or region which version is in force for a kind."""
        name = self.for_kind(kind).name
        return any("." in part for version in self.effective[name] for part in version.scope)

    def kind_of_collection(self, collection: str) -> str:
        """Return the kind whose records a collection holds. Raises NotFound, with the nearest collection."""
        kinds = {playbook.document.kinds[name].collection: name for name, playbook in self.by_kind.items()}
        if collection not in kinds:
            raise NotFound("collection", collection, nearest(collection, kinds))
        return kinds[collection]

    def _has_begun(self, version: PublishedPlaybook) -> bool:
        return version.effective_from is None or (
            self.moment is not None and version.effective_from <= self.moment
        )


@dataclass(frozen=True, slots=True)
class SignOff:
    """That somebody stands by a replay of a draft: whose text it judged, and where in the log that was said."""

    replay: str
    draft: int
    digest: str
    position: int


@dataclass(frozen=True, slots=True)
class Drafts:
    """The drafts of one playbook, by number, and the sign-offs of their replays, by replay, at one version of their stream.

    Of a replay that was signed off more than once the last sign-off is kept.
    """

    version: int = 0
    drafts: Mapping[int, PublishedPlaybook] = field(default_factory=dict)
    sign_offs: Mapping[str, SignOff] = field(default_factory=dict)

    @property
    def next_number(self) -> int:
        """The number of the draft that is kept next."""
        return max(self.drafts, default=0) + 1

    def signed_for(self, digest: str) -> SignOff | None:
        """Return the newest sign-off of a replay that judged exactly this text, None where there is none."""
        found = [signed for signed in self.sign_offs.values() if signed.digest == digest]
        return max(found, key=lambda signed: signed.position, default=None)


def fold(playbooks: Playbooks | None, events: Iterable[Recorded]) -> Playbooks:
    """Fold publish events into the catalogue."""
    state = playbooks or Playbooks()
    for recorded in events:
        event = recorded.event
        if isinstance(event, PlaybookPublished):
            published = PublishedPlaybook.from_published(
                event.document,
                _rules(event.rules),
                event.number,
                recorded.position,
                scope=_scope(event.scope),
                effective_from=None
                if event.effective_from is None
                else datetime.fromisoformat(event.effective_from),
                mappings={kind: KindMappings.from_json(told) for kind, told in event.mappings.items()},
                replay=event.replay,
            )
            mapped = [
                *(
                    version.mappings
                    for (name, _), version in sorted(state.versions.items())
                    if name == event.name
                ),
                published.mappings,
            ]
            published = replace(published, adopts=adoption(published.document.kinds, mapped))
            state = Playbooks(recorded.version, {**state.versions, (event.name, event.number): published})
    return state


def as_if_published(playbooks: Playbooks, draft: PublishedPlaybook) -> PublishedPlaybook:
    """Return a draft that reads records as it would once published: through every mapping before it, and its own."""
    earlier = [
        version.mappings for (name, _), version in sorted(playbooks.versions.items()) if name == draft.name
    ]
    return replace(draft, adopts=adoption(draft.document.kinds, [*earlier, draft.mappings]))


def adoption(
    kinds: Mapping[str, Kind], mapped: Sequence[Mapping[str, KindMappings]]
) -> dict[str, KindMappings]:
    """Follow mappings from version to version: where everything an earlier version had stands in the newest one."""
    found = {}
    for name, kind in kinds.items():
        told = [mappings[name] for mappings in mapped if name in mappings]
        stages = _ends(_newest(mapping.stages for mapping in told), kind.steps)
        fields_now = _newest(mapping.fields for mapping in told)
        fields = _ends(fields_now, kind.fields)
        options_now = {
            part: _newest(mapping.options.get(part, {}) for mapping in told)
            for part in {part for mapping in told for part in mapping.options}
        }
        options = {
            part: ends
            for part in sorted({*kind.fields, *fields})
            if (ends := _option_ends(part, fields_now, options_now, kind.fields))
        }
        if stages or fields or options:
            kept = {old: stage for old, stage in stages.items() if stage is not None}
            found[name] = KindMappings(kept, fields, options)
    return found


def _newest(told: Iterable[To]) -> dict[str, str | None]:
    """Return the newest word on each name."""
    newest: dict[str, str | None] = {}
    for mapping in told:
        newest |= mapping
    return newest


def _followed(name: str | None, told: To, has: Container[object]) -> str | None:
    """Follow a name from mapping to mapping, as far as a name that is there; one that is back needs no mapping."""
    for _ in told:
        if name is None or name in has or name not in told:
            break
        name = told[name]
    return name


def _ends(told: To, has: Container[object]) -> dict[str, str | None]:
    """Return where each name that is gone ends up, None for nowhere."""
    ends = {old: _followed(old, told, has) for old in sorted(told) if old not in has}
    return {old: end if end in has else None for old, end in ends.items()}


def _option_ends(
    field_name: str, fields: To, options: Mapping[str, To], has: Mapping[str, FieldSpec]
) -> dict[str, str | None]:
    """Return where the options of a field go that are gone; where the field became another one, what was said of that one's counts too."""
    way = [field_name]
    while way[-1] not in has:
        after = fields.get(way[-1])
        if after is None or after in way:
            return {}
        way.append(after)
    is_there = has[way[-1]].options
    ends: dict[str, str | None] = {}
    for old in sorted({option for part in way for option in options.get(part, {})} - is_there.keys()):
        end: str | None = old
        for part in way:
            end = _followed(end, options.get(part, {}), is_there)
        ends[old] = end if end in is_there else None
    return ends


def fold_drafts(drafts: Drafts | None, events: Iterable[Recorded]) -> Drafts:
    """Fold the drafts of one playbook and what was signed off; a draft's number stays 0 until it is published."""
    state = drafts or Drafts()
    for recorded in events:
        event = recorded.event
        if isinstance(event, PlaybookDrafted):
            kept = PublishedPlaybook.from_published(event.document, _rules(event.rules), 0, 0)
            state = replace(state, version=recorded.version, drafts={**state.drafts, event.number: kept})
        elif isinstance(event, ReplaySignedOff):
            signed = SignOff(event.replay, event.draft, event.digest, recorded.position)
            state = replace(
                state, version=recorded.version, sign_offs={**state.sign_offs, event.replay: signed}
            )
    return state


def _rules(stored: Stored) -> dict[str, Any]:
    assert isinstance(stored, list)
    return {str(rule["place"]): rule["tree"] for rule in stored if isinstance(rule, dict)}


def _scope(told: Mapping[str, Any]) -> Scope:
    return {name: tuple(map(str, options)) for name, options in told.items()}


def _is_within(
    version: PublishedPlaybook, kind: str, fields: Mapping[str, Stored], owner: Mapping[str, str | None]
) -> bool:
    if not version.scope:
        return True
    fields = version.adopts.get(kind, NOTHING_MAPPED).read(fields)

    def held(name: str) -> set[object]:
        value = owner.get(name) if "." in name else fields.get(name)
        return set(value) if isinstance(value, list) else {value} if isinstance(value, str) else set()

    return all(held(name) & set(options) for name, options in version.scope.items())
