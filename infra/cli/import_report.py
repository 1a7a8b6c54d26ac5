"""What an import did, for a terminal: in one language, kinds and requirements under the names the playbook has for them."""

from collections.abc import Iterable, Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from consumers.importing.report import KindCount, Report
from domain.playbook.model import Playbook
from infra.cli.sentences import sentence
from infra.cli.words import word
from infra.http.in_chinese import in_chinese

LINES = 12
"""How many lines of a long list are shown; the JSON has them all."""

_COUNTED = ("newly opened", "moves", "of these re-entries", "field edits", "relations")


def shown(report: Report, playbook: Playbook, language: str) -> Group:
    """Return a report to print; long lists are cut, and say by how much."""
    parts: list[Table | Text] = [Text(line) for line in _lines(report, language)]
    if any(count != KindCount() for count in report.kinds.values()):
        parts.append(_kinds(report, playbook, language))
    for title, counted in (("repaired", report.repairs), ("waived", report.waived)):
        lines = [f"{count:,} × {told}" for told, count in counted.most_common()]
        parts += _listed(word(title, language), lines, language)
    refused = [
        f"{row.file}, {row.place}{f', {row.key}' if row.key else ''}: {_reasons(row.reasons, language)}"
        for row in report.refused
    ]
    parts += _listed(sentence("rows refused", language, rows=len(refused)), refused, language)
    return Group(*parts)


def _lines(report: Report, language: str) -> Iterator[str]:
    joined = "、" if language == "zh" else ", "
    read = joined.join(
        sentence("rows of", language, rows=count, source=source) for source, count in report.rows_read.items()
    )
    yield sentence("rows read", language, mapping=report.mapping, read=read, seconds=f"{report.seconds:.1f}")
    if report.first_position is None:
        yield sentence("nothing new", language, replayed=report.replayed, commands=report.commands)
        return
    again = sentence("imported before", language, replayed=report.replayed) if report.replayed else ""
    yield sentence(
        "events imported",
        language,
        events=report.events,
        first=report.first_position,
        last=report.last_position,
        again=again,
    )
    if report.people or report.teams:
        yield sentence("people and teams", language, people=report.people, teams=report.teams)


def _kinds(report: Report, playbook: Playbook, language: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for title in _COUNTED:
        table.add_column(word(title, language), justify="right")
    for name, count in report.kinds.items():
        kind = playbook.kinds.get(name)
        called = name if kind is None else kind.label.in_language(language)
        numbers = (count.opened, count.moves, count.re_entries, count.field_edits, count.relations)
        table.add_row(Text(called), *(f"{number:,}" for number in numbers))
    return table


def _reasons(reasons: Iterable[str], language: str) -> str:
    return "；".join(map(in_chinese, reasons)) if language == "zh" else "; ".join(reasons)


def _listed(title: str, lines: list[str], language: str) -> list[Table | Text]:
    if not lines:
        return []
    left = len(lines) - LINES
    more = [Text(f"  {sentence('more in the report', language, left=left)}")] if left > 0 else []
    colon = "：" if language == "zh" else ":"
    return [Text(f"{title}{colon}"), *(Text(f"  {line}") for line in lines[:LINES]), *more]
