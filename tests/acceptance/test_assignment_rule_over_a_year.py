"""A changed assignment rule, replayed over a simulated year of leads before it is published: who would gain, who would lose, and why.

Everything is asked over HTTP; the year is lived on the real bus, with the worker of the pools behind every half day.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from support.leads import SHIPPED, leads_playbook
from support.sales import ALL_RIGHTS, TestClient

from commands.caller import Caller
from consumers.simulator import Scenario, following, simulate_leads
from infra.http.app import build
from infra.settings import Settings
from infra.tenant import Tenant, open_tenant

YEAR = Scenario(seed=5, until=date(2026, 6, 30), people=14, pace=1.6)
TAKE_TURNS = (
    "        candidates: {roles: [sales], region_of: region, skills_of: [industry]}\n        strategy: round_robin\n",
    "        candidates: {roles: [sales], region_of: region}\n        strategy: least_open\n",
)
"""Whoever has the fewest open gets the lead, whether they know the trade or not."""


@pytest.fixture(scope="module")
def client(embedded_home, a_fresh_name) -> Iterator[TestClient]:
    """The service after the year."""
    name = a_fresh_name("leads_year")
    settings = Settings(
        _env_file=None, home=embedded_home, database_url=None, tenant=name, command_burst_per_client=100_000
    )
    begin = datetime.combine(YEAR.until, datetime.min.time(), UTC) - timedelta(days=YEAR.days + 1)
    with open_tenant(settings, clock="simulated", told_time=begin) as tenant:
        simulate_leads(tenant.bus, leads_playbook(), YEAR, following(_read(tenant), lambda: _settle(tenant)))
        caller = Caller(name, "analyst", "system/operator", rights=ALL_RIGHTS)
        with TestClient(build(tenant, settings, caller=caller)) as client:
            yield client


def _read(tenant: Tenant) -> Any:
    return lambda reached: tenant.log.read(reached + 1, tenant.log.head())


def _settle(tenant: Tenant) -> None:
    head = -1
    while head != tenant.log.head():
        head = tenant.log.head()
        tenant.catch_up.run()


def replayed(client: TestClient, text: str) -> dict[str, Any]:
    """Keep a draft, replay its assignment over everything, and wait for what it finds."""
    headers = {"Content-Type": "application/yaml", "Idempotency-Key": f"draft-{hash(text)}"}
    draft = client.post("/v1/playbooks/leads/drafts", content=text.encode(), headers=headers)
    assert draft.status_code == 201, draft.text
    path = f"/v1/playbooks/leads/drafts/{draft.json()['draft']}/replays"
    answer = client.post(path, json={"about": ["assignment"]})
    assert answer.status_code == 202, answer.text
    until = time.monotonic() + 300
    while time.monotonic() < until:
        told: dict[str, Any] = client.get(f"/v1/replays/{answer.json()['id']}").json()
        if told["state"] not in ("queued", "running"):
            assert told["state"] == "done", told
            return told
        time.sleep(0.2)
    raise AssertionError("the replay does not end")


def every_row(client: TestClient, replay: str, **asked: Any) -> list[dict[str, Any]]:
    """The rows behind a number, page by page: as many as the answer says there are."""
    rows: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        page = client.get(
            f"/v1/replays/{replay}/subjects/assignment", params={"limit": 200, **asked, **more}
        ).json()
        rows += page["items"]
        if page["next"] is None:
            assert len(rows) == page["total"]
            return rows
        more = {"cursor": page["next"]}


def test_replaying_an_assignment_rule_over_the_year_shows_who_gains_and_loses_leads_and_why(client) -> None:
    """The law holds for every decision; each gain and loss adds up from rows, and each row says why the lead goes to somebody else."""
    text = SHIPPED.read_text("utf-8")
    assert TAKE_TURNS[0] in text
    told = replayed(client, text.replace(*TAKE_TURNS))
    (subject,) = told["impact"]["subjects"]
    law, totals = subject["law"], subject["totals"]
    assert (subject["name"], law["different"]) == ("assignment", [])
    assert law["reproduced"] == law["decisions"] > 400

    rows = every_row(client, told["id"])
    assert Counter(row["verdict"] for row in rows) == Counter(
        {
            name: totals[name]
            for name in ("unchanged", "changed", "gone", "new", "not_judgeable")
            if totals[name]
        }
    )
    assert totals["changed"] > 100

    got = Counter(row["person_was"] for row in rows)
    would_get = Counter(row["person_would"] for row in rows)
    people = {row["person"]: row for row in subject["people"]}
    for person, row in people.items():
        assert (row["was"], row["would"]) == (got[person], would_get[person])
    gains = {person: row["would"] - row["was"] for person, row in people.items() if person is not None}
    assert max(gains.values()) > 5
    assert min(gains.values()) < -5, "who knows many trades no longer gets most"
    assert all(row["person_name"] for person, row in people.items() if person is not None)

    # Why: of everybody who loses a lead the draft's own numbers are there, and so are those of who gets it.
    moved = [row for row in rows if row["verdict"] == "changed" and row["person_was"] and row["person_would"]]
    assert all(row["why"] for row in moved)
    for row in moved[:50]:
        assert row["person_was_name"] != row["person_would_name"] or row["person_was"] != row["person_would"]
        assert row["chosen"] is not None
        assert row["passed_over"] is not None
    whys = {row["why"]: row["count"] for row in subject["why"]}
    assert whys == dict(Counter(row["why"] for row in rows if row["why"]))
    loser = min(gains, key=lambda person: (gains[person], person))
    lost = every_row(client, told["id"], person=loser, verdict="differs")
    assert (
        len([row for row in lost if row["person_was"] == loser and row["person_would"] != loser])
        >= -gains[loser]
    )


def test_the_rule_in_force_changes_nothing_over_the_year(client) -> None:
    """The same text as a draft: not one lead goes to anybody else."""
    told = replayed(client, SHIPPED.read_text("utf-8") + "\n# word for word\n")
    (subject,) = told["impact"]["subjects"]
    assert subject["totals"]["judged"] == subject["totals"]["unchanged"] > 400
    assert all(row["was"] == row["would"] for row in subject["people"])
