"""A new workspace: settings, templates, empty lists, one draft, a signing key, and no issue ready to go."""

from pathlib import Path

from distributor.content.loader import CONTENT
from distributor.errors import InputError
from distributor.operations.defaults import sample_folder
from distributor.operations.files import write_if_changed
from distributor.operations.office import make_key_file
from distributor.problems import wording

_LIST_HEADER = "邮箱,姓名,栏目,格式\r\n".encode("utf-8-sig")
_GITIGNORE = b"var/\nsecrets/\nsubscribers/*.csv\n"
_DRAFT = "2015-056"


def found_workspace(folder: Path) -> tuple[Path, ...]:
    """Make a workspace in `folder` and return what was written, relative to it.

    Raises InputError where one is already; nothing that exists is overwritten.
    """
    if (folder / "distributor.toml").exists():
        raise InputError(
            wording(
                f"{folder} 已经是一个工作区 → 换一个文件夹，或直接在里面工作",
                f"{folder} is a workspace already: choose another folder, or work in it",
            )
        )
    written = [
        *_copy(sample_folder() / "distributor.toml", folder / "distributor.toml"),
        *_copy(sample_folder() / "templates", folder / "templates"),
        *_copy(sample_folder() / CONTENT / "README.md", folder / CONTENT / "README.md"),
        *_copy(sample_folder() / CONTENT / _DRAFT, folder / CONTENT / _DRAFT),
    ]
    for name in ("members", "public"):
        written += _write(folder / "subscribers" / f"{name}.csv", _LIST_HEADER)
    written += _write(folder / ".gitignore", _GITIGNORE)
    make_key_file(folder)
    return tuple(path.relative_to(folder) for path in written)


def _copy(source: Path, target: Path) -> list[Path]:
    if source.is_file():
        return _write(target, source.read_bytes())
    files = sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [path for file in files for path in _write(target / file.relative_to(source), file.read_bytes())]


def _write(path: Path, content: bytes) -> list[Path]:
    if path.exists():
        return []
    write_if_changed(path, content)
    return [path]
