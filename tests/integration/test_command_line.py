"""The console program as people run it: what it prints, what it refuses, and with which exit status it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import typer
from support.sales import (
    ANNA,
    PLAYBOOK,
    Databases,
    Desk,
    databases,
    many,
    name_of,
)

import infra
from domain.record.commands import ChangeStage, EditFields, OpenRecord
from infra.cli.main import app, main
from infra.settings import Settings
from infra.tenant import open_tenant

REPOSITORY = Path(infra.__file__).parents[1]
APPEND_LOCK = 7305811146190384
ODD = "Ten [red]pumps[/red] [/x] \\ [1]"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def server(embedded_home) -> Iterator[Databases]:
    with databases(embedded_home) as found:
        yield found


@pytest.fixture(scope="module")
def desk(embedded_home) -> Iterator[Desk]:
    """A log with a deal whose topic looks like markup, a contact, and a refused move."""
    own = Settings(home=embedded_home, database_url=None, tenant="cli")
    with open_tenant(own) as tenant:
        desk = Desk(tenant)
        desk.do(OpenRecord("contact/con_1", {"name": "Iris Noor", "phone": "+31205550101"}))
        desk.do(
            OpenRecord(
                "deal/dea_1",
                {"topic": "Pumps", "amount": "1250", "contact": "contact/con_1"},
                owner=ANNA,
                external_id="X-1",
            )
        )
        desk.do(ChangeStage("deal/dea_1", "offer"), reason="they [b]rang[/nothing]")
        desk.do(EditFields("deal/dea_1", {"topic": ODD, "note": "line one\x1b[31m\x07 red"}))
        yield desk


@pytest.fixture(scope="module")
def environment(embedded_home, desk) -> dict[str, str]:
    """A clean environment that leads to the session's server."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "DEALTRAIL_HOME": str(embedded_home),
        "DEALTRAIL_TENANT": desk.tenant.name,
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUTF8": "1",
        "COLUMNS": "250",
        "LANG": "en_GB.UTF-8",
    }


