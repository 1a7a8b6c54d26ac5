"""The second half of the demo: what the year measures, the cases behind a number, and what other rules would have made of it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from domain.events import PlaybookDrafted
from domain.playbook.commands import DraftPlaybook
from domain.playbook.measuring import Band
from domain.playbook.published import PublishedPlaybook
from infra.cli.measuring import figure
from infra.cli.render import PlainTable, label, moment
from infra.cli.replay_tables import impact_shown
from infra.cli.session import Session
from infra.cli.words import word
from infra.ledger import ledger_store, writing
from infra.replay_engine import LedgerEngine
from infra.replays import ReplayJobs, Wanted
from infra.report import report
from infra.tenant import Tenant
from projections import replay_answers as answers
from projections.ledger.ledger import Ledger
from projections.lens import Visible
from projections.lists import Ask
from projections.measured import Measures, Question
from projections.replay_jobs import Job, State
from projections.replay_window import Words, read_window

METRIC, NUMBER = "dwell", "judged"
SHOWN_NUMBERS = {
    "visits": "visits",
    "running": "still there",
    "judged": "left again",
    "median_seconds": "median",
    "p90_seconds": "90 % left within",
    "business_median_seconds": "median in working hours",
}
INDEX, STUCK_INDEX = "phi", "poc_health"
LAST_MONTHS = 3
SHOWN_CASES = 5
SHOWN_STUCK = 6
SHOWN_MOVERS = 8
PARTITIONS = 1
"""A year of forty-two people is little: to cut it into parts would take longer than to read it."""

SHORT = 12
"""How much of a replay's id is enough to name it."""

_LOOK_SECONDS = 0.25


class NotAsTold(RuntimeError):
    """What the demo says of itself does not hold: a number and the cases behind it differ, or a replay does not end."""


@dataclass(frozen=True)
class Looked:
    """What the demo goes on from: the replay, and where its report was written."""

    replay: str
    report: Path


def title(session: Session, text: str, command: str = "") -> None:
    """Begin a chapter; under it stands the command that shows the same."""
    session.out.print()
    session.out.rule(f"[bold]{text}[/bold]", align="left", style="dim")
    if command:
        session.out.print(Text(f"$ dealtrail --tenant demo {command}", style="dim"), soft_wrap=True)


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
        _metric(session, tenant, measures, kind)
        _stuck(session, measures)
        job = _replayed(session, tenant, jobs, draft)
        shown = answers.show_result(tenant.reads, jobs, job.id)
        _impact(session, tenant, draft, shown)
        file = session.settings.home / f"replay-{job.id[:SHORT]}.html"
        file.write_bytes(report(shown, "zh" if session.language == "zh" else "en"))
        session.out.print(f"report: {file.absolute()}", soft_wrap=True, markup=False, style="bold")
        _index(session, measures, job.id)
    return Looked(job.id, file)


def paths(kind: str, replay: str) -> tuple[str, ...]:
    """Return where the same is asked over HTTP, below /v1."""
    index = f"indices/{INDEX}?by=team&last={LAST_MONTHS}"
    return (
        f"metrics/{METRIC}?kind={kind}&by=step",
        index,
        f"{index}&replay={replay}",
        f"replays/{replay}/report",
    )


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _metric(session: Session, tenant: Tenant, measures: Measures, kind: str) -> None:
    """Print a metric by step, and open one of its numbers."""
    title(session, "how long do deals stand in each step?", f"metric show {METRIC} --by step")
    question = Question(kind, "step")
    answer = measures.metric(METRIC, question)
    way = tenant.reads.playbooks().for_kind(kind).kind(kind).open_stages
    rows = [row for step in way for row in answer.data["items"] if row["cell"]["step"] == step]
    language = session.language
    table = _table(word("stage", language))
    for heading in SHOWN_NUMBERS.values():
        table.add_column(word(heading, language), justify="right")
    for row in rows:
        table.add_row(
            _called(answer, "step", row, language), *(_figure(row[name], name) for name in SHOWN_NUMBERS)
        )
    session.out.print(table)
    slowest = max(rows, key=lambda row: row["median_seconds"] or 0)
    _cases(session, measures, slowest, _called(answer, "step", slowest, language), question)


