"""Verbs that write: import, erase, rebuild."""

import json as jsonlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from consumers.importing.mapping import read_mapping
from consumers.importing.run import run_import
from domain.erasure import EraseSubject, Ground
from domain.refusals import NotFound
from infra.cli import import_report
from infra.cli.session import ALL_RIGHTS, session_of


class GatePolicy(StrEnum):
    """What an import does with requirements that are not met."""

    enforce = "enforce"
    record = "record"


def import_data(
    context: typer.Context,
    mapping: Annotated[
        Path, typer.Option(help="The mapping: which columns become which records, fields, stages and people.")
    ],
    data: Annotated[Path, typer.Option(help="The folder with the files the mapping names.")],
    gate_policy: Annotated[
        GatePolicy,
        typer.Option(
            help="enforce refuses rows whose gates are not met; record takes them in and names what was waived in the event."
        ),
    ] = GatePolicy.record,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the whole report there, as JSON.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import existing data through the same gates as live commands. Running it again adds nothing.

    What is imported is history: it sets nothing off, tells nobody, and is late for nothing. Deadlines watch what happens after the import,
    and days that were still to come; a deadline's go_live in the playbook says otherwise.
    """
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant:
        in_force = tenant.reads.playbooks().in_force
        read = read_mapping(mapping, in_force)
        told = tenant.told_time()
        with session.progress("import") as advance:
            result = run_import(
                tenant.bus,
                tenant.vault,
                in_force[read.playbook],
                read,
                data,
                gate_policy=gate_policy.value,
                rights=ALL_RIGHTS,
                told_time=None if told is None else lambda _: told,
                progress=advance,
            )
        with session.progress("read models") as advance:
            tenant.catch_up.run(advance, processes=False)
    if report is not None:
        report.write_text(jsonlib.dumps(result.to_json(), ensure_ascii=False, indent=2), "utf-8")
    if json:
        typer.echo(jsonlib.dumps(result.to_json(), ensure_ascii=False))
    else:
        session.out.print(import_report.shown(result, in_force[read.playbook].document, session.language))


def erase(
    context: typer.Context,
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="person/per_…, or KIND/ID of a record such as a contact.")
    ],
    ground: Annotated[
        Ground, typer.Option(help="Why. The list is closed: free text could name the person again.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person: their keys are destroyed, what was personal can never be read again, and the log stays whole."""
    session = session_of(context)
    with session.tenant() as tenant:
        is_person = subject.startswith("person/")
        stream = subject if is_person else tenant.reads.named(subject)
        if is_person and stream not in tenant.reads.organisation().people:
            raise NotFound("person", subject)
        if not yes:
            typer.confirm(session.sentence("erase really", stream=stream), abort=True)
        answer = tenant.bus.submit(session.submission(tenant, EraseSubject(stream, ground)))
        session.print("erased", stream=stream, position=answer.events[0].position)


def rebuild(context: typer.Context) -> None:
    """Make all read models again from the first event. The log is not touched."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant, session.progress("rebuild") as advance:
        head = tenant.catch_up.rebuild(advance)
    session.print("rebuilt", position=head)
