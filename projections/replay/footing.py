"""What a decision stood on: the record, the organisation and the version of the playbook as they were then, as that version and as a draft reads them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.facts import Erased
from domain.organisation.state import Organisation
from domain.playbook.published import OWNER_REGION, OWNER_TEAM, PublishedPlaybook
from domain.record.adoption import adopted
from domain.record.gates import judged
from domain.record.state import Record
from domain.values import SEALED, Stored, is_personal
from projections.ports import Revealer
from projections.replay.asking import Ask
from projections.replay.histories import Histories


@dataclass(frozen=True, slots=True)
class Known:
    """What may be asked beside the record. It is the part of the port `domain.facts.Facts` that finding people needs."""

    organisation: Organisation
    decided_at: datetime
    occurred_at: datetime | None
    keyring: Revealer

    def people(self) -> Organisation:
        """Return who works where, with which roles, and who is away."""
        return self.organisation

    def is_active_person(self, person: str) -> bool:
        """Tell whether a person works here then."""
        return self.organisation.is_active(person)

    def stand_in(self, person: str, covers: str) -> str | None:
        """Return who takes what would be a person's then."""
        return self.organisation.stand_in_for(person, self.decided_at, covers)

    def reveal(self, stream: str, field: str, stored: Stored) -> "Stored | Erased":
        """Open a sealed value, as far as anybody still can."""
        return self.keyring.reveal(stream, field, stored)


@dataclass(frozen=True, slots=True)
class Footing:
    """A record as a version reads it, that version, and what else is known."""

    record: Record
    playbook: PublishedPlaybook
    known: Known

    def is_erased(self, field: str) -> bool:
        """Tell whether there was something in a field that nobody can read any more."""
        stored = self.record.fields.get(field)
        return is_personal(stored) and isinstance(
            self.known.reveal(self.record.stream, field, stored), Erased
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """The footing of a decision: under the version it was made under (`then`)."""

    then: Footing

    def under(self, draft: PublishedPlaybook) -> Footing:
        """Return the same as a draft reads it: what the version of then read, read on."""
        return Footing(adopted(self.then.record, draft), draft, self.then.known)


def holds(on: Footing, place: str) -> bool | None:
    """Tell whether a rule holds, None where nobody knows; where there is no rule, it does."""
    if place not in on.playbook.rules:
        return True
    return judged(on.playbook, place, on.record, on.known.occurred_at, on.known.reveal)


def rests_on_erased(on: Footing, place: str) -> bool:
    """Tell whether a rule reads what nobody can read any more."""
    rule = on.playbook.rules.get(place)
    return rule is not None and any(on.is_erased(field) for field in rule.fields)


def in_scope(ask: Ask, playbook: str | None, standing: Standing) -> bool:
    """Tell whether what was decided under a playbook is about a record in the scope that is asked about, as the draft reads it."""
    if not ask.scope:
        return True
    read = standing.then
    if ask.draft is not None and ask.draft.name == playbook:
        read = standing.under(ask.draft)
    people, owner = read.known.organisation, read.record.owner or ""
    person = people.people.get(owner)
    place = {OWNER_REGION: people.region_of(owner), OWNER_TEAM: person.team if person else None}

    def held(name: str) -> set[Stored]:
        stored = place[name] if "." in name else read.record.fields.get(name)
        value = read.known.reveal(read.record.stream, name, stored) if is_personal(stored) else stored
        return set(value) if isinstance(value, list) else {value} if isinstance(value, str) else set()

    return all(held(name) & set(options) for name, options in ask.scope.items())


def prepare(keyring: Revealer, histories: Iterable[Histories]) -> None:
    """Fetch the keys of whatever these records ever held that may be opened, at once."""
    held = (value for history in histories for value in history.values())
    keyring.prepare(sorted({str(value[SEALED]["subject"]) for value in held if is_personal(value)}))
