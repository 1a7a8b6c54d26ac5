"""The sentences about single values in Chinese: those any form may meet, known by how they read in English.

Messages are made in the domain, which knows no reader. What is not listed here stays in English: said in one language is better than
said wrong.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from commands.playbook_in_chinese import THINGS, playbook_in_chinese, with_names

_AS_THEY_ARE: Final[Mapping[str, str]] = {
    "this member is missing": "缺少此成员",
    "this is required": "此项必填",
    "a text is expected": "应为文本",
    "a whole number is expected": "应为整数",
    "true or false is expected": "应为 true 或 false",
    "a list is expected": "应为列表",
    "an object is expected": "应为对象",
    "there is no such member here": "此处没有此成员",
    "who issues a command is told by the token, never in the body": "由谁发出命令以令牌为准，不写在正文中",
    "this is for the log to tell, not for whoever issues a command": "此项由日志给出，不由发出命令的人填写",
    "a number is written as a whole number or as a text such as 12.50 in quotation marks; a number with a point could lose digits on its way":
        "数字须写成整数，或带引号的文本（如 12.50）；带小数点的数字在传输中可能丢失位数",
    "name at least one field": "请至少指定一个字段",
    "this is not an option of the field": "不是该字段的选项",
    "one option is expected": "应为一个选项",
    "a list of options is expected": "应为选项列表",
    "an option is named twice": "有选项重复",
    "the text contains NUL or a lone surrogate": "文本含有 NUL 或孤立代理项",
    "a number is expected, as a whole number or a decimal text": "应为数字：整数或小数文本",
    "this is not a number": "不是数字",
    "the number is out of range (less than 10^15)": "数字超出范围（须小于 10^15）",
    "money is an object with 'amount' and 'currency'": "金额须为含 'amount' 和 'currency' 的对象",
    "An amount is written in plain digits such as 1234.50, not ….": "金额须写成普通数字，如 1234.50",
    "a date without a time is expected": "应为不含时间的日期",
    "a date is expected, as 2026-01-31": "应为日期，如 2026-01-31",
    "a moment is expected, as 2026-01-31T08:00:00+08:00": "应为时间，如 2026-01-31T08:00:00+08:00",
    "a moment with its offset is expected, as 2026-01-31T08:00:00+08:00": "应为带时区偏移的时间，如 2026-01-31T08:00:00+08:00",
    "the moment needs its offset, as 2026-01-31T08:00:00+08:00": "时间须带时区偏移，如 2026-01-31T08:00:00+08:00",
    "the moment needs its offset": "时间须带时区偏移",
    "the moment is outside the years 1 to 9999 in UTC": "时间超出 UTC 的 1 年至 9999 年",
    "this has not happened yet": "此事尚未发生",
    "a phone number is expected, as +86 138 0013 8000": "应为电话号码，如 +86 138 0013 8000",
    "an e-mail address is expected, as name@example.com": "应为电子邮件地址，如 name@example.com",
    "this is not an active person": "不是在职人员",
    "this cannot be empty": "不能为空",
    "an id is expected: printable, without spaces and slashes": "应为 id：可打印字符，不含空格和斜线",
    "evidence is attached, not edited: attach a file to this field": "证据须上传，不能编辑：请为此字段上传文件",
    "a record is not related to itself; name another one": "记录不能与自身关联；请指定另一条记录",
    "there is no such field": "没有此字段",
    "there is no such field or parameter": "没有此字段或参数",
    "this parameter means one thing; give it once": "此参数只有一个含义；请只给一次",
    "the version that was read is expected, the way its ETag says it: a whole number in quotation marks": "应为所读取的版本，写法与其 ETag 相同：带引号的整数",
    "this is later than `to`; ask from the earlier moment to the later one": "此时刻晚于 `to`；请从较早的时刻查到较晚的时刻",
    "Last-Event-ID is the position of the last event that was read": "Last-Event-ID 是所读的最后一个事件的位置",
    "this moment is past; nobody could be in time": "此时刻已过；谁也来不及",
    "nobody delegates to themself": "不能委托给自己",
    "nobody approves or rejects what they asked for": "不能同意或驳回自己提出的审批",
    "nobody approves what they asked for; name somebody else": "不能审批自己提出的事；请指定他人",
    "nobody moves what they asked for to other levels; somebody else who may publish does": "不能把自己提出的审批改到其他审批级；须由其他有发布权限的人操作",
    "whoever rejects says why": "驳回须说明原因",
    "whoever declines work says why": "谢绝工作须说明原因",
    "whoever cancels work says why": "取消工作须说明原因",
    "whoever moves the moment work is due says why": "改期须说明原因",
    "one person decides one role of a level, and you have": "一人在一级中只代表一个角色作决定，而您已作决定",
    "it had not been asked by then": "到那时此事尚未提出",
    "it was paused or resumed after that": "在那之后曾暂停或恢复",
    "the moment it is due was moved after that": "在那之后曾改期",
    "only somebody who was told of a deadline acknowledges it": "只有被告知期限的人才能确认知悉",
    "somebody owns it already": "已有负责人",
    "only who works here claims": "只有在职人员可以领取",
    "whoever corrects a touch says why": "更正触达须说明原因",
    "whoever waives requirements says why": "豁免要求须说明原因",
}  # fmt: skip

Said: TypeAlias = Callable[["re.Match[str]"], str]


def _thing(what: str) -> str:
    return THINGS.get(what, f" {what}")


_WITH_FIGURES: Final[tuple[tuple["re.Pattern[str]", Said], ...]] = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (r"at least (\S+(?: [A-Z]{3})?) is expected", lambda m: f"不得小于 {m[1]}"),
        (r"at most (\S+(?: [A-Z]{3})?) is expected", lambda m: f"不得大于 {m[1]}"),
        (r"the text is longer than ([\d,]+) characters", lambda m: f"文本超过 {m[1]} 个字符"),
        (r"the number has more than (\d+) decimal places", lambda m: f"小数位数超过 {m[1]} 位"),
        (r"this field is in ([A-Z]{3})", lambda m: f"此字段的币种为 {m[1]}"),
        (
            r"an amount of ([A-Z]{3}) is expected, as a whole number or a decimal text",
            lambda m: f"应为 {m[1]} 金额：整数或小数文本",
        ),
        (r"exactly (\d+) options are expected, (\d+) are given", lambda m: f"应选 {m[1]} 项，实选 {m[2]} 项"),
        (
            r"(\d+) to (\d+) options are expected, (\d+) are given",
            lambda m: f"应选 {m[1]} 至 {m[2]} 项，实选 {m[3]} 项",
        ),
        (r"String should have at least (\d+) characters?", lambda m: f"文本至少 {m[1]} 个字符"),
        (r"String should have at most (\d+) characters?", lambda m: f"文本最多 {m[1]} 个字符"),
        (r"Input should be greater than or equal to (-?[\d.]+)", lambda m: f"不得小于 {m[1]}"),
        (r"Input should be greater than (-?[\d.]+)", lambda m: f"须大于 {m[1]}"),
        (r"Input should be less than or equal to (-?[\d.]+)", lambda m: f"不得大于 {m[1]}"),
        (r"Input should be less than (-?[\d.]+)", lambda m: f"须小于 {m[1]}"),
        (r"an? ([\w-]+) has no field …", lambda m: f"{m[1]} 没有此字段"),
        (r"the form has no field …", lambda _: "表单没有此字段"),
        (r"there is no ([\w -]+?) (?:… )?of this id", lambda m: f"没有此 id 的 {m[1]}"),
        (
            r"there is no person …; a person is named as person/per_…",
            lambda _: "没有此人员；人员写作 person/per_…",
        ),
        (
            r"this moment has not come: the clock of the log says (\S+)",
            lambda m: f"此时刻尚未到来：日志的时钟为 {m[1]}",
        ),
        (r"the log goes up to position (\d+) so far", lambda m: f"日志目前到位置 {m[1]}"),
        (
            r"there is no person of this id; a person is named as person/per_…",
            lambda _: "没有此 id 的人员；人员写作 person/per_…",
        ),
        (r"a person is expected, as person/…", lambda _: "应为人员，写作 person/…"),
        (r"the step … counts as another one now", lambda _: "此环节现已归入另一环节"),
        (r"(\w+) has no parameter …", lambda m: f"{m[1]} 没有此参数"),
        (r"there is no ([\w -]+?) …", lambda m: f"没有此{_thing(m[1])}"),
        (
            (
                r"the (deadline|work) '([^']+)' would never come due: the calendar of the playbook '([^']+)' ends with (\S+);"
                r" name an earlier day, or publish a calendar that reaches further"
            ),
            lambda m: f"{'期限' if m[1] == 'deadline' else '工作'} '{m[2]}' 永远不会到期：打法手册 '{m[3]}' 的日历到 {m[4]} 为止；请填更早的日子，或发布覆盖更久的日历",
        ),
        (
            r"this waits in the public pool '([^']+)': claim it there, as its limits say",
            lambda m: f"它在公海 '{m[1]}' 中等待：请按其限制领取",
        ),
        (
            r"this waits in the public pool '([^']+)': (\S+) claims it there, or whoever leads \2, or may organise, gives it to them",
            lambda m: f"它在公海 '{m[1]}' 中等待：由 {m[2]} 领取，或由其上级、有 organise 权限的人分给他",
        ),
        (
            r"there is no such parameter here; this address takes no parameters",
            lambda _: "此处没有此参数；此地址不接受参数",
        ),
        (r"one of (.+) is expected", lambda m: f"应为以下之一：{m[1]}"),
        (r"Input should be ('.+')", lambda m: f"应为以下之一：{m[1].replace(' or ', '、')}"),
        (r"there is no such parameter here; there are (.+)", lambda m: f"此处没有此参数；可用参数：{m[1]}"),
        (r"a number of days is expected, from 0 to ([\d,]+)", lambda m: f"应为天数，0 到 {m[1]}"),
        (
            r"only (\S+), who has it, or whoever stands in for them may do this",
            lambda m: f"只有承办人 {m[1]} 或其代理人可以操作",
        ),
        (r"only (\S+), who asked for it, may recall it", lambda m: f"只有提出人 {m[1]} 可以撤回"),
        (r"(\S.*?) / .+ is missing", lambda m: f"缺少：{m[1]}"),
        (r"(\S.*?) / .+ is not ticked yet", lambda m: f"尚未勾选：{m[1]}"),
        (
            r"the level (\S+) asks for the role (\S+), and nobody but whoever asks holds it and is there",
            lambda m: f"审批级 {m[1]} 需要角色 {m[2]}，而除提出人外没有在岗的人担任",
        ),
        (
            r"the level (\S+) asks for the (\S+), and (\S+) has none",
            lambda m: f"审批级 {m[1]} 需要 {m[2]}，而 {m[3]} 没有",
        ),
        (r"whoever is named here does not hold the role (\S+)", lambda m: f"此处所指的人不担任角色 {m[1]}"),
        (r"nobody holds the role (\S+)", lambda m: f"没有人担任角色 {m[1]}"),
        (r"no playbook has a role …", lambda _: "没有打法手册定义此角色"),
        (r"an? ([\w-]+) is expected, as \1/…", lambda m: f"应为 {m[1]}，如 {m[1]}/…"),
    )
)  # fmt: skip


def thing_in_chinese(what: str) -> str:
    """Return what there is none of in Chinese; the name of a kind of record stays as the playbook has it."""
    plain = what.removesuffix(" (at that moment)")
    told = THINGS.get(plain, plain)
    return told if plain == what else f"{told}（在该时刻）"


def in_chinese(message: str) -> str:
    """Return a message in Chinese, as it is told, so without a word of the caller; one that is not known stays in English."""
    listed = with_names(message, in_chinese)
    if listed is not None:
        return listed
    known = _AS_THEY_ARE.get(message)
    if known is not None:
        return known
    for pattern, said in _WITH_FIGURES:
        found = pattern.fullmatch(message)
        if found is not None:
            return said(found)
    return playbook_in_chinese(message)
