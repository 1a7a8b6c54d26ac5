"""What is recorded of one kind of record, as far as its pools stand on it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from domain.assigning.recorded_names import RecordedField
from domain.playbook.published import NOTHING_MAPPED, PublishedPlaybook
from domain.values import SEALED
from projections.ports import Revealer
from projections.replay.assignment.counted import Counts
from projections.replay.assignment.occasions import Happened
from projections.replay.assignment.told import Change, Deed, Entry, Handover, Told
from projections.replay.assignment.world import Moments
from projections.replay.histories import Histories


@dataclass(frozen=True)
class Recorded:
    """One kind: what its pools did, whose its records were, where they stood, what they hold where regions are asked, and the histories of
    those that ever were without an owner.
    """

    kind: str
    deeds: tuple[Deed, ...]
    handovers: tuple[Handover, ...]
    entries: tuple[Entry, ...]
    regions: tuple[Change, ...]
    edits: tuple[tuple[int, str, datetime], ...]
    histories: Histories

    @classmethod
    def of(cls, told: Told, kind: str, versions: Iterable[PublishedPlaybook]) -> "Recorded":
        """Read it from the ledger; `versions` say in which fields regions are asked."""
        deeds = tuple(deed for deed in told.deeds if deed.kind == kind)
        handovers = told.handovers(kind)
        looked_at = {deed.record for deed in deeds} | {one.record for one in handovers if one.owner is None}
        edited = (
            told.view.scan("field_changes", kind=kind)
            .filter(~pl.col("at_opening"))
            .select("position", "record", "recorded_at")
            .unique()
            .collect()
            .sort("position")
        )
        return cls(
            kind,
            deeds,
            tuple(handovers),
            tuple(told.entries(kind)),
            tuple(told.changes(kind, _regions(kind, versions))),
            tuple(edited.iter_rows()),
            Histories(told.view, kind, looked_at),
        )

    @property
    def counts(self) -> Counts:
        """Counts of what is recorded, of its own."""
        return Counts(self.kind, self.entries, self.regions, self.handovers)

    @property
    def counts_of_nobody(self) -> Counts:
        """Counts that are told who owns what, of its own."""
        return Counts(self.kind, self.entries, self.regions, ())

    def prepare(self, keyring: Revealer) -> None:
        """Fetch the keys of whatever may be opened, at once."""
        keyring.prepare(
            sorted(
                {
                    str(value[SEALED]["subject"])
                    for value in self.histories.values()
                    if isinstance(value, dict) and SEALED in value
                }
            )
        )

    def moments(self, told: Told, upto: int) -> Moments:
        """When each position was recorded that anything here stands at, up to one."""
        known = {
            **{one.position: one.recorded_at for one in self.handovers},
            **{one.position: one.recorded_at for one in self.entries},
            **{position: recorded_at for position, _, recorded_at in self.edits},
            **{deed.position: deed.recorded_at for deed in self.deeds},
            **{event.position: event.recorded_at for event in told.organised.events},
            **dict(told.publications),
        }
        return Moments({position: moment for position, moment in known.items() if position <= upto})

    def happened(self, told: Told, handovers: Iterable[Handover]) -> Happened:
        """What may lead to a search, with the handovers that count as made by people."""
        return Happened(
            [*handovers],
            self.entries,
            [(position, record) for position, record, _ in self.edits],
            told.organised.events,
            [position for position, _ in told.publications],
        )


def _regions(kind: str, versions: Iterable[PublishedPlaybook]) -> set[str]:
    """Every name under which records may hold what pools ask for as the region."""
    return {
        held
        for version in versions
        for pool in version.document.pools.values()
        if pool.kind == kind
        for rule in pool.rules.values()
        if rule.candidates.region_of is not None
        for held in RecordedField.of(
            rule.candidates.region_of, version.adopts.get(kind, NOTHING_MAPPED)
        ).names
    }
