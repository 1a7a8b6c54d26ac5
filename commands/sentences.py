"""Sentences in another language, known by how they read in English: one table, each row a sentence.

In a row `{}` stands for anything, `{thing}` for what there is none of, `{type}` for the type of a field with its article; the Chinese side
takes them in the order of the English one as `{0}`, `{1}` … What stands in a place may be a sentence of the table itself, or a list of
such: "only {} may cancel it" needs no row for each of those who may.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

THINGS: Final[Mapping[str, str]] = {
    "dimension": "维度", "number": "数值", "move": "变更方式", "variant": "变体",
    "field": "字段", "option": "选项", "stage": "阶段", "step": "步骤", "path": "路径", "kind": "类型", "kind of touch": "触达", "relation": "关系", "role": "角色",
    "team": "团队", "evidence field": "证据字段", "work template": "工作模板", "checklist item": "清单项", "fork": "并行任务", "leg": "分支", "choice field": "选项字段",
    "approval chain": "审批链", "deadline": "期限", "collection": "集合", "topic": "主题", "person": "人员", "active person": "在职人员", "work item": "工作项",
    "approval": "审批", "chain of approval": "审批链", "preset": "预设", "level to go back to": "可退回的审批级", "reason to wait": "等待原因", "touch": "触达",
    "evidence": "证据", "file of this evidence": "此证据的文件", "absence": "缺勤", "delegation": "委托", "reaction": "联动", "reaction to this event": "对此事件的联动",
    "change of fields": "字段改动", "draft": "草案", "draft of the playbook": "该手册的草案", "playbook": "打法手册", "published playbook": "已发布的打法手册",
    "version of a playbook": "打法手册的版本", "version of the playbook": "该手册的版本", "index": "指数", "component": "分项", "stuck record": "停滞的记录",
    "metric": "指标", "subscription": "订阅", "event of this record": "此记录的事件", "step of a reaction": "联动的步骤", "replay": "回放",
    "replay named by this version": "此版本所指的回放", "subject of this replay": "此回放的主题", "dataset": "数据集", "pool": "线索池", "closed period": "已关账的周期",
    "delivery": "投递", "deadline that was told of": "已告知的期限", "person or record": "人员或记录", "field that is looked up": "用于查找的字段",
    "event that set this reaction off": "引发此联动的事件", "request": "请求", "field of the form": "表单字段", "role or place": "角色或位置", "region": "大区",
    "level": "审批级", "fact": "事实", "function": "函数", "type of evidence": "证据类型", "kind of evidence": "证据类型", "date field": "日期字段",
    "step or stage": "步骤或阶段", "healthy action": "健康动作", "prefix": "前缀", "decision": "决定", "evidence type": "证据类型", "work": "工作",
}  # fmt: skip
"""What messages say there is none of."""

TYPES: Final[Mapping[str, str]] = {
    "text": "文本", "number": "数字", "money": "金额", "date": "日期", "datetime": "时间", "boolean": "是否", "choice": "选项", "person": "人员",
    "reference": "引用", "phone": "电话", "email": "邮箱", "evidence": "证据",
}  # fmt: skip

PLACE: Final = re.compile(r"\{(?:thing|type)?\}")
_TOLD: Final = re.compile(r"\{(\d)\}")
_BETWEEN_CHINESE: Final = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")
_PATTERNS: Final = {
    "{}": "(.+?)",
    "{thing}": f"({'|'.join(sorted(THINGS, key=len, reverse=True))})",
    "{type}": r"(?:an?|A) (\w+)",
}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {"{thing}": THINGS, "{type}": TYPES, "{}": {}}
_NAMED: Final = re.compile(
    r"(?P<what>.+?); (?:only )?(?P<names>'.+'|…)(?: and (?P<more>\d+) more)? can be named", re.DOTALL
)
_OF_A_FEW: Final = 6
_NOTHING_NAMED: Final = "; there is none to name"


class Sentences:
    """A table of sentences that can be asked for one."""

    def __init__(self, rows: Mapping[str, str]) -> None:
        self._whole = {english: chinese for english, chinese in rows.items() if not PLACE.search(english)}
        # What says more of itself is tried first: a row that is nearly all `{}` would read any sentence as its own.
        self._patterns = [
            (_pattern(english), self._teller(english, chinese))
            for english, chinese in sorted(rows.items(), key=lambda row: -_how_much(row[0]))
            if english not in self._whole
        ]

    def said(self, message: str) -> str | None:
        """Return a message in Chinese; None where the table has none of its form."""
        if message.endswith(_NOTHING_NAMED):
            told = self.said(message.removesuffix(_NOTHING_NAMED))
            return told and f"{told}；没有可选的名称"
        listed = _NAMED.fullmatch(message)
        if listed is not None:
            more = f"，另有 {listed['more']} 个" if listed["more"] else ""
            told = self.said(listed["what"])
            return told and f"{told}；可选：{listed['names']}{more}"
        if message in self._whole:
            return self._whole[message]
        if (told := self._listed(message, "; ", "；")) is not None:
            return told
        for pattern, said in self._patterns:
            if (found := pattern.fullmatch(message)) is not None:
                return said(found)
        return None

    def _teller(self, english: str, chinese: str) -> Callable[["re.Match[str]"], str]:
        kinds = PLACE.findall(english)

        def said(found: "re.Match[str]") -> str:
            told = [
                _WORDS[kind].get(text) or self._in_its_place(text)
                for kind, text in zip(kinds, found.groups(), strict=True)
            ]
            return _BETWEEN_CHINESE.sub("", _TOLD.sub(lambda place: told[int(place[1])], chinese))

        return said

    def _in_its_place(self, text: str) -> str:
        """What stands in a place: a list of sentences, a sentence, or something that is the same in both languages."""
        return (
            self._listed(text, ", ", "，")
            or self.said(text)
            or self.said(text[:1].lower() + text[1:])
            or self._listed(text, " and ", "和")
            or text.replace("' or '", "'、'")
        )

    def _listed(self, text: str, mark: str, joined: str) -> str | None:
        """A list, each part of which is a sentence; None where this is none."""
        if mark not in text:
            return None
        parts = [part for part in map(self.said, text.split(mark)) if part is not None]
        return joined.join(parts) if len(parts) == text.count(mark) + 1 else None


def _how_much(english: str) -> int:
    """How much a row says of itself: its words, and more where a place takes only a few."""
    places = PLACE.findall(english)
    return len(PLACE.sub("", english)) + _OF_A_FEW * (len(places) - places.count("{}"))


def _pattern(english: str) -> "re.Pattern[str]":
    """What a sentence looks like with anything in its places."""
    parts, at = [], 0
    for found in PLACE.finditer(english):
        parts += [re.escape(english[at : found.start()]), _PATTERNS[found[0]]]
        at = found.end()
    return re.compile("".join([*parts, re.escape(english[at:])]), re.DOTALL)
