"""The program's own words in both languages; labels of playbooks come from the playbooks."""

WORDS = {
    "stage": "阶段",
    "records": "记录数",
    "share": "占比",
    "known for": "有值的记录",
    "owner": "负责人",
    "opened": "新建于",
    "evidence": "证据",
    "touches": "触达次数",
    "since": "自",
    "unknown": "未知",
    "unknown at that moment": "当时未知",
    "position": "位置",
    "recorded (UTC)": "记录时间 (UTC)",
    "who": "操作人",
    "field": "字段",
    "old": "旧值",
    "new": "新值",
    "rules": "规则",
    "occurred, why": "发生时间、原因",
    "stream": "流",
    "topic": "主题",
    "what": "内容",
    "yes": "是",
    "no": "否",
    "earlier": "条更早的改动",
    "changes": "处改动",
    "change": "处改动",
    "all under": "适用规则",
    "based on position": "依据日志位置",
    "business time up to": "业务时间截至",
    "simulated log": "模拟日志",
    "more": "更多",
}


def word(text: str, language: str) -> str:
    """Return a word of the program in `zh` or `en`."""
    return WORDS.get(text, text) if language == "zh" else text
