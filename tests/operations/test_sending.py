import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from distributor.delivery import decisions, ledger
from distributor.delivery.model import Accepted, Stored
from distributor.errors import AnotherProcess, ConfigError, HeldError, InputError, ServerFault
from distributor.identifiers import ListName
from distributor.operations import delivering, demonstration, launching, membership, sending, trial
from distributor.operations.launching import LaunchOrder
from distributor.operations.office import Office, open_office
from distributor.operations.service import daemon
from distributor.operations.workspace import open_workspace
from tests.conftest import SetClock
from tests.offices import office_in, write_issue, write_list, write_workspace
from tests.operations.conftest import READERS
from tests.smtp_servers import RefusingSender, Sink, serving

MEMBERS = (ListName("members"),)
SMTP = {'transport = "smtp"': 'transport = "smtp"'}


def smtp_workspace(folder: Path, port: int, host: str = "127.0.0.1") -> Path:
    more = f'\n[[smtp]]\nurl = "smtp+plaintext://{host}:{port}"\nconnections = 2\nheaders = {{ X-Relay = "yes" }}\n'
    root = write_workspace(folder, changes=SMTP, more=more)
    write_issue(root)
    write_list(root, "members", READERS)
    return root


async def test_send_launches_delivers_and_reports(office: Office) -> None:
    sent = await sending.send(office, sending.plan_of(office, "55", MEMBERS))

    assert sent.is_new
    assert sent.counts.by_state["stored"] == 3
    assert len(list((office.workspace.outbox / "new").iterdir())) == 3


async def test_send_again_finds_nothing_left(office: Office) -> None:
    plan = sending.plan_of(office, "55", MEMBERS)
    await sending.send(office, plan)

    again = await sending.send(office, plan)

    assert not again.is_new
    assert again.counts.is_finished
    assert len(list((office.workspace.outbox / "new").iterdir())) == 3


async def test_outbox_uses_up_no_issue_for_real_readers(tmp_path: Path, clock: SetClock) -> None:
    sink = Sink()
    async with serving(sink) as server:
        root = smtp_workspace(tmp_path / "office", server.port)
        settings = (root / "distributor.toml").read_text(encoding="utf-8")
        (root / "distributor.toml").write_text(settings.replace('transport = "smtp"', 'transport = "outbox"'))
        async with office_in(root, clock) as trying:
            await sending.send(trying, sending.plan_of(trying, "55", MEMBERS))
        (root / "distributor.toml").write_text(settings)
        async with office_in(root, clock) as office:
            sent = await sending.send(office, sending.plan_of(office, "55", MEMBERS))

    assert sent.counts.by_state["accepted"] == 3
    assert sorted(received.recipient for received in sink.received) == sorted(READERS)


async def test_without_a_mail_server_nothing_is_sent(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path, changes=SMTP)
    write_issue(root)

    async with office_in(root, clock) as office:
        with pytest.raises(ConfigError, match=r"\[\[smtp\]\]"):
            await sending.send(office, sending.plan_of(office, "55", MEMBERS))

    assert not (root / "var" / "public").exists()


async def test_refused_sender_pauses_and_charges_nobody(tmp_path: Path, clock: SetClock) -> None:
    async with serving(RefusingSender("553 5.7.1 not your address")) as server:
        root = smtp_workspace(tmp_path, server.port)
        async with office_in(root, clock) as office:
            sent = await sending.send(office, sending.plan_of(office, "55", MEMBERS))

    assert sent.mailing.state == "paused"
    assert "553" in sent.mailing.reason
    assert sent.counts.by_state["pending"] == 3


async def test_paused_mailing_goes_on_when_the_server_is_back(tmp_path: Path, clock: SetClock) -> None:
    sink = Sink()
    async with serving(sink) as server:
        root = smtp_workspace(tmp_path, server.port)
    async with office_in(root, clock) as office:
        down = await sending.send(office, sending.plan_of(office, "55", MEMBERS))
        async with serving(sink) as server:
            settings = (root / "distributor.toml").read_text(encoding="utf-8")
            (root / "distributor.toml").write_text(settings.replace(f":{_port(settings)}", f":{server.port}"))
            clock.advance(timedelta(hours=1))
            async with office_in(root, clock) as again:
                up = await sending.send(again, sending.plan_of(again, "55", MEMBERS))

    assert down.mailing.state == "paused"
    assert up.counts.by_state["accepted"] == 3


def _port(settings: str) -> str:
    return settings.split("smtp+plaintext://127.0.0.1:")[1].split('"', maxsplit=1)[0]


async def test_cancelled_mailing_is_not_resumed(office: Office) -> None:
    plan = sending.plan_of(office, "55", MEMBERS)
    sent = await sending.send(office, plan)
    async with office.database.write() as tx:
        await decisions.cancel(tx, sent.mailing.id, reason="by hand")

    with pytest.raises(HeldError):
        await sending.send(office, plan)


