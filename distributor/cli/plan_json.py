"""A rehearsal as a script reads it: names in docs/reference/commands.md, times ISO with offset."""

from datetime import datetime

from distributor.cli.console import LANGUAGE
from distributor.operations.rehearsals.planning import AudiencePlan, EditionLine, SlotPlan
from distributor.operations.workspace import Workspace
from distributor.problems import Problem


def plan_json(workspace: Workspace, audience: AudiencePlan) -> dict[str, object]:
    """Return everything that `plan` prints."""
    counted, skipped, hold = audience.audience, audience.skipped, audience.hold
    return {
        "issue": audience.plan.issue,
        "lists": audience.plan.lists,
        "schedule": _slot(workspace, audience.slot) if audience.slot else None,
        "copies": audience.copies,
        "text_copies": counted.text,
        "already_mailed": audience.already,
        "without_section": skipped.without_section,
        "suppressed": audience.suppressed,
        "start": moment(workspace, audience.start),
        "finish": moment(workspace, audience.finish),
        "decided_by": f"{hold.gate.name} {hold.rate.count}/{int(hold.rate.window.total_seconds())}s" if hold else None,
        "editions": [_edition(line) for line in audience.editions],
        "domains": dict(counted.domains),
        "by_list": dict(counted.lists),
        "on_several_lists": counted.on_several,
        "skipped": {
            "already_mailed_by": dict(skipped.already),
            "by_the_pilot": skipped.piloted,
            "without_section": skipped.without_section,
            "suppressed": dict(skipped.suppressed),
            "left_the_list": skipped.left,
            "faulty_rows": dict(skipped.set_aside),
        },
        "findings": [_finding(problem) for problem in (*audience.rehearsal.warnings, *audience.findings)],
    }


def moment(workspace: Workspace, at: datetime | None) -> str | None:
    """Return a moment in the publication's zone, ISO with offset."""
    return at.astimezone(workspace.zone).isoformat() if at else None


def _slot(workspace: Workspace, slot: SlotPlan) -> dict[str, object]:
    return {
        "id": slot.schedule,
        "slot": slot.slot.key,
        "day": slot.slot.day.isoformat(),
        "due": moment(workspace, slot.slot.due_at),
        "approval": slot.approval,
        "pilot": slot.pilot,
        "pilot_readers": slot.piloted,
        "pilot_went": slot.pilot_went,
        "hold_seconds": int(slot.hold.total_seconds()) if slot.hold else None,
        "held": slot.is_held,
    }


def _edition(line: EditionLine) -> dict[str, object]:
    return {
        "edition": line.edition,
        "readers": line.readers,
        "copies": line.copies,
        "html_bytes": line.html_bytes,
        "text_bytes": line.text_bytes,
        "shortened": line.shortened,
        "subject": line.subject,
    }


def _finding(problem: Problem) -> dict[str, object]:
    return {
        "verdict": "warning" if problem.warning else "fault",
        "path": problem.path,
        "line": problem.line,
        "what": problem.what.in_language(LANGUAGE),
        "remedy": problem.remedy.in_language(LANGUAGE),
    }
