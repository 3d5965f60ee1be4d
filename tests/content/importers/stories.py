"""An issue of our own, with the habits of the trade: appendices, signatures, wrapped titles, a lost chart."""

from distributor.config.model import Section
from distributor.identifiers import SectionId
from tests.content.importers.raw_layer import Part, Story

SECTIONS = (
    Section(id=SectionId("market"), title="市场热点"),
    Section(id=SectionId("policy"), title="政策聚焦"),
    Section(id=SectionId("world"), title="国际资讯"),
    Section(id=SectionId("notice"), title="行业公告"),
)

CHART = Story(title="三家交易所周内成交走势（2019 年 3 月 4 日-2019 年 3 月 8 日）", date="2019-3-8", source="绿 E 站")

HEATING = Story(
    title="滨江区提前完成本年度老旧小区供热管网改造",
    date="2019-3-7",
    source="滨江区住房和建设局",
    paragraphs=(
        (
            "3 月 6 日，滨江区最后一个老旧小区完成供热管网改造，比计划提前了 25 天。全区今年共更换管道 41.6 公里，"
            "涉及居民 1.8 万户。"
        ),
        (
            "改造后，管网热损失由 19%降到 8%以内，一个采暖季可少烧标准煤 6200 吨。区里还给每栋楼装了远传热量表，"
            "住户在手机上就能看到自家的用热量。"
        ),
        "负责这项工作的人说，经费由市、区两级各出一半，居民没有花钱。",
    ),
)

METHOD = Story(
    title="滨江市人民政府办公室关于印发滨江市公共建筑能耗限额管理暂行办法的通知",
    date="2019-2-28",
    source="滨江市人民政府 办公室",
    paragraphs=(
        "滨政办〔2019〕17 号",
        "各区政府，市有关单位：",
        "《滨江市公共建筑能耗限额管理暂行办法》已经市政府第 32 次常务会议通过，现予印发，请照此办理。",
        "附件：滨江市公共建筑能耗限额管理暂行办法",
        "滨江市发展改革委 滨江市财政局",
        "2019 年 2 月 28 日",
        "滨江市公共建筑能耗限额管理暂行办法",
        (
            "为控制公共建筑的能源消耗，提高用能效率，根据本市节能条例（2016 年修订）和上级有关文件（〔2018〕9 号），"
            "制定本办法。"
        ),
        "一、适用范围",
        "本办法适用于建筑面积在 3000 平方米以上的机关办公楼、医院、学校、商场和宾馆。其他公共建筑可以参照执行。",
        "二、限额怎样确定",
        "（一）按建筑类别分档",
        (
            "1．机关办公楼按人均和单位面积两项指标考核，取其中较严的一项；医院、学校另行规定，由主管部门会同市发展改革委"
            "提出方案，报市政府批准。（市发展改革委、市机关事务管理局）"
        ),
        "2．商场和宾馆按单位面积考核，营业时间超过 12 小时的可以上浮 10％。（市商务局、市文化和旅游局）",
        "（二）每三年调整一次",
        "——连续两年低于限额 20%以上的，限额不再下调。",
        "——新建建筑投入使用满一年后核定限额。",
        "三、附则",
        "本办法自发布之日起施行，有效期三年。",
        "附件.doc",
    ),
    urls=("http://www.example.org/zfb/2019/files/w020190228.doc",),
)

GRID = Story(
    title="【走近电网】一座变电站里的储能电池",
    date="2019-3-5",
    source="绿色城市研究中心 调研组",
    paragraphs=(
        (
            "城东变电站的院子里多了四个白色的集装箱，里面是 8 兆瓦时的电池。白天光伏多的时候充电，晚上用电高峰时放电，"
            "一年可以少弃光 290 万千瓦时。"
        ),
        "电池从哪里来",
        "这些电池都是从公交车上退下来的。站长说，容量还剩七成多，用在这里正合适（New Life of Old Batteries）。",
        "投资多久收回",
        (
            "按现在的峰谷价差，大约需要 9 年；如果算上延缓扩建变压器省下的钱，可以缩短到 6 年左右。参加测算的人提醒，"
            "电价政策一变，结果就会不同。"
        ),
    ),
)

PORT = Story(
    title="北方港口联盟宣布从 2022 年起限制靠港船舶使用高硫燃料并逐步接通岸上电源",
    date="2019-3-1",
    source="航运观察网-绿色频道",
    paragraphs=(
        (
            "据联盟秘书处 3 月 1 日发布的消息，七个成员港口将从 2022 年起只向使用低硫燃料的船舶开放深水泊位，"
            "已经接通岸电的泊位占到 38%。秘书长雷纳特（Renate Holm）说，“船东已经有三年时间做准备。”"
        ),
        "附 件 1 ： Joint Statement of the Northern Ports on Shore Power and Low Sulphur Fuel",
        "附件 2：七港岸电建设进度表",
    ),
    urls=(
        "http://ports.example.net/2019/statement-en.pdf",
        "http://ports.example.net/2019/statement-en.pdf",
        "http://ports.example.net/2019/progress.pdf",
    ),
)

SUBSIDY = Story(
    title="关于公开征集建筑节能改造补贴项目的公告",
    paragraphs=(
        "各有关单位：",
        "为做好本年度补贴资金的安排，现向社会公开征集建筑节能改造项目，有关事项如下：",
        "一、 征集条件",
        "（一） 项目位于滨江市行政区域内；",
        "（二） 改造面积在 2000 平方米以上，且改造后能耗下降 15%以上；",
        "（三） 没有领过同类补贴。",
        "二、报名办法",
        "请于 2019 年 3 月 29 日前把材料一式两份送到市发展改革委 206 室，电子版发到 bjjn@example.com。",
        "滨江市发展和改革委员会",
        "2019 年 3 月 4 日",
    ),
)

TRAINING = Story(
    title="关于举办第 9 期能源管理师培训班的通知",
    paragraphs=(
        "2019 年 第 6 号",
        "第 9 期能源管理师培训班定于 4 月中旬在滨江举办，课程包括能源审计、合同能源管理和碳核算三部分，费用自理。",
        "附件：（会场索取）",
        "1、报名表",
        "2、日程安排",
        "滨江市节能协会",
        "2019 年 3 月 6 日",
    ),
)

ISSUE = (
    Part(title="市场热点", stories=(CHART, HEATING)),
    Part(title="政策聚焦", stories=(METHOD, GRID)),
    Part(title="国际资讯", stories=(PORT,)),
    Part(title="行业公告", stories=(SUBSIDY, TRAINING)),
)

STORIES = tuple(story for part in ISSUE for story in part.stories)
