"""The second half of the demo: what the year measures, and what other rules would have made of it, asked with the same questions."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from domain.events import PlaybookDrafted
from domain.playbook.commands import DraftPlaybook
from domain.playbook.published import PublishedPlaybook
from infra.cli.demo_measures import METRIC, NotAsTold, band, metric, short, stuck, table_of, title
from infra.cli.measured_tables import figure
from infra.cli.render import label
from infra.cli.replay_tables import impact_shown, language_of
from infra.cli.session import Session
from infra.cli.words import word
from infra.http.language import Language
from infra.ledger import ledger_store, writing
from infra.replay_engine import LedgerEngine
from infra.replays import ReplayJobs, Wanted
from infra.report import report
from infra.report.words import points, reason
from infra.tenant import Tenant
from projections import replay_answers as answers
from projections.ledger.ledger import Ledger
from projections.lens import Visible
from projections.measured import Measures, Question
from projections.replay_jobs import Job, State
from projections.replay_window import Words, read_window

INDEX = "phi"
LAST_MONTHS = 3
SHOWN_MOVERS = 8
PARTITIONS = 1
"""A year of forty-two people is little: to cut it into parts would take longer than to read it."""

SHORT = 12
"""How much of a replay's id is enough to name it."""

_LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Looked:
    """What the demo goes on from: the replay, and where its report was written."""

    replay: str
    report: Path
    periods: str
    position: int


def look(session: Session, tenant: Tenant, kind: str, draft: PublishedPlaybook) -> Looked:
    """Bring the ledger up to the log, measure, replay a draft over everything, and ask of the replay what was asked of the log."""
    ledger = Ledger(ledger_store(session.settings), tenant.log)
    with writing(tenant.pool), session.progress("ledger") as advance:
        # Of the log an earlier demo wrote, nothing is left to go on from.
        ledger.rebuild(advance, partitions=PARTITIONS)
    with closing(ReplayJobs(tenant, session.settings, LedgerEngine())) as jobs:
        for earlier in jobs.jobs():
            jobs.drop(earlier.id)
        measures = Measures(tenant.reads, ledger.at, jobs)
        metric(session, tenant, measures, kind)
        stuck(session, measures)
        job = _replayed(session, tenant, jobs, draft)
        shown = answers.show_result(tenant.reads, jobs, job.id)
        _impact(session, tenant, shown)
        file = session.settings.home / f"replay-{job.id[:SHORT]}.html"
        file.write_bytes(report(shown, language_of(session.language), tenant.name))
        report_at = session.sentence("demo: report", file=file.absolute())
        session.out.print(report_at, soft_wrap=True, markup=False, style="bold")
        periods = _index(session, measures, job.id)
    return Looked(job.id, file, periods, job.position)


def paths(kind: str, looked: Looked) -> tuple[str, ...]:
    """Return where the same is asked over HTTP, below /v1."""
    # Months and position are named: the log has gone on since, and a replay stands where it stood.
    index = f"indices/{INDEX}?by=team&period={looked.periods}"
    return (
        f"metrics/{METRIC}?kind={kind}&by=step",
        f"{index}&as_of={looked.position}",
        f"{index}&replay={looked.replay}",
        f"replays/{looked.replay}/report",
    )


# ── replaying ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _replayed(session: Session, tenant: Tenant, jobs: ReplayJobs, draft: PublishedPlaybook) -> Job:
    """Keep a draft in the log, and replay it over everything that was recorded."""
    command = session.submission(
        tenant, DraftPlaybook(draft), key="a-stricter-gate", reason="报价前先确认预算、当面对齐方案"
    )
    kept = tenant.bus.submit(command).events[-1].event
    assert isinstance(kept, PlaybookDrafted)
    number = kept.number
    tenant.catch_up.run()
    title(
        session,
        "demo: stricter",
        f"replay run {draft.name} --draft-number {number}",
        number=number,
    )
    window = read_window(tenant.log, tenant.reads.clock(), Words())
    job = jobs.start(Wanted(draft, window, number, asked_by=command.actor))
    with session.progress("replay") as advance:
        while job.is_under_way:
            job = jobs.wait(job.id, _LOOK_SECONDS)
            if job.of:
                advance(job.done, job.of)
    if job.state is not State.done:
        raise NotAsTold(
            f"the replay {job.id[:SHORT]} is {job.state.value}, not done: {job.message or 'nobody says why'}"
        )
    return job


