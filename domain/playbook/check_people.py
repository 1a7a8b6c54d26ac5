"""What a playbook asks of the people who are there when it is published."""

from collections.abc import Iterator

from domain.naming import nearest
from domain.organisation.state import Organisation
from domain.playbook.model import Playbook
from domain.refusals import Problem


def nobody_to_choose(playbook: Playbook, people: Organisation) -> Iterator[Problem]:
    """Whom the pools name and nobody can choose: a person who is not there to fall back on, a team that is not there or that nobody is in.

    Where nobody joined yet, or no team was formed, nothing is said of people, or of teams: a company may write its rules first.
    """
    yield from _nobody_to_fall_back_on(playbook, people)
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


def _nobody_to_fall_back_on(playbook: Playbook, people: Organisation) -> Iterator[Problem]:
    for name, pool in playbook.pools.items():
        person = None if pool.fallback is None else pool.fallback.person
        if person is None or not people.people or people.is_active(person):
            continue
        yield Problem(
            f"/playbook/pools/{name}/fallback/person",
            f"{person!r} does not work here; name somebody who does, or a role",
            nearest(person, [found for found in people.people if people.is_active(found)]),
        )
