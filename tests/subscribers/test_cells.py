import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.addresses import parse_address
from distributor.subscribers.cells import AddressReader, CellFault, ReadAddress, ReadName, read_format, read_name


@pytest.mark.parametrize(
    "cell",
    [
        "a@b.example.com.",
        "a＠b．example．com",
        "ａ@b.example.com",
        "mailto:a@b.example.com",
        "MAILTO:a@b.example.com",
        "a@b.example.com\u200b",
        "\ufeffa@b.example.com",
        "a\u200b@b.example.com",
        "张三 <a@b.example.com>",
        '"张三" <a@b.example.com>',
        "<a@b.example.com>",
        "< a@b.example.com >",
        "a@b.example.com;",
        "a@b.example.com，",
        "'a@b.example.com'",
        "mailto:<a@b.example.com>",
        "\u202aa@b.example.com\u202c",
    ],
    ids=ascii,
)
def test_what_surrounds_an_address_is_taken_off_and_said(cell: str) -> None:
    read = AddressReader().read(cell)

    assert isinstance(read, ReadAddress)
    assert read.address.text == "a@b.example.com"
    assert read.repaired


@pytest.mark.parametrize(
    "cell", [" a@b.example.com ", "a@b.example.com\xa0", "\u3000a@b.example.com", "a@b.example.com\n"]
)
def test_blanks_around_an_address_are_nothing_to_mention(cell: str) -> None:
    read = AddressReader().read(cell)

    assert isinstance(read, ReadAddress)
    assert not read.repaired


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        pytest.param("", "没有邮箱", id="empty"),
        pytest.param("\u200b", "没有邮箱", id="invisible"),
        pytest.param("a@b.example.com; c@b.example.com", "多个邮箱", id="two with a semicolon"),
        pytest.param("a@b.example.com\nc@b.example.com", "多个邮箱", id="two in two lines"),
        pytest.param("c@b.example.com <a@b.example.com>", "多个邮箱", id="an address as the name"),
        pytest.param("用户@例子.cn", "非英文", id="local part in Chinese"),
        pytest.param("аpple@b.example.com", "非英文", id="Cyrillic letter"),
        pytest.param("a @b.example.com", "不是有效", id="blank inside"),
        pytest.param("a@localhost", "不是有效", id="no domain"),
        pytest.param("a@b..com", "不是有效", id="two dots"),
        pytest.param("张三", "不是有效", id="a name"),
        pytest.param("a.@b.example.com", "不是有效", id="dot before the at sign"),
        pytest.param("u@y.test>\r\nRCPT TO:<v@y.test", "多个邮箱", id="SMTP command"),
        pytest.param("u@y.example.com> NOTIFY=NEVER", "不是有效", id="SMTP parameter"),
        pytest.param("a@b.example.com?subject=x", "不是有效", id="mailto with a subject"),
        pytest.param("a@[127.0.0.1]", "不是有效", id="address literal"),
        pytest.param("x" * 65 + "@b.example.com", "不是有效", id="local part of 65"),
    ],
)
def test_cell_without_exactly_one_address_says_why(cell: str, said: str) -> None:
    read = AddressReader().read(cell)

    assert isinstance(read, CellFault)
    assert said in read.what.zh


def test_chinese_domain_is_stored_as_it_goes_on_the_wire() -> None:
    read = AddressReader().read("a@例子.cn")

    assert isinstance(read, ReadAddress)
    assert read.address.text == "a@xn--fsqu00a.cn"


DOMAINS = st.sampled_from(
    ["b.example.com", "B.Example.COM", "例子.cn", "localhost", "b..com", "-b.com", "x" * 64 + ".com", ""]
)


@given(st.lists(st.tuples(st.text("aZ0.+-_'!张 ", max_size=9), DOMAINS), max_size=6))
def test_remembered_domains_give_what_the_gate_gives(pairs: list[tuple[str, str]]) -> None:
    reader = AddressReader()
    for local, domain in pairs:
        text = f"{local}@{domain}"
        expected = parse_address(text)
        read = reader.read(text)

        assert expected is None or (isinstance(read, ReadAddress) and read.address == expected)


@given(st.text(max_size=60))
def test_whatever_is_read_as_an_address_passes_the_gate_unchanged(cell: str) -> None:
    read = AddressReader().read(cell)

    assert isinstance(read, CellFault) or parse_address(read.address.text) == read.address


@pytest.mark.parametrize(
    "name", ["张三", "=SUM(A1)", "+86 010", "-1", "@某单位", "某公司 (碳资产部)", 'O"Neil, Ltd.', "🌱 社团", "㐂𠮷"]
)
def test_name_stays_as_written(name: str) -> None:
    assert read_name(name) == ReadName(name=name, repaired=False)


@pytest.mark.parametrize(
    ("cell", "name", "repaired"),
    [
        ("  张三\u3000李四 ", "张三 李四", False),
        ("某公司\n碳资产部", "某公司 碳资产部", False),
        ("张\t三\xa0", "张 三", False),
        ("张\u202e三\u2066", "张三", True),
        ("张\x00\x07三\x9f", "张三", True),
        ("\ufeff张\u200b三", "张三", True),
        ("张三\ufffe", "张三", True),
        ("x\r\nBcc: evil@example.com", "x Bcc: evil@example.com", False),
        ("", "", False),
    ],
    ids=ascii,
)
def test_name_ends_on_one_line_without_hidden_characters(cell: str, name: str, repaired: bool) -> None:
    assert read_name(cell) == ReadName(name=name, repaired=repaired)


@pytest.mark.parametrize("cell", ["=?utf-8?q?a=0ABcc:=20evil=40x.test?=", "坏\ufffd字", "很" * 101])
def test_name_unfit_for_a_header_is_refused(cell: str) -> None:
    assert isinstance(read_name(cell), CellFault)


def test_longest_name_is_taken() -> None:
    assert read_name("很" * 100) == ReadName(name="很" * 100, repaired=False)


@given(st.text())
def test_no_name_carries_a_line_break_or_an_encoded_word(cell: str) -> None:
    read = read_name(cell)

    assert isinstance(read, CellFault) or not any(mark in read.name for mark in ("\r", "\n", "\0", "=?"))


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("", "html"),
        ("html", "html"),
        (" ＨＴＭＬ ", "html"),
        ("网页", "html"),
        ("Text", "text"),
        ("txt", "text"),
        ("纯文本", "text"),
        ("文本", "text"),
    ],
)
def test_format_is_read_in_both_languages(cell: str, form: str) -> None:
    assert read_format(cell) == form


def test_unknown_format_names_the_known_ones() -> None:
    read = read_format("pdf")

    assert isinstance(read, CellFault)
    assert "html（网页）或 text（纯文本）" in read.remedy.zh
