"""`run`, `serve`, `tick`, `publish`, `preview`: what they say, what ends them, and their exit codes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from distributor.cli.app import run
from distributor.cli.showing import clock_of
from tests.conftest import SetClock
from tests.offices import write_issue, write_list, write_workspace

ENVIRONMENT = {**os.environ, "DISTRIBUTOR_LANG": "zh", "LC_ALL": "C"}


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "distributor", "--root", str(root), *words]


def end(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command(root, *words),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@contextmanager
def going(root: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command that keeps going while the block lasts."""
    with subprocess.Popen(
        command(root, *words),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], pattern: str) -> str:
    """Read what a process says until a line matches, and return that line."""
    assert process.stdout is not None
    for line in process.stdout:
        if re.search(pattern, line):
            return line
    raise AssertionError(f"it ended without saying {pattern}")


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def root(tmp_path: Path, port: int) -> Path:
    """A workspace whose mail goes to the outbox and whose weekly schedule has nothing due."""
    root = write_workspace(tmp_path / "office", changes={"127.0.0.1:8080": f"127.0.0.1:{port}"})
    write_list(root, "members", {"all@example.com": ""})
    return root


@pytest.fixture
def without_server(tmp_path: Path, port: int) -> Path:
    changes = {'transport = "smtp"': 'transport = "smtp" ', "127.0.0.1:8080": f"127.0.0.1:{port}"}
    return write_workspace(tmp_path / "closed", changes=changes)


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return int(error.code)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_daemon_serves_says_what_is_next_and_ends_cleanly(root: Path, port: int, number: signal.Signals) -> None:
    with going(root, "run") as process:
        served = said(process, "正在提供")
        following = said(process, "下一次：weekly")
        status = status_of(f"http://127.0.0.1:{port}/preferences/wrong")
        process.send_signal(number)
        rest, _nothing = process.communicate(timeout=30)

    assert f"http://127.0.0.1:{port}/" in served
    assert "还没有就绪的期" in following
    assert status == 404
    assert "已结束" in rest
    assert process.returncode == 0


def test_second_daemon_of_a_workspace_is_refused(root: Path) -> None:
    with going(root, "run") as process:
        said(process, "Ctrl\\+C")
        second = end(root, "run")

    assert second.returncode == 4
    assert "已有一个 distributor run" in second.stderr


@pytest.mark.parametrize("words", [("run",), ("tick",)], ids=["run", "tick"])
def test_nothing_starts_where_nothing_could_be_sent(without_server: Path, words: tuple[str, ...]) -> None:
    refused = end(without_server, *words)

    assert refused.returncode == 2
    assert "[[smtp]]" in refused.stderr
    assert not (without_server / "var" / "distributor.db").exists()


@pytest.mark.parametrize("word", ["run", "serve"])
def test_port_in_use_stops_the_start(root: Path, port: int, word: str) -> None:
    with socket.create_server(("127.0.0.1", port)):
        refused = end(root, word)

    assert refused.returncode == 3
    assert f"127.0.0.1:{port}" in refused.stderr


def test_daemon_without_web_mode_serves_archive_and_health_to_this_host(tmp_path: Path, port: int) -> None:
    root = write_workspace(
        tmp_path / "none", changes={'mode = "public"': 'mode = "none"', "127.0.0.1:8080": f"127.0.0.1:{port}"}
    )

    with going(root, "run") as process:
        said(process, "没有退订页面")
        said(process, "Ctrl\\+C")
        statuses = [status_of(f"http://127.0.0.1:{port}/{path}") for path in ("metrics", "preferences/x")]

    assert statuses == [200, 404]


def test_pages_alone_are_served_without_a_mail_server(without_server: Path, port: int) -> None:
    with going(without_server, "serve") as process:
        said(process, "邮件里的地址")
        status = status_of(f"http://127.0.0.1:{port}/unsubscribe/wrong")
        hint = said(process, "distributor publish")
        process.terminate()
        process.communicate(timeout=30)

    assert status == 404
    assert "还没有网页" in hint
    assert process.returncode == 0


def test_archive_alone_is_served_in_mode_none(tmp_path: Path, port: int) -> None:
    root = write_workspace(
        tmp_path / "none", changes={'mode = "public"': 'mode = "none"', "127.0.0.1:8080": f"127.0.0.1:{port}"}
    )
    end(root, "publish")

    with going(root, "serve") as process:
        said(process, "没有退订页面")
        said(process, "邮件里的地址")
        statuses = [status_of(f"http://127.0.0.1:{port}/{path}") for path in ("", "feeds/all.atom", "preferences/x")]

    assert statuses == [200, 200, 404]


