import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.config.model import Section
from distributor.identifiers import SectionId
from distributor.subscribers.lists import parse_list
from tests.subscribers.builders import MEMBERS, SECTIONS, addresses, chosen, list_file, parse, places

TABLE = [
    ["邮箱", "姓名", "栏目", "格式"],
    ["a@example.com", "某公司, 碳资产部", "市场热点、policy", "网页"],
    ["b@example.com", "李四", "", "纯文本"],
]


def written(separator: str = ",", line_end: str = "\r\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=line_end).writerows(TABLE)
    return text.getvalue()


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(written().encode("utf-8-sig"), id="Excel: CSV UTF-8"),
        pytest.param(written().encode("gbk"), id="Excel: CSV"),
        pytest.param(written("\t").encode("utf-16"), id="Excel: Unicode text"),
        pytest.param(written(line_end="\r").encode("gb18030"), id="old Mac"),
        pytest.param(written(line_end="\n").encode(), id="an editor on Linux"),
        pytest.param(written(";").encode(), id="semicolons"),
        pytest.param(written("，").encode(), id="full-width commas"),
        pytest.param(("sep=;\r\n" + written(";")).encode(), id="separator named by Excel"),
        pytest.param(("\r\n,,,\r\n" + written()).encode(), id="blank lines first"),
        pytest.param(written().replace("\r\n", ",,\r\n").encode(), id="empty columns behind"),
    ],
)
def test_every_way_of_saving_gives_the_same_rows(octets: bytes) -> None:
    parsed = parse(octets)

    assert [(row.address.text, row.name, row.sections, row.format) for row in parsed.rows] == [
        ("a@example.com", "某公司, 碳资产部", chosen("market", "policy"), "html"),
        ("b@example.com", "李四", None, "text"),
    ]
    assert parsed.problems == ()
    assert not parsed.refused


def test_sample_rows_with_sections_in_every_form_are_read() -> None:
    parsed = parse('email,sections\na@example.com,"国内资讯,推荐阅读"\nb@example.com,市场热点|notice\n')

    assert [row.sections for row in parsed.rows] == [chosen("domestic", "reading"), chosen("market", "notice")]


@pytest.mark.parametrize(
    "header",
    ["Email", "E-MAIL", "邮箱", "电子邮箱", "邮件", "Email Address", "ｅｍａｉｌ", " 邮箱* ", "邮箱：", '"邮箱"'],
)
def test_email_column_has_many_names(header: str) -> None:
    assert addresses(parse(f"{header}\na@example.com\n")) == ["a@example.com"]


def test_columns_stand_in_any_order() -> None:
    parsed = parse("格式,单位,栏目,电子邮箱\n文本,某单位,政策聚焦,a@example.com\n")

    row = parsed.rows[0]
    assert (row.name, row.sections, row.format) == ("某单位", chosen("policy"), "text")


def test_extra_columns_are_named_and_not_used() -> None:
    parsed = parse("email,电话,栏木,备注,\na@example.com,010,市场热点,x,\n")

    assert addresses(parsed) == ["a@example.com"]
    assert [problem.what.en for problem in parsed.problems] == [
        "the column 电话 is not used",
        "the column 栏木 is not used",
        "the column 备注 is not used",
    ]
    assert "栏目" in parsed.problems[1].remedy.zh
    assert places(parsed, warning=True) == [1, 1, 1]


def test_name_is_taken_from_the_person_before_the_organisation() -> None:
    parsed = parse("email,单位,姓名\na@example.com,某公司,张三\n")

    assert parsed.rows[0].name == "张三"
    assert "单位" in parsed.problems[0].what.zh


def test_missing_columns_are_told_apart_from_empty_ones() -> None:
    assert parse("email\na@example.com\n").columns == frozenset()
    assert parse("email,name,sections\na@example.com,,\n").columns == {"name", "sections"}


