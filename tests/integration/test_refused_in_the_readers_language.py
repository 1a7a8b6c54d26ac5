"""What is refused over HTTP is said in the language Accept-Language names, as the service itself answers it."""

import re
from datetime import timedelta

import pytest
from support.edge import keyed
from support.given import PLAYBOOKS
from support.sales import MORNING, TestClient, a_submission

from commands.caller import Caller
from commands.playbook_file import read_playbook
from domain.organisation.commands import AddPerson, FormTeam
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import OpenRecord
from domain.work.commands import CancelWork, ForkWork, PauseWork, RequestApproval, RequestWork
from infra.asgi import build
from infra.settings import Settings
from infra.tenant import open_tenant

SAM, EVE, LEA, FAY, OTTO = (f"person/per_{name}" for name in ("sam", "eve", "lea", "fay", "otto"))
DEAL, AT = "deal/dea_1", "/v1/deals/dea_1"
ENGLISH = re.compile("[a-z]{2,} [a-z]{2,}")


@pytest.fixture(scope="module")
def settings(embedded_home, a_fresh_name):
    return Settings(_env_file=None, home=embedded_home, database_url=None, tenant=a_fresh_name("told"))


@pytest.fixture(scope="module")
def served(settings, tmp_path_factory):
    """Settings of the service: its ledger stands in a folder of its own."""
    return settings.model_copy(update={"home": tmp_path_factory.mktemp("home")})


@pytest.fixture(scope="module")
def tenant(settings):
    """A deal with an estimate of Eve's that Sam asked for, supplements, a fork that runs, and an approval."""
    with open_tenant(settings, clock="simulated", told_time=MORNING) as tenant:

        def do(command, *, by="system/operator", **about):
            about = about if by.startswith("system/") else about | {"rights": frozenset()}
            tenant.bus.submit(a_submission(command, actor=by, told_time=MORNING, **about)).required()

        do(PublishPlaybook(read_playbook(PLAYBOOKS / "working.yaml")))
        do(FormTeam("office", "Head office"))
        for person, role in (
            (SAM, "seller"),
            (EVE, "engineer"),
            (LEA, "legal"),
            (FAY, "finance"),
            (OTTO, "officer"),
        ):
            do(AddPerson(person, person[11:].title(), team="office", roles=(role,)))
        do(OpenRecord(DEAL, {"amount": "100000", "discount": "8"}))
        do(RequestWork(DEAL, "wrk_e", "estimate", EVE), by=SAM)
        do(RequestWork(DEAL, "wrk_p", "terms", LEA), by=SAM)
        do(PauseWork(DEAL, "wrk_p", "customer"), by=LEA)
        do(RequestWork(DEAL, "wrk_c", "terms", LEA), by=SAM)
        do(CancelWork(DEAL, "wrk_c"), by=SAM, reason="not wanted")
        do(ForkWork(DEAL, "frk_1", "freeze"), by=SAM)
        do(RequestApproval(DEAL, "apr_1", "terms"), by=SAM)
        tenant.catch_up.run()
        yield tenant


@pytest.fixture(scope="module")
def ask(tenant, served):
    """Send a command as Otto, who has none of the work and asked for none, in a language; return what is wrong by its place."""
    caller = Caller(tenant.name, "test", OTTO, rights=frozenset())
    with TestClient(build(tenant, served, caller=caller)) as client:

        def asked(address, body, language="zh"):
            response = client.post(AT + address, json=body, headers=keyed() | {"Accept-Language": language})
            assert response.status_code == 422, response.text
            assert response.headers["content-language"] == language
            return {wrong["pointer"]: wrong["message"] for wrong in response.json()["errors"]}

        asked.client = client
        yield asked


SOON = (MORNING + timedelta(days=3)).isoformat()


