"""The archive in a real browser: narrow screens, contrast on light and dark paper, a strict policy, the keyboard."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from distributor.rendering.archive import build_archive
from tests.rendering.publications import full_issue, masthead, templates

pytestmark = pytest.mark.chromium
PAGES = (
    "index.html",
    "issues/2015-055.html",
    "articles/2015-055-a01.html",
    "articles/2015-055-a02.html",
    "sections/policy.html",
    "feeds.html",
    "404.html",
)
# Every text node against the first opaque ground under it, by the WCAG 2.2 formula; large text may have 3 to 1.
TOO_FAINT = """() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const luminance = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const style = getComputedStyle(element);
    if (!walker.currentNode.data.trim() || ["SCRIPT", "TITLE"].includes(element.tagName.toUpperCase())) continue;
    const svg = element instanceof SVGElement;
    const [a, b] = [luminance(parse(svg ? style.fill : style.color)), luminance(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${walker.currentNode.data.trim().slice(0, 20)}`);
  }
  return faint;
}"""


class _Strict(http.server.SimpleHTTPRequestHandler):
    """Serves a folder under the strictest policy that a page with a style sheet and pictures can live with."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    for file in build_archive([full_issue()], masthead(), templates()):
        _write(folder, file.path.as_posix(), file.content)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Strict, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
    thread.join()


def _write(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if binary is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(params=["light", "dark"])
def narrow(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page 320 points wide, on light and on dark paper."""
    context = browser.new_context(viewport={"width": 320, "height": 700}, color_scheme=request.param)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", PAGES)
def test_no_page_is_wider_than_a_narrow_screen_and_all_text_can_be_read(narrow: Page, site: str, path: str) -> None:
    narrow.goto(site + path)

    wider = narrow.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert wider <= 0
    assert narrow.evaluate(TOO_FAINT) == []


def test_the_pages_break_no_strict_content_security_policy(browser: Browser, site: str) -> None:
    complaints: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))

    for path in PAGES[:-1]:
        page.goto(site + path)
    page.close()

    assert complaints == []


def test_the_first_tab_shows_the_way_to_the_content(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(site + PAGES[2])

    page.keyboard.press("Tab")
    shown = page.evaluate(
        "document.activeElement.getBoundingClientRect().left >= 0 && document.activeElement.innerText"
    )
    page.keyboard.press("Enter")
    reached = page.evaluate("document.activeElement.id")
    page.close()

    assert (shown, reached) == ("跳到正文", "content")


def test_paper_gets_the_text_without_the_ways_around_it(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.emulate_media(media="print")
    page.goto(site + PAGES[2])

    hidden = page.evaluate("[...document.querySelectorAll('.sections, .turn, .trail')].every(e => !e.offsetHeight)")
    ink = page.evaluate("getComputedStyle(document.body).color")
    page.close()

    assert hidden
    assert ink == "rgb(0, 0, 0)"
