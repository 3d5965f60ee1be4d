"""The Markdown of this house: CommonMark with tables, bent where Chinese writing breaks it.

Text enters, markdown-it tokens leave; this is the only door to markdown-it. What differs from CommonMark 0.31:

- `*` next to full-width punctuation or Han characters opens and closes emphasis (§6.2 asks for blanks there).
- A line that begins with two ideographic blanks begins a paragraph.
- No raw HTML, no indented code, no underlined headings, no link definitions: each would turn or swallow a line
  of ordinary prose.
- `::: name …` to `:::` is a `directive` token; `info` is its first line, `content` the lines inside.

Links and pictures keep the target as written: `validateLink` lets everything through, because a target that is
refused in silence would be printed as text. Whoever reads the tokens must check every target.
"""

import re
import unicodedata

from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import normalizeLink
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.emphasis import tokenize as commonmark_emphasis
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

_OPENING = re.compile(r":{3,}[ \t\u3000]*(?P<words>[^\s:：].*)")
_CLOSING = re.compile(r"[:：]{3,}\s*")
_PARAGRAPH_INDENT = "\u3000\u3000"


class _Markdown(MarkdownIt):
    """markdown-it that leaves targets alone; see the module."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 -- markdown-it's name
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802 -- markdown-it's name
        return url


def parse(text: str) -> list[Token]:
    """Return the tokens of a body; `text_special` tokens (escapes, entities) are not yet joined."""
    return _MARKDOWN.parse(text)


def render(tokens: list[Token]) -> str:
    """Return the HTML of settled tokens, not yet sanitised."""
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))


def encode_url(url: str) -> str:
    """Return a link target with every character outside ASCII encoded (RFC 3986 §2.1, RFC 3492)."""
    return str(normalizeLink(url))


def is_wide(character: str) -> bool:
    """Say whether a character is Han, kana, hangul or full-width punctuation."""
    return unicodedata.east_asian_width(character) in "WFH"


def is_chinese(character: str) -> bool:
    """Say whether a character belongs to Chinese text: wide, or a sign as “ ” — … · that fonts make wide there."""
    return unicodedata.east_asian_width(character) in "WFHA"


def _emphasis(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "*":
        return commonmark_emphasis(state, silent)
    if silent:
        return False
    length, can_open, can_close = _scan(state)
    for _ in range(length):
        token = state.push("text", "", 0)
        token.content = "*"
        state.delimiters.append(
            Delimiter(
                marker=ord("*"),
                length=length,
                token=len(state.tokens) - 1,
                end=-1,
                open=can_open,
                close=can_close,
            )
        )
    state.pos += length
    return True


def _scan(state: StateInline) -> tuple[int, bool, bool]:
    """Return a run's length and whether it opens and closes emphasis; Chinese signs count as letters."""
    start = end = state.pos
    while end < state.posMax and state.src[end] == "*":
        end += 1
    before = state.src[start - 1] if start > 0 else " "
    after = state.src[end] if end < state.posMax else " "
    opens = not _is_blank(after) and (not _is_punctuation(after) or not _is_letter(before))
    closes = not _is_blank(before) and (not _is_punctuation(before) or not _is_letter(after))
    return end - start, opens, closes


def _is_blank(character: str) -> bool:
    return isWhiteSpace(ord(character))


def _is_punctuation(character: str) -> bool:
    foreign = isMdAsciiPunct(ord(character)) or isPunctChar(character)
    return foreign and not is_chinese(character)


def _is_letter(character: str) -> bool:
    """Say whether a character keeps punctuation on the other side of `*` from opening or closing."""
    return not _is_blank(character) and not _is_punctuation(character) and not is_chinese(character)


def _paragraph_indent(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    return silent and _line(state, start).startswith(_PARAGRAPH_INDENT)


def _directive(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    opening = _OPENING.fullmatch(_line(state, start)) if state.level == 0 else None
    if opening is None or silent:
        return opening is not None
    closing = _closing_line(state, start + 1, end)
    stop = closing if closing is not None else _next_blank(state, start + 1, end)
    token = state.push("directive", "", 0)
    token.info = opening["words"].strip()
    token.content = "\n".join(_line(state, line) for line in range(start + 1, stop))
    token.meta = {"closed": closing is not None}
    state.line = stop + (closing is not None)
    token.map = [start, state.line]
    return True


def _closing_line(state: StateBlock, start: int, end: int) -> int | None:
    for line in range(start, end):
        if _CLOSING.fullmatch(_line(state, line)):
            return line
        if _OPENING.fullmatch(_line(state, line)):
            return None
    return None


def _next_blank(state: StateBlock, start: int, end: int) -> int:
    return next((line for line in range(start, end) if state.isEmpty(line)), end)


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _build() -> MarkdownIt:
    markdown = _Markdown("commonmark", {"html": False, "linkify": False, "typographer": False})
    markdown.enable("table")
    markdown.disable(["code", "lheading", "reference", "html_block", "html_inline", "text_join"])
    markdown.inline.ruler.at("emphasis", _emphasis)
    others = ["paragraph", "blockquote", "list"]
    markdown.block.ruler.before("fence", "directive", _directive, {"alt": others})
    markdown.block.ruler.before("paragraph", "paragraph_indent", _paragraph_indent, {"alt": ["paragraph"]})
    return markdown


_MARKDOWN = _build()
