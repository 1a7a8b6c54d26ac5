"""The console script `dealtrail`: verbs put together, and errors turned into sentences that say what to do."""

import signal
import sys
from contextvars import ContextVar
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from commands.errors import CommandError
from commands.playbook_file import FileRefused
from commands.playbook_in_chinese import file_problem_in_chinese
from consumers.importing.report import ImportRefused
from consumers.telling.targets import TargetsRefused
from domain.events import UnknownTopic
from domain.refusals import InvalidCommand, NotFound, Problem, Refusal
from infra.cli import (
    approvals,
    checking,
    deadlines,
    demo,
    inbox,
    indices,
    ledger,
    metrics,
    playbooks,
    pools,
    projecting,
    quick_entry,
    reactions,
    reading,
    replays,
    serving,
    sign_offs,
    tokens,
    work,
    writing,
)
from infra.cli.sentences import sentence
from infra.cli.session import Language, Session, language_of_environment
from infra.cli.start import INTERRUPTED
from infra.database import DatabaseUnusable
from infra.embedded import EmbeddedPostgresError
from infra.http.in_chinese import in_chinese, problem_in_chinese, thing_in_chinese
from infra.http.keys import UnusableKey
from infra.log.application import UnsafeSetting
from infra.log.genesis import WrongLog
from infra.log.verify import WitnessRefused
from infra.settings import Settings
from infra.tenant import NoSuchTenant
from infra.vault import MissingKey, TamperedValue
from projections.as_of import BadMoment
from projections.errors import InvalidQuery, ReadError
from projections.kinds import ProjectionError

app = typer.Typer(
    name="dealtrail",
    help="The system of record for how companies sell: one sealed, replayable log of every sales action and every rule it happened under.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(reading.show)
app.command()(reading.history)
app.command()(reading.events)
app.command()(reading.board)
app.command()(reading.timeline)
app.command()(reading.stuck)
app.command()(work.work)
app.command()(inbox.inbox)
app.command()(quick_entry.progress)
app.command("import")(writing.import_data)
app.command()(writing.erase)
app.command()(checking.verify)
app.command()(writing.rebuild)
app.command()(serving.serve)
app.command()(tokens.token)
app.command()(demo.demo)
playbooks.playbooks.command("sign-off")(sign_offs.sign_off)
playbooks.playbooks.command("compare")(sign_offs.compare)
app.add_typer(playbooks.playbooks, name="playbook")
app.add_typer(replays.replays, name="replay")
app.add_typer(pools.pool, name="pool")
app.add_typer(approvals.approvals, name="approvals")
app.add_typer(deadlines.deadline_verbs, name="deadlines")
app.add_typer(reactions.reaction_verbs, name="reactions")
app.add_typer(inbox.delivery_verbs, name="deliveries")
app.add_typer(projecting.projections, name="projections")
app.add_typer(ledger.ledger, name="ledger")
app.add_typer(metrics.metric, name="metric")
app.add_typer(indices.index, name="index")
app.add_typer(reading.organisation, name="organisation")
app.add_typer(checking.db, name="db")

_spoken: ContextVar[str] = ContextVar("dealtrail_language", default="en")
"""The language of the command that runs, for what is told of its failure once it has ended."""

BEGINS_A_LOG = ("demo", "playbook install", "playbook publish", "playbook draft", "serve", "db init")
"""The verbs a first event can come from. All others need what only a log has, and refuse a tenant there is none of."""

TENANTS_NAMED = 8
"""So many of the tenants there are an error names."""

EXPECTED = (
    Refusal, CommandError, FileRefused, ImportRefused, DatabaseUnusable, EmbeddedPostgresError, UnsafeSetting, WrongLog,
    WitnessRefused, MissingKey, TamperedValue, BadMoment, UnknownTopic, ReadError, serving.PortInUse, ProjectionError,
    UnusableKey, TargetsRefused, NoSuchTenant,
)  # fmt: skip


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"dealtrail {version('dealtrail')}")
        raise typer.Exit


@app.callback()
def settings(
    context: typer.Context,
    tenant: Annotated[
        str | None, typer.Option(help="Whose log; setting DEALTRAIL_TENANT.", show_default="main")
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the embedded PostgreSQL; setting DEALTRAIL_HOME.", show_default=".dealtrail"
        ),
    ] = None,
    language: Annotated[
        Language | None, typer.Option("--language", "-l", help="The environment's language by default.")
    ] = None,
    show_version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and stop."),
    ] = False,
) -> None:
    """Read the settings every verb shares."""
    del show_version
    given = {name: value for name, value in (("tenant", tenant), ("home", home)) if value is not None}
    try:
        read = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
        raise typer.BadParameter(f"a setting cannot be used: {wrong}") from None
    context.obj = Session(read, (language or language_of_environment()).value)
    _spoken.set(context.obj.language)


# typer carries its own copy of click and does not name the root of its usage errors.
UsageProblem: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def main() -> None:
    """Run the program. Exit status: 0 done, 1 refused or not right, 2 wrong usage, 130 interrupted."""
    err = Console(stderr=True, highlight=False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        status = app(standalone_mode=False)
    except typer.Abort:
        sys.exit(130)
    except UsageProblem as error:
        error.show()
        sys.exit(error.exit_code)
    except EXPECTED as error:
        _explain(error, err)
        sys.exit(1)
    except KeyboardInterrupt:
        status = INTERRUPTED
    if status == INTERRUPTED:  # typer turns Ctrl-C into this status
        err.print(sentence("interrupted", _spoken.get()))
    sys.exit(status if isinstance(status, int) else 0)


def _explain(error: Exception, err: Console) -> None:
    for line in _lines(error, is_chinese=_spoken.get() == "zh"):
        err.print(Text(line, style="red"))


def _lines(error: Exception, *, is_chinese: bool) -> list[str]:
    """What is wrong, a line for each problem."""
    match error:
        case FileRefused() if is_chinese:
            return [file_problem_in_chinese(error.name, problem) for problem in error.problems]
        case InvalidCommand() | InvalidQuery() if is_chinese:
            return [_in_chinese(problem) for problem in error.problems]
        case NoSuchTenant():
            return [_no_such_tenant(error)]
        case NotFound() if is_chinese:
            return [f"找不到：{thing_in_chinese(error.what)} {error.name!r}{_probably(error.suggestion)}"]
        case BadMoment() if is_chinese:
            return [in_chinese(error.message)]
        case InvalidCommand():
            return [str(problem) for problem in error.problems]
    return [str(error)]


def _in_chinese(problem: Problem) -> str:
    return f"{problem.pointer}：{problem_in_chinese(problem)}{_probably(problem.suggestion)}".removeprefix(
        "："
    )


def _probably(suggestion: str | None) -> str:
    return f"；是否想写 {suggestion!r}？" if suggestion else ""


def _no_such_tenant(error: NoSuchTenant) -> str:
    """Say which tenants there are, the most similar first, and how a log is begun."""
    what = (
        "no such tenant" if error.others else "no tenant at all" if error.home else "no log in the database"
    )
    rest = len(error.others) - TENANTS_NAMED
    named = ", ".join([*error.others[:TENANTS_NAMED], *([f"… (+{rest})"] if rest > 0 else [])])
    elsewhere = (
        "db init" if error.home else "demo"
    )  # the one is for a server of one's own, the other for the embedded one
    verbs = " | ".join(verb for verb in BEGINS_A_LOG if verb != elsewhere)
    return sentence(
        what, _spoken.get(), tenant=error.name, home=error.home, named=named, verbs=f"`dealtrail {verbs}`"
    )


if __name__ == "__main__":
    main()
