"""Making, checking and opening the database of a log: what is unsafe or somebody else's is refused with what to do."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from support.sales import MORNING, Databases, Desk, an_append, databases, is_whole, name_of, opened

import infra
from commands.ports import NewEvent
from domain.events import LogBegun
from infra import database
from infra.database import APPLICATION, OWNER, DatabaseUnusable, Migration
from infra.log.application import FORBIDDEN_SETTING, SalesLog, UnsafeSetting
from infra.log.genesis import WrongLog
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant

REPOSITORY = Path(infra.__file__).parents[1]
TABLES = ["dealtrail.events", "dealtrail.commands"]


@pytest.fixture(scope="module")
def server(embedded_home) -> Iterator[Databases]:
    with databases(embedded_home) as found:
        yield found


@pytest.fixture(scope="module")
def template(server) -> str:
    """A migrated database without a log, to copy."""
    name = server.fresh("template")
    database.migrate(server.admin(name))
    return name


@pytest.fixture
def made(server, template) -> str:
    """A migrated database whose log has begun."""
    name = server.fresh("made", template)
    Tenant(server.app(name), "made").close()
    return name


def refused(url: str, tenant: str = "made") -> str:
    """What is said when a tenant is not opened."""
    with pytest.raises((DatabaseUnusable, WrongLog)) as error:
        Tenant(url, tenant).close()
    sentence = str(error.value)
    assert len(sentence) > 30
    assert "Traceback" not in sentence
    return sentence


# Settings under which events would be lost


def test_the_log_does_not_open_where_commits_are_not_waited_for(server, made):
    """P6: synchronous_commit is off for the application's role in this database; the log is refused until it is on."""
    server.run(made, f"ALTER ROLE {APPLICATION} IN DATABASE {made} SET synchronous_commit = off")
    assert "synchronous_commit is off" in refused(server.app(made))
    server.run(made, f"ALTER ROLE {APPLICATION} IN DATABASE {made} RESET synchronous_commit")
    Tenant(server.app(made), "made").close()


def test_a_url_cannot_switch_durability_off(server, made):
    """P6: what the URL asks for is what the log would run with, so it is refused too."""
    assert "synchronous_commit is off" in refused(server.app(made) + "&options=-c%20synchronous_commit%3Doff")


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_every_setting_that_keeps_events_is_checked(server, made, monkeypatch, name):
    """P6: each of the three is looked at, one by one, and named when it is off."""
    real = psycopg.Connection.execute

    def execute(self: Any, query: Any, parameters: Any = None, **about: Any) -> Any:
        if parameters == (name,):
            return SimpleNamespace(fetchone=lambda: {"value": "off"})
        return real(self, query, parameters, **about)

    monkeypatch.setattr(psycopg.Connection, "execute", execute)
    with pytest.raises(DatabaseUnusable, match=f"{name} is off"):
        database.check_usable(server.app(made))


def test_the_embedded_server_keeps_what_it_is_told(server):
    """P6: the server that comes with dealtrail has all of them on."""
    for name in database.UNSAFE_WHEN_OFF:
        assert server.run("postgres", f"SELECT current_setting('{name}') AS value") == [{"value": "on"}]


@pytest.mark.parametrize("value", ["y", "1", "true", "n"])
def test_the_library_s_own_functions_are_refused(server, made, monkeypatch, value):
    """P3: with them readers would miss events; whatever the variable says, it must not be there."""
    monkeypatch.setenv(FORBIDDEN_SETTING, value)
    with pytest.raises(UnsafeSetting, match="miss events"):
        SalesLog(server.app(made))


def test_a_server_that_is_too_old_is_refused(server, made, monkeypatch):
    """What dealtrail needs of a server is said before anything is changed."""
    monkeypatch.setattr(database, "OLDEST_SERVER", 990_000)
    assert "too old" in refused(server.app(made))
    with pytest.raises(DatabaseUnusable, match="too old"):
        database.migrate(server.admin(made))


# Who may connect, and what they may do


def test_a_superuser_is_refused(server, made):
    """P7: whoever could change history does not write it."""
    sentence = refused(server.admin(made))
    assert "superuser" in sentence
    assert APPLICATION in sentence


