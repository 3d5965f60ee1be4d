"""The sample publication that the package carries: templates, content, lists and settings.

In a wheel it lies in distributor/defaults; in a checkout it is the repository itself, so that both run the same
files.
"""

from pathlib import Path

_PACKAGED = Path(__file__).resolve().parent.parent / "defaults"


def sample_folder() -> Path:
    """Return the folder with the sample's distributor.toml, templates/, content/ and subscribers/."""
    return _PACKAGED if _PACKAGED.is_dir() else _PACKAGED.parent.parent


def templates_folder() -> Path:
    """Return the packaged templates, used for whatever a workspace does not have of its own."""
    return sample_folder() / "templates"
