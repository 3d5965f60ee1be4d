"""The public folder over HTTP: media types, validators, compression, and paths that lead nowhere else."""

import gzip
import os
from pathlib import Path

import pytest

from tests.web.conftest import Standing
from tests.web.visitor import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture
def visitor(standing: Standing) -> Visitor:
    return standing.visitor


@pytest.fixture
def public(standing: Standing) -> Path:
    return standing.public


def write(public: Path, name: str, content: bytes) -> None:
    (public / name).parent.mkdir(parents=True, exist_ok=True)
    (public / name).write_bytes(content)


async def test_home_page_is_there_under_both_names(visitor: Visitor) -> None:
    home, named = await visitor.get("/"), await visitor.get("/index.html")

    assert home.status == named.status == 200
    assert home.body == named.body
    assert "<h1" in home.text


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/index.html", "text/html; charset=utf-8"),
        ("/assets/site.css", "text/css; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml; charset=utf-8"),
        ("/feeds/all.atom", "application/atom+xml; charset=utf-8"),
        ("/feeds/all.rss", "application/rss+xml; charset=utf-8"),
        ("/feeds/section-policy.json", "application/feed+json; charset=utf-8"),
    ],
)
async def test_published_file_says_what_it_is(visitor: Visitor, path: str, media_type: str) -> None:
    answer = await visitor.get(path)

    assert (answer.status, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.json", b"{}", "application/json"),
        ("a.PNG", b"\x89PNG", "image/png"),
        ("a.pdf", b"%PDF", "application/pdf"),
        ("a.exe", b"MZ", "application/octet-stream"),
        ("none", b"x", "application/octet-stream"),
        ("utf8.csv", "日期,价格".encode(), "text/csv; charset=utf-8"),
        ("office.csv", "日期,价格".encode("gb18030"), "text/csv; charset=gb18030"),
    ],
)
async def test_attachment_says_what_it_is(
    visitor: Visitor, public: Path, name: str, content: bytes, media_type: str
) -> None:
    write(public, f"issues/2015-055/files/{name}", content)

    answer = await visitor.get(f"/issues/2015-055/files/{name}")

    assert (answer.headers["content-type"], answer.body) == (media_type, content)


async def test_chinese_file_names_are_found(visitor: Visitor, public: Path) -> None:
    write(public, "issues/2015-055/files/附件 一.docx", b"PK")

    answer = await visitor.get("/issues/2015-055/files/%E9%99%84%E4%BB%B6%20%E4%B8%80.docx")

    assert answer.status == 200


async def test_feed_that_the_reader_has_is_not_sent_again(visitor: Visitor) -> None:
    first = await visitor.get("/feeds/all.atom")

    by_tag = await visitor.get("/feeds/all.atom", {"If-None-Match": first.headers["etag"]})
    by_date = await visitor.get("/feeds/all.atom", {"If-Modified-Since": first.headers["last-modified"]})

    assert (by_tag.status, by_tag.body) == (by_date.status, by_date.body) == (304, b"")
    assert by_tag.headers["etag"] == first.headers["etag"]
    assert by_tag.headers["cache-control"] == first.headers["cache-control"] == "public, max-age=3600"


@pytest.mark.parametrize(
    ("held", "status"),
    [
        pytest.param({"If-None-Match": "*"}, 304, id="any"),
        pytest.param({"If-None-Match": '"a", W/{etag}, "b"'}, 304, id="one of several, weak"),
        pytest.param({"If-None-Match": '"other"'}, 200, id="another"),
        pytest.param({"If-None-Match": '"other"', "If-Modified-Since": "{date}"}, 200, id="the tag wins over the date"),
        pytest.param({"If-Modified-Since": "Thu, 01 Jan 2015 00:00:00 GMT"}, 200, id="an older date"),
        pytest.param({"If-Modified-Since": "yesterday"}, 200, id="no date at all"),
        pytest.param({"If-Modified-Since": ""}, 200, id="empty"),
    ],
)
async def test_what_the_reader_holds_decides(visitor: Visitor, held: dict[str, str], status: int) -> None:
    first = (await visitor.get("/feeds/all.rss")).headers
    headers = {name: value.format(etag=first["etag"], date=first["last-modified"]) for name, value in held.items()}

    assert (await visitor.get("/feeds/all.rss", headers)).status == status


async def test_compressed_file_is_the_same_with_a_tag_of_its_own(visitor: Visitor) -> None:
    plain, packed = await visitor.get("/feeds/all.atom"), await visitor.get("/feeds/all.atom", GZIP)

    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    again = await visitor.get("/feeds/all.atom", GZIP | {"If-None-Match": packed.headers["etag"]})
    assert (again.status, again.headers["etag"]) == (304, packed.headers["etag"])


