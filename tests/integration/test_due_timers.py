"""How the clock finds what is due: as cheaply when many rows rest as when none does."""

from support.projecting import query

from domain.deadlines.commands import NoticeDeadline
from projections import due_timers

DUE = 400

_FILL = """
INSERT INTO dealtrail_read.timers (record, deadline, subject, armed_at, kind, playbook, playbook_version, starts_at, due_at, is_paused, next_rung, next_repeat, next_at)
SELECT 'deal/dea_' || lpad(n::text, 4, '0'), 'late', '', n, 'deal', 'due', 1, now(), now(), false, 1, 0, clock_timestamp() - interval '1 hour' + n * interval '1 second'
FROM generate_series(1, %s) n
"""


def names(rows):
    return [
        int(NoticeDeadline(row["record"], row["deadline"], row["armed_at"], row["rung"]).armed_at)
        for row in rows
    ]


def claimed(connection, limit):
    with connection.transaction():
        now = due_timers.now(connection)
        rows = due_timers.claim(connection, now, limit)
        due_timers.let_rest(connection, rows, now, [due_timers.LONGEST_REST] * len(rows))
    return names(rows)


def test_what_rests_is_passed_over_and_what_comes_next_is_claimed_in_order(a_tenant):
    tenant = a_tenant("due")
    with tenant.pool.connection() as connection:
        connection.execute(_FILL, (DUE,))
        connection.commit()
        found = [claimed(connection, 100) for _ in range(5)]
    assert found == [[*range(start, start + 100)] for start in (1, 101, 201, 301)] + [[]]


def test_a_rest_is_looked_up_by_its_key_whatever_is_known_of_the_table(a_tenant):
    """Without statistics, which a table that was just made has not, no plan compares every row that is due with every rest."""
    tenant = a_tenant("due")
    with tenant.pool.connection() as connection:
        connection.execute(_FILL, (DUE,))
        connection.commit()
        claimed(connection, DUE - 50)
        about = {"now": due_timers.now(connection), "longest": due_timers.LONGEST_REST, "limit": 100}
        rows = connection.execute(
            f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {due_timers._CLAIM}", about
        ).fetchall()
        connection.rollback()
    plan = "\n".join(str(row["QUERY PLAN"]) for row in rows)
    assert "Join" not in plan, plan
    assert "timer_rests_pkey" in plan, plan
    assert query(tenant, "SELECT count(*) FROM dealtrail_read.timer_rests") == [(DUE - 50,)]
