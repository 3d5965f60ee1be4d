"""Edited settings are taken whole or not at all; a bad state of the files is told once and changes nothing."""

import logging
import os
import stat
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from distributor import incidents
from distributor.errors import ConfigError
from distributor.incidents import Cause, Incident
from distributor.operations import delivering
from distributor.operations.office import Office
from distributor.operations.service import settings_in_use
from distributor.operations.service.reloading import Reloading
from distributor.problems import Problem, wording
from tests import dkim_keys
from tests.conftest import SetClock
from tests.offices import office_in, write_workspace

NINE, TEN = 'when = "每周五 09:00"', 'when = "每周五 10:00"'
AT_ONCE = timedelta(0)


def edit(root: Path, old: str, new: str) -> None:
    path = root / "distributor.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def hour(office: Office) -> str | None:
    return office.workspace.settings.schedule[0].when


async def reported(office: Office) -> list[Incident]:
    async with office.database.read() as connection:
        return [one for one in await incidents.ongoing(connection) if one.cause is Cause.SETTINGS]


@pytest.fixture
def reloading(office: Office) -> Reloading:
    return Reloading(office, {}, settle=AT_ONCE)


async def test_edited_settings_are_in_use_after_the_next_look(reloading: Reloading, root: Path) -> None:
    database = reloading.office.database
    edit(root, NINE, TEN)

    taken = await reloading.look()

    assert (taken, hour(reloading.office)) == (True, "每周五 10:00")
    assert reloading.office.database is database
    assert not await reloading.look()


async def test_edit_that_keeps_size_and_time_is_seen(reloading: Reloading, root: Path) -> None:
    path = root / "distributor.toml"
    before = path.stat()
    edit(root, NINE, TEN)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert path.stat().st_size == before.st_size
    assert await reloading.look()


async def test_file_renamed_into_place_is_seen(reloading: Reloading, root: Path) -> None:
    beside = root / ".distributor.toml.swp"
    beside.write_text((root / "distributor.toml").read_text(encoding="utf-8").replace(NINE, TEN), encoding="utf-8")
    beside.replace(root / "distributor.toml")

    assert await reloading.look()


