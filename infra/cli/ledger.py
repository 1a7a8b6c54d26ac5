"""Verbs about the ledger: how far it is, bring it up to the log, check it, make it again, hand it out."""

import json as jsonlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.ledger_export import export
from infra.cli.reading import JSON
from infra.cli.render import PlainTable
from infra.cli.session import Session, session_of
from infra.cli.words import word
from infra.ledger import ObjectStoreLedger, ledger_store, writing
from infra.settings import Settings
from infra.tenant import Tenant
from projections.ledger.checking import Finding, check_files, check_rows, repair
from projections.ledger.ledger import Ledger
from projections.ledger.manifest import Manifest
from projections.ledger.store import LedgerDamaged
from projections.ledger.tables import TABLES

ledger = typer.Typer(
    no_args_is_help=True,
    help="The log in columns, for analyses: what is kept, whether it is whole, and what to hand out.",
)


@ledger.command("status")
def status(context: typer.Context, json: JSON = False) -> None:
    """Show how far the ledger is, and how many rows each table keeps."""
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant:
        opened = _ledger(session.settings, tenant)
        manifest, head = opened.manifest(), tenant.log.head()
    if json:
        typer.echo(jsonlib.dumps(_status(manifest, head), ensure_ascii=False))
        return
    session.print("ledger behind", position=manifest.position, head=head, behind=head - manifest.position)
    session.out.print(_table(manifest, session.language))


@ledger.command("update")
def update(context: typer.Context, json: JSON = False) -> None:
    """Write what the log has and the ledger has not."""
    session = session_of(context)
    with (
        session.tenant(caught_up=False) as tenant,
        writing(tenant.pool),
        session.progress("ledger") as advance,
    ):
        manifest = _ledger(session.settings, tenant).update(advance)
    _tell(session, manifest, json)


@ledger.command("rebuild")
def rebuild(context: typer.Context, json: JSON = False) -> None:
    """Make the ledger again from the first event, beside the one in force."""
    session = session_of(context)
    with (
        session.tenant(caught_up=False) as tenant,
        writing(tenant.pool),
        session.progress("ledger") as advance,
    ):
        manifest = _ledger(session.settings, tenant).rebuild(advance)
    _tell(session, manifest, json)


@ledger.command("verify")
def verify(
    context: typer.Context,
    rows: Annotated[
        bool, typer.Option("--rows", help="Make it again beside, and compare every row with what is kept.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Only name what is wrong; make nothing again.")
    ] = False,
    json: JSON = False,
) -> None:
    """Check every file of the ledger by its SHA-256, and make again from the log what is missing, cut or edited.

    Exit status 1 when something was wrong, also when it is right now.
    """
    session = session_of(context)
    with session.tenant(caught_up=False) as tenant, writing(tenant.pool):
        opened = _ledger(session.settings, tenant)
        try:
            findings = _findings(session, tenant, opened, rows=rows)
        except LedgerDamaged as damaged:
            # Without a manifest nobody knows what the files should be.
            findings = [Finding("manifest", "edited")]
            session.say(str(damaged))
            if not keep:
                with session.progress("ledger") as advance:
                    opened.rebuild(advance)
        else:
            if findings and not keep:
                with session.progress("segments") as advance:
                    repair(opened, findings, advance)
    if json:
        told = [{"file": f.file, "fault": f.fault, "table": f.table, "position": f.position or None} for f in findings]  # fmt: skip
        typer.echo(jsonlib.dumps({"repaired": bool(findings) and not keep, "findings": told}))
    else:
        _tell_findings(session, findings, repaired=not keep)
    if findings:
        raise typer.Exit(1)


ledger.command("export")(export)


def _ledger(settings: Settings, tenant: Tenant) -> Ledger:
    return Ledger(ledger_store(settings), tenant.log)


def _findings(session: Session, tenant: Tenant, opened: Ledger, *, rows: bool) -> list[Finding]:
    with session.progress("files") as advance:
        findings = check_files(opened, advance)
    if rows and not [finding for finding in findings if finding.fault != "surplus"]:
        with (
            tempfile.TemporaryDirectory() as folder,
            session.progress("rows") as advance,
        ):
            beside = Ledger(ObjectStoreLedger.in_folder(Path(folder)), tenant.log)
            findings += check_rows(opened, beside, advance)
    return findings


def _status(manifest: Manifest, head: int) -> dict[str, Any]:
    return {
        "position": manifest.position,
        "events_behind": head - manifest.position,
        "generation": manifest.generation,
        "schema": manifest.schema,
        "partitions": manifest.partitions,
        "tables": {
            name: {
                "rows": sum(segment.rows for segment in manifest.of(name)),
                "segments": len(manifest.of(name)),
                "bytes": sum(segment.size_bytes for segment in manifest.of(name)),
            }
            for name in TABLES
        },
    }


def _table(manifest: Manifest, language: str) -> PlainTable:
    table = PlainTable()
    for name in ("table", "rows", "segments", "bytes"):
        table.add_column(word(name, language), justify="left" if name == "table" else "right")
    for name, figures in _status(manifest, manifest.position)["tables"].items():
        table.add_row(name, *(f"{figure:,}" for figure in figures.values()))
    return table


def _tell(session: Session, manifest: Manifest, json: bool) -> None:
    if json:
        typer.echo(jsonlib.dumps(_status(manifest, manifest.position), ensure_ascii=False))
    else:
        rows = sum(segment.rows for segment in manifest.segments)
        session.print("ledger at", position=manifest.position, rows=rows, segments=len(manifest.segments))


def _tell_findings(session: Session, findings: Sequence[Finding], *, repaired: bool) -> None:
    if not findings:
        session.print("ledger whole")
    for finding in findings:
        at = session.sentence("first at", position=finding.position) if finding.position else ""
        done = session.sentence("removed" if finding.fault == "surplus" else "made again")
        fault = session.sentence(f"fault {finding.fault}")
        session.print("finding", file=finding.file, fault=fault, at=at, done=done if repaired else "")