@pytest.fixture(scope="module")
def program(environment, tmp_path_factory) -> Run:
    """Run the program as a process of its own; whatever it is given, it never shows a traceback."""
    folder = tmp_path_factory.mktemp("cwd")

    def run(*words: str | bytes, **more: str) -> "subprocess.CompletedProcess[str]":
        command: list[str | bytes] = [sys.executable, "-m", "infra.cli.main", *words]
        done = subprocess.run(
            command,
            env=environment | more,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return done

    return run


@pytest.fixture
def dealtrail(environment, tmp_path, monkeypatch) -> Run:
    """The same within this process, which spares its start; what escapes it would be a traceback, and fails the test."""
    monkeypatch.chdir(tmp_path)
    for name in set(os.environ) - {"PYTEST_CURRENT_TEST"}:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*words: str, stdin: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        before = signal.getsignal(signal.SIGTERM)
        with monkeypatch.context() as patched, StringIO() as out, StringIO() as err:
            patched.setattr(sys, "argv", ["dealtrail", *words])
            patched.setattr(sys, "stdin", StringIO(stdin))
            for name, value in more.items():
                patched.setenv(name, value)
            try:
                with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
                    main()
            finally:
                signal.signal(signal.SIGTERM, before)
            return subprocess.CompletedProcess(words, ended.value.code or 0, out.getvalue(), err.getvalue())  # type: ignore[arg-type]

    return run


def each(run: Run, calls: Sequence[Sequence[Any]]) -> "list[subprocess.CompletedProcess[str]]":
    """Run several calls."""
    return [run(*call) for call in calls]


# Help


def verbs() -> list[list[str]]:
    """Every verb the program has, with those of its groups."""
    found: list[list[str]] = []

    def walk(group: Any, path: list[str]) -> None:
        for name, command in group.commands.items():
            found.append([*path, name])
            if hasattr(command, "commands"):
                walk(command, [*path, name])

    walk(typer.main.get_command(app), [])
    return found


def test_every_verb_and_option_is_explained():
    """No verb, option or argument without a sentence of help."""
    assert len(verbs()) >= 15

    def walk(command: Any) -> None:
        assert (command.help or "").strip(), command.name
        for parameter in command.params:
            if parameter.name != "help" and parameter.param_type_name == "option":
                assert (parameter.help or "").strip(), (command.name, parameter.name)
        for inner in getattr(command, "commands", {}).values():
            walk(inner)

    walk(typer.main.get_command(app))


def test_help_is_printed_for_every_verb(dealtrail, program):
    """--help works without a database, in a folder where there is nothing."""
    helps = each(
        dealtrail,
        [[*verb, "--help"] for verb in ([], ["show"], ["playbook", "check"], ["db", "init"], ["replay"])],
    )
    for done in [*helps, program("--help")]:
        assert (done.returncode, done.stderr) == (0, "")
        assert "Usage" in done.stdout


def test_the_version_is_printed(dealtrail):
    """The version is that of the distribution."""
    done = dealtrail("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("dealtrail ")


# Reading


def test_what_is_printed_as_json_is_the_answer(dealtrail, desk):
    """--json is the HTTP answer, byte for byte, and nothing else stands on the output."""
    desk.tenant.catch_up.run()
    reads = desk.tenant.reads
    calls = {
        ("show", "deal", "X-1", "--json"): reads.record("deal", "dea_1"),
        ("history", "deal", "dea_1", "--json", "--field", "stage"): reads.history(
            "deal", "dea_1", field="stage"
        ),
        ("events", "--json", "--limit", "3"): reads.events(limit=3),
        ("board", "deal", "--json"): reads.board("deal"),
    }
    for done, expected in zip(each(dealtrail, list(calls)), calls.values(), strict=True):
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == expected.data


def test_what_is_printed_for_people_is_what_is_there(dealtrail):
    """Text that looks like markup is printed as it stands, and control characters never reach the terminal."""
    show, history, events, board = each(
        dealtrail, [("show", "deal", "dea_1"), ("history", "deal", "dea_1"), ("events",), ("board", "deal")]
    )
    for done in (show, history, events, board):
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout
        assert "\x07" not in done.stdout
        assert "based on position" in done.stdout
    assert ODD in show.stdout
    assert ODD in history.stdout
    assert "they [b]rang[/nothing]" in history.stdout
    assert "Anna Quist" in show.stdout
    assert "1,250.00 EUR" in show.stdout
    assert "Offer" in board.stdout


def test_chinese_is_spoken_where_it_is_asked_for(dealtrail):
    """Labels come in the language of the option, or of the environment."""
    asked = dealtrail("-l", "zh", "board", "deal")
    spoken = dealtrail("board", "deal", LANG="zh_CN.UTF-8")
    assert "报价" in asked.stdout
    assert asked.stdout == spoken.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["metric", "show", "dwell", "--kind", "deal", "--by", "ownr"], "/query/by：没有维度 'ownr'；可选：'owner'"),
        (["board", "dael"], "找不到：集合 'dael'；是否想写 'deal'？"),
        (["show", "deal", "dea_1", "--as-of", "yesterday"], "'yesterday' 不是位置、日期"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_in_chinese_as_well(dealtrail, words, said):
    """The command line asked in Chinese answered in English whatever it refused, but for mistakes of playbooks."""
    asked = dealtrail("-l", "zh", *words)
    assert asked.returncode == 1
    assert said in asked.stderr


def test_the_program_itself_says_the_same(program, dealtrail):
    """Run as a process of its own it prints what it prints here, and ends with the same status."""
    for words in (
        ["show", "deal", "dea_1"],
        ["verify", "--witness", "nowhere.json"],
        ["show", "dael", "dea_1"],
        ["events", "--limit", "x"],
    ):
        outside, inside = program(*words), dealtrail(*words)
        assert (outside.returncode, outside.stdout) == (inside.returncode, inside.stdout)
        assert (outside.returncode == 0) == (words[1] == "deal")


def test_bytes_that_are_no_text_are_no_name(program):
    """P18: an argument in another encoding is answered like any other name that is not there."""
    done = program("show", "deal", b"\xff\xfe")
    assert done.returncode == 1
    assert "no deal" in done.stderr


def test_a_record_of_then(dealtrail, desk):
    """--as-of takes a position; before the opening there is nothing to show."""
    opening = desk.tenant.log.stream("deal/dea_1")[0].position
    then, before = each(
        dealtrail,
        [
            ("show", "deal", "dea_1", "--json", "--as-of", str(opening)),
            ("show", "deal", "dea_1", "--as-of", str(opening - 1)),
        ],
    )
    assert json.loads(then.stdout)["stage"] == "lead"
    assert before.returncode == 1
    assert "no deal" in before.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "dael", "dea_1"], ["'dael'", "'deal'"]),
        (["show", "deal", "dea_11"], ["'dea_11'", "'dea_1'"]),
        (["history", "deal", "dea_1", "--field", "topik"], ["'topik'", "'topic'"]),
        (["events", "--topic", "record.stage-chnged.v1"], ["record.stage-changed.v1"]),
        (["events", "--record", "dela/dea_1"], ["'dela'", "'deal'"]),
        (["board", "delas"], ["'delas'", "'deal'"]),
        (["erase", "contct/con_1", "--ground", "request", "--yes"], ["'contct'", "'contact'"]),
        (["erase", "person/per_9", "--ground", "request", "--yes"], ["person/per_9"]),
        (["show", "deal", "[/red]"], ["'[/red]'"]),
        (["show", "deal", "\udcff\udcfe"], ["no deal"]),
        (["show", "deal", ""], ["no deal"]),
        (["show", "deal", "dea_1", "--as-of", "yesterday"], ["'yesterday'", "2026-01-31"]),
        (["show", "deal", "dea_1", "--effective-at", "12"], ["'12'"]),
        (["board", "deal", "--as-of", "2026-02-30"], ["'2026-02-30'"]),
        (["replay", "--draft", "nowhere.yaml"], ["nowhere.yaml", "cannot be read"]),
        (["playbook", "check", "nowhere.yaml"], ["nowhere.yaml", "cannot be read"]),
        (["playbook", "check", "."], ["cannot be read"]),
        (["verify", "--witness", "nowhere.json"], ["nowhere.json", "cannot be read"]),
        (["verify", "--write-witness", "nowhere/at/all.json"], ["nowhere/at/all.json"]),
    ],
    ids=lambda words: str(words)[:60],
)
def test_what_is_wrong_is_named_with_the_nearest_there_is(dealtrail, words, said):
    """Bad input ends with status 1, a sentence, and the nearest valid name; no traceback."""
    done = dealtrail(*words)
    assert done.returncode == 1, done.stdout
    for word in said:
        assert word in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["shwo"],
        ["show", "deal"],
        ["events", "--limit", "0"],
        ["events", "--after", "x"],
        ["--tenant", "No Name", "events"],
        ["serve", "--port", "0"],
    ],
    ids=str,
)
def test_wrong_usage_ends_with_status_2(dealtrail, words):
    """What the program cannot even begin is said so."""
    done = dealtrail(*words)
    assert done.returncode == 2
    assert done.stderr.strip()


