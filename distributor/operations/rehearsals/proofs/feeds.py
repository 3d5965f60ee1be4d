"""Feeds proofread: each parses, says each id once, and leads to pages that will be there.

Enters: the site to be. Leaves: flaws. Atom (RFC 4287) and RSS 2.0 are read with the standard library's XML parser,
JSON Feed 1.1 with its JSON parser: none of the code that wrote them.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from distributor.operations.rehearsals.proofs.model import Findings, Flaw
from distributor.operations.rehearsals.proofs.site import SiteToBe
from distributor.problems import Wording, wording

_ATOM = "{http://www.w3.org/2005/Atom}"
_REMEDY = wording("先不要发送；请附上本条报告", "do not send; please report this line")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Feed:
    """A feed as a reader's program sees it: ids in order, and the addresses its entries lead to."""

    ids: tuple[str, ...]
    links: tuple[str, ...]


def read_feeds(site: SiteToBe, findings: Findings) -> None:
    """Parse every feed of the site to be and look at its ids and links."""
    by_name: dict[str, dict[str, frozenset[str]]] = {}
    for path, content in site.feeds.items():
        name, _, form = path.rpartition(".")
        try:
            feed = _PARSERS[form](content)
        except (ET.ParseError, ValueError, KeyError, TypeError) as error:
            findings.add(_flaw(path, wording(f"读不懂：{error}", f"does not parse: {error}")))
            continue
        by_name.setdefault(name, {})[form] = frozenset(feed.ids)
        for what in (*_ids_twice(feed.ids), *_dead_links(feed.links, site)):
            findings.add(_flaw(path, what))
    for name, forms in by_name.items():
        if len(set(forms.values())) > 1:
            what = wording("三种格式的条目不一样", "the three forms hold different entries")
            findings.add(_flaw(name, what))


def _ids_twice(ids: Sequence[str]) -> Iterator[Wording]:
    for identifier, times in Counter(ids).items():
        if times > 1 or not identifier:
            yield wording(f"条目 id“{identifier}”有 {times} 个", f"the entry id {identifier!r} stands {times} times")


def _dead_links(links: Sequence[str], site: SiteToBe) -> Iterator[Wording]:
    for link in dict.fromkeys(links):
        path = site.below(link)
        if path is not None and not site.has(path):
            yield wording(f"{link} 不在将要发布的网页里", f"{link} is not among the pages to be published")


def _atom(content: bytes) -> _Feed:
    entries = ET.fromstring(content).findall(f"{_ATOM}entry")  # noqa: S314 - our own bytes
    return _Feed(
        ids=tuple(entry.findtext(f"{_ATOM}id", "") for entry in entries),
        links=tuple(link.get("href", "") for entry in entries for link in entry.findall(f"{_ATOM}link")),
    )


def _rss(content: bytes) -> _Feed:
    entries = ET.fromstring(content).findall("channel/item")  # noqa: S314 - our own bytes
    enclosures = [found.get("url", "") for entry in entries for found in entry.findall("enclosure")]
    return _Feed(
        ids=tuple(entry.findtext("guid", "") for entry in entries),
        links=(*(entry.findtext("link", "") for entry in entries), *enclosures),
    )


def _json(content: bytes) -> _Feed:
    items = json.loads(content)["items"]
    files = [str(file["url"]) for item in items for file in item.get("attachments", ())]
    return _Feed(
        ids=tuple(str(item["id"]) for item in items),
        links=(*(str(item["url"]) for item in items), *files),
    )


_PARSERS = {"atom": _atom, "rss": _rss, "json": _json}


def _flaw(path: str, what: Wording) -> Flaw:
    return Flaw(what=what, remedy=_REMEDY, path=path)
