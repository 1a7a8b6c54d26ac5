"""Pools: where records without an owner wait, by which rules they are given to people, and how people help themselves."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.labels import Label
from domain.playbook.part import Name, Names, Part

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""The id of a team, a region or a skill: whatever the organisation calls it."""

MANAGER = "manager"
"""The word that stands among the roles of an alert and means whoever is above those a record would have gone to."""

Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Strategy(StrEnum):
    """How one of several people is chosen. The list is closed."""

    round_robin = "round_robin"
    least_open = "least_open"
    best_win_rate = "best_win_rate"


class Candidates(Part):
    """Who may get a record: whoever is in one of the teams (or below), holds one of the roles, is in one of the regions and has all of the skills.

    What is left out does not limit. `region_of` names the choice field of the record whose value is the region asked for,
    `skills_of` the choice fields whose values are skills asked for, an industry for example.
    """

    teams: tuple[Word, ...] = ()
    roles: Names = ()
    regions: tuple[Word, ...] = ()
    region_of: Name | None = None
    skills: tuple[Word, ...] = ()
    skills_of: Names = ()


class AssignmentRule(Part):
    """One rule of a pool. Rules are tried in order: the first that applies and finds somebody decides.

    `round_robin`: whoever's last turn by this rule is longest ago. `least_open`: whoever has the fewest open records of the kind.
    `best_win_rate`: the best share won of the last `of_last` records each person closed in the record's region; who closed none comes last.
    Ties are broken by a number made of the record's id and the attempt. `capacity` is the most open records of the kind
    a person may own, `per_day` the most records this pool assigns to a person in a day of the playbook's time zone.
    """

    label: Label
    why: Label | None = None
    when: str | None = None
    candidates: Candidates = Candidates()
    strategy: Strategy = Strategy.round_robin
    of_last: Annotated[int, Field(ge=1, le=100)] = 3
    capacity: Count | None = None
    per_day: Count | None = None


class Fallback(Part):
    """Who gets what no rule finds anybody for: a person, whoever holds a role in turn, or another pool of the kind."""

    person: Annotated[str, StringConstraints(max_length=200)] | None = None
    role: Name | None = None
    pool: Name | None = None


class Claiming(Part):
    """How people help themselves: `per_day` limits what one person claims in a day.

    After `recycle_after_days` without a touch a record goes back into the pool, counted from the last touch or from when its owner got it.
    """

    per_day: Count | None = None
    recycle_after_days: Annotated[int, Field(ge=1, le=3_650)] | None = None


class Pool(Part):
    """Where records of a kind are that have no owner and for which `when` holds (default: all of them).

    Of several pools of one kind a record enters the first whose `when` holds. Without rules and `fallback` nobody is
    assigned: records wait to be claimed. Without `claim` nobody claims.

    `alert` names who is told when nobody was found: roles, or `manager`, which means whoever is above the fallback, else above everybody who
    was passed over. Left out, it is `manager`; where that is nobody, whoever may organise hears of it.
    """

    label: Label
    why: Label | None = None
    kind: Name
    when: str | None = None
    rules: Mapping[Name, AssignmentRule] = {}
    fallback: Fallback | None = None
    alert: Names = ()
    claim: Claiming | None = None