@pytest.mark.parametrize(
    ("address", "body", "said"),
    [
        ("/work/wrk_e/reassignments", {"to": LEA}, {"": f"只有承办人 {EVE}、提出人 {SAM} 或承办人的上级可以转交他人"}),
        ("/work/wrk_e/cancellations", {"reason": "no"}, {"": f"只有提出人 {SAM} 或承办人 {EVE} 的上级可以取消"}),
        (
            "/work/wrk_e/reschedulings",
            {"due_at": SOON, "reason": "later"},
            {"": f"只有提出人 {SAM} 或承办人 {EVE} 的上级可以改期"},
        ),
        ("/work/wrk_e/completions", {}, {"": f"只有承办人 {EVE} 或其代理人可以操作"}),
        ("/work/wrk_c/reassignments", {"to": EVE}, {"": "不能再对此操作：它已被取消"}),
        (
            "/forks",
            {"name": "freeze", "id": "frk_2"},
            {"/name": f"'freeze' 已在进行（frk_1）：正在等待 technical（wrk_1_1，{EVE}），legal（wrk_1_2，{LEA}），finance（wrk_1_3，{FAY}）；请先完成或取消"},
        ),
        ("/forks", {"name": "freze"}, {"/name": "没有此并行任务"}),
        ("/work", {"template": "estimate", "fork": "frk_9", "leg": "legal"}, {"/fork": "此记录没有此并行任务"}),
        ("/work", {"template": "schedule"}, {"/assignee": "请指定人员：此模板不面向任何角色，无法据以找人"}),
        ("/work", {"template": "terms", "assignee": EVE}, {"/assignee": f"{EVE} 不担任角色 legal"}),
        ("/approvals", {"chain": "discount"}, {"/approvers/manager/manager": f"审批级 manager 需要 manager，而 {OTTO} 没有", "/approvers/joint/officer": "审批级 joint 需要角色 officer，而除提出人外没有在岗的人担任"}),
        ("/approvals/apr_1/recalls", {}, {"": f"只有提出人 {SAM} 可以撤回"}),
    ],
)  # fmt: skip
def test_work_is_refused_in_chinese(ask, address, body, said):
    """Who may reassign, cancel and reschedule, and what a fork waits for, was told to readers of Chinese in English."""
    assert ask(address, body) == said
    assert all(ENGLISH.search(told) for told in ask(address, body, "en").values())


def test_a_form_and_a_checklist_are_told_in_the_readers_own_words(tenant, served):
    """Both languages stood in each line, for readers of either."""
    caller = Caller(tenant.name, "test", EVE, rights=frozenset())
    with TestClient(build(tenant, served, caller=caller)) as client:

        def told(language):
            headers = keyed() | {"Accept-Language": language}
            answer = client.post(f"{AT}/work/wrk_e/completions", json={"fields": {}}, headers=headers)
            return {wrong["pointer"]: wrong["message"] for wrong in answer.json()["errors"]}

        assert told("zh") == {
            "/fields/person_days": "缺少：人天",
            "/fields/remark": "缺少：备注",
            "/evidence/spec": "记录上没有有效的 spec 证据",
            "/checklist/read": "尚未勾选：读规格",
            "/checklist/measured": "尚未勾选：实测",
            "/checklist/checked": "尚未勾选：合规核对",
        }
        assert told("en") == {
            "/fields/person_days": "Person-days is missing",
            "/fields/remark": "Remark is missing",
            "/evidence/spec": "no piece of spec that counts is attached to the record",
            "/checklist/read": "Specification read is not ticked yet",
            "/checklist/measured": "Measured on site is not ticked yet",
            "/checklist/checked": "Compliance checked is not ticked yet",
        }


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("/v1/metrics/dwell?kind=deal&period=2026-99", "周期可写月份 2026-03、季度 2026-Q1"),
        ("/v1/metrics/dwell?kind=deal&by=colour", "没有此维度；可选："),
        ("/v1/metrics/dwell?kind=deal&where=region", "应写成 维度=取值"),
        ("/v1/deals?sort=colour", "没有此字段；可选：'id'"),
        ("/v1/deals?amount.gt=5000&cursor=x", "这不是游标；请取自上一页的 'next'"),
        ("/v1/deals/dea_1?as_of=yesterday", "应为位置、日期（2026-01-31）或时间"),
    ],
)
def test_a_question_is_refused_in_chinese(ask, question, said):
    answer = ask.client.get(question, headers={"Accept-Language": "zh-CN"})
    assert answer.status_code == 400, answer.text
    assert any(said in wrong["message"] for wrong in answer.json()["errors"]), answer.text
    assert not ENGLISH.search(" ".join(wrong["message"] for wrong in answer.json()["errors"]))
