"""Valid requests for every operation of a description: what mutations begin with, so that they get far."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from urllib.parse import quote, unquote

from support.walking import Request, requests_of

READS = ("get",)
_GENERATION = "_example"


@dataclass(frozen=True, slots=True)
class Plain:
    """A request before it becomes bytes: still in parts, so that each part can be mutated."""

    operation: str
    method: str
    template: str
    path: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Any = None
    media_type: str | None = None

    @property
    def is_command(self) -> bool:
        """Whether it asks for something to be done."""
        return self.method != "GET"


NEED_MORE = frozenset(
    {
        "start_replay",
        "cancel_replay",
        "close_period",
        "sign_off_replay",
        "acknowledge_deadline_deal",
        "retry_reaction_deal",
    }
)
"""Commands whose examples need what a fresh log has not: a kept draft, a replay, a period that is over, a deadline that fired, a reaction that failed."""


class Examples:
    """The operations of a description, with values for every parameter they have.

    An operation or a required parameter nobody knows a value for is an error: whoever adds one adds its value here.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.operations: dict[str, tuple[str, str]] = {}
        self._reads: list[tuple[str, str, dict[str, Any]]] = []
        for path, item in document["paths"].items():
            for method, operation in item.items():
                self.operations[operation["operationId"]] = (method.upper(), path)
                if method in READS or "requestBody" not in operation:
                    self._reads.append((path, operation["operationId"], operation))
        self.cursors: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.changes: dict[str, int] = {}
        self.generation = 0

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def commands(self, generation: int = 0) -> list[Plain]:
        """The examples of all commands, in their order; of another generation they are about other records and people."""
        return [self._plain(request, generation) for request in requests_of(self._document)]

    def _plain(self, request: Request, generation: int) -> Plain:
        method, template = self.operations[request.operation]
        renamed = "" if generation == 0 else str(generation)

        def again(text: str) -> str:
            return text.replace(_GENERATION, _GENERATION + renamed) if renamed else text

        content: Any = request.content
        content = again(content) if isinstance(content, str) else json.loads(again(json.dumps(content)))
        path = _filled(template, request.path)
        return Plain(
            request.operation,
            method,
            template,
            {name: again(value) for name, value in path.items()},
            tuple((name, again(value)) for name, value in request.query.items()),
            {name: again(value) for name, value in request.headers.items()},
            content,
            request.media_type,
        )

    def refreshed(self, plain: Plain) -> Plain:
        """The same command for the record as it stands: on its version, about a change it had."""
        record = plain.path.get("record_id")
        headers = dict(plain.headers)
        if record in self.versions and "If-Match" in headers:
            headers["If-Match"] = f'"{self.versions[record]}"'
        content = plain.content
        if record in self.changes and isinstance(content, dict) and "change" in content:
            content = content | {"change": self.changes[record]}
        return replace(plain, headers=headers, content=content)

    def learn(self, plain: Plain, answer: Any) -> None:
        """Remember what an accepted command made of a record."""
        record = plain.path.get("record_id") or answer.get("id")
        if record is not None and isinstance(answer.get("version"), int):
            self.versions[record] = answer["version"]
            if plain.method == "PATCH" and answer.get("position"):
                self.changes[record] = answer["position"]

    # ── reads ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def reads(self, random: Random | None = None, generation: int = 0) -> list[Plain]:
        """A request for every operation that reads, or has no body; with `random`, some of their optional parameters are given."""
        return [self.read(path, name, operation, random, generation) for path, name, operation in self._reads]

    def a_read(self, random: Random, generation: int) -> Plain:
        """One of them."""
        path, name, operation = random.choice(self._reads)
        return self.read(path, name, operation, random, generation)

    def read(
        self, template: str, name: str, operation: dict[str, Any], random: Random | None, generation: int
    ) -> Plain:
        """A request for an operation that reads."""
        collection = template.split("/")[2] if template.startswith("/v1/") else ""
        suffix = "" if generation == 0 else str(generation)
        path: dict[str, str] = {}
        query: list[tuple[str, str]] = []
        headers: dict[str, str] = {}
        for parameter in operation.get("parameters", ()):
            where, called = parameter["in"], parameter["name"]
            if where == "path":
                path[called] = self._in_path(called, collection, suffix)
            elif where == "query" and (
                parameter["required"]
                or (called == "kind" and "{metric}" in template)
                or (random is not None and random.random() < 0.3)
            ):
                query.append((called, self._in_query(called, collection, suffix, random)))
            elif called.lower() == "on-behalf-of":
                continue  # the storm's caller may act for nobody; mutations try it all the same
            elif where == "header" and random is not None and random.random() < 0.3:
                headers[called] = {
                    "accept": random.choice(("application/json", "application/x-ndjson", "*/*")),
                    "last-event-id": "3",
                }[called.lower()]
        if (
            random is not None
            and "{" not in template
            and collection
            and "sort" in {name for name, _ in query}
            and random.random() < 0.5
        ):
            query.append(
                random.choice(
                    (("stage", "lead"), ("amount.gte", "100"), ("owner.is_null", "true"), ("heat", "warm"))
                )
            )
        return Plain(name, self.operations[name][0], template, path, tuple(query), headers)

    def _in_path(self, name: str, collection: str, suffix: str) -> str:
        prefixes = {"customers": "cus", "contacts": "con", "deals": "dea"}
        known = {
            "record_id": f"{prefixes.get(collection, 'dea')}_example{suffix}",
            "evidence": f"evi_example{suffix}",
            "to": "offer",
            "person": f"per_example{suffix}",
            "name": "example",
            "number": "1",
            "kind": "deal",
            "field": "phone",
            "collection": "deals",
            "code": "gate-not-met",
            "metric": "dwell",
            "index": "phi",
            "period": "2026-03",
            "replay": "0" * 64,
            "dataset": "decisions",
            "subject": "assignment",
            "pool": "public_pool",
            "deadline": "quiet",
            "reaction": "declined",
            "delivery": "5f0c1d5e-6a43-5d3a-8f0e-0d8f0e6a1b2c",
        }
        return known[name]

    def _in_query(self, name: str, collection: str, suffix: str, random: Random | None) -> str:
        choose = (random or Random(0)).choice
        match name:
            case "as_of" | "from" | "to":
                return choose(("1", "5", "12", "2026-01-31", "2099-01-01T00:00:00+08:00", "9999999"))
            case "effective_at":
                return choose(("2026-01-31", "2099-01-01", "2099-01-01T00:00:00+08:00"))
            case "min_position" | "after" | "upto":
                return choose(("0", "1", "3"))
            case "limit":
                return choose(("1", "2", "50", "200"))
            case "cursor":
                return choose([*self.cursors.values()] or ["eyJwIjoxfQ"])
            case "status":
                return choose(("waiting", "sent", "dead"))
            case "reason" | "active" | "overdue" | "unread" | "unacknowledged" | "failed":
                return choose(("true", "false"))
        if collection == "work" and name in ("by", "state"):
            return choose(("role", "team") if name == "by" else ("open", "done", "paused"))
        known = {
            "value": "+8613800138000",
            "sort": "-stage,id",
            "fields": "stage,id",
            "field": "stage",
            "order": "recorded",
            "topic": "record",
            "record": f"deals/dea_example{suffix}",
            "team": f"team_example{suffix}",
            "role": "seller",
            "stage": "lead",
            "owner": f"person/per_example{suffix}",
            "region": "east",
            "longer_than_days": "5",
            "replay": "0" * 64,
            "kind": "deal",
            "by": "owner",
            "period": "2026-03",
            "where": f"owner=person/per_example{suffix}",
            "cell": f"owner=person/per_example{suffix}",
            "number": "visits",
            "with": "dwell",
            "with_number": "ended",
            "with_kind": "deals",
            "component": "fresh",
            "format": "csv",
            "lang": "zh",
            "last": "2",
            "among": "true",
            "playbook": "desk",
            "verdict": "newly_refused",
            "assignee": f"person/per_example{suffix}",
            "person": f"person/per_example{suffix}",
            "template": "check",
            "chain": "price",
            "requirement": "field:amount",
            "name": "quiet",
            "why": "at capacity",
            "edge": "lead:offer",
            "reaction": "declined",
            "cause": "5",
            "never": "false",
            "waived": "true",
        }
        return known[name]


def _filled(template: str, path: str) -> dict[str, str]:
    """The values of the parameters of a path."""
    return {
        part[1:-1]: unquote(value)
        for part, value in zip(template.split("/"), path.split("/"), strict=True)
        if part.startswith("{")
    }


def address(plain: Plain) -> str:
    """The path of a request, percent-encoded."""
    path = plain.template
    for name, value in plain.path.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path
