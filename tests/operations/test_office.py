from pathlib import Path

import pytest

from distributor.errors import ConfigError, InputError
from distributor.identifiers import ListName
from distributor.operations import membership, worker
from distributor.operations.founding import found_workspace
from distributor.operations.office import KEY_FILE, make_key_file
from distributor.operations.workspace import open_workspace
from tests.conftest import SetClock
from tests.offices import office_in, write_workspace


async def test_signing_key_is_made_once_and_only_for_its_owner(root: Path, clock: SetClock) -> None:
    async with office_in(root, clock) as first:
        pass
    async with office_in(root, clock) as second:
        pass

    assert first.keyring == second.keyring
    assert (root / KEY_FILE).stat().st_mode & 0o777 == 0o600


async def test_key_that_others_can_read_is_refused(root: Path, clock: SetClock) -> None:
    make_key_file(root)
    (root / KEY_FILE).chmod(0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        async with office_in(root, clock):
            pass


async def test_weak_key_is_refused_with_its_line(root: Path, clock: SetClock) -> None:
    make_key_file(root)
    (root / KEY_FILE).write_text("abcd changeme\n")

    with pytest.raises(ConfigError, match=r"token\.key:1"):
        async with office_in(root, clock):
            pass


async def test_lost_key_of_an_office_that_has_mailed_is_not_replaced_in_silence(root: Path, clock: SetClock) -> None:
    async with office_in(root, clock) as office:
        await worker.tick(office)
    (root / KEY_FILE).unlink()

    with pytest.raises(ConfigError, match="backup"):
        async with office_in(root, clock):
            pass

    assert not (root / KEY_FILE).exists()


async def test_key_is_not_shown(root: Path, clock: SetClock) -> None:
    async with office_in(root, clock) as office:
        key = next(iter(office.keyring.keys.values()))

        assert key.hex() not in repr(office)


def test_faults_of_every_room_are_named_together(tmp_path: Path, clock: SetClock) -> None:
    more = '\n[[smtp]]\nurl = "smtps://smtp.example.net:465"\nrate = ["fast"]\n'
    root = write_workspace(tmp_path, changes={"每周五 09:00": "每周五 25:00"}, more=more)
    (root / "holidays.toml").write_text("off = [2015-07-10]\nwork = [2015-07-10]\n")

    with pytest.raises(ConfigError) as caught:
        open_workspace(root, clock, {})

    for fault in ("25:00", "fast", "holidays.toml"):
        assert fault in caught.value.text()


def test_workspace_holds_what_staff_decided(root: Path, clock: SetClock) -> None:
    workspace = open_workspace(root, clock, {})

    assert workspace.sender.address.text == "weekly@news.example.com"
    assert workspace.today.isoformat() == "2015-07-10"
    assert [rule.id for rule in workspace.rules] == ["weekly"]
    assert workspace.shown(workspace.list_file(ListName("members"))) == "subscribers/members.csv"


def test_holidays_of_the_office_count(root: Path, clock: SetClock) -> None:
    (root / "holidays.toml").write_text("off = [2015-07-10]\n")

    workspace = open_workspace(root, clock, {})

    assert not workspace.workdays.is_workday(workspace.today)


async def test_new_workspace_works_and_has_nothing_ready(tmp_path: Path, clock: SetClock) -> None:
    written = found_workspace(tmp_path / "new")

    async with office_in(tmp_path / "new", clock) as office:
        await membership.sync_changed(office, office.workspace.list_names)
        beat = await worker.tick(office)

    assert Path("distributor.toml") in written
    assert beat.launched == ()


def test_existing_workspace_is_never_overwritten(tmp_path: Path) -> None:
    found_workspace(tmp_path)

    with pytest.raises(InputError, match="already"):
        found_workspace(tmp_path)