def test_the_owner_of_the_tables_is_refused(server, made):
    """P7: neither the owner nor a member of it."""
    member = f"member_of_{made}"
    server.run(made, f'CREATE ROLE "{member}" LOGIN', f'GRANT {OWNER} TO "{member}"')
    sentence = refused(server.app(made, member))
    assert "owns the tables" in sentence
    assert APPLICATION in sentence


def test_somebody_without_rights_is_refused(server, made):
    """A role that may not even look is told so in a sentence."""
    stranger = f"stranger_to_{made}"
    server.run(made, f'CREATE ROLE "{stranger}" LOGIN')
    assert APPLICATION in refused(server.app(made, stranger))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_history_is_append_only(server, made, table, verb):
    """P7: the application lacks the grants, and triggers stop the owner and the superuser alike."""
    column = "channel" if table.endswith("events") else "outcome"
    statement = verb.format(table, column, column)
    with SalesLog(server.app(made), pool_size=1) as log:
        log.append([an_append(opened("deal/dea_1", topic="x"), key="one")])
    with psycopg.connect(server.app(made)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)
    for role in (OWNER, "postgres"):
        with psycopg.connect(server.admin(made)) as connection:
            connection.execute(f"SET ROLE {role}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                connection.execute(statement)
    assert is_whole(server.app(made))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO dealtrail.events SELECT * FROM dealtrail.events",
        "INSERT INTO dealtrail.commands VALUES ('a', 'b', '', 'accepted', 1, 1)",
        "SELECT dealtrail_keys.destroy('contact/con_1')",
        "UPDATE dealtrail_keys.subject_keys SET key = NULL, destroyed_at = now()",
        "DELETE FROM dealtrail_keys.subject_keys",
        "INSERT INTO dealtrail_keys.subject_keys VALUES ('x', 1, NULL, now())",
        "DELETE FROM dealtrail_keys.log_secrets",
        "UPDATE dealtrail_schema.migrations SET digest = 'x'",
        "DROP TABLE dealtrail.events",
        "ALTER TABLE dealtrail.events DISABLE TRIGGER ALL",
        "CREATE OR REPLACE FUNCTION dealtrail.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        f"SET ROLE {OWNER}",
        "CREATE TABLE dealtrail.mine (a int)",
        "CREATE SCHEMA mine",
    ],
)
def test_the_application_may_only_append_and_read(server, made, statement):
    """P7, P28: everything but the two functions and the read models is out of its reach."""
    with psycopg.connect(server.app(made)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_nobody_else_may_look(server, made):
    """P29: a role that was granted nothing reads neither the log nor a key."""
    stranger = f"onlooker_at_{made}"
    server.run(made, f'CREATE ROLE "{stranger}" LOGIN')
    for what in (
        "dealtrail.events",
        "dealtrail_keys.subject_keys",
        "dealtrail_keys.log_secrets",
        "dealtrail_read.cursors",
    ):
        with (
            psycopg.connect(server.app(made, stranger)) as c,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            c.execute(f"SELECT * FROM {what}")


def test_an_append_is_not_fooled_by_names_of_the_caller(server, made):
    """P7: the function runs as the owner; a caller's temporary tables and search path change nothing in it."""
    with psycopg.connect(server.app(made), autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE events (LIKE dealtrail.events)")
        connection.execute("SET search_path = pg_temp, dealtrail, pg_catalog")
        query = "SELECT prosecdef, proconfig FROM pg_proc WHERE pronamespace = 'dealtrail'::regnamespace AND proname = 'append'"
        (definer, config) = connection.execute(query).fetchone() or (None, None)
    assert definer is True
    assert config == [
        "search_path=pg_catalog, pg_temp", "enable_seqscan=off", "plan_cache_mode=force_generic_plan",
    ]  # fmt: skip


# Databases that are none of ours


def test_a_database_used_by_something_else_is_left_alone(server):
    """What somebody else keeps there is named, and not one object is added."""
    name = server.fresh("others")
    server.run(name, "CREATE TABLE invoices (id int)", "CREATE VIEW unpaid AS SELECT * FROM invoices")
    count = (
        "SELECT (SELECT count(*) FROM pg_class) AS classes, (SELECT count(*) FROM pg_namespace) AS schemas"
    )
    before = server.run(name, count)
    with pytest.raises(DatabaseUnusable, match=r"used by something else .*public\.invoices") as error:
        database.migrate(server.admin(name))
    assert "database of its own" in str(error.value)
    assert server.run(name, count) == before


def test_a_database_without_a_log_is_told_how_to_get_one(server):
    """Nothing is made behind an application's back."""
    name = server.fresh("without")
    assert "db init" in refused(server.app(name))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://dealtrail_app@/nowhere?host=/nonexistent&port=5432",
        "postgresql://dealtrail_app:secret@127.0.0.1:1/x?connect_timeout=2",
    ],
)
def test_a_server_that_cannot_be_reached_is_said_so(url):
    """P29: where it was looked for is said, the password is not."""
    sentence = refused(url)
    assert "cannot connect" in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize(
    "url", ["garbage", "postgresql://[", "postgresql://u:secret@h/d?nonsense=1", "host='"]
)
def test_a_url_that_is_none_is_refused_in_a_sentence(url):
    """P29: a mistyped URL is answered, and never repeated with its password."""
    for refuses in (database.check_usable, database.migrate):
        with pytest.raises(DatabaseUnusable) as error:
            refuses(url)
        assert "URL" in str(error.value)
        assert "secret" not in str(error.value)


def test_a_database_of_another_server_version_of_dealtrail_is_left_alone(server, made):
    """A newer schema is not touched by older software: upgrade, it says."""
    server.run(
        made,
        "INSERT INTO dealtrail_schema.migrations (number, name, digest) VALUES (9999, '9999_x.sql', 'x')",
    )
    assert "Upgrade dealtrail" in refused(server.app(made))
    with pytest.raises(DatabaseUnusable, match="newer version"):
        database.migrate(server.admin(made))


def test_a_step_that_was_changed_after_it_was_applied_is_found(server, made):
    """Two databases of the same steps are the same; a changed step would break that silently."""
    server.run(made, "UPDATE dealtrail_schema.migrations SET digest = 'x' WHERE number = 2")
    with pytest.raises(DatabaseUnusable, match=r"0002_\w+\.sql was changed"):
        database.migrate(server.admin(made))


def test_a_step_that_is_missing_is_asked_for_and_applied_alone(server, made, monkeypatch):
    """A new version brings a new step: the application asks for it, the administrator applies just that one."""
    known = database.migrations()
    new = Migration(known[-1].number + 1, "0099_more.sql", "CREATE TABLE dealtrail_read.more (a int);")
    monkeypatch.setattr(database, "migrations", lambda: [*known, new])
    assert "lacks the migrations 0099_more.sql" in refused(server.app(made))
    assert database.migrate(server.admin(made)) == ["0099_more.sql"]
    assert database.migrate(server.admin(made)) == []
    Tenant(server.app(made), "made").close()
    with psycopg.connect(server.app(made)) as connection:
        connection.execute("SELECT * FROM dealtrail_read.more")


def test_a_step_that_fails_leaves_nothing(server, monkeypatch):
    """All steps or none: a database is never half made."""
    name = server.fresh("half")
    broken = Migration(5_000, "5000_broken.sql", "CREATE TABLE dealtrail.half (a int); SELECT nonsense;")
    known = database.migrations()
    monkeypatch.setattr(database, "migrations", lambda: [*known, broken])
    with pytest.raises(psycopg.errors.UndefinedColumn):
        database.migrate(server.admin(name))
    assert server.run(name, "SELECT to_regclass('dealtrail.events') AS found") == [{"found": None}]
    monkeypatch.setattr(database, "migrations", lambda: known)
    assert len(database.migrate(server.admin(name))) == len(known)


def test_steps_are_numbered_without_a_gap():
    """1, 2, 3 …: what is applied in which order is never in doubt."""
    assert [step.number for step in database.migrations()] == list(range(1, len(database.migrations()) + 1))


# Logs that are none of ours


def begun_by_hand(server: Databases, name: str, genesis: LogBegun) -> None:
    """Begin a log as another version, or another tenant, would have."""
    with SalesLog(server.app(name), pool_size=1) as log:
        log.append([an_append(NewEvent("log", 1, genesis, genesis.payload()), basis=0)])


def test_a_log_of_a_newer_format_is_left_alone(server, template):
    """Software that does not know a format neither reads nor writes it."""
    name = server.fresh("newer", template)
    begun_by_hand(server, name, LogBegun("made", 2, "database", "dealtrail 9.0"))
    sentence = refused(server.app(name))
    assert "format 2" in sentence
    assert "Upgrade dealtrail" in sentence


def test_a_log_of_another_tenant_is_not_opened(server, made):
    """Whose log it is stands in its first event, and cannot be argued with."""
    sentence = refused(server.app(made), "somebody_else")
    assert "belongs to the tenant 'made'" in sentence
    assert "DEALTRAIL_TENANT=made" in sentence


def test_a_real_log_is_never_dropped_for_a_demo(embedded_home):
    """Beginning again is for simulated logs only."""
    own = Settings(home=embedded_home, database_url=None, tenant="precious")
    open_tenant(own).close()
    with pytest.raises(WrongLog, match="never drops"):
        open_tenant(own, clock="simulated", told_time=MORNING, fresh=True)
    with open_tenant(own) as tenant:
        assert tenant.log.head() == 1
    toy = Settings(home=embedded_home, database_url=None, tenant="toy")
    with open_tenant(toy, clock="simulated", told_time=MORNING) as tenant:
        Desk(tenant)
    with open_tenant(toy, clock="simulated", told_time=MORNING, fresh=True) as tenant:
        assert tenant.log.head() == 1


@pytest.mark.parametrize("name", ["", "Main", "a-b", "1a", "a b", "x" * 32, "ä", "a;b", "../x", "a\n"])
def test_a_tenant_has_a_plain_name(name):
    """A name becomes part of a database's: letters, digits and underscores."""
    with pytest.raises(ValueError, match="tenant"):
        Settings(tenant=name)


def test_the_url_is_never_shown():
    """P29: settings are printed without the URL and its password."""
    assert "secret" not in repr(Settings(database_url="postgresql://u:secret@h/d"))


# A server of one's own


def cli(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line with an administrator's rights."""
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *words],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY), "HOME": "/nonexistent", "COLUMNS": "200"}
        | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def printed_url(said: str) -> str:
    """The URL that is shown once."""
    (line,) = [line for line in said.splitlines() if line.startswith("DATABASE_URL=")]
    return line.removeprefix("DATABASE_URL=")


