"""The files that go public with an issue."""

from pathlib import Path, PurePosixPath

import pytest

from distributor.content.model import Body, Issue, Reference
from distributor.errors import InputError
from distributor.rendering.media_types import media_type
from distributor.rendering.published import with_files
from tests.rendering.publications import ATTACHMENT, CHART, CSV, PICTURE, article, published


def _issue(*files: str) -> Issue:
    attachments = tuple(Reference(name=name, file=PurePosixPath(name)) for name in files)
    return published(article(attachments=attachments, body=Body(blocks=(PICTURE, CHART)))).issue


def _write(root: Path, name: str, content: bytes = b"x") -> None:
    path = root / "content/2015-055" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_attachments_and_chart_data_are_read_and_pictures_taken_from_the_issue(tmp_path: Path) -> None:
    _write(tmp_path, "files/核对表.docx", b"word")
    _write(tmp_path, CSV.as_posix(), b"csv")

    found = with_files(_issue("files/核对表.docx"), tmp_path).files

    assert found == {ATTACHMENT.file: b"word", CSV: b"csv", PICTURE.file: PICTURE.content}


def test_a_web_address_needs_no_file(tmp_path: Path) -> None:
    issue = published(article(links=(Reference(name="原文", url="https://example.org/"),))).issue

    assert with_files(issue, tmp_path).files == {}


def test_every_missing_file_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        with_files(_issue("files/a.pdf"), tmp_path)

    assert [problem.path for problem in refused.value.problems] == [
        "content/2015-055/files/a.pdf",
        "content/2015-055/data/prices.csv",
    ]


def test_a_file_outside_the_issue_never_goes_public(tmp_path: Path) -> None:
    _write(tmp_path, CSV.as_posix())
    (tmp_path / "secret").write_bytes(b"key")

    with pytest.raises(InputError, match="cannot be read"):
        with_files(_issue("../../secret"), tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("表.PDF", "application/pdf"),
        ("a.tar.zip", "application/zip"),
        ("data.csv", "text/csv"),
        ("报告.wps", "application/octet-stream"),
    ],
)
def test_a_files_media_type_is_the_same_on_every_machine(name: str, expected: str) -> None:
    assert media_type(PurePosixPath(name)) == expected