def test_a_database_url_that_is_wrong_is_explained(dealtrail):
    """P29: neither a crash nor the password."""
    garbage, away = (
        dealtrail("events", DATABASE_URL=url)
        for url in ("garbage:secret", "postgresql://u:secret@127.0.0.1:1/x?connect_timeout=2")
    )
    for done in (garbage, away):
        assert done.returncode == 1
        assert "secret" not in done.stderr + done.stdout
    assert "URL" in garbage.stderr
    assert "cannot connect" in away.stderr


def test_a_reader_that_goes_away_is_no_error(environment):
    """`dealtrail events | head -1` ends quietly."""
    command = f"'{sys.executable}' -m infra.cli.main events --json | head -c 1"
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


# Playbooks


def test_a_broken_playbook_is_told_every_problem_with_line_and_column(dealtrail, tmp_path):
    """All problems at once, each at its line and column, in reading order."""
    text = PLAYBOOK.replace("amount >= 100", "amuont >= 100").replace("title: topic", "titel: topic")
    text = text.replace("type: phone", "type: telephone").replace("evidence: [scan]", "evidence: [scam]")
    file = tmp_path / "broken.yaml"
    file.write_text(text, "utf-8")
    done = dealtrail("playbook", "check", str(file))
    assert done.returncode == 1
    for word in ("titel", "telephone"):
        (line,) = [number for number, found in enumerate(text.splitlines(), 1) if word in found]
        assert f"line {line}, column " in done.stderr
        assert word in done.stderr
    repaired = text.replace("titel: topic", "title: topic").replace("type: telephone", "type: phone")
    file.write_text(repaired, "utf-8")
    done = dealtrail("playbook", "check", str(file))
    assert done.returncode == 1
    for word, nearest in (("amuont", "amount"), ("scam", "scan")):
        (number,) = [number for number, found in enumerate(repaired.splitlines(), 1) if word in found]
        assert f"line {number}, column " in done.stderr
        assert f"'{nearest}'" in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a: [", "not YAML"),
        (b"", "empty"),
        (b"a: &x 1\nb: *x\n", "aliases"),
        (b"[/red]: 1\n", "line 1"),
    ],
)
def test_a_file_that_is_no_playbook_is_refused(dealtrail, tmp_path, content, said):
    """Whatever the file holds, the answer is a line, a column and a reason."""
    file = tmp_path / "odd.yaml"
    file.write_bytes(content)
    done = dealtrail("playbook", "check", str(file))
    assert done.returncode == 1
    assert said in done.stderr


