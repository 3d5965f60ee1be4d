"""The lines of a text layer, and how the layer was laid out.

Pure. A text layer has lost its structure; what is left are signals: a trailing blank where a paragraph ended, an
empty line between every two lines of a page and none where a page ends, form feeds, indents, widths. This module
reads them without deciding; each may be missing, because editors and tools strip blanks.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from distributor.content.importers import characters
from distributor.content.importers.meta import parse_meta

URL_LINE = re.compile(r"(?:(?:https?|ftp)://|www\.)[\x21-\x7e]+(?:\s+(?:https?://|www\.)[\x21-\x7e]+)*", re.IGNORECASE)
_TITLE_LINES = 3
_SLACK = 3
"""Columns by which a full line may fall short: proportional letters, and marks pushed together."""
INDENT = 4
"""Columns of a paragraph's first-line indent: two Han characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line with text: `number` counts from 1 in the file, `indent` and `width` are columns.

    `marked` says that a blank followed the text, `gap` how many lines without text stood before it, `page_start`
    that it is the first of a page (as far as the layer tells).
    """

    number: int
    text: str
    raw: str
    width: int
    indent: int
    marked: bool
    gap: int
    page_start: bool

    @property
    def is_url(self) -> bool:
        """Whether the line holds addresses and nothing else."""
        return URL_LINE.fullmatch(self.text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is usual in this layer.

    `step`: empty lines between two lines of a paragraph. `marked`: paragraph ends carry a trailing blank.
    `full`: columns of a full body line. `wide`: columns of a full line over both columns of a page, None where no
    line is that wide. `first_indent`: columns by which first lines are shorter because their indent was dropped.
    `indented`: first lines still have their indent. `gapped`: further empty lines part the
    paragraphs. `spaced`: blanks stand between Han and Latin. `paged`: the
    layer shows where pages end. `wrapped`: paragraphs were broken into lines.
    """

    step: int
    marked: bool
    full: int
    wide: int | None
    first_indent: int
    indented: bool
    gapped: bool
    spaced: bool
    paged: bool
    wrapped: bool = True


def unwrapped(lines: Sequence[Line]) -> Layout:
    """Return the layout of a text that has one paragraph on each line: no line is ever full."""
    return Layout(
        step=0,
        marked=False,
        full=1_000_000,
        wide=None,
        first_indent=0,
        indented=False,
        gapped=False,
        spaced=characters.is_spaced("\n".join(line.text for line in lines)),
        paged=False,
        wrapped=False,
    )


def read_lines(text: str) -> tuple[Line, ...]:
    """Split a text layer into its lines with text, in file order."""
    lines: list[Line] = []
    gap = 0
    fed = True
    # split, not splitlines: U+2028 and U+0085 are no line ends of a text layer.
    for number, raw in enumerate(text.split("\n"), start=1):
        fed = fed or "\f" in raw.rstrip()[:1] or (not raw.strip() and "\f" in raw)
        shown = characters.without_invisible(raw.replace("\f", " ").replace("\v", " "))
        content = characters.close_justified(shown.strip())
        if not content:
            gap += 1
            continue
        indent = characters.columns(shown[: len(shown) - len(shown.lstrip())])
        lines.append(
            Line(
                number=number,
                text=content,
                raw=raw,
                width=characters.columns(content),
                indent=indent,
                marked=shown != shown.rstrip(),
                gap=gap,
                page_start=fed,
            )
        )
        gap, fed = 0, raw.rstrip(" ").endswith("\f")
    return tuple(lines)


def measure(lines: Sequence[Line]) -> Layout:
    """Find out how the layer was laid out."""
    prose = [line for line in lines if not line.is_url]
    step = _usual_gap(prose)
    full = full_columns(prose)
    return Layout(
        step=step,
        marked=_has_marks(prose, full),
        full=full,
        wide=wide_columns(prose, full),
        first_indent=_first_indent(prose, full, step),
        indented=_has_indents(prose),
        gapped=_has_gaps(prose, full, step),
        spaced=characters.is_spaced("\n".join(line.text for line in prose)),
        paged=any(line.page_start for line in lines[1:]) or (step == 1 and any(line.gap == 0 for line in lines[1:])),
    )


