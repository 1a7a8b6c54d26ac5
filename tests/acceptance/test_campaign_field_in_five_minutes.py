"""Story 5, *campaign field in five minutes*: 推荐人手机号 on the order form, while the campaign is running.

What took ten working days: a field with a format, a hint and a lookup, used by everybody the moment it is published.
Everything goes over HTTP with a token, against `dealtrail serve` in a process of its own.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

import playbooks

PLAYBOOKS = Path(playbooks.__file__).parent
MEMBER_PHONE = "13800138000"


class Campaign:
    """The campaign's service, and a program of sales operations that holds a token for it."""

    def __init__(self, home: Path) -> None:
        self._environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self._environment |= {"DEALTRAIL_HOME": str(home), "PYTHONUNBUFFERED": "1"}
        self._keys = count(1)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.run("playbook", "publish", str(PLAYBOOKS / "campaign.yaml"))
        rights = [word for right in ("publish", "organise", "waive") for word in ("--rights", right)]
        token = self.run("token", "--actor", "system/operations", "--client", "campaign-desk", *rights)
        self.token = next(
            line for line in token.splitlines() if re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", line)
        )
        self.server = subprocess.Popen(
            [sys.executable, "-m", "infra.cli.main", "serve", "--port", str(self.port)],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.http.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                assert self.server.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)

    def run(self, *words: str) -> str:
        """Run a verb of the command line, as an operator would."""
        done = subprocess.run(
            [sys.executable, "-m", "infra.cli.main", *words],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Issue a command under a key of its own."""
        return self.http.post(
            path, json=body, headers={"Idempotency-Key": f"desk-{next(self._keys)}", **headers}
        )

    def done(self, path: str, body: Any) -> dict[str, Any]:
        """Issue a command that is accepted."""
        answer = self.post(path, body)
        assert answer.status_code in (200, 201), answer.text
        content: dict[str, Any] = answer.json()
        return content

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read what is there, in English."""
        answer = self.http.get(path, params=query, headers={"Accept-Language": "en"})
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def close(self) -> None:
        """End the service."""
        self.http.close()
        self.server.terminate()
        self.server.wait(30)


@pytest.fixture
def campaign() -> Iterator[Campaign]:
    """A running campaign: a member, a customer, and an order that was placed before anybody thought of referrers."""
    home = Path(tempfile.mkdtemp(prefix="dealtrail-story-"))
    home.chmod(0o755)
    service = Campaign(home)
    try:
        service.done(
            "/v1/members",
            {"id": "mem_mei", "fields": {"nickname": "梅子", "phone": MEMBER_PHONE, "level": "gold"}},
        )
        service.done(
            "/v1/customers",
            {"id": "cus_li", "fields": {"name": "李雷", "phone": "13900139000", "channel": "store"}},
        )
        service.done(
            "/v1/orders", {"id": "ord_old", "fields": {"customer": "customer/cus_li", "product": "starter"}}
        )
        yield service
    finally:
        service.close()
        shutil.rmtree(home, ignore_errors=True)


def test_story_5_campaign_field_in_five_minutes(campaign: Campaign) -> None:
    """Publish the field, use it at once on the order form, old records still valid, history complete."""
    draft_file = (PLAYBOOKS / "campaign.referrer.draft.yaml").read_text("utf-8")
    yaml = {"content": draft_file.encode(), "headers": {"Content-Type": "application/yaml"}}

    # Before: the order form does not know the field.
    assert "customer.referrer_phone" not in str(campaign.get("/v1/schemas/order"))
    unknown = campaign.post("/v1/orders", {"fields": {"customer.referrer_phone": MEMBER_PHONE}})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (
        422,
        "/fields/customer.referrer_phone",
    )

    # The five minutes: check, draft, publish.
    checked = campaign.http.post("/v1/playbooks/checks", **yaml)
    assert (checked.status_code, checked.json()["ok"]) == (200, True)
    yaml["headers"] |= {"Idempotency-Key": "draft-1"}
    draft = campaign.http.post("/v1/playbooks/campaign/drafts", **yaml)
    assert (draft.status_code, draft.json()["draft"]) == (201, 1)
    published = campaign.done(
        "/v1/playbooks/campaign/publications", {"draft": 1, "reason": "老带新活动要知道是谁推荐的"}
    )

    # At once, without a restart: the form has it, with its hint, its format and its lookup.
    schema = campaign.get("/v1/schemas/order", min_position=published["position"])
    assert "customer.referrer_phone" in str(schema["forms"])
    customer_schema = str(campaign.get("/v1/schemas/customer")["schema"]["properties"]["referrer_phone"])
    assert all(word in customer_schema for word in ("选填", "1[3-9][0-9]{9}", "nickname"))

    # The form looks the member up and shows the nickname; a number nobody has is not an error.
    found = campaign.get("/v1/lookups/customer/referrer_phone", value="138 0013 8000")
    assert (found["record"], found["shows"]["nickname"]["value"]) == ("member/mem_mei", "梅子")
    assert campaign.get("/v1/lookups/customer/referrer_phone", value="13700137000")["record"] is None

    # The phone is checked, and the refusal says what is expected, at its place in the form.
    wrong = campaign.post(
        "/v1/orders",
        {
            "fields": {
                "customer": "customer/cus_li",
                "product": "family",
                "customer.referrer_phone": "12345678",
            }
        },
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid-command")
    (error,) = wrong.json()["errors"]
    assert (error["pointer"], "mainland China" in error["message"]) == (
        "/fields/customer.referrer_phone",
        True,
    )

    # One command fills in the order and the customer, in one transaction.
    order = {"customer": "customer/cus_li", "product": "family", "customer.referrer_phone": MEMBER_PHONE}
    placed = campaign.done("/v1/orders", {"id": "ord_new", "fields": order})
    assert [event["stream"] for event in placed["events"]] == ["order/ord_new", "customer/cus_li"]
    customer = campaign.get("/v1/customers/cus_li", min_position=placed["position"])
    assert customer["fields"]["referrer_phone"] == MEMBER_PHONE
    assert customer["lookups"]["referrer_phone"]["shows"]["nickname"]["value"] == "梅子"

    # It is optional, and old records are still valid: the order from before moves on as if nothing had happened.
    campaign.done("/v1/orders/ord_old/touches", {"kind": "call", "note": "核对订单"})
    edited = campaign.http.patch(
        "/v1/orders/ord_old",
        json={"fields": {"quantity": 2, "amount": "399.00", "address": "上海市徐汇区"}},
        headers={"If-Match": '"2"'},
    )
    assert edited.status_code == 200, edited.text
    campaign.done("/v1/orders/ord_old/stage-changes", {"to": "confirmed"})

    # The history is complete: who filled it in, when, under which version; and who published it, when and why.
    (change,) = campaign.get("/v1/customers/cus_li/history", field="referrer_phone")["items"]
    assert (change["old"], change["new"], change["actor"]) == (None, MEMBER_PHONE, "system/operations")
    assert (change["playbook"], change["playbook_version"], change["channel"]) == ("campaign", 2, "http")
    versions = [
        event
        for event in campaign.get("/v1/events", topic="playbook.published")["items"]
        if event["payload"]["number"] == 2
    ]
    (publication,) = versions
    assert (publication["position"], publication["payload"]["draft"]) == (published["position"], 1)
    assert publication["reason"] == "老带新活动要知道是谁推荐的"

    # And the customer as of the moment before it was published has no such field at all.
    before = campaign.get("/v1/customers/cus_li", as_of=published["position"] - 1)
    assert "referrer_phone" not in before["fields"]

    # Five minutes instead of ten working days, by the log's own clock: from the draft to the first value.
    moments = [
        datetime.fromisoformat(event["recorded_at"])
        for event in campaign.get("/v1/events", limit=100)["items"]
        if event["topic"] == "playbook.drafted.v1" or event["position"] == placed["position"]
    ]
    assert moments[-1] - moments[0] < timedelta(minutes=5)
