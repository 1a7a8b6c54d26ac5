"""A desk to submit commands from: a bus on an in-memory log, with a playbook, people and accounts in place."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from commands.bus import CommandBus
from commands.submission import Answer, Submission
from domain.organisation.commands import AddPerson, FormTeam, RemovePerson
from domain.playbook.commands import PublishPlaybook
from domain.playbook.model import Right
from domain.record.commands import OpenRecord
from support.given import ACCOUNT, ANNA, BEN, CONTACT, NOW, OTHER_ACCOUNT, ZOE, the_playbook
from support.memory import MemoryLog, MemoryVault

ALL_RIGHTS = frozenset(Right)


class NoJitter(random.Random):
    """Retries at once."""

    def uniform(self, a: float, b: float) -> float:
        """Return no time at all."""
        return 0.0


@dataclass
class Desk:
    """Submits commands to a log, as one process would."""

    log: MemoryLog
    vault: MemoryVault
    actor: str = "system/operator"
    rights: frozenset[Right] = ALL_RIGHTS
    name: str = "desk"
    bus: CommandBus = field(init=False)
    keys: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.bus = CommandBus(self.log, self.vault, jitter=NoJitter())

    def another(self, name: str = "another desk", **about: Any) -> "Desk":
        """A desk of another process: the same log, a cache of its own."""
        return Desk(self.log.another_process(), self.vault, name=name, **about)

    def submission(self, command: Any, *, key: str | None = None, **about: Any) -> Submission:
        """A command as this desk submits it."""
        given = {
            "actor": self.actor,
            "rights": self.rights,
            "client": self.name,
            "channel": "test",
            "occurred_at": NOW,
            **about,
        }
        if self.log.is_simulated:
            given.setdefault("told_time", NOW)
        return Submission(command=command, key=key or f"key-{next(self.keys)}", **given)

    def submit(self, command: Any, **about: Any) -> Answer:
        """Submit one command; raises what it raises."""
        return self.bus.submit(self.submission(command, **about))

    def batch(self, *commands: Any) -> Sequence[Answer]:
        """Submit commands together, prepared submissions among them."""
        return self.bus.submit_batch(
            [item if isinstance(item, Submission) else self.submission(item) for item in commands]
        )


def an_empty_desk(*, told_time: datetime | None = None) -> Desk:
    """A desk on a log in which nothing has happened."""
    vault = MemoryVault()
    return Desk(
        MemoryLog.begun(vault, simulated=told_time is not None, told_time=told_time, clock=lambda: NOW), vault
    )


def a_desk(**about: Any) -> Desk:
    """A desk with the playbook published, Anna and Ben at work, Zoe gone, two accounts and a contact."""
    desk = an_empty_desk(**about)
    answers = desk.batch(
        PublishPlaybook(the_playbook()),
        FormTeam("north", "North", "华北"),
        AddPerson(BEN, "Ben", "north", None, ("head_of_sales",)),
        AddPerson(ANNA, "Anna", "north", BEN, ("seller",)),
        AddPerson(ZOE, "Zoe", "north", BEN),
        RemovePerson(ZOE),
        OpenRecord(ACCOUNT, {"name": "Acme"}),
        OpenRecord(OTHER_ACCOUNT, {"name": "Bolt"}),
        OpenRecord(CONTACT, {"name": "Li Lei"}),
    )
    assert [answer.outcome for answer in answers] == ["accepted"] * 9, answers
    return desk
