"""What was measured on: the machine and the versions, in words; and a process's peak of resident memory."""

import os
import platform
import re
import sqlite3
import subprocess
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from statistics import median


def peak_rss_mb() -> float:
    """Return the most resident memory that this program had, in units of 1,048,576 bytes (Linux)."""
    # ru_maxrss would also count the parent that forked us.
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return round(int(found[1]) / 1024, 1) if found else 0.0


def described() -> Mapping[str, str]:
    """Return names and values: processor, cores, system, Python, libraries, and the peers that are here."""
    packages = ("SQLAlchemy", "aiosqlite", "aiosmtplib", "cryptography", "psycopg", "uvloop")
    found = {name: _package(name) for name in packages}
    values = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        **found,
        "node": _said(["node", "--version"]),
        "Postfix": _said(["/usr/sbin/postconf", "-d", "-h", "mail_version"]),
    }
    return {name: value for name, value in values.items() if value}


def load() -> float:
    """Return the load of the machine over the last minute, which tells how quiet it was."""
    return os.getloadavg()[0]


def sync_ms(folder: Path) -> float:
    """Return how long the disk under `folder` takes to keep 4 KB for good: the median of 200 tries, milliseconds.

    A ledger on the disk cannot be quicker than its commits, and a commit not quicker than this.
    """
    path = folder / f"sync-{os.getpid()}"
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    took: list[float] = []
    try:
        for place in range(200):
            os.pwrite(file, b"x" * 4096, place * 4096)
            start = time.perf_counter()
            os.fdatasync(file)
            took.append((time.perf_counter() - start) * 1000)
    finally:
        os.close(file)
        path.unlink()
    return median(took)


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _package(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _said(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
