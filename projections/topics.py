"""Which topics belong together."""

from domain.events import (
    EvidenceAttached,
    FieldsChanged,
    OwnerChanged,
    RecordOpened,
    RecordRelated,
    StageChanged,
    Touched,
)

RECORD_TOPICS = frozenset(
    event.TOPIC
    for event in (
        RecordOpened,
        FieldsChanged,
        StageChanged,
        Touched,
        EvidenceAttached,
        RecordRelated,
        OwnerChanged,
    )
)
"""The topics that make up a record's own stream."""
