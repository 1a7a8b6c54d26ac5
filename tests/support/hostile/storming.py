"""A storm against a tenant of its own, in shares that several processes can carry at a time, and what must be true of it."""

import asyncio
import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest

from commands.caller import Caller
from domain.playbook.commands import PublishPlaybook
from infra.asgi import build
from infra.settings import Settings
from support.hostile import laws
from support.hostile.examples import NEED_MORE
from support.hostile.storm import PLAYBOOK_OF_A_STORM, Storm, logged, routes_of
from support.hostile.wire import Sent, Wire
from support.sales import ALL_RIGHTS, OPERATOR, a_submission, is_whole, playbook

REQUESTS = 1_000_000 if os.environ.get("DEALTRAIL_SOAK") == "1" else 100_000
SHARES = 4
"""Each is a test in a module of its own: tests of one module are carried out by one process."""
TELL_WHAT_IS_WRONG = {("POST", "/v1/bulk"), ("POST", "/v1/playbooks/checks")}
"""Routes whose answer to a mistake is a 200 that lists it."""
NEED_MORE_THAN_A_LOG = {
    ("POST", "/v1/playbooks/{name}/drafts/{number}/replays"),
    ("POST", "/v1/playbooks/{name}/drafts/{number}/sign-offs"),
    ("GET", "/v1/playbooks/{name}/versions/{number}/comparison"),
    ("GET", "/v1/replays/{replay}"),
    ("DELETE", "/v1/replays/{replay}"),
    ("GET", "/v1/replays/{replay}/decisions"),
    ("GET", "/v1/replays/{replay}/datasets/{dataset}"),
    ("GET", "/v1/replays/{replay}/subjects/{subject}"),
    ("GET", "/v1/replays/{replay}/report"),
    ("POST", "/v1/indices/{index}/closings"),
    ("GET", "/v1/indices/{index}/closings/{period}"),
    ("GET", "/v1/inbox/deliveries/{delivery}"),
    ("POST", "/v1/{collection}/{record_id}/deadlines/{deadline}/acknowledgements"),
    ("POST", "/v1/{collection}/{record_id}/reactions/{reaction}/retries"),
}
"""Routes a storm only sees refuse: its log has no draft that was replayed, no period that is over, no deadline that fired, no reaction that failed, and nothing that is sent."""
CALLER = Caller("hostile", "test", OPERATOR, rights=ALL_RIGHTS)


@pytest.fixture
def tenant(a_tenant) -> Any:
    """A fresh log with one playbook and nobody in it, as the examples of the description expect."""
    tenant = a_tenant("hostile", pool_size=10)
    tenant.bus.submit(a_submission(PublishPlaybook(playbook(PLAYBOOK_OF_A_STORM))))
    return tenant


@pytest.fixture
def app(tenant, tmp_path) -> Any:
    """The service, for somebody who may do everything: what rights would refuse must be harmless as well."""
    own = Settings(
        _env_file=None,
        home=tmp_path,
        tenant="hostile",
        database_url=None,
        commands_per_second_per_client=1e9,
        command_burst_per_client=1_000_000_000,
    )
    return build(tenant, own, caller=CALLER)


@pytest.fixture
def out() -> Iterator[Any]:
    """What the service logs."""
    with logged() as out:
        yield out


@pytest.fixture
def rare_collections() -> Iterator[None]:
    """Let Python look for garbage less often, and not in what is there already: it would be a twentieth of the time."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def blow(app: Any, tenant: Any, out: Any, seed: int) -> Storm:
    """Send every example as it stands, then one share of the mutated requests; tell what was met."""

    async def blowing() -> Storm:
        async with app.router.lifespan_context(app):
            heard = await Wire(app).send(Sent("GET", b"/openapi.json"))
            storm = Storm(app, tenant, heard.json(), seed)
            refused = [
                (plain.operation, heard.status, heard.body[:500])
                for plain, heard in await storm.walk(out)
                if plain.is_command and plain.operation not in NEED_MORE and heard.status not in laws.TAKEN
            ]
            assert not refused, "every example works as it stands"
            before = storm.record.requests
            await storm.blow(REQUESTS // SHARES, out)
            assert storm.record.requests - before >= REQUESTS // SHARES
            return storm

    storm = asyncio.run(blowing())
    print(told(storm))
    return storm


def told(storm: Storm) -> str:
    """What a storm has met, for whoever reads the log of the tests."""
    record = storm.record
    slowest = "\n".join(f"  {seconds:.2f} s {what}" for seconds, what in record.slowest)
    return f"{record.requests:,} requests in {record.seconds:.0f} s: {dict(record.by_status)}\n{slowest}"


def assert_harmless(storm: Storm, app: Any, tenant: Any) -> None:
    """No law was broken, every route was reached, did what it is for, and refused what it is not for; and the log is whole."""
    broken = storm.record.broken
    assert not broken, "\n\n".join(
        f"{found}\n{' '.join(getattr(found, '__notes__', ()))}" for found in broken[:10]
    )
    everything = routes_of(app)
    assert everything - storm.record.reached() == set(), (
        "every route is reached; a new one is covered by itself"
    )
    fulfilled = everything - NEED_MORE_THAN_A_LOG
    assert fulfilled - storm.record.reached(2) == set(), "and every route does what it is for"
    refusing = {route for route in everything if "{" in route[1] or route[0] != "GET"} - TELL_WHAT_IS_WRONG
    assert refusing - storm.record.reached(4) == set(), "and refuses what it is not for"
    assert is_whole(tenant.url)
