"""The sample sent to a mail server that we did not write: Postfix's own smtp-sink."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributor.identifiers import ListName
from distributor.operations import sending
from distributor.operations.rehearsals.rehearsal import SendingPlan
from tests.conftest import SetClock
from tests.journeys.samples import sample_issue
from tests.journeys.test_sample_over_smtp import office_folder, random_preferences
from tests.offices import office_in

pytestmark = pytest.mark.sink
READERS = 30


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A running smtp-sink: its port, and the folder where it puts each message as a file."""
    program = shutil.which("smtp-sink", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("no smtp-sink here: apt-get install postfix")
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    for folder in (dumps, *dumps.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    dumps.chmod(0o777)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    server = subprocess.Popen([program, *as_nobody, "-d", f"{dumps}/%s.", f"127.0.0.1:{port}", "50"])
    try:
        _wait_for(port)
        yield port, dumps
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("smtp-sink does not listen")


async def test_every_reader_stands_once_in_what_the_sink_kept(
    sink: tuple[int, Path], tmp_path: Path, clock: SetClock
) -> None:
    port, dumps = sink
    wanted = random_preferences(seed=9, readers=READERS)
    root = office_folder(tmp_path / "office", port, wanted)

    async with office_in(root, clock) as office:
        sent = await sending.send(office, SendingPlan(issue=sample_issue(root).id, lists=(ListName("members"),)))

    kept = [file.read_text(encoding="utf-8") for file in dumps.iterdir()]
    recipients = [re.findall(r"^X-Rcpt-Args: <([^>]+)>", text, re.MULTILINE) for text in kept]
    assert sent.counts.by_state["accepted"] == READERS
    assert sorted(recipients) == sorted([address] for address in wanted)
    assert all("X-Mail-Args: <weekly@news.example.com>" in text for text in kept)
