"""The words of the report in both languages, and how it spells amounts, moments and durations."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from infra.http.language import Language

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60

_BOTH: Mapping[str, tuple[str, str]] = {
    "title": ("What would this draft have done?", "如果当时就用这份草案，会发生什么？"),
    "draft": ("draft", "草案"),
    "from_a_file": ("a draft that is not kept yet", "尚未保存的草案"),
    "simulated": ("This log is simulated: its times are told, not measured.", "这是模拟日志：其中的时间是设定的，不是测得的。"),
    "law": ("Does the replay tell the truth?", "回放可信吗？"),
    "reproduces": ("reproduces", "在当时生效的规则下，"),
    "of": ("of", "/"),
    "recorded_decisions": ("recorded decisions under the rules that were in force", "条已记录的决定得到重现"),
    "erased": ("hang on values that were erased", "条取决于已抹除的值"),
    "different": (
        "come out differently, which must not be; at positions",
        "条结果不同，这不应发生；日志位置",
    ),
    "caveat": ("How to read this", "如何理解"),
    "nothing_written": ("Nothing live was changed by this replay.", "本次回放未改变任何在用数据。"),
    "totals": ("What changes", "有哪些变化"),
    "judged": ("decisions judged", "判定的决定"),
    "unchanged": ("unchanged", "不变"),
    "newly_refused": ("newly refused", "新增拒绝"),
    "newly_allowed": ("newly allowed", "新增放行"),
    "not_judgeable": ("not judgeable", "无法判定"),
    "waived": ("with a requirement waived", "有豁免"),
    "records": ("records", "记录"),
    "people": ("people", "人员"),
    "decisions": ("decisions", "决定"),
    "draft_says": ("The draft against the version in force", "草案与生效版本对照"),
    "against_version": ("Compared with version", "对照版本"),
    "against_nothing": ("No version was in force, so all of it is new.", "当时没有生效的版本，因此全部是新的。"),
    "no_changes": ("The draft says the same as the version in force.", "草案与生效版本内容相同。"),
    "part_gates": ("Gates: what moves ask", "关口：阶段变更的要求"),
    "part_fields": ("Fields", "字段"),
    "part_indices": ("Indices: components, weights, thresholds", "指数：分项、权重、阈值"),
    "part_other": ("Everything else", "其他"),
    "part_words": ("Wording only", "仅措辞"),
    "where": ("where", "位置"),
    "says_now": ("in force", "生效版本"),
    "says_draft": ("draft", "草案"),
    "absent": ("(not there)", "（没有）"),
    "open_it": ("to open it", "如何展开"),
    "last_period": ("last period:", "最近周期："),
    "most_moved": ("Those that move most, of all periods", "各周期中变动最大的"),
    "other_periods": ("The other periods", "其他周期"),
    "recorded": ("recorded", "记录时间"),
    "log_began": ("The log began on", "日志开始于"),
    "no_earlier": (": the window reaches no further back, whatever was asked for.", "：无论要求多早，窗口都不会早于此。"),
    "rules": ("Which requirements make the difference", "哪些要求造成差异"),
    "requirement": ("requirement", "要求"),
    "verdict": ("verdict", "结论"),
    "held_up": ("held up, median", "延后中位数"),
    "never": ("never met in the log", "日志中始终未满足"),
    "delays": ("How long moves would have been held up", "阶段变更会被延后多久"),
    "delays_text": (
        "From the move that was refused to the first moment at which the draft's gate for that very move would have been met, as far as the log shows. It is asked again after each later change of the record, so a gate that time alone meets is found met at the next one.",
        "从被拒绝的阶段变更，到按日志所示草案对该变更的关口首次得到满足的时刻。每当记录后来有变化就再问一次，所以仅靠时间就能满足的关口要到下一次变化时才算满足。",
    ),
    "edges": ("Which moves are concerned", "涉及哪些阶段变更"),
    "from": ("from", "从"),
    "to": ("to", "到"),
    "opening": ("(opening)", "（新建）"),
    "who": ("Who is concerned", "涉及哪些人"),
    "owner": ("who answers for the record", "记录负责人"),
    "nobody": ("nobody", "无人"),
    "indices": ("Which indices move, and why", "哪些指数变动，原因何在"),
    "no_index": (
        "A version for a scope changes no index: indices are measured as the version for everybody says.",
        "限定范围的版本不改变任何指数：指数按面向全体的版本衡量。",
    ),
    "index": ("index", "指数"),
    "period": ("period", "周期"),
    "cells_changed": ("cells changed", "个单元有变化"),
    "stop": (".", "。"),
    "cell": ("whose", "对象"),
    "before": ("before", "之前"),
    "after": ("after", "之后"),
    "delta": ("change", "变化"),
    "reasons": ("because of", "原因"),
    "law_of_subject": (
        "Under the published rules the replay says again {reproduced} of {decisions}.",
        "按当时发布的规则，回放重现了 {decisions} 个中的 {reproduced} 个。",
    ),
    "different_of_subject": ("come out differently, which must not be", "个结果不同，这不应发生"),
    "deadlines": ("Deadlines and escalations", "期限与升级"),
    "approvals": ("Approvals", "审批"),
    "assignment": ("Assignment", "分配"),
    "reactions": ("Reactions", "联动"),
    "name": ("name", "名称"),
    "was": ("was", "原来"),
    "would": ("would be", "将会"),
    "gone": ("gone", "减少"),
    "new": ("new", "新增"),
    "changed": ("changed", "改变"),
    "person": ("person", "人员"),
    "count": ("how many", "数量"),
    "unknown_part": ("What cannot be judged, and why", "哪些无法判定，为什么"),
    "unknown_text": (
        "A requirement that asks for what nobody knew, or no playbook asked for, at that moment is counted here, never as a refusal.",
        "如果要求的内容当时无人知晓，或当时的打法手册并未要求，则计入此处，绝不算作拒绝。",
    ),
    "why": ("why", "原因"),
    "reproduce": ("What was asked, and how to ask it again", "回放了什么，如何再次回放"),
    "replay": ("replay", "回放"),
    "digest": ("digest of the draft", "草案摘要"),
    "window": ("decisions after position … up to", "决定的日志位置区间"),
    "scope": ("scope", "适用范围"),
    "everything": ("all records", "全部记录"),
    "everybody": ("all", "全部"),
    "position": ("position of the log", "日志位置"),
    "playbook": ("playbook", "打法手册"),
    "again": ("Asked again, this gives the same result:", "再次执行会得到同样的结果："),
    "nothing": ("nothing", "无"),
    "picture_of": ("Chart of the table below", "下表的图示"),
    "unknown": ("unknown", "未知"),
    "by_owner": ("owner", "负责人"),
    "by_team": ("team", "团队"),
    "by_region": ("region", "区域"),
    "by_step": ("step", "步骤"),
    "by_stage": ("stage", "阶段"),
    "by_record": ("record", "记录"),
    "by_period": ("period", "周期"),
}  # fmt: skip

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {name: both[0] for name, both in _BOTH.items()},
    "zh": {name: both[1] for name, both in _BOTH.items()},
}

_WHATS: Mapping[str, tuple[str, str]] = {
    "score": ("another score", "得分变化"),
    "weight": ("another weight", "权重变化"),
    "band": ("another band", "档位变化"),
    "cap": ("a cap", "封顶"),
    "added": ("a new component", "新增分项"),
    "removed": ("a component is gone", "移除分项"),
}
_WHYS: Mapping[str, tuple[str, str]] = {
    "not_known_then": ("nobody knew it, or no playbook asked for it, at that moment", "当时无人知晓，或当时的打法手册并未要求"),
    "not_in_draft": ("the draft does not have what was attempted", "草案中没有当时所尝试的内容"),
    # deadlines
    "due later": ("due later", "到期推后"),
    "due earlier": ("due earlier", "到期提前"),
    "told others": ("other people would be told", "通知的人不同"),
    "told higher up": ("would be told at a higher rung", "会在更高的阶梯级通知"),
    "told higher up then": ("was told at a higher rung", "当时在更高的阶梯级通知"),
    "not armed": ("would not begin to run", "不会开始计时"),
    "not armed then": ("did not run then", "当时没有计时"),
    "no such deadline": ("the draft has no such deadline", "草案没有这个期限"),
    "no such deadline then": ("there was no such deadline", "当时没有这个期限"),
    "no such rung": ("the draft's ladder has no such rung", "草案的阶梯没有这一级"),
    "no such rung then": ("the ladder had no such rung", "当时的阶梯没有这一级"),
    "paused": ("time would stand still", "期间暂停计时"),
    "paused then": ("time stood still", "当时暂停计时"),
    "nobody knew the date": ("nobody knew the date", "当时没有人知道日期"),
    "the date is erased": ("the date is erased", "日期已抹除"),
    "the clock was not there": ("the clock did not look", "当时时钟没有运行"),
    "no such step": ("the draft has no such step", "草案没有这个步骤"),
    "no such step then": ("there was no such step", "当时没有这个步骤"),
    "no such touch then": ("there was no such kind of touch", "当时没有这种触达"),
    "no such work then": ("there was no such work template", "当时没有这个工作模板"),
    "no such approval then": ("there was no such approval chain", "当时没有这条审批链"),
    "no such field then": ("there was no such field", "当时没有这个字段"),
    "no such kind": ("the draft has no such kind", "草案没有这种记录"),
    # approvals
    "another person": ("another person would be asked", "会问另一个人"),
    "another quorum": ("another quorum", "会签人数不同"),
    "another order": ("another order of levels", "审批级的顺序不同"),
    "another time limit": ("another time limit", "时限不同"),
    "level asked": ("the level would be asked", "会问这一级"),
    "level not asked": ("the level would not be asked", "不会问这一级"),
    "role asked": ("the role would be asked", "会问这个角色"),
    "role not asked": ("the role would not be asked", "不会问这个角色"),
    "no such chain": ("the draft has no such chain", "草案没有这条审批链"),
    "chain does not apply": ("the chain does not apply", "这条审批链不适用"),
    "nobody to ask": ("there is nobody to ask", "没有可以问的人"),
    "no level asked": ("no level would be asked", "没有一级会问"),
    "reads what nobody recorded": ("a rule reads what nobody recorded", "规则读取的内容当时没有记录"),
    # reactions
    "no such reaction": ("the draft has no such reaction", "草案没有这条联动"),
    "new reaction": ("a new reaction", "新的联动"),
    "waits for something else": ("it would wait for something else", "触发事件不同"),
    "waited for something else": ("it waited for something else", "当时的触发事件不同"),
    "condition does not hold": ("its condition does not hold", "条件不成立"),
    "condition holds": ("its condition holds", "条件成立"),
    "other steps": ("other steps", "步骤不同"),
    # assignment
    "at capacity": ("at capacity", "已满额"),
    "daily limit": ("daily limit reached", "已达每日上限"),
    "not in scope": ("not in scope", "不在范围内"),
    "away": ("away", "缺勤"),
    "left": ("left the company", "已离职"),
    "had it": ("had it already", "之前已是负责人"),
    "lower": ("others come first", "他人优先"),
    "nothing closed": ("closed nothing yet", "尚无结案"),
    "not a candidate": ("is no candidate", "不是候选人"),
    "passed on": ("passed on to another pool", "转给了另一个池"),
    "not passed on": ("not passed on", "没有转出"),
    "fallback": ("fallback", "兜底"),
    "owned already": ("somebody would own it already", "已有负责人"),
    "ended": ("it would have ended", "已经结束"),
    "no pool": ("no pool is for it", "没有对应的池"),
    "not asked again": ("would not be tried again", "不会再次尝试"),
    "enters": ("it would enter the pool", "会进入这个池"),
    "tried again": ("it would be tried again", "会再次尝试"),
    "not known then": ("not known then", "当时未知"),
    "erased": ("erased", "已抹除"),
}  # fmt: skip

_MEMBERS: Mapping[str, tuple[str, str]] = {
    "rule": ("rule", "规则"),
    "when": ("applies when", "适用条件"),
    "measure": ("what is measured", "度量"),
    "type": ("type", "类型"),
    "fields": ("fields", "字段"),
    "evidence": ("evidence", "证据"),
    "weight": ("weight", "权重"),
    "counted": ("what is counted", "统计对象"),
    "broken_below": ("broken below", "断裂线"),
    "baseline_hours": ("baseline", "基线"),
    "points": ("points taken off a step", "每步扣分"),
    "step_percent": ("over the baseline, a step", "每步超出基线"),
    "step": ("which steps count", "步的计法"),
    "within_days": ("within", "期限内"),
    "within_hours": ("within", "时限"),
    "full_at_percent": ("full score from", "满分线"),
    "target": ("target", "目标次数"),
    "at_least": ("band begins at", "档位起点"),
    "component": ("component", "分项"),
    "below": ("while the score is below", "得分低于"),
    "at_most": ("total at most", "总分上限"),
    "longer_than_days": ("stuck after", "滞留超过"),
    "after_hours": ("time allowed", "时长"),
    "by": ("counted by", "计时方式"),
    "warn_percent": ("warning at", "预警点"),
    "respond_within_hours": ("to be answered within", "响应时限"),
    "complete_within_hours": ("to be done within", "完成时限"),
    "quorum": ("how many must approve", "会签人数"),
    "roles": ("roles", "角色"),
    "order": ("order of levels", "审批级顺序"),
    "capacity": ("capacity", "满额"),
    "required": ("required", "必填"),
    "currency": ("currency", "币种"),
    "unit": ("unit", "单位"),
    "period": ("period", "周期"),
    "label": ("label", "名称"),
    "why": ("why", "原因"),
    "hint": ("hint", "提示"),
    "ladder": ("ladder", "升级阶梯"),
    "go_live": ("holds from", "生效时间"),
    "stages": ("stages", "阶段"),
    "requests": ("requests", "请求"),
    "work": ("work", "工作项"),
    "touches": ("touches", "触达"),
    "actions": ("actions", "动作"),
    "into": ("into", "进入的步骤"),
}  # fmt: skip
"""What the members of a playbook are called that a draft may change; one that is not here is called as the file has it."""

_UNITS: Mapping[str, tuple[str, str]] = {
    "_hours": (" h", " 小时"),
    "_days": (" days", " 天"),
    "_percent": (" %", " %"),
    "points": (" points", " 分"),
    "at_least": (" points", " 分"),
    "below": (" points", " 分"),
    "at_most": (" points", " 分"),
    "broken_below": (" %", " %"),
}
"""The units of numbers, by how their members end; the longest ending counts. A weight and a count have none."""


def where(change: Mapping[str, Any], language: Language) -> str:
    """Spell the labels that lead to a changed place, and which member of the last one it is."""
    names = [told(label, None, language) for label in change["labels"]]
    last = member(change["member"], language)
    return " › ".join(names if last is None else [*names, last])


def member(name: str | None, language: Language) -> str | None:
    """Say which member of a playbook a change is of; None for something that is new or gone as a whole."""
    if name is None:
        return None
    both = _MEMBERS.get(name)
    return name.replace("_", " ") if both is None else both[language == "zh"]


def side(change: Mapping[str, Any], which: str, language: Language) -> str | None:
    """Say what a version has at a changed place: a number with its unit; of something new or gone what says most, by its name. None where there is nothing."""
    text, name = change[which], change["member"]
    if text is None:
        return None
    if name is None:
        told_by, colon, rest = text.partition(": ")
        if colon and told_by in _MEMBERS:
            return (
                f"{_MEMBERS[told_by][1]}\uff1a{rest}"
                if language == "zh"
                else f"{_MEMBERS[told_by][0]}: {rest}"
            )
        return str(text)
    ending = max((end for end in _UNITS if name.endswith(end)), key=len, default=None)
    return text + _UNITS[ending][language == "zh"] if ending is not None and _is_number(text) else str(text)


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def program_for(tenant: str | None) -> str:
    """Begin a command that somebody is to copy: with the tenant, where it is known. Its name needs no quoting."""
    return "dealtrail" if tenant is None else f"dealtrail --tenant {tenant}"


def told(labels: Mapping[str, str] | None, name: str | None, language: Language) -> str:
    """Return a label in a language; where there is none, the name itself."""
    if labels is not None:
        return labels[language]
    return "—" if name is None else name


def amount(number: int | str | None) -> str:
    """Spell a whole number with separators; a decimal text as it is; what is unknown as a dash."""
    if number is None:
        return "—"
    return f"{number:,}" if isinstance(number, int) else number


def duration(seconds: int | None, language: Language) -> str:
    """Spell a duration in its two largest units; what is unknown as a dash."""
    if seconds is None:
        return "—"
    units = ((_DAY, "d", "天"), (_HOUR, "h", "小时"), (_MINUTE, "min", "分"), (1, "s", "秒"))
    parts: list[str] = []
    left = abs(seconds)
    for size, en, zh in units:
        count, left = divmod(left, size)
        if count and len(parts) < 2:
            parts.append(f"{count} {zh if language == 'zh' else en}")
    return ("−" if seconds < 0 else "") + (" ".join(parts) or "0 s")


def moment(text: str | None) -> str:
    """Spell a moment to the minute, in UTC."""
    return "—" if text is None else f"{text[:16].replace('T', ' ')} UTC"


def why(text: str | None, language: Language) -> str:
    """Say why something cannot be judged."""
    spoken = text or ""
    if spoken.startswith("was ") and spoken[4:] in _WHYS:
        before = why(spoken[4:], language)
        return f"当时：{before}" if language == "zh" else f"then: {before}"
    both = _WHYS.get(spoken)
    if both is None:
        return (text or "—").replace("_", " ")
    return both[1] if language == "zh" else both[0]


def reason(item: Mapping[str, Any], language: Language) -> str:
    """Say one reason why an index moved: which component, what about it, from what to what, and by how much that moves the index."""
    both = _WHATS.get(str(item.get("what")), (str(item.get("what")), str(item.get("what"))))
    text = both[1] if language == "zh" else both[0]
    if item.get("component") is not None:
        # A band or a cap is of the index as a whole.
        text = f"{told(item.get('component_label'), item['component'], language)}: {text}"
    if item.get("before") is not None or item.get("after") is not None:
        text += f" {_side(item, 'before', language)} → {_side(item, 'after', language)}"
    if item.get("effect") is not None:
        text += f" ({points(item['effect'], signed=True)})"
    return text


def _side(item: Mapping[str, Any], side: str, language: Language) -> str:
    """One side of a change: a band or a cap by its label, anything else as points."""
    labels = item.get(f"{side}_label")
    return points(item.get(side)) if labels is None else told(labels, None, language)


def points(value: Any, *, signed: bool = False) -> str:
    """Spell points of an index with one decimal; a weight as it stands, a word as it is."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return amount(value)
    text = f"{number:,.1f}" if signed or number != number.to_integral_value() else f"{number:,.0f}"
    return f"+{text}" if signed and number > 0 else text.replace("-", "−")
