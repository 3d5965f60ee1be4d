"""Links proofread: every link of a copy leads somewhere, in its HTML and in its plain text.

Enters: proofs and the site to be. Leaves: flaws. Ours must exist once the issue is public, a reader's own must carry a
token that we verify, an anchor must be in the mail; somebody else's address is looked at and never fetched.
"""

import html
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from distributor.addresses import parse_address
from distributor.content.model import Issue
from distributor.content.references import url_objection
from distributor.identifiers import PublicId
from distributor.operations.office import Office
from distributor.operations.rehearsals.proofs.letters import picture_flaws
from distributor.operations.rehearsals.proofs.model import Findings, Flaw, Galley, Proof, place_of
from distributor.operations.rehearsals.proofs.site import OURS, SiteToBe, anchors_of
from distributor.problems import Wording, wording
from distributor.subscribers import tokens

PERSONAL = ("unsubscribe", "preferences")
"""The pages behind a token; they are answered by the web server and lie in no file."""

_TAG = re.compile(r"<[a-z][^<>]*>", re.IGNORECASE)
_LINK = re.compile(r"""\s(?:href|src|background)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""", re.IGNORECASE)
_STYLE_URL = re.compile(r"""url\(\s*['"]?(cid:[^'")\s]+)""", re.IGNORECASE)
_URL_IN_TEXT = re.compile(r"https?://[!#-;=?-~]+", re.IGNORECASE)
_CLOSING = ").,;:!?'*]}"
_TEMPLATE = wording(
    "改正文章里的链接；不在文章里的，改 templates/",
    "mend the link in the article, or in templates/ where it stands in none",
)


def links_of(page: str) -> Iterator[str]:
    """Yield every address that the HTML of a mail names, in order, entities resolved."""
    for tag in _TAG.findall(page):
        for found in _LINK.findall(tag):
            yield html.unescape("".join(found)).strip()
    yield from _STYLE_URL.findall(page)


def links_in_text(text: str) -> Iterator[str]:
    """Yield every web address that stands in plain text, without the marks that close a sentence."""
    for found in _URL_IN_TEXT.findall(text):
        link: str = found.rstrip(_CLOSING)
        # A closing bracket belongs to the address when the address opens one (Wikipedia has such).
        yield link + ")" if link.count("(") > link.count(")") and found.startswith(link + ")") else link


class LinkReader:
    """Reads the links of all proofs of one galley; each address is looked at once."""

    def __init__(self, office: Office, galley: Galley, site: SiteToBe) -> None:
        """Take the office whose tokens are verified, what is read, and where links of ours lead."""
        self._office = office
        self._root: Path = office.workspace.root
        self._issue: Issue = galley.whole
        self._site = site
        self._shared = lru_cache(maxsize=None)(self._flaws_of_address)

    def read(self, proof: Proof, findings: Findings) -> None:
        """Look at every link, anchor and picture of one copy."""
        links, edition = tuple(links_of(proof.html)), proof.copy.edition
        for flaw in picture_flaws(proof, (link.removeprefix("cid:") for link in links if link.startswith("cid:"))):
            findings.add(flaw, edition)
        anchors = anchors_of(proof.html)
        for link in dict.fromkeys(links):
            if link.startswith("#") and unquote(link[1:]) not in anchors:
                findings.add(_flaw(wording(f"邮件里没有 {link} 这个位置", f"the mail has no place {link}")), edition)
        for link in dict.fromkeys((*links, *links_in_text(proof.text))):
            for flaw in self._flaws(link, proof.copy.public_id):
                findings.add(flaw, edition)

    def _flaws(self, link: str, reader: PublicId) -> Iterable[Flaw]:
        if link.startswith(("#", "cid:", "data:image/")):
            return () if link != "#" else (_flaw(_NOWHERE),)
        room, _, token = (self._site.below(link) or "").partition("/")
        if room in PERSONAL:
            verified = tokens.verify(self._office.keyring, tokens.MANAGE, token)
            return () if verified == reader else (_flaw(_WRONG_TOKEN),)
        return self._shared(link)

    def _flaws_of_address(self, link: str) -> tuple[Flaw, ...]:
        if not link:
            return (_flaw(_NOWHERE),)
        if link.lower().startswith("mailto:"):
            address = unquote(urlsplit(link).path)
            return () if parse_address(address) else (self._at(link, _no_address(address)),)
        objection = url_objection(link)
        if objection is not None:
            return (self._at(link, objection.what, objection.remedy),)
        path = self._site.below(link)
        return self._foreign(link) if path is None else self._own(link, path)

    def _own(self, link: str, path: str) -> tuple[Flaw, ...]:
        if not self._site.has(path):
            elsewhere = path.partition("/")[0] not in OURS
            what = wording(f"{link} 不在将要发布的网页里", f"{link} is not among the pages to be published")
            return (self._at(link, what, _ELSEWHERE if elsewhere else None, warning=elsewhere),)
        fragment = urlsplit(link).fragment
        if fragment and not self._site.has_anchor(path, fragment):
            return (self._at(link, wording(f"{link}：网页上没有这个位置", f"{link}: the page has no such place")),)
        return ()

    def _foreign(self, link: str) -> tuple[Flaw, ...]:
        host = urlsplit(link).hostname or ""
        if "." in host or ":" in host:
            return ()
        what = wording(f"{link} 只有内网能打开", f"{link} opens inside the office only")
        return (self._at(link, what, warning=True),)

    def _at(self, link: str, what: Wording, remedy: Wording | None = None, *, warning: bool = False) -> Flaw:
        path, line = place_of(self._root, self._issue, (link, unquote(link)))
        return Flaw(what=what, remedy=remedy or _TEMPLATE, path=path, line=line, warning=warning)


def _flaw(what: Wording) -> Flaw:
    return Flaw(what=what, remedy=wording("检查 templates/ 里的邮件模板", "look at the mail templates in templates/"))


_NOWHERE = wording("有一个链接不通向任何地方", "a link leads nowhere")
_WRONG_TOKEN = wording(
    "退订或选栏目的链接认不出读者", "a link for unsubscribing or choosing sections does not know its reader"
)
_ELSEWHERE = wording("确认这个地址由别的程序提供", "make sure that something else answers at this address")


def _no_address(address: str) -> Wording:
    return wording(f"mailto: 后面不是邮箱地址：{address}", f"no address after mailto: {address}")
