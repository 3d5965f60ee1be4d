"""How far a title reaches over its lines, and the date-and-source lines under titles.

Pure. A title wraps like any paragraph, but over the whole page where the text has two columns.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from distributor.config.model import Section
from distributor.content.importers import characters, meta, titles
from distributor.content.importers.lines import Layout, Line, wraps_into
from distributor.content.importers.meta import Meta
from distributor.content.importers.sections import SectionStyle, parse_section

_LONGEST_TITLE = 4
"""Lines a title may take."""


@dataclass(frozen=True, slots=True)
class Headlines:
    """The lines of a document, asked for titles; every index is one into `lines`."""

    lines: Sequence[Line]
    layout: Layout

    def title_over(self, start: int, taken: Collection[int]) -> range:
        """Return the title over a date-and-source line; none where a section or another such line stands.

        `taken` are lines of another kind, which no title may run over.
        """
        last = start - 1
        if last < 0 or last in taken or self.is_section(last):
            return range(start, start)
        first = last
        while first > 0 and last - first < _LONGEST_TITLE - 1 and first - 1 not in taken and self._goes_on(first - 1):
            first -= 1
        return range(first, last + 1)

    def title_from(self, start: int, stop: int) -> range:
        """Return the title that begins at `start`, where no date-and-source line tells where it ends."""
        end = start + 1
        while end < stop and end - start < _LONGEST_TITLE and self._goes_on(end - 1):
            if titles.announces(self.lines[end - 1].text) or not titles.looks_like_title(f"题目{self.lines[end].text}"):
                break
            end += 1
        return range(start, end)

    def text_of(self, part: range) -> str:
        """Return the text of some lines, joined."""
        return "".join(self.lines[index].text for index in part)

    def is_wide(self, index: int) -> bool:
        """Say whether a line is wider than a column, as titles are and body lines never."""
        return self.layout.wide is not None and self.lines[index].width > self.layout.full + 6

    def breaks_off_before(self, index: int) -> bool:
        """Say whether a line goes on with the sentence of a full line above it."""
        if index == 0 or characters.ends_sentence(self.lines[index - 1].text):
            return False
        return wraps_into(self.lines[index - 1], self.lines[index], self.layout, self.layout.full)

    def find_metas(self, known: Sequence[Section], titled: Collection[int]) -> dict[range, Meta]:
        """Return the date-and-source lines by their places, in order.

        Bare forms count only under something that looks like a title, and only where they are this document's way.
        """
        found = dict(self._candidates())
        certain = {place: what for place, what in found.items() if what.certain or place.start - 1 in titled}
        taken = {index for place in certain for index in place}
        likely = {
            place: what
            for place, what in (found.items() if self._trusts_bare_forms(found, known) else ())
            if place not in certain and self._may_be_title(self.title_over(place.start, taken))
        }
        return dict(sorted((certain | likely).items(), key=lambda item: item[0].start))

    def _goes_on(self, index: int) -> bool:
        """Say whether a title's line is followed by another line of it."""
        line, following = self.lines[index], self.lines[index + 1]
        if line.text[-1] in "。；：！？" or not titles.looks_like_title(line.text + "题"):
            return False
        if self.is_section(index) or self.is_section(index + 1):
            return False
        zone = self.layout.full if self.layout.wide is None else self.layout.wide
        return wraps_into(line, following, self.layout, zone)

    def is_section(self, index: int) -> bool:
        """Say whether a line is a section's by its brackets."""
        section = parse_section(self.lines[index].text, ())
        return section is not None and section.style is SectionStyle.BRACKETED

    def _may_be_title(self, title: range) -> bool:
        return titles.looks_like_title(self.text_of(title)) and not self.breaks_off_before(title.start)

    def _candidates(self) -> Iterable[tuple[range, Meta]]:
        index = 0
        while index < len(self.lines):
            place, what = self._meta_at(index)
            if what is not None and not what.only_rest:
                yield place, what
            index = place.stop if what is not None and not what.only_rest else index + 1

    def _meta_at(self, index: int) -> tuple[range, Meta | None]:
        """Read the date-and-source lines that begin at `index`, one field a line allowed."""
        what, stop = meta.parse_meta(self.lines[index].text), index + 1
        while what is not None and stop < len(self.lines) and stop < index + 3:
            more = meta.parse_meta(self.lines[stop].text)
            if more is None or set(more.fields) & set(what.fields):
                break
            what, stop = meta.merge(what, more), stop + 1
        return range(index, stop), what

    def _trusts_bare_forms(self, found: Mapping[range, Meta], known: Sequence[Section]) -> bool:
        """Say whether bare forms are this document's way: seen near a section line, or beside certain ones."""
        for place, what in found.items():
            above = range(max(0, place.start - 4), max(0, place.start - 1))
            if what.certain or any(parse_section(self.lines[index].text, known) for index in above):
                return True
        return False
