"""What a request was decided on: the record, the organisation and the version of the playbook as they were then.

The append of a decision refuses when anything it looked at has moved, so what was looked at is what stood in the log right before it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.facts import Erased
from domain.organisation.state import Organisation
from domain.playbook.catalogue import Playbooks
from domain.playbook.published import OWNER_REGION, OWNER_TEAM, PublishedPlaybook
from domain.record.adoption import adopted
from domain.record.state import Record
from domain.values import SEALED, Stored, is_personal
from projections.ledger.view import View
from projections.ports import Keys, Revealer
from projections.replay.approvals.requests import Request
from projections.replay.asking import Ask
from projections.replay.assignment.histories import Histories
from projections.replay.deadlines.histories import People


@dataclass(frozen=True, slots=True)
class Known:
    """What a routing may ask beside the record. It is the part of the port `domain.facts.Facts` that routing needs."""

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
    """The footing of a request: under the version it was decided under (`then`)."""

    then: Footing

    def under(self, draft: PublishedPlaybook) -> Footing:
        """Return the same as a draft reads it: what the version of then read, read on."""
        return Footing(adopted(self.then.record, draft), draft, self.then.known)


def standings(
    view: View, asked: Iterable[Request], playbooks: Playbooks, keys: Keys
) -> Iterator[tuple[Request, Standing]]:
    """Say of each request what it was decided on, in the order of the log within a kind."""
    people, keyring = People.of(view), keys.keyring()
    of_kind: dict[str, list[Request]] = {}
    for request in asked:
        of_kind.setdefault(request.kind, []).append(request)
    for kind, found in sorted(of_kind.items()):
        histories = Histories(view, kind, {request.record for request in found})
        keyring.prepare(sorted(_subjects(histories)))
        for request in found:
            record = histories.as_of(request.record, request.position - 1)
            assert record is not None, "agreement is asked about a record that was opened"
            then = playbooks.versions[request.playbook or "", request.playbook_version or 0]
            known = Known(people.before(request.position), request.decided_at, request.at, keyring)
            yield request, Standing(Footing(adopted(record, then), then, known))


def _subjects(histories: Histories) -> set[str]:
    return {str(value[SEALED]["subject"]) for value in histories.values() if is_personal(value)}


def in_scope(ask: Ask, request: Request, standing: Standing) -> bool:
    """Tell whether a request is about a record in the scope that is asked about, as the draft reads it."""
    if not ask.scope:
        return True
    read = standing.then
    if ask.draft is not None and ask.draft.name == request.playbook:
        read = standing.under(ask.draft)
    people, owner = read.known.organisation, read.record.owner or ""
    person = people.people.get(owner)
    place = {OWNER_REGION: people.region_of(owner), OWNER_TEAM: person.team if person else None}

    def held(name: str) -> set[Stored]:
        stored = place[name] if "." in name else read.record.fields.get(name)
        value = read.known.reveal(read.record.stream, name, stored) if is_personal(stored) else stored
        return set(value) if isinstance(value, list) else {value} if isinstance(value, str) else set()

    return all(held(name) & set(options) for name, options in ask.scope.items())
