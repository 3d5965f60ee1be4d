from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from distributor.errors import EnvironmentFault
from distributor.operations import launches
from distributor.operations.launches import LaunchLine

AT = datetime(2015, 7, 10, 1, 0, tzinfo=UTC)
LINE = LaunchLine(
    channel="smtp", issue="2015-055", send_no=1, origin="weekly/2015-W28#1", mark="T1", fingerprint="f" * 64
)


def test_log_gives_back_what_was_written_in_order(tmp_path: Path) -> None:
    second = replace(LINE, issue="2015-056", mark="T2")

    launches.append(tmp_path, LINE, AT)
    launches.append(tmp_path, second, AT)

    assert launches.read(tmp_path) == (LINE, second)


def test_missing_log_knows_no_launch(tmp_path: Path) -> None:
    assert launches.read(tmp_path) == ()


def test_torn_last_line_never_launched(tmp_path: Path) -> None:
    launches.append(tmp_path, LINE, AT)
    with (tmp_path / "launches.log").open("a") as log:
        log.write("2015-07-17T01:00:00+00:00\tsmtp\t2015-056\t1\twee")

    assert launches.read(tmp_path) == (LINE,)


def test_void_launch_is_left_out(tmp_path: Path) -> None:
    launches.append(tmp_path, LINE, AT)

    launches.void(tmp_path, "T1", AT)

    assert launches.read(tmp_path) == ()


def test_line_of_another_make_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "launches.log").write_text("hello\n\na\tb\tc\td\te\tf\tg\n")

    assert launches.read(tmp_path) == ()


def test_log_that_cannot_be_written_stops_the_launch(tmp_path: Path) -> None:
    (tmp_path / "launches.log").mkdir()

    with pytest.raises(EnvironmentFault, match=r"launches\.log"):
        launches.append(tmp_path, LINE, AT)
