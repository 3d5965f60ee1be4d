"""The body of a .docx as pieces in reading order: texts, tables, pictures.

Pure. A paragraph gives one text, or several where hand-made line breaks end sentences; what a text box holds comes
after its paragraph. A table that only
places text gives its paragraphs. What cannot be kept is a `Loss`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from lxml import etree

from distributor.content.findings import Objection
from distributor.content.importers import characters
from distributor.content.importers.docx.numbering import Label, Numbering, read_numbering
from distributor.content.importers.docx.package import Package, attribute, child, children, local
from distributor.content.importers.docx.runs import NOTE_MARK, Contents, RunReader, Span, symbol_of
from distributor.content.importers.docx.styles import ParagraphLook, Styles, read_styles
from distributor.content.importers.meta import parse_meta
from distributor.content.pictures import SIZE_LIMIT_BYTES, measure_picture

_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif"}
_MANY_PARAGRAPHS = 5
_LONG_CELL = 300
_WRAPPERS = frozenset({"sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "body", "document"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPiece:
    """A paragraph's text. `label` is its computed number, `size` the commonest size in half points.

    `notes` are the ids of the notes referred to, in order; `parted` says that a line break, not a paragraph mark,
    stands before it.
    """

    line: int
    spans: tuple[Span, ...]
    look: ParagraphLook
    label: Label | None = None
    size: int = 21
    notes: tuple[tuple[str, str], ...] = ()
    parted: bool = False

    @property
    def text(self) -> str:
        """The text with its computed number, without outer blanks."""
        number = self.label.text if self.label and not self.label.bullet else ""
        return number + "".join(span.text for span in self.spans).strip()

    @property
    def bold(self) -> bool:
        """Whether all of the text is bold."""
        inked = [span for span in self.spans if span.text.strip()]
        return bool(inked) and all(span.bold for span in inked)


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePiece:
    """A table's rows; `merged` when cells span, so that the rows do not tell the whole shape."""

    line: int
    rows: tuple[tuple[str, ...], ...]
    merged: bool
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePiece:
    """A picture that can be kept."""

    line: int
    content: bytes = field(repr=False)
    suffix: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something that did not come through: what it was (a word for `missing`), and why."""

    line: int
    what: str
    zh: str
    en: str
    lost: bool = True


Piece = TextPiece | TablePiece | PicturePiece | Loss


@dataclass(slots=True)
class PieceReader:
    """Reads a package's body once, in order; what is no piece gathers by line."""

    package: Package
    styles: Styles
    numbering: Numbering
    line: int = 0
    deleted: list[tuple[int, str]] = field(default_factory=list)
    hidden: list[tuple[int, str]] = field(default_factory=list)
    symbols: list[tuple[int, str, str]] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)

    def read(self) -> tuple[Piece, ...]:
        """Return every piece of the document."""
        return tuple(self.blocks(self.package.document()))

    def blocks(self, element: etree._Element) -> Iterator[Piece]:
        """Yield the pieces of a body, cell, note or text box."""
        for inner in element:
            name = local(inner)
            if name == "p":
                yield from self._paragraph(inner)
            elif name == "tbl":
                yield from self._table(inner)
            elif name == "AlternateContent":
                yield from self.blocks(next(children(inner, "Choice"), inner))
            elif name in _WRAPPERS:
                yield from self.blocks(inner)

    def _paragraph(self, paragraph: etree._Element) -> Iterator[Piece]:
        self.line += 1
        line = self.line
        contents = self._contents(paragraph)
        look = self.styles.paragraph(child(paragraph, "pPr"))
        if contents.text.strip():
            label = self.numbering.next_label(look.number, look.depth) if look.number else None
            yield from _texts(line, contents, look, label)
        yield from self._pictures(contents)
        yield from self._losses(contents)
        for box in contents.boxes:
            yield Loss(
                line=line,
                what="",
                zh="文本框里的文字接在这一段后面，请核对位置",
                en="the text of a text box follows this paragraph; please check its place",
                lost=False,
            )
            yield from self.blocks(box)

    def _contents(self, paragraph: etree._Element) -> Contents:
        contents = RunReader(styles=self.styles, paragraph=paragraph).read()
        self.deleted.extend((self.line, text) for text in contents.deleted if text.strip())
        self.hidden.extend((self.line, text) for text in contents.hidden if text.strip())
        self.symbols.extend((self.line, before, after) for before, after in contents.symbols)
        self.comments.extend((self.line, comment) for comment in dict.fromkeys(contents.comments))
        return contents

    def _pictures(self, contents: Contents) -> Iterator[Piece]:
        relationships = self.package.relationships()
        for reference, alt in dict(contents.pictures).items():
            target = relationships.get(reference)
            if target is None or target.external:
                yield Loss(
                    line=self.line,
                    what="picture",
                    zh="图片只是链接，没有存在文档里，不会去网上取",
                    en="a picture is only linked, not kept in the document; nothing is fetched",
                )
                continue
            content = self.package.read(target.target)
            yield self._picture(content or b"", target.target, alt)

    def _picture(self, content: bytes, name: str, alt: str) -> Piece:
        measure = measure_picture(content)
        suffix = name.rpartition(".")[2].upper()
        if isinstance(measure, Objection):
            return Loss(
                line=self.line,
                what="picture",
                zh=f"{suffix} 图片：{measure.what.zh}；{measure.remedy.zh}，放进 images/",
                en=f"{suffix} picture: {measure.what.en}; {measure.remedy.en} into images/",
            )
        if len(content) > SIZE_LIMIT_BYTES:
            megabytes = len(content) / 1_000_000
            return Loss(
                line=self.line,
                what="picture",
                zh=f"图片有 {megabytes:.1f} MB，太大；缩小后放进 images/",
                en=f"a picture of {megabytes:.1f} MB is too large; make it smaller and put it into images/",
            )
        return PicturePiece(line=self.line, content=content, suffix=_SUFFIXES[measure.media_type], alt=alt)

    def _losses(self, contents: Contents) -> Iterator[Loss]:
        for what in contents.gone:
            word, zh = {
                "chart": ("chart", "Word 图表"),
                "diagram": ("picture", "SmartArt 图示"),
                "object": ("attachment", "嵌入的对象"),
            }[what]
            yield Loss(
                line=self.line,
                what=word,
                zh=f"{zh}没有导入；请另存为图片或数据文件",
                en=f"an embedded {what} was not imported; save it as a picture or as data",
            )
        if contents.formulas:
            yield Loss(
                line=self.line,
                what="",
                zh="公式只留下了字符，请核对",
                en="of a formula only the characters are kept; please check",
                lost=False,
            )

    def _table(self, table: etree._Element) -> Iterator[Piece]:
        elements = [list(self._cells(row)) for row in children(table, "tr")]
        rows = [[tuple(self.blocks(cell)) for cell in row] for row in elements]
        pieces = [piece for row in rows for cell in row for piece in cell]
        self.line += 1
        if _is_layout(rows):
            yield from pieces
            return
        texts = [tuple(" ".join(filter(None, map(_cell_text, cell))) for cell in row) for row in rows]
        width = max(map(len, texts), default=0)
        spanning = any(_spans(cell) for row in elements for cell in row)
        if any(any(row) for row in texts):
            yield TablePiece(
                line=self.line,
                rows=tuple(row + ("",) * (width - len(row)) for row in texts),
                merged=spanning or any(len(row) != width for row in texts),
                notes=tuple(note for piece in pieces for note in _notes_of(piece)),
            )
        yield from (piece for piece in pieces if not isinstance(piece, TextPiece | TablePiece))

    def _cells(self, row: etree._Element) -> Iterator[etree._Element]:
        for inner in row:
            if local(inner) == "tc":
                yield inner
            elif local(inner) in _WRAPPERS:
                yield from self._cells(inner)


