"""Whether a text layer was read across the columns instead of down them.

Pure. Two signs: lines that hold two pieces of text with a wide gap between (a layout-preserving extraction), and
first lines of paragraphs, known by their indent or by being short by it, that do not follow a paragraph's end
(columns mixed line by line; in the right order 85 % and more of them do, mixed 20 to 60 %, measured). Nothing is
rearranged: the report says so and names the remedy.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from distributor.content.importers import characters
from distributor.content.importers.lines import INDENT, Layout, Line

_GUTTER = re.compile(r"\S(?:[ \t]{3,}|\u3000{2,})\S")
_FEW = 12
_SHARE_OF_FIRST_LINES = 0.08
_SHARE_AFTER_ENDS = 0.6


def has_gutters(lines: Sequence[Line]) -> bool:
    """Say whether the lines hold both columns side by side."""
    long = [line for line in lines if line.width > 40]
    apart = sum(_GUTTER.search(line.raw.strip()) is not None for line in long)
    return len(long) >= _FEW and apart > 0.4 * len(long)


def is_mixed(lines: Sequence[Line], layout: Layout) -> bool:
    """Say whether first lines stand where no paragraph has ended, so that the lines cannot be in order."""
    firsts = [
        (before, line)
        for before, line in pairwise(lines)
        if _is_first(line, layout) and not characters.ends_sentence(line.text)
    ]
    if len(firsts) < max(_FEW, _SHARE_OF_FIRST_LINES * len(lines)):
        return False
    after_end = sum(_follows_end(before, line, layout) for before, line in firsts)
    return after_end < _SHARE_AFTER_ENDS * len(firsts)


def _is_first(line: Line, layout: Layout) -> bool:
    kept_indent = 2 <= line.indent <= 2 * INDENT
    return kept_indent or layout.full - INDENT - 1 <= line.width <= layout.full - INDENT + 1


def _follows_end(before: Line, line: Line, layout: Layout) -> bool:
    if line.page_start or line.gap > layout.step or (layout.marked and before.marked):
        return True
    return before.width <= layout.full - 6 or characters.ends_sentence(before.text)
