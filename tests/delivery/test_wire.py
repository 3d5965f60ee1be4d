"""Bytes that may go as they are: what a Wire promises, and that nothing else can be one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distributor.delivery.conversation import dot_stuffed
from distributor.delivery.headers import check_lines
from distributor.delivery.wire import Wire
from distributor.errors import DistributorError

UNFIT = [
    b"a\n",
    b"a\r",
    b"a\r\nb\nc\r\n",
    b"a\rb\r\n",
    b"a\x00\r\n",
    b"a\x7f\r\n",
    b"\xe4\r\n",
    b"a",
    b".\r\n",
    b"a\r\n.",
    b"a\r\n.b\r\n",
]
line_pieces = st.lists(st.sampled_from([b"a", b".", b" ", b"\t", b"\r\n", b"\r", b"\n", b"\0", b"a" * 998]), max_size=9)


@pytest.mark.parametrize("content", [*UNFIT, b"a" * 999 + b"\r\n", b""])
def test_bytes_that_are_not_whole_sound_lines_are_no_wire(content: bytes) -> None:
    with pytest.raises(DistributorError):
        Wire(content)


@pytest.mark.parametrize("content", [b"\r\n", b"a: b\r\n\r\nc.\r\n", b"a" * 998 + b"\r\n", b" \t\r\n"])
def test_whole_sound_lines_are_a_wire_of_the_same_bytes(content: bytes) -> None:
    assert Wire(content) == content


@given(line_pieces.map(b"".join))
@example(b"a\r\n.\r\n")
@example(b"a\r\n\n.\r\n")
def test_what_is_a_wire_needs_no_stuffing_and_passes_every_other_gate(content: bytes) -> None:
    try:
        wire = Wire(content)
    except DistributorError:
        return

    check_lines(wire)
    assert dot_stuffed(wire) == content


@given(st.lists(line_pieces.map(b"".join), max_size=4))
@example([b"a\r", b"\nb\r\n"])
@example([b"a", b".\r\n"])
def test_pieces_make_a_wire_where_each_is_one_or_nothing(pieces: list[bytes]) -> None:
    def is_fit(piece: bytes) -> bool:
        try:
            return Wire(piece) == piece
        except DistributorError:
            return False

    if any(pieces) and all(is_fit(piece) for piece in pieces if piece):
        assert Wire.joined(pieces) == b"".join(pieces)
    else:
        with pytest.raises(DistributorError):
            Wire.joined(pieces)


@pytest.mark.parametrize("unfit", UNFIT)
def test_a_piece_that_nobody_has_read_is_read_before_it_joins(unfit: bytes) -> None:
    with pytest.raises(DistributorError):
        Wire.joined([Wire(b"a: b\r\n"), unfit, Wire(b"c\r\n")])


def test_a_part_of_a_wire_is_plain_bytes() -> None:
    wire = Wire(b"a: b\r\n")

    assert {type(wire[1:]), type(wire + b"\n"), type(wire.replace(b"a", b"."))} == {bytes}
