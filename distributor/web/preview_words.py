"""The words of the preview, in Chinese and English; staff see them, readers never."""

from dataclasses import dataclass
from types import MappingProxyType

from distributor.delivery.model import State
from distributor.problems import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewWords:
    """Everything that the preview says in one language; `{}` stands for a number or a name."""

    preview: str
    nothing_changes: str
    clock: str
    home: str
    site: str
    site_text: str
    open_site: str
    nothing_public: str
    feeds: str
    feeds_text: str
    entries: str
    mails: str
    mails_text: str
    no_mails: str
    newer: str
    older: str
    next_mailing: str
    next_text: str
    no_next: str
    last_mailing: str
    mailings: str
    mailings_text: str
    issues: str
    issues_text: str
    no_issues: str
    draft: str
    ready: str
    published: str
    subject: str
    preheader: str
    sender: str
    recipient: str
    date: str
    sections: str
    readers: str
    html: str
    text: str
    shortened: str
    size: str
    start: str
    finish: str
    at_once: str
    copies: str
    already: str
    without_section: str
    suppressed: str
    planned: str
    lists: str
    all_sections: str
    notice: str
    both: str
    dark: str
    bare: str
    bare_text: str
    source: str
    headers: str
    phone: str
    wide: str
    no_html: str
    download: str
    pictures: str
    choose_text: str
    show: str
    soon: str
    soon_text: str
    problems: str
    lost: str
    lost_text: str
    read_only: str
    read_only_text: str
    failed: str
    failed_text: str
    test_copy: str
    open: str
    form_source: str
    side_by_side: str
    side_text: str
    jump: str
    kinds: str
    people: str
    scale: str
    thumbnails: str
    actual: str
    needs_script: str
    gallery_foot: str
    size_of_pictures: str
    domains: str
    moments: str
    figures: str
    number: str
    fault: str
    warning: str
    states: MappingProxyType[State, str]


