"""What a page takes from strangers, and what it says when something is wrong: nothing of our insides."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from distributor.operations import membership
from distributor.operations.office import Office
from distributor.web import serving
from distributor.web.app import build_app
from distributor.web.edge import Patience
from tests.web.conftest import ALL, Reader, Token
from tests.web.visitor import FORM, ONE_CLICK, Served, Visitor


def multipart(*names: str) -> tuple[bytes, dict[str, str]]:
    parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\nx\r\n' for name in names)
    return f"{parts}--b--\r\n".encode(), {"Content-Type": "multipart/form-data; boundary=b"}


BAD = {
    "large": (b"a=" + b"b" * 64_000, {"Content-Type": FORM}, 413),
    "a hundred and one fields": (b"&".join([b"a=b"] * 101), {"Content-Type": FORM}, 400),
    "JSON": (b'{"List-Unsubscribe": "One-Click"}', {"Content-Type": "application/json"}, 415),
    "no type": (b"List-Unsubscribe=One-Click", {}, 415),
    "a compressed body": (b"\x1f\x8b\x08", {"Content-Type": FORM, "Content-Encoding": "gzip"}, 415),
    "multipart of too many fields": (*multipart(*["a"] * 101), 400),
    "multipart without boundary": (b"x", {"Content-Type": "multipart/form-data"}, 400),
    "multipart with a file": (
        b'--b\r\nContent-Disposition: form-data; name="a"; filename="a.txt"\r\n\r\nx\r\n--b--\r\n',
        multipart()[1],
        400,
    ),
}


@pytest.mark.parametrize(("body", "headers", "status"), BAD.values(), ids=BAD.keys())
async def test_body_that_is_no_small_form_is_refused(
    visitor: Visitor, token: Token, reader: Reader, body: bytes, headers: dict[str, str], status: int
) -> None:
    for page in ("unsubscribe", "preferences"):
        answer = await visitor.ask("POST", f"/{page}/{await token(ALL)}", body, headers)

        assert answer.status == status
        assert "什么都没有改动" in answer.words
    assert (await reader(ALL)).status == "active"


async def test_endless_chunked_body_is_cut_off(visitor: Visitor, token: Token) -> None:
    head = f"POST /unsubscribe/{await token(ALL)} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"
    chunks = b"2710\r\n" + b"a" * 10_000 + b"\r\n"

    answer = await visitor.say(f"{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode() + chunks * 7)

    assert answer.startswith(b"HTTP/1.1 413")


async def test_body_announced_as_huge_is_refused_before_it_comes(visitor: Visitor, token: Token) -> None:
    head = f"POST /unsubscribe/{await token(ALL)} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"

    answer = await visitor.say(f"{head}Content-Length: 100000000\r\nConnection: close\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 413")


async def test_body_that_does_not_come_is_not_waited_for(
    visitor: Visitor, token: Token, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.web.forms.SLOWEST_BODY_SECONDS", 0.2)
    head = f"POST /unsubscribe/{await token(ALL)} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"

    answer = await visitor.say(f"{head}Content-Length: 26\r\nConnection: close\r\n\r\nList-Unsub".encode())

    assert answer.startswith(b"HTTP/1.1 408")
    assert (await reader(ALL)).status == "active"


async def test_client_that_goes_away_in_the_middle_is_no_error(
    visitor: Visitor, token: Token, caplog: pytest.LogCaptureFixture
) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
    writer.write(f"POST /unsubscribe/{await token(ALL)} HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\nList".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert (await visitor.get("/preferences/wrong")).status == 404
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_request_that_trickles_is_closed_and_others_are_served(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SLOWEST_REQUEST_SECONDS", 0.5)
    async with Served(build_app(office)) as visitor:
        slow = [asyncio.create_task(trickle(visitor.port)) for _ in range(20)]

        assert (await visitor.get("/preferences/wrong")).status == 404
        assert await asyncio.gather(*slow) == [b""] * 20


async def trickle(port: int) -> bytes:
    """Send a header line a byte at a time until the server has enough, and return what it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = asyncio.create_task(reader.read())
    with contextlib.suppress(ConnectionError):
        while not said.done():
            writer.write(b"G")
            await writer.drain()
            await asyncio.wait({said}, timeout=0.05)
    writer.close()
    return b"" if said.exception() else said.result()


