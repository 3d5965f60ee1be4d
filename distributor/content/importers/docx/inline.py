"""One Word paragraph as plain text and as Markdown: bold and links kept, everything else plain.

Pure. The plain text is what the balance counts; the Markdown must render to exactly it. Only addresses that may go
out become links; the words of any other link stay.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from distributor.content.importers import characters
from distributor.content.importers.docx.package import Relationship
from distributor.content.importers.docx.pieces import TextPiece
from distributor.content.importers.docx.runs import NOTE_MARK, Span
from distributor.content.markup import escape_text
from distributor.content.references import url_objection

_OUTER_BLANKS = re.compile(r"(?P<before>\s*)(?P<text>.*?)(?P<after>\s*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A paragraph's text; `markdown` is None when plain escaping says it all. `dead` are links that cannot go out."""

    text: str
    markdown: str | None
    dead: tuple[str, ...]


def show(piece: TextPiece, links: Mapping[str, Relationship], notes: Iterator[str]) -> Shown:
    """Return a paragraph as text and Markdown; each reference to a note takes the next mark of `notes`."""
    number = piece.label.text if piece.label and not piece.label.bullet else ""
    marked = (replace(span, text=_with_notes(span.text, notes)) for span in piece.spans)
    spans = _tidy([Span(text=number), *marked])
    targets = {span.link: _target(span.link, links) for span in spans if span.link}
    dead = tuple(dict.fromkeys(link for link, target in targets.items() if target is None))
    text = "".join(span.text for span in spans)
    plain = not any(span.bold or targets.get(span.link) for span in spans)
    markdown = None if plain else "".join(_marked_up(spans, targets))
    return Shown(text=text, markdown=markdown, dead=tuple(_name(link, links) for link in dead))


def _with_notes(text: str, notes: Iterator[str]) -> str:
    return re.sub(NOTE_MARK, lambda _: next(notes, ""), text)


def _tidy(spans: Iterable[Span]) -> list[Span]:
    """Make blanks single across spans and none at the ends; merge neighbours of one look."""
    tidy: list[Span] = []
    for span in spans:
        text = characters.show_private_bullets(characters.without_invisible(re.sub(r"\s", " ", span.text)))
        text = re.sub(r" +", " ", text)
        if not tidy or tidy[-1].text.endswith(" "):
            text = text.lstrip(" ")
        if not text:
            continue
        # A blank has no weight: it joins the text before it.
        if tidy and (not text.strip() or (tidy[-1].bold, tidy[-1].link) == (span.bold, span.link)):
            tidy[-1] = replace(tidy[-1], text=tidy[-1].text + text)
        else:
            tidy.append(replace(span, text=text))
    if tidy:
        tidy[-1] = replace(tidy[-1], text=tidy[-1].text.rstrip(" "))
    return tidy


def _target(link: str, links: Mapping[str, Relationship]) -> str | None:
    relationship = links.get(link)
    url = relationship.target if relationship is not None else link
    if relationship is not None and not relationship.external:
        return None
    return url if url_objection(url) is None and not re.search(r"[<>\\\s]", url) else None


def _name(link: str, links: Mapping[str, Relationship]) -> str:
    relationship = links.get(link)
    return relationship.target if relationship is not None else link


def _marked_up(spans: Sequence[Span], targets: Mapping[str, str | None]) -> Iterator[str]:
    before = ""
    for span in spans:
        match = _OUTER_BLANKS.fullmatch(span.text)
        inner = escape_text(match["text"]) if match else ""
        url = targets.get(span.link)
        if span.bold and inner:
            inner = f"**{inner}**"
        if url is not None and inner:
            inner = f"[{inner}](<{url}>)"
            # `!` before `[` would make the link a picture.
            before = before[:-1] + "\\!" if before.endswith("!") else before
        yield before
        before = f"{match['before']}{inner}{match['after']}" if match else ""
    yield before
