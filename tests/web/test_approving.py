"""An operator's links: GET and HEAD show and change nothing, POST acts once; wrong, old and overtaken ones say so."""

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from distributor.content import loader
from distributor.identifiers import IssueId, ScheduleId, SlotKey
from distributor.operations import worker
from distributor.operations.desk import approving, desk_links
from distributor.operations.desk.approving import ApprovalState, load_present
from distributor.operations.desk.desk_links import Act, DeskLink
from distributor.operations.office import Office
from distributor.scheduling import calendar
from distributor.web.app import build_app
from tests.conftest import SetClock
from tests.offices import article_text, office_in, write_issue, write_workspace
from tests.rendering.test_site_in_chromium import TOO_FAINT
from tests.web.visitor import Served, Visitor

ISSUE = IssueId("2015-055")
WITH_APPROVAL = {'max_age = "10d"\n': 'max_age = "10d"\napproval = true\n'}
Signed = Callable[..., str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = write_workspace(tmp_path / "office", changes=WITH_APPROVAL)
    write_issue(root)
    return root


@pytest.fixture
async def office(root: Path, clock: SetClock) -> AsyncIterator[Office]:
    clock.moment -= timedelta(hours=21)
    async with office_in(root, clock) as opened:
        await worker.tick(opened)
        yield opened


@pytest.fixture
async def visitor(office: Office) -> AsyncIterator[Visitor]:
    async with Served(build_app(office)) as visiting:
        yield visiting


@pytest.fixture
def path_of(office: Office, clock: SetClock) -> Signed:
    """Return the path of a link about the issue as it is now; `changes` are another link's fields."""

    def sign(act: Act = "approve", **changes: object) -> str:
        link = DeskLink(
            act=act,
            issue=ISSUE,
            mark=desk_links.mark_of(load_present(office, ISSUE).fingerprint),
            operator="ops@example.com",
            until=clock.moment + desk_links.LIFETIME,
        )
        return f"/desk/{desk_links.sign(office.keyring, replace(link, **changes))}"  # type: ignore[arg-type]  # fields of a link

    return sign


async def standing(office: Office) -> ApprovalState:
    return await approving.state(office, ISSUE)


async def slot_state(office: Office) -> str:
    async with office.database.read() as connection:
        row = await calendar.find(connection, ScheduleId("weekly"), SlotKey("2015-W28#1"))
    assert row is not None
    return row.state


def edit(root: Path) -> None:
    path = root / "content" / ISSUE / "a01.md"
    path.write_text(path.read_text(encoding="utf-8") + "\n又加一段。\n", encoding="utf-8")


@pytest.mark.parametrize("act", ["approve", "hold"])
async def test_scanners_that_get_and_head_change_nothing(
    visitor: Visitor, office: Office, path_of: Signed, act: Act
) -> None:
    for method in ("GET", "HEAD", "GET"):
        answer = await visitor.ask(method, path_of(act))

    assert answer.status == 200
    assert ((await standing(office)).standing, await slot_state(office)) == ("none", "planned")


async def test_the_page_says_what_it_is_about_and_has_one_button(visitor: Visitor, path_of: Signed) -> None:
    answer = await visitor.get(path_of())

    assert "核准总第55期？" in answer.words
    assert "周五 2015-07-10 09:00 +08:00（weekly）" in answer.words
    assert "政策聚焦的一篇" in answer.words
    assert answer.text.count("<button") == 1
    assert "ops@example.com" not in answer.text


async def test_the_page_is_for_nobody_else(visitor: Visitor, path_of: Signed) -> None:
    headers = (await visitor.get(path_of())).headers

    assert "noindex" in headers["x-robots-tag"]
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in headers
    assert "script" not in headers["content-security-policy"]


async def test_post_approves_in_the_operator_s_name(visitor: Visitor, office: Office, path_of: Signed) -> None:
    answer = await visitor.post(path_of())

    found = await standing(office)
    assert "总第55期已核准" in answer.words
    assert found.standing == "approved"
    assert found.signature is not None
    assert found.signature.by == "ops@example.com"


async def test_twice_is_once_and_the_page_tells_who_was_first(
    visitor: Visitor, office: Office, path_of: Signed
) -> None:
    await approving.approve(office, "55", "张三")

    shown, posted = await visitor.get(path_of()), await visitor.post(path_of())

    assert "由 张三 于" in shown.words
    assert "由 张三 于" in posted.words
    assert "<button" not in shown.text


async def test_a_draft_becomes_ready_by_its_link(visitor: Visitor, office: Office, root: Path, path_of: Signed) -> None:
    loader.set_status(root / "content" / ISSUE, "draft")
    path = path_of()

    first, again = await visitor.post(path), await visitor.post(path)

    assert (first.status, again.status) == (200, 200)
    assert load_present(office, ISSUE).status == "ready"
    assert (await standing(office)).standing == "approved"


async def test_a_draft_that_lacks_something_is_named_and_stays_one(
    visitor: Visitor, office: Office, root: Path, path_of: Signed
) -> None:
    loader.set_status(root / "content" / ISSUE, "draft")
    text = article_text("2015-055-a01", "market").replace("source:", "missing: 正文\nsource:")
    (root / "content" / ISSUE / "a01.md").write_text(text, encoding="utf-8")

    answer = await visitor.post(path_of())

    assert answer.status == 422
    assert "content/2015-055/a01.md" in answer.words
    assert load_present(office, ISSUE).status == "draft"


async def test_an_edited_issue_is_not_approved_by_the_old_link(
    visitor: Visitor, office: Office, root: Path, path_of: Signed
) -> None:
    path = path_of()
    edit(root)

    shown, posted = await visitor.get(path), await visitor.post(path)

    assert (shown.status, posted.status) == (409, 409)
    assert "稿子改过了" in posted.words
    assert (await standing(office)).standing == "none"


async def test_post_holds_the_slot_and_again_holds_it_still(visitor: Visitor, office: Office, path_of: Signed) -> None:
    first, again = await visitor.post(path_of("hold")), await visitor.post(path_of("hold"))

    assert "distributor schedule release weekly" in first.words
    assert first.words == again.words
    assert await slot_state(office) == "held"


async def test_who_approves_what_is_held_is_told_so(visitor: Visitor, path_of: Signed) -> None:
    await visitor.post(path_of("hold"))

    answer = await visitor.post(path_of())

    assert "distributor schedule release weekly" in answer.words


async def test_an_old_link_says_so_and_does_nothing(
    visitor: Visitor, office: Office, clock: SetClock, path_of: Signed
) -> None:
    path = path_of(until=clock.moment - timedelta(seconds=1))

    answer = await visitor.post(path)

    assert answer.status == 410
    assert "过期" in answer.words
    assert (await standing(office)).standing == "none"


async def test_who_is_no_operator_any_more_gets_the_page_of_a_wrong_link(
    visitor: Visitor, office: Office, path_of: Signed
) -> None:
    wrong = await visitor.post("/desk/x")

    answer = await visitor.post(path_of(operator="gone@example.com"))

    assert (answer.status, answer.body) == (404, wrong.body)
    assert (await standing(office)).standing == "none"


async def test_an_issue_that_is_gone_or_broken_says_so(visitor: Visitor, root: Path, path_of: Signed) -> None:
    path = path_of()
    (root / "content" / ISSUE / "a01.md").write_text("broken", encoding="utf-8")
    broken = await visitor.post(path)
    (root / "content" / ISSUE).rename(root / "gone")
    gone = await visitor.get(path)

    assert (broken.status, gone.status) == (409, 409)
    assert "现在不能核准" in gone.words


async def test_what_went_out_needs_no_decision(
    visitor: Visitor, office: Office, clock: SetClock, path_of: Signed
) -> None:
    await approving.approve(office, "55", "张三")
    clock.advance(timedelta(hours=21))
    await worker.tick(office)

    answer = await visitor.post(path_of("hold"))

    assert "已经发出" in answer.words


async def test_without_pages_there_is_no_desk(root: Path, clock: SetClock, path_of: Signed) -> None:
    path = path_of()
    write_workspace(root, changes=WITH_APPROVAL | {'mode = "public"': 'mode = "none"'})

    async with office_in(root, clock) as plain, Served(build_app(plain)) as visitor:
        answer = await visitor.post(path)

    assert answer.status in (404, 405)


@pytest.mark.chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_an_operator_holds_then_approves_on_a_phone_without_scripts(
    visitor: Visitor, office: Office, path_of: Signed, scheme: str
) -> None:
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if binary is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        context = await browser.new_context(
            viewport={"width": 320, "height": 700},
            java_script_enabled=False,
            color_scheme=scheme,  # type: ignore[arg-type]  # both are schemes
        )
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{visitor.port}{path_of()}")
        width = await page.evaluate("document.documentElement.scrollWidth")
        faint = await page.evaluate(TOO_FAINT)
        await page.get_by_role("link", name="不，先暂缓").click()
        await page.get_by_role("button", name="暂缓").click()
        held = await slot_state(office)
        await page.goto(f"http://127.0.0.1:{visitor.port}{path_of()}")
        await page.get_by_role("link", name="English").click()
        await page.get_by_role("button", name="Approve").click()
        heading = await page.get_by_role("heading", level=1).inner_text()
        await browser.close()

    assert (width, faint) == (320, [])
    assert (held, heading) == ("held", "No. 55 is approved")
