"""Render the pages behind a mail's links: preferences, unsubscribing, what was done, and why there is no page.

Enters: a workspace, a reader and what they asked. Leaves: HTML in the archive's dress, from templates/web through
the one door to Jinja. A page shows the masked address and never a name, because mail is forwarded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from distributor.errors import DistributorError
from distributor.identifiers import EmailKey, ListName, PublicId, SectionId, SectionSet, SubscriberId
from distributor.operations.workspace import Workspace
from distributor.rendering.archive_views import relative_path
from distributor.rendering.colours import section_colours
from distributor.rendering.common import Tongue, words
from distributor.rendering.heads import Head
from distributor.rendering.masthead import Masthead
from distributor.rendering.page_words import page_words
from distributor.rendering.urls import section_path
from distributor.subscribers.model import SubscriberView
from distributor.subscribers.tokens import TOKEN_LENGTH
from distributor.web.words import Trouble, reader_words

# Below the prefix of the app's own pages, so that a web server in front needs to know no other path.
STYLESHEET = "preferences/pages.css"
ICON = "preferences/icon.svg"
LANGUAGES: Mapping[str, Tongue] = {"zh": "zh-CN", "en": "en"}
_UP = "../"
_WITH_FORM = ("active", "ended")

Fault = Literal["nothing", "gone"]
"""Why a choice was not stored: nothing was ticked, or a section that is no longer there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One reader at one page: their own token, the language they asked for, and who they are."""

    token: str
    language: Tongue
    view: SubscriberView


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A form as the reader left it; `ticked` are the boxes, `everything` the radio button above them."""

    everything: bool
    was_everything: bool
    ticked: frozenset[SectionId]
    lists: frozenset[ListName]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Notice:
    """A page that says something: paragraphs, titles of sections, perhaps a button that undoes, links onward."""

    heading: str
    text: str
    titles: tuple[tuple[str, str], ...] = ()
    lists: str = ""
    note: str = ""
    undo: bool = False
    links: tuple[tuple[str, str], ...] = ()


