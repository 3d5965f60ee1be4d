"""`name | URL or file`: the links and attachments of an article.

Pure: one line of text enters, a `Reference` or an `Objection` leaves. Only http, https and mailto are links
(RFC 3986 §3.1); everything else must be a file inside the issue folder.
"""

import re
from urllib.parse import urlsplit

from distributor.content.files import parse_file_name
from distributor.content.findings import Objection
from distributor.content.model import Reference
from distributor.problems import wording

URL_SCHEMES = frozenset({"http", "https", "mailto"})
_SEPARATOR = re.compile("[|｜]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)[:：]", re.IGNORECASE)
_BARE_HOST = re.compile(r"www\.|[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|cn|org|net|gov|edu)(/|$)", re.IGNORECASE)
_URL_LIMIT = 2000


def parse_reference(text: str) -> Reference | Objection:
    """Read `name | target`; a target alone is its own name. The target follows the last bar."""
    parts = _SEPARATOR.split(text)
    target = parts[-1].strip()
    name = text[: len(text) - len(parts[-1]) - 1].strip() if len(parts) > 1 else target
    if not target or not name:
        what = wording(f"“{text[:40]}”缺名称或地址", f"'{text[:40]}' lacks its name or its target")
        return Objection(what=what, remedy=_FORM)
    if _SCHEME.match(target) or _BARE_HOST.match(target) or target.startswith("//"):
        objection = url_objection(target)
        return objection or Reference(name=name, url=target)
    file = parse_file_name(target)
    return file if isinstance(file, Objection) else Reference(name=name, file=file)


def reference_text(reference: Reference) -> str:
    """Return the canonical form `name | target`."""
    return f"{reference.name} | {reference.url or reference.file}"


def url_objection(url: str) -> Objection | None:
    """Say why a link must not go out, or None for a usable http, https or mailto URL."""
    if "：" in url[:10]:
        what = wording("网址里的冒号是全角的", "a full-width colon in the URL")
        return Objection(what=what, remedy=wording("改成英文冒号 :", "write an ASCII colon"))
    scheme = _SCHEME.match(url)
    if scheme is None:
        what = wording(f"“{url[:60]}”不是完整的网址", f"'{url[:60]}' is not a full URL")
        return Objection(what=what, remedy=_URL_FORM)
    if scheme[1].lower() not in URL_SCHEMES:
        what = wording(f"不允许 {scheme[1]}: 这类链接", f"{scheme[1]}: links are not allowed")
        return Objection(what=what, remedy=_URL_FORM)
    if not _is_well_formed(url):
        what = wording(f"网址写坏了：“{url[:60]}”", f"a broken URL: '{url[:60]}'")
        return Objection(what=what, remedy=_URL_FORM)
    return None


_FORM = wording("写成：名称 | 网址或文件，例如 财政部 | http://www.mof.gov.cn/", "write: name | URL or file")
_URL_FORM = wording(
    "链接以 http://、https:// 或 mailto: 开头；文件写成 files/名称", "begin with http://, https:// or mailto:"
)


def _is_well_formed(url: str) -> bool:
    if len(url) > _URL_LIMIT or not url.isprintable() or re.search(r"[\s<>\"]", url):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return "@" in parts.path if parts.scheme.lower() == "mailto" else bool(parts.hostname)
