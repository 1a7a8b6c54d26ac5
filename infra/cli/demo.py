"""The demo: a sales organisation's year in a simulated log, and what one can ask of it."""

import os
import platform
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from importlib import resources
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from commands.playbook_file import read_playbook
from commands.submission import Submission
from consumers.reacting.worker import Reacting
from consumers.simulator import Scenario, Summary, following, simulate
from domain.playbook.published import PublishedPlaybook
from domain.record.commands import ChangeStage
from domain.record.state import Record
from domain.refusals import GateNotMet
from infra.cli import checking, render, serving
from infra.cli.demo_measures import title
from infra.cli.demo_rules import Looked, look, paths
from infra.cli.demo_work import work_without_anybody
from infra.cli.session import ALL_RIGHTS, OPERATOR, Session, session_of
from infra.log.verify import verify
from infra.tenant import Tenant, open_tenant
from projections.as_of import Horizon
from projections.catch_up import CatchUp

KIND = "opportunity"
SHOWN_CHANGES = 24
LOOK_BACK = timedelta(days=91)


def demo(
    context: typer.Context,
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Go on serving the reads over HTTP at the end.")
    ] = True,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port to serve on.")] = 8765,
    seed: Annotated[int, typer.Option(help="Another seed is another year.")] = 42,
) -> None:
    """Simulate a year of a 42-person sales team through the command bus, then look at it from every side."""
    session = session_of(context)
    if serve:
        serving.ensure_free(port)
    folder = Path(str(resources.files("playbooks")))
    playbook, draft = (
        read_playbook(folder / name)
        for name in ("smart_hardware.yaml", "smart_hardware.stricter-gate.draft.yaml")
    )
    scenario = Scenario(seed=seed)
    # The evening of the last day where the people are: in UTC midnight it would be their next month already.
    evening = datetime.combine(scenario.until, clock_time(23, 59, 59), ZoneInfo(playbook.document.time_zone))
    last_moment = evening.astimezone(UTC)
    only_here = {"tenant": "demo", "database_url": None, "ledger_url": None, "replays_url": None}
    settings = session.settings.model_copy(update=only_here)
    title(
        session,
        "demo: machine",
        python=platform.python_version(),
        processors=os.cpu_count() or 1,
        platform=sys.platform,
    )
    if session.settings.database_url:
        session.tell("demo: embedded")
    # The server and the replays keep their files where those of this tenant are.
    session = replace(session, settings=settings)
    first_moment = last_moment - timedelta(days=scenario.days + 1)
    with open_tenant(
        settings, report=session.say, clock="simulated", told_time=first_moment, fresh=True
    ) as tenant:
        _simulate(session, tenant, playbook, scenario)
        deal = _tell(session, tenant, last_moment)
        _refused_move(session, tenant, playbook, last_moment)
        title(session, "demo: sealed", "verify")
        with session.progress("verify") as advance:
            session.out.print(
                checking.describe(verify(tenant.url, progress=advance), session.language, compared=False)
            )
        looked = look(session, tenant, KIND, draft)
        work_without_anybody(session, tenant, KIND, last_moment)
        if serve:
            _serve(session, tenant, deal, looked, last_moment, port)


def _simulate(session: Session, tenant: Tenant, playbook: PublishedPlaybook, scenario: Scenario) -> Summary:
    started = time.monotonic()
    with session.progress(session.sentence("demo: a year")) as advance:
        # Only what acts has to keep up; what is read is brought up to the log once, at the end.
        reacting = [found for found in tenant.catch_up.projections if found.name == Reacting.name]
        follow = CatchUp(tenant.pool, tenant.log, reacting)
        settle = following(lambda reached: tenant.log.read(reached + 1, tenant.log.head()), follow.run)
        summary = simulate(tenant.bus, playbook, scenario, advance, settle)
    seconds = time.monotonic() - started
    with session.progress("read models") as advance:
        tenant.catch_up.run(advance)
    session.print(
        "demo: sold",
        people=scenario.people,
        days=scenario.days,
        until=scenario.until,
        commands=summary.commands,
        refused=summary.refused,
        events=tenant.log.head(),
        seconds=round(seconds),
        pace=round(tenant.log.head() / seconds),
    )
    return summary


def _tell(session: Session, tenant: Tenant, last_moment: datetime) -> Record:
    """Print the board, and one deal from every side; return the deal."""
    title(session, "demo: board", f"board {KIND}")
    session.out.print(render.board(tenant.reads.board(KIND), session.language))
    then = last_moment - LOOK_BACK
    deal = _worth_telling(tenant, then)
    title(session, "demo: history", f"history {KIND} {deal.id} --last {SHOWN_CHANGES}")
    session.out.print(render.history(tenant.reads.history(KIND, deal.id), session.language, SHOWN_CHANGES))
    title(session, "demo: now", f"show {KIND} {deal.id}")
    session.out.print(render.record(tenant.reads.record(KIND, deal.id), session.language))
    as_of = then.date().isoformat()
    title(session, "demo: then", f"show {KIND} {deal.id} --as-of {as_of}")
    session.out.print(
        render.record(tenant.reads.record(KIND, deal.id, Horizon.read(as_of)), session.language)
    )
    return deal


def _worth_telling(tenant: Tenant, then: datetime) -> Record:
    """Choose an open deal that was there three months ago and has been through the most since."""
    kind = tenant.reads.playbooks().for_kind(KIND).kind(KIND)
    deals = [
        deal
        for deal in tenant.reads.records(KIND)
        if deal.stage in kind.open_stages and deal.opened_at and deal.opened_at < then
    ]
    moved_since = [deal for deal in deals if deal.stage_entered_at and deal.stage_entered_at > then]
    return max(moved_since or deals, key=lambda deal: (sum(deal.entries.values()), -deal.version, deal.id))


def _refused_move(session: Session, tenant: Tenant, playbook: PublishedPlaybook, now: datetime) -> None:
    """Try to move a fresh deal much too far, and print everything that is missing."""
    kind = playbook.kind(KIND)
    target = kind.open_stages[-2]
    early = min(
        (deal for deal in tenant.reads.records(KIND) if deal.stage == kind.open_stages[2]),
        key=lambda deal: deal.id,
    )
    before, after = (
        kind.steps[step].label.in_language(session.language) for step in (early.stage or "", target)
    )
    title(session, "demo: refused", deal=early.id, before=before, after=after)
    attempt = Submission(
        command=ChangeStage(early.stream, target), client="demo", key="a-refused-move", actor=early.owner or OPERATOR,
        channel="cli", rights=ALL_RIGHTS, told_time=now,
    )  # fmt: skip
    try:
        tenant.bus.submit(attempt)
    except GateNotMet as refusal:
        session.out.print(render.unmet(refusal.unmet, session.language))
        session.print("demo: nothing changed", style="dim")


def _serve(
    session: Session, tenant: Tenant, deal: Record, looked: Looked, last_moment: datetime, port: int
) -> None:
    tenant.catch_up.run()
    collection = tenant.reads.playbooks().for_kind(KIND).kind(KIND).collection
    base = f"http://{serving.LOOPBACK}:{port}/v1"
    title(session, "demo: over http")
    for path in (
        f"boards/{collection}",
        f"{collection}/{deal.id}?as_of={(last_moment - LOOK_BACK).date()}",
        f"events?topic=record.stage-changed.v1&record={collection}/{deal.id}",
        *paths(collection, looked),
    ):
        session.out.print(f"curl -s '{base}/{path}'", soft_wrap=True)
    serving.run(session, tenant, port)
