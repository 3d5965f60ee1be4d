"""Base64 around holes: whatever is filled in, the text comes back whole."""

import base64

from hypothesis import example, given
from hypothesis import strategies as st

from distributor.delivery.stencil import cut_stencil, encode_lines

TOKEN, ADDRESS = "Taaaaaaaaaaaaaaaa", "Abbbbbbbbbbbbbbbb"
# Runs short and long enough to hold full base64 lines, in characters of one to four bytes, between marks.
pieces = st.one_of(
    st.sampled_from([TOKEN, ADDRESS]),
    st.text(alphabet="a节𠀀é<\n", max_size=70),
    st.integers(55, 62).map("x".__mul__),
    st.just("能" * 90),
)
texts = st.lists(pieces, max_size=9).map("".join)


@given(texts, st.text(alphabet="tok", max_size=9), st.binary(max_size=120))
@example(text=TOKEN, token="", address=b"")
@example(text=ADDRESS + "x" * 58 + ADDRESS + "x" * 59 + TOKEN, token="t", address=b"ab")
def test_a_filled_text_decodes_to_the_text_with_its_values(text: str, token: str, address: bytes) -> None:
    filled = b"".join(cut_stencil(text, (TOKEN, ADDRESS)).fill({TOKEN: token.encode(), ADDRESS: address}))

    canonical = text.replace("\n", "\r\n").encode()
    expected = canonical.replace(TOKEN.encode(), token.encode()).replace(ADDRESS.encode(), address)
    assert base64.b64decode(filled) == expected


@given(texts, st.text(alphabet="tok", max_size=90))
def test_lines_are_at_most_76_characters_and_only_the_last_is_padded(text: str, token: str) -> None:
    filled = b"".join(cut_stencil(text, (TOKEN, ADDRESS)).fill({TOKEN: token.encode(), ADDRESS: b"zh***@example.com"}))

    lines = filled.split(b"\r\n")
    assert lines.pop() == b""
    assert all(0 < len(line) <= 76 and len(line) % 4 == 0 for line in lines)
    assert not any(b"=" in line for line in lines[:-1])


def test_text_without_marks_is_plain_base64() -> None:
    text = "节能减排\n" * 50

    filled = b"".join(cut_stencil(text, (TOKEN, ADDRESS)).fill({}))

    assert filled == encode_lines(text.replace("\n", "\r\n").encode())


def test_every_kind_of_line_end_becomes_crlf() -> None:
    filled = b"".join(cut_stencil("a\rb\nc\r\nd", (TOKEN, ADDRESS)).fill({}))

    assert base64.b64decode(filled) == b"a\r\nb\r\nc\r\nd"


def test_long_runs_are_not_encoded_again() -> None:
    stencil = cut_stencil(f"{TOKEN}{'能' * 4000}{ADDRESS}", (TOKEN, ADDRESS))

    first = stencil.fill({TOKEN: b"t", ADDRESS: b"a"})
    second = stencil.fill({TOKEN: b"uvwx", ADDRESS: b"bc"})

    assert max(first, key=len) is max(second, key=len)
