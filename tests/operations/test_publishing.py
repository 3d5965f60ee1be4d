import sys
from dataclasses import replace
from pathlib import Path

import pytest

from distributor.config.model import Web
from distributor.errors import EnvironmentFault, InputError
from distributor.operations import publishing, worker
from distributor.operations.office import Office
from distributor.operations.rehearsals import rehearsal
from tests.conftest import SetClock
from tests.offices import write_issue


def with_deploy(office: Office, command: str) -> Office:
    settings = office.workspace.settings.model_copy(update={"web": Web(deploy=command)})
    config = office.workspace.config.model_copy(update={"settings": settings})
    return replace(office, workspace=replace(office.workspace, config=config))


async def test_nothing_is_public_before_its_launch(office: Office) -> None:
    published = await publishing.publish(office)

    assert published.issues == ()
    assert not (office.workspace.public / "issues").exists()


async def test_launched_issue_is_public_and_a_draft_is_not(office: Office, root: Path) -> None:
    write_issue(root, 56, date="2015-07-17", status="draft")
    await worker.tick(office)

    published = await publishing.publish(office)

    assert published.issues == ("2015-055",)
    assert "2015-056" not in (office.workspace.public / "index.html").read_text(encoding="utf-8")


async def test_publishing_again_changes_nothing(office: Office) -> None:
    await worker.tick(office)

    again = await publishing.publish(office)

    assert again.files > 0
    assert again.changed == 0


async def test_correction_shows_without_another_launch(office: Office, root: Path) -> None:
    await worker.tick(office)
    article = root / "content" / "2015-055" / "a01.md"
    text = article.read_text(encoding="utf-8")
    article.write_text(
        text.replace("section: market", "section: market\nupdated: 2015-07-12\ncorrection: 改正一处"),
        encoding="utf-8",
    )

    published = await publishing.publish(office)

    assert published.changed > 0
    page = office.workspace.public / "articles" / "2015-055-a01.html"
    assert "改正一处" in page.read_text(encoding="utf-8")


async def test_broken_old_issue_leaves_its_pages_and_stops_no_new_one(
    office: Office, root: Path, clock: SetClock
) -> None:
    await worker.tick(office)
    (root / "content" / "2015-055" / "a01.md").write_text("no header", encoding="utf-8")

    published = await publishing.publish(office)

    assert published.issues == ()
    assert published.problems
    assert (office.workspace.public / "issues" / "2015-055.html").is_file()


async def test_issue_being_launched_must_have_its_files(office: Office, root: Path) -> None:
    article = root / "content" / "2015-055" / "a01.md"
    (root / "content" / "2015-055" / "files").mkdir()
    (root / "content" / "2015-055" / "files" / "t.csv").write_text("a,b\n")
    text = article.read_text(encoding="utf-8")
    article.write_text(text.replace("source:", "attachment: 附表 | files/t.csv\nsource:"), encoding="utf-8")
    issue, _warnings = rehearsal.load_checked(office.workspace, root / "content" / "2015-055")
    (root / "content" / "2015-055" / "files" / "t.csv").unlink()

    with pytest.raises(InputError, match=r"t\.csv"):
        await publishing.publish(office, launching=issue)


async def test_deploy_command_runs_after_a_change_only(office: Office, root: Path) -> None:
    deploying = with_deploy(office, f"{sys.executable} -c \"open('deployed', 'a').write('x')\"")
    await worker.tick(deploying)

    await publishing.publish(deploying)

    assert (root / "deployed").read_text() == "x"


@pytest.mark.parametrize(
    ("command", "said"),
    [("no-such-program here", "no-such-program"), (f'{sys.executable} -c "raise SystemExit(3)"', "3")],
)
async def test_failing_deploy_is_named(office: Office, root: Path, command: str, said: str) -> None:
    issue, _warnings = rehearsal.load_checked(office.workspace, root / "content" / "2015-055")

    with pytest.raises(EnvironmentFault, match=said):
        await publishing.publish(with_deploy(office, command), launching=issue)
