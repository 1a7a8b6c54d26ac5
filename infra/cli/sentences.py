"""The program's own sentences in both languages, as the glossary has them; single words are in `words`, those about replays in `replay_words`.

Names in braces are figures. In English a number chooses the form of its noun: `{kinds:kind|kinds}` is "1 kind" or "1,200 kinds".
"""

from collections.abc import Mapping

from infra.cli.demo_sentences import DEMO

_VERBS: Mapping[str, tuple[str, str]] = {
    # any verb
    "simulated": ("this log is simulated: its times are told, not measured", "这是模拟日志：其中的时间由程序给定，并非实测"),
    "log begins": (
        "the log of the tenant {tenant!r} begins now; if there should be one already, look at --tenant and --home",
        "租户 {tenant!r} 的日志由此开始；若本应已有日志，请检查 --tenant 和 --home",
    ),
    "log is empty": (
        "the log of the tenant {tenant!r} is empty; if it should not be, look at --tenant",
        "租户 {tenant!r} 的日志是空的；若不应为空，请检查 --tenant",
    ),
    "no such tenant": (
        ("there is no tenant {tenant!r} in {home}; the tenants there are: {named}. Nothing was begun. Name one with --tenant or DEALTRAIL_TENANT;"
        " a log is begun by {verbs}."),
        "{home} 中没有租户 {tenant!r}；现有租户：{named}。未新建任何内容。请用 --tenant 或 DEALTRAIL_TENANT 指明租户；新建日志用 {verbs}。",
    ),
    "no tenant at all": (
        "there is no tenant {tenant!r} in {home}, nor any other. Nothing was begun; a log is begun by {verbs}.",
        "{home} 中没有租户 {tenant!r}，也没有其他租户。未新建任何内容；新建日志用 {verbs}。",
    ),
    "no log in the database": (
        "no log has begun in this database, for the tenant {tenant!r} or any other. Nothing was begun; a log is begun by {verbs}.",
        "此数据库中还没有日志，既没有租户 {tenant!r} 的，也没有其他租户的。未新建任何内容；新建日志用 {verbs}。",
    ),
    "interrupted": (
        "interrupted; every command that was acknowledged is in the log, run the same again to go on",
        "已中断；凡已确认的命令都在日志中，再次运行同一命令即可继续",
    ),
    "next page": ("more with --cursor {cursor}", "更多：--cursor {cursor}"),
    # playbooks
    "is right": (
        "{file}: playbook {name!r} is right: {kinds:kind|kinds}, {stages:stage|stages}, {fields:field|fields}, {rules:rule|rules}, digest {digest}",
        "{file}：打法手册 {name!r} 正确：{kinds:,} 种记录、{stages:,} 个阶段、{fields:,} 个字段、{rules:,} 条规则，摘要 {digest}",
    ),
    "draft is kept": (
        "{name} draft {number} is kept; dealtrail playbook publish {name} --draft {number} puts it into force",
        "{name} 草案 {number} 已保存；dealtrail playbook publish {name} --draft {number} 使其生效",
    ),
    "in force already": (
        "{name} v{version} is in force already, from position {position:,} on",
        "{name} v{version} 已在生效，自位置 {position:,} 起",
    ),
    "in force": ("{name} v{version} is in force, from position {position:,} on{whom}", "{name} v{version} 已生效，自位置 {position:,} 起{whom}"),
    "takes effect": (
        "{name} v{version} takes effect at {moment}, from position {position:,} on{whom}",
        "{name} v{version} 将于 {moment} 生效，自位置 {position:,} 起{whom}",
    ),
    "changes nothing": (
        "this is in force already; publishing it would change nothing",
        "此内容已在生效，发布不会有任何改变",
    ),
    "would be in force": (
        "{name} v{version} would be in force{whom}; nothing is published",
        "{name} v{version} 将会生效{whom}；未发布任何内容",
    ),
    "would take effect": (
        "{name} v{version} would take effect at {moment}{whom}; nothing is published",
        "{name} v{version} 将会于 {moment} 生效{whom}；未发布任何内容",
    ),
    "and more": (" and {count:,} more", " 等，另有 {count:,} 条"),
    "only for": ("  only for {scope}", "  仅适用于 {scope}"),
    "listed": ("{name} v{version}  {label}  ({kinds})  from position {position:,}", "{name} v{version}  {label}  （{kinds}）  自位置 {position:,} 起"),
    "from then on": ("  from {moment} UTC on", "  自 {moment} UTC 起"),
    "install one": ("dealtrail playbook install NAME puts one into force", "dealtrail playbook install 名称 使其中一份生效"),
    "signed off": (
        "signed off at position {position:,}; dealtrail playbook publish {name} --draft {draft} --replay {replay} puts it into force",
        "已在位置 {position:,} 签核；dealtrail playbook publish {name} --draft {draft} --replay {replay} 使其生效",
    ),
    # an import
    "rows of": ("{rows:row|rows} of {source}", "{source} {rows:,} 行"),
    "rows read": ("{mapping}: {read} read in {seconds} s", "{mapping}：读入 {read}，用时 {seconds} 秒"),
    "nothing new": (
        "nothing new: {replayed:,} of {commands:command|commands} were imported before",
        "没有新内容：{commands:,} 条命令中有 {replayed:,} 条此前已导入",
    ),
    "imported before": ("; {replayed:command was|commands were} imported before", "；另有 {replayed:,} 条命令此前已导入"),
    "events imported": ("{events:event|events} from position {first:,} to {last:,}{again}", "{events:,} 个事件，位置 {first:,} 至 {last:,}{again}"),
    "people and teams": ("{people:person|people}, {teams:team|teams}", "{people:,} 名人员，{teams:,} 个团队"),
    "rows refused": ("{rows:row|rows} refused", "{rows:,} 行被拒绝"),
    "more in the report": ("… and {left:,} more, see --report FILE", "… 另有 {left:,} 条，见 --report FILE"),
    # tokens and serving
    "made the key": ("made the key {file}: whoever can read it can make tokens", "已生成密钥 {file}：谁能读到它，谁就能签发令牌"),
    "made for": (
        "for {actor} of the tenant {tenant!r}, by {client}, good for {hours} hours",
        "签发给租户 {tenant!r} 的 {actor}，由 {client} 使用，{hours} 小时内有效",
    ),
    "no tokens": (
        "DEMO: there are no tokens. Anybody on this machine may read and change everything, as {actor}. Ctrl-C stops.",
        "演示：没有令牌。此机器上的任何人都可以作为 {actor} 读取和更改一切。按 Ctrl-C 停止。",
    ),
    "tokens for trials": (
        "accepts tokens for trials, signed by {source} (`dealtrail token` makes them); set DEALTRAIL_TOKEN_ISSUER and its keys for real use. Ctrl-C stops.",
        "接受由 {source} 签发的试用令牌（用 `dealtrail token` 生成）；正式使用请设置 DEALTRAIL_TOKEN_ISSUER 及其密钥。按 Ctrl-C 停止。",
    ),
    "tokens of": ("accepts tokens of {issuer} ({source}). Ctrl-C stops.", "接受 {issuer} 的令牌（{source}）。按 Ctrl-C 停止。"),
    # metrics and indices
    "explain one": ("`dealtrail metric explain NAME` shows the whole contract", "`dealtrail metric explain 名称` 显示完整的合约"),
    "needed": ("needed", "必填"),
    "default": ("default {default}", "默认 {default}"),
    "how many cases": ("{shown:,} of {total:case|cases}", "{total:,} 个个案中的 {shown:,} 个"),
    "rows written": ("{file}: {rows:row|rows}", "{file}：{rows:,} 行"),
    "over cells": ("{cells:cell|cells}", "{cells:,} 个单元"),
    "over cells but": (
        "{cells:cell|cells}, {left_out:,} left out: a number is unknown there",
        "{cells:,} 个单元（另有 {left_out:,} 个未计：其中有数字未知）",
    ),
    "r unknown for few": ("r is unknown over {over}: it takes {least:,}", "在 {over}上 r 未知：至少需要 {least:,} 个"),
    "r unknown for same": (
        "r is unknown over {over}: one of the numbers is the same everywhere",
        "在 {over}上 r 未知：其中一个数字处处相同",
    ),
    "r": (
        "r = {r}, from {low} to {high} with 95 %, over {over}; it says nothing of causes",
        "r = {r}，95 % 区间 {low} 至 {high}，依据 {over}；它不说明因果",
    ),
    "period closed": (
        "{name} {period} is closed: {cells:cell|cells} as of position {position:,}, {playbook} v{version}, sha256 {digest}…",
        "{name} {period} 已关账：截至位置 {position:,} 的 {cells:,} 个单元，{playbook} v{version}，sha256 {digest}…",
    ),
    # the ledger
    "ledger behind": (
        "position {position:,} of {head:,}, {behind:event|events} behind (answers read them from the log)",
        "位置 {position:,}，日志在 {head:,}，落后 {behind:,} 个事件（查询时从日志补读）",
    ),
    "ledger at": (
        "the ledger is at position {position:,}: {rows:row|rows} in {segments:segment|segments}",
        "台账在位置 {position:,}：{segments:,} 个段，共 {rows:,} 行",
    ),
    "ledger whole": ("the ledger is whole", "台账完好"),
    "finding": ("{file}: {fault}{at}{done}", "{file}：{fault}{at}{done}"),
    "first at": (", first at position {position:,}", "，首处在位置 {position:,}"),
    "removed": ("; removed", "；已移除"),
    "made again": ("; made again", "；已重新生成"),
    "exported": (
        "as of position {position:,}{whom}; personal values are sealed; {manifest} says so",
        "截至位置 {position:,}{whom}；个人信息的值已封存；{manifest} 中有说明",
    ),
    "exported for": (" for the role {role}, and nothing is left out for it", "，供角色 {role} 使用，未为其略去任何内容"),
    "fault missing": ("missing", "缺失"),
    "fault cut": ("cut", "被截短"),
    "fault edited": ("edited", "被改动"),
    "fault surplus": ("surplus", "多余"),
    "fault other rows": ("other rows", "行内容不同"),
    # projections and read models
    "parked are missing": (
        "parked records are missing in answers; `dealtrail projections retry` tries them again",
        "查询结果缺少被搁置的记录；`dealtrail projections retry` 再试一次",
    ),
    "retried": (
        "{name}: {drained:parked record is|parked records are} complete again, {parked:stays|stay} parked{went_on}",
        "{name}：{drained:,} 条被搁置的记录已补全，{parked:,} 条仍被搁置{went_on}",
    ),
    "stopped again": ("; stopped again: {why}", "；又停止了：{why}"),
    "goes on": ("; goes on", "；继续运行"),
    "rebuilt": ("the read models are rebuilt up to position {position:,}", "读模型已重建到位置 {position:,}"),
    # verify and db
    "holds": (
        "{events:event holds|events hold} · tenant {tenant} · {clock} · head {head}…{tail}",
        "{events:,} 个事件完好 · 租户 {tenant} · {clock} · 末端 {head}…{tail}",
    ),
    "simulated clock": ("simulated clock", "模拟时钟"),
    "database clock": ("clock of the database", "数据库时钟"),
    "tail unproven": (
        "; a cut or rewritten tail is found only against a witness (--witness)",
        "；尾部被截去或改写，只有对照见证才能发现（--witness）",
    ),
    "not right": ("position {position:,} is not right: {reason}", "位置 {position:,} 不对：{reason}"),
    "hold before": ("{events:event|events} before it hold", "它之前的 {events:,} 个事件完好"),
    "witness written": (
        "the witness of position {position:,} is in {file}; move it to another host",
        "位置 {position:,} 的见证写入 {file}；请移到另一台主机",
    ),
    "steps applied": ("applied {steps}", "已应用 {steps}"),
    "schema up to date": ("the schema is up to date", "数据库结构已是最新"),
    "log is there": (
        "the log is there already; use the DATABASE_URL you have",
        "日志已存在；请使用已有的 DATABASE_URL",
    ),
    "log has begun": (
        "The log has begun. Keep this URL secret; it is shown only now:",
        "日志已新建。请保密此 URL，只在此刻显示：",
    ),
    "keeps running": (
        "this keeps the embedded PostgreSQL running; Ctrl-C stops",
        "运行期间自带的 PostgreSQL 保持运行；按 Ctrl-C 停止",
    ),
    # erasure
    "erase really": (
        "Destroy every key of {stream}? What was personal about it can never be read again.",
        "要销毁 {stream} 的全部密钥吗？其个人信息将再也无法读取。",
    ),
    "erased": ("{stream} is erased, at position {position:,}", "{stream} 已抹除，在位置 {position:,}"),
    # deadlines and deliveries
    "in all": ("{count:,} in all, as of position {position:,}", "共 {count:,} 个，截至位置 {position:,}"),
    "noticed up to": ("{count:deadline|deadlines} noticed up to {moment}", "到 {moment} 为止察觉了 {count:,} 个期限"),
    "noticing": (
        "noticing what is due with {workers:worker|workers}. Ctrl-C stops.",
        "正在用 {workers:,} 个线程察觉到期的期限。按 Ctrl-C 停止。",
    ),
    "sending": ("sending messages with {workers:worker|workers}. Ctrl-C stops.", "正在用 {workers:,} 个线程发送消息。按 Ctrl-C 停止。"),
    "deadlines would run": (
        "deadlines: {armed:,} would run, {at_once:,} of them are past already and would be told at once, each at its highest rung",
        "期限：将有 {armed:,} 个计时，其中 {at_once:,} 个已过期，会立即告知，各按其最高阶梯级",
    ),
    "deadline would run": ("  {kind} {deadline}: {armed:,} run, {at_once:,} told at once", "  {kind} {deadline}：{armed:,} 个计时，{at_once:,} 个立即告知"),
    # replays
    "report written": ("{file} holds the report", "报告写入 {file}"),
    "replay is": ("{replay} is {state}", "回放 {replay}：{state}"),
    "replay dropped": ("{replay} is dropped", "{replay} 已删除"),
    "replay cancelled": (
        "the replay {replay} is cancelled and nothing is kept of it; run the same again to begin it anew",
        "回放 {replay} 已取消，未保留任何结果；再次运行同一命令即可重新开始",
    ),
}  # fmt: skip

_BOTH: Mapping[str, tuple[str, str]] = {**_VERBS, **DEMO}


class _Counted(int):
    """A number that a text in braces asks for by the forms of its noun: the first for one, the second for any other."""

    def __format__(self, spec: str) -> str:
        one, bar, several = spec.partition("|")
        return f"{int(self):,} {one if self == 1 else several}" if bar else int(self).__format__(spec)


def sentence(what: str, language: str, **figures: object) -> str:
    """Return a sentence in `zh` or `en` with its figures."""
    said = _BOTH[what][language == "zh"]
    counted = {
        name: _Counted(figure) if isinstance(figure, int) and not isinstance(figure, bool) else figure
        for name, figure in figures.items()
    }
    return said.format(**counted)


def sentences() -> Mapping[str, tuple[str, str]]:
    """Return everything there is to say, in English and in Chinese."""
    return _BOTH
