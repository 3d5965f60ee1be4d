"""The outbox: whole files or none, one file per copy, and a disk that refuses is nobody's fault but the disk's."""

import errno
import mailbox
import os
from pathlib import Path

import pytest

from distributor.delivery.compose import compose
from distributor.delivery.model import Envelope, Stored
from distributor.delivery.outbox import OutboxTransport
from distributor.errors import ServerFault
from tests.delivery import letters

READER = Envelope(sender="weekly@news.example.com", recipient="reader@example.org")


def message(email_key: str = "reader@example.org", body: bytes = b"hello") -> bytes:
    return b"Subject: x\r\nMessage-ID: <" + email_key.encode() + b">\r\n\r\n" + body + b"\r\n"


async def store(folder: Path, content: bytes, envelope: Envelope = READER) -> str:
    session = await OutboxTransport(folder).open()
    outcome = await session.send(envelope, content)
    await session.close()
    assert session.usable
    assert isinstance(outcome, Stored)
    return outcome.file


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_a_message_is_stored_byte_by_byte_as_it_would_be_sent(tmp_path: Path) -> None:
    content = compose(letters.form(), letters.copy(), letters.TOKEN)

    file = await store(tmp_path / "var" / "outbox", content)

    assert (tmp_path / "var" / "outbox" / "new" / file).read_bytes() == content
    assert file.endswith(".eml")


async def test_the_outbox_is_a_maildir_for_its_owner_alone(tmp_path: Path) -> None:
    await store(tmp_path / "outbox", message())

    assert len(list(mailbox.Maildir(tmp_path / "outbox", create=False))) == 1
    assert [(tmp_path / "outbox" / name).stat().st_mode & 0o077 for name in ("tmp", "new", "cur")] == [0, 0, 0]


async def test_the_same_copy_stored_again_replaces_its_file(tmp_path: Path) -> None:
    first = await store(tmp_path, message(body=b"cut sh"))
    again = await store(tmp_path, message(body=b"whole"))

    assert first == again
    assert files(tmp_path) == [f"new/{first}"]
    assert (tmp_path / "new" / first).read_bytes().endswith(b"whole\r\n")


async def test_two_readers_have_two_files(tmp_path: Path) -> None:
    await store(tmp_path, message("a@example.org"))
    await store(tmp_path, message("b@example.org"))

    assert len(files(tmp_path)) == 2


async def test_messages_without_a_message_id_are_told_apart_by_all_they_say(tmp_path: Path) -> None:
    for body in (b"one", b"two", b"one"):
        await store(tmp_path, b"Subject: x\r\n\r\n" + body + b"\r\n")

    assert len(files(tmp_path)) == 2


async def test_an_outbox_that_cannot_be_made_is_a_fault_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file where a folder should be")

    with pytest.raises(ServerFault, match="outbox"):
        await OutboxTransport(tmp_path / "outbox").open()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
async def test_a_disk_that_refuses_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    session = await OutboxTransport(tmp_path).open()
    monkeypatch.setattr(os, "fsync", refuse)

    with pytest.raises(ServerFault, match=os.strerror(code)) as caught:
        await session.send(READER, message())

    assert files(tmp_path) == []
    assert str(tmp_path) in caught.value.text("zh")


async def test_an_outbox_removed_in_the_middle_is_a_fault(tmp_path: Path) -> None:
    session = await OutboxTransport(tmp_path / "outbox").open()
    for name in ("tmp", "new", "cur"):
        (tmp_path / "outbox" / name).rmdir()

    with pytest.raises(ServerFault):
        await session.send(READER, message())


def test_an_outbox_has_a_name_and_a_channel_of_its_own(tmp_path: Path) -> None:
    outbox = OutboxTransport(tmp_path)

    assert (outbox.name, outbox.channel) == ("outbox", "outbox")