@pytest.mark.parametrize(
    ("offer", "packed"),
    [
        ("gzip", True),
        ("*", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("*;q=0, gzip", True),
        ("gzip;q=0.000, *", False),
        ("identity", False),
        ("", False),
    ],
)
async def test_only_who_takes_gzip_gets_it(visitor: Visitor, offer: str, packed: bool) -> None:
    answer = await visitor.get("/feeds/all.atom", {"Accept-Encoding": offer})

    assert ("content-encoding" in answer.headers) is packed


async def test_pictures_are_not_compressed(visitor: Visitor, public: Path) -> None:
    write(public, "a.png", b"\x89PNG" + bytes(5000))

    answer = await visitor.get("/a.png", GZIP)

    assert "content-encoding" not in answer.headers
    assert "vary" not in answer.headers


async def test_head_says_what_get_would_send(visitor: Visitor) -> None:
    head, got = await visitor.ask("HEAD", "/feeds/all.atom"), await visitor.get("/feeds/all.atom")

    assert (head.status, head.body) == (200, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


async def test_tag_depends_on_the_bytes_alone(visitor: Visitor, public: Path) -> None:
    write(public, "a.txt", b"one")
    first = (await visitor.get("/a.txt")).headers["etag"]
    write(public, "a.txt", b"two")
    second = (await visitor.get("/a.txt")).headers["etag"]
    write(public, "a.txt", b"one")
    os.utime(public / "a.txt", (0, 0))

    assert (await visitor.get("/a.txt")).headers["etag"] == first != second


async def test_large_file_is_streamed_whole(visitor: Visitor, public: Path) -> None:
    content = os.urandom(3_000_000)
    write(public, "issues/2015-055/files/a.pdf", content)

    got = await visitor.get("/issues/2015-055/files/a.pdf")
    head = await visitor.ask("HEAD", "/issues/2015-055/files/a.pdf")
    held = await visitor.get("/issues/2015-055/files/a.pdf", {"If-None-Match": got.headers["etag"]})

    assert got.body == content
    assert (head.headers["content-length"], head.body) == ("3000000", b"")
    assert held.status == 304


async def test_missing_page_is_the_archives_own_with_status_404(visitor: Visitor) -> None:
    answer = await visitor.get("/articles/2015-055-a99.html")

    assert answer.status == 404
    assert "没有找到这一页" in answer.text
    assert 'href="/index.html"' in answer.text


OUTSIDE = (
    "/../distributor.toml",
    "/%2e%2e/%2e%2e/distributor.toml",
    "/..%2f..%2fdistributor.toml",
    "/assets/..%2f..%2f..%2fdistributor.toml",
    "/..%5c..%5cdistributor.toml",
    "/%c0%ae%c0%ae/distributor.toml",
    "/.hidden",
    "/assets/.hidden",
    "//etc/passwd",
    "/%2fetc/passwd",
    "/assets//site.css",
    "/index.html%00.css",
    "/archive/CON",
    "/assets",
    "/assets/",
    "/index.html/",
    "/link.html",
    "/" + "a" * 300,
    "/" + "%E6%9C%9F" * 150,
    "/" + "a" * 8000,
)


@pytest.mark.parametrize("path", OUTSIDE, ids=[path[:40] for path in OUTSIDE])
async def test_nothing_outside_the_folder_exists(visitor: Visitor, public: Path, path: str) -> None:
    write(public, ".hidden", b"secret")
    write(public, "assets/.hidden", b"secret")
    if not (public / "link.html").is_symlink():
        (public / "link.html").symlink_to(public.parent.parent / "distributor.toml")

    answer = await visitor.get(path)

    assert answer.status == 404
    assert "secret" not in answer.text
    assert "schema = 1" not in answer.text


async def test_posting_to_the_archive_is_refused(visitor: Visitor) -> None:
    answer = await visitor.post("/index.html", [("a", "b")])

    assert (answer.status, answer.headers["allow"].replace("HEAD", "").strip(" ,")) == (405, "GET")


async def test_archive_page_may_load_its_own_files_only(visitor: Visitor) -> None:
    policy = (await visitor.get("/index.html")).headers["content-security-policy"]

    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self';")
    assert "script" not in policy


async def test_reader_during_a_publication_sees_whole_files_that_match_their_tags(
    visitor: Visitor, public: Path
) -> None:
    seen: dict[str, set[bytes]] = {}

    for turn in range(20):
        write(public, ".new", b"x" * (1000 + turn))
        (public / ".new").replace(public / "changing.html")
        answer = await visitor.get("/changing.html")
        seen.setdefault(answer.headers["etag"], set()).add(answer.body)

    assert len(seen) == 20
    assert all(len(bodies) == 1 for bodies in seen.values())
