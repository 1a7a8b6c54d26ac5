"""The golden corpus: rules and rows whose answers were looked at once and must not change with any dependency.

`tests/golden/rules.json` holds its own vocabulary, rows and rules, each rule with its hash and one answer per row.
To add a rule, add an entry with only a `"rule"` to the file, run `python -m tests.unit.test_rules_golden` from the root, and
read the difference: an answer that changed is a change of meaning, not a file to be refreshed.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from commands.rule_parser import parse_rule
from domain.money import Money
from domain.rules.closure import compile_rule
from domain.rules.tree import from_json, to_json, to_text
from domain.rules.types import FieldType, ValueType, Vocabulary

PATH = Path(__file__).parents[1] / "golden" / "rules.json"
CORPUS = json.loads(PATH.read_text(encoding="utf-8"))
VOCABULARY = Vocabulary(
    fields={
        name: FieldType(ValueType(it["type"]), tuple(it.get("options", ())), it.get("currency"))
        for name, it in CORPUS["vocabulary"]["fields"].items()
    },
    **{key: tuple(CORPUS["vocabulary"][key]) for key in ("evidence_types", "touch_kinds", "stages")},
)


class Facts:
    """The facts of one row of the corpus; what the row does not say is unknown."""

    def __init__(self, known: dict[str, Any]) -> None:
        self.known = known

    def evidence(self, evidence_type: str, /) -> bool | None:
        return self.known.get("evidence", {}).get(evidence_type)

    def touches(self, kind: str, days: int, /) -> int | None:
        return self.known.get("touches", {}).get(f"{kind} in {days} days")

    def days_in_stage(self) -> Decimal | None:
        days = self.known.get("days_in_stage")
        return None if days is None else Decimal(days)

    def stage(self) -> str | None:
        return self.known.get("stage")


def value(name: str, raw: Any) -> object:
    field = VOCABULARY.fields[name]
    if raw is None:
        return None
    match field.type:
        case ValueType.number:
            return Decimal(raw)
        case ValueType.money:
            return Money.parse(*raw.split(" "))
        case ValueType.date:
            return date.fromisoformat(raw)
        case ValueType.datetime:
            return datetime.fromisoformat(raw)
        case ValueType.choices:
            return tuple(raw)
        case _:
            return raw


ROWS = [
    ({name: value(name, raw) for name, raw in row["fields"].items()}, Facts(row["facts"]))
    for row in CORPUS["rows"]
]


def answers(text: str) -> list[bool | None]:
    judge = compile_rule(parse_rule(text, VOCABULARY).tree)
    return [judge(row, facts) for row, facts in ROWS]


@pytest.mark.parametrize("entry", CORPUS["rules"], ids=[it["rule"] for it in CORPUS["rules"]])
def test_the_answers_of_the_corpus_never_change(entry):
    """The rule means today what it meant when it was published, and is known by the same hash."""
    rule = parse_rule(entry["rule"], VOCABULARY)
    assert answers(entry["rule"]) == entry["answers"]
    assert rule.hash == entry["hash"]
    assert answers(to_text(from_json(to_json(rule.tree)))) == entry["answers"]


def test_the_corpus_tells_answers_apart():
    """A corpus in which everything is unknown would prove nothing."""
    given = [answer for entry in CORPUS["rules"] for answer in entry["answers"]]
    assert len(CORPUS["rules"]) >= 60
    assert min(given.count(it) for it in (True, False, None)) > len(given) / 8


if __name__ == "__main__":
    for entry in CORPUS["rules"]:
        entry["hash"] = parse_rule(entry["rule"], VOCABULARY).hash
        entry["answers"] = answers(entry["rule"])
    lines = [json.dumps(it, ensure_ascii=False) for it in CORPUS["rules"]]
    rows = [json.dumps(it, ensure_ascii=False) for it in CORPUS["rows"]]
    vocabulary = json.dumps(CORPUS["vocabulary"], ensure_ascii=False, indent=2).replace("\n", "\n  ")
    PATH.write_text(
        '{\n  "vocabulary": ' + vocabulary + ',\n  "rows": [\n    ' + ",\n    ".join(rows)
        + '\n  ],\n  "rules": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n",
        encoding="utf-8",
    )  # fmt: skip
