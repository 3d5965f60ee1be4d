"""What lines look like: titles, signatures, numbered items, announcements.

Pure predicates over one line of text, shared by all readers.
"""

import re

from distributor.content.importers import characters, dates

_ITEM = re.compile(
    r"[（(]\s*(?:[一二三四五六七八九十]{1,3}|\d{1,2}|[a-zA-Z])\s*[）)]"
    r"|(?:[一二三四五六七八九十]{1,3}|\d{1,2}|[a-zA-Z])\s*[、．)）]|\d{1,2}\s*\.(?!\d)"
    r"|第\s*[一二三四五六七八九十百\d]{1,4}\s*[条章节款]|[①-⑳⑴-⒇㈠-㈩]|[•·●○■□◆◇▪▶➢*\-–—]{1,2}(?=\s*[^\d\s])"
)
_NUMBERED_HEADING = re.compile(
    r"(?P<chapter>[一二三四五六七八九十]{1,3}\s*、|第\s*[一二三四五六七八九十]{1,3}\s*[章节部分篇]+)"
    r"|(?P<part>[（(]\s*[一二三四五六七八九十]{1,3}\s*[）)])"
)
_APPENDIX = re.compile(r"附\s*[件录表图](?:\s*[一二三四五六七八九十\d]{1,2})?\s*[:：]?|附\s*[:：]")
_DOCUMENT_NUMBER = re.compile(r".*[〔\[［（(]\s*\d{4}\s*[〕\]］）)]\s*(?:第\s*)?\d+\s*号|.*年\s*第\s*\d+\s*号")
_CAPTION = re.compile(r"(?P<kind>[图表])\s*[\d一二三四五六七八九十]{1,3}(?:[\s.．:：、-]|(?=[^\d]))")
_ANNOUNCEMENT = re.compile(r"(?:公告|通知|通告|通报|公示|启事|简章|邀请函|征集令|征稿函|招聘|的函|喜报|声明)$")
_LONGEST_HEADING = 64


def looks_like_title(text: str) -> bool:
    """Say whether a line may be an article's title: no item, caption or salutation, no sentence's end."""
    if not text or text[-1] in "。；：，、;:," or dates.whole_date(text) is not None:
        return False
    if starts_item(text) or _CAPTION.match(text) or _DOCUMENT_NUMBER.fullmatch(text) or is_appendix(text):
        return False
    return sum(map(str.isalpha, text)) >= 2 and "。" not in text[:-1]


def starts_item(text: str) -> bool:
    """Say whether a line begins with a number or bullet: 一、 （一） 1. 1、 • ——."""
    return _ITEM.match(text) is not None


def heading_level(text: str) -> int | None:
    """Return 2 for `一、…`, 3 for `（一）…` when the line is a sub-heading and no sentence, else None."""
    match = _NUMBERED_HEADING.match(text)
    if match is None or characters.columns(text) > _LONGEST_HEADING or len(text) < match.end() + 2:
        return None
    if text[-1] in characters.SENTENCE_ENDS + "，、,." or re.search(r"[。；]", text):
        return None
    return 2 if match["chapter"] else 3


def is_appendix(text: str) -> bool:
    """Say whether a line begins an appendix or names one: 附件：, 附件2：…"""
    return _APPENDIX.match(text) is not None


def is_appendix_label(text: str) -> bool:
    """Say whether a line is only the label of the appendix that follows: 附件：, 附件1."""
    return _APPENDIX.fullmatch(text) is not None


def caption_kind(text: str) -> str | None:
    """Return 图 or 表 when the line is the caption of a figure or table, else None."""
    match = _CAPTION.match(text)
    return match["kind"] if match and text[-1] not in "。；，" and characters.columns(text) <= 80 else None


def announces(text: str) -> bool:
    """Say whether a title is an announcement's by its last word: 公告, 通知, 公示."""
    return _ANNOUNCEMENT.search(text) is not None


def ends_signature(text: str) -> bool:
    """Say whether a line closes a signature: a date alone, or a short name with the date after it."""
    if dates.whole_date(text) is not None:
        return True
    match = re.search(r"[〇○二\d][〇○零一二三四五六七八九\d]{3}\s*年[^年]{1,12}[日号]$", text)
    return match is not None and match.start() <= 30 and dates.whole_date(match[0]) is not None
