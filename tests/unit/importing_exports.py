"""A small export of a CRM, written by hand: the same files as the public one, with a handful of rows."""

from dataclasses import dataclass, field
from pathlib import Path

from support.memory import MemoryLog, MemoryVault

import playbooks
from commands.bus import CommandBus
from commands.playbook_file import read_playbook
from commands.submission import Submission
from consumers.importing.mapping import Mapping, parse_mapping
from consumers.importing.plan import Plan, plan_import
from consumers.importing.report import Report
from consumers.importing.run import GatePolicy, run_import
from consumers.importing.sources import read_source
from consumers.importing.submitting import Progress
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Right

EXAMPLES = Path(playbooks.__file__).parent / "examples"
CRM = read_playbook(EXAMPLES / "crm.playbook.yaml")
CRM_MAPPING = (EXAMPLES / "crm.mapping.yaml").read_text("utf-8")
HELPDESK = read_playbook(EXAMPLES / "helpdesk.playbook.yaml")
HELPDESK_MAPPING = (EXAMPLES / "helpdesk.mapping.yaml").read_text("utf-8")
ALL_RIGHTS = frozenset(Right)

ACCOUNTS = """account,sector,year_established,revenue,employees,office_location,subsidiary_of
Acme,technolgy,1996,1100.04,2822,United States,
Acme Kenya,retail,2001,12.5,40,Kenya,Acme
"""
TEAMS = """sales_agent,manager,regional_office
Ann,Dora,Central
Bob,Mel,Central
"""
PIPELINE_HEADER = "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n"
PIPELINE = """P1,Ann,GTXPro,,Prospecting,,,
E1,Ann,GTK 500,Acme,Engaging,1/5/2017,,
W1,Bob,MG Special,Acme Kenya,Won,1/2/2017,1/31/2017,1054
L1,Bob,GTX Basic,Acme,Lost,1/3/2017,1/4/2017,0
"""


@dataclass
class Export:
    """A folder with the files of an export, and a log to import them into."""

    folder: Path
    mapping_text: str = CRM_MAPPING
    vault: MemoryVault = field(default_factory=MemoryVault)

    def __post_init__(self):
        self.log = MemoryLog.begun(self.vault)
        self.bus = CommandBus(self.log, self.vault)
        self.playbook = CRM
        self.write(accounts=ACCOUNTS, sales_teams=TEAMS, sales_pipeline=PIPELINE_HEADER + PIPELINE)

    def write(self, **files: str | bytes) -> "Export":
        """Write files of the export; returns the export."""
        for name, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            (self.folder / f"{name}.csv").write_bytes(raw)
        return self

    def deals(self, *rows: str) -> "Export":
        """Write the pipeline with these rows only."""
        return self.write(sales_pipeline=PIPELINE_HEADER + "".join(f"{row}\n" for row in rows))

    @property
    def mapping(self) -> Mapping:
        """The mapping, read again."""
        return parse_mapping(self.mapping_text, "crm.mapping.yaml", {self.playbook.name: self.playbook})

    def plan(self) -> Plan:
        """Plan the import of all files."""
        mapping = self.mapping
        contents = {
            name: read_source(name, source, mapping.columns_of(name), self.folder)
            for name, source in mapping.sources.items()
        }
        return plan_import(mapping, self.playbook, contents, self.vault)

    def publish(self, playbook=None) -> "Export":
        """Put the playbook into force."""
        publication = PublishPlaybook(playbook or self.playbook)
        origin = {"client": "test", "actor": "system/operator", "channel": "cli", "rights": ALL_RIGHTS}
        self.bus.submit(Submission(command=publication, key=f"publish {self.log.head()}", **origin))
        return self

    def run(
        self, gate_policy: GatePolicy = "record", *, rights=ALL_RIGHTS, progress: Progress | None = None
    ) -> Report:
        """Import all files."""
        return run_import(
            self.bus,
            self.vault,
            self.playbook,
            self.mapping,
            self.folder,
            gate_policy=gate_policy,
            rights=rights,
            progress=progress,
        )
