"""What stands in one Word paragraph: text with emphasis and links, and the things that are no text.

Pure. Insertions of tracked changes are kept and deletions left out, as after accepting all; fields give their
result; of alternative contents only the first choice is read. Pictures, text boxes, notes and comments are handed
on to `pieces` in the order in which they stand.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from distributor.content.importers.characters import show_private_bullets
from distributor.content.importers.docx.package import attribute, child, local
from distributor.content.importers.docx.styles import Styles

_SKIPPED = frozenset({"del", "moveFrom", "instrText", "delText", "delInstrText", "rPr", "pPr", "rt", "Fallback"})
_NOTES = frozenset({"footnoteReference", "endnoteReference"})
_HYPERLINK_FIELD = re.compile(r'\s*HYPERLINK\s+(?:\\[a-z]\s+)*"(?P<url>[^"]+)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of text of one look; a line break in it is `\\n`. `link` is a relationship id or an address."""

    text: str
    bold: bool = False
    link: str = ""


@dataclass(slots=True, kw_only=True)
class Contents:
    """Everything found in one paragraph, each kind in order.

    `symbols` are characters of symbol fonts with what is shown for them; `gone` names what cannot be kept
    ("chart", "object", "diagram"), `formulas` counts equations kept as plain characters.
    """

    spans: list[Span] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[etree._Element] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    symbols: list[tuple[str, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    formulas: int = 0

    @property
    def text(self) -> str:
        """All text of the spans."""
        return "".join(span.text for span in self.spans)


@dataclass(slots=True, kw_only=True)
class RunReader:
    """Reads the runs of one paragraph into `contents`; a reader is used once."""

    styles: Styles
    paragraph: etree._Element
    contents: Contents = field(default_factory=Contents)
    fields: list[list[str]] = field(default_factory=list)

    def read(self) -> Contents:
        """Read the paragraph and return what it holds."""
        self._walk(self.paragraph, link="")
        return self.contents

    def _walk(self, element: etree._Element, *, link: str) -> None:
        for inner in element:
            name = local(inner)
            if name in {"del", "moveFrom"}:
                self.contents.deleted.append(_plain(inner))
            elif name == "r":
                self._run(inner, link)
            elif name == "hyperlink":
                self._walk(inner, link=attribute(inner, "id") or "")
            elif name == "oMath":
                self.contents.formulas += 1
                self._add(_plain(inner), None, link)
            elif name == "commentReference":
                self.contents.comments.append(attribute(inner, "id") or "")
            elif name and name not in _SKIPPED:
                self._walk(inner, link=link)

    def _run(self, run: etree._Element, link: str) -> None:
        properties = child(run, "rPr")
        hidden = self.styles.hidden(properties, child(self.paragraph, "pPr"))
        for inner in run:
            text = _text_of(inner)
            if text is not None and hidden:
                self.contents.hidden.append(text)
            elif text is not None:
                self._add(text, properties, link)
            else:
                self._thing(inner, properties, link)

    def _add(self, text: str, properties: etree._Element | None, link: str) -> None:
        if not text or self._in_field_code():
            return
        paragraph = child(self.paragraph, "pPr")
        bold = self.styles.bold(properties, paragraph)
        target = link or self._field_link()
        if text.strip():
            self.contents.sizes.append(self.styles.size(properties, paragraph))
        last = self.contents.spans[-1] if self.contents.spans else None
        if last is not None and (last.bold, last.link) == (bold, target):
            self.contents.spans[-1] = Span(text=last.text + text, bold=bold, link=target)
        else:
            self.contents.spans.append(Span(text=text, bold=bold, link=target))

    def _thing(self, inner: etree._Element, properties: etree._Element | None, link: str) -> None:
        name = local(inner)
        if name == "fldChar":
            self._field(attribute(inner, "fldCharType"))
        elif name == "instrText" and self.fields:
            self.fields[-1][1] += inner.text or ""
        elif name == "sym":
            self._symbol(inner, properties, link)
        elif name in _NOTES:
            self.contents.notes.append((name.removesuffix("Reference"), attribute(inner, "id") or ""))
            self._add(NOTE_MARK, properties, link)
        elif name == "commentReference":
            self.contents.comments.append(attribute(inner, "id") or "")
        elif name in {"drawing", "pict", "object", "AlternateContent"}:
            self._drawing(inner)
        elif name == "ruby":
            for base in (one for one in inner if local(one) == "rubyBase"):
                self._walk(base, link=link)

    def _symbol(self, symbol: etree._Element, properties: etree._Element | None, link: str) -> None:
        sign = symbol_of(symbol)
        shown = show_private_bullets(sign)
        self.contents.symbols.append((sign, shown))
        self._add(shown, properties, link)

    def _field(self, kind: str | None) -> None:
        if kind == "begin":
            self.fields.append(["code", ""])
        elif kind == "separate" and self.fields:
            self.fields[-1][0] = "result"
        elif kind == "end" and self.fields:
            self.fields.pop()

    def _in_field_code(self) -> bool:
        return any(state == "code" for state, _ in self.fields)

    def _field_link(self) -> str:
        found = (_HYPERLINK_FIELD.match(code) for _, code in reversed(self.fields))
        return next((match["url"] for match in found if match), "")

    def _drawing(self, element: etree._Element) -> None:
        for inner in _descend(element):
            name = local(inner)
            if name == "blip":
                self.contents.pictures.append((attribute(inner, "embed") or "", _description(element)))
            elif name == "imagedata":
                self.contents.pictures.append((attribute(inner, "id") or "", _description(element)))
            elif name == "txbxContent":
                self.contents.boxes.append(inner)
            elif name == "chart":
                self.contents.gone.append("chart")
            elif name == "relIds":
                self.contents.gone.append("diagram")
            elif name == "OLEObject":
                self.contents.gone.append("object")


NOTE_MARK = "\ufdd0"
"""Stands where a note is referred to, until the notes are numbered; no document can hold this noncharacter."""


def symbol_of(symbol: etree._Element) -> str:
    """Return the character of a w:sym, which lies in the private-use area of a symbol font."""
    code = attribute(symbol, "char") or ""
    return chr(int(code, 16)) if re.fullmatch(r"[0-9A-Fa-f]{2,4}", code) else "\uf0b7"


def _text_of(element: etree._Element) -> str | None:
    name = local(element)
    if name == "t":
        return element.text or ""
    if name in {"br", "cr"}:
        return "\n" if attribute(element, "type") not in {"page", "column"} else ""
    return {"tab": "\t", "ptab": "\t", "noBreakHyphen": "-", "softHyphen": ""}.get(name)


def _plain(element: etree._Element) -> str:
    return "".join(inner.text or "" for inner in element.iter() if local(inner) in {"t", "delText"})


def _descend(element: etree._Element) -> Iterator[etree._Element]:
    """Yield the inner elements, without what a text box holds and without fallbacks of an earlier choice."""
    for inner in element:
        name = local(inner)
        if not name or name == "Fallback":
            continue
        yield inner
        if name != "txbxContent":
            yield from _descend(inner)


def _description(element: etree._Element) -> str:
    for inner in element.iter():
        if local(inner) in {"docPr", "shape"}:
            written = attribute(inner, "descr") or attribute(inner, "alt") or ""
            return "" if re.search(r"\.(?:png|jpe?g|gif|bmp)$|^(?:图片|Picture|IMG)", written) else written
    return ""
