"""P18: any sequence of commands over HTTP, with keys used again, old versions, duplicates at once: the model and the service agree."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from support.sales import ALL_RIGHTS, ANNA, BEN, OPERATOR, Desk, TestClient

from commands.caller import Caller
from infra.asgi import build
from infra.settings import Settings

_numbers = count(1)


@dataclass
class Deal:
    """What the model knows of a record."""

    name: str
    version: int
    fields: dict[str, Any] = field(default_factory=dict)
    edits: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Said:
    """A command that was sent, and what it was answered with."""

    method: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    status: int
    content: bytes


VALUES = st.one_of(
    st.none(), st.sampled_from(["Pumps", "阀门", "' OR 1=1 --", "<b>x</b>", "  padded", "\u202ex", "", "{}"])
)
EDITS = st.dictionaries(st.just("topic"), VALUES, min_size=1) | st.fixed_dictionaries(
    {"heat": st.sampled_from(["cold", "warm", "hot", None, "boiling"])}
)


class Conversation(RuleBasedStateMachine):
    """Somebody who talks to the service, and remembers."""

    client: ClassVar[Any]
    tenant: ClassVar[Any]
    deals = Bundle("deals")
    said = Bundle("said")

    def __init__(self) -> None:
        super().__init__()
        self.known: list[Deal] = []
        self.head = self.tenant.log.head()

    def send(
        self,
        method: str,
        path: str,
        body: dict[str, Any],
        deal: Deal | None = None,
        version: int | None = None,
    ) -> tuple[Said, Any]:
        headers = {"Idempotency-Key": f"any-order-{next(_numbers)}"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        response = self.client.request(method, path, json=body, headers=headers)
        assert response.status_code < 500, response.text
        said = Said(method, path, body, headers, response.status_code, response.content)
        self._follow(response, deal)
        return said, response

    def _follow(self, response: Any, deal: Deal | None) -> None:
        """Every position an answer tells of follows the last one; a version grows by the events of its record."""
        answer = response.json()
        events = answer.get("events", []) if response.status_code < 400 else []
        positions = [event["position"] for event in events]
        if response.status_code == 422 and "position" in answer:
            positions = [answer["position"]]
        assert positions == list(range(self.head + 1, self.head + 1 + len(positions))), (
            "nobody else writes here"
        )
        self.head += len(positions)
        assert self.tenant.log.head() == self.head, "what was refused left nothing behind"
        if deal is not None:
            own = [event for event in events if event["stream"] == f"deal/{deal.name}"]
            assert [event["version"] for event in own] == list(
                range(deal.version + 1, deal.version + 1 + len(own))
            )
            deal.version += len(own)

    @rule(target=deals, fields=EDITS)
    def open(self, fields: dict[str, Any]) -> Any:
        _, response = self.send("POST", "/v1/deals", {"fields": fields})
        if response.status_code == 201:
            deal = Deal(response.json()["id"], 1, _stored(fields))
            self.known.append(deal)
            return deal
        assert response.status_code == 422
        return multiple()

    @rule(target=said, deal=deals, fields=EDITS)
    def edit(self, deal: Deal, fields: dict[str, Any]) -> Any:
        said, response = self.send("PATCH", f"/v1/deals/{deal.name}", {"fields": fields}, deal, deal.version)
        assert response.status_code == (422 if "boiling" in fields.values() else 200), response.text
        if response.status_code == 200:
            before = dict(deal.fields)
            deal.fields = _stored(deal.fields | fields)
            assert bool(response.json()["events"]) == (before != deal.fields)
            if response.json()["events"]:
                deal.edits.append(response.json()["position"])
        return said

    @rule(deal=deals, fields=EDITS)
    def edit_what_was_seen_long_ago(self, deal: Deal, fields: dict[str, Any]) -> None:
        """412 names the version there is now, and what was not seen."""
        _, response = self.send("PATCH", f"/v1/deals/{deal.name}", {"fields": fields}, deal, deal.version - 1)
        assert response.status_code == 412, response.text
        assert response.json()["current_version"] == deal.version
        _, response = self.send("PATCH", f"/v1/deals/{deal.name}", {"fields": fields}, deal, deal.version + 1)
        assert response.status_code == 412, response.text

    @rule(
        target=said,
        deal=deals,
        to=st.sampled_from(["lead", "offer", "won", "lost", "nowhere"]),
        amount=st.sampled_from([None, "5", "250"]),
    )
    def move(self, deal: Deal, to: str, amount: str | None) -> Any:
        body: dict[str, Any] = {"to": to} | ({} if amount is None else {"fields": {"amount": amount}})
        said, response = self.send("POST", f"/v1/deals/{deal.name}/stage-changes", body, deal)
        assert response.status_code in {200, 422, 404}, response.text
        return said

    @rule(target=said, deal=deals, note=st.sampled_from([None, "rang", "=cmd()"]))
    def touch(self, deal: Deal, note: str | None) -> Any:
        return self.send("POST", f"/v1/deals/{deal.name}/touches", {"kind": "call", "note": note}, deal)[0]

    @rule(target=said, deal=deals, other=deals, ends=st.booleans())
    def relate(self, deal: Deal, other: Deal, ends: bool) -> Any:
        path = f"/v1/deals/{deal.name}/relations" + ("/endings" if ends else "")
        return self.send("POST", path, {"relation": "follows", "to": f"deal/{other.name}"}, deal)[0]

    @rule(target=said, deal=deals, owner=st.sampled_from([ANNA, BEN, None, "person/nobody", "deal/x"]))
    def own(self, deal: Deal, owner: str | None) -> Any:
        return self.send("POST", f"/v1/deals/{deal.name}/owner-changes", {"owner": owner}, deal)[0]

    @rule(target=said, deal=deals, which=st.integers(0, 5), over=st.booleans())
    def restore(self, deal: Deal, which: int, over: bool) -> Any:
        change = deal.edits[which % len(deal.edits)] if deal.edits else which + 1
        said, response = self.send(
            "POST",
            f"/v1/deals/{deal.name}/restorations",
            {"change": change, "over_later_changes": over},
            deal,
        )
        if response.status_code == 200:
            deal.fields = self._fields(deal)
        return said

    @rule(said=said)
    def say_it_again(self, said: Said) -> None:
        """The same key and command: the same bytes, and nothing new in the log."""
        response = self.client.request(said.method, said.path, json=said.body, headers=said.headers)
        is_in_the_log = b'"position":' in said.content and b'"position":null' not in said.content
        if is_in_the_log:
            assert (response.status_code, response.content) == (said.status, said.content)
            assert self.tenant.log.head() == self.head
        else:
            self._follow(response, self._deal_of(said.path))
            if response.status_code < 300 and "/restorations" not in said.path:
                deal = self._deal_of(said.path)
                assert deal is not None
                deal.fields = self._fields(deal)

    @rule(said=said, other=st.sampled_from([{"reason": "another"}]))
    def say_something_else_under_the_same_key(self, said: Said, other: dict[str, Any]) -> None:
        """422 and its own code; a key whose command left nothing in the log is still free."""
        if said.status >= 300 or b'"position":null' in said.content:
            return
        response = self.client.request(said.method, said.path, json=said.body | other, headers=said.headers)
        assert response.status_code == 422, response.text
        assert response.json()["code"] == "idempotency-key-reused"
        assert self.tenant.log.head() == self.head

    @rule(deal=deals)
    def say_it_many_times_at_once(self, deal: Deal) -> None:
        """Duplicates that meet are one command."""
        headers = {"Idempotency-Key": f"any-order-{next(_numbers)}"}
        path = f"/v1/deals/{deal.name}/touches"
        with ThreadPoolExecutor(4) as threads:
            answers = list(
                threads.map(
                    lambda _: self.client.post(path, json={"kind": "call"}, headers=headers), range(4)
                )
            )
        assert len({(answer.status_code, answer.content) for answer in answers}) == 1
        self._follow(answers[0], deal)

    @rule(said=consumes(said))
    def forget(self, said: Said) -> None:
        """Not everything is said again."""

    def _deal_of(self, path: str) -> Deal | None:
        name = path.split("/")[3]
        return next((deal for deal in self.known if deal.name == name), None)

    def _fields(self, deal: Deal) -> dict[str, Any]:
        response = self.client.get(f"/v1/deals/{deal.name}?min_position={self.head}")
        assert response.status_code == 200, response.text
        record = response.json()
        assert record["version"] == deal.version
        assert response.headers["etag"] == f'"{deal.version}"'
        return _stored({name: value for name, value in record["fields"].items() if name in ("topic", "heat")})

    @invariant()
    def the_service_and_the_model_agree(self) -> None:
        """The last deal reads as the model has it, and its history folds to the same."""
        for deal in self.known[-2:]:
            fields = self._fields(deal)
            assert fields == deal.fields
            history = self.client.get(f"/v1/deals/{deal.name}/history?min_position={self.head}").json()[
                "items"
            ]
            folded: dict[str, Any] = {}
            positions = [change["position"] for change in history]
            assert positions == sorted(positions)
            for change in history:
                if change["field"] in ("topic", "heat"):
                    assert folded.get(change["field"]) == change["old"]
                    folded[change["field"]] = change["new"]
            assert _stored(folded) == fields


def _stored(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields as they are kept: texts without the blanks around them, nothing where there is no value."""
    cleaned = {name: value.strip() if isinstance(value, str) else value for name, value in fields.items()}
    return {name: value for name, value in cleaned.items() if value not in (None, "")}


@pytest.fixture
def conversation(a_tenant, tmp_path) -> Iterator[type[Conversation]]:
    """The machine, talking to a service of its own."""
    tenant = a_tenant("conversation", pool_size=10)
    Desk(tenant)
    own = Settings(
        _env_file=None,
        home=tmp_path,
        tenant="conversation",
        database_url=None,
        commands_per_second_per_client=1e9,
        command_burst_per_client=1_000_000_000,
    )
    with ExitStack() as closing:
        app = build(tenant, own, caller=Caller("conversation", "test", OPERATOR, rights=ALL_RIGHTS))
        client = closing.enter_context(TestClient(app))
        yield type("ConversationWithAService", (Conversation,), {"client": client, "tenant": tenant})


def test_any_order_of_commands_leaves_what_the_model_says(conversation):
    """Keys answer with the same bytes, versions only grow, what is refused leaves nothing, history folds to the present."""
    run_state_machine_as_test(
        conversation,
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
