"""What the terminal says of replays, in both languages, as the glossary has it. Names in braces are figures."""

from collections.abc import Mapping

from infra.http.language import Language

_BOTH: Mapping[str, tuple[str, str]] = {
    # the law, and what changes
    "reproduces": (
        "reproduces {reproduced:,} of {decisions:,} recorded decisions under the published rules{erased}",
        "按当时发布的规则，重现了 {decisions:,} 个已记录决定中的 {reproduced:,} 个{erased}",
    ),
    "erased": (", {count:,} hang on erased values", "，{count:,} 个取决于已抹除的值"),
    "different": (
        "{count:,} come out differently, which must not be; first at position {position}",
        "{count:,} 个结果不同，这不应发生；第一个在位置 {position}",
    ),
    "changes": (
        ("the draft of {playbook!r} changes [bold]{changed:,}[/bold] of {judged:,} decisions:"
        " {newly_refused:,} newly refused, {newly_allowed:,} newly allowed;"
        " {records:,} records, {people:,} people; {not_judgeable:,} cannot be judged"),
        ("{playbook!r} 的草案使 {judged:,} 个决定中的 [bold]{changed:,}[/bold] 个有变化："
        "新增拒绝 {newly_refused:,} 个，新增放行 {newly_allowed:,} 个；"
        "涉及 {records:,} 条记录、{people:,} 人；{not_judgeable:,} 个无法判定"),
    ),
    "nothing live": (
        ("Nothing live was changed. replay {id}: `{program} replay cases {id} --verdict newly_refused`"
        " lists decisions, `{program} replay report {id} --out FILE` writes the report."),
        ("在用数据没有任何改变。回放 {id}：`{program} replay cases {id} --verdict newly_refused` 列出决定，"
        "`{program} replay report {id} --out FILE` 生成报告。"),
    ),
    # titles of tables
    "rules": ("requirements that make the difference", "造成差异的要求"),
    "edges": ("moves", "阶段变更"),
    "people of decisions": ("people", "人员"),
    "index": ("index {label}: {changed:,} of {cells:,} values change", "指数 {label}：{cells:,} 个值中有 {changed:,} 个变化"),
    "those that move most": ("; those that move most:", "，变动最大的是："),
    "more rows": ("… and {count:,} more rows ({where})", "……另有 {count:,} 行（{where}）"),
    "in the dataset": ("the dataset index_values has all", "数据集 index_values 里有全部"),
    "in json": ("--json lists all", "--json 列出全部"),
    "law of subject": (
        "{subject}: reproduces {reproduced:,} of {decisions:,} under the published rules{erased}",
        "{subject}：按当时发布的规则，重现了 {decisions:,} 个中的 {reproduced:,} 个{erased}",
    ),
    "changes of subject": (
        "the draft changes {changed:,}, takes away {gone:,}, adds {new:,} of {judged:,}; {not_judgeable:,} cannot be judged",
        "草案在 {judged:,} 个中改变 {changed:,} 个，减少 {gone:,} 个，增加 {new:,} 个；{not_judgeable:,} 个无法判定",
    ),
    "list subject": (
        "`{program} replay cases {id} --subject {name} --verdict differs` lists them",
        "`{program} replay cases {id} --subject {name} --verdict differs` 列出它们",
    ),
    "deadlines": ("deadlines", "期限"),
    "approvals": ("approvals", "审批"),
    "assignment": ("assignment", "分配"),
    "reactions": ("reactions", "联动"),
    # what the draft says
    "draft against": ("what the draft says otherwise than version {version}", "草案与版本 {version} 的不同之处"),
    "all is new": ("no version was in force, so all of it is new", "当时没有生效的版本，全部内容都是新的"),
    "no changes": ("the draft says the same as version {version}", "草案与版本 {version} 内容相同"),
    "part gates": ("gate", "关口"),
    "part fields": ("field", "字段"),
    "part indices": ("index", "指数"),
    "part other": ("other", "其他"),
    "part words": ("wording", "措辞"),
    "about": ("about", "关于"),
    "place": ("where", "位置"),
    "says now": ("now", "现行"),
    "says draft": ("draft", "草案"),
    # columns
    "name": ("name", "名称"),
    "was": ("was", "原来"),
    "would": ("would be", "将会"),
    "gone": ("gone", "减少"),
    "new": ("new", "新增"),
    "changed": ("changed", "改变"),
    "differs": ("differs", "有差异"),
    "person": ("person", "人员"),
    "at": ("when (UTC)", "时间 (UTC)"),
    "person was": ("who it was", "原来是谁"),
    "person would": ("who it would be", "将会是谁"),
    "requirement": ("requirement", "要求"),
    "requirements": ("requirements", "要求"),
    "id": ("id", "标识"),
    "verdict": ("verdict", "结论"),
    "decisions": ("decisions", "决定"),
    "records": ("records", "记录"),
    "people": ("people", "人员"),
    "delayed by (median)": ("delayed by (median)", "延后（中位数）"),
    "delayed by": ("delayed by", "延后"),
    "never met": ("never met", "始终未满足"),
    "from": ("from", "从"),
    "to": ("to", "到"),
    "who answers for the record": ("who answers for the record", "记录的负责人"),
    "why": ("why", "原因"),
    "period": ("period", "周期"),
    "whose": ("whose", "对象"),
    "before": ("before", "之前"),
    "after": ("after", "之后"),
    "change": ("change", "变化"),
    "because of": ("because of", "原因"),
    "state": ("state", "状态"),
    "playbook": ("playbook", "打法手册"),
    "draft": ("draft", "草案"),
    "decisions after": ("decisions after", "决定始于位置"),
    "up to": ("up to", "止于位置"),
    "log at": ("log at", "日志位置"),
    "asked (UTC)": ("asked (UTC)", "发起时间 (UTC)"),
    "position": ("position", "位置"),
    "record": ("record", "记录"),
    "move": ("move", "阶段变更"),
    "owner": ("owner", "负责人"),
    "forecast": ("forecast", "预测"),
    "actual": ("actual", "实际"),
    "per 100": ("per 100", "每百个决定"),
    "of": ("of", "决定总数"),
    "held up: forecast": ("held up: forecast", "延后：预测"),
    "window": ("decisions recorded from {first} to {last}", "判定的决定记录于 {first} 至 {last}"),
    "log began": ("; the log began {began}, so there is nothing earlier", "；日志开始于 {began}，没有更早的记录"),
    "index name": ("index", "指数"),
    "was over": ("over when forecast", "预测时已结束"),
    "compared": ("compared", "比较的值"),
    "differ": ("differ", "有差异"),
    "on average": ("by (mean)", "平均差异"),
    "at most": ("by (largest)", "最大差异"),
    "forecast unknown": ("forecast unknown", "预测未知"),
    "actual unknown": ("actual unknown", "实际未知"),
    "indices compared": ("indices: forecast and truth", "指数：预测与实际"),
    "indices that differ most": ("values that differ most", "差异最大的值"),
    # values
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "unchanged": ("unchanged", "不变"),
    "newly_refused": ("newly refused", "新增拒绝"),
    "newly_allowed": ("newly allowed", "新增放行"),
    "not_judgeable": ("not judgeable", "无法判定"),
    "opening": ("(opening)", "（新建）"),
    "nobody": ("nobody", "无人"),
    "unknown": ("unknown", "未知"),
    "never": ("never", "从未"),
    "all": ("all", "全部"),
    "file": ("file", "文件"),
    "queued": ("queued", "排队中"),
    "running": ("running", "进行中"),
    "done": ("done", "已完成"),
    "failed": ("failed", "失败"),
    "cancelled": ("cancelled", "已取消"),
    "interrupted": ("interrupted", "已中断"),
    "how far": (" {done}/{of}, {left} left", " {done}/{of}，还需 {left}"),
    # lists and comparisons
    "how many": ("{shown:,} of {total:,} decisions{more}", "{total:,} 个决定中的 {shown:,} 个{more}"),
    "next page": ("; the next page: --cursor {cursor}", "；下一页：--cursor {cursor}"),
    "in force since": (
        "{playbook} v{version}, in force since position {position:,}",
        "{playbook} v{version}，自位置 {position:,} 起生效",
    ),
    "no index": (
        "a version for a scope changes no index: indices are measured as the version for everybody says",
        "限定范围的版本不改变任何指数：指数按面向全体的版本衡量",
    ),
    "no forecast": (
        "the result of the replay is not kept any more, so its forecast is unknown",
        "回放的结果已不再保存，因此预测未知",
    ),
}  # fmt: skip


def say(what: str, language: Language, **figures: object) -> str:
    """Return a word or a sentence about replays, with its figures."""
    said = _BOTH[what][language == "zh"]
    return said.format(**figures) if figures else said


def words() -> Mapping[str, tuple[str, str]]:
    """Return everything there is to say, in English and in Chinese."""
    return _BOTH