def _impact(session: Session, tenant: Tenant, shown: Visible) -> None:
    """Print an impact: first the gates, then the indices of all months together, those that move farthest first."""
    impact = shown.data["impact"]
    gates = replace(shown, data={**shown.data, "impact": {**impact, "indices": []}})
    impact_shown(gates, session.out, session.language, tenant.name, with_draft=False)
    language = session.language
    teams = tenant.reads.organisation().teams
    movers = []
    for (_, called), months in groupby(
        impact["indices"], lambda it: (it["index"], label(it["label"], language, it["index"]))
    ):
        found = [*months]
        cells, changed = (sum(it[count] for it in found) for count in ("cells", "changed"))
        session.print("demo: values change", label=called, changed=changed, cells=cells, style="bold")
        movers += [
            (it["period"], mover) for it in found for mover in it["movers"] if _is_somebody(mover["cell"])
        ]
    movers.sort(key=lambda it: -abs(float(it[1]["delta"] or 0)))
    table = table_of(
        *(word(name, language) for name in ("whose", "period", "before", "after", "difference", "because of"))
    )
    for period, mover in movers[:SHOWN_MOVERS]:
        cell = mover["cell"]
        team = teams.get(cell.get("team") or "")
        table.add_row(
            cell.get("owner_name") or (team.name if team is not None else str(cell)),
            period or "",
            *(figure(mover[side], "score") for side in ("before", "after")),
            points(mover["delta"], signed=True) if mover["delta"] else word("unknown", language),
            "; ".join(_reasons(mover["reasons"], language_of(language))),
        )
    session.out.print(table)
    session.print("demo: move farthest", count=min(SHOWN_MOVERS, len(movers)), style="dim")


def _is_somebody(cell: Mapping[str, Any]) -> bool:
    """A person or a team; the cells of regions and of everybody are in the report."""
    return bool(cell.get("owner") or cell.get("team"))


def _reasons(reasons: Iterable[Mapping[str, Any]], language: Language) -> Iterator[str]:
    """Say why a value moved, what weighs most first; what moves it by less than is shown is left out."""
    for item in sorted(reasons, key=lambda it: -abs(float(it["effect"] or 0))):
        if item["effect"] is None or short(item["effect"]).strip("-") != "0":
            yield reason(item, language)


def _index(session: Session, measures: Measures, replay: str) -> str:
    """Print the live values of an index and those of the replay, answered to the same question; return the periods it is about."""
    question = Question(by="team", last=LAST_MONTHS)
    live = measures.index(INDEX, question)
    replayed = measures.index(INDEX, replace(question, replay=replay))
    language = session.language
    periods = sorted({row["cell"]["period"] for row in live.data["items"]})
    title(
        session,
        "demo: each team",
        f"index show {INDEX} --by team --period {','.join(periods)} [--replay {replay[:SHORT]}]",
        label=label(live.data["label"], language, INDEX),
    )
    sides = [
        {(row["cell"]["team"], row["cell"]["period"]): row for row in side.data["items"]}
        for side in (live, replayed)
    ]
    if sides[0].keys() != sides[1].keys():
        raise NotAsTold("the live index and the replayed one have other cells")
    table = table_of(word("team", language), *periods)
    for team in sorted({team or "" for team, _ in sides[0]}):
        cells = []
        for period in periods:
            rows = [side.get((team or None, period)) for side in sides]
            cells.append(
                " → ".join(
                    f"{figure(row['value'], 'score')} {band(live, row, language)}" for row in rows if row
                )
                or "–"
            )
        table.add_row(str(live.data["names"].get("team", {}).get(team, team or "–")), *cells)
    session.out.print(table)
    draft = replayed.data["parts"]
    weights = ", ".join(
        f"{label(part['label'], language, name)} {part['weight']} → {draft[name]['weight']}"
        for name, part in live.data["parts"].items()
    )
    session.print("demo: weights", weights=weights, style="dim")
    return ",".join(periods)
