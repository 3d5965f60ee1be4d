"""What staff decided about servers and limits, read into a workspace or refused with all its faults."""

from pathlib import Path

import pytest

from distributor.errors import ConfigError
from distributor.operations.workspace import Workspace, open_workspace
from tests.conftest import SetClock
from tests.offices import write_workspace

RELAY = '\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:25"\n'
QQ = '\n[[limit]]\ndomains = ["qq.com", "foxmail.com"]\nconnections = 2\n'


def opened(folder: Path, more: str, sender: str = "weekly@news.example.com") -> Workspace:
    return open_workspace(
        write_workspace(folder, changes={"weekly@news.example.com": sender}, more=more), SetClock(), {}
    )


def refusal(folder: Path, more: str, sender: str = "weekly@news.example.com") -> str:
    with pytest.raises(ConfigError) as refused:
        opened(folder, more, sender)
    return refused.value.text("en")


def test_limits_are_destinations_of_the_workspace(tmp_path: Path) -> None:
    workspace = opened(tmp_path, QQ)

    assert workspace.destinations.of("foxmail.com").connections == 2
    assert [one.name for one in workspace.destinations.limited] == ["qq.com, foxmail.com"]


def test_without_limits_no_destination_is_limited(tmp_path: Path) -> None:
    workspace = opened(tmp_path, RELAY)

    assert workspace.destinations.limited == ()
    assert workspace.servers[0].return_path == "sender"


def test_a_server_knows_its_return_path_and_how_much_a_connection_carries(tmp_path: Path) -> None:
    workspace = opened(tmp_path, RELAY + 'return_path = "verp"\nmessages_per_connection = 20\n')

    assert workspace.servers[0].return_path == "verp"
    assert workspace.settings.smtp[0].messages_per_connection == 20


def test_faults_of_servers_limits_and_schedules_are_named_together(tmp_path: Path) -> None:
    more = f'{RELAY}rate = ["often"]\n{QQ}{QQ}\n[[limit]]\ndomains = ["no domain"]\nrate = ["500/fortnight"]\n'

    told = refusal(tmp_path, more + '\n[[schedule]]\nid = "odd"\nwhen = "now and then"\nlists = ["members"]\n')

    for fault in ("'often'", "qq.com is already", "foxmail.com is already", "'no domain'", "500/fortnight", "now and"):
        assert fault in told


def test_a_sender_too_long_for_a_return_path_of_each_copy_is_refused_at_the_line(tmp_path: Path) -> None:
    more = RELAY + 'return_path = "verp"\n'
    line = len((write_workspace(tmp_path, more=more) / "distributor.toml").read_text(encoding="utf-8").splitlines())

    assert f"distributor.toml:{line}: the sender" in refusal(tmp_path, more, "x" * 18 + "@news.example.com")


def test_a_long_sender_is_no_fault_where_no_copy_is_named(tmp_path: Path) -> None:
    assert opened(tmp_path, RELAY, "x" * 18 + "@news.example.com").servers[0].return_path == "sender"
