"""Judge the values of a feed: dates, URIs, languages, media types, text that may not hold markup, HTML.

Every function takes one value and returns the names of the events that the W3C feed validator documents for it
(its messages at level AA: errors and warnings). Written from the specifications (RFC 4287, RFC 3339, RFC 2822,
RFC 3986, RFC 4151) and from the validator's list of messages; it shares no code with what it judges.
"""

import datetime as dt
import email.utils
import html.entities
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit

import html5lib


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LANGUAGES = _words(
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da "
    "de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz "
    "ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln "
    "lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi "
    "pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti "
    "tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
_SAFE_ELEMENTS = _words(
    "a abbr address article aside b bdi blockquote br caption cite code col colgroup dd del details "
    "dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li mark nav "
    "ol p pre q rp rt ruby s samp section small span strong sub summary sup table tbody td tfoot th "
    "thead time tr u ul var wbr"
)
_RISKY_ELEMENTS = _words(
    "applet base body embed form frame frameset head html iframe link meta object script style title"
)
_SAFE_ATTRIBUTES = _words(
    "abbr align alt class cite colspan datetime dir headers height href hreflang id lang name rel "
    "reversed rowspan scope span src start style summary title type valign value width"
)
_SAFE_PROPERTIES = _words(
    "border border-collapse color font-size font-weight line-height margin padding text-align width"
)
_ENTITY = re.compile(r"&(#?\w+)")
_END_TAG = re.compile(r"</(\w+)>")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_RFC2822 = re.compile(
    r"(?:(?P<weekday>Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,2} "
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"\d\d:\d\d(?::\d\d)? (?:[+-]\d\d[03]0|UT|GMT|[ECMP][SD]T|Z)",
    re.ASCII,
)
_LOOSE_822 = re.compile(
    r"(?:[a-z]{3}\s*,\s*)?\d{1,2}\s+[a-z]{3}\s+(?:\d\d|\d{4})\s+\d\d:\d\d(?::\d\d)?\s+(?:[+-]\d{4}|[a-z]{1,3})?",
    re.IGNORECASE,
)
_WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_URI = re.compile(r"[0-9A-Za-z;/?:@&=+$.\-_!~*'()%,#\[\]]+", re.ASCII)
_TAG = re.compile(
    r"tag:(?:[a-z0-9\-._]+@)?[a-z0-9.\-]+,\d{4}(?:-\d\d(?:-\d\d)?)?:[0-9A-Za-z;/?:@&=+$.\-_!~*'()%,]*", re.ASCII
)
_MEDIA_TYPE = re.compile(r"[^\s()<>,;:\\\"/\[\]?=]+/[^\s()<>,;:\\\"/\[\]?=]+(?:\s*;\s*[\w-]+=(?:\"[^\"]*\"|[\w.-]+))*")
_ADDRESS = re.compile(r"[\w.+\-']+@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+ \(.+\)")
_PUBLIC_URL = re.compile(r"https?://(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9][A-Za-z0-9-]*(?::\d+)?(?:/|$)")
_REFERENCES = re.compile(r"<(?:a|img)\s[^>]*?(?:href|src)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
FAR_FUTURE = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
"""For dates that may lie anywhere."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PATH_CHARACTERS = "-._~!$&'()*+,;=:@/"


def date_3339(value: str, now: dt.datetime) -> Iterator[str]:
    """Judge an Atom date: a full RFC 3339 moment with zone, after 1990 and not in the future."""
    if value != value.strip():
        yield "UnexpectedWhitespace"
    try:
        moment = dt.datetime.fromisoformat(value) if _RFC3339.fullmatch(value) else None
    except ValueError:
        moment = None
    if moment is None:
        yield "InvalidRFC3339Date"
    elif _is_implausible(moment, now):
        yield "ImplausibleDate"


def date_822(value: str, now: dt.datetime) -> Iterator[str]:
    """Judge an RSS date: RFC 2822 with a four-digit year, a zone and the right day of the week."""
    match = _RFC2822.fullmatch(value)
    if match is None:
        yield "ProblematicalRFC822Date" if _LOOSE_822.fullmatch(value) else "InvalidRFC2822Date"
        return
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        yield "InvalidRFC2822Date"
        return
    if match["weekday"] and match["weekday"] != _WEEKDAYS[moment.weekday()]:
        yield "IncorrectDOW"
    elif _is_implausible(moment.replace(tzinfo=moment.tzinfo or dt.UTC), now):
        yield "ImplausibleDate"


def _is_implausible(moment: dt.datetime, now: dt.datetime) -> bool:
    return moment.year < 1990 or moment > now + dt.timedelta(minutes=10)


def uri(value: str, *, absolute: bool = True, wrong: str = "InvalidFullLink") -> Iterator[str]:
    """Judge a URI; `wrong` is the event for one that is not absolute where it has to be."""
    if value.startswith("tag:"):
        if not _TAG.fullmatch(value):
            yield "InvalidTAG"
        return
    parts = urlsplit(value)
    if not _URI.fullmatch(value):
        yield "InvalidUriChar" if any(ord(c) < 128 and not _URI.fullmatch(c) for c in value) else "InvalidIRI"
    elif absolute and (not parts.scheme or (parts.scheme in _DEFAULT_PORTS and not parts.netloc)):
        yield wrong


def identifier(value: str) -> Iterator[str]:
    """Judge an Atom id: an absolute URI in its canonical form, no blanks around it."""
    if value != value.strip():
        yield "UnexpectedWhitespace"
    broken = tuple(uri(value.strip()))
    yield from broken
    if not broken and canonical(value.strip()) != value:
        yield "NonCanonicalURI"


def canonical(value: str) -> str:
    """Return the URI with lower-case scheme and host, no default port, a path, and plain escapes."""
    scheme, colon, rest = value.partition(":")
    if not rest.startswith("//"):
        return f"{scheme.lower()}{colon}{_plain_escapes(rest)}"
    parts = urlsplit(value)
    port = f":{parts.port}" if parts.port and parts.port != _DEFAULT_PORTS.get(parts.scheme) else ""
    path = _plain_escapes(re.sub(r"/\.(?=/|$)", "", parts.path) or "/")
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{path}{query}{fragment}"


def _plain_escapes(path: str) -> str:
    return quote(unquote(path), safe=_PATH_CHARACTERS)


def language(value: str) -> Iterator[str]:
    """Judge a language tag by its first part (ISO 639): zh-CN, never zh_CN."""
    if value.partition("-")[0].lower() not in _LANGUAGES:
        yield "InvalidLanguage"


def media_type(value: str, *, wrong: str) -> Iterator[str]:
    """Judge a media type; `wrong` names the event of the place where it stands."""
    if not _MEDIA_TYPE.fullmatch(value):
        yield wrong


def length(value: str) -> Iterator[str]:
    """Judge the length of an enclosure in bytes; zero says that it is unknown."""
    try:
        number = int(value)
    except ValueError:
        yield "InvalidIntegerAttribute"
        return
    if number < 0:
        yield "UseZeroForUnknown" if number == -1 else "InvalidNonNegativeInteger"


def public_url(value: str) -> Iterator[str]:
    """Judge the address of an enclosure: http or https with a host that others can reach."""
    if not _PUBLIC_URL.match(value) or not _URI.fullmatch(value):
        yield "InvalidURLAttribute"


def contact(value: str) -> Iterator[str]:
    """Judge an RSS contact: `editor@example.com (Real Name)`."""
    if _ADDRESS.fullmatch(value):
        return
    if "@" not in value or value.endswith(")"):
        yield "InvalidContact"
    else:
        yield "EmailFormat" if " " in value else "MissingRealName"


def plain(value: str, *, event: str, escaped_as_character: bool = False) -> Iterator[str]:
    """Judge text where markup is not expected: nothing in it may look like a tag or an entity.

    `escaped_as_character` says that the source wrote & and < as numeric references, which is how the RSS profile
    tells plain text from HTML.
    """
    if any(tag.lower() in _SAFE_ELEMENTS | _RISKY_ELEMENTS for tag in _END_TAG.findall(value)):
        yield event
    elif escaped_as_character:
        return
    elif any(_looks_like_entity(name) for name in _ENTITY.findall(value)):
        yield event
    elif event == "ContainsHTML" and re.search(r"<[/a-zA-Z]", value):
        yield "CharacterData"


def _looks_like_entity(name: str) -> bool:
    return f"{name};" in html.entities.html5 or not name.isalpha()


def characters(value: str) -> Iterator[str]:
    """Judge the characters of any text: no C1 controls, nothing that was replaced when decoding went wrong."""
    if re.search("[\x80-\x9f\ufffd]", value):
        yield "BadCharacters"


def references(value: str) -> Iterator[str]:
    """Judge the links and pictures of escaped HTML: absolute, with a scheme."""
    for double, single in _REFERENCES.findall(value):
        target = html.unescape(double or single).strip()
        if not re.match(r"\w+:", target):
            yield "ContainsRelRef"


def markup(value: str) -> Iterator[str]:
    """Judge escaped HTML: it parses without an error, and no element or attribute is dangerous."""
    try:
        fragment = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parseFragment(value)
    except html5lib.html5parser.ParseError:
        yield "NotHtml"
        return
    for element in fragment.iter():
        if not isinstance(element.tag, str) or element.tag == "DOCUMENT_FRAGMENT":
            continue
        if element.tag not in _SAFE_ELEMENTS:
            yield "SecurityRisk" if element.tag in _RISKY_ELEMENTS else "NotHtml"
        yield from _attributes(element.attrib)


def _attributes(attributes: dict[str, str]) -> Iterator[str]:
    for name, value in attributes.items():
        if name == "style":
            yield from _style(value)
        elif name not in _SAFE_ATTRIBUTES:
            yield "SecurityRiskAttr"


def _style(value: str) -> Iterator[str]:
    declarations = [part.partition(":") for part in value.split(";") if part.strip()]
    if any(name.strip().lower() not in _SAFE_PROPERTIES or "(" in rule for name, _, rule in declarations):
        yield "DangerousStyleAttr"
