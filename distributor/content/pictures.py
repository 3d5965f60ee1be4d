"""Pictures: PNG, JPEG or GIF by their first bytes, measured from their headers and never decoded.

Bytes enter, size and media type or an `Objection` leave, so that a picture of 65,000 pixels a side packed into
100 KB costs nothing here (PNG third edition §5; ITU-T T.81 annex B; GIF89a). A file that ends early is refused.
"""

import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from distributor.content.files import Folder, parse_file_name
from distributor.content.findings import Objection
from distributor.content.model import Picture
from distributor.problems import wording

SIDE_LIMIT_PIXELS = 10_000
SIZE_LIMIT_BYTES = 5_000_000

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_GIF = (b"GIF87a", b"GIF89a")
_REMOTE = re.compile(r"(?:[a-z][a-z0-9+.-]+:)?//|data:", re.IGNORECASE)
# T.81 table B.1: the frame headers; C4, C8 and CC in between are tables and reserved.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a picture's header says: pixels as shown, and the media type."""

    width: int
    height: int
    media_type: str


def read_picture(folder: Folder, target: str, *, alt: str, caption: str) -> Picture | Objection:
    """Read the picture that a body names; `target` is as written."""
    file = _local_file(target)
    if isinstance(file, Objection):
        return file
    content = folder.read(file, limit=SIZE_LIMIT_BYTES)
    if isinstance(content, Objection):
        return folder.objection_to(file, content)
    measure = measure_picture(content)
    if isinstance(measure, Objection):
        return Objection(
            what=wording(f"图片 {file}：{measure.what.zh}", f"picture {file}: {measure.what.en}"),
            remedy=measure.remedy,
        )
    return Picture(
        file=file,
        alt=alt,
        caption=caption,
        width=measure.width,
        height=measure.height,
        media_type=measure.media_type,
        content=content,
    )


def measure_picture(content: bytes) -> Measure | Objection:
    """Return size and type of a whole PNG, JPEG or GIF, or why it is none."""
    try:
        measure = _measure(content)
    except (struct.error, IndexError, ValueError):
        return _objection("文件不完整或已损坏", "incomplete or damaged", "重新导出或复制", "export it again")
    if measure is None:
        return _objection(
            "不是 PNG、JPEG 或 GIF 图片",
            "not a PNG, JPEG or GIF picture",
            "另存为 PNG 或 JPEG",
            "save it as PNG or JPEG",
        )
    if not min(measure.width, measure.height) > 0 or max(measure.width, measure.height) > SIDE_LIMIT_PIXELS:
        size = f"{measure.width}×{measure.height}"
        return _objection(
            f"尺寸 {size}，边长要在 1 到 {SIDE_LIMIT_PIXELS} 像素之间",
            f"{size} pixels; each side must have 1 to {SIDE_LIMIT_PIXELS}",
            "缩小后再存，宽 1200 像素足够",
            "make it smaller; 1200 pixels across are plenty",
        )
    return measure


def _local_file(target: str) -> PurePosixPath | Objection:
    if _REMOTE.match(target):
        return Objection(
            what=wording(f"不能引用网上的图片：{target[:60]}", f"pictures elsewhere are not fetched: {target[:60]}"),
            remedy=wording(
                "把图片存到这一期的 images/ 文件夹，写成 images/图名.png",
                "save it to the issue's images/ folder and write images/name.png",
            ),
        )
    return parse_file_name(target)


def _objection(zh: str, en: str, remedy_zh: str, remedy_en: str) -> Objection:
    return Objection(what=wording(zh, en), remedy=wording(remedy_zh, remedy_en))


def _measure(content: bytes) -> Measure | None:
    if content.startswith(_PNG):
        return _measure_png(content)
    if content.startswith(_JPEG):
        return _measure_jpeg(content)
    return _measure_gif(content) if content.startswith(_GIF) else None


def _measure_png(content: bytes) -> Measure:
    width, height = struct.unpack_from(">II", content, 16)
    position, seen = len(_PNG), set[bytes]()
    while b"IEND" not in seen:
        length, name = struct.unpack_from(">I4s", content, position)
        (checksum,) = struct.unpack_from(">I", content, position + 8 + length)
        if zlib.crc32(content[position + 4 : position + 8 + length]) != checksum:
            raise ValueError("checksum of a chunk")
        seen.add(name)
        position += 12 + length
    if not {b"IHDR", b"IDAT"} <= seen:
        raise ValueError("no header or no pixels")
    return Measure(width=width, height=height, media_type="image/png")


def _measure_jpeg(content: bytes) -> Measure:
    position, size, turned = 2, None, False
    while True:
        marker = content[position + 1]
        if content[position] != 0xFF or marker in {0x00, _END_OF_IMAGE}:
            raise ValueError("no picture before its end")
        if marker == 0xFF or marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", content, position + 2)
        if marker in _FRAMES:
            size = struct.unpack_from(">HH", content, position + 5)
        elif marker == _APP1:
            turned = turned or _is_turned(content[position + 4 : position + 2 + length])
        elif marker == _START_OF_SCAN:
            break
        position += 2 + length
    if size is None or content.rfind(b"\xff\xd9", position) < 0:
        raise ValueError("no frame or no end")
    height, width = size[::-1] if turned else size
    return Measure(width=width, height=height, media_type="image/jpeg")


def _is_turned(exif: bytes) -> bool:
    """Say whether EXIF orientation (tag 0x0112) lays the picture on its side, as telephones do."""
    if not exif.startswith(b"Exif\0\0"):
        return False
    tiff = exif[6:]
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, first)
        entries = [struct.unpack_from(f"{order}HHIH", tiff, first + 2 + 12 * number) for number in range(count)]
    except struct.error:
        return False
    return any(tag == 0x0112 and value >= 5 for tag, _, _, value in entries)


def _measure_gif(content: bytes) -> Measure:
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    position, frames = 13 + _palette_bytes(flags), 0
    while content[position] != 0x3B:
        if content[position] == 0x21:
            position += 2
        elif content[position] == 0x2C:
            position, frames = position + 11 + _palette_bytes(content[position + 9]), frames + 1
        else:
            raise ValueError("unknown block")
        while content[position]:
            position += 1 + content[position]
        position += 1
    if not frames:
        raise ValueError("no picture")
    return Measure(width=width, height=height, media_type="image/gif")


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
