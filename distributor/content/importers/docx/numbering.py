"""The numbers that Word computes: they are in no run of the text, so they are counted here.

Pure. An instance (`w:num`) points to a definition (`w:abstractNum`) with up to nine levels; a paragraph counts its
own level up and starts the deeper ones anew (ISO/IEC 29500-1 §17.9).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from distributor.content.importers.docx.package import attribute, child, children

_HAN_DIGITS = "〇一二三四五六七八九"
_ROMAN = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_HAN_FORMATS = frozenset({
    "chineseCounting", "chineseCountingThousand", "chineseLegalSimplified", "ideographTraditional",
    "japaneseCounting", "taiwaneseCounting", "taiwaneseCountingThousand", "ideographDigital",
    "japaneseDigitalTenThousand",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of a definition: `text` holds %1 to %9 for the counts of the levels."""

    format: str
    text: str
    start: int
    suffix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What Word shows before a paragraph: a bullet (its sign does not matter), or a number with its blank."""

    bullet: bool
    depth: int
    text: str = ""


@dataclass(slots=True)
class Numbering:
    """The definitions of a document and the counts reached so far; read paragraphs in order."""

    levels: Mapping[str, Mapping[int, Level]]
    counts: dict[str, dict[int, int]] = field(default_factory=dict)

    def next_label(self, number: str, depth: int) -> Label | None:
        """Count one paragraph of an instance and return its label, None when it shows nothing."""
        levels = self.levels.get(number, {})
        level = levels.get(depth)
        if level is None or level.format == "none":
            return None
        counts = self.counts.setdefault(number, {})
        counts[depth] = counts.get(depth, level.start - 1) + 1
        for deeper in [other for other in counts if other > depth]:
            del counts[deeper]
        if level.format == "bullet":
            return Label(bullet=True, depth=depth)
        text = re.sub(r"%(\d)", lambda match: self._count(levels, counts, int(match[1]) - 1), level.text)
        blank = " " if level.suffix != "nothing" and text and text[-1] not in "、）．。：" else ""
        return Label(bullet=False, depth=depth, text=text + blank) if text else None

    def _count(self, levels: Mapping[int, Level], counts: dict[int, int], depth: int) -> str:
        level = levels.get(depth)
        return "" if level is None else show_count(counts.get(depth, level.start), level.format)


def read_numbering(root: etree._Element | None) -> Numbering:
    """Read numbering.xml; a document without one numbers nothing."""
    definitions = {attribute(one, "abstractNumId"): dict(_levels(one)) for one in children(root, "abstractNum")}
    instances: dict[str, Mapping[int, Level]] = {}
    for instance in children(root, "num"):
        levels = dict(definitions.get(attribute(child(instance, "abstractNumId"), "val"), {}))
        for override in children(instance, "lvlOverride"):
            _apply(override, levels)
        instances[attribute(instance, "numId") or ""] = levels
    return Numbering(instances)


def show_count(count: int, form: str) -> str:
    """Return a count in one of Word's number formats; decimal for one that is not known here."""
    if form in _HAN_FORMATS:
        return _han(count)
    if form in {"lowerLetter", "upperLetter"} and 1 <= count <= 26:
        return chr(ord("a" if form == "lowerLetter" else "A") + count - 1)
    if form in {"lowerRoman", "upperRoman"} and 1 <= count < 40:
        return _roman(count) if form == "lowerRoman" else _roman(count).upper()
    if form.startswith("decimalEnclosedCircle") and 1 <= count <= 20:
        return chr(ord("①") + count - 1)
    if form.startswith("decimalFullWidth"):
        return "".join(chr(ord("０") + int(digit)) for digit in str(count))
    return f"{count:02d}" if form == "decimalZero" else str(count)


def _levels(definition: etree._Element) -> Iterator[tuple[int, Level]]:
    for level in children(definition, "lvl"):
        yield int(attribute(level, "ilvl") or 0), _level(level)


def _level(level: etree._Element) -> Level:
    return Level(
        format=attribute(child(level, "numFmt"), "val") or "decimal",
        text=attribute(child(level, "lvlText"), "val") or "",
        start=_number(attribute(child(level, "start"), "val"), 1),
        suffix=attribute(child(level, "suff"), "val") or "tab",
    )


def _apply(override: etree._Element, levels: dict[int, Level]) -> None:
    depth = _number(attribute(override, "ilvl"), 0)
    own = child(override, "lvl")
    if own is not None:
        levels[depth] = _level(own)
    start = attribute(child(override, "startOverride"), "val")
    if start is not None and depth in levels:
        level = levels[depth]
        levels[depth] = Level(
            format=level.format, text=level.text, start=_number(start, level.start), suffix=level.suffix
        )


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() else otherwise


def _han(count: int) -> str:
    if not 0 < count < 100:
        return str(count)
    tens, ones = divmod(count, 10)
    head = "" if tens == 0 else "十" if tens == 1 else f"{_HAN_DIGITS[tens]}十"
    return head + (_HAN_DIGITS[ones] if ones else "")


def _roman(count: int) -> str:
    shown = ""
    for value, sign in _ROMAN:
        while count >= value:
            shown += sign
            count -= value
    return shown
