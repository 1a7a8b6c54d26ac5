"""What every decision about one work item begins with: the item, the template it was made by, and whether it is still open."""

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from domain.facts import Facts
from domain.naming import is_id, nearest
from domain.playbook.model import Kind
from domain.playbook.published import NOTHING_MAPPED, PublishedPlaybook
from domain.playbook.working import WorkTemplate
from domain.record.gates import day_in, has_valid_evidence
from domain.record.state import Record
from domain.refusals import InvalidCommand, NotFound, Problem, unknown_name
from domain.work.people import may_act
from domain.work.state import WorkItem

_ENDED = {"done": "it is done already", "declined": "it was declined", "cancelled": "it was cancelled"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One work item and all that a decision about it stands on.

    `made_under` is the version of the playbook the item keeps; `current` is the version the record is under now.
    """

    record: Record
    item: WorkItem
    made_under: PublishedPlaybook
    current: PublishedPlaybook
    facts: Facts

    @property
    def template(self) -> WorkTemplate:
        """What is asked, as it was when it was asked."""
        return self.made_under.kind(self.record.kind).work[self.item.template]

    def has_evidence_field(self, field: str) -> bool:
        """Tell whether the record still has an evidence field: a later version may have taken it away."""
        return self.current.adopts.get(self.record.kind, NOTHING_MAPPED).field(field) is not None

    def has_evidence(self, field: str) -> bool:
        """Tell whether a piece that counts now is attached; what a later version took away is asked no longer."""
        now = self.current.adopts.get(self.record.kind, NOTHING_MAPPED).field(field)
        return now is None or has_valid_evidence(self.current, self.record, now, self.facts.occurred_at)

    def is_evidence_of(self, piece: str, field: str | None) -> bool:
        """Tell whether a piece that counts now is attached to the record, to an evidence field where one is named."""
        now = self.current.adopts.get(self.record.kind, NOTHING_MAPPED)
        wanted = None if field is None else now.field(field)
        zone, at = ZoneInfo(self.current.document.time_zone), self.facts.occurred_at
        day = None if at is None else day_in(zone, at).isoformat()
        return any(
            found.id == piece
            and (field is None or found.field == wanted)
            and (found.valid_until is None or (day is not None and day <= found.valid_until))
            for found in self.record.evidence
        )


def item_of(record: Record, work: str, facts: Facts, current: PublishedPlaybook) -> Asked:
    """Find a work item of a record. Raises NotFound."""
    item = record.work.get(work)
    if item is None:
        raise NotFound("work item", work, nearest(work, record.work))
    made_under = (
        current
        if item.playbook is None or item.number is None
        else facts.playbook_version(item.playbook, item.number)
    )
    return Asked(record, item, made_under, current, facts)


def refuse_ended(asked: Asked) -> None:
    """Refuse to do anything to work that is over, or before it was asked. Raises InvalidCommand."""
    item, at = asked.item, asked.facts.occurred_at
    if not item.is_open:
        raise InvalidCommand([Problem("", f"nothing can be done to this any more: {_ENDED[item.state]}")])
    if at is not None and item.requested_at is not None and at < item.requested_at:
        raise InvalidCommand([Problem("/occurred_at", "it had not been asked by then")])
    paused = [moment for pause in item.pauses for moment in (pause.began_at, pause.ended_at) if moment]
    if at is not None and paused and at < max(paused):
        # A limit is not won by telling another time: what happened to its clock stands.
        raise InvalidCommand([Problem("/occurred_at", "it was paused or resumed after that")])
    if at is not None and item.rescheduled_at is not None and at < item.rescheduled_at:
        # By which moment it is judged has one answer only: the one that held when it was done.
        raise InvalidCommand([Problem("/occurred_at", "the moment it is due was moved after that")])


def refuse_others(asked: Asked) -> None:
    """Refuse whoever does not have the work, and does not stand in for whoever has it. Raises InvalidCommand."""
    if not may_act(asked.item, asked.facts):
        message = f"only {asked.item.assignee}, who has it, or whoever stands in for them may do this"
        raise InvalidCommand([Problem("", message)])


def refuse_paused(asked: Asked) -> None:
    """Refuse to go on with work that is paused. Raises InvalidCommand."""
    if asked.item.state == "paused":
        waiting = asked.item.pauses[-1].waiting_for
        raise InvalidCommand([Problem("", f"it is paused, waiting for the {waiting}; resume it first")])


def new_id_problems(made: str, taken: Iterable[str], what: str) -> list[Problem]:
    """Check that an id can be one, and that nothing else on the record has it."""
    if not is_id(made):
        return [Problem("/id", "an id is expected: printable, without spaces and slashes")]
    return [Problem("/id", f"another {what} of this record has this id")] if made in taken else []


def template_problems(kind: Kind, template: str, pointer: str) -> list[Problem]:
    """Check that there is such a template."""
    if template in kind.work:
        return []
    return [unknown_name(pointer, f"there is no work template {template!r}", template, kind.work)]
