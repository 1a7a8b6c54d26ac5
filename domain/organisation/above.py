"""Who is above whom, among those who work here."""

from collections.abc import Iterator

from domain.organisation.state import Organisation

_MOST_LEVELS = 50


def above(person: str, organisation: Organisation) -> Iterator[str]:
    """Everybody above a person who works here, from the nearest up."""
    seen = {person}
    for _ in range(_MOST_LEVELS):
        known = organisation.people.get(person)
        if known is None or known.manager is None or known.manager in seen:
            return
        person = known.manager
        seen.add(person)
        if organisation.is_active(person):
            yield person