def full_columns(lines: Sequence[Line]) -> int:
    """Return the columns of a full line: the commonest width among lines that do not end a sentence."""
    widths = Counter(line.width for line in lines if line.width > 16 and not characters.ends_sentence(line.text))
    if widths.total() < 8:
        return max((line.width for line in lines), default=0)
    # A full line gives or takes a half-width character or a mark pushed in at its end.
    return max(widths, key=lambda width: (2 * widths[width] + widths[width - 1] + widths[width + 1], width))


def wide_columns(lines: Sequence[Line], full: int) -> int | None:
    """Return the columns of a full line over both columns of a page; None where titles are no wider than the text.

    `lines` are free of page furniture; date-and-source lines do not count, nor what stands before the first.
    """
    metas = {index for index, line in enumerate(lines) if parse_meta(line.text) is not None}
    wide = [
        index
        for index in range(max(0, min(metas, default=0) - _TITLE_LINES), len(lines))
        if full + 6 < lines[index].width < 3 * full and index not in metas
    ]
    # One wide line may be a stray row of a table; right over a date and source it is a title.
    over_meta = {index for place in metas for index in range(place - _TITLE_LINES, place)}
    if len(wide) >= 0.2 * len(lines) or (len(wide) < 2 and not over_meta & set(wide)):
        return None
    return max(lines[index].width for index in wide) if wide else None


def mark_pages(lines: Sequence[Line], layout: Layout) -> tuple[Line, ...]:
    """Mark the first line of each page where a missing empty line tells of it.

    Only in layers with an empty line between lines; addresses stand without one at page ends.
    """
    if layout.step == 0 or not lines:
        return tuple(lines)
    marked = [
        replace(line, page_start=True) if line.gap == 0 and not line.is_url else line
        for before, line in pairwise(lines)
    ]
    return (lines[0], *marked)


def wraps_into(line: Line, following: Line, layout: Layout, full: int) -> bool:
    """Say whether the first line broke only because it was full (`full` columns)."""
    if following.gap > layout.step or (layout.marked and line.marked):
        return False
    return line.width + characters.first_unit_columns(following.text) + _SLACK > full


def _usual_gap(lines: Sequence[Line]) -> int:
    gaps = Counter(line.gap for line in lines[1:])
    return 1 if gaps[1] > gaps[0] and gaps[1] >= 0.4 * max(1, len(lines) - 1) else 0


def _has_marks(lines: Sequence[Line], full: int) -> bool:
    marked = [line for line in lines if line.marked]
    if not 0.02 * len(lines) <= len(marked) <= 0.8 * len(lines):
        return False
    # Real marks stand at ends: most marked lines are short or end a sentence, most others are full.
    ends = sum(characters.ends_sentence(line.text) or line.width < full - 4 for line in marked)
    return ends >= 0.6 * len(marked)


def _has_indents(lines: Sequence[Line]) -> bool:
    indented = [line for line in lines if 2 <= line.indent <= 8]
    if not 0.02 * len(lines) <= len(indented) <= 0.7 * len(lines):
        return False
    after_end = sum(
        characters.ends_sentence(before.text) or before.width < line.width or before.marked or line.gap > 1
        for before, line in pairwise(lines)
        if 2 <= line.indent <= 8
    )
    return len(indented) >= 3 and after_end >= 0.7 * len(indented)


def _has_gaps(lines: Sequence[Line], full: int, step: int) -> bool:
    ends = [
        after
        for line, after in pairwise(lines)
        if line.width < full - 8 and characters.ends_sentence(line.text) and not after.page_start
    ]
    return len(ends) >= 5 and sum(after.gap > step for after in ends) >= 0.8 * len(ends)


def _first_indent(lines: Sequence[Line], full: int, step: int) -> int:
    firsts = [
        line
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False)
        if (before.width < full - 12 or line.gap > step) and line.width > full - 9 and after.width > full - 6
    ]
    if len(firsts) < 5:
        return 0
    shorter = sum(line.width <= full - INDENT + 1 for line in firsts)
    return INDENT if shorter >= 0.5 * len(firsts) else 0
