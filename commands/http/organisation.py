"""Routes of the organisation and of erasures: who works here, in which role, and who is forgotten."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from commands.http import bodies
from commands.http.actions import id_of
from commands.http.answers import Made
from commands.http.bodies import Body
from commands.http.describing import Endpoint, add_route
from commands.http.headers import idempotency_key
from commands.http.issuing import Counter, caller_of
from commands.submission import Command
from domain.erasure import EraseSubject, Ground
from domain.naming import nearest, person_stream
from domain.organisation.commands import AddPerson, FormTeam, GrantRole, MovePerson, RemovePerson, RevokeRole
from domain.refusals import InvalidCommand, Problem


@dataclass(frozen=True, slots=True)
class OrganisationAction:
    """One command about people and teams: its path, and how its body becomes the command."""

    name: str
    summary: str
    path: str
    body: type[Body]
    command: Callable[[str, Any], Command]
    made: Made | None = None

    @property
    def status(self) -> int:
        """The status of an accepted command."""
        return 200 if self.made is None else 201


def _add(_: str, body: bodies.NewPerson) -> AddPerson:
    return AddPerson(
        "" if body.id is None else person_stream(body.id),
        body.name,
        body.team,
        body.manager,
        tuple(body.roles),
        body.email,
        body.region,
    )


def _move(person: str, body: bodies.Move) -> MovePerson:
    return MovePerson(person, body.team, body.manager, body.region)


def _form(_: str, body: bodies.NewTeam) -> FormTeam:
    return FormTeam(body.id, body.name, body.region, body.part_of)


def _erase(_: str, body: bodies.Erasure) -> EraseSubject:
    grounds = {ground.value: ground for ground in Ground}
    if body.ground not in grounds:
        message = f"one of {', '.join(grounds)} is expected"
        raise InvalidCommand([Problem("/ground", message, nearest(body.ground, grounds))])
    return EraseSubject(body.subject, grounds[body.ground])


ORGANISATION_ACTIONS = (
    OrganisationAction("form_team", "Form a team", "/teams", bodies.NewTeam, _form, id_of("team")),
    OrganisationAction("add_person", "Let somebody join", "/people", bodies.NewPerson, _add, id_of("person")),
    OrganisationAction(
        "move_person",
        "Put somebody into another team or under another manager",
        "/people/{person_id}/moves",
        bodies.Move,
        _move,
    ),
    OrganisationAction(
        "grant_role",
        "Give somebody a role",
        "/people/{person_id}/role-grants",
        bodies.RoleOf,
        lambda person, body: GrantRole(person, body.role),
    ),
    OrganisationAction(
        "revoke_role",
        "Take a role from somebody",
        "/people/{person_id}/role-revocations",
        bodies.RoleOf,
        lambda person, body: RevokeRole(person, body.role),
    ),
    OrganisationAction(
        "remove_person",
        "Let somebody leave",
        "/people/{person_id}/departures",
        bodies.Departure,
        lambda person, _: RemovePerson(person),
    ),
    OrganisationAction(
        "erase",
        "Make everything personal about a person or record unreadable for ever",
        "/erasures",
        bodies.Erasure,
        _erase,
        lambda _: {},
    ),
)
"""Commands about people and teams, in the order one would try them out; the erasure comes last."""


def add_organisation_routes(router: APIRouter, counter: Counter) -> None:
    """Add a route for each of these commands."""
    for action in ORGANISATION_ACTIONS:
        add_route(
            router,
            action.path,
            _route(counter, action),
            action.name,
            action.summary,
            body=action.body,
            status=action.status,
            tag="erasures" if action.name == "erase" else "organisation",
        )


def _route(counter: Counter, action: OrganisationAction) -> Endpoint:
    async def issue(request: Request) -> Response:
        caller, key = caller_of(request), idempotency_key(request.headers)
        person = person_stream(request.path_params.get("person_id", ""))
        body = await counter.body(request, action.body)
        return await counter.issue(
            lambda: counter.submission(caller, action.command(person, body), body, key),
            status=action.status,
            made=action.made,
        )

    return issue
