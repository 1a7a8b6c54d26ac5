"""Who calls: a token tells who issues a command, and without a good one nobody gets anywhere."""

import base64
from pathlib import Path

import pytest
from support import edge
from support.edge import CALLER, MARKER, a_token, bearing, keyed, lines, problem, settings
from support.sales import ANNA, TestClient

from infra.asgi import build
from infra.http.pages.docs import FILES

desk, guarded, home, written = edge.desk, edge.guarded, edge.home, edge.written


def test_a_token_tells_who_issues_a_command(guarded, home, desk):
    """P25: client, actor and on whose behalf stand in the event as the token says."""
    done = guarded.post(
        "/v1/deals", json={"fields": {"topic": "x"}}, headers=bearing(a_token(home), **keyed())
    )
    assert done.status_code == 201, done.text
    (event,) = desk.tenant.log.read(done.json()["position"], done.json()["position"])
    assert (event.actor, event.on_behalf_of, event.channel) == ("system/erp", None, "http")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/deals/dea_1",
        "/v1/events",
        "/v1/nowhere/at/all",
        "/nowhere",
        "/v1/deals?x=1",
        "/docs2",
        "/problemsx",
        "//docs/../v1/events",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "FOO"])
def test_without_a_token_nobody_gets_anywhere(guarded, path, method):
    """P23, P25: 401 for every method and address that is not public, before anything else is looked at."""
    response = guarded.request(method, path, content=b"{" * 10 if method in {"POST", "PATCH"} else None)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="dealtrail"'
    if method != "HEAD":
        problem(response, 401, "unauthorized")


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/docs",
        "/problems",
        "/problems/gate-not-met",
        *(f"/docs/{name}" for name in FILES),
    ],
)
def test_public_pages_need_no_token(guarded, path):
    """What tells nothing of records or people answers everybody."""
    assert guarded.get(path).status_code == 200


def forged(home: Path) -> dict[str, str]:
    """Headers of everybody who should not get in."""
    good = a_token(home)
    head, body, signature = good.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"trial"}').rstrip(b"=").decode()
    other = base64.urlsafe_b64encode(b'{"alg":"EdDSA","kid":"other"}').rstrip(b"=").decode()
    return {
        "alg none": f"Bearer {none}.{body}.",
        "alg none, signed": f"Bearer {none}.{body}.{signature}",
        "unknown kid": f"Bearer {other}.{body}.{signature}",
        "changed": f"Bearer {head}.{body[:-2]}AA.{signature}",
        "unsigned": f"Bearer {head}.{body}.",
        "wrong audience": f"Bearer {a_token(home, audience='other')}",
        "expired": f"Bearer {a_token(home, hours=-2)}",
        "malformed": f"Bearer {MARKER}",
        "too long": f"Bearer {MARKER * 2_000}",
        "another scheme": f"Basic {MARKER}",
        "nothing": "Bearer ",
        "no scheme": good,
    }


def test_tokens_that_are_not_good_are_401_and_logged_without_them(guarded, home, written):
    """P25, P29: always the same answer; why is for the security log, with the address, never the token."""
    answers = set()
    for what, header in forged(home).items():
        response = guarded.get("/v1/deals/dea_1", headers={"Authorization": header})
        problem(response, 401, "unauthorized")
        assert response.headers["www-authenticate"] == 'Bearer realm="dealtrail", error="invalid_token"', what
        answers.add(response.content)
    assert len(answers) == 1, "nothing tells an attacker how near they were"
    refused = lines(written, "token_refused")
    assert len(refused) == len(forged(home))
    assert all(
        line["log"] == "security" and line["client_address"] and line["request_id"] for line in refused
    )
    assert {"algorithm", "unknown_key", "signature", "audience", "expired", "malformed", "too_long"} <= {
        line["reason"] for line in refused
    }
    for header in forged(home).values():
        for part in header.split(" ")[-1].split("."):
            assert len(part) < 8 or part not in written.getvalue()


