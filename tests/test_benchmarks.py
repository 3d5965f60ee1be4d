"""The benchmarks run: no figure is judged here, only that what they count is true."""

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import contestants, letters, sinks, tables
from benchmarks.contestants import Line
from benchmarks.tables import Turn

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sink compiled into it; skipped, saying so, where there is no C compiler."""
    if sinks.find_compiler() is None:
        pytest.skip("no C compiler here: apt-get install gcc libc6-dev")
    folder = tmp_path_factory.mktemp("sink")
    sinks.compile_sink(folder)
    return folder


def ran(module: str, *options: str) -> str:
    command = [sys.executable, "-m", f"benchmarks.{module}", *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["run", "memory", "claims", "send_ours"])
def test_every_benchmark_says_what_it_measures(module: str) -> None:
    assert f"python -m benchmarks.{module}" in ran(module, "--help")


@pytest.mark.parametrize("signing", [[], ["--sign"]], ids=["unsigned", "signed"])
def test_sink_takes_every_copy_that_our_sender_sends(made: Path, signing: Sequence[str]) -> None:
    with sinks.running_sink(made) as sink:
        said = json.loads(ran("send_ours", "--readers", "50", "--size", "10", "--port", str(sink.port), *signing))
        taken = sink.stop()

    assert said["n"] == 50
    assert taken is not None
    assert taken.messages == 50
    assert taken.bytes > 50 * 9 * 1024


def test_run_measures_the_senders_in_turn_and_writes_the_table(made: Path) -> None:
    ran("run", "--quick", "--only", "ours", "--only", "naive", "--size", "10", "--out", str(made))

    found = json.loads((made / "result.json").read_text(encoding="utf-8"))
    names = [row["name"] for row in found["10 KB"]["rows"]]
    assert names == ["aiosmtplib naive", "ours", "ours signed", "ours, window 8", "ours signed, window 8"]
    assert len(found["10 KB"]["rounds"]) == 2
    assert "| ours signed |" in (made / "result.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("split", range(1, 12))
def test_sink_sees_the_final_dot_however_it_arrives(made: Path, split: int) -> None:
    message = b"a\r\n.\r.\r\n..\r\n.\r\nQUIT\r\n"

    with sinks.running_sink(made) as sink, socket.create_connection(("127.0.0.1", sink.port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = client.makefile("rb")
        client.sendall(b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n")
        while not answers.readline().startswith(b"354"):
            pass
        client.sendall(message[:split])
        client.sendall(message[split:])
        end = answers.read()
        taken = sink.stop()

    assert end == b"250 2.0.0 taken\r\n221 2.0.0 bye\r\n"
    assert taken is not None
    assert (taken.messages, taken.bytes) == (1, len(message) - len(b"QUIT\r\n"))


@pytest.mark.parametrize("size_kb", [10, 30, 120])
def test_letter_is_as_large_as_asked_for(size_kb: int) -> None:
    pieces = json.loads(letters.as_json(letters.write_letter(size_kb)))["pieces"]

    wire = sum(len(one.get("fixed", "")) + len(one.get("part", "").encode()) * 78 // 57 for one in pieces)

    assert abs(wire - size_kb * 1024) < 1600


def test_ratio_is_the_median_of_the_rounds_ratios() -> None:
    rates = [(100, 100), (200, 50), (30, 60)]  # ratios 1, 4 and 0.5

    rounds = [{"ours": _turn("ours", ours), "aiosmtplib naive": _turn("naive", naive)} for ours, naive in rates]

    assert tables.rows(rounds)[0].ratios == {"aiosmtplib naive": 1.0}


def test_turns_last_alike_whatever_the_size() -> None:
    sender = contestants.ours("ours", 1000)

    assert contestants.readers_for(sender, 30, 3) == 3000
    assert contestants.readers_for(sender, 120, 3) == 1100  # 3000 × (30/120)^0.7 = 1137


def _turn(who: str, rate: float) -> Turn:
    return Turn(line=Line(who=who, n=1, seconds=1, rate=rate, cpu_ms=1, rss_mb=1), sink_ms=None)
