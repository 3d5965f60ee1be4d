"""The outbox of a workspace, read: which mails lie in it, and one of them. Only reads the Maildir."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from pathlib import Path

from distributor.web.sheets import Sheet, header_text, message_to_sheet

_FOLDERS = ("new", "cur")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,=+-]*", re.ASCII)
_LONGEST_HEADERS = 64_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One mail as a list shows it; `id` is its file name as far as its flags."""

    id: str
    subject: str
    recipient: str
    message_id: str
    size: int
    at: datetime


def list_mails(folder: Path, *, first: int = 0, count: int = 100) -> tuple[int, tuple[Stored, ...]]:
    """Return how many mails there are, and `count` of them from the `first`, the newest first."""
    files = [file for name in _FOLDERS for file in (folder / name).glob("[!.]*") if file.is_file()]
    files.sort(key=lambda file: (-file.stat().st_mtime_ns, file.name))
    return len(files), tuple(_stored(file) for file in files[first : first + count])


def find_mail(folder: Path, name: str) -> Sheet | None:
    """Return the mail of that id, or None."""
    if not _NAME.fullmatch(name):
        return None
    for kind in _FOLDERS:
        found = next((file for file in (folder / kind).glob(f"{name}*") if _id(file) == name), None)
        if found is not None:
            return message_to_sheet(found.read_bytes())
    return None


def _stored(file: Path) -> Stored:
    stat = file.stat()
    with file.open("rb") as opened:
        headers = BytesHeaderParser().parsebytes(opened.read(_LONGEST_HEADERS))
    return Stored(
        id=_id(file),
        subject=header_text(headers, "Subject"),
        recipient=header_text(headers, "To"),
        message_id=header_text(headers, "Message-ID"),
        size=stat.st_size,
        at=datetime.fromtimestamp(stat.st_mtime, UTC),
    )


def _id(file: Path) -> str:
    return file.name.partition(":")[0]
