"""The teams and people an export names, as commands: each once, managers before those they manage."""

from collections import Counter
from collections.abc import Mapping as Named
from dataclasses import replace

from consumers.importing.cells import Cells, Reasons
from consumers.importing.language import Column, Mapping, PersonMapping, TeamMapping
from consumers.importing.report import RefusedRow
from consumers.importing.sources import Content, Row
from consumers.importing.steps import Origin, Step
from domain.organisation.commands import AddPerson, FormTeam

IMPORT = "system/import"
"""Who acts where no person is known to have acted."""


def plan_organisation(
    mapping: Mapping, contents: Named[str, Content], cells: Cells
) -> tuple[list[Step], list[RefusedRow]]:
    """Return the commands that form the organisation, and the rows that say something else than an earlier one or nothing sensible.

    Afterwards `cells.people` are the people who exist.
    """
    planner = _Planner(mapping, contents, cells)
    for team in mapping.organisation.teams:
        planner.teams(team)
    cells.people = {
        key
        for part in mapping.organisation.people
        for row in contents[part.source].rows
        if (key := cells.peek(part.key, row)) is not None
    }
    for person in mapping.organisation.people:
        planner.people(person)
    return planner.steps, planner.refused


class _Planner:
    def __init__(self, mapping: Mapping, contents: Named[str, Content], cells: Cells) -> None:
        self._mapping = mapping
        self._contents = contents
        self._cells = cells
        self._teams: dict[str, tuple[str, str | None, str]] = {}
        self._people: dict[str, tuple[AddPerson, str]] = {}
        self._called: Counter[str] = Counter()
        self.steps: list[Step] = []
        self.refused: list[RefusedRow] = []

    def teams(self, part: TeamMapping) -> None:
        """Plan each team once; teams of the same name are numbered: Central, Central 2, Central 3."""
        for row in self._contents[part.source].rows:
            reasons: list[str] = []
            key = self._cells.text(part.key, row, "team.key")
            if key is None:
                continue
            name = self._cells.text(part.name, row, "team.name")
            region = None if part.region is None else self._cells.text(part.region, row, "team.region")
            if name is None:
                reasons.append(f"{part.name.column}: the team has no name")
            elif (before := self._teams.get(key)) is None:
                origin = self._origin("team", part.source, row, key)
                self._teams[key] = (name, region, row.place)
                self._called[name] += 1
                number = f" {self._called[name]}" if self._called[name] > 1 else ""
                team = self._cells.ids.team(key)
                self._add(origin, FormTeam(team, name + number, region), makes=team)
            elif before[:2] != (name, region):
                reasons.append(f"the team {key!r} was given with other values in {before[2]}")
            self._refuse("team", part.source, row, key, reasons)

    def people(self, part: PersonMapping) -> None:
        """Plan each person once."""
        for row in self._contents[part.source].rows:
            key = self._cells.text(part.key, row, "person.key")
            told = (part.name, part.team, part.manager, part.email, part.region)
            if key is None or (not any(told) and key in self._people):
                continue
            reasons: list[str] = []
            reading = Reasons(reasons)
            name = self._optional(part.name, row, "person.name") or key
            team = self._team(part.team, row, reading)
            manager = (
                None
                if part.manager is None
                else self._cells.person(part.manager, row, "person.manager", reading)
            )
            email, region = (
                self._optional(column, row, what)
                for column, what in ((part.email, "person.email"), (part.region, "person.region"))
            )
            person = AddPerson(
                self._cells.ids.person(key), name, team, manager, part.roles, email=email, region=region
            )
            before = self._people.get(key)
            if before is not None and replace(before[0], roles=part.roles) != person:
                reasons.append(f"the person {key!r} was given with other values in {before[1]}")
            if before is None and not reasons:
                self._people[key] = (person, row.place)
                origin = self._origin("person", part.source, row, key)
                self._add(
                    origin,
                    person,
                    makes=person.person,
                    needs=tuple(need for need in (team, manager) if need is not None),
                )
            elif before is None:
                self._cells.people.discard(key)
            self._refuse("person", part.source, row, key, reasons)

    def _team(self, column: Column | None, row: Row, reasons: Reasons) -> str | None:
        key = self._optional(column, row, "person.team")
        if column is None or key is None:
            return None
        if key not in self._teams:
            reasons.add(column.column, f"there is no team {key!r}", key, self._teams)
            return None
        return self._cells.ids.team(key)

    def _optional(self, column: Column | None, row: Row, what: str) -> str | None:
        return None if column is None else self._cells.text(column, row, what)

    def _origin(self, kind: str, source: str, row: Row, key: str) -> Origin:
        return Origin(kind, source, self._mapping.sources[source].file, row.place, key)

    def _add(
        self, origin: Origin, command: FormTeam | AddPerson, *, makes: str, needs: tuple[str, ...] = ()
    ) -> None:
        self.steps.append(
            Step(origin, self._cells.ids.step(origin, "add"), command, None, IMPORT, (makes,), needs)
        )

    def _refuse(self, kind: str, source: str, row: Row, key: str, reasons: list[str]) -> None:
        if reasons:
            self.refused.append(self._origin(kind, source, row, key).refused(reasons))
