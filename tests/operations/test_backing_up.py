"""A backup holds everything that cannot be written again, is taken while mail goes out, and can be restored."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from distributor.cli.app import run
from distributor.database import Database
from distributor.delivery import counts
from distributor.errors import DatabaseFault, DecisionNeeded, EnvironmentFault, InputError
from distributor.identifiers import ListName
from distributor.operations import backing_up, launches, launching, membership, sending
from distributor.operations.office import KEY_FILE, Office
from distributor.operations.workspace import open_workspace
from distributor.schema import delivery, mailing
from tests.conftest import FRIDAY_NINE, SetClock
from tests.delivery import ledger_steps as steps
from tests.delivery.ledger_steps import TAKEN, THEIRS
from tests.documents import DOCS
from tests.offices import REPOSITORY, office_in, write_issue, write_workspace

MEMBERS = (ListName("members"),)
HOW_TO = DOCS / "how-to" / "back-up-and-restore.md"


def restored(archive: Path, folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder


def with_what_git_has(root: Path, folder: Path) -> Path:
    for name in ("content", "templates"):
        shutil.copytree(root / name, folder / name)
    return folder


async def counted(office: Office) -> list[tuple[int, str, dict[str, int]]]:
    async with office.database.read() as connection:
        return [
            (
                line.mailing.id,
                line.mailing.state,
                dict((await counts.count_copies(connection, line.mailing.id)).by_state),
            )
            for line in await counts.mailings(connection)
        ]


# What is in it


async def test_backup_holds_what_cannot_be_written_again(office: Office, tmp_path: Path) -> None:
    await sending.send(office, sending.plan_of(office, "55", MEMBERS))
    root = office.workspace.root
    (root / "holidays.toml").write_text("off = []\n")
    (root / "secrets" / "smtp").write_text("secret")
    (root / "secrets" / ".smtp.swp").write_text("an editor's")

    done = await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz")

    assert done.files == (
        "var/distributor.db",
        "var/launches.log",
        "distributor.toml",
        "holidays.toml",
        "secrets/smtp",
        "secrets/token.key",
        "subscribers/members.csv",
        "subscribers/public.csv",
    )
    assert (done.has_database, done.dump, done.paused) == (True, None, ())
    assert done.size_bytes == done.path.stat().st_size


async def test_content_and_templates_come_along_where_asked_for(office: Office, tmp_path: Path) -> None:
    done = await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz", with_content=True)

    assert {"content/2015-055/issue.toml", "content/2015-055/a01.md", "templates/site/article.html"} <= set(done.files)


async def test_backup_is_for_its_owner_alone_outside_and_inside(office: Office, tmp_path: Path) -> None:
    done = await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz")

    with tarfile.open(done.path) as archive:
        modes = {(entry.isdir(), entry.mode, entry.uid, entry.uname) for entry in archive}
    assert modes == {(True, 0o700, 0, ""), (False, 0o600, 0, "")}
    assert done.path.stat().st_mode & 0o777 == 0o600


async def test_workspace_that_never_mailed_is_backed_up_without_a_database(tmp_path: Path, clock: SetClock) -> None:
    workspace = open_workspace(write_workspace(tmp_path / "office"), clock, {})

    done = await backing_up.back_up(workspace, tmp_path / "b.tar.gz")

    assert (done.has_database, done.files[0]) == (False, "distributor.toml")
    assert not (tmp_path / "office" / "var").exists()


async def test_database_outside_the_workspace_is_found_where_one_usually_is(tmp_path: Path, clock: SetClock) -> None:
    changes = {"sqlite:///var/distributor.db": f"sqlite:///{tmp_path}/elsewhere.db"}
    root = write_workspace(tmp_path / "office", changes=changes)

    async with office_in(root, clock) as office:
        done = await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz")

    assert done.files[0] == "var/distributor.db"


# What it refuses


async def test_backup_overwrites_nothing(office: Office, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_text("an older one")

    with pytest.raises(InputError, match="not overwritten"):
        await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz")

    assert (tmp_path / "b.tar.gz").read_text() == "an older one"


async def test_backup_into_no_folder_is_refused(office: Office, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        await backing_up.back_up(office.workspace, tmp_path / "none" / "b.tar.gz")


async def test_disk_that_refuses_is_named_and_nothing_is_left(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backing_up, "_pack", full)
    before = sorted(tmp_path.iterdir())

    with pytest.raises(EnvironmentFault, match="No space left"):
        await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz")

    assert sorted(tmp_path.iterdir()) == before


async def test_folder_that_may_not_be_written_to_is_named(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(**_options: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(backing_up.tempfile, "TemporaryDirectory", forbidden)

    with pytest.raises(EnvironmentFault, match="Permission denied"):
        await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz")


async def test_file_that_is_no_database_is_not_backed_up_as_one(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path / "office")
    (root / "var").mkdir()
    (root / "var" / "distributor.db").write_bytes(b"not a database, but long enough to look like one " * 99)

    with pytest.raises(DatabaseFault, match=r"distributor\.db"):
        await backing_up.back_up(open_workspace(root, clock, {}), tmp_path / "b.tar.gz")

    assert [one.name for one in tmp_path.iterdir()] == ["office"]


async def test_damaged_database_is_not_backed_up_as_a_sound_one(office: Office, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    async with office.database.write() as tx:
        await steps.add_readers(tx, 3000)
    backing_up.copy_database(office.workspace.var / "distributor.db", copy)
    with copy.open("r+b") as file:
        file.seek(copy.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)

    with pytest.raises(DatabaseFault, match="damaged"):
        backing_up._close(copy)


# While mail goes out


async def _write_on(database: Database, stop: asyncio.Event) -> int:
    """Let copies be sent one after the other; return how many."""
    sent = 0
    while not stop.is_set():
        sent += len(await steps.tried(database, TAKEN, limit=1))
        await asyncio.sleep(0)
    return sent


async def test_backup_during_a_send_is_one_moment_and_holds_up_no_writer(
    root: Path, clock: SetClock, tmp_path: Path
) -> None:
    async with office_in(root, clock) as office:
        of = await steps.launched(office.database, readers=2000)
        stop = asyncio.Event()
        writing = asyncio.create_task(_write_on(office.database, stop))
        done = [await backing_up.back_up(office.workspace, tmp_path / f"{number}.tar.gz") for number in range(3)]
        stop.set()
        sent = await writing
    taken = []
    for backup in done:
        async with office_in(_restored_office(root, backup.path), clock) as copy:
            ((_of, state, by_state),) = await counted(copy)
            taken.append(by_state["accepted"])
            assert (state, sum(by_state.values())) == ("paused", 2000)

    assert [backup.paused for backup in done] == [(of,)] * 3
    assert 0 <= taken[0] < taken[1] < taken[2] <= sent


def _restored_office(root: Path, archive: Path) -> Path:
    return with_what_git_has(root, restored(archive, archive.parent / f"restored-{archive.name.split('.')[0]}"))


async def test_mailing_under_way_is_paused_in_the_backup_and_goes_on_in_the_original(
    root: Path, clock: SetClock, tmp_path: Path
) -> None:
    async with office_in(root, clock) as office:
        await steps.launched(office.database, readers=3)
        done_one = await steps.launched(office.database, send_no=2, claim=THEIRS)
        await steps.tried(office.database, TAKEN, mailing=done_one)
        done = await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz")
        original = [(of, state) for of, state, _states in await counted(office)]
    async with office_in(_restored_office(root, done.path), clock) as copy:
        held = await steps.claimed(copy.database)
        async with copy.database.read() as connection:
            lines = await counts.mailings(connection)

    assert original == [(2, "running"), (1, "running")]
    assert [(line.mailing.state, line.mailing.reason) for line in lines] == [
        ("running", ""),
        ("paused", backing_up.PAUSED),
    ]
    assert held == ()


async def test_pause_that_would_end_by_itself_does_not_in_the_backup(
    root: Path, clock: SetClock, tmp_path: Path
) -> None:
    async with office_in(root, clock) as office:
        await steps.launched(office.database, readers=1)
        async with office.database.write() as tx:
            await tx.execute(sa.update(mailing).values(state="paused", reason="no connection", resume_at=FRIDAY_NINE))
        done = await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz")
    async with office_in(_restored_office(root, done.path), clock) as copy:
        row = await steps.mailing_row(copy.database, done.paused[0])

    assert (row.state, row.reason, row.resume_at) == ("paused", backing_up.PAUSED, None)


async def test_persons_own_pause_keeps_its_reason_in_the_backup(root: Path, clock: SetClock, tmp_path: Path) -> None:
    async with office_in(root, clock) as office:
        of = await steps.launched(office.database, readers=1)
        async with office.database.write() as tx:
            await tx.execute(sa.update(mailing).values(state="paused", reason="wrong picture"))
        done = await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz")
    async with office_in(_restored_office(root, done.path), clock) as copy:
        row = await steps.mailing_row(copy.database, of)

    assert (done.paused, row.reason) == ((), "wrong picture")


async def test_launch_right_after_the_copy_was_made_is_held_after_a_restore(
    office: Office, root: Path, clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is copied while the mailing is prepared; its line is in the log when that is copied."""
    plan = sending.plan_of(office, "55", MEMBERS)
    await membership.sync_changed(office, MEMBERS)
    order = launching.LaunchOrder(plan=plan, origin="members")
    copies, append = [], launches.append

    def copy_then_append(*arguments: object) -> None:
        backing_up.copy_database(office.workspace.var / "distributor.db", tmp_path / "early.db")
        copies.append(tmp_path / "early.db")
        append(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(launches, "append", copy_then_append)
    await launching.launch(office, order)
    monkeypatch.setattr(backing_up, "copy_database", lambda _source, target: shutil.copyfile(copies[0], target))

    done = await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz")

    async with office_in(_restored_office(root, done.path), clock) as copy:
        with pytest.raises(DecisionNeeded, match=r"launches\.log"):
            await launching.launch(copy, order)
        assert await steps.rows(copy.database) == []


# Restored


async def test_restored_workspace_opens_with_the_same_account(office: Office, root: Path, tmp_path: Path) -> None:
    await sending.send(office, sending.plan_of(office, "55", MEMBERS))
    done = await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz", with_content=True)
    folder = restored(done.path, tmp_path / "restored")

    async with office_in(folder, office.workspace.clock) as copy:
        again = await sending.send(copy, sending.plan_of(copy, "55", MEMBERS))

        assert await counted(copy) == await counted(office)
        assert copy.keyring == office.keyring
        assert (again.is_new, again.counts.is_finished) == (False, True)
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert not (folder / "var" / "outbox").exists()


async def test_what_was_launched_since_the_backup_is_held_by_the_newer_log(
    office: Office, root: Path, tmp_path: Path
) -> None:
    done = await backing_up.back_up(office.workspace, tmp_path / "b.tar.gz", with_content=True)
    await sending.send(office, sending.plan_of(office, "55", MEMBERS))
    folder = restored(done.path, tmp_path / "restored")
    shutil.copy(root / "var" / launches.FILE_NAME, folder / "var")

    async with office_in(folder, office.workspace.clock) as copy:
        with pytest.raises(DecisionNeeded, match="2015-055"):
            await sending.send(copy, sending.plan_of(copy, "55", MEMBERS))

        assert await counted(copy) == []


class Shell:
    """Follows a page as a person does: its console lines, one after the other, in a workspace."""

    def __init__(self, root: Path, bin_folder: Path) -> None:
        self._root = root
        program = bin_folder / "distributor"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m distributor "$@"\n')
        program.chmod(0o755)
        path = f"{bin_folder}:{os.environ['PATH']}"
        self._environment = {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY), "DISTRIBUTOR_LANG": "en"}

    def __call__(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self._root,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def shell(root: Path, tmp_path: Path) -> Shell:
    """A shell in a workspace whose issue 55 was sent into the outbox."""
    (tmp_path / "bin").mkdir()
    shell = Shell(root, tmp_path / "bin")
    assert shell("distributor send 55 --list members").returncode == 0
    return shell


def _lines(part: str) -> Iterator[str]:
    """Yield the console lines below a heading of the how-to."""
    text = HOW_TO.read_text(encoding="utf-8").partition(f"## {part}\n")[2].partition("\n## ")[0]
    assert text
    return (line for line in re.findall(r"^ *\$ (.+)$", text, re.MULTILINE))


def test_drill_of_the_how_to_can_be_followed_step_by_step(shell: Shell, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())

    for line in (*_lines("Back up"), *_lines("Drill")):
        ended = shell(line)
        assert (line, ended.returncode, ended.stderr) == (line, 0, "")
        is_silent = line.split()[0] in ("mkdir", "tar", "diff", "rm")
        assert not (is_silent and ended.stdout), ended.stdout
    assert sorted({*tmp_path.iterdir()} - {*before}) == [tmp_path / "weekly.tar.gz"]


def test_restore_of_the_how_to_can_be_followed_step_by_step(shell: Shell, root: Path, tmp_path: Path) -> None:
    write_issue(root, 56)
    backup, *_rest = _lines("Drill")
    shell(backup)
    assert shell("distributor send 56 --list members").returncode == 0
    for line in ("mkdir ../restored && tar -xzf ../drill.tar.gz -C ../restored", *_lines("When it is no drill")):
        ended = shell(line)
        assert (line, ended.returncode, ended.stderr) == (line, 0, "")

    known = shell("distributor --root ../restored send 55 --list members")
    forgotten = shell("distributor --root ../restored send 56 --list members")

    assert (known.returncode, forgotten.returncode) == (0, 4)
    assert "nothing is left to send" in known.stdout
    assert "launches.log says that 2015-056 went to members" in forgotten.stderr


# The command


def test_command_says_what_is_in_the_file_and_what_is_not(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.cli.console.LANGUAGE", "zh")
    monkeypatch.chdir(tmp_path)

    assert run(["--root", str(root), "backup", "b.tar.gz"]) == 0

    out = capsys.readouterr().out
    assert f"已备份到 {tmp_path}/b.tar.gz" in out
    assert "包括：设置、密钥和密码、名单\n" in out
    assert "还没有数据库" in out
    assert "没有版本管理 → 加 --with-content" in out
    assert "读者邮箱和密码" in out


def test_command_names_the_mailings_it_pauses(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distributor.cli.console.LANGUAGE", "zh")
    (root / ".git").mkdir()
    (root / "var").mkdir()
    (root / "var" / launches.FILE_NAME).touch()

    async def launch() -> None:
        async with Database.open(make_url(f"sqlite+aiosqlite:///{root}/var/distributor.db")) as database:
            await steps.launched(database, readers=1)

    asyncio.run(launch())

    assert run(["--root", str(root), "backup", str(tmp_path / "b.tar.gz")]) == 0
    out = capsys.readouterr().out
    assert "包括：数据库、设置、密钥和密码、名单、launches.log" in out
    assert "发送 #1 正在进行：在备份里它是暂停的" in out
    assert "它们在版本管理里" in out


def test_command_can_be_read_by_a_script_and_overwrites_nothing(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "b.tar.gz")

    assert run(["--root", str(root), "backup", file, "--json"]) == 0
    assert '"database": false' in capsys.readouterr().out
    assert run(["--root", str(root), "backup", file]) == 2


# PostgreSQL


@pytest.fixture
def on_postgresql(tmp_path: Path) -> Path:
    """A workspace whose database is on a PostgreSQL that need not be there."""
    changes = {"sqlite:///var/distributor.db": "postgresql+psycopg://weekly:pw@db.example.com:5433/weekly"}
    return write_workspace(tmp_path / "office", changes=changes)


def test_postgresql_is_left_to_its_own_tool_and_the_rest_is_written(
    on_postgresql: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "weekly.tar.gz"

    assert run(["--root", str(on_postgresql), "backup", str(file)]) == 2

    err = capsys.readouterr().err
    dump = f"pg_dump --format=custom --file={tmp_path}/weekly.dump postgresql://weekly@db.example.com:5433/weekly"
    assert dump in err
    assert "pw" not in err
    with tarfile.open(file) as archive:
        assert "distributor.toml" in archive.getnames()


def test_script_that_saves_postgresql_itself_ends_well(on_postgresql: Path, tmp_path: Path) -> None:
    assert run(["--root", str(on_postgresql), "backup", str(tmp_path / "b.tar.gz"), "--without-database"]) == 0


@pytest.mark.postgresql
def test_printed_command_saves_and_restores_the_database(
    migrated_postgresql_url: URL, postgresql_url: URL, tmp_path: Path
) -> None:
    binary = shutil.which("pg_dump") or next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))), None)
    if binary is None:
        pytest.skip("no pg_dump here: apt-get install postgresql")

    async def launch() -> None:
        async with Database.open(migrated_postgresql_url) as database:
            await steps.launched(database, readers=3)

    asyncio.run(launch())
    folder = Path(binary).parent
    command = backing_up.dump_command(migrated_postgresql_url, tmp_path / "weekly.tar.gz")
    subprocess.run(["bash", "-c", f"PATH={folder}:$PATH; {command}"], check=True, timeout=60)
    target = postgresql_url.set(drivername="postgresql").render_as_string(hide_password=False)
    subprocess.run(
        [str(folder / "pg_restore"), f"--dbname={target}", str(tmp_path / "weekly.dump")], check=True, timeout=60
    )

    async def rows() -> Counter[str]:
        async with Database.open(postgresql_url) as database, database.read() as connection:
            return Counter(await connection.scalars(sa.select(delivery.c.state)))

    assert asyncio.run(rows()) == {"pending": 3}
