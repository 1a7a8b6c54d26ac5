"""P2, P5 over HTTP: the service itself, not only its bus, applies nothing twice and lets every writer of one record through."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from support.faults import history
from support.faults.figures import FIGURES
from support.faults.history import History, Work
from support.faults.http_service import CLIENT, HttpService
from support.faults.meanwhile import at_once
from support.faults.plan import FaultPlan, Reply
from support.faults.proxy import Proxy
from support.faults.service import insist
from support.sales import ANNA, Desk, a_submission, is_whole

from domain.record.commands import OpenRecord
from infra.tenant import Tenant

CLIENTS = 16
WRITERS = 8
SECONDS_P99 = 2.0


def ids_of(tenant: Tenant) -> Callable[[str], str]:
    """Which id the bus derives from a key of the client of these tests."""
    return lambda key: tenant.bus._command_id(a_submission(None, key, client=CLIENT))


def test_a_lost_reply_to_commit_applies_nothing_twice_over_http(a_tenant, plan: FaultPlan):
    """P2: of ≥ 500 replies to COMMIT that the service never hears, 0 lead to a second effect; asked again, it answers the same."""
    tenant: Any = a_tenant("replies_over_http")
    Desk(tenant)
    before, found = tenant.log.head(), History()
    target = Path(str(conninfo_to_dict(tenant.url)["host"]))
    with (
        Proxy(target, plan.replies("replies to append over HTTP")) as proxy,
        ThreadPoolExecutor(CLIENTS) as pool,
        ExitStack() as closing,
    ):
        wired = make_conninfo(tenant.url, host=str(proxy.folder))
        service = HttpService(wired, tenant.name, command_id=ids_of(tenant))
        service.start()
        closing.callback(service.close)

        def client(number: int) -> None:
            deal = 0
            while proxy.met[Reply.LOST] < FIGURES.lost_replies:
                deal += 1
                name = f"{number}_{deal}"
                for work in (
                    Work(f"open-{name}", "open", f"deal/dea_{name}"),
                    Work(f"move-{name}", "move", f"deal/dea_{name}", 2),
                    Work(f"touch-{name}", "touch", f"deal/dea_{name}"),
                ):
                    insist(service, [work], found)
                    insist(service, [work], found)

        list(pool.map(client, range(CLIENTS)))
        assert proxy.met[Reply.LOST] >= FIGURES.lost_replies >= 500
        assert proxy.met[Reply.CUT] > 0
    log = history.rows(tenant.url)
    print(f"{len(found.acknowledged):,} commands, {dict(proxy.met)}, {found.unanswered} unanswered")
    assert found.contradictions == []
    assert set(found.acknowledged) == set(found.sent)
    assert history.lost(found.acknowledged.values(), log) == []
    assert history.applied_twice(found.sent, found.acknowledged, log) == []
    assert history.torn(found.sent, found.acknowledged, log) == []
    assert history.unexplained(found.acknowledged, log, before) == []
    assert history.broken_order(log) == []
    assert is_whole(tenant.url)


@pytest.mark.parametrize("processes", [1], ids=["one process"])
def test_writers_of_one_record_all_get_through_over_http(a_tenant, processes):
    """P5: 8 × 50 commands on one record over HTTP: 400 of 400 at the first try, p99 ≤ 2 s, each appended once."""
    tenant: Any = a_tenant("contended_over_http")
    Desk(tenant).do(OpenRecord("deal/dea_1", {"topic": "Ten pumps"}, owner=ANNA))
    before, found = tenant.log.head(), History()
    took: list[float] = []
    with ExitStack() as closing:
        services = [HttpService(tenant.url, tenant.name, command_id=ids_of(tenant)) for _ in range(processes)]
        for service in services:
            service.start()
            closing.callback(service.close)

        def work(writer: int) -> int:
            for number in range(FIGURES.commands_per_writer):
                touch = Work(f"touch-{writer}-{number}", "touch", "deal/dea_1")
                found.sending([touch])
                began = time.monotonic()
                found.heard(services[writer % processes].send([touch]))
                took.append(time.monotonic() - began)
            return writer

        assert at_once(WRITERS, work) == list(range(WRITERS))
    assert len(found.acknowledged) == WRITERS * FIGURES.commands_per_writer >= 400
    p99 = sorted(took)[int(len(took) * 0.99)]
    print(f"{len(took)} commands, p99 {p99 * 1000:.0f} ms")
    assert p99 <= SECONDS_P99
    log = history.rows(tenant.url)
    assert history.lost(found.acknowledged.values(), log) == []
    assert history.torn(found.sent, found.acknowledged, log) == []
    assert history.unexplained(found.acknowledged, log, before) == []
    assert history.broken_order(log) == []
    assert is_whole(tenant.url)
