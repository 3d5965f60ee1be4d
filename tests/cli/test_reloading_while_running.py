"""A running daemon whose settings are edited: real processes, real servers whose journals tell who got what."""

import json
import re
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_staying import end, going, said
from tests.host_faults.host_offices import HostOffice, free_port, host_office
from tests.host_faults.test_daemon_killed import scheduled_office
from tests.offices import write_list, write_workspace
from tests.smtp_journal_server import journal_server

pytestmark = pytest.mark.slow
WHEN = 'when = "每周五 09:00"'


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def root(tmp_path: Path, port: int) -> Path:
    root = write_workspace(tmp_path / "office", changes={"127.0.0.1:8080": f"127.0.0.1:{port}"})
    write_list(root, "members", {"all@example.com": ""})
    return root


def edit(root: Path, old: str, new: str) -> None:
    """Write a changed file beside the settings and rename it into place, as editors do."""
    path = root / "distributor.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    beside = path.with_suffix(".new")
    beside.write_text(text.replace(old, new), encoding="utf-8")
    beside.replace(path)


def ask(running: subprocess.Popen[str]) -> None:
    running.send_signal(signal.SIGHUP)


def health(port: int) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            found = json.load(error)
    return found


def due(root: Path) -> set[str]:
    with closing(sqlite3.connect(root / "var/distributor.db")) as connection:
        return {row[0][11:16] for row in connection.execute("SELECT due_at FROM occurrence WHERE state = 'planned'")}


def wait_for(holds: Callable[[], bool]) -> None:
    last = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < last, "it did not come to that"
        time.sleep(0.05)


def test_good_edit_moves_the_slot_and_is_told_with_the_next_dates(root: Path) -> None:
    with going(root, "run") as running:
        said(running, "Ctrl")
        wait_for(lambda: due(root) != set())
        before = due(root)
        edit(root, WHEN, 'when = "每周五 10:30"')
        ask(running)
        changed = said(running, "schedule.weekly..when")
        following = said(running, "next date")
        wait_for(lambda: due(root) != before)

    assert (before, due(root)) == ({"01:00"}, {"02:30"})
    assert "每周五 09:00 -> 每周五 10:30" in changed
    assert "10:30" in following


def test_bad_edit_keeps_the_daemon_at_work_until_it_is_mended(root: Path, port: int) -> None:
    with going(root, "run") as running:
        said(running, "Ctrl")
        wait_for(lambda: health(port)["status"] == "ok")
        edit(root, WHEN, 'when = "每周八 09:00"')
        ask(running)
        refused = said(running, "refused")
        wait_for(lambda: health(port)["status"] == "degraded")
        told = health(port)
        edit(root, "每周八 09:00", "每周五 10:30")
        ask(running)
        said(running, "new settings are in use")
        wait_for(lambda: health(port)["status"] == "ok")
        mended = health(port)
        running.terminate()
        running.communicate(timeout=30)

    assert "distributor.toml:" in refused
    assert (told["status"], [one["code"] for one in told["reasons"]]) == ("degraded", ["settings"])
    assert re.match(r"distributor\.toml:\d+: ", told["daemons"][0]["refused"][0]["zh"])
    assert (mended["status"], mended["daemons"][0]["refused"]) == ("ok", [])
    assert running.returncode == 0


def test_bad_file_refuses_the_next_start_with_every_problem(root: Path) -> None:
    edit(root, WHEN, 'when = "每周八 09:00"')
    edit(root, 'lists = ["members", "public"]', 'lists = ["membres"]')

    refused = end(root, "run")

    assert refused.returncode == 2
    assert len(re.findall(r"distributor\.toml:\d+: ", refused.stderr)) == 2


def test_status_shows_the_daemon_while_the_file_is_bad_and_says_so(root: Path, port: int) -> None:
    with going(root, "run") as running:
        said(running, "Ctrl")
        wait_for((root / "var/settings-in-use/distributor.toml").exists)
        edit(root, WHEN, 'when = "每周八 09:00"')
        ask(running)
        wait_for(lambda: health(port)["status"] == "degraded")
        told = end(root, "status")

    assert told.returncode == 2
    assert re.search(rf"正在运行：\S+ {running.pid}，", told.stdout)
    assert re.search(r"改过的设置没有采用：distributor\.toml:\d+", told.stdout)
    assert "仍用那份设置" in told.stderr
    assert "distributor.toml:" in told.stderr


