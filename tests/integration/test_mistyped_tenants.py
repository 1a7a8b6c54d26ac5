"""A mistyped tenant harms nobody: only what can write a first event begins a log, everything else names the tenants there are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from support.guides import a_free_port
from support.sales import Databases, databases
from typer.testing import CliRunner

from infra import database
from infra.cli import main as program
from infra.cli import serving
from infra.cli.main import BEGINS_A_LOG, app
from infra.settings import Settings
from infra.tenant import NoSuchTenant, Tenant, open_tenant

ROOT = Path(__file__).parents[2]
LEADS = str(ROOT / "playbooks" / "leads.yaml")
MAPPING = str(ROOT / "playbooks" / "examples" / "crm.mapping.yaml")

READS: dict[str, tuple[str, ...]] = {
    "show": ("lead", "lea_1"),
    "history": ("lead", "lea_1"),
    "events": (),
    "board": ("lead",),
    "timeline": ("leads", "lea_1"),
    "stuck": ("leads",),
    "work": (),
    "inbox": ("per_eve",),
    "progress": ("lead/lea_1",),
    "import": ("--mapping", MAPPING, "--data", str(ROOT / "playbooks")),
    "erase": ("person/per_eve", "--ground", "request", "--yes"),
    "verify": (),
    "rebuild": (),
    "playbook check": (LEADS, "--deadlines"),
    "playbook publish": (LEADS, "--dry-run"),
    "playbook list": (),
    "playbook sign-off": ("leads", "1", "--replay", "abc"),
    "playbook compare": ("leads", "1"),
    "replay run": ("--draft", LEADS),
    "replay list": (),
    "replay show": ("abc",),
    "replay cases": ("abc",),
    "replay export": ("abc", "--to", "datasets"),
    "replay report": ("abc", "--out", "report.html"),
    "replay cancel": ("abc",),
    "replay drop": ("abc",),
    "pool list": (),
    "pool explain": ("lead/lea_1",),
    "pool waiting": ("fair",),
    "approvals migrate": ("--dry-run",),
    "deadlines list": (),
    "deadlines told": (),
    "deadlines run": (),
    "reactions list": (),
    "reactions retry": ("lead/lea_1", "greet"),
    "deliveries list": (),
    "deliveries show": ("abc",),
    "deliveries retry": (),
    "deliveries run": (),
    "projections status": (),
    "projections retry": (),
    "ledger status": (),
    "ledger update": (),
    "ledger verify": (),
    "ledger rebuild": (),
    "ledger export": ("exported",),
    "metric list": (),
    "metric explain": ("dwell",),
    "metric show": ("dwell",),
    "metric correlation": ("dwell", "--number", "visits", "--with", "touches", "--with-number", "touches", "--by", "owner"),
    "metric cases": ("dwell", "--number", "visits"),
    "index list": (),
    "index show": ("phi",),
    "index cases": ("phi", "--component", "freshness"),
    "index close": ("phi", "2026-03"),
    "index closings": ("phi",),
    "organisation difference": ("--from", "1"),
    "organisation leaving": ("per_eve",),
    "db url": (),
}  # fmt: skip
"""Every verb that needs a log, with what it is asked; publishing as a dry run writes nothing."""

OPENS_NO_TENANT = {"token", "playbook gallery", "db sql"}


@pytest.fixture(scope="module")
def server(embedded_home) -> Iterator[Databases]:
    with databases(embedded_home) as found:
        yield found


@pytest.fixture(autouse=True)
def at(embedded_home, monkeypatch, tmp_path):
    """The session's server, in an empty folder, with a tenant that is nearly the one that will be mistyped."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "DEALTRAIL_TENANT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))


@pytest.fixture(scope="module", autouse=True)
def typed_right(embedded_home) -> None:
    open_tenant(
        Settings(_env_file=None, home=embedded_home, database_url=None, tenant="mistyped_right")
    ).close()  # type: ignore[call-arg]


def invoked(*words: str) -> Any:
    return CliRunner().invoke(app, ["-l", "en", *words])


def told(capsys, monkeypatch, *words: str, language: str = "en") -> tuple[int, str]:
    """Run the program as its script does; return the exit status and what stands on the error stream, in one line."""
    monkeypatch.setattr("sys.argv", ["dealtrail", "-l", language, *words])
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit) as ended:
        program.main()
    return ended.value.code, " ".join(capsys.readouterr().err.split())  # type: ignore[return-value]


def every_verb() -> set[str]:
    found: set[str] = set()

    def walk(group: Any, path: list[str]) -> None:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command, [*path, name])
            else:
                found.add(" ".join([*path, name]))

    walk(typer.main.get_command(app), [])
    return found


def test_of_every_verb_it_is_known_whether_it_begins_a_log():
    """A new verb has to say on which side it is."""
    assert every_verb() == READS.keys() | set(BEGINS_A_LOG) | OPENS_NO_TENANT


