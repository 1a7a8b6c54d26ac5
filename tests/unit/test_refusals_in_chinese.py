"""What is refused is said in the language of the reader: every message there is in the sources, and what there is none of."""

import ast
import inspect
import itertools
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel
from support.told_sentences import Sentence, Slot, the_sources

from commands.http import bodies, deadlines, inbox, pools, reactions, work_bodies
from commands.http.reading import read_body
from commands.http.work_bodies import ApprovalDecision
from commands.playbook_in_chinese import SENTENCES as OF_PLAYBOOKS
from commands.playbook_in_chinese import playbook_in_chinese
from commands.sentences import PLACE, THINGS, Sentences
from domain.labels import Saying
from domain.refusals import InvalidCommand, said_to_both
from domain.work.doing import WAITING_FOR
from infra.http.in_chinese import in_chinese, problem_in_chinese, thing_in_chinese
from infra.http.problems import described
from infra.http.sentences_of_commands import OF_COMMANDS
from infra.http.sentences_of_questions import OF_QUESTIONS
from infra.http.wording import WORDS_OF_OUR_OWN, sentence_for, without_quotations
from projections.metrics.periods import UNITS
from projections.metrics.registry import METRICS

ROOT = Path(__file__).parents[2]
ROWS = {**OF_PLAYBOOKS, **OF_QUESTIONS, **OF_COMMANDS}

NO_REFUSALS = {
    "commands.http.bodies.Body": "whoever sends a command says why",
    "commands.http.bodies.OverriddenChange": "whoever sends a command says why",
    "commands.http.bodies.TouchCorrection": "whoever sends a command says why",
    "commands.http.work_bodies.WorkRefusal": "whoever sends a command says why",
    "commands.http.work_bodies.WorkRescheduling": "whoever sends a command says why",
    "commands.submission.Submission": "whoever sends a command says why",
    "commands.ports.NewEvent": "the reason is kept with the event",
    "domain.envelope.Origin": "the reason is kept with the event",
    "domain.envelope.Recorded": "the reason is kept with the event",
    "domain.reacting.commands.FailReaction": "what failed is kept in the log, in one language for all readers",
    "domain.reacting.events.ReactionFailed": "what failed is kept in the log, in one language for all readers",
    "projections.notifying.Notification": "a word of the program, not a sentence",
    "projections.replay_jobs.Job": "why a replay failed is kept with it, for whoever operates the service",
}
"""What is made with a message or a reason and is answered to nobody whose command or question was refused, and why."""
MADE_OTHERWISE = {
    "": "asks for the place of a problem alone",
    "{saying.en}": "a Saying has both languages",
    "{spec.pattern_why.en} ({spec.pattern_why.zh})": "stands in both languages; of a problem one of them is told",
    "{found['msg']}": "pydantic's words about a body: tested below with every body there is",
    "{message.removeprefix('Value error, ')}": "pydantic's words about a playbook, or a ValueError that is found by itself",
}
"""Messages that are no sentences of the sources, and why they need no row."""
THEIRS = (
    "Input should", "String should", "Tuple should", "List should", "mapping values", "could not", "found ", "but found", "expected {}", "No such file",
    "Is a directory", "Permission denied",
)  # fmt: skip
"""How the sentences of pydantic, YAML and the system begin: no source of ours has them."""

FILLED_WITH = {
    "asked.item.pauses[-1].waiting_for": WAITING_FOR,
    "index.period": tuple(UNITS),
    "index.period.value": tuple(UNITS),
    "self.index.period.value": tuple(UNITS),
    "spec.meaning": tuple(
        spec.meaning for metric in METRICS.values() for spec in metric.parameters if spec.required
    ),
    "what": ("deadline", "work"),
    "name": ("month", "x7"),
}
"""What may stand in a place where the sources do not say it as a text, and is a word all the same."""
_ENGLISH = re.compile(
    r"[A-Za-z]*[a-z]{2,} [a-z]{2,}|(?<![\w(.])(?:an?|the|of|is|are|and|or|no|has|this|in|for|with|by)(?![\w.:=])"
)
_OF_THE_PROGRAM = re.compile(r"'[^']*'|`[^`]*`|或 in$|true 或 false|true or false|\(to\)|（to）|\{from: ")


