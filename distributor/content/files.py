"""The door to the disk: regular files inside the workspace, read once and whole, written by renaming.

Paths enter, bytes or an `Objection` leave. Folders, FIFOs, devices and symbolic links that lead out of the
workspace are refused without being read. `Folder` remembers what it read, so that what is parsed, what is
fingerprinted and what is shown are the same bytes even while somebody saves the file.
"""

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path, PurePosixPath

from distributor.content.findings import Objection, nearest
from distributor.problems import Wording, wording

_ATTEMPTS = 3
_PATH_LIMIT = 200


@dataclass(slots=True, kw_only=True)
class Folder:
    """One issue's folder. `shown` is its path as messages name it; every file in it is read at most once."""

    path: Path
    root: Path
    _contents: dict[PurePosixPath, bytes | Objection] = field(default_factory=dict)
    _digests: dict[PurePosixPath, str] = field(default_factory=dict)

    def shown(self, file: PurePosixPath | str = "") -> str:
        """Return a file's path from the workspace's root, as messages show it."""
        folder = PurePosixPath(os.path.relpath(self.path, self.root).replace(os.sep, "/"))
        return str(folder / file)

    def read(self, file: PurePosixPath, *, limit: int) -> bytes | Objection:
        """Return a file's bytes; the same bytes at every call."""
        if file not in self._contents:
            content = read_file(self.path / file, limit=limit, within=self.root)
            if isinstance(content, bytes):
                self._digests[file] = hashlib.sha256(content).hexdigest()
            self._contents[file] = content
        return self._contents[file]

    def include(self, file: PurePosixPath) -> Objection | None:
        """Let a file that is only handed on (an attachment) take part in the fingerprint."""
        if file in self._digests:
            return None
        digest = digest_file(self.path / file, within=self.root)
        if isinstance(digest, Objection):
            return digest
        self._digests[file] = digest
        return None

    def objection_to(self, file: PurePosixPath, objection: Objection) -> Objection:
        """Return the objection with the file's name, and the existing file that was probably meant."""
        close = self._nearest(file)
        return Objection(
            what=wording(f"{file}：{objection.what.zh}", f"{file}: {objection.what.en}"),
            remedy=wording(f"是不是 {close}？", f"did you mean {close}?") if close else objection.remedy,
        )

    def _nearest(self, file: PurePosixPath) -> str | None:
        present = (found.relative_to(self.path) for found in self.path.rglob("*") if found.is_file())
        names = {name.as_posix().lower(): name.as_posix() for name in present if name.as_posix() != str(file)}
        close = nearest(str(file).lower(), tuple(name for name in names if _fault_of_name(name) is None))
        return names[close] if close else None

    def fingerprint(self) -> str:
        """Return a SHA-256 over the names and bytes of every file read or included so far."""
        taken = hashlib.sha256()
        for file in sorted(self._digests):
            taken.update(f"{file}\0{self._digests[file]}\n".encode())
        return taken.hexdigest()


def parse_file_name(text: str) -> PurePosixPath | Objection:
    """Return the path of a file in the issue folder, such as images/ccer.png, or why it cannot be one."""
    fault = _fault_of_name(text)
    if fault is None:
        return PurePosixPath(text)
    remedy = wording(
        "把文件放进这一期的文件夹，写成 images/图名.png 这样的相对路径",
        "put the file into the issue folder and write a relative path such as images/name.png",
    )
    return Objection(what=fault, remedy=remedy)


def read_file(path: Path, *, limit: int, within: Path | None = None) -> bytes | Objection:
    """Return the bytes of a regular file of at most `limit` bytes, all of one version of it."""
    stream = _open(path, within)
    if isinstance(stream, Objection):
        return stream
    with stream:
        for _ in range(_ATTEMPTS):
            before = os.fstat(stream.fileno())
            stream.seek(0)
            content = stream.read(limit + 1)
            if len(content) > limit:
                return _too_large(limit)
            if _same_version(before, os.fstat(stream.fileno()), len(content)):
                return content
    return Objection(
        what=wording("文件正在被改写", "the file is being written"),
        remedy=wording("保存完以后再运行一次", "run the command again once it is saved"),
    )


def digest_file(path: Path, *, within: Path) -> str | Objection:
    """Return the SHA-256 of a regular file of any size, in hexadecimal."""
    stream = _open(path, within)
    if isinstance(stream, Objection):
        return stream
    with stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 with LF under a temporary name and rename it, keeping the rights of the file it replaces."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _open(path: Path, within: Path | None) -> BufferedReader | Objection:
    try:
        real = path.resolve(strict=True)
        if within is not None and not real.is_relative_to(within.resolve()):
            return _objection("文件在工作文件夹之外", "the file lies outside the workspace")
        # O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return _objection("没有这个文件", "there is no such file")
    except PermissionError:
        return _objection("没有权限读这个文件", "no permission to read this file")
    except (OSError, RuntimeError):  # a loop of links is a RuntimeError before Python 3.13
        return _objection("读不了这个文件", "the file cannot be read")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return _objection("不是普通文件（是文件夹或设备）", "not an ordinary file (a folder or a device)")
    return os.fdopen(descriptor, "rb")


def _same_version(before: os.stat_result, after: os.stat_result, length: int) -> bool:
    return before.st_mtime_ns == after.st_mtime_ns and before.st_size == after.st_size == length


def _objection(zh: str, en: str) -> Objection:
    remedy = wording(
        "核对文件名（大小写也要一致），把文件放进这一期的文件夹",
        "check the name (letter case counts) and put an ordinary file into the issue folder",
    )
    return Objection(what=wording(zh, en), remedy=remedy)


def _too_large(limit: int) -> Objection:
    size = f"{limit / 1_000_000:g} MB"
    return Objection(
        what=wording(f"文件超过 {size}", f"the file is larger than {size}"),
        remedy=wording("压缩或拆分后再放进来", "make it smaller or split it"),
    )


def _fault_of_name(text: str) -> Wording | None:
    parts = text.split("/")
    if not text or len(text) > _PATH_LIMIT or not text.isprintable():
        return wording(f"文件名不能用：“{text[:40]}”", f"not a usable file name: '{text[:40]}'")
    if "\\" in text or ":" in text or "%" in text or "|" in text or text.startswith("/"):
        return wording(f"“{text}”不是文件夹里的相对路径", f"'{text}' is not a relative path inside the folder")
    if any(part in {"", ".", ".."} or part.startswith(".") for part in parts):
        return wording(f"“{text}”指到文件夹以外或隐藏文件", f"'{text}' leads out of the folder or to a hidden file")
    if parts[0] == "import" or text.lower().endswith((".md", ".toml")):
        return wording(f"“{text}”是编辑用的文件，不能公开", f"'{text}' is a working file and never public")
    return None
