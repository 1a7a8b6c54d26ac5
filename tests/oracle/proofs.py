"""What a record must have shown to stand where it stands: the cases and numbers of contradictions."""

from oracle import playbooks as books
from oracle.cases import Numbers, case_of, count
from oracle.log import Record, is_empty
from oracle.reading import Case, Period, Reading, percent


def contradictions(reading: Reading, within: Period | None = None) -> list[Case]:
    """What a record must have shown to stand where it stands, each requirement once."""
    found = []
    for record in reading.records:
        if reading.outcome(record["stage"]) not in ("open", "won"):
            continue
        waived = {name for it in record["decisions"] if it["accepted"] for name in it["waived"]}
        for name in _proofs(reading, record):
            what, _, of = name.partition(":")
            unmet = is_empty(record["fields"].get(of)) if what == "field" else not any(it["field"] == of for it in record["evidence"])  # fmt: skip
            found.append(
                case_of(reading, record, reading.position, None, step=record["stage"], requirement=name, unmet=unmet,
                      waived=unmet and name in waived, contradictory=unmet and name not in waived)
            )  # fmt: skip
    return found


def _proofs(reading: Reading, record: Record) -> list[str]:
    kind, steps = reading.kind, books.steps(reading.kind)
    known = record["path"] is None or record["path"] in books.named(kind.get("paths"))
    way = books.way(kind, record["path"] if known else None)
    if reading.outcome(record["stage"]) == "won":
        passed = [*way, record["stage"]]
    else:
        if record["stage"] not in way:
            way = [name for name in books.way(kind, None) if name in {*way, record["stage"]}]
        passed = way[: way.index(record["stage"]) + 1]
    names: list[str] = []
    for name in passed:
        for part in (steps[name]["stage"], steps[name]["node"] or {}):
            gate = part.get("enter") or {}
            names += [f"field:{it}" for it in gate.get("fields") or ()]
            names += [f"evidence:{it}" for it in gate.get("evidence") or ()]
    return list(dict.fromkeys(names))


def contradictions_numbers(cases: list[Case]) -> Numbers:
    """How many records claim a step without its proof."""
    records, contradictory = (
        {it["record"] for it in cases},
        {it["record"] for it in cases if it["contradictory"]},
    )
    return {
        "requirements": len(cases), "contradictory": count(cases, "contradictory"), "waived": count(cases, "waived"),
        "records": len(records), "records_contradictory": len(contradictory), "rate_percent": percent(len(contradictory), len(records)),
    }  # fmt: skip
