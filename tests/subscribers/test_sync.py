from collections import Counter
from random import Random

import pytest
from sqlalchemy.exc import IntegrityError

from distributor.database import Database
from distributor.errors import InputError
from distributor.subscribers import readers, store
from tests.subscribers.builders import MEMBERS, PUBLIC, START, Office, chosen, list_file, parse


async def test_new_file_adds_everybody_with_their_choice(office: Office) -> None:
    applied = await office.sync_people("Zhang@example.com,张三,市场热点、政策聚焦,text", "li@example.com")

    assert applied.counts == {"added": 2}
    view = await office.reader("zhang@example.com")
    assert (view.address, view.name, view.format) == ("Zhang@example.com", "张三", "text")
    assert (view.sections, view.chosen_by) == (chosen("market", "policy"), "list")
    assert (view.lists, view.status) == ((MEMBERS,), "active")
    assert (await office.reader("li@example.com")).sections is None


async def test_showing_a_difference_changes_nothing(office: Office) -> None:
    shown = await office.compare(list_file("a@example.com"))

    assert [change.address for change in shown.of("added")] == ["a@example.com"]
    assert shown.is_new_file
    assert await office.find("a@example.com") is None


async def test_same_file_again_changes_nobody(office: Office) -> None:
    content = list_file("a@example.com,甲,市场热点,text", "b@example.com")
    await office.sync(content)
    before = await office.reader("a@example.com")

    again = await office.sync(content)

    assert again.changes == ()
    assert not again.is_new_file
    assert await office.reader("a@example.com") == before
    assert await office.consents("a@example.com") == [("subscribed", "list:members")]


async def test_row_that_disappears_ends_the_membership(office: Office) -> None:
    await office.sync_people(*(f"r{number}@example.com" for number in range(10)))

    applied = await office.sync_people(*(f"r{number}@example.com" for number in range(1, 10)))

    assert [change.address for change in applied.of("ended")] == ["r0@example.com"]
    view = await office.reader("r0@example.com")
    assert (view.lists, view.left, view.status) == ((), (), "ended")
    assert await office.consents("r0@example.com") == [("subscribed", "list:members"), ("ended", "list:members")]


async def test_row_that_comes_back_joins_again(office: Office) -> None:
    await office.sync_people("a@example.com,甲,市场热点,", "b@example.com")
    await office.sync_people("b@example.com")

    applied = await office.sync_people("a@example.com,甲,国际资讯,", "b@example.com")

    assert applied.counts == {"rejoined": 1, "changed": 1}
    view = await office.reader("a@example.com")
    assert (view.status, view.sections) == ("active", chosen("world"))


async def test_staff_may_change_name_format_sections_and_spelling(office: Office) -> None:
    await office.sync_people("a@example.com,甲,市场热点,html")

    applied = await office.sync_people("A@example.com,乙,,text")

    assert [change.fields for change in applied.of("changed")] == [("address", "name", "sections", "format")]
    view = await office.reader("a@example.com")
    assert (view.address, view.name, view.format, view.sections) == ("A@example.com", "乙", "text", None)


async def test_missing_column_leaves_what_is_stored(office: Office) -> None:
    await office.sync_people("a@example.com,甲,市场热点,text")

    applied = await office.sync("email\na@example.com\n")

    assert applied.changes == ()
    assert (await office.reader("a@example.com")).name == "甲"


async def test_emptied_cell_is_stored(office: Office) -> None:
    await office.sync_people("a@example.com,甲,市场热点,text")

    await office.sync_people("a@example.com")

    view = await office.reader("a@example.com")
    assert (view.name, view.format, view.sections) == ("", "html", None)


async def test_faulty_row_neither_adds_nor_ends(office: Office) -> None:
    await office.sync_people("a@example.com", "b@example.com")

    applied = await office.sync_people("a@example.com,,政策焦点,", "b@example.com", "new@example.com,,政策焦点,")

    assert applied.changes == ()
    assert (await office.reader("a@example.com")).status == "active"
    assert await office.find("new@example.com") is None


async def test_refused_file_cannot_be_compared(office: Office) -> None:
    with pytest.raises(InputError, match=r"members\.csv"):
        await office.compare("姓名\n张三\n")


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        pytest.param(10, 8, False, id="a fifth"),
        pytest.param(10, 7, True, id="over a fifth"),
        pytest.param(10, 0, True, id="header only"),
        pytest.param(10, 11, False, id="growth"),
        pytest.param(0, 10, False, id="first file"),
        pytest.param(1, 0, True, id="the only one"),
    ],
)
async def test_file_that_lost_over_a_fifth_is_held(office: Office, before: int, after: int, held: bool) -> None:
    people = [f"r{number}@example.com" for number in range(20)]
    await office.sync_people(*people[:before])

    shown = await office.compare(list_file(*people[:after]))

    assert shown.held is held


async def test_file_of_other_people_is_held_although_it_is_as_long(office: Office) -> None:
    await office.sync_people(*(f"r{number}@example.com" for number in range(10)))

    shown = await office.compare(list_file(*(f"other{number}@example.com" for number in range(10))))

    assert shown.lost == 1.0
    assert shown.held


async def test_file_whose_rows_are_faulty_is_not_held_for_them(office: Office) -> None:
    await office.sync_people(*(f"r{number}@example.com" for number in range(10)))

    shown = await office.compare(list_file(*(f"r{number}@example.com,,政策焦点,pdf" for number in range(10))))

    assert not shown.held


