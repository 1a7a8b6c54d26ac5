"""Story 4, *the 72-hour assignment outage*: for three days nobody saw that leads went to nobody. Here one query shows all of it.

7 February: a patch of the playbook switches the fallback off. 8 February: two people join without a region.
From 9 February 16:22 the rule finds nobody. 10 February: somebody asks. Everything goes over HTTP, on a simulated log.
"""

from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support.leads import NO_FALLBACK, PUBLIC, SHIPPED
from support.sales import ALL_RIGHTS, TestClient

from commands.caller import Caller
from infra.asgi import build

SHANGHAI = ZoneInfo("Asia/Shanghai")


def moment(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of that February, as the office's clock shows it."""
    return datetime(2026, 2, day, hour, minute, tzinfo=SHANGHAI)


class Office:
    """The service of a company that works on leads, at moments the story tells."""

    def __init__(self, tenant: Any) -> None:
        self.tenant = tenant
        self.clock = moment(2, 9)
        tenant.told_time = lambda: self.clock
        caller = Caller(tenant.name, "story", "system/operations", rights=ALL_RIGHTS)
        self.http = TestClient(build(tenant, caller=caller))
        self._keys = count(1)

    def at(self, day: int, hour: int, minute: int = 0) -> "Office":
        """It is this moment now; what is to be done by then is done."""
        self.clock = max(self.clock, moment(day, hour, minute))
        return self

    def post(self, path: str, body: Any = None, text: str | None = None) -> dict[str, Any]:
        """Issue a command that is accepted; the workers have read it when this returns."""
        self.clock += timedelta(seconds=1)
        headers = {"Idempotency-Key": f"story-{next(self._keys)}"}
        if text is not None:
            headers["Content-Type"] = "application/yaml"
            answer = self.http.post(path, content=text.encode(), headers=headers)
        else:
            answer = self.http.post(path, json=body or {}, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        head = -1
        while head != self.tenant.log.head():
            head = self.tenant.log.head()
            self.tenant.catch_up.run()
        content: dict[str, Any] = answer.json()
        return content

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read what is there."""
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def publish(self, text: str, reason: str) -> dict[str, Any]:
        """Put a playbook into force."""
        draft = self.post("/v1/playbooks/leads/drafts", text=text)
        return self.post("/v1/playbooks/leads/publications", {"draft": draft["draft"], "reason": reason})

    def join(self, name: str, role: str, team: str | None) -> None:
        """Somebody joins."""
        self.post("/v1/people", {"id": f"per_{name}", "name": name, "team": team, "roles": [role]})

    def lead(self, name: str) -> str:
        """A medical lead comes in from the east."""
        fields = {"company": f"医院{name}", "region": "华东", "industry": "医疗", "source": "campaign"}
        self.post("/v1/leads", {"id": f"lea_{name}", "fields": fields})
        owner: str = self.get(f"/v1/leads/lea_{name}")["owner"]
        return owner


@pytest.fixture
def office(a_tenant) -> Office:
    """The office on 6 February: three people sell in the east, one at headquarters, and every lead has an owner."""
    office = Office(a_tenant("outage", clock="simulated", told_time=moment(2, 9)))
    office.publish(SHIPPED.read_text("utf-8"), "线索开始自动分配")
    office.post("/v1/teams", {"id": "east", "name": "华东一部", "region": "华东"})
    office.post("/v1/teams", {"id": "hq", "name": "总部", "region": "总部"})
    for name in ("li", "wang", "zhao"):
        office.join(name, "sales", "east")
        office.post(f"/v1/people/per_{name}/skills", {"skills": ["医疗"]})
    office.join("hq", "hq_sales", "hq")
    for day in (3, 4, 5, 6):
        office.at(day, 10)
        assert office.lead(f"feb{day}") is not None
    return office


def test_story_4_the_72_hour_assignment_outage(office: Office) -> None:
    """One query shows the publication, the two people, and every lead nobody was found for, in order; then the fix reaches what waits."""
    before = office.tenant.log.head()
    shipped = SHIPPED.read_text("utf-8")

    # A patch that only forgets the pool behind the fallback is refused: it names the pool that no lead would reach any more.
    half = office.http.post(
        "/v1/playbooks/checks",
        content=shipped.replace("    fallback: {pool: hq_pool}\n", "").encode(),
        headers={"Content-Type": "application/yaml"},
    ).json()
    assert (half["ok"], "no record enters it" in half["problems"][0]["message"]) == (False, True)

    # 7 February: the patch takes the whole fallback away.
    patched = office.at(7, 21, 40).publish(shipped.replace(*NO_FALLBACK), "去掉总部池，缩短分配链路")
    assert office.at(7, 22).lead("feb7") is not None

    # 8 February: two people join without a region, to take over from those who go.
    office.at(8, 9, 30).join("xu", "sales", None)
    office.join("sun", "sales", None)
    for name in ("xu", "sun"):
        office.post(f"/v1/people/per_{name}/skills", {"skills": ["医疗"]})
    assert office.at(8, 15).lead("feb8") is not None

    # 9 February: the old ones go; the last of them at 16:22.
    for name, hour, minute in (("li", 9, 0), ("wang", 12, 0)):
        office.at(9, hour, minute).post(f"/v1/people/per_{name}/departures")
    office.at(9, 16, 22).post("/v1/people/per_zhao/absences", {"id": "abs_zhao"})
    for number in range(6):
        assert office.at(9 + number // 4, 16 + number % 4, 40).lead(f"lost{number}") is None

    # 10 February, somebody asks: since when, and what changed just before? One query.
    asked_at = office.at(10, 18, 30).tenant.log.head()
    told = office.get(
        "/v1/events",
        topic="playbook.published,organisation,pool.assigned",
        after=before,
        upto=asked_at,
        limit=100,
    )["items"]
    assert [event["position"] for event in told] == sorted(event["position"] for event in told)
    what = [(event["topic"].removesuffix(".v1"), event["recorded_at"][5:10]) for event in told]
    assert what == [
        ("playbook.published", "02-07"),
        ("pool.assigned", "02-07"),
        ("organisation.person-joined", "02-08"),
        ("organisation.person-joined", "02-08"),
        ("organisation.skills-set", "02-08"),
        ("organisation.skills-set", "02-08"),
        ("pool.assigned", "02-08"),
        ("organisation.person-left", "02-09"),
        ("organisation.person-left", "02-09"),
        ("organisation.absence-noted", "02-09"),
        *[("pool.assigned", "02-09")] * 4,
        *[("pool.assigned", "02-10")] * 2,
    ]
    publication, joined = told[0], told[2:4]
    assert (publication["position"], publication["reason"]) == (
        patched["position"],
        "去掉总部池，缩短分配链路",
    )
    assert all("region" not in event["payload"] for event in joined)
    nobody = [
        event for event in told if event["topic"] == "pool.assigned.v1" and "person" not in event["payload"]
    ]
    assert len(nobody) == 6
    assert datetime.fromisoformat(nobody[0]["recorded_at"]) >= moment(9, 16, 22)
    why = {item["person"]: item for item in nobody[0]["payload"]["candidates"]}
    assert why["person/per_zhao"]["why"] == "away"
    for name in ("xu", "sun"):
        assert why[f"person/per_{name}"]["why"] == "not in scope"
        assert why[f"person/per_{name}"]["missing"] == ["region"]

    # Who was affected, and since when; who joined without a region.
    waiting = office.get(f"/v1/pools/{PUBLIC}/waiting")["items"]
    assert [item["id"] for item in waiting] == [f"lea_lost{number}" for number in range(6)]
    assert datetime.fromisoformat(waiting[0]["since"]) == moment(9, 16, 40) + timedelta(seconds=1)
    difference = office.get("/v1/organisation/difference", **{"from": before, "to": asked_at})
    assert {line["person"]: line["region"] for line in difference["joined"]} == {
        "person/per_sun": None,
        "person/per_xu": None,
    }
    assert [line["absence"] for line in difference["absences_noted"]] == ["abs_zhao"]
    (pool,) = office.get("/v1/pools")["items"]
    assert (pool["nobody_found"], pool["fallback"], pool["playbook_version"]) == (6, None, 2)

    # The fix: the two get their region. What waits is tried again by itself the moment one of them is there, and the next lead is the other's.
    for name in ("xu", "sun"):
        office.post(f"/v1/people/per_{name}/moves", {"team": "east", "manager": None})
    owners = [office.get(f"/v1/leads/lea_lost{number}")["owner"] for number in range(6)]
    assert owners == ["person/per_xu"] * 6
    assert office.lead("next") == "person/per_sun"
    assert office.get(f"/v1/pools/{PUBLIC}/waiting")["items"] == []
    found, lost = office.get("/v1/leads/lea_lost0/assignments")["items"]
    assert (lost["person"], found["person"], found["attempt"]) == (None, owners[0], 2)
    assert {item["person"]: item["why"] for item in found["candidates"]}[owners[0]] == "chosen"

    # And what was known at 18:30 can be asked for ever: then, six waited.
    (then,) = office.get("/v1/pools", as_of=asked_at)["items"]
    assert then["nobody_found"] == 6
