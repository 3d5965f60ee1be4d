"""The preview: everything there is to see, on this host alone, and nothing changed by looking."""

import re
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import urljoin

import pytest

from distributor.errors import DatabaseFault
from distributor.identifiers import IssueId
from distributor.operations import delivering
from distributor.operations.launching import LaunchOrder, launch
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.operations.workspace import open_workspace
from distributor.web.copying import office_copy
from distributor.web.outbox import find_mail
from distributor.web.preview import build_preview
from tests.conftest import SetClock
from tests.offices import article_text, write_issue, write_list, write_workspace
from tests.web.conftest import ALL, BOTH, MEMBERS, PUBLIC, SOME, Reader
from tests.web.visitor import Answer, Served, Visitor

BASE = "https://news.example.com/"


@pytest.fixture
async def delivered(office: Office) -> None:
    plan = SendingPlan(issue=IssueId("2015-055"), lists=(MEMBERS, PUBLIC))
    await launch(office, LaunchOrder(plan=plan, origin="weekly/2015-W28#1"))
    await delivering.dispatcher_of(office).run_until_idle()


@pytest.fixture
async def preview(root: Path, clock: SetClock, office: Office, delivered: None) -> AsyncIterator[Visitor]:
    """The preview of a workspace that sent issue 55 to three readers; the office stays open beside it."""
    async with office_copy(open_workspace(root, clock, {})) as copy, Served(build_preview(copy, "zh")) as visitor:
        yield visitor


async def links(visitor: Visitor, path: str, pattern: str) -> list[str]:
    return sorted(set(re.findall(f'href="({pattern})"', (await visitor.get(path)).text)))


def content(page: Answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text.partition("<main")[2]))


def files_of(root: Path) -> dict[str, str]:
    found = (file for file in sorted(root.rglob("*")) if file.is_file())
    return {file.relative_to(root).as_posix(): sha256(file.read_bytes()).hexdigest() for file in found}


async def test_first_page_leads_to_everything(preview: Visitor) -> None:
    page = await preview.get("/")

    assert page.status == 200
    for path in ("/site/index.html", "/soon/index.html", "/feeds", "/next", "/mailings", "/issues/2015-055"):
        assert f'href="{path}"' in page.text
    assert len(await links(preview, "/", r"/mails/[^\"?]+")) == 3


async def test_list_names_reader_edition_and_subject(preview: Visitor) -> None:
    shown = content(await preview.get("/mails"))

    assert all(address in shown for address in (ALL, SOME, BOTH))
    assert "市场热点、政策聚焦" in shown
    assert "全部 6 个栏目" in shown


async def test_mail_is_shown_in_every_view(preview: Visitor, root: Path) -> None:
    (path, *_rest) = await links(preview, "/mails", r"/mails/[^\"?]+")
    sheet = find_mail(root / "var/outbox", path.rpartition("/")[2])
    assert sheet is not None

    page, text, source = [await preview.get(f"{path}?view={view}") for view in ("both", "text", "source")]

    assert page.text.count("<iframe") == 2
    assert 'width="375"' in page.text
    assert sheet.subject in page.text
    assert sheet.text.splitlines()[0] in text.text
    assert "List-Unsubscribe-Post" in source.text
    assert (await preview.get(f"{path}/source.eml")).headers["content-type"] == "message/rfc822"


async def test_mail_in_a_frame_leads_to_this_host_and_fetches_nothing_elsewhere(preview: Visitor) -> None:
    (path, *_rest) = await links(preview, "/mails", r"/mails/[^\"?]+")

    html = await preview.get(f"{path}/html")

    assert f'"{BASE}' not in html.text
    assert 'href="/site/issues/2015-055.html' in html.text
    assert "cid:" not in html.text
    assert "img-src 'self' data:" in html.headers["content-security-policy"]
    assert "sandbox" in html.headers["content-security-policy"]


