"""One article of a .docx: its pieces between two titles as blocks.

Pure. Numbers that Word computes become text, bullets become list items, notes go to the end with their marks; what
could not be kept is named in `missing` and doubted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from distributor.content.importers import articles, blocks, characters, titles, urls
from distributor.content.importers.articles import Built
from distributor.content.importers.docx.inline import show
from distributor.content.importers.docx.package import Relationship
from distributor.content.importers.docx.pieces import Loss, PicturePiece, Piece, TablePiece, TextPiece, clean
from distributor.content.importers.lines import Line, unwrapped
from distributor.content.importers.model import (
    Doubt,
    DoubtKind,
    DraftArticle,
    DraftBlock,
    DraftPicture,
    DraftTable,
    DraftText,
    Substitution,
)
from distributor.content.importers.outline import ArticleMark
from distributor.content.importers.paragraphs import Paragraph
from distributor.problems import Wording, wording

_LONGEST_HEADING = 60
_LOWEST_HEADING = 4

Note = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the builders look things up in: lines of text, links by id, notes by kind and id.

    `level` is the heading level of article titles, None where titles have no heading style.
    """

    lines: Sequence[Line]
    links: Mapping[str, Relationship]
    notes: Mapping[Note, str]
    level: int | None


@dataclass(slots=True, kw_only=True)
class _Body:
    title: str
    around: Surroundings
    blocks: list[DraftBlock] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    substitutions: list[Substitution] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def doubt(self, kind: DoubtKind, line: int, what: Wording) -> None:
        self.doubts.append(Doubt(kind=kind, line=line, what=what, article=self.title))

    def mark_notes(self, line: int, notes: Sequence[Note]) -> list[str]:
        """Number the notes of a piece and return their marks."""
        first = len(self.notes) + 1
        self.notes.extend(notes)
        marks = [f"［注{number}］" for number in range(first, first + len(notes))]
        self.substitutions.append(Substitution(line=line, before="", after="".join(marks)))
        return marks

    def add_text(self, piece: TextPiece, level: int) -> None:
        marks = self.mark_notes(piece.line, piece.notes)
        shown = show(piece, self.around.links, iter(marks))
        if piece.notes:
            self.substitutions.append(Substitution(line=piece.line, before="", after="".join(marks)))
        self.note_changes(piece)
        for address in shown.dead:
            what = wording(
                f"链接不能用，只留下文字：{address}", f"a link that cannot go out was left as text: {address}"
            )
            self.doubt(DoubtKind.LINK, piece.line, what)
        bullet = piece.label is not None and piece.label.bullet
        plain_heading = level > 0 and "](<" not in (shown.markdown or "")
        self.blocks.append(
            DraftText(
                kind="item" if bullet else "heading" if level else "paragraph",
                text=shown.text,
                line=piece.line,
                level=piece.label.depth if bullet and piece.label else level,
                marker="-" if bullet else "",
                markdown=None if plain_heading else shown.markdown,
            )
        )

    def note_changes(self, piece: TextPiece) -> None:
        """Write down the computed number of a piece and its private characters."""
        if piece.label is not None and piece.label.text:
            self.substitutions.append(Substitution(line=piece.line, before="", after=piece.label.text))
        written = "".join(span.text for span in piece.spans)
        if characters.has_private_bullet(written):
            after = characters.show_private_bullets(written)
            self.substitutions.append(Substitution(line=piece.line, before=written, after=after))

    def add_notes(self) -> None:
        for number, note in enumerate(self.notes, start=1):
            text = f"［注{number}］{self.around.notes.get(note, '')}"
            self.blocks.append(DraftText(kind="paragraph", text=text, line=self.blocks[-1].line if self.blocks else 1))


