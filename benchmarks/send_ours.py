"""Measure our own sender: from a launched mailing to the last result in the ledger; prints one line of JSON.

    python -m benchmarks.send_ours [--readers 2000] [--size 30] [--sign] [--port PORT] [--database URL] [--uvloop]

The ledger is the product's, on the disk and synced; set-up (readers, freezing) runs in a process of its own and is not
measured. Without --port it starts a sink and holds the sink's count against the ledger's. --database names a
PostgreSQL server, on which a database is made for the run and dropped again.
"""

import argparse
import asyncio
import cProfile
import importlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import sinks
from benchmarks.ledgers import Habits, launch_mailing, write_workspace
from benchmarks.letters import write_letter
from benchmarks.machine import peak_rss_mb
from benchmarks.servers import empty_database
from distributor.delivery import counts
from distributor.identifiers import MailingId
from distributor.operations.clocks import SystemClock
from distributor.operations.delivering import dispatcher_of
from distributor.operations.office import open_office
from distributor.operations.workspace import open_workspace

ROOT = Path(__file__).resolve().parent.parent
MADE = ROOT / "var" / "benchmarks"


def main() -> None:
    """Set up, send, print what it took."""
    asked = _parser().parse_args()
    if asked.prepare is not None:
        asyncio.run(launch_mailing(asked.prepare, write_letter(asked.size), asked.readers))
    elif asked.port is not None:
        print(json.dumps(measure(asked, asked.port)))
    else:
        with sinks.running_sink(MADE) as sink:
            line = measure(asked, sink.port)
            taken = sink.stop()
        assert taken is not None
        assert taken.messages == asked.readers, f"{taken.messages} taken, {asked.readers} planned"
        print(json.dumps(line | {"taken": taken.messages}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=2000)
    parser.add_argument("--size", type=int, default=30, help="kilobytes of a message on the wire")
    parser.add_argument("--sign", action="store_true", help="DKIM with RSA-2048")
    parser.add_argument("--port", type=int, help="of an SMTP server on this host; without it a sink is started")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--window", type=int, default=1, help="copies marked as being sent at once on each connection")
    parser.add_argument("--database", default="", help="URL of a PostgreSQL server; without it SQLite on the disk")
    parser.add_argument("--uvloop", action="store_true", help="run on uvloop, if it is installed")
    parser.add_argument("--profile", type=Path, help="write a cProfile of the sending to this file")
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    return parser


def measure(asked: argparse.Namespace, port: int) -> dict[str, Any]:
    """Prepare a mailing in a scratch folder and send it; the folder and the database are gone afterwards."""
    with _scratch_folder() as root, _database(asked.database) as database:
        habits = Habits(connections=asked.connections, window=asked.window, sign=asked.sign, database=database)
        write_workspace(root, habits, port=port)
        prepare = ["--prepare", str(root), "--readers", str(asked.readers), "--size", str(asked.size)]
        subprocess.run([sys.executable, "-m", "benchmarks.send_ours", *prepare], check=True, cwd=ROOT)
        with asyncio.Runner(loop_factory=_loop_factory(uvloop_wanted=asked.uvloop)) as runner:
            seconds, cpu = runner.run(_send(root, asked))
    return {
        "who": "ours" + (" signed" if asked.sign else ""),
        "n": asked.readers,
        "seconds": round(seconds, 3),
        "rate": round(asked.readers / seconds, 1),
        "cpu_ms": round(cpu * 1000 / asked.readers, 4),
        "rss_mb": peak_rss_mb(),
    }


async def _send(root: Path, asked: argparse.Namespace) -> tuple[float, float]:
    """Deliver the one mailing; return the seconds and the seconds of processor time that it took."""
    mailing = MailingId(1)
    async with open_office(open_workspace(root, SystemClock(), {})) as office:
        dispatcher = dispatcher_of(office)
        profiler = _start_profile(asked.profile)
        cpu, start = time.process_time(), time.perf_counter()
        run = await dispatcher.run_until_idle(mailing)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        if profiler is not None:
            profiler.disable()
            profiler.dump_stats(str(asked.profile))
        async with office.database.read() as connection:
            counted = await counts.assert_accounted(connection, mailing)
    accepted = counted.by_state["accepted"]
    assert accepted == counted.planned == asked.readers, f"{accepted} accepted: {counted.by_state}, {run}"
    return seconds, cpu


def _start_profile(path: Path | None) -> cProfile.Profile | None:
    if path is None:
        return None
    profiler = cProfile.Profile()
    profiler.enable()
    return profiler


def _loop_factory(*, uvloop_wanted: bool) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if not uvloop_wanted:
        return None
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        raise SystemExit("uvloop is not installed") from None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    # Below var/ and not in /tmp, which may be memory: the ledger must meet a disk.
    MADE.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="workspace-", dir=MADE))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _database(server: str) -> Iterator[str]:
    if not server:
        yield ""
        return
    with empty_database(server) as url:
        yield url


if __name__ == "__main__":
    main()