def test_db_init_makes_roles_schema_and_log_and_prints_the_url_once(server):
    """The administrator runs one command; the URL it prints opens the log, and is not to be had again."""
    name = server.fresh("own")
    done = cli("--tenant", "own", "db", "init", "--admin-url", server.admin(name))
    assert done.returncode == 0, done.stderr
    url = printed_url(done.stdout)
    parts = conninfo_to_dict(url)
    assert (parts["user"], parts["dbname"]) == (APPLICATION, name)
    assert len(str(parts["password"])) >= 32
    (role,) = server.run(
        "postgres", f"SELECT rolpassword, rolsuper FROM pg_authid WHERE rolname = '{APPLICATION}'"
    )
    assert role["rolpassword"].startswith("SCRAM-SHA-256$")
    assert role["rolsuper"] is False
    with Tenant(url, "own") as tenant:
        assert (tenant.log.head(), tenant.log.genesis.tenant, tenant.log.is_simulated) == (1, "own", False)
    again = cli("--tenant", "own", "db", "init", "--admin-url", server.admin(name))
    assert again.returncode == 0, again.stderr
    assert "DATABASE_URL=" not in again.stdout
    shown = cli("events", "--json", DATABASE_URL=url, DEALTRAIL_TENANT="own")
    assert shown.returncode == 0, shown.stderr


