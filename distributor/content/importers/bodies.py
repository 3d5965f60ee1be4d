"""A draft article's blocks as the Markdown of its file, and the files beside it.

Pure. Each block whose Markdown was made by a reader is rendered and compared with its text; where they differ, the
text is escaped instead, so that no emphasis ever costs a character. Tables that no pipe table can show become CSV.
"""

import csv
import html
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from distributor.content.importers.balance import count_characters
from distributor.content.importers.model import DraftArticle, DraftBlock, DraftPicture, DraftTable, DraftText
from distributor.content.markup import escape_text, parse_body
from distributor.content.model import Prose, Reference

_MOST_COLUMNS = 6
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFile:
    """A file that goes with an article, by its path in the issue folder."""

    path: PurePosixPath
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBody:
    """An article's Markdown, the files beside it, the tables that went to CSV, and whether the text came through."""

    markdown: str
    files: tuple[SideFile, ...]
    tables: tuple[Reference, ...]
    faithful: bool


def write_body(article: DraftArticle, name: str) -> WrittenBody:
    """Write the blocks of an article; files are called after its `name` (a04): images/a04-1.png."""
    parts: list[str] = []
    files: list[SideFile] = []
    tables: list[Reference] = []
    before: DraftBlock | None = None
    depth = -1
    for block in article.blocks:
        if isinstance(block, DraftTable) and not fits_pipe_table(block):
            path = PurePosixPath(f"data/{name}-table{len(tables) + 1}.csv")
            files.append(SideFile(path=path, content=_csv(block)))
            tables.append(Reference(name=f"表 {len(tables) + 1}", file=path))
            continue
        if isinstance(block, DraftPicture):
            path = PurePosixPath(
                f"images/{name}-{sum(file.path.parts[0] == 'images' for file in files) + 1}{block.suffix}"
            )
            files.append(SideFile(path=path, content=block.content))
            written = f"![{_alt(block.alt or article.title)}]({path})"
        else:
            depth = min(block.level, depth + 1) if isinstance(block, DraftText) and block.kind == "item" else -1
            written = _block(block, depth)
        parts.append(("\n" if _both_items(before, block) else "\n\n") + written if parts else written)
        before = block
    markdown = "".join(parts)
    return WrittenBody(
        markdown=markdown, files=tuple(files), tables=tuple(tables), faithful=_is_faithful(article.blocks)
    )


def fits_pipe_table(table: DraftTable) -> bool:
    """Say whether a table can stand in the text: no merged cells, at most six columns."""
    return not table.merged and len(table.rows) > 1 and max(map(len, table.rows), default=0) <= _MOST_COLUMNS


def _block(block: DraftText | DraftTable, depth: int) -> str:
    if isinstance(block, DraftTable):
        return _pipe_table(block)
    written = _inline(block)
    if block.kind == "item":
        return f"{'  ' * depth}{block.marker} {written}"
    if block.kind == "heading":
        # A closing run of # would be taken off a heading.
        return f"{'#' * block.level} " + re.sub(r"(?<=\s)#+$", lambda run: f"\\{run[0]}", written)
    return written


def _inline(block: DraftText) -> str:
    plain = escape_text(block.text)
    if block.markdown is None or _rendered([block.markdown]) != count_characters([block.text]):
        return plain
    return block.markdown


def _is_faithful(blocks: Sequence[DraftBlock]) -> bool:
    """Say whether rendering the text blocks gives exactly their characters."""
    texts = [block for block in blocks if isinstance(block, DraftText)]
    return _rendered([_block(block, 0) for block in texts]) == count_characters(block.text for block in texts)


def _rendered(markdown: Iterable[str]) -> dict[str, int]:
    body, _ = parse_body("\n\n".join(markdown), path="", folder=Path())
    shown = (html.unescape(_TAG.sub("", block.html)) for block in body.blocks if isinstance(block, Prose))
    return count_characters(shown)


def _pipe_table(table: DraftTable) -> str:
    width = max(map(len, table.rows))
    rows = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in table.rows]
    return "\n".join([rows[0], f"|{' --- |' * width}", *rows[1:]])


def _cell(text: str) -> str:
    return escape_text(text).replace("|", "\\|")


def _csv(table: DraftTable) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(table.rows)
    # Excel takes a CSV for UTF-8 only with the mark.
    return text.getvalue().encode("utf-8-sig")


def _alt(text: str) -> str:
    return re.sub(r"[\[\]\\<>`*_!]", " ", text).strip()


def _both_items(before: DraftBlock | None, block: DraftBlock) -> bool:
    return all(isinstance(one, DraftText) and one.kind == "item" for one in (before, block))
