"""Servers that take mail and count it: our own sink, compiled on the spot, and Postfix's smtp-sink beside it.

    with running_sink(folder) as sink: … sink.port …; sink.stop() → Taken

Loopback only, each on a free port. smtp-sink does not count in a way that costs nothing, so its `Taken` is None.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

SOURCE = Path(__file__).with_name("sink.c")
SinkKind = Literal["own", "smtp-sink"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a sink counted: messages, bytes of their content on the wire, connections, its own processor time."""

    messages: int
    bytes: int
    connections: int
    cpu_ms: float


@dataclass(slots=True, kw_only=True)
class Sink:
    """A running sink at `port`."""

    port: int
    server: subprocess.Popen[str] = field(repr=False)
    counts: bool

    def stop(self) -> Taken | None:
        """End the sink and return what it took; None where it does not count."""
        self.server.send_signal(signal.SIGTERM)
        said, _errors = self.server.communicate(timeout=30)
        return Taken(**json.loads(said.splitlines()[-1])) if self.counts else None


def find_compiler() -> str | None:
    """Return the C compiler of this machine, None where there is none."""
    return shutil.which("cc") or shutil.which("gcc")


def find_postfix(program: str) -> str | None:
    """Return the path of smtp-sink or smtp-source, None where Postfix is not installed."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def compile_sink(folder: Path) -> Path:
    """Compile the sink into `folder` unless it is there and newer than its source."""
    program = folder / "sink"
    if program.exists() and program.stat().st_mtime > SOURCE.stat().st_mtime:
        return program
    compiler = find_compiler()
    if compiler is None:
        raise SystemExit("no C compiler here (Debian: apt-get install gcc libc6-dev); try --sink smtp-sink")
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".sink.{os.getpid()}"
    subprocess.run([compiler, "-O2", "-o", str(beside), str(SOURCE)], check=True)
    return beside.replace(program)


@contextmanager
def running_sink(folder: Path, kind: SinkKind = "own", *, delay_ms: int = 0) -> Iterator[Sink]:
    """Yield a sink that takes mail now; it is ended at the end if `stop` has not ended it before."""
    sink = _own_sink(folder, delay_ms) if kind == "own" else _smtp_sink(delay_ms)
    try:
        yield sink
    finally:
        if sink.server.poll() is None:
            sink.server.kill()
            sink.server.communicate()


def _own_sink(folder: Path, delay_ms: int) -> Sink:
    command = [str(compile_sink(folder)), str(delay_ms)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return Sink(port=int(server.stdout.readline()), server=server, counts=True)


def _smtp_sink(delay_ms: int) -> Sink:
    program = find_postfix("smtp-sink")
    if program is None:
        raise SystemExit("no smtp-sink here (Debian: apt-get install postfix)")
    if delay_ms:
        raise SystemExit("only our own sink delays its replies")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    server = subprocess.Popen([program, *as_nobody, "-m", "1000", f"127.0.0.1:{port}", "1000"], text=True)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return Sink(port=port, server=server, counts=False)
        time.sleep(0.02)
    server.kill()
    raise SystemExit("smtp-sink does not listen")
