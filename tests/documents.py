"""Read the documents as people do: headings, tables, code blocks and links of a Markdown file.

A path enters, plain values leave; only the Markdown that our documents use is known here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = tuple(sorted((*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "content").glob("*.md"))))

_FENCE = re.compile(r"^```(?P<kind>[\w-]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(?P<marks>#{1,6}) (?P<title>.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_INLINE_CODE = re.compile(r"(?<!\[)`[^`\n]+`")
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBlock:
    """A fenced block: its kind (toml, console …), its text, and the page and line where it stands."""

    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def shown(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def code_blocks(*kinds: str) -> list[CodeBlock]:
    """Return the fenced blocks of these kinds on all pages."""
    return [
        CodeBlock(page=page, line=read(page).count("\n", 0, match.start()) + 1, kind=match["kind"], text=match["text"])
        for page in PAGES
        for match in _FENCE.finditer(read(page))
        if match["kind"] in kinds
    ]


def without_code(text: str) -> str:
    """Return the text without its fenced blocks, the number of its lines unchanged."""
    return _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)


def headings(page: Path) -> list[str]:
    return [match["title"] for match in _HEADING.finditer(without_code(read(page)))]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the common hosts make them."""
    slugs = set()
    for title in headings(page):
        plain = re.sub(r"[^\w\s-]", "", title.replace("`", "").lower())
        slugs.add(re.sub(r"\s", "-", plain.strip()))
    return slugs


def section(page: Path, title: str) -> str:
    """Return what stands below the first heading that contains `title`, down to the next of its level or above."""
    text = without_code(read(page))
    found = [match for match in _HEADING.finditer(text) if title in match["title"]]
    assert found, f"{shown(page)} has no heading with {title}"
    level = len(found[0]["marks"])
    rest = text[found[0].end() :]
    end = re.search(rf"^#{{1,{level}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def heading(page: Path, part: str) -> str:
    """Return the first heading that contains `part`."""
    return next(title for title in headings(page) if part in title)


def own_part(page: Path, title: str) -> str:
    """Return the same without what stands below deeper headings."""
    return re.split(r"^#{1,6} ", section(page, title), maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> dict[str, list[str]]:
    """Return the table rows whose first cell is one name in backticks: name to the other cells."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1]]
        if cells and re.fullmatch(r"`[^`]+`", cells[0]):
            found[cells[0].strip("`")] = cells[1:]
    return found


def links(page: Path) -> Iterator[str]:
    prose = _INLINE_CODE.sub("", without_code(read(page)))
    return (match["target"] for match in _LINK.finditer(prose))
