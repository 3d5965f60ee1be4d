import random
from dataclasses import replace

import pytest

from distributor.content.importers.layer import read_layer
from distributor.content.importers.model import DoubtKind
from tests.content.importers.raw_layer import Part, Style, columns, lay_out
from tests.content.importers.stories import ISSUE, SECTIONS

STYLE = Style(spaced_lines=False, form_feeds=True, marks=False, header_every=0)
HAN = "城市绿色能源建筑管网热量电池港口船舶燃料指标限额改造居民费用工程规划节约测算标准部门意见试点运行监测平台"


def prose(seed: int) -> str:
    choose = random.Random(seed)
    return "".join("".join(choose.choices(HAN, k=choose.randint(8, 24))) + choose.choice("，，。") for _ in range(9))


LONG = tuple(
    replace(
        part, stories=tuple(replace(one, paragraphs=tuple(prose(hash_) for hash_ in range(6))) for one in part.stories)
    )
    for part in ISSUE
)


def halves(page: str) -> list[tuple[str, str]]:
    lines = page.split("\n")
    half = (len(lines) + 1) // 2
    return [(left, right) for left, right in zip(lines[:half], [*lines[half:], ""], strict=False)]


def mixed(text: str) -> str:
    return "\f".join("\n".join(f"{left}\n{right}" for left, right in halves(page)) for page in text.split("\f"))


def side_by_side(text: str) -> str:
    pages = text.split("\f")
    return "\f".join(
        "\n".join(left + " " * (46 - columns(left)) + right for left, right in halves(page)) for page in pages
    )


def column_doubts(text: str) -> list[str]:
    issue = read_layer(text, SECTIONS, number=12)
    return [doubt.what.zh[:10] for doubt in issue.doubts if doubt.kind is DoubtKind.COLUMNS]


def test_columns_mixed_line_by_line_are_doubted() -> None:
    assert column_doubts(mixed(lay_out(LONG, STYLE))) == ["左右两栏好像逐行交错"]


def test_columns_side_by_side_are_doubted() -> None:
    assert column_doubts(side_by_side(lay_out(LONG, STYLE))) == ["左右两栏并排在同一行"]


@pytest.mark.parametrize("style", [STYLE, Style(), replace(STYLE, columns=76, wide=76), replace(STYLE, columns=30)])
def test_columns_in_order_are_not_doubted(style: Style) -> None:
    assert column_doubts(lay_out(LONG, style)) == []


def test_articles_of_mixed_columns_are_held_back() -> None:
    issue = read_layer(mixed(lay_out(LONG, STYLE)), SECTIONS, number=12)

    assert all("columns" in article.missing for article in issue.articles if article.blocks)


def test_a_short_document_is_not_judged() -> None:
    part = Part(title="市场热点", stories=ISSUE[0].stories[1:])

    assert column_doubts(mixed(lay_out((part,), STYLE))) == []
