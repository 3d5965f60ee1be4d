"""What every feed and page of one publication shares: its names, its sections, its address, its words.

Pure. Settings enter, one value leaves that feeds and archive are built with; it never changes while they are built.
"""

from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from distributor.config.model import Publication, Section
from distributor.identifiers import SectionId
from distributor.rendering.common import Tongue
from distributor.rendering.page_words import PageWords, page_words
from distributor.rendering.urls import Site, site_of


@dataclass(frozen=True, kw_only=True)
class Masthead:
    """The publication and its sections in reading order."""

    publication: Publication
    sections: tuple[Section, ...]

    @cached_property
    def site(self) -> Site:
        """Where it is published."""
        return site_of(self.publication)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone that says what a date means."""
        return ZoneInfo(self.publication.timezone)

    @property
    def language(self) -> Tongue:
        """The language of the publication and of all its fixed words."""
        return self.publication.language

    @property
    def words(self) -> PageWords:
        """The fixed words of feeds and pages."""
        return page_words(self.language)

    @property
    def publisher(self) -> str:
        """Who answers for it: the organisation, else the publication itself."""
        return self.publication.organisation or self.publication.name

    def title_of(self, section: SectionId) -> str:
        """Return a section's title; an id that is no longer configured stands for itself."""
        return next((known.title for known in self.sections if known.id == section), section)