@cache
def every_sentence() -> tuple[Sentence, ...]:
    """Every sentence the sources can say to whoever is refused, but those that are made otherwise."""
    sources = the_sources()
    told = [carrier for carrier in sources.carriers if carrier not in NO_REFUSALS]
    found = {each.shown: each for each in (*sources.sentences(told), *sources.of_plain_errors())}
    return tuple(
        each
        for each in found.values()
        if each.shown not in MADE_OTHERWISE
        if not all(isinstance(part, Slot) and part.is_a_caught_error for part in each.template)
    )


def filled(sentence: Sentence) -> Iterator[str]:
    """A sentence as it may be said, its places filled."""
    values = [[part] if isinstance(part, str) else _values(part) for part in sentence.template]
    return map("".join, itertools.product(*values))


def _values(slot: Slot) -> list[str]:
    if slot.is_quoted:
        return [repr("x7")]
    return list(FILLED_WITH.get(slot.spelled, ["7" if slot.spelled.startswith("len(") else "x7"]))


def _is_chinese(spoken: str) -> bool:
    """Whether nothing of a sentence is English but names, figures and words of the program."""
    return re.search("[一-鿿]", spoken) is not None and not _ENGLISH.search(_OF_THE_PROGRAM.sub("", spoken))


# ── every message there is ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_search_finds_what_the_sources_say():
    """Were little found, the tests below would say little: those that are written as they stand, put together, passed on and listed are."""
    sources, found = the_sources(), {each.shown for each in every_sentence()}
    assert len(found) > 900
    assert set(NO_REFUSALS) <= set(sources.carriers)
    assert set(MADE_OTHERWISE) <= {
        each.shown for each in sources.sentences(set(sources.carriers) - set(NO_REFUSALS))
    }
    for said in (
        "whoever cancels work says why",
        "nothing can be done to this any more: it was declined",
        "LENGTH takes text, but this is a date.",
        "people and rules follow the log; ask by as_of",
        "another fork of this record has this id",
        "a label cannot hold NUL",
    ):
        assert said in found
    assert any("does not apply to this record" in each for each in found)
    assert any("may cancel it" in each and "who asked for it" in each for each in found)


def test_every_refusal_is_said_in_chinese_over_http():
    """Without what the caller sent, and with the names that are published: reassigning, forks, pools and metrics were told in English."""
    untold = {
        f"{each.place}: {each.shown} → {spoken}"
        for each in every_sentence()
        for message in filled(each)
        for spoken in (
            in_chinese(without_quotations(message)),
            in_chinese(without_quotations(message, ["x7"])),
        )
        if not _is_chinese(spoken)
    }
    assert untold == set()


def test_everything_wrong_with_a_playbook_is_said_in_chinese_on_the_command_line():
    """As it was made, with the names it quotes: patterns and types of rules were told half in English."""
    of_files = ("PlaybookProblem", "FileProblem", "rules.problems.Problem", "PatternRefused")
    found = [each for each in every_sentence() if each.carrier.endswith(of_files)]
    assert len(found) > 500
    untold = {
        f"{each.place}: {each.shown} → {spoken}"
        for each in found
        for message in filled(each)
        if not _is_chinese(spoken := playbook_in_chinese(message))
    }
    assert untold == set()


def test_every_row_is_a_sentence_the_program_says():
    """A sentence that was worded anew falls out of its table: then this tells so. Those of pydantic, YAML and the system are theirs."""
    numbered = dict(enumerate(ROWS))
    table = Sentences({english: f"«{at}»{ROWS[english]}" for at, english in numbered.items()})
    said = {
        int(number)
        for each in every_sentence()
        for message in filled(each)
        for told in (message, without_quotations(message))
        for number in re.findall("«([0-9]+)»", table.said(told) or "")
    }
    unsaid = {english for at, english in numbered.items() if at not in said}
    assert {english for english in unsaid if not english.startswith(THEIRS)} == set()


