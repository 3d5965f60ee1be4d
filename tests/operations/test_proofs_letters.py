"""Every kind of copy is composed and read again before it leaves: whatever differs from what was meant is found."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distributor.delivery import compose
from distributor.delivery.signing import Signer
from distributor.errors import DistributorError
from distributor.operations import membership
from distributor.operations.office import Office
from distributor.operations.rehearsals.proofs import letters
from distributor.problems import Problem, wording
from tests.conftest import SetClock
from tests.offices import office_in, write_issue, write_list, write_workspace
from tests.operations.conftest import READERS
from tests.operations.proofreading import MEMBERS, findings_of, galley_of

RELAY = '\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:25"\nheaders = { "X-Campaign" = "weekly" }\n'


@pytest.fixture
async def mailing(tmp_path: Path) -> AsyncIterator[Office]:
    """An office that mails through a relay which wants a header of its own."""
    root = write_workspace(tmp_path / "office", changes={'transport = "smtp"': 'transport = "smtp"'}, more=RELAY)
    write_issue(root)
    write_list(root, "members", READERS)
    async with office_in(root, SetClock()) as office:
        await membership.sync_changed(office, MEMBERS)
        yield office


async def read(office: Office, **changes: object) -> tuple[Problem, ...]:
    galley = await galley_of(office, **changes)
    return findings_of(office, lambda findings: letters.read_letters(office, galley, findings), galley)


async def test_sound_letters_have_no_flaw(mailing: Office) -> None:
    assert await read(mailing) == ()


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return change


def headed(line: bytes) -> Callable[[bytes], bytes]:
    return lambda content: line + b"\r\n" + content


TAMPERED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "another subject": (replaced(b"Subject: ", b"Subject: x "), "the header Subject reads"),
    "a subject twice": (headed(b"Subject: twice"), "the header Subject reads"),
    "no list id": (replaced(b"List-Id:", b"X-Id:"), "the header List-Id reads"),
    "no way to unsubscribe": (replaced(b"List-Unsubscribe:", b"X-U:"), "the header List-Unsubscribe reads"),
    "no one click": (replaced(b"List-Unsubscribe-Post:", b"X-Post:"), "the header List-Unsubscribe-Post reads"),
    "another sender": (replaced(b"weekly@news.example.com", b"other@news.example.com"), "the header From reads"),
    "another date": (replaced(b"Date: Fri, 10 Jul 2015", b"Date: Sat, 11 Jul 2015"), "the header Date reads"),
    "a signature nobody made": (headed(b"DKIM-Signature: v=1"), "the header DKIM-Signature reads"),
    "no header of the relay": (replaced(b"X-Campaign:", b"X-Other:"), "the header X-Campaign reads"),
    "a broken header": (replaced(b"To: ", b'To: "a" <a@@b>, '), "the header To reads"),
    "a long line": (headed(b"X-Long: " + b"x" * 1200), "a line of 1208 octets"),
    "8-bit bytes": (headed("X-Raw: 中".encode()), "the message is not 7bit"),
    "another text": (replaced(b"Content-Type: text/plain", b"Content-Type: text/x-plain"), "plain text part"),
    "another page": (replaced(b"Content-Type: text/html", b"Content-Type: text/x-html"), "HTML part"),
    "a very large message": (lambda content: content + b"x\r\n" * 3_500_000, "many servers take less"),
}


@pytest.mark.parametrize(("change", "said"), TAMPERED.values(), ids=list(TAMPERED))
async def test_letter_that_reads_otherwise_than_meant_is_found(
    mailing: Office, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes], said: str
) -> None:
    composed = compose.compose

    def tampered(*arguments: Any, **named: Any) -> bytes:
        return change(bytes(composed(*arguments, **named)))

    galley = await galley_of(mailing)
    galley = replace(galley, specimens=tuple(one for one in galley.specimens if one.format == "html")[:1])
    monkeypatch.setattr(letters.compose, "compose", tampered)

    found = findings_of(mailing, lambda findings: letters.read_letters(mailing, galley, findings), galley)

    assert any(said in one.what.en for one in found), [one.what.en for one in found]


async def test_mail_over_the_limit_where_readers_cut_it_is_a_fault(mailing: Office) -> None:
    found = await read(mailing, largest_bytes=5000)

    assert all("max_html_kb = 5" in one.what.en and not one.warning for one in found)
    assert found != ()


async def test_mail_over_the_limit_sent_in_full_on_purpose_is_a_warning(mailing: Office) -> None:
    found = await read(mailing, largest_bytes=5000, in_full=True)

    assert found != ()
    assert all(one.warning for one in found)


async def test_picture_that_a_mail_names_and_nobody_attached_is_a_fault(mailing: Office) -> None:
    galley = await galley_of(mailing)
    lost = {key: replace(one, cids=("lost@example.com",)) for key, one in galley.renditions.items()}

    (found,) = await read(mailing, renditions=lost)

    assert "cid:lost@example.com, which is not attached" in found.what.en


@pytest.mark.parametrize("step", ["prepare_form", "compose"])
async def test_letter_that_cannot_be_made_is_a_fault(
    mailing: Office, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    galley = await galley_of(mailing)

    def refuse(*_arguments: object, **_named: object) -> None:
        raise DistributorError(wording("不行", "it cannot be"))

    monkeypatch.setattr(letters.compose, step, refuse)

    (found,) = findings_of(mailing, lambda findings: letters.read_letters(mailing, galley, findings), galley)

    assert "the message cannot be made: it cannot be" in found.what.en


async def test_attached_picture_that_no_mail_shows_is_a_fault(mailing: Office) -> None:
    galley = await galley_of(mailing)
    proof = letters.Proof(copy=galley.specimens[0], size=0, html="", text="", attached=frozenset({"a@x"}))

    (flaw,) = letters.picture_flaws(proof, [])

    assert "a@x is not shown" in flaw.what.en


async def test_servers_that_dress_mail_alike_are_read_once(mailing: Office) -> None:
    ways = letters.ways_of(mailing.workspace)

    assert [[header.name for header in way.extra] for way in ways] == [["X-Campaign"]]
    assert not any(isinstance(way.signer, Signer) for way in ways)
