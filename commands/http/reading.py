"""From the bytes of a body to a checked one: every problem at once, each with its place, and nothing of what was sent."""

import re
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError, from_json

from commands.errors import MalformedBody
from commands.http import strict_json
from domain.naming import nearest
from domain.refusals import InvalidCommand, Problem

_MOST_PROBLEMS = 100
"""How many mistakes an answer tells; more are not looked for."""

Model = TypeVar("Model", bound=BaseModel)

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_SPELLED = re.compile(r"'([^']+)'")
_TOLD_ELSEWHERE = frozenset({"actor", "tenant", "client", "channel", "rights", "on_behalf_of"})
_TOLD_BY_THE_LOG = frozenset({"position", "version", "recorded_at", "decided_at", "basis"})

_WORDS = {
    "missing": "this member is missing",
    "string_type": "a text is expected",
    "int_type": "a whole number is expected",
    "bool_type": "true or false is expected",
    "list_type": "a list is expected",
    "dict_type": "an object is expected",
    "model_type": "an object is expected",
}


def read_json(raw: bytes) -> Any:
    """Return what JSON says. Raises MalformedBody."""
    try:
        return from_json(raw, allow_inf_nan=False)
    except ValueError:
        raise MalformedBody from None


def read_strictly(raw: bytes) -> Any:
    """Return what JSON says where nobody has looked at it before. Raises MalformedBody, also for what parsers disagree about."""
    try:
        strict_json.check(raw)
    except strict_json.NotStrictJson:
        raise MalformedBody from None
    return read_json(raw)


def read_body(model: type[Model], data: Any) -> Model:
    """Return a body as its model. Raises InvalidCommand with everything wrong; floats in fields are wrong, they lose digits."""
    problems: list[Problem] = []
    body: Model | None = None
    try:
        body = model.model_validate(data)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        problems = [_problem(model, found) for found in wrong[:_MOST_PROBLEMS]]
    if isinstance(data, dict):
        _find_floats(data.get("fields"), "/fields", problems)
    if problems or body is None:
        raise InvalidCommand(problems)
    return body


def read_known(model: type[Model], data: Any) -> tuple[Model, list[Problem]]:
    """Return a body without the members it should not have, and what is wrong with those, so that the rest can be judged as well.

    Raises InvalidCommand where more is wrong with the body than that.
    """
    try:
        return read_body(model, data), []
    except InvalidCommand as refused:
        known = {spec.alias or name for name, spec in model.model_fields.items()}
        if not isinstance(data, dict) or known.issuperset(data):
            raise
        try:
            rest = read_body(model, {name: value for name, value in data.items() if name in known})
        except InvalidCommand:
            raise refused from None
        return rest, list(refused.problems)


def moment(text: object) -> datetime:
    """Read a moment with its offset (RFC 3339)."""
    try:
        if isinstance(text, str) and _MOMENT.fullmatch(text):
            told = datetime.fromisoformat(text.upper())
            told.astimezone(
                UTC
            )  # the log tells moments in UTC, where some of the years 1 and 9999 are not to be had
            return told
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError("moment", "a moment with its offset is expected, as 2026-01-31T08:00:00+08:00")


def _find_floats(value: Any, pointer: str, problems: list[Problem]) -> None:
    if len(problems) >= _MOST_PROBLEMS:
        return
    if isinstance(value, float):
        problems.append(
            Problem(
                pointer,
                "a number is written as a whole number or as a text such as 12.50 in quotation marks; a number with a point could lose digits on its way",
            )
        )
    elif isinstance(value, dict):
        for name, item in value.items():
            _find_floats(item, f"{pointer}/{_escaped(name)}", problems)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _find_floats(item, f"{pointer}/{index}", problems)


def _problem(model: type[BaseModel], found: ErrorDetails) -> Problem:
    place = [str(step) for step in found["loc"]]
    pointer = "".join(f"/{_escaped(step)}" for step in place)
    valid = _SPELLED.findall(found["ctx"]["expected"]) if found["type"] in ("literal_error", "enum") else []
    if valid:
        # They are the schema's own words, so an answer may name them.
        return Problem(pointer, f"one of {', '.join(map(repr, valid))} is expected", names=tuple(valid))
    if found["type"] != "extra_forbidden":
        return Problem(pointer, _WORDS.get(found["type"], found["msg"]))
    name = place[-1]
    if name in _TOLD_ELSEWHERE:
        return Problem(pointer, "who issues a command is told by the token, never in the body")
    if name in _TOLD_BY_THE_LOG:
        return Problem(pointer, "this is for the log to tell, not for whoever issues a command")
    members = model.model_fields if len(place) == 1 else ()
    return Problem(pointer, "there is no such member here", nearest(name, members))


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
