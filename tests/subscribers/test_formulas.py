import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.subscribers.cells import AddressReader, ReadAddress, ReadName, read_name
from distributor.subscribers.formulas import guarded, guarded_address, unguarded

DANGEROUS = (
    "=1+1",
    "+86 10",
    "-2",
    "@SUM(A1)",
    "＝1",
    "＋1",
    "－1",
    "＠a",
    "\t=1",
    "\r=1",
    "  =1",
    "\xa0=1",
    "'=1",
    "\tx",
)
HARMLESS = ("", "某读者", "a=b", "O'Brien", "'quoted'", "1-2", " a", "'")
CELL = st.text(alphabet="=+-@＝＋－＠'\t\r\n \xa0aб中\"", max_size=6)


@pytest.mark.parametrize("cell", DANGEROUS)
def test_cell_that_a_spreadsheet_would_run_is_marked(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", HARMLESS)
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert guarded(cell) == cell == unguarded(cell)


@given(CELL)
def test_mark_comes_off_again_exactly(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell


@given(CELL)
def test_no_marked_cell_begins_a_formula(cell: str) -> None:
    assert guarded(cell).strip()[:1] not in set("=+-@＝＋－＠")


@pytest.mark.parametrize("address", ["+tag@example.com", "-desk@example.com", "=a@example.com", "'=a@example.com"])
def test_list_reads_a_marked_address_as_it_was(address: str) -> None:
    cell = guarded_address(address)

    read = AddressReader().read(cell)

    assert isinstance(read, ReadAddress)
    assert (cell, read.address.text) == (f"<{address}>", address)


def test_usual_address_stays_as_it_is() -> None:
    assert guarded_address("reader@example.com") == "reader@example.com"


def test_list_reads_a_marked_name_as_it_was() -> None:
    assert read_name(guarded("=cmd|' /C calc'!A0")) == ReadName(name="=cmd|' /C calc'!A0", repaired=False)
