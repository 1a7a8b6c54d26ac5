"""Making, checking and opening the database of a log: roles, numbered migrations, safe settings."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier, Literal

OWNER = "dealtrail_owner"
APPLICATION = "dealtrail_app"
MIGRATION_LOCK = 7305811146190385
UNSAFE_WHEN_OFF = ("fsync", "synchronous_commit", "full_page_writes")
OLDEST_SERVER = 150_000


class DatabaseUnusable(RuntimeError):
    """The database cannot hold or open a log; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the step: a step that was applied is never changed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Return all migrations this version knows, in their order."""
    folder = resources.files("infra") / "migrations"
    files = sorted((item for item in folder.iterdir() if item.name[:4].isdigit()), key=lambda item: item.name)
    return [Migration(int(item.name[:4]), item.name, item.read_text("utf-8")) for item in files]


def grants() -> str:
    """Return the SQL that says what the application role may do."""
    return (resources.files("infra") / "migrations" / "grants.sql").read_text("utf-8")


def roles_sql(database: str, password: str | None = None) -> str:
    """Return the SQL an administrator runs once: the owner of the tables, and the role the application connects as."""
    # Without a password the role is left as it is: others may be altering it for their databases at the same time.
    login = f"ALTER ROLE {APPLICATION} PASSWORD {Literal(password).as_string()};\n" if password else ""
    return f"""
DO $$ BEGIN CREATE ROLE {OWNER} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE {APPLICATION} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
{login}GRANT {OWNER} TO CURRENT_USER;
GRANT CREATE ON DATABASE {Identifier(database).as_string()} TO {OWNER};
GRANT CONNECT, TEMPORARY ON DATABASE {Identifier(database).as_string()} TO {APPLICATION};
ALTER ROLE {APPLICATION} IN DATABASE {Identifier(database).as_string()} SET timezone = 'UTC';
""".lstrip()


def database_sql(database: str, password: str) -> str:
    """Return all the SQL that makes a database ready, for servers where only an administrator may run it."""
    steps = "\n".join(f"-- {step.name}\n{step.sql}{_applied(step)}" for step in migrations())
    return (
        f"{roles_sql(database, password)}\nSET ROLE {OWNER};\n{_LEDGER}\n{steps}\n{grants()}\nRESET ROLE;\n"
    )


def create_database(admin_url: str, database: str) -> None:
    """Create a database on a server whose administrator we are, unless it is there."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone() is None:
            try:
                connection.execute(
                    SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(Identifier(database))
                )
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return  # another process was first


def databases(admin_url: str, prefix: str) -> list[str]:
    """Return the names of the databases of a server that begin with a prefix, in order."""
    with psycopg.connect(admin_url) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY datname", (prefix,)
        ).fetchall()
    return [name for (name,) in rows]