_CHINESE = PreviewWords(
    preview="预览",
    nothing_changes="只看不改：预览不改动工作区里的任何东西，只有这台电脑能打开。",
    clock="演示时钟",
    home="预览首页",
    site="网页",
    site_text="读者在网上看到的：首页、各期、每篇文章、各栏目、订阅源说明。",
    open_site="打开网页",
    nothing_public="还没有发布网页 → 运行 distributor publish，或先发出一期",
    feeds="订阅源",
    feeds_text="阅读器看到的条目，Atom、RSS、JSON 三种格式内容相同。",
    entries="{} 条",
    mails="已投递的邮件",
    mails_text="发件箱（var/outbox）里的每一封，原样显示。",
    no_mails="发件箱里还没有邮件。",
    newer="较新的",
    older="较早的",
    next_mailing="预演",
    next_text="下一次会发给谁、每种版本多大、何时发完；还没有发出。",
    no_next="现在没有可以预演的",
    last_mailing="上一次发送",
    mailings="已启动的发送",
    mailings_text="发送时定下的各个版本，之后改动文章和模板都不影响它们。",
    issues="各期",
    issues_text="每一期（包括草稿）按任意栏目组合看它的邮件。",
    no_issues="content/ 里还没有任何一期。",
    draft="草稿",
    ready="就绪",
    published="已发布",
    subject="主题",
    preheader="预览文字",
    sender="发件人",
    recipient="收件人",
    date="日期",
    sections="栏目",
    readers="读者",
    html="HTML",
    text="纯文本",
    shortened="缩短的文章",
    size="大小",
    start="开始",
    finish="预计发完",
    at_once="没有限速，随到随发",
    copies="将发出",
    already="已有这一期",
    without_section="没有所选栏目",
    suppressed="停发（退订等）",
    planned="计划",
    lists="名单",
    all_sections="全部 {} 个栏目",
    notice="通知（没有所选栏目）",
    both="原样",
    dark="深色",
    bare="去掉样式",
    bare_text="最严格的网页邮箱会去掉所有 <style>，读者看到的就是这样。",
    source="邮件头和源码",
    headers="邮件头",
    phone="手机，375 像素",
    wide="宽屏",
    no_html="这位读者收纯文本，没有 HTML。",
    download="下载 .eml",
    pictures="{} 张图片随邮件发送",
    choose_text="一位选了这些栏目的读者会收到：",
    show="显示",
    soon="发布后的网页",
    soon_text="把最近几期（包括草稿）都当作已发布，看网页会是什么样子。",
    problems="需要改的地方",
    lost="预览里没有这一页",
    lost_text="可能还没有发布，或者地址不对。",
    read_only="预览只看不改",
    read_only_text="这里的按钮不起作用；读者在正式网站上可以保存和退订。",
    failed="这一页显示不出来",
    failed_text="请看命令行窗口里的日志。",
    test_copy="测试邮件",
    open="打开",
    form_source="{} 源码",
    side_by_side="各种版本并排看",
    side_text="每种在用的版本各一行：电脑、手机、深色、没有样式（QQ、163 网页邮箱那样）、纯文本。",
    jump="跳到",
    kinds="{} 种版本",
    people="{:,} 人",
    scale="大小",
    thumbnails="缩略",
    actual="实际大小",
    needs_script="浏览器没有开脚本：邮件照样显示，但图片只显示说明文字，打开也慢一些。",
    gallery_foot="链接里的读者是虚构的；这一页不向网络取任何东西。",
    size_of_pictures="图片",
    domains="域名",
    moments="何时发",
    figures="发多少",
    number="人数",
    fault="故障",
    warning="提醒",
    states=MappingProxyType(
        {
            "pending": "待发",
            "claimed": "已领取",
            "sending": "发送中",
            "accepted": "已送达服务器",
            "stored": "已存入发件箱",
            "deferred": "稍后再试",
            "refused": "被拒绝",
            "uncertain": "结果不明",
            "suppressed": "停发",
            "expired": "过期",
            "cancelled": "已取消",
        }
    ),
)
_ENGLISH = PreviewWords(
    preview="Preview",
    nothing_changes="Looking only: nothing in the workspace changes, and only this computer can open it.",
    clock="clock of the demonstration",
    home="Preview",
    site="Pages",
    site_text="What readers see on the web: home, issues, articles, sections, the page about feeds.",
    open_site="Open the pages",
    nothing_public="No pages yet: run `distributor publish`, or send an issue first",
    feeds="Feeds",
    feeds_text="The entries as a feed reader lists them; Atom, RSS and JSON hold the same.",
    entries="{} entries",
    mails="Delivered mails",
    mails_text="Every message in the outbox (var/outbox), as it is.",
    no_mails="The outbox holds no mail yet.",
    newer="Newer",
    older="Older",
    next_mailing="Rehearsal",
    next_text="To whom the next mailing would go, how large each edition is, when the last copy leaves; not sent yet.",
    no_next="Nothing to rehearse now",
    last_mailing="The last mailing",
    mailings="Launched mailings",
    mailings_text="The editions as frozen at launch; later edits of articles and templates do not touch them.",
    issues="Issues",
    issues_text="Every issue, drafts too, as the mail for any choice of sections.",
    no_issues="There is no issue in content/ yet.",
    draft="draft",
    ready="ready",
    published="published",
    subject="Subject",
    preheader="Preheader",
    sender="From",
    recipient="To",
    date="Date",
    sections="Sections",
    readers="Readers",
    html="HTML",
    text="Plain text",
    shortened="Shortened",
    size="Size",
    start="Start",
    finish="Last copy",
    at_once="no rate limit",
    copies="Copies to go",
    already="Have it already",
    without_section="No section of theirs",
    suppressed="Suppressed",
    planned="Planned",
    lists="Lists",
    all_sections="all {} sections",
    notice="notice (none of theirs)",
    both="As sent",
    dark="Dark",
    bare="Without styles",
    bare_text="The strictest webmails drop every <style>; this is what is left.",
    source="Headers and source",
    headers="Headers",
    phone="Phone, 375 pixels",
    wide="Wide",
    no_html="This reader gets plain text; there is no HTML.",
    download="Download .eml",
    pictures="{} pictures travel with the mail",
    choose_text="A reader who chose these sections gets:",
    show="Show",
    soon="Pages to come",
    soon_text="The pages as if the latest issues, drafts too, were public.",
    problems="To be mended",
    lost="The preview has no such page",
    lost_text="It may not be published yet, or the address is wrong.",
    read_only="The preview changes nothing",
    read_only_text="Buttons do nothing here; on the real site readers can save and unsubscribe.",
    failed="This page cannot be shown",
    failed_text="Please see the log in the terminal.",
    test_copy="test copy",
    open="Open",
    form_source="{} source",
    side_by_side="All editions side by side",
    side_text="One row for each edition in use: desktop, phone, dark, without styles as the "
    "strictest webmails have it, plain text.",
    jump="Jump to",
    kinds="{} editions",
    people="{:,} readers",
    scale="Size",
    thumbnails="Thumbnails",
    actual="Actual size",
    needs_script="Scripts are off: mails show all the same, pictures as their descriptions only, and more slowly.",
    gallery_foot="The reader in the links is made up; this page asks the network for nothing.",
    size_of_pictures="Pictures",
    domains="Domain",
    moments="When",
    figures="How many",
    number="people",
    fault="fault",
    warning="warning",
    states=MappingProxyType(
        {
            "pending": "pending",
            "claimed": "claimed",
            "sending": "sending",
            "accepted": "accepted",
            "stored": "stored",
            "deferred": "deferred",
            "refused": "refused",
            "uncertain": "uncertain",
            "suppressed": "suppressed",
            "expired": "expired",
            "cancelled": "cancelled",
        }
    ),
)


def preview_words(language: Language) -> PreviewWords:
    """Return the words in that language."""
    return _CHINESE if language == "zh" else _ENGLISH
