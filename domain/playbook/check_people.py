"""What a playbook asks of the people who are there when it is published."""

from collections.abc import Iterator

from domain.naming import nearest
from domain.organisation.state import Organisation
from domain.playbook.model import Playbook
from domain.refusals import Problem


def nobody_to_choose(playbook: Playbook, people: Organisation) -> Iterator[Problem]:
    """Teams a rule of a pool chooses from that are not there, or that nobody is in: it would pass over every record.

    Where no team was formed yet nothing is said: a company may write its rules first.
    """
    if not people.teams:
        return
    manned = {person.team for name, person in people.people.items() if people.is_active(name)}
    for pool_name, pool in playbook.pools.items():
        for rule_name, rule in pool.rules.items():
            for index, team in enumerate(rule.candidates.teams):
                at = f"/playbook/pools/{pool_name}/rules/{rule_name}/candidates/teams/{index}"
                if team not in people.teams:
                    message = f"there is no team {team!r}; form it first, or leave it out"
                    yield Problem(at, message, nearest(team, people.teams))
                elif manned.isdisjoint(people.with_those_below([team])):
                    yield Problem(
                        at, f"nobody is in the team {team!r}; put somebody into it first, or leave it out"
                    )
