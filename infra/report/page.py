"""The page itself: the template filled with what has passed the lens, its one style sheet, its two scripts, and the policy that allows no other."""

import base64
import hashlib
import shlex
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import orjson
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from infra.http.language import Language
from infra.report.charts import by_index, charts, concerned, most_moved
from infra.report.words import (
    WORDS,
    amount,
    duration,
    moment,
    points,
    program_for,
    reason,
    side,
    told,
    where,
    why,
)
from projections.lens import Visible

_SCRIPTS = ("vendor/echarts/echarts.common.min.js", "start.js")
_STYLE = "report.css"
_SHORT = 12
"""How much of a replay's id names it in a command."""


def report(shown: Visible, language: Language, tenant: str | None = None) -> bytes:
    """Return the report of a replay that is done, in a language. Nothing in it but what has passed the lens.

    Its commands name the `tenant`, so that they find the replay wherever they are pasted.
    """
    program = program_for(tenant)
    replay = shown.data
    words = WORDS[language]
    pictures = charts(replay["impact"], language)
    page = (
        _environment()
        .get_template("report.html")
        .render(
            replay=replay,
            impact=replay["impact"],
            lang="zh-CN" if language == "zh" else "en",
            language=language,
            words=words,
            charts=pictures,
            edges=concerned(replay["impact"]["edges"]),
            indices=[(periods, most_moved(periods)) for periods in by_index(replay["impact"]["indices"])],
            cases=lambda **asked: _cases(program, replay["id"], asked),
            values=lambda index: _values(program, replay["id"], index),
            program=program,
            where=lambda change: where(change, language),
            side=lambda change, which: side(change, which, language),
            # What is inside a script element ends at the first "</script"; without "<" there is none.
            options=Markup(orjson.dumps(pictures).decode().replace("<", "\\u003c")),  # noqa: S704 — JSON of ours, "<" spelled out
            style=Markup(_content(_STYLE)),  # noqa: S704 — a file of ours
            scripts=[Markup(_content(name)) for name in _SCRIPTS],  # noqa: S704 — files of ours
            policy=policy(),
            label=lambda labels, name: told(labels, name, language),
            amount=amount,
            duration=lambda seconds: duration(seconds, language),
            moment=moment,
            why=lambda text: why(text, language),
            points=points,
            reason=lambda item: reason(item, language),
            cell=lambda item: _cell(item, language),
            law_of=lambda subject: words["law_of_subject"].format(
                **{name: amount(subject["law"][name]) for name in ("reproduced", "decisions")}
            ),
            differing=lambda people: [row for row in people if row["was"] != row["would"]],
        )
    )
    return page.encode()


@cache
def policy() -> str:
    """Return the content security policy of the report: its own style sheet and scripts by their hashes, and nothing from anywhere."""
    scripts = " ".join(_hash(_content(name)) for name in _SCRIPTS)
    return (
        f"default-src 'none'; script-src {scripts}; style-src {_hash(_content(_STYLE))}; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


@cache
def _content(name: str) -> str:
    place = resources.files("infra.report")
    for part in name.split("/"):
        place /= part
    return place.read_text("utf-8")


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_content),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _cases(program: str, replay: str, asked: Mapping[str, str | None]) -> str:
    """The command that lists the decisions behind a number; what is asked for None limits nothing."""
    limits = " ".join(f"--{name} {shlex.quote(value)}" for name, value in asked.items() if value is not None)
    return f"{program} replay cases {replay[:_SHORT]} {limits}".rstrip()


def _values(program: str, replay: str, index: Mapping[str, Any]) -> str:
    """The command that shows the values of an index under the draft, each with its components."""
    period = "" if index["period"] is None else f" --by owner --period {index['period']}"
    return f"{program} index show {index['index']} --replay {replay[:_SHORT]}{period}"


def _cell(cell: Any, language: Language) -> str:
    """Tell which cell of an index is meant: whose it is, and whatever else it is sliced by."""
    if not isinstance(cell, dict):
        return "—" if cell is None else str(cell)
    parts = []
    for name, value in cell.items():
        if name in ("owner", "team"):
            parts.append(str(cell.get(f"{name}_name") or value or "—"))
        elif name not in ("owner_name", "team_name") and value is not None:
            parts.append(f"{WORDS[language].get(f'by_{name}', name)}: {value}")
    return ", ".join(parts) or WORDS[language]["everybody"]
