"""The machine examined: Python, the clock, the disk, var/."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from distributor.operations.examinations.machine import (
    Version,
    examine_clock,
    examine_disk,
    examine_python,
    examine_var,
    free_bytes,
)
from tests.operations.examining import SUMMER, told


@pytest.mark.parametrize("version", [(3, 11, 15), (3, 12, 13), (3, 13, 12), (3, 14, 3), (3, 15, 0)], ids=str)
def test_a_python_without_known_header_injections_is_well(version: Version) -> None:
    assert examine_python(version).verdict == "ok"


@pytest.mark.parametrize("version", [(3, 11, 14), (3, 11, 7), (3, 12, 12), (3, 13, 11), (3, 14, 2)], ids=str)
def test_an_older_python_is_warned_of_with_the_release_to_take(version: Version) -> None:
    finding = examine_python(version)

    assert finding.verdict == "warning"
    assert "CVE-2026-1299" in finding.seen.en
    assert finding.remedy is not None
    assert f"{version[0]}.{version[1]}." in finding.remedy.zh


@pytest.mark.parametrize(
    ("ahead", "verdict"),
    [
        (timedelta(days=-30), "ok"),
        (timedelta(minutes=5), "ok"),
        (timedelta(minutes=5, seconds=1), "fault"),
        (timedelta(days=1), "fault"),
    ],
    ids=str,
)
def test_a_clock_behind_the_newest_row_is_a_fault(ahead: timedelta, verdict: str) -> None:
    assert examine_clock(SUMMER, SUMMER + ahead).verdict == verdict


@pytest.mark.parametrize(("year", "verdict"), [(1970, "fault"), (2025, "fault"), (2026, "ok"), (2099, "fault")])
def test_a_clock_in_an_impossible_year_is_a_fault_of_the_machine(year: int, verdict: str) -> None:
    finding = examine_clock(datetime(year, 6, 1, tzinfo=UTC), None)

    assert (finding.verdict, finding.concern) == (verdict, "environment")


@pytest.mark.parametrize(
    ("left", "verdict", "shown"),
    [
        (250_000_000_000, "ok", "250.0 GB"),
        (1_000_000_000, "ok", "1.0 GB"),
        (999_999_999, "warning", "999 MB"),
        (100_000_000, "warning", "100 MB"),
        (99_999_999, "fault", "99 MB"),
        (0, "fault", "0 MB"),
    ],
)
def test_how_much_room_is_enough(left: int, verdict: str, shown: str, tmp_path: Path) -> None:
    finding = examine_disk(tmp_path, lambda _folder: left)

    assert (finding.verdict, finding.concern) == (verdict, "environment")
    assert shown in finding.seen.zh


def test_the_room_of_a_folder_that_is_still_to_be_made_is_that_above_it(tmp_path: Path) -> None:
    asked = []

    examine_disk(tmp_path / "var" / "public", lambda folder: asked.append(folder) or 10**12)

    assert asked == [tmp_path]


def test_a_disk_that_cannot_be_asked_is_a_fault(tmp_path: Path) -> None:
    def gone(_folder: Path) -> int:
        raise OSError(5, "Input/output error")

    assert examine_disk(tmp_path, gone).verdict == "fault"


def test_the_real_disk_has_some_room(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0


def test_a_writable_var_is_left_as_it_was(tmp_path: Path) -> None:
    finding = examine_var(tmp_path)

    assert finding.verdict == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_var_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    finding = examine_var(tmp_path / "var")

    assert finding.verdict == "ok"
    assert "第一次运行" in finding.seen.zh
    assert not (tmp_path / "var").exists()


def test_a_var_that_cannot_be_written_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where the folder should be", encoding="utf-8")

    finding = examine_var(tmp_path / "var")

    assert (finding.verdict, finding.concern) == ("fault", "environment")
    assert str(tmp_path / "var") in told([finding])
