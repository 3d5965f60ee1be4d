"""Mail: an edition enters, a rendition leaves; the only door to css-inline.

Pure but for the templates it is given. Whatever is the reader's own stays a placeholder, so that one rendition
serves every reader of the edition; its size is counted with room for the longest values. A rendition without a
way to unsubscribe (RFC 8058, RFC 2369) or without the postal address is refused before anything is frozen.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import css_inline

from distributor.config.model import Email, Publication, Section
from distributor.content.model import Issue
from distributor.editions import Edition, cut
from distributor.errors import InputError, TemplateError
from distributor.identifiers import EditionKey
from distributor.problems import Problem, Wording, wording
from distributor.rendering import common
from distributor.rendering.fitting import NOTHING_CUT, Cuts, Measure, fit, fit_leads
from distributor.rendering.lawful import Part, Required, refuse_unlawful
from distributor.rendering.mailbody import MailFrame
from distributor.rendering.mailset import ArticleSetter
from distributor.rendering.mailview import MailIssue, MailPublication
from distributor.rendering.model import InlinePicture, Placeholders, Rendition
from distributor.rendering.pictures import cids_by_file, pictures_of
from distributor.rendering.subjects import is_whole, preheader_of, subject_of
from distributor.rendering.templates import Templates
from distributor.rendering.urls import Site

HTML_TEMPLATE, TEXT_TEMPLATE = "email.html", "email.txt"
TOKEN_ROOM, ADDRESS_ROOM = 96, 272
"""Bytes kept free per placeholder: more than a signed token, and a masked address on the longest domain."""

NOTICE = EditionKey("_notice")
"""The edition of readers none of whose sections appear; a section id never begins with an underscore."""

_TITLES_IN_CONTENTS_FROM = 4
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_INDENTATION = re.compile(r"\n\s+")
_BLANK_LINE_ENDS = re.compile(r"[ \t]+\n")
_EMPTY_LINES = re.compile(r"\n{4,}")
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, resolve_css_variables=True, minify_css=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """All that rendering needs beside the edition; frozen for one mailing.

    `web_mode` "none" leaves out the pages behind tokens: readers unsubscribe by a mail to `unsubscribe_mailbox`.
    `pictures` "hosted" lets none travel with the mail.
    """

    publication: Publication
    sections: tuple[Section, ...]
    email: Email
    site: Site
    templates: Templates
    placeholders: Placeholders
    web_mode: Literal["public", "none"] = "public"
    unsubscribe_mailbox: str = ""
    pictures: Literal["inline", "hosted"] = "inline"

    def __post_init__(self) -> None:
        """Refuse a press whose mails nobody could unsubscribe from."""
        if self.web_mode == "none" and not self.unsubscribe_mailbox:
            raise ValueError("web mode none needs a mailbox to unsubscribe by")


def render_edition(edition: Edition, press: Press) -> Rendition:
    """Render one edition; raises TemplateError. For several of one issue `render_editions` is quicker."""
    return _Typesetter(edition.issue, press).render(edition)


def render_editions(editions: Iterable[Edition], press: Press) -> Iterator[Rendition]:
    """Yield the renditions that `render_edition` returns, setting each article of an issue only once."""
    typesetter: _Typesetter | None = None
    for edition in editions:
        if typesetter is None or typesetter.issue is not edition.issue:
            typesetter = _Typesetter(edition.issue, press)
        yield typesetter.render(edition)


def render_notice(issue: Issue, press: Press) -> Rendition:
    """Render the mail for readers none of whose sections appear in the issue: what it holds, titles only.

    Its edition key is `NOTICE`, which no set of sections can have.
    """
    return _Typesetter(issue, press).render_notice()


def inline_pictures(issue: Issue, press: Press) -> tuple[InlinePicture, ...]:
    """Return the pictures that travel with the mailing's messages, in reading order, each once."""
    return pictures_of(issue, press.site) if press.pictures == "inline" else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """An edition as it is to look: its cuts, and a note to its readers that may be empty."""

    edition: Edition
    cuts: Cuts
    note: str

    @property
    def shortened(self) -> int:
        """How many articles give way to leads or titles."""
        return sum(article.id in self.cuts.leads for article in self.edition.articles)


