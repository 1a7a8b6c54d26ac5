"""The verbs of playbooks: check a file, keep a draft, put a version into force, list what is."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

import playbooks as shipped_playbooks
from commands.playbook_file import read_playbook
from commands.playbook_mappings import read_mappings
from commands.submission import Submission
from domain.events import PlaybookDrafted, PlaybookPublished
from domain.naming import nearest
from domain.playbook.commands import DraftPlaybook, PublishDraft, PublishPlaybook
from domain.playbook.publish import digest
from domain.playbook.published import Scope
from domain.refusals import InvalidCommand, NotFound
from infra.cli.deadlines import say_what_would_be_late, what_would_be_late
from infra.cli.render import plain
from infra.cli.session import Session, session_of
from infra.cli.sign_offs import signed_replay
from infra.tenant import Tenant

playbooks = typer.Typer(no_args_is_help=True, help="Check, draft, publish and list playbooks.")
FILE = Annotated[Path, typer.Argument(metavar="FILE", help="A playbook in YAML.")]
REASON = Annotated[str | None, typer.Option(help="Why; it is kept with the event.")]


@playbooks.command("check")
def check(
    context: typer.Context,
    file: FILE,
    deadlines: Annotated[
        bool,
        typer.Option(
            "--deadlines", help="Count in the log which deadlines would run, and which would be told at once."
        ),
    ] = False,
) -> None:
    """Check a playbook; report everything wrong with it, each with line and column."""
    playbook = read_playbook(file)
    kinds = playbook.document.kinds
    session_of(context).print(
        "is right",
        file=file.name,
        name=playbook.name,
        kinds=len(kinds),
        stages=sum(len(kind.steps) for kind in kinds.values()),
        fields=sum(len(kind.fields) for kind in kinds.values()),
        rules=len(playbook.rules),
        digest=digest(playbook)[:12],
    )
    if deadlines:
        with session_of(context).tenant() as tenant:
            say_what_would_be_late(session_of(context), what_would_be_late(tenant, PublishPlaybook(playbook)))


@playbooks.command("draft")
def draft(context: typer.Context, file: FILE, reason: REASON = None) -> None:
    """Keep a checked playbook as a draft; nothing is in force by it."""
    session = session_of(context)
    playbook = read_playbook(file)
    with session.tenant(caught_up=False, begins=True) as tenant:
        answer = tenant.bus.submit(session.submission(tenant, DraftPlaybook(playbook), reason=reason))
        kept = answer.events[0].event
        assert isinstance(kept, PlaybookDrafted)
        session.print("draft is kept", name=playbook.name, number=kept.number)


@playbooks.command("publish")
def publish(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A playbook in YAML; with --draft the name of a playbook.")
    ],
    draft: Annotated[
        int | None, typer.Option(min=1, metavar="NUMBER", help="Publish this draft instead of a file.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=OPTION[,OPTION…]",
            help="Only for records that hold one of the options of a choice field; owner.region and owner.team go by the owner.",
        ),
    ] = None,
    effective_from: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"],
            metavar="MOMENT",
            help="From when on, as 2026-12-01T00:00+08:00; at once without it.",
        ),
    ] = None,
    mappings: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where stages, fields and options go that the version takes away, in YAML."
        ),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="The replay that was looked at before, or the beginning of its id; it must be signed off for this very text.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what publishing would do, the deadlines that would fire and the records that would be stranded, and publish nothing.",
        ),
    ] = False,
    reason: REASON = None,
) -> None:
    """Put a playbook into force as its next version; work that stands on what it takes away needs a mapping."""
    session = session_of(context)
    how: dict[str, Any] = {
        "scope": _scope(scope or []),
        "effective_from": effective_from,
        "mappings": read_mappings(mappings) if mappings is not None else {},
    }
    playbook = read_playbook(Path(file)) if draft is None else None
    name = file if playbook is None else playbook.name
    with session.tenant(begins=playbook is not None and not dry_run) as tenant:
        how["replay"] = None if replay is None else signed_replay(tenant, name, replay)
        command: PublishPlaybook | PublishDraft
        if playbook is None:
            assert draft is not None
            command = PublishDraft(name, draft, **how)
        else:
            command = PublishPlaybook(playbook, **how)
        late = what_would_be_late(tenant, command)
        submission = session.submission(tenant, command, reason=reason)
        if dry_run:
            _say_what_would_be(session, tenant, submission, command.scope)
            say_what_would_be_late(session, late)
            return
        answer = tenant.bus.submit(submission)
        say_what_would_be_late(session, late)
        if not answer.events:
            published = tenant.reads.published(name)
            session.print(
                "in force already", name=name, version=published.number, position=published.position
            )
            return
        event = answer.events[0].event
        assert isinstance(event, PlaybookPublished)
        session.print(
            "takes effect" if event.effective_from else "in force",
            name=name,
            version=event.number,
            moment=event.effective_from,
            position=answer.events[0].position,
            whom=_whom(session, command.scope),
        )


def _say_what_would_be(session: Session, tenant: Tenant, submission: Submission, scope: Scope) -> None:
    """Decide a publication and publish nothing. Raises the Refusal publishing would meet, with the records it would strand."""
    try:
        events = tenant.bus.preview(submission)
    except InvalidCommand as refused:
        for problem in refused.problems:
            if problem.records:
                more = (problem.record_count or 0) - len(problem.records)
                others = session.sentence("and more", count=more) if more > 0 else ""
                session.out.print(plain(f"{problem.pointer}: {', '.join(problem.records)}{others}"))
        raise
    if not events:
        session.print("changes nothing")
        return
    event = events[0]
    assert isinstance(event, PlaybookPublished)
    session.print(
        "would take effect" if event.effective_from else "would be in force",
        name=event.name,
        version=event.number,
        moment=event.effective_from,
        whom=_whom(session, scope),
    )


@playbooks.command("list")
def list_playbooks(context: typer.Context) -> None:
    """List the versions in force, for whom they are, and the kinds of record they govern."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant:
        known = tenant.reads.playbooks()
        for version in [
            *(version for versions in known.effective.values() for version in versions),
            *known.waiting,
        ]:
            listed = session.sentence(
                "listed",
                name=version.name,
                version=version.number,
                label=version.document.label.in_language(session.language),
                kinds=", ".join(version.document.kinds),
                position=version.position,
            )
            when = ""
            if version.effective_from is not None and version in known.waiting:
                moment = version.effective_from.astimezone(UTC)
                when = session.sentence("from then on", moment=f"{moment:%Y-%m-%d %H:%M}")
            session.out.print(plain(f"{listed}{when}{_whom(session, version.scope)}"))


