"""Replies as servers really write them, and dots that must not end a message early."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distributor.delivery.conversation import REPLY_LIMIT, Conversation, dot_stuffed, read_reply, shown
from distributor.delivery.model import Reply
from tests.smtp_servers import Running, Talk, talking

SOON = timedelta(seconds=5)
AT_ONCE = timedelta(milliseconds=100)


async def connect(running: Running) -> Conversation:
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", running.port)
    return Conversation(transport)


def answering(answer: bytes, *, hold: bool = True) -> Talk:
    """Answer the first line so, then wait or close."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n")
        writer.write(answer)
        await writer.drain()
        if hold:
            await reader.read()

    return talk


def in_pieces(*pieces: bytes) -> Talk:
    """Answer the first line in several packets."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        await reader.read()

    return talk


async def asked(talk: Talk) -> tuple[Reply, str]:
    """Ask one question and return the answer and why nothing more can be said, if so."""
    async with talking(talk) as running:
        conversation = await connect(running)
        reply = await conversation.ask(b"NOOP", within=SOON)
        broken = conversation.broken
        await conversation.end(within=AT_ONCE)
    return reply, broken


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"2.0.0 Ok: queued"], Reply(code=250, enhanced="2.0.0", text="Ok: queued")),
        ([b"OK"], Reply(code=250, text="OK")),
        ([b""], Reply(code=250)),
        ([], Reply(code=250)),
        ([b"5.1.1 no", b"5.1.1 such user"], Reply(code=250, enhanced="5.1.1", text="no\nsuch user")),
        ([b"2.0.0"], Reply(code=250, enhanced="2.0.0", text="")),
        ([b"2.0.0.1 version"], Reply(code=250, text="2.0.0.1 version")),
        (["用户不存在".encode()], Reply(code=250, text="用户不存在")),
        (["用户不存在".encode("gb18030")], Reply(code=250, text="用户不存在")),
        ([b"caf\xff"], Reply(code=250, text="caf\ufffd")),
    ],
)
def test_replies_are_read_with_their_enhanced_code_and_in_both_encodings(lines: list[bytes], expected: Reply) -> None:
    assert read_reply(250, lines) == expected


def test_a_reply_is_shown_on_one_line_and_not_endless() -> None:
    assert shown(Reply(code=550, enhanced="5.1.1", text="no\nuser")) == "550 5.1.1 no user"
    assert len(shown(Reply(code=None, text="x" * 999))) == 300


def lenient_receiver(content: bytes) -> bytes:
    """Undo dot-stuffing the careful way; what follows the first lone dot would be commands (RFC 5321 §4.5.2)."""
    body, _, rest = (b"\r\n" + content).partition(b"\r\n.\r\n")
    assert rest == b""
    return body.replace(b"\r\n.", b"\r\n")[2:] + b"\r\n"


@given(st.lists(st.sampled_from([b".", b"..", b"a", b".a", b"", b"a.b"]), min_size=1))
@example([b"."])
@example([b"a", b"."])
def test_finding_7_dots_arrive_as_they_were(lines: list[bytes]) -> None:
    message = b"\r\n".join(lines) + b"\r\n"

    assert lenient_receiver(dot_stuffed(message) + b".\r\n") == message


async def test_a_plain_answer_leaves_the_conversation_standing() -> None:
    assert await asked(answering(b"250 2.0.0 fine\r\n")) == (Reply(code=250, enhanced="2.0.0", text="fine"), "")


async def test_an_answer_of_several_lines_in_several_packets_is_one() -> None:
    reply, broken = await asked(in_pieces(b"25", b"0-one\r", b"\n250-two\r\n25", b"0 three\n"))

    assert (reply, broken) == (Reply(code=250, text="one\ntwo\nthree"), "")


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\r\n",
        b"\r\n",
        b"99 x\r\n",
        b"-12 x\r\n",
        b"650 x\r\n",
        b"2500 x\r\n",
        b"250_x\r\n",
        b"250-a\r\n550 b\r\n",
        b"\xff\xfe\r\n",
    ],
)
async def test_finding_11_garbage_is_no_answer_and_ends_the_conversation(answer: bytes) -> None:
    reply, broken = await asked(answering(answer))

    assert reply.code is None
    assert reply.text == broken
    assert broken.startswith("unreadable answer")


@pytest.mark.parametrize("answer", [b"2" * (REPLY_LIMIT + 1), b"250-x\r\n" * REPLY_LIMIT], ids=["line", "lines"])
async def test_finding_11_an_endless_answer_is_cut_off(answer: bytes) -> None:
    reply, broken = await asked(answering(answer))

    assert (reply, broken) == (Reply(code=None, text="the answer is too long"), "the answer is too long")


async def test_no_answer_is_a_reply_that_says_so() -> None:
    async with talking(answering(b"")) as running:
        conversation = await connect(running)
        reply = await conversation.ask(b"NOOP", within=timedelta(milliseconds=50))
        again = await conversation.ask(b"NOOP", within=SOON)
        await conversation.end(within=SOON)

    assert reply == again == Reply(code=None, text="no answer within 0.05 s")


async def test_a_closed_connection_is_a_reply_that_says_so() -> None:
    reply, broken = await asked(answering(b"", hold=False))

    assert reply.code is None
    assert broken in {"the server closed the connection", "connection lost"}


async def test_a_second_answer_never_passes_for_the_next_one() -> None:
    reply, broken = await asked(answering(b"250 yes\r\n250 and yes to whatever comes\r\n"))

    assert reply == Reply(code=250, text="yes")
    assert broken == "said unasked: 250 and yes to whatever comes"


async def test_what_a_server_says_before_it_closes_is_kept() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"421 4.4.2 idle too long\r\n")
        await reader.read()

    async with talking(talk) as running:
        conversation = await connect(running)
        while not conversation.broken:
            await asyncio.sleep(0.001)
        reply = await conversation.ask(b"NOOP", within=SOON)
        await conversation.end(within=SOON)

    assert reply == Reply(code=None, text="said unasked: 421 idle too long")


async def test_a_cancelled_question_ends_the_conversation() -> None:
    async with talking(answering(b"")) as running:
        conversation = await connect(running)
        asking = asyncio.create_task(conversation.ask(b"NOOP", within=SOON))
        await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.wait([asking])
        await conversation.end(within=SOON)

    assert asking.cancelled()
    assert conversation.broken == "given up while waiting for an answer"


async def test_a_connection_that_is_closed_already_is_lost_from_the_start() -> None:
    async with talking(answering(b"")) as running:
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", running.port)
        transport.close()
        conversation = Conversation(transport)
        await conversation.end(within=SOON)

    assert conversation.broken == "connection lost"


async def test_the_end_of_a_conversation_is_polite_and_does_not_wait_for_ever() -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())

    async with talking(talk) as running:
        conversation = await connect(running)
        await conversation.end(within=timedelta(milliseconds=50))
        await asyncio.sleep(0.01)

    assert heard == [b"QUIT\r\n"]


class Unconnected(asyncio.Transport):
    """Goes nowhere, so that a test alone decides what comes, in which pieces and when."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


