"""The pages behind a mail's links in a real browser, without JavaScript: boxes, buttons, narrow and dark screens."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from distributor.operations import publishing
from distributor.operations.office import Office
from distributor.web.app import build_app
from distributor.web.copying import office_copy
from distributor.web.preview import build_preview
from tests.rendering.test_site_in_chromium import TOO_FAINT
from tests.web.conftest import ALL, BOTH, SOME, Reader, Token
from tests.web.visitor import ONE_CLICK, Served, Visitor

pytestmark = pytest.mark.chromium


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if binary is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield opened
        await opened.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A phone whose browser runs no script and keeps no cookie."""
    context = await browser.new_context(viewport={"width": 375, "height": 700}, java_script_enabled=False)
    yield await context.new_page()
    assert await context.cookies() == []
    await context.close()


def url(visitor: Visitor, path: str) -> str:
    return f"http://127.0.0.1:{visitor.port}{path}"


async def test_reader_ticks_boxes_saves_and_sees_what_will_come(
    page: Page, visitor: Visitor, token: Token, reader: Reader
) -> None:
    await page.goto(url(visitor, f"/preferences/{await token(SOME)}"))

    await page.get_by_label("市场热点").uncheck()
    await page.get_by_label("推荐阅读").check()
    await page.get_by_role("button", name="保存").click()

    assert await page.get_by_role("heading", level=1).inner_text() == "已保存"
    assert await page.locator(".titles li").all_inner_texts() == ["政策聚焦", "推荐阅读"]
    assert (await reader(SOME)).sections == frozenset({"policy", "reading"})


async def test_reader_of_everything_who_just_ticks_boxes_gets_those(
    page: Page, visitor: Visitor, token: Token, reader: Reader
) -> None:
    await page.goto(url(visitor, f"/preferences/{await token(ALL)}"))

    await page.get_by_label("行业公告").check()
    await page.get_by_role("button", name="保存").click()

    assert (await reader(ALL)).sections == frozenset({"notice"})


async def test_reader_turns_back_to_all_with_the_keyboard(
    page: Page, visitor: Visitor, token: Token, reader: Reader
) -> None:
    await page.goto(url(visitor, f"/preferences/{await token(SOME)}"))

    await page.get_by_label("只要我选的栏目").focus()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")

    assert "以后新增的栏目也会收到" in await page.get_by_role("status").inner_text()
    assert (await reader(SOME)).sections is None


async def test_nothing_ticked_asks_and_the_reader_goes_on_from_there(
    page: Page, visitor: Visitor, token: Token, reader: Reader
) -> None:
    await page.goto(url(visitor, f"/preferences/{await token(BOTH)}"))

    await page.get_by_label("行业公告").uncheck()
    await page.get_by_role("button", name="保存").click()
    asked = await page.get_by_role("alert").inner_text()
    await page.get_by_label("国内资讯").check()
    await page.get_by_role("button", name="保存").click()

    assert "一个栏目也没有选" in asked
    assert (await reader(BOTH)).sections == frozenset({"domestic"})


async def test_reader_unsubscribes_by_one_button_and_takes_it_back(
    page: Page, visitor: Visitor, token: Token, reader: Reader
) -> None:
    await page.goto(url(visitor, f"/preferences/{await token(ALL)}"))

    await page.get_by_role("link", name="退订", exact=True).click()
    await page.get_by_role("button", name="确认退订").click()
    gone = (await reader(ALL)).status
    await page.get_by_role("button", name="恢复订阅").click()

    assert gone == "unsubscribed"
    assert await page.get_by_role("heading", level=1).inner_text() == "已恢复订阅"
    assert (await reader(ALL)).status == "active"


async def test_reader_changes_the_language_and_saves_in_it(page: Page, visitor: Visitor, token: Token) -> None:
    await page.goto(url(visitor, f"/preferences/{await token(SOME)}"))

    await page.get_by_role("link", name="English").click()
    await page.get_by_role("button", name="Save").click()

    assert await page.get_by_role("heading", level=1).inner_text() == "Saved"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_is_wider_than_a_narrow_screen_and_all_text_can_be_read(
    browser: Browser, visitor: Visitor, token: Token, scheme: str
) -> None:
    gone = f"/unsubscribe/{await token(BOTH)}"
    await visitor.post(gone, ONE_CLICK)
    context = await browser.new_context(viewport={"width": 320, "height": 700}, color_scheme=scheme)  # type: ignore[arg-type]  # both are schemes
    page = await context.new_page()

    for path in (f"/preferences/{await token(SOME)}", f"/unsubscribe/{await token(ALL)}", gone, "/preferences/x"):
        await page.goto(url(visitor, path))
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
        assert await page.evaluate(TOO_FAINT) == [], path
    await context.close()


async def test_pages_break_no_policy_of_theirs(browser: Browser, office: Office, token: Token) -> None:
    complaints: list[str] = []
    await publishing.publish(office)
    page = await browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))

    async with Served(build_app(office)) as visitor:
        for path in ("/", "/feeds.html", f"/preferences/{await token(SOME)}", f"/unsubscribe/{await token(SOME)}"):
            await page.goto(url(visitor, path))
            assert await page.evaluate("getComputedStyle(document.body).marginTop") == "0px", path
    await page.close()

    assert complaints == []


async def test_preview_shows_a_mail_in_both_frames(browser: Browser, office: Office, root: Path) -> None:
    complaints: list[str] = []
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("console", lambda message: complaints.append(message.text))

    async with office_copy(office.workspace) as copy, Served(build_preview(copy, "zh")) as visitor:
        await page.goto(url(visitor, "/editions/2015-055/policy+market"))
        texts = [await frame.locator("body").inner_text() for frame in page.frames[1:]]
        widths = [await frame.evaluate("innerWidth") for frame in page.frames[1:]]
        faint = await page.evaluate(TOO_FAINT)
    await page.close()

    assert len(texts) == 2
    assert all("政策聚焦的一篇" in text for text in texts)
    assert widths[0] == 375
    assert (faint, complaints) == ([], [])
