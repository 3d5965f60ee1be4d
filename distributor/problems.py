"""A problem in something a person wrote: where it is, what is wrong, and what to do about it.

Parsers and checks collect problems instead of raising at the first one, so that an editor mends a whole
issue in one pass. `errors.InputError` and `errors.ConfigError` carry them to the command line.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One sentence in both languages of the house; Chinese is what editors see unless they ask."""

    zh: str
    en: str

    def in_language(self, language: Language) -> str:
        """Return the sentence in `language`."""
        return self.zh if language == "zh" else self.en


def wording(zh: str, en: str) -> Wording:
    """Build a bilingual sentence: `wording("没有标题", "the title is missing")`."""
    return Wording(zh=zh, en=en)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault in one file; `line` counts from 1, None when the whole file or folder is meant."""

    path: str
    line: int | None
    what: Wording
    remedy: Wording
    warning: bool = False

    def text(self, language: Language = "zh") -> str:
        """Return `path:line: what → remedy`, on one line; warnings are marked as such."""
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        mark = ("提醒：" if language == "zh" else "warning: ") if self.warning else ""
        return f"{place}: {mark}{self.what.in_language(language)} → {self.remedy.in_language(language)}"


def in_reading_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems sorted by file, then line; whole-file problems first in their file."""
    return tuple(sorted(problems, key=lambda problem: (problem.path, problem.line or 0)))


def faults(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems that refuse the input, leaving out warnings."""
    return tuple(problem for problem in problems if not problem.warning)
