from pathlib import Path

import pytest

from distributor.errors import DecisionNeeded, InputError
from distributor.identifiers import ListName, SectionId
from distributor.operations import membership
from distributor.operations.office import Office
from distributor.subscribers import tokens
from distributor.subscribers.model import NewSubscriber, Wish
from tests.offices import write_list
from tests.operations.conftest import READERS

MEMBERS = (ListName("members"),)
POLICY = membership.address_of("policy@example.com")


@pytest.fixture
async def synced(office: Office) -> Office:
    await membership.sync_changed(office, MEMBERS)
    return office


async def token_of(office: Office, address: str) -> str:
    view = await membership.find(office, membership.address_of(address))
    assert view is not None
    return tokens.sign(office.keyring, tokens.MANAGE, view.public_id)


async def test_sync_brings_readers_with_their_sections(synced: Office) -> None:
    view = await membership.find(synced, POLICY)

    assert view is not None
    assert view.sections == frozenset({"policy"})
    assert view.lists == MEMBERS


async def test_sync_again_changes_nothing(synced: Office) -> None:
    (sync,) = await membership.compare_lists(synced, MEMBERS)

    assert sync.difference is not None
    assert not sync.difference.changes_anything


async def test_bad_row_does_not_stop_the_good_ones(office: Office, root: Path) -> None:
    with (root / "subscribers" / "members.csv").open("a") as file:
        file.write("not an address,\n")

    (sync,) = await membership.sync_changed(office, MEMBERS)

    assert sync.set_aside == 1
    assert "members.csv:5" in sync.problems[0].text()
    assert await membership.find(office, POLICY) is not None


async def test_file_that_lost_over_a_fifth_is_held(synced: Office, root: Path) -> None:
    write_list(root, "members", dict(list(READERS.items())[:2]))

    with pytest.raises(DecisionNeeded, match="--shrink"):
        await membership.sync_changed(synced, MEMBERS)

    assert await membership.find(synced, membership.address_of("two@example.org")) is not None


async def test_missing_file_is_said_and_stops_nothing(office: Office, root: Path) -> None:
    (root / "subscribers" / "public.csv").unlink()

    syncs = await membership.sync_changed(office, office.workspace.list_names)

    assert [sync.difference is None for sync in syncs] == [False, True]


async def test_folder_in_place_of_a_list_is_refused(office: Office, root: Path) -> None:
    (root / "subscribers" / "public.csv").unlink()
    (root / "subscribers" / "public.csv").mkdir()

    with pytest.raises(InputError, match=r"public\.csv"):
        await membership.compare_lists(office, office.workspace.list_names)


async def test_unknown_list_is_named_with_the_known_ones(office: Office) -> None:
    with pytest.raises(InputError, match="members"):
        membership.list_names(office, ["memberz"])


async def test_link_ends_the_publication_for_its_reader_alone(synced: Office) -> None:
    token = await token_of(synced, "policy@example.com")

    view = await membership.unsubscribe(synced, token, source="page")

    assert view is not None
    assert (view.address, view.status) == ("policy@example.com", "unsubscribed")
    other = await membership.find(synced, membership.address_of("all@example.com"))
    assert other is not None
    assert other.status == "active"


async def test_unsubscribing_twice_is_the_same_as_once(synced: Office) -> None:
    token = await token_of(synced, "policy@example.com")

    first = await membership.unsubscribe(synced, token, source="page")
    second = await membership.unsubscribe(synced, token, source="mail")

    assert first == second


async def test_list_file_never_resubscribes_who_left(synced: Office, root: Path) -> None:
    await membership.unsubscribe(synced, await token_of(synced, "policy@example.com"), source="page")
    write_list(root, "members", {**READERS, "new@example.com": ""})

    await membership.sync_changed(synced, MEMBERS)

    view = await membership.find(synced, POLICY)
    assert view is not None
    assert view.status == "unsubscribed"


async def test_reader_may_come_back_by_their_own_link(synced: Office) -> None:
    token = await token_of(synced, "policy@example.com")
    await membership.unsubscribe(synced, token, source="page")

    view = await membership.resubscribe(synced, token, source="page")

    assert view is not None
    assert (view.status, view.lists) == ("active", MEMBERS)


async def test_reader_chooses_sections_and_the_file_does_not_overrule(synced: Office, root: Path) -> None:
    token = await token_of(synced, "policy@example.com")
    chosen = frozenset({SectionId("market"), SectionId("notice")})
    await membership.choose(synced, token, Wish(sections=chosen), source="page")
    write_list(root, "members", {**READERS, "policy@example.com": "国际资讯"})

    await membership.sync_changed(synced, MEMBERS)

    view = await membership.find(synced, POLICY)
    assert view is not None
    assert view.sections == chosen


@pytest.mark.parametrize("token", ["", "v1", "x" * 67, "v1.aaaa.m." + "a" * 24 + "." + "a" * 32])
async def test_link_that_we_did_not_sign_does_nothing(synced: Office, token: str) -> None:
    assert await membership.reader_of_token(synced, token) is None
    assert await membership.unsubscribe(synced, token, source="page") is None
    assert await membership.resubscribe(synced, token, source="page") is None
    assert await membership.choose(synced, token, Wish(sections=None), source="page") is None


async def test_operator_adds_one_reader(synced: Office) -> None:
    person = NewSubscriber(address=membership.address_of("new@example.com"), list=ListName("public"), name="新读者")

    addition = await membership.add(synced, person)

    assert addition.outcome == "added"
    assert addition.view is not None
    assert addition.view.lists == ("public",)


async def test_removed_address_stays_out_even_when_unknown(synced: Office, root: Path) -> None:
    assert await membership.remove(synced, membership.address_of("stranger@example.com")) is None
    write_list(root, "members", {**READERS, "stranger@example.com": ""})

    await membership.sync_changed(synced, MEMBERS)

    stranger = await membership.find(synced, membership.address_of("stranger@example.com"))
    assert stranger is None or stranger.status == "removed"


@pytest.mark.parametrize("text", ["", "nobody", "a@b@c", "用户@例子.cn"])
def test_what_is_no_address_is_said_so(text: str) -> None:
    with pytest.raises(InputError, match="address"):
        membership.address_of(text)
