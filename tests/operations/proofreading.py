"""Steps of the tests of proofreading: a galley of the office's issue, and faults planted in what it sends."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from distributor.identifiers import IssueId, ListName
from distributor.operations.launching import new_marks
from distributor.operations.office import Office
from distributor.operations.rehearsals.proofs.model import Findings, Galley
from distributor.operations.rehearsals.proofs.reading import specimens_of
from distributor.operations.rehearsals.rehearsal import SendingPlan, rehearse_to_show
from distributor.problems import Problem

MEMBERS = (ListName("members"),)
PLAN = SendingPlan(issue=IssueId("2015-055"), lists=MEMBERS)


async def found_in(office: Office, plan: SendingPlan = PLAN) -> tuple[Problem, ...]:
    """Rehearse and return what proofreading found."""
    return (await rehearse_to_show(office, plan, new_marks())).findings


def plant(root: Path, html: str = "", *, text: str = "") -> None:
    """Put HTML at the end of every mail's body, and text at the end of its plain text."""
    for name, end, more in (("email.html", "</body>", html), ("email.txt", "", text)):
        path = root / "templates" / name
        template = path.read_text(encoding="utf-8")
        planted = template.replace(end, more + end) if end else f"{template}\n{more}\n"
        path.write_text(planted, encoding="utf-8")


async def galley_of(office: Office, **changes: object) -> Galley:
    """Return everything that the office's issue would send."""
    marks = new_marks()
    rehearsal = await rehearse_to_show(office, PLAN, marks)
    galley = Galley(
        whole=rehearsal.whole,
        renditions=rehearsal.renditions,
        pictures=rehearsal.pictures,
        marks=marks,
        specimens=await specimens_of(office, MEMBERS, rehearsal.editions),
        largest_bytes=95_000,
        in_full=False,
    )
    return replace(galley, **changes)  # type: ignore[arg-type]


def findings_of(office: Office, read: Callable[[Findings], object], galley: Galley) -> tuple[Problem, ...]:
    """Read with a fresh gatherer and return what it gathered."""
    findings = Findings(galley.whole, office.workspace.sections)
    read(findings)
    return findings.problems()
