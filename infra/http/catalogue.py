"""Every problem the HTTP service may answer with: its code, status, title, and what to do about it, in both languages.

The pages under `/problems/` and the answers themselves are made from this one table.
"""

from dataclasses import dataclass
from typing import NamedTuple

from infra.http.language import Language


class Words(NamedTuple):
    """The same sentence in both languages."""

    en: str
    zh: str

    def told(self, language: Language) -> str:
        """Return the sentence in a language."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A problem as callers may rely on it: the code and the status never change, the words may be improved."""

    code: str
    status: int
    title: Words
    what_to_do: Words


def _table(*rows: tuple[str, int, Words, Words]) -> dict[str, ProblemType]:
    return {code: ProblemType(code, status, title, what_to_do) for code, status, title, what_to_do in rows}


CATALOGUE = _table(
    (
        "malformed-request", 400,
        Words("The address of the request cannot be read", "无法读取请求地址"),
        Words(
            "Send path and query as percent-encoded UTF-8, without NUL characters.",
            "路径和查询参数须为百分号编码的 UTF-8，且不含 NUL 字符。",
        ),
    ),
    (
        "malformed-body", 400,
        Words("The body cannot be read", "无法读取请求正文"),
        Words(
            "Send one JSON value in UTF-8: at most 64 levels deep, every member named once, no NaN or Infinity, no number beyond the range"
            " of a double, no NUL character, no lone surrogate.",
            "正文须为一个 UTF-8 编码的 JSON 值：嵌套不超过 64 层，成员名不重复，不含 NaN、Infinity、超出范围的数字、NUL 字符和孤立代理项。",
        ),
    ),
    (
        "invalid-request", 400,
        Words("The request is not valid", "请求无效"),
        Words(
            "Correct the parameters that `errors` points at; the reference lists them all.",
            "请更正 `errors` 所指的参数；接口说明列出了全部参数。",
        ),
    ),
    (
        "bad-moment", 400,
        Words("A moment cannot be read", "无法识别时间"),
        Words(
            "as_of takes a position, a date (2026-01-31) or a moment (2026-01-31T08:00:00+08:00); effective_at a date or a moment.",
            "as_of 接受日志位置、日期（2026-01-31）或时间（2026-01-31T08:00:00+08:00）；effective_at 接受日期或时间。",
        ),
    ),
    (
        "idempotency-key-missing", 400,
        Words("The command has no idempotency key", "命令缺少幂等键"),
        Words(
            "Send a new key of 1 to 200 printable characters in the header Idempotency-Key with each new command, and the same key when you"
            " send the command again. A line of a bulk request has its key in the member `key`.",
            "每条新命令请在 Idempotency-Key 请求头中附带 1 到 200 个可打印字符的新键；重发同一命令时使用同一个键。批量请求的每一行在成员 `key` 中写明。",
        ),
    ),
    (
        "unauthorized", 401,
        Words("The token is missing or cannot be accepted", "缺少令牌或令牌不被接受"),
        Words(
            "Send a valid, unexpired token of the issuer this server trusts: `Authorization: Bearer …`. `dealtrail token` makes one for trials.",
            "请发送本服务所信任的签发方签发的有效令牌：`Authorization: Bearer …`。试用时可用 `dealtrail token` 生成。",
        ),
    ),
    (
        "wrong-tenant", 401,
        Words("The token is for another tenant", "令牌属于另一个租户"),
        Words(
            "Each tenant has its own log and its own address. Use this token at the address of its tenant, or ask its issuer for one whose claim"
            " `tenant` names the tenant served here.",
            "每个租户有各自的日志和地址。请在令牌所属租户的地址使用它，或向签发方申请 `tenant` 声明为本租户的令牌。",
        ),
    ),
    (
        "not-allowed", 403,
        Words("This needs a right the caller does not have", "缺少所需权限"),
        Words(
            "Ask whoever manages roles for the right that `right` names, or let somebody who has it do this.",
            "请向角色管理员申请 `right` 所列权限，或由具备权限的人操作。",
        ),
    ),
    (
        "unknown-actor", 403,
        Words("Whoever the token or On-Behalf-Of names does not work here", "令牌或 On-Behalf-Of 所指的人员不在职"),
        Words(
            "Use a token of somebody who works here, or name such a person in On-Behalf-Of; or have this person added with `POST /v1/people` first. Who has left cannot act any more.",
            "请使用在职人员的令牌，或在 On-Behalf-Of 中指明在职人员；也可先用 `POST /v1/people` 添加此人。已离职的人员不能再操作。",
        ),
    ),
    (
        "delegation-refused", 403,
        Words("This client may not act for somebody else", "此客户端不得代他人操作"),
        Words(
            "Leave the header On-Behalf-Of out, or ask the issuer for a token with the claim `delegate: true`.",
            "请去掉 On-Behalf-Of 请求头，或申请带有 `delegate: true` 声明的令牌。",
        ),
    ),
    (
        "not-found", 404,
        Words("There is no such thing", "找不到该对象"),
        Words(
            "Check the name; `suggestion` is the nearest one there is. What was opened later is not there yet as of an earlier moment.",
            "请核对名称；`suggestion` 是最接近的名称。较早的时点看不到之后新建的对象。",
        ),
    ),
    (
        "ambiguous-name", 409,
        Words("Several records have this name", "多条记录使用此名称"),
        Words(
            "Several records of the kind have this external id. Ask by the id of one of them; `ids` names them.",
            "该类型有多条记录使用此外部编号。请用其中一条的 id 查询；`ids` 列出了这些 id。",
        ),
    ),
    (
        "method-not-allowed", 405,
        Words("The method is not available here", "此地址不支持该方法"),
        Words("The header Allow lists the methods there are.", "Allow 响应头列出了可用的方法。"),
    ),
    (
        "request-timeout", 408,
        Words("The body did not arrive in time", "请求正文未按时到达"),
        Words("Send the request again over a faster connection; nothing was changed.", "请换用更快的连接重新发送；未作任何更改。"),
    ),
    (
        "too-busy", 409,
        Words("What this rests on kept changing", "相关数据一直在变动"),
        Words(
            "Send the same command again with the same key after the seconds that Retry-After names; nothing was changed.",
            "请在 Retry-After 所示秒数之后，用同一个键重发同一命令；未作任何更改。",
        ),
    ),
    (
        "already-exists", 409,
        Words("This is there already", "该对象已存在"),
        Words("Read what is there, or choose another id.", "请读取现有对象，或使用其他标识。"),
    ),
    (
        "not-due", 409,
        Words("The deadline is not due", "期限未到"),
        Words(
            "There is nothing to notice: it stopped, was armed anew, was told already, or its moment has yet to come. Only the deadline clock is answered this.",
            "无需察觉：该期限已停止、已重新计时、已告知，或时刻未到。只有期限时钟会得到此答复。",
        ),
    ),
    (
        "replay-not-done", 409,
        Words("The replay has no result", "回放没有结果"),
        Words(
            "`GET /v1/replays/{id}` says how far it is. One that failed, was cancelled or interrupted can be asked for again.",
            "`GET /v1/replays/{id}` 会给出进度。失败、已取消或中断的回放可以再次发起。",
        ),
    ),
    (
        "stale-version", 412,
        Words("The record has changed since you read it", "记录在您读取之后已被更改"),
        Words(
            "Look at `changes`, read the record again, and send the command with the version it has now; nothing was changed.",
            "请查看 `changes`，重新读取记录，再以当前版本发送命令；未作任何更改。",
        ),
    ),
    (
        "body-too-large", 413,
        Words("The body is too large", "请求正文过大"),
        Words(
            "Send at most what `limit_bytes` or `limit_lines` names; many commands go to `/v1/bulk`, files to the evidence of a record.",
            "正文不得超过 `limit_bytes` 字节或 `limit_lines` 行；批量命令请用 `/v1/bulk`，文件请作为记录的证据上传。",
        ),
    ),
    (
        "unsupported-media-type", 415,
        Words("The media type of the body is not taken here", "不接受此媒体类型"),
        Words("Send the body with the Content-Type that `accepted` lists.", "请使用 `accepted` 列出的 Content-Type 发送正文。"),
    ),
    (
        "misdirected-request", 421,
        Words("The request was meant for another host", "请求的主机名不符"),
        Words(
            "The demo answers at 127.0.0.1 and localhost only; use one of them.",
            "演示模式只应答 127.0.0.1 和 localhost，请使用其中之一。",
        ),
    ),
    (
        "invalid-command", 422,
        Words("The command does not fit", "命令不符合要求"),
        Words(
            "Correct what `errors` points at; `suggestion` is the nearest valid name. Nothing was changed.",
            "请更正 `errors` 所指之处；`suggestion` 是最接近的有效名称。未作任何更改。",
        ),
    ),
    (
        "gate-not-met", 422,
        Words("The gate is not met yet", "尚未满足关口要求"),
        Words(
            "Supply everything that `unmet` lists, then send the command again with a new key. Where `position` is given, the attempt itself is in the log.",
            "请补齐 `unmet` 列出的全部条件，再用新的键发送命令。带有 `position` 时，这次尝试已记入日志。",
        ),
    ),
    (
        "idempotency-key-reused", 422,
        Words("The key was used before for another command", "此键已用于另一条命令"),
        Words("Use a new key for a new command; nothing was changed.", "新命令请使用新的键；未作任何更改。"),
    ),
    (
        "playbook-refused", 422,
        Words("The playbook has mistakes", "打法手册有错误"),
        Words(
            "Correct what `errors` points at, each with its line and column. `POST /v1/playbooks/checks` tells the same without storing anything.",
            "请更正 `errors` 所指的行和列。`POST /v1/playbooks/checks` 可只检查而不保存。",
        ),
    ),
    (
        "refused", 422,
        Words("The command was refused", "命令被拒绝"),
        Words("Nothing was changed.", "未作任何更改。"),
    ),
    (
        "if-match-missing", 428,
        Words("The edit does not say which version it was made on", "编辑未注明所依据的版本"),
        Words(
            "Read the record, and send the version from its ETag in the header If-Match, so that nobody's change is overwritten unseen."
            " A line of a bulk request says it in the member `if_match`.",
            "请先读取记录，并在 If-Match 请求头中带上其 ETag 的版本，以免覆盖他人的更改。批量请求的每一行在成员 `if_match` 中写明。",
        ),
    ),
    (
        "rate-limited", 429,
        Words("This client sends too many commands", "此客户端发送命令过多"),
        Words(
            "Wait the seconds that Retry-After names, then send the command again with the same key; nothing was changed.",
            "请等待 Retry-After 所示秒数，再用同一个键重发命令；未作任何更改。",
        ),
    ),
    (
        "headers-too-large", 431,
        Words("The headers are too large", "请求头过大"),
        Words("Send fewer and shorter headers.", "请减少请求头的数量和长度。"),
    ),
    (
        "command-error", 409,
        Words("The command was not carried out", "命令未能执行"),
        Words("Nothing was changed; send it again with the same key.", "未作任何更改；请用同一个键重发。"),
    ),
    (
        "read-error", 400,
        Words("The question cannot be answered", "无法回答该查询"),
        Words("The reference lists what can be asked.", "可用的查询见接口说明。"),
    ),
    (
        "http-error", 400,
        Words("The request cannot be answered", "无法处理该请求"),
        Words("The reference lists what can be asked.", "可用的请求见接口说明。"),
    ),
    (
        "internal-error", 500,
        Words("Something went wrong on our side", "服务器内部错误"),
        Words(
            "Send the same request again later, a command with the same key. The operator finds the cause in the log under the id in X-Request-Id.",
            "请稍后重发同一请求，命令须用同一个键。运维人员可凭 X-Request-Id 在日志中查找原因。",
        ),
    ),
    (
        "overloaded", 503,
        Words("The server has as much to do as it can", "服务器已满负荷"),
        Words(
            "Wait the seconds that Retry-After names, then send the same again, a command with the same key; nothing was changed.",
            "请等待 Retry-After 所示秒数后重发，命令须用同一个键；未作任何更改。",
        ),
    ),
    (
        "database-unavailable", 503,
        Words("The database does not answer", "数据库无应答"),
        Words(
            "Wait the seconds that Retry-After names, then send the same again, a command with the same key: should it have been carried out, it is"
            " answered as it was then.",
            "请等待 Retry-After 所示秒数后重发，命令须用同一个键：若先前已执行，将返回当时的结果。",
        ),
    ),
    (
        "not-ready", 503,
        Words("The server is not ready", "服务尚未就绪"),
        Words("`reasons` says why; commands and reads may still be answered.", "原因见 `reasons`；命令和查询可能仍可应答。"),
    ),
    (
        "evidence-unavailable", 503,
        Words("The store of evidence does not answer", "证据存储无应答"),
        Words(
            "Wait the seconds that Retry-After names, then send the same again, a command with the same key; nothing was changed.",
            "请等待 Retry-After 所示秒数后重发，命令须用同一个键；未作任何更改。",
        ),
    ),
    (
        "ledger-unavailable", 503,
        Words("The ledger cannot be read just now", "账本暂时无法读取"),
        Words(
            "A damaged file is made again from the log by the service itself; ask again in a while. `dealtrail ledger verify` names what is wrong.",
            "损坏的文件由服务自行从日志重建；请稍后重试。`dealtrail ledger verify` 会指出问题所在。",
        ),
    ),
    (
        "replay-damaged", 500,
        Words("The result of the replay is not what was written", "回放结果与写入时不符"),
        Words(
            "Ask for the same replay again: with the same draft, window and `position` it is made anew, with the same result.",
            "请再次发起同一回放：草案、窗口与 `position` 相同，会重新生成同样的结果。",
        ),
    ),
    (
        "replays-unavailable", 503,
        Words("The store of replays does not answer", "回放存储无应答"),
        Words("Send the same again in a while; nothing was changed.", "请稍后重发；未作任何更改。"),
    ),
    (
        "behind", 503,
        Words("The answer is not up to that position yet", "查询结果尚未更新到该位置"),
        Words("Wait the seconds that Retry-After names, then ask again.", "请等待 Retry-After 所示秒数后再查询。"),
    ),
)  # fmt: skip