def test_two_tokens_are_none(guarded, home):
    """P25: which of them was meant would be a guess."""
    good = a_token(home)
    headers = [("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")]
    problem(guarded.get("/v1/deals/dea_1", headers=headers), 401, "unauthorized")


def test_a_token_for_another_tenant_says_what_to_do(guarded, home):
    """P23: 401, and where the token belongs; nothing of this tenant."""
    response = guarded.get("/v1/deals/dea_1", headers=bearing(a_token(home, tenant="other")))
    assert "tenant" in problem(response, 401, "wrong-tenant")["detail"]
    assert "edge" not in response.text


def test_only_who_may_delegate_acts_for_somebody_else(guarded, home, desk, written):
    """P27: On-Behalf-Of counts with the claim `delegate` only; then the service's own rights count for nothing."""
    plain, delegate = a_token(home), a_token(home, delegate=True)
    body = {"fields": {"topic": "x"}}
    refused = guarded.post(
        "/v1/deals", json=body, headers=bearing(plain, **keyed(), **{"On-Behalf-Of": ANNA})
    )
    problem(refused, 403, "delegation-refused")
    assert lines(written, "delegation_refused")[0]["client"] == "erp"
    done = guarded.post(
        "/v1/deals", json=body, headers=bearing(delegate, **keyed(), **{"On-Behalf-Of": ANNA})
    )
    assert done.status_code == 201, done.text
    (event,) = desk.tenant.log.read(done.json()["position"], done.json()["position"])
    assert (event.actor, event.on_behalf_of) == ("system/erp", ANNA)
    for nobody in (MARKER, "system/erp", "person/", "person/a b", ""):
        response = guarded.get("/v1/deals/dea_1", headers=bearing(delegate, **{"On-Behalf-Of": nobody}))
        assert problem(response, 400, "invalid-request")["errors"][0]["pointer"] == "/header/On-Behalf-Of"


def test_who_lacks_a_right_is_told_which_and_logged(guarded, home, written):
    """403 names the right; the attempt stands in the security log, not in the log of the company."""
    powerless = bearing(a_token(home, rights=()), **keyed())
    response = guarded.post("/v1/teams", json={"id": "east", "name": "East"}, headers=powerless)
    assert problem(response, 403, "not-allowed")["right"] == "organise"
    (line,) = lines(written, "not_allowed")
    assert (line["log"], line["client"], line["actor"], line["right"]) == (
        "security",
        "erp",
        "system/erp",
        "organise",
    )


def test_a_server_without_keys_and_caller_lets_nobody_in(desk, home):
    """What was forgotten is not what is allowed."""
    with TestClient(build(desk.tenant, settings(home))) as client:
        problem(client.get("/v1/deals/dea_1"), 401, "unauthorized")
        problem(client.get("/v1/deals/dea_1", headers=bearing(a_token(home))), 401, "unauthorized")
        assert client.get("/healthz").status_code == 200


def test_the_demo_says_so_and_answers_this_machine_only(desk, home):
    """Without tokens it is a demo in every answer, and a page elsewhere cannot reach it by a name of its own."""
    app = build(desk.tenant, settings(home), caller=CALLER, is_demo=True)
    with TestClient(app, base_url="http://localhost:8765") as client:
        for path in ("/v1/deals/dea_1", "/readyz", "/docs", "/nowhere"):
            assert client.get(path).headers["x-dealtrail-mode"].startswith("demo")
        assert client.get("/readyz").json()["demo"] is True
        for host in ("evil.example.com", "127.0.0.1.evil.example.com", "", "localhost.evil", "10.0.0.1:8765"):
            problem(client.get("/v1/deals/dea_1", headers={"Host": host}), 421, "misdirected-request")
        for host in ("127.0.0.1:1", "LOCALHOST", "[::1]:8765"):
            assert client.get("/v1/deals/dea_1", headers={"Host": host}).status_code == 200
