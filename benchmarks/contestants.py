"""Who is measured: our sender and its peers, each a command that sends N letters to a port and prints its line.

A peer that this machine lacks is left out by name with the reason.
"""

import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import sinks
from benchmarks.ledgers import write_dkim_key
from benchmarks.letters import as_json, write_letter

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NODEMAILER = "nodemailer@10.6.0"
CONNECTIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a sender says of itself: messages, seconds, messages a second, CPU a message, peak memory.

    `cpu_ms` and `rss_mb` are 0 for a program that does not say them.
    """

    who: str
    n: int
    seconds: float
    rate: float
    cpu_ms: float
    rss_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One turn: so many letters of a size to a port."""

    port: int
    readers: int
    size_kb: int
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A sender; `pace` is about how many 30 KB letters it sends in a second, so that all turns last alike."""

    name: str
    pace: int
    run: Callable[[Job], Line] = field(repr=False)


def readers_for(contestant: Contestant, size_kb: int, seconds: float) -> int:
    """Return how many letters make a turn of about so many seconds."""
    wanted = contestant.pace * seconds * math.pow(30 / size_kb, 0.7)
    return max(100, round(wanted / 100) * 100)


def letter_file(job: Job) -> Path:
    """Write the letter where the peers read it; the same name and content for every turn."""
    path = job.folder / f"letter-{job.size_kb}.json"
    path.write_text(as_json(write_letter(job.size_kb)), encoding="utf-8")
    return path


def ours(name: str, pace: int, *options: str) -> Contestant:
    """Return our sender with these options of `send_ours`."""

    def run(job: Job) -> Line:
        where = ["--port", str(job.port), "--connections", str(CONNECTIONS)]
        what = ["--readers", str(job.readers), "--size", str(job.size_kb)]
        return _line_of([sys.executable, "-m", "benchmarks.send_ours", *where, *what, *options])

    return Contestant(name=name, pace=pace, run=run)


def naive() -> Contestant:
    """Return aiosmtplib used the plain way."""

    def run(job: Job) -> Line:
        words = (job.port, job.readers, CONNECTIONS, letter_file(job))
        return _line_of([sys.executable, "-m", "benchmarks.send_naive", *map(str, words)])

    return Contestant(name="aiosmtplib naive", pace=700, run=run)


def nodemailers(folder: Path, modules: Path | None) -> tuple[Sequence[Contestant], str]:
    """Return nodemailer in three modes, or nothing and why."""
    node = shutil.which("node")
    if node is None:
        return (), "nodemailer: no node here (Debian: apt-get install nodejs npm)"
    found = modules or _install_nodemailer(folder)
    if found is None or not (found / "nodemailer").is_dir():
        return (), "nodemailer: npm could not install it; name a folder that has it with --node-modules"
    key = folder / "dkim.pem"
    if not key.exists():
        write_dkim_key(key)

    def made(mode: str, pace: int, *signing: str) -> Contestant:
        def run(job: Job) -> Line:
            words = (mode, job.port, job.readers, CONNECTIONS, letter_file(job), *signing)
            script = str(HERE / "send_nodemailer.cjs")
            return _line_of([node, script, *map(str, words)], {"NODE_PATH": str(found.resolve())})

        return Contestant(name=f"nodemailer {mode}" + (" signed" if signing else ""), pace=pace, run=run)

    return (made("raw", 2500), made("compose", 900), made("raw", 600, str(key))), ""


def _install_nodemailer(folder: Path) -> Path | None:
    modules = folder / "node_modules"
    npm = shutil.which("npm")
    if not (modules / "nodemailer").is_dir() and npm is not None:
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), NODEMAILER]
        subprocess.run(command, check=False)
    return modules if modules.is_dir() else None


def limit() -> tuple[Sequence[Contestant], str]:
    """Return Postfix's smtp-source, which sends the same bytes again and again, or nothing and why."""
    program = sinks.find_postfix("smtp-source")
    if program is None:
        return (), "smtp-source: no Postfix here (Debian: apt-get install postfix)"

    def run(job: Job) -> Line:
        counts = ["-s", str(CONNECTIONS), "-l", str(job.size_kb * 1024), "-m", str(job.readers)]
        whom = ["-f", "weekly@news.example.com", "-t", "reader@example.com"]
        start = time.perf_counter()
        subprocess.run([program, "-d", *counts, *whom, f"127.0.0.1:{job.port}"], check=True)
        seconds = time.perf_counter() - start
        rate = job.readers / seconds
        return Line(who="smtp-source", n=job.readers, seconds=seconds, rate=rate, cpu_ms=0, rss_mb=0)

    return (Contestant(name="smtp-source", pace=20000, run=run),), ""


def _line_of(command: Sequence[str], more: Mapping[str, str] | None = None) -> Line:
    environment = {**os.environ, **(more or {})}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    return Line(**json.loads(done.stdout.splitlines()[-1]))