def test_a_playbook_is_checked_published_once_and_listed(dealtrail, tmp_path):
    """Publishing the same playbook again is nothing new."""
    file = tmp_path / "desk.yaml"
    file.write_text(PLAYBOOK.replace("amount >= 100", "amount >= 300"), "utf-8")
    assert "is right: 3 kinds, 4 stages" in dealtrail("playbook", "check", str(file)).stdout
    first = dealtrail("playbook", "publish", str(file), "--reason", "agreed in March")
    again = dealtrail("playbook", "publish", str(file))
    assert "v2 is in force, from position" in first.stdout, first.stderr
    assert "in force already" in again.stdout
    assert "desk v2" in dealtrail("playbook", "list").stdout


def test_a_dry_run_says_what_publishing_would_do_and_publishes_nothing(dealtrail, tmp_path):
    """What would be in force, or all that stands against it; the versions are the same afterwards."""
    file = tmp_path / "desk.yaml"
    file.write_text(PLAYBOOK.replace("amount >= 100", "amount >= 444"), "utf-8")
    before = dealtrail("playbook", "list").stdout
    done = dealtrail("playbook", "publish", str(file), "--dry-run")
    assert "would be in force; nothing is published" in done.stdout, done.stderr
    lost = PLAYBOOK.replace("      note: {type: text, label: {zh: 备注, en: Note}}\n", "")
    assert lost != PLAYBOOK
    file.write_text(lost, "utf-8")
    refused = dealtrail("playbook", "publish", str(file), "--dry-run")
    assert refused.returncode == 1
    assert "/kinds/deal/fields/note: the field 'note' would disappear" in refused.stderr
    assert dealtrail("playbook", "list").stdout == before


def test_a_replay_of_a_draft_says_first_what_it_reproduces(dealtrail, tmp_path):
    """The law comes first, then what changes, and --json has all of it; the decisions behind it are listed by their own verb."""
    file = tmp_path / "draft.yaml"
    file.write_text(PLAYBOOK.replace("amount >= 100", "amount >= 5000"), "utf-8")
    spoken, listed = each(
        dealtrail, [("replay", "--draft", str(file)), ("replay", "--draft", str(file), "--json")]
    )
    assert spoken.stdout.startswith("reproduces "), spoken.stderr
    report = json.loads(listed.stdout)
    assert report["impact"]["law"]["reproduced"] == report["impact"]["law"]["decisions"]
    cases = dealtrail("replay", "cases", report["id"], "--verdict", "changed", "--json")
    assert [row["record"] for row in json.loads(cases.stdout)["items"]] == ["deal/dea_1"]


