"""How entries of a timeline look on a terminal."""

from io import StringIO

import pytest
from rich.console import Console
from support.desk import an_empty_desk

from infra.cli import answers, measured_tables, render
from projections.footing import Footing

CONFIRMED = {
    "what": "confirmation",
    "fields": ["budget_confirmed", "expected_sign_on"],
    "labels": {"budget_confirmed": {"zh": "客户预算确认", "en": "Budget confirmed"}},
    "occurred_at": "2026-03-06T08:00:00Z",
    "actor": "person/per_anna",
    "actor_name": "Anna",
    "on_behalf_of": None,
    "reason": None,
    "playbook": "projects",
    "playbook_version": 1,
}


def visible(**figures):
    desk = an_empty_desk()
    return Footing(None, desk.log, desk.vault).lens().figures(**figures)


def shown(renderable):
    out = Console(file=StringIO(), width=140)
    out.print(renderable)
    return " ".join(out.file.getvalue().split())


def entry(what, **said):
    return CONFIRMED | {"what": what, "topic": f"record.{what}.v1"} | said


def printed(*entries, language):
    desk = an_empty_desk()
    lens = Footing(None, desk.log, desk.vault).lens()
    out = Console(file=StringIO(), width=140)
    out.print(
        answers.timeline(lens.figures(items=list(entries), names={}, next=None, as_of_position=1), language)
    )
    return out.file.getvalue()


@pytest.mark.parametrize(
    ("language", "told"), [("en", "confirmation  Budget confirmed, expected_sign_on"), ("zh", "确认  客户预算确认, expected_sign_on")]
)  # fmt: skip
def test_a_confirmation_names_what_still_holds(language, told):
    """By the labels of the fields; a field no playbook knows any more by its name."""
    assert told in printed(CONFIRMED, language=language)


ESTIMATE = {"zh": "工作量评估表", "en": "Effort estimate"}


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "work declined Effort estimate; “no drawings”"),
        ("zh", "谢绝工作 工作量评估表; “no drawings”"),
    ],
)
def test_an_entry_of_work_says_which_work_it_is_about(language, told):
    """Only the request names the template; before, all later entries of several works in parallel read the same, and were topics."""
    asked = entry("work-requested", work="wrk_1", template="estimate", label=ESTIMATE, assignee="person/per_bo", assignee_name="Bo")  # fmt: skip
    text = printed(asked, entry("work-declined", work="wrk_1", note="no drawings"), language=language)
    assert told in " ".join(text.split())
    assert f"{ESTIMATE[language]}; Bo" in text


def test_an_entry_of_an_approval_says_which_level_decided_what():
    """Before, it was the topic of the event and nothing else: the chain could not be explained on the command line."""
    levels = [
        {"name": "manager", "approvers": {"manager": "person/per_bo"}},
        {"name": "board", "approvers": {}},
    ]
    text = printed(
        entry("approval-requested", approval="apr_1", chain="special_price", levels=levels),
        entry("approval-decided", approval="apr_1", level="board", role="finance", decision="rejected", back_to="manager", comment="why?"),
        entry("approval-decided", approval="apr_1", level="manager", role="manager", decision="approved"),
        language="en",
    )  # fmt: skip
    assert "approval requested  special_price; manager → board" in text
    assert "approval decided    special_price; board / finance: rejected; back to manager; “why?”" in text
    assert "approval decided    special_price; manager: approved" in text


def test_a_number_and_its_share_stand_under_different_names():
    """`late` and `late_percent` both stood under `late`."""
    numbers = {
        "late": {"zh": "迟", "en": "Late"},
        "late_percent": {"zh": "迟到率（%）", "en": "Late in percent"},
        "rate_percent": {"zh": "比率（%）", "en": "Rate in percent"},
    }
    cell = {"cell": {}, "late": 99, "late_percent": "43.6", "rate_percent": "5"}
    answer = visible(numbers=numbers, items=[cell], names={})
    assert (
        shown(measured_tables.table_of(answer, (), tuple(numbers), "en"))
        == "late late percent rate 99 43.6 % 5.0 %"
    )


