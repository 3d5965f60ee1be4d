"""Read what a reader chose: from a cell of a list file, a form, or the database.

Pure. Text enters, a `SectionSet` leaves together with the words that name no section. Sections are named by id
or title, in any case or width; separators are 、 ， , ； ; | / and blanks. Empty, 全部 and `all` mean every
section, also those added later, which is not the same as naming each of today's.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from distributor.config.model import Section
from distributor.identifiers import SectionId, SectionSet
from distributor.problems import Wording, wording

ALL_KEY = "*"
_ALL_WORDS = frozenset({"全部", "所有", "全部栏目", "所有栏目", "全选", "all", ALL_KEY})
# After NFKC, which turns ， ； ｜ ／ and the ideographic blank into their ASCII forms.
_SEPARATORS = re.compile(r"[\s、,;|/]+")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_NEAR = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was chosen (None is all), and the words that name no section; use it only when there are none."""

    sections: SectionSet
    unknown: tuple[str, ...] = ()


class SectionNames:
    """The configured sections by every name that people use for them."""

    def __init__(self, sections: Sequence[Section]) -> None:
        self._sections = tuple(sections)
        self._by_words: dict[tuple[str, ...], SectionId] = {}
        for section in sections:
            self._by_words.setdefault(_words(section.title), section.id)
        for section in sections:
            self._by_words[_words(section.id)] = section.id
        self._longest = max(map(len, self._by_words), default=1)

    def choose(self, text: str) -> Choice:
        """Read one cell; empty means all."""
        words = _words(text)
        chosen: set[SectionId] = set()
        unknown: list[str] = []
        is_all = not words
        position = 0
        while position < len(words):
            section, length = self._match(words, position)
            if section is not None:
                chosen.add(section)
            elif words[position] in _ALL_WORDS:
                is_all = True
            else:
                unknown.append(words[position])
            position += length
        return Choice(sections=None if is_all else frozenset(chosen), unknown=tuple(unknown))

    def _match(self, words: tuple[str, ...], position: int) -> tuple[SectionId | None, int]:
        # The longest run first: a title may itself hold a blank or a slash.
        for length in range(min(self._longest, len(words) - position), 0, -1):
            section = self._by_words.get(words[position : position + length])
            if section is not None:
                return section, length
        return None, 1

    def fault(self, unknown: Sequence[str]) -> tuple[Wording, Wording]:
        """Return what is wrong with words that name no section, and the remedy: the known ones, a near miss."""
        named = "、".join(f"“{word}”" for word in unknown)
        quoted = ", ".join(f"“{word}”" for word in unknown)
        known = "、".join(f"{section.title}（{section.id}）" for section in self._sections)
        listed = ", ".join(f"{section.title} ({section.id})" for section in self._sections)
        near = self._near_miss(unknown[0])
        what = wording(f"没有这样的栏目：{named}", f"no such section: {quoted}")
        if near is None:
            return what, wording(f"可用的栏目：{known}；空着表示全部", f"known: {listed}; empty means all")
        return what, wording(
            f"是不是“{near.title}”？可用的栏目：{known}", f"did you mean {near.title}? known sections: {listed}"
        )

    def _near_miss(self, word: str) -> Section | None:
        names = {name: section for section in self._sections for name in (section.title.casefold(), section.id)}
        near = get_close_matches(word, names, n=1, cutoff=_NEAR)
        return names[near[0]] if near else None


def parse_sections(text: str, sections: Sequence[Section]) -> Choice:
    """Read one cell or line of section names; empty means all."""
    return SectionNames(sections).choose(text)


def parse_form(values: Iterable[str], sections: Sequence[Section]) -> Choice | None:
    """Read the ticked values of a form; None when nothing was ticked, which asks and never means all."""
    ticked = [value for value in values if _words(value)]
    return SectionNames(sections).choose("、".join(ticked)) if ticked else None


def set_key(chosen: SectionSet) -> str:
    """Return the stored form: `*` for all, otherwise the ids in alphabetical order joined by `+`.

    ValueError for the empty set, which is nobody's choice.
    """
    if chosen is not None and not chosen:
        raise ValueError("an empty set of sections is no choice: None is all of them")
    return ALL_KEY if chosen is None else "+".join(sorted(chosen))


def parse_set_key(key: str) -> SectionSet:
    """Read the stored form back; sections that the config dropped since stay in the set."""
    return None if key == ALL_KEY else frozenset(SectionId(part) for part in key.split("+") if part)


def _words(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKC", text).translate(_INVISIBLE).casefold()
    return tuple(word for word in _SEPARATORS.split(plain) if word)
