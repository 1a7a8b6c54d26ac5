"""Which topics belong together."""

from domain.events import (
    EvidenceAttached,
    FieldsChanged,
    FieldsConfirmed,
    GateOverridden,
    OwnerChanged,
    RecordOpened,
    RecordRelated,
    RelationEnded,
    StageChanged,
    TouchCorrected,
    Touched,
)
from domain.work.events import WORK_EVENTS

RECORD_TOPICS = frozenset(
    event.TOPIC
    for event in (
        RecordOpened,
        FieldsChanged,
        FieldsConfirmed,
        StageChanged,
        GateOverridden,
        Touched,
        TouchCorrected,
        EvidenceAttached,
        RecordRelated,
        RelationEnded,
        OwnerChanged,
        *WORK_EVENTS,
    )
)
"""The topics that make up a record's own stream."""
