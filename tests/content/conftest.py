from pathlib import Path

import pytest

from tests.content.folders import IssueOnDisk, article


@pytest.fixture
def issue(tmp_path: Path) -> IssueOnDisk:
    """A draft of 2015-055 with one good article, in a workspace of its own."""
    folder = IssueOnDisk(root=tmp_path, path=tmp_path / "content" / "2015-055")
    folder.settings()
    folder.write("a01.md", article())
    return folder
