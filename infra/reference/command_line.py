"""The page about the command line."""

import inspect
from collections.abc import Iterator
from typing import Any, cast

import typer

from infra.cli.main import app
from infra.reference.wording import table


def command_line() -> str:
    """Every verb with its arguments and options."""
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
    return "\n".join(lines)


def verbs() -> list[str]:
    """Return every verb as it is typed: `show`, `playbook draft` …"""
    root = cast("Any", typer.main.get_command(app))
    return [path.removeprefix("dealtrail ") for path, _ in _commands(root, "dealtrail")]


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
        words = [(getattr(param, "help", None) or "").strip()]
        if param.required and param.param_type_name == "option":
            words.append("Required.")
        elif not (default is None or default is False or callable(default) or param.required):
            words.append(f"Default: `{getattr(default, 'value', default)}`.")
        rows.append((names, " ".join(words)))
    return table(("option", "meaning"), rows) if rows else []
