"""Files of ours on the disk: written beside and renamed, so that a reader sees the old or the new, never half."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from distributor.errors import DistributorError, EnvironmentFault, InputError
from distributor.problems import wording

LARGEST_INPUT = 200_000_000


def write_if_changed(path: Path, content: bytes, *, mode: int = 0o644) -> bool:
    """Make `path` hold `content` and say whether that changed anything. Raises EnvironmentFault."""
    if holds(path) == content:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        _write_new(beside, content, mode)
        beside.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    return True


def holds(path: Path) -> bytes | None:
    """Return what a file of ours holds, None where there is none. Raises EnvironmentFault."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise EnvironmentFault(wording(f"读不了 {path}：{error}", f"cannot read {path}: {error}")) from error


@contextmanager
def new_file(path: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Yield a file that becomes `path` once it is whole and on the disk; an error leaves nothing behind.

    Raises InputError where something is at `path` already, EnvironmentFault when the disk refuses.
    """
    refuse_existing(path)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        refuse_existing(path)
        beside.rename(path)
    except DistributorError:
        raise
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        beside.unlink(missing_ok=True)


def refuse_existing(path: Path) -> None:
    """Raise InputError where something is at `path` already."""
    if path.exists():
        raise InputError(
            wording(f"{path} 已经存在，没有覆盖 → 换一个文件名", f"{path} exists and was not overwritten: name another")
        )


def read_whole(path: Path, shown: str) -> bytes:
    """Return a file's bytes. Raises InputError for what is no plain file or too large, EnvironmentFault otherwise."""
    if not path.is_file() or path.stat().st_size > LARGEST_INPUT:
        raise InputError(
            wording(
                f"{shown} 不是普通文件，或超过 {LARGEST_INPUT // 1_000_000} MB → 请换成正常的文件",
                f"{shown} is no plain file or larger than {LARGEST_INPUT // 1_000_000} MB: replace it",
            )
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise EnvironmentFault(wording(f"读不了 {shown}：{error}", f"cannot read {shown}: {error}")) from error


def _unwritable(path: Path, error: OSError) -> EnvironmentFault:
    return EnvironmentFault(
        wording(
            f"写不了 {path}：{error.strerror} → 请检查权限和磁盘空间",
            f"cannot write {path}: {error.strerror}: check rights and free space",
        )
    )


def _write_new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