async def test_latest_mailings_are_listed_by_issue(office: Office, root: Path) -> None:
    write_issue(root, 56)
    await sending.send(office, sending.plan_of(office, "55", MEMBERS))
    await sending.send(office, sending.plan_of(office, "56", MEMBERS))

    assert [line.mailing.issue for line in await sending.latest_mailings(office)] == ["2015-056", "2015-055"]
    assert [line.mailing.issue for line in await sending.latest_mailings(office, "55")] == ["2015-055"]


async def test_test_copy_goes_out_and_leaves_no_trace_in_the_ledger(tmp_path: Path, clock: SetClock) -> None:
    sink = Sink()
    async with serving(sink) as server:
        root = smtp_workspace(tmp_path, server.port)
        async with office_in(root, clock) as office:
            (transport,) = delivering.transports_of(office.workspace)
            outcome = await trial.send_test(office, "55", membership.address_of("editor@example.com"), transport)
            mailings = await sending.latest_mailings(office)

    assert isinstance(outcome, Accepted)
    assert mailings == ()
    assert b"X-Relay: yes" in sink.received[0].content


async def test_draft_can_be_tried(office: Office, root: Path) -> None:
    write_issue(root, 57, status="draft")
    (transport,) = delivering.transports_of(office.workspace)

    outcome = await trial.send_test(office, "57", membership.address_of("editor@example.com"), transport)

    assert isinstance(outcome, Stored)


async def test_test_copy_without_any_article_is_refused(office: Office, root: Path) -> None:
    write_issue(root, 58, sections=("market",))
    (transport,) = delivering.transports_of(office.workspace)

    with pytest.raises(InputError):
        await trial.send_test(
            office, "58", membership.address_of("editor@example.com"), transport, sections=frozenset()
        )


async def test_example_address_is_never_handed_to_a_server_elsewhere(tmp_path: Path, clock: SetClock) -> None:
    more = '\n[[smtp]]\nurl = "smtps://smtp.example.net:465"\n'
    root = write_workspace(tmp_path, changes=SMTP, more=more)
    write_issue(root)

    async with office_in(root, clock) as office:
        outlet = delivering.dispatcher_of(office).outlets[0]

    assert not outlet.allows("reader@example.com")
    assert outlet.allows("reader@real-company.cn")


async def test_server_that_cannot_be_reached_is_the_servers_fault(tmp_path: Path, clock: SetClock) -> None:
    root = smtp_workspace(tmp_path, 1)
    async with office_in(root, clock) as office:
        (transport,) = delivering.transports_of(office.workspace)

        with pytest.raises(ServerFault):
            await trial.send_test(office, "55", membership.address_of("editor@example.com"), transport)


async def test_daemon_sends_what_is_due_and_stops_when_told(office: Office) -> None:
    stop = asyncio.Event()

    async def stop_when_sent() -> None:
        while len(list(office.workspace.outbox.glob("new/*"))) < 3:
            await asyncio.sleep(0.02)
        stop.set()

    async with asyncio.timeout(30):
        await asyncio.gather(daemon.keep(office, stop), stop_when_sent())


async def test_daemon_refuses_to_start_without_a_way_out(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path, changes=SMTP)

    async with office_in(root, clock) as office:
        with pytest.raises(ConfigError):
            await daemon.keep(office, asyncio.Event())


def test_second_daemon_is_told_of_the_first(tmp_path: Path) -> None:
    with daemon.only_one(tmp_path), pytest.raises(AnotherProcess), daemon.only_one(tmp_path):
        pass


async def test_demonstration_runs_twice_and_sends_nothing_twice(tmp_path: Path) -> None:
    folder = demonstration.make_demo_workspace(tmp_path)
    counted = []
    for _ in range(2):
        workspace = open_workspace(folder, demonstration.demo_clock(), {})
        async with open_office(workspace) as office:
            assert demonstration.check_sample(office) == ()
            await demonstration.sync_lists(office)
            await demonstration.rehearse_next(office)
            counted.append(await demonstration.run_due(office))

    assert [[(one.line.mailing.issue, one.counts.by_state["stored"]) for one in run] for run in counted] == [
        [("2015-055", 13)],
        [("2015-055", 13)],
    ]
    assert len(list((folder / "var" / "outbox" / "new").iterdir())) == 13


async def test_copies_of_a_dead_process_are_counted(office: Office) -> None:
    plan = sending.plan_of(office, "55", MEMBERS)
    before = await sending.in_other_hands(office, plan)
    await membership.sync_changed(office, MEMBERS)
    await launching.launch(office, LaunchOrder(plan=plan, origin="members"))
    wanted = ledger.Wanted(channel="outbox", limit=2, now=office.workspace.clock.now())
    async with office.database.write() as tx:
        await tx.run_sync(ledger.claim, ledger.Claim(token="dead", lease=timedelta(minutes=2)), wanted)

    assert (before, await sending.in_other_hands(office, plan)) == (0, 2)
