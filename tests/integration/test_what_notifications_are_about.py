"""Which deadline, work, approval or reaction a notification is about: in the inbox, on a terminal, and in what leaves the service."""

from datetime import datetime, timedelta

import orjson
import pytest
from support.deadlines import ANNA, DAY, DEAL, MONDAY, the_playbook
from support.sales import a_submission
from typer.testing import CliRunner

from commands.submission import NOW
from consumers.telling.describing import message_of
from consumers.telling.targets import Targets
from consumers.telling.webhook import request
from domain.erasure import EraseSubject
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import OpenRecord
from domain.values import moment_text
from domain.work.commands import DecideApproval, RequestApproval, RequestWork
from infra.cli.main import app
from infra.deadline_clock import let_time_pass
from projections.inbox import inbox
from projections.lists import Ask

CARA, BEN = "person/per_cara", "person/per_ben"
EVENING = MONDAY + timedelta(hours=9)


class Team:
    """Anna, whose deal it is, and Ben above her."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.do(PublishPlaybook(the_playbook()))
        self.do(FormTeam("north", "North", region="north"))
        self.do(AddPerson(CARA, "Cara", team="north", roles=("vp",)))
        self.do(AddPerson(BEN, "Ben", team="north", manager=CARA))
        self.do(AddPerson(ANNA, "Anna", team="north", manager=BEN, roles=("seller",)))
        self.do(OpenRecord(DEAL, {"topic": "x"}, stage="lead", owner=ANNA))

    def do(self, command, **about):
        return self.tenant.bus.submit(
            a_submission(command, **{"occurred_at": NOW, "told_time": MONDAY} | about)
        )

    def concerns(self, person, topic):
        """What the notifications of a topic are about, oldest first."""
        return [item["concerns"] for item in self.items(person, topic)]

    def items(self, person, topic):
        self.tenant.catch_up.run()
        items = inbox(self.tenant.reads, person.removeprefix("person/"), Ask()).data["items"]
        return [item for item in reversed(items) if item["topic"].startswith(topic)]

    def message(self, person, topic):
        """The last message of a topic as it would be sent."""
        told = self.items(person, topic)[-1]
        row = {name: told[name] for name in ("position", "topic", "reason", "at", "record")}
        row |= {"person": person, "at": datetime.fromisoformat(told["at"])}
        return message_of(self.tenant.reads, row, None)


@pytest.fixture
def team(a_tenant):
    return Team(a_tenant("about", clock="simulated", told_time=MONDAY))


def test_a_notification_says_which_deadline_at_which_rung_and_when_it_is_due(team):
    """Once every deadline read alike: "A deadline was noticed"."""
    let_time_pass(team.tenant, MONDAY + 10 * DAY)
    diagnosed = [told for told in team.concerns(ANNA, "deadline.noticed") if told["name"] == "diagnosed"]
    label, due = {"zh": "诊断", "en": "Diagnosed"}, moment_text(EVENING + DAY)
    assert diagnosed == [
        {"what": "deadline", "name": "diagnosed", "label": label, "rung": rung, "due_at": due}
        for rung in (0, 1)
    ]
    assert {(told["name"], told["rung"]) for told in team.concerns(CARA, "deadline")} == {("diagnosed", 3)}


def test_a_terminal_and_a_message_name_the_deadline_in_the_reader_s_language(
    team, monkeypatch, embedded_home
):
    let_time_pass(team.tenant, EVENING + DAY)
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))
    monkeypatch.setenv("DEALTRAIL_TENANT", team.tenant.name)
    due = f"{EVENING + DAY:%Y-%m-%d %H:%M} UTC"
    message = team.message(ANNA, "deadline.noticed")
    assert message.title("en") == f"A deadline was noticed 'Diagnosed', due {due}, rung 1: Deal dea_1"
    assert message.title("zh") == f"期限提醒“诊断”\uff0c{due} 到期\uff0c第 1 级\uff1a单 dea_1"
    hook = {
        "channel": "webhook",
        "url": "https://x.example/h",
        "secret": "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    }
    target = Targets.read(orjson.dumps({"crm": hook}).decode()).get("crm", "webhook")
    sent = orjson.loads(request(message, target, EVENING).body)["data"]
    assert sent["concerns"]["label"]["en"] == "Diagnosed"
    for language, words in (("en", ("'Diagnosed'", "rung 1")), ("zh", ("“诊断”", "第 1 级"))):
        shown = CliRunner().invoke(app, ["-l", language, "inbox", "per_anna"])
        assert shown.exit_code == 0, shown.output
        assert all(word in shown.output for word in words), shown.output
        assert f"{EVENING + DAY:%Y-%m-%d}" in shown.output


def test_a_notification_says_which_work_and_its_title_stays_in_the_inbox(team):
    """What somebody wrote about a customer does not leave the service, and is gone once it was erased."""
    team.do(RequestWork(DEAL, "wrk_1", "demo", assignee=BEN, title="给王总演示"), actor=ANNA)
    (told,) = team.concerns(BEN, "record.work-requested")
    assert told == {
        "what": "work", "id": "wrk_1", "name": "demo", "label": {"zh": "演示", "en": "Demo"},
        "title": "给王总演示", "due_at": moment_text(EVENING),
    }  # fmt: skip
    message = team.message(BEN, "record.work-requested")
    assert message.concerns == {**told, "title": None}
    assert message.title("en") == f"Work was asked 'Demo', due {EVENING:%Y-%m-%d %H:%M} UTC: Deal dea_1"
    assert "王总" not in message.title("zh")
    team.do(EraseSubject(DEAL))
    assert team.concerns(BEN, "record.work-requested") == [{**told, "title": None}]


def test_a_notification_says_which_level_of_which_approval(team):
    team.do(RequestApproval(DEAL, "apr_1", "discount"), actor=ANNA)
    (asked,) = team.concerns(BEN, "record.approval-requested")
    assert asked == {
        "what": "approval", "id": "apr_1", "name": "discount", "label": {"zh": "折扣", "en": "Discount"},
        "state": "running", "levels": [{"name": "head", "label": {"zh": "主管", "en": "Head"}}],
    }  # fmt: skip
    assert (
        team.message(BEN, "record.approval").title("en")
        == "An approval is asked 'Discount · Head': Deal dea_1"
    )
    team.do(DecideApproval(DEAL, "apr_1", "approved"), actor=BEN)
    (over,) = team.concerns(ANNA, "record.approval-decided")
    assert over == {**asked, "state": "approved"}


def test_what_its_topic_and_record_say_all_about_concerns_nothing_more(team):
    assert team.concerns(ANNA, "record.opened") == [None]
    assert team.message(ANNA, "record.opened").title("en") == "Opened: Deal dea_1"
