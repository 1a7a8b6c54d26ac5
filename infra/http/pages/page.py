"""The frame all pages share: plain HTML, escaped throughout, under a strict content security policy."""

from html import escape

from starlette.responses import Response

from infra.http.language import Language

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""What a page may load: its style sheet and icon, from here. No script."""
SHORTLY = "public, max-age=300"


def page(title: str, body: str, language: Language, *, status: int = 200) -> Response:
    """Return a page; `body` is HTML, the title is text."""
    content = (
        f'<!doctype html>\n<html lang="{"zh-CN" if language == "zh" else "en"}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)} · dealtrail</title>\n'
        f'<link rel="stylesheet" href="/docs/pages.css">\n<link rel="icon" href="/docs/favicon-32x32.png">\n</head>\n<body>\n{body}\n</body>\n</html>\n'
    )
    headers = {
        "Content-Security-Policy": POLICY,
        "Content-Language": language,
        "Cache-Control": SHORTLY,
        "Vary": "Accept-Language",
    }
    return Response(content, status, headers, "text/html; charset=utf-8")