async def test_every_link_of_every_page_and_mail_leads_somewhere(preview: Visitor) -> None:
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        answer = await preview.get(path)
        assert answer.status == 200, path
        seen.add(path)
        if answer.headers["content-type"].startswith("text/html"):
            found = re.findall(r'(?:href|src)="([^"#]+)', answer.text)
            waiting += {resolved(path, link) for link in found if "://" not in link} - seen - set(waiting) - {""}

    assert {"/site/articles/2015-055-a01.html", "/feeds/all/atom", "/site/feeds.html"} <= seen
    assert any(path.startswith("/site/preferences/v1.") for path in seen)


def resolved(path: str, link: str) -> str:
    return "" if link.startswith("mailto:") else urljoin(path, link).replace("&amp;", "&")


async def test_pictures_of_a_mail_are_shown(root: Path, clock: SetClock) -> None:
    write_picture_issue(root)

    async with office_copy(open_workspace(root, clock, {})) as copy, Served(build_preview(copy, "zh")) as visitor:
        html = await visitor.get("/editions/2015-057/market/html")
        (picture,) = set(re.findall(r'src="(pictures/[^"]+)"', html.text))
        shown = await visitor.get(f"/editions/2015-057/market/{picture}")

    assert (shown.status, shown.headers["content-type"]) == (200, "image/png")
    assert shown.body.startswith(b"\x89PNG")


def write_picture_issue(root: Path) -> None:
    repository = Path(__file__).parent.parent.parent
    picture = (repository / "content/2015-055/images/a22-ccer-volume.png").read_bytes()
    folder = write_issue(root, 57, date="2015-07-24", sections=("market",))
    (folder / "images").mkdir()
    (folder / "images" / "a.png").write_bytes(picture)
    text = article_text("2015-057-a01", "market", body="看图。\n\n![成交量](images/a.png)")
    (folder / "a01.md").write_text(text, encoding="utf-8")


async def test_draft_is_shown_as_mail_for_any_sections_and_as_page(preview: Visitor, root: Path) -> None:
    write_issue(root, 56, date="2015-07-17", status="draft")

    page = await preview.get("/issues/2015-056?section=policy&section=notice")
    html = await preview.get("/editions/2015-056/policy+notice/html")
    soon = await preview.get("/soon/articles/2015-056-a02.html")

    assert 'src="/editions/2015-056/policy%2Bnotice/html"' in page.text
    assert ("政策聚焦的一篇" in html.text, "市场热点的一篇" in html.text) == (True, False)
    assert "政策聚焦的一篇" in soon.text
    assert (await preview.get("/site/articles/2015-056-a02.html")).status == 404


async def test_notice_and_text_only_readers_are_shown_too(preview: Visitor) -> None:
    notice = await preview.get("/editions/2015-055/notice/html")
    source = await preview.get("/editions/2015-055/policy/source.eml")
    picture = await preview.get("/editions/2015-055/policy/pictures/none")

    assert "节能减排信息动态" in notice.text
    assert (source.status, picture.status) == (404, 404)


async def test_issue_with_faults_shows_them_and_no_mail(preview: Visitor, root: Path) -> None:
    folder = write_issue(root, 56, date="2015-07-17", status="draft")
    (folder / "a01.md").write_text("---\ntitle: 没有栏目\n---\n正文\n", encoding="utf-8")

    page, mail = await preview.get("/issues/2015-056"), await preview.get("/editions/2015-056/policy")

    assert "content/2015-056/a01.md" in content(page)
    assert mail.status == 422
    assert "content/2015-056/a01.md" in content(mail)


async def test_rehearsal_shows_the_next_mailing_with_lists_as_they_are(preview: Visitor, root: Path) -> None:
    write_issue(root, 56, date="2015-07-17")
    write_list(root, "public", {BOTH: "行业公告", "new@example.com": "政策聚焦"})

    shown = content(await preview.get("/next"))

    assert "2015-056" in shown
    assert "将发出 4" in shown
    assert await links(preview, "/next", r"/editions/[^\"]+") != []


async def test_rehearsal_without_anything_to_go_shows_why_and_the_last_mailing(preview: Visitor) -> None:
    shown = content(await preview.get("/next"))

    assert "现在没有可以预演的" in shown
    assert "distributor schedule" in shown
    assert "上一次发送 2015-055" in shown


