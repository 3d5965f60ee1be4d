"""The dispatcher: sends copies that are due over one channel, until stopped or until nothing is due.

    feed: recover → claim a batch → lanes: compose → intent (group commit, permit) → SMTP → result at once

Its parts are given to it. Whatever kills it, the rows tell the next one what to do; several may run at once, in one
process or in many. Trouble with every server pauses the mailings with the reason and the moment at which they go
on, charged to nobody.
"""

import asyncio
from dataclasses import dataclass

from distributor.delivery.runs import Parts, Progress, Run
from distributor.identifiers import MailingId


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher(Parts):
    """Sends what is due on the channel of its outlets; one run at a time."""

    async def run(self, stop: asyncio.Event) -> Progress:
        """Send whatever becomes due until `stop` is set; then let what is under way end and give back the rest.

        Raises DatabaseFault when the ledger cannot be written any more, ConfigError, and DistributorError when the
        copies of a mailing do not add up; what was under way then is found uncertain by the next run.
        """
        return await Run(self, mailing=None, until_idle=False, stop=stop).run()

    async def run_until_idle(self, mailing: MailingId | None = None, *, stop: asyncio.Event | None = None) -> Progress:
        """Send what is due now, of one mailing or of all, and return when nothing is.

        Waits for limits up to the habits' `patience` and for copies that another process has in hand; what is
        deferred, paused or limited for longer is left for later, which `until` and `reason` tell. Raises as `run`.
        """
        return await Run(self, mailing=mailing, until_idle=True, stop=stop or asyncio.Event()).run()

    def wake(self) -> None:
        """Look for work now, e.g. because a mailing was just launched in this process."""
        self.woken.set()