def test_row_of_the_daemon_is_there_while_it_runs_and_gone_after_a_clean_end(root: Path, port: int) -> None:
    with going(root, "run") as running:
        said(running, "Ctrl")
        wait_for(lambda: health(port)["status"] == "ok")
        pids = [one["pid"] for one in health(port)["daemons"]]
        running.terminate()
        running.communicate(timeout=30)
    with closing(sqlite3.connect(root / "var/distributor.db")) as connection:
        left = connection.execute("SELECT count(*) FROM daemon").fetchone()[0]

    assert (pids, left) == ([running.pid], 0)


def test_pages_served_alone_follow_an_edit(root: Path, port: int) -> None:
    def lost() -> str:
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/nothing", timeout=10)
        with answer.value as error:
            return error.read().decode()

    with going(root, "serve") as running:
        said(running, "邮件里的地址")
        before = lost()
        edit(root, '"节能减排信息动态"', '"绿色周刊"')
        ask(running)
        said(running, "new settings are in use")
        after = lost()
        running.terminate()
        running.communicate(timeout=30)

    assert ("绿色周刊" in before, "绿色周刊" in after, running.returncode) == (False, True, 0)


def finished(office: HostOffice) -> bool:
    return office.states() == {"accepted": len(office.readers)}


def test_server_changed_in_the_middle_of_a_mailing_mails_nobody_twice(tmp_path: Path) -> None:
    first_folder, second_folder = tmp_path / "first", tmp_path / "second"
    first_folder.mkdir()
    second_folder.mkdir()
    with journal_server(first_folder, "dot slow s=0.1") as first, journal_server(second_folder) as second:
        office = scheduled_office(tmp_path / "office", first.port, readers=120)
        with going(office.root, "run") as running:
            wait_for(lambda: len(first.taken) >= 10)
            edit(office.root, f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}")
            ask(running)
            wait_for(lambda: finished(office))
            running.terminate()
            running.communicate(timeout=30)
        copies = Counter(one["recipient"] for one in (*first.taken, *second.taken))
        shares = len(first.taken), len(second.taken)

    assert copies.keys() >= office.readers
    assert [reader for reader in office.readers if copies[reader] != 1] == []
    assert min(shares) > 0
    assert running.returncode == 0


def test_list_and_schedule_that_are_added_take_effect_while_running(tmp_path: Path) -> None:
    with journal_server(tmp_path) as server:
        office = host_office(tmp_path / "office", server.port, changes={"127.0.0.1:8080": f"127.0.0.1:{free_port()}"})
        write_list(office.root, "partners", {"partner@example.org": ""})
        added = '\n[[list]]\nname = "partners"\ntitle = "伙伴"\n\n[[schedule]]\nid = "partners"\ncron = "0 9 * * *"\n'
        added += 'lists = ["partners"]\nholiday = "send"\nmax_age = "9000d"\n'
        with going(office.root, "run") as running:
            said(running, "Ctrl")
            edit(office.root, "[web]", f"{added}\n[web]")
            ask(running)
            said(running, "schedule.partners..cron")
            dates = said(running, "next date")

    assert "schedule=partners" in dates


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_end_that_comes_in_a_change_of_dispatchers_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with journal_server(tmp_path, "dot slow s=0.2") as server:
        office = scheduled_office(tmp_path / "office", server.port, readers=60)
        with going(office.root, "run") as running:
            wait_for(lambda: len(server.taken) >= 5)
            edit(office.root, "connections = 4", "connections = 2")
            ask(running)
            said(running, "new settings are in use")
            running.send_signal(number)
            running.communicate(timeout=60)
        taken, states = len(server.taken), office.states()

    assert (running.returncode, states["accepted"], states["sending"]) == (0, taken, 0)
