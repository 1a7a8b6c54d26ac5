"""What is derived is built anew beside the live tables and swapped in; what acted is never made again."""

import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from support import projecting
from support.projecting import (
    PATIENCE_SECONDS,
    Alarms,
    Letters,
    Seen,
    catching_up,
    followed,
    held,
    parked,
    pure_fold,
    query,
    seen,
    standing,
    tell,
    until,
)

import infra
from projections import batch
from projections.current_records import CurrentRecords
from projections.field_history import FieldHistory
from projections.kinds import BuildRefused, NeverRebuilt
from projections.standing import BUILDING, STOPPED

server, tenant = projecting.server, projecting.tenant
REPOSITORY = Path(infra.__file__).parents[1]


# The three kinds


def test_a_process_is_never_made_again(tenant):
    """P8: what it did cannot be undone, so its cursor does not rewind; making everything again leaves it out."""
    catch_up = catching_up(tenant, Seen(), Alarms(), Letters())
    catch_up.run()
    letters = query(tenant, "SELECT * FROM dealtrail_read.letters ORDER BY position")
    assert len(letters) == 12
    with pytest.raises(NeverRebuilt, match="acted"):
        catch_up.rebuild(name="letters")
    catch_up.rebuild()
    assert query(tenant, "SELECT * FROM dealtrail_read.letters ORDER BY position") == letters
    assert [found.type for found in catch_up.status()] == ["read model", "timer table", "process"]


def test_a_new_version_of_a_process_goes_on_where_the_old_one_was(tenant):
    """P8: it is never built beside itself; no letter is written twice."""
    catching_up(tenant, Letters()).run()
    tell(tenant, deals=2, changes=0, word="new")
    later = catching_up(tenant, Letters(version=2))
    later.run()
    assert query(tenant, "SELECT count(*) FROM dealtrail_read.letters") == [(14,)]
    assert standing(later, "letters").live_version == 2


def test_a_timer_table_made_again_is_the_same(tenant):
    """P8: its rows are derived, so they can be made again."""
    catch_up = catching_up(tenant, Alarms())
    catch_up.run()
    alarms = query(tenant, "SELECT * FROM dealtrail_read.alarms ORDER BY stream")
    assert len(alarms) == 12
    with psycopg.connect(tenant.url) as connection:
        connection.execute("DELETE FROM dealtrail_read.alarms WHERE stream < 'deal/dea_5'")
    catch_up.rebuild(name="alarms")
    assert query(tenant, "SELECT * FROM dealtrail_read.alarms ORDER BY stream") == alarms


def test_what_is_of_no_kind_is_refused(tenant):
    """Whether something may be made again is never guessed."""

    class Anything:
        name = "anything"

        def apply(self, connection: Any, events: Any) -> None: ...

    with pytest.raises(TypeError, match="neither a ReadModel"):
        catching_up(tenant, Anything())  # type: ignore[arg-type]


# A new version, or the same one again, beside the live tables


def test_a_reader_never_sees_less_during_a_rebuild(tenant, monkeypatch):
    """P8: whatever snapshot a reader holds, it sees the old rows or the new ones, never a part."""
    monkeypatch.setattr(batch, "BATCH", 10)
    tenant.catch_up.run()
    full = query(tenant, "SELECT count(*) FROM dealtrail_read.field_history")[0][0]
    done, counted = Event(), []

    def read() -> None:
        with psycopg.connect(tenant.url, autocommit=True) as connection:
            while not done.is_set():
                with connection.transaction():
                    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    connection.execute("SELECT position FROM dealtrail_read.cursors").fetchall()
                    time.sleep(0.002)
                    row = connection.execute("SELECT count(*) FROM dealtrail_read.field_history").fetchone()
                    counted.append(row[0] if row else 0)

    reader = Thread(target=read)
    reader.start()
    with psycopg.connect(tenant.url, autocommit=True) as connection:
        for _ in range(4):
            # Every row differs, so every row is written anew.
            connection.execute("UPDATE dealtrail_read.field_history SET field = field || ' ' || position")
            tenant.catch_up.rebuild()
    done.set()
    reader.join()
    assert len(counted) > 10
    assert set(counted) == {full}
    assert held(tenant) == pure_fold(tenant)


def test_a_rebuild_mends_what_was_lost_changed_and_added(tenant):
    """P8: after it the rows are those of the log, whatever they were before."""
    tenant.catch_up.run()
    with psycopg.connect(tenant.url) as connection:
        connection.execute("DELETE FROM dealtrail_read.field_history WHERE stream = 'deal/dea_1'")
        connection.execute(
            "UPDATE dealtrail_read.current_records SET stage = 'won', record = '{}' WHERE stream > 'deal/dea_3'"
        )
        connection.execute(
            "INSERT INTO dealtrail_read.field_history VALUES ('deal/none', 1, 'x', 'deal', NULL, NULL)"
        )
    tenant.catch_up.rebuild()
    assert held(tenant) == pure_fold(tenant)
    assert query(tenant, "SELECT DISTINCT stage FROM dealtrail_read.current_records") == [("lead",)]


def test_a_rebuild_that_would_lack_more_records_is_refused(tenant):
    """P10: the live tables stay when what was built beside them parks more than they do."""
    model = Seen()
    catch_up = catching_up(tenant, model)
    catch_up.run()
    before = seen(tenant)
    model.fails = lambda e: e.stream == "deal/dea_7"
    with pytest.raises(BuildRefused, match="would lack 1 records, the live one lacks 0"):
        catch_up.rebuild()
    assert (seen(tenant), parked(tenant)) == (before, [])
    model.fails = lambda e: e.stream == "log"
    with pytest.raises(BuildRefused, match="cannot be built"):
        catch_up.rebuild()
    assert (seen(tenant), standing(catch_up, "seen").state != STOPPED) == (before, True)


