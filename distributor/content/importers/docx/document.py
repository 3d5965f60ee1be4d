"""A .docx as an office writes it, as a draft issue.

Bytes enter, a `DraftIssue` leaves; pure but for the archive in memory. The package gives pieces in reading order
(`pieces`), looks tell titles (`titles`), the same `outline` as for text finds sections and articles, and
`articles` builds these. Headings, bold, links, lists, tables and pictures are kept; what cannot be is named.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from distributor.config.model import Section
from distributor.content.importers import assembly, characters, urls
from distributor.content.importers.articles import Built
from distributor.content.importers.docx import articles
from distributor.content.importers.docx.articles import Surroundings, text_line
from distributor.content.importers.docx.package import open_package
from distributor.content.importers.docx.pieces import (
    Loss,
    Piece,
    PieceReader,
    TablePiece,
    TextPiece,
    all_text,
    open_pieces,
    read_notes,
)
from distributor.content.importers.docx.titles import find_titles
from distributor.content.importers.lines import unwrapped
from distributor.content.importers.model import (
    Doubt,
    DoubtKind,
    DraftIssue,
    Removal,
    RemovalReason,
    Substitution,
)
from distributor.content.importers.outline import ArticleMark, Outline, outline
from distributor.problems import wording


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """A document taken apart: `contents` are pieces of a table of contents, `loose` of no article."""

    parted: urls.Parted
    found: Outline
    built: tuple[Built, ...]
    owned: tuple[urls.Owned, ...]
    contents: tuple[TextPiece, ...]
    loose: tuple[Piece, ...]


def read_docx(content: bytes, known: Sequence[Section]) -> DraftIssue:
    """Read a .docx; raises `PackageRefused` when it is none, is damaged or is not safe to read."""
    package = open_package(content)
    reader = open_pieces(package)
    pieces = tuple(replace(piece, line=line) for line, piece in enumerate(reader.read(), start=1))
    notes = read_notes(package)
    texts = {piece.line: piece for piece in pieces if isinstance(piece, TextPiece) and not piece.look.contents}
    parted = urls.take_urls(tuple(map(text_line, texts.values())))
    shown = find_titles([texts[line.number] for line in parted.text], parted.text, known)
    layout = unwrapped(parted.text)
    found = outline(parted.text, layout, known, titled=shown.titled, headed=shown.headed)
    ranges = assembly.article_ranges(found, len(parted.text))
    owned = urls.find_owners(parted.runs, urls.Articles(lines=parted.text, layout=layout, bodies=ranges))
    around = Surroundings(lines=parted.text, links=package.relationships(), notes=notes, level=shown.level)
    shares = [_share(around, mark, body, pieces, found) for mark, body in zip(found.articles, ranges, strict=True)]
    document = _Document(
        parted=parted,
        found=found,
        owned=owned,
        contents=tuple(piece for piece in pieces if isinstance(piece, TextPiece) and piece.look.contents),
        loose=_loose(pieces, shares),
        built=tuple(
            articles.build(around, mark, share, [one for one in owned if one.owner == position])
            for position, (mark, share) in enumerate(zip(found.articles, shares, strict=True))
        ),
    )
    return DraftIssue(
        source=all_text(package),
        sections=assembly.gather_sections(parted.text, found, document.built),
        removals=tuple(_removals(document, reader)),
        substitutions=tuple(_substitutions(document, reader)),
        doubts=tuple(_doubts(document, reader, notes)),
    )


def _share(
    around: Surroundings, mark: ArticleMark, body: range, pieces: Sequence[Piece], found: Outline
) -> tuple[Piece, ...]:
    """Return the pieces of an article: its lines, and every table and picture between them."""
    lines = around.lines
    own = {lines[index].number for index in (*mark.title, *mark.meta_lines, *body) if index not in found.outside}
    start = lines[body.start].number
    stop = lines[body.stop].number if body.stop < len(lines) else len(pieces) + 1
    return tuple(
        piece for piece in pieces[start - 1 : stop - 1] if piece.line in own or not isinstance(piece, TextPiece)
    )


def _loose(pieces: Sequence[Piece], shares: Sequence[Sequence[Piece]]) -> tuple[Piece, ...]:
    taken = {piece.line for share in shares for piece in share}
    return tuple(piece for piece in pieces if piece.line not in taken and not isinstance(piece, TextPiece))


def _removals(document: _Document, reader: PieceReader) -> Iterable[Removal]:
    removals = [
        *assembly.outline_removals(document.parted.text, document.found),
        *(Removal(line=line.number, text=line.raw, reason=RemovalReason.URL) for line in document.parted.taken),
        *(removal for one in document.built for removal in one.removals),
        *(_removal(piece, RemovalReason.CONTENTS) for piece in document.contents),
        *(_removal(piece, RemovalReason.FRONT) for piece in document.loose if isinstance(piece, TablePiece)),
    ]
    yield from sorted(removals, key=lambda removal: removal.line)
    yield from (Removal(line=line, text=text, reason=RemovalReason.DELETED) for line, text in reader.deleted)
    yield from (Removal(line=line, text=text, reason=RemovalReason.HIDDEN) for line, text in reader.hidden)


def _removal(piece: TextPiece | TablePiece, reason: RemovalReason) -> Removal:
    if isinstance(piece, TextPiece):
        return Removal(line=piece.line, text=text_line(piece).raw, reason=reason)
    return Removal(line=piece.line, text="\n".join(" ".join(row) for row in piece.rows), reason=reason)


def _substitutions(document: _Document, reader: PieceReader) -> Iterable[Substitution]:
    yield from (change for one in document.built for change in one.substitutions)
    for line, before, after in reader.symbols:
        yield Substitution(line=line, before=before, after=after)


def _doubts(document: _Document, reader: PieceReader, notes: dict[tuple[str, str], str]) -> Iterable[Doubt]:
    yield from assembly.front_doubts(document.parted.text, document.found)
    yield from (assembly.unassigned(one) for one in document.owned if one.owner is None)
    for piece in document.loose:
        yield _loose_doubt(piece)
    yield from (doubt for one in document.built for doubt in one.doubts)
    for line, comment in reader.comments:
        text = characters.squeeze(notes.get(("comment", comment), ""))
        what = wording(f"批注没有导入：{text}", f"a comment was not imported: {text}")
        yield Doubt(kind=DoubtKind.FORMAT, line=line, what=what)


def _loose_doubt(piece: Piece) -> Doubt:
    if isinstance(piece, Loss):
        return Doubt(kind=DoubtKind.FORMAT, line=piece.line, what=wording(piece.zh, piece.en))
    name_zh, name_en = ("表格", "table") if isinstance(piece, TablePiece) else ("图片", "picture")
    what = wording(
        f"{name_zh}不在任何文章里（刊头或栏目下），没有导入",
        f"a {name_en} belongs to no article (front matter or under a section line) and was not imported",
    )
    return Doubt(kind=DoubtKind.BOUNDARY, line=piece.line, what=what)
