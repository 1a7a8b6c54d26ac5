"""The pages about what can go wrong: problems as HTTP answers them, and the refusals and errors behind them."""

from collections.abc import Iterator

from commands.errors import CommandError
from domain.refusals import Refusal
from infra.http.catalogue import CATALOGUE
from infra.reference.wording import doc, table
from projections.errors import ReadError


def problems() -> str:
    """Every problem the HTTP service may answer with."""
    rows = [
        (
            f"`{entry.code}`",
            entry.status,
            f"{entry.title.en} · {entry.title.zh}",
            f"{entry.what_to_do.en} · {entry.what_to_do.zh}",
        )
        for entry in sorted(CATALOGUE.values(), key=lambda entry: (entry.status, entry.code))
    ]
    lines = [
        "# Problems",
        "",
        "Errors are answered as problem details (RFC 9457, `application/problem+json`): `type`, `title`, `status`, `code`, `detail`, and what the problem has to say.",
        "Programs go by `code` and status, which never change; words may be improved, and come in the language of `Accept-Language`. `type` leads to a page of the server.",
        "[Which ones to send again](../issue-commands-safely.md).",
        "",
        *table(("code", "status", "meaning · 含义", "what to do · 处理方法"), rows),
    ]
    return "\n".join(lines)


def families(root: type[Exception]) -> Iterator[type[Exception]]:
    """Return the errors of a family that have a code of their own, the root last."""
    for item in root.__subclasses__():
        yield from families(item)
    if "code" in vars(root):
        yield root


def refusals() -> str:
    """Every refusal and error of the layers below HTTP, as the command line says them."""
    lines = [
        "# Refusals and errors",
        "",
        "What a command or a question may end with, whichever way it came in. HTTP answers each as the [problem](problems.md) of the same code.",
        "",
    ]
    for title, root in (
        ("Refused by the domain", Refusal),
        ("Failed on the way to the log", CommandError),
        ("Failed on the way out", ReadError),
    ):
        found = {str(getattr(item, "code")): item for item in reversed(list(families(root)))}  # noqa: B009 — the root of all exceptions has no code
        rows = [
            (f"`{code}`", CATALOGUE[code].status if code in CATALOGUE else "", doc(item))
            for code, item in sorted(found.items())
        ]
        lines += [f"## {title}", "", *table(("code", "HTTP", "meaning"), rows)]
    return "\n".join(lines)
