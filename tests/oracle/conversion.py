"""How many of those that entered one step reached another, in the three variants of conversion."""

from oracle import playbooks as books
from oracle.cases import Numbers, case_of, count
from oracle.reading import Case, Period, Reading, is_in, percent


def conversion_cohort(reading: Reading, within: Period | None, start: str, end: str) -> list[Case]:
    """Records whose first visit of one step was entered in the period."""
    found = []
    for record in reading.records:
        firsts = [visit for visit in record["visits"] if visit["step"] == start][:1]
        for first in firsts:
            if is_in(first["entered_at"], within):
                reached = any(
                    it["step"] == end and it["position"] > first["position"] for it in record["visits"]
                )
                lost = not reached and reading.outcome(record["stage"]) in ("lost", "closed")
                found.append(
                    case_of(reading, record, first["position"], first["entered_at"], step=start, reached=reached, lost=lost,
                          running=not reached and not lost)
                )  # fmt: skip
    return found


def conversion_cohort_numbers(cases: list[Case]) -> Numbers:
    """Of those that entered, how many reached."""
    reached = count(cases, "reached")
    return {
        "entered": len(cases), "reached": reached, "lost": count(cases, "lost"), "running": count(cases, "running"),
        "rate_percent": percent(reached, len(cases)),
    }  # fmt: skip


def conversion_flow(reading: Reading, within: Period | None, start: str, end: str) -> list[Case]:
    """Visits of one step that were left in the period."""
    return [
        case_of(
            reading,
            record,
            visit["position"],
            visit["left_at"],
            step=start,
            moved_on=visit["next_step"] == end,
        )
        for record in reading.records
        for visit in record["visits"]
        if visit["step"] == start and visit["left_position"] is not None and is_in(visit["left_at"], within)
    ]


def conversion_flow_numbers(cases: list[Case]) -> Numbers:
    """Of those that left, how many moved on."""
    moved_on = count(cases, "moved_on")
    return {"left": len(cases), "moved_on": moved_on, "rate_percent": percent(moved_on, len(cases))}


def conversion_snapshot(reading: Reading, within: Period | None, start: str, end: str) -> list[Case]:
    """Records that stand in an open or won step at or beyond one; the won steps come last."""
    steps = books.steps(reading.kind)
    won = [name for name, step in steps.items() if step["outcome"] == "won"]
    order = {name: index for index, name in enumerate([*books.way(reading.kind, None), *won])}
    found = []
    for record in reading.records:
        at = order.get(record["stage"])
        if at is not None and at >= order[start]:
            found.append(
                case_of(
                    reading, record, reading.position, None, step=record["stage"], beyond=at >= order[end]
                )
            )
    return found


def conversion_snapshot_numbers(cases: list[Case]) -> Numbers:
    """Of those at or beyond one step, how many are at or beyond the other."""
    beyond = count(cases, "beyond")
    return {"at_or_beyond": len(cases), "beyond": beyond, "rate_percent": percent(beyond, len(cases))}
