"""P18, P26: whatever is sent to whichever route is data: kept as it is or refused, never carried out, never a page, never repeated.

The 100,000 mutated requests are in four modules of their own, so that as many processes share them: `test_mutations_are_harmless_*`.
"""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import iter_route_contexts
from support.hostile import laws, payloads, storming
from support.hostile.mutations import Mutator
from support.hostile.storm import HIDDEN, Storm, routes_of
from support.hostile.wire import Heard, Sent, Wire
from support.sales import is_whole

tenant, app, out = storming.tenant, storming.app, storming.out


def test_the_generator_knows_every_operation(app):
    """A route that is added is described, so it is met; a page the description leaves out is on the list of hidden ones."""
    described = set(app.openapi()["paths"])
    hidden = {
        context.path_format for context in iter_route_contexts(app.routes) if not context.include_in_schema
    }
    assert {path for _, path in routes_of(app)} == described | hidden
    assert hidden == set(HIDDEN)


def test_one_seed_makes_one_storm(app, tenant, out):
    """What a failing run sent can be sent again: seed and number make the request."""

    async def examples() -> list[Any]:
        async with app.router.lifespan_context(app):
            document = (await Wire(app).send(Sent("GET", b"/openapi.json"))).json()
            return Storm(app, tenant, document, 1).examples.commands(1)

    plains = asyncio.run(examples())
    first = [Mutator(7).mutated(plain, number) for number, plain in enumerate(plains * 20)]
    again = [Mutator(7).mutated(plain, number) for number, plain in enumerate(plains * 20)]
    assert first == again
    assert first != [Mutator(8).mutated(plain, number) for number, plain in enumerate(plains * 20)]
    assert len({sent.canary for sent in first}) == len(first)
    carrying = [sent for sent in first if sent.canary.encode() in sent.raw_path + sent.query + sent.body]
    assert len(carrying) > len(first) / 5, "canaries are where the hostile values are"


SENT = Sent("POST", b"/v1/deals", body=b"{}", canary="zqcanaryzq", operation="open_deal")
A_PROBLEM = (
    b'{"type":"/problems/not-found","title":"t","status":404,"code":"not-found","detail":"%s","pointer":"/a"}'
)


@pytest.mark.parametrize(
    ("law", "heard"),
    [
        ("no answer is an error of the server's", Heard(500, {"content-type": laws.PROBLEM}, A_PROBLEM.replace(b"404", b"500") % b"d")),
        ("no answer is a redirection", Heard(307, {"location": "//evil"})),
        ("an error is a problem", Heard(404, {"content-type": "text/plain"}, b"Not Found")),
        ("a problem is JSON", Heard(404, {"content-type": laws.PROBLEM}, b"{")),
        ("the type of a problem leads to its page", Heard(404, {"content-type": laws.PROBLEM}, b'{"code":"nowhere","type":"/problems/nowhere"}')),
        ("a problem says what is wrong and what to do", Heard(404, {"content-type": laws.PROBLEM}, A_PROBLEM % b"")),
        ("a problem tells its status", Heard(400, {"content-type": laws.PROBLEM}, A_PROBLEM % b"d")),
        ("no answer repeats what was sent", Heard(404, {"content-type": laws.PROBLEM}, A_PROBLEM % b"no zqcanaryzq here")),
        ("no header of an answer repeats what was sent", Heard(404, {"content-type": laws.PROBLEM, "x": "zqcanaryzq"}, A_PROBLEM % b"d")),
    ],
)  # fmt: skip
def test_every_law_can_be_broken(law, heard):
    """A check that never fails checks nothing."""
    with pytest.raises(laws.LawBroken) as broken:
        laws.check(SENT, heard, head=0)
    assert broken.value.law == law
    assert laws.check(SENT, Heard(404, {"content-type": laws.PROBLEM}, A_PROBLEM % b"d"), head=0) == 0


def asked(app: Any, talk: Callable[[Wire], Awaitable[None]]) -> None:
    """Talk to the service while its read models follow the log."""

    async def talking() -> None:
        async with app.router.lifespan_context(app):
            await talk(Wire(app))

    asyncio.run(talking())


_keys = itertools.count(1)


def a_command(method: str, path: str, body: Any) -> Sent:
    """A command with a key nobody has used; an edit of the first version."""
    raw = json.dumps(body).encode()
    headers = [
        (b"Content-Type", b"application/json"),
        (b"Idempotency-Key", b"k%d" % next(_keys)),
        (b"Content-Length", b"%d" % len(raw)),
    ]
    return Sent(
        method, path.encode(), b"", (*headers, *([(b"If-Match", b'"1"')] if method == "PATCH" else ())), raw
    )


def test_what_is_stored_comes_back_as_it_was_sent_and_runs_nowhere(app, tenant, out):
    """P26: SQL, markup, formulas and control characters are data: kept as they are, or refused, never carried out and never a page."""

    async def talk(wire: Wire) -> None:
        for number, text in enumerate(sorted(set(payloads.corpus()))):
            name = f"dea_{number}"
            heard = await wire.send(
                a_command("POST", "/v1/deals", {"id": name, "fields": {"topic": text, "note": text}})
            )
            assert heard.status in {201, 400, 422}, (text, heard.body, out.getvalue())
            if heard.status == 201:
                position = heard.json()["position"]
                read = await wire.send(
                    Sent("GET", f"/v1/deals/{name}".encode(), b"min_position=%d" % position)
                )
                fields = read.json()["fields"]
                assert fields.get("topic") in (text, text.strip(), None), (text, fields)
                assert fields.get("topic") == fields.get("note"), "sealed or not, a text stays what it was"
                assert read.media_type == "application/json"
                assert read.headers["x-content-type-options"] == "nosniff"
                assert "default-src 'none'" in read.headers["content-security-policy"]
            else:
                assert heard.media_type == laws.PROBLEM
                assert "zorblatt" not in laws.without_pointers(heard.body.decode())
        assert (await wire.send(Sent("GET", b"/v1/events"))).status == 200

    asked(app, talk)
    assert is_whole(tenant.url), "no table was dropped, and no event came from elsewhere"


