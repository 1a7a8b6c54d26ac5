"""The bad input the roadmap names, each with the exact problem and what to do; P26: no SQL is put together from what was sent; P27: nobody assigns."""

import ast
from pathlib import Path
from typing import Any

import pytest
from support.projecting import until
from support.sales import ALL_RIGHTS, OPERATOR, PLAYBOOK, Desk, TestClient

import infra
from commands.caller import Caller
from infra.asgi import build
from infra.http import trial
from infra.http.acceptance import accepted_tokens
from infra.settings import Settings

REPOSITORY = Path(infra.__file__).parents[1]


@pytest.fixture
def tenant(a_tenant) -> Any:
    """A log with one deal in the stage `lead`."""
    tenant = a_tenant("named")
    Desk(tenant)
    return tenant


@pytest.fixture
def client(tenant, tmp_path) -> Any:
    """Somebody who may do everything."""
    own = Settings(_env_file=None, home=tmp_path, tenant="named", database_url=None)
    with TestClient(
        build(tenant, own, caller=Caller("named", "test", OPERATOR, rights=ALL_RIGHTS))
    ) as client:
        assert (
            client.post(
                "/v1/deals", json={"id": "dea_1", "fields": {"topic": "Pumps"}}, headers=keyed("0")
            ).status_code
            == 201
        )
        yield client


