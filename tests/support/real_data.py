"""The public data sets in a log: their playbooks, their mappings, and the import of one of them."""

from pathlib import Path

import playbooks
from commands.playbook_file import read_playbook
from commands.submission import Submission
from consumers.importing.mapping import read_mapping
from consumers.importing.report import Report
from consumers.importing.run import run_import
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Right
from infra.tenant import Tenant

EXAMPLES = Path(playbooks.__file__).parent / "examples"


def import_into(tenant: Tenant, name: str, folder: Path) -> Report:
    """Publish the playbook of a data set and import it, recording what its gates would have refused."""
    playbook = read_playbook(EXAMPLES / f"{name}.playbook.yaml")
    rights = frozenset(Right)
    publication = PublishPlaybook(playbook)
    tenant.bus.submit(
        Submission(
            command=publication,
            client="test",
            key=name,
            actor="system/operator",
            channel="cli",
            rights=rights,
        )
    )
    mapping = read_mapping(EXAMPLES / f"{name}.mapping.yaml", {name: playbook})
    return run_import(
        tenant.bus, tenant.vault, playbook, mapping, folder, gate_policy="record", rights=rights
    )
