"""An article's body: Markdown in, blocks out; and plain text made safe as Markdown.

The body's text and its folder enter, a `Body` and every problem with its line leave. Pictures and charts are read
through the folder (`files`); everything else is pure. Headings: the article's title is the h1, so a body that uses
`#` is moved down as a whole until its highest heading is h2; other bodies keep their levels.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it.token import Token

from distributor.content.charts import read_chart
from distributor.content.files import Folder
from distributor.content.findings import Findings, Objection
from distributor.content.inlines import PictureMark, join_lines, object_to_nested_pictures, settle
from distributor.content.lines import object_to_lines
from distributor.content.markdown import parse
from distributor.content.model import Block, Body
from distributor.content.pictures import read_picture
from distributor.content.prose import paragraph, tokens_to_prose
from distributor.content.sources import without_illegal_characters
from distributor.problems import Problem, wording

LENGTH_LIMIT = 200_000
_DEEPEST_LEVEL = 12
_LOWEST_HEADING = 6

_ALWAYS = re.compile(r"[\\`*_]")
_LINKS = re.compile(r"](?=\()")
_TAGS = re.compile(r"<(?=[!-~])")
_ENTITIES = re.compile(r"&(?=#?\w+;)")
_LINE_STARTS = re.compile(r"[-+](?=[\s-]|$)|[#>~]|:(?=::)")
_NUMBERS = re.compile(r"(?P<number>\d{1,9})(?P<mark>[.)])(?=\s|$)")
_BLANKS = re.compile(r"[ \t]*\n\s*")


def parse_body(text: str, *, path: str, first_line: int = 1, folder: Path | Folder) -> tuple[Body, tuple[Problem, ...]]:
    """Return the blocks of a body that begins at `first_line` of the file shown as `path`.

    What was refused is left out of the body and named among the problems; warnings leave the body whole.
    """
    findings = Findings(path)
    if len(text) > LENGTH_LIMIT:
        what = wording(f"正文有 {len(text)} 个字符，上限是 {LENGTH_LIMIT}", f"{len(text)} characters in one article")
        findings.fault(first_line, what, wording("拆成几篇", "split it into several articles"))
        return Body(), tuple(findings.problems)
    source = folder if isinstance(folder, Folder) else Folder(path=folder, root=folder)
    reader = _Reader(findings=findings, folder=source, first_line=first_line)
    blocks = tuple(reader.blocks(parse(without_illegal_characters(text))))
    return Body(blocks=blocks), tuple(findings.problems)


def escape_text(text: str) -> str:
    """Return Markdown on one line that renders to one paragraph of exactly this text.

    Only what would be taken for Markdown is escaped, so that editors can read the result. Line breaks are joined
    as in a paragraph; blanks at both ends are dropped.
    """
    line = join_lines(part.strip() for part in text.splitlines())
    line = _ALWAYS.sub(r"\\\g<0>", line)
    for pattern in (_LINKS, _TAGS, _ENTITIES):
        line = pattern.sub(r"\\\g<0>", line)
    return _NUMBERS.sub(r"\g<number>\\\g<mark>", line, count=1) if _NUMBERS.match(line) else _escape_start(line)


def _escape_start(line: str) -> str:
    return f"\\{line}" if _LINE_STARTS.match(line) else line


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads the blocks of one body."""

    findings: Findings
    folder: Folder
    first_line: int

    def blocks(self, tokens: list[Token]) -> Iterator[Block]:
        """Yield the blocks in reading order."""
        self._object_to_depth(tokens)
        _shift_headings(tokens)
        for group in _groups(tokens):
            if group[0].type == "directive":
                yield from self._chart(group[0])
            elif group[0].type == "paragraph_open":
                yield from self._paragraph(group[1])
            else:
                yield self._prose(group)

    def _line(self, token: Token) -> int:
        return self.first_line + (token.map[0] if token.map else 0)

    def _prose(self, group: list[Token]) -> Block:
        for before, token in pairwise([group[0], *group]):
            if token.type != "inline":
                continue
            if before.type == "paragraph_open":
                object_to_lines(token.content, self._line(token), self.findings)
            pieces = settle(token, self._line(token), self.findings)
            token.children = object_to_nested_pictures(pieces, self.findings)
        return tokens_to_prose(group)

    def _paragraph(self, inline: Token) -> Iterator[Block]:
        object_to_lines(inline.content, self._line(inline), self.findings)
        for piece in settle(inline, self._line(inline), self.findings):
            if isinstance(piece, PictureMark):
                yield from self._picture(piece)
            else:
                yield paragraph(piece)

    def _picture(self, mark: PictureMark) -> Iterator[Block]:
        picture = read_picture(self.folder, mark.target, alt=mark.alt, caption=mark.caption)
        if isinstance(picture, Objection):
            self.findings.add(mark.line, picture)
            return
        if not mark.alt:
            what = wording("图片没有文字说明", "the picture has no alternative text")
            remedy = wording("在方括号里写一句图中内容，给看不到图的读者", "say in the brackets what it shows")
            self.findings.warn(mark.line, what, remedy)
        yield picture

    def _chart(self, token: Token) -> Iterator[Block]:
        if not token.meta["closed"]:
            what = wording("图表块没有结束：缺一行 :::", "the chart block is not closed: a line ::: is missing")
            remedy = wording("在图注下面单独写一行 :::", "put a line ::: below the caption")
            self.findings.fault(self._line(token), what, remedy)
        caption = join_lines(line.strip() for line in token.content.split("\n"))
        line = self._line(token)
        chart = read_chart(token.info, line=line, caption=caption, folder=self.folder, findings=self.findings)
        if chart is not None:
            yield chart

    def _object_to_depth(self, tokens: list[Token]) -> None:
        deep = next((token for token in tokens if token.level > _DEEPEST_LEVEL and token.map), None)
        if deep is not None:
            what = wording("列表或引文嵌套太深", "lists or quotes nested too deeply")
            self.findings.fault(self._line(deep), what, wording("最多嵌套五层", "five levels at most"))


def _groups(tokens: list[Token]) -> Iterator[list[Token]]:
    group: list[Token] = []
    depth = 0
    for token in tokens:
        group.append(token)
        depth += token.nesting
        if depth == 0:
            yield group
            group = []


def _shift_headings(tokens: list[Token]) -> None:
    headings = [token for token in tokens if token.type in {"heading_open", "heading_close"}]
    if not any(token.tag == "h1" for token in headings):
        return
    for token in headings:
        token.tag = f"h{min(int(token.tag[1]) + 1, _LOWEST_HEADING)}"
