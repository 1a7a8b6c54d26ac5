"""What somebody leaves behind when they go: the open records they own, what waits for them, and who reports to them."""

from typing import Any, Literal

from domain.refusals import NotFound
from domain.values import moment_text
from projections.filters import Question, read_question
from projections.footing import Footing
from projections.lens import Visible
from projections.listing import count_by_stage, fetch
from projections.lists import ITEMS, Ask, Ground, ground, incomplete
from projections.parked import Parked
from projections.record_versions import RecordVersions
from projections.stuck import standing_in_open_stages
from projections.work import Work
from projections.working import Which, list_work, person_called

MODELS = (RecordVersions.name, Work.name)
"""The read models the answer is taken from."""

_OPEN_WORK = (
    "SELECT what, count(*) AS open FROM dealtrail_read.work WHERE assignee = %s AND is_open GROUP BY what"
)


def left_behind(footing: Footing, person: str, limit: int = ITEMS) -> Visible:
    """Show what somebody has in their hands now, so would leave behind: open records by kind, open work, approvals to decide, and reports.

    Each is counted whole (`open`), and its first items are shown, at most `limit`: of records those that stand in their stage longest,
    of work and approvals the most urgent. Whoever has left already is shown with what is theirs still. Raises NotFound, with the nearest id.
    """
    found = person_called(footing, person)
    people = footing.organisation()
    records, parked = _records(footing, found, limit)
    with footing.snapshot(Work.name) as (connection, _):
        counted = {row["what"]: int(row["open"]) for row in connection.execute(_OPEN_WORK, (found,))}
        parked += Parked.count(connection, Work.name)

    def waiting(what: Literal["work", "approval"]) -> dict[str, Any]:
        listed = list_work(footing, Ask(limit=limit), Which(found, "open", what=what))
        return {"open": counted.get(what, 0), "items": listed.data["items"]}

    work, approvals = waiting("work"), waiting("approval")
    bounded = footing.bounded()
    lens = footing.lens(bounded)
    lens.prepare(())
    reports = sorted(other.id for other in people.people.values() if other.manager == found and other.active)
    streams = [item["record"] for of in (work, approvals) for item in of["items"]]
    return lens.figures(
        person=found,
        person_name=lens.person(found),
        active=people.is_active(found),
        records=records,
        work=work,
        approvals=approvals,
        reports=reports,
        names=footing.names(lens, [*streams, *reports], bounded),
        **incomplete(parked),
        **footing.about(bounded),
    )


def _records(footing: Footing, owner: str, limit: int) -> tuple[list[dict[str, Any]], int]:
    """The open records somebody owns, kind by kind, where there are any; and how many records of those kinds are parked."""
    found, parked = [], 0
    for name in sorted(footing.playbooks().by_kind):
        try:
            on = ground(footing, name, Ask().horizon)
        except NotFound:
            continue  # the read models have not heard of a kind that was published just now: nobody owns any
        of_kind, out = _of_kind(footing, on, owner, limit)
        parked += out
        found += [of_kind] if of_kind["open"] else []
    return found, parked


def _of_kind(footing: Footing, on: Ground, owner: str, limit: int) -> tuple[dict[str, Any], int]:
    theirs = read_question(on.kind, on.people, [("owner", owner)], sort="stage_entered_at")
    # What has no stages never ends.
    still_open = (standing_in_open_stages(on.kind),) if on.kind.steps else ()
    filters = (*still_open, *theirs.filters)
    with footing.snapshot(RecordVersions.name) as (connection, reached):
        source = on.source(reached)
        count = sum(count_by_stage(connection, source, filters, on.people).values())
        listed = fetch(connection, source, Question(filters, theirs.order), on.people, limit=limit)
        parked = Parked.count(connection, RecordVersions.name, kind=on.name)
    lens = footing.lens(on.bounded)
    lens.prepare(item.record.fields for item in listed)
    items = [
        {
            "id": record.id,
            "title": lens.title(record),
            "stage": record.stage,
            "stage_label": on.kind.steps[record.stage].label.model_dump() if record.stage else None,
            "stage_entered_at": None
            if record.stage_entered_at is None
            else moment_text(record.stage_entered_at),
        }
        for record in (item.record for item in listed)
    ]
    told = {
        "kind": on.name,
        "label": on.kind.label.model_dump(),
        "collection": on.kind.collection,
        "open": count,
        "items": items,
    }
    return told, parked
