"""The oracle is another implementation: it imports nothing of the product, and answers the golden corpus as the product must."""

import ast
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from oracle import facts, rules
from oracle.business_time import business_seconds
from oracle.reading import period, quantile, quotient
from test_rules_golden import CORPUS, VOCABULARY, moment, stored, tree_of

from domain.rules.tree import to_json

ORACLE = Path(__file__).parents[1] / "oracle"
FILES = sorted(ORACLE.glob("*.py"))


def imported(path: Path) -> set[str]:
    """The first names of everything a module imports, wherever in it, relative imports and calls of the machinery included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").partition(".")[0])
        elif isinstance(node, ast.Name) and node.id in {"__import__", "importlib", "exec", "eval"}:
            found.add(node.id)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_oracle_imports_no_module_of_the_product(path):
    """The standard library and the oracle itself: nothing else, so nothing of what it judges."""
    assert imported(path) <= {"oracle"} | (sys.stdlib_module_names - {"importlib"})


def test_every_module_of_the_oracle_is_looked_at():
    assert {"log.py", "rules.py", "facts.py", "gates.py", "replay.py", "metrics.py", "indices.py"} <= {
        path.name for path in FILES
    }


# ── the golden corpus ────────────────────────────────────────────────────────────────────────────────────────────────


def answers(tree: Any) -> list[bool | None]:
    found = []
    for row in CORPUS["rows"]:

        def fact(name: str, arguments: list[Any], known: Any = row["facts"]) -> Any:
            match name:
                case "evidence":
                    return known.get("evidence", {}).get(arguments[0])
                case "touches":
                    count = known.get("touches", {}).get(f"{arguments[0]} in {arguments[1]} days")
                    return None if count is None else Decimal(count)
                case "days_in_stage":
                    return None if known.get(name) is None else Decimal(known[name])
                case "today":
                    return None if known.get(name) is None else date.fromisoformat(known[name])
                case "done" | "approved":
                    return known.get(name, {}).get(arguments[0])
                case "outcome":
                    template, field, kind = arguments
                    said = stored(VOCABULARY.forms[template], known.get(name, {}).get(template, {}))
                    kind, _, currency = kind.partition(" ")
                    return facts.typed(said.get(field), kind, currency or None)
                case _:
                    return known.get("stage")

        fields = stored(VOCABULARY.fields, row["fields"])
        found.append(rules.judge(tree, fields.get, fact))
    return found


@pytest.mark.parametrize("entry", CORPUS["rules"], ids=[it["rule"] for it in CORPUS["rules"]])
def test_the_oracle_answers_the_corpus(entry):
    assert answers(to_json(tree_of(entry["rule"]))) == entry["answers"]


@pytest.mark.parametrize(
    "entry", CORPUS["rules_over_time"], ids=[it["rule"] for it in CORPUS["rules_over_time"]]
)
def test_the_oracle_answers_for_moments(entry):
    tree = to_json(tree_of(entry["rule"]))
    found = []
    for decision in CORPUS["decisions"]:
        happened, basis = CORPUS["histories"][decision["record"]], decision["basis"]
        visits = [it for it in happened["visits"] if it[0] <= basis]
        record = {
            "stage": visits[-1][1] if visits else None,
            "stage_entered_at": moment(visits[-1][2]) if visits else None,
            "evidence": [
                {"field": name, "valid_until": last}
                for position, name, last in happened["evidence"]
                if position <= basis
            ],
            "touches": {
                position: {"kind": kind, "at": moment(at)}
                for position, until, kind, at in happened["touches"]
                if position <= basis and (until is None or basis < until)
            },
            "work": {
                position: {
                    "template": template,
                    "position": position,
                    "end": "done" if done is not None and done <= basis else None,
                    "form": form or {},
                }
                for position, template, done, form in happened["work"]
                if position <= basis
            },
            "approvals": {
                position: {
                    "chain": chain,
                    "position": position,
                    "end": "approved" if approved is not None and approved <= basis else None,
                    "told_since": {name for at, name in happened["changes"] if position < at <= basis},
                }
                for position, chain, approved in happened["approvals"]
                if position <= basis
            },
            "stands_on": {chain: set(names) for chain, names in CORPUS["stands_on"].items()},
        }

        def fact(name: str, arguments: list[Any], record: Any = record, decision: Any = decision) -> Any:
            at = moment(decision["at"])
            return facts.answer(record, name, arguments, decision["after"], at, decision["zone"])

        found.append(rules.judge(tree, lambda name: None, fact))
    assert found == entry["answers"]


# ── counted by hand ──────────────────────────────────────────────────────────────────────────────────────────────────

CALENDAR = {
    "hours": {"mon": ["09:00-12:00", "13:00-18:00"], "fri": ["22:00-24:00"]},
    "first_year": 2026,
    "last_year": 2026,
    "days_off": ["2026-03-09"],
    "working_days": ["2026-03-15"],
}


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("2026-03-02T08:00", "2026-03-02T20:00", 8 * 3600),  # a Monday
        ("2026-03-02T11:59:58", "2026-03-02T13:00:03", 5),
        ("2026-03-02T12:10", "2026-03-02T12:50", 0),
        ("2026-03-06T23:00", "2026-03-07T05:00", 3600),  # Friday until midnight
        ("2026-03-03T00:00", "2026-03-10T00:00", 2 * 3600),  # the Monday between is off
        (
            "2026-03-15T00:00",
            "2026-03-16T00:00",
            8 * 3600,
        ),  # a Sunday made up for, with the hours of a Monday
        ("2025-12-31T23:00", "2026-01-05T18:00", None),  # the calendar does not know 2025
    ],
)
def test_business_time_is_counted_from_explicit_days(start, end, seconds):
    begins, ends = (datetime.fromisoformat(f"{text}+08:00") for text in (start, end))
    assert business_seconds(CALENDAR, "Asia/Shanghai", begins, ends) == seconds


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026-Q4", "2026-10-01", "2027-01-01"),
        ("2026-Q1", "2026-01-01", "2026-04-01"),
        ("2026-W01", "2025-12-29", "2026-01-05"),
    ],
)
def test_periods_are_half_open(text, first, last):
    assert [f"{moment:%Y-%m-%d}" for moment in period(text, "Asia/Shanghai")] == [first, last]


def test_numbers_are_exact():
    assert quotient(1, 3) == Decimal("0.333333")
    assert quotient(5, 10_000_000) == Decimal(0)  # half-even
    assert quotient(1, 0) is None
    assert [quantile([3, 1, 2, 4], percents) for percents in (25, 50, 51, 90)] == [1, 2, 3, 4]
    assert quantile([], 50) is None
