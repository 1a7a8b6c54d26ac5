"""What holds for every answer, whatever was asked."""

import json
import re
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError

from infra.http.catalogue import CATALOGUE
from support.hostile.wire import Heard, Sent

PROBLEM = "application/problem+json"
TAKEN = frozenset({200, 201})
_NUMBER = TypeAdapter(int)
_PLAIN_POINTER = re.compile(r'"pointer":"(?:/(?:[A-Za-z_][A-Za-z0-9_.-]{0,63}|[0-9]{1,7}|\?))*"')
"""Where something is wrong may be told by plain names (the edge decides which are); everything else sent is never repeated."""


class LawBroken(AssertionError):
    """An answer that should not be; carries the request so that it can be sent again."""

    def __init__(self, law: str, sent: Sent, heard: Heard) -> None:
        super().__init__(f"{law}: {heard.status} {heard.headers} {heard.body[:1_500]!r} to {sent.told()}")
        self.law = law
        self.request_id = heard.headers.get("x-request-id", "?")


def check(sent: Sent, heard: Heard, *, head: int) -> int:
    """Check an answer, and return how many events it says were appended. Raises LawBroken."""

    def broken(law: str) -> LawBroken:
        return LawBroken(law, sent, heard)

    if heard.status in TAKEN:
        return _taken(sent, heard)
    if 300 <= heard.status < 400 or heard.status < 200:
        raise broken("no answer is a redirection")
    problem = _problem(sent, heard)
    if heard.status >= 500 and not (
        heard.status == 503 and problem.get("code") == "behind" and _min_position(sent) > head
    ):
        raise broken("no answer is an error of the server's")
    if sent.canary in without_pointers(heard.body.decode()):
        raise broken("no answer repeats what was sent")
    if any(sent.canary in value for name, value in heard.headers.items() if name != "x-request-id"):
        raise broken("no header of an answer repeats what was sent")
    return (
        1
        if problem.get("code") == "gate-not-met"
        and "position" in problem
        and "idempotency-replayed" not in heard.headers
        else 0
    )


def _problem(sent: Sent, heard: Heard) -> dict[str, Any]:
    if heard.media_type != PROBLEM:
        raise LawBroken("an error is a problem", sent, heard)
    if sent.method == "HEAD" and not heard.body:
        return {}
    try:
        problem: dict[str, Any] = json.loads(heard.body)
    except ValueError:
        raise LawBroken("a problem is JSON", sent, heard) from None
    check_problem(problem, sent, heard)
    if problem["status"] != heard.status:
        raise LawBroken("a problem tells its status", sent, heard)
    return problem


def check_problem(problem: dict[str, Any], sent: Sent, heard: Heard) -> None:
    """Check the members of a problem: its type leads to a page, and it says what to do."""
    code = problem.get("code")
    if code not in CATALOGUE or problem.get("type") != f"/problems/{code}":
        raise LawBroken("the type of a problem leads to its page", sent, heard)
    if not problem.get("title") or not problem.get("detail"):
        raise LawBroken("a problem says what is wrong and what to do", sent, heard)


def without_pointers(text: str) -> str:
    """An answer without the pointers made of plain names."""
    return _PLAIN_POINTER.sub("", text)


def _taken(sent: Sent, heard: Heard) -> int:
    if sent.method == "HEAD" or heard.media_type in ("text/event-stream", "text/html"):
        return 0
    if heard.media_type == "application/x-ndjson" and sent.operation == "bulk":
        return _lines(sent, heard)
    if heard.media_type != "application/json" or sent.method == "GET":
        return 0
    answer = heard.json()
    if answer.get("outcome") != "accepted" or "idempotency-replayed" in heard.headers:
        return 0
    return len(answer["events"])


def _lines(sent: Sent, heard: Heard) -> int:
    """Every line of a bulk answer by itself: an answer, or a problem that obeys the laws of problems."""
    appended = 0
    for raw in heard.body.splitlines():
        line = json.loads(raw)
        if line["status"] in TAKEN:
            appended += 0 if line.get("replayed") else len(line["events"])
            continue
        if line["status"] >= 500:
            raise LawBroken("no line is an error of the server's", sent, heard)
        check_problem(line, sent, heard)
        if sent.canary in without_pointers(raw.decode()):
            raise LawBroken("no line repeats what was sent", sent, heard)
        appended += line["code"] == "gate-not-met" and "position" in line
    return appended


def _min_position(sent: Sent) -> int:
    """The position a question asks to be answered as of, read as leniently as the edge reads numbers (`+7`, `7.0`); -1 where it names none."""
    for name, value in parse_qsl(sent.query.decode("latin-1")):
        if name == "min_position":
            with suppress(ValidationError):
                return _NUMBER.validate_python(value)
    return -1
