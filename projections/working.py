"""Answers about work: what waits for whom, what is late, and how long people wait for each other."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from domain.naming import nearest, person_stream
from domain.playbook.catalogue import Playbooks
from domain.refusals import NotFound
from domain.rules.arithmetic import divide, number_text
from domain.values import moment_text
from domain.work.json_form import item_from_json
from domain.work.limits import elapsed_us, passing_of
from projections.cursors import Cursor, unreadable
from projections.errors import InvalidQuery
from projections.footing import Footing
from projections.lens import Lens, Visible
from projections.lists import Ask, incomplete
from projections.parked import Parked
from projections.waiting import shown
from projections.work import Work

STATES = ("open", "requested", "accepted", "paused", "done", "declined", "cancelled")
By: TypeAlias = Literal["role", "team"]

_HOUR_US = 3_600_000_000

# What is late: an answer or the work itself was due before the moment asked, and nobody has given or done it. What is paused is not due.
_MARKED = """
SELECT *, is_open AND state <> 'paused' AND coalesce((response_due_at < %(at)s AND first_response_at IS NULL) OR done_due_at < %(at)s, false) AS overdue
FROM dealtrail_read.work
"""
# As the index has it. What was asked stands at a position of its own in the log; only the roles of one approval share theirs.
_ORDER = (
    "(NOT is_open), (-priority), (coalesce(least(done_due_at, CASE WHEN first_response_at IS NULL THEN response_due_at END), 'infinity'::timestamptz)),"
    " requested_position, (md5(part))"
)
_LIST = (
    f"SELECT *, least(done_due_at, CASE WHEN first_response_at IS NULL THEN response_due_at END) AS next_due, md5(part) AS role_of FROM ({_MARKED}) marked"  # noqa: S608 — literals of this module; values are parameters
    " WHERE (%(assignee)s::text IS NULL OR assignee = %(assignee)s) AND (%(record)s::text IS NULL OR record = %(record)s)"
    " AND (%(template)s::text IS NULL OR template = %(template)s) AND (%(what)s::text IS NULL OR what = %(what)s)"
    " AND (%(state)s::text IS NULL OR state = %(state)s OR (%(state)s = 'open' AND is_open))"
    " AND (%(overdue)s::boolean IS NULL OR overdue = %(overdue)s)"
)
_ON = f" AND ({_ORDER}) > (%(closed)s::boolean, %(urgency)s::integer, %(due)s::timestamptz, %(position)s::bigint, %(role)s::text)"
_IN_ORDER = f" ORDER BY {_ORDER}"
_LIMIT = " LIMIT %(limit)s"
_LAST = re.compile(r"([01]) (-?\d{1,2}) (infinity|[0-9T:.+Z-]{10,35}) (\d{1,18}) ([0-9a-f]{32})")
_LATE_LEGS = f"SELECT * FROM ({_MARKED}) marked WHERE fork IS NOT NULL AND overdue {_IN_ORDER}"  # noqa: S608 — as above


# The median is the middle of the two values in the middle, which are the same where their number is odd.
_PAIRS = """
SELECT requested_by, coalesce(answered_by, assignee) AS responder, count(*) AS asked, count(response_us) AS judged, sum(response_us) AS total_us,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY response_us) AS lower_us, percentile_disc(0.5) WITHIN GROUP (ORDER BY response_us DESC) AS upper_us
FROM dealtrail_read.work WHERE what = 'work' AND (answered_by IS NOT NULL OR is_open) GROUP BY 1, 2
"""
_UNANSWERED = """
SELECT w.requested_by, w.assignee, w.record, w.id,
    (SELECT found FROM jsonb_array_elements(r.work -> 'work') found WHERE found ->> 'id' = w.id) AS item