async def test_days_off_are_taken_like_settings(
    reloading: Reloading, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (root / "holidays.toml").write_text("off = [2015-07-10]\n", encoding="utf-8")

    assert await reloading.look()
    assert "holidays.toml off: [] -> [2015-07-10]" in settings_logged(caplog)


async def test_bad_settings_keep_the_old_ones_and_name_every_problem(reloading: Reloading, root: Path) -> None:
    edit(root, NINE, 'when = "每周八 25:00"')
    edit(root, 'lists = ["members", "public"]', 'lists = ["membres"]')

    taken = await reloading.look()

    (incident,) = await reported(reloading.office)
    assert (taken, hour(reloading.office)) == (False, "每周五 09:00")
    assert [problem.en.partition(": ")[0] for problem in reloading.use.refused] == [
        "distributor.toml:60",
        "distributor.toml:61",
    ]
    assert all(problem.zh in incident.what.zh for problem in reloading.use.refused)


async def test_same_bad_settings_are_reported_and_logged_once(
    reloading: Reloading, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit(root, NINE, 'when = "never"')
    for _beat in range(3):
        await reloading.look()

    assert len([one for one in caplog.records if "refused" in one.message]) == 1
    assert len(await reported(reloading.office)) == 1


async def test_other_bad_settings_take_the_place_of_the_first_in_the_report(reloading: Reloading, root: Path) -> None:
    edit(root, NINE, 'when = "never"')
    await reloading.look()
    (first,) = await reported(reloading.office)
    edit(root, "never", "nimmer")
    await reloading.look()

    (second,) = await reported(reloading.office)

    assert first.subject != second.subject
    assert "nimmer" in second.what.zh


@pytest.mark.parametrize("mended", [NINE, TEN], ids=["taken back", "mended"])
async def test_good_settings_end_the_report(reloading: Reloading, root: Path, mended: str) -> None:
    edit(root, NINE, 'when = "never"')
    await reloading.look()

    edit(root, 'when = "never"', mended)
    await reloading.look()

    assert (await reported(reloading.office), reloading.use.refused) == ([], ())
    assert f'when = "{hour(reloading.office)}"' == mended


@pytest.mark.parametrize("way", ["gone", "no text", "half", "empty"])
async def test_unreadable_settings_keep_the_old_ones_until_the_file_is_whole(
    reloading: Reloading, root: Path, way: str
) -> None:
    path = root / "distributor.toml"
    whole = path.read_bytes().replace(NINE.encode(), TEN.encode())
    path.unlink()
    if way != "gone":
        path.write_bytes({"no text": b"\xff\xfe\x00", "half": whole[:700], "empty": b""}[way])

    taken = await reloading.look()
    path.write_bytes(whole)

    assert (taken, bool(reloading.use.refused)) == (False, True)
    assert await reloading.look()
    assert hour(reloading.office) == "每周五 10:00"


async def test_file_that_is_being_written_is_left_for_the_next_look(
    office: Office, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloading = Reloading(office, {}, settle=timedelta(seconds=1))
    path = root / "distributor.toml"
    whole = path.read_text(encoding="utf-8").replace(NINE, TEN)
    # A file cut off before its last tables is good TOML: only the time that it lies still tells.
    path.write_text(whole.partition("[web]")[0], encoding="utf-8")

    async def written_meanwhile(_seconds: float) -> None:
        path.write_text(whole, encoding="utf-8")

    monkeypatch.setattr("distributor.operations.service.reloading.asyncio.sleep", written_meanwhile)
    in_between = await reloading.look()

    assert (in_between, reloading.use.refused) == (False, ())
    assert await reloading.look()
    assert hour(reloading.office) == "每周五 10:00"


async def test_change_that_somebody_cannot_work_with_is_refused_whole(
    office: Office, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changed: list[str] = []
    problem = Problem(
        path="templates/web/done.html", line=3, what=wording("坏了", "broken"), remedy=wording("修", "mend")
    )

    def ready(_office: Office) -> Callable[[], None]:
        return lambda: changed.append("ready")

    def unable(_office: Office) -> Callable[[], None]:
        raise ConfigError(wording("不行", "no"), problems=[problem])

    reloading = Reloading(office, {}, preparations=[ready, unable], settle=AT_ONCE)
    edit(root, NINE, TEN)

    taken = [await reloading.look() for _beat in range(3)]

    assert (taken, changed, hour(reloading.office)) == ([False] * 3, [], "每周五 09:00")
    assert "templates/web/done.html:3" in reloading.use.refused[0].en
    assert len([one for one in caplog.records if "refused" in one.message]) == 1


async def test_everybody_changes_over_to_the_same_office(reloading: Reloading, root: Path) -> None:
    taken: list[Office] = []

    def prepare(office: Office) -> Callable[[], None]:
        return lambda: taken.append(office)

    reloading.join(prepare)
    reloading.join(prepare)
    edit(root, NINE, TEN)
    await reloading.look()

    assert taken == [reloading.office, reloading.office]


async def test_settings_without_a_way_out_are_refused(reloading: Reloading, root: Path) -> None:
    def prepare(office: Office) -> Callable[[], None]:
        delivering.dispatcher_of(office)
        return lambda: None

    reloading.join(prepare)
    edit(root, 'transport = "outbox"', 'transport = "smtp"')

    await reloading.look()

    assert "[[smtp]]" in reloading.use.refused[0].en
    assert reloading.office.workspace.channel == "outbox"


def settings_logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(one)["setting"] for one in caplog.records if "setting" in vars(one)]


async def test_difference_and_next_dates_are_logged(
    reloading: Reloading, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    edit(root, NINE, TEN)
    edit(root, '[[list]]\nname = "public"', '[[list]]\nname = "partners"\ntitle = "伙伴"\n\n[[list]]\nname = "public"')

    await reloading.look()

    assert settings_logged(caplog) == [
        "list[partners].name: - -> partners",
        "list[partners].title: - -> 伙伴",
        "schedule[weekly].when: 每周五 09:00 -> 每周五 10:00",
    ]
    dates = [vars(one)["when"] for one in caplog.records if one.message == "next date"]
    assert dates[0] == "2015-07-10 10:00 +08:00"
    assert len(dates) == 3


SERVER = '\n[[smtp]]\nurl = "smtps://weekly@smtp.example.com:465"\npassword_file = "secrets/smtp"\n'


def write_secret(root: Path, text: str, *, mode: int = stat.S_IRUSR | stat.S_IWUSR) -> None:
    path = root / "secrets" / "smtp"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


@pytest.fixture
async def with_server(tmp_path: Path, clock: SetClock) -> AsyncIterator[Reloading]:
    root = tmp_path / "served"
    write_secret(write_workspace(root, more=SERVER), "old word")
    async with office_in(root, clock) as office:
        yield Reloading(office, {}, settle=AT_ONCE)


async def test_new_password_is_taken_and_never_shown(with_server: Reloading, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    root = with_server.office.workspace.root
    write_secret(root, "new word")

    taken = await with_server.look()

    password = with_server.office.workspace.servers[0].password
    assert (taken, password and password.get_secret_value()) == (True, "new word")
    assert settings_logged(caplog) == ["smtp[smtps://weekly@smtp.example.com:465] password: changed"]
    assert not any(word in str(vars(one)) for one in caplog.records for word in ("old word", "new word"))


async def test_password_file_that_others_can_read_is_refused(with_server: Reloading) -> None:
    write_secret(with_server.office.workspace.root, "new word", mode=0o644)

    await with_server.look()

    assert "secrets/smtp" in with_server.use.refused[0].en


async def test_password_that_was_missing_is_taken_once_it_is_there(reloading: Reloading, root: Path) -> None:
    (root / "distributor.toml").write_text(
        (root / "distributor.toml").read_text(encoding="utf-8") + SERVER, encoding="utf-8"
    )
    without = await reloading.look()
    write_secret(root, "new word")

    assert (without, bool(reloading.use.refused)) == (False, True)
    assert await reloading.look()
    assert len(reloading.office.workspace.servers) == 1


async def test_new_signing_key_is_taken(reloading: Reloading, root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    key = dkim_keys.write_key(root)
    named = f'domain = "news.example.com"\nselector = "s2026"\nkey_file = "{key.relative_to(root)}"'
    edit(root, "[web]", f"[dkim]\n{named}\n\n[web]")
    await reloading.look()
    caplog.clear()
    other = generate_private_key(65537, 2048)
    key.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    assert await reloading.look()
    assert settings_logged(caplog) == ["dkim private key: changed"]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('listen = "127.0.0.1:8080"', 'listen = "127.0.0.1:8081"', "web.listen"),
        ("sqlite:///var/distributor.db", "postgresql+psycopg://me:hidden@127.0.0.1/other", "database.url"),
    ],
    ids=["web.listen", "database.url"],
)
async def test_what_needs_a_restart_says_so_and_the_database_stays(
    reloading: Reloading, root: Path, caplog: pytest.LogCaptureFixture, old: str, new: str, key: str
) -> None:
    edit(root, old, new)

    taken = await reloading.look()

    warned = [vars(one)["setting"] for one in caplog.records if "restart" in one.message]
    assert (taken, warned) == (True, [key])
    assert "hidden" not in caplog.text + str([vars(one) for one in caplog.records])
    async with reloading.office.database.read() as connection:
        assert connection.dialect.name == "sqlite"


async def test_who_asks_is_told_that_nothing_changed(reloading: Reloading, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await reloading.look(asked=True)

    assert "nothing has changed" in caplog.text


async def test_copy_of_what_is_in_use_needs_no_secret_and_follows_every_change(
    with_server: Reloading, clock: SetClock
) -> None:
    root = with_server.office.workspace.root
    await with_server.begin()
    edit(root, NINE, TEN)
    (root / "holidays.toml").write_text("off = [2015-07-10]\n", encoding="utf-8")
    await with_server.look()
    (root / "distributor.toml").write_text("broken", encoding="utf-8")
    (root / "secrets" / "smtp").unlink()

    copy = settings_in_use.open_copy(root, clock)

    assert copy is not None
    assert (copy.root, copy.settings.schedule[0].when, len(copy.workdays.off)) == (root, "每周五 10:00", 1)
    folder = root / "var" / "settings-in-use"
    assert "smtp.example.com" not in (folder / "distributor.toml").read_text(encoding="utf-8")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "distributor.toml")] == [0o700, 0o600]


async def test_days_off_that_are_gone_leave_the_copy_too(reloading: Reloading, root: Path) -> None:
    (root / "holidays.toml").write_text("off = [2015-07-10]\n", encoding="utf-8")
    await reloading.look()
    (root / "holidays.toml").unlink()
    await reloading.look()

    assert not (root / "var/settings-in-use/holidays.toml").exists()


def test_workspace_that_was_never_run_has_no_copy(root: Path, clock: SetClock) -> None:
    assert settings_in_use.open_copy(root, clock) is None


async def test_start_ends_what_an_earlier_process_reported(reloading: Reloading, root: Path, office: Office) -> None:
    edit(root, NINE, 'when = "never"')
    await reloading.look()
    edit(root, 'when = "never"', NINE)

    await Reloading(office, {}, settle=AT_ONCE).begin()

    assert await reported(office) == []


async def test_edit_between_opening_and_the_first_look_is_not_lost(office: Office, root: Path) -> None:
    edit(root, NINE, TEN)
    reloading = Reloading(office, {}, settle=AT_ONCE)

    assert await reloading.look()
    assert hour(reloading.office) == "每周五 10:00"