def test_good_rows_survive_bad_ones_and_every_bad_one_is_named() -> None:
    parsed = parse(
        list_file(
            "a@example.com",
            "not an address",
            "b@example.com,李四,政策焦点,html",
            "c@example.com,王五,,pdf",
            "d@example.com,short",
            "e@example.com,赵六,市场热点,政策聚焦,html",
            'f@example.com,"某公司,,',
            "g@example.com,=?utf-8?q?x?=,,",
            "h@example.com,孙七,,html",
        )
    )

    assert addresses(parsed) == ["a@example.com", "h@example.com"]
    assert places(parsed) == [3, 4, 5, 6, 7, 8, 9]
    assert {problem.path for problem in parsed.problems} == {"subscribers/members.csv"}


def test_every_fault_of_one_row_is_named() -> None:
    parsed = parse(list_file("x,=?x,政策焦点,pdf"))

    assert places(parsed) == [2, 2, 2, 2]


def test_mailbox_of_a_faulty_row_is_set_aside_and_not_lost() -> None:
    parsed = parse(
        list_file("A@example.com,张三,政策焦点,html", 'b@example.com,"某公司,,', "张三,李四,c@example.com,,html")
    )

    assert parsed.set_aside == {"a@example.com", "b@example.com", "c@example.com"}
    assert parsed.row_count == 3


def test_row_number_counts_the_lines_inside_quotes() -> None:
    parsed = parse('email,name\na@example.com,"两\n行"\nbad,x\n')

    assert parsed.rows[0].name == "两 行"
    assert places(parsed) == [4]


def test_first_of_two_spellings_counts() -> None:
    parsed = parse(list_file("A@example.com,甲,,", "a@Example.com,乙,,", "a@EXAMPLE.COM,丙,,"))

    assert [(row.address.text, row.name) for row in parsed.rows] == [("A@example.com", "甲")]
    assert places(parsed, warning=True) == [3, 4]
    assert "第 2 行" in parsed.problems[0].what.zh


def test_good_row_counts_where_an_earlier_one_of_the_mailbox_is_faulty() -> None:
    parsed = parse(list_file("a@example.com,甲,政策焦点,", "a@example.com,乙,,"))

    assert [row.name for row in parsed.rows] == ["乙"]
    assert parsed.set_aside == frozenset()


def test_plus_tags_and_dots_make_other_people() -> None:
    people = ["ab@example.com", "a.b@example.com", "ab+x@example.com"]

    assert addresses(parse(list_file(*people))) == people


def test_repaired_address_is_said() -> None:
    parsed = parse(list_file("mailto:a＠example.com"))

    assert addresses(parsed) == ["a@example.com"]
    assert "a@example.com" in parsed.problems[0].what.zh
    assert parsed.problems[0].warning


def test_hidden_characters_in_a_name_are_said() -> None:
    parsed = parse(list_file("a@example.com,张\u202e三,,"))

    assert parsed.rows[0].name == "张三"
    assert places(parsed, warning=True) == [2]


def test_header_once_more_is_skipped_and_said() -> None:
    parsed = parse(list_file("a@example.com", "Email,Name,,", "b@example.com"))

    assert addresses(parsed) == ["a@example.com", "b@example.com"]
    assert places(parsed, warning=True) == [3]


def test_rows_that_excel_shortened_are_read() -> None:
    full = [f"a{number}@example.com,甲,,html" for number in range(15)]
    short = [f"b{number}@example.com,乙" for number in range(16)]

    parsed = parse("\n".join(["email,name,sections,format", *full, *short]))

    assert len(parsed.rows) == 31
    assert parsed.problems == ()


def test_row_with_foreign_bytes_is_set_aside() -> None:
    good = "".join(f"a{number}@example.com,某单位\n" for number in range(3))
    octets = f"邮箱,姓名\n{good}".encode() + "b@example.com,李四\n".encode("gbk")

    parsed = parse(octets)

    assert len(parsed.rows) == 3
    assert places(parsed) == [5]
    assert parsed.set_aside == {"b@example.com"}


