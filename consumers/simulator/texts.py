"""What people write: short notes as salespeople leave them, and reasons."""

import random

PRODUCTS = {
    "edge_gateway": "边缘网关",
    "vision_camera": "视觉相机",
    "industrial_tablet": "工业平板",
    "sensor_node": "传感节点",
    "control_board": "定制主控板",
}
PROJECTS = {
    "edge_gateway": ("产线联网改造", "设备上云一期", "能源数据采集"),
    "vision_camera": ("外观检测升级", "装配防错", "出入库识别"),
    "industrial_tablet": ("车间报工终端", "巡检终端更换", "仓库手持替换"),
    "sensor_node": ("设备状态监测", "温湿度监控扩容", "振动监测试点"),
    "control_board": ("新机型主控定制", "国产化替代", "控制柜小型化"),
}
PAINS = {
    "downtime": ("关键设备每月停机约{n}小时，停一次损失{m}万元", "夜班停机没人知道，平均{n}小时后才处理"),
    "manual_recording": ("每班人工抄表{n}次，数据第二天才能汇总", "纸质报工错漏多，月底对账要{n}天"),
    "poor_yield": ("一次合格率比目标低{n}个百分点，返工都在最后一道发现", "外观不良靠目检，漏检率约{n}%"),
    "energy_cost": ("电费占制造成本{m}%，分不清是哪条线用的", "空压机夜间空转，估计每月多花{m}万元"),
    "data_islands": ("{n}套系统互不相通，报表靠手工拼", "设备品牌有{n}种，协议都不一样"),
    "slow_delivery": ("订单平均延迟{n}天，客户已经提了意见", "换线要{n}小时，小批量订单接不了"),
    "safety_incidents": ("去年发生{n}起险肇事件，集团要求年内整改", "人车混行区域没有预警"),
    "hard_maintenance": ("现场只有{n}名维护人员，远程看不到状态", "备件型号太多，平均{n}天才能修好"),
}
_NOTES = {
    "visit": (
        "到现场看了产线，{who}陪同。{pain}",
        "和{who}当面过了一遍方案，对{product}的防护等级还有疑问，回去补资料",
        "拜访{who}，介绍了同行案例；对方希望先在一条线上试",
        "参加客户周例会，{who}确认需求范围不含老厂区",
        "拜访采购和使用部门，交货期要求{n}周内，已反馈给交付",
        "带售前一起上门，量了安装位置，{n}个点位需要加支架",
        "和{who}对齐了决策流程：技术评审后上总经理办公会",
    ),
    "call": (
        "电话沟通{n}分钟，{who}说内部还在讨论",
        "{who}来电问{product}的供货周期，答复{n}周",
        "约下周拜访，{who}会叫上设备部一起",
        "确认资料已收到，{who}在等领导批示",
        "电话里了解到竞品也在报价，价格比我们低{n}%左右",
        "没接通，晚些时候回了电话，约定周{w}再聊",
    ),
    "wechat": (
        "微信发了{product}的规格书和案例视频",
        "{who}在微信里问能不能支持Modbus和OPC UA",
        "发了会议纪要，{who}回复“收到，没问题”",
        "微信确认周{w}下午到厂",
        "转发了同行业验收报告，{who}说会给领导看",
        "{who}发来现场照片{n}张，柜内空间比预想的小",
    ),
    "email": (
        "邮件发送技术澄清表，{n}项，请客户逐条回复",
        "收到客户邮件：招标参数初稿，售前在看",
        "邮件发送方案第{v}版，抄送技术部",
    ),
    "demo": (
        "现场演示{product}，接入{n}台设备，{who}认可实时性",
        "线上演示，客户{n}人参加，追问断网续传怎么做",
        "演示了报警联动，使用部门希望再简化操作",
        "样机演示顺利，{who}要求补一组高温数据",
    ),
}
_NOTES_OF_STAGE: dict[str, dict[str, tuple[str, ...]]] = {
    "lead_assigned": {
        "call": ("第一次通话，{who}介绍了大致需求，愿意再约", "前台转接，联系到{who}，先加微信"),
        "wechat": ("加上{who}微信，发了公司介绍", "{who}问有没有同行业案例，发了两份"),
        "email": ("发送公司介绍和{product}选型手册",),
        "visit": ("初次拜访{who}，参观了展厅和一条产线",),
    },
    "poc_feedback": {
        "call": ("{who}反馈POC第{v}周数据稳定", "POC现场掉线{v}次，售前远程排查"),
        "wechat": ("{who}发来POC日志，售前已下载", "提醒{who}本周要出POC结论"),
        "visit": ("到POC现场和{who}一起看数据，{n}0个点位中有{v}个异常",),
    },
    "requirements_frozen": {
        "call": ("{who}催报价，答应两天内给初稿", "和{who}逐条核对规格书，剩{v}条未定"),
        "visit": ("和{who}当面确认规格书，双方在冻结版上签字", "带方案初稿上门，{who}对点位图提了{v}处修改"),
        "email": ("发送规格书冻结版，请客户回签",),
    },
    "quoted": {
        "call": ("{who}说价格比预期高{n}%，希望再谈", "{who}确认报价已提交采购评审"),
        "wechat": ("{who}问付款方式能不能改月结", "{who}说总经理这周会看报价"),
        "email": ("发送报价单第{v}版", "客户邮件要求拆分硬件和服务报价"),
        "visit": ("和采购谈价，{who}要求再让{v}个点", "向决策层汇报方案和投资回报，{who}在场"),
    },
    "contract": {
        "email": ("客户邮件回复合同条款意见{n}条，转法务", "发送合同盖章版扫描件，请客户安排首付款"),
        "call": ("{who}说付款申请已提交财务", "催首付款，{who}答复下周排款"),
        "wechat": ("{who}确认发票信息", "{who}说财务月底统一付款"),
    },
}
EARLY_STEPS = (
    "售前周{w}前给出点位图",
    "周{w}和客户技术部开澄清会",
    "等客户提供三个月的历史数据，{n}天内跟进",
    "补充{product}的检测报告",
    "确认样机寄送地址，{n}天内发出",
    "请{product}产品经理周{w}参加技术交流",
)
LATE_STEPS = (
    "约总经理见面，准备投资回报测算",
    "法务审付款条款，周{w}给意见",
    "周{w}前回复采购的价格意见",
    "和交付确认排期，{n}天内给客户答复",
    "财务确认开票信息，周{w}前完成",
)
BACK_REASONS = {
    "needs_diagnosis": ("POC未通过，现场工况与诊断时描述不符，重新诊断", "客户换了负责人，需求要重新确认"),
    "project_confirmed": (
        "客户调整立项范围，POC方案要重新商定",
        "项目并入集团统一推进，试点现场要换，重新做演示",
    ),
    "poc_feedback": ("客户要求补测高温工况，POC重做", "测试数据被质疑，补做一轮对比测试"),
    "requirements_frozen": (
        "客户新增两个接口，规格书重新冻结",
        "外壳材质变更，规格和成本都要重算",
        "数量减半，方案要改",
    ),
    "quoted": ("合同谈判中客户要求重新报价", "付款方式改为月结，价格要重算", "客户要求分两期签，重新报价"),
}
REOPEN_REASONS = (
    "客户预算重新获批，主动联系我们",
    "竞品交付出现问题，客户回头询价",
    "新财年立项，原项目重启",
    "换了技术负责人，愿意再测一次",
)
LOSS_NOTES = {
    "price": "最终报价比对手高约{n}%，客户只看价格",
    "slow_response": "法务和财务来回{n}天，客户先和别家签了",
    "technical_fit": "接口协议适配工作量太大，评估要{n}周",
    "delivery_time": "客户要求{n}周内到货，排产做不到",
    "no_budget": "项目被集团暂缓，预算转到别的项目",
    "competitor": "对手有现成的行业案例，客户更放心",
    "unreachable": "联系{n}次未果，前台说负责人已调岗",
}
WAIVE_REASONS = (
    "战略客户首单，同意特批，后续批量按标准价",
    "客户承诺年度框架采购，本单让利",
    "竞品压价明显，保住样板客户，仅限本单",
)
HANDOVER_REASON = "原负责人离职，客户和商机移交"
REBALANCE_REASON = "手上项目过多，按产能重新分配"
NO_REASON_YET = "刚才漏写原因，补上："
CORRECTED_NOTES = (
    "更正：数量是{n}台，昨天听错了",
    "更正：约的是周{w}，不是昨天写的那天",
    "更正：对方说的是{n}周交货",
    "更正：竞品价格低的是{v}%",
)
CORRECTION_REASONS = ("昨天笔记有误，核对录音后更正", "和客户确认过，数字记错了", "同事指出与会议纪要不一致")
WRONG_DEAL_REASON = "记错商机：应记在{right}，不是{wrong}"
RESTORED_REASON = "预测会上发现金额多写一个零，恢复原值"
RELATION_ENDED_REASONS = {
    "subsidiary_of": "股权已转让，不再隶属于该集团",
    "follows": "核对后是独立采购的新项目，不是续单",
}
REVISION_REASON = "二季度起市场部做直播，线索来源里要能选到"


def note(rng: random.Random, kind: str, stage: str, who: str, product: str, pain: str) -> str:
    """Write what a touch was about."""
    of_stage = _NOTES_OF_STAGE.get(stage, {}).get(kind)
    known = of_stage if of_stage is not None and rng.random() < 0.7 else _NOTES[kind]
    return fill(rng, rng.choice(known), who=who, product=PRODUCTS[product], pain=pain)


def pain_record(rng: random.Random, pains: list[str]) -> str:
    """Write the pains down in the customer's words."""
    return "；".join(fill(rng, rng.choice(PAINS[pain])) for pain in pains)


def fill(rng: random.Random, text: str, **words: str) -> str:
    """Fill in figures, a weekday and whatever else a text asks for."""
    figures = {
        "n": str(rng.randrange(2, 19)),
        "m": str(rng.randrange(3, 26)),
        "w": rng.choice("一二三四五"),
        "v": str(rng.randrange(2, 6)),
    }
    return text.format(**figures, **words)
