"""The import itself: everything is read and checked first, then submitted in order through the one way into the log."""

import time
from pathlib import Path
from typing import Literal

from commands.ports import Vault
from consumers.importing.language import Mapping
from consumers.importing.plan import plan_import
from consumers.importing.report import ImportRefused, KindCount, Report
from consumers.importing.sources import Content, SourceRefused, read_source
from consumers.importing.submitting import Bus, Progress, Submitting, ToldTime
from domain.playbook.model import Right
from domain.playbook.published import PublishedPlaybook

GatePolicy = Literal["enforce", "record"]


def run_import(
    bus: Bus,
    vault: Vault,
    playbook: PublishedPlaybook,
    mapping: Mapping,
    data: Path,
    *,
    gate_policy: GatePolicy,
    rights: frozenset[Right],
    told_time: ToldTime | None = None,
    progress: Progress | None = None,
) -> Report:
    """Import the files of a folder as a mapping says. The playbook must be in force already.

    With the gate policy `enforce` a row stops at the first gate that is not met; with `record` what is unmet is waived by a named
    override in the event. `rights` are those of whoever runs the import; `told_time` tells the time of a simulated log.
    `progress` is told how many of how many commands are done. An import that was interrupted goes on where it stopped.

    Raises ImportRefused before anything is written: a file that is missing, cut or damaged, or a right that is lacking.
    """
    started = time.monotonic()
    _refuse_without_rights(mapping, gate_policy, rights)
    contents = _read(mapping, data)
    plan = plan_import(mapping, playbook, contents, vault)
    report = Report(mapping.mapping, playbook.name, gate_policy)
    report.rows_read = {name: content.rows_read for name, content in contents.items()}
    report.kinds = {name: KindCount() for name in mapping.records}
    report.repairs.update(plan.repairs)
    report.refused += plan.refused
    Submitting(bus, report, client=f"import:{mapping.mapping}", rights=rights, told_time=told_time).submit(
        plan.steps, progress
    )
    report.seconds = time.monotonic() - started
    return report


def _refuse_without_rights(mapping: Mapping, gate_policy: GatePolicy, rights: frozenset[Right]) -> None:
    problems = []
    if gate_policy == "record" and Right.import_data not in rights:
        problems.append(
            "the gate policy 'record' waives requirements, which needs the right 'import'; use 'enforce', or ask somebody who has it"
        )
    if (mapping.organisation.teams or mapping.organisation.people) and Right.organise not in rights:
        problems.append("the mapping forms an organisation, which needs the right 'organise'")
    if problems:
        raise ImportRefused(problems)


def _read(mapping: Mapping, data: Path) -> dict[str, Content]:
    contents: dict[str, Content] = {}
    problems: list[str] = []
    keys = {record.source: record.key.column for record in mapping.records.values() if record.key is not None}
    for name, source in mapping.sources.items():
        try:
            contents[name] = read_source(name, source, mapping.columns_of(name), data, key=keys.get(name))
        except SourceRefused as error:
            problems += str(error).splitlines()
    if problems:
        raise ImportRefused(problems)
    return contents