class _Typesetter:
    """Puts the editions of one issue together from its articles, which are set once."""

    def __init__(self, issue: Issue, press: Press) -> None:
        self.issue = issue
        self._press = press
        self._language = press.publication.language
        self._words = common.words(self._language)
        chosen = inline_pictures(issue, press)
        self._cids = tuple(picture.cid for picture in chosen)
        cids = cids_by_file(issue, chosen, press.site)
        frame = MailFrame(language=self._language, site=press.site, issue=issue.id, cids=cids)
        self._setter = ArticleSetter(issue, press.sections, frame)

    def render(self, edition: Edition) -> Rendition:
        """Return the rendition of one edition of the issue."""
        whole, part = len(self.issue.articles), len(edition.articles)
        note = "" if is_whole(edition) else self._words.part_of_issue.format(part, whole)
        sheets: dict[Cuts, str] = {}

        def measure(cuts: Cuts) -> int:
            if cuts not in sheets:
                sheets[cuts] = self._html(_Layout(edition=edition, cuts=cuts, note=note))
            return self._size(sheets[cuts])

        layout = _Layout(edition=edition, cuts=self._cuts(edition, measure), note=note)
        return self._rendition(edition.key, layout, sheets.get(layout.cuts) or self._html(layout))

    def render_notice(self) -> Rendition:
        """Return the notice: the titles of the whole issue, and why there is no more."""
        edition = cut(self.issue, None)
        if edition is None:
            raise InputError(wording("这一期没有文章。", "The issue has no articles."))
        layout = _Layout(edition=edition, cuts=Cuts(titles_only=True), note=self._words.none_of_yours)
        html = self._html(layout)
        if self._press.email.body != "full" and self._size(html) > self._budget:
            raise _too_large(len(edition.articles), self._press.email.max_html_kb)
        return self._rendition(NOTICE, layout, html)

    @property
    def _budget(self) -> int:
        return self._press.email.max_html_kb * 1000

    def _rendition(self, key: EditionKey, layout: _Layout, html: str) -> Rendition:
        context = self._context(layout)
        text = tidy_text(self._press.templates.render(TEXT_TEMPLATE, **context))
        refuse_unlawful(
            Part(template=HTML_TEMPLATE, content=html), Part(template=TEXT_TEMPLATE, content=text), self._required()
        )
        return Rendition(
            edition=key,
            issue=self.issue.id,
            subject=str(context["subject"]),
            preheader=str(context["preheader"]),
            html=html,
            text=text,
            cids=tuple(cid for cid in self._cids if f'"cid:{cid}"' in html),
            shortened=layout.shortened,
        )

    def _cuts(self, edition: Edition, measure: Measure) -> Cuts:
        body = self._press.email.body
        if body == "full":
            return NOTHING_CUT
        savings = self._setter.savings(edition.articles)
        every = tuple(article.id for article in edition.articles if article.body.blocks)
        digest = Cuts(leads=frozenset(savings))
        if body == "fit":
            cuts = fit(savings, every, measure, self._budget)
        else:
            cuts = digest if measure(digest) <= self._budget else fit_leads(every, measure, self._budget)
        if cuts is None:
            raise _too_large(len(edition.articles), self._press.email.max_html_kb)
        return cuts

    def _size(self, html: str) -> int:
        marks = self._press.placeholders
        rooms = ((marks.token, TOKEN_ROOM), (marks.address, ADDRESS_ROOM))
        return len(html.encode()) + sum(html.count(mark) * max(0, room - len(mark)) for mark, room in rooms)

    def _html(self, layout: _Layout) -> str:
        return with_styles(self._press.templates.render(HTML_TEMPLATE, **self._context(layout)), HTML_TEMPLATE)

    def _context(self, layout: _Layout) -> dict[str, object]:
        press, spoken, edition = self._press, self._words, layout.edition
        publication, by_mail = press.publication, press.web_mode == "none"
        is_notice = layout.note == spoken.none_of_yours
        return {
            "language": self._language,
            "words": spoken,
            "publication": MailPublication(
                name=publication.name, organisation=publication.organisation, address=publication.address
            ),
            "issue": self._mail_issue(edition),
            "subject": subject_of(self.issue, publication),
            "preheader": layout.note if is_notice else preheader_of(edition, self._language),
            "sections": self._setter.sections(edition, layout.cuts),
            "titles_in_contents": _TITLES_IN_CONTENTS_FROM <= len(edition.articles) > layout.shortened,
            "titles_only": layout.cuts.titles_only,
            "part_note": layout.note,
            "shortened_note": self._shortened_note(layout),
            "web_url": press.site.issue_url(self.issue.id),
            "preferences_url": "" if by_mail else press.site.preferences_url(press.placeholders.token),
            "unsubscribe_url": self._unsubscribe_url(),
            "unsubscribe_by_mail": spoken.unsubscribe_by_mail.format(press.unsubscribe_mailbox) if by_mail else "",
            "reader_address": press.placeholders.address,
            "why": spoken.why.format(press.placeholders.address, publication.name),
        }

    def _mail_issue(self, edition: Edition) -> MailIssue:
        whole = is_whole(edition)
        return MailIssue(
            number=common.number_text(self.issue.number, self._language),
            date=common.day_text(self.issue.date, self._language),
            headline=self.issue.subject if whole else "",
            lead=self.issue.lead if whole else "",
        )

    def _shortened_note(self, layout: _Layout) -> str:
        if layout.cuts.titles_only:
            return self._words.titles_only
        fitted = layout.shortened and self._press.email.body == "fit"
        return self._words.shortened.format(layout.shortened) if fitted else ""

    def _unsubscribe_url(self) -> str:
        if self._press.web_mode == "public":
            return self._press.site.unsubscribe_url(self._press.placeholders.token)
        return f"mailto:{self._press.unsubscribe_mailbox}?subject={quote(self._words.unsubscribe_subject)}"

    def _required(self) -> Required:
        url = self._unsubscribe_url()
        text = self._press.unsubscribe_mailbox if self._press.web_mode == "none" else url
        return Required(unsubscribe_url=url, unsubscribe_text=text, address=self._press.publication.address)


