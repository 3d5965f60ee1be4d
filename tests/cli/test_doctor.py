"""`doctor`: what a person reads, what a script reads, and the exit code that both get."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from distributor.cli import console, doctor
from distributor.cli.app import run
from distributor.operations.clocks import SystemClock
from tests.offices import office_in, write_workspace
from tests.operations.examining import OURS, answering, unreachable

RELAY = '\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{port}"\n'


@pytest.fixture(autouse=True)
def _in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the locale of the machine."""
    monkeypatch.setattr(console, "LANGUAGE", "zh")


def examined(root: Path, *options: str) -> int:
    return run(["--root", str(root), "doctor", *options])


def test_a_trial_workspace_is_examined_in_chinese_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = examined(write_workspace(tmp_path, changes=OURS), "--offline")

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert any(line.startswith("正常  设置：distributor.toml") for line in lines)
    assert any(line.startswith("未查  SPF：离线") for line in lines)
    assert lines[-1].startswith("共 ")


def test_a_fault_of_the_settings_ends_with_2_and_its_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_workspace(tmp_path, changes={"Asia/Shanghai": "Asia/Shangai"})

    code = examined(root, "--offline")

    told = capsys.readouterr().out
    assert code == 2
    assert "故障  设置：distributor.toml:" in told
    assert "      → 是不是 Asia/Shanghai？" in told


def test_a_fault_of_the_environment_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = write_workspace(tmp_path, changes=OURS, more=RELAY.format(port=port))

    code = examined(root, "--offline")

    assert code == 3
    assert f"故障  127.0.0.1:{port} 连接" in capsys.readouterr().out


def test_a_script_reads_the_same_findings_and_the_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_workspace(tmp_path, changes={"Asia/Shanghai": "Asia/Shangai"})

    code = examined(root, "--offline", "--json")

    report = json.loads(capsys.readouterr().out)
    assert (code, report["exit_code"]) == (2, 2)
    (fault,) = [one for one in report["findings"] if one["verdict"] == "fault"]
    assert (fault["name"], fault["concern"]) == ("settings", "config")
    assert set(fault) == {"name", "title", "verdict", "concern", "seen", "remedy"}
    assert {one["verdict"] for one in report["findings"]} <= {"ok", "warning", "fault", "not checked"}


def test_name_servers_are_asked_unless_offline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "name_servers", lambda: answering({}))

    code = examined(write_workspace(tmp_path, changes=OURS))

    assert code == 2
    assert "故障  MX：" in capsys.readouterr().out


def test_name_servers_that_do_not_answer_change_no_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "name_servers", unreachable)

    code = examined(write_workspace(tmp_path, changes=OURS))

    assert code == 0
    assert "未查  MX：" in capsys.readouterr().out


def test_the_database_of_a_running_office_is_examined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_workspace(tmp_path, changes=OURS)

    async def work() -> int:
        async with office_in(root, SystemClock()) as office, office.database.write():
            return await asyncio.to_thread(examined, root, "--offline")

    code = asyncio.run(work())

    assert code == 0
    assert "正常  数据库完整性：quick_check 通过" in capsys.readouterr().out


def test_no_workspace_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert examined(tmp_path) == 2
    assert "distributor.toml" in capsys.readouterr().err


@pytest.mark.parametrize(("language", "line"), [("zh", "正常  "), ("en", "ok       ")])
def test_a_terminal_without_unicode_gets_every_line(language: str, line: str, tmp_path: Path) -> None:
    root = write_workspace(tmp_path, changes=OURS)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "DISTRIBUTOR_LANG": language}

    done = subprocess.run(
        [sys.executable, "-m", "distributor", "--root", str(root), "doctor", "--offline"],
        check=False,
        capture_output=True,
        env=environment,
    )

    assert done.returncode == 0
    assert line in done.stdout.decode()
    assert done.stderr == b""
