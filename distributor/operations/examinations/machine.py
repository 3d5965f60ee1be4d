"""The machine: Python, the clock, the disk of var/ and whether we may write there.

A folder, moments and a version enter, findings leave. Nothing on the disk changes: the trial file has no name.
"""

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from distributor.operations.examinations.findings import Check, Finding
from distributor.problems import wording

Version = tuple[int, int, int]
FreeBytes = Callable[[Path], int]
"""Returns how many bytes may still be written where an existing folder lies; raises OSError."""

LITTLE_SPACE = 1_000_000_000
TOO_LITTLE_SPACE = 100_000_000
MOST_BEHIND = timedelta(minutes=5)
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock that is right shows an earlier moment: this program is younger."""

# The CVE records of the Python Software Foundation, read 2026-11-20: CVE-2024-6923, CVE-2026-1299 (header injection).
_SOUND_SINCE = {(3, 11): 15, (3, 12): 13, (3, 13): 12, (3, 14): 3}
_YEARS_AHEAD = 30
_TRIAL = b"distributor doctor\n"

_PYTHON = Check(name="python", title=wording("Python 版本", "Python"), concern="environment")
_CLOCK = Check(name="clock", title=wording("时钟", "clock"), concern="environment")
_DISK = Check(name="disk", title=wording("磁盘空间", "disk space"), concern="environment")
_VAR = Check(name="var", title=wording("var 文件夹", "var folder"), concern="environment")


def free_bytes(folder: Path) -> int:
    """Return how many bytes we may still write where `folder` lies."""
    return shutil.disk_usage(folder).free


def examine_python(version: Version) -> Finding:
    """Warn of a Python whose email package lets a title add headers."""
    shown = ".".join(map(str, version))
    least = _SOUND_SINCE.get(version[:2])
    if least is None or version[2] >= least:
        return _PYTHON.ok(wording(shown, shown))
    sound = f"{version[0]}.{version[1]}.{least}"
    return _PYTHON.warning(
        wording(
            f"{shown}，有已公开的邮件头注入漏洞 CVE-2024-6923、CVE-2026-1299（本程序自己把关，漏洞仍应补上）",
            f"{shown} has the published header injections CVE-2024-6923 and CVE-2026-1299 (our own gate stands)",
        ),
        wording(f"升级到 Python {sound} 或更新", f"upgrade to Python {sound} or newer"),
    )


def examine_clock(now: datetime, newest: datetime | None) -> Finding:
    """Compare the clock with the age of this program and with the newest moment in the database (None: none yet)."""
    shown = f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    remedy = wording("打开时间同步 (NTP)，例如 timedatectl set-ntp true", "turn on NTP: timedatectl set-ntp true")
    if not EARLIEST <= now < EARLIEST.replace(year=EARLIEST.year + _YEARS_AHEAD):
        return _CLOCK.fault(wording(f"{shown}，年份不对", f"{shown}: the year cannot be right"), remedy)
    if newest is not None and newest - now > MOST_BEHIND:
        minutes = (newest - now) // timedelta(minutes=1)
        return _CLOCK.fault(
            wording(
                f"{shown}，比数据库里最新的记录慢 {minutes:,} 分钟",
                f"{shown}, {minutes:,} minutes behind the newest row of the database",
            ),
            remedy,
        )
    return _CLOCK.ok(wording(shown, shown))


def examine_disk(var: Path, free: FreeBytes) -> Finding:
    """Say how much room is left where the database and the archive grow."""
    try:
        left = free(_standing(var))
    except OSError as error:
        return _DISK.fault(wording(f"看不到：{error}", f"cannot tell: {error}"), _MEND_DISK)
    shown = f"{left / 1_000_000_000:,.1f} GB" if left >= LITTLE_SPACE else f"{left // 1_000_000} MB"
    seen = wording(f"还有 {shown}", f"{shown} free")
    if left < TOO_LITTLE_SPACE:
        return _DISK.fault(seen, _MAKE_ROOM)
    return _DISK.warning(seen, _MAKE_ROOM) if left < LITTLE_SPACE else _DISK.ok(seen)


def examine_var(var: Path) -> Finding:
    """Try to write into var/, or where it is going to be made."""
    folder = _standing(var)
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(_TRIAL)
            trial.flush()
    except OSError as error:
        reason = error.strerror or error
        return _VAR.fault(
            wording(f"不能在 {folder} 写文件：{reason}", f"cannot write in {folder}: {reason}"),
            wording("改正文件夹的所有者和权限", "mend the owner and the rights of the folder"),
        )
    if folder != var:
        return _VAR.ok(wording("还没有，第一次运行时建立", "not there yet, made by the first run"))
    return _VAR.ok(wording("可以写", "can be written"))


def _standing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that exists."""
    return next((one for one in (folder, *folder.parents) if one.exists()), folder)


_MAKE_ROOM = wording(
    "清理这个磁盘，或把工作区移到大一些的磁盘", "free some room, or move the workspace to a larger disk"
)
_MEND_DISK = wording("检查磁盘是否挂载", "check whether the disk is mounted")
