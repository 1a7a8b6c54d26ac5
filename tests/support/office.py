"""The service of a company at moments a story tells: everything over HTTP, the workers caught up after each command, time that passes by itself."""

from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import playbooks
from commands.caller import Caller
from infra.asgi import build
from infra.deadline_clock import let_time_pass
from infra.settings import Settings
from support.sales import ALL_RIGHTS, TestClient

SHANGHAI = ZoneInfo("Asia/Shanghai")
PLAYBOOKS = Path(playbooks.__file__).parent
SCAN = b"%PDF-1.7 as it was signed"


def named(person: str) -> str:
    """A person as events and answers name them."""
    return f"person/per_{person}"


def pointers(problem: dict[str, Any]) -> set[str]:
    """Everything a refusal names, each at its place in the form."""
    return {error["pointer"] for error in problem["errors"]}


def unmet(problem: dict[str, Any]) -> set[str]:
    """Everything a gate lacks, by id."""
    return {item["id"] for item in problem["unmet"]}


class Office:
    """A tenant on a simulated log with a shipped playbook in force, and a program that speaks for whoever a story tells of."""

    def __init__(self, tenant: Any, home: Path, playbook: str, begins: datetime) -> None:
        self.tenant = tenant
        self.clock = begins
        tenant.told_time = lambda: self.clock
        caller = Caller(tenant.name, "story", "system/operations", rights=ALL_RIGHTS)
        self.http = TestClient(
            build(tenant, Settings(home=home, database_url=None, tenant=tenant.name), caller=caller)
        )
        self._keys = count(1)
        text = (PLAYBOOKS / f"{playbook}.yaml").read_text("utf-8")
        draft = self._answered(self._send(f"/v1/playbooks/{playbook}/drafts", text=text))
        self.post(f"/v1/playbooks/{playbook}/publications", {"draft": draft["draft"], "reason": "启用"})

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def at(self, month: int, day: int, hour: int, minute: int = 0) -> "Office":
        """Let the time go by up to a moment of 2026, by the office's clock; what becomes due on the way is noticed, and nobody else does anything."""
        moment = datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI)
        assert moment >= self.clock, f"the story has told of {self.clock} already"
        done = let_time_pass(self.tenant, moment)
        assert not done.failed
        self.settle()
        self.clock = moment
        return self

    def settle(self) -> None:
        """Let the workers read until nothing moves any more: what follows is followed by more."""
        head = -1
        while head != self.tenant.log.head():
            head = self.tenant.log.head()
            self.tenant.catch_up.run()

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def post(self, path: str, body: Any = None, *, by: str | None = None) -> dict[str, Any]:
        """Issue a command that is accepted, for a person where one is named."""
        return self._answered(self._send(path, body or {}, by=by))

    def refused(
        self, path: str, body: Any = None, *, by: str | None = None, status: int = 422
    ) -> dict[str, Any]:
        """Issue a command that is refused; return what was said. Nothing came of it but the refusal itself."""
        answer = self._send(path, body or {}, by=by)
        assert answer.status_code == status, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def edit(self, path: str, fields: dict[str, Any], *, by: str | None = None) -> dict[str, Any]:
        """Give fields of a record new values, as of the version that was read."""
        version = self.get(path)["version"]
        return self._answered(self._send(path, {"fields": fields}, by=by, method="PATCH", version=version))

    def attach(self, path: str, *fields: str, by: str | None = None) -> dict[str, str]:
        """Attach a file to each evidence field; return the ids of the pieces, by field."""
        pieces = {}
        for field in fields:
            headers = self._headers(by) | {"Content-Type": "application/pdf"}
            sent = SCAN + f" {field} {next(self._keys)}".encode()
            answer = self.http.post(
                f"{path}/evidence", content=sent, params={"field": field}, headers=headers
            )
            pieces[field] = self._answered(answer)["id"]
        return pieces

    def join(self, name: str, *roles: str, team: str, manager: str | None = None) -> None:
        """Somebody joins."""
        body = {"id": f"per_{name}", "name": name.title(), "team": team, "roles": list(roles)}
        self.post("/v1/people", body | ({} if manager is None else {"manager": named(manager)}))

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read what is there."""
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Read a list."""
        found: list[dict[str, Any]] = self.get(path, **query)["items"]
        return found

    def asked(self, record: str) -> dict[str, dict[str, Any]]:
        """The newest work about a record, by template."""
        listed = self.items("/v1/work", record=record, limit=200)
        return {item["template"]: item for item in sorted(listed, key=lambda item: item["requested_at"])}

    def told(self, record: str, deadline: str) -> list[tuple[int, list[str], str]]:
        """Who was told of a deadline of a record, in order: the rung, the people, and when, by the office's clock."""
        found = [
            line
            for line in self.items("/v1/escalations", record=record, limit=200)
            if line["deadline"] == deadline
        ]
        return [
            (
                line["rung"],
                sorted(who["person"].removeprefix("person/per_") for who in line["told"]),
                f"{datetime.fromisoformat(line['noticed_at']).astimezone(SHANGHAI):%m-%d %H:%M}",
            )
            for line in reversed(found)
        ]

    def topics(self, after: int) -> list[str]:
        """What was written after a position, in order."""
        found = self.items("/v1/events", after=after, limit=500)
        return [event["topic"].removesuffix(".v1") for event in found]

    # ── what is sent ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _headers(self, by: str | None) -> dict[str, str]:
        self.clock += timedelta(seconds=1)
        headers = {"Idempotency-Key": f"story-{next(self._keys)}"}
        return headers | ({} if by is None else {"On-Behalf-Of": named(by)})

    def _send(
        self,
        path: str,
        body: Any = None,
        *,
        by: str | None = None,
        method: str = "POST",
        version: int | None = None,
        text: str | None = None,
    ) -> Any:
        headers = self._headers(by)
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if text is not None:
            headers["Content-Type"] = "application/yaml"
            return self.http.request(method, path, content=text.encode(), headers=headers)
        return self.http.request(method, path, json=body, headers=headers)

    def _answered(self, answer: Any) -> dict[str, Any]:
        assert answer.status_code in (200, 201), answer.text
        self.settle()
        content: dict[str, Any] = answer.json()
        return content
