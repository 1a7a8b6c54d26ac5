"""Names made up for the simulation: people with their spelling in Latin letters, companies, addresses nobody has."""

import random

_SURNAMES = (
    "王 wang", "李 li", "张 zhang", "刘 liu", "陈 chen", "杨 yang", "赵 zhao", "黄 huang", "周 zhou", "吴 wu", "徐 xu", "孙 sun",
    "马 ma", "朱 zhu", "胡 hu", "郭 guo", "何 he", "林 lin", "高 gao", "罗 luo", "郑 zheng", "梁 liang", "谢 xie", "宋 song",
    "唐 tang", "许 xu", "韩 han", "邓 deng", "冯 feng", "曹 cao", "彭 peng", "曾 zeng", "肖 xiao", "田 tian", "董 dong", "潘 pan",
    "袁 yuan", "蔡 cai", "蒋 jiang", "余 yu", "于 yu", "杜 du", "叶 ye", "程 cheng", "魏 wei", "苏 su", "吕 lv", "丁 ding",
)  # fmt: skip
_GIVEN = (
    "志远 zhiyuan", "晓琳 xiaolin", "嘉怡 jiayi", "浩然 haoran", "雨桐 yutong", "子轩 zixuan", "思源 siyuan", "佳宁 jianing",
    "建国 jianguo", "海燕 haiyan", "文博 wenbo", "欣悦 xinyue", "俊杰 junjie", "静怡 jingyi", "明哲 mingzhe", "丽华 lihua",
    "鹏飞 pengfei", "诗涵 shihan", "国栋 guodong", "梦洁 mengjie", "天宇 tianyu", "雪梅 xuemei", "一鸣 yiming", "若曦 ruoxi",
    "振华 zhenhua", "慧敏 huimin", "睿 rui", "倩 qian", "磊 lei", "婷 ting", "凯 kai", "颖 ying", "峰 feng", "薇 wei", "涛 tao", "楠 nan",
    "永强 yongqiang", "春兰 chunlan", "卫东 weidong", "秋实 qiushi", "泽宇 zeyu", "可欣 kexin", "立群 liqun", "素芬 sufen",
)  # fmt: skip
_CITIES = {
    "east": ("苏州", "无锡", "宁波", "合肥", "嘉兴", "上海"),
    "south": ("东莞", "佛山", "惠州", "厦门", "珠海", "深圳"),
    "north": ("天津", "唐山", "济南", "保定", "太原", "北京"),
    "southwest": ("成都", "绵阳", "重庆", "昆明", "贵阳", "德阳"),
    "central": ("武汉", "长沙", "郑州", "襄阳", "株洲", "南昌"),
}
_COINED = (
    "澜科 lanke", "岳恒 yueheng", "启砾 qili", "泓准 hongzhun", "川擎 chuanqing", "麦犀 maixi", "朗枢 langshu", "翌能 yineng",
    "砺锋 lifeng", "昕越 xinyue", "图樾 tuyue", "衡岚 henglan", "予禾 yuhe", "淬元 cuiyuan", "曜墨 yaomo", "柏臻 bozhen",
    "津砚 jinyan", "融驰 rongchi", "旌元 jingyuan", "霁明 jiming", "拓屿 tuoyu", "鲲迈 kunmai", "青拓 qingtuo", "禹桥 yuqiao",
    "沐川 muchuan", "钧策 junce", "逸枫 yifeng", "禾擎 heqing", "宸砾 chenli", "晟屿 shengyu", "垣景 yuanjing", "璟舟 jingzhou",
)  # fmt: skip
_TRADES = {
    "factory": ("精密制造", "自动化设备", "汽车零部件"),
    "process": ("新材料", "化工", "水泥"),
    "logistics": ("供应链", "冷链物流", "仓储"),
    "energy": ("新能源", "电力技术", "储能"),
    "park": ("园区运营", "城市服务", "物业科技"),
    "retail": ("商业连锁", "便利店", "生鲜零售"),
    "healthcare": ("医疗器械", "健康科技", "生物制药"),
    "transport": ("轨道交通", "智慧交通", "机务装备"),
}
JOB_TITLES = {
    "decider": ("总经理", "副总经理", "生产副总", "信息中心主任"),
    "technical": ("技术总监", "自动化工程师", "IT经理", "设备部长"),
    "purchasing": ("采购经理", "采购主管", "招标专员"),
    "user": ("车间主任", "班组长", "运维主管", "仓库主管"),
}


def person_name(rng: random.Random, taken: set[str] | None = None) -> tuple[str, str]:
    """Make up a person: the name, and its spelling for an e-mail address. Names in `taken` are not given again."""
    while True:
        surname, latin = rng.choice(_SURNAMES).split()
        given, given_latin = rng.choice(_GIVEN).split()
        name = surname + given
        if taken is None:
            return name, f"{latin}.{given_latin}"
        if name not in taken:
            taken.add(name)
            return name, f"{latin}.{given_latin}"


def company_name(rng: random.Random, region: str, industry: str, taken: set[str]) -> tuple[str, str]:
    """Make up a company that is not in `taken`, and the host name of its e-mail (a reserved one that leads nowhere)."""
    while True:
        coined, latin = rng.choice(_COINED).split()
        name = f"{rng.choice(_CITIES[region])}{coined}{rng.choice(_TRADES[industry])}有限公司"
        if name not in taken:
            taken.add(name)
            return name, f"{latin}.example"


def mobile(rng: random.Random) -> str:
    """Make up a mobile number that reaches nobody: no operator has the prefix 100."""
    return f"+86 100 {rng.randrange(10_000):04d} {rng.randrange(10_000):04d}"
