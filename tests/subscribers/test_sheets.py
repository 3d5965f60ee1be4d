import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.subscribers.sheets import MAX_ROW_CHARACTERS, cut_rows, fill_short_rows, find_separator_line

CELL = st.text(alphabet=st.sampled_from('a张,;"\t =@x'), max_size=12)


def cut(text: str, separator: str = ",") -> list[tuple[int, tuple[str, ...], bool]]:
    return [(row.line, row.cells, row.fault is not None) for row in cut_rows(text, separator)]


def test_rows_know_the_line_they_begin_on() -> None:
    assert cut('a,b\n"两\n行",c\n\nd,e') == [
        (1, ("a", "b"), False),
        (2, ("两\n行", "c"), False),
        (4, ("",), False),
        (5, ("d", "e"), False),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "，", "；"])
def test_every_separator_parts_quoted_and_plain_cells(separator: str) -> None:
    text = f'a{separator}"b{separator}""c"""{separator}d'

    assert cut(text, separator) == [(1, ("a", f'b{separator}"c"', "d"), False)]


def test_quote_inside_a_cell_is_a_character() -> None:
    assert cut('a,某"公司",c') == [(1, ("a", '某"公司"', "c"), False)]


def test_quote_that_is_never_closed_costs_only_its_row() -> None:
    rows = cut('a,"公司,x\nb,y,z\nc,d,e')

    assert [(line, faulty) for line, _, faulty in rows] == [(1, True), (2, False), (3, False)]
    assert rows[1][1] == ("b", "y", "z")


def test_two_stray_quotes_do_not_swallow_the_reader_between() -> None:
    rows = cut('a@example.com,"甲,,\nb@example.com,乙,,\nc@example.com,丙",,')

    assert [(line, faulty) for line, _, faulty in rows] == [(1, True), (2, False), (3, False)]


def test_text_after_a_closing_quote_is_a_fault() -> None:
    assert cut('a,"b"c\nd,e')[0][2]


def test_quoted_cell_of_too_many_lines_is_a_fault_of_its_first() -> None:
    rows = cut('a,"' + "x\n" * 40 + 'y"\nb,c')

    assert rows[0][2]
    assert rows[-1] == (42, ("b", "c"), False)


def test_very_long_line_is_refused_with_the_limit() -> None:
    row = next(cut_rows("x" * (MAX_ROW_CHARACTERS + 1), ","))

    assert row.fault is not None
    assert f"{MAX_ROW_CHARACTERS:,}" in row.fault.zh


@pytest.mark.parametrize(
    ("text", "separator"),
    [("sep=;\na;b", ";"), ('"sep=,"\na,b', ","), ("SEP=\t\na\tb", "\t"), ("email,name", None), ("sep=ab", None)],
)
def test_separator_that_excel_names_itself_is_found(text: str, separator: str | None) -> None:
    assert find_separator_line(text) == separator


def filled(lengths: list[int], width: int = 4) -> list[int]:
    """Lengths of the rows after filling; the first length is the header's."""
    text = "\n".join(",".join("x" * length) for length in lengths)
    rows = cut_rows(text, ",")
    next(rows)
    return [len(row.cells) for row in fill_short_rows(rows, width, read=1)]


@pytest.mark.parametrize(
    ("lengths", "after"),
    [
        pytest.param([4] * 16 + [2] * 16, [4] * 31, id="a block without its last columns"),
        pytest.param([4] * 16 + [2] * 5, [4] * 20, id="a shorter last block"),
        pytest.param([4] * 16 + [4] * 8 + [2] * 8, [4] * 23 + [2] * 8, id="slips among full rows stay"),
        pytest.param([4] + [2] * 15, [2] * 15, id="the header's own block is written in full"),
        pytest.param([4] * 16 + [2], [4] * 15 + [2], id="one row is no block"),
        pytest.param([4] * 16 + [5] * 16, [4] * 15 + [5] * 16, id="longer rows stay"),
        pytest.param([4] * 16 + [1] * 16 + [3] * 16, [4] * 47, id="each block has its own length"),
    ],
)
def test_rows_that_excel_shortened_are_filled(lengths: list[int], after: list[int]) -> None:
    assert filled(lengths) == after


@given(st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=8), st.sampled_from([",", ";", "\t"]))
def test_what_a_csv_writer_wrote_is_read_back(table: list[list[str]], separator: str) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(table)

    read = [list(row.cells) for row in cut_rows(written.getvalue().removesuffix("\n"), separator)]

    assert read == (table or [[""]])


@given(st.text(alphabet='a@,"\n;'), st.sampled_from([",", ";"]))
def test_every_line_belongs_to_exactly_one_row(text: str, separator: str) -> None:
    starts = [row.line for row in cut_rows(text, separator)]

    assert starts == sorted(set(starts))
    assert starts[0] == 1
    assert starts[-1] <= text.count("\n") + 1
