"""Verbs about replays: what would these rules have done, and which decisions are behind each number."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from typer.core import TyperGroup

from commands.playbook_file import read_playbook
from commands.playbook_mappings import read_mappings
from domain.refusals import InvalidCommand
from infra.cli.reading import CURSOR, JSON, LIMIT
from infra.cli.replay_tables import (
    decisions_shown,
    impact_shown,
    language_of,
    replays_shown,
    subject_cases_shown,
)
from infra.cli.replay_words import say
from infra.cli.session import Language, Session, session_of
from infra.cluster import runner
from infra.replay_engine import LedgerEngine
from infra.replays import ReplayJobs, Wanted, kept_draft
from infra.report import report as report_of
from infra.tenant import Tenant
from projections import replay_answers as answers
from projections.ledger.running import LOOP, Runner
from projections.lists import ITEMS, Ask
from projections.replay.asking import EVERYTHING
from projections.replay_cases import Cases
from projections.replay_jobs import Job, State, find_job, result_of
from projections.replay_rows import csv_lines, json_lines
from projections.replay_subjects import SubjectCases, subject_cases
from projections.replay_window import Words, read_window

INTERRUPTED = 130
_LOOK_SECONDS = 0.25


class _RunByDefault(TyperGroup):
    """`dealtrail replay --draft FILE` says the same as `dealtrail replay run --draft FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        if "--draft" in args[:1] or any(word.startswith("--draft=") for word in args[:1]):
            args = ["run", *args]
        return super().parse_args(ctx, args)


replays = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help="What would other rules have done? Replays of drafts over what was recorded; nothing live changes.",
)
ID = Annotated[str, typer.Argument(metavar="ID", help="The id of a replay, or its beginning.")]


class Format(StrEnum):
    """How datasets are handed out."""

    parquet = "parquet"
    csv = "csv"
    json = "json"


@replays.command("run")
def run(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="PLAYBOOK", help="With --draft-number: whose draft it is.")
    ] = None,
    draft: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A playbook file of the same name as a published one.")
    ] = None,
    draft_number: Annotated[
        int | None, typer.Option(min=1, metavar="NUMBER", help="A draft that is kept.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="POSITION|TIME", help="Only decisions recorded after this position, or from this time on."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="POSITION|TIME", help="Only decisions recorded by then.")
    ] = None,
    last_days: Annotated[
        int | None, typer.Option(min=1, metavar="DAYS", help="Only decisions of the last so many days.")
    ] = None,
    after: Annotated[int | None, typer.Option(min=0, help="The same as --since POSITION.")] = None,
    upto: Annotated[int | None, typer.Option(min=0, help="The same as --until POSITION.")] = None,
    position: Annotated[
        int | None,
        typer.Option(
            min=1, help="The position of the log to stand on; the same question is the same replay."
        ),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=OPTION[,OPTION…]", help="Only these records; may be repeated."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Let a Dask cluster do the work, as tcp://host:8786."),
    ] = None,
    mappings: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where stages, fields and options go that the draft takes away, in YAML."
        ),
    ] = None,
    about: Annotated[
        str | None,
        typer.Option(
            metavar="SUBJECT[,SUBJECT…]",
            help=f"What is replayed beside gates: {', '.join(sorted(EVERYTHING))}; `gates` for none of them. By default indices, and whatever the draft"
            " says otherwise than the versions in force.",
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Make a result anew that is kept already.")] = False,
    json: JSON = False,
) -> None:
    """Judge recorded decisions again under a draft, each on what was recorded then. Nothing live changes."""
    session = session_of(context)
    if (draft is None) == (draft_number is None) or (draft_number is not None) != (name is not None):
        raise typer.BadParameter("say which draft: --draft FILE, or PLAYBOOK --draft-number NUMBER")
    words = _words(since, until, after, upto, last_days, position)
    playbook = read_playbook(draft) if draft is not None else None
    with (
        session.tenant(caught_up=False) as tenant,
        runner(scheduler) as using,
        replay_jobs(session, tenant, using) as jobs,
    ):
        if playbook is None:
            assert name is not None
            playbook = kept_draft(tenant, name, str(draft_number))
        tenant.reads.published(playbook.name)
        if mappings is not None:
            playbook = replace(playbook, mappings=read_mappings(mappings))
        with _told_by_option():
            window = read_window(tenant.log, tenant.reads.clock(), words)
            wanted = Wanted(
                playbook, window, draft_number, _scope(scope or ()), "system/operator", _about(about)
            )
            started = jobs.start(wanted, again=again)
        job = _followed(session, jobs, started)
        _refuse_undone(job)
        shown = answers.show_result(tenant.reads, jobs, job.id)
    if json:
        typer.echo(shown.json().decode())
    else:
        impact_shown(shown, session.out, session.language, session.settings.tenant)


@replays.command("list")
def list_(
    context: typer.Context,
    playbook: Annotated[str | None, typer.Option(help="Only drafts of this playbook.")] = None,
    cursor: CURSOR = None,
    limit: LIMIT = ITEMS,
    json: JSON = False,
) -> None:
    """List the replays that were asked for, the newest first."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant, replay_jobs(session, tenant) as jobs:
        shown = answers.list_replays(tenant.reads, jobs, Ask(cursor=cursor, limit=limit), playbook)
    if json:
        typer.echo(shown.json().decode())
    else:
        session.out.print(replays_shown(shown, session.language))


@replays.command("show")
def show(context: typer.Context, replay: ID, json: JSON = False) -> None:
    """Show how far a replay is, and what it found."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant, replay_jobs(session, tenant) as jobs:
        shown = answers.show_replay(tenant.reads, jobs, replay)
    if json:
        typer.echo(shown.json().decode())
    else:
        impact_shown(shown, session.out, session.language, session.settings.tenant)


@replays.command("cases")
def cases(
    context: typer.Context,
    replay: ID,
    verdict: Annotated[
        list[str] | None,
        typer.Option(
            help="unchanged, newly_refused, newly_allowed, not_judgeable, or changed; may be repeated."
        ),
    ] = None,
    requirement: Annotated[
        str | None, typer.Option(help="Only where this requirement makes the difference.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Only of this person (person/…).")] = None,
    record: Annotated[str | None, typer.Option(metavar="KIND/ID", help="Only of this record.")] = None,
    edge: Annotated[
        str | None, typer.Option(metavar="BEFORE:AFTER", help="Only these moves; openings as :AFTER.")
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            metavar="SUBJECT",
            help="deadlines, approvals, assignment or reactions instead of moves; its verdicts are unchanged, changed, gone, new,"
            " not_judgeable, and differs for what is not the same.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="With --subject: only this deadline, chain, pool or reaction.")
    ] = None,
    cursor: CURSOR = None,
    limit: LIMIT = ITEMS,
    json: JSON = False,
) -> None:
    """List the decisions behind a number of a replay."""
    session = session_of(context)
    ask = Ask(cursor=cursor, limit=limit)
    with session.tenant() as tenant, replay_jobs(session, tenant) as jobs:
        record = None if record is None else tenant.reads.named(record)
        if subject is None:
            if name is not None:
                raise typer.BadParameter("--name goes with --subject")
            wanted = Cases(verdict or (), requirement, owner, record, edge=edge)
            shown = answers.decisions(tenant.reads, jobs, replay, ask, wanted)
        else:
            if requirement is not None or edge is not None:
                raise typer.BadParameter("--requirement and --edge are about moves; leave --subject out")
            rows = SubjectCases(tuple(verdict or ()), name, owner, record)
            shown = subject_cases(tenant.reads, jobs, replay, subject, ask, rows)
    if json:
        typer.echo(shown.json().decode())
    elif subject is None:
        session.out.print(decisions_shown(shown, session.language))
    else:
        session.out.print(subject_cases_shown(shown, session.language))


@replays.command("export")
def export(
    context: typer.Context,
    replay: ID,
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder to write to; nothing in it is written over.")
    ],
    format: Annotated[  # noqa: A002 — the option is called so
        Format, typer.Option(help="Parquet as it is kept, CSV, or one JSON object a line.")
    ] = Format.parquet,
) -> None:
    """Hand out the datasets of a replay: its decisions, where each record stands, its indices."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant, replay_jobs(session, tenant) as jobs:
        _, kept = result_of(jobs, replay)
        to.mkdir(parents=True, exist_ok=True)
        for dataset, rows in kept.datasets.items():
            target = to / f"{dataset}.{format.value}"
            if target.exists():
                raise typer.BadParameter(f"{target} is there already; an export never writes over anything")
            source = jobs.store.file(kept, dataset)
            if format is Format.parquet:
                shutil.copyfile(source, target)
            else:
                spelled = csv_lines if format is Format.csv else json_lines
                with target.open("xb") as out:
                    out.writelines(spelled(pl.scan_parquet(source, glob=False)))
            session.out.print(f"{target}: {rows:,}", markup=False)


@replays.command("report")
def report(
    context: typer.Context,
    replay: ID,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The HTML file to write.")],
    lang: Annotated[
        Language | None, typer.Option(help="The language of the report; by default that of the program.")
    ] = None,
) -> None:
    """Write the report of a replay: one HTML file that needs nothing from elsewhere."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant, replay_jobs(session, tenant) as jobs:
        shown = answers.show_result(tenant.reads, jobs, replay)
        out.write_bytes(report_of(shown, language_of(lang or session.language), tenant.name))
    session.print("report written", file=out)


@replays.command("cancel")
def cancel(context: typer.Context, replay: ID) -> None:
    """Cancel a replay that is under way, also one of a server."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant, replay_jobs(session, tenant) as jobs:
        job = jobs.cancel(find_job(jobs, replay).id)
    session.print("replay is", replay=job.id[:12], state=say(job.state.value, language_of(session.language)))


@replays.command("drop")
def drop(context: typer.Context, replay: ID) -> None:
    """Remove what is kept of a replay, also from the schema `analytics`; the same question makes it again."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant, replay_jobs(session, tenant) as jobs:
        job = find_job(jobs, replay)
        if job.is_under_way:
            raise typer.BadParameter(
                f"{job.id[:12]} is {job.state.value}; `dealtrail replay cancel` ends it first"
            )
        jobs.drop(job.id)
    session.print("replay dropped", replay=job.id[:12])


def replay_jobs(session: Session, tenant: Tenant, using: Runner = LOOP) -> closing[ReplayJobs]:
    """Return the replays of a tenant, for the length of a block; what they have to do is done here or by the runner."""
    return closing(ReplayJobs(tenant, session.settings, LedgerEngine(using)))


def _followed(session: Session, jobs: ReplayJobs, job: Job) -> Job:
    """Follow a replay to its end. Ctrl-C cancels it."""
    try:
        with session.progress("replay") as advance:
            while job.is_under_way:
                job = jobs.wait(job.id, _LOOK_SECONDS)
                if job.of:
                    advance(job.done, job.of)
    except KeyboardInterrupt:
        jobs.cancel(job.id)
        session.err.print(session.sentence("replay cancelled", replay=job.id[:12]), markup=False)
        raise typer.Exit(INTERRUPTED) from None
    return job


def _refuse_undone(job: Job) -> None:
    if job.state is not State.done:
        why = f": {job.message} ({job.reason})" if job.reason else ""
        typer.echo(
            f"the replay {job.id[:12]} {_ENDINGS.get(job.state, 'is ' + job.state.value)}{why}", err=True
        )
        raise typer.Exit(1)


_ENDINGS = {
    State.failed: "failed",
    State.cancelled: "was cancelled",
    State.interrupted: "was interrupted; run it again",
}


def _words(
    since: str | None,
    until: str | None,
    after: int | None,
    upto: int | None,
    last_days: int | None,
    position: int | None,
) -> Words:
    """A number says a position, anything else a time."""
    if since is not None and after is None and _is_position(since):
        after, since = int(since), None
    if until is not None and upto is None and _is_position(until):
        upto, until = int(until), None
    return Words(after, upto, since, until, last_days, position)


@contextmanager
def _told_by_option() -> Iterator[None]:
    """Whoever types options reads of options: `--scope nosuch`, not `/scope/nosuch`."""
    try:
        yield
    except InvalidCommand as refused:
        told = (f"{_option(problem.pointer)}: {problem.sentence}" for problem in refused.problems)
        raise typer.BadParameter("; ".join(told)) from None


def _option(pointer: str) -> str:
    name, _, rest = pointer.removeprefix("/").partition("/")
    return f"--{name.replace('_', '-')} {rest}".rstrip()


def _is_position(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _about(told: str | None) -> frozenset[str] | None:
    """What is named is checked by the replay itself; gates always are replayed."""
    if told is None:
        return None
    return frozenset(name.strip() for name in told.split(",") if name.strip()) - {"gates"}


def _scope(told: Iterable[str]) -> dict[str, Sequence[str]]:
    scope: dict[str, Sequence[str]] = {}
    for part in told:
        field, equals, options = part.partition("=")
        named = tuple(option.strip() for option in options.split(",") if option.strip())
        if not equals or not field.strip() or not named:
            raise typer.BadParameter(
                f"a scope is written FIELD=OPTION, as product_line=edge_gateway; not {part!r}"
            )
        scope[field.strip()] = (*scope.get(field.strip(), ()), *named)
    return scope
