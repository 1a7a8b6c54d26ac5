"""From rows to commands: what each row says happened, to what, by whom and when; and what keeps a row from saying it."""

from collections.abc import Mapping as Named
from dataclasses import dataclass, field

from commands.ports import Vault
from consumers.importing.cells import Cells
from consumers.importing.language import Mapping, RecordMapping
from consumers.importing.organisation import plan_organisation
from consumers.importing.records import Draft, RecordPlanner
from consumers.importing.report import RefusedRow
from consumers.importing.snapshot import SnapshotPlanner
from consumers.importing.sources import CASE, Content, Row
from consumers.importing.steps import Ids, Origin, Step, in_order
from consumers.importing.traces import TracePlanner
from domain.playbook.published import PublishedPlaybook


@dataclass(frozen=True, slots=True)
class Plan:
    """Every command of an import in the order it is submitted, and the rows that gave none."""

    steps: list[Step] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    repairs: Named[str, int] = field(default_factory=dict)


def plan_import(
    mapping: Mapping, playbook: PublishedPlaybook, contents: Named[str, Content], vault: Vault
) -> Plan:
    """Turn the rows of all sources into commands; a row that is wrong in any way gives none, and the others go on."""
    cells = Cells(mapping, Ids(mapping.mapping, playbook, vault))
    refused = [row for content in contents.values() for row in content.refused]
    steps, refused_people = plan_organisation(mapping, contents, cells)
    refused += refused_people
    rows_of = {
        name: _by_record(record, contents[record.source], mapping, cells)
        for name, record in mapping.records.items()
    }
    cells.targets = {name: {key for key, _ in records} for name, records in rows_of.items()}
    drafts: dict[tuple[str, str], Draft] = {}
    seen: dict[tuple[str, str], str] = {}
    for name, record in mapping.records.items():
        source = mapping.sources[record.source]
        how: type[RecordPlanner] = SnapshotPlanner if source.xes is None else TracePlanner
        planner = how(mapping, name, playbook.kind(name), cells)
        for key, rows in rows_of[name]:
            origin = Origin(name, record.source, source.file, rows[0].place, key)
            reasons: list[str] = []
            if key and (name, key) in seen:
                reasons.append(f"the {name} {key!r} is already that of {seen[name, key]}")
            seen.setdefault((name, key), origin.place)
            draft = planner.draft(origin, rows, reasons)
            if draft is None:
                refused.append(origin.refused(reasons))
            else:
                drafts[name, key] = draft
    refused += _without_what_they_lead_to(drafts)
    steps += [step for draft in drafts.values() for step in draft.steps]
    steps += [step for draft in drafts.values() for step in draft.relations]
    return Plan(in_order(steps), refused, cells.repairs)


def _by_record(
    record: RecordMapping, content: Content, mapping: Mapping, cells: Cells
) -> list[tuple[str, list[Row]]]:
    """The natural key and the rows of each record: one row of a CSV file, all events of a trace."""
    xes = mapping.sources[record.source].xes
    if xes is None:
        assert record.key is not None
        return [(cells.peek(record.key, row) or "", [row]) for row in content.rows]
    traces: dict[int, list[Row]] = {}
    for row in content.rows:
        traces.setdefault(row.trace, []).append(row)
    return [(rows[0].values[CASE + xes.trace_id], rows) for rows in traces.values()]


def _without_what_they_lead_to(drafts: dict[tuple[str, str], Draft]) -> list[RefusedRow]:
    """Take out the records that lead to refused ones, until none is left that does."""
    refused: list[RefusedRow] = []
    before = -1
    while before != len(refused):
        before = len(refused)
        for key, draft in list(drafts.items()):
            missing = sorted(target for target in draft.leads_to if target not in drafts)
            if missing:
                refused.append(
                    draft.origin.refused(
                        [f"leads to the {kind} {name!r}, which is refused itself" for kind, name in missing]
                    )
                )
                del drafts[key]
    return refused
