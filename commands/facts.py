"""The facts of one decision, and the read set they leave behind."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from commands.ports import Expectation, Keyring, StandingRecords
from domain.assigning import state as assigning
from domain.assigning.counting import Counting
from domain.assigning.state import PoolState
from domain.envelope import Recorded
from domain.facts import Erased, Standing
from domain.indices import closings
from domain.indices.closings import Closings
from domain.naming import (
    ERASURES_STREAM,
    ORGANISATION_STREAM,
    PLAYBOOKS_STREAM,
    drafts_stream,
    index_stream,
    is_id,
    pools_stream,
    split_stream,
)
from domain.organisation import state as organisation
from domain.organisation.state import Organisation
from domain.playbook import catalogue
from domain.playbook.catalogue import Drafts, Playbooks
from domain.playbook.model import Joining, Right, Role
from domain.playbook.published import OWNER_REGION, OWNER_TEAM, PublishedPlaybook
from domain.record import state as record_state
from domain.refusals import NotFound
from domain.values import Private, Stored, is_personal

State = TypeVar("State")


class States(Protocol):
    """Folded states of streams, with what the same batch has decided already."""

    def get(self, stream: str, fold: Callable[[Any, Iterable[Recorded]], State | None]) -> State | None:
        """Return the state of a stream, or None when it has no events."""
        ...

    def is_pending(self, stream: str) -> bool:
        """Tell whether the state rests on what the same batch decided and the log does not have yet."""
        ...


class DecisionFacts:
    """Answers what a decision asks and notes every stream it looked at (the read set).

    That a record exists is not in the read set: a record never ceases to exist. That it does not exist is,
    and so is a record that the same batch has only decided to open.
    """

    def __init__(
        self,
        states: States,
        keyring: Keyring,
        *,
        actor: str,
        on_behalf_of: str | None,
        rights: frozenset[Right],
        decided_at: datetime,
        occurred_at: datetime | None,
        erasures: int,
        history: Callable[[str], Sequence[Recorded]],
        standing: StandingRecords | None = None,
        counting: Counting | None = None,
    ) -> None:
        self._states = states
        self._history = history
        self._standing = standing
        self._counting = counting
        self._keyring = keyring
        self._actor = actor
        self._on_behalf_of = on_behalf_of
        self._rights = rights
        self._decided_at = decided_at
        self._occurred_at = occurred_at
        self._erasures = erasures
        self._read: dict[str, int] = {}
        self.playbook: PublishedPlaybook | None = None

    @property
    def decided_at(self) -> datetime:
        """The clock reading of this decision."""
        return self._decided_at

    @property
    def occurred_at(self) -> datetime | None:
        """When what is decided on happened; None when the moment is unknown."""
        return self._occurred_at

    @property
    def actor(self) -> str:
        """Who issues the command: person/… or system/…."""
        return self._actor

    @property
    def on_behalf_of(self) -> str | None:
        """The person the command is issued for, where that is not the actor."""
        return self._on_behalf_of

    @property
    def roles(self) -> Mapping[str, Role]:
        """The roles of all playbooks in force, by name."""
        return self.playbooks().roles

    @property
    def joining(self) -> Sequence[Joining]:
        """What each playbook in force asks to be known of whoever works here."""
        return [playbook.document.organisation.joining for playbook in self.playbooks().in_force.values()]

    def playbooks(self) -> Playbooks:
        """Return all playbooks, and note that they were looked at."""
        found = self._states.get(PLAYBOOKS_STREAM, catalogue.fold) or Playbooks()
        self._read[PLAYBOOKS_STREAM] = found.version
        return found.at(self._decided_at)

    def drafts(self, name: str) -> Drafts:
        """Return the drafts of a playbook, and note that they were looked at."""
        found = self._states.get(drafts_stream(name), catalogue.fold_drafts) or Drafts()
        self._read[drafts_stream(name)] = found.version
        return found

    def closings(self, index: str) -> Closings:
        """Return what was closed of an index, and note that it was looked at."""
        found = self._states.get(index_stream(index), closings.fold) or Closings()
        self._read[index_stream(index)] = found.version
        return found

    def pool(self, pool: str) -> PoolState:
        """Return what a pool decided so far, and note that it was looked at."""
        found = self._states.get(pools_stream(pool), assigning.fold) or PoolState()
        self._read[pools_stream(pool)] = found.version
        return found

    def pools_beside(self, pool: str, kind: str) -> tuple[PoolState, ...]:
        """Return what the other pools of a kind decided so far, those that are gone too, and note that they were looked at."""
        names = {
            name
            for version in self.playbooks().versions.values()
            for name, other in version.document.pools.items()
            if other.kind == kind and name != pool
        }
        return tuple(self.pool(name) for name in sorted(names))

    @property
    def counting(self) -> Counting:
        """What is counted over many records, as of a position the log has already; no part of the read set."""
        if self._counting is None:
            raise RuntimeError("nothing counts records here, so nobody can be assigned one")
        return self._counting

    def organisation(self) -> Organisation:
        """Return the organisation, and note that it was looked at."""
        found = self._states.get(ORGANISATION_STREAM, organisation.fold) or Organisation()
        self._read[ORGANISATION_STREAM] = found.version
        return found

    def playbook_for(
        self, kind: str, fields: Mapping[str, Stored] | None = None, owner: str | None = None
    ) -> PublishedPlaybook:
        """Return the playbook in force for a record of a kind, by what its scope asks for. Raises NotFound, with the nearest kind."""
        playbooks = self.playbooks()
        place: dict[str, str | None] = {}
        if owner is not None and playbooks.asks_for_owner(kind):
            people = self.organisation()
            person = people.people.get(owner)
            place = {OWNER_REGION: people.region_of(owner), OWNER_TEAM: person.team if person else None}
        self.playbook = playbooks.for_record(kind, fields or {}, place)
        return self.playbook

    def playbook_version(self, name: str, number: int) -> PublishedPlaybook:
        """Return one published version of a playbook, whether it is in force or not. Raises NotFound."""
        found = self.playbooks().versions.get((name, number))
        if found is None:
            raise NotFound("version of a playbook", f"{name} {number}")
        return found

    def people(self) -> Organisation:
        """Return who works where, with which roles, and who is away; it was looked at then."""
        return self.organisation()

    def stand_in(self, person: str, covers: str) -> str | None:
        """Return who takes what would be a person's now: the person where they are there, else who stands in; None: nobody."""
        return self.organisation().stand_in_for(person, self._decided_at, covers)

    def may(self, right: Right) -> bool:
        """Tell whether whoever issues the command holds a right, by itself or by a role.

        Who acts for somebody else has no more rights than they have.
        """
        if self._on_behalf_of is None and right in self._rights:
            return True
        held = self.organisation().roles_of(self._on_behalf_of or self._actor)
        return any(right in role.rights for name, role in self.playbooks().roles.items() if name in held)

    def is_active_person(self, person: str) -> bool:
        """Tell whether a person works here now."""
        return self.organisation().is_active(person)

    def is_known_person(self, person: str) -> bool:
        """Tell whether a person ever worked here."""
        return person in self.organisation().people

    def exists(self, stream: str) -> bool:
        """Tell whether a record was ever opened."""
        kind, record_id = split_stream(stream)
        if kind not in self.playbooks().by_kind or not is_id(record_id):
            return False
        found = self._states.get(stream, record_state.fold)
        if found is None or self._states.is_pending(stream):
            self._read[stream] = 0 if found is None else found.version
        return found is not None

    def history(self, stream: str) -> Sequence[Recorded]:
        """Return the events of the record that is decided on, as far as its state goes."""
        state = self._states.get(stream, record_state.fold)
        seen = 0 if state is None else state.version
        return [recorded for recorded in self._history(stream) if recorded.version <= seen]

    def recorded(self, stream: str) -> Sequence[Recorded]:
        """Return every event of a stream as the log has it now, and note that it was looked at."""
        events = self._history(stream)
        self._read[stream] = events[-1].version if events else 0
        return events

    def standing_on(self, kind: str, what: str, name: str) -> Standing:
        """Tell which records stand on a part of a playbook, as far as the current view knows."""
        return Standing(0) if self._standing is None else self._standing(kind, what, name)

    def reveal(self, stream: str, field: str, stored: Stored) -> Stored | Erased:
        """Open a sealed value of a stream's field; a value that is not sealed is returned as it is."""
        if isinstance(stored, Private):
            return stored.value
        if is_personal(stored):
            # What was read here is gone once its subject is erased, so the decision stands on nobody being erased meanwhile.
            self._read[ERASURES_STREAM] = self._erasures
        return self._keyring.reveal(stream, field, stored)

    def note(self, stream: str, version: int) -> None:
        """Put a stream into the read set although nothing was asked of it through the facts."""
        self._read[stream] = version

    @property
    def looked_at(self) -> Mapping[str, int]:
        """Every stream this decision stands on, with the version it had."""
        return self._read

    def read_set(self, own: Mapping[str, int]) -> list[Expectation]:
        """Return what the append must find unmoved: the streams written to, and the streams looked at."""
        others = {stream: version for stream, version in self._read.items() if stream not in own}
        return [
            *(Expectation(stream, version, own=True) for stream, version in own.items()),
            *(Expectation(stream, version, own=False) for stream, version in others.items()),
        ]
