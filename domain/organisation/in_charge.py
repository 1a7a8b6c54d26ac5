"""Whoever hears of what concerns nobody nearer: always people by name, as long as anybody works here."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from domain.organisation.above import above
from domain.organisation.state import Organisation
from domain.playbook.model import Right, Role


def holders(roles: Collection[str], organisation: Organisation) -> Iterator[str]:
    """Everybody who works here and holds one of some roles, in the order of their ids."""
    wanted = frozenset(roles)
    for person in sorted(organisation.people):
        if organisation.is_active(person) and wanted & organisation.roles_of(person):
            yield person


def in_charge(roles: Mapping[str, Role], organisation: Organisation) -> Sequence[str]:
    """Whoever may organise, else whoever has nobody above them."""
    organising = [name for name, role in roles.items() if Right.organise in role.rights]
    return [*holders(organising, organisation)] or [*_topmost(organisation)]


def _topmost(organisation: Organisation) -> Iterator[str]:
    for person in sorted(organisation.people):
        if organisation.is_active(person) and next(above(person, organisation), None) is None:
            yield person