async def test_held_file_is_applied_when_a_person_says_so(office: Office) -> None:
    await office.sync_people("a@example.com", "b@example.com")
    shown = await office.compare(list_file("a@example.com"))

    await office.apply(shown)

    assert shown.held
    assert (await office.reader("b@example.com")).status == "ended"


async def test_one_reader_on_two_lists_is_one_subscriber(office: Office) -> None:
    await office.sync_people("Policy@example.com,甲,政策聚焦,")
    applied = await office.sync_people("policy@EXAMPLE.com,乙,国际资讯,text", list_name=PUBLIC)

    assert applied.counts == {"added": 1, "elsewhere": 1}
    view = await office.reader("policy@example.com")
    assert (view.address, view.name, view.sections) == ("Policy@example.com", "甲", chosen("policy"))
    assert view.lists == (MEMBERS, PUBLIC)


async def test_two_lists_that_disagree_do_not_take_turns(office: Office) -> None:
    files = {MEMBERS: list_file("a@example.com,甲,政策聚焦,"), PUBLIC: list_file("a@example.com,乙,国际资讯,")}
    for name in (PUBLIC, MEMBERS):
        await office.sync(files[name], name)

    again = [await office.sync(files[name], name) for name in (MEMBERS, PUBLIC, MEMBERS)]

    assert not any(applied.changes_anything for applied in again)
    assert (await office.reader("a@example.com")).name == "乙"


async def test_two_lists_that_disagree_are_settled_in_one_round_of_one_moment(office: Office) -> None:
    files = {MEMBERS: list_file("a@example.com,甲,政策聚焦,"), PUBLIC: list_file("a@example.com,乙,国际资讯,")}

    async def sync_round() -> list[bool]:
        changed = []
        for name in (PUBLIC, MEMBERS):
            office.now = START
            applied = await office.sync(files[name], name)
            changed.append(applied.changes_anything)
        return changed

    assert await sync_round() == [True, True]
    assert await sync_round() == [False, False]


async def test_remaining_list_decides_when_the_elder_lets_go(office: Office) -> None:
    await office.sync_people("a@example.com,甲,政策聚焦,", "x@example.com")
    await office.sync_people("a@example.com,乙,国际资讯,", list_name=PUBLIC)
    await office.sync_people("x@example.com")

    applied = await office.sync_people("a@example.com,乙,国际资讯,", list_name=PUBLIC)

    assert applied.counts == {"changed": 1}
    assert (await office.reader("a@example.com")).name == "乙"


async def test_what_happened_between_showing_and_applying_stands(office: Office) -> None:
    await office.sync_people("a@example.com", "b@example.com")
    await office.sync_people("b@example.com")
    shown = await office.compare(list_file("a@example.com", "b@example.com,乙,,"))
    await office.unsubscribe("a@example.com")

    applied = await office.apply(shown)

    assert shown.of("rejoined")
    assert applied.counts == {"unsubscribed": 1, "changed": 1}
    assert (await office.reader("a@example.com")).status == "unsubscribed"


async def test_last_sync_and_lists_are_remembered(office: Office, database: Database) -> None:
    await office.sync_people("a@example.com", "b@example.com,,政策焦点,")
    await office.sync_people("c@example.com", list_name=PUBLIC)

    async with database.read() as connection:
        last = await readers.find_last_sync(connection, MEMBERS)
        names = await readers.list_names(connection)

    assert last is not None
    assert (last.rows, last.digest) == (2, parse(list_file("a@example.com", "b@example.com,,政策焦点,")).digest)
    assert names == (MEMBERS, PUBLIC)


async def test_rolled_back_sync_leaves_nothing(office: Office, database: Database) -> None:
    shown = await office.compare(list_file("a@example.com"))

    with pytest.raises(RuntimeError):
        async with database.write() as tx:
            await store.apply(tx, shown, at=START, randomness=office.random.randbytes)
            raise RuntimeError

    assert await office.find("a@example.com") is None
    assert (await office.sync(list_file("a@example.com"))).counts == {"added": 1}


async def test_public_id_drawn_twice_stops_the_sync(office: Office) -> None:
    office.random = Random(1)
    await office.sync_people("a@example.com")
    office.random = Random(1)

    with pytest.raises(IntegrityError):
        await office.sync_people("a@example.com", "b@example.com")

    assert await office.find("b@example.com") is None


async def test_ten_thousand_readers_are_synced(office: Office) -> None:
    wishes = ("", "市场热点", "政策聚焦、行业公告")
    rows = [f"u{number}@dept{number % 99}.example.com,单位{number},{wishes[number % 3]}," for number in range(10_000)]
    moved = [row.replace("市场热点", "国际资讯").replace("单位", "部门") for row in rows[500:]]

    added = await office.sync_people(*rows)
    applied = await office.sync_people(*moved)

    assert added.counts == {"added": 10_000}
    assert applied.counts == {"changed": 9_500, "ended": 500}
    found = Counter(key for _, key in await office.mailable(MEMBERS))
    # rows 500…9999 by number % 3: 0 → all, 1 → moved to world, 2 → two sections
    assert found == {"*": 3167, "world": 3166, "notice+policy": 3167}


async def test_more_people_than_one_block_are_added_ended_and_kept_like_a_few(office: Office) -> None:
    first = [f"r{number:04}@example.com" for number in range(2_500)]
    await office.sync_people(*first)

    applied = await office.sync_people(*reversed(first[300:]), "new@example.com")

    assert applied.counts == {"ended": 300, "added": 1}
    assert applied.members == 2_500
    assert [change.address for change in applied.of("ended")] == first[:300]
    assert (await office.reader("new@example.com")).lists == (MEMBERS,)
    assert (await office.sync_people(*first[300:], "new@example.com")).changes == ()
