import random

import pytest

from distributor.content.importers.furniture import find_furniture, issue_number
from distributor.content.importers.lines import mark_pages, measure, read_lines
from distributor.content.importers.model import RemovalReason

HAN = "城市绿色能源建筑管网热量电池港口船舶燃料指标限额改造居民费用工程规划节约测算标准部门意见试点运行监测平台"
PROSE = ["".join(random.Random(number).choices(HAN, k=19)) for number in range(120)]


def furniture(text: str) -> dict[str, RemovalReason]:
    lines = read_lines(text)
    layout = measure(lines)
    return {lines[index].text: reason for index, reason in find_furniture(mark_pages(lines, layout), layout).items()}


def paged(*heads: str, foot: str = "") -> str:
    pages = []
    for number, head in enumerate(heads, start=1):
        lines = [head, *PROSE[20 * number : 20 * number + 20], foot.format(number)]
        pages.append("\n".join(line for line in lines if line))
    return "\n\f".join(pages)


def test_a_line_that_comes_back_at_page_edges_is_a_running_header() -> None:
    assert furniture(paged("城市绿色周报", "城市绿色周报", "城市绿色周报")) == {"城市绿色周报": RemovalReason.HEADER}


def test_a_running_header_with_its_page_number_is_one() -> None:
    found = furniture(paged("城市绿色周报 4", "城市绿色周报 5", "城市绿色周报 6"))

    assert set(found) == {"城市绿色周报 4", "城市绿色周报 5", "城市绿色周报 6"}


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "- {} -",
        "— {} —",
        "第 {} 页",
        "第{}页 共 21 页",
        "{} / 21",
        "（{}）",
        "Page {} of 21",
        "· {} ·",
        "{0} {0}",
    ],
)
def test_page_numbers_of_every_form_go(form: str) -> None:
    found = furniture(paged("", "", "", "", foot=form))

    assert found == {form.format(number): RemovalReason.PAGE_NUMBER for number in range(1, 5)}


def test_a_number_in_the_middle_of_a_page_is_text() -> None:
    text = "\n".join([*PROSE[:10], "2019", *PROSE[10:20], "\f" + PROSE[20], *PROSE[21:40]])

    assert furniture(text) == {}


def test_the_rest_of_a_sentence_is_no_page_number() -> None:
    text = "\n".join([*PROSE[:10], "1/4", *PROSE[10:40], "5%"])

    assert furniture(text) == {}


def test_signature_dates_are_no_running_header() -> None:
    text = "\n".join(
        [*PROSE[:12], "2019 年 3 月 8 日", *PROSE[12:24], "2018 年 1 月 9 日", *PROSE[24:40], "2017 年 5 月 5 日"]
    )

    assert furniture(text) == {}


def test_the_repeated_rest_of_a_wrapped_bracket_is_no_running_header() -> None:
    text = "\n".join([*PROSE[:12], "位：市财政局）", *PROSE[12:24], "位：市财政局）", *PROSE[24:40], "位：市财政局）"])

    assert furniture(text) == {}


def test_labels_of_a_table_beside_numbers_are_no_running_header() -> None:
    text = "\n".join(
        [*PROSE[:15], "北方港口", "1,200", "南方港口", "38", "北方港口", "40", "南方港口", "41", *PROSE[15:40]]
    )

    assert furniture(text) == {}


def test_a_single_issue_line_takes_the_lines_down_to_its_number() -> None:
    text = "\n".join([*PROSE[:15], "城市绿色周报     总第 12 期", "绿色城市研究中心（筹）", " 7", *PROSE[15:40]])

    assert furniture(text) == {
        "城市绿色周报 总第 12 期": RemovalReason.HEADER,
        "绿色城市研究中心（筹）": RemovalReason.HEADER,
        "7": RemovalReason.PAGE_NUMBER,
    }


def test_a_title_that_names_an_issue_is_no_running_header() -> None:
    text = "\n".join(["【市场热点】", "《绿色周报》总第 12 期出版", "发布日期：2019-3-8  来源：绿 E 站", *PROSE[:10]])

    assert furniture(text) == {}


@pytest.mark.parametrize(
    ("text", "number"), [("城市绿色周报 总第 12 期", 12), ("总第１２期", 12), ("第 9 期培训班", None)]
)
def test_the_issue_number_is_read_from_the_header(text: str, number: int | None) -> None:
    assert issue_number(text) == number