# Verifying


def test_verify_writes_a_witness_and_compares_with_it(dealtrail, server, desk, tmp_path):
    """P7: status 0 for a whole log; 1, and the position, for one that is not."""
    witness = tmp_path / "[bold] witness.json"
    whole = dealtrail("verify", "--write-witness", str(witness))
    assert whole.returncode == 0, whole.stderr
    assert "events hold" in whole.stdout
    told = json.loads(witness.read_text("utf-8"))
    assert (told["tenant"], told["format"], len(told["hash"])) == (desk.tenant.name, 1, 64)
    assert told["recorded_at"].endswith("Z")
    assert dealtrail("verify", "--witness", str(witness)).returncode == 0
    assert dealtrail("verify", "--since", str(witness)).returncode == 0
    off = "SET session_replication_role = replica"
    name, keep = (
        name_of(desk.tenant),
        "UPDATE dealtrail.events SET originator_id = '{}' WHERE notification_id = 3",
    )
    server.run(name, off, keep.format("[/red] [bold]"))
    try:
        broken = dealtrail("verify", "--write-witness", str(tmp_path / "never.json"))
        assert broken.returncode == 1
        assert "position 3 is not right" in broken.stdout
        assert not (tmp_path / "never.json").exists(), "no witness is given of a log that is not right"
    finally:
        server.run(name, off, keep.format("organisation"))
    witness.write_text(json.dumps(told | {"hash": "00" * 32}))
    compared = dealtrail("verify", "--witness", str(witness))
    assert compared.returncode == 1
    assert f"position {told['position']:,} is not right" in compared.stdout
    for wrong, said in (
        (told | {"tenant": "other"}, "tenant"),
        (told | {"format": 9}, "witness"),
        ([], "witness"),
    ):
        witness.write_text(json.dumps(wrong))
        done = dealtrail("verify", "--witness", str(witness))
        assert done.returncode == 1
        assert said in done.stderr


# Erasing


def test_somebody_is_erased_only_when_it_is_confirmed(dealtrail, desk):
    """P28: without --yes it asks; what is erased is gone from what is shown."""
    desk.do(OpenRecord("contact/con_2", {"name": "Zorblatt"}))
    words = ("erase", "contact/con_2", "--ground", "request")
    asked = dealtrail(*words, stdin="n\n")
    assert asked.returncode != 0
    assert "Zorblatt" in dealtrail("show", "contact", "con_2").stdout
    done = dealtrail(*words, "--yes")
    assert done.returncode == 0, done.stderr
    assert "is erased, at position" in done.stdout
    assert "Zorblatt" not in dealtrail("show", "contact", "con_2").stdout
    assert '"ground":"request"' in dealtrail("events", "--topic", "subject", "--json").stdout


def test_a_reason_that_cannot_be_kept_is_refused(dealtrail, desk, tmp_path):
    """P18: bytes that are no text are named, and nothing is published."""
    head, file = desk.tenant.log.head(), tmp_path / "desk.yaml"
    file.write_text(PLAYBOOK.replace("amount >= 100", "amount >= 900"), "utf-8")
    done = dealtrail("playbook", "publish", str(file), "--reason", "bad \udcff bytes")
    assert done.returncode == 1
    assert "reason" in done.stderr
    assert desk.tenant.log.head() == head


def test_an_erasure_has_one_of_the_known_grounds(dealtrail, desk):
    """P28: free text could name the person again, so the list is closed, and nothing is erased."""
    head = desk.tenant.log.head()
    done = dealtrail("erase", "contact/con_1", "--yes", "--ground", "bad \udcff bytes")
    assert done.returncode == 2
    assert "retention_ended" in done.stderr
    assert desk.tenant.log.head() == head


