"""The outbox: a Maildir on this host instead of a server, for demonstrations, rehearsals and closed networks.

Messages enter, files leave; nothing goes over a network. A file is complete before it shows (written to tmp,
fsynced, renamed into new), and its name comes from the Message-ID, so that a copy stored twice is one file. The
name ends in .eml because office mail programs open that. Rules: the Maildir layout of qmail's maildir(5).
"""

import asyncio
import hashlib
import os
from pathlib import Path

from distributor.delivery.headers import split_headers
from distributor.delivery.model import Channel, Envelope, Outcome, Stored
from distributor.errors import ServerFault
from distributor.problems import Wording, wording


class OutboxTransport:
    """A way out that ends in `folder` on this host, which is made when first needed."""

    def __init__(self, folder: Path) -> None:
        """Take the Maildir's folder, e.g. var/outbox."""
        self.folder = folder

    @property
    def name(self) -> str:
        """The name that ledger rows carry."""
        return "outbox"

    @property
    def channel(self) -> Channel:
        """Always outbox: such a copy never uses up an issue for real readers."""
        return "outbox"

    async def open(self) -> "OutboxSession":
        """Make the three folders; raises ServerFault where the disk refuses."""
        try:
            await asyncio.to_thread(self._make_folders)
        except OSError as error:
            raise ServerFault(_refused(self.folder, error)) from error
        return OutboxSession(self.folder)

    def _make_folders(self) -> None:
        for name in ("tmp", "new", "cur"):
            (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)


class OutboxSession:
    """Writes one file per message; always usable, for each write stands alone."""

    def __init__(self, folder: Path) -> None:
        """Take a Maildir that exists."""
        self._folder = folder

    @property
    def usable(self) -> bool:
        """Whether another message may go through: always."""
        return True

    async def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Store the message, byte by byte as it is; the same copy again replaces its file.

        Raises ServerFault where the disk refuses; sending the same copy again is safe.
        """
        file = _file_name(message, envelope)
        try:
            await asyncio.to_thread(self._write, file, message)
        except OSError as error:
            raise ServerFault(_refused(self._folder, error)) from error
        return Stored(file=file)

    async def close(self) -> None:
        """Do nothing: every write was finished at once."""

    def _write(self, file: str, message: bytes) -> None:
        draft = self._folder / "tmp" / file
        try:
            with draft.open("wb") as stream:
                stream.write(message)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self._folder / "new" / file)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(self._folder / "new")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_name(message: bytes, envelope: Envelope) -> str:
    identity = next((value for name, value in split_headers(message) if name.lower() == "message-id"), message)
    digest = hashlib.sha256(identity + b"\0" + envelope.recipient.encode()).hexdigest()
    return f"{digest[:40]}.eml"


def _refused(folder: Path, error: OSError) -> Wording:
    told = error.strerror or str(error)
    return wording(
        f"不能写入发件箱 {folder}：{told} → 检查磁盘空间和文件夹的权限，之后继续",
        f"cannot write to the outbox {folder}: {told} → check free space and the folder's rights, then resume",
    )