def _cases(
    session: Session, measures: Measures, row: Mapping[str, Any], called: str, question: Question
) -> None:
    cell = f"step={row['cell']['step']}"
    title(
        session,
        f"which visits are the {row[NUMBER]:,} behind the median of {called!r}?",
        f"metric cases {METRIC} --number {NUMBER} --cell {cell}",
    )
    answer = measures.metric_cases(METRIC, NUMBER, [cell], question, Ask(limit=SHOWN_CASES), among=False)
    if answer.data["total"] != row[NUMBER]:
        raise NotAsTold(
            f"{METRIC} counts {row[NUMBER]:,} in {cell}, and {answer.data['total']:,} cases are behind it"
        )
    language = session.language
    table = _table(*(word(name, language) for name in ("record", "came (UTC)", "left (UTC)")))
    for name in ("stayed", "in working hours", "came at position"):
        table.add_column(word(name, language), justify="right")
    for case in answer.data["items"]:
        table.add_row(
            case["record_name"] or case["record"],
            *(moment(case[name]) for name in ("entered_at", "left_at")),
            *(_figure(case[name], name) for name in ("seconds", "business_seconds")),
            f"{case['position']:,}",
        )
    session.out.print(table)
    session.out.print(
        f"the first {len(answer.data['items'])} of {answer.data['total']:,} cases: exactly as many as the number says",
        style="dim",
    )


