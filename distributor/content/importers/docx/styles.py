"""What a paragraph looks like in Word: heading level, bold, size, centred, numbering; styles resolved.

Pure. A property that neither run nor paragraph sets comes from the style, then from the style it is based on, then
from the document's defaults (ISO/IEC 29500-1 §17.7.2). Heading styles are known by their names, which Word keeps in
English in the file and WPS sometimes writes in Chinese.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from distributor.content.importers.docx.package import attribute, child, children, is_on

TITLE = 0
"""The level of the style Title: above heading 1."""

_HEADING = re.compile(r"(?:heading|标题|標題)\s*(?P<level>[1-9])", re.IGNORECASE)
_TITLE = re.compile(r"title|标题|標題", re.IGNORECASE)
_CONTENTS = re.compile(r"(?:toc|目录|目錄)\s*(?:heading|标题)?\s*\d?", re.IGNORECASE)
_BODY_LEVEL = 9
_USUAL_SIZE = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class ParagraphLook:
    """How a paragraph is set: `level` None for body text; `number` and `depth` name its numbering."""

    level: int | None
    centred: bool
    contents: bool
    number: str | None
    depth: int


@dataclass(frozen=True, slots=True)
class Styles:
    """The styles of a document by id, and its defaults."""

    by_id: Mapping[str, etree._Element]
    defaults: etree._Element | None
    usual: str | None

    def paragraph(self, properties: etree._Element | None) -> ParagraphLook:
        """Return how a paragraph with these properties (w:pPr) is set."""
        chain = [properties, *(child(style, "pPr") for style in self._chain(self._style_of(properties)))]
        names = [attribute(child(style, "name"), "val") or "" for style in self._chain(self._style_of(properties))]
        number = _first(chain, "numPr", "numId")
        depth = _first(chain, "numPr", "ilvl") or "0"
        return ParagraphLook(
            level=_level(names, _first(chain, "outlineLvl")),
            centred=_first(chain, "jc") == "center",
            contents=bool(names) and _CONTENTS.fullmatch(names[0].strip()) is not None,
            number=number if number not in {None, "0"} else None,
            depth=int(depth) if depth.isdecimal() else 0,
        )

    def bold(self, run: etree._Element | None, paragraph: etree._Element | None) -> bool:
        """Say whether a run (w:rPr) in a paragraph (w:pPr) is bold."""
        return is_on(self._run_property(run, paragraph, "b"))

    def hidden(self, run: etree._Element | None, paragraph: etree._Element | None) -> bool:
        """Say whether a run does not show."""
        return is_on(self._run_property(run, paragraph, "vanish"))

    def size(self, run: etree._Element | None, paragraph: etree._Element | None) -> int:
        """Return a run's size in half points."""
        written = attribute(self._run_property(run, paragraph, "sz"), "val") or ""
        return int(float(written)) if re.fullmatch(r"\d+(?:\.\d+)?", written) else _USUAL_SIZE

    def _run_property(
        self, run: etree._Element | None, paragraph: etree._Element | None, name: str
    ) -> etree._Element | None:
        own = attribute(child(run, "rStyle"), "val")
        sources = [
            run,
            *(child(style, "rPr") for style in self._chain(own)),
            *(child(style, "rPr") for style in self._chain(self._style_of(paragraph))),
            self.defaults,
        ]
        return next((found for source in sources if (found := child(source, name)) is not None), None)

    def _style_of(self, properties: etree._Element | None) -> str | None:
        return attribute(child(properties, "pStyle"), "val") or self.usual

    def _chain(self, style_id: str | None) -> Iterator[etree._Element]:
        seen: set[str] = set()
        while style_id is not None and style_id in self.by_id and style_id not in seen:
            seen.add(style_id)
            style = self.by_id[style_id]
            yield style
            style_id = attribute(child(style, "basedOn"), "val")


def read_styles(root: etree._Element | None) -> Styles:
    """Read styles.xml; a document without one has body text only."""
    by_id: dict[str, etree._Element] = {}
    usual = None
    for style in children(root, "style"):
        style_id = attribute(style, "styleId") or ""
        by_id[style_id] = style
        if attribute(style, "type") == "paragraph" and attribute(style, "default") in {"1", "true", "on"}:
            usual = style_id
    return Styles(by_id, child(root, "docDefaults", "rPrDefault", "rPr"), usual)


def _first(chain: list[etree._Element | None], *path: str) -> str | None:
    return next((value for source in chain if (value := attribute(child(source, *path), "val")) is not None), None)


def _level(names: list[str], outline: str | None) -> int | None:
    for name in names:
        match = _HEADING.fullmatch(name.strip())
        if match:
            return int(match["level"])
        if _TITLE.fullmatch(name.strip()):
            return TITLE
    if outline is not None and outline.isdecimal() and int(outline) < _BODY_LEVEL:
        return int(outline) + 1
    return None
