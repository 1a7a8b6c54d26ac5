"""What is wrong with a playbook, in Chinese: sentences known by how they read in English, each one row of a table.

Messages are made where the mistake is found, which knows no reader. What is not listed here stays in English: said in one language is
better than said wrong. In a row `{}` stands for anything, `{thing}` for what there is none of, `{type}` for the type of a field with its
article; the Chinese side takes them in the order of the English one as `{0}`, `{1}` …
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from commands.playbook_file import FileProblem

THINGS: Final[Mapping[str, str]] = {
    "dimension": "维度", "number": "数值", "move": "变更方式", "variant": "变体",
    "field": "字段", "option": "选项", "stage": "阶段", "step": "环节", "path": "路径", "kind": "类型", "kind of touch": "触达", "relation": "关系", "role": "角色",
    "team": "团队", "evidence field": "证据字段", "work template": "工作模板", "checklist item": "清单项", "fork": "分叉", "leg": "分支", "choice field": "选项字段",
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
}  # fmt: skip
"""What messages say there is none of."""

_TYPES: Final[Mapping[str, str]] = {
    "text": "文本", "number": "数字", "money": "金额", "date": "日期", "datetime": "时间", "boolean": "是否", "choice": "选项", "person": "人员",
    "reference": "引用", "phone": "电话", "email": "邮箱", "evidence": "证据",
}  # fmt: skip

SENTENCES: Final[Mapping[str, str]] = {
    # the file
    "is empty or not a mapping of names to values": "内容为空，或者不是“名称: 值”的结构",
    "is not UTF-8; save the file in that encoding": "不是 UTF-8 编码；请以该编码保存",
    "is not YAML: {}": "不是合法的 YAML：{0}",
    "is larger than {} bytes": "大于 {0} 字节",
    "has more than {} characters": "超过 {0} 个字符",
    "has more than {} names and values": "名称和值超过 {0} 个",
    "is nested more than {} deep": "嵌套超过 {0} 层",
    "cannot be read: {}": "无法读取：{0}",
    "aliases (*name) are not supported; repeat the value": "不支持别名（*name）；请重写该值",
    "merges (<<) are not supported; write the members themselves": "不支持合并（<<）；请直接写出成员",
    "the name {} is given twice": "名称 {0} 重复",
    "there is no member {} here": "此处没有成员 {0}",
    "the member {} is missing": "缺少成员 {0}",
    "the member {} is missing: {}": "缺少成员 {0}：{1}",
    "members are expected here, such as {}": "此处应为若干成员，如 {0}",
    "a text with a comma needs quotes when it stands in braces": "花括号中含逗号的文本须加引号",
    "a name is a text; put it in quotes": "名称须为文本；请加引号",
    "YAML reads this as true or false; put it in quotes": "YAML 会把它读成 true 或 false；请加引号",
    "{} is not a name: letters, digits and underscores, not beginning with a digit": "{0} 不是合法的名称：由字母、数字和下划线组成，不以数字开头",
    "{} is not a stretch of working time, as 09:00-12:00": "{0} 不是工作时段，应如 09:00-12:00",
    "{} is not a country by its ISO code, as CN, or a part of one, as DE-BY": "{0} 不是国家的 ISO 代码（如 CN）或其地区代码（如 DE-BY）",
    "{} is none of {}": "{0} 不在可选值之中：{1}",
    "{} is named twice": "{0} 重复",
    "Input should be a valid string": "应为文本",
    "Input should be a valid integer": "应为整数",
    "Input should be a valid boolean": "应为 true 或 false",
    "Input should be a valid list": "应为列表",
    "Input should be a valid tuple": "应为列表",
    "Input should be a valid dictionary": "应为“名称: 值”的结构",
    "Input should be a valid decimal": "应为数字",
    "Input should be greater than {}": "须大于 {0}",
    "Input should be greater than or equal to {}": "不得小于 {0}",
    "Input should be less than {}": "须小于 {0}",
    "Input should be less than or equal to {}": "不得大于 {0}",
    "String should have at least {} character": "文本至少 {0} 个字符",
    "String should have at least {} characters": "文本至少 {0} 个字符",
    "String should have at most {} characters": "文本最多 {0} 个字符",
    "a label cannot hold NUL": "标签不能含有 NUL",
    "a day is written as 2026-02-17": "日期写作 2026-02-17",
    "Input should be a valid date or datetime, {}": "应为日期或时间",
    "Input should be a valid string, unable to parse raw data as a unicode string": "文本含有孤立代理项",
    "Input should have timezone info": "时间须带时区偏移",
    "String should match pattern {}": "文本须符合格式 {0}",
    "Tuple should have at least {} item after validation, not {}": "至少须有 {0} 项，现有 {1} 项",
    "Tuple should have at least {} items after validation, not {}": "至少须有 {0} 项，现有 {1} 项",
    "Tuple should have at most {} items after validation, not {}": "最多 {0} 项，现有 {1} 项",
    "the character {} is not allowed": "不允许字符 {0}",
    "mapping values are not allowed here": "此处不能写“名称: 值”；含冒号的文本请加引号",
    "could not find expected ':'": "缺少冒号",
    "could not determine a constructor for the tag {}": "不支持标签 {0}",
    "found unexpected end of stream": "文件意外结束",
    "but found another document": "文件里有不止一份文档",
    "found character {} that cannot start any token": "不能以字符 {0} 开头",
    "expected {}, but found {}": "应为 {0}，却是 {1}",
    "No such file or directory": "没有此文件",
    "Is a directory": "这是目录",
    "Permission denied": "没有读取权限",
    "none is given": "一个也没有写",
    # values a playbook writes down
    "this field is in {}": "此字段的币种为 {0}",
    "this is not a number": "不是数字",
    "this is not an option of the field": "不是该字段的选项",
    "{} to {} options are expected, {} are given": "应选 {0} 至 {1} 项，实选 {2} 项",
    "exactly {} options are expected, {} are given": "应选 {0} 项，实选 {1} 项",
    "An amount is written in plain digits such as 1234.50, not {}.": "金额须写成普通数字，如 1234.50，而不是 {0}",
    # names
    "there is no {thing} {}": "没有{0} {1}",
    "there is no time zone {}; write one as Asia/Shanghai": "没有时区 {0}；请写成 Asia/Shanghai 的形式",
    "the {} {} is already that of {}; choose another one": "{0} {1} 已被 {2} 使用；请另选一个",
    "the name {} is taken by dealtrail itself; choose another one": "名称 {0} 由 dealtrail 自身使用；请另选一个",
    "{} is a word of the API itself; choose another one": "{0} 是 API 自身的词；请另选一个",
    "{} is not a money field; boards add up money": "{0} 不是金额字段；看板只汇总金额",
    "the subject must be 'self' or a reference field; {} is {type} field": "subject 须为 'self' 或引用字段；{0} 是{1}字段",
    # fields
    "money needs its currency, as currency: CNY": "金额须写明币种，如 currency: CNY",
    "only money has a currency": "只有金额才有币种",
    "a reference needs 'to', the kind it leads to": "引用须用 'to' 写明所指类型",
    "only a reference has 'to'": "只有引用才有 'to'",
    "only evidence has 'valid_days'": "只有证据才有 'valid_days'",
    "{type} field holds an id, never personal data": "{0}字段存的是 id，不是个人数据",
    "a choice needs its options": "选项字段须写明选项",
    "'options' and 'choose' belong to a choice, not to {type} field": "'options' 和 'choose' 属于选项字段，不属于{0}字段",
    "nobody can choose {} to {} of {} options": "无法在 {2} 个选项中选 {0} 至 {1} 项",
    "{} belongs to {}, not to {type} field": "{0} 属于{1}，不属于{2}字段",
    "'pattern_why' explains a 'pattern'; there is none": "'pattern_why' 用来说明 'pattern'，而此处没有",
    "no value is at least {} and at most {}": "没有既不小于 {0} 又不大于 {1} 的值",
    "{type} field is not looked up; text, phone, e-mail and numbers are": "{0}字段不能用于查找；文本、电话、邮箱和数字可以",
    "{} is {type} field; {type} field is never the same": "{0} 是{1}字段；{2}字段不可能与之相同",
    "{} is personal, and {} would keep it open; make {} personal too": "{0} 是个人数据，而 {1} 会使其公开；请把 {2} 也设为个人数据",
    "{} is {type} field, and {} {type} field": "{0} 是{1}字段，而 {2} 是{3}字段",
    "text, phone and e-mail": "文本、电话和邮箱",
    "numbers and money": "数字和金额",
    "numbers": "数字",
    "text": "文本",
    "{} is evidence, which has no value to show": "{0} 是证据，没有可显示的值",
    # stages, paths, gates
    "every stage ends the path; at least one must have the outcome 'open'": "所有阶段都会结束路径；至少要有一个的 outcome 为 'open'",
    "a stage that ends the path has no nodes: nothing goes on there": "结束路径的阶段没有节点：到此不再进行",
    "every stage of this path ends it; at least one must be open": "此路径的阶段都会结束它；至少要有一个是进行中的",
    "{} does not lie on this path": "{0} 不在此路径上",
    "{} is evidence; list it under 'evidence'": "{0} 是证据；请列在 'evidence' 下",
    "{} is {type} field; only a reference leads to a field of another kind": "{0} 是{1}字段；只有引用才能指向其他类型的字段",
    "{} has no field {}": "{0} 没有字段 {1}",
    "{} is evidence, which is attached to its own record": "{0} 是证据，须上传到其所属记录",
    "{} has nodes, and records stand in those; name one": "{0} 有节点，记录停在节点上；请指定一个节点",
    "another gate has a condition {} that asks something else; give this one a name of its own": "另一关口已有条件 {0}，要求不同；请为此条件另起名称",
    "a stage is called {} already; each step has a name of its own": "已有名为 {0} 的阶段；每个环节须有自己的名称",
    "{} has a node {} already; each step has a name of its own": "{0} 已有节点 {1}；每个环节须有自己的名称",
    # what is measured
    "whoever stands here has come in already; this would always be done": "停在此处的记录已经进入；此动作会一直算作已完成",
    "another step has an action {} that is something else; give this one a name of its own": "另一环节已有不同的动作 {0}；请为此动作另起名称",
    "what is asked is its own answer; say what the other side does": "请求与答复相同；请写明对方做什么",
    "the band {} starts at {} already": "档位 {0} 已从 {1} 开始",
    "no score is below 0; this cap would never hold": "没有低于 0 的分数；此上限不会起作用",
    "say what happens by one of 'touch', 'evidence', 'field' and 'enters'; of these only one": "请用 'touch'、'evidence'、'field'、'enters' 之一写明发生什么；只写一个",
    "say what happens by one of 'touch', 'evidence', 'field' and 'enters', so that the events show whether it was done":
        "请用 'touch'、'evidence'、'field'、'enters' 之一写明发生什么，以便由事件看出是否做了",
    "'one_of' lists options of a 'field'; there is none": "'one_of' 列出某个 'field' 的选项，而此处没有",
    "'one_of' belongs to a choice; {} is {type} field": "'one_of' 属于选项字段；{0} 是{1}字段",
    "{} is personal; nothing is counted by its values": "{0} 是个人数据；不按其值计数",
    "{} is evidence; it is attached, not filled in": "{0} 是证据；须上传，不能填写",
    "{} is measured by period, and an index of stuck records looks at the last days of their owner; freshness, touches, evidence and acceptance can be measured so":
        "{0} 按周期计算，而停滞记录的指数看的是其负责人最近几天；鲜活度、触达、证据和推进通过率可以这样计算",
    "no stage of {} has 'actions'; nothing would be measured": "{0} 没有一个阶段写了 'actions'；没有可计算的内容",
    "{} has no {}; nothing would be measured": "{0} 没有 {1}；没有可计算的内容",
    "{} has no 'healthy' actions; nothing would be measured": "{0} 没有 'healthy' 动作；没有可计算的内容",
    "{} has no evidence fields; nothing would be measured": "{0} 没有证据字段；没有可计算的内容",
    "{} has no stages; nothing would be measured": "{0} 没有阶段；没有可计算的内容",
    "responses are measured in business time, which needs the 'calendar' of the playbook": "响应按工作时间计算，需要打法手册的 'calendar'",
    "{} ends the path; no record is stuck there": "{0} 结束路径；没有记录会停滞在那里",
    "an index of stuck records speaks of the moment asked; it has no 'period'": "停滞记录的指数说的是查询时刻；没有 'period'",
    "say what it follows by exactly one of 'fork', 'work' and 'request'": "请用 'fork'、'work'、'request' 中的一个写明它跟在什么之后",
    "a clock is chosen for work; this one has no other": "clock 用于工作；此处没有别的时钟",
    "say within how many hours; nothing else does, so it would never be late": "请写明多少小时内；否则永远不会逾期",
    # calendar
    "an offset begins at a moment, as {}": "偏移从某一时刻开始，如 {0}",
    "an offset is at most 18 hours, in seconds east of Greenwich": "偏移最多 18 小时，以格林尼治以东的秒数表示",
    "offsets stand in the order of their moments": "偏移须按时刻先后排列",
    "the first offset is that at the beginning of {}; leave 'offsets' out, and they are looked up": "第一个偏移须为 {0} 年初的偏移；去掉 'offsets' 即自动查出",
    "the holidays of {} in {} are not known; name a part of the country by its ISO code, or list 'days_off'": "不知道 {1} 的 {0} 的节假日；请用 ISO 代码写明地区，或列出 'days_off'",
    "the holidays of {} are not known; name a country by its ISO code, or list 'days_off'": "不知道 {0} 的节假日；请用 ISO 代码写明国家，或列出 'days_off'",
    "nobody works in this week; give at least one day some hours": "这一周没有工作时间；请至少为一天写明时段",
    "the calendar would end in {}, before its first year": "日历将在 {0} 结束，早于其首年",
    "a calendar covers at most {} years": "日历最多涵盖 {0} 年",
    "every working day is a day off; leave at least one to work on": "每个工作日都是休息日；请至少留下一天",
    "{} is a day off as well; leave one of them out": "{0} 同时也是休息日；请去掉其中一个",
    "{} lies outside the years {} to {}": "{0} 不在 {1} 至 {2} 年之内",
    "{} ends before it begins; past midnight it is two days": "{0} 的结束早于开始；跨过午夜须写成两天",
    "{} overlaps {}": "{0} 与 {1} 重叠",
    "business hours need a calendar, and the playbook has none: write `calendar:`, or `by: clock`": "工作时间需要日历，而此打法手册没有：请写 `calendar:`，或 `by: clock`",
    # deadlines
    "{} and {} are both given": "{0} 和 {1} 同时给出",
    "a deadline waits for exactly one thing, as {} say; {}": "期限只等一件事，由 {0} 指明；{1}",
    "stages limit silence; leave them out, or say on_silence": "stages 用来限定无人跟进；请去掉，或写 on_silence",
    "only work is answered before it is done: say on_work, or leave the clock out": "只有工作才有先答复后完成：请写 on_work，或去掉 clock",
    "say how long it may take, in hours: nothing is due at once": "请写明时限（小时）：没有事情会立即到期",
    "nothing is due at once: give it more than 0 hours": "没有事情会立即到期：请给出大于 0 的小时数",
    "say how long the approval may take, in hours": "请写明审批时限（小时）",
    "say how long it may take, here or as {} of the template": "请写明时限：写在此处，或写成模板的 {0}",
    "{} is {type} field; a date is waited for": "{0} 是{1}字段；等待的应为日期",
    "{} is personal, and nobody opens what is personal to watch a clock": "{0} 是个人数据，不会为计时而打开",
    "the ladder begins at the due moment: the first rung waits 0 hours": "阶梯从到期时刻开始：第一级等待 0 小时",
    "the ladder leads backwards: this rung waits {} hours, the one below it {}": "阶梯倒退：此级等待 {0} 小时，下一级等待 {1} 小时",
    "only work has an assignee; of a record the owner is told": "只有工作才有承办人；记录应通知负责人",
    "say after how many hours it is repeated": "请写明多少小时后重复",
    "say how often it is repeated": "请写明重复几次",
    # work and approvals
    "nothing shows when this is done: ask for fields of its form (requires), evidence or a checklist, or say 'done_by_word: true'":
        "看不出何时算完成：请要求表单字段（requires）、证据或清单，或写 'done_by_word: true'",
    "this asks for more than somebody's word; leave 'done_by_word' out": "此处要求的不只是口头确认；请去掉 'done_by_word'",
    "evidence is attached to the record: make it a field of the kind, and list it under 'evidence'": "证据上传到记录：请设为该类型的字段，并列在 'evidence' 下",
    "values are looked up for fields of records, not for those of a form": "查找用于记录的字段，不用于表单字段",
    "a compliance point is a duty; it cannot be left open": "合规点是必须做的，不能留空",
    "this is required, and {} before it is not; make both the same": "此项必做，而其前面的 {0} 不是；请改为一致",
    "the work is due after {} hours, before this answer is": "工作在 {0} 小时后到期，早于此答复",
    "the work is due after {} hours, before this item is": "工作在 {0} 小时后到期，早于此项",
    "nobody could ever tick this: {}": "此项永远无法勾选：{0}",
    "the template {} is for the role {}; leave this one out": "模板 {0} 面向角色 {1}；请去掉此处的角色",
    "there are {} legs; {} of them can never be done": "共有 {0} 个分支；不可能完成其中 {1} 个",
    "{} roles decide here; {} can never approve": "此处由 {0} 个角色决定；不可能有 {1} 个同意",
    "this is the only level: say 'when' of the chain, or it could end without anybody asked": "这是唯一一级：请写在审批链的 'when' 中，否则可能无人审批就结束",
    "'all', 'any', or how many legs must be done": "应为 'all'、'any'，或须完成的分支数",
    # pools, people
    "a pool is named without slashes and spaces": "线索池的名称不含斜线和空格",
    "no record enters it: {} stands before it and takes all of the kind": "没有记录会进入：{0} 排在前面，收走了该类型的全部记录",
    "the regions are listed already; say them, or the field of the record": "大区已列出；请只写大区，或只写记录的字段",
    "no stage of the kind is 'won'; nothing would be judged": "该类型没有 'won' 阶段；没有可判断的内容",
    "{} is not a choice of one of several options": "{0} 不是单选字段",
    "{} is personal; nobody is chosen by it": "{0} 是个人数据；不能据此选人",
    "nobody is looked for in this pool; leave the alert out, or give it rules": "此池不找人；请去掉 alert，或写明规则",
    "say one of 'person', 'role' and 'pool'": "请在 'person'、'role'、'pool' 中写一个",
    "a person is expected, as person/per_…": "应为人员，如 person/per_…",
    "{} holds records of {}; name a pool of the same kind": "{0} 存放的是 {1} 的记录；请指定同一类型的池",
    "the fallbacks lead in a circle: {}": "兜底形成循环：{0}",
    "{} does not work here; name somebody who does, or a role": "{0} 不在职；请指定在职人员，或一个角色",
    "there is no team {}; form it first, or leave it out": "没有团队 {0}；请先组建，或去掉",
    "nobody is in the team {}; put somebody into it first, or leave it out": "团队 {0} 中没有人；请先加入成员，或去掉",
    "only 'best_win_rate' looks at the last closed records": "只有 'best_win_rate' 会看最近结束的记录",
    "win rates are those of the record's region; name its field in 'region_of' of the candidates": "赢单率按记录的大区计算；请在候选人的 'region_of' 中写明其字段",
    "in chains of approval {} means somebody above the requester; call the role otherwise": "在审批链中 {0} 指请求人的上级；请为角色另起名称",
    "in reactions {} means somebody of the record; call the role otherwise": "在联动中 {0} 指记录的相关人员；请为角色另起名称",
    # quick entry and reactions
    "a playbook names no {}: list {} under 'asks', so that whoever taps says it": "打法手册不写明{0}：请把 {1} 列在 'asks' 下，由点击的人填写",
    "{} is evidence, which is attached: say the event {}": "{0} 是证据，须上传：请写事件 {1}",
    "nobody is there to name a person for the leg {}; give it a role, or its template": "没有人能为分支 {0} 指定人员；请为它或其模板写明角色",
    "the relation {} leads to records of {}, not of this kind": "关系 {0} 指向 {1} 的记录，而不是此类型",
    "it is narrowed by {}": "可用 {0} 收窄",
    "it is not narrowed by anything": "没有可用来收窄的",
    "nothing would come of this: give it a touch, fields, or a step (to)": "这不会产生任何结果：请写 touch、字段或环节（to）",
    "a note stands with a touch: say which (touch), or ask for a text field": "备注随联系而记：请写明 touch，或要求一个文本字段",
    "{} holds evidence, which is attached before; list it under 'evidence'": "{0} 存放证据，须先上传；请列在 'evidence' 下",
    "the preset knows the value of {} already; ask for it, or leave it in 'fields'": "预设已知 {0} 的值；请改为询问，或只留在 'fields' 中",
    "a preset writes something; an empty value would clear the field": "预设须写入内容；空值会清空字段",
    "{} has nodes, and a record stands in one of them; name it": "{0} 有节点，记录停在其中之一；请指定节点",
    "{} has no {}: {}; leave it out": "{0} 没有 {1}：{2}；请去掉",
    "this kind has no {}, so it never happens; write `{}:` first": "此类型没有 {0}，因此不会发生；请先写 `{1}:`",
    "a step does exactly one thing, one of {}; {}": "每一步只做一件事，为以下之一：{0}；{1}",
    "say what it does: one of {}": "请写明做什么，为以下之一：{0}",
    "it is due within hours or by a date, not both: leave one of them out": "到期写小时数或日期，不能同时写：请去掉一个",
    "the template {} is for no role: say the 'assignee', or its role": "模板 {0} 不面向任何角色：请写 'assignee'，或为其写明角色",
    "the template {} is for the role {}; leave this out": "模板 {0} 面向角色 {1}；请去掉此项",
    "the link fills this field; leave it out here": "此字段由 link 填写；请在此去掉",
    "{} is no reference to records of {}; name one that is": "{0} 不是指向 {1} 记录的引用；请另指定一个",
    "{} is evidence, which somebody attaches": "{0} 是证据，须由人上传",
    "a value of the field is expected, or {from: another field}": "应为该字段的值，或 {from: 另一字段}",
    "these set each other off without end: {}; narrow what one of them is set off by ('on'), or leave a step out":
        "这些联动会无休止地互相触发：{0}；请收窄其中一个的触发条件（'on'），或去掉一步",
    # publishing
    "the kind {} would disappear with its records; keep it": "类型 {0} 将连同其记录消失；请保留",
    "the role {} would disappear with the people who hold it; keep it": "角色 {0} 将消失，而仍有人担任；请保留",
    "the {thing} {} would disappear with what records hold; keep it": "{0} {1} 将连同记录中的内容消失；请保留",
    "the type of the field {} cannot change once it is published; keep it, and give a field of another type another name":
        "字段 {0} 发布后类型不能更改；请保留，另一类型的字段请另起名称",
    # rules
    "The rule is empty.": "规则为空。",
    "There is no {thing} {}.": "没有{0} {1}。",
    "There is no {thing} {}. It is one of {}.": "没有{0} {1}。可选：{2}。",
    "There is no {thing} {}. A rule reads the fields of its own kind.": "没有{0} {1}。规则只读本类型的字段。",
    "A comparison with NULL is never true; write {}.": "与 NULL 比较永远不成立；请写 {0}。",
    "NULL is written only in IS NULL and IS NOT NULL.": "NULL 只写在 IS NULL 和 IS NOT NULL 中。",
    "NULL in a list is never found; ask IS NULL beside it.": "列表中的 NULL 永远匹配不到；请另写 IS NULL。",
    "A list after IN holds literal values only.": "IN 之后的列表只能含字面值。",
    "The pattern after LIKE is written out, in single quotes.": "LIKE 之后的模式须用单引号写出。",
    "A pattern is written out, in single quotes.": "模式须用单引号写出。",
    "An option is written out, in single quotes.": "选项须用单引号写出。",
    "A rule has at most {} characters.": "规则最多 {0} 个字符。",
    "A rule has at most {} parts, this one has {}.": "规则最多 {0} 个部分，此规则有 {1} 个。",
    "A rule is nested at most {} deep, this one is {}.": "规则最多嵌套 {0} 层，此规则为 {1} 层。",
    "A rule has no comments; say it in the description of the rule.": "规则中没有注释；请写在规则的说明里。",
    "The quote {} is never closed.": "引号 {0} 没有闭合。",
    "This parenthesis is never closed.": "此括号没有闭合。",
    "This parenthesis closes nothing.": "此括号没有对应的左括号。",
    "An operator such as AND is missing before {}.": "{0} 之前缺少运算符，如 AND。",
    "A value is missing before {}.": "{0} 之前缺少值。",
    "A value is missing after {}.": "{0} 之后缺少值。",
    "The expression around {} is not complete.": "{0} 附近的表达式不完整。",
    "This is not an expression.": "这不是表达式。",
    "This expression is not part of the rule language.": "规则语言不支持此表达式。",
    "The character {} is not part of the rule language.": "规则语言不支持字符 {0}。",
    "{} is not part of the rule language.": "规则语言不支持 {0}。",
    "A name cannot be empty; a string stands in single quotes.": "名称不能为空；字符串用单引号。",
    "Only NULL, TRUE or FALSE follows IS.": "IS 之后只能是 NULL、TRUE 或 FALSE。",
    "{} is {}, but {} is {}; only values of one type go together.": "{0} 与 {2} 类型不同（{1}；{3}）；只有同类型的值才能放在一起。",
    "A condition is needed here, but {} is {}.": "此处应为条件，而 {0} 是值（{1}）。",
    "The pattern is too large: its repetitions mean {} places, {} are the limit.": "模式过大：其重复相当于 {0} 处，上限为 {1} 处。",
    "A pattern cannot look around; every part of it is found in its place.": "模式不能环视；其每一部分都就地匹配。",
    "This parenthesis is never closed; write {} for a parenthesis.": "此括号没有闭合；括号本身请写成 {0}。",
    "{} means different characters to different engines.": "{0} 在不同引擎中含义不同。",
    "A date is written year-month-day.": "日期写作 年-月-日。",
    "A moment is written with date, time and its offset from UTC.": "时间须写明日期、时刻和相对 UTC 的偏移。",
    "{} is not in the calendar.": "日历中没有 {0}。",
    "These two choices have no option in common, so they are never equal.": "这两个选项字段没有共同的选项，永远不会相等。",
}  # fmt: skip
"""English sentences, and the same in Chinese."""

_PLACE: Final = re.compile(r"\{(?:thing|type)?\}")


def _pattern(english: str) -> "re.Pattern[str]":
    """What a sentence looks like with anything in its places."""
    places = {"{}": "(.+?)", "{thing}": f"({'|'.join(sorted(THINGS, key=len, reverse=True))})", "{type}": "(?:an?|A) (\\w+)"}  # fmt: skip
    parts, at = [], 0
    for found in _PLACE.finditer(english):
        parts += [re.escape(english[at : found.start()]), places[found[0]]]
        at = found.end()
    return re.compile("".join([*parts, re.escape(english[at:])]), re.DOTALL)


def _said(english: str, chinese: str) -> Callable[["re.Match[str]"], str]:
    kinds = _PLACE.findall(english)
    words: Mapping[str, Mapping[str, str]] = {"{thing}": THINGS, "{type}": _TYPES, "{}": {}}

    def said(found: "re.Match[str]") -> str:
        # What a sentence quotes may be a sentence of the table itself.
        told = [
            words[kind].get(text) or playbook_in_chinese(text)
            for kind, text in zip(kinds, found.groups(), strict=True)
        ]
        return re.sub(r"\{(\d)\}", lambda place: told[int(place[1])], chinese)

    return said


_WHOLE: Final = {english: chinese for english, chinese in SENTENCES.items() if not _PLACE.search(english)}
# What says more of itself is tried first: a row that is nearly all `{}` would read any sentence as its own.
_PATTERNS: Final = tuple(
    (_pattern(english), _said(english, chinese))
    for english, chinese in sorted(SENTENCES.items(), key=lambda row: -len(_PLACE.sub("", row[0])))
    if english not in _WHOLE
)
_NAMED: Final = re.compile(
    r"(?P<what>.+?); (?:only )?(?P<names>'.+'|…)(?: and (?P<more>\d+) more)? can be named", re.DOTALL
)
_NOTHING_NAMED: Final = "; there is none to name"


def with_names(message: str, said: Callable[[str], str]) -> str | None:
    """Return in Chinese a message that ends with the names there are, its sentence as `said` has it; None where it ends otherwise."""
    if message.endswith(_NOTHING_NAMED):
        return f"{said(message.removesuffix(_NOTHING_NAMED))}；没有可选的名称"
    listed = _NAMED.fullmatch(message)
    if listed is None:
        return None
    more = f"，另有 {listed['more']} 个" if listed["more"] else ""
    return f"{said(listed['what'])}；可选：{listed['names']}{more}"


def playbook_in_chinese(message: str) -> str:
    """Return a message about a playbook in Chinese; one that is not known stays in English."""
    listed = with_names(message, playbook_in_chinese)
    if listed is not None:
        return listed
    if message in _WHOLE:
        return _WHOLE[message]
    for pattern, said in _PATTERNS:
        if (found := pattern.fullmatch(message)) is not None:
            return said(found)
    return message


def file_problem_in_chinese(name: str, problem: FileProblem) -> str:
    """Return in Chinese what is wrong at a place of a file, and what was probably meant."""
    said = playbook_in_chinese(problem.message)
    if problem.suggestion:
        said = f"{said.rstrip('。.')}；是否想写 {problem.suggestion!r}？"
    return f"{name}：第 {problem.line} 行第 {problem.column} 列：{said}"
