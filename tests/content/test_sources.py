from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.content.sources import character_problems, decode_bytes, read_text, without_illegal_characters
from distributor.errors import InputError
from tests.content.folders import complaints

PROSE = "碳市场一周行情\n\n北京配额收盘价为每吨四十二元，成交清淡。\n湖北放量，价格平稳。\n"
TRADITIONAL = "環境保護署公布溫室氣體減量及管理法施行細則草案，預告期間為六十日。\n"


def refusal(content: bytes) -> list[str]:
    with pytest.raises(InputError) as error:
        decode_bytes(content, shown_as="a.md")
    return complaints(error.value.problems)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PROSE.encode(), id="utf-8"),
        pytest.param(PROSE.encode("utf-8-sig"), id="utf-8 with BOM"),
        pytest.param(PROSE.encode("gb18030"), id="gb18030"),
        pytest.param(PROSE.encode("gbk"), id="gbk"),
        pytest.param(PROSE.replace("\n", "\r\n").encode(), id="crlf"),
        pytest.param(PROSE.replace("\n", "\r\n").encode("gb18030"), id="gb18030 with crlf"),
        pytest.param(PROSE.replace("\n", "\r").encode(), id="cr"),
    ],
)
def test_office_encodings_give_the_same_text(content: bytes) -> None:
    assert decode_bytes(content, shown_as="a.md") == PROSE


def test_gb18030_keeps_characters_outside_gbk() -> None:
    text = "雷特﹒哈珀与𠮷野家〔2015〕合作，介绍减排经验。"

    assert decode_bytes(text.encode("gb18030"), shown_as="a.md") == text


def test_traditional_characters_in_gbk_are_read() -> None:
    assert decode_bytes(TRADITIONAL.encode("gbk"), shown_as="a.md") == TRADITIONAL


def test_gbk_byte_in_a_utf8_file_names_its_line() -> None:
    content = PROSE.encode() + "第五行".encode("gbk") + b"\n" + "第六行".encode()

    assert refusal(content) == ["a.md:5 有不属于 UTF-8 的字节，这一行会成为乱码"]


def test_every_bad_line_is_named() -> None:
    content = b"\n".join(["好的一行".encode(), b"\xff", "又是好的".encode(), b"a\x80"])

    assert [line.split()[0] for line in refusal(content)] == ["a.md:2", "a.md:4"]


def test_utf8_header_over_a_gbk_body_is_refused_not_garbled() -> None:
    content = "标题：碳市场\n".encode() + PROSE.encode("gbk") * 20

    assert all("UTF-8" in line for line in refusal(content))


def test_bad_byte_in_a_gb18030_file_names_its_line() -> None:
    content = PROSE.encode("gb18030") + b"\xff\n"

    assert refusal(content) == ["a.md:5 有不属于 GB18030 的字节，这一行会成为乱码"]


@pytest.mark.parametrize("encoding", ["big5", "shift-jis"])
def test_other_east_asian_encodings_are_never_garbled(encoding: str) -> None:
    text = {"big5": TRADITIONAL, "shift-jis": "温室効果ガスの排出量取引"}[encoding]

    assert refusal(text.encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf16_is_refused_with_its_remedy(encoding: str) -> None:
    with pytest.raises(InputError) as error:
        decode_bytes(("---\ntitle: " + PROSE).encode(encoding), shown_as="a.md")

    assert "UTF-16" in error.value.problems[0].what.zh
    assert "UTF-8" in error.value.problems[0].remedy.zh


def test_nul_byte_is_refused_with_its_line() -> None:
    assert refusal(PROSE.encode() + b"x\0y") == ["a.md:5 有空字节（NUL），不是文本文件"]


def test_byte_order_mark_of_a_pasted_file_vanishes() -> None:
    assert decode_bytes("甲\ufeff乙".encode(), shown_as="a.md") == "甲乙"


@pytest.mark.parametrize("character", ["\x08", "\x0b", "\x0c", "\x1f", "\x7f", "\x85", "\ufffe", "\uffff", "\ufdd0"])
def test_characters_illegal_in_xml_name_their_line(character: str) -> None:
    problems = character_problems(f"一\n二{character}", shown_as="a.md")

    assert complaints(problems) == [f"a.md:2 有看不见的控制字符 U+{ord(character):04X}"]


@pytest.mark.parametrize("character", ["\ufffd", "\uf0b2"])
def test_characters_shown_as_boxes_are_a_warning(character: str) -> None:
    (problem,) = character_problems(f"一{character}", shown_as="a.md")

    assert problem.warning


def test_illegal_characters_can_be_taken_out() -> None:
    assert without_illegal_characters("a\x08b\ufffec\td\n") == "abc\td\n"


def test_file_with_a_control_character_is_refused_as_text(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_bytes("一\n二\x0b".encode())

    with pytest.raises(InputError) as error:
        read_text(file, shown_as="a.md")

    assert complaints(error.value.problems) == ["a.md:2 有看不见的控制字符 U+000B"]


def test_absent_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_text(tmp_path / "none.md", shown_as="none.md")


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_foreign_bytes_give_text_or_an_input_error(content: bytes) -> None:
    text = ""
    with suppress(InputError):
        text = decode_bytes(content, shown_as="a.md")

    assert not set("\r\0") & set(text)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=200))
def test_utf8_is_always_read_back(text: str) -> None:
    assert decode_bytes(text.encode(), shown_as="a.md") == text.replace("\ufeff", "")
