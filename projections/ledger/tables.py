"""The fact tables of the ledger: what each row and each column means. They depend on the log alone, never on a playbook's rules.

Every row says what the log knew from one event on, and stands at that event's `position`. Some rows end: a visit when the
record is moved on, a touch when it is corrected, an owner when another follows. Such an end is the next row of the same
`key`, so it is derived and never stored apart; it is null as long as nothing followed, *as far as was known* at the position asked.

Moments are Datetime("us", "UTC"), null where nobody knows them; `recorded_at` is always known.
Positions are those of the log. A value is its canonical JSON as text; a personal one stays sealed, as in the log.
Steps, fields and kinds of touches stand under the names they had when the event was recorded.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from projections.ledger.table import (
    FLAG,
    GONE,
    MOMENT,
    NAMES,
    NUMBER,
    OF_ACTOR,
    OF_MOMENT,
    OF_RECORD,
    OF_RULES,
    TEXT,
    Columns,
    DataType,
    Moment,
    Table,
)
from projections.ledger.work_tables import ORGANISATION_EVENTS, WORK_TABLES

__all__ = ["FLAG", "GONE", "MOMENT", "NAMES", "NUMBER", "SCHEMA_VERSION", "TABLES", "TEXT", "Columns", "DataType", "Moment", "Table"]  # fmt: skip

SCHEMA_VERSION: Final = 4
"""Raised whenever a table or a meaning changes; a ledger of another version is rebuilt."""

RECORDS: Final = Table(
    "records",
    "a record that was opened",
    {
        **OF_RECORD,
        "opened_at": (MOMENT, "when it was opened; null: nobody knows"),
        "recorded_at": (MOMENT, "when the log took the opening in"),
        "step": (TEXT, "the step it was opened in; null: records of this kind have none"),
        "path": (TEXT, "the path that was chosen; null: the only one of its kind"),
        "owner": (TEXT, "who answered for it first; null: nobody"),
        "external_id": (TEXT, "its name in the system it came from"),
        "unknown": (NAMES, "fields whose value nobody knew at the opening"),
        **OF_ACTOR,
        **OF_RULES,
    },
)

VISITS: Final = Table(
    "visits",
    "a stay of a record in a step (a stage, or a node of one)",
    {
        **OF_RECORD,
        "ordinal": (NUMBER, "which visit of the record this is, from 1"),
        "entry": (NUMBER, "which entry into this very step this is, from 1; more than 1 is a re-entry"),
        "step": (TEXT, "the step"),
        "entered_at": (MOMENT, "when it was entered; null: nobody knows"),
        "entered_recorded_at": (MOMENT, "when the log took the entry in"),
        "move": (TEXT, "how it was entered: open, forward, skip, back, re-entry or reopen"),
        "before": (
            TEXT,
            "the step it was entered from, as the playbook of the move names it; null at the opening",
        ),
        "left_position": (NUMBER, "the position of the move that ended it; null: the record is still there"),
        "left_at": (MOMENT, "when it was left; null: still there, or nobody knows"),
        "left_recorded_at": (MOMENT, "when the log took the leaving in; null: still there"),
        "next_step": (TEXT, "the step that came next; null: still there"),
        "path": (TEXT, "the path of the record"),
        "owner": (TEXT, "who answered for the record at the entry"),
        "actor": (TEXT, "who moved it"),
        "overridden": (FLAG, "whether requirements were waived to enter"),
        **OF_RULES,
    },
    ends={
        "left_position": "position",
        "left_at": "entered_at",
        "left_recorded_at": "entered_recorded_at",
        "next_step": "step",
    },
)

FIELD_CHANGES: Final = Table(
    "field_changes",
    "a field that got another value, those of the opening included",
    {
        **OF_RECORD,
        "field": (TEXT, "the field"),
        "old": (TEXT, "the value before, as canonical JSON; null: empty"),
        "new": (TEXT, "the value from now on, as canonical JSON; null: emptied"),
        **OF_MOMENT,
        "at_opening": (FLAG, "whether it is a first value, told with the opening"),
        **OF_ACTOR,
        "restores": (NUMBER, "the position of the change this one takes back"),
    },
)

CONFIRMATIONS: Final = Table(
    "confirmations",
    "a field whose value somebody said still holds",
    {
        **OF_RECORD,
        "field": (TEXT, "the field; its value did not change"),
        **OF_MOMENT,
        **OF_ACTOR,
    },
)

TOUCHES: Final = Table(
    "touches",
    "what was known about one touch; a corrected touch is two rows, a withdrawn one a row with an end",
    {
        **OF_RECORD,
        "until": (
            NUMBER,
            "the position of the correction or withdrawal (not included); null: it is what is known",
        ),
        "noted": (
            NUMBER,
            "the position at which the touch was noted first: the same in all of its rows, and no other touch has it",
        ),
        "touch": (TEXT, "the id of the touch"),
        "touch_kind": (TEXT, "how they were in touch"),
        "at": (MOMENT, "when they were; null: nobody knows"),
        "recorded_at": (MOMENT, "when the log took this in"),
        "contact": (TEXT, "with whom; null: not told"),
        "actor": (TEXT, "who noted the touch first"),
        "corrected_by": (TEXT, "who corrected it; null: this is what was noted first"),
        "channel": (TEXT, "through what this came"),
    },
    key=("record", "noted"),
    ends={"until": "position"},
    may_be_gone=True,
)

EVIDENCE: Final = Table(
    "evidence",
    "a piece of evidence that was attached",
    {
        **OF_RECORD,
        "evidence": (TEXT, "the id of the piece"),
        "field": (TEXT, "the evidence field it proves"),
        "sha256": (TEXT, "the SHA-256 of the file"),
        "size_bytes": (NUMBER, "its size"),
        "media_type": (TEXT, "what kind of file it is"),
        "valid_until": (pl.Date(), "the last day it counts; null: for ever"),
        **OF_MOMENT,
        **OF_ACTOR,
    },
)

RELATIONS: Final = Table(
    "relations",
    "a relation between two records, as long as it held",
    {
        **OF_RECORD,
        "until": (NUMBER, "the position at which it ended (not included); null: it holds"),
        "relation": (TEXT, "the relation, as the playbook names it"),
        "to": (TEXT, "the record it leads to"),
        **OF_MOMENT,
        **OF_ACTOR,
    },
    key=("record", "relation", "to"),
    ends={"until": "position"},
    may_be_gone=True,
)

OWNERS: Final = Table(
    "owners",
    "who answered for a record, as long as they did; the first row stands at the opening",
    {
        **OF_RECORD,
        "until": (NUMBER, "the position at which somebody else did (not included); null: they do"),
        "owner": (TEXT, "who; null: nobody"),
        **OF_MOMENT,
        "actor": (TEXT, "who said so"),
    },
    ends={"until": "position"},
)

DECISIONS: Final = Table(
    "decisions",
    "an attempt to open or move a record, as it was put to the rules; what came out of it stands in `outcomes`",
    {
        **OF_RECORD,
        "began": (NUMBER, "the position of the first event of the same command"),
        "basis": (NUMBER, "the position that had been read when it was decided"),
        "record_version": (
            NUMBER,
            "the version of the record it was decided on, with the edits of the same command; 0: there was none",
        ),
        **OF_MOMENT,
        "decided_at": (MOMENT, "when it was decided"),
        "before": (TEXT, "the step the record was in; null: an opening"),
        "after": (TEXT, "the step it was to enter"),
        "move": (TEXT, "open, forward, skip, back, re-entry or reopen"),
        "has_reason": (FLAG, "whether a reason was given"),
        "waived": (NAMES, "the requirements it asked to waive, sorted"),
        "edits": (
            TEXT,
            "the fields a refused attempt brought along, as canonical JSON; null: none, or they stand in `field_changes`",
        ),
        "unknown": (NAMES, "fields whose value nobody knew, of a refused opening"),
        "path": (TEXT, "the path of the record"),
        "owner": (TEXT, "who answered for the record, or would have"),
        "actor": (TEXT, "who tried"),
        "on_behalf_of": (TEXT, "for whom"),
        "channel": (TEXT, "through what it came"),
        **OF_RULES,
    },
)

OUTCOMES: Final = Table(
    "outcomes",
    "what came out of a decision, under the same position; apart, so that a replay cannot read it",
    {
        **OF_RECORD,
        "accepted": (FLAG, "whether the record was opened or moved"),
        "unmet": (NAMES, "the requirements that were not met, sorted; of an accepted one they were waived"),
        "override": (TEXT, "the name of the override under which they were waived"),
    },
)

EVENTS: Final = Table(
    "events",
    "an event of a record, refused attempts included: what any number can be opened down to",
    {
        **OF_RECORD,
        "version": (
            NUMBER,
            "the version of the record from now on; null: a refused attempt, which changes nothing",
        ),
        "topic": (TEXT, "what happened, by its topic"),
        "began": (NUMBER, "the position of the first event of the same command"),
        **OF_MOMENT,
        "actor": (TEXT, "who did it"),
        "on_behalf_of": (TEXT, "for whom"),
        "channel": (TEXT, "through what it came"),
        **OF_RULES,
    },
)

PEOPLE: Final = Table(
    "people",
    "how a person stood in the organisation, as long as nothing changed; names are left out",
    {
        "person": (TEXT, "the person"),
        "position": (NUMBER, "the position of the event this row comes from"),
        "until": (NUMBER, "the position at which something changed (not included); null: it is so"),
        "at": (MOMENT, "when it became so; null: nobody knows"),
        "recorded_at": (MOMENT, "when the log took it in"),
        "team": (TEXT, "the team; null: none"),
        "region": (TEXT, "the region: the person's own, else that of the team"),
        "manager": (TEXT, "who leads them; null: nobody"),
        "active": (FLAG, "false since they left"),
        "roles": (NAMES, "the roles they hold, sorted; whoever left holds none"),
    },
    key=("person",),
    ends={"until": "position"},
    whole=True,
)

TEAMS: Final = Table(
    "teams",
    "how a team stood, as long as nothing changed",
    {
        "team": (TEXT, "the team"),
        "position": (NUMBER, "the position of the event this row comes from"),
        "until": (NUMBER, "the position at which something changed (not included); null: it is so"),
        "at": (MOMENT, "when it became so; null: nobody knows"),
        "recorded_at": (MOMENT, "when the log took it in"),
        "name": (TEXT, "what it is called"),
        "region": (TEXT, "the region analyses group it under; null: none"),
        "part_of": (TEXT, "the team above it; null: none"),
    },
    key=("team",),
    ends={"until": "position"},
    whole=True,
)

PUBLICATIONS: Final = Table(
    "publications",
    "a version of a playbook that was published",
    {
        "name": (TEXT, "the playbook"),
        "position": (NUMBER, "the position of the event this row comes from"),
        "number": (NUMBER, "the version"),
        "recorded_at": (MOMENT, "when it was published"),
        "scope": (TEXT, "which records it is for, as canonical JSON; null: all of its kinds"),
        "effective_from": (MOMENT, "from when on it is in force; null: at once"),
        "draft": (NUMBER, "the draft it was; null: none"),
        "digest": (TEXT, "the SHA-256 of its document and rules"),
        "replay": (TEXT, "the replay that was signed off before; null: none was named"),
        "actor": (TEXT, "who published it"),
    },
    key=("name",),
    whole=True,
)

TABLES: Final[Mapping[str, Table]] = MappingProxyType(
    {
        table.name: table
        for table in (
            RECORDS, VISITS, FIELD_CHANGES, CONFIRMATIONS, TOUCHES, EVIDENCE, RELATIONS, OWNERS,
            DECISIONS, OUTCOMES, EVENTS, *WORK_TABLES, PEOPLE, TEAMS, PUBLICATIONS, ORGANISATION_EVENTS,
        )
    }
)  # fmt: skip
"""All tables by name."""
