"""How the demo tells of a replay: what would these rules have done?"""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.playbook.published import PublishedPlaybook
from infra.cli.render import PlainTable
from infra.tenant import Tenant
from projections import replay as replaying
from projections.ledger.view import View
from projections.lens import Visible

SHOWN_POSITIONS = 6


def render(visible: Visible, out: Console) -> None:
    """Print an impact: the law first, then what changes, what cannot be judged, and whom it concerns."""
    report = visible.data
    erased = f", {report['erased']:,} hang on erased values" if report["erased"] else ""
    out.print(
        f"reproduces {report['reproduced']:,} of {report['decisions']:,} recorded decisions under the published rules{erased}",
        style="bold",
    )
    if report["different"]:
        out.print(
            f"[red]{len(report['different'])} come out differently, which must not be; first at position {report['different'][0]}[/red]"
        )
    changed, unknown = report["changed"], report["not_judgeable"]
    records, people = {row["record"] for row in changed}, {row["owner"] or row["actor"] for row in changed}
    share = f" ({100 * len(changed) / report['judged']:.1f} %)" if report["judged"] else ""
    out.print(
        f"the draft of {report['playbook']!r} changes [bold]{len(changed):,}[/bold] of {report['judged']:,} decisions{share}: "
        f"{len(records):,} records, {len(people):,} people; {len(unknown):,} cannot be judged"
    )
    if changed:
        out.print(_table("decisions that change", changed))
        out.print(_people(changed))
    if unknown:
        out.print(
            _table(
                "not judgeable: asks for what nobody knew, or no playbook asked for, at that moment", unknown
            )
        )
    out.print(
        "[dim]Each decision is judged on its own; people might have acted otherwise after another answer. Nothing was written.[/dim]"
    )


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = PlainTable(title=title, title_justify="left")
    has_unknown_moments = any(row["occurred_at"] is None for row in rows)
    figures = ["decisions", "records", *(["moment unknown"] if has_unknown_moments else [])]
    for name in ("decision", "verdict", "requirement", *figures, "event positions"):
        table.add_column(name, justify="right" if name in figures else "left", overflow="fold")
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        for requirement in row["requirements"]:
            groups.setdefault((row["attempt"], row["verdict"], requirement), []).append(row)
    for (attempt, verdict, requirement), members in sorted(groups.items(), key=lambda item: -len(item[1])):
        positions = " ".join(str(row["position"]) for row in members[:SHOWN_POSITIONS])
        left = len(members) - SHOWN_POSITIONS
        counts = [len(members), len({row["record"] for row in members})]
        if has_unknown_moments:
            counts.append(sum(row["occurred_at"] is None for row in members))
        more = f" … and {left:,} more (--json lists all)" if left > 0 else ""
        table.add_row(attempt, verdict, requirement, *(f"{count:,}" for count in counts), positions + more)
    return table


def _people(rows: list[dict[str, Any]], most: int = 10) -> Table:
    counts: dict[str, int] = {}
    for row in rows:
        name = row["owner_name"] or row["owner"] or row["actor_name"] or row["actor"]
        counts[name] = counts.get(name, 0) + 1
    table = PlainTable(title=f"people ({len(counts)})", title_justify="left")
    table.add_column("who answers for the record")
    table.add_column("decisions that change", justify="right")
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]:
        table.add_row(name, f"{count:,}")
    if len(counts) > most:
        table.add_row(Text(f"… and {len(counts) - most} more (--json lists all)", style="dim"), "")
    return table


def asked(tenant: Tenant, view: View, draft: PublishedPlaybook, after: int = 0) -> replaying.Ask:
    """Ask what a draft would have done to every decision after a position."""
    return replaying.Ask(
        replaying.Window(after, view.position),
        draft=draft,
        moment=tenant.reads.recorded_at(view.position),
        clock=tenant.log.genesis.clock,
    )
