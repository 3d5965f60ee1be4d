"""The writer of pages and feeds is killed at any file operation; who reads meanwhile sees the old or the new, whole."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faultshim import KILL, DiskFault, operations
from tests.host_faults.host_offices import SEND, Commands, HostOffice, host_office
from tests.smtp_journal_server import journal_server


def public_files(office: HostOffice) -> dict[Path, bytes]:
    """Return what a web server would serve; names that begin with a dot it does not."""
    folder = office.root / "var" / "public"
    return {path: path.read_bytes() for path in sorted(folder.rglob("[!.]*")) if path.is_file()}


@contextmanager
def reader(office: HostOffice, seen: dict[Path, set[bytes]]) -> Iterator[None]:
    """Read all public files over and over while the block lasts, and keep every content that was seen."""
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            for path, content in public_files(office).items():
                seen.setdefault(path, set()).add(content)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def retitle(office: HostOffice, old: str, new: str) -> None:
    settings = office.root / "distributor.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("step", [17, pytest.param(1, marks=pytest.mark.soak)])
def test_killed_writer_leaves_only_whole_files(
    step: int, commands: Commands, tmp_path: Path, soak_tally: Callable[..., None]
) -> None:
    with journal_server(tmp_path) as server:
        office = host_office(tmp_path / "office", server.port, readers=1)
        commands.end(office.root, *SEND)
    old = public_files(office)
    retitle(office, "节能减排信息动态", "低碳周报")
    everything = DiskFault(paths=[f"{office.root}/var/public*"], journal=tmp_path / "operations")
    commands.end(office.root, "publish", fault=everything)
    new = public_files(office)
    retitle(office, "低碳周报", "节能减排信息动态")
    commands.end(office.root, "publish")
    retitle(office, "节能减排信息动态", "低碳周报")

    seen: dict[Path, set[bytes]] = {}
    codes: list[int] = []
    last = len(operations(tmp_path / "operations"))
    with reader(office, seen):
        for number in range(0, last, step):
            killed = DiskFault(paths=everything.paths, at=1 + number % 40, error=KILL)
            codes.append(commands.end(office.root, "publish", fault=killed).code)
        commands.end(office.root, "publish")

    soak_tally("kills of the writer of pages", kills=codes.count(-9))
    assert codes.count(-9) >= 5
    assert {path for path, contents in seen.items() if contents - {old[path], new[path]}} == set()
    assert public_files(office) == new != old
