"""The pages the service has for everybody: problems, the reference and the description, which load nothing from elsewhere."""

import re

import pytest
from support import edge
from support.edge import MARKER, problem

from infra.http.catalogue import CATALOGUE

client, desk, home = edge.client, edge.desk, edge.home


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_problem_has_a_page(client, language):
    """The type of a problem leads to what it means and what to do, in both languages, and the list names them all."""
    listed = client.get("/problems", headers={"Accept-Language": language})
    assert listed.headers["content-language"] == language
    for code, entry in CATALOGUE.items():
        assert f"/problems/{code}" in listed.text
        page = client.get(f"/problems/{code}", headers={"Accept-Language": language})
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "script" not in page.headers["content-security-policy"]
        assert entry.title.told(language) in page.text
        assert entry.what_to_do.zh.split("`")[0] in page.text
        assert page.text.index(entry.title.told(language)) < page.text.index(
            entry.title.en if language == "zh" else entry.title.zh
        )
    problem(client.get(f"/problems/{MARKER}"), 404, "not-found")


def test_the_reference_works_without_the_internet(client):
    """The page loads nothing from elsewhere, runs no script of its own text, and everything it names is here."""
    page = client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 5
    for path in named:
        assert path.startswith("/")
        assert client.get(path).status_code == 200, path
    assert not re.search(r"<script>|\son\w+=|javascript:", page.text)
    assert b"http" not in client.get("/docs/start.js").content
    assert b"SwaggerUIBundle" in client.get("/docs/swagger-ui-bundle.js").content
    assert b"url(http" not in client.get("/docs/swagger-ui.css").content
    for name in ("LICENSE", "../app.py", "..%2fapp.py", "VERSION.md", MARKER):
        assert client.get(f"/docs/{name}").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/v1/deals/dea_1", "/v1/nowhere", "/healthz", "/openapi.json", "/docs", "/problems", "/docs/start.js"],
)
def test_answers_carry_the_headers_that_keep_them_safe(client, path):
    """No sniffing, no referrer, no framing; what is no page for everybody is not kept."""
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert ("no-store" in headers["cache-control"]) == (not path.startswith(("/docs", "/problems")))
    assert "server" not in headers


def test_the_description_says_who_may_ask(client):
    """Everything wants a token, but for what load balancers ask."""
    document = client.get("/openapi.json").json()
    (scheme,) = document["components"]["securitySchemes"].values()
    assert scheme["scheme"] == "bearer"
    assert document["security"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert (operation.get("security") == []) == (path in {"/healthz", "/readyz"})
