"""Leads: how an article begins, cut where a sentence ends.

Pure. An article or a text and a wished length in characters enter; text that a reader can stop at leaves. A lead
ends behind 。！？… (failing these ；) and their closing quotes, outside brackets where it can. Where no sentence ends
in reach it ends at a safe place with ……, never inside a number, a Latin word or a combined emoji (UAX #29).
"""

import re
import unicodedata
from html import unescape

from distributor.content.model import Article, Prose

ELLIPSIS = "……"
LEAD_CHARACTERS = 120

_CLOSERS = "”’」』）》】〕〉\"')\\]\ufe0e\ufe0f"
_SENTENCE_END = re.compile(rf"(?:[。！？…]+|[.!?]+(?=[{_CLOSERS}]*(?:\s|$)))[{_CLOSERS}]*")
_SEMICOLON = re.compile(rf"；[{_CLOSERS}]*")
_CLAUSE_END = re.compile(r"[，、：,:;—]+")
_ATOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9.,:/%‰℃_@#&=+~?-]*[万亿]*")
_LOOSE = "，、：；,:; —"
_PAIRS = (("“", "”"), ("‘", "’"), ("「", "」"), ("『", "』"), ("（", "）"), ("《", "》"), ("【", "】"), ("(", ")"))
_TAG = re.compile(r'<(?:"[^"]*"|[^>"])*>')
_BREAK = re.compile(r"<br ?/?>|</(?:p|li)>")
_OWN_PARAGRAPHS = ("paragraph", "quote")
_TOO_EARLY, _TOO_LATE = 0.4, 1.75
_WORTH_CUTTING = 40
_LONGEST_WORD = 40
_JOINERS = "\u200d\ufe0e\ufe0f\u20e3"


def lead_text(article: Article, characters: int = LEAD_CHARACTERS) -> str:
    """Return the article's lead as one line: the editor's summary, else the body's beginning; "" without either.

    About `characters` long: shorter where a sentence ends early, at most 1.75 times as long to let one end.
    """
    paragraphs = opening(article, characters)
    return "".join(
        text if index == 0 or unicodedata.east_asian_width(text[0]) in "WFA" else " " + text
        for index, text in enumerate(paragraphs)
    )


def opening(article: Article, characters: int) -> tuple[str, ...]:
    """Return the lead as paragraphs of plain text; empty when there is neither summary nor prose, or at 0."""
    if characters <= 0:
        return ()
    if article.summary:
        return (cut_at_sentence(article.summary, characters),)
    source = _paragraphs(article)
    taken: list[str] = []
    room = characters
    for paragraph in source:
        if taken and room < _WORTH_CUTTING:
            break
        piece = cut_at_sentence(paragraph, room)
        if taken and not paragraph.startswith(piece):
            break
        taken.append(piece)
        room -= len(paragraph)
        if room <= 0:
            break
    return _ended(taken)


def cut_at_sentence(text: str, characters: int) -> str:
    """Return the beginning of `text`, about `characters` long, up to a sentence's end.

    The text itself when it is short enough. The end nearest below the wish is taken, unless that is under 0.4
    of it and the next one comes before 1.75 of it; without any in reach, the cut is safe and marked with ……
    """
    if len(text) <= characters:
        return text
    for mark in (_SENTENCE_END, _SEMICOLON):
        ends = _ends(mark, text, characters * _TOO_LATE)
        inside = [end for end in ends if characters * _TOO_EARLY <= end <= characters]
        beyond = [end for end in ends if end > characters]
        if inside or beyond:
            return text[: inside[-1] if inside else beyond[0]]
    early = _ends(_SENTENCE_END, text, characters * _TOO_EARLY)
    return text[: early[-1]] if early else cut_safely(text, characters)


def cut_safely(text: str, characters: int) -> str:
    """Return `text`, or its beginning up to a clause, else a character, with …… where it is longer than asked."""
    if len(text) <= characters:
        return text
    place = _safe_place(text, max(0, characters - len(ELLIPSIS)))
    return text if place == len(text) else text[:place].rstrip(_LOOSE) + ELLIPSIS


def ends_a_sentence(text: str) -> bool:
    """Say whether `text` stops where a sentence does."""
    marks = (_SENTENCE_END, _SEMICOLON)
    return any(found.end() == len(text) for mark in marks for found in mark.finditer(text))


def _paragraphs(article: Article) -> tuple[str, ...]:
    prose = [block for block in article.body.blocks if isinstance(block, Prose)]
    own = [block for block in prose if block.kind in _OWN_PARAGRAPHS]
    chosen = own or [block for block in prose if block.kind == "list"]
    return tuple(text for block in chosen if (text := _bare(block.html)))


def _bare(html: str) -> str:
    """Return the text without tags; unlike `Prose.text` it does not spell out the addresses of links."""
    return " ".join(unescape(_TAG.sub("", _BREAK.sub(" ", html))).split())


def _ended(paragraphs: list[str]) -> tuple[str, ...]:
    while len(paragraphs) > 1 and not ends_a_sentence(paragraphs[-1]):
        paragraphs.pop()
    if not paragraphs or ends_a_sentence(paragraphs[-1]):
        return tuple(paragraphs)
    last = paragraphs[-1].rstrip(_LOOSE)
    return (*paragraphs[:-1], last + ELLIPSIS)


def _ends(mark: re.Pattern[str], text: str, most: float) -> list[int]:
    ends = [found.end() for found in mark.finditer(text) if found.end() <= most]
    return [end for end in ends if _balanced(text[:end])] or ends


def _balanced(text: str) -> bool:
    return all(text.count(opener) <= text.count(closer) for opener, closer in _PAIRS)


def _safe_place(text: str, most: int) -> int:
    clauses = [found.start() for found in _CLAUSE_END.finditer(text, 0, most)]
    place = clauses[-1] if clauses and clauses[-1] >= most * _TOO_EARLY else most
    atom = next((found for found in _ATOM.finditer(text) if found.start() < place < found.end()), None)
    if atom:
        place = atom.start() or (atom.end() if atom.end() <= _LONGEST_WORD else 0)
    while 0 < place < len(text) and not _splits_cleanly(text, place):
        place -= 1
    return place


def _splits_cleanly(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    if before == "\u200d" or after in _JOINERS or unicodedata.category(after) in {"Mn", "Me", "Mc"}:
        return False
    if _is_regional(before) and _is_regional(after):
        run = len(text[:place]) - len(text[:place].rstrip("".join(map(chr, range(0x1F1E6, 0x1F200)))))
        return run % 2 == 0
    return not 0x1F3FB <= ord(after) <= 0x1F3FF


def _is_regional(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF
