import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.content.importers.rematch import match_titles


@pytest.mark.parametrize(
    ("old", "new", "matches"),
    [
        (["甲乙丙", "丁戊己"], ["甲乙丙", "丁戊己"], {0: 0, 1: 1}),
        (["甲乙丙", "丁戊己"], ["丁戊己", "甲乙丙"], {0: 1, 1: 0}),
        (["甲乙丙"], ["【甲乙 丙】"], {0: 0}),
        (["滨江区完成供热管网改造"], ["滨江区提前完成供热管网改造"], {0: 0}),
        (["甲乙丙", "旧的标题", "丁戊己"], ["甲乙丙", "全新名字", "丁戊己"], {0: 0, 1: 1, 2: 2}),
        (["甲乙丙", "丁戊己"], ["甲乙丙", "新来的一篇", "另外的一篇", "丁戊己"], {0: 0, 3: 1}),
        (["同一个标题", "同一个标题"], ["同一个标题", "同一个标题"], {0: 0, 1: 1}),
        ([], ["甲乙丙"], {}),
        (["甲乙丙"], [], {}),
    ],
    ids=["same", "moved", "marks", "mended", "renamed between neighbours", "inserted", "twins", "first", "emptied"],
)
def test_an_article_is_known_by_title_then_by_place(old: list[str], new: list[str], matches: dict[int, int]) -> None:
    assert match_titles(old, new) == matches


@given(st.lists(st.text("甲乙丙丁", max_size=4), max_size=8), st.lists(st.text("甲乙丙丁", max_size=4), max_size=8))
def test_no_old_article_is_matched_twice(old: list[str], new: list[str]) -> None:
    matches = match_titles(old, new)

    assert len(set(matches.values())) == len(matches)
    assert all(0 <= place < len(old) and 0 <= index < len(new) for index, place in matches.items())