def test_no_sentence_stands_in_two_tables():
    """Else one of the two would be corrected, and the other told."""
    tables = (set(OF_PLAYBOOKS), set(OF_COMMANDS), set(OF_QUESTIONS))
    assert not any(one & other for one, other in itertools.combinations(tables, 2))


@pytest.mark.parametrize(("english", "chinese"), [*OF_COMMANDS.items(), *OF_QUESTIONS.items()])
def test_a_row_takes_no_place_that_is_not_there(english, chinese):
    told = re.findall(r"\{(\d)\}", chinese)
    assert len(set(told)) == len(told)
    assert {int(number) for number in told} <= set(range(len(PLACE.findall(english))))
    assert re.search("[一-鿿（]", chinese)


def test_every_word_a_message_quotes_of_its_own_is_told():
    """No words of the caller: "this is later than `to`" was answered "this is later than …", in either language."""
    written = [
        "".join(part if isinstance(part, str) else "\0" for part in each.template)
        for each in every_sentence()
    ]
    quoted = {word for said in written for word in re.findall(r"(?<!\w)'([^'\0]+)'(?!\w)", said)}
    an_example = {"2025-12-31T16:00:00Z"}
    assert len(quoted) > 20
    assert quoted - an_example - WORDS_OF_OUR_OWN == set()
    assert [said for said in written if "`" in said] == []


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────

BODIES = sorted(
    {
        model
        for module in (bodies, deadlines, inbox, pools, reactions, work_bodies)
        for _, model in inspect.getmembers(module, inspect.isclass)
        if issubclass(model, BaseModel) and model is not BaseModel
    },
    key=lambda model: model.__name__,
)
NONSENSE = (
    None,
    True,
    7,
    -1,
    1.5,
    10**30,
    "",
    "x y",
    "x" * 100_000,
    "\ud800",
    "\x00",
    [],
    [7],
    ["x"] * 5_000,
    {},
    {"x": 1.5},
    {"x": [[]]},
)


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_whatever_is_wrong_with_a_body_is_said_in_chinese(model):
    """Every member of every body, left out and filled with nonsense: much of that is said in the words of pydantic."""
    names = [spec.alias or name for name, spec in model.model_fields.items()]
    said = set()
    for data in (
        {},
        [],
        None,
        "x",
        *({name: value} for name in (*names, "actor", "position", "zzz") for value in NONSENSE),
    ):
        try:
            read_body(model, data)
        except InvalidCommand as refused:
            said |= {without_quotations(found.message, found.names) for found in refused.problems}
    assert said
    assert {message for message in said if not _is_chinese(in_chinese(message))} == set()


# ── what there is none of ────────────────────────────────────────────────────────────────────────────────────────────


def _named() -> set[str]:
    """Every plain word that a refusal says there is none of, or that is there already."""
    return {
        call.args[0].value
        for layer in ("domain", "commands", "projections", "read_api")
        for path in ROOT.glob(f"{layer}/**/*.py")
        if not path.name.startswith("example_")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if call.func.id in {"NotFound", "AlreadyExists"} and isinstance(call.args[0], ast.Constant)
    }


def test_everything_there_may_be_none_of_has_a_chinese_word():
    """`找不到：collection` was half English."""
    named = _named()
    assert len(named) > 30
    assert {word for word in named if thing_in_chinese(word) == word} == set()
    assert all(re.search("[一-鿿]", chinese) for chinese in THINGS.values())


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


# ── words of the playbook ────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_playbook_says_is_told_to_each_reader_in_their_language():
    """`补充条款 / Clauses added is missing` was told to readers of English and of Chinese alike."""
    found = said_to_both(
        "/checklist/clauses", Saying("尚未勾选：补充“条款”", "Clauses 'added' is not ticked yet")
    )
    for language, told in (("zh", "尚未勾选：补充“条款”"), ("en", "Clauses 'added' is not ticked yet")):
        (error,) = described(InvalidCommand([found]), language).more["errors"]
        assert error["message"] == told
    assert (str(found), problem_in_chinese(found)) == (
        "/checklist/clauses: Clauses 'added' is not ticked yet",
        "尚未勾选：补充“条款”",
    )
