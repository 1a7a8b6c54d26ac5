"""The organisation: who works where, how well, and how it changes during the year."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from consumers.simulator.desk import OPERATOR, Desk
from consumers.simulator.names import person_name
from consumers.simulator.working_days import Clock
from domain.organisation.commands import AddPerson, FormTeam, GrantRole, MovePerson, RemovePerson, RevokeRole

HEADQUARTERS = "hq"
_REGION_TEAMS = (
    ("east_1", "华东一组", "华东", "east"),
    ("south_1", "华南一组", "华南", "south"),
    ("north_1", "华北一组", "华北", "north"),
    ("southwest_1", "西南一组", "西南", "southwest"),
    ("east_2", "华东二组", "华东", "east"),
    ("central_1", "华中一组", "华中", "central"),
)
_PEOPLE_PER_TEAM = 7
_SALES_OPERATIONS = 2


@dataclass
class Employee:
    """Somebody who works here. Skills lie between 0 and 1.

    `diligence` is how well steps are prepared, `haste` how readily a step is tried too early,
    `charm` wins deals, `tempo` is how fast things go, `evenings` how much is written down only in the evening.
    """

    id: str
    name: str
    role: str
    team: str
    diligence: float = 0.8
    haste: float = 0.3
    charm: float = 0.5
    tempo: float = 0.5
    evenings: float = 0.25
    is_active: bool = True


@dataclass
class Team:
    """A team and whoever leads it; `region` is that of its customers, None for teams without customers."""

    id: str
    manager: Employee
    region: str | None = None
    members: list[Employee] = field(default_factory=list)


class Company:
    """Everybody, and the changes the organisation goes through."""

    def __init__(self, desk: Desk, rng: random.Random) -> None:
        self._desk = desk
        self._rng = rng
        self._taken: set[str] = set()
        self.teams: dict[str, Team] = {}
        self.everybody: list[Employee] = []

    @property
    def regions(self) -> list[str]:
        """The regions somebody sells in."""
        return list(dict.fromkeys(team.region for team in self.teams.values() if team.region is not None))

    @property
    def operations(self) -> Employee:
        """Whoever runs sales operations."""
        return next(person for person in self.everybody if person.role == "sales_operations")

    def sellers(self, region: str | None = None) -> list[Employee]:
        """Return who sells, in one region or everywhere."""
        teams = [
            team for team in self.teams.values() if team.region is not None and region in (None, team.region)
        ]
        return [
            member for team in teams for member in team.members if member.is_active and member.role == "sales"
        ]

    def presales(self) -> list[Employee]:
        """Return the presales engineers."""
        return [person for person in self.everybody if person.role == "presales" and person.is_active]

    def manager_of(self, person: Employee) -> Employee:
        """Return who leads the team of a person."""
        return self.teams[person.team].manager

    def begin(self, clock: Clock, people: int) -> None:
        """Let the organisation come into being: the operator adds sales operations, which adds everybody else."""
        count = min(len(_REGION_TEAMS), max(1, people // _PEOPLE_PER_TEAM))
        presales = max(2, people // 6)
        put, region_teams = self._desk.put, _REGION_TEAMS[:count]
        put(clock.tick(), OPERATOR, FormTeam(HEADQUARTERS, "销售总部"))
        president = self._join(clock, OPERATOR, "sales_manager", HEADQUARTERS, None)
        self.teams[HEADQUARTERS] = Team(HEADQUARTERS, president)
        put(clock.tick(), OPERATOR, FormTeam("operations", "销售运营部", part_of=HEADQUARTERS))
        first = self._join(clock, OPERATOR, "sales_operations", "operations", president)
        self.teams["operations"] = Team("operations", president)
        for _ in range(_SALES_OPERATIONS - 1):
            self._join(clock, first.id, "sales_operations", "operations", president)
        put(clock.tick(), first.id, FormTeam("presales", "售前中心", part_of=HEADQUARTERS))
        self.teams["presales"] = Team("presales", president)
        for _ in range(presales):
            self._join(clock, first.id, "presales", "presales", president)
        for team, name, region, key in region_teams:
            put(clock.tick(), first.id, FormTeam(team, name, region, HEADQUARTERS))
            self.teams[team] = Team(team, self._join(clock, first.id, "sales_manager", team, president), key)
        for index in range(people - 1 - _SALES_OPERATIONS - presales - count):
            team = region_teams[index % count][0]
            self.teams[team].members.append(
                self._join(clock, first.id, "sales", team, self.teams[team].manager)
            )

    def let_go(self, clock: Clock, person: Employee) -> None:
        """Let somebody leave; what they answered for was handed over before."""
        person.is_active = False
        self._desk.put(
            clock.tick(), self.operations.id, RemovePerson(person.id), reason="个人原因离职，交接已完成"
        )

    def change_team(self, clock: Clock, person: Employee, team: Team) -> None:
        """Put a seller into another team, together with the deals they own."""
        self.teams[person.team].members.remove(person)
        team.members.append(person)
        person.team = team.id
        command = MovePerson(person.id, team.id, team.manager.id)
        self._desk.put(
            clock.tick(), self.operations.id, command, reason="区域人手调整，支援新组建的重点客户小组"
        )

    def promote(self, clock: Clock, person: Employee) -> Employee:
        """Let a seller lead their team; the former manager is returned, who leaves afterwards."""
        team, operations = self.teams[person.team], self.operations.id
        former, team.manager = team.manager, person
        reason = "接任团队负责人"
        self._desk.put(clock.tick(), operations, GrantRole(person.id, "sales_manager"), reason=reason)
        self._desk.put(clock.tick(), operations, RevokeRole(person.id, "sales"), reason=reason)
        boss = self.teams[HEADQUARTERS].manager.id
        self._desk.put(clock.tick(), operations, MovePerson(person.id, team.id, boss), reason=reason)
        for member in team.members:
            if member is not person and member.is_active:
                self._desk.put(
                    clock.tick(),
                    operations,
                    MovePerson(member.id, team.id, person.id),
                    reason="汇报关系随负责人调整",
                )
        person.role = "sales_manager"
        return former

    def _join(self, clock: Clock, actor: str, role: str, team: str, manager: Employee | None) -> Employee:
        rng = self._rng
        name, latin = person_name(rng, self._taken)
        person = Employee(f"person/{self._desk.new_id('per')}", name, role, team)
        person.diligence = rng.betavariate(5, 2.4)
        person.haste = rng.betavariate(2, 4)
        person.charm = rng.betavariate(4, 4)
        person.tempo = rng.betavariate(5, 4)
        person.evenings = rng.betavariate(2, 5)
        self.everybody.append(person)
        boss = manager.id if manager is not None else None
        email = f"{latin}@dealtrail.example"
        self._desk.put(clock.tick(), actor, AddPerson(person.id, name, team, boss, (role,), email))
        return person


def most_able(people: Iterable[Employee]) -> Employee:
    """Return whoever would be asked to lead."""
    return max(people, key=lambda person: (person.charm + person.diligence, person.id))
