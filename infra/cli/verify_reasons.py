"""Why a position of a log is not right, in Chinese: known by how `dealtrail verify` says it in English."""

import re
from collections.abc import Mapping

from infra.log.sealing import FORMAT

_REASONS: Mapping[str, str] = {
    "the log is empty": "日志是空的",
    "the log does not have the event the witness holds": "日志中没有见证所记的事件",
    "an event stands before position 1": "有事件在位置 1 之前",
    "an event has no position": "有事件没有位置",
    "the log ends at position (.+), the witness stands at (.+): the tail is missing": r"日志止于位置 \1，见证在位置 \2：尾部缺失",
    "the event has another hash than the witness holds: the log was rewritten up to here or further":
        "事件的哈希与见证所记不同：日志在此处或更后被改写",
    "the hash does not follow from the previous event's": "哈希与前一事件的不衔接",
    "recorded_at is before the previous event's": "recorded_at 早于前一事件",
    "version (.+) of (.+) stands where (.+) should": r"\2 的版本 \1 所在之处应为版本 \3",
    "the event is missing": "事件缺失",
    "(.+) is null": r"\1 为 null",
    "a moment is null that may not be": "有不得为 null 的时刻为 null",
    "a moment is infinite, or not from year 1 to year 9999": "有时刻为无穷，或不在 1 年至 9999 年之间",
    "the basis is not before the event": "依据位置不在事件之前",
    "the salt has not 16 bytes": "盐值不是 16 字节",
    "the root does not follow from state and salt: the payload was changed": "根与状态和盐值不符：内容被改动",
    "the hash does not follow from the previous hash, the header and the root: the event or the one before it was changed":
        "哈希与前一哈希、头部和根不符：此事件或前一事件被改动",
    f"position 1, and only position 1, is a genesis of format {FORMAT}": f"创世事件（格式 {FORMAT}）须在位置 1，且只在位置 1",
}  # fmt: skip


def reason_in(reason: str, language: str) -> str:
    """Return a reason in `zh` or `en`; one that is not known stays in English."""
    if language == "zh":
        for english, chinese in _REASONS.items():
            if (found := re.fullmatch(english, reason)) is not None:
                return found.expand(chinese)
    return reason
