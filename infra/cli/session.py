"""What every verb of the command line shares: settings, the open tenant, consoles, progress, keys."""

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from commands.submission import Command, Submission
from domain.naming import token
from domain.playbook.model import Right
from infra.cli.render import plain
from infra.cli.sentences import sentence
from infra.cli.words import word
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant

PLAIN_WIDTH = 140
"""Columns of output that goes to a file or a pipe, where nobody can make the window wider."""

OPERATOR = "system/operator"
ALL_RIGHTS = frozenset(Right)
"""Whoever may start this program on the machine of the database may do anything the log allows."""


@dataclass(slots=True)
class Session:
    """One run of the program: its settings, its language, and where it prints."""

    settings: Settings
    language: str
    out: Console = field(
        default_factory=lambda: Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    )
    err: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    def say(self, sentence: str) -> None:
        """Tell what goes on, beside the output."""
        self.err.print(f"[dim]· {escape(sentence)}[/dim]")

    def sentence(self, what: str, **figures: object) -> str:
        """Return a sentence of the program in the language of this run."""
        return sentence(what, self.language, **figures)

    def tell(self, what: str, **figures: object) -> None:
        """Say a sentence of the program, beside the output."""
        self.say(self.sentence(what, **figures))

    def print(self, what: str, *, style: str | None = None, **figures: object) -> None:
        """Print a sentence of the program as output; nothing in it is markup."""
        self.out.print(plain(self.sentence(what, **figures)), style=style)

    @contextmanager
    def tenant(self, *, caught_up: bool = True, begins: bool = False) -> Iterator[Tenant]:
        """Open the tenant; with its read models up to date unless told otherwise.

        Only what can write a first event `begins` a log where there is none; everything else raises NoSuchTenant.
        """
        with open_tenant(self.settings, report=self.say, begins=begins) as tenant:
            if tenant.log.is_simulated:
                self.tell("simulated")
            if tenant.began:
                self.tell("log begins", tenant=tenant.name)
            elif tenant.log.head() == 1:
                self.tell("log is empty", tenant=tenant.name)
            if caught_up:
                with self.progress("read models") as advance:
                    tenant.catch_up.run(advance, processes=False)
            yield tenant

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Show a progress bar with the time left, on the error stream, for work that takes longer than a moment; `what` is a word of the program, or a sentence."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.err, transient=True, disable=not self.err.is_terminal) as bars:
            task = bars.add_task(word(what, self.language), total=None, start=True)

            def advance(done: int, total: int) -> None:
                bars.update(task, completed=done, total=total)

            yield advance

    def submission(
        self, tenant: Tenant, command: Command, *, reason: str | None = None, key: str | None = None
    ) -> Submission:
        """Make a submission of the operator; without a key it gets a new one."""
        return Submission(
            command=command,
            client="cli",
            key=key or f"cli-{new_id()}",
            actor=OPERATOR,
            channel="cli",
            rights=ALL_RIGHTS,
            reason=reason,
            told_time=tenant.told_time(),
        )


def new_id() -> str:
    """Make a sortable id: 48 bits of the time in milliseconds, then 80 random ones."""
    return token(int(time.time() * 1000).to_bytes(6, "big") + secrets.token_bytes(10))


def session_of(context: typer.Context) -> Session:
    """Return the session the program was started with."""
    found = context.find_object(Session)
    assert found is not None
    return found


class Language(StrEnum):
    """The languages dealtrail speaks."""

    zh = "zh"
    en = "en"


def language_of_environment() -> Language:
    """Return Chinese where the environment speaks it, else English."""
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return Language.zh if spoken.lower().startswith("zh") else Language.en
