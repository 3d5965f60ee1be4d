"""The DKIM key from its making to a copy that a verifier accepts."""

from datetime import date
from pathlib import Path

import pytest

from distributor.addresses import parse_address
from distributor.config.loader import Config, load
from distributor.errors import ConfigError, DistributorError, InputError
from distributor.identifiers import ListName
from distributor.operations import delivering, keys, sending, trial
from distributor.operations.workspace import open_workspace
from tests import dkim_keys
from tests.conftest import SetClock
from tests.offices import office_in, write_issue, write_list, write_workspace
from tests.operations.conftest import READERS
from tests.smtp_servers import Sink, serving

TODAY = date(2026, 11, 27)
SMTP = {'transport = "smtp"': 'transport = "smtp"'}


def config_in(folder: Path, more: str = "") -> Config:
    return load(write_workspace(folder, more=more), {})


def signing_workspace(folder: Path, port: int, *, sign: str = "") -> Path:
    """Write a workspace with a key, a ready issue, three readers and a server on this host."""
    smtp = f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{port}"\nheaders = {{ X-Relay = "yes" }}\n{sign}\n'
    root = write_workspace(folder, changes=SMTP, more=smtp + dkim_keys.TABLE)
    dkim_keys.write_key(root)
    write_issue(root)
    write_list(root, "members", READERS)
    return root


async def sent_from(root: Path, clock: SetClock) -> None:
    async with office_in(root, clock) as office:
        await sending.send(office, sending.plan_of(office, "55", (ListName("members"),)))


async def test_every_copy_of_a_mailing_verifies_as_the_server_has_it(tmp_path: Path, clock: SetClock) -> None:
    sink = Sink()

    async with serving(sink) as running:
        await sent_from(signing_workspace(tmp_path, running.port), clock)

    assert sorted(received.recipient for received in sink.received) == sorted(READERS)
    assert all(dkim_keys.verifies(received.content) for received in sink.received)
    assert all(b"X-Relay: yes" in received.content for received in sink.received)


async def test_a_server_that_signs_itself_gets_unsigned_copies(tmp_path: Path, clock: SetClock) -> None:
    sink = Sink()

    async with serving(sink) as running:
        await sent_from(signing_workspace(tmp_path, running.port, sign="sign = false"), clock)

    assert len(sink.received) == len(READERS)
    assert not any(b"DKIM-Signature" in received.content for received in sink.received)


@pytest.mark.parametrize(("sign", "is_signed"), [("", True), ("sign = false", False)])
async def test_a_test_copy_is_signed_as_the_real_ones_are(
    tmp_path: Path, clock: SetClock, *, sign: str, is_signed: bool
) -> None:
    sink, address = Sink(), parse_address("me@example.com")
    assert address is not None

    async with (
        serving(sink) as running,
        office_in(signing_workspace(tmp_path, running.port, sign=sign), clock) as office,
    ):
        (transport,) = delivering.transports_of(office.workspace)
        await trial.send_test(office, "55", address, transport)

    assert (b"DKIM-Signature" in sink.received[0].content) == is_signed
    assert dkim_keys.verifies(sink.received[0].content) == is_signed


async def test_copies_in_the_outbox_are_not_signed(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path, more=dkim_keys.TABLE)
    dkim_keys.write_key(root)
    write_issue(root)
    write_list(root, "members", READERS)

    await sent_from(root, clock)

    copies = list((root / "var" / "outbox" / "new").iterdir())
    assert len(copies) == len(READERS)
    assert not any(b"DKIM-Signature" in copy.read_bytes() for copy in copies)


def test_a_workspace_without_a_key_has_no_signer(tmp_path: Path, clock: SetClock) -> None:
    assert open_workspace(write_workspace(tmp_path), clock, {}).signer is None


def test_the_signer_is_what_the_settings_name(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path, more=dkim_keys.TABLE)
    dkim_keys.write_key(root)

    signer = open_workspace(root, clock, {}).signer

    assert signer is not None
    assert (signer.domain, signer.selector) == (dkim_keys.DOMAIN, dkim_keys.SELECTOR)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path, more=dkim_keys.TABLE)
    dkim_keys.write_key(root, mode=0o640)

    with pytest.raises(ConfigError, match=r"secrets/dkim-s2026\.pem: .*chmod 600 secrets/dkim-s2026\.pem"):
        open_workspace(root, clock, {})


def test_a_missing_key_is_named_with_its_remedy(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path, more=dkim_keys.TABLE)

    with pytest.raises(ConfigError, match=r"secrets/dkim-s2026\.pem: .*distributor dkim new"):
        open_workspace(root, clock, {})


