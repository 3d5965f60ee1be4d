"""The app as configured: no personal pages without `[web] mode`, base paths, templates tried before serving."""

from pathlib import Path

import pytest

from distributor.errors import TemplateError
from distributor.operations import publishing
from distributor.operations.office import Office
from distributor.web.app import build_app
from tests.conftest import SetClock
from tests.offices import office_in, write_workspace
from tests.web.conftest import ALL, Token
from tests.web.visitor import ONE_CLICK, Served, Visitor


async def test_mode_none_serves_the_archive_and_no_personal_page(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path / "closed", changes={'mode = "public"': 'mode = "none"'})

    async with office_in(root, clock) as office:
        await publishing.publish(office)
        async with Served(build_app(office)) as visitor:
            assert (await visitor.get("/index.html")).status == 200
            for path in ("/unsubscribe/wrong", "/preferences/wrong", "/preferences/pages.css"):
                assert (await visitor.get(path)).status == 404
            assert (await visitor.post("/unsubscribe/wrong", ONE_CLICK)).status == 405


@pytest.mark.parametrize("kept", [True, False], ids=["prefix kept by the proxy", "prefix taken off by the proxy"])
async def test_site_under_a_path_is_served_either_way(tmp_path: Path, clock: SetClock, kept: bool) -> None:
    root = write_workspace(tmp_path / "below", changes={"https://news.example.com/": "https://www.example.com/weekly/"})
    prefix = "/weekly" if kept else ""

    async with office_in(root, clock) as office:
        await publishing.publish(office)
        async with Served(build_app(office)) as visitor:
            assert (await visitor.get(f"{prefix}/")).status == 200
            assert (await visitor.get(f"{prefix}/preferences/pages.css")).status == 200
            assert 'href="/weekly/index.html"' in (await visitor.get(f"{prefix}/nothing")).text
            assert 'href="/weekly/preferences/pages.css"' in (await visitor.get(f"{prefix}/preferences/wrong")).text


async def test_style_sheet_of_the_pages_is_theirs_before_anything_is_published(office: Office) -> None:
    async with Served(build_app(office)) as visitor:
        sheet = await visitor.get("/preferences/pages.css")
        held = await visitor.get("/preferences/pages.css", {"If-None-Match": sheet.headers["etag"]})

        assert sheet.headers["content-type"] == "text/css; charset=utf-8"
        assert ".s-policy" in sheet.text
        assert held.status == 304
        assert (await visitor.get("/preferences/icon.svg")).headers["content-type"].startswith("image/svg+xml")


async def test_workspaces_own_template_comes_before_the_packaged_one(office: Office, root: Path, token: Token) -> None:
    page = root / "templates" / "web" / "unsubscribe.html"
    page.write_text("own page of {{ publication }}", encoding="utf-8")

    async with Served(build_app(office)) as visitor:
        assert (await visitor.get(f"/unsubscribe/{await token(ALL)}")).text == "own page of 节能减排信息动态"


async def test_packaged_templates_serve_a_workspace_without_these(office: Office, root: Path, token: Token) -> None:
    for file in (root / "templates" / "web").rglob("*.*"):
        file.unlink()

    async with Served(build_app(office)) as visitor:
        assert (await visitor.get(f"/unsubscribe/{await token(ALL)}")).status == 200


async def test_broken_template_stops_the_start_and_names_its_line(office: Office, root: Path) -> None:
    (root / "templates" / "web" / "done.html").write_text("\n\n{{ notise }}", encoding="utf-8")

    with pytest.raises(TemplateError, match=r"templates/web/done.html:3"):
        build_app(office)


async def test_missing_page_is_404_also_before_anything_is_published(visitor: Visitor) -> None:
    answer = await visitor.get("/")

    assert answer.status == 404
    assert "没有找到这一页" in answer.words
