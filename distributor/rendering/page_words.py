"""The fixed words that only feeds and pages need, in Chinese and English; `common.words` holds the shared ones.

Pure. A language enters, words leave. Staff may change every template; what they need to say in both languages is
here, so that no template branches on the language.
"""

from dataclasses import dataclass

from distributor.rendering.common import Tongue


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWords:
    """Words in one language; `{}` stands for a number, a name or a title."""

    all_articles: str
    all_about: str
    section_title: str
    section_about: str
    by_issue: str
    issues_title: str
    issues_about: str
    year: str
    latest_issue: str
    read_issue: str
    to_contents: str
    in_this_issue: str
    in_this_section: str
    breadcrumb: str
    section_count: str
    section_empty: str
    nothing_yet: str
    show_figures: str
    download_figures: str
    scroll_table: str
    scroll_chart: str
    feeds_heading: str
    feeds_lead: str
    feeds_what: str
    feeds_what_text: str
    feeds_how: str
    feeds_steps: tuple[str, ...]
    feeds_which: str
    feeds_table: str
    feeds_keep: str
    section_feeds: str
    lost: str
    lost_text: str
    between: str


_CHINESE = PageWords(
    all_articles="全部文章",
    all_about="《{}》最近五期的全部文章，每篇一条，附全文。",
    section_title="{} · {}",
    section_about="《{}》“{}”栏目最近五期的文章，每篇一条，附全文。",
    by_issue="按期，一期一条",
    issues_title="{} · 按期",
    issues_about="《{}》最近五期，每期一条，附目录和全文。",
    year="{}年",
    latest_issue="最新一期",
    read_issue="阅读本期",
    to_contents="回到目录",
    in_this_issue="本期文章",
    in_this_section="同栏目文章",
    breadcrumb="所在位置",
    section_count="共{}期、{}篇",
    section_empty="这个栏目还没有文章。",
    nothing_yet="还没有出版任何一期，请过几天再来。",
    show_figures="查看数据表",
    download_figures="下载数据（CSV）",
    scroll_table="表格，可左右滑动",
    scroll_chart="图，可左右滑动",
    feeds_heading="订阅源（RSS）",
    feeds_lead="用阅读器订阅，新的一期出版后会自动送到，不需要留下邮箱，随时可以取消。",
    feeds_what="什么是订阅源",
    feeds_what_text=(
        "订阅源是一个地址。把它交给阅读器，阅读器每隔一段时间来看一次，有新文章就列出来，"
        "全文可以直接在阅读器里看。订阅关系只存在您的阅读器里，我们不知道您是谁。"
    ),
    feeds_how="怎样订阅",
    feeds_steps=(
        "准备一个阅读器：手机、电脑上的阅读应用或网页阅读器都可以，只要写明支持 RSS 或 Atom。",
        "从下表选一个订阅源：想看全部就选“全部文章”，只关心某个栏目就选那个栏目。",
        "复制它的地址，在阅读器里点“添加订阅”，粘贴，确定。",
    ),
    feeds_which="三种格式内容相同。阅读器都认 Atom 时选 Atom；只认 RSS 的选 RSS；自己写程序读取的选 JSON。",
    feeds_table="全部订阅源",
    feeds_keep="订阅源保留最近五期；更早的文章都在往期里。",
    section_feeds="订阅本栏目",
    lost="没有找到这一页",
    lost_text="地址可能抄漏了，或者这一页还没有出版。文章的地址不会变动，可以从下面的入口找到它。",
    between="；",
)
_ENGLISH = PageWords(
    all_articles="All articles",
    all_about="All articles of the last five issues of {}, one entry each, in full.",
    section_title="{}: {}",
    section_about="{}, section “{}”: the articles of the last five issues, one entry each, in full.",
    by_issue="By issue, one entry each",
    issues_title="{}: by issue",
    issues_about="The last five issues of {}, one entry each, with contents and full text.",
    year="{}",
    latest_issue="Latest issue",
    read_issue="Read this issue",
    to_contents="Back to contents",
    in_this_issue="In this issue",
    in_this_section="In this section",
    breadcrumb="You are here",
    section_count="Issues: {}, articles: {}",
    section_empty="This section has no articles yet.",
    nothing_yet="No issue has been published yet; please come back in a few days.",
    show_figures="Show the figures",
    download_figures="Download the figures (CSV)",
    scroll_table="Table, scrolls sideways",
    scroll_chart="Chart, scrolls sideways",
    feeds_heading="Feeds (RSS)",
    feeds_lead="Subscribe with a feed reader and every new issue comes by itself; no address to leave, easy to stop.",
    feeds_what="What a feed is",
    feeds_what_text=(
        "A feed is an address. Give it to a feed reader, which looks there now and then and lists what is new; the "
        "full text opens in the reader. The subscription is known to your reader only, not to us."
    ),
    feeds_how="How to subscribe",
    feeds_steps=(
        "Have a feed reader: an application or a website that says it reads RSS or Atom.",
        "Choose a feed from the table: all articles, or only the section that you need.",
        "Copy its address, choose “add a feed” in the reader, paste it, confirm.",
    ),
    feeds_which="The three formats hold the same. Take Atom where it is understood, RSS where not, JSON for programs.",
    feeds_table="All feeds",
    feeds_keep="Feeds keep the last five issues; everything older is in the archive.",
    section_feeds="Subscribe to this section",
    lost="This page was not found",
    lost_text="The address may be incomplete, or the page is not published yet. Articles never move: start here.",
    between="; ",
)


def page_words(language: Tongue) -> PageWords:
    """Return the words of feeds and pages in the publication's language."""
    return _CHINESE if language == "zh-CN" else _ENGLISH