def open_pieces(package: Package) -> PieceReader:
    """Return the reader of a package's body."""
    return PieceReader(package, read_styles(package.related("styles")), read_numbering(package.related("numbering")))


def read_notes(package: Package) -> dict[tuple[str, str], str]:
    """Return the texts of footnotes, endnotes and comments by kind (footnote, endnote, comment) and id."""
    reader = open_pieces(package)
    notes = {}
    for kind in ("footnote", "endnote", "comment"):
        for note in children(package.related(f"{kind}s"), kind):
            texts = [_cell_text(piece) for piece in reader.blocks(note)]
            notes[kind, attribute(note, "id") or ""] = " ".join(filter(None, texts))
    return notes


def all_text(package: Package) -> str:
    """Return every character of the document and its referred notes, read without regard to structure."""
    root = package.document()
    texts = list(_raw(root))
    for kind in ("footnote", "endnote"):
        used = {attribute(one, "id") for one in root.iter() if local(one) == f"{kind}Reference"}
        for note in children(package.related(f"{kind}s"), kind):
            texts.extend(_raw(note) if attribute(note, "id") in used else ())
    return "".join(texts)


def _raw(element: etree._Element) -> Iterator[str]:
    for inner in element:
        name = local(inner)
        if name in {"t", "delText"}:
            yield inner.text or ""
        elif name == "sym":
            yield symbol_of(inner)
        elif name == "noBreakHyphen":
            yield "-"
        elif name == "p":
            yield "\n"
            yield from _raw(inner)
        elif name and name not in {"Fallback", "rt"}:
            yield from _raw(inner)


