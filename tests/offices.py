"""Offices for tests: a real workspace in a temporary folder with a small issue, opened on its own SQLite file."""

import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from distributor.operations.office import Office, open_office
from distributor.operations.workspace import open_workspace
from distributor.times import Clock

REPOSITORY = Path(__file__).parent.parent
SECTIONS = ("market", "policy", "domestic", "international", "reading", "notice")
TITLES = dict(zip(SECTIONS, ("市场热点", "政策聚焦", "国内资讯", "国际资讯", "推荐阅读", "行业公告"), strict=True))


def article_text(identifier: str, section: str, *, title: str = "", body: str = "") -> str:
    return (
        f"---\nid: {identifier}\ntitle: {title or f'{TITLES[section]}的一篇 {identifier}'}\nsection: {section}\n"
        f"date: 2015-07-09\nsource: 示例来源\n---\n{body or f'这是 {identifier} 的正文。第二句。'}\n"
    )


def write_issue(
    root: Path,
    number: int = 55,
    *,
    date: str = "2015-07-10",
    status: str = "ready",
    sections: Sequence[str] = SECTIONS,
) -> Path:
    """Write an issue with one article for each section named, in that order."""
    folder = root / "content" / f"{date[:4]}-{number:03d}"
    folder.mkdir(parents=True)
    (folder / "issue.toml").write_text(f'number = {number}\ndate = {date}\nstatus = "{status}"\n', encoding="utf-8")
    for ordinal, section in enumerate(sections, start=1):
        identifier = f"{folder.name}-a{ordinal:02d}"
        (folder / f"a{ordinal:02d}.md").write_text(article_text(identifier, section), encoding="utf-8")
    return folder


def write_list(root: Path, name: str, readers: Mapping[str, str]) -> Path:
    """Write a list file; `readers` maps addresses to the cell of sections."""
    lines = ["email,sections", *(f'{address},"{sections}"' for address, sections in readers.items())]
    path = root / "subscribers" / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_workspace(root: Path, *, changes: Mapping[str, str] | None = None, more: str = "") -> Path:
    """Write settings and templates; `changes` replaces text of the sample settings, `more` is added at their end."""
    settings = (REPOSITORY / "distributor.toml").read_text(encoding="utf-8")
    for old, new in ({'transport = "smtp"': 'transport = "outbox"'} | dict(changes or {})).items():
        assert old in settings
        settings = settings.replace(old, new)
    root.mkdir(parents=True, exist_ok=True)
    (root / "distributor.toml").write_text(settings + more, encoding="utf-8")
    shutil.copytree(REPOSITORY / "templates", root / "templates", dirs_exist_ok=True)
    for name in ("members", "public"):
        if not (root / "subscribers" / f"{name}.csv").exists():
            write_list(root, name, {})
    (root / "content").mkdir(exist_ok=True)
    return root


@asynccontextmanager
async def office_in(root: Path, clock: Clock, environment: Mapping[str, str] | None = None) -> AsyncIterator[Office]:
    async with open_office(open_workspace(root, clock, environment or {})) as office:
        yield office
