"""The demonstration: the sample publication's whole week in var/demo, by the same code as a real one.

A workspace of its own (settings, lists, templates, content, database, keys, outbox) whose clock stands at Friday,
10 July 2015, 09:00. Nothing leaves the host and nothing of the real workspace is touched; run again, it sends nothing
twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import tomlkit

from distributor.content.loader import CONTENT, load_issue
from distributor.delivery import counts
from distributor.delivery.counts import CopyLine, Counts, MailingLine
from distributor.identifiers import EditionKey, MailingId
from distributor.operations import delivering, membership, publishing, worker
from distributor.operations.clocks import ShiftedClock
from distributor.operations.defaults import sample_folder
from distributor.operations.files import write_if_changed
from distributor.operations.membership import ListSync
from distributor.operations.office import Office
from distributor.operations.rehearsals import planning
from distributor.operations.rehearsals.planning import AudiencePlan
from distributor.problems import Problem
from distributor.schema import delivery

FRIDAY_NINE = datetime(2015, 7, 10, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)
_PARTS = (CONTENT, "subscribers", "templates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A mailing of the demonstration with its copies, by id."""

    line: MailingLine
    counts: Counts
    copies: tuple[CopyLine, ...]


def demo_clock() -> ShiftedClock:
    """Return a clock that stands at the sample's Friday, 09:00."""
    return ShiftedClock(FRIDAY_NINE)


def make_demo_workspace(root: Path) -> Path:
    """Bring var/demo below `root` up to date with the sample and return it; its database and outbox stay."""
    demo = root / "var" / "demo"
    sample = sample_folder()
    for part in _PARTS:
        for file in sorted((sample / part).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                write_if_changed(demo / file.relative_to(sample), file.read_bytes())
    settings = tomlkit.parse((sample / "distributor.toml").read_text(encoding="utf-8"))
    settings["delivery"]["transport"] = "outbox"
    write_if_changed(demo / "distributor.toml", tomlkit.dumps(settings).encode())
    return demo


def check_sample(office: Office) -> tuple[Problem, ...]:
    """Return every problem of the sample's issues."""
    workspace = office.workspace
    folders = sorted(path for path in (workspace.root / CONTENT).iterdir() if path.is_dir())
    loaded = [load_issue(folder, root=workspace.root, sections=workspace.sections) for folder in folders]
    return tuple(problem for one in loaded for problem in one.problems)


async def sync_lists(office: Office) -> tuple[ListSync, ...]:
    """Bring the sample's lists in."""
    syncs = await membership.compare_lists(office, office.workspace.list_names)
    await membership.apply_lists(office, syncs)
    return syncs


async def rehearse_next(office: Office) -> AudiencePlan | None:
    """Rehearse what is due; None when it was launched by an earlier run."""
    slots = [coming for coming in await planning.coming_slots(office, 1) if coming.choice.issue]
    return await planning.plan_next(office) if slots else None


async def run_due(office: Office) -> tuple[Delivered, ...]:
    """Tick once, deliver everything into the outbox, publish, and return every mailing with its copies."""
    await worker.tick(office)
    await delivering.dispatcher_of(office).run_until_idle()
    await publishing.publish(office)
    async with office.database.read() as connection:
        lines = await counts.mailings(connection)
        return tuple(
            [
                Delivered(
                    line=line,
                    counts=await counts.assert_accounted(connection, line.mailing.id),
                    copies=tuple(
                        [copy async for copy in counts.copies(connection, [delivery.c.mailing == line.mailing.id])]
                    ),
                )
                for line in lines
            ]
        )


async def html_sizes(office: Office, mailing: MailingId) -> Mapping[EditionKey, int]:
    """Return the size of each frozen edition's HTML in bytes."""
    async with office.database.read() as connection:
        renditions = await counts.load_renditions(connection, mailing)
    return {edition: rendition.html_bytes for edition, rendition in renditions.items()}