def test_broken_page_template_stops_the_start(root: Path) -> None:
    (root / "templates/web/preferences.html").write_text("{{ nothing_known }}", encoding="utf-8")

    refused = end(root, "serve")

    assert refused.returncode == 2
    assert "templates/web/preferences.html:1" in refused.stderr


@pytest.fixture
def friday(monkeypatch: pytest.MonkeyPatch, clock: SetClock) -> SetClock:
    """Commands in this process, in Chinese, on the sample's Friday at nine."""
    monkeypatch.setattr("distributor.cli.console.LANGUAGE", "zh")
    monkeypatch.setattr("distributor.cli.entry.SystemClock", lambda: clock)
    return clock


def test_tick_with_nothing_due_says_so(root: Path, friday: SetClock, capsys: pytest.CaptureFixture[str]) -> None:
    friday.advance(timedelta(hours=-3))

    code = run(["--root", str(root), "tick"])

    told = capsys.readouterr()
    assert (code, told.err) == (0, "")
    assert "没有到点的" in told.out


def test_tick_sends_what_is_due_and_the_next_one_sends_nothing_twice(
    root: Path, friday: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    write_issue(root)

    codes = [run(["--root", str(root), "tick"]), run(["--root", str(root), "tick"])]

    told = capsys.readouterr().out
    assert codes == [0, 0]
    assert told.count("已启动 2015-055 → weekly/2015-W28#1：1 份") == 1
    assert told.count("发出 1 份") == 1
    assert len(list((root / "var/outbox/new").iterdir())) == 1


def test_tick_says_which_slot_waits_and_why(root: Path, friday: SetClock, capsys: pytest.CaptureFixture[str]) -> None:
    write_issue(root, status="draft")

    code = run(["--root", str(root), "tick"])

    told = capsys.readouterr().out
    assert code == 0
    assert "还没有发 weekly 2015-07-10 09:00 +08:00" in told
    assert "2015-055 不会自动发" in told


def test_tick_says_what_was_missed(root: Path, friday: SetClock, capsys: pytest.CaptureFixture[str]) -> None:
    friday.advance(timedelta(hours=-1))
    run(["--root", str(root), "tick"])
    friday.advance(timedelta(hours=20))

    code = run(["--root", str(root), "tick"])

    assert code == 0
    assert "错过 weekly 2015-07-10 09:00 +08:00" in capsys.readouterr().err


def test_publish_counts_files_and_issues(root: Path, friday: SetClock, capsys: pytest.CaptureFixture[str]) -> None:
    write_issue(root)
    before = run(["--root", str(root), "publish"])
    empty = capsys.readouterr().out
    run(["--root", str(root), "tick"])
    capsys.readouterr()

    code = run(["--root", str(root), "publish", "--json"])

    assert (before, code) == (0, 0)
    assert "还没有发出过任何一期" in empty
    told = json.loads(capsys.readouterr().out)
    assert (told["issues"], told["changed"], told["problems"]) == (["2015-055"], 0, [])


def test_publish_names_the_issue_whose_pages_stay(
    root: Path, friday: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_issue(root)
    run(["--root", str(root), "tick"])
    (folder / "a01.md").write_text("---\ntitle: 坏了\n---\n", encoding="utf-8")
    capsys.readouterr()

    code = run(["--root", str(root), "publish"])

    told = capsys.readouterr()
    assert code == 0
    assert "content/2015-055/a01.md" in told.err
    assert (root / "var/public/issues/2015-055.html").is_file()


def test_preview_serves_the_workspace_on_this_host_and_ends_cleanly(root: Path, port: int) -> None:
    with going(root, "preview", "--port", str(port)) as process:
        told = said(process, "预览：")
        status = status_of(f"http://127.0.0.1:{port}/")
        process.terminate()
        process.communicate(timeout=30)

    assert f"http://127.0.0.1:{port}/" in told
    assert (status, process.returncode) == (200, 0)
    assert not (root / "var").exists()


def test_preview_at_a_port_in_use_says_so(root: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        refused = end(root, "preview", "--port", str(port))

    assert refused.returncode == 3


def test_demonstration_is_previewed_at_its_own_moment(tmp_path: Path) -> None:
    demonstration = tmp_path / "var" / "demo"

    assert clock_of(demonstration).now().year == 2015
    assert clock_of(tmp_path).now().year > 2015
