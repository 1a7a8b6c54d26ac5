"""P18: what the service answers is what its description says it answers, whatever schemathesis thinks of."""

import os
from collections import Counter
from itertools import count
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from support.hostile.storm import PLAYBOOK_OF_A_STORM, logged
from support.sales import ALL_RIGHTS, OPERATOR, TestClient, a_submission, playbook

from commands.caller import Caller
from domain.playbook.commands import PublishPlaybook
from infra.asgi import build
from infra.settings import Settings

EXAMPLES = 50 if os.environ.get("DEALTRAIL_SOAK") == "1" else 4
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
OTHERS = (
    "positive_data_acceptance",  # a command that fits its schema may still be refused by the playbook
    "negative_data_rejection",  # a parameter nobody knows is no mistake where it could be a filter
    "use_after_free",
    "ensure_resource_availability",
    "missing_required_header",
    "ignored_auth",  # everybody is taken for the one caller here; tokens are tested elsewhere
    "unsupported_method",
    "allow_header_conformance",
)


@schemathesis.serializer("application/x-ndjson", "application/ndjson", "application/jsonl")
def lines(_: Any, value: Any) -> bytes:
    """Lines are sent as they are."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


_calls = count()
ONE_IN = 10


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """Nine requests in ten are made for nobody else: a person that is made up stops a request before anything else of it is read."""
    if next(_calls) % ONE_IN and case.headers:
        case.headers.pop("On-Behalf-Of", None)


def configured(seed: int) -> SchemathesisConfig:
    """Examples, boundaries and random data, as much as the figure says; seeded, so that a failure comes again."""
    wanted = {name: {"enabled": True} for name in CHECKS} | {name: {"enabled": False} for name in OTHERS}
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "continue-on-failure": True,
            "max-stream-events": 3,
            "generation": {"max-examples": EXAMPLES, "database": "none", "no-shrink": True, "mode": "all"},
            "phases": {"stateful": {"enabled": False}},
            "checks": wanted,
        }
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
def test_answers_are_as_described(a_tenant, tmp_path, the_seed):
    """No 5xx, no status, header, media type or member the description does not know, on any operation.

    A position that is not there yet is the one thing a reader may be told to come again for: 503 with its own code.
    """
    tenant = a_tenant("described", pool_size=10)
    tenant.bus.submit(a_submission(PublishPlaybook(playbook(PLAYBOOK_OF_A_STORM))))
    own = Settings(
        _env_file=None,
        home=tmp_path,
        tenant="described",
        database_url=None,
        commands_per_second_per_client=1e9,
        command_burst_per_client=1_000_000_000,
    )
    app = build(tenant, own, caller=Caller("described", "test", OPERATOR, rights=ALL_RIGHTS))
    wrong: list[str] = []
    statuses: Counter[int] = Counter()
    operations: set[str] = set()
    with logged() as out, TestClient(app) as client:
        document = client.get("/openapi.json").json()
        schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=configured(the_seed))
        for event in from_schema(schema).execute():
            if isinstance(event, FatalError | NonFatalError):
                wrong.append(f"schemathesis failed: {getattr(event, 'info', None) or event}")
            if isinstance(event, ScenarioFinished):
                operations.add(str(event.label))
                wrong += failures(event, statuses)
        failed = [line for line in out.getvalue().splitlines() if '"unhandled_error"' in line]
    print(f"{statuses.total():,} requests: {dict(statuses)}")
    assert not wrong, "\n\n".join([*wrong[:10], *failed[:10]])
    described = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert operations >= described
    assert statuses[200] > 50
    assert statuses[201] > 5


def failures(event: ScenarioFinished, statuses: Counter[int]) -> list[str]:
    """What was wrong in a scenario, each with the request that shows it."""
    found = []
    for interaction in event.recorder.interactions.values():
        if interaction.response is not None:
            statuses[interaction.response.status_code] += 1
    for case, checks in event.recorder.checks.items():
        interaction = event.recorder.interactions.get(case)
        response = interaction.response if interaction is not None else None
        is_behind = (
            response is not None and response.status_code == 503 and b'"code":"behind"' in response.content
        )
        for check in checks:
            if check.failure_info is None or (check.name == "not_a_server_error" and is_behind):
                continue
            failure = check.failure_info.failure
            answer = None if response is None else (response.status_code, response.content[:500])
            found.append(
                f"{check.name}: {failure.title}: {failure.message[:500]}\n{check.failure_info.code_sample[:1_000]}\n{answer}"
            )
    return found