@playbooks.command("gallery")
def gallery(context: typer.Context) -> None:
    """List the playbooks that come with dealtrail."""
    session = session_of(context)
    for file in _shipped().values():
        playbook = read_playbook(file)
        kinds = playbook.document.kinds.values()
        told = ", ".join(kind.label.in_language(session.language) for kind in kinds)
        session.out.print(
            f"[bold]{playbook.name}[/bold]  {playbook.document.label.in_language(session.language)}: {told}",
        )
        if playbook.document.why is not None:
            session.out.print(f"  {playbook.document.why.in_language(session.language)}", style="dim")
    session.print("install one")


@playbooks.command("install")
def install(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A playbook of the gallery.")],
    reason: REASON = None,
) -> None:
    """Put a playbook of the gallery into force; copy the file and publish it when you change it."""
    shipped = _shipped()
    if name not in shipped:
        raise NotFound("playbook in the gallery", name, nearest(name, shipped))
    publish(context, str(shipped[name]), reason=reason)


def _shipped() -> dict[str, Path]:
    folder = Path(shipped_playbooks.__file__).parent
    return {file.stem: file for file in sorted(folder.glob("*.yaml")) if ".draft" not in file.name}


def _whom(session: Session, scope: Scope) -> str:
    return session.sentence("only for", scope=_told(scope)) if scope else ""


def _told(scope: Scope) -> str:
    return "; ".join(f"{field}: {', '.join(options)}" for field, options in scope.items())


def _scope(told: list[str]) -> dict[str, tuple[str, ...]]:
    scope: dict[str, tuple[str, ...]] = {}
    for part in told:
        field, equals, options = part.partition("=")
        if not equals or not field.strip() or not options.strip():
            raise typer.BadParameter(
                f"a scope is written FIELD=OPTION, as product_line=edge_gateway; not {part!r}"
            )
        name, named = field.strip(), tuple(option.strip() for option in options.split(","))
        scope[name] = (*scope.get(name, ()), *named)
    return scope
