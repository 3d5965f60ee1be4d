"""Whether anything is wrong, for people and for monitors: what operators were told, and what nobody could tell them.

Enters: an office. Leaves: the open incidents and the troubles of a house that does not beat, for then no incident is
raised any more. Reads only.
"""

from dataclasses import dataclass

from distributor import incidents
from distributor.incidents import Cause, Incident
from distributor.operations.alarms import vitals
from distributor.operations.alarms.vitals import Trouble
from distributor.operations.desk.operator_letters import EXPECTED, STANDSTILLS
from distributor.operations.office import Office

ACT, LOOK = 4, 5
"""Exit codes: something stands still until a person acts; it goes on, but a person should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soundness:
    """The open incidents, what stands still first, and what is wrong that no incident tells.

    `has_operators` says whether anybody gets a letter.
    """

    incidents: tuple[Incident, ...]
    troubles: tuple[Trouble, ...]
    has_operators: bool

    @property
    def exit_code(self) -> int:
        """0 where nothing is wrong, `ACT` or `LOOK`; the usual course of a week is nothing wrong."""
        if self.troubles or any(one.cause in STANDSTILLS for one in self.incidents):
            return ACT
        return LOOK if any(one.cause not in EXPECTED for one in self.incidents) else 0

    @property
    def wrong(self) -> int:
        """How many things are wrong; drafts, approvals and pilots are none."""
        return len(self.troubles) + sum(one.cause not in EXPECTED for one in self.incidents)


async def soundness(office: Office) -> Soundness:
    """Say whether anything is wrong. Raises DatabaseFault."""
    workspace = office.workspace
    async with office.database.read() as connection:
        ongoing = await incidents.ongoing(connection)
    ordered = sorted(ongoing, key=lambda one: (one.cause not in STANDSTILLS, one.cause in EXPECTED))
    pulse = await vitals.take_pulse(office)
    told = {one.cause for one in ordered}
    silent = {"tick"} if not any(rule.enabled for rule in workspace.rules) else set()
    silent |= {"disk"} if Cause.DISK in told else set()
    silent |= {"late"} if Cause.NOT_LAUNCHED in told else set()
    return Soundness(
        incidents=tuple(ordered),
        troubles=tuple(one for one in pulse.troubles if one.verdict == "failing" and one.code not in silent),
        has_operators=bool(workspace.operators),
    )
