"""`dkim new` and `dkim show`: what a person can copy into DNS and into the settings."""

import re
import tomllib
from pathlib import Path

import pytest

from distributor.cli.app import run
from distributor.operations.workspace import open_workspace
from tests import dkim_keys
from tests.conftest import SetClock
from tests.offices import write_workspace


def settings_in(printed: str) -> str:
    """Return the lines that the command wants in distributor.toml."""
    found = re.search(r"^ +\[dkim\]\n(?: +\w+ = .*\n)+", printed, re.MULTILINE)
    assert found
    return re.sub(r"^ +", "", found[0], flags=re.MULTILINE)


def test_what_is_printed_for_the_settings_works_as_it_stands(
    tmp_path: Path, clock: SetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_workspace(tmp_path)

    code = run(["--root", str(root), "dkim", "new", "--selector", "s2027", "--domain", "example.com"])

    lines = settings_in(capsys.readouterr().out)
    signer = open_workspace(write_workspace(tmp_path, more="\n" + lines), clock, {}).signer
    assert code == 0
    assert signer is not None
    assert (signer.domain, signer.selector) == ("example.com", "s2027")
    assert tomllib.loads(lines)["dkim"]["key_file"] == "secrets/dkim-s2027.pem"


def test_the_record_is_printed_whole_and_in_strings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_workspace(tmp_path)
    dkim_keys.write_key(root)

    code = run(["--root", str(root), "dkim", "show", "--selector", "s2026"])

    printed = capsys.readouterr().out
    (zone_line,) = [line for line in printed.splitlines() if " IN TXT " in line]
    assert code == 0
    assert dkim_keys.record().decode() in printed
    assert zone_line.split()[0].encode() == dkim_keys.DNS_NAME
    assert "".join(re.findall(r'"([^"]*)"', zone_line)).encode() == dkim_keys.record()


def test_the_key_in_use_is_shown_without_further_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_workspace(tmp_path, more=dkim_keys.TABLE)
    dkim_keys.write_key(root)

    code = run(["--root", str(root), "dkim", "show"])

    printed = capsys.readouterr().out
    assert code == 0
    assert "[dkim]" not in printed
    assert "PRIVATE" not in printed


def test_a_change_of_keys_keeps_the_old_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_workspace(tmp_path, more=dkim_keys.TABLE)

    code = run(["--root", str(root), "dkim", "new", "--selector", "s2027"])

    last = capsys.readouterr().out.splitlines()[-1]
    assert code == 0
    assert "s2026._domainkey.news.example.com" in last
    assert "30" in last


def test_a_key_that_exists_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_workspace(tmp_path)
    run(["--root", str(root), "dkim", "new", "--selector", "s1"])

    code = run(["--root", str(root), "dkim", "new", "--selector", "s1"])

    assert code == 2
    assert "distributor dkim show --selector s1" in capsys.readouterr().err
