"""What events are called in messages."""

from collections.abc import Mapping
from typing import Any

from domain.inbox.topics import beginnings

REASONS: Mapping[str, Mapping[str, str]] = {
    "owner": {"zh": "您现在是负责人", "en": "You are the owner now"},
    "work": {"zh": "与您的工作项有关", "en": "It is about work of yours"},
    "approval": {"zh": "与您的审批有关", "en": "It is about an approval of yours"},
    "deadline": {"zh": "一个期限需要您关注", "en": "A deadline needs your attention"},
    "pool": {"zh": "线索池没有找到负责人", "en": "A pool found nobody"},
    "alert": {"zh": "有事需要您处理", "en": "Something needs your attention"},
    "notice": {"zh": "有一条通知给您", "en": "You are to know of this"},
    "subscription": {"zh": "您订阅了此类事件", "en": "You subscribed to this"},
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "log": {"zh": "日志", "en": "The log"},
    "subject": {"zh": "个人数据已删除", "en": "Personal data was erased"},
    "organisation": {"zh": "组织变更", "en": "The organisation changed"},
    "playbook": {"zh": "打法手册变更", "en": "A playbook changed"},
    "playbook.published": {"zh": "打法手册已发布", "en": "A playbook was published"},
    "index": {"zh": "指数已结账", "en": "An index was closed"},
    "pool": {"zh": "线索池", "en": "The pool"},
    "pool.assigned": {"zh": "分配结果", "en": "Assignment"},
    "deadline": {"zh": "期限", "en": "Deadline"},
    "deadline.noticed": {"zh": "期限提醒", "en": "A deadline was noticed"},
    "deadline.acknowledged": {"zh": "期限已确认", "en": "A deadline was acknowledged"},
    "reaction": {"zh": "联动", "en": "A reaction"},
    "reaction.ran": {"zh": "联动已执行", "en": "A reaction ran"},
    "reaction.failed": {"zh": "联动失败", "en": "A reaction failed"},
    "reaction.retried": {"zh": "联动将重试", "en": "A reaction is tried again"},
    "reaction.alerted": {"zh": "系统通知", "en": "A reaction tells you something"},
    "record": {"zh": "记录有变更", "en": "A record changed"},
    "record.opened": {"zh": "新建", "en": "Opened"},
    "record.fields-changed": {"zh": "字段已修改", "en": "Fields changed"},
    "record.fields-confirmed": {"zh": "字段已确认", "en": "Fields confirmed"},
    "record.stage-changed": {"zh": "阶段变更", "en": "Stage changed"},
    "record.gate-overridden": {"zh": "关口被豁免", "en": "A gate was overridden"},
    "record.touched": {"zh": "新的触达", "en": "A touch"},
    "record.evidence-attached": {"zh": "新的证据", "en": "Evidence attached"},
    "record.owner-changed": {"zh": "负责人变更", "en": "Owner changed"},
    "record.move-refused": {"zh": "推进被拒绝", "en": "A move was refused"},
    "record.work-requested": {"zh": "新的工作项", "en": "Work was asked"},
    "record.work-reassigned": {"zh": "工作项已转交", "en": "Work was reassigned"},
    "record.work-rescheduled": {"zh": "工作项已改期", "en": "Work is due at another moment"},
    "record.work-completed": {"zh": "工作项已完成", "en": "Work was completed"},
    "record.work-declined": {"zh": "工作项被拒绝", "en": "Work was declined"},
    "record.work-cancelled": {"zh": "工作项已取消", "en": "Work was cancelled"},
    "record.approval-requested": {"zh": "请您审批", "en": "An approval is asked"},
    "record.approval-decided": {"zh": "审批有结果", "en": "An approval was decided"},
    "record.approval-recalled": {"zh": "审批已撤回", "en": "An approval was recalled"},
}
"""By the longest beginning of a topic that is named here."""


def words_of(topic: str) -> Mapping[str, str]:
    """Return what an event is called: by the longest beginning of its topic that has a name, else by the topic itself."""
    for word in reversed(beginnings(topic)):
        if word in WORDS:
            return WORDS[word]
    return {"zh": topic, "en": topic}


def happened(topic: str, concerns: Mapping[str, Any] | None, language: str) -> str:
    """Say in one line what happened: what the event is called and, where it is about a deadline, work, an approval or a reaction, which and when that is due."""
    said = words_of(topic)[language]
    if concerns is None:
        return said
    which = _quoted(_named(concerns, language), language)
    due = None if concerns.get("due_at") is None else f"{concerns['due_at'][:16].replace('T', ' ')} UTC"
    if concerns["what"] == "deadline":
        return _of_deadline(said, which, concerns["rung"], due, language)
    if due is None:
        return f"{said}{which}"
    return f"{said}{which}\uff0c{due} 到期" if language == "zh" else f"{said}{which}, due {due}"


def _of_deadline(said: str, which: str, rung: int, due: str | None, language: str) -> str:
    """Rung 0 is the warning: what is due then is still to come."""
    if language == "zh":
        when = "" if due is None else f"\uff0c{due} 到期"
        return f"{said}{which}{when}\uff0c" + ("预警" if rung == 0 else f"第 {rung} 级")
    when = "" if due is None else f", due {due}"
    return f"{said}{which}{when}, " + ("a warning" if rung == 0 else f"rung {rung}")


def _named(concerns: Mapping[str, Any], language: str) -> str:
    """The name of it, with what stands below it: the levels of an approval, the title of work."""
    names = [_label(concerns, language)]
    names += [_label(level, language) for level in concerns.get("levels", ())]
    names += [concerns["title"]] if concerns.get("title") is not None else []
    return " · ".join(names)


def _label(named: Mapping[str, Any], language: str) -> str:
    return str(named["name"] if named["label"] is None else named["label"][language])


def _quoted(name: str, language: str) -> str:
    return f"“{name}”" if language == "zh" else f" '{name}'"
