from pathlib import Path

import pytest

from distributor.errors import EnvironmentFault, HeldError, InputError
from distributor.operations.files import new_file, write_if_changed


def test_file_is_written_with_its_folders(tmp_path: Path) -> None:
    assert write_if_changed(tmp_path / "a" / "b.html", b"x")

    assert (tmp_path / "a" / "b.html").read_bytes() == b"x"


def test_same_content_touches_nothing(tmp_path: Path) -> None:
    write_if_changed(tmp_path / "b.html", b"x")
    before = (tmp_path / "b.html").stat().st_mtime_ns

    assert not write_if_changed(tmp_path / "b.html", b"x")
    assert (tmp_path / "b.html").stat().st_mtime_ns == before


def test_nothing_half_written_is_left_beside(tmp_path: Path) -> None:
    write_if_changed(tmp_path / "b.html", b"x")
    write_if_changed(tmp_path / "b.html", b"y")

    assert [path.name for path in tmp_path.iterdir()] == ["b.html"]


def test_secret_is_private_from_the_first_byte(tmp_path: Path) -> None:
    write_if_changed(tmp_path / "token.key", b"k", mode=0o600)

    assert (tmp_path / "token.key").stat().st_mode & 0o777 == 0o600


def test_refusing_disk_is_named_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file where a folder should be")

    with pytest.raises(EnvironmentFault, match=r"b\.html"):
        write_if_changed(tmp_path / "a" / "b.html", b"x")


def test_new_file_appears_when_it_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"

    with new_file(path) as file:
        file.write(b"x")
        appeared_early = path.exists()

    assert not appeared_early
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"x", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["export.csv"]


def test_new_file_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("mine")

    with pytest.raises(InputError, match="not overwritten"), new_file(path):
        pass

    assert path.read_text() == "mine"


def test_new_file_gives_way_to_one_that_came_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"

    with pytest.raises(InputError, match="not overwritten"), new_file(path) as file:
        file.write(b"x")
        path.write_text("theirs")

    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("export.csv", "theirs")]


@pytest.mark.parametrize(
    ("error", "raised"),
    [(OSError(28, "No space left on device"), EnvironmentFault), (HeldError(), HeldError), (KeyError(), KeyError)],
)
def test_new_file_that_fails_leaves_nothing_behind(tmp_path: Path, error: Exception, raised: type[Exception]) -> None:
    with pytest.raises(raised), new_file(tmp_path / "export.csv"):
        raise error

    assert list(tmp_path.iterdir()) == []


def test_new_file_where_there_is_no_folder_is_the_machines_fault(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot write"), new_file(tmp_path / "none" / "export.csv"):
        pass
