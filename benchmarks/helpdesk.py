"""The public log of a help desk (Verenich 2016, 4TU.ResearchData) in the product, and a larger one made of copies of its cases."""

from pathlib import Path

import polars as pl

import playbooks
from benchmarks.grounds import private_grounds
from benchmarks.history import BigLedger, written
from benchmarks.story import Story
from commands.playbook_file import read_playbook
from commands.submission import Submission
from consumers.importing.mapping import read_mapping
from consumers.importing.run import run_import
from domain.events import RecordOpened, StageChanged
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Right
from projections.ledger.manifest import POINTER

_EXAMPLES = Path(playbooks.__file__).parent / "examples"


def imported(data: Path) -> Story:
    """Import the file as the product does, with everything its gates would have refused recorded, and take the log."""
    playbook = read_playbook(_EXAMPLES / "helpdesk.playbook.yaml")
    mapping = read_mapping(_EXAMPLES / "helpdesk.mapping.yaml", {playbook.name: playbook})
    rights = frozenset(Right)
    with private_grounds() as grounds, grounds.tenant("helpdesk") as tenant:
        tenant.bus.submit(
            Submission(
                command=PublishPlaybook(playbook), client="benchmark", key="playbook",
                actor="system/operator", channel="cli", rights=rights,
            )
        )  # fmt: skip
        run_import(tenant.bus, tenant.vault, playbook, mapping, data, gate_policy="record", rights=rights)
        return Story.of(tenant)


def a_help_desk(folder: Path, data: Path, activities: int) -> BigLedger:
    """Return a ledger of at least so many activities; it is opened when it is there, else imported and enlarged by copying its cases."""
    if (folder / POINTER).exists():
        return BigLedger.opened(folder)
    story = imported(data)
    once = sum(isinstance(item.event, RecordOpened | StageChanged) for item in story.events)
    return written(folder, story, max(1, -(-activities // once)))


def described(big: BigLedger) -> str:
    """Say how large it is, and what of it is public."""
    records = big.view.scan("records").select("record").collect().get_column("record").sort()
    activities = big.view.scan("visits").select(pl.len()).collect().item()
    copies = int(records.str.contains(f"^{records[0]}(c[0-9]+)?$").sum())
    public = records.len() // copies
    return f"{activities:,} activities of {records.len():,} tickets: the {public:,} of the public log, each {copies} times under another id"
