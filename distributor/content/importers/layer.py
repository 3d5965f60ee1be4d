"""The text layer of a PDF, one or two columns, as a draft issue.

Text enters, a `DraftIssue` leaves; pure. The order of the work: lines and layout (`lines`), what pages carry
(`furniture`), addresses (`urls`), sections and articles (`outline`), and the rest in `assembly`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from distributor.config.model import Section
from distributor.content.importers import furniture, urls
from distributor.content.importers.assembly import Reading, assemble
from distributor.content.importers.lines import Line, mark_pages, measure, read_lines, wide_columns
from distributor.content.importers.model import DraftIssue, RemovalReason
from distributor.content.importers.outline import outline


def read_layer(text: str, known: Sequence[Section], *, number: int) -> DraftIssue:
    """Read a text layer; `number` is the issue's, compared with the one in the running headers."""
    lines = read_lines(text)
    layout = measure(lines)
    lines = mark_pages(lines, layout)
    taken = furniture.find_furniture(lines, layout)
    parted = urls.take_urls(_without(lines, taken))
    layout = replace(layout, wide=wide_columns(parted.text, layout.full))
    reading = Reading(
        source=text,
        every=lines,
        furniture=taken,
        parted=parted,
        layout=layout,
        outline=outline(parted.text, layout, known),
    )
    return assemble(reading, number=number)


def _without(lines: Sequence[Line], taken: Mapping[int, RemovalReason]) -> tuple[Line, ...]:
    """Leave out page furniture; the line after it begins a page."""
    return tuple(
        replace(line, page_start=True) if index - 1 in taken else line
        for index, line in enumerate(lines)
        if index not in taken
    )
