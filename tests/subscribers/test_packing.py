"""Packed sequences: the same values as went in, in the same order."""

import pytest

from distributor.subscribers.packing import BLOCK, Packed
from tests.subscribers.builders import list_file, parse

Pair = tuple[int, str]


def packed(*values: Pair) -> Packed[Pair]:
    made: Packed[Pair] = Packed(list, tuple)
    made.extend(values)
    return made


@pytest.mark.parametrize("count", [0, 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
def test_packed_values_come_back_as_they_were(count: int) -> None:
    values = [(number, f"读者{number}") for number in range(count)]

    made = packed(*values)

    assert list(made) == values
    assert len(made) == count
    assert made == values


def test_packed_values_are_found_by_position_from_both_ends() -> None:
    made = packed(*((number, "") for number in range(BLOCK + 5)))

    assert (made[0], made[BLOCK], made[-1]) == ((0, ""), (BLOCK, ""), (BLOCK + 4, ""))
    assert made[1:3] == ((1, ""), (2, ""))
    with pytest.raises(IndexError):
        made[BLOCK + 5]


def test_what_is_added_later_stands_behind_and_blocks_stay_small() -> None:
    made = packed((1, "a"))

    made.extend((number, "b") for number in range(2, BLOCK + 3))

    assert [value[0] for value in made] == list(range(1, BLOCK + 3))
    assert max(map(len, made.blocks())) == BLOCK


@pytest.mark.parametrize("other", [[], [(1, "b")], [(1, "a"), (2, "b")], 7])
def test_packed_values_differ_from_others(other: object) -> None:
    assert packed((1, "a")) != other


def test_row_of_a_list_file_is_whole_after_packing() -> None:
    (row,) = parse(list_file("Zhang.San+x@Example.com,张 “三”,政策聚焦,text")).rows

    assert (row.line, row.address.text, row.key) == (2, "Zhang.San+x@example.com", "zhang.san+x@example.com")
    assert (row.name, row.sections, row.format) == ("张 “三”", frozenset({"policy"}), "text")
