"""Builders of issue folders: valid by default, so that a test states only the fact that matters."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from distributor.config.model import Section
from distributor.content.loader import Loaded, load_issue
from distributor.content.markup import parse_body
from distributor.content.model import Block, Body, Prose
from distributor.identifiers import SectionId
from distributor.problems import Problem

SECTIONS = (
    Section(id=SectionId("market"), title="市场热点"),
    Section(id=SectionId("policy"), title="政策聚焦"),
    Section(id=SectionId("notice"), title="行业公告"),
)

HEADER = {"id": "2015-055-a01", "title": "标题", "section": "market"}


def article(body: str = "正文。", **header: str) -> str:
    """Return the text of an article file; a header key given as "" is left out."""
    lines = [f"{key}: {value}" for key, value in (HEADER | header).items() if value]
    return "\n".join(["---", *lines, "---", "", body, ""])


@dataclass(frozen=True)
class IssueOnDisk:
    """The folder of issue 2015-055 in a workspace of its own."""

    root: Path
    path: Path

    def write(self, name: str, content: str | bytes) -> Path:
        """Write one file of the issue, with its folders."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def settings(self, text: str = "", *, status: str = "draft") -> None:
        """Write issue.toml with further lines."""
        self.write("issue.toml", f'number = 55\ndate = 2015-07-10\nstatus = "{status}"\n{text}\n')

    def load(self) -> Loaded:
        """Load the issue."""
        return load_issue(self.path, root=self.root, sections=SECTIONS)

    def complaints(self) -> list[str]:
        """Load the issue and return its problems as an editor reads them, without the remedies."""
        return complaints(self.load().problems)


def complaints(problems: tuple[Problem, ...]) -> list[str]:
    """Return `file:line what` for each problem, with the file's name alone."""
    places = ((problem.path.rsplit("/", 1)[-1], problem.line, problem.what.zh) for problem in problems)
    return [f"{path}:{line} {what}" if line else f"{path} {what}" for path, line, what in places]


def parsed(text: str, folder: Path = Path("/nowhere")) -> tuple[Body, list[str]]:
    """Return a body and its complaints."""
    body, problems = parse_body(text, path="a01.md", folder=folder)
    return body, complaints(problems)


def html(text: str) -> str:
    """Return the HTML of a body that has no problem."""
    body, problems = parsed(text)
    assert problems == []
    return "\n".join(prose(block).html for block in body.blocks)


def prose(block: Block) -> Prose:
    """Return a block that must be prose."""
    assert isinstance(block, Prose)
    return block


def png(width: int = 4, height: int = 3) -> bytes:
    """Return a PNG that says it has these sides; its pixels are one grey row."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0\x80")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


def jpeg(width: int = 4, height: int = 3, *, orientation: int | None = None) -> bytes:
    """Return a JPEG's markers without its picture; `orientation` is the EXIF tag that telephones write."""
    exif = b""
    if orientation:
        entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
        tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
        exif = b"\xff\xe1" + struct.pack(">H", 8 + len(tiff)) + b"Exif\0\0" + tiff
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, height, width, 0)
    return b"\xff\xd8" + exif + frame + b"\xff\xda\0\x02" + b"scan" + b"\xff\xd9"


def gif(width: int = 4, height: int = 3) -> bytes:
    """Return a GIF of one frame with a palette of two colours."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return screen + b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02L\x01\x00" + b"\x3b"
