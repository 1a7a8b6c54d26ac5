"""What a playbook would do to deadlines, before it is published: how many would run, and how many would be told at once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.deadlines import watched as watching
from domain.deadlines.limits import named_in
from domain.deadlines.watched import Watched
from domain.playbook.catalogue import Playbooks, as_if_published
from domain.playbook.published import PublishedPlaybook, Scope
from projections.footing import Footing
from projections.timer_rows import Epoch, Told, armed_in, told_from
from projections.timers import Timers, earlier, folded_into

_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Forecast:
    """The deadlines of records as they would be. `at_once` are those past a rung that nobody was told of: each is told once, at its highest.

    `by_deadline` has the same figures by kind and deadline.
    """

    armed: int
    at_once: int
    by_deadline: tuple[tuple[str, str, int, int], ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "armed": self.armed,
            "at_once": self.at_once,
            "by_deadline": [
                {"kind": kind, "deadline": deadline, "armed": armed, "at_once": at_once}
                for kind, deadline, armed, at_once in self.by_deadline
            ],
        }


def forecast(
    footing: Footing,
    draft: PublishedPlaybook,
    *,
    scope: Scope | None = None,
    effective_from: datetime | None = None,
) -> Forecast:
    """Reckon every record of a draft's kinds under it, as of now; of one that takes effect later, as of then.

    Nothing is written. Records that no deadline has watched so far are folded from the log.
    """
    known = footing.playbooks()
    number = max((number for name, number in known.versions if name == draft.name), default=0) + 1
    drafted = replace(
        as_if_published(known, draft), number=number, scope=scope or {}, effective_from=effective_from
    )
    moment = max(footing.clock(), effective_from or footing.clock())
    after = Playbooks(known.version, {**known.versions, (draft.name, number): drafted}).at(moment)
    epoch, people = Epoch(after, None, None), footing.organisation()
    armed: Counter[tuple[str, str]] = Counter()
    at_once: Counter[tuple[str, str]] = Counter()
    for watched, told in _records(footing, set(draft.document.kinds)):
        kind = watched.record.kind
        for item in armed_in(epoch, watched, people)[1]:
            armed[kind, item.deadline] += 1
            at_once[kind, item.deadline] += bool(item.past(moment, told.get(item.key)))
    # A level that is asked keeps its limit, also where the draft has it no more.
    by_deadline = [
        (kind, name, armed[kind, name], at_once[kind, name])
        for kind, spec in draft.document.kinds.items()
        for name in dict.fromkeys((*named_in(spec), *(known for of, known in sorted(armed) if of == kind)))
    ]
    return Forecast(armed.total(), at_once.total(), tuple(by_deadline))


def _records(footing: Footing, kinds: set[str]) -> Iterator[tuple[Watched, Told]]:
    with footing.snapshot(Timers.name) as (connection, reached):
        rows = connection.execute("SELECT kind FROM dealtrail_read.watched_kinds").fetchall()
        seen = kinds & {str(row["kind"]) for row in rows}
        after = ""
        while seen:
            page = connection.execute(
                "SELECT stream, watched, told FROM dealtrail_read.watched_records WHERE stream > %s AND kind = ANY(%s) ORDER BY stream LIMIT %s",
                (after, list(seen), _PAGE),
            ).fetchall()
            for row in page:
                yield watching.from_json(row["watched"]), told_from(row["told"])
            if len(page) < _PAGE:
                break
            after = page[-1]["stream"]
    if kinds - seen:
        found: dict[str, tuple[Watched, Told]] = {}
        for events in earlier(footing.log, kinds - seen, reached):
            streams = {recorded.stream for recorded in events}
            found |= folded_into({name: found[name] for name in streams & found.keys()}, events)
        yield from found.values()
