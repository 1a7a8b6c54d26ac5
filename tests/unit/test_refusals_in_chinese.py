"""What is refused is said in the language of the reader: the bounds of a parameter, and what there is none of."""

import ast
from pathlib import Path

import pytest

from commands.http.reading import read_body
from commands.http.work_bodies import ApprovalDecision
from domain.refusals import InvalidCommand
from infra.http.in_chinese import in_chinese, thing_in_chinese
from infra.http.problems import described
from infra.http.wording import sentence_for

ROOT = Path(__file__).parents[2]


def _named() -> set[str]:
    """Every plain word that a refusal says there is none of."""
    return {
        call.args[0].value
        for layer in ("domain", "commands", "projections", "read_api")
        for path in ROOT.glob(f"{layer}/**/*.py")
        if not path.name.startswith("example_")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "NotFound"
        if isinstance(call.args[0], ast.Constant)
    }


def test_everything_there_may_be_none_of_has_a_chinese_word():
    """`找不到：collection` was half English."""
    named = _named()
    assert len(named) > 30
    assert {word for word in named if thing_in_chinese(word) == word} == set()


@pytest.mark.parametrize(
    ("kind", "message", "spoken"),
    [
        ("greater_than_equal", "Input should be greater than or equal to 1", "不得小于 1"),
        ("less_than_equal", "Input should be less than or equal to 200", "不得大于 200"),
    ],
)
def test_a_bound_is_told_in_both_languages(kind, message, spoken):
    """The Chinese answer to `limit=0` left the bound out."""
    assert sentence_for(kind, message, "en") == message
    assert sentence_for(kind, message, "zh") == spoken


@pytest.mark.parametrize(
    ("message", "spoken"),
    [
        ("there is no such field", "没有此字段"),
        ("there is no such parameter here; there are after, limit", "此处没有此参数；可用参数：after, limit"),
        ("this moment is past; nobody could be in time", "此时刻已过；谁也来不及"),
        (
            "only person/per_lea, who has it, or whoever stands in for them may do this",
            "只有承办人 person/per_lea 或其代理人可以操作",
        ),
        ("补充条款 / Clauses added is missing", "缺少：补充条款"),
        ("one of 'approved', 'rejected' is expected", "应为以下之一：'approved', 'rejected'"),
        ("Input should be 'open' or 'done'", "应为以下之一：'open'、'done'"),
        ("nobody delegates to themself", "不能委托给自己"),
        ("nobody approves or rejects what they asked for", "不能同意或驳回自己提出的审批"),
        ("there is no chain of approval …", "没有此审批链"),
        ("there is no preset …", "没有此预设"),
    ],
)
def test_a_refusal_is_said_in_chinese(message, spoken):
    assert in_chinese(message) == spoken


def test_a_body_is_told_the_words_it_may_hold():
    """`{"decision": "maybe"}` was answered `Input should be … or …`: the words of the schema are nobody's secret, the caller's are."""
    with pytest.raises(InvalidCommand) as refused:
        read_body(ApprovalDecision, {"decision": "maybe"})
    (wrong,) = described(refused.value, "en").more["errors"]
    assert wrong["message"] == "one of 'approved', 'rejected' is expected"
    (wrong,) = described(refused.value, "zh").more["errors"]
    assert wrong["message"] == "应为以下之一：'approved', 'rejected'"
    assert "maybe" not in str(wrong)