def drop_database(admin_url: str, database: str) -> None:
    """Drop a database with everybody's connections to it."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(database)))


def migrate(admin_url: str, *, password: str | None = None) -> list[str]:
    """Make the roles and bring the schema up to date, under a lock; return the names of the steps that were applied.

    Raises DatabaseUnusable when the database belongs to something else or was made by a newer version.
    """
    applied: list[str] = []
    with _connect(admin_url) as connection, _as_an_administrator(connection):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        _refuse_old_server(connection)
        known = _applied_steps(connection)
        if known is None:
            _refuse_used_by_others(connection)
        database = connection.info.dbname
        connection.execute(
            roles_sql(database, password) if password or known is None else f"GRANT {OWNER} TO CURRENT_USER"
        )
        connection.execute(SQL("SET ROLE {}").format(Identifier(OWNER)))
        if known is None:
            connection.execute(_LEDGER)
        for step in migrations():
            before = (known or {}).get(step.number)
            if before is None:
                connection.execute(step.sql)
                connection.execute(_applied(step))
                applied.append(step.name)
            elif before != step.digest:
                raise DatabaseUnusable(
                    f"the migration {step.name} was changed after it was applied; install the version that made this database"
                )
        _refuse_newer(known or {})
        if applied:
            connection.execute(grants())
    return applied


def has_log(admin_url: str) -> bool:
    """Tell whether a log has begun in a database. Raises DatabaseUnusable."""
    with _connect(admin_url) as connection, _as_an_administrator(connection):
        if not connection.execute("SELECT WHERE to_regclass('dealtrail.events') IS NOT NULL").fetchall():
            return False
        return bool(connection.execute("SELECT FROM dealtrail.events LIMIT 1").fetchall())


def check_usable(url: str) -> None:
    """Make sure that a log can be opened safely with this URL. Raises DatabaseUnusable with what to do."""
    with _connect(url) as connection:
        _refuse_old_server(connection)
        try:
            known = _applied_steps(connection)
        except psycopg.errors.InsufficientPrivilege:
            raise DatabaseUnusable(
                f"the role {connection.info.user!r} may not use the log in {_where(url)}. Connect as {APPLICATION!r}, which `dealtrail db init` makes."
            ) from None
        if known is None:
            raise DatabaseUnusable(
                f"{_where(url)} holds no dealtrail log. Run `dealtrail db init --admin-url …` once, with the URL of an administrator."
            )
        _refuse_newer(known)
        missing = [step.name for step in migrations() if step.number not in known]
        if missing:
            raise DatabaseUnusable(
                f"{_where(url)} lacks the migrations {', '.join(missing)}. Run `dealtrail db init --admin-url …`."
            )
        for name in UNSAFE_WHEN_OFF:
            value = connection.execute("SELECT current_setting(%s) AS value", (name,)).fetchone()
            if value is not None and value["value"] == "off":
                raise DatabaseUnusable(
                    f"{name} is off: an acknowledged event could be lost. Switch it on in PostgreSQL and start again."
                )
        who: Any = connection.execute(
            "SELECT current_user AS name, rolsuper AS super, pg_has_role(current_user, %s, 'MEMBER') AS owns"
            " FROM pg_roles WHERE rolname = current_user",
            (OWNER,),
        ).fetchone()
        if who["super"] or who["owns"]:
            why = "is a superuser" if who["super"] else "owns the tables of the log"
            raise DatabaseUnusable(
                f"the role {who['name']!r} {why}, so it could change history. Connect as {APPLICATION!r}, which `dealtrail db init` makes."
            )


def application_url(admin_url: str, password: str) -> str:
    """Return the URL of the same database for the application role."""
    parts = conninfo_to_dict(admin_url)
    host, port = str(parts.get("host") or "localhost"), str(parts.get("port") or "5432")
    at_host = "" if host.startswith("/") else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    query = {
        name: str(value)
        for name, value in parts.items()
        if name not in {"host", "port", "user", "password", "dbname"} and value is not None
    }
    if not at_host:
        query |= {"host": host, "port": port}
    tail = f"?{urlencode(query)}" if query else ""
    return f"postgresql://{APPLICATION}:{quote(password, safe='')}@{at_host}/{quote(str(parts.get('dbname') or ''), safe='')}{tail}"


def _connect(url: str) -> Connection[Any]:
    try:
        return psycopg.connect(url, row_factory=dict_row, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise DatabaseUnusable(f"cannot connect to {_where(url)}: {str(error).strip()}") from None
    except psycopg.ProgrammingError:
        # What the driver says repeats the URL, and with it the password.
        raise DatabaseUnusable(
            "this is not the URL of a database; it is written postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        ) from None


@contextmanager
def _as_an_administrator(connection: Connection[Any]) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseUnusable(
            f"the role {connection.info.user!r} may not prepare a database ({error.diag.message_primary}). Use the URL of an administrator,"
            " or let one run what `dealtrail db sql` prints."
        ) from None


_LEDGER = """
CREATE SCHEMA IF NOT EXISTS dealtrail_schema;
CREATE TABLE dealtrail_schema.migrations (number int PRIMARY KEY, name text NOT NULL, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
GRANT USAGE ON SCHEMA dealtrail_schema TO dealtrail_app;
GRANT SELECT ON dealtrail_schema.migrations TO dealtrail_app;
"""


def _applied(step: Migration) -> str:
    row = SQL("INSERT INTO dealtrail_schema.migrations (number, name, digest) VALUES ({}, {}, {});\n")
    return row.format(Literal(step.number), Literal(step.name), Literal(step.digest)).as_string()


def _applied_steps(connection: Connection[Any]) -> dict[int, str] | None:
    """The steps a database has, or None when it has never heard of dealtrail."""
    if not connection.execute(
        "SELECT WHERE to_regclass('dealtrail_schema.migrations') IS NOT NULL"
    ).fetchall():
        return None
    return {
        row["number"]: row["digest"]
        for row in connection.execute("SELECT number, digest FROM dealtrail_schema.migrations")
    }


def _refuse_used_by_others(connection: Connection[Any]) -> None:
    rows = connection.execute(
        "SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
        " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1 LIMIT 3"
    ).fetchall()
    if rows:
        found = ", ".join(row["name"] for row in rows)
        raise DatabaseUnusable(
            f"the database {connection.info.dbname!r} is used by something else (it has {found}). Give dealtrail a database of its own."
        )


def _refuse_newer(known: dict[int, str]) -> None:
    newest = max((step.number for step in migrations()), default=0)
    ahead = [number for number in known if number > newest]
    if ahead:
        raise DatabaseUnusable(
            f"the database was made by a newer version of dealtrail (migration {max(ahead)}; this version knows {newest}). Upgrade dealtrail."
        )


def _refuse_old_server(connection: Connection[Any]) -> None:
    version = connection.info.server_version
    if version < OLDEST_SERVER:
        raise DatabaseUnusable(f"PostgreSQL {version // 10_000} is too old; dealtrail needs 15 or newer.")


def _where(url: str) -> str:
    parts = conninfo_to_dict(url)
    return f"the database {parts.get('dbname') or ''!r} at {parts.get('host') or 'localhost'}"