def receive(conversation: Conversation, said: bytes) -> None:
    """Hand over what a server said as asyncio does, in pieces of the room that is lent."""
    while said:
        room = conversation.get_buffer(-1)
        taken, said = said[: len(room)], said[len(room) :]
        room[: len(taken)] = taken
        conversation.buffer_updated(len(taken))


replies = st.builds(
    lambda code, lines: (
        Reply(code=code, text="\n".join(lines)),
        b"".join(f"{code}{' ' if line is lines[-1] else '-'}{line}\r\n".encode() for line in lines),
    ),
    st.sampled_from([220, 250, 354, 450, 550]),
    st.lists(st.text(alphabet="abc é节", max_size=9).map(str.strip), min_size=1, max_size=3).map(
        lambda lines: [f"{number}{line}" for number, line in enumerate(lines)]
    ),
)


@given(st.lists(replies, min_size=1, max_size=6), st.integers(1, 6), st.lists(st.integers(0, 200), max_size=12))
def test_answers_belong_to_commands_in_order_wherever_packets_end(
    said: list[tuple[Reply, bytes]], asked: int, cuts: list[int]
) -> None:
    whole = b"".join(text for _, text in said)
    ends = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]

    async def converse() -> tuple[list[Reply], Conversation]:
        conversation = Conversation(Unconnected())
        asking = asyncio.create_task(conversation.ask_together([b"NOOP"] * asked, within=SOON))
        await asyncio.sleep(0)
        for start, end in pairwise(ends):
            receive(conversation, whole[start:end])
        if len(said) < asked:
            conversation.eof_received()
        return await asking, conversation

    found, conversation = asyncio.run(converse())

    told = [reply for reply, _ in said][:asked]
    lost = Reply(code=None, text="the server closed the connection")
    assert found == told + [lost] * (asked - len(told))
    assert bool(conversation.broken) == (len(said) != asked)