def test_enormous_cell_costs_its_row() -> None:
    parsed = parse(list_file(f"a@example.com,{'x' * 1001},,", f"b@example.com,{'x' * 10_000_000},,", "c@example.com"))

    assert addresses(parsed) == ["c@example.com"]
    assert "1000" in parsed.problems[0].what.zh
    assert "20,000" in parsed.problems[1].what.zh


def test_blank_rows_are_nothing() -> None:
    parsed = parse("email,name\n\n,\n \t,\u3000\na@example.com,x\n\n")

    assert addresses(parsed) == ["a@example.com"]
    assert parsed.problems == ()


def test_header_alone_is_a_list_of_nobody() -> None:
    parsed = parse("email,name\n")

    assert parsed.rows == ()
    assert not parsed.refused


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("姓名,栏目\n张三,\n", "没有邮箱这一列（读到的列名：姓名、栏目）", id="no email column"),
        pytest.param("a@example.com,张三\nb@example.com,李四\n", "缺少列名行", id="no header"),
        pytest.param("邮箱,Email\na@example.com,b@example.com\n", "列名重复：“邮箱”、“Email”", id="two email columns"),
        pytest.param("email,栏目,sections\n", "列名重复", id="two section columns"),
        pytest.param("email,姓名,姓名\n", "列名重复", id="the same name twice"),
        pytest.param("email" + ",x" * 101, "最多 100 列", id="too many columns"),
        pytest.param("email" + ",x" * 100_000, "20,000 个字符", id="far too many columns"),
        pytest.param('email,"name\na@example.com,x\n', "引号", id="open quote in the header"),
        pytest.param(",,,\n,\n", "空", id="separators only"),
        pytest.param(b"\xff" * 500, "二进制", id="bytes of no text"),
        pytest.param(b"\x7fELF\x02\x01\x01", "二进制", id="a program"),
        pytest.param(b"", "空", id="empty"),
        pytest.param(b"PK\x03\x04xl/workbook.xml", "Excel", id="workbook"),
    ],
)
def test_file_that_is_no_list_is_refused_as_a_whole(content: str | bytes, said: str) -> None:
    parsed = parse(content)

    assert parsed.refused
    assert parsed.rows == ()
    assert said in parsed.problems[0].what.zh


def test_refusal_names_the_columns_to_write() -> None:
    assert "邮箱（email）、姓名（name）、栏目（sections）、格式（format）" in parse("a,b\n").problems[0].remedy.zh
    assert "email,name,sections,format" in parse("a@example.com\n").problems[0].remedy.zh


def test_digest_changes_with_the_bytes_and_with_the_sections() -> None:
    octets = list_file("a@example.com").encode()
    more = (*SECTIONS, Section(id=SectionId("weather"), title="天气"))

    digest = parse(octets).digest

    assert digest == parse(octets).digest
    assert digest != parse(octets + b"\n").digest
    assert digest != parse_list(octets, path="x", list_name=MEMBERS, sections=more).digest


@given(st.binary())
def test_no_bytes_crash_the_reading(octets: bytes) -> None:
    parsed = parse(octets)

    assert not parsed.refused or (parsed.problems and not parsed.rows)


@given(st.lists(st.text(alphabet="a@b.com,;，张= ", max_size=30), max_size=40))
def test_every_filled_row_is_a_reader_or_a_problem(rows: list[str]) -> None:
    parsed = parse("email,name\n" + "\n".join(rows))

    answered = {row.line for row in parsed.rows} | {problem.line for problem in parsed.problems}
    assert answered == {line for line, row in enumerate(rows, start=2) if row.strip(", ")}


def test_a_hundred_thousand_rows_are_all_read() -> None:
    rows = (
        f"user{number}@dept{number % 500}.example.com,某单位第{number}部门,市场热点、政策聚焦,html"
        for number in range(100_000)
    )
    octets = list_file(*rows).encode("utf-8-sig")

    parsed = parse(octets)

    assert len(parsed.rows) == 100_000
