"""Feeds are read by other parsers before they are published: what does not parse or leads nowhere is found."""

import json
from pathlib import Path, PurePosixPath

import pytest

from distributor.operations import membership, publishing
from distributor.operations.office import Office
from distributor.operations.rehearsals.proofs.feeds import read_feeds
from distributor.operations.rehearsals.proofs.site import SiteToBe
from distributor.operations.rehearsals.rehearsal import load_checked
from distributor.rendering.model import PublicFile
from tests.operations.proofreading import MEMBERS, findings_of, galley_of

BASE = "https://news.example.com/"


async def flaws(office: Office, changes: dict[str, bytes]) -> list[str]:
    """Read the feeds of the office's issue with some files replaced; empty bytes leave a file out."""
    await membership.sync_changed(office, MEMBERS)
    galley = await galley_of(office)
    built = {file.path.as_posix(): file.content for file in await publishing.files_with(office, galley.whole)}
    wanted = {path: content for path, content in (built | changes).items() if content}
    files = [PublicFile(path=PurePosixPath(path), content=content) for path, content in wanted.items()]
    site = SiteToBe(BASE, files, office.workspace.public)
    return [one.what.en for one in findings_of(office, lambda findings: read_feeds(site, findings), galley)]


async def feed_of(office: Office, name: str) -> bytes:
    issue, _warnings = load_checked(office.workspace, office.workspace.root / "content" / "2015-055")
    files = {file.path.as_posix(): file.content for file in await publishing.files_with(office, issue)}
    return files[name]


async def test_feeds_as_built_have_no_flaw(office: Office) -> None:
    assert await flaws(office, {}) == []


@pytest.mark.parametrize("form", ["atom", "rss", "json"])
async def test_feed_that_does_not_parse_is_found(office: Office, form: str) -> None:
    found = await flaws(office, {f"feeds/all.{form}": b"<broken"})

    assert any("does not parse" in one for one in found)


async def test_feed_without_its_items_is_found(office: Office) -> None:
    assert any("does not parse" in one for one in await flaws(office, {"feeds/all.json": b"{}"}))


async def test_entry_that_leads_to_a_page_which_will_not_be_is_found(office: Office) -> None:
    found = await flaws(office, {"articles/2015-055-a01.html": b""})

    assert f"{BASE}articles/2015-055-a01.html is not among the pages to be published" in found


async def test_entry_that_stands_twice_is_found(office: Office) -> None:
    feed = json.loads(await feed_of(office, "feeds/all.json"))
    feed["items"].append(feed["items"][0])

    found = await flaws(office, {"feeds/all.json": json.dumps(feed).encode()})

    assert any("stands 2 times" in one for one in found)


async def test_forms_that_hold_different_entries_are_found(office: Office) -> None:
    feed = json.loads(await feed_of(office, "feeds/all.json"))
    feed["items"].pop()

    found = await flaws(office, {"feeds/all.json": json.dumps(feed).encode()})

    assert found == ["the three forms hold different entries"]


def test_page_published_before_is_still_there(tmp_path: Path) -> None:
    (tmp_path / "issues").mkdir()
    (tmp_path / "issues/2015-001.html").write_text('<h1 id="top">一</h1>', encoding="utf-8")
    site = SiteToBe(BASE, [], tmp_path)

    assert site.has("issues/2015-001.html")
    assert site.has_anchor("issues/2015-001.html", "top")
    assert not site.has_anchor("issues/2015-002.html", "top")


def test_nothing_outside_the_public_folder_is_there(tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    (tmp_path / "secret").write_text("x", encoding="utf-8")

    assert not SiteToBe(BASE, [], tmp_path / "public").has("../secret")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (BASE, ""),
        (BASE.rstrip("/"), ""),
        (f"{BASE}a%20b?c#d", "a b"),
        ("https://news.example.com.evil.example.org/", None),
    ],
)
def test_address_below_ours(tmp_path: Path, url: str, path: str | None) -> None:
    assert SiteToBe(BASE, [], tmp_path).below(url) == path
