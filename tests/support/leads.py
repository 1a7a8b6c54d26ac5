"""A company that works on leads: the shipped playbook, people in regions with skills, and leads that come in."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import playbooks
from commands.playbook_file import parse_playbook
from commands.submission import Answer
from domain.assigning.events import PoolAssigned
from domain.naming import pools_stream
from domain.organisation.commands import AddPerson, FormTeam, SetSkills
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import PublishedPlaybook
from domain.record import state as record_state
from domain.record.commands import OpenRecord
from support.sales import a_submission

SHIPPED = Path(playbooks.__file__).parent / "leads.yaml"
BEGIN = datetime(2026, 2, 2, 1, 0, tzinfo=UTC)
PUBLIC, HQ = "public_pool", "hq_pool"
LI, WANG, ZHAO = "person/per_li", "person/per_wang", "person/per_zhao"
HEAD = "person/per_hq"
_TEXT = SHIPPED.read_text("utf-8")
NO_FALLBACK = (
    ("    fallback: {pool: hq_pool}\n" + (_REST := _TEXT.partition("    fallback: {pool: hq_pool}\n")[2])),
    _REST.partition("  hq_pool:\n")[0],
)
"""What the playbook says less: no pool takes what no rule finds anybody for."""


@cache
def leads_playbook(*changes: tuple[str, str]) -> PublishedPlaybook:
    """The playbook of leads as it ships, or with some of its text replaced."""
    text = SHIPPED.read_text("utf-8")
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return parse_playbook(text, "leads.yaml")


class Leads:
    """A tenant with the playbook of leads and a few people: Li, Wang and Zhao sell in the east, Hq at headquarters."""

    def __init__(self, tenant: Any, *, published: PublishedPlaybook | None = None) -> None:
        self.tenant = tenant
        self.clock = BEGIN if tenant.log.is_simulated else None
        self.do(PublishPlaybook(published or leads_playbook()))
        self.do(FormTeam("east", "华东一部", region="华东"))
        self.do(FormTeam("hq", "总部", region="总部"))
        for person, name in ((LI, "李"), (WANG, "王"), (ZHAO, "赵")):
            self.join(person, name)
            self.do(SetSkills(person, ("医疗",)))
        self.do(AddPerson(HEAD, "总", team="hq", roles=("hq_sales",)))

    def join(self, person: str, name: str, team: str | None = "east", **about: Any) -> Answer:
        """Let somebody join as a salesperson."""
        return self.do(AddPerson(person, name, team=team, roles=("sales",), **about))

    def do(self, command: Any, key: str | None = None, **about: Any) -> Answer:
        """Carry a command out, a minute after the one before."""
        if self.clock is not None:
            self.clock += timedelta(minutes=1)
            about = {"told_time": self.clock} | about
        return self.tenant.bus.submit(a_submission(command, key, **about))

    def lead(self, name: str, **fields: Any) -> str:
        """A lead comes in, of a medical company in the east unless told otherwise; return its stream."""
        stream = f"lead/lea_{name}"
        given = {"region": "华东", "industry": "医疗", **fields}
        self.do(
            OpenRecord(stream, {name: value for name, value in given.items() if value is not None}),
            actor="system/website",
        )
        return stream

    def settle(self) -> None:
        """Let the workers read until nothing moves any more."""
        head = -1
        while head != self.tenant.log.head():
            head = self.tenant.log.head()
            self.tenant.catch_up.run()

    def owner(self, stream: str) -> str | None:
        """Who owns a lead."""
        record = record_state.fold(None, self.tenant.log.stream(stream))
        assert record is not None
        return record.owner

    def decisions(self, pool: str = PUBLIC) -> list[PoolAssigned]:
        """What a pool decided, in order."""
        events = self.tenant.log.stream(pools_stream(pool))
        return [event.event for event in events if isinstance(event.event, PoolAssigned)]
