"""The N-th exchange with the server fails, for every N until a mailing passes untouched; the journal is the evidence.

The server is real TCP in this process: connect, EHLO, MAIL, RCPT, DATA, the middle of the content, the final dot and
QUIT count as exchanges. A fault may cost an extra copy only where it hides that the dot's message was taken.
"""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from distributor.database import Database
from distributor.delivery.ledger import Claim
from distributor.delivery.servers import Server
from distributor.delivery.transport import SmtpTransport
from distributor.delivery.ways import Outlet
from distributor.identifiers import MailingId
from tests.delivery import ledger_steps
from tests.delivery.dispatch_steps import PassingClock, compose, dispatcher
from tests.smtp_journal_rules import Journal, Rule, Rules
from tests.smtp_journal_server import HOST, House, JournalServer, listening

ACTIONS = {
    "closed": "any drop nth={nth}",
    "reset": "any reset nth={nth}",
    "451": "any 451 nth={nth} text=4.3.0_not_now",
    "closed, taken": "any drop nth={nth} taken=1",
}


async def send_all(database: Database, port: int, connections: int) -> None:
    """Send until nothing is left, over every rest and wait."""
    clock = PassingClock()
    transport = SmtpTransport(Server(host=HOST, port=port, security="plaintext"))
    outlet = Outlet(transport=transport, connections=connections, compose=compose, allows=lambda address: True)
    sender = dispatcher(database, outlet, clock=clock)
    while (done := await sender.run_until_idle()).until is not None:
        await clock.sleep(done.until - clock.now())


async def failing_once(database: Database, folder: Path, rule: Rule, connections: int) -> JournalServer:
    """Send what is launched to a server with this one rule; return what the server wrote down."""
    path = folder / f"journal{rule.options['nth']}.jsonl"
    journal = Journal(path)
    rules = Rules(rules=[rule], journal=journal, randomness=random.Random(1))
    async with listening(House(rules=rules, journal=journal)) as port:
        await send_all(database, port, connections)
    journal.close()
    return JournalServer(port, path)


async def every_nth_fails(
    database: Database, folder: Path, action: str, *, readers: int, connections: int
) -> Counter[str]:
    """Fail the N-th exchange of one mailing after the other; return how often a fault met which stage."""
    async with database.write() as tx:
        await ledger_steps.add_readers(tx, readers)
    met: Counter[str] = Counter()
    nth, faults = 0, [""]
    while faults:
        nth += 1
        of = await ledger_steps.launched(
            database, send_no=nth, claim=Claim(token=f"preparing{nth}", lease=ledger_steps.LEASE)
        )
        server = await failing_once(database, folder, Rule.read(action.format(nth=nth)), connections)
        faults = [one["stage"] for one in server.events("fault")]
        met.update(faults)
        await assert_everybody_has_one(database, of, server, readers)
    return met


async def assert_everybody_has_one(database: Database, of: MailingId, server: JournalServer, readers: int) -> None:
    taken = server.taken
    unanswered = sum(1 for one in taken if not one["answered"])
    assert len({one["recipient"] for one in taken}) == readers
    assert len(taken) == readers + unanswered
    assert unanswered <= 1
    assert len({(one["recipient"], one["message_id"], one["digest"]) for one in taken}) == readers
    assert (await ledger_steps.count(database, of)).by_state["accepted"] == readers


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS.keys())
async def test_whichever_exchange_fails_nobody_is_lost(embedded: Database, tmp_path: Path, action: str) -> None:
    readers = 6

    met = await every_nth_fails(embedded, tmp_path, action, readers=readers, connections=1)

    assert met == {"connect": 1, "helo": 1, "quit": 1} | dict.fromkeys(("mail", "rcpt", "data", "body", "dot"), readers)


@pytest.mark.soak
@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize(("name", "action"), ACTIONS.items(), ids=ACTIONS.keys())
async def test_whichever_exchange_of_thirty_readers_fails_nobody_is_lost(
    embedded: Database, tmp_path: Path, soak_tally: Callable[..., None], name: str, action: str, connections: int
) -> None:
    readers = 30

    met = await every_nth_fails(embedded, tmp_path, action, readers=readers, connections=connections)

    assert met.total() > 5 * readers
    soak_tally(
        f"every SMTP exchange of 30 copies on {connections}: {name}",
        faults=met.total(),
        losses=0,
        duplicates=met["dot"] if "taken" in name else 0,
    )
