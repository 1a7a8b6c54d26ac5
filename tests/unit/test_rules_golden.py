"""The golden corpus: rules and rows whose answers were looked at once and must not change with any dependency.

`tests/golden/rules.json` holds its own vocabulary, rows and rules, each rule with its hash and one answer per row.
Rules about facts come a second time, with what happened to records, by log position, and one answer per decision.
Both back ends answer: the closure of the live command and the columns of history.
To add a rule, add an entry with only a `"rule"` to the file, run `python -m tests.unit.test_rules_golden` from the root, and
read the difference: an answer that changed is a change of meaning, not a file to be refreshed.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from commands.rule_parser import parse_rule
from domain.money import Money
from domain.record.gates import Attempt, _MomentFacts
from domain.record.state import AttachedEvidence, Record, TouchMade
from domain.rules import nodes as t
from domain.rules.closure import compile_rule
from domain.rules.outcomes import is_outcome
from domain.rules.tree import from_json, to_json, to_text
from domain.rules.types import FieldType, ValueType, Vocabulary
from domain.work.approving import Approval
from domain.work.state import WorkItem
from projections.rule_columns import (
    FactTables,
    column_name,
    columns_of,
    facts_asked,
    fields_asked,
    judged,
    with_facts,
)
from projections.rule_columns.columns import column_type
from projections.rule_columns.facts import (
    APPROVALS,
    CHANGES,
    DECISIONS,
    EVIDENCE,
    TOUCHES,
    VISITS,
    WORK,
    said_in_forms,
)

PATH = Path(__file__).parents[1] / "golden" / "rules.json"
CORPUS = json.loads(PATH.read_text(encoding="utf-8"))


def types_of(fields: dict[str, Any]) -> dict[str, FieldType]:
    return {
        name: FieldType(ValueType(it["type"]), tuple(it.get("options", ())), it.get("currency"))
        for name, it in fields.items()
    }


VOCABULARY = Vocabulary(
    fields=types_of(CORPUS["vocabulary"]["fields"]),
    forms={name: types_of(form) for name, form in CORPUS["vocabulary"]["forms"].items()},
    **{
        key: tuple(CORPUS["vocabulary"][key])
        for key in ("evidence_types", "touch_kinds", "stages", "work_templates", "approval_chains")
    },
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

    def today(self) -> date | None:
        day = self.known.get("today")
        return None if day is None else date.fromisoformat(day)

    def done(self, template: str, /) -> bool | None:
        return self.known.get("done", {}).get(template)

    def outcome(self, template: str, name: str, _answer_type: str, /) -> object:
        said = self.known.get("outcome", {}).get(template, {})
        return value(VOCABULARY.forms[template][name], said.get(name))

    def approved(self, chain: str, /) -> bool | None:
        return self.known.get("approved", {}).get(chain)


def value(field: FieldType, raw: Any) -> object:
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
    ({name: value(VOCABULARY.fields[name], raw) for name, raw in row["fields"].items()}, Facts(row["facts"]))
    for row in CORPUS["rows"]
]


def stored(fields: dict[str, FieldType], told: dict[str, Any]) -> dict[str, Any]:
    return {
        name: dict(zip(("amount", "currency"), raw.split(" "), strict=True))
        if raw is not None and fields[name].type is ValueType.money
        else raw
        for name, raw in told.items()
    }


STORED = [stored(VOCABULARY.fields, row["fields"]) for row in CORPUS["rows"]]


def forms(template: str) -> pl.Series:
    """What the form of a template says in each row, as the ledger has it."""
    told = [row["facts"].get("outcome", {}).get(template) for row in CORPUS["rows"]]
    fields = VOCABULARY.forms[template]
    return pl.Series([None if it is None else json.dumps(stored(fields, it)) for it in told], dtype=pl.String)


def tree_of(text: str) -> t.Node:
    return parse_rule(text, VOCABULARY).tree


def answers(tree: t.Node) -> list[bool | None]:
    judge = compile_rule(tree)
    return [judge(row, facts) for row, facts in ROWS]


def answers_of_columns(tree: t.Node) -> list[bool | None]:
    facts = []
    for fact in facts_asked([tree]):
        if is_outcome(fact):
            facts.append(said_in_forms(fact, forms(str(fact.arguments[0]))))
            continue
        known = [getattr(it, fact.name)(*fact.arguments) for _, it in ROWS]
        texts = [it if isinstance(it, bool | None) else str(it) for it in known]
        facts.append(pl.Series(column_name(fact), texts, strict=True).cast(column_type(fact)))
    table = columns_of(fields_asked([tree]), STORED).with_columns(facts)
    return judged(table, {"answer": tree}).get_column("answer").to_list()


@pytest.mark.parametrize("entry", CORPUS["rules"], ids=[it["rule"] for it in CORPUS["rules"]])
def test_the_answers_of_the_corpus_never_change(entry):
    """The rule means today what it meant when it was published, to both back ends, and is known by the same hash."""
    rule = parse_rule(entry["rule"], VOCABULARY)
    assert answers(rule.tree) == entry["answers"]
    assert answers_of_columns(rule.tree) == entry["answers"]
    assert rule.hash == entry["hash"]
    assert answers(tree_of(to_text(from_json(to_json(rule.tree))))) == entry["answers"]


# --- what happened, by position --------------------------------------------------------------------------------------

HISTORIES: dict[str, dict[str, list[list[Any]]]] = CORPUS["histories"]
DECIDED: list[dict[str, Any]] = CORPUS["decisions"]
STANDS_ON = {chain: frozenset(fields) for chain, fields in CORPUS["stands_on"].items()}


def moment(raw: str | None) -> datetime | None:
    return None if raw is None else datetime.fromisoformat(raw)


def live(decision: dict[str, Any]) -> _MomentFacts:
    """The facts as the live command asks them: of the record as it was at the basis."""
    told, basis = HISTORIES[decision["record"]], decision["basis"]
    visits = [it for it in told["visits"] if it[0] <= basis]
    record = Record(
        stream=decision["record"],
        version=1,
        position=basis,
        fields={},
        stage=visits[-1][1] if visits else None,
        stage_entered_at=moment(visits[-1][2]) if visits else None,
        evidence=tuple(
            AttachedEvidence(str(position), field, "", None, last)
            for position, field, last in told["evidence"]
            if position <= basis
        ),
        touches=tuple(
            TouchMade(kind, moment(at))
            for position, until, kind, at in told["touches"]
            if position <= basis and (until is None or basis < until)
        ),
        work={
            str(position): WorkItem(
                str(position), template, "p_1", "done" if done is not None and done <= basis else "accepted",
                "p_2", None, position, fields=form or {} if done is not None and done <= basis else {},
            )
            for position, template, done, form in told["work"]
            if position <= basis
        },
        approvals={
            str(position): Approval(
                str(position), chain, "sequence", (), "p_2", "p_2", None, position,
                state="approved" if approved is not None and approved <= basis else "running",
                changed=frozenset(field for at, field in told["changes"] if position < at <= basis),
            )
            for position, chain, approved in told["approvals"]
            if position <= basis
        },
    )  # fmt: skip
    attempt = Attempt(record, record.stage, decision["after"], "forward", moment(decision["at"]), False)
    return _MomentFacts(attempt, ZoneInfo(decision["zone"]), STANDS_ON.__getitem__)


def table(name: str, schema: pl.Schema, *read: Any) -> pl.DataFrame:
    rows = [
        (record, *(how(it) for how, it in zip(read, row, strict=True)))
        for record, told in HISTORIES.items()
        for row in told[name]
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def as_it_is(value: Any) -> Any:
    return value


def as_json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def day(raw: str | None) -> date | None:
    return None if raw is None else date.fromisoformat(raw)


def answers_over_time(tree: t.Node) -> tuple[list[bool | None], list[bool | None]]:
    judge = compile_rule(tree)
    tables = FactTables(
        table("evidence", EVIDENCE, as_it_is, as_it_is, day),
        table("touches", TOUCHES, as_it_is, as_it_is, as_it_is, moment),
        table("visits", VISITS, as_it_is, as_it_is, moment),
        table("work", WORK, as_it_is, as_it_is, as_it_is, as_json),
        table("approvals", APPROVALS, as_it_is, as_it_is, as_it_is),
        table("changes", CHANGES, as_it_is, as_it_is),
        STANDS_ON,
    )
    decisions = pl.DataFrame([{**it, "at": moment(it["at"])} for it in DECIDED], schema=DECISIONS)
    found = judged(with_facts(decisions, tables, facts_asked([tree])), {"answer": tree})
    return [judge({}, live(it)) for it in DECIDED], found.get_column("answer").to_list()


@pytest.mark.parametrize(
    "entry", CORPUS["rules_over_time"], ids=[it["rule"] for it in CORPUS["rules_over_time"]]
)
def test_the_answers_about_what_happened_never_change(entry):
    """A fact means today what it meant when it was asked, of one record and of tables."""
    rule = parse_rule(entry["rule"], VOCABULARY)
    assert answers_over_time(rule.tree) == (entry["answers"], entry["answers"])
    assert rule.hash == entry["hash"]


def test_the_corpus_tells_answers_apart():
    """A corpus in which everything is unknown would prove nothing."""
    given = [answer for entry in CORPUS["rules"] for answer in entry["answers"]]
    assert len(CORPUS["rules"]) >= 60
    assert min(given.count(it) for it in (True, False, None)) > len(given) / 8


def lines_of(entries: list[Any]) -> str:
    return "[\n    " + ",\n    ".join(json.dumps(it, ensure_ascii=False) for it in entries) + "\n  ]"


if __name__ == "__main__":
    for entry in CORPUS["rules"]:
        entry["hash"] = parse_rule(entry["rule"], VOCABULARY).hash
        entry["answers"] = answers(tree_of(entry["rule"]))
    for entry in CORPUS["rules_over_time"]:
        entry["hash"] = parse_rule(entry["rule"], VOCABULARY).hash
        entry["answers"] = answers_over_time(tree_of(entry["rule"]))[0]
    vocabulary = json.dumps(CORPUS["vocabulary"], ensure_ascii=False, indent=2).replace("\n", "\n  ")
    parts = {
        "vocabulary": vocabulary,
        "rows": lines_of(CORPUS["rows"]),
        "rules": lines_of(CORPUS["rules"]),
        "histories": "{\n    "
        + ",\n    ".join(f'"{name}": {json.dumps(it, ensure_ascii=False)}' for name, it in HISTORIES.items())
        + "\n  }",
        "decisions": lines_of(DECIDED),
        "stands_on": json.dumps(CORPUS["stands_on"], ensure_ascii=False),
        "rules_over_time": lines_of(CORPUS["rules_over_time"]),
    }
    text = ",\n  ".join(f'"{name}": {part}' for name, part in parts.items())
    PATH.write_text(f"{{\n  {text}\n}}\n", encoding="utf-8")