class Pages:
    """The pages of one workspace; its templates are read anew when they change."""

    def __init__(self, workspace: Workspace) -> None:
        """Take the workspace; nothing is rendered yet."""
        self._workspace = workspace
        self._masthead = Masthead(publication=workspace.publication, sections=workspace.sections)
        self._titles = {entry.name: entry.title for entry in workspace.settings.list}

    @property
    def base_path(self) -> str:
        """The path of the configured address, `/` for most."""
        return urlsplit(self._masthead.site.base_url).path

    def rehearse(self) -> None:
        """Render every page once, so that a broken template stops the start. Raises TemplateError."""
        self.stylesheet()
        for language in LANGUAGES.values():
            visit = self.sample("x" * TOKEN_LENGTH, language)
            self.preferences(visit)
            self.unsubscribing(visit)
            self.unsubscribed(visit)
            self._trouble("lost", language)

    def sample(self, token: str, language: Tongue) -> Visit:
        """Return the visit of a made-up reader who is on the first list and left the second."""
        names = self._workspace.list_names
        return Visit(token=token, language=language, view=replace(_NOBODY, lists=names[:1], left=names[1:2]))

    def stylesheet(self) -> str:
        """Return the style sheet of these pages: the archive's and their own."""
        colours = section_colours(self._masthead.sections)
        listed = [{"id": section.id, "colours": colours[section.id]} for section in self._masthead.sections]
        return self._workspace.templates.render("web/pages.css", colours=listed)

    def icon(self) -> str:
        """Return the archive's icon."""
        return self._workspace.templates.read("site/icon.svg")

    def language(self, asked: str | None) -> Tongue:
        """Return the language a link asked for, else the publication's."""
        return LANGUAGES.get(asked or "", self._masthead.language)

    def preferences(self, visit: Visit, draft: Draft | None = None, fault: Fault | None = None) -> str:
        """Return the form with the reader's choice, or as they left it with what is missing."""
        view, spoken = visit.view, reader_words(visit.language)
        if view.status not in _WITH_FORM:
            return self.standing(visit)
        return self._page(
            "preferences.html",
            visit,
            heading=spoken.choose,
            whose=self._say(spoken.choose_for, visit),
            standing=self._say(spoken.standing["ended"], visit) if view.status == "ended" else "",
            draft=draft or _draft(view),
            sections=self._masthead.sections,
            lists=self._lists(view),
            fault={"nothing": spoken.nothing_chosen, "gone": spoken.gone_section}.get(fault or "", ""),
            fault_help=spoken.nothing_chosen_help if fault == "nothing" else "",
            unsubscribe=self._link("unsubscribe", visit),
        )

    def saved(self, visit: Visit) -> str:
        """Return what the reader gets from now on."""
        view, spoken = visit.view, reader_words(visit.language)
        if view.status == "unsubscribed":
            return self.unsubscribed(visit)
        if view.status not in _WITH_FORM:
            return self.standing(visit)
        text = spoken.saved_all if view.sections is None else spoken.saved_sections
        titles = [(section.id, section.title) for section in self._masthead.sections if _has(view.sections, section.id)]
        named = [self._titles.get(name, name) for name in view.lists]
        notice = _Notice(
            heading=spoken.saved,
            text=text.format(view.masked),
            titles=tuple(titles),
            lists=words(visit.language).between.join(named) if len(view.lists + view.left) > 1 else "",
            note=self._say(spoken.standing["ended"], visit) if view.status == "ended" else "",
            links=((spoken.change_again, self._link("preferences", visit)),),
        )
        return self._said(visit, notice)

    def unsubscribing(self, visit: Visit) -> str:
        """Return the page with the one button; for one who left already, what is so."""
        if visit.view.status == "unsubscribed":
            return self.unsubscribed(visit)
        spoken = reader_words(visit.language)
        return self._page(
            "unsubscribe.html",
            visit,
            heading=spoken.unsubscribe,
            question=self._say(spoken.unsubscribe_question, visit),
            preferences=self._link("preferences", visit),
        )

    def unsubscribed(self, visit: Visit) -> str:
        """Return what was done, with the button that undoes it."""
        spoken = reader_words(visit.language)
        notice = _Notice(
            heading=spoken.unsubscribed,
            text=self._say(spoken.unsubscribed_text, visit),
            note=spoken.unsubscribed_note,
            undo=True,
            links=((spoken.feeds_instead, f"{_UP}feeds.html"), (spoken.to_archive, f"{_UP}index.html")),
        )
        return self._said(visit, notice)

    def resubscribed(self, visit: Visit) -> str:
        """Return that mail goes on, or why it does not."""
        if visit.view.status != "active":
            return self.standing(visit)
        spoken = reader_words(visit.language)
        notice = _Notice(
            heading=spoken.resubscribed,
            text=self._say(spoken.resubscribed_text, visit),
            links=((spoken.to_preferences, self._link("preferences", visit)),),
        )
        return self._said(visit, notice)

    def standing(self, visit: Visit) -> str:
        """Return why this reader gets no mail, and what can be done about it."""
        if visit.view.status == "unsubscribed":
            return self.unsubscribed(visit)
        spoken = reader_words(visit.language)
        notice = _Notice(
            heading=spoken.standing_title,
            text=self._say(spoken.standing[visit.view.status], visit),
            links=((spoken.to_archive, f"{_UP}index.html"),),
        )
        return self._said(visit, notice)

    def frame(self, language: Tongue, heading: str) -> dict[str, object]:
        """Return what the frame of a page one folder deep is rendered with; for pages of others in the same dress."""
        return self._shared(language, heading, root=_UP)

    def trouble(self, trouble: Trouble, language: Tongue) -> str:
        """Return the page that says why there is none; plain HTML where even the template is broken."""
        try:
            return self._trouble(trouble, language)
        except DistributorError:
            title, text = reader_words(language).trouble[trouble]
            return f"<!DOCTYPE html><html lang={language}><meta charset=utf-8><title>{title}</title><p>{text}</html>"

    def _trouble(self, trouble: Trouble, language: Tongue) -> str:
        title, text = reader_words(language).trouble[trouble]
        shared = self._shared(language, title, root=self.base_path)
        return self._workspace.templates.render("web/message.html", text=text, **shared)

    def _said(self, visit: Visit, notice: _Notice) -> str:
        return self._page("done.html", visit, heading=notice.heading, notice=notice)

    def _page(self, template: str, visit: Visit, *, heading: str, **values: object) -> str:
        shared = self._shared(visit.language, heading, root=_UP)
        return self._workspace.templates.render(f"web/{template}", **(shared | values))

    def _shared(self, language: Tongue, heading: str, *, root: str) -> dict[str, object]:
        masthead, other = self._masthead, "en" if language == "zh-CN" else "zh-CN"
        return {
            "language": language,
            "publication": masthead.publication.name,
            "organisation": masthead.publication.organisation,
            "address": masthead.publication.address,
            "words": words(language),
            "more": page_words(language),
            "navigation": [
                {"id": section.id, "title": section.title, "path": relative_path(section_path(section.id), masthead)}
                for section in masthead.sections
            ],
            "root": root,
            "stylesheet": STYLESHEET,
            "icon": ICON,
            "head": Head(title=f"{heading} - {masthead.publication.name}", heading=heading, canonical=""),
            "reader": reader_words(language),
            "other_language": other,
            "other_link": f"?lang={_short(other)}",
            "mailbox": self._workspace.sender.address.text,
        }

    def _lists(self, view: SubscriberView) -> list[dict[str, object]]:
        """Return the boxes for lists, none where there is no choice to make."""
        names = sorted(view.lists + view.left)
        if len(names) < 2 and not view.left:
            return []
        return [{"name": name, "title": self._titles.get(name, name), "left": name in view.left} for name in names]

    def _link(self, page: Literal["preferences", "unsubscribe"], visit: Visit) -> str:
        own = visit.language == self._masthead.language
        return f"{_UP}{page}/{visit.token}" + ("" if own else f"?lang={_short(visit.language)}")

    def _say(self, sentence: str, visit: Visit) -> str:
        return sentence.format(self._masthead.publication.name, visit.view.masked)


def _draft(view: SubscriberView) -> Draft:
    everything = view.sections is None
    return Draft(
        everything=everything,
        was_everything=everything,
        ticked=view.sections or frozenset(),
        lists=frozenset(view.lists),
    )


def _has(sections: SectionSet, section: SectionId) -> bool:
    return sections is None or section in sections


def _short(language: str) -> str:
    return "zh" if language == "zh-CN" else "en"


_NOBODY = SubscriberView(
    subscriber=SubscriberId(0),
    public_id=PublicId(""),
    key=EmailKey(""),
    address="",
    masked="zh***@example.com",
    name="",
    format="html",
    sections=None,
    chosen_by="list",
    lists=(),
    left=(),
    status="active",
    suppressed_at=None,
)
