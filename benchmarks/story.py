"""A year of selling on a log of its own, kept event by event: what the big ledgers of benchmarks are made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from benchmarks.grounds import Grounds, private_grounds
from benchmarks.rehearsal import the_playbook
from commands.submission import NOW, Answer, Submission
from consumers.simulator import Scenario, simulate
from domain.assigning.events import PoolAssigned, PoolClaimed, PoolRecycled, PoolReturned
from domain.deadlines.events import DeadlineAcknowledged, DeadlineNoticed
from domain.envelope import Recorded
from domain.events import LogBegun, MoveRefused
from domain.reacting.events import REACTION_EVENTS
from domain.record.commands import ChangeStage, ConfirmFields, EditFields, OpenRecord, RecordTouch
from infra.tenant import Tenant
from projections.topics import RECORD_TOPICS

SEED = 20260302
PEOPLE = 40
BEGIN = datetime(2025, 6, 30, tzinfo=UTC)

_KEY_FIELDS = frozenset({"budget_confirmed", "decision_chain_complete", "expected_sign_on", "next_step"})
_TOUCHES_A_CONFIRMATION = 5
_ABOUT_RECORDS = (
    MoveRefused, PoolAssigned, PoolClaimed, PoolReturned, PoolRecycled, DeadlineNoticed, DeadlineAcknowledged, *REACTION_EVENTS,
)  # fmt: skip
"""Events about a record that stand in other streams than its own."""


@dataclass(frozen=True)
class Story:
    """A told log, from its first event."""

    events: Sequence[Recorded]
    genesis: LogBegun

    @classmethod
    def of(cls, tenant: Tenant) -> "Story":
        """Take the log of a tenant."""
        return cls(tenant.log.after(0, tenant.log.head()), tenant.log.genesis)

    @cached_property
    def kinds(self) -> list[str]:
        """The kinds of records there are."""
        return sorted(
            {item.stream.split("/")[0] for item in self.events if item.event.TOPIC in RECORD_TOPICS}
        )


def is_copied(recorded: Recorded) -> bool:
    """Tell whether an event is about a record; all others stand in a log once."""
    return isinstance(recorded.event, _ABOUT_RECORDS) or recorded.event.TOPIC in RECORD_TOPICS


def a_year(
    seed: int = SEED, *, people: int = PEOPLE, days: int = 365, grounds: Grounds | None = None
) -> Story:
    """Let the simulated organisation sell for a year."""
    if grounds is None:
        with private_grounds() as own:
            return a_year(seed, people=people, days=days, grounds=own)
    with grounds.tenant("story", clock="simulated", told_time=BEGIN) as tenant:
        simulate(_Confirming(tenant), the_playbook(), Scenario(seed=seed, people=people, days=days))
        return Story.of(tenant)


@dataclass
class _Confirming:
    """A bus on which people also confirm what they know, which the simulated ones do not: after every fifth touch."""

    tenant: Tenant
    known: dict[str, set[str]] = field(default_factory=dict)
    touches: int = 0

    def submit_batch(self, submissions: Sequence[Submission]) -> list[Answer]:
        """Carry out commands, then the confirmations that follow from them."""
        answers = self.tenant.bus.submit_batch(submissions)
        following = []
        for submission, answer in zip(submissions, answers, strict=True):
            if answer.outcome != "accepted":
                continue
            match submission.command:
                case OpenRecord(stream=stream, fields=fields) | EditFields(stream=stream, fields=fields):
                    self._learn(stream, fields)
                case ChangeStage(stream=stream, fields=fields):
                    self._learn(stream, fields)
                case RecordTouch(stream=stream) if self.known.get(stream):
                    self.touches += 1
                    if self.touches % _TOUCHES_A_CONFIRMATION == 0:
                        command = ConfirmFields(stream, frozenset(self.known[stream]))
                        following.append(
                            replace(
                                submission,
                                command=command,
                                key=f"{submission.key}-confirmed",
                                occurred_at=NOW,
                                told_time=submissions[-1].told_time,
                            )
                        )
        for answer in self.tenant.bus.submit_batch(following) if following else ():
            if answer.outcome != "accepted":
                raise RuntimeError("a confirmation was refused") from (answer.refusal or answer.error)
        return answers

    def _learn(self, stream: str, fields: object) -> None:
        assert isinstance(fields, dict)
        known = self.known.setdefault(stream, set())
        for name in _KEY_FIELDS & fields.keys():
            known.discard(name)
            if fields[name] is not None:
                known.add(name)