def test_a_rebuild_takes_over_what_is_parked_no_more(tenant):
    """P10: what could be handled this time is not parked any longer, and what could not still is."""
    model = Seen(fails=lambda e: e.stream in {"deal/dea_1", "deal/dea_2"})
    catch_up = catching_up(tenant, model)
    catch_up.run()
    model.fails = lambda e: e.stream == "deal/dea_2"
    catch_up.rebuild()
    assert {stream for stream, *_ in parked(tenant)} == {"deal/dea_2"}
    assert len(seen(tenant)) == tenant.log.head() - 4


def test_a_handler_that_names_the_live_tables_cannot_be_built_beside_them(tenant):
    """P8: instead of writing into the live table a second time, the build fails and says where."""

    class Careless(Seen):
        def apply(self, connection: Any, events: Any) -> None:
            for e in events:
                connection.execute(
                    "INSERT INTO dealtrail_read.seen (position, stream, topic, version) VALUES (%s, %s, '', 1)",
                    (e.position, e.stream),
                )

    catch_up = catching_up(tenant, Careless())
    catch_up.run()
    before = seen(tenant)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        catch_up.rebuild()
    assert seen(tenant) == before


def test_a_table_without_a_key_cannot_be_compared(tenant):
    """P8: a read model says by what its rows are told apart, or it is not built."""

    class Loose(Seen):
        tables = ("loose",)

    with pytest.raises(BuildRefused, match="no primary key"):
        catching_up(tenant, Loose()).rebuild()


def test_a_role_that_may_not_build_is_told_what_it_lacks(tenant, server):
    """P12: where an administrator took the right to temporary tables away, the message is the statement that gives it back."""
    tenant.catch_up.run()
    server.run("postgres", f"REVOKE TEMPORARY ON DATABASE dealtrail_{tenant.name} FROM PUBLIC, dealtrail_app")
    with pytest.raises(
        BuildRefused, match=f"GRANT TEMPORARY ON DATABASE dealtrail_{tenant.name} TO dealtrail_app"
    ):
        tenant.catch_up.rebuild()
    assert held(tenant) == pure_fold(tenant)


def test_a_new_version_is_built_beside_the_old_one_and_swapped_in(tenant, monkeypatch):
    """P8: until it is complete answers come from the old rows; from then on the old program stands still."""
    old, new = catching_up(tenant, Seen()), catching_up(tenant, Seen(version=2))
    old.run()
    tell(tenant, deals=2, changes=1, word="more")
    monkeypatch.setattr(batch, "BATCH", 10)
    versions: list[Any] = []
    advance = batch.advance

    def watched(*about: Any) -> Any:
        versions.append(query(tenant, "SELECT DISTINCT version FROM dealtrail_read.seen"))
        return advance(*about)

    monkeypatch.setattr(batch, "advance", watched)
    with followed(tenant, new) as follower:
        until(lambda: standing(follower, "seen").live_version == 2)
    assert len(versions) > 5
    assert set(map(tuple, versions)) == {((1,),)}
    assert query(tenant, "SELECT version, count(*) FROM dealtrail_read.seen GROUP BY 1") == [
        (2, tenant.log.head())
    ]
    tell(tenant, deals=1, changes=0, word="newest")
    old.run()
    found = standing(old, "seen")
    assert (found.state, found.events_behind) == (STOPPED, 1)
    assert "version 2 is live" in (found.why or "")
    new.run()
    assert standing(new, "seen").events_behind == 0


def test_a_build_is_left_when_the_process_stops_and_begun_again_by_the_next(tenant, monkeypatch):
    """P12: a build may take long; a process that is told to stop does not finish it first."""
    catching_up(tenant, Seen()).run()
    monkeypatch.setattr(batch, "BATCH", 1)
    advance, goes, began = batch.advance, Event(), Event()

    def slow(*about: Any) -> Any:
        began.set()
        goes.wait(PATIENCE_SECONDS)
        return advance(*about)

    monkeypatch.setattr(batch, "advance", slow)
    with followed(tenant, catching_up(tenant, Seen(version=2))) as follower:
        assert began.wait(PATIENCE_SECONDS)
        assert standing(follower, "seen").state == BUILDING
        stop = Thread(target=follower.stop)
        stop.start()
        goes.set()
        stop.join(PATIENCE_SECONDS)
        assert not stop.is_alive()
    assert query(tenant, "SELECT DISTINCT version FROM dealtrail_read.seen") == [(1,)]
    catching_up(tenant, Seen(version=2)).run()
    assert query(tenant, "SELECT DISTINCT version FROM dealtrail_read.seen") == [(2,)]


def test_only_one_process_builds(tenant):
    """P8: whoever comes second finds it done, or leaves it to the one who is building."""
    catching_up(tenant, Seen()).run()
    new = Seen(version=2)
    with tenant.pool.connection() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (batch.key_of(new, " is built"),))
        with followed(tenant, catching_up(tenant, new)) as follower:
            until(lambda: standing(follower, "seen").leads_here)
            assert standing(follower, "seen").state == BUILDING
            time.sleep(0.5)
            assert standing(follower, "seen").live_version == 1
            connection.execute("SELECT pg_advisory_unlock(%s)", (batch.key_of(new, " is built"),))
            until(lambda: standing(follower, "seen").live_version == 2)


def test_the_handlers_name_their_tables_without_a_schema():
    """P8: else a build beside the live tables could not be."""
    folder = REPOSITORY / "projections"
    for model in (CurrentRecords, FieldHistory):
        text = (folder / f"{model.name}.py").read_text("utf-8")
        assert "dealtrail_read." not in text
