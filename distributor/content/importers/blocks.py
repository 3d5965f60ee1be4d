"""Paragraphs of one article to blocks, and what an article seems to lack.

Pure. Sub-headings are recognised by number (一、 （一）), as the title of an appendix, or as a short line without
any mark between a finished paragraph and a long one; a wrong guess changes the looks, never a character.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from distributor.content.importers import characters, titles
from distributor.content.importers.model import Doubt, DoubtKind, DraftText, Substitution
from distributor.content.importers.paragraphs import Paragraph
from distributor.problems import wording

_LONGEST_PLAIN_HEADING = 32
_MOST_LINES = 3
_PAIRS = (("（", "）"), ("〔", "〕"), ("《", "》"), ("“", "”"))
_ONLY_A_NUMBER = re.compile(r"[（(]?[一二三四五六七八九十\d]{1,3}[）)]?[、.．]?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """An article's blocks with what was noticed while making them."""

    blocks: tuple[DraftText, ...]
    missing: tuple[str, ...]
    substitutions: tuple[Substitution, ...]
    doubts: tuple[Doubt, ...]


def make_body(title: str, paragraphs: Sequence[Paragraph]) -> Body:
    """Turn the paragraphs of the article `title` into blocks."""
    levels = heading_levels(paragraphs)
    blocks: list[DraftText] = []
    substitutions: list[Substitution] = []
    for paragraph, level in zip(paragraphs, levels, strict=True):
        text = characters.show_private_bullets(paragraph.text)
        if text != paragraph.text:
            substitutions.append(Substitution(line=paragraph.first.number, before=paragraph.text, after=text))
        line = paragraph.first.number
        blocks.append(DraftText(kind="heading" if level else "paragraph", text=text, line=line, level=level))
    return Body(
        blocks=tuple(blocks),
        missing=_missing(title, paragraphs),
        substitutions=tuple(substitutions),
        doubts=tuple(_doubts(title, paragraphs)),
    )


def what_is_missing(title: str) -> str:
    """Name what an article without a body has most likely lost, by its title: chart, table or text."""
    if re.search(r"走势|曲线|行情|价格|图", title):
        return "chart"
    return "table" if re.search(r"表$|一览|统计|名单", title) else "text"


def heading_levels(paragraphs: Sequence[Paragraph]) -> list[int]:
    """Return the heading level of each paragraph of an article, 0 for body text."""
    numbered = [titles.heading_level(paragraph.text) for paragraph in paragraphs]
    levels = []
    for index, paragraph in enumerate(paragraphs):
        last = index + 1 == len(paragraphs)
        # Numbered lines in a row are a list; a heading has text or deeper headings under it.
        neighbours = numbered[max(0, index - 1) : index] + numbered[index + 1 : index + 2]
        if last or paragraph.lines > _MOST_LINES or (numbered[index] and numbered[index] in neighbours):
            levels.append(0)
        else:
            levels.append(numbered[index] or _unnumbered_level(paragraphs, index))
    return levels


def _unnumbered_level(paragraphs: Sequence[Paragraph], index: int) -> int:
    if not titles.looks_like_title(paragraphs[index].text) or titles.ends_signature(paragraphs[index + 1].text):
        return 0
    return 2 if _is_appendix_title(paragraphs, index) or _is_plain_heading(paragraphs, index) else 0


def _is_appendix_title(paragraphs: Sequence[Paragraph], index: int) -> bool:
    before = paragraphs[index - 1].text if index else ""
    return titles.is_appendix_label(before) or (bool(before) and titles.ends_signature(before))


def _is_plain_heading(paragraphs: Sequence[Paragraph], index: int) -> bool:
    text, following = paragraphs[index].text, paragraphs[index + 1]
    if not index or characters.columns(text) > _LONGEST_PLAIN_HEADING or re.search(r"[，。；：！？,;]|\d{5}", text):
        return False
    after_text = characters.ends_sentence(paragraphs[index - 1].text)
    return after_text and (following.lines > 1 or characters.ends_sentence(following.text))


def _missing(title: str, paragraphs: Sequence[Paragraph]) -> tuple[str, ...]:
    if not paragraphs:
        return (what_is_missing(title),)
    missing = []
    if any(map(_is_cut_off, paragraphs)):
        missing.append("text")
    captions = {titles.caption_kind(paragraph.text) for paragraph in paragraphs}
    missing.extend(word for mark, word in (("图", "picture"), ("表", "table")) if mark in captions)
    return tuple(missing)


def _is_cut_off(paragraph: Paragraph) -> bool:
    text = paragraph.text
    opened = max(text.rfind("（"), text.rfind("("), text.rfind("〔"))
    unclosed = opened > max(text.rfind("）"), text.rfind(")"), text.rfind("〕"))
    return paragraph.cut_off or unclosed or _ONLY_A_NUMBER.fullmatch(text) is not None


def _doubts(title: str, paragraphs: Sequence[Paragraph]) -> list[Doubt]:
    doubts = []
    for paragraph in paragraphs:
        ending = paragraph.text[-16:]
        what = None
        if _is_cut_off(paragraph):
            what = wording(f"这里的文字好像缺了一段：“…{ending}”", f"text seems to be lost after '…{ending}'")
        elif any(paragraph.text.count(opening) != paragraph.text.count(closing) for opening, closing in _PAIRS):
            what = wording(f"括号或引号不成对：“…{ending}”", f"brackets or quotes do not match: '…{ending}'")
        elif (
            paragraph.lines > 2
            and not titles.is_appendix(paragraph.text)
            and paragraph.text[-1] not in characters.SENTENCE_ENDS + characters.CLOSING
        ):
            what = wording(f"一段话没有句末标点：“…{ending}”", f"a paragraph without a full stop: '…{ending}'")
        if what is not None:
            doubts.append(Doubt(kind=DoubtKind.LOST_TEXT, line=paragraph.last.number, what=what, article=title))
    return doubts
