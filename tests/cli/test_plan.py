"""`plan`: what it says about limits."""

from pathlib import Path

import pytest

from tests.cli.mailed import SMTP, Told
from tests.offices import write_issue, write_list, write_workspace

RELAY = '\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:25"\n'
LIMIT = '\n[[limit]]\ndomains = ["example.org", "example.net"]\nrate = ["1/day"]\n'


def told_with(folder: Path, more: str, capsys: pytest.CaptureFixture[str]) -> Told:
    root = write_workspace(folder / "office", changes=SMTP, more=more)
    write_issue(root)
    write_list(root, "members", {"a@example.com": "", "b@example.org": "", "c@example.net": ""})
    told = Told(root, capsys)
    assert told("subscribers", "sync", "members", "--yes") == 0
    return told


def line_of(told: Told, name: str) -> str:
    return next((line for line in told.out.splitlines() if line.startswith(name)), "")


def test_plan_names_the_limit_that_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = told_with(tmp_path, RELAY + LIMIT, capsys)

    assert told("plan", "55", "--list", "members") == 0

    assert "example.org, example.net：2 份，每天 1" in line_of(told, "由此决定")


def test_plan_without_limits_names_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = told_with(tmp_path, RELAY, capsys)

    assert told("plan", "55", "--list", "members") == 0

    assert "没有限速" in line_of(told, "预计发完")
    assert line_of(told, "由此决定") == ""


def test_plan_for_a_script_has_the_finishing_time_under_the_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = told_with(tmp_path, RELAY + LIMIT, capsys)

    found = told.json("plan", "55", "--list", "members")

    assert found["copies"] == 3
    assert found["finish"] > found["start"]