@pytest.mark.parametrize(
    ("following", "told"), [(7, "more: --after 7"), ("eyJw", "more: --cursor eyJw"), (None, "position 9")]
)
def test_the_next_page_is_asked_for_as_the_verb_takes_it(following, told):
    """Events go on after a position, lists at a cursor: `work` told `--after`, which it does not know."""
    assert render.based_on({"as_of_position": 9, "next": following}, "en").plain.endswith(told)


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "visits mean business mean 2 1 h 30 min 1 working h"), ("zh", "停留次数 平均停留 平均停留（工作时间） 2 1 小时 30 分 1 工作小时")],
)  # fmt: skip
def test_numbers_of_a_metric_are_called_in_the_readers_language(language, told):
    """By the labels of its contract, without the unit, which stands in each figure; they were ids in either language."""
    numbers = {
        "visits": {"zh": "停留次数", "en": "Visits"},
        "mean_seconds": {"zh": "平均停留（秒）", "en": "Mean stay in seconds"},
        "business_mean_seconds": {"zh": "平均停留（工作秒）", "en": "Mean stay in working seconds"},
    }
    cell = {"cell": {}, "visits": 2, "mean_seconds": "5400", "business_mean_seconds": "3600"}
    answer = visible(numbers=numbers, items=[cell], names={})
    assert shown(measured_tables.table_of(answer, (), tuple(numbers), language)) == told


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "Red, broken, capped: Too little done 40.0 (5)"), ("zh", "红, 断裂, 封顶: 做得太少 40.0 (5)")],
)
def test_a_value_of_an_index_says_what_capped_it_by_its_label(language, told):
    """It was the id of the cap, beside English words in either language."""
    component = {"score": "40", "judged": 5}
    item = {"cell": {}, "value": "40", "band": "red", "broken": True, "capped_by": "low", "components": {"done": component}}  # fmt: skip
    answer = visible(
        index="health", label={"zh": "健康度", "en": "Health"}, items=[item], names={},
        parts={"done": {"label": {"zh": "完成", "en": "Done"}}},
        bands={"red": {"label": {"zh": "红", "en": "Red"}}},
        caps={"low": {"label": {"zh": "做得太少", "en": "Too little done"}}},
    )  # fmt: skip
    text = shown(measured_tables.values_table(answer, language))
    assert told in text
    assert ("(judged)" in text) == (language == "en")


BEN = "person/per_ben"


@pytest.mark.parametrize(("language", "told"), [("en", "Anna (for Ben)"), ("zh", "Anna (代 Ben)")])
def test_whom_somebody_acted_for_is_named(language, told):
    """It was the id of a person, after an English "for"."""
    moment = "2026-03-01T08:00:00.000000Z"
    event = {
        "position": 7, "recorded_at": moment, "occurred_at": moment, "stream": "deal/dea_1", "topic": "record.touched.v1",
        "actor": "person/per_anna", "actor_name": "Anna", "on_behalf_of": BEN, "payload": {}, "reason": None,
    }  # fmt: skip
    answer = visible(items=[event], as_of_position=7)
    assert told in shown(render.events(answer, language, {BEN: "Ben"}))
    assert BEN in shown(render.events(answer, language))


def test_an_absence_names_the_stand_in_and_the_zone():
    """It showed the id of a person and moments to the microsecond."""
    changes = (
        "joined", "left", "moved", "roles_granted", "roles_revoked", "skills_set", "absences_ended", "delegations_given", "delegations_ended",
        "teams_formed", "teams_changed",
    )  # fmt: skip
    absence = {
        "name": "Anna", "begins": "2026-07-04T16:11:59.000000Z", "ends": "2026-07-18T16:10:59.000000Z", "stand_in": BEN, "positions": [9],
    }  # fmt: skip
    answer = visible(
        **{name: [] for name in changes},
        absences_noted=[absence],
        from_position=1,
        to_position=9,
        as_of_position=9,
    )
    told = shown(answers.difference(answer, "zh", {BEN: "Ben"}))
    assert "开始: 2026-07-04 16:11 UTC; 结束: 2026-07-18 16:10 UTC; 代理人: Ben" in told