QUESTIONS = (
    ("/v1/deals", "topic={}"), ("/v1/deals", "sort={}"), ("/v1/deals", "fields={}"), ("/v1/deals", "{}=1"), ("/v1/deals", "amount.gte={}"), ("/v1/deals", "cursor={}"), ("/v1/deals", "team.in={}"),
    ("/v1/deals/stuck", "owner={}"), ("/v1/people", "role={}"), ("/v1/events", "record=deals/{}"), ("/v1/deals/{}", ""), ("/v1/schemas/{}", ""), ("/v1/deals/dea_1/history", "field={}"), ("/v1/people/{}", ""),
    ("/v1/lookups/deal/phone", "value={}"), ("/v1/playbooks/{}", ""), ("/v1/boards/{}", ""), ("/v1/deals/dea_1/stage-changes/{}/check", ""), ("/v1/{}", ""), ("/problems/{}", ""), ("/docs/{}", ""),
)  # fmt: skip


def test_what_is_asked_is_a_value_and_never_a_statement(app, tenant, out):
    """P26: in every place a question has, each hostile text is answered or refused; no error of the database ever shows."""

    async def talk(wire: Wire) -> None:
        await wire.send(a_command("POST", "/v1/deals", {"id": "dea_1"}))
        for text in sorted(set(payloads.corpus())):
            value = quote(text, safe="", errors="replace")
            for path, query in QUESTIONS:
                sent = Sent(
                    "GET",
                    path.replace("{}", value).encode(),
                    query.replace("{}", value).encode(),
                    canary="zorblatt",
                    operation="injection",
                )
                heard = await wire.send(sent)
                assert heard.status in {200, 400, 404}, (sent.told(), heard.body, out.getvalue())
                laws.check(sent, heard, head=0)
        assert "zorblatt" not in out.getvalue()

    asked(app, talk)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("position", ["20260131", "%2B20260131", "20260131.0"])
def test_who_asks_for_a_position_that_is_not_there_may_come_again(app, position, method):
    """An answer to HEAD has no body to say so: a storm took one for an error of the server's."""

    async def talk(wire: Wire) -> None:
        sent = Sent(method, b"/v1/boards/deals", f"min_position={position}".encode(), canary="zorblatt")
        heard = await wire.send(sent)
        assert (heard.status, bool(heard.body)) == (503, method == "GET")
        told = await wire.explained(sent, heard)
        laws.check(sent, told, head=100)
        with pytest.raises(laws.LawBroken):
            laws.check(sent, told, head=20260131)

    asked(app, talk)


FILTERS_BY_MOMENT = ("opened_at.gte", "last_touch_at.lt", "amount.gt", "version", "limit")
READ_BY_MOMENT = (
    "/v1/deals", "/v1/deals/dea_1", "/v1/deals/dea_1/timeline", "/v1/deals/dea_1/history", "/v1/deals/stuck", "/v1/boards/deals", "/v1/people", "/v1/organisation", "/v1/playbooks", "/v1/schemas/deal", "/v1/events",
)  # fmt: skip


def test_moments_at_the_ends_of_the_calendar_are_moments_or_refused(app, tenant, out):
    """P18: wherever a moment, a date or a position may be said, one that cannot be is a mistake of the sender's."""

    async def talk(wire: Wire) -> None:
        await wire.send(a_command("POST", "/v1/deals", {"id": "dea_1"}))
        await wire.send(a_command("POST", "/v1/deals/dea_1/touches", {"id": "tou_1", "kind": "call"}))
        for moment in payloads.MOMENTS + payloads.NUMBERS:
            value = quote(moment, safe="")
            commands = [
                a_command("POST", "/v1/deals", {"occurred_at": moment}),
                a_command("POST", "/v1/deals/dea_1/touches", {"kind": "call", "occurred_at": moment}),
                a_command(
                    "POST",
                    "/v1/deals/dea_1/touches/tou_1/corrections",
                    {"happened_at": moment, "reason": "r"},
                ),
                a_command("POST", "/v1/people", {"name": "Uma", "occurred_at": moment}),
                a_command("POST", "/v1/playbooks/desk/publications", {"draft": 1, "effective_from": moment}),
            ]
            asking = [(path, name) for path in READ_BY_MOMENT for name in ("as_of", "effective_at")]
            asking += [("/v1/deals", name) for name in FILTERS_BY_MOMENT]
            asking += [
                ("/v1/events", "after"),
                ("/v1/events", "limit"),
                ("/v1/deals/stuck", "longer_than_days"),
            ]
            reads = [Sent("GET", path.encode(), f"{name}={value}".encode()) for path, name in asking]
            difference = Sent("GET", b"/v1/organisation/difference", f"from={value}&to={value}".encode())
            for sent in [*commands, *reads, difference]:
                heard = await wire.send(sent)
                assert heard.status in {200, 201, 400, 404, 422}, (sent.told(), heard.body, out.getvalue())

    asked(app, talk)
