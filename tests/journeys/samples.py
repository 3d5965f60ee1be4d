"""The sample issue as the journeys read it."""

from pathlib import Path

from distributor.config import loader
from distributor.content.loader import load_issue
from distributor.content.model import Issue


def sample_issue(root: Path) -> Issue:
    """Return issue 2015-055 of a workspace that holds a copy of it."""
    config = loader.load(root, {})
    issue = load_issue(root / "content" / "2015-055", root=root, sections=config.settings.section).issue
    assert issue is not None
    return issue
