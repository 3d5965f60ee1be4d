import os
import threading
from pathlib import Path, PurePosixPath

import pytest

from distributor.content.files import Folder, digest_file, parse_file_name, read_file, write_text
from distributor.content.findings import Objection

LIMIT = 1_000_000


def objection(outcome: object) -> str:
    assert isinstance(outcome, Objection)
    return outcome.what.zh


def folder_of(path: Path) -> Folder:
    return Folder(path=path, root=path)


@pytest.mark.parametrize("name", ["images/a.png", "files/附件一.pdf", "data/a 1.csv", "a-b_c.csv"])
def test_relative_file_is_accepted(name: str) -> None:
    assert parse_file_name(name) == PurePosixPath(name)


@pytest.mark.parametrize(
    "name",
    [
        "../x.png",
        "images/../../x.png",
        "/etc/passwd",
        "//host/x.png",
        "C:\\x.png",
        "C:/x.png",
        "images\\x.png",
        "file:///etc/passwd",
        "%2e%2e/x.png",
        "images/%2e%2e/x.png",
        "./x.png",
        "images//x.png",
        ".hidden.png",
        "images/.x.png",
        "a\nb.png",
        "a\u202egnp.exe",
        "x" * 201,
        "",
    ],
)
def test_path_that_may_leave_the_folder_is_refused(name: str) -> None:
    assert isinstance(parse_file_name(name), Objection)


@pytest.mark.parametrize("name", ["import/source.txt", "issue.toml", "a02.md", "A02.MD"])
def test_working_files_are_never_public(name: str) -> None:
    assert "不能公开" in objection(parse_file_name(name))


def test_link_out_of_the_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.txt").symlink_to(tmp_path / "outside.txt")

    assert objection(read_file(inside / "link.txt", limit=LIMIT, within=inside)) == "文件在工作文件夹之外"


def test_link_inside_the_workspace_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("text")
    (tmp_path / "link.txt").symlink_to("real.txt")

    assert read_file(tmp_path / "link.txt", limit=LIMIT, within=tmp_path) == b"text"


def test_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    assert isinstance(read_file(tmp_path / "a", limit=LIMIT, within=tmp_path), Objection)


def test_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.md")

    assert "不是普通文件" in objection(read_file(tmp_path / "a.md", limit=LIMIT))


def test_endless_device_is_refused() -> None:
    assert "不是普通文件" in objection(read_file(Path("/dev/zero"), limit=LIMIT))


def test_folder_is_refused(tmp_path: Path) -> None:
    assert isinstance(read_file(tmp_path, limit=LIMIT), Objection)


def test_large_file_is_refused_by_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 101)

    assert "超过" in objection(read_file(tmp_path / "a", limit=100))


def test_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"x")

    def denied(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr("distributor.content.files.os.open", denied)

    assert objection(read_file(tmp_path / "a", limit=LIMIT)) == "没有权限读这个文件"


def test_digest_of_an_absent_file_is_an_objection(tmp_path: Path) -> None:
    assert objection(digest_file(tmp_path / "none", within=tmp_path)) == "没有这个文件"


def test_file_rewritten_while_it_is_read_is_one_version_or_an_objection(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    versions = (b"a" * 300_000, b"b" * 200_000)
    file.write_bytes(versions[0])
    stop = threading.Event()

    def rewrite() -> None:
        while not stop.is_set():
            for version in versions:
                write_text(file, version.decode())

    writer = threading.Thread(target=rewrite)
    writer.start()
    outcomes = [read_file(file, limit=LIMIT) for _ in range(50)]
    stop.set()
    writer.join()

    assert all(isinstance(outcome, Objection) or outcome in versions for outcome in outcomes)


def test_file_that_changes_at_every_try_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.md").write_text("x")
    monkeypatch.setattr("distributor.content.files._same_version", lambda *_: False)

    assert objection(read_file(tmp_path / "a.md", limit=LIMIT)) == "文件正在被改写"


def test_refused_file_takes_no_part_in_the_fingerprint(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    before = folder.fingerprint()

    outcomes = [folder.read(PurePosixPath("none"), limit=LIMIT) for _ in range(2)]

    assert outcomes[0] is outcomes[1]
    assert folder.fingerprint() == before


def test_file_is_read_once_so_that_what_is_parsed_is_what_is_fingerprinted(tmp_path: Path) -> None:
    file = PurePosixPath("a.txt")
    (tmp_path / file).write_text("first")
    folder = folder_of(tmp_path)
    folder.read(file, limit=LIMIT)
    before = folder.fingerprint()

    (tmp_path / file).write_text("second")

    assert folder.read(file, limit=LIMIT) == b"first"
    assert folder.fingerprint() == before


def test_fingerprint_does_not_depend_on_the_order_of_reading(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    one, other = folder_of(tmp_path), folder_of(tmp_path)

    for name in "ab":
        one.read(PurePosixPath(name), limit=LIMIT)
    for name in "ba":
        other.include(PurePosixPath(name))

    assert one.fingerprint() == other.fingerprint()


def test_missing_file_suggests_the_one_in_other_letter_case(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "Chart.PNG").write_bytes(b"")
    folder, wanted = folder_of(tmp_path), PurePosixPath("images/chart.png")
    absent = folder.read(wanted, limit=LIMIT)
    assert isinstance(absent, Objection)

    named = folder.objection_to(wanted, absent)

    assert named.what.zh == "images/chart.png：没有这个文件"
    assert named.remedy.zh == "是不是 images/Chart.PNG？"


def test_writing_replaces_the_file_whole_and_keeps_its_rights(tmp_path: Path) -> None:
    file = tmp_path / "issue.toml"
    file.write_text("old")
    file.chmod(0o640)

    write_text(file, "新\n")

    assert file.read_bytes() == "新\n".encode()
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["issue.toml"]


def test_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "issue.toml"
    file.write_text("old")

    with pytest.raises(UnicodeEncodeError):
        write_text(file, "\ud800")

    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["issue.toml"]
