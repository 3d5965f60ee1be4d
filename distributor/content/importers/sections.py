"""The lines that open a section, in the forms offices give them.

Pure. `【市场热点】` with or without a bullet, `■ 市场热点`, `一、市场热点`, `第一部分 市场热点`, `== 市场热点 ==`
or the bare title. A configured title is a section in any of these forms; an unknown one only in brackets, or
where the caller sees by the neighbours that an article begins below it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from distributor.config.model import Section
from distributor.content.importers import characters
from distributor.identifiers import SectionId

_ORNAMENT = r"[\s\ue000-\uf8ff■□◆◇●○▲△▼▽★☆▪▫•·►▶➤➢✦❖◎※◈⊙→»#*＊=—–\-~～_|│┃▌▎]"
_NUMBER = (
    r"(?:第\s*[一二三四五六七八九十\d]{1,3}\s*(?:部分|章|篇|版|栏)\s*[、:：.．]?"
    r"|[（(][一二三四五六七八九十]{1,3}[）)]|[一二三四五六七八九十]{1,3}\s*[、.．:：]|[（(]?\d{1,2}[）)]?\s*[、.．])"
)
_LINE = re.compile(
    rf"^(?P<ornament>{_ORNAMENT}*)(?:栏目\s*[:：]\s*)?(?P<number>{_NUMBER})?\s*"
    rf"(?P<open>[【〖［\[「『《〈]?)\s*(?P<name>[^【】〖〗［］「」『』《》〈〉]+?)\s*(?P<close>[】〗］\]」』》〉]?)"
    rf"[:：]?(?P<after>{_ORNAMENT}*)$"
)
_PAIRS = frozenset({"【】", "〖〗", "［］", "[]", "「」", "『』", "《》", "〈〉"})
# Labels that editors put in brackets inside an article; never a section of their own.
_INSIDE_ARTICLES = re.compile(
    r"编者[按注]|[内容]*摘要|导读|关键词|(?:新闻)?背景(?:链接)?|相关(?:链接|阅读)|延伸阅读|名词解释|小贴士|备?注|附[件录]?|图|表"
    r"|作者简介|记者|(?:专家)?点评|评论|案例|[问答]|[原全]文|数据来源"
)
_SECTION_WORDS = re.compile(
    r"(?:资讯|动态|热点|聚焦|公告|阅读|前沿|观察|视点|要闻|信息|政策|市场|技术|专栏|专题|案例|研究|新闻|快讯|解读|交流|活动"
    r"|访谈|论坛|园地|知识|简讯|通知|天地|播报|速递|追踪|之窗|国际|国内|综述|统计|纵横|视野|扫描|焦点|法规|标准)$"
)
_LONGEST_NAME = 12
_LONGEST_LINE = 80


class SectionStyle(StrEnum):
    """How the line is set off from prose."""

    BRACKETED = "bracketed"
    MARKED = "marked"
    NUMBERED = "numbered"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionLine:
    """A line that may open a section: the title as written, the configured section it names, and its style."""

    title: str
    known: SectionId | None
    style: SectionStyle

    @property
    def sounds_like_one(self) -> bool:
        """Whether an unknown title ends as section titles do (…动态, …资讯)."""
        return _SECTION_WORDS.search(self.title) is not None


def parse_section(text: str, known: Sequence[Section]) -> SectionLine | None:
    """Read a whole line as a section's; None for prose and for titles that merely begin with 【…】."""
    # A long line is prose; the pattern would try its blanks and dashes over and over.
    match = _LINE.match(text.strip()) if len(text) <= _LONGEST_LINE else None
    if match is None:
        return None
    brackets = match["open"] + match["close"]
    if brackets and brackets not in _PAIRS:
        return None
    title = _tidy(match["name"])
    section = _find(title, known)
    style = _style(match, brackets)
    if section is None and not _may_be_unknown(title, style, brackets):
        return None
    return SectionLine(title=section.title if section else title, known=section.id if section else None, style=style)


def _style(match: re.Match[str], brackets: str) -> SectionStyle:
    if brackets:
        return SectionStyle.BRACKETED
    if match["number"]:
        return SectionStyle.NUMBERED
    return SectionStyle.MARKED if match["ornament"].strip() else SectionStyle.PLAIN


def _find(title: str, known: Iterable[Section]) -> Section | None:
    bare = characters.without_blanks(title)
    return next((section for section in known if characters.without_blanks(section.title) == bare), None)


def _may_be_unknown(title: str, style: SectionStyle, brackets: str) -> bool:
    if not 2 <= len(title) <= _LONGEST_NAME or _INSIDE_ARTICLES.fullmatch(characters.without_blanks(title)):
        return False
    if not any(map(characters.is_han, title)) or re.search(r"[，。；：！？、,;:!?“”()（）\d]", title):
        return False
    return brackets in {"【】", "〖〗"} if style is SectionStyle.BRACKETED else True


def _tidy(name: str) -> str:
    return characters.squeeze(characters.close_justified(name))
