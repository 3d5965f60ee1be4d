"""What mail, feeds and archive say alike: dates, numbers, fixed words, headings.

Pure. Values of the content model enter, text in the publication's language leaves. The fixed words of all our
templates are here in Chinese and English; templates never branch on the language.
"""

import datetime as dt
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from distributor.content.model import Article

Tongue = Literal["zh-CN", "en"]
"""The publication's language, as `config.model.Publication.language` has it."""

_WEEKDAYS = "一二三四五六日"
_LOST = MappingProxyType(
    {"chart": "图表", "table": "表格", "picture": "图片", "lines": "部分文字", "text": "正文", "body": "正文"}
)
_HEADING = re.compile(r"(?P<open></?h)(?P<level>[1-6])(?=[\s>])")
_LOWEST_HEADING = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The fixed words of mail and pages in one language; `{}` stands for a number, a name or a title."""

    contents: str
    articles: str
    continue_reading: str
    view_in_browser: str
    preferences: str
    unsubscribe: str
    unsubscribe_by_mail: str
    unsubscribe_subject: str
    why: str
    published_by: str
    address: str
    source: str
    date: str
    links: str
    attachments: str
    correction: str
    missing: str
    shortened: str
    titles_only: str
    none_of_yours: str
    chart_online: str
    part_of_issue: str
    picture: str
    colon: str
    open: str
    close: str
    between: str
    home: str
    archive: str
    issues: str
    sections: str
    subscribe_feeds: str
    previous_issue: str
    next_issue: str
    previous_article: str
    next_article: str
    skip_to_content: str


_CHINESE = Words(
    contents="本期目录",
    articles="{}篇",
    continue_reading="阅读全文：《{}》",
    view_in_browser="在浏览器中阅读本期",
    preferences="选择栏目",
    unsubscribe="退订",
    unsubscribe_by_mail="退订：发送主题为“退订”的邮件至 {}",
    unsubscribe_subject="退订",
    why="您的地址 {} 订阅了《{}》，所以收到这封邮件。",
    published_by="编辑出版",
    address="地址",
    source="来源",
    date="日期",
    links="相关链接",
    attachments="附件",
    correction="更正",
    missing="原稿缺失：{}",
    shortened="{}篇较长的文章只登开头，全文见网页。",
    titles_only="本邮件只列标题，全文见网页。",
    none_of_yours="本期没有您所选栏目的文章，下面是其他栏目的标题。",
    chart_online="在网页上看图",
    part_of_issue="按您选择的栏目，本邮件收录{}篇，本期共{}篇。",
    picture="图",
    colon="：",
    open="（",
    close="）",
    between="、",
    home="首页",
    archive="往期",
    issues="各期目录",
    sections="栏目",
    subscribe_feeds="订阅源",
    previous_issue="上一期",
    next_issue="下一期",
    previous_article="上一篇",
    next_article="下一篇",
    skip_to_content="跳到正文",
)
_ENGLISH = Words(
    contents="In this issue",
    articles="{} articles",
    continue_reading="Read on: {}",
    view_in_browser="Read this issue in your browser",
    preferences="Choose sections",
    unsubscribe="Unsubscribe",
    unsubscribe_by_mail="To unsubscribe, send a mail with the subject “unsubscribe” to {}",
    unsubscribe_subject="unsubscribe",
    why="You receive this because {} is subscribed to {}.",
    published_by="Published by",
    address="Address",
    source="Source",
    date="Date",
    links="Links",
    attachments="Attachments",
    correction="Correction",
    missing="Missing in the original: {}",
    shortened="{} longer articles are shown in part; the web version has all of them.",
    titles_only="This mail lists the titles; the web version has the articles.",
    none_of_yours="No article in this issue is in the sections you chose; here are the titles of the others.",
    chart_online="See the chart on the web",
    part_of_issue="This mail holds the sections you chose: {} of the {} articles in this issue.",
    picture="Picture",
    colon=": ",
    open=" (",
    close=")",
    between=", ",
    home="Home",
    archive="Archive",
    issues="All issues",
    sections="Sections",
    subscribe_feeds="Feeds",
    previous_issue="Previous issue",
    next_issue="Next issue",
    previous_article="Previous article",
    next_article="Next article",
    skip_to_content="Skip to content",
)


def words(language: Tongue) -> Words:
    """Return the fixed words in the publication's language."""
    return _CHINESE if language == "zh-CN" else _ENGLISH


def date_text(date: dt.date, language: Tongue) -> str:
    """Return 2015年7月10日, or 10 July 2015; never padded, never by the process's locale."""
    if language == "zh-CN":
        return f"{date.year}年{date.month}月{date.day}日"
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def weekday_text(date: dt.date, language: Tongue) -> str:
    """Return 星期五, or Friday."""
    return f"星期{_WEEKDAYS[date.weekday()]}" if language == "zh-CN" else _ENGLISH_DAYS[date.weekday()]


def day_text(date: dt.date, language: Tongue) -> str:
    """Return 2015年7月10日 星期五, or Friday, 10 July 2015."""
    day, weekday = date_text(date, language), weekday_text(date, language)
    return f"{day} {weekday}" if language == "zh-CN" else f"{weekday}, {day}"


def number_text(number: int, language: Tongue) -> str:
    """Return 总第55期, or No. 55."""
    return f"总第{number}期" if language == "zh-CN" else f"No. {number}"


def count_text(count: int, language: Tongue) -> str:
    """Return 3篇, or 3 articles."""
    if language == "en" and count == 1:
        return "1 article"
    return words(language).articles.format(count)


def meta_text(article: Article, language: Tongue) -> str:
    """Return the source and date line of an article, e.g. 碳K线 · 2015年7月9日; empty when it has neither."""
    dated = date_text(article.date, language) if article.date else ""
    return " · ".join(part for part in (article.source, dated) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionWords:
    """A correction in words: `label` is 更正（2015年7月17日）, `note` what it says, `iso_date` its day for machines."""

    label: str
    note: str
    iso_date: str


def corrections(article: Article, language: Tongue) -> tuple[CorrectionWords, ...]:
    """Return the corrections of an article in words, the newest first."""
    spoken = words(language)
    return tuple(
        CorrectionWords(
            label=f"{spoken.correction}{spoken.open}{date_text(correction.on, language)}{spoken.close}",
            note=correction.note,
            iso_date=correction.on.isoformat(),
        )
        for correction in reversed(article.corrections)
    )


def missing_text(article: Article, language: Tongue) -> str:
    """Return 原稿缺失：图表、表格 for what the header's `missing` names; empty when nothing was lost."""
    if not article.missing:
        return ""
    spoken = words(language)
    lost = (_LOST.get(part, part) if language == "zh-CN" else part for part in article.missing)
    return spoken.missing.format(spoken.between.join(lost))


def shift_headings(html: str, by: int) -> str:
    """Return clean prose HTML with its headings moved down by that many levels, never below h6."""
    return _HEADING.sub(lambda found: found["open"] + str(min(_LOWEST_HEADING, int(found["level"]) + by)), html)


_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
