"""Who hears of it when a pool finds nobody: always people by name, and always somebody as long as anybody works here."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from domain.assigning.events import PoolAssigned
from domain.organisation.above import above
from domain.organisation.in_charge import holders, in_charge
from domain.organisation.state import Organisation
from domain.playbook.model import Role
from domain.playbook.pools import MANAGER, Pool


def is_alarming(event: PoolAssigned) -> bool:
    """Tell whether nobody was found and nobody else is asked: what another pool takes over is looked at there first."""
    return event.person is None and not event.fallback


def people_alerted(
    event: PoolAssigned,
    pool: Pool | None,
    roles: Mapping[str, Role],
    organisation: Organisation,
    at: datetime,
) -> list[str]:
    """Return who is told that nobody was found, each once: whom the pool names, else the managers of its fallback and of whoever was passed over.

    Where that is nobody who works here, whoever may organise is told, else whoever has nobody above them. Of those who are away, whoever
    stands in for them hears of it as well.
    """
    named = pool.alert if pool is not None else ()
    found = [person for word in named or (MANAGER,) for person in _meant(word, event, pool, organisation)]
    if not found and named:
        found = [*_managers(event, pool, organisation)]
    if not found:
        found = [*in_charge(roles, organisation)]
    told: list[str] = []
    for person in found:
        told.append(person)
        instead = organisation.stand_in_for(person, at)
        if instead is not None:
            told.append(instead)
    return list(dict.fromkeys(told))


def _meant(word: str, event: PoolAssigned, pool: Pool | None, organisation: Organisation) -> Iterator[str]:
    if word == MANAGER:
        yield from _managers(event, pool, organisation)
    else:
        yield from holders([word], organisation)


def _managers(event: PoolAssigned, pool: Pool | None, organisation: Organisation) -> Iterator[str]:
    """Whoever is next above those the record would have gone to: the pool's fallback, else everybody who was passed over."""
    fallback = pool.fallback if pool is not None else None
    last: Sequence[str] = ()
    if fallback is not None and fallback.person is not None:
        last = [fallback.person]
    elif fallback is not None and fallback.role is not None:
        last = [*holders([fallback.role], organisation)]
    judged = [str(told["person"]) for told in event.candidates if isinstance(told, dict)]
    for people in (last, judged):
        found = [nearest for person in people if (nearest := next(above(person, organisation), None))]
        if found:
            yield from found
            return