@pytest.mark.parametrize("verb", sorted(READS))
def test_a_verb_that_needs_a_log_begins_none(verb, server):
    """A mistyped --tenant of `board` began a log of that name; now nothing is made, not even its database."""
    done = invoked("--tenant", "mistyped_rihgt", *verb.split(), *READS[verb])
    assert isinstance(done.exception, NoSuchTenant), (done.output, done.exception)
    assert done.exception.others[0] == "mistyped_right"
    assert database.databases(server.admin(), "dealtrail_mistyped_rihgt") == []


def test_the_tenants_there_are_are_named_and_what_begins_a_log(capsys, monkeypatch):
    """The most similar one first; refused as any other name there is none of, with exit status 1."""
    status, sentence = told(capsys, monkeypatch, "--tenant", "mistyped_rihgt", "board", "lead")
    assert status == 1
    assert "there is no tenant 'mistyped_rihgt' in " in sentence
    assert "the tenants there are: mistyped_right" in sentence
    assert "`dealtrail demo | playbook install | playbook publish | playbook draft | serve`" in sentence


def test_it_is_told_in_chinese(capsys, monkeypatch):
    status, sentence = told(capsys, monkeypatch, "--tenant", "mistyped_rihgt", "board", "lead", language="zh")
    assert status == 1
    assert "没有租户 'mistyped_rihgt'；现有租户：mistyped_right" in sentence
    assert "there" not in sentence


def test_a_mistyped_home_is_not_made(capsys, monkeypatch, tmp_path):
    """It would be a database cluster of 40 MB that nobody asked for."""
    home = tmp_path / "nowhere"
    status, sentence = told(capsys, monkeypatch, "--home", str(home), "ledger", "status")
    assert status == 1
    assert f"there is no tenant 'main' in {home}, nor any other" in sentence
    assert not home.exists()


@pytest.mark.parametrize("verb", ["install", "publish", "draft"])
def test_a_playbook_begins_a_log_and_says_so(verb, a_fresh_name):
    """Before there is one nothing can be in force, so the first thing anybody writes is a playbook."""
    name = a_fresh_name("mistyped_begun")
    done = invoked("--tenant", name, "playbook", verb, "leads" if verb == "install" else LEADS)
    assert done.exit_code == 0, done.exception
    assert f"the log of the tenant {name!r} begins now" in " ".join(done.stderr.split())
    again = invoked("--tenant", name, "playbook", "list")
    assert again.exit_code == 0
    assert "begins" not in again.stderr


def test_a_service_begins_a_log(a_fresh_name, monkeypatch):
    """Playbooks can be published over HTTP, so a service is what may come first."""
    served: list[int] = []
    monkeypatch.setattr(serving, "run", lambda session, tenant, *_, **about: served.append(tenant.log.head()))
    done = invoked("--tenant", a_fresh_name("mistyped_served"), "serve", "--demo", "--port", a_free_port())
    assert (done.exit_code, served) == (0, [1]), done.exception
    assert "begins now" in " ".join(done.stderr.split())


def test_a_draft_by_number_begins_no_log():
    """It would have to be there already."""
    done = invoked("--tenant", "mistyped_rihgt", "playbook", "publish", "leads", "--draft", "1")
    assert isinstance(done.exception, NoSuchTenant)


def test_in_a_database_of_ones_own_a_reader_begins_no_log(server, monkeypatch, capsys):
    """Prepared with the SQL an administrator ran, it has no log yet; reading it with a mistyped tenant bound it to that name for good."""
    name = server.fresh("mistyped_own")
    database.migrate(server.admin(name))
    url = server.app(name)
    monkeypatch.setenv("DATABASE_URL", url)
    status, sentence = told(capsys, monkeypatch, "--tenant", "typo", "board", "lead")
    assert status == 1
    assert "no log has begun in this database, for the tenant 'typo' or any other" in sentence
    assert "| db init`" in sentence
    assert "demo" not in sentence
    with pytest.raises(NoSuchTenant):
        Tenant(url, "typo", begins=False)
    Tenant(url, "right").close()
    status, sentence = told(capsys, monkeypatch, "--tenant", "typo", "board", "lead")
    assert status == 1
    assert "the log belongs to the tenant 'right', not to 'typo'" in sentence


def test_a_database_that_was_never_prepared_says_so_as_before(server, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", server.app(server.fresh("mistyped_bare")))
    status, sentence = told(capsys, monkeypatch, "board", "lead")
    assert status == 1
    assert "holds no dealtrail log. Run `dealtrail db init" in sentence


def test_a_database_whose_first_event_never_came_is_no_tenant(server, embedded_home):
    """A process that died between making the database and beginning the log leaves one behind."""
    server.run("postgres", "CREATE DATABASE dealtrail_mistyped_half")
    own = Settings(_env_file=None, home=embedded_home, database_url=None, tenant="mistyped_half")  # type: ignore[call-arg]
    with pytest.raises(NoSuchTenant) as refused:
        open_tenant(own, begins=False)
    assert "mistyped_half" not in refused.value.others
    assert "mistyped_right" in refused.value.others
