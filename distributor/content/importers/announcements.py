"""Articles without a date-and-source line: announcements, told by their place.

Pure. The first title stands under the section line, the next ones after a dated signature. A second title after a
signature may also be that of an appendix, so it must announce something, or be wider than a column.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from distributor.content.importers import titles
from distributor.content.importers.headlines import Headlines


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """The lines of a title; `doubtful` unless it stands right under the section line."""

    title: range
    doubtful: bool


def announcements_under_section(headlines: Headlines, part: range, barriers: Collection[int]) -> Iterable[Announcement]:
    """Yield the announcements of a part that begins under its section line; no title runs over a barrier."""
    title = headlines.title_from(part.start, _stop(part, part.start, barriers))
    yield Announcement(title=title, doubtful=False)
    index = title.stop
    while index < part.stop:
        title = headlines.title_from(index, _stop(part, index, barriers))
        if index not in barriers and _opens(headlines, title, part):
            yield Announcement(title=title, doubtful=True)
            index = title.stop
        else:
            index += 1


def announcements_behind_article(
    headlines: Headlines, part: range, barriers: Collection[int]
) -> Iterable[Announcement]:
    """Yield announcements behind an article with a date line: only lines wider than any body line will do."""
    for index in part:
        if index in barriers or not headlines.is_wide(index) or not titles.announces(headlines.lines[index].text):
            continue
        title = headlines.title_from(index, _stop(part, index, barriers))
        if _opens(headlines, title, part):
            yield Announcement(title=title, doubtful=True)


def _stop(part: range, start: int, barriers: Collection[int]) -> int:
    return min((barrier for barrier in barriers if start < barrier < part.stop), default=part.stop)


def _opens(headlines: Headlines, title: range, part: range) -> bool:
    text = headlines.text_of(title)
    if not titles.looks_like_title(text) or not (titles.announces(text) or headlines.is_wide(title.start)):
        return False
    return _after_signature(headlines, part, title.start)


def _after_signature(headlines: Headlines, part: range, index: int) -> bool:
    """Say whether a dated signature stands right before, a list of its appendices allowed between."""
    lines = headlines.lines
    before = index - 1
    while before > part.start and (titles.is_appendix(lines[before].text) or titles.starts_item(lines[before].text)):
        before -= 1
    return before >= part.start and titles.ends_signature(lines[before].text)
