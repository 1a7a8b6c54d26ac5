"""The verb that hands the ledger out: its files, and a manifest that says what they are and whom they are for."""

import hashlib
import json as jsonlib
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.naming import nearest
from infra.cli.reading import JSON
from infra.cli.session import session_of
from infra.ledger import ledger_store
from infra.tenant import Tenant
from projections.as_of import Horizon
from projections.ledger.attributes import FieldTypes
from projections.ledger.export import export_parquet
from projections.ledger.ledger import Ledger
from projections.ledger.ocel import export_ocel
from projections.ledger.tables import SCHEMA_VERSION
from projections.ledger.xes import export_xes

MANIFEST = "manifest.json"
"""What an export says of itself. It is written last, so a folder without it holds an export that did not end."""

SEALED = "sealed"
"""How personal values leave in every export: there is no right to take them along in clear (docs/decisions/0021)."""

FILTERED = False
"""Whether records or fields were left out because of the role: playbooks have rights of roles, and none of them says what a role may not see."""


class Format(StrEnum):
    """How the ledger is handed out."""

    parquet = "parquet"
    ocel = "ocel"
    xes = "xes"


def export(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="The folder to write to; it must be empty or not there yet.")
    ],
    format: Annotated[  # noqa: A002 — the option is called so
        Format,
        typer.Option(help="Parquet, one file a table; OCEL 2.0 as JSON; or XES, one log a kind of record."),
    ] = Format.parquet,
    kind: Annotated[str | None, typer.Option(help="Only records of this kind.")] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="POSITION|TIME", help="As the log knew it then.")
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(
            help="Whom it is for: a role of the playbooks in force, or one that people hold. The manifest names it;"
            " nothing is left out for it, because no playbook says yet what a role may not see."
        ),
    ] = None,
    json: JSON = False,
) -> None:
    """Hand out the ledger, current to the last event, with a manifest. Personal values stay sealed, for every role, and all else is in it for every role."""
    session = session_of(context)
    if folder.exists() and any(folder.iterdir()):
        raise typer.BadParameter(f"{folder} is not empty; an export never writes over anything")
    with session.tenant(caught_up=False) as tenant:
        if role is not None:
            _refuse_unknown(role, _roles(tenant))
        view = Ledger(ledger_store(session.settings), tenant.log).at(_position(tenant, as_of))
        folder.mkdir(parents=True, exist_ok=True)
        with session.progress("export") as advance:
            types = FieldTypes.upto(tenant.log, view.position)
            match format:
                case Format.parquet:
                    written = export_parquet(view, folder, kind=kind, progress=advance)
                case Format.ocel:
                    written = export_ocel(view, folder, types, kind=kind, progress=advance)
                case Format.xes:
                    written = export_xes(view, folder, types, kind=kind, progress=advance)
        manifest = {
            "format": format.value,
            "tables": SCHEMA_VERSION,
            "tenant": tenant.name,
            "clock": tenant.log.genesis.clock,
            "as_of_position": view.position,
            "kind": kind,
            "role": role,
            "filtered": FILTERED,
            "personal_values": SEALED,
            "made_by": f"dealtrail {version('dealtrail')}",
            "files": {name: _described(folder / name, count) for name, count in written.items()},
        }
        told = jsonlib.dumps(manifest, ensure_ascii=False, indent=2)
        (folder / MANIFEST).write_text(f"{told}\n", "utf-8")
    if json:
        answer = {
            "as_of_position": view.position,
            "role": role,
            "filtered": FILTERED,
            "personal_values": SEALED,
            "files": written,
        }
        typer.echo(jsonlib.dumps(answer, ensure_ascii=False))
        return
    for name, count in written.items():
        session.out.print(f"{folder / name}: {count:,}", markup=False)
    whom = "" if role is None else session.sentence("exported for", role=role)
    session.tell("exported", position=view.position, whom=whom, manifest=MANIFEST)


def _roles(tenant: Tenant) -> list[str]:
    """The roles there are: what the playbooks in force define, and what people hold besides from earlier versions."""
    people = tenant.reads.organisation().people.values()
    held = {role for person in people if person.active for role in person.roles}
    return sorted({*tenant.reads.playbooks().roles, *held})


def _refuse_unknown(role: str, known: list[str]) -> None:
    if role in known:
        return
    close = nearest(role, known)
    hint = f"; did you mean {close!r}?" if close else "."
    there_are = f"Roles are: {', '.join(known)}" if known else "No playbook in force has roles"
    raise typer.BadParameter(f"there is no role {role!r}{hint} {there_are}", param_hint="--role")


def _described(path: Path, count: int) -> dict[str, Any]:
    """Say how much a file holds, and what it must be: rows of a table, events of OCEL, traces of XES."""
    with path.open("rb") as content:
        return {
            "count": count,
            "bytes": path.stat().st_size,
            "sha256": hashlib.file_digest(content, "sha256").hexdigest(),
        }


def _position(tenant: Tenant, as_of: str | None) -> int | None:
    horizon = Horizon.read(as_of)
    if horizon.recorded_by is not None:
        return tenant.log.position_at(horizon.recorded_by)
    return horizon.position