@given(replies, st.integers(1, 40))
def test_what_begins_to_come_before_a_command_is_no_answer_to_it(said: tuple[Reply, bytes], cut: int) -> None:
    async def converse() -> tuple[Reply, Reply, bool, bytes]:
        conversation = Conversation(transport := Unconnected())
        receive(conversation, said[1][:cut])
        asking = asyncio.create_task(conversation.ask(b"NOOP", within=SOON))
        await asyncio.sleep(0)
        receive(conversation, said[1][cut:])
        return await asking, *(await conversation.deliver(b"a\r\n", within=SOON)), transport.written

    answer, after, dot_left, written = asyncio.run(converse())

    assert answer.code is after.code is None
    assert answer.text.startswith("said unasked")
    assert (dot_left, written) == (False, b"")


async def test_one_packet_carries_the_commands_that_go_together() -> None:
    conversation = Conversation(transport := Unconnected())

    asking = asyncio.create_task(conversation.ask_together([b"MAIL", b"RCPT", b"DATA"], within=SOON))
    await asyncio.sleep(0)
    receive(conversation, b"250 a\r\n250 b\r\n354 c\r\n")

    assert [reply.text for reply in await asking] == ["a", "b", "c"]
    assert transport.written == b"MAIL\r\nRCPT\r\nDATA\r\n"


async def test_who_is_cancelled_with_the_answer_in_hand_leaves_nothing_standing() -> None:
    conversation = Conversation(Unconnected())
    asking = asyncio.create_task(conversation.ask(b"DATA", within=SOON))
    await asyncio.sleep(0)

    receive(conversation, b"354 go ahead\r\n")
    asking.cancel()
    await asyncio.wait([asking])

    assert asking.cancelled()
    assert conversation.broken == "given up while waiting for an answer"


async def test_an_answer_in_time_stops_no_later_question() -> None:
    conversation = Conversation(Unconnected())
    short = timedelta(milliseconds=300)

    for _ in range(3):
        asking = asyncio.create_task(conversation.ask(b"NOOP", within=short))
        await asyncio.sleep(0.2)
        receive(conversation, b"250 OK\r\n")
        assert (await asking).code == 250

    await asyncio.sleep(0.4)
    assert conversation.broken == ""


async def test_a_short_patience_after_a_long_one_is_kept() -> None:
    conversation = Conversation(Unconnected())
    asking = asyncio.create_task(conversation.ask(b"NOOP", within=timedelta(hours=1)))
    await asyncio.sleep(0)
    receive(conversation, b"250 OK\r\n")
    await asking

    async with asyncio.timeout(10):
        late = await conversation.ask(b"NOOP", within=timedelta(milliseconds=20))

    assert late == Reply(code=None, text="no answer within 0.02 s")
