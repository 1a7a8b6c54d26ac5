"""P12: what follows by itself and what people are told goes on after PostgreSQL died, and happens once."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from support.faults.wrecking import postmaster
from support.reacting import PRESALES, SELLER, Follows, reacting_playbook

from domain.record.commands import OpenRecord
from domain.work.commands import CompleteWork, RequestWork
from infra.embedded import EmbeddedPostgres
from infra.follower import Follower, following
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant

BEFORE, AFTER = range(30), range(30, 40)
HEALED_SECONDS = 5.0
OUTAGE_SECONDS = 3.0


def until(is_so: Callable[[], bool], seconds: float) -> float:
    """Wait until something is so; return how many seconds that took."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds, "it did not come"
        time.sleep(0.05)
    return time.monotonic() - began


def demos_are_done(company: Follows, numbers: range) -> None:
    """Presales shows what we have on some deals, and a visit is to follow each."""
    for number in numbers:
        stream = f"deal/dea_{number}"
        company.do(OpenRecord(stream, {}, owner=SELLER), actor=SELLER)
        company.do(RequestWork(stream, "wrk_demo", "demo"), actor=SELLER)
        company.do(CompleteWork(stream, "wrk_demo"), actor=PRESALES)


def visits_asked(tenant: Tenant) -> Counter[str]:
    """How often a visit was asked for, by deal."""
    asked: Counter[str] = Counter()
    for recorded in tenant.log.after(0, 100_000, topics=["record.work-requested.v1"]):
        event: Any = recorded.event
        asked[recorded.stream] += event.template == "visit"
    return asked


def told_of_visits(tenant: Tenant) -> Counter[str]:
    """How often the seller was told of a visit, by deal."""
    with tenant.pool.connection() as connection:
        rows = connection.execute(
            "SELECT record, count(*) AS times FROM dealtrail_read.inbox WHERE person = %s AND topic = 'record.work-requested.v1' GROUP BY record",
            (SELLER,),
        ).fetchall()
    return Counter({row["record"]: row["times"] for row in rows})


def is_done(tenant: Tenant, deals: set[str]) -> bool:
    """Whether a visit was asked for on all deals, and the seller told of it."""
    return visits_asked(tenant).keys() >= deals and told_of_visits(tenant).keys() >= deals


def is_at_the_head(follower: Follower) -> bool:
    """Whether nothing waits to be read."""
    return all(found.events_behind == 0 for found in follower.status())


def test_p12_what_follows_happens_once_although_postgresql_dies_meanwhile(a_home_to_wreck: Path) -> None:
    """P12: reactions that were under way, those of afterwards, and the inboxes: everything at the head 5 s after PostgreSQL's return, nothing twice."""
    with ExitStack() as closing:
        server = closing.enter_context(EmbeddedPostgres.attach(a_home_to_wreck))
        settings = Settings(home=a_home_to_wreck, database_url=None, tenant="goes_on", pool_size=8)
        tenant = closing.enter_context(open_tenant(settings))
        company = Follows(tenant, reacting_playbook())
        follower = closing.enter_context(following(tenant))
        demos_are_done(company, BEFORE)
        os.kill(postmaster(server), signal.SIGKILL)
        time.sleep(OUTAGE_SECONDS)
        closing.enter_context(EmbeddedPostgres.attach(a_home_to_wreck))
        before, after = ({f"deal/dea_{n}" for n in some} for some in (BEFORE, AFTER))
        healed = until(lambda: is_done(tenant, before) and is_at_the_head(follower), 30)
        demos_are_done(company, AFTER)
        until(lambda: is_done(tenant, before | after) and is_at_the_head(follower), 30)
        assert visits_asked(tenant) == told_of_visits(tenant) == dict.fromkeys(before | after, 1)
    assert healed <= HEALED_SECONDS