def with_styles(rendered: str, template: str) -> str:
    """Return what a template for mail rendered with its first style sheet written into the elements.

    Raises TemplateError, naming the template, for a style sheet that cannot be.
    """
    try:
        return _CONTROLS.sub("", _INLINER.inline(_INDENTATION.sub("\n", rendered)))
    except css_inline.InlineError as fault:
        raise _bad_style(str(fault), template) from fault


def tidy_text(text: str) -> str:
    """Return plain text for mail without controls, blanks at line ends and rows of empty lines."""
    even = _BLANK_LINE_ENDS.sub("\n", _CONTROLS.sub("", text))
    return _EMPTY_LINES.sub("\n\n\n", even).strip("\n") + "\n"


def _too_large(articles: int, limit_kb: int) -> TemplateError:
    what = wording(
        f"{articles}篇文章只列标题，HTML 也超过 {limit_kb} KB",
        f"even as a list of {articles} titles the HTML is over {limit_kb} KB",
    )
    remedy = wording(
        "把 [email] max_html_kb 调大，或精简模板", "raise [email] max_html_kb, or make the template leaner"
    )
    return _refused(what, remedy)


def _bad_style(reason: str, template: str) -> TemplateError:
    what = wording(f"样式无法写入邮件：{reason}", f"the style sheet cannot be written into the mail: {reason}")
    return _refused(what, wording("检查 <style> 中的 CSS", "check the CSS in <style>"), template)


def _refused(what: Wording, remedy: Wording, template: str = HTML_TEMPLATE) -> TemplateError:
    problem = Problem(path=f"templates/{template}", line=None, what=what, remedy=remedy)
    return TemplateError(wording("邮件没有生成。", "The mail was not rendered."), problems=[problem])
