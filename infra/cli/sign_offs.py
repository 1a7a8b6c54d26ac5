"""Verbs that tie a replay to a publication: stand by it, name it, and compare what it said with what happened."""

from typing import Annotated

import typer

from domain.naming import drafts_stream, nearest
from domain.playbook.catalogue import fold_drafts
from domain.playbook.commands import SignOffReplay
from domain.refusals import NotFound
from infra.cli.reading import JSON
from infra.cli.replay_tables import comparison_shown
from infra.cli.replays import replay_jobs
from infra.cli.session import session_of
from infra.replays import SignableReplays
from infra.tenant import Tenant
from projections.replay_forecast import comparison
from projections.replay_jobs import SHORTEST_ID, result_of
from projections.replay_store import is_replay_id


def sign_off(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PLAYBOOK", help="The playbook.")],
    draft: Annotated[int, typer.Argument(min=1, metavar="DRAFT", help="The number of the draft.")],
    replay: Annotated[str, typer.Option(metavar="ID", help="The replay of it that was looked at.")],
    reason: Annotated[str | None, typer.Option(help="Why; it is kept with the event.")] = None,
) -> None:
    """Stand by a replay of a draft, so that publishing it can name the replay."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant, replay_jobs(session, tenant) as jobs:
        job, _ = result_of(jobs, replay)
        found = SignableReplays(jobs).find(job.id)
        if found is None or found.playbook != name:
            known = [other.id[:12] for other in jobs.jobs() if other.playbook == name]
            raise NotFound("replay of this playbook", replay, nearest(replay, known))
        command = SignOffReplay(
            name, draft, found.digest, found.id, found.window, found.position, found.summary
        )
        answer = tenant.bus.submit(session.submission(tenant, command, reason=reason))
        session.print(
            "signed off", position=answer.events[0].position, name=name, draft=draft, replay=found.id
        )


def compare(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PLAYBOOK", help="The playbook.")],
    version: Annotated[int, typer.Argument(min=1, metavar="VERSION", help="A version that named a replay.")],
    json: JSON = False,
) -> None:
    """Compare what a replay forecast of a version with what has happened since it is in force."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant, replay_jobs(session, tenant) as jobs:
        shown = comparison(tenant.reads, jobs, name, version)
    if json:
        typer.echo(shown.json().decode())
    else:
        comparison_shown(shown, session.out, session.language)


def signed_replay(tenant: Tenant, name: str, replay: str) -> str:
    """Return the whole id of a replay that was signed off for a playbook, by its beginning; what nobody signed off is left as it is.

    The log says what was signed off, so it is found also when its results are not kept any more.
    """
    if is_replay_id(replay):
        return replay
    if len(replay) < SHORTEST_ID:
        raise typer.BadParameter(
            f"{replay!r} is too little of the id of a replay: write at least {SHORTEST_ID} characters of it",
            param_hint="--replay",
        )
    signed = fold_drafts(None, tenant.log.stream(drafts_stream(name))).sign_offs
    found = sorted(known for known in signed if known.startswith(replay))
    if len(found) > 1:
        raise typer.BadParameter(
            f"{len(found)} replays that were signed off begin with {replay!r}: {', '.join(found)}. Write more of the one you mean",
            param_hint="--replay",
        )
    return found[0] if found else replay
