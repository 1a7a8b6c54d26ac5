"""Every error becomes a problem with words in both languages, and none of the caller's words in it."""

import json
import re
from datetime import UTC, datetime

import psycopg
import pytest
from eventsourcing import persistence
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException

from commands import errors as command_errors
from commands.playbook_file import FileProblem, FileRefused
from domain import refusals
from domain.labels import Label
from domain.refusals import GateNotMet, InvalidCommand, NotFound, Unmet
from domain.refusals import Problem as Wrong
from infra.http.catalogue import CATALOGUE
from infra.http.in_chinese import in_chinese
from infra.http.language import preferred
from infra.http.problems import described
from infra.http.wording import plain_pointer, pointer_of, sentence_for, without_quotations
from projections import errors as read_errors

MARKER = "zorblatt"


def told(error, language="en"):
    """The answer to an error: its status, its data and its headers."""
    response = described(error, language).response(language)
    assert response.headers["content-type"] == "application/problem+json"
    data = json.loads(response.body)
    assert data["type"] == f"/problems/{data['code']}"
    assert data["status"] == response.status_code
    return response.status_code, data, response.headers


def test_the_catalogue_speaks_both_languages():
    """Every problem has a title and says what to do, in English and in Chinese; its code is fit for an address."""
    for code, entry in CATALOGUE.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert entry.code == code
        assert 400 <= entry.status < 600
        for words in (entry.title, entry.what_to_do):
            assert words.en.strip()
            assert re.search(r"[\u4e00-\u9fff]", words.zh), code


def every_error(root):
    """All errors that derive from a root, however far."""
    for kind in root.__subclasses__():
        yield kind
        yield from every_error(kind)


def test_every_error_of_the_layers_below_has_a_page():
    """An error somebody adds without a page of its own is found here."""
    roots = (refusals.Refusal, command_errors.CommandError, read_errors.ReadError)
    codes = {
        kind.code
        for root in roots
        for kind in (root, *every_error(root))
        if kind.__module__.split(".")[0] in {"domain", "commands", "projections"}
    }
    assert codes <= set(CATALOGUE)


