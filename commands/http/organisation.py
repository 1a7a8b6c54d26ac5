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
from domain.organisation.commands import (
    AddPerson,
    EndAbsence,
    EndDelegation,
    FormTeam,
    GiveDelegation,
    GrantRole,
    MovePerson,
    NoteAbsence,
    RemovePerson,
    RevokeRole,
    SetSkills,
)
from domain.refusals import InvalidCommand, Problem


@dataclass(frozen=True, slots=True)
class OrganisationAction:
    """One command about people and teams: its path, and how its body becomes the command.

    `command` gets the person, the body, and the id of the `part` that the path names: an absence or a delegation.
    """

    name: str
    summary: str
    path: str
    body: type[Body]
    command: Callable[[str, Any, str], Command]
    made: Made | None = None
    part: str | None = None

    @property
    def status(self) -> int:
        """The status of an accepted command."""
        return 200 if self.made is None else 201


def _add(_: str, body: bodies.NewPerson, __: str) -> AddPerson:
    return AddPerson(
        "" if body.id is None else person_stream(body.id),
        body.name,
        body.team,
        body.manager,
        tuple(body.roles),
        body.email,
        body.region,
    )


def _move(person: str, body: bodies.Move, _: str) -> MovePerson:
    return MovePerson(person, body.team, body.manager, body.region)


def _form(_: str, body: bodies.NewTeam, __: str) -> FormTeam:
    return FormTeam(body.id, body.name, body.region, body.part_of)


def _erase(_: str, body: bodies.Erasure, __: str) -> EraseSubject:
    grounds = {ground.value: ground for ground in Ground}
    if body.ground not in grounds:
        message = f"one of {', '.join(grounds)} is expected"
        raise InvalidCommand([Problem("/ground", message, nearest(body.ground, grounds))])
    return EraseSubject(body.subject, grounds[body.ground])


def _note_absence(person: str, body: bodies.NewAbsence, _: str) -> NoteAbsence:
    return NoteAbsence(person, body.begins, body.ends, body.stand_in, body.id or "")


def _delegate(person: str, body: bodies.NewDelegation, _: str) -> GiveDelegation:
    return GiveDelegation(person, body.to, body.begins, body.ends, tuple(body.covers), body.id or "")


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
        lambda person, body, _: GrantRole(person, body.role),
    ),
    OrganisationAction(
        "revoke_role",
        "Take a role from somebody",
        "/people/{person_id}/role-revocations",
        bodies.RoleOf,
        lambda person, body, _: RevokeRole(person, body.role),
    ),
    OrganisationAction(
        "set_skills",
        "Say what somebody can do",
        "/people/{person_id}/skills",
        bodies.Skills,
        lambda person, body, _: SetSkills(person, tuple(body.skills)),
    ),
    OrganisationAction(
        "note_absence",
        "Say that somebody is away, and who stands in",
        "/people/{person_id}/absences",
        bodies.NewAbsence,
        _note_absence,
        id_of("absence"),
    ),
    OrganisationAction(
        "end_absence",
        "Say that somebody is back, or that an absence does not come about",
        "/people/{person_id}/absences/{absence_id}/endings",
        bodies.Ending,
        lambda person, _, absence: EndAbsence(person, absence),
        part="absence",
    ),
    OrganisationAction(
        "give_delegation",
        "Let somebody else take over whenever a person is not there",
        "/people/{person_id}/delegations",
        bodies.NewDelegation,
        _delegate,
        id_of("delegation"),
    ),
    OrganisationAction(
        "end_delegation",
        "Take a delegation back",
        "/people/{person_id}/delegations/{delegation_id}/endings",
        bodies.Ending,
        lambda person, _, delegation: EndDelegation(person, delegation),
        part="delegation",
    ),
    OrganisationAction(
        "remove_person",
        "Let somebody leave",
        "/people/{person_id}/departures",
        bodies.Departure,
        lambda person, _, __: RemovePerson(person),
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
        part = request.path_params.get(f"{action.part}_id", "")
        body = await counter.body(request, action.body)
        return await counter.issue(
            lambda: counter.submission(caller, action.command(person, body, part), body, key),
            status=action.status,
            made=action.made,
        )

    return issue
