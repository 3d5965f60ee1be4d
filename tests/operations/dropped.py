"""Documents as an office drops them into inbox/: a real .docx of a small issue, named for its number and date."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from distributor.operations.desk import inbox
from distributor.operations.desk.inbox import Taken
from distributor.operations.office import Office
from tests.content.importers.raw_layer import Part, Story
from tests.content.importers.word import saved, with_styles

NAME = "第57期 2015-07-24.docx"
ISSUE = "2015-057"
AT_ONCE = timedelta(0)


def story(title: str, *paragraphs: str) -> Story:
    return Story(title=title, date="2015-7-20", source="某网", paragraphs=paragraphs or (f"{title}的正文。",))


def document(*stories: Story, section: str = "市场热点") -> bytes:
    """Return a .docx with these articles in one section; two where none are named."""
    return saved(with_styles((Part(title=section, stories=stories or (story("第一篇文章"), story("第二篇文章"))),)))


def drop(root: Path, content: bytes, name: str = NAME) -> Path:
    """Put a file into the inbox."""
    path = root / "inbox" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


async def take(office: Office) -> tuple[Taken, ...]:
    return await inbox.take_in(office, settled=AT_ONCE)


def names_in(folder: Path) -> Sequence[str]:
    """Return what a person sees in a folder."""
    return sorted(path.name for path in folder.glob("*") if not path.name.startswith("."))
