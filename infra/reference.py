"""Generates `docs/reference/` from the code: `make docs`. A test compares what is there with what this makes."""

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import typer

from commands import errors
from domain import refusals
from domain.events import EVENTS
from domain.playbook import model
from domain.rules.facts import FACTS
from infra.cli.main import app
from infra.settings import Settings
from read_api.app import ReadTenant, create_app

HEADER = "<!-- made by `make docs` from the code; do not edit -->\n\n"


def pages() -> dict[str, str]:
    """Return every page of the reference by its file name."""
    return {
        "command-line.md": HEADER + _command_line(),
        "events.md": HEADER + _events(),
        "http.md": HEADER + _http(),
        "playbook-file.md": HEADER + _playbook_file(),
        "refusals.md": HEADER + _refusals(),
        "settings.md": HEADER + _settings(),
    }


def write(folder: Path) -> None:
    """Write the pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, "utf-8")


def _command_line() -> str:
    root = cast("Any", typer.main.get_command(app))
    lines = ["# Command line", "", "Options of `dealtrail` itself stand before the verb.", ""]
    lines += _options(root)
    for path, command in _commands(root, "dealtrail"):
        usage = " ".join(
            param.metavar or param.name.upper()
            for param in command.params
            if param.param_type_name == "argument" and param.name
        )
        lines += [
            f"## `{path}{' ' + usage if usage else ''}`",
            "",
            inspect.cleandoc(command.help or ""),
            "",
            *_options(command),
        ]
    return "\n".join(lines).rstrip() + "\n"


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _options(command: Any) -> list[str]:
    rows = []
    for param in command.params:
        if param.name == "help" or getattr(param, "hidden", False):
            continue
        names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
        if param.param_type_name == "argument":
            names = f"`{param.metavar or (param.name or '').upper()}`"
        default = param.default
        shown = (
            ""
            if default is None or default is False or callable(default) or param.required
            else f" Default: `{getattr(default, 'value', default)}`."
        )
        rows.append(f"| {names} | {(getattr(param, 'help', None) or '').strip()}{shown} |")
    return ["| option | meaning |", "|---|---|", *rows, ""] if rows else []


def _events() -> str:
    lines = [
        "# Events",
        "",
        "Every topic the log may hold. Who, when and why stand in the columns beside the payload ([format](../format.md)).",
        "",
    ]
    for topic, event in EVENTS.items():
        lines += [
            f"## `{topic}`",
            "",
            inspect.cleandoc(event.__doc__ or ""),
            "",
            "| member | type | |",
            "|---|---|---|",
        ]
        for item in fields(event):
            needed = (
                "required"
                if item.default is MISSING and item.default_factory is MISSING
                else "left out when empty"
            )
            lines.append(f"| `{item.name}` | {_type(item.type)} | {needed} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _http() -> str:
    # Routes are made without asking the tenant anything, so a stand-in is enough to describe them.
    stand_in = cast("ReadTenant", SimpleNamespace(name="", log=None, reads=None, catch_up=None))
    document = create_app(stand_in).openapi()
    lines = [
        "# HTTP",
        "",
        "`/openapi.json` of a running server says the same in OpenAPI. Errors are problem details (RFC 9457).",
        "",
    ]
    for path, operations in sorted(document["paths"].items()):
        for method, operation in operations.items():
            lines += [f"## `{method.upper()} {path}`", "", f"{operation['summary']}.", ""]
            parameters = operation.get("parameters", [])
            if parameters:
                lines += ["| parameter | in | meaning |", "|---|---|---|"]
                lines += [
                    f"| `{item['name']}` | {item['in']} | {item.get('description', '')} |"
                    for item in parameters
                ]
                lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _playbook_file() -> str:
    lines = [
        "# Playbook file",
        "",
        "A playbook is one YAML file. `dealtrail playbook check FILE` tells everything that is wrong with it.",
        "",
    ]
    parts = [
        item
        for _, item in inspect.getmembers(model, inspect.isclass)
        if issubclass(item, model.Part) and item is not model.Part
    ]
    for part in sorted(parts, key=lambda item: inspect.getsourcelines(item)[1], reverse=True):
        lines += [
            f"## {part.__name__}",
            "",
            inspect.cleandoc(part.__doc__ or ""),
            "",
            "| member | type | default |",
            "|---|---|---|",
        ]
        for name, spec in part.model_fields.items():
            default = "required" if spec.is_required() else f"`{_default(spec.get_default())}`"
            lines.append(f"| `{name}` | {_type(spec.annotation)} | {default} |")
        lines.append("")
    lines += ["## Field types", "", ", ".join(f"`{kind.value}`" for kind in model.FieldKind), ""]
    lines += ["## Rights", "", ", ".join(f"`{right.value}`" for right in model.Right), ""]
    lines += ["## Facts a rule may ask", "", "| fact | result | meaning · 含义 |", "|---|---|---|"]
    for fact in FACTS.values():
        arguments = ", ".join(argument.value for argument in fact.arguments)
        lines.append(
            f"| `{fact.name}({arguments})` | {fact.result.value} | {fact.docs['en']} · {fact.docs['zh']} |"
        )
    return "\n".join(lines).rstrip() + "\n"


def _refusals() -> str:
    lines = ["# Refusals and errors", "", "| code | meaning |", "|---|---|"]
    for module, base in ((refusals, refusals.Refusal), (errors, errors.CommandError)):
        found = [
            item
            for _, item in inspect.getmembers(module, inspect.isclass)
            if issubclass(item, base) and item is not base
        ]
        lines += [
            f"| `{item.code}` | {inspect.cleandoc(item.__doc__ or '').splitlines()[0]} |"
            for item in sorted(found, key=lambda item: str(item.code))
        ]
    return "\n".join(lines).rstrip() + "\n"


def _settings() -> str:
    lines = [
        "# Settings",
        "",
        "From the environment, or an `.env` file in the working folder.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    for name, spec in Settings.model_fields.items():
        alias = (
            spec.validation_alias if isinstance(spec.validation_alias, str) else f"DEALTRAIL_{name.upper()}"
        )
        lines.append(f"| `{alias}` | `{spec.get_default()}` | {spec.description} |")
    return "\n".join(lines).rstrip() + "\n"


def _default(value: object) -> str:
    if isinstance(value, model.Part):
        return "empty"
    return str(value) if value not in ((), {}, None) else {"()": "[]", "{}": "{}", "None": "none"}[str(value)]


def _type(annotation: Any) -> str:
    """Tell a type in words: text, list of text, mapping of names to Stage, Label or nothing."""
    if isinstance(annotation, str):
        return f"`{annotation.replace('|', 'or')}`"
    return _words(annotation)


def _words(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _words(inner[0])
    if origin is Literal:
        return " or ".join(f"`{option}`" for option in inner)
    if origin in (Union, UnionType):
        parts = [_words(part) for part in inner if part is not NoneType]
        return " or ".join(parts) + (", optional" if NoneType in inner else "")
    if origin is tuple:
        return f"list of {_words(inner[0])}"
    if origin is Mapping:
        return f"names, each with a {_words(inner[1])}"
    names = {str: "text", int: "whole number", bool: "true or false"}
    return names.get(annotation) or f"`{getattr(annotation, '__name__', annotation)}`"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