def test_db_init_that_was_interrupted_is_finished_by_the_next(server):
    """A schema without a log is not a log: the next run begins it and prints a URL that works."""
    name = server.fresh("cut_short")
    database.migrate(server.admin(name), password="lost")
    done = cli("--tenant", "own", "db", "init", "--admin-url", server.admin(name))
    assert done.returncode == 0, done.stderr
    with Tenant(printed_url(done.stdout), "own") as tenant:
        assert tenant.log.head() == 1


def test_a_simulated_log_is_begun_at_the_moment_that_was_told(server):
    """A moment without an offset is one of UTC, whatever the server's own zone is."""
    name = server.fresh("zoned")
    server.run("postgres", f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Shanghai'")
    words = ("--clock", "simulated", "--told-time", "2026-01-01T00:00:00")
    done = cli("--tenant", "own", "db", "init", "--admin-url", server.admin(name), *words)
    assert done.returncode == 0, done.stderr
    with Tenant(printed_url(done.stdout), "own") as tenant:
        assert tenant.log.is_simulated
        assert tenant.log.read(1, 1)[0].recorded_at == datetime(2026, 1, 1, tzinfo=UTC)
        assert is_whole(tenant.url)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--clock", "simulated"], "told-time"),
        (["--clock", "moon"], "clock"),
        (["--admin-url", "garbage"], "URL"),
        (["--admin-url", "postgresql://nobody@/x?host=/nonexistent"], "cannot connect"),
    ],
)
def test_db_init_explains_what_is_wrong(server, words, said):
    """No traceback, and what to do."""
    url = [] if "--admin-url" in words else ["--admin-url", server.admin()]
    done = cli("db", "init", *url, *words)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_db_init_needs_an_administrator(server):
    """Whoever may not make roles is told so."""
    name = server.fresh("not_mine")
    server.run(name, f'CREATE ROLE "clerk_of_{name}" LOGIN')
    done = cli("db", "init", "--admin-url", server.app(name, f"clerk_of_{name}"))
    assert done.returncode == 1, done.stderr
    assert "administrator" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_sql_for_administrators_prepares_a_database(server):
    """`dealtrail db sql` prints everything; run as it stands, the database holds a log like any other."""
    name = server.fresh("by_hand")
    printed = cli("db", "sql", name)
    assert printed.returncode == 0, printed.stderr
    server.run(name, printed.stdout)
    assert database.migrate(server.admin(name)) == []
    with Tenant(server.app(name), "made") as tenant:
        Desk(tenant)
        tenant.catch_up.run()
        assert is_whole(tenant.url)
    with psycopg.connect(server.app(name)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE dealtrail.events SET actor = 'x'")


def test_a_fresh_database_migrated_by_many_at_once_is_made_once(server):
    """One does it, the others wait and find it done."""
    name = server.fresh("crowded")
    with ThreadPoolExecutor(6) as pool:
        applied = list(pool.map(lambda _: database.migrate(server.admin(name)), range(6)))
    assert sorted(map(len, applied)) == [0] * 5 + [len(database.migrations())]
    Tenant(server.app(name), "made").close()


def test_a_database_is_created_by_many_at_once(server):
    """Whoever comes second finds it there."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: database.create_database(server.admin(), "wanted_by_all"), range(4)))
    assert server.run(
        "postgres", "SELECT count(*) AS found FROM pg_database WHERE datname = 'wanted_by_all'"
    ) == [{"found": 1}]


@pytest.mark.parametrize(
    ("admin", "expected"),
    [
        (
            "postgresql://root:pw@db.example:6543/sales?sslmode=require",
            {"host": "db.example", "port": "6543", "sslmode": "require"},
        ),
        ("postgresql://root@/sales?host=/var/run/x&port=5433", {"host": "/var/run/x", "port": "5433"}),
        ("postgresql://root@[::1]:5432/sales", {"host": "::1", "port": "5432"}),
        ("host=db.example dbname='my sales' user=root", {"host": "db.example", "dbname": "my sales"}),
    ],
)
def test_the_url_of_the_application_leads_to_the_same_database(admin, expected):
    """Whatever the administrator's URL says of the way there, the application goes the same way, as itself."""
    parts = conninfo_to_dict(database.application_url(admin, "p w/d:@%"))
    assert {"user": APPLICATION, "password": "p w/d:@%", "dbname": "sales"} | expected == {
        name: str(value) for name, value in parts.items() if name in {"user", "password", "dbname", *expected}
    }


def test_names_of_databases_are_quoted(server):
    """P26: a database may be called as it likes."""
    name = 'we"ird; name'
    database.create_database(server.admin(), name)
    database.migrate(server.admin(name))
    Tenant(server.app(name), "made").close()
    assert name_of(SimpleNamespace(url=server.app(name))) == name
    database.drop_database(server.admin(), name)