def test_a_folder_in_place_of_the_key_is_refused(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path, more=dkim_keys.TABLE)
    (root / dkim_keys.FILE).mkdir(mode=0o700, parents=True)

    with pytest.raises(ConfigError, match=r"secrets/dkim-s2026\.pem: cannot read"):
        open_workspace(root, clock, {})


def test_faults_of_the_table_and_of_its_file_are_named_together(tmp_path: Path, clock: SetClock) -> None:
    table = dkim_keys.TABLE.replace("s2026", "s_2026").replace("news.example.com", "example.org")
    root = write_workspace(tmp_path, more=table)

    with pytest.raises(ConfigError) as caught:
        open_workspace(root, clock, {})

    assert [problem.path for problem in caught.value.problems] == ["distributor.toml"] * 2 + ["secrets/dkim-s_2026.pem"]


def test_a_new_key_is_for_its_owner_alone_and_does_what_the_settings_want(tmp_path: Path, clock: SetClock) -> None:
    config = config_in(tmp_path)

    record = keys.make_key(config, TODAY)

    assert (record.domain, record.selector, record.file) == (dkim_keys.DOMAIN, "s2026", dkim_keys.FILE)
    assert (tmp_path / record.file).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    signer = open_workspace(write_workspace(tmp_path, more=dkim_keys.TABLE), clock, {}).signer
    assert signer is not None
    assert signer.key.key_size == 2048


async def test_the_record_of_a_new_key_is_what_a_verifier_needs(tmp_path: Path, clock: SetClock) -> None:
    sink = Sink()
    async with serving(sink) as running:
        root = signing_workspace(tmp_path, running.port)
        (root / dkim_keys.FILE).unlink()
        record = keys.make_key(load(root, {}), TODAY)
        await sent_from(root, clock)

    lookup = dkim_keys.dns(**{f"{record.name}.": record.value.encode()})
    assert record.name == "s2026._domainkey.news.example.com"
    assert dkim_keys.verifies(sink.received[0].content, lookup)
    assert not dkim_keys.verifies(sink.received[0].content)


def test_a_record_is_cut_into_strings_that_dns_can_hold(tmp_path: Path) -> None:
    record = keys.make_key(config_in(tmp_path), TODAY)

    assert [len(string) <= 255 for string in record.strings] == [True, True]
    assert "".join(record.strings) == record.value
    assert record.value.startswith("v=DKIM1; k=rsa; p=")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    keys.make_key(config, TODAY)
    before = (tmp_path / dkim_keys.FILE).read_bytes()

    with pytest.raises(InputError, match="dkim show --selector s2026"):
        keys.make_key(config, TODAY)

    assert (tmp_path / dkim_keys.FILE).read_bytes() == before


def test_a_second_key_stands_beside_the_first(tmp_path: Path) -> None:
    dkim_keys.write_key(write_workspace(tmp_path))
    config = config_in(tmp_path, dkim_keys.TABLE.replace("news.example.com", "example.com"))

    record = keys.make_key(config, TODAY, selector="s2027")

    assert (record.domain, record.file) == ("example.com", "secrets/dkim-s2027.pem")
    assert (tmp_path / dkim_keys.FILE).read_bytes() == dkim_keys.pem()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"domain": "example.org"}, "not under example.org"),
        ({"domain": "a b"}, "not a domain"),
        ({"selector": "../token"}, "not a usable selector"),
    ],
)
def test_a_key_of_no_use_is_not_made(tmp_path: Path, asked: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        keys.make_key(config_in(tmp_path), TODAY, **asked)

    assert not (tmp_path / "secrets").exists()


def test_the_record_of_a_key_is_shown_again(tmp_path: Path) -> None:
    made = keys.make_key(config_in(tmp_path), TODAY)
    config = config_in(tmp_path, dkim_keys.TABLE)

    assert keys.show_key(config) == keys.show_key(config, "s2026") == made


def test_the_record_of_a_key_that_is_not_in_use_yet_is_shown(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    made = keys.make_key(config, TODAY, selector="s2027")

    assert keys.show_key(config, "s2027") == made


@pytest.mark.parametrize(
    ("selector", "content", "told"),
    [
        (None, None, "no \\[dkim\\]"),
        ("s2026", None, "does not exist"),
        ("s2026", b"garbage", "no readable private key"),
    ],
)
def test_a_key_that_cannot_be_shown_is_refused(
    tmp_path: Path, selector: str | None, content: bytes | None, told: str
) -> None:
    config = config_in(tmp_path)
    if content:
        dkim_keys.write_key(tmp_path, content)

    with pytest.raises(DistributorError, match=told) as caught:
        keys.show_key(config, selector)

    assert caught.value.exit_code == 2
