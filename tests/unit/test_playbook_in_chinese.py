"""What is wrong with a playbook is said in Chinese to whoever reads Chinese: at the same place, with the same names."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from support.commands_over_http import OPERATOR, Http, HttpDesk, an_app
from support.desk import a_desk
from support.given import PLAYBOOKS

from commands.playbook_file import FileProblem, FileRefused, parse_playbook
from commands.playbook_in_chinese import SENTENCES, file_problem_in_chinese, playbook_in_chinese
from infra.cli.main import main

ROOT = Path(__file__).parents[2]
TEXT = (PLAYBOOKS / "working.yaml").read_text("utf-8")
ENGLISH = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}")
CHINESE = re.compile(r"[一-鿿]")
MISTAKES = (
    ("collection: deals", "colection: deals"),
    ("type: money, currency: CNY", "type: money"),
    ("prefix: dea", "prefix: D"),
    ("outcome: won", "outcome: one"),
    ("when: discount > 5", "when: discuont > 5"),
    ("when: discount > 5", "when: discount > 5 AND"),
    ("when: discount > 5", "when: (discount > 5"),
    ("when: discount > 5", "when: discount = NULL"),
    ("when: discount > 5", "when: discount"),
    ("when: amount >= 500000", "when: amount >= 'many'"),
    ("role: engineer", "role: enginer"),
    ("evidence: [spec]", "evidence: [specs]"),
    ("requires: [person_days, remark]", "requires: [person_day]"),
    ("join: any", "join: 7"),
    ("join: any", "join: some"),
    ("technical: {template: estimate}", "technical: {template: estimates}"),
    ("roles: [finance, officer], within_hours: 2", "roles: [finance, officer], quorum: 9"),
    ("time_zone: Asia/Shanghai", "time_zone: Asia/Shangai"),
    ("zh: 金额, en: Amount", "zh: 金额"),
    ("        done_by_word: true\n      schedule", "      schedule"),
    ("playbook: working", "playbook: working\nplaybook: again"),
    ("label: {zh: 协作", "label: {zh: 协作, zh2: *x"),
)  # fmt: skip


def with_mistake(old, new):
    assert old in TEXT, old
    return TEXT.replace(old, new, 1)


def problems_of(text):
    with pytest.raises(FileRefused) as refused:
        parse_playbook(text, "working.yaml")
    return refused.value.problems


@pytest.mark.parametrize(("old", "new"), MISTAKES)
def test_a_mistake_is_told_whole_in_chinese(old, new):
    """Not half of a sentence; every name the English message quotes stands in the Chinese one."""
    for problem in problems_of(with_mistake(old, new)):
        spoken = playbook_in_chinese(problem.message)
        assert CHINESE.search(spoken), problem.message
        assert not ENGLISH.search(spoken), spoken
        for name in re.findall(r"'[^' ]+'", problem.message):
            assert name in spoken, (problem.message, spoken)


@pytest.mark.parametrize(
    ("message", "spoken"),
    [
        ("there is no member 'colection' here", "此处没有成员 'colection'"),
        ("there is no work template 'estimates'", "没有工作模板 'estimates'"),
        ("there is no role 'x'; 'seller', 'legal' and 3 more can be named", "没有角色 'x'；可选：'seller', 'legal'，另有 3 个"),
        ("there is no pool 'x'; there is none to name", "没有线索池 'x'；没有可选的名称"),
        ("'max' belongs to numbers and money, not to a date field", "'max' 属于数字和金额，不属于日期字段"),
        ("is not YAML: found unexpected end of stream", "不是合法的 YAML：文件意外结束"),
        ("There is no field discuont.", "没有字段 discuont。"),
        ("what nobody has translated stays as it is", "what nobody has translated stays as it is"),
    ],
)  # fmt: skip
def test_a_sentence_of_the_table_is_said_so(message, spoken):
    assert playbook_in_chinese(message) == spoken


@pytest.mark.parametrize(("english", "chinese"), SENTENCES.items())
def test_a_row_says_as_much_in_both_languages(english, chinese):
    """Every place of the English sentence is told once, but an amount that is wrong for YAML alone, and no other is."""
    places = re.findall(r"\{(?:thing|type)?\}", english)
    told = re.findall(r"\{(\d)\}", chinese)
    assert len(set(told)) == len(told)
    assert {int(number) for number in told} <= set(range(len(places))), english
    assert CHINESE.search(chinese)


def test_a_place_in_a_file_is_told_in_chinese_with_what_was_probably_meant():
    problem = FileProblem(3, 5, "there is no member 'rolls' here", "roles")
    assert (
        file_problem_in_chinese("p.yaml", problem)
        == "p.yaml：第 3 行第 5 列：此处没有成员 'rolls'；是否想写 'roles'？"
    )


@pytest.mark.parametrize(("language", "said"), [("zh", "没有成员"), ("en", "there is no member")])
def test_a_check_over_http_answers_in_the_language_of_the_caller(language, said):
    desk = a_desk()
    http = Http(an_app(HttpDesk(desk.bus, desk.log)))
    http.as_caller(replace(OPERATOR, language=language))
    text = with_mistake("collection: deals", "colection: deals")
    answer = http.post(
        "/playbooks/checks", content=text.encode(), headers={"content-type": "application/yaml"}, key=None
    )
    (member, *_) = [found for found in answer.json()["problems"] if "colection" in found["message"]]
    assert (said in member["message"], member["suggestion"]) == (True, "collection")


@pytest.mark.parametrize(
    ("language", "said"),
    [("zh", "p.yaml：第 10 行第 5 列：此处没有成员 'colection'；是否想写 'collection'？"), ("en", "there is no member 'colection' here; did you mean 'collection'?")],
)  # fmt: skip
def test_the_command_line_tells_it_in_its_language(language, said, tmp_path, monkeypatch, capsys):
    (tmp_path / "p.yaml").write_text(with_mistake("    collection: deals", "    colection: deals"), "utf-8")
    lines = TEXT.splitlines()
    said = said.replace("第 10 行", f"第 {lines.index('    collection: deals') + 1} 行")
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(
        "sys.argv", ["dealtrail", "-l", language, "playbook", "check", str(tmp_path / "p.yaml")]
    )
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert said in capsys.readouterr().err
