"""Answers of the service, turned back into what people of the simulation hear."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from consumers.simulator.over_http.wire import Response
from domain.labels import Label
from domain.refusals import GateNotMet, Refusal, Unmet

REPLAYED = "idempotency-replayed"


class NotCarriedOut(Exception):
    """The service answered with a problem no simulated person can work off."""

    def __init__(self, status: int, code: str, body: Mapping[str, Any]) -> None:
        told = orjson.dumps(body).decode() if body else "no problem was told"
        super().__init__(f"{status} {code}: {told}")
        self.status = status
        self.code = code
        self.body = body


class GaveUp(Exception):
    """The service did not answer a command for longer than the client was patient, however often it was sent."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands, as an answer tells it. A refusal's event has no version a client needs."""

    position: int
    version: int = 0
    stream: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a command. `version` is that of its record afterwards, where it has one; `draft` the number of a draft that was kept."""

    outcome: Literal["accepted", "refused", "failed"]
    events: Sequence[Place] = ()
    refusal: Refusal | None = None
    error: Exception | None = None
    replayed: bool = False
    version: int | None = None
    draft: int | None = None


def told_by(response: Response, to_stage: str) -> Told:
    """Read an answer; `to_stage` is where the record was to go, which a refusal does not repeat."""
    replayed = response.headers.get(REPLAYED) == "true"
    try:
        found = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        found = None
    content: dict[str, Any] = found if isinstance(found, dict) else {}
    if response.status in {200, 201} and content.get("outcome") == "accepted":
        places = [
            Place(event["position"], event["version"], event["stream"], event["topic"])
            for event in content["events"]
        ]
        version, draft = content.get("version"), content.get("draft")
        return Told("accepted", places, replayed=replayed, version=version, draft=draft)
    code = str(content.get("code", ""))
    if response.status == 422 and code == "gate-not-met":
        unmet = [
            Unmet(item["id"], item["kind"], Label(zh=item["label"], en=item["label"]))
            for item in content["unmet"]
        ]
        places = [Place(content["position"])] if "position" in content else []
        return Told("refused", places, GateNotMet(to_stage, unmet), replayed=replayed)
    return Told("failed", error=NotCarriedOut(response.status, code, content), replayed=replayed)