async def test_reader_that_takes_nothing_is_cut_off_and_a_slow_one_gets_all(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SLOWEST_READER_SECONDS", 0.5)
    office.workspace.public.mkdir(parents=True)
    (office.workspace.public / "a.pdf").write_bytes(bytes(20_000_000))
    async with Served(build_app(office)) as visitor:
        stalled, slow = await asyncio.gather(fetch(visitor.port, pause=1.5), fetch(visitor.port, pause=0.1))

    assert stalled < 20_000_000 < slow


async def fetch(port: int, *, pause: float) -> int:
    """Ask for the large file, rest, then take what comes; return how many bytes came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=10_000)
    writer.write(b"GET /a.pdf HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await asyncio.sleep(pause)
    taken = 0
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(1_000_000):
            taken += len(chunk)
    writer.close()
    return taken


async def test_idle_connection_may_ask_again(visitor: Visitor) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
    for _ in range(3):
        writer.write(b"HEAD /preferences/wrong HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404")
    writer.close()


@pytest.fixture
async def hurried(office: Office) -> AsyncIterator[Visitor]:
    """A server that waits a fifth of a second for its database."""
    async with Served(build_app(office, Patience(0.2))) as visiting:
        yield visiting


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(root / "var" / "distributor.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_locked_database_is_answered_with_come_again(hurried: Visitor, token: Token, root: Path) -> None:
    path = f"/unsubscribe/{await token(ALL)}"

    with _locked(root):
        answer = await hurried.post(path, ONE_CLICK)
        shown = await hurried.get(path)

    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert "请过几分钟再试" in answer.words
    assert shown.status == 200


async def test_wish_that_had_to_wait_for_the_database_is_granted_all_the_same(
    hurried: Visitor, token: Token, root: Path, reader: Reader
) -> None:
    path = f"/unsubscribe/{await token(ALL)}"
    with _locked(root):
        await hurried.post(path, ONE_CLICK)

    async with asyncio.timeout(10):
        while (await reader(ALL)).status != "unsubscribed":
            await asyncio.sleep(0.05)


async def test_broken_database_is_503_and_told_to_the_log(
    visitor: Visitor, token: Token, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = f"/unsubscribe/{await token(ALL)}"
    with contextlib.closing(sqlite3.connect(root / "var" / "distributor.db")) as database, database:
        database.execute("DROP TABLE suppression")

    answer = await visitor.post(path, ONE_CLICK)

    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert "suppression" not in answer.text
    (told,) = [record for record in caplog.records if record.name == "distributor.web.edge"]
    assert "suppression" in str(vars(told)["why"])


async def test_our_own_mistake_tells_nothing_but_the_log(
    visitor: Visitor, token: Token, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_arguments: object) -> None:
        raise RuntimeError("inside detail")

    monkeypatch.setattr(membership, "reader_of_token", broken)

    answer = await visitor.get(f"/preferences/{await token(ALL)}")

    assert answer.status == 500
    assert "这是我们的问题" in answer.words
    assert "inside detail" not in answer.text
    assert "inside detail" in caplog.text


async def test_log_of_our_own_mistake_holds_no_address(
    visitor: Visitor, token: Token, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = f"/unsubscribe/{await token(ALL)}"
    with contextlib.closing(sqlite3.connect(root / "var" / "distributor.db")) as database, database:
        database.execute(f"CREATE UNIQUE INDEX broken ON consent (email_key) WHERE email_key = '{ALL}'")

    answer = await visitor.post(path, ONE_CLICK)

    assert answer.status == 500
    assert "a page failed" in caplog.text
    assert ALL not in caplog.text


async def test_template_broken_meanwhile_still_gets_a_plain_page(visitor: Visitor, token: Token, root: Path) -> None:
    (root / "templates" / "web" / "personal.html").write_text("{{ nothing }}", encoding="utf-8")

    answer = await visitor.get(f"/preferences/{await token(ALL)}")

    assert answer.status == 500
    assert "这是我们的问题" in answer.text
    assert "nothing" not in answer.text


async def test_two_hundred_posts_are_answered_quickly(visitor: Visitor, token: Token) -> None:
    path, begun = f"/unsubscribe/{await token(ALL)}", time.monotonic()

    answers = await asyncio.gather(*(visitor.post(path, ONE_CLICK) for _ in range(200)))

    assert {answer.status for answer in answers} == {200}
    assert time.monotonic() - begun < 20
