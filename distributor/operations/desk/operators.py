"""Operators are told: by the log, and by mail to each address of [publication] operators, once for each incident.

Enters: an office, whose incidents nobody was told of yet. Leaves: letters by the way out that copies take, never to a
subscriber and never counted in a ledger. Several incidents go in one letter, those with a preview in their own. Who
heard of it is written down after each letter, so that one operator whose server is down costs the others nothing and
brings them nothing twice; a process that dies in between leaves its claim, and when the lease is over another tells.
What cannot be sent is tried again after waits that grow with the age of the trouble. Telling takes `PATIENCE` at most.
"""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Sequence
from datetime import timedelta

from distributor import incidents
from distributor.addresses import Address
from distributor.delivery.compose import picture_part
from distributor.delivery.headers import Header
from distributor.delivery.model import Accepted, Envelope, Outcome, Stored, Transport
from distributor.delivery.notices import Notice, compose_notice
from distributor.delivery.session import Timeouts
from distributor.delivery.transport import SmtpTransport
from distributor.errors import ConfigError, DistributorError, EnvironmentFault, InputError, ServerFault
from distributor.incidents import Incident
from distributor.operations import delivering
from distributor.operations.desk import desk_letters
from distributor.operations.desk.operator_letters import EXPECTED, OperatorLetter, digest
from distributor.operations.office import Office

PATIENCE = timedelta(seconds=30)
LEASE = timedelta(minutes=2)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=4)
LOG = "log"
"""Who heard of an incident first: its name among those that were told."""
_SHORT = Timeouts(
    connect=timedelta(seconds=8),
    command=timedelta(seconds=8),
    final_dot=timedelta(seconds=20),
    quit=timedelta(seconds=1),
)
_LOG = logging.getLogger(__name__)


async def tell(office: Office) -> int:
    """Tell operators what they were not told yet and return how many letters left. Raises DatabaseFault alone.

    Without operators the log has it, and that is all. Safe to repeat and to run in several processes at once.
    """
    token = secrets.token_hex(8)
    async with office.database.write() as tx:
        claimed = await incidents.claim_untold(tx, token, LEASE)
    if not claimed:
        return 0
    await _log(office, claimed, token)
    sent = 0
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            for operator in {one.key: one for one in office.workspace.operators}.values():
                sent += await _tell_one(office, operator, claimed, token)
    except TimeoutError:
        _LOG.warning("telling operators took too long, it is tried again")
    except EnvironmentFault as error:
        if not isinstance(error, ServerFault):
            raise
        _LOG.warning("operators cannot be told now, it is tried again", extra={"why": error.text("en")})
    except DistributorError as error:
        _LOG.exception("a letter to operators cannot be made", extra={"why": error.text("en")})
    await _settle(office, claimed, token)
    return sent


async def send_letter(office: Office, letter: OperatorLetter, to: Address) -> bool:
    """Send one letter to one operator; True where a server took it, or the outbox holds it.

    The same letter again bears the same Message-ID. Raises ServerFault where no server can be used.
    """
    last: ServerFault | ConfigError | None = None
    for transport in _ways(office):
        try:
            outcome = await _send_through(office, transport, letter, to)
        except ServerFault as error:
            last = error
            continue
        taken = isinstance(outcome, Accepted | Stored)
        if not taken:
            _LOG.warning("a letter to an operator was not taken", extra={"outcome": repr(outcome)})
        return taken
    raise last or ServerFault


async def _log(office: Office, claimed: Sequence[Incident], token: str) -> None:
    fresh = [one for one in claimed if LOG not in one.told_to]
    for one in fresh:
        tell_log = _LOG.info if one.cause in EXPECTED else _LOG.error
        tell_log(
            "operators should know",
            extra={"cause": one.cause.value, "about": one.subject, "what": one.what.en, "remedy": one.remedy.en},
        )
    if fresh:
        await _note(office, fresh, token, LOG)


async def _tell_one(office: Office, operator: Address, claimed: Sequence[Incident], token: str) -> int:
    """Send an operator what they have not heard of; return how many letters left."""
    sent = 0
    for letter, told in await _letters(office, operator, [one for one in claimed if operator.key not in one.told_to]):
        if await send_letter(office, letter, operator):
            await _note(office, told, token, operator.key)
            sent += 1
    return sent


async def _letters(
    office: Office, operator: Address, untold: Sequence[Incident]
) -> list[tuple[OperatorLetter, list[Incident]]]:
    """Return the letters for an operator, each with what it tells: those with a form of their own, then the rest."""
    own = {one.id: await _own_letter(office, one, operator) for one in untold}
    found = [(letter, [one]) for one in untold if (letter := own[one.id]) is not None]
    rest = [one for one in untold if own[one.id] is None]
    return [*found, (await asyncio.to_thread(digest, office.workspace, rest), rest)] if rest else found


async def _own_letter(office: Office, incident: Incident, operator: Address) -> OperatorLetter | None:
    """Return the letter that this incident alone gets; None where it is told with the others, as a draft in shreds."""
    try:
        return await desk_letters.letters_for(office, incident, operator)
    except InputError as error:
        _LOG.warning("a letter with a preview cannot be made", extra={"why": error.text("en")})
        return None


async def _note(office: Office, told: Sequence[Incident], token: str, name: str) -> None:
    async with office.database.write() as tx:
        await incidents.note_told(tx, [one.id for one in told], token, name)


async def _settle(office: Office, claimed: Sequence[Incident], token: str) -> None:
    """Write that everybody was told, or put off what somebody is still to hear."""
    wanted = {LOG, *(operator.key for operator in office.workspace.operators)}
    now = office.workspace.clock.now()
    async with office.database.write() as tx:
        heard = {one.id: set(one.told_to) for one in await incidents.ongoing(tx)}
        done = [one.id for one in claimed if wanted <= heard.get(one.id, wanted)]
        await incidents.mark_told(tx, done, token, now)
        for one in claimed:
            if one.id not in done:
                wait = min(max(now - one.raised_at, FIRST_WAIT), LONGEST_WAIT)
                await incidents.put_off(tx, [one.id], token, wait)


def _ways(office: Office) -> tuple[Transport, ...]:
    """Return the ways out with little patience: a beat waits for this. Raises ConfigError where there is none."""
    return tuple(
        SmtpTransport(way.server, timeouts=_SHORT) if isinstance(way, SmtpTransport) else way
        for way in delivering.transports_of(office.workspace)
    )


async def _send_through(office: Office, transport: Transport, letter: OperatorLetter, to: Address) -> Outcome:
    workspace = office.workspace
    server = transport.server if isinstance(transport, SmtpTransport) else None
    extra: tuple[Header, ...] = server.headers if server else ()
    named = f"{to.key}\0{letter.subject}\0{letter.text}".encode()
    notice = Notice(
        sender=workspace.sender,
        to=to,
        at=workspace.clock.now(),
        zone=workspace.zone,
        identity=f"operators.{hashlib.sha256(named).hexdigest()[:32]}",
        subject=letter.subject,
        html=letter.html,
        text=letter.text,
        pictures=tuple(map(picture_part, letter.pictures)),
    )
    message = compose_notice(notice, signer=workspace.signer if server and server.sign else None, extra=extra)
    session = await transport.open()
    try:
        return await session.send(Envelope(sender=workspace.sender.address.text, recipient=to.text), message)
    finally:
        await session.close()
