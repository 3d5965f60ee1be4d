"""Every link of a mail is looked at before it leaves: planted faults are found, and nothing else is."""

from pathlib import Path

import pytest

from distributor.delivery import counts
from distributor.errors import InputError
from distributor.operations import launching, membership
from distributor.operations.launching import LaunchOrder
from distributor.operations.office import Office
from distributor.operations.rehearsals.proofs.links import links_in_text, links_of
from tests.offices import article_text
from tests.operations.proofreading import MEMBERS, PLAN, found_in, plant

BASE = "https://news.example.com/"


@pytest.fixture
async def synced(office: Office) -> Office:
    await membership.sync_changed(office, MEMBERS)
    return office


async def test_clean_workspace_has_no_findings(synced: Office) -> None:
    assert await found_in(synced) == ()


SOUND = [
    f"{BASE}issues/2015-055.html",
    f"{BASE}articles/2015-055-a01.html#content",
    BASE,
    "https://www.example.org/a?b=c&amp;d=e",
    "mailto:desk@example.org?subject=x",
    "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
]


@pytest.mark.parametrize("link", SOUND)
async def test_sound_link_is_no_finding(synced: Office, root: Path, link: str) -> None:
    plant(root, f'<a href="{link}">x</a>')

    assert await found_in(synced) == ()


DEAD = {
    "an anchor that is not in the mail": ("#nowhere", "the mail has no place #nowhere"),
    "only a hash": ("#", "a link leads nowhere"),
    "nothing": ("", "a link leads nowhere"),
    "a page of ours that will not be": (f"{BASE}issues/1999-001.html", "not among the pages"),
    "a place that is not on the page": (f"{BASE}issues/2015-055.html#none", "the page has no such place"),
    "somebody else's token": (f"{BASE}preferences/v1.forged", "does not know its reader"),
    "no address": ("mailto:nobody", "no address after mailto: nobody"),
    "a script": ("javascript:void(0)", "javascript"),
    "a picture that does not travel": ("cid:none@example.com", "cid:none@example.com, which is not attached"),
}


@pytest.mark.parametrize(("link", "said"), DEAD.values(), ids=list(DEAD))
async def test_dead_link_in_a_mail_is_a_fault(synced: Office, root: Path, link: str, said: str) -> None:
    plant(root, f'<a href="{link}">x</a>')

    found = await found_in(synced)

    assert any(said in one.what.en and not one.warning for one in found), [one.what.en for one in found]


DOUBTFUL = {
    "something else at our address": (f"{BASE}files/a.pdf", "not among the pages"),
    "a name of the office's own network": ("http://intranet/a", "inside the office only"),
}


@pytest.mark.parametrize(("link", "said"), DOUBTFUL.values(), ids=list(DOUBTFUL))
async def test_doubtful_link_is_a_warning(synced: Office, root: Path, link: str, said: str) -> None:
    plant(root, f'<a href="{link}">x</a>')

    (found,) = await found_in(synced)

    assert said in found.what.en
    assert found.warning


async def test_dead_link_of_the_plain_text_is_found_too(synced: Office, root: Path) -> None:
    plant(root, text=f"见（{BASE}articles/none.html）。")

    (found,) = await found_in(synced)

    assert f"{BASE}articles/none.html is not" in found.what.en


async def test_dead_link_of_an_article_names_its_file_and_line(synced: Office, root: Path) -> None:
    path = root / "content/2015-055/a02.md"
    body = f"一段。\n\n[看]({BASE}articles/none.html)"
    path.write_text(article_text("2015-055-a02", "policy", body=body), encoding="utf-8")

    found = {(one.path, one.line) for one in await found_in(synced)}

    assert ("content/2015-055/a02.md", 10) in found


async def test_fault_that_several_editions_share_is_told_once_and_names_them(synced: Office, root: Path) -> None:
    plant(root, '<a href="#nowhere">x</a>')

    (found,) = await found_in(synced)

    assert found.what.zh == "邮件里没有 #nowhere 这个位置（版本：全部 6 个栏目；政策聚焦；市场热点、行业公告）"


async def test_launch_is_refused_while_proofreading_finds_a_fault(synced: Office, root: Path) -> None:
    plant(root, '<a href="#nowhere">x</a>')

    with pytest.raises(InputError) as refused:
        await launching.launch(synced, LaunchOrder(plan=PLAN, origin="members"))

    assert "#nowhere" in refused.value.text("en")
    async with synced.database.read() as connection:
        assert await counts.mailings(connection, []) == ()
    assert not (root / "var/public").exists()


async def test_launch_goes_despite_a_warning(synced: Office, root: Path) -> None:
    plant(root, '<a href="http://intranet/a">x</a>')

    launched = await launching.launch(synced, LaunchOrder(plan=PLAN, origin="members"))

    assert launched.planned == 3


def test_links_of_a_page_are_found_however_they_are_quoted() -> None:
    page = '<a href=\'a\'>x</a><img SRC=b><td background="c&amp;d"><p style=\'background:url("cid:e")\'>href="no"'

    assert list(links_of(page)) == ["a", "b", "c&d", "cid:e"]


def test_address_in_text_ends_before_the_sentence_does() -> None:
    text = "See https://a.example.org/b, (https://c.example.org/d_(e)) and https://f.example.org/?g=h."

    assert list(links_in_text(text)) == [
        "https://a.example.org/b",
        "https://c.example.org/d_(e)",
        "https://f.example.org/?g=h",
    ]
