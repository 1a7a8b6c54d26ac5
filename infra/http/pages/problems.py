"""A page for every type of problem, made from the catalogue: where the `type` of a problem leads."""

from html import escape

from fastapi import APIRouter, Request
from starlette.responses import Response

from infra.http.catalogue import CATALOGUE, ProblemType
from infra.http.language import Language
from infra.http.pages.page import page
from infra.http.problems import Problem, language_of

_HEADINGS = {"en": "Problems", "zh": "问题类型"}
_INTRODUCTIONS = {
    "en": "Errors are answered as problem details (RFC 9457). Rely on <code>code</code> and the status; the words may be improved.",
    "zh": "错误以问题详情（RFC 9457）返回。程序应依据 <code>code</code> 和状态码判断，文字可能会改进。",
}
_ALL = {"en": "All problems", "zh": "全部问题类型"}


def problem_pages() -> APIRouter:
    """Build the routes `/problems` and `/problems/{code}`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/problems")
    async def every_problem(request: Request) -> Response:
        language = language_of(request.scope)
        rows = "\n".join(
            _row(entry, language)
            for entry in sorted(CATALOGUE.values(), key=lambda entry: (entry.status, entry.code))
        )
        body = f"<h1>{_HEADINGS[language]}</h1>\n<p>{_INTRODUCTIONS[language]}</p>\n<table>\n{rows}\n</table>"
        return page(_HEADINGS[language], body, language)

    @router.get("/problems/{code}")
    async def one_problem(request: Request, code: str) -> Response:
        language = language_of(request.scope)
        entry = CATALOGUE.get(code)
        if entry is None:
            return Problem("not-found").response(language)
        other: Language = "en" if language == "zh" else "zh"
        body = f'{_section(entry, language)}\n<hr>\n{_section(entry, other)}\n<p><a href="/problems">{_ALL[language]}</a></p>'
        return page(entry.title.told(language), body, language)

    return router


def _row(entry: ProblemType, language: Language) -> str:
    return (
        f'<tr><td>{entry.status}</td><td><a href="/problems/{entry.code}"><code>{entry.code}</code></a></td>'
        f"<td>{escape(entry.title.told(language))}</td></tr>"
    )


def _section(entry: ProblemType, language: Language) -> str:
    tag = "zh-CN" if language == "zh" else "en"
    return (
        f'<section lang="{tag}">\n<h1>{escape(entry.title.told(language))}</h1>\n<p><code>{entry.code}</code> · {entry.status}</p>\n'
        f"<p>{escape(entry.what_to_do.told(language))}</p>\n</section>"
    )
