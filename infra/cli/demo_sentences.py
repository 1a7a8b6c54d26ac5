"""What the demo says of itself, in both languages. Names in braces are figures, as in `sentences`."""

from collections.abc import Mapping

DEMO: Mapping[str, tuple[str, str]] = {
    "demo: a year": ("a year of selling", "一年的销售"),
    "demo: embedded": (
        "the demo uses the embedded PostgreSQL, not DATABASE_URL: a log that was begun is never dropped there",
        "演示使用自带的 PostgreSQL，不用 DATABASE_URL：那里已有的日志绝不会被删除",
    ),
    "demo: machine": (
        "dealtrail demo · Python {python} · {processors:processor|processors} · {platform}",
        "dealtrail 演示 · Python {python} · {processors:,} 个处理器 · {platform}",
    ),
    "demo: sold": (
        ("{people:person|people} sold for {days:day|days} up to {until}: {commands:command|commands}, {refused:,} refused by a gate,"
        " {events:event|events} in {seconds} s ({pace:,} events/s)"),
        ("{people:,} 人销售了 {days:,} 天，到 {until} 为止：{commands:,} 条命令，其中 {refused:,} 条被关口拒绝，"
        "共 {events:,} 个事件，用时 {seconds} 秒（每秒 {pace:,} 个）"),
    ),
    "demo: board": ("the board", "看板"),
    "demo: history": ("one deal's history", "一个商机的变更历史"),
    "demo: now": ("the same deal now", "同一商机的现状"),
    "demo: then": ("and as it was known three months ago", "三个月前所知的同一商机"),
    "demo: refused": (
        "a refused move: {deal} from {before} straight to {after}",
        "一次被拒绝的变更：{deal} 从“{before}”直接到“{after}”",
    ),
    "demo: nothing changed": (
        "nothing was changed; the attempt itself is kept as an event",
        "没有任何改变；这次尝试本身作为事件保留",
    ),
    "demo: sealed": ("is every event what it was when it was sealed?", "每个事件是否仍与封存时一致？"),
    "demo: over http": ("the same over HTTP", "通过 HTTP 查看同样的内容"),
    # measures
    "demo: how long": ("how long do deals stand in each step?", "商机在每个步骤停留多久？"),
    "demo: which visits": (
        "which visits are the {count:,} behind the median of {step!r}?",
        "“{step}”的中位数背后是哪 {count:,} 次停留？",
    ),
    "demo: as many cases": (
        "the first {shown:,} of {total:case|cases}: exactly as many as the number says",
        "{total:,} 个个案中的前 {shown:,} 个：与数字所说的一样多",
    ),
    "demo: stuck": (
        "{count:deal is|deals are} stuck in the POC for more than {days} days; what have their owners done lately?",
        "{count:,} 个商机停在 POC 超过 {days} 天；负责人最近做了什么？",
    ),
    "demo: the worst": (
        "the worst {shown:,} of {total:,}; each component: what was counted → its score",
        "{total:,} 个中最差的 {shown:,} 个；每个分项：数出的值 → 得分",
    ),
    # rules
    "demo: stricter": (
        "what would stricter rules have done to this year?   draft {number} is kept, and replayed",
        "如果规则更严，这一年会怎样？   草案 {number} 已保存并回放",
    ),
    "demo: values change": (
        "{label}: {changed:,} of {cells:value changes|values change}",
        "{label}：{cells:,} 个值中有 {changed:,} 个变化",
    ),
    "demo: move farthest": (
        "the {count:,} people and teams that move farthest; the report shows more",
        "变动最大的 {count:,} 个人员和团队；报告中有更多",
    ),
    "demo: report": ("report: {file}", "报告：{file}"),
    "demo: each team": (
        "{label} of each team: live → as the draft would have it, the same question twice",
        "各团队的{label}：现行 → 按草案，同一个问题问两次",
    ),
    "demo: weights": ("weights: {weights}", "权重：{weights}"),
    # what nobody does
    "demo: days": (
        "{days:day|days} in which nobody writes anything: {told:deadline is|deadlines are} noticed all the same",
        "{days:,} 天里没有人写入任何内容：{told:,} 个期限照样被察觉",
    ),
    "demo: backlog": (
        ("when the clock was switched on, {told:,} were past already: each was told once, at its highest rung; from position {position:,} on"
        " every event is one that no person caused"),
        "时钟启动时已有 {told:,} 个过期：各按其最高阶梯级告知一次；自位置 {position:,} 起，没有一个事件是人引起的",
    ),
    "demo: special price": (
        "a special price finds its people: {discount} % off {amount:,} yuan",
        "特价找到该审批的人：{amount:,} 元，折扣 {discount} %",
    ),
    "demo: who decides": (
        "under ten percent only the manager would have been asked, under half a million not the vice president; nobody agrees to what they asked for",
        "低于百分之十只问直属上级，低于五十万不问副总；谁都不能同意自己提出的事",
    ),
    "demo: leads": (
        "{count:lead comes in|leads come in}, and each finds an owner: who, and why not the others?",
        "{count:,} 条线索进来，每条都找到负责人：是谁，为什么不是别人？",
    ),
}  # fmt: skip