MOMENT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "status", "code", "member"),
    [
        (refusals.NotAllowed("waive"), 403, "not-allowed", ("right", "waive")),
        (NotFound("deal", MARKER, "dea_1"), 404, "not-found", ("suggestion", "dea_1")),
        (refusals.AlreadyExists("deal", MARKER), 409, "already-exists", None),
        (command_errors.KeyReused(MARKER), 422, "idempotency-key-reused", None),
        (command_errors.TooBusy(f"deal/{MARKER}", 5), 409, "too-busy", None),
        (command_errors.KeyMissing(), 400, "idempotency-key-missing", None),
        (command_errors.VersionMissing(), 428, "if-match-missing", None),
        (command_errors.TooLarge(limit_lines=10), 413, "body-too-large", ("limit_lines", 10)),
        (command_errors.MediaTypeRefused("application/pdf"), 415, "unsupported-media-type", ("accepted", ["application/pdf"])),
        (command_errors.StaleVersion(3, 5, [command_errors.LaterChange("amount", 4, 77, MOMENT, "person/per_anna")]), 412, "stale-version", ("current_version", 5)),
        (read_errors.BehindError(9, 7, 2), 503, "behind", ("position", 7)),
        (HTTPException(418, MARKER), 418, "http-error", None),
        (HTTPException(405, MARKER, {"Allow": "GET"}), 405, "method-not-allowed", None),
        (ValueError(MARKER), 500, "internal-error", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_error_has_its_status_and_says_what_to_do(error, status, code, member, language):
    """The status and the code are stable, what a program needs is a member of its own, and nothing is echoed."""
    answered, data, headers = told(error, language)
    assert (answered, data["code"]) == (status, code)
    assert data["title"]
    assert data["detail"]
    assert MARKER not in json.dumps(data)
    assert headers["content-language"] == language
    if member is not None:
        assert data[member[0]] == member[1]
    if status in {409, 503} and code != "already-exists":
        assert int(headers["retry-after"]) >= 1


def test_a_stale_version_lists_what_was_not_seen():
    """412 tells each change: field, version, position, when and by whom."""
    change = command_errors.LaterChange("amount", 4, 77, MOMENT, "person/per_anna")
    _, data, _ = told(command_errors.StaleVersion(3, 5, [change]))
    assert data["changes"] == [
        {
            "field": "amount",
            "version": 4,
            "position": 77,
            "recorded_at": "2026-03-02T09:00:00.000000Z",
            "actor": "person/per_anna",
        }
    ]


def test_a_gate_names_everything_in_the_language_of_the_caller():
    """Every unmet requirement with its label and why; a stored refusal says where it stands and that it is told again."""
    unmet = [
        Unmet(
            "field:amount",
            "field",
            Label(zh="金额", en="Amount"),
            Label(zh="要报价", en="To quote"),
            "amount",
        ),
        Unmet("move:skip", "move", Label(zh="跳级", en="Skips a stage")),
    ]
    _, data, _ = told(GateNotMet("offer", unmet), "zh")
    assert data["unmet"] == [
        {"id": "field:amount", "kind": "field", "label": "金额", "why": "要报价", "field": "amount"},
        {"id": "move:skip", "kind": "move", "label": "跳级", "why": None, "field": None},
    ]
    status, again, headers = told(
        command_errors.AnsweredRefusal(GateNotMet("offer", unmet), 12, replayed=True)
    )
    assert (status, again["position"], headers["idempotency-replayed"]) == (422, 12, "true")
    assert again["unmet"][0]["label"] == "Amount"


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError(f"connection to {MARKER} refused"),
        psycopg.errors.AdminShutdown(MARKER),
        psycopg.errors.DiskFull(MARKER),
        PoolTimeout(MARKER),
        persistence.OperationalError(MARKER),
        persistence.InterfaceError(MARKER),
        persistence.ConnectionUnavailableError(MARKER),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_database_that_is_away_is_no_error_of_ours(error):
    """P17: 503 and when to come back; never 500, and not a word of where the database is."""
    status, data, headers = told(error)
    assert (status, data["code"]) == (503, "database-unavailable")
    assert int(headers["retry-after"]) >= 1
    assert MARKER not in json.dumps(data)


@pytest.mark.parametrize(
    "error",
    [psycopg.errors.UniqueViolation(MARKER), persistence.DataError(MARKER), KeyError(MARKER)],
    ids=lambda e: type(e).__name__,
)
def test_what_nobody_foresaw_is_500_without_a_word(error):
    """A mistake of ours is not dressed up as one that passes."""
    status, data, _ = told(error)
    assert (status, data["code"]) == (500, "internal-error")
    assert MARKER not in json.dumps(data)


@given(st.text(max_size=60))
def test_what_a_message_quotes_is_left_out(name):
    """P18: however a caller's words are quoted, and whatever quotation marks they hold, they are not in the answer."""
    hidden = f"~~{name}~~"
    for message in (
        f"there is no field {hidden!r}",
        f"a {hidden!r} is not a {hidden!r} here",
        f"the kind {hidden!r} belongs to 'desk'",
    ):
        assert "~~" not in without_quotations(message)


def test_a_message_without_quotations_stays_as_it_is():
    """What the domain says of itself is told."""
    assert (
        without_quotations("the number has more than 6 decimal places")
        == "the number has more than 6 decimal places"
    )
    assert without_quotations("a deal has no field 'x'; keep it") == "a deal has no field …; keep it"


@given(st.lists(st.text(max_size=80), max_size=30))
def test_a_pointer_holds_nothing_but_plain_names(parts):
    """Names of members come from the caller: what is no plain name is shown as a question mark, and a pointer has an end."""
    pointer = pointer_of(parts)
    assert len(pointer) <= 200
    assert re.fullmatch(r"(/([A-Za-z_][A-Za-z0-9_.-]{0,63}|[0-9]{1,7}|\?))*", pointer)


def test_pointers_to_known_members_stay():
    """Where something is wrong is the point of pointing."""
    assert plain_pointer("/fields/amount") == "/fields/amount"
    assert plain_pointer("/header/If-Match") == "/header/If-Match"
    assert plain_pointer("/query/amount.gte") == "/query/amount.gte"
    assert plain_pointer("/waive/12") == "/waive/12"
    assert plain_pointer("") == ""
    assert plain_pointer("/fields/<script>") == "/fields/?"
    assert plain_pointer("/fields/13800138000") == "/fields/?"


class Body(BaseModel):
    """A body with one member of each sort."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    size: int


def wrong_with(data, *loc):
    """What pydantic finds wrong, as FastAPI would raise it."""
    with pytest.raises(ValidationError) as found:
        Body.model_validate(data)
    return RequestValidationError([{**item, "loc": (*loc, *item["loc"])} for item in found.value.errors()])


def test_a_body_of_the_wrong_shape_is_pointed_at():
    """422 with a pointer into the body; a parameter is 400 with its place; the value is never repeated."""
    status, data, _ = told(wrong_with({"name": MARKER, "size": MARKER, MARKER[:4] + "!": 1}, "body"))
    assert (status, data["code"]) == (422, "invalid-command")
    assert [(item["pointer"], item["message"]) for item in data["errors"]] == [
        ("/size", "a whole number is expected"),
        ("/?", "there is no such member"),
    ]
    assert MARKER not in json.dumps(data)
    status, data, _ = told(wrong_with({"size": 1}, "query"), "zh")
    assert (status, data["code"], data["errors"][0]) == (
        400,
        "invalid-request",
        {"pointer": "/query/name", "message": "此项必填"},
    )


@pytest.mark.parametrize("kind", ["value_error", "union_tag_invalid", "assertion_error", "made_up"])
def test_messages_that_may_repeat_the_value_are_not_told(kind):
    """Only messages made of the model alone are passed on."""
    assert MARKER not in sentence_for(kind, f"Input tag '{MARKER}' was found", "en")


def test_problems_of_commands_and_files_lose_their_quotations():
    """Both keep where, what and the nearest valid name."""
    _, data, _ = told(
        InvalidCommand([Wrong("/fields/x", f"a deal has no field {MARKER!r}", "amount", ("dea_1",), 3)])
    )
    assert data["errors"] == [
        {
            "pointer": "/fields/x",
            "message": "a deal has no field …",
            "suggestion": "amount",
            "records": ["dea_1"],
            "record_count": 3,
        }
    ]
    _, data, _ = told(FileRefused("playbook", [FileProblem(3, 7, f"there is no stage {MARKER!r}", "won")]))
    assert (data["code"], data["errors"]) == (
        "playbook-refused",
        [{"line": 3, "column": 7, "message": "there is no stage …", "suggestion": "won"}],
    )


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("ZH", "zh"), ("zh-Hant-TW", "zh"), ("en", "en"), ("fr", "en"), ("", "en"), ("*", "en"), ("zh;q=0", "en"),
        ("en;q=0.3,zh;q=0.5", "zh"), ("en;q=0.5, zh;q=0.3", "en"), ("fr,zh;q=0.1", "zh"), ("en,zh", "en"), ("zh,en", "zh"), ("zh;q=x", "en"),
        ("zh;q=nan", "en"), ("zh;q=1e9,en", "en"), ("*;q=0.5,zh;q=0.2", "en"), ("zho", "en"), (",;q=;=,", "en"), ("zh;q=0.5" + ",fr" * 9_999, "zh"),
    ],
)  # fmt: skip
def test_the_language_that_is_wanted_most_is_spoken(header, language):
    """Accept-Language with its weights; English where neither is asked for."""
    assert preferred(header) == language


@given(st.text(max_size=100))
def test_any_header_names_a_language(header):
    """P18: no Accept-Language is an error."""
    assert preferred(header) in {"zh", "en"}


@pytest.mark.parametrize(
    ("message", "spoken"),
    [
        ("this member is missing", "缺少此成员"),
        ("a whole number is expected", "应为整数"),
        ("an opportunity has no field …", "opportunity 没有此字段"),
        ("a deal has no field …; 'amount', 'size' and 4 more can be named", "deal 没有此字段；可选：'amount', 'size'，另有 4 个"),
        ("there is no stage …", "没有此阶段"),
        ("there is no fork …; there is none to name", "没有此并行任务；没有可选的名称"),
        ("this is not an option of the field", "不是该字段的选项"),
        ("at least 100 is expected", "不得小于 100"),
        ("at most 5000 CNY is expected", "不得大于 5000 CNY"),
        ("the text is longer than 2,000 characters", "文本超过 2,000 个字符"),
        ("exactly 2 options are expected, 3 are given", "应选 2 项，实选 3 项"),
        ("Input should be greater than or equal to 0", "不得小于 0"),
        ("the deadline 'due' would never come due: the calendar of the playbook 'sales' ends with 2027-12-31; name an earlier day, or publish a calendar that reaches further",
         "期限 'due' 永远不会到期：打法手册 'sales' 的日历到 2027-12-31 为止；请填更早的日子，或发布覆盖更久的日历"),
        ("this waits in the public pool 'public_pool': claim it there, as its limits say", "它在公海 'public_pool' 中等待：请按其限制领取"),
        ("this waits in the public pool 'public_pool': person/per_li claims it there, or whoever leads person/per_li, or may organise, gives it to them",
         "它在公海 'public_pool' 中等待：由 person/per_li 领取，或由其上级、有 organise 权限的人分给他"),
        ("a sentence nobody has put into Chinese", "a sentence nobody has put into Chinese"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_value_is_said_in_chinese(message, spoken):
    """Missing, of the wrong type, unknown, no option, out of bounds with the bound; what nobody has translated stays in English."""
    assert in_chinese(message) == spoken


def test_problems_are_told_in_the_language_of_the_reader():
    """The same refusal, twice."""
    refusal = InvalidCommand([Wrong("/stage", f"there is no stage {MARKER!r}", "lead")])
    assert told(refusal, "zh")[1]["errors"][0]["message"] == "没有此阶段"
    assert told(refusal, "en")[1]["errors"][0]["message"] == "there is no stage …"