def _stuck(session: Session, measures: Measures) -> None:
    """Print an index of single deals: those that stand in a step for too long, the worst first."""
    answer = measures.index(STUCK_INDEX, Question())
    data, language = answer.data, session.language
    rows = sorted(data["items"], key=lambda row: (row["value"] is None, float(row["value"] or 0)))
    days = data["stuck"]["longer_than_days"]
    title(
        session,
        f"{len(rows)} deals are stuck in the POC for more than {days} days; what have their owners done lately?",
        f"index show {STUCK_INDEX}",
    )
    table = _table(*(word(name, language) for name in ("record", "owner", "since")))
    table.add_column(
        label(data["label"], language, STUCK_INDEX), justify="right", overflow="fold", max_width=16
    )
    table.add_column(word("band", language))
    for name, part in data["parts"].items():
        table.add_column(label(part["label"], language, name), justify="right", overflow="fold", max_width=18)
    for row in rows[:SHOWN_STUCK]:
        parts = (row["components"][name] for name in data["parts"])
        table.add_row(
            _called(answer, "record", row, language),
            _called(answer, "owner", row, language),
            moment(row["cell"]["entered_at"])[:10],
            figure(row["value"], "score"),
            _band(answer, row, language),
            *(f"{_short(part['measured'])} → {_short(part['score'])}" for part in parts),
        )
    session.out.print(table)
    session.out.print(
        f"the worst {min(SHOWN_STUCK, len(rows))} of {len(rows)}; each component: what was counted → its score",
        style="dim",
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
        f"what would stricter rules have done to this year?   draft {number} is kept, and replayed",
        f"replay run {draft.name} --draft-number {number}",
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


def _impact(session: Session, tenant: Tenant, draft: PublishedPlaybook, shown: Visible) -> None:
    """Print an impact: first the gates, then the indices of all months together, those that move farthest first."""
    impact = shown.data["impact"]
    gates = replace(shown, data={**shown.data, "impact": {**impact, "indices": []}})
    impact_shown(gates, session.out, session.language)
    language = session.language
    teams = tenant.reads.organisation().teams
    movers = []
    for (name, called), months in groupby(
        impact["indices"], lambda it: (it["index"], label(it["label"], language, it["index"]))
    ):
        found = [*months]
        cells, changed = (sum(it[count] for it in found) for count in ("cells", "changed"))
        session.out.print(f"{called}: {changed:,} of {cells:,} values change", style="bold", markup=False)
        movers += [
            (name, it["period"], mover)
            for it in found
            for mover in it["movers"]
            if _is_somebody(mover["cell"])
        ]
    movers.sort(key=lambda it: -abs(float(it[2]["delta"] or 0)))
    table = _table(
        *(word(name, language) for name in ("whose", "period", "before", "after", "difference", "because of"))
    )
    for name, period, mover in movers[:SHOWN_MOVERS]:
        cell = mover["cell"]
        team = teams.get(cell.get("team") or "")
        table.add_row(
            cell.get("owner_name") or (team.name if team is not None else str(cell)),
            period or "",
            *(figure(mover[side], "score") for side in ("before", "after")),
            f"{float(mover['delta']):+.1f}" if mover["delta"] else word("unknown", language),
            "; ".join(_reasons(mover["reasons"], draft.document.indices[name].bands, language)),
        )
    session.out.print(table)
    session.out.print(
        f"the {min(SHOWN_MOVERS, len(movers))} people and teams that move farthest; the report shows the others",
        style="dim",
    )


def _is_somebody(cell: Mapping[str, Any]) -> bool:
    """A person or a team; the cells of regions and of everybody are in the report."""
    return bool(cell.get("owner") or cell.get("team"))


def _reasons(reasons: Iterable[Mapping[str, Any]], bands: Mapping[str, Band], language: str) -> Iterator[str]:
    """Say why a value moved, what weighs most first; what moves it by less than is shown is left out."""
    for reason in sorted(reasons, key=lambda it: -abs(float(it["effect"] or 0))):
        what, effect = word(reason["what"], language), reason["effect"]
        sides = [reason["before"], reason["after"]]
        if reason["what"] == "band":
            yield f"{what} {' → '.join(_called_band(bands, side, language) for side in sides)}"
        elif effect is None or _short(effect).strip("-") != "0":
            part = label(reason["component_label"], language, reason["component"] or "")
            by = "" if effect is None else f" ({float(effect):+.1f})"
            yield f"{part}, {what} {' → '.join(map(_short, sides))}{by}"


def _called_band(bands: Mapping[str, Band], band: str | None, language: str) -> str:
    known = bands.get(band or "")
    return word("unknown", language) if known is None else known.label.model_dump()[language]


def _index(session: Session, measures: Measures, replay: str) -> None:
    """Print the live values of an index and those of the replay, answered to the same question."""
    question = Question(by="team", last=LAST_MONTHS)
    live = measures.index(INDEX, question)
    replayed = measures.index(INDEX, replace(question, replay=replay))
    language = session.language
    title(
        session,
        f"{label(live.data['label'], language, INDEX)} of each team: live → as the draft would have it, the same question twice",
        f"index show {INDEX} --by team --last {LAST_MONTHS} [--replay {replay[:SHORT]}]",
    )
    sides = [
        {(row["cell"]["team"], row["cell"]["period"]): row for row in side.data["items"]}
        for side in (live, replayed)
    ]
    if sides[0].keys() != sides[1].keys():
        raise NotAsTold("the live index and the replayed one have other cells")
    periods = sorted({period for _, period in sides[0]})
    table = _table(word("team", language), *periods)
    for team in sorted({team or "" for team, _ in sides[0]}):
        cells = []
        for period in periods:
            rows = [side.get((team or None, period)) for side in sides]
            cells.append(
                " → ".join(
                    f"{figure(row['value'], 'score')} {_band(live, row, language)}" for row in rows if row
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
    session.out.print(f"weights: {weights}", style="dim")


# ── how it looks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _table(*columns: str) -> Table:
    table = PlainTable(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _called(answer: Visible, dimension: str, row: Mapping[str, Any], language: str) -> str:
    value = row["cell"][dimension]
    name = answer.data["names"].get(dimension, {}).get(value)
    return label(name, language, value) if isinstance(name, Mapping) else str(name or value or "–")


def _band(answer: Visible, row: Mapping[str, Any], language: str) -> str:
    bands = answer.data["bands"]
    return (
        label(bands[row["band"]]["label"], language, row["band"])
        if row["band"] in bands
        else word("unknown", language)
    )


def _figure(value: Any, name: str) -> str:
    """Spell a figure; working time in hours, because a day of it has no length everybody knows."""
    if value is not None and name.startswith("business_"):
        return f"{int(float(value)) // 3_600:,} h"
    return figure(value, name)


def _short(value: Any) -> str:
    """A number with one decimal at most; anything else as it is."""
    try:
        return f"{float(value):.1f}".removesuffix(".0")
    except (TypeError, ValueError):
        return "–" if value is None else str(value)
