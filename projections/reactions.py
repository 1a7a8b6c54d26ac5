"""Reactions as they are read: what ran, what failed and why, whom it told what, and which event set it off."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from domain.envelope import Recorded
from domain.naming import nearest, reactions_stream, split_stream
from domain.playbook.catalogue import Playbooks
from domain.playbook.reactions import Reaction
from domain.reacting.events import ReactionAlerted, ReactionFailed, ReactionRan, ReactionRetried
from domain.refusals import NotFound
from domain.values import moment_text
from projections.cursors import Cursor
from projections.footing import Footing
from projections.kinds import ReadModel
from projections.lens import Lens, Visible
from projections.lists import Ask, incomplete, pinned

_WORDS = {
    ReactionRan: "ran",
    ReactionFailed: "failed",
    ReactionRetried: "retried",
    ReactionAlerted: "alerted",
}
_INSERT = (
    "INSERT INTO reactions (position, record, kind, reaction, cause, what) VALUES (%s, %s, %s, %s, %s, %s)"
)
_SETTLE = (
    "UPDATE reactions SET settled_position = %s WHERE record = %s AND reaction = %s AND cause = %s AND what = 'failed'"
    " AND settled_position IS NULL AND position < %s"
)
_LIST = """
SELECT position, settled_position FROM dealtrail_read.reactions
WHERE position <= %(upto)s AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(record)s::text IS NULL OR record = %(record)s)
    AND (%(reaction)s::text IS NULL OR reaction = %(reaction)s) AND (%(cause)s::bigint IS NULL OR cause = %(cause)s)
    AND (NOT %(failed)s OR (what = 'failed' AND coalesce(settled_position, %(upto)s + 1) > %(upto)s))