def clean(text: str) -> str:
    """Return text as it stands in a title, line or cell: no note marks, no invisible characters, single blanks."""
    return characters.squeeze(re.sub(r"\s", " ", characters.without_invisible(text.replace(NOTE_MARK, ""))))


def _texts(line: int, contents: Contents, look: ParagraphLook, label: Label | None) -> Iterator[TextPiece]:
    size = max(set(contents.sizes), key=contents.sizes.count) if contents.sizes else 21
    piece = TextPiece(line=line, spans=tuple(contents.spans), look=look, label=label, size=size)
    notes = list(contents.notes)
    for number, spans in enumerate(_lines_of(piece)):
        marks = sum(span.text.count(NOTE_MARK) for span in spans)
        taken, notes = notes[:marks], notes[marks:]
        yield replace(piece, spans=spans, notes=tuple(taken), parted=number > 0, label=None if number else label)


def _lines_of(piece: TextPiece) -> Iterator[tuple[Span, ...]]:
    """Part a paragraph at its line breaks; a title's lines are joined, but for a date and source under it."""
    lines: list[list[Span]] = [[]]
    for span in piece.spans:
        first, *rest = span.text.split("\n")
        lines[-1].append(replace(span, text=first))
        lines.extend([replace(span, text=part)] for part in rest)
    inked = [line for line in lines if "".join(span.text for span in line).strip()]
    if piece.look.level is None and not piece.look.centred and not piece.bold:
        yield from (tuple(line) for line in inked)
        return
    title = [line for line in inked if not _is_meta(line)]
    if title:
        yield tuple(_joined(title))
    yield from (tuple(line) for line in inked if _is_meta(line))


def _is_meta(line: Sequence[Span]) -> bool:
    found = parse_meta(clean("".join(span.text for span in line)))
    return found is not None and found.certain


def _joined(lines: list[list[Span]]) -> Iterator[Span]:
    before = ""
    for line in lines:
        for index, span in enumerate(line):
            text = span.text
            if index == 0 and before:
                # The blank that joining puts between two words belongs to the second line.
                joined = characters.join(before[-1], text.lstrip(), spaced=False)
                text = joined[1:]
            yield replace(span, text=text)
            before = text or before


def _notes_of(piece: Piece) -> tuple[tuple[str, str], ...]:
    return piece.notes if isinstance(piece, TextPiece | TablePiece) else ()


def _cell_text(piece: Piece) -> str:
    if isinstance(piece, TextPiece):
        return clean(piece.text)
    return " ".join(" ".join(row) for row in piece.rows) if isinstance(piece, TablePiece) else ""


def _is_layout(rows: Sequence[Sequence[Sequence[Piece]]]) -> bool:
    """Say whether a table only places text on the page: a frame of one cell, or cells that hold whole articles."""
    cells = [[piece for piece in cell if isinstance(piece, TextPiece)] for row in rows for cell in row]
    long = any(len(cell) >= _MANY_PARAGRAPHS or any(len(one.text) > _LONG_CELL for one in cell) for cell in cells)
    return len(cells) == 1 or long


def _spans(cell: etree._Element) -> bool:
    properties = child(cell, "tcPr")
    span = attribute(child(properties, "gridSpan"), "val")
    return child(properties, "vMerge") is not None or (span is not None and span != "1")