def keyed(key: str, **headers: str) -> dict[str, str]:
    """The headers of a command."""
    return {"Idempotency-Key": key, **headers}


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """The problem, whose type leads to its page."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert (told["type"], told["code"], told["status"]) == (f"/problems/{code}", code, status)
    return told


def test_publishing_a_playbook_that_would_strand_records_is_refused_with_the_list(client, tenant):
    """Done when: the refusal names the records, their number and where they stand; nothing is in force by it, and a mapping helps."""
    draft = PLAYBOOK.replace(
        "      lead: {label: {zh: 线索, en: Lead}}\n", "      idea: {label: {zh: 想法, en: Idea}}\n"
    )
    kept = client.post(
        "/v1/playbooks/desk/drafts",
        content=draft.encode(),
        headers=keyed("1", **{"Content-Type": "application/yaml"}),
    )
    assert kept.status_code == 201, kept.text
    number, head = kept.json()["draft"], tenant.log.head()
    # The publisher waits for the read model no longer than a reader does.
    until(lambda: client.get(f"/v1/deals?min_position={head}").status_code == 200)
    told = problem(
        client.post("/v1/playbooks/desk/publications", json={"draft": number}, headers=keyed("2")),
        422,
        "invalid-command",
    )
    (error,) = [error for error in told["errors"] if error.get("record_count")]
    assert error["records"] == ["dea_1"]
    assert error["record_count"] == 1
    assert told["detail"]
    assert tenant.log.head() == head
    mapped = {"draft": number, "mappings": {"deal": {"stages": {"lead": "idea"}}}}
    assert client.post("/v1/playbooks/desk/publications", json=mapped, headers=keyed("3")).status_code == 201
    assert client.get(f"/v1/deals/dea_1?min_position={tenant.log.head()}").json()["stage"] == "idea"


def test_a_token_for_another_tenant_says_where_to_go(tenant, tmp_path):
    """Done when: 401 and what to do; nothing of this tenant, not even its name."""
    own = Settings(_env_file=None, home=tmp_path, tenant="named", database_url=None)
    key = trial.load_or_make_key(tmp_path)
    token = trial.make_token(
        key, tenant="elsewhere", audience="dealtrail", actor=OPERATOR, client="erp", rights=ALL_RIGHTS
    )
    accepted = accepted_tokens(own)
    assert accepted is not None
    with TestClient(build(tenant, own, tokens=accepted.tokens)) as client:
        for method, path in (("GET", "/v1/deals/dea_1"), ("POST", "/v1/deals"), ("GET", "/v1/nowhere")):
            response = client.request(method, path, headers=keyed("1", Authorization=f"Bearer {token}"))
            told = problem(response, 401, "wrong-tenant")
            assert "tenant" in told["detail"]
            assert "named" not in response.text
            assert "elsewhere" not in response.text


def test_a_key_used_for_another_command_says_to_take_a_new_one(client, tenant):
    """Done when: 422 and what to do; the first command stands, the second left nothing."""
    first = client.post("/v1/deals/dea_1/touches", json={"kind": "call"}, headers=keyed("k"))
    assert first.status_code == 201
    head = tenant.log.head()
    told = problem(
        client.post("/v1/deals/dea_1/touches", json={"kind": "call", "note": "x"}, headers=keyed("k")),
        422,
        "idempotency-key-reused",
    )
    assert "key" in told["detail"]
    assert tenant.log.head() == head
    again = client.post("/v1/deals/dea_1/touches", json={"kind": "call"}, headers=keyed("k"))
    assert again.content == first.content


def test_a_stale_version_names_what_was_not_seen(client, tenant):
    """Done when: 412 with the current version and each field that was changed meanwhile; sending it on that version works."""
    edit = {"fields": {"topic": "Valves"}}
    done = client.patch("/v1/deals/dea_1", json=edit, headers=keyed("1", **{"If-Match": '"1"'}))
    assert done.status_code == 200
    head = tenant.log.head()
    told = problem(
        client.patch(
            "/v1/deals/dea_1", json={"fields": {"topic": "Pipes"}}, headers=keyed("2", **{"If-Match": '"1"'})
        ),
        412,
        "stale-version",
    )
    assert told["current_version"] == 2
    (change,) = told["changes"]
    assert (change["field"], change["version"], change["position"], change["actor"]) == (
        "topic",
        2,
        head,
        OPERATOR,
    )
    assert told["detail"]
    assert tenant.log.head() == head
    assert (
        client.patch(
            "/v1/deals/dea_1", json={"fields": {"topic": "Pipes"}}, headers=keyed("3", **{"If-Match": '"2"'})
        ).status_code
        == 200
    )


NEVER = (
    "actor",
    "position",
    "tenant",
    "client",
    "channel",
    "recorded_at",
    "rights",
    "on_behalf_of",
    "version",
    "decided_at",
    "basis",
)


def test_no_body_of_any_route_says_who_or_when_it_was_recorded(client, tenant):
    """P27: on every route that takes JSON, whoever and whenever is refused by its name; what is left of the example would work."""
    document = client.get("/openapi.json").json()
    head, tried = tenant.log.head(), 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            examples = (
                operation.get("requestBody", {})
                .get("content", {})
                .get("application/json", {})
                .get("examples", {})
            )
            if not path.startswith("/v1/") or (
                "playbooks" in path.split("/") and not path.endswith("publications")
            ):
                continue
            for example in list(examples.values())[:1]:
                for member in NEVER:
                    filled = (
                        path.replace("{record_id}", "dea_1")
                        .replace("{person_id}", "per_anna")
                        .replace("{touch_id}", "tou_1")
                        .replace("{name}", "desk")
                    )
                    body = example["value"] | {member: "zorblatt"}
                    response = client.request(
                        method, filled, json=body, headers=keyed(f"n{tried}", **{"If-Match": '"1"'})
                    )
                    told = problem(response, 422, "invalid-command")
                    assert f"/{member}" in [error["pointer"] for error in told["errors"]], (path, member)
                    assert "zorblatt" not in response.text
                    tried += 1
    assert tried > 20 * len(NEVER)
    assert tenant.log.head() == head


SQL_IS_MADE_IN = {
    "infra/deadline_clock.py",  # LISTEN as well
    "infra/follower.py",  # LISTEN takes no parameter; the channel is a constant of the program
    "projections/listing.py",  # conditions and orders are literals of the module
    "projections/record_versions.py",  # COPY into the columns the module names
}
"""Where statements are put together: from literals of the same module only; each value is a parameter."""


def test_no_statement_is_put_together_from_what_was_sent():
    """P26: an f-string, a format or a sum given to `execute` is refused, but for the few places that are known to hold literals only."""
    found = {
        f"{path.relative_to(REPOSITORY).as_posix()}"
        for folder in ("commands", "consumers", "domain", "infra", "projections", "read_api")
        for path in (REPOSITORY / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"execute", "executemany", "copy", "stream"}
        and any(is_put_together(argument) for argument in node.args[:1])
    }  # fmt: skip
    assert found <= SQL_IS_MADE_IN, found


def is_put_together(node: ast.expr) -> bool:
    """Whether an argument is text with something in it that is no literal of its own."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Mod) or is_put_together(node.left) or is_put_together(node.right)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
        and isinstance(node.func.value, ast.Constant)
    )


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("f'SELECT {x}'", True),
        ("'SELECT ' % x", True),
        ("'SELECT {}'.format(x)", True),
        ("'SELECT ' + f'{x}'", True),
        ("'SELECT %s'", False),
        ("SQL.format(x)", False),
    ],
)
def test_the_lint_sees_what_it_looks_for(text, is_so):
    """A lint that finds nothing anywhere proves nothing. `SQL(...).format` of psycopg quotes what it is given."""
    assert is_put_together(ast.parse(text, mode="eval").body) == is_so
