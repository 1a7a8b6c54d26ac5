"""How records moved: the cases and numbers of return_rate, rework and conformance, with its violations."""

from oracle import playbooks as books
from oracle.cases import Numbers, case_of, count
from oracle.gates import way_with
from oracle.log import Record
from oracle.reading import Case, Period, Reading, is_in, percent


def return_rate(reading: Reading, within: Period | None = None) -> list[Case]:
    """Moves made in the period."""
    return [
        case_of(reading, record, visit["position"], visit["entered_at"], step=visit["step"], move=visit["move"], edge_from=visit["before"],
              edge_to=visit["step"], returned=visit["move"] == "back")
        for record in reading.records
        for visit in record["visits"]
        if visit["move"] != "open" and is_in(visit["entered_at"], within)
    ]  # fmt: skip


def return_rate_numbers(cases: list[Case]) -> Numbers:
    """How many moves went back."""
    returns = count(cases, "returned")
    return {"moves": len(cases), "returns": returns, "rate_percent": percent(returns, len(cases))}


def rework(reading: Reading, within: Period | None = None) -> list[Case]:
    """Visits entered in the period."""
    found = []
    for record in reading.records:
        for visit in record["visits"]:
            if is_in(visit["entered_at"], within):
                move = visit["move"]
                self_loop = move == "re-entry"
                kinds = {
                    "self_loop": self_loop, "repetition": visit["entry"] > 1 and not self_loop, "backtrack": move == "back",
                    "reopened": move == "reopen",
                }  # fmt: skip
                found.append(
                    case_of(reading, record, visit["position"], visit["entered_at"], step=visit["step"], move=move,
                          rework=any(kinds.values()), **kinds)
                )  # fmt: skip
    return found


def rework_numbers(cases: list[Case]) -> Numbers:
    """Each kind of rework, and the share of visits that are any."""
    return {
        "visits": len(cases), "self_loops": count(cases, "self_loop"), "repetitions": count(cases, "repetition"),
        "backtracks": count(cases, "backtrack"), "reopenings": count(cases, "reopened"),
        "rework_percent": percent(count(cases, "rework"), len(cases)),
    }  # fmt: skip


def violations_of(reading: Reading, record: Record) -> list[tuple[str, int]]:
    """What a record did otherwise than its path asks, each with the position of the visit."""
    kind, path = reading.kind, record["path"]
    known = path is None or path in books.named(kind.get("paths"))
    on_path = books.steps_of(kind, path) if known else []
    won = [name for name in on_path if reading.outcome(name) == "won"]
    found: list[tuple[str, int]] = []
    entered: set[str] = set()
    for index, visit in enumerate(record["visits"]):
        names = []
        if index == 0 and not (known and visit["step"] in books.opening_steps(kind, path)):
            names.append("opened_late")
        ends = (visit["before"], visit["step"])
        if visit["move"] == "skip" and all(end in books.steps(kind) for end in ends):
            # Measured as the move was: an end that lies off the path stands there in the order of the kind.
            order = [*way_with(kind, path if known else None, *ends), *won]
            between = (
                order[order.index(ends[0]) + 1 : order.index(ends[1])]
                if ends[0] in order and ends[1] in order
                else []
            )
            names += [
                f"skipped:{name}"
                for name in between
                if reading.outcome(name) == "open" and name not in entered
            ]
        names += [{"back": "back", "re-entry": "repeated", "reopen": "reopened"}[visit["move"]]] if visit["move"] in ("back", "re-entry", "reopen") else []  # fmt: skip
        names += ["overridden"] if visit["overridden"] else []
        names += ["off_path"] if visit["step"] not in on_path else []
        found += [(name, visit["position"]) for name in names]
        entered.add(visit["step"])
    return found


def conformance(reading: Reading, within: Period | None = None) -> list[Case]:
    """Records opened in the period."""
    found = []
    for record in reading.records:
        if record["visits"] and is_in(record["opened_at"], within):
            violations = violations_of(reading, record)
            outcome = reading.outcome(record["stage"])
            found.append(
                case_of(reading, record, record["opened_position"], record["opened_at"], violations=violations,
                      violating=bool(violations), running=not violations and outcome == "open",
                      conforming=not violations and outcome in ("won", "lost", "closed"))
            )  # fmt: skip
    return found


def conformance_numbers(cases: list[Case]) -> Numbers:
    """Running records are a class of their own."""
    violating, conforming = count(cases, "violating"), count(cases, "conforming")
    return {
        "records": len(cases), "violating": violating, "running": count(cases, "running"), "conforming": conforming,
        "rate_percent": percent(conforming, conforming + violating),
    }  # fmt: skip


def violations(reading: Reading, within: Period | None = None) -> list[Case]:
    """Each violation of the records opened in the period, where it happened; its month is that of the opening, as its period is."""
    found = []
    for record in reading.records:
        if record["visits"] and is_in(record["opened_at"], within):
            found += [
                case_of(reading, record, position, record["opened_at"], violation=name)
                for name, position in violations_of(reading, record)
            ]
    return found


def violations_numbers(cases: list[Case]) -> Numbers:
    """How many."""
    return {"violations": len(cases)}