def test_read_models_are_made_again(dealtrail, desk):
    """A rebuild says how far it came."""
    done = dealtrail("rebuild")
    assert done.returncode == 0, done.stderr
    assert f"position {desk.tenant.log.head():,}" in done.stdout


# Serving, and being interrupted


def test_a_port_in_use_is_said_before_anything_is_opened(dealtrail):
    """The sentence says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = dealtrail("serve", "--port", str(port))
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stderr
    assert "--port" in done.stderr


@pytest.fixture
def started(environment) -> Iterator[Callable[..., Any]]:
    """Start the program as a process group of its own, as a terminal would; ended afterwards in any case."""
    running: list[subprocess.Popen[str]] = []

    def start(*words: str, program: Sequence[str] = ("-m", "infra.cli.main")) -> "subprocess.Popen[str]":
        command = [sys.executable, *program, *words]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def interrupted(process: "subprocess.Popen[str]") -> SimpleNamespace:
    """Press Ctrl-C: every process of the group gets it."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    return SimpleNamespace(status=process.returncode, out=out, err=err)


def wait_until(what: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait for something to be so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come about")


def test_ctrl_c_while_a_command_waits_is_no_crash(started, server, desk, tmp_path):
    """Interrupted in the middle of an append: status 130, one sentence, nothing half-written."""
    file = tmp_path / "desk.yaml"
    file.write_text(PLAYBOOK.replace("amount >= 100", "amount >= 7"), "utf-8")
    name, head = name_of(desk.tenant), desk.tenant.log.head()
    with psycopg.connect(server.admin(name), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (APPEND_LOCK,))
        process = started("playbook", "publish", str(file))
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: connection.execute(waiting).fetchone())
        ended = interrupted(process)
    assert ended.status == 130, ended.err
    assert "Traceback" not in ended.err
    assert "interrupted" in ended.err
    assert desk.tenant.log.head() == head


SEVERAL_PROCESSES = """
import infra.log.verify
from infra.cli.main import main
infra.log.verify.RANGES_PER_PROCESS = 1
main()
"""


def test_ctrl_c_while_several_processes_verify_is_no_crash(started, server, embedded_home):
    """Interrupted in the middle of a long walk: status 130, and none of the processes cries out."""
    own = Settings(home=embedded_home, database_url=None, tenant="long_cli")
    with open_tenant(own) as tenant:
        for batch in many(10_050):
            tenant.log.append(batch)
        url = server.admin(name_of(tenant))
    held = (
        "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.relation = 'dealtrail.events'::regclass"
        " AND l.mode = 'AccessShareLock' AND l.granted = %s AND (a.state = 'idle in transaction' OR NOT l.granted)"
    )
    with psycopg.connect(url, autocommit=True) as watching, psycopg.connect(url) as blocking:

        def there_are(count: int, *, granted: bool) -> bool:
            row = watching.execute(held, (granted,)).fetchone()
            return bool(row and row[0] >= count)

        process = started("--tenant", "long_cli", "verify", program=("-c", SEVERAL_PROCESSES))
        wait_until(lambda: there_are(1, granted=True))
        # Whoever wants the whole table waits for the walk that has begun, and every further reader waits for him.
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(blocking.execute, "LOCK TABLE dealtrail.events IN ACCESS EXCLUSIVE MODE")
            try:
                wait_until(lambda: there_are(2 if (os.cpu_count() or 1) > 1 else 1, granted=False))
                os.killpg(process.pid, signal.SIGINT)
            finally:
                blocking.cancel()
            assert isinstance(waiting.exception(30), psycopg.errors.QueryCanceled)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    assert "interrupted" in err


def test_a_server_is_stopped_by_ctrl_c(started):
    """It serves until it is interrupted, and ends in order."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = started("serve", "--demo", "--port", str(port))

    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return b'{"status":"ok"}' in connection.makefile("rb").read()
        except OSError:
            return False

    wait_until(answers)
    ended = interrupted(process)
    assert ended.status in (0, 130)
    assert "Traceback" not in ended.err
    assert f"http://127.0.0.1:{port}/v1" in ended.out
