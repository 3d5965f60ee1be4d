"""How `status` shows what is wrong: the open incidents, and the check that monitors run."""

from distributor.cli import console
from distributor.cli.console import complain, say, say_json, tr, words
from distributor.incidents import Incident
from distributor.operations.alarms.soundness import Soundness
from distributor.operations.alarms.vitals import Trouble
from distributor.operations.desk.operator_letters import STANDSTILLS, TITLES, about
from distributor.operations.workspace import Workspace
from distributor.times import local_text

_SHOWN_LINES = 3


def say_incidents(workspace: Workspace, found: Soundness) -> None:
    """Print what is open, nothing where nothing is, and that nobody is told where no operator is set."""
    for incident in found.incidents:
        _say_incident(workspace, incident)
    if not found.has_operators:
        complain(
            tr(
                "没有写 [publication] operators：出了问题只记在日志里，没有人收到通知",
                "no [publication] operators: what goes wrong is in the log alone, nobody is told",
            )
        )
    if found.incidents:
        say()


def say_check(workspace: Workspace, found: Soundness, *, as_json: bool) -> None:
    """Print the verdict on one line, as monitors want it, then everything that is open."""
    if as_json:
        say_json(_check_json(workspace, found))
        return
    say(_verdict(found))
    for trouble in found.troubles:
        say(tr(f"● 要处理  {words(trouble.what)}", f"● act  {words(trouble.what)}"))
    say_incidents(workspace, found)


def _verdict(found: Soundness) -> str:
    if not found.exit_code:
        return tr("OK：没有要处理的", "OK: nothing is wrong")
    first = words(found.troubles[0].what) if found.troubles else _headline(found.incidents[0])
    named = tr(f"{found.wrong} 件事，{first}", f"{found.wrong} open, {first}")
    return tr(f"要处理：{named}", f"ACT: {named}") if found.exit_code == 4 else tr(f"请留意：{named}", f"LOOK: {named}")


def _headline(incident: Incident) -> str:
    title, named = words(TITLES[incident.cause]), about(incident, console.LANGUAGE)
    return tr(f"{title}（{named}）", f"{title} ({named})") if named else title


def _say_incident(workspace: Workspace, incident: Incident) -> None:
    mark = tr("● 要处理", "● act") if incident.cause in STANDSTILLS else tr("○ 请留意", "○ look")
    since = local_text(incident.raised_at, workspace.zone)
    say(tr(f"{mark}  {_headline(incident)}  始于 {since}", f"{mark}  {_headline(incident)}  since {since}"))
    lines = words(incident.what).splitlines()
    for line in lines[:_SHOWN_LINES]:
        say(f"    {line}")
    if len(lines) > _SHOWN_LINES:
        left = len(lines) - _SHOWN_LINES
        say(tr(f"    ……还有 {left} 行", f"    … {left} more lines"))
    say(f"    → {words(incident.remedy).replace('`', '')}")


def _check_json(workspace: Workspace, found: Soundness) -> dict[str, object]:
    return {
        "ok": found.exit_code == 0,
        "exit_code": found.exit_code,
        "has_operators": found.has_operators,
        "troubles": [_trouble_json(one) for one in found.troubles],
        "incidents": [_incident_json(workspace, one) for one in found.incidents],
    }


def _trouble_json(trouble: Trouble) -> dict[str, object]:
    return {"code": trouble.code, "what": words(trouble.what)}


def _incident_json(workspace: Workspace, incident: Incident) -> dict[str, object]:
    return {
        "cause": incident.cause.value,
        "subject": incident.subject,
        "urgent": incident.cause in STANDSTILLS,
        "since": incident.raised_at.astimezone(workspace.zone).isoformat(),
        "told": incident.told_at is not None,
        "what": words(incident.what),
        "remedy": words(incident.remedy),
    }
