import pytest
from lxml import etree

from distributor.content.importers.docx.numbering import Label, Numbering, read_numbering, show_count

LEVELS = """
<numbering>
  <abstractNum abstractNumId="0">
    <lvl ilvl="0"><start val="1"/><numFmt val="chineseCounting"/><suff val="nothing"/><lvlText val="%1、"/></lvl>
    <lvl ilvl="1"><start val="1"/><numFmt val="decimal"/><lvlText val="%2."/></lvl>
    <lvl ilvl="2"><start val="3"/><numFmt val="decimal"/><lvlText val="%2.%3"/></lvl>
    <lvl ilvl="3"><numFmt val="bullet"/><lvlText val="&#xF0B7;"/></lvl>
    <lvl ilvl="4"><numFmt val="none"/><lvlText val=""/></lvl>
  </abstractNum>
  <num numId="7"><abstractNumId val="0"/></num>
  <num numId="8"><abstractNumId val="0"/><lvlOverride ilvl="0"><startOverride val="4"/></lvlOverride></num>
</numbering>
"""


@pytest.fixture
def numbering() -> Numbering:
    return read_numbering(etree.fromstring(LEVELS))


def labels(numbering: Numbering, number: str, *depths: int) -> list[str]:
    found = [numbering.next_label(number, depth) for depth in depths]
    return [label.text if label else "" for label in found]


def test_levels_count_on_and_start_anew_under_the_next_number(numbering: Numbering) -> None:
    assert labels(numbering, "7", 0, 1, 1, 0, 1) == ["一、", "1. ", "2. ", "二、", "1. "]


def test_a_label_may_show_the_counts_above_it(numbering: Numbering) -> None:
    assert labels(numbering, "7", 0, 1, 2, 2) == ["一、", "1. ", "1.3 ", "1.4 "]


def test_instances_count_apart_and_may_start_elsewhere(numbering: Numbering) -> None:
    assert labels(numbering, "7", 0) + labels(numbering, "8", 0, 0) == ["一、", "四、", "五、"]


def test_a_bullet_has_no_text(numbering: Numbering) -> None:
    assert numbering.next_label("7", 3) == Label(bullet=True, depth=3)


@pytest.mark.parametrize(("number", "depth"), [("7", 4), ("7", 8), ("99", 0)])
def test_what_shows_nothing_has_no_label(numbering: Numbering, number: str, depth: int) -> None:
    assert numbering.next_label(number, depth) is None


@pytest.mark.parametrize(
    ("count", "form", "shown"),
    [
        (3, "decimal", "3"), (3, "decimalZero", "03"), (3, "decimalEnclosedCircle", "③"),
        (12, "decimalFullWidth", "１２"),
        (3, "lowerLetter", "c"), (3, "upperLetter", "C"), (9, "lowerRoman", "ix"), (14, "upperRoman", "XIV"),
        (10, "chineseCounting", "十"), (11, "chineseCountingThousand", "十一"), (20, "chineseCounting", "二十"),
        (35, "ideographTraditional", "三十五"), (120, "chineseCounting", "120"), (3, "unheardOf", "3"),
    ],
)  # fmt: skip
def test_counts_are_shown_in_word_s_formats(count: int, form: str, shown: str) -> None:
    assert show_count(count, form) == shown
