"""The frame of the preview's pages: their template, their words, and how editions, sizes and moments are written."""

from datetime import datetime

from starlette.responses import HTMLResponse, Response

from distributor.errors import DistributorError
from distributor.identifiers import EditionKey, base_edition
from distributor.operations.clocks import ShiftedClock
from distributor.operations.rehearsals.edition_titles import edition_title
from distributor.problems import Language
from distributor.rendering.colours import section_colours
from distributor.times import local_text
from distributor.web.exhibits import Exhibits
from distributor.web.preview_words import PreviewWords, preview_words

STYLESHEET = "assets/preview.css"
ICON = "assets/icon.svg"
SITE = "/site/"
SOON = "/soon/"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Stage:
    """Renders templates/web/preview for one workspace in the language of whoever asked for the preview."""

    def __init__(self, exhibits: Exhibits, language: Language) -> None:
        """Take what is shown and the language it is explained in."""
        self.exhibits = exhibits
        self.workspace = exhibits.workspace
        self.language: Language = language
        self.words: PreviewWords = preview_words(language)

    def page(self, template: str, title: str, *, status: int = 200, **values: object) -> Response:
        """Return a page. Raises TemplateError."""
        return HTMLResponse(self.render(template, title, **values), status, HEADERS)

    def render(self, template: str, title: str, **values: object) -> str:
        """Return the HTML of a page. Raises TemplateError."""
        shared: dict[str, object] = {
            "language": "zh-CN" if self.language == "zh" else "en",
            "publication": self.workspace.publication.name,
            "title": title,
            "t": self.words,
            "root": str(self.workspace.root),
            "clock": self._clock(),
            "current": template,
            "site": SITE,
            "soon": SOON,
            "stylesheet": f"/{STYLESHEET}",
            "icon": f"/{ICON}",
        }
        return self.workspace.templates.render(f"web/preview/{template}.html", **(shared | values))

    def stylesheet(self) -> str:
        """Return the preview's style sheet: the archive's and its own."""
        colours = section_colours(self.workspace.sections)
        listed = [{"id": section.id, "colours": colours[section.id]} for section in self.workspace.sections]
        return self.workspace.templates.render("web/preview/preview.css", colours=listed)

    def icon(self) -> str:
        """Return the archive's icon."""
        return self.workspace.templates.read("site/icon.svg")

    def titles(self, edition: EditionKey | None) -> str:
        """Return an edition's section titles; what has no edition is a test copy."""
        if edition is None:
            return self.words.test_copy
        edition = base_edition(edition)
        return edition_title(self.workspace.sections, edition).in_language(self.language)

    def moment(self, moment: datetime) -> str:
        """Return a moment in the publication's zone."""
        return local_text(moment, self.workspace.zone)

    def lines(self, error: DistributorError) -> list[str]:
        """Return an error's problems and message, a line each."""
        return error.text(self.language).splitlines()

    def _clock(self) -> str:
        return self.moment(self.workspace.clock.now()) if isinstance(self.workspace.clock, ShiftedClock) else ""


def kilobytes(size: int) -> str:
    """Return 41.2 kB."""
    return f"{size / 1000:.1f} kB"
