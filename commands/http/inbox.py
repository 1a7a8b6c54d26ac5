"""Routes of inboxes: what somebody is told of from now on, and what they have read."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from commands.http.actions import id_of
from commands.http.bodies import Body, Ending, Id
from commands.http.describing import Endpoint, add_route
from commands.http.headers import idempotency_key
from commands.http.issuing import Counter, caller_of
from commands.http.organisation import OrganisationAction
from domain.inbox.commands import Channel, MarkRead, Subscribe, Unsubscribe
from domain.inbox.decide import MAX_READ, MAX_TOPICS
from domain.naming import person_stream


class NewSubscription(Body):
    """What somebody wants to be told of."""

    topics: Annotated[
        list[str],
        Field(
            max_length=MAX_TOPICS,
            description="Topics of events, words that topics begin with (`record`, `record.stage-changed`), or `addressed`: whatever is addressed to the person by itself.",
            examples=[["addressed"]],
        ),
    ]
    kind: str | None = Field(default=None, description="Only about records of this kind.")
    record: str | None = Field(default=None, description="Only about this record, as kind/id.")
    channel: str = Field(
        default=Channel.inbox.value,
        description="inbox, or the channel messages are sent by as well: webhook, dingtalk, wecom, feishu, email.",
    )
    target: str | None = Field(
        default=None,
        description="The name of the target, as the settings of the service have it; no address, and no secret. The inbox needs none.",
    )
    label: str | None = Field(default=None, description="What the person calls it.")
    id: Id | None = Field(default=None, description="Left out, one is made.")


class Receipts(Body):
    """Notifications that were read."""

    notifications: Annotated[
        list[str],
        Field(max_length=MAX_READ, description="Their ids; those that were read already stay as they were."),
    ]


def _subscribe(person: str, body: Any, _: str) -> Subscribe:
    return Subscribe(
        person,
        tuple(body.topics),
        body.channel,
        body.kind,
        body.record,
        body.target,
        body.label,
        body.id or "",
    )


INBOX_ACTIONS = (
    OrganisationAction(
        "subscribe",
        "Tell somebody of kinds of events",
        "/people/{person_id}/subscriptions",
        NewSubscription,
        _subscribe,
        id_of("subscription"),
    ),
    OrganisationAction(
        "unsubscribe",
        "Take a subscription back",
        "/people/{person_id}/subscriptions/{subscription_id}/endings",
        Ending,
        lambda person, _, subscription: Unsubscribe(person, subscription),
        part="subscription",
    ),
    OrganisationAction(
        "mark_read",
        "Say that notifications were read",
        "/people/{person_id}/inbox/reads",
        Receipts,
        lambda person, body, _: MarkRead(person, tuple(body.notifications)),
    ),
)
"""Commands about inboxes, in the order one would try them out. The person themself issues them, or somebody who may organise."""


def add_inbox_routes(router: APIRouter, counter: Counter) -> None:
    """Add a route for each of these commands."""
    for action in INBOX_ACTIONS:
        add_route(
            router,
            action.path,
            _route(counter, action),
            action.name,
            action.summary,
            body=action.body,
            status=action.status,
            tag="inbox",
        )


def _route(counter: Counter, action: OrganisationAction) -> Endpoint:
    async def issue(request: Request) -> Response:
        caller, key = caller_of(request), idempotency_key(request.headers)
        person = person_stream(request.path_params["person_id"])
        part = request.path_params.get(f"{action.part}_id", "")
        body = await counter.body(request, action.body)
        return await counter.issue(
            lambda: counter.submission(caller, action.command(person, body, part), body, key),
            status=action.status,
            made=action.made,
        )

    return issue
