"""The envelopes of copies: whom the server is told that they come from."""

from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

from distributor.delivery import counts, ledger
from distributor.delivery.model import Accepted, Copy, Mailing
from distributor.delivery.return_path import read_return_path
from distributor.delivery.ways import Message
from distributor.identifiers import IssueId, ListName, MailingId
from distributor.operations import delivering, launching, membership, trial
from distributor.operations.launching import LaunchOrder
from distributor.operations.letters import LetterRoom
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import SendingPlan
from tests.conftest import SetClock
from tests.offices import office_in, write_issue, write_workspace
from tests.smtp_servers import Sink, serving

MEMBERS = (ListName("members"),)
EDITOR = membership.address_of("editor@example.com")


async def claimed(office: Office) -> tuple[Mailing, tuple[Copy, ...]]:
    await membership.sync_changed(office, MEMBERS)
    plan = SendingPlan(issue=IssueId("2015-055"), lists=MEMBERS)
    await launching.launch(office, LaunchOrder(plan=plan, origin="members"))
    wanted = ledger.Wanted(channel="outbox", limit=9, now=office.workspace.clock.now())
    async with office.database.write() as tx:
        copies = await tx.run_sync(ledger.claim, ledger.Claim(token="ours", lease=timedelta(minutes=2)), wanted)
    async with office.database.read() as connection:
        return await counts.load_mailing(connection, MailingId(1)), copies


async def composed(office: Office, room: LetterRoom, mailing: Mailing, copies: tuple[Copy, ...]) -> list[Message]:
    await room.prepare(mailing)
    return [room.compose(mailing, copy) for copy in copies]


async def test_the_sender_alone_is_the_usual_return_path(office: Office) -> None:
    messages = await composed(office, LetterRoom(office), *await claimed(office))

    assert {message.envelope.sender for message in messages} == {"weekly@news.example.com"}


async def test_a_return_path_names_the_copy_and_leaves_the_message_as_it_is(office: Office) -> None:
    mailing, copies = await claimed(office)
    plain = await composed(office, LetterRoom(office), mailing, copies)

    messages = await composed(office, LetterRoom(office, return_path="verp"), mailing, copies)

    named = [read_return_path(office.keyring, message.envelope.sender) for message in messages]
    assert named == [(mailing.id, copy.public_id) for copy in copies]
    assert [message.content for message in messages] == [message.content for message in plain]
    assert [message.envelope.recipient for message in messages] == [copy.address for copy in copies]


async def test_a_copy_composed_again_has_the_same_return_path(office: Office) -> None:
    mailing, copies = await claimed(office)

    once = await composed(office, LetterRoom(office, return_path="verp"), mailing, copies)
    again = await composed(office, LetterRoom(office, return_path="verp"), mailing, copies)

    assert [message.envelope for message in once] == [message.envelope for message in again]


async def test_a_test_copy_goes_with_the_return_path_of_its_server(tmp_path: Path, clock: SetClock) -> None:
    async with serving(sink := Sink()) as running:
        table = f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{running.port}"\nreturn_path = "verp"\n'
        root = write_workspace(tmp_path, changes={'transport = "smtp"': 'transport = "smtp"'}, more=table)
        write_issue(root)
        async with office_in(root, clock) as office:
            (transport,) = delivering.transports_of(office.workspace)
            outcome = await trial.send_test(office, "55", EDITOR, transport)

    assert isinstance(outcome, Accepted)
    named = read_return_path(office.keyring, sink.received[0].sender)
    assert named is not None
    assert named[0] == 0
    assert "weekly@news.example.com" in message_from_bytes(sink.received[0].content, policy=policy.default)["From"]
