"""The parts of a .docx: a zip of XML, taken with care.

Bytes enter, parsed parts leave; nothing is unpacked to disk and nothing outside the file is fetched. Refused: names
that climb out of the folder, more bytes than a periodical has, and any document type declaration, since entities
are how XML reads foreign files or grows without bound. Parts and attributes are found by their local names, which
transitional and strict files (ISO/IEC 29500-1 and -4) share.
"""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType

from lxml import etree

from distributor.content.findings import Objection
from distributor.problems import wording

MOST_PARTS = 4_000
MOST_BYTES = 400_000_000
MOST_XML_BYTES = 60_000_000
MOST_PICTURE_BYTES = 40_000_000

_DOCUMENT = "officeDocument"


class PackageRefused(ValueError):
    """The bytes are not a .docx that may be read; `objection` says why."""

    def __init__(self, objection: Objection) -> None:
        super().__init__(objection.what.en)
        self.objection = objection


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """Where a part points: `kind` is the last word of its type, `target` a part's name or an outside address."""

    kind: str
    target: str
    external: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """An opened .docx: the main part and what belongs to it."""

    archive: zipfile.ZipFile
    main: str

    def document(self) -> etree._Element:
        """Return the root of the main part."""
        root = self.part(self.main)
        if root is None:
            raise _refused("文件里没有正文", "the file has no document part")
        return root

    def related(self, kind: str) -> etree._Element | None:
        """Return the root of the part of that kind (styles, numbering, footnotes, comments), None without one."""
        found = next((one for one in self.relationships().values() if one.kind == kind and not one.external), None)
        return self.part(found.target) if found else None

    def relationships(self) -> Mapping[str, Relationship]:
        """Return the main part's relationships by their ids."""
        return _relationships(self, self.main)

    def part(self, name: str) -> etree._Element | None:
        """Return the parsed root of a part, None when the file has none of that name."""
        content = self.read(name, limit=MOST_XML_BYTES)
        return None if content is None else _parse(content)

    def read(self, name: str, *, limit: int = MOST_PICTURE_BYTES) -> bytes | None:
        """Return the bytes of a part, None when it is absent; refuses one larger than `limit`."""
        try:
            with self.archive.open(name) as stream:
                content = stream.read(limit + 1)
        except KeyError:
            return None
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
            raise _refused("文件损坏或加了密码", "the file is damaged or protected by a password") from error
        if len(content) > limit:
            raise _refused("文件里有过大的部件", "a part of the file is too large")
        return content


def open_package(content: bytes) -> Package:
    """Open a .docx; raises `PackageRefused` for anything that is not one or must not be read."""
    try:
        archive = zipfile.ZipFile(BytesIO(content))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise _refused("文件不完整，打不开", "the file is incomplete and cannot be opened") from error
    if any(entry.filename.startswith(("/", "\\")) or ".." in entry.filename.split("/") for entry in entries):
        raise _refused("压缩包里的路径指到文件夹以外", "a path in the archive leads out of its folder")
    if len(entries) > MOST_PARTS or sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise _refused("解开后过大，不像一份文档", "unpacked it is far too large for a document")
    package = Package(archive=archive, main="")
    main = next((one for one in _relationships(package, "").values() if one.kind == _DOCUMENT), None)
    if main is None or main.external:
        raise _refused("这个压缩包不是 Word 文档", "this archive is not a Word document")
    return Package(archive=archive, main=main.target)


def local(element: etree._Element) -> str:
    """Return an element's name without its namespace; empty for comments and instructions."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def children(element: etree._Element | None, name: str) -> Iterator[etree._Element]:
    """Yield the children of that local name."""
    yield from (child for child in element if local(child) == name) if element is not None else ()


def child(element: etree._Element | None, *names: str) -> etree._Element | None:
    """Return the first child along a path of local names, None where it breaks off."""
    for name in names:
        element = next(children(element, name), None)
    return element


def attribute(element: etree._Element | None, name: str) -> str | None:
    """Return an attribute by its local name, None when absent."""
    if element is None:
        return None
    return next((str(value) for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def is_on(element: etree._Element | None) -> bool:
    """Say whether a switch such as w:b is present and not turned off."""
    return element is not None and attribute(element, "val") not in {"0", "false", "off", "none"}


def _parse(content: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise _refused("文件里的 XML 已损坏", "the XML inside is damaged") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise _refused("文件里有 DOCTYPE 声明，不安全", "a DOCTYPE declaration inside is not safe")
    return root


def _relationships(package: Package, part: str) -> Mapping[str, Relationship]:
    folder, name = posixpath.split(part)
    root = package.part(posixpath.join(folder, "_rels", f"{name}.rels"))
    found: dict[str, Relationship] = {}
    for element in children(root, "Relationship"):
        target = attribute(element, "Target") or ""
        external = attribute(element, "TargetMode") == "External"
        found[attribute(element, "Id") or ""] = Relationship(
            kind=(attribute(element, "Type") or "").rpartition("/")[2],
            target=target if external else _part_name(folder, target),
            external=external,
        )
    return MappingProxyType(found)


def _part_name(folder: str, target: str) -> str:
    path = target if target.startswith("/") else posixpath.join("/", folder, target)
    return posixpath.normpath(path).lstrip("/")


def _refused(zh: str, en: str) -> PackageRefused:
    remedy = wording(
        "在 Word 或 WPS 里打开，另存为 .docx 后再导入", "open it in Word or WPS, save it as .docx and import that"
    )
    return PackageRefused(Objection(what=wording(zh, en), remedy=remedy))
