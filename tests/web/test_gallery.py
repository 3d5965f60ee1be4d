"""The page of every edition side by side: whole in itself, inert, and the same mails as would leave."""

import html
import re
from pathlib import Path

import pytest

from distributor.identifiers import IssueId
from distributor.operations.office import Office
from distributor.operations.rehearsals import planning
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.operations.workspace import open_workspace
from distributor.web.copying import office_copy
from distributor.web.gallery import gallery_file
from distributor.web.preview import build_preview
from tests.conftest import FRIDAY_NINE, SetClock
from tests.offices import office_in, write_issue, write_list, write_workspace
from tests.web.conftest import MEMBERS, PUBLIC
from tests.web.test_preview import write_picture_issue
from tests.web.visitor import Served

PLAN = SendingPlan(issue=IssueId("2015-055"), lists=(MEMBERS, PUBLIC))


async def page_of(office: Office, plan: SendingPlan = PLAN) -> str:
    return gallery_file(office, await planning.plan_sending(office, plan, FRIDAY_NINE), "zh")


def frames(page: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r' srcdoc="([^"]*)"', page)]


async def test_every_edition_in_use_is_shown_in_every_way(office: Office) -> None:
    page = await page_of(office)

    assert page.count('class="edition"') == 3
    assert len(frames(page)) == 3 * 4
    assert page.count("<pre ") == 3
    assert all(width in page for width in ("w680", "w375", "w600"))


async def test_page_asks_the_network_for_nothing(office: Office) -> None:
    page = await page_of(office)

    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert "default-src &#39;none&#39;" in policy[1]
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", re.sub(r'srcdoc="[^"]*"', "", page)) == []


async def test_frames_are_there_without_scripts_and_run_none(office: Office) -> None:
    page = await page_of(office)

    assert page.count("<noscript><iframe ") == 12
    assert page.count('sandbox="allow-popups allow-popups-to-escape-sandbox"') == 12


async def test_dark_pane_is_dark_and_bare_pane_has_no_style(office: Office) -> None:
    light, phone, dark, bare = frames(await page_of(office))[:4]

    assert light == phone
    assert "(min-width: 0)" in dark
    assert "<style" not in bare


async def test_mail_cannot_end_the_frame_it_lies_in(office: Office, root: Path) -> None:
    template = root / "templates/email.html"
    planted = '<!-- </noscript><script>alert("&amp;")</script> --></body>'
    template.write_text(template.read_text(encoding="utf-8").replace("</body>", planted), encoding="utf-8")
    async with office_in(root, SetClock()) as opened:
        page = await page_of(opened)

    assert len(frames(page)) == 12
    assert 1 + page.count("<noscript><iframe ") == page.count("</noscript>")


async def test_pictures_travel_in_the_page_once(root: Path, clock: SetClock) -> None:
    write_picture_issue(root)
    async with office_in(root, clock) as opened:
        page = await page_of(opened, SendingPlan(issue=IssueId("2015-057"), lists=(MEMBERS,)))

    assert page.count("data:image/png;base64,") == 1


async def test_faults_stand_at_the_top_of_the_page(office: Office, root: Path) -> None:
    template = root / "templates/email.html"
    planted = '<a href="#nowhere">x</a></body>'
    template.write_text(template.read_text(encoding="utf-8").replace("</body>", planted), encoding="utf-8")
    async with office_in(root, SetClock()) as opened:
        page = await page_of(opened)

    assert 'class="proof refused"' in page
    assert "邮件里没有 #nowhere 这个位置" in page


@pytest.fixture
def coming(tmp_path: Path) -> Path:
    """A workspace whose schedule sends the titles only, and the policy section alone."""
    changes = {'sections = "preferred"': 'sections = ["policy"]\nbody = "digest"'}
    root = write_workspace(tmp_path / "coming", changes=changes)
    issue = write_issue(root)
    article = issue / "a02.md"
    article.write_text(article.read_text(encoding="utf-8") + "\n" + "很长的一段。" * 200 + "\n", encoding="utf-8")
    write_list(root, "members", {"all@example.com": ""})
    return root


async def test_preview_shows_what_the_schedule_would_send(coming: Path, clock: SetClock) -> None:
    async with office_copy(open_workspace(coming, clock, {})) as copy, Served(build_preview(copy, "zh")) as visitor:
        page = await visitor.get("/next")
        (path,) = set(re.findall(r'href="(/editions/[^"]+)"', page.text))
        sheet = await visitor.get(html.unescape(path))
        (frame,) = set(re.findall(r'src="(/editions/[^"]+)"', sheet.text))
        mail = await visitor.get(html.unescape(frame))
        side_by_side = await visitor.get("/next/editions")
        planned = await planning.plan_next(copy)

    (rendition,) = planned.rehearsal.renditions.values()
    assert "body=digest" in path
    assert "很长的一段。" * 100 not in mail.text
    assert rendition.shortened == 1
    assert f"{rendition.html_bytes / 1000:.1f} kB" in page.text
    assert side_by_side.status == 200
    assert side_by_side.text.count('class="edition"') == 1


async def test_body_that_is_none_is_that_of_the_settings(coming: Path, clock: SetClock) -> None:
    async with office_copy(open_workspace(coming, clock, {})) as copy, Served(build_preview(copy, "zh")) as visitor:
        mail = await visitor.get("/editions/2015-055/policy/html?body=whatever")

    assert mail.status == 200
    assert "很长的一段。" * 100 in mail.text


async def test_nothing_to_go_has_no_page_of_editions(root: Path, clock: SetClock) -> None:
    for folder in (root / "content").iterdir():
        settings = folder / "issue.toml"
        settings.write_text(settings.read_text(encoding="utf-8").replace("ready", "draft"), encoding="utf-8")

    async with office_copy(open_workspace(root, clock, {})) as copy, Served(build_preview(copy, "zh")) as visitor:
        assert (await visitor.get("/next/editions")).status == 404
