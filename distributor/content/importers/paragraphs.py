"""Wrapped lines back to paragraphs.

Pure. Where the layer marks paragraph ends with a trailing blank, the mark decides, except where a full line
before a Latin word or number got its blank from the wrap. Elsewhere the page decides: a line that had room for
what follows ended on purpose; a full line ended only if the next one shows a first-line indent or an item.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from distributor.content.importers import characters, dates, titles
from distributor.content.importers.lines import INDENT, Layout, Line, full_columns, wraps_into

_SLACK = 3
_ENOUGH_LINES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph's text with the lines it came from; `cut_off` when it seems to end in a lost line.

    `apart` says that an empty paragraph stood before it.
    """

    text: str
    first: Line
    last: Line
    lines: int
    cut_off: bool = False
    apart: bool = False


def join_paragraphs(lines: Sequence[Line], layout: Layout) -> tuple[Paragraph, ...]:
    """Rejoin the body lines of one article, in order."""
    layout = _own_layout(lines, layout)
    paragraphs: list[Paragraph] = []
    gathered: list[Line] = []
    for index, line in enumerate(lines):
        gathered.append(line)
        following = lines[index + 1 : index + 3]
        heading = len(gathered) == 1 and _is_heading(line.text, paragraphs[-1].text if paragraphs else "")
        if _ends(gathered, following, layout, heading=heading):
            paragraphs.append(_paragraph(gathered, following, layout))
            gathered = []
    return tuple(paragraphs)


def _own_layout(lines: Sequence[Line], layout: Layout) -> Layout:
    """Fit the layout to one article: its column may be narrower, its marks may have been stripped."""
    marked = layout.marked and any(line.marked for line in lines)
    if len(lines) < _ENOUGH_LINES or not layout.wrapped:
        return replace(layout, marked=marked)
    own = full_columns(lines)
    return replace(layout, marked=marked, full=own if abs(own - layout.full) > 6 else layout.full)


def _is_heading(text: str, above: str) -> bool:
    """Say whether a line is a heading: by its number, or as an appendix's title under a signature or 附件."""
    if titles.heading_level(text) is not None:
        return True
    return (titles.ends_signature(above) or titles.is_appendix_label(above)) and titles.looks_like_title(text)


def _ends(gathered: Sequence[Line], following: Sequence[Line], layout: Layout, *, heading: bool) -> bool:
    line = gathered[-1]
    if not following:
        return True
    after = following[0]
    if after.gap > layout.step and not after.page_start:
        return True
    if layout.indented and after.indent >= 2 and not after.page_start:
        return True
    if layout.marked:
        return line.marked and not _mark_is_a_wrap(gathered, after, layout)
    return _ends_by_width(gathered, following, layout, heading=heading)


def _mark_is_a_wrap(gathered: Sequence[Line], after: Line, layout: Layout) -> bool:
    """Say whether a trailing blank is only the blank between a word or number and its neighbour."""
    line = gathered[-1]
    if not (characters.is_western(line.text[-1]) or characters.is_western(after.text[0])):
        return False
    if characters.ends_sentence(line.text) or titles.starts_item(after.text):
        return False
    if dates.whole_date(after.text) is not None:
        return False
    return not _had_room(gathered, after, layout)


def _ends_by_width(gathered: Sequence[Line], following: Sequence[Line], layout: Layout, *, heading: bool) -> bool:
    line, after = gathered[-1], following[0]
    if dates.whole_date(after.text) is not None and line.text[-1] not in "，、（":
        return True
    if _is_remnant(gathered, following, layout):
        return False
    # Where indents or empty lines show the paragraphs, a line without them ends one only if it is far from full.
    shown = (layout.indented or layout.gapped) and not after.page_start
    if _had_room(gathered, after, layout, slack=3 * INDENT if shown else _SLACK):
        return True
    closed = characters.ends_sentence(line.text) or line.text[-1] in "）)〕]】"
    if titles.starts_item(after.text) and (closed or heading):
        return True
    if not closed and not heading and not _had_room(gathered, after, layout, slack=0):
        return False
    if line.text[-1] in "：:；;":
        return False
    return _begins_indented(following, layout) or (closed and _is_short_and_open(following, layout))


def _had_room(gathered: Sequence[Line], after: Line, layout: Layout, *, slack: int = _SLACK) -> bool:
    line = gathered[-1]
    indent = layout.first_indent if len(gathered) == 1 and line.indent < 2 else line.indent
    unit = characters.first_unit_columns(after.text)
    return line.width + indent + unit + slack <= layout.full


def _begins_indented(following: Sequence[Line], layout: Layout) -> bool:
    """Say whether a full line is followed by a paragraph's first line: a wrapped line, short by the indent."""
    after = following[0]
    if len(following) < 2 or not layout.first_indent or characters.ends_sentence(after.text):
        return False
    wrapped = wraps_into(after, following[1], layout, layout.full - INDENT)
    return wrapped and after.width <= layout.full - INDENT + 1


def _is_short_and_open(following: Sequence[Line], layout: Layout) -> bool:
    """Say whether the next line is short and no end of a sentence: a signature or sub-heading."""
    after = following[0]
    return after.width < layout.full - 2 * INDENT and not characters.ends_sentence(after.text)


def _is_remnant(gathered: Sequence[Line], following: Sequence[Line], layout: Layout) -> bool:
    """Say whether the next line is the last word or two of a centred heading."""
    line, after = gathered[-1], following[0]
    if after.width > INDENT or len(after.text) < 2 or not all(map(characters.is_han, after.text)):
        return False
    return not characters.ends_sentence(line.text) and line.width > layout.full - 3 * INDENT


def _paragraph(gathered: Sequence[Line], following: Sequence[Line], layout: Layout) -> Paragraph:
    text = gathered[0].text
    for before, line in pairwise(gathered):
        text = _join(text, before, line, layout)
    first, last = gathered[0], gathered[-1]
    return Paragraph(
        text=text,
        first=first,
        last=last,
        lines=len(gathered),
        cut_off=_is_cut_off(gathered, following, layout),
        apart=first.gap > layout.step and not first.page_start,
    )


def _join(text: str, before: Line, line: Line, layout: Layout) -> str:
    # A marked line inside a paragraph got its blank from the text itself: `AG ⏎Energiebilanzen`.
    if layout.marked and before.marked and characters.is_western(before.text[-1]):
        return f"{text} {line.text}"
    return characters.join(text, line.text, spaced=layout.spaced)


def _is_cut_off(gathered: Sequence[Line], following: Sequence[Line], layout: Layout) -> bool:
    """Say whether the text breaks off before an empty place: the line that stood there is lost."""
    line = gathered[-1]
    if not following or following[0].gap <= layout.step or following[0].page_start:
        return False
    if characters.ends_sentence(line.text) or (layout.marked and line.marked):
        return False
    return layout.marked or line.width > layout.full - 2 * INDENT
