"""The page about the HTTP service, from the description the service gives of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from fastapi import FastAPI

from commands.http.bodies import Body
from commands.http.describing import schema_of
from infra.http.app import add_routes
from infra.http.description import Description
from infra.http.doorkeeper import PUBLIC
from infra.http.health import Readiness, health_routes
from infra.reference.wording import table
from infra.settings import Settings
from infra.tenant import Tenant

_PROBLEMS_FROM = 400
METHODS = ("get", "post", "patch", "put", "delete")


def document() -> dict[str, Any]:
    """Return the description of the service for any playbooks: `{collection}` stands for each collection of those in force."""
    # Routes are made without asking the tenant anything, so a stand-in is enough to describe them.
    nobody = cast(
        "Tenant", SimpleNamespace(name="", log=None, bus=None, reads=None, catch_up=None, lookups=None)
    )
    app = FastAPI(title="dealtrail", version="1")
    add_routes(app, nobody, Settings.model_construct())
    app.include_router(health_routes(Readiness(nobody, max_events_behind=0, is_demo=False)))
    return Description(app).plain()


def http() -> str:
    """Every route: what it does, its parameters, its body, its answers."""
    described = document()
    operations = [
        (path, method, item[method])
        for path, item in sorted(described["paths"].items())
        for method in METHODS
        if method in item
    ]
    said = _said_by_all(operations)
    lines = [
        "# HTTP",
        "",
        "`/openapi.json` of a running server says the same in OpenAPI, a path per collection of the playbooks in force, with schemas of the fields and examples;",
        "`/docs` shows it. Errors are [problems](problems.md). Guides: [issue commands safely](../issue-commands-safely.md), [read and follow](../read-and-follow.md).",
        "",
        f"These addresses need no token: {', '.join(f'`{path}`' for path in sorted(PUBLIC))}, and what lies under `/docs/` and `/problems/`.",
        "",
        "## Statuses",
        "",
        *table(("status", "meaning where a command or a read names it"), said.statuses),
        "## What the body of every command may say",
        "",
        *table(("member", "type", "meaning"), said.members),
    ]
    for title, methods in (("Commands", ("post", "patch", "put", "delete")), ("Reads", ("get",))):
        lines += [f"## {title}", ""]
        for path, method, operation in operations:
            if method in methods:
                lines += _operation(path, method, operation, said)
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said once instead of with every route: the members all bodies share, and the problems by status."""

    members: Sequence[tuple[str, str, str]]
    statuses: Sequence[tuple[str, str]]


def _said_by_all(operations: Sequence[tuple[str, str, Mapping[str, Any]]]) -> _Said:
    statuses: dict[str, list[str]] = {}
    for _, _, operation in operations:
        for status, response in operation["responses"].items():
            if status.isdigit() and int(status) >= _PROBLEMS_FROM:
                told = statuses.setdefault(status, [])
                if response["description"] not in told:
                    told.append(response["description"])
    shared = _members(schema_of(Body))
    return _Said(shared, [(status, " · ".join(told)) for status, told in sorted(statuses.items())])


def _operation(path: str, method: str, operation: Mapping[str, Any], said: _Said) -> list[str]:
    lines = [f"### `{method.upper()} {path}`", "", _sentence(operation["summary"])]
    if operation.get("description"):
        lines += ["", operation["description"].strip()]
    lines.append("")
    parameters = operation.get("parameters", [])
    if parameters:
        rows = [
            (
                f"`{item['name']}`",
                item["in"],
                _schema(item.get("schema", {})),
                _words(item) + ("" if not item.get("required") or item["in"] == "path" else " Required."),
            )
            for item in parameters
        ]
        lines += table(("parameter", "in", "type", "meaning"), rows)
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        own = [row for row in _members(content.get("schema", {})) if row not in said.members]
        lines += [
            f"Body: `{media_type}`{'.' if own or media_type != 'application/json' else ', with nothing of its own to say.'}",
            "",
        ]
        if own:
            lines += table(("member", "type", "meaning"), own)
    answers = operation["responses"]
    good = ", ".join(
        f"**{status}** {response.get('description', '').rstrip('.').lower()}"
        for status, response in answers.items()
        if status.isdigit() and int(status) < _PROBLEMS_FROM
    )
    bad = ", ".join(status for status in answers if status.isdigit() and int(status) >= _PROBLEMS_FROM)
    return [*lines, f"Answers: {good}{f'; [problems](#statuses): {bad}' if bad else ''}.", ""]


def _members(schema: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    needed = schema.get("required", ())
    return [
        (
            f"`{name}`",
            _schema(member),
            " ".join(
                part
                for part in (member.get("description", ""), "Required." if name in needed else "")
                if part
            ),
        )
        for name, member in schema.get("properties", {}).items()
    ]


def _sentence(summary: str) -> str:
    return summary if summary.endswith(("?", ".")) else f"{summary}."


def _words(parameter: Mapping[str, Any]) -> str:
    return str(parameter.get("description") or parameter.get("schema", {}).get("description") or "").strip()


def _schema(schema: Mapping[str, Any]) -> str:
    """Tell the type of a value, with its limits."""
    if "anyOf" in schema:
        return " or ".join(
            dict.fromkeys(_schema(part) for part in schema["anyOf"] if part != {"type": "null"})
        )
    if "enum" in schema:
        return " or ".join(f"`{option}`" for option in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kinds = schema.get("type", "any")
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if "format" in schema:
        words += f" ({schema['format']})"
    limits = [
        f"{sign} {schema[name]}"
        for name, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if name in schema
    ]
    if "maxLength" in schema:
        limits.append(f"at most {schema['maxLength']} characters")
    if schema.get("default") not in (None, [], {}, ""):
        limits.append(f"default `{schema['default']}`")
    return ", ".join([words, *limits])
