"""Characters as a page shows them: how wide they are, which are Han, which may end or begin a line.

Pure. Widths are columns: a Han character or full-width mark is 2, a Latin letter 1 (Unicode UAX #11; ambiguous
ones such as “ and — are 2, as Chinese fonts draw them). What may not stand at a line's end or start follows the
usual line-breaking rules for Chinese (W3C CLREQ §3.1.3).
"""

import re
import unicodedata

OPENING = "（(〔[【《〈“‘「『〖｛{"
CLOSING = "）)〕]】》〉”’」』〗｝}"
SENTENCE_ENDS = "。！？；：!?;:…"
NO_LINE_START = CLOSING + "，。、；：！？,.;:!?％%‰℃·…—"

_HAN = re.compile(r"[\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN_UNIT = re.compile(r"[A-Za-z0-9\u00c0-\u024f][A-Za-z0-9\u00c0-\u024f.,:%/_@+\-]*")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_BLANKS = re.compile(r"[^\S\n]+")
# Fonts such as Wingdings and Symbol put their bullets into the private-use area; no reader's font has them.
_PRIVATE = re.compile(r"[\ue000-\uf8ff]")
_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff\ufffe\uffff]")


def columns(text: str) -> int:
    """Return how many columns the text takes."""
    return sum(1 if unicodedata.east_asian_width(character) in {"N", "Na", "H"} else 2 for character in text)


def is_han(character: str) -> bool:
    """Say whether the character is a Han character (no punctuation, no kana)."""
    return _HAN.match(character) is not None


def is_wide(character: str) -> bool:
    """Say whether the character is Han or full-width punctuation: no blank belongs between two of these."""
    return is_han(character) or unicodedata.east_asian_width(character) in {"W", "F"} or character in "“”‘’—…·"


def is_latin_letter(character: str) -> bool:
    """Say whether the character is a letter of a Latin alphabet."""
    return _LATIN.match(character) is not None


def is_western(character: str) -> bool:
    """Say whether the character is an ASCII digit or a Latin letter."""
    return (character.isascii() and character.isdigit()) or is_latin_letter(character)


def ends_sentence(text: str) -> bool:
    """Say whether the text ends with a sentence's mark, a closing quote or bracket after it included."""
    bare = text.rstrip().rstrip(CLOSING)
    return bool(bare) and bare[-1] in SENTENCE_ENDS + "."


def first_unit_columns(text: str) -> int:
    """Return the columns of what cannot be parted from the text's first character.

    A Latin word or number stays whole; opening brackets stay with what follows, closing marks with what precedes.
    """
    position = 0
    while position < len(text) and text[position] in OPENING:
        position += 1
    unit = _LATIN_UNIT.match(text, position)
    position = unit.end() if unit else min(position + 1, len(text))
    while position < len(text) and text[position] in NO_LINE_START:
        position += 1
    return columns(text[:position])


def squeeze(text: str) -> str:
    """Return the text without outer blanks, each run of inner blanks being one."""
    return _BLANKS.sub(" ", text).strip()


def without_blanks(text: str) -> str:
    """Return the text without any blank."""
    return "".join(text.split())


def without_invisible(text: str) -> str:
    """Return the text without controls, zero-width marks and soft hyphens (tab, line feed, form feed stay)."""
    return _INVISIBLE.sub("", text)


def has_private_bullet(text: str) -> bool:
    """Say whether the text has a character of the private-use area."""
    return _PRIVATE.search(text) is not None


def show_private_bullets(text: str) -> str:
    """Return the text with a `•` for each private-use character."""
    return _PRIVATE.sub("•", text)


def close_justified(text: str) -> str:
    """Take out the blanks that justification put between single characters: `绿 色 建 筑` → `绿色建筑`.

    Only inside runs of single characters that cannot be anything else: three Han in a row, or a full-width mark
    with a blank before it. `7 月 8 日`, `第 3 号`, `碳 K 线` and `财政部 教育部` keep their blanks.
    """
    pieces = _BLANKS.split(text)
    closed: list[str] = []
    start = 0
    while start < len(pieces):
        end = start
        while end < len(pieces) and len(pieces[end]) == 1 and not is_latin_letter(pieces[end]):
            end += 1
        run = pieces[start:end]
        if _is_justified(run):
            closed.append("".join(run))
            start = end
            continue
        closed.extend(run or pieces[start : start + 1])
        start = max(end, start + 1)
    return " ".join(closed)


def _is_justified(run: list[str]) -> bool:
    han = [is_han(piece) for piece in run]
    three_han = any(all(han[index : index + 3]) for index in range(len(run) - 2))
    mark_apart = any(piece in "，。、；：！？）》”" for piece in run[1:])
    return len(run) >= 3 and (three_han or mark_apart)


def join(first: str, second: str, *, spaced: bool) -> str:
    """Join two lines of one paragraph, putting a blank only where the wrap has swallowed one.

    Han with Han: none. Word with word: one, unless the line ended with a hyphen. Digits with digits: none, since
    numbers break anywhere. Han with Latin or digits: one where the document spaces these (`spaced`).
    """
    if not first or not second:
        return first + second
    last, following = first[-1], second[0]
    if is_western(last) and is_western(following):
        both_digits = last.isdigit() and following.isdigit()
        return first + ("" if both_digits else " ") + second
    mixed = (is_han(last) and is_western(following)) or (is_western(last) and is_han(following))
    if mixed and spaced:
        return f"{first} {second}"
    if is_latin_letter(following) and last in ",;:.!?)%" and first[-2:-1].isascii():
        return f"{first} {second}"
    return first + second


def is_spaced(text: str) -> bool:
    """Say whether the document puts a blank between Han and Latin or digits more often than not."""
    with_blank = len(re.findall(rf"{_HAN.pattern} (?=[A-Za-z0-9])|[A-Za-z0-9] (?={_HAN.pattern})", text))
    without = len(re.findall(rf"{_HAN.pattern}(?=[A-Za-z0-9])|[A-Za-z0-9](?={_HAN.pattern})", text))
    return with_blank > without


def title_key(title: str) -> str:
    """Return what makes two titles the same: letters, digits and Han only, folded."""
    folded = unicodedata.normalize("NFKC", title).casefold()
    return "".join(character for character in folded if character.isalnum())