FROM dealtrail_read.work w JOIN dealtrail_read.record_work r ON r.stream = w.record
WHERE w.what = 'work' AND w.is_open AND w.answered_by IS NULL ORDER BY w.requested_position, w.id
"""


@dataclass(frozen=True, slots=True)
class Which:
    """Which work is listed; None asks nothing. `state` may be `open`: whatever is still to be done. `record` is named as kind/id or collection/id; `what` tells work from approvals."""

    assignee: str | None = None
    state: str | None = None
    overdue: bool | None = None
    record: str | None = None
    template: str | None = None
    what: Literal["work", "approval"] | None = None


def list_work(footing: Footing, ask: Ask, which: Which = Which(), **about: object) -> Visible:
    """Show work: what is open first, by priority and due moment. Approval levels that wait for somebody stand among it.

    A page goes on after the last item of the one before, as that stood there: what was done or added meanwhile moves nothing else.
    Raises InvalidQuery for a state there is none of, NotFound and AmbiguousName for such a record, NotFound for a person and a template.
    """
    if which.state is not None and which.state not in STATES:
        raise InvalidQuery.of(
            "state", f"{which.state!r} is none of {', '.join(STATES)}", nearest(which.state, STATES)
        )
    record = None if which.record is None else footing.named(which.record)
    assignee = None if which.assignee is None else person_called(footing, which.assignee)
    if which.template is not None:
        _refuse_unknown_template(footing, which.template)
    words = ["work", assignee, which.state, which.overdue, record, which.template, which.what]
    cursor = Cursor.read(ask.cursor, words)
    at = cursor.moment if cursor is not None and cursor.moment else footing.clock()
    told: dict[str, object] = {
        "at": at,
        "assignee": assignee,
        "state": which.state,
        "overdue": which.overdue,
        "record": record,
        "template": which.template,
        "what": which.what,
        "limit": ask.limit + 1,
    }
    if cursor is not None:
        told |= _after(cursor)
    asked = (_LIST, _ON if cursor is not None else "", _IN_ORDER, _LIMIT)
    with footing.snapshot(Work.name) as (connection, reached):
        rows = connection.execute("".join(asked), told).fetchall()
        parked = Parked.count(connection, Work.name)
    page = rows[: ask.limit]
    lens = footing.lens()
    lens.prepare({"title": row["title"]} for row in page)
    more = len(rows) > len(page)
    following = Cursor(reached, 0, at, _last(page[-1])).text(words) if more else None
    playbooks = footing.playbooks()
    return lens.page(
        [shown(lens, playbooks, row) for row in page],
        next=following,
        at=moment_text(at),
        names=footing.names(lens, [row["record"] for row in page], footing.bounded()),
        **about,
        **incomplete(parked),
        **_based_on(footing, reached),
    )


def _refuse_unknown_template(footing: Footing, name: str) -> None:
    """Refuse a template, or chain of approval, no version of any playbook ever had. Raises NotFound, with the nearest name."""
    known = {
        template
        for version in footing.playbooks().versions.values()
        for kind in version.document.kinds.values()
        for template in (*kind.work, *kind.approvals)
    }
    if name not in known:
        raise NotFound("work template", name, nearest(name, sorted(known)))


def _last(row: Mapping[str, Any]) -> str:
    """Where an item stands in the order of all."""
    due = "infinity" if row["next_due"] is None else moment_text(row["next_due"])
    return f"{int(not row['is_open'])} {-row['priority']} {due} {row['requested_position']} {row['role_of']}"


def _after(cursor: Cursor) -> dict[str, object]:
    """Read where the page before ended. Raises InvalidQuery."""
    found = _LAST.fullmatch(cursor.after or "")
    if found is None:
        raise unreadable()
    closed, urgency, due, position, role = found.groups()
    try:
        moment = due if due == "infinity" else datetime.fromisoformat(due)
    except ValueError:
        raise unreadable() from None
    told = {"closed": closed == "1", "urgency": int(urgency), "position": int(position), "role": role}
    return {**told, "due": moment}


def person_called(footing: Footing, name: str) -> str:
    """Return the id of a person who works or worked here, as person/per_…. Raises NotFound, with the nearest id."""
    people = footing.organisation().people
    found = person_stream(name.removeprefix("person/"))
    if found not in people:
        known = [known.removeprefix("person/") for known in people]
        raise NotFound("person", name, nearest(name, known))
    return found


def work_of(footing: Footing, person: str, ask: Ask) -> Visible:
    """Show what waits for a person: their work, and the approvals they have to decide. Raises NotFound, with the nearest id."""
    found = person_called(footing, person)
    lens = footing.lens()
    lens.prepare(())
    return list_work(
        footing, ask, Which(assignee=found, state="open"), person=found, person_name=lens.person(found)
    )


def late_legs(footing: Footing, by: By = "role") -> Visible:
    """Show the legs of forks that are late now, by the role they are for or the team of whoever has them: who holds up whom, and since when."""
    at = footing.clock()
    with footing.snapshot(Work.name) as (connection, reached):
        rows = connection.execute(_LATE_LEGS, {"at": at}).fetchall()
        legs = connection.execute(
            "SELECT role, assignee, count(*) AS legs FROM dealtrail_read.work WHERE fork IS NOT NULL AND is_open GROUP BY role, assignee"
        ).fetchall()
        parked = Parked.count(connection, Work.name)
    people, playbooks = footing.organisation(), footing.playbooks()
    lens = footing.lens()
    lens.prepare({"title": row["title"]} for row in rows)

    def group(row: Mapping[str, Any]) -> str | None:
        if by == "role":
            return str(row["role"]) if row["role"] is not None else None
        person = people.people.get(row["assignee"])
        return person.team if person is not None else None

    late: dict[str | None, list[Any]] = {}
    for row in rows:
        late.setdefault(group(row), []).append(row)
    standing: dict[str | None, int] = {}
    for row in legs:
        standing[group(row)] = standing.get(group(row), 0) + int(row["legs"])
    items = [
        lens.figures(
            **{by: name},
            label=_label(lens, playbooks, by, name),
            open=standing.get(name, 0),
            late=len(found),
            legs=[shown(lens, playbooks, row).data | {"late_hours": _late_hours(row, at)} for row in found],
        )
        for name, found in sorted(late.items(), key=lambda item: (-len(item[1]), item[0] or ""))
    ]
    return lens.page(
        items,
        next=None,
        by=by,
        at=moment_text(at),
        late=len(rows),
        names=footing.names(lens, [row["record"] for row in rows], footing.bounded()),
        **incomplete(parked),
        **_based_on(footing, reached),
    )


def response_times(footing: Footing) -> Visible:
    """Show how long people wait for each other's first answer: a row for each who asked and who answered, in business hours.

    `asked` counts everything but what was cancelled before an answer; `judged` what was answered and can be measured: `mean_answered_hours` and
    `median_answered_hours` are of those alone. What is unanswered stands beside them: how many, how long the longest has waited until now, and each of them.
    (The metric `response` counts unanswered requests into its means, with the time they have waited.)
    """
    at = footing.clock()
    with footing.snapshot(Work.name) as (connection, reached):
        pairs = connection.execute(_PAIRS).fetchall()
        waiting = connection.execute(_UNANSWERED).fetchall()
        parked = Parked.count(connection, Work.name)
    unanswered: dict[tuple[str, str], list[Any]] = {}
    for row in waiting:
        unanswered.setdefault((row["requested_by"], row["assignee"]), []).append(row)
    playbooks = footing.playbooks()
    lens = footing.lens()
    lens.prepare(())
    items = []
    for pair in sorted(pairs, key=lambda pair: (pair["requested_by"], pair["responder"])):
        requester, responder, judged = pair["requested_by"], pair["responder"], int(pair["judged"])
        waits = [
            {"record": row["record"], "id": row["id"], "elapsed_hours": _elapsed(row["item"], playbooks, at)}
            for row in unanswered.get((requester, responder), ())
        ]
        elapsed = [Decimal(found["elapsed_hours"]) for found in waits if found["elapsed_hours"] is not None]
        items.append(
            lens.figures(
                requester=requester,
                requester_name=lens.person(requester),
                responder=responder,
                responder_name=lens.person(responder),
                asked=int(pair["asked"]),
                judged=judged,
                mean_answered_hours=_hours(Decimal(pair["total_us"]) / judged) if judged else None,
                median_answered_hours=_hours((Decimal(pair["lower_us"]) + Decimal(pair["upper_us"])) / 2)
                if judged
                else None,
                unanswered_count=len(waits),
                longest_unanswered_hours=number_text(max(elapsed)) if elapsed else None,
                unanswered=waits,
            )
        )
    return lens.page(
        items, next=None, at=moment_text(at), **incomplete(parked), **_based_on(footing, reached)
    )


def _label(lens: Lens, playbooks: Playbooks, by: By, name: str | None) -> Any:
    if name is None:
        return None
    if by == "team":
        return lens.team(name)
    role = playbooks.roles.get(name)
    return None if role is None else role.label.model_dump()


def _late_hours(row: Mapping[str, Any], at: datetime) -> str | None:
    """By how many hours it is late, by the clock: since whichever came first, the answer or the work that was due."""
    due = [row["done_due_at"]]
    due += [row["response_due_at"]] if row["first_response_at"] is None else []
    since = min(moment for moment in due if moment is not None and moment < at)
    return _hours(Decimal((at - since) // timedelta(microseconds=1)))


def _elapsed(item: Any, playbooks: Playbooks, at: datetime) -> str | None:
    found = item_from_json(item)
    version = playbooks.versions.get((found.playbook or "", found.number or 0))
    passed = None if version is None else elapsed_us(found, passing_of(version), at)
    return None if passed is None else _hours(Decimal(passed))


def _hours(microseconds: Decimal) -> str | None:
    hours = divide(microseconds, Decimal(_HOUR_US))
    return None if hours is None else number_text(hours)


def _based_on(footing: Footing, reached: int) -> dict[str, object]:
    return {**footing.about(footing.bounded()), "as_of_position": reached}
