"""A record as a later version of its playbook sees it: what that version took away stands where its mappings say.

Records are never rewritten when a playbook changes. What their events say stays, and each version reads it its own way;
going back to an earlier version therefore brings everything back to where it was.
"""

from dataclasses import replace

from domain.playbook.published import PublishedPlaybook
from domain.record.state import Record


def adopted(record: Record, playbook: PublishedPlaybook) -> Record:
    """Return a record as a version of the playbook reads it; the same record where nothing was taken away."""
    told = playbook.adopts.get(record.kind)
    if told is None:
        return record
    fields = told.read(record.fields)
    entries: dict[str, int] = {}
    for stage, count in record.entries.items():
        into = told.stages.get(stage, stage)
        entries[into] = entries.get(into, 0) + count
    named_now = {name for old in record.unknown if (name := told.field(old)) is not None}
    return replace(
        record,
        stage=told.stages.get(record.stage, record.stage) if record.stage else record.stage,
        fields=fields,
        # Two fields may have become one: what the one held is known, although of the other nobody knew.
        unknown=frozenset(named_now - fields.keys()),
        evidence=tuple(
            replace(piece, field=name)
            for piece in record.evidence
            if (name := told.field(piece.field)) is not None
        ),
        entries=entries,
        approvals={
            name: replace(
                found, changed=frozenset(now for old in found.changed if (now := told.field(old)) is not None)
            )
            if found.changed
            else found
            for name, found in record.approvals.items()
        },
    )
