"""The reference of the API as a page: Swagger UI, served from here."""

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request
from starlette.responses import Response

from infra.http.problems import Problem, language_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Scripts come from files of this server only. Swagger UI sets styles on elements, and has its icons in its style sheet."""
FILES = {
    "swagger-ui-bundle.js": ("vendor/swagger-ui", "text/javascript; charset=utf-8"),
    "swagger-ui.css": ("vendor/swagger-ui", "text/css; charset=utf-8"),
    "favicon-32x32.png": ("vendor/swagger-ui", "image/png"),
    "start.js": ("pages", "text/javascript; charset=utf-8"),
    "pages.css": ("pages", "text/css; charset=utf-8"),
}
_ONE_HOUR = "public, max-age=3600"


@cache
def _content(folder: str, name: str) -> bytes:
    place: Traversable = resources.files("infra.http")
    for part in (*folder.split("/"), name):
        place /= part
    return place.read_bytes()


def docs_pages() -> APIRouter:
    """Build the routes `/docs` and `/docs/{file}`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> Response:
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return Response(_content("pages", "docs.html"), 200, headers, "text/html; charset=utf-8")

    @router.get("/docs/{name}")
    async def file_of_docs(request: Request, name: str) -> Response:
        if name not in FILES:
            return Problem("not-found").response(language_of(request.scope))
        folder, media_type = FILES[name]
        return Response(_content(folder, name), 200, {"Cache-Control": _ONE_HOUR}, media_type)

    @router.get("/favicon.ico")
    async def icon() -> Response:
        return Response(
            _content("vendor/swagger-ui", "favicon-32x32.png"), 200, {"Cache-Control": _ONE_HOUR}, "image/png"
        )

    return router