async def test_frozen_edition_stays_as_it_was_sent(preview: Visitor, root: Path) -> None:
    article = root / "content/2015-055/a02.md"
    article.write_text(article.read_text(encoding="utf-8").replace("示例来源", "改过的来源"), encoding="utf-8")
    (path, *_rest) = await links(preview, "/mailings", r"/mailings/[^\"]+")

    html = await preview.get(f"{path}/html")

    assert "示例来源" in html.text
    assert "改过的来源" not in html.text
    assert "/site/preferences/preview" in html.text


async def test_looking_changes_nothing(root: Path, clock: SetClock, office: Office, delivered: None) -> None:
    write_issue(root, 56, date="2015-07-17")
    write_list(root, "public", {"new@example.com": ""})
    before = files_of(root)

    async with office_copy(open_workspace(root, clock, {})) as copy, Served(build_preview(copy, "zh")) as visitor:
        for path in ("/", "/mails", "/next", "/mailings", "/issues", "/issues/2015-056", "/soon/index.html", "/feeds"):
            assert (await visitor.get(path)).status == 200

    assert files_of(root) == before


async def test_workspace_that_never_ran_is_shown_and_stays_as_it_is(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path / "new")
    write_issue(root)
    before = files_of(root)

    async with office_copy(open_workspace(root, clock, {})) as copy, Served(build_preview(copy, "zh")) as visitor:
        first = await visitor.get("/")
        site = await visitor.get("/site/index.html")
        mail = await visitor.get("/editions/2015-055/policy/html")

    assert (first.status, site.status, mail.status) == (200, 404, 200)
    assert "还没有发布网页" in first.text
    assert files_of(root) == before


async def test_posting_changes_nothing_and_says_so(preview: Visitor, reader: Reader) -> None:
    (path, *_rest) = await links(preview, "/mails", r"/mails/[^\"?]+")
    (link, *_others) = re.findall(r'href="(/site/unsubscribe/[^"]+)"', (await preview.get(f"{path}/html")).text)
    before = [await reader(address) for address in (ALL, SOME, BOTH)]

    shown, answer = await preview.get(link), await preview.post(link, [("action", "unsubscribe")])

    assert "确认退订" in shown.words
    assert answer.status == 405
    assert "预览只看不改" in answer.text
    assert [await reader(address) for address in (ALL, SOME, BOTH)] == before


async def test_foreign_name_that_leads_here_reads_nothing(preview: Visitor) -> None:
    for host in ("mail.example.net", "127.0.0.1.example.net", "evil.localhost.example.org:80"):
        assert (await preview.get("/mails", {"Host": host})).status == 421
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert (await preview.get("/mails", {"Host": host})).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/mails/nothing",
        "/mails/..%2F..%2Fdistributor.db",
        "/mails/%2e%2e",
        "/mailings/99/policy",
        "/mailings/1/nothing",
        "/editions/2099-001/policy",
        "/editions/2015-055/nothing",
        "/issues/..",
        "/issues/x",
        "/feeds/nothing",
        "/feeds/nothing/atom",
        "/site/..%2f..%2fdistributor.toml",
        "/soon/../distributor.toml",
        "/nothing",
    ],
)
async def test_what_is_not_there_is_404(preview: Visitor, path: str) -> None:
    answer = await preview.get(path)

    assert answer.status == 404
    assert "schema = 1" not in answer.text


async def test_page_number_out_of_range_shows_an_empty_list(preview: Visitor) -> None:
    for number in ("7", "0", "-1", "x", "9" * 30):
        assert (await preview.get(f"/mails?page={number}")).status == 200


async def test_preview_speaks_english(root: Path, clock: SetClock) -> None:
    async with office_copy(open_workspace(root, clock, {})) as copy, Served(build_preview(copy, "en")) as visitor:
        assert "Looking only" in (await visitor.get("/")).text


async def test_database_that_is_none_is_named(root: Path, clock: SetClock) -> None:
    (root / "var").mkdir()
    (root / "var" / "distributor.db").write_bytes(b"no database at all" * 100)

    with pytest.raises(DatabaseFault, match=r"distributor\.db"):
        async with office_copy(open_workspace(root, clock, {})):
            pass
