"""The preference page: what a reader gets, chosen by boxes; nothing chosen asks and never means all."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from distributor.operations import membership
from distributor.operations.office import Office
from tests.web.conftest import ALL, BOTH, MEMBERS, PUBLIC, SOME, Reader, Token
from tests.web.visitor import ONE_CLICK, Visitor

SAVE = ("action", "save")


def boxes(*sections: str, was: str = "some", radio: str = "some") -> list[tuple[str, str]]:
    """The fields that a browser posts for these boxes."""
    return [("was", was), ("sections", radio), *(("section", name) for name in sections), SAVE]


def lists(*names: str) -> list[tuple[str, str]]:
    return [("with_lists", "1"), *(("list", name) for name in names)]


async def test_page_shows_every_section_and_ticks_the_readers_own(visitor: Visitor, token: Token) -> None:
    page = await visitor.get(f"/preferences/{await token(SOME)}")

    assert page.text.count('name="section"') == 6
    assert 'value="policy" checked' in page.text
    assert 'value="notice" checked' not in page.text
    assert 'value="some" id="some" checked' in page.text
    assert "全部栏目（包括以后新增的）" in page.words


async def test_page_of_a_reader_of_everything_says_so(visitor: Visitor, token: Token) -> None:
    page = await visitor.get(f"/preferences/{await token(ALL)}")

    assert 'value="all" id="all" checked' in page.text
    assert page.text.count(" checked") == 1


async def test_chosen_sections_are_stored_and_confirmed(visitor: Visitor, token: Token, reader: Reader) -> None:
    done = await visitor.post(f"/preferences/{await token(SOME)}", boxes("policy", "notice"))

    view = await reader(SOME)
    assert done.status == 200
    assert "从下一期起，so***@example.com 会收到这些栏目： 政策聚焦 行业公告" in done.words
    assert (view.sections, view.chosen_by) == (frozenset({"policy", "notice"}), "reader")


async def test_all_means_also_the_sections_added_later(visitor: Visitor, token: Token, reader: Reader) -> None:
    done = await visitor.post(f"/preferences/{await token(SOME)}", boxes("policy", radio="all"))

    assert "以后新增的栏目也会收到" in done.words
    assert (await reader(SOME)).sections is None


async def test_every_box_ticked_is_not_all(visitor: Visitor, token: Token, reader: Reader) -> None:
    every = ("market", "policy", "domestic", "international", "reading", "notice")

    await visitor.post(f"/preferences/{await token(SOME)}", boxes(*every))

    assert (await reader(SOME)).sections == frozenset(every)


async def test_boxes_ticked_by_a_reader_of_everything_count_although_the_button_above_stayed(
    visitor: Visitor, token: Token, reader: Reader
) -> None:
    await visitor.post(f"/preferences/{await token(ALL)}", boxes("market", was="all", radio="all"))

    assert (await reader(ALL)).sections == frozenset({"market"})


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(boxes(), id="no box"),
        pytest.param(boxes(was="all"), id="turned from all and no box"),
        pytest.param([], id="an empty form"),
        pytest.param([("section", "")], id="an empty value"),
        pytest.param([("section", " 、")], id="separators alone"),
        pytest.param(ONE_CLICK, id="a one-click sent to the wrong page"),
    ],
)
async def test_zero_sections_ask_and_change_nothing(
    visitor: Visitor, token: Token, reader: Reader, fields: Sequence[tuple[str, str]]
) -> None:
    before = await reader(SOME)

    asked = await visitor.post(f"/preferences/{await token(SOME)}", fields)

    assert asked.status == 422
    assert "一个栏目也没有选" in asked.words
    assert 'role="alert"' in asked.text
    assert await reader(SOME) == before


async def test_asking_again_keeps_what_the_reader_left(visitor: Visitor, token: Token) -> None:
    path = f"/preferences/{await token(BOTH)}"

    asked = await visitor.post(path, [*boxes(was="all"), *lists("public")])

    assert 'name="was" value="all"' in asked.text
    assert 'value="public" checked' in asked.text
    assert 'value="members" checked' not in asked.text


async def test_section_that_is_gone_is_asked_about(visitor: Visitor, token: Token, reader: Reader) -> None:
    asked = await visitor.post(f"/preferences/{await token(SOME)}", boxes("policy", "<b>gone"))

    assert asked.status == 422
    assert "请重新选择" in asked.words
    assert "<b>gone" not in asked.text
    assert (await reader(SOME)).sections == frozenset({"policy", "market"})


async def test_reader_of_two_lists_can_leave_one(visitor: Visitor, token: Token, reader: Reader) -> None:
    path = f"/preferences/{await token(BOTH)}"

    done = await visitor.post(path, [*boxes("notice"), *lists("public")])

    view = await reader(BOTH)
    assert (view.lists, view.left) == ((PUBLIC,), (MEMBERS,))
    assert "名单：公开订阅" in done.words


async def test_list_that_was_left_can_be_joined_again(visitor: Visitor, token: Token, reader: Reader) -> None:
    path = f"/preferences/{await token(BOTH)}"
    await visitor.post(path, [*boxes("notice"), *lists("public")])

    page = await visitor.get(path)
    await visitor.post(path, [*boxes("notice"), *lists("public", "members")])

    assert "会员单位 （已退出，勾选可重新加入）" in page.words
    assert (await reader(BOTH)).lists == (MEMBERS, PUBLIC)


async def test_leaving_every_list_is_unsubscribing_and_can_be_undone(
    visitor: Visitor, token: Token, reader: Reader
) -> None:
    path = f"/preferences/{await token(BOTH)}"

    done = await visitor.post(path, [*boxes("notice"), *lists()])

    assert "已退订" in done.words
    assert "恢复订阅" in done.words
    assert (await reader(BOTH)).status == "unsubscribed"


async def test_nobody_joins_a_list_that_staff_did_not_put_them_on(
    visitor: Visitor, token: Token, reader: Reader
) -> None:
    await visitor.post(f"/preferences/{await token(SOME)}", [*boxes("policy"), *lists("members", "public", "staff")])

    assert (await reader(SOME)).lists == (MEMBERS,)


async def test_form_without_lists_leaves_the_lists_alone(visitor: Visitor, token: Token, reader: Reader) -> None:
    await visitor.post(f"/preferences/{await token(BOTH)}", [*boxes("policy"), ("list", "public")])

    assert (await reader(BOTH)).lists == (MEMBERS, PUBLIC)


async def test_reader_of_one_list_sees_no_lists(visitor: Visitor, token: Token) -> None:
    page = await visitor.get(f"/preferences/{await token(SOME)}")

    assert 'name="list"' not in page.text


async def test_unsubscribed_reader_is_told_so_and_offered_to_return(
    visitor: Visitor, token: Token, reader: Reader
) -> None:
    signed = await token(ALL)
    await visitor.post(f"/unsubscribe/{signed}", ONE_CLICK)

    page = await visitor.get(f"/preferences/{signed}")
    done = await visitor.post(f"/preferences/{signed}", [("action", "resubscribe")])

    assert "已退订" in page.words
    assert 'name="section"' not in page.text
    assert "已恢复订阅" in done.words
    assert (await reader(ALL)).status == "active"


async def test_saving_does_not_bring_back_who_unsubscribed_meanwhile(
    visitor: Visitor, token: Token, reader: Reader
) -> None:
    signed = await token(BOTH)
    await visitor.post(f"/unsubscribe/{signed}", ONE_CLICK)

    done = await visitor.post(f"/preferences/{signed}", [*boxes("policy"), *lists("members", "public")])

    assert "已退订" in done.words
    assert (await reader(BOTH)).status == "unsubscribed"


async def test_reader_stopped_by_staff_sees_no_form(visitor: Visitor, office: Office, token: Token) -> None:
    signed = await token(ALL)
    await membership.remove(office, membership.address_of(ALL))

    page = await visitor.get(f"/preferences/{signed}")

    assert "请和我们联系" in page.words
    assert "<form" not in page.text


async def test_saving_by_a_reader_stopped_by_staff_brings_no_mail(
    visitor: Visitor, office: Office, token: Token, reader: Reader
) -> None:
    signed = await token(ALL)
    await membership.remove(office, membership.address_of(ALL))

    done = await visitor.post(f"/preferences/{signed}", boxes("policy"))

    assert "请和我们联系" in done.words
    assert (await reader(ALL)).status == "removed"


async def test_reader_whom_the_list_no_longer_names_may_still_choose(
    visitor: Visitor, office: Office, token: Token, root: Path
) -> None:
    signed = await token(SOME)
    (root / "subscribers" / "members.csv").write_text(f"email\n{ALL}\n{BOTH}\n", encoding="utf-8")
    await membership.apply_lists(office, await membership.compare_lists(office, (MEMBERS,)))

    page = await visitor.get(f"/preferences/{signed}")

    assert "不在《节能减排信息动态》的任何名单上" in page.words
    assert 'name="section"' in page.text


async def test_page_speaks_english_when_asked_and_leads_back(visitor: Visitor, token: Token) -> None:
    page = await visitor.get(f"/preferences/{await token(BOTH)}?lang=en")

    assert "All sections, also those added later" in page.words
    assert 'href="?lang=zh" lang="zh-CN"' in page.text
    assert "?lang=en" in page.text.partition("No more mail at all?")[2][:200]


async def test_unknown_language_is_the_publications_own(visitor: Visitor, token: Token) -> None:
    page = await visitor.get(f"/preferences/{await token(BOTH)}?lang=xx")

    assert "选择栏目" in page.words
