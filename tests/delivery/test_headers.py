"""The gate for header-bound text: nothing hostile passes, nothing harmless changes."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distributor.delivery import headers
from distributor.delivery.headers import Header
from distributor.errors import DistributorError
from tests.delivery import rfc2047

HOSTILE = "=?utf-8?q?a=0ABcc:=20evil@x.test=0AX-Inj:=201?="
# Titles as editors write them: Chinese, ASCII words, digits, blanks and full-width marks in any order.
titles = st.lists(
    st.sampled_from(
        ["GDP", "增长", "2015年", " ", "CO2", "（下）", "—", "PM2.5", "环保“领跑者”", "a", "1+1=", "𠀀", "é"]
    ),
    max_size=60,
).map("".join)


def value_of(header: Header) -> bytes:
    return header.line.removesuffix(b"\r\n").partition(b": ")[2]


def block(*lines: bytes) -> bytes:
    return b"".join(lines) + b"\r\nbody\r\n"


@given(st.text())
@example(HOSTILE)
@example("a\r\nBcc: evil@x.test")
@example("a\u2028b\u202ec\x85d\x00e")
def test_cleaned_text_holds_nothing_that_ends_a_line_hides_text_or_begins_an_encoded_word(text: str) -> None:
    cleaned = headers.clean_text(text)

    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]", cleaned)
    assert "=?" not in cleaned
    assert headers.clean_text(cleaned) == cleaned


@pytest.mark.parametrize("text", ["GDP 增长", "a  b", "1+1= ?", "=", "?=", "👩‍🔬 研究", "总第55期：市场热点"])
def test_harmless_text_passes_the_gate_unchanged(text: str) -> None:
    assert headers.clean_text(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\r\nb", "a b"),
        ("a\tb", "a b"),
        (" a ", "a"),
        ("1+1=?", "1+1= ?"),
        ("=\u202e?x", "= ?x"),
        ("\ufeff标题\ud800", "标题"),
    ],
)
def test_what_the_gate_changes(text: str, cleaned: str) -> None:
    assert headers.clean_text(text) == cleaned


@given(titles)
@example("GDP 增长")
@example("GDP  增长 GDP " * 20)
@example("能" * 500)
def test_a_subject_keeps_every_blank_and_character(title: str) -> None:
    header = headers.text_header("Subject", title)

    assert rfc2047.decode(value_of(header)) == title.strip()


@given(st.text(max_size=200))
def test_any_text_comes_back_as_the_gate_left_it(text: str) -> None:
    header = headers.text_header("Subject", text)

    assert rfc2047.decode(value_of(header)) == headers.clean_text(text)


@given(st.text(max_size=200))
def test_a_header_line_is_one_header_and_fits(text: str) -> None:
    lines = headers.text_header("Subject", text).line.split(b"\r\n")

    assert lines[-1] == b""
    assert all(line[:1] == b" " and line.strip() for line in lines[1:-1])
    assert all(len(line) <= 78 for line in lines)


@given(st.lists(st.text(alphabet="abcdefgh-,:", min_size=1, max_size=30), min_size=1, max_size=40))
def test_an_english_subject_is_folded_and_not_encoded(words: list[str]) -> None:
    header = headers.text_header("Subject", " ".join(words))

    assert b"=?" not in header.line
    assert value_of(header).replace(b"\r\n", b"").decode() == " ".join(words)


@pytest.mark.parametrize("text", ["x" * 300, "two  blanks " + "and more words " * 10 + "end"])
def test_ascii_that_cannot_be_folded_exactly_is_encoded(text: str) -> None:
    header = headers.text_header("Subject", text)

    assert rfc2047.decode(value_of(header)) == text


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        ("", b"To: a@example.com\r\n"),
        ("Zhang San", b"To: Zhang San <a@example.com>\r\n"),
        ("Zhang, San", b'To: "Zhang, San" <a@example.com>\r\n'),
        ('say "hi" \\', b'To: "say \\"hi\\" \\\\" <a@example.com>\r\n'),
        ("a  b", b'To: "a  b" <a@example.com>\r\n'),
        ("a@b.c", b'To: "a@b.c" <a@example.com>\r\n'),
        ("张三", b"To: =?utf-8?B?5byg5LiJ?= <a@example.com>\r\n"),
    ],
)
def test_a_display_name_in_each_of_its_forms(shown: str, line: bytes) -> None:
    assert headers.address_header("To", shown=shown, address="a@example.com").line == line


@given(st.text(max_size=80).map(lambda text: f"张{text}三"))
def test_a_display_name_comes_back_and_the_address_stays_bare(shown: str) -> None:
    value = value_of(headers.address_header("From", shown=shown, address="weekly@news.example.com"))

    phrase, _, address = value.rpartition(b"<")
    assert address == b"weekly@news.example.com>"
    assert rfc2047.decode(phrase).strip() == headers.clean_text(shown)


def test_a_long_name_and_a_long_address_share_no_line() -> None:
    address = "a" * 60 + "@" + "b" * 60 + ".example.com"

    line = headers.address_header("To", shown="单位" * 12, address=address).line

    assert line.endswith(b"\r\n <" + address.encode() + b">\r\n")
    assert all(len(part) <= 140 for part in line.split(b"\r\n"))


def test_a_long_english_name_is_encoded_and_comes_back() -> None:
    value = value_of(headers.address_header("To", shown="An Office with " * 8 + "a Name", address="a@example.com"))

    assert rfc2047.decode(value) == "An Office with " * 8 + "a Name <a@example.com>"


@pytest.mark.parametrize(
    ("name", "fit"), [("X-Tag", True), ("X Tag", False), ("X:", False), ("名", False), ("", False)]
)
def test_what_may_name_a_header(name: str, fit: bool) -> None:
    assert headers.is_header_name(name) is fit


def test_finding_2_a_hostile_display_name_is_a_name_and_nothing_else() -> None:
    line = headers.address_header("To", shown="=?utf-8?q?a=0D=0ABcc:=20x@y.test?=", address="a@example.com").line

    assert line.count(b"\r\n") == line.count(b"\r\n ") + 1
    assert b"=?utf-8?q" not in line


def test_a_uri_of_150_characters_is_neither_encoded_nor_cut() -> None:
    page = "https://news.example.com/unsubscribe/" + "x" * 150

    header = headers.uri_header("List-Unsubscribe", (page, "mailto:weekly@news.example.com?subject=unsubscribe"))

    first, second = header.line.removesuffix(b"\r\n").split(b"\r\n")
    assert first == f"List-Unsubscribe: <{page}>,".encode()
    assert second == b" <mailto:weekly@news.example.com?subject=unsubscribe>"


@pytest.mark.parametrize(
    "uris",
    [
        (),
        ("javascript:alert(1)",),
        ("https://a.example/ x",),
        ("https://a.example/>,<x",),
        ("https://例子.example/",),
        ("https://a.example/\r\nBcc:x",),
    ],
)
def test_an_unfit_uri_is_refused(uris: tuple[str, ...]) -> None:
    with pytest.raises(DistributorError, match="List-Unsubscribe"):
        headers.uri_header("List-Unsubscribe", uris)


def test_a_plain_value_stays_on_one_line() -> None:
    assert headers.value_header("Precedence", "bulk") == Header(name="Precedence", line=b"Precedence: bulk\r\n")


@pytest.mark.parametrize("value", ["a\r\nb", "中文", " a", "=?utf-8?B?YQ==?=", "a\x00"])
def test_an_unfit_value_is_refused(value: str) -> None:
    with pytest.raises(DistributorError):
        headers.value_header("Feedback-ID", value)


@pytest.mark.parametrize(
    "address",
    [
        "u@y.test>\r\nRCPT TO:<v@y.test",
        "u@y.test> NOTIFY=NEVER",
        "u@y.test\n",
        " u@y.test",
        "用户@例子.cn",
        "u@例子.cn",
        "u@y.test\u200b",
        "u@y.test,v@y.test",
        "u",
        "@y.test",
        "u@",
        "a" * 250 + "@y.test",
    ],
)
def test_findings_3_and_4_an_address_that_is_not_itself_on_the_wire_is_refused(address: str) -> None:
    assert not headers.is_wire_address(address)
    with pytest.raises(DistributorError):
        headers.address_header("To", shown="", address=address)


@pytest.mark.parametrize("address", ["a@example.com", "zhang.san+x@xn--fsqu00a.xn--0zwm56d", "o'neil@mail.example.org"])
def test_a_plain_address_may_go(address: str) -> None:
    assert headers.is_wire_address(address)


@given(st.lists(st.tuples(st.sampled_from(["Subject", "X-A", "To", "x-b"]), st.text(max_size=120)), min_size=1))
def test_headers_that_were_built_are_read_back_as_intended(intended: list[tuple[str, str]]) -> None:
    built = [headers.text_header(name, text) for name, text in intended]
    message = block(*(header.line for header in built))

    headers.check_headers(message, [name for name, _ in intended])
    assert [rfc2047.decode(value) for _, value in headers.split_headers(message)] == [
        headers.clean_text(text) for _, text in intended
    ]


@pytest.mark.parametrize(
    "lines",
    [
        (b"Subject: a\r\n", b"Bcc: evil@x.test\r\n", b"To: b\r\n"),
        (b"Subject: a\r\n",),
        (b"To: b\r\n", b"Subject: a\r\n"),
        (b"Subject: a\r\n", b"To: b\r\n", b"To: c\r\n"),
        (b"Subject: a\nBcc: x\r\n", b"To: b\r\n"),
        (b"Subject: a\rBcc: x\r\n", b"To: b\r\n"),
        (b"Subject: a\x00\r\n", b"To: b\r\n"),
        (b"Subject: \xe4\xbd\xa0\r\n", b"To: b\r\n"),
        (b"Subject: a\r\n", b" \r\n", b"To: b\r\n"),
        (b" a\r\n", b"Subject: a\r\n", b"To: b\r\n"),
        (b"Subject a\r\n", b"To: b\r\n"),
        (b"Sub ject: a\r\n", b"To: b\r\n"),
        (b"Subject: " + b"a" * 990 + b"\r\n", b"To: b\r\n"),
    ],
    ids=["added", "missing", "order", "doubled", "lf", "cr", "nul", "8bit", "blank", "first", "colon", "name", "long"],
)
def test_headers_that_differ_from_the_intended_ones_are_refused(lines: tuple[bytes, ...]) -> None:
    with pytest.raises(DistributorError):
        headers.check_headers(block(*lines), ["Subject", "To"])


@pytest.mark.parametrize(
    "line", [b"To: a\r\nBcc: x\r\n", b" To: a\r\n", b"To: a", b"Cc: a\r\n", b"", b"To: " + b"a" * 995 + b"\r\n"]
)
def test_header_lines_that_are_not_what_their_names_say_are_not_joined(line: bytes) -> None:
    with pytest.raises(DistributorError):
        headers.join_headers([Header(name="To", line=line)])


def test_header_lines_that_are_what_their_names_say_are_joined_as_they_are() -> None:
    built = [headers.text_header("Subject", "节能减排" * 200), headers.value_header("Precedence", "bulk")]

    assert headers.join_headers(built) == built[0].line + built[1].line


def test_a_message_without_a_header_block_is_refused() -> None:
    with pytest.raises(DistributorError):
        headers.split_headers(b"Subject: a\r\nno blank line\r\n")


@pytest.mark.parametrize(
    ("message", "safe"),
    [
        (b"a: b\r\n\r\nc\r\n", True),
        (b"a: b\r\n\r\nc\n", False),
        (b"a: b\r\n\r\nc\r", False),
        (b"a: b\r\n\r\nc\rd\ne\r\n", False),
        (b"a: b\r\n\r\nc\n\rd\r\n", False),
        (b"a: b\r\n\r\nc", False),
        (b"a: b\r\n\r\nc\x00\r\n", False),
        (b"a: b\r\n\r\n\n.\r\nMAIL FROM:<x>\r\n", False),
        (b"", False),
    ],
)
def test_only_whole_crlf_lines_without_nul_are_safe_on_the_wire(message: bytes, safe: bool) -> None:
    assert headers.is_wire_safe(message) is safe


@given(st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b"a", b"."])).map(b"".join))
def test_safe_means_that_no_line_end_is_bare(message: bytes) -> None:
    bare = message.replace(b"\r\n", b"")

    expected = b"\r" not in bare and b"\n" not in bare and message.endswith(b"\r\n")
    assert headers.is_wire_safe(message) is expected


@pytest.mark.parametrize("message", [b"a" * 999 + b"\r\n", b"\xe4\r\n", b"a\n"], ids=["long", "8bit", "bare"])
def test_finding_7_a_message_unfit_for_smtp_is_found(message: bytes) -> None:
    with pytest.raises(DistributorError):
        headers.check_lines(message)


def test_a_line_of_998_octets_is_the_longest() -> None:
    headers.check_lines(b"a" * 998 + b"\r\n")
