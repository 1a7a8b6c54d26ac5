"""The fact tables of what people are asked to do: work, forks, approvals, assignments, firings of deadlines, reactions; and the organisation's own events.

Assignments, firings and reactions stand in streams of their own in the log. Here they stand under the record they are about, so that whatever
is asked of one record is found in one partition.
"""

from typing import Final

import polars as pl

from projections.ledger.table import (
    FLAG,
    MOMENT,
    NAMES,
    NUMBER,
    OF_MOMENT,
    OF_RECORD,
    OF_RULES,
    TEXT,
    Columns,
    Table,
)

_DECIDED: Final[Columns] = {
    **OF_MOMENT,
    "decided_at": (MOMENT, "when it was decided"),
    "basis": (NUMBER, "the position that had been read when it was decided"),
    "actor": (TEXT, "who did it"),
    "on_behalf_of": (TEXT, "for whom"),
    "channel": (TEXT, "through what it came"),
    **OF_RULES,
}

WORK: Final = Table(
    "work",
    "something that happened to a work item; what is known of the item since it was requested is repeated in each of its rows",
    {
        **OF_RECORD,
        "work": (TEXT, "the id of the work item"),
        "event": (
            TEXT,
            "requested, accepted, responded, ticked, paused, resumed, reassigned, rescheduled, completed, declined or cancelled",
        ),
        "template": (TEXT, "the work template it was made by"),
        "assignee": (TEXT, "who has it after this event"),
        "asked": (TEXT, "whose it is where the assignee stands in for them, after this event"),
        "fork": (TEXT, "the fork it is a leg of; null: none"),
        "leg": (TEXT, "which leg of the fork it is"),
        "item": (TEXT, "the item of the checklist that was ticked"),
        "how": (TEXT, "how it was reassigned: reassigned, delegated, stands in or returned"),
        "waiting_for": (TEXT, "whom a pause waits for: customer, supplier, colleague or other"),
        "fields": (
            TEXT,
            "what its form says, as canonical JSON, where it was completed with one; personal values stay sealed",
        ),
        "due_at": (
            MOMENT,
            "when it is due after this event, where a moment was named; null: the template says",
        ),
        "priority": (NUMBER, "0 to 9, higher first"),
        **_DECIDED,
    },
)

FORKS: Final = Table(
    "forks",
    "several work items that were asked for at once; each leg has its rows in `work`",
    {
        **OF_RECORD,
        "fork": (TEXT, "the id of the fork"),
        "name": (TEXT, "which fork of the playbook it is"),
        "join": (TEXT, "how many legs must be done: all, any, or a number"),
        "legs": (TEXT, "the work item of each leg, as canonical JSON"),
        **_DECIDED,
    },
)

APPROVALS: Final = Table(
    "approvals",
    "something that happened to an approval; its chain and order are repeated in each of its rows",
    {
        **OF_RECORD,
        "approval": (TEXT, "the id of the approval"),
        "event": (TEXT, "requested, decided, commented, recalled or migrated"),
        "chain": (TEXT, "the approval chain"),
        "order": (TEXT, "sequence or parallel"),
        "levels": (
            TEXT,
            "the levels as the event names them, with the people of each, as canonical JSON; null: it names none",
        ),
        "level": (TEXT, "the level that was decided"),
        "role": (TEXT, "the role that decided"),
        "decision": (TEXT, "approved or rejected"),
        "back_to": (TEXT, "the level a rejection leads back to; null: it ends the chain"),
        "named": (
            TEXT,
            "the people the requester named, by level and role, as canonical JSON; null: nobody was named",
        ),
        **_DECIDED,
    },
)

ASSIGNMENTS: Final = Table(
    "assignments",
    "something a pool decided about a record; the change of owner that follows stands in `owners`",
    {
        **OF_RECORD,
        "pool": (TEXT, "the pool"),
        "event": (TEXT, "assigned, claimed, returned or recycled"),
        "rule": (TEXT, "the rule that found somebody; null: none did, or none was asked"),
        "attempt": (NUMBER, "how often somebody was looked for, this time included"),
        "person": (TEXT, "who got it, took it or had it; null: nobody was found"),
        "fallback": (FLAG, "whether no rule found anybody, and it went to whom the pool names for that"),
        "candidates": (
            TEXT,
            "everybody who was judged, why they were chosen or passed over, and the numbers behind it, as canonical JSON; null: nobody was judged",
        ),
        "days": (NUMBER, "for how many days nobody had been in touch, where it was recycled"),
        "cause": (
            NUMBER,
            "the position of the event because of which somebody was looked for; null: not told",
        ),
        **_DECIDED,
    },
)

FIRINGS: Final = Table(
    "firings",
    "a deadline that came to a rung, or that somebody said they know of",
    {
        **OF_RECORD,
        "deadline": (TEXT, "the deadline"),
        "event": (TEXT, "noticed or acknowledged"),
        "subject": (TEXT, "the work item or approval it is about; null: the record"),
        "armed_at": (NUMBER, "the position of the event that armed it"),
        "rung": (NUMBER, "0 is the warning, 1 the due moment, 2 and above the ladder"),
        "repeat": (NUMBER, "how often it was told before at this rung; null: acknowledged"),
        "due_at": (MOMENT, "when it was due; null: acknowledged"),
        "noticed_at": (MOMENT, "when the clock of the log was read; null: acknowledged"),
        "told": (NAMES, "who was told"),
        "skipped": (
            pl.List(pl.Int64()),
            "lower rungs that were past as well and were not told one by one",
        ),
        **_DECIDED,
    },
)

REACTIONS: Final = Table(
    "reactions",
    "what became of a reaction to an event of the record; what it did stands in the tables of that",
    {
        **OF_RECORD,
        "reaction": (TEXT, "the reaction"),
        "event": (TEXT, "ran, failed, retried or alerted"),
        "cause": (NUMBER, "the position of the event that set it off"),
        "step": (NUMBER, "the step that failed or told people, from 0; null: the whole reaction"),
        "code": (TEXT, "why it failed, by its code"),
        "told": (NAMES, "who was told"),
        "alert": (FLAG, "whether it was told as an alert; null: nobody was told"),
        "positions": (pl.List(pl.Int64()), "the positions of the events that came of it"),
        **_DECIDED,
    },
)

ORGANISATION_EVENTS: Final = Table(
    "organisation_events",
    "an event of the organisation: folded in order, they are who works where, who is away and who stands in as of any position",
    {
        "topic": (TEXT, "what happened, by its topic"),
        "position": (NUMBER, "the position of the event"),
        "version": (NUMBER, "the version of the organisation from now on"),
        "payload": (TEXT, "what the event says, as canonical JSON; names of people stay sealed"),
        **OF_MOMENT,
        "decided_at": (MOMENT, "when it was decided"),
        "actor": (TEXT, "who did it"),
    },
    key=("position",),
    whole=True,
)

WORK_TABLES: Final = (WORK, FORKS, APPROVALS, ASSIGNMENTS, FIRINGS, REACTIONS)
