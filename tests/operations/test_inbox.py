"""The office road: what is dropped into inbox/ becomes one draft, whole, once, whoever is killed; nothing is lost."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from distributor import incidents
from distributor.content import loader
from distributor.incidents import Cause, Incident
from distributor.operations.desk import arrivals, drafting, inbox
from distributor.operations.office import Office
from tests.conftest import SetClock
from tests.offices import office_in
from tests.operations.dropped import AT_ONCE, ISSUE, NAME, document, drop, names_in, story, take


async def told(office: Office, cause: Cause) -> list[Incident]:
    async with office.database.read() as connection:
        return [one for one in await incidents.ongoing(connection) if one.cause is cause]


def titles(root: Path) -> list[str]:
    workspace_of_draft = sorted((root / "content" / ISSUE).glob("*.md"))
    return [path.read_text(encoding="utf-8").split("title: ")[1].split("\n")[0] for path in workspace_of_draft]


async def test_a_word_file_becomes_a_draft_and_is_kept(office: Office, root: Path) -> None:
    content = document()
    drop(root, content)

    (taken,) = await take(office)

    assert taken.draft is not None
    assert (taken.draft.issue, taken.draft.articles) == (ISSUE, 2)
    assert loader.list_issues(root)[0].status == "draft"
    assert (root / "inbox" / "done" / NAME).read_bytes() == content
    assert names_in(root / "inbox") == ["done"]


async def test_operators_are_told_of_a_draft_by_its_look(office: Office, root: Path) -> None:
    drop(root, document())

    (taken,) = await take(office)

    assert taken.draft is not None
    (incident,) = await told(office, Cause.DRAFT)
    assert incident.subject == f"{ISSUE}:{taken.draft.fingerprint[:32]}"
    assert NAME in incident.what.zh


async def test_nothing_in_the_inbox_is_nothing_to_do(office: Office, root: Path) -> None:
    assert await take(office) == ()
    assert not (root / "inbox").exists()


LEFT_ALONE = [
    "~$第57期.docx",
    ".57.docx",
    "57.docx.tmp",
    "57.docx.crdownload",
    "Thumbs.db",
    "desktop.ini",
    "~WRL0001.tmp",
]


@pytest.mark.parametrize("name", LEFT_ALONE)
async def test_what_word_or_a_browser_is_still_writing_waits(office: Office, root: Path, name: str) -> None:
    drop(root, document(), name)

    assert await take(office) == ()
    assert (root / "inbox" / name).exists()


async def test_a_file_that_was_touched_just_now_waits(office: Office, root: Path) -> None:
    drop(root, document())

    assert await inbox.take_in(office, settled=timedelta(minutes=1)) == ()
    assert names_in(root / "inbox") == [NAME]


async def test_half_a_word_file_waits_for_the_other_half(office: Office, root: Path) -> None:
    whole = document()
    path = drop(root, whole[: len(whole) // 2])

    waiting = await take(office)
    path.write_bytes(whole)
    (taken,) = await take(office)

    assert waiting == ()
    assert taken.draft is not None


async def test_folders_and_links_in_the_inbox_stay(office: Office, root: Path) -> None:
    (root / "inbox" / "稿件").mkdir(parents=True)
    (root / "inbox" / "link.docx").symlink_to(root / "distributor.toml")

    assert await take(office) == ()
    assert names_in(root / "inbox") == ["link.docx", "稿件"]


def a_letter() -> bytes:
    return "各位同事：下周一停电，请提前保存文件。".encode()


NO_ISSUES = {
    "a letter": (a_letter, "看不出这是一期刊物"),
    "an old .doc": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "旧的二进制格式"),
    "a PDF": (lambda: b"%PDF-1.4\n" + b"x" * 600, "不能直接导入 PDF"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + b"x" * 600, "图片"),
    "nothing": (lambda: b"", "空的"),
}


@pytest.mark.parametrize(("make", "why"), NO_ISSUES.values(), ids=NO_ISSUES.keys())
async def test_what_is_no_issue_is_set_aside_with_the_reason(
    office: Office, root: Path, make: Callable[[], bytes], why: str
) -> None:
    drop(root, make())

    (taken,) = await take(office)

    assert taken.draft is None
    assert names_in(root / "inbox" / "refused") == [NAME, f"{NAME}.原因.txt"]
    assert why in (root / "inbox" / "refused" / f"{NAME}.原因.txt").read_text(encoding="utf-8-sig")
    (incident,) = await told(office, Cause.INBOX)
    assert why in incident.what.zh
    assert not (root / "content" / ISSUE).exists()


async def test_a_refused_file_is_told_once_and_over_when_it_is_gone(office: Office, root: Path) -> None:
    drop(root, b"x")
    await take(office)

    await take(office)
    lasting = await told(office, Cause.INBOX)
    (root / "inbox" / "refused" / NAME).unlink()
    await take(office)

    assert len(lasting) == 1
    assert await told(office, Cause.INBOX) == []


async def test_the_same_name_refused_twice_is_two_files_and_two_reports(office: Office, root: Path) -> None:
    for content in (b"x", b"y"):
        drop(root, content)
        await take(office)

    assert {"第57期 2015-07-24-2.docx", NAME} <= set(names_in(root / "inbox" / "refused"))
    assert len(await told(office, Cause.INBOX)) == 2


async def test_a_name_without_number_and_date_is_asked_for(office: Office, root: Path) -> None:
    drop(root, document(), "终稿.docx")

    (taken,) = await take(office)

    assert taken.why is not None
    assert "期号、日期" in taken.why.text("zh")


async def test_a_bad_file_holds_up_no_good_one(office: Office, root: Path) -> None:
    drop(root, b"x", "a.docx")
    drop(root, document())

    taken = await take(office)

    assert [one.draft is not None for one in taken] == [False, True]


async def test_a_document_that_breaks_its_reader_is_set_aside(
    office: Office, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(drafting, "identify", broken)
    drop(root, document())

    (taken,) = await take(office)

    assert taken.file == f"inbox/refused/{NAME}"


# An issue that is there already


async def test_a_corrected_document_takes_the_place_of_an_untouched_draft(office: Office, root: Path) -> None:
    drop(root, document(story("第一篇文章"), story("要撤下的一篇")))
    await take(office)
    drop(root, document(story("第一篇文章", "改过的正文。")))

    (taken,) = await take(office)

    assert taken.draft is not None
    assert titles(root) == ["第一篇文章"]
    assert names_in(root / "inbox" / "done") == ["第57期 2015-07-24-2.docx", NAME]
    (incident,) = await told(office, Cause.DRAFT)
    assert incident.subject.endswith(taken.draft.fingerprint[:32])


def edit(root: Path) -> None:
    path = root / "content" / ISSUE / "a01.md"
    path.write_text(path.read_text(encoding="utf-8") + "\n编辑加的一段。\n", encoding="utf-8")


def add_a_file(root: Path) -> None:
    (root / "content" / ISSUE / "a09.md").write_text("---\n", encoding="utf-8")


def take_one_away(root: Path) -> None:
    (root / "content" / ISSUE / "a02.md").unlink()


def mark_ready(root: Path) -> None:
    loader.set_status(root / "content" / ISSUE, "ready")


@pytest.mark.parametrize("touch", [edit, add_a_file, take_one_away, mark_ready])
async def test_an_issue_that_somebody_touched_is_not_overwritten(
    office: Office, root: Path, touch: Callable[[Path], None]
) -> None:
    drop(root, document())
    await take(office)
    touch(root)
    before = files(root)
    drop(root, document(story("别的一篇"), story("又一篇")))

    (taken,) = await take(office)

    assert taken.why is not None
    assert "没有覆盖" in taken.why.text("zh")
    assert files(root) == before


def files(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (root / "content").rglob("*") if path.is_file()}


async def test_the_same_document_again_changes_nothing_that_staff_edited(office: Office, root: Path) -> None:
    content = document()
    drop(root, content)
    await take(office)
    edit(root)
    before = files(root)
    drop(root, content)

    (taken,) = await take(office)

    assert taken.draft is not None
    assert taken.draft.is_known
    assert files(root) == before


async def test_an_edit_in_the_moment_of_replacing_wins(
    office: Office, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(root, document())
    await take(office)
    looked: list[Path] = []
    real = drafting.is_untouched

    def edited_after_the_first_look(issue: Path) -> bool:
        looked.append(issue)
        return real(issue) if len(looked) == 1 else False

    monkeypatch.setattr(drafting, "is_untouched", edited_after_the_first_look)
    before = files(root)
    drop(root, document(story("别的一篇"), story("又一篇")))

    (taken,) = await take(office)

    assert taken.why is not None
    assert files(root) == before


# Two processes, and deaths in between


async def test_two_at_once_take_each_file_once(office: Office, root: Path) -> None:
    for number in range(57, 62):
        drop(root, document(), f"第{number}期 2015-07-24.docx")

    async with office_in(root, SetClock()) as second:
        taken = [one for some in await asyncio.gather(take(office), take(second), take(office)) for one in some]

    assert sorted(one.name for one in taken) == [f"第{number}期 2015-07-24.docx" for number in range(57, 62)]
    assert len(names_in(root / "inbox" / "done")) == 5
    assert len(await told(office, Cause.DRAFT)) == 5


def take_and_die(root: Path, module: str, step: str) -> None:
    """Run in a process of its own: take in, and be killed where `step` begins."""
    places: dict[str, Any] = {"arrivals": arrivals, "drafting": drafting, "inbox": inbox, "incidents": incidents}

    def die(*_given: object, **_named: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(places[module], step, die)

    async def run() -> None:
        async with office_in(root, SetClock()) as office:
            await inbox.take_in(office, settled=AT_ONCE)

    asyncio.run(run())


STEPS = {
    "before anything is read": ("drafting", "draft_of"),
    "before the import": ("drafting", "import_file"),
    "before the draft is in place": ("drafting", "_put_in_place"),
    "when the draft is in place": ("drafting", "_draft"),
    "before operators are told": ("incidents", "report"),
    "before the document is moved away": ("arrivals", "keep"),
}


@pytest.mark.parametrize(("module", "step"), STEPS.values(), ids=STEPS.keys())
async def test_a_kill_anywhere_loses_nothing_and_doubles_nothing(
    office: Office, root: Path, module: str, step: str
) -> None:
    drop(root, document())
    dying = multiprocessing.get_context("spawn").Process(target=take_and_die, args=(root, module, step))
    dying.start()
    await asyncio.to_thread(dying.join)

    await take(office)

    assert dying.exitcode == -signal.SIGKILL
    assert titles(root) == ["第一篇文章", "第二篇文章"]
    assert names_in(root / "inbox" / "done") == [NAME]
    assert len(await told(office, Cause.DRAFT)) == 1
    assert list((root / "content").glob(".inbox-*")) == []


REFUSING_STEPS = {"before operators are told": ("incidents", "report"), "before it is moved": ("arrivals", "set_aside")}


@pytest.mark.parametrize(("module", "step"), REFUSING_STEPS.values(), ids=REFUSING_STEPS.keys())
async def test_a_kill_while_refusing_is_made_good(office: Office, root: Path, module: str, step: str) -> None:
    drop(root, b"x")
    dying = multiprocessing.get_context("spawn").Process(target=take_and_die, args=(root, module, step))
    dying.start()
    await asyncio.to_thread(dying.join)

    await take(office)

    assert names_in(root / "inbox" / "refused") == [NAME, f"{NAME}.原因.txt"]
    assert len(await told(office, Cause.INBOX)) == 1


async def test_a_document_over_which_processes_die_is_set_aside_at_last(office: Office, root: Path) -> None:
    drop(root, document())
    (root / "inbox" / ".taking").mkdir()
    (root / "inbox" / NAME).rename(root / "inbox" / ".taking" / NAME)
    (root / "inbox" / ".taking" / f".{NAME}.deaths").write_bytes(b"++")

    (taken,) = await take(office)

    assert taken.why is not None
    assert "三次中断" in taken.why.text("zh")
    assert names_in(root / "inbox" / "refused") == [NAME, f"{NAME}.原因.txt"]


async def test_a_full_disk_keeps_the_document_and_counts_as_no_death(
    office: Office, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    drop(root, document())
    with monkeypatch.context() as patched:
        patched.setattr(drafting, "import_file", full)
        for _beat in range(5):
            assert await take(office) == ()

    (taken,) = await take(office)

    assert taken.draft is not None
