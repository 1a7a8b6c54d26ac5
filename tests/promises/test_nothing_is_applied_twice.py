"""P2: nothing is applied twice, not even after a lost reply."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from support.faults import history, mutants
from support.faults.figures import FIGURES
from support.faults.plan import FaultPlan, Reply
from support.faults.proxy import Proxy
from support.faults.sending import SentTwice, Told, send_twice, wrong_answers
from support.sales import Desk, an_append, is_whole, name_of, opened

from domain.record.commands import ChangeStage, EditFields, OpenRecord, RecordTouch
from infra.log.application import SalesLog
from infra.log.recorder import _APPEND, _parameters
from infra.tenant import Tenant

CLIENTS = 16


def through(proxy: Proxy, url: str) -> str:
    """The same database, by way of a proxy."""
    return make_conninfo(url, host=str(proxy.folder))


def commands_on(deal: str) -> list[Any]:
    """Commands of one event each: an opening, changes, a touch, and a move that is refused."""
    return [
        OpenRecord(deal, {"topic": "opened"}),
        EditFields(deal, {"topic": "edited"}),
        ChangeStage(deal, "offer"),
        RecordTouch(deal, "tou_1", "call"),
        ChangeStage(deal, "lost"),
    ]


def send_through_losses(
    tenant: Tenant, plan: FaultPlan, losses: int, *, adapt: Callable[[Tenant], None] = lambda _: None
) -> tuple[list[SentTwice], Proxy]:
    """Let clients, each a process of its own to the log, send commands until so many replies to COMMIT were lost."""
    target = Path(str(conninfo_to_dict(tenant.url)["host"]))
    with Proxy(target, plan.replies("replies to append")) as proxy, ExitStack() as closing:
        buses = [
            closing.enter_context(
                Tenant(through(proxy, tenant.url), tenant.name, pool_size=2, pool_overflow=2)
            )
            for _ in range(CLIENTS)
        ]
        for bus in buses:
            adapt(bus)

        def client(number: int) -> list[SentTwice]:
            sent: list[SentTwice] = []
            deal = 0
            while proxy.met[Reply.LOST] < losses:
                deal += 1
                name = f"{number}_{deal}"
                for step, command in enumerate(commands_on(f"deal/dea_{name}")):
                    sent.append(send_twice(buses[number], command, f"{name}-{step}"))
            return sent

        with ThreadPoolExecutor(CLIENTS) as pool:
            return [one for sent in pool.map(client, range(CLIENTS)) for one in sent], proxy


def test_a_lost_reply_to_commit_applies_nothing_twice(a_tenant, plan):
    """P2: of ≥ 500 replies to COMMIT that are lost on the wire, 0 lead to a second effect, and every answer is the same when asked again."""
    tenant = a_tenant("replies")
    Desk(tenant)
    sent, proxy = send_through_losses(tenant, plan, FIGURES.lost_replies)
    log = history.rows(tenant.url)
    assert wrong_answers(sent, log) == []
    assert proxy.met[Reply.LOST] >= FIGURES.lost_replies >= 500
    assert proxy.met[Reply.CUT] > 0
    assert proxy.met[Reply.LATE] > 0
    refusals = [row for row in log if row.topic == "record.move-refused.v1"]
    assert len(refusals) == sum(one.first.outcome == "refused" for one in sent)
    assert len({row.command_id for row in refusals}) == len(refusals)
    assert history.broken_order(log) == []
    assert is_whole(tenant.url)


def no_lookup_in_the_bus(tenant: Tenant) -> None:
    """Let the bus never hear of earlier answers."""
    tenant.log.known_answers = lambda _client, _keys: {}  # type: ignore[method-assign]


@pytest.mark.parametrize("without", ["the function", "the bus", "either"])
def test_without_the_key_lookup_the_lost_replies_show(a_tenant, server, plan, without):
    """P2, its mutants: where the idempotency key is not looked up, the same check on the same load finds wrong answers."""
    tenant = a_tenant("mutant")
    Desk(tenant)
    if without != "the bus":
        mutants.install(server, name_of(tenant), mutants.WITHOUT_THE_KEY_LOOKUP)
    adapt = (lambda _: None) if without == "the function" else no_lookup_in_the_bus
    sent, _ = send_through_losses(tenant, plan, 10, adapt=adapt)
    assert wrong_answers(sent, history.rows(tenant.url)) != []


def test_the_proxy_loses_the_reply_and_not_the_commit(a_tenant):
    """P2: what the client does not hear of is durable; in a transaction of its own it is COMMIT's reply that is lost."""
    tenant = a_tenant("proxied")
    fates = iter([Reply.LOST, Reply.ARRIVES, Reply.CUT, Reply.LATE, Reply.LOST])
    target = Path(str(conninfo_to_dict(tenant.url)["host"]))
    with (
        Proxy(target, lambda: next(fates)) as proxy,
        SalesLog(through(proxy, tenant.url), pool_size=1) as log,
    ):
        for number, head in enumerate([2, 3, 3, 4]):
            # Without a key the library does not send it again.
            append = an_append(opened(f"deal/dea_{number}", topic="x"))
            if number in (0, 2):
                with pytest.raises(Exception, match="connection"):
                    log.append([append])
            else:
                assert log.append([append])[0].result == "appended"
            assert tenant.log.head() == head
        parameters = _parameters([an_append(opened("deal/dea_9", topic="x"))])
        with psycopg.connect(through(proxy, tenant.url)) as connection:
            connection.execute(_APPEND, parameters)
            assert tenant.log.head() == 4
            with pytest.raises(psycopg.OperationalError):
                connection.commit()
        assert tenant.log.head() == 5
        assert proxy.met == {Reply.LOST: 2, Reply.CUT: 1, Reply.LATE: 1}


def test_the_check_finds_what_it_looks_for():
    """Two answers that differ, an event that stands twice, or none at all fail the check."""
    told = Told("accepted", (2,), "c")
    row = history.Row(2, "deal/d", 1, "t", "c")
    same = SentTwice("k", told, told)
    assert wrong_answers([same], [row]) == []
    assert wrong_answers([same], [])
    assert wrong_answers([same], [row, history.Row(3, "deal/d", 2, "t", "c")])
    assert wrong_answers([SentTwice("k", told, Told("accepted"))], [row])
    assert wrong_answers([SentTwice("k", Told("never answered"), Told("never answered"))], [row])
