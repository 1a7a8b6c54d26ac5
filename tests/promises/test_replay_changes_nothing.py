"""P11: a replay changes nothing live."""

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier
from support.replaying import Changed, Impact, impact_of, replayed
from support.sales import ANNA, Databases, Desk, name_of, stricter

from domain.record.commands import ChangeStage, EditFields, OpenRecord
from infra.tenant import Tenant

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname LIKE 'dealtrail%' ORDER BY 1, 2
"""
_DIGEST = SQL("SELECT count(*), md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM {} t")


def contents(url: str) -> Mapping[str, Any]:
    """What every table of a log holds: events, keys, answers, read models, cursors, whatever there is."""
    with psycopg.connect(url) as connection:
        return {
            f"{schema}.{table}": connection.execute(_DIGEST.format(Identifier(schema, table))).fetchone()
            for schema, table in connection.execute(_TABLES).fetchall()
        }


@pytest.fixture
def sales(a_tenant: Callable[..., Any]) -> Desk:
    """Forty deals on their way, some of them refused an offer; personal notes among what a replay has to open."""
    desk = Desk(a_tenant("replayed"))
    for number in range(40):
        stream = f"deal/dea_{number}"
        desk.do(OpenRecord(stream, {"amount": 50 + 20 * number, "note": "they said yes"}, owner=ANNA))
        desk.batch([ChangeStage(stream, "offer"), EditFields(stream, {"heat": "hot"})])
    desk.tenant.catch_up.run()
    return desk


def test_p11_a_replay_changes_nothing_live(sales: Desk, server: Databases) -> None:
    """P11: every table holds the same before and after, and the replay did change its mind about some decisions."""
    url = server.admin(name_of(sales.tenant))
    before = contents(url)
    found = replayed(sales.tenant.log, sales.tenant.vault, stricter())
    impact = impact_of(found)
    assert impact.reproduced == impact.decisions
    assert found.impact["totals"]["newly_refused"] == len(impact.changed) > 10
    assert contents(url) == before
    assert {"dealtrail.events", "dealtrail_keys.subject_keys", "dealtrail_read.cursors"} <= before.keys()


def test_p11_a_replay_needs_no_right_to_write(sales: Desk) -> None:
    """P11: on connections that may only read, a replay says the very same."""
    expected = impact_of(replayed(sales.tenant.log, sales.tenant.vault, stricter()))
    read_only = make_conninfo(sales.tenant.url, options="-c default_transaction_read_only=on")
    with Tenant(read_only, sales.tenant.name) as reader:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), reader.pool.connection() as connection:
            connection.execute("DELETE FROM dealtrail_read.cursors")
        found = impact_of(replayed(reader.log, reader.vault, stricter()))
    assert said(found) == said(expected) != []
    assert (found.reproduced, found.decisions) == (expected.reproduced, expected.decisions)


def said(impact: Impact) -> list[Changed]:
    """What a replay says about each decision it judges otherwise."""
    return impact.changed
