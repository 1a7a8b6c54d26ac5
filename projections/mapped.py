"""What a publication made of what a record holds: where another version of the playbook reads it under other names, options or stages.

Records are never rewritten when a playbook changes, so none of their own events says it. Marks say it, so that the changes of a record,
folded with its marks, lead to its fields as they are read now.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.envelope import Recorded
from domain.playbook.published import NOTHING_MAPPED, KindMappings, PublishedPlaybook
from domain.record.state import Record
from domain.values import Stored
from projections.field_history import STAGE


@dataclass(frozen=True, slots=True)
class Reading:
    """What a value of a record is called and what it is, as one version of the playbook reads it."""

    field: str
    value: Stored


@dataclass(frozen=True, slots=True)
class Mapped:
    """A value of a record that another version reads otherwise.

    `before` is how the version it followed until then reads it, `now` how the version reads it that it follows since; None where one reads nothing.
    `cause` is the event by which it follows the other one, mostly the publication; `at` is when it began to;
    `after` is the position of the event of the record right before.
    """

    kind: str
    cause: Recorded
    at: datetime
    after: int
    before: Reading | None
    now: Reading | None
    old_version: PublishedPlaybook
    version: PublishedPlaybook

    @property
    def fields(self) -> frozenset[str]:
        """What the value was called, and is called now."""
        return frozenset(reading.field for reading in (self.before, self.now) if reading is not None)


def read_otherwise(
    record: Record, before: PublishedPlaybook, now: PublishedPlaybook
) -> Iterator[tuple[Reading | None, Reading | None]]:
    """Compare how two versions read a record: each value that is called otherwise, is another one, or is there in one of them only."""
    then, since = (version.adopts.get(record.kind, NOTHING_MAPPED) for version in (before, now))
    if then == since:
        return
    if record.stage is not None:
        stages = [told.stages.get(record.stage, record.stage) for told in (then, since)]
        if stages[0] != stages[1]:
            yield Reading(STAGE, stages[0]), Reading(STAGE, stages[1])
    old, new = readings(record.fields, then), readings(record.fields, since)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield old.get(name), new.get(name)


def readings(fields: Mapping[str, Stored], told: KindMappings) -> dict[str, Reading]:
    """Return how each field the events of a record fill is read, by its name there. Together they are what `told.read` makes of the fields.

    What is read as nothing, and what stands behind another field that became the same one, is left out.
    """
    found: dict[str, Reading] = {}
    taken: set[str] = set()
    for name in [*(fields.keys() - told.fields.keys()), *sorted(told.fields.keys() & fields.keys())]:
        called = told.field(name)
        if called is None or called in taken or (name in told.fields and called in fields):
            continue
        value = told.value(name, fields[name])
        if value is not None:
            taken.add(called)
            found[name] = Reading(called, value)
    return found
