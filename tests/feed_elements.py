"""The elements of a feed under judgement: their names, shape and links; the ground of `feed_rules`.

An lxml element enters, the events of the W3C feed validator's list that it draws leave (level AA: errors and
warnings).
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from tests import feed_values


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ATOM = "{http://www.w3.org/2005/Atom}"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_PREFIXES = {
    "http://www.w3.org/2005/Atom": "atom",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/syndication/history/1.0": "fh",
}
_RELATIONS = words(
    "alternate current describedby enclosure first hub last license next next-archive payment "
    "prev-archive previous related replies search self service up via"
)
_HISTORY = words("current first last next next-archive prev-archive previous")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One message of the validator: its name, the element it is about, and the value that drew it."""

    name: str
    where: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What every rule needs to know beside the element itself."""

    location: str
    now: dt.datetime
    lines: tuple[bytes, ...]


def everywhere(root: Any) -> Iterator[Event]:
    for prefix, namespace in root.nsmap.items():
        usual = _PREFIXES.get(namespace)
        if usual is None:
            taken = prefix in _PREFIXES.values()
            yield Event(name="ReservedPrefix" if taken else "UnknownNamespace", where="root", value=namespace)
        elif prefix == "atom" and root.tag == f"{ATOM}feed":
            yield Event(name="AvoidNamespacePrefix", where="root", value=prefix)
    for element in root.iter("*"):
        for text in (element.text or "", *element.attrib.values()):
            yield from named(feed_values.characters(text), element, text)
        if (spoken := element.get(f"{_XML}lang")) is not None:
            yield from named(feed_values.language(spoken), element, spoken)
        if len(element) and (element.text or "").strip():
            yield Event(name="UnexpectedText", where=name_of(element))


def name_of(element: Any) -> str:
    """Return `atom:link` or `title`: the name with the usual prefix; Atom's own names stay bare in Atom."""
    qualified = etree.QName(element)
    in_atom = element.getroottree().getroot().tag == f"{ATOM}feed" and qualified.namespace == ATOM[1:-1]
    if qualified.namespace is None or in_atom:
        return str(qualified.localname)
    return f"{_PREFIXES.get(qualified.namespace, '?')}:{qualified.localname}"


def named(names: Iterator[str], element: Any, value: str = "") -> Iterator[Event]:
    for name in names:
        yield Event(name=name, where=name_of(element), value=value[:80])


def shape(
    element: Any, known: frozenset[str], many: frozenset[str], shapes: dict[str, frozenset[str]]
) -> Iterator[Event]:
    """Judge the children of one element by name, number and attributes."""
    counted = Counter(name_of(child) for child in element.iterchildren("*"))
    for name, number in counted.items():
        if name not in known:
            yield Event(name="UndefinedElement", where=name_of(element), value=name)
        if number > 1 and name not in many:
            yield Event(name="DuplicateEnclosure" if name == "enclosure" else "DuplicateElement", where=name)
    for child in element.iterchildren("*"):
        unexpected = {key for key in child.attrib if not key.startswith(_XML)} - shapes.get(name_of(child), frozenset())
        if unexpected and name_of(child) in known:
            yield Event(name="UnexpectedAttribute", where=name_of(child), value=",".join(sorted(unexpected)))


def missing(element: Any, names: str, event: str = "MissingElement") -> Iterator[Event]:
    present = {name_of(child) for child in element.iterchildren("*")}
    for name in names.split():
        if name not in present:
            yield Event(name=event, where=name_of(element), value=name)


def repeated(elements: list[Any], child: str, event: str) -> Iterator[Event]:
    names = (child if child == "guid" else f"{ATOM}{child}") if elements else ""
    counted = Counter(element.findtext(names) for element in elements)
    for value, number in counted.items():
        if value and number > 1:
            yield Event(name=event, where=child, value=value)


def link(element: Any, visit: Visit) -> Iterator[Event]:
    relation = element.get("rel", "alternate")
    if relation not in _RELATIONS and ":" not in relation:
        yield Event(name="UnregisteredAtomLinkRel", where="link", value=relation)
    if relation in _HISTORY and name_of(element.getparent()) == "entry":
        yield Event(name="FeedHistoryRelInEntry", where="link", value=relation)
    if (element.text or "").strip() or len(element):
        yield Event(name="AtomLinkNotEmpty", where="link")
    yield from _link_type(element, relation)
    yield from _link_target(element, relation, visit)
    if (spoken := element.get("hreflang")) is not None:
        yield from named(feed_values.language(spoken), element, spoken)
    if (size := element.get("length")) is not None:
        yield from named(feed_values.length(size), element, size)
    if (title := element.get("title")) is not None:
        names = feed_values.plain(title, event="ContainsHTML") if title else iter(("AttrNotBlank",))
        yield from named(names, element, title)


def _link_type(element: Any, relation: str) -> Iterator[Event]:
    kind = element.get("type")
    if kind is None:
        return
    yield from named(feed_values.media_type(kind, wrong="InvalidMIMEType"), element, kind)
    if relation == "self" and kind.partition(";")[0] not in {"application/atom+xml", "application/rss+xml"}:
        yield Event(name="SelfNotAtom", where="link", value=kind)


def _link_target(element: Any, relation: str, visit: Visit) -> Iterator[Event]:
    href = element.get("href")
    if href is None:
        yield Event(name="MissingHref", where="link")
        return
    yield from named(feed_values.uri(href, absolute=False), element, href)
    if relation == "self" and ":" not in href:
        yield Event(name="RelativeSelf", where="link", value=href)
    elif relation == "self" and feed_values.canonical(href) != feed_values.canonical(visit.location):
        yield Event(name="SelfDoesntMatchLocation", where="link", value=href)