def build(
    around: Surroundings,
    mark: ArticleMark,
    pieces: Sequence[Piece],
    owned: Sequence[urls.Owned],
) -> Built:
    """Build an article from its pieces, title and date lines included."""
    title, changes = articles.title_of(around.lines, unwrapped(()), mark)
    body = _Body(title=title, around=around, substitutions=list(changes))
    outside = {around.lines[index].number for index in (*mark.title, *mark.meta_lines)}
    for rest in articles.rest_of_meta(mark, around.lines):
        body.blocks.append(DraftText(kind="paragraph", text=rest.text, line=rest.first.number))
    texts = [piece for piece in pieces if isinstance(piece, TextPiece) and piece.line not in outside]
    levels = dict(zip((piece.line for piece in texts), _levels(texts, around.level), strict=True))
    for piece in pieces:
        if isinstance(piece, TextPiece) and piece.line in outside:
            body.mark_notes(piece.line, piece.notes)
            if piece.line in {around.lines[index].number for index in mark.title}:
                body.note_changes(piece)
        else:
            _add(body, piece, levels.get(piece.line, 0))
    body.add_notes()
    links = urls.name_links(owned, [_paragraph(piece) for piece in texts])
    article = DraftArticle(
        title=title,
        line=around.lines[min(mark.title.start, len(around.lines) - 1)].number,
        date=mark.meta.date if mark.meta else None,
        source=mark.meta.source if mark.meta else "",
        blocks=tuple(body.blocks),
        links=links,
        missing=(*_missing(body), *articles.unsettled(title, links, mark)),
    )
    return Built(
        article=article,
        removals=tuple(articles.meta_removals(around.lines, mark)),
        substitutions=tuple(body.substitutions),
        doubts=(*body.doubts, *articles.article_doubts(article, mark)),
    )


def _add(body: _Body, piece: Piece, level: int) -> None:
    if isinstance(piece, TextPiece):
        body.add_text(piece, level)
    elif isinstance(piece, TablePiece):
        body.mark_notes(piece.line, piece.notes)
        body.blocks.append(DraftTable(rows=piece.rows, line=piece.line, merged=piece.merged))
    elif isinstance(piece, PicturePiece):
        body.blocks.append(DraftPicture(content=piece.content, suffix=piece.suffix, line=piece.line, alt=piece.alt))
    else:
        _add_loss(body, piece)


def _add_loss(body: _Body, loss: Loss) -> None:
    body.doubt(DoubtKind.FORMAT, loss.line, wording(loss.zh, loss.en))
    if loss.lost:
        body.missing.append(loss.what)


def _missing(body: _Body) -> tuple[str, ...]:
    if not body.blocks and not body.missing:
        return (blocks.what_is_missing(body.title),)
    return tuple(dict.fromkeys(body.missing))


def _levels(texts: Sequence[TextPiece], title_level: int | None) -> Iterable[int]:
    guessed = blocks.heading_levels([_paragraph(piece) for piece in texts])
    for index, piece in enumerate(texts):
        if piece.look.level:
            deeper = piece.look.level - (title_level if title_level is not None else 0)
            yield min(max(deeper + 1, 2), _LOWEST_HEADING)
        elif piece.label is not None and piece.label.bullet:
            yield 0
        elif titles.heading_level(piece.text) is not None:
            yield guessed[index]
        else:
            yield 2 if _is_bold_heading(texts, index) else 0


def _is_bold_heading(texts: Sequence[TextPiece], index: int) -> bool:
    piece = texts[index]
    if not piece.bold or index + 1 == len(texts) or characters.columns(piece.text) > _LONGEST_HEADING:
        return False
    following = texts[index + 1]
    return (
        not characters.ends_sentence(piece.text)
        and titles.looks_like_title(piece.text)
        and not titles.ends_signature(following.text)
        and not following.bold
    )


def _paragraph(piece: TextPiece) -> Paragraph:
    line = text_line(piece)
    return Paragraph(text=line.text, first=line, last=line, lines=1 + line.width // 80)


def text_line(piece: TextPiece) -> Line:
    """Return a piece as a line of text, for the recognisers that all readers share; its number is the piece's."""
    text = clean(piece.text)
    return Line(
        number=piece.line,
        text=text,
        raw="".join(span.text for span in piece.spans),
        width=characters.columns(text),
        indent=0,
        marked=False,
        gap=0,
        page_start=False,
    )
