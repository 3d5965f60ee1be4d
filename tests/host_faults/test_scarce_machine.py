"""Little memory, few open files: sending stays within bounds, or says what is missing and goes on later."""

import resource
import subprocess
from pathlib import Path

import pytest

from tests.host_faults.host_offices import (
    READERS,
    SEND,
    command,
    end,
    environment,
    going,
    host_office,
    stop_in_order,
    wait_for,
)
from tests.offices import REPOSITORY
from tests.smtp_journal_server import journal_server


def peak_mb(pid: int) -> float:
    """Return the most memory a living process has had resident."""
    (line,) = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


@pytest.mark.parametrize(
    ("readers", "copies", "limit_mb"),
    [(20_000, 300, 140), pytest.param(100_000, 5_000, 180, marks=pytest.mark.soak)],
    ids=["20000", "100000"],
)
def test_large_list_is_synced_launched_and_sent_in_bounded_memory(
    readers: int, copies: int, limit_mb: int, tmp_path: Path
) -> None:
    with journal_server(tmp_path) as server:
        office = host_office(tmp_path / "office", server.port, readers=readers)
        with going(office.root, *SEND) as running:
            wait_for(lambda: len(server.taken) >= copies, seconds=300)
            peak = peak_mb(running.pid)
            code = stop_in_order(running)
        found = office.judge(server)

    assert (code, found.extra) == (130, 0)
    assert peak < limit_mb


def test_with_few_open_files_it_sends_or_says_so_and_all_get_their_copy_afterwards(tmp_path: Path) -> None:
    few = 64
    with journal_server(tmp_path) as server:
        office = host_office(tmp_path / "office", server.port)
        settings = office.root / "distributor.toml"
        settings.write_text(settings.read_text(encoding="utf-8").replace("connections = 4", f"connections = {few}"))
        scarce = subprocess.run(
            command(office.root, *SEND),
            env=environment(),
            cwd=REPOSITORY,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (few, few)),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        office.let_leases_end()
        afterwards = end(office.root, *SEND)
        found = office.judge(server)

    assert scarce.returncode in (0, 3)
    assert "Traceback" not in scarce.stderr
    assert afterwards.code == 0
    assert (found.lost, found.extra) == (frozenset(), 0)
    assert office.states() == {"accepted": READERS}
