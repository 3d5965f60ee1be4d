"""Take pictures of the mails and pages of a workspace, to be looked at.

    python scripts/screenshots.py [ISSUE_FOLDER] [--page FILE.html ...] [--out var/screenshots]

Renders the issue's mails (all sections; two sections; digest; English) and the page of its rehearsal, and takes each,
and every page named, in headless Chromium: 375 and 1280 pixels wide, light and dark; the mails also with every <style>
removed, as the strictest webmails show them, the rehearsal also without scripts.
Chromium is found by CHROMIUM, else /usr/bin/chromium.
"""

import argparse
import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from distributor.config.loader import load
from distributor.config.model import Settings
from distributor.content.loader import load_issue
from distributor.content.model import Issue
from distributor.editions import Edition, cut
from distributor.errors import InputError
from distributor.identifiers import IssueId
from distributor.operations.clocks import SystemClock
from distributor.operations.rehearsals.planning import plan_sending
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.operations.workspace import open_workspace
from distributor.rendering.mail import Press, inline_pictures, render_edition
from distributor.rendering.model import Placeholders
from distributor.rendering.templates import Templates
from distributor.rendering.urls import site_of
from distributor.web.copying import bring_lists, office_copy
from distributor.web.gallery import gallery_file

WIDTHS = (375, 1280)
SCHEMES = ("light", "dark")
ROOT = Path(__file__).resolve().parent.parent
ARGUMENTS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
]
FILLING = 1500
"""Milliseconds in which the frames of a rehearsal fill."""
STYLE = re.compile(r"<style.*?</style>", re.DOTALL)


def main() -> None:
    """Render and photograph what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("issue", nargs="?", type=Path, default=ROOT / "content" / "2015-055")
    parser.add_argument("--root", type=Path, default=ROOT, help="the workspace")
    parser.add_argument("--page", type=Path, action="append", default=[], help="a further HTML file")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "screenshots")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    sheets = [*mails(asked.root, asked.issue, asked.out), *asked.page]
    rehearsed = asyncio.run(rehearsal(asked.root, IssueId(asked.issue.name), asked.out))
    for picture in photograph(sheets, rehearsed, asked.out):
        print(picture)


def mails(root: Path, folder: Path, out: Path) -> Iterator[Path]:
    """Write the mails of one issue as files that a browser shows, and yield them."""
    settings = load(root, {}).settings
    loaded = load_issue(folder, root=root, sections=settings.section)
    if loaded.issue is None:
        raise InputError(problems=loaded.problems)
    issue = loaded.issue
    for name, press, edition in variants(settings, issue, Templates([root / "templates"])):
        rendition = render_edition(edition, press)
        html = rendition.html
        for picture in inline_pictures(issue, press):
            file = out / picture.cid.partition("@")[0]
            file.write_bytes(picture.content)
            html = html.replace(f"cid:{picture.cid}", file.name)
        (out / f"{name}.txt").write_text(rendition.text, encoding="utf-8")
        print(f"{name}: {rendition.html_bytes} bytes, {rendition.shortened} shortened, {rendition.subject}")
        for suffix, text in (("", html), ("-bare", STYLE.sub("", html))):
            sheet = out / f"{name}{suffix}.html"
            sheet.write_text(text, encoding="utf-8")
            yield sheet


def variants(settings: Settings, issue: Issue, templates: Templates) -> Iterator[tuple[str, Press, Edition]]:
    """Yield the mails worth looking at: name, press, edition."""
    publication = settings.publication
    press = {
        "sections": settings.section,
        "site": site_of(publication),
        "templates": templates,
        "placeholders": Placeholders(token="0" * 67, address="zh***@example.com"),
    }
    english = publication.model_copy(update={"language": "en"})
    whole, part = cut(issue, None), cut(issue, frozenset(issue.sections[:2]))
    assert whole is not None
    assert part is not None
    cases: Mapping[str, tuple[str, int, Edition]] = {
        "mail": ("fit", 95, whole),
        "mail-part": ("fit", 95, part),
        "mail-full": ("full", 95, whole),
        "mail-digest": ("digest", 95, whole),
        "mail-titles": ("fit", 20, whole),
    }
    for name, (body, limit, edition) in cases.items():
        email = settings.email.model_copy(update={"body": body, "max_html_kb": limit})
        yield name, Press(publication=publication, email=email, **press), edition
    yield "mail-english", Press(publication=english, email=settings.email, **press), part


async def rehearsal(root: Path, issue: IssueId, out: Path) -> Path:
    """Write the page that `plan --html` writes for the issue to all lists, and return it."""
    workspace = open_workspace(root, SystemClock(), {})
    async with office_copy(workspace) as office:
        await bring_lists(office)
        plan = SendingPlan(issue=issue, lists=workspace.list_names)
        audience = await plan_sending(office, plan, workspace.clock.now())
        sheet = out / "rehearsal.html"
        sheet.write_text(gallery_file(office, audience, "zh"), encoding="utf-8")
    return sheet


def photograph(sheets: list[Path], rehearsed: Path, out: Path) -> Iterator[Path]:
    """Take every sheet in every width and scheme, the rehearsal without scripts too; yield the PNG files."""
    with sync_playwright() as playwright:
        executable = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        for sheet in sheets:
            yield from _photograph_one(browser, sheet, out)
        yield from _photograph_one(browser, rehearsed, out, tall=2400)
        yield from _photograph_one(browser, rehearsed, out, tall=2400, scripts=False)
        browser.close()


def _photograph_one(browser: Browser, sheet: Path, out: Path, *, tall: int = 0, scripts: bool = True) -> Iterator[Path]:
    """Take one sheet; `tall` pixels of it from its top, which fill themselves while they are shown, 0 for all of it."""
    for width in WIDTHS:
        for scheme in SCHEMES:
            page = browser.new_page(
                viewport={"width": width, "height": tall or 900}, color_scheme=scheme, java_script_enabled=scripts
            )
            page.goto(sheet.resolve().as_uri())
            if scripts and (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                print(f"{sheet.name}: {wide} pixels wide on a screen of {width}")
            if tall:
                page.wait_for_timeout(FILLING)
            picture = out / f"{sheet.stem}{'' if scripts else '-scriptless'}-{width}-{scheme}.png"
            page.screenshot(path=picture, full_page=not tall)
            page.close()
            yield picture


if __name__ == "__main__":
    main()