ORDER BY position DESC OFFSET %(skip)s LIMIT %(limit)s
"""


class Reactions(ReadModel):
    """One row an event of a reaction; a failure is settled by whatever comes of the same reaction to the same event later."""

    name = "reactions"
    tables = ("reactions",)

    def apply(self, connection: Connection[Any], events: Sequence[Recorded]) -> None:
        """Add what became of reactions, and settle the failures that were tried again."""
        with connection.cursor() as cursor:
            for recorded in events:
                event = recorded.event
                if not isinstance(event, ReactionRan | ReactionFailed | ReactionRetried | ReactionAlerted):
                    continue
                kind = split_stream(event.record)[0]
                of = (event.record, event.reaction, event.cause)
                if not isinstance(event, ReactionAlerted):
                    cursor.execute(_SETTLE, (recorded.position, *of, recorded.position))
                cursor.execute(
                    _INSERT,
                    (recorded.position, event.record, kind, event.reaction, event.cause, _WORDS[type(event)]),
                )


@dataclass(frozen=True, slots=True)
class Which:
    """Which reactions are listed; None asks nothing. `failed`: only what failed and nobody has tried again. `record` is one of a kind, by its id or its external id."""

    kind: str | None = None
    record: str | None = None
    reaction: str | None = None
    cause: int | None = None
    failed: bool = False


def reactions(footing: Footing, ask: Ask, which: Which) -> Visible:
    """Show what became of reactions, the newest first, each with the event that set it off. Raises NotFound, InvalidQuery."""
    kind = None if which.kind is None else footing.kind_called(which.kind)
    record = None if which.record is None else footing.named(which.record, kind, asks_for_kind=True)
    if which.reaction is not None:
        _refuse_unknown(footing.playbooks(), which.reaction)
    words = ["reactions", kind, record, which.reaction, which.cause, which.failed, str(ask.horizon)]
    cursor = Cursor.read(ask.cursor, words)
    bounded = footing.bounded(ask.horizon if cursor is None else pinned(ask.horizon, cursor.position))
    skip = 0 if cursor is None else cursor.skip
    with footing.snapshot(Reactions.name) as (connection, reached):
        upto = min(bounded.position or 0, reached)
        rows = connection.execute(
            _LIST,
            {
                "upto": upto,
                "kind": kind,
                "record": record,
                "reaction": which.reaction,
                "cause": which.cause,
                "failed": which.failed,
                "skip": skip,
                "limit": ask.limit + 1,
            },
        ).fetchall()
    page = rows[: ask.limit]
    events = [_at(footing, int(row["position"])) for row in page]
    lens, playbooks = footing.lens(bounded), footing.playbooks()
    lens.prepare([recorded.event.payload() for recorded in events])
    items = [
        lens.figures(**_told(footing, lens, playbooks, recorded, _settled(row, upto)))
        for row, recorded in zip(page, events, strict=True)
    ]
    more = Cursor(bounded.position or 0, skip + ask.limit).text(words) if len(rows) > ask.limit else None
    named = [item.data["record"] for item in items]
    return lens.page(
        items,
        next=more,
        names=footing.names(lens, named, bounded),
        **incomplete(footing.parked(Reactions.name)),
        **footing.about(bounded),
    )


def failures_at(footing: Footing, positions: Iterable[int]) -> list[Mapping[str, Any]]:
    """Return what the failures of reactions at some positions hold, for a lens to be prepared for."""
    return [_at(footing, position).event.payload() for position in positions]


def text_told(
    footing: Footing, topic: str, position: int, lens: Lens | None = None
) -> Mapping[str, str] | None:
    """Return what people were told by the alert, notice or failure at a position, in both languages; None where the topic is none of these.

    Why a reaction failed may repeat what is personal: that is said only through a `lens`, which was prepared for it (`failures_at`).
    """
    if topic not in (ReactionAlerted.TOPIC, ReactionFailed.TOPIC):
        return None
    event = _at(footing, position).event
    assert isinstance(event, ReactionAlerted | ReactionFailed)
    reaction = _reaction(footing.playbooks(), event, _at(footing, event.cause))
    if isinstance(event, ReactionAlerted):
        return _text(reaction, event)
    stream = reactions_stream(event.record)
    why = None if lens is None else lens.opened(stream, "message", event.message)
    return _failure(footing.playbooks(), reaction, event, why if isinstance(why, str) else event.code)


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _told(
    footing: Footing, lens: Lens, playbooks: Playbooks, recorded: Recorded, settled: int | None
) -> dict[str, Any]:
    event: Any = recorded.event
    cause = _at(footing, event.cause)
    reaction = _reaction(playbooks, event, cause)
    kind, record_id = split_stream(event.record)
    told: dict[str, Any] = {
        "position": recorded.position,
        "at": moment_text(recorded.recorded_at),
        "record": event.record,
        "kind": kind,
        "id": record_id,
        "reaction": event.reaction,
        "label": None if reaction is None else reaction.label.model_dump(),
        "what": _WORDS[type(event)],
        "cause": {
            "position": cause.position,
            "topic": cause.event.TOPIC,
            "at": moment_text(cause.recorded_at),
            "actor": cause.actor,
            "on_behalf_of": cause.on_behalf_of,
            "playbook": cause.playbook,
            "playbook_version": cause.playbook_version,
        },
    }
    if isinstance(event, ReactionFailed | ReactionAlerted):
        told["step"] = event.step
        given = (
            () if reaction is None or event.step >= len(reaction.then) else reaction.then[event.step].given
        )
        told["does"] = given[0] if given else None
    match event:
        case ReactionRan():
            told["positions"] = event.positions
        case ReactionFailed():
            stream = reactions_stream(event.record)
            told["code"] = event.code
            told["message"] = lens.opened(stream, "message", event.message)
            told["positions"] = event.positions
            told["settled_position"] = settled
        case ReactionRetried():
            told["by"] = recorded.on_behalf_of or recorded.actor
        case ReactionAlerted():
            told["alert"] = event.alert
            told["text"] = _text(reaction, event)
            told["told"] = [{"person": person, "name": lens.person(person)} for person in event.told]
    return told


def _settled(row: Any, upto: int) -> int | None:
    """By which event a failure was settled, as far as one looks."""
    found = row["settled_position"]
    return int(found) if found is not None and found <= upto else None


def _at(footing: Footing, position: int) -> Recorded:
    return footing.log.after(position - 1, 1, upto=position)[0]


def _reaction(playbooks: Playbooks, event: Any, cause: Recorded) -> Reaction | None:
    """The reaction as the version has it that set it off."""
    version = playbooks.versions.get((cause.playbook or "", cause.playbook_version or 0))
    kind = split_stream(event.record)[0]
    return None if version is None else version.reactions.get(kind, {}).get(event.reaction)


def _text(reaction: Reaction | None, event: ReactionAlerted) -> Mapping[str, str] | None:
    step = None if reaction is None or event.step >= len(reaction.then) else reaction.then[event.step]
    telling = None if step is None else step.telling
    return None if telling is None else telling.text.model_dump()


def _failure(
    playbooks: Playbooks, reaction: Reaction | None, event: ReactionFailed, why: str
) -> Mapping[str, str]:
    kind, record_id = split_stream(event.record)
    collection = playbooks.by_kind[kind].kind(kind).collection if kind in playbooks.by_kind else kind
    retry = f"dealtrail reactions retry {collection}/{record_id} {event.reaction} --cause {event.cause}"
    zh, en = (event.reaction,) * 2 if reaction is None else (reaction.label.zh, reaction.label.en)
    given = () if reaction is None or event.step >= len(reaction.then) else reaction.then[event.step].given
    step = f"{event.step} {given[0]}" if given else str(event.step)
    return {
        "zh": f"联动“{zh}”在步骤 {step} 失败：{why}。排除原因后重试：{retry}",
        "en": f"The reaction '{en}' failed at step {step}: {why}. When that is mended, try it again: {retry}",
    }


def _refuse_unknown(playbooks: Playbooks, name: str) -> None:
    known = {
        reaction
        for version in playbooks.versions.values()
        for reactions_of_kind in version.reactions.values()
        for reaction in reactions_of_kind
    }
    if name not in known:
        raise NotFound("reaction", name, nearest(name, sorted(known)))
