"""The events of a window that could set something off, each with the record, the organisation and the version of the playbook right after it."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import polars as pl

from domain.deadlines.events import DeadlineNoticed
from domain.envelope import Recorded
from domain.event import Event
from domain.naming import firings_stream
from domain.playbook.catalogue import Playbooks
from domain.reacting.setting_off import IMPORTED, topics_of
from domain.record.adoption import adopted
from domain.values import moment_text
from projections.ledger.view import View
from projections.ports import Keys
from projections.replay.asking import Ask, Window
from projections.replay.deadlines.histories import People
from projections.replay.footing import Footing, Known, Standing, prepare
from projections.replay.histories import Histories

Row: TypeAlias = Mapping[str, Any]

_ENVELOPE = (
    "record", "position", "at", "recorded_at", "actor", "on_behalf_of", "channel", "playbook", "playbook_version",
)  # fmt: skip
_OF_FIRING = ("deadline", "armed_at", "rung", "repeat", "subject", "due_at", "noticed_at", "told", "skipped")


def causes_of(
    view: View, partition: int, playbooks: Playbooks, keys: Keys, ask: Ask, people: People
) -> Iterator[tuple[Recorded, Standing]]:
    """Say of each cause what it stood on, in the order of the log within a kind; what was imported sets nothing off, and is left out."""
    keyring = keys.keyring()
    for kind, topics in sorted(_topics(playbooks, ask).items()):
        rows = _rows(view, partition, kind, topics, ask.window)
        if not rows:
            continue
        histories = Histories(view, kind, {row["record"] for row in rows}, partition)
        prepare(keyring, [histories])
        for row in rows:
            then = playbooks.versions.get((row["playbook"], row["playbook_version"]))
            record = histories.as_of(row["record"], row["position"])
            if then is None or record is None:
                continue
            cause = _recorded(row, histories)
            known = Known(people.before(cause.position), cause.decided_at, cause.occurred_at, keyring)
            yield cause, Standing(Footing(adopted(record, then), then, known))


def _topics(playbooks: Playbooks, ask: Ask) -> dict[str, frozenset[str]]:
    """By kind, the topics of what any version waits for, or the draft."""
    waited: dict[str, set[str]] = {}
    drafts = [] if ask.draft is None else [ask.draft]
    for version in [*playbooks.versions.values(), *drafts]:
        for kind, reactions in version.reactions.items():
            waited.setdefault(kind, set()).update(reaction.on.event for reaction in reactions.values())
    return {kind: topics_of(happened) for kind, happened in waited.items() if happened}


def _rows(view: View, partition: int, kind: str, topics: frozenset[str], window: Window) -> list[Row]:
    in_window = pl.col("position").is_between(window.after, window.upto, closed="right")
    wanted = in_window & (pl.col("channel") != IMPORTED)
    told = view.scan("events", partition=partition, kind=kind).filter(
        wanted, pl.col("topic").is_in(sorted(topics))
    )
    found = [told.select(_ENVELOPE)]
    if DeadlineNoticed.TOPIC in topics:
        noticed = view.scan("firings", partition=partition, kind=kind).filter(wanted, event="noticed")
        found.append(noticed.select(*_ENVELOPE, *_OF_FIRING))
    return list(pl.concat(found, how="diagonal").sort("position").collect().iter_rows(named=True))


def _recorded(row: Row, histories: Histories) -> Recorded:
    record = row["record"]
    event: Event | None = histories.event(record, row["position"])
    stream = record
    if event is None:
        event, stream = _noticed(row), firings_stream(record)
    return Recorded(
        stream=stream,
        version=0,
        position=row["position"],
        event=event,
        recorded_at=row["recorded_at"],
        occurred_at=row["at"],
        decided_at=row["recorded_at"],
        basis=row["position"] - 1,
        actor=row["actor"],
        on_behalf_of=row["on_behalf_of"],
        channel=row["channel"],
        command_id="",
        playbook=row["playbook"],
        playbook_version=row["playbook_version"],
    )


def _noticed(row: Row) -> DeadlineNoticed:
    return DeadlineNoticed(
        record=row["record"],
        deadline=row["deadline"],
        armed_at=row["armed_at"],
        rung=row["rung"],
        due_at=moment_text(row["due_at"]),
        noticed_at=moment_text(row["noticed_at"]),
        told=list(row["told"]),
        subject=row["subject"],
        repeat=row["repeat"],
        skipped=list(row["skipped"]),
    )
