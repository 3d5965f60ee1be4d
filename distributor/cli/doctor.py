"""The command that looks at everything a mailing will need and changes nothing: doctor."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from distributor.cli.console import say, say_json, tr, words
from distributor.cli.entry import root_of
from distributor.config.environment import process_environment
from distributor.operations.clocks import SystemClock
from distributor.operations.examination import Instruments, examine
from distributor.operations.examinations.findings import Finding, Verdict, exit_code
from distributor.operations.examinations.nameservers import name_servers

_VERDICTS: dict[Verdict, tuple[str, str]] = {
    "ok": ("正常", "ok     "),
    "warning": ("提醒", "warning"),
    "fault": ("故障", "FAULT  "),
    "not checked": ("未查", "not checked"),
}


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command(
        "doctor", help=tr("体检：设置、密钥、数据库、邮件服务器、DNS；不改动、不发信", "examine the whole set-up")
    )(doctor)


def doctor(
    context: typer.Context,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", help=tr("不查 DNS，不连别处的邮件服务器", "ask no name server, no mail server elsewhere")
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
) -> None:
    """Examine the set-up; nothing is changed and nothing is mailed."""
    findings = asyncio.run(_doctor(root_of(context), offline=offline, quiet=as_json))
    code = exit_code(findings)
    if as_json:
        say_json({"exit_code": code, "findings": [_finding_json(finding) for finding in findings]})
    else:
        _say_sum(findings)
    if code:
        raise typer.Exit(code)


async def _doctor(root: Path, *, offline: bool, quiet: bool) -> list[Finding]:
    instruments = Instruments(
        clock=SystemClock(), environment=process_environment(), lookup=None if offline else name_servers()
    )
    findings = []
    async for finding in examine(root, instruments):
        findings.append(finding)
        if not quiet:
            _say_finding(finding)
    return findings


def _say_finding(finding: Finding) -> None:
    say(f"{tr(*_VERDICTS[finding.verdict])}  {words(finding.title)}{tr('：', ': ')}{words(finding.seen)}")
    if finding.remedy is not None:
        say(f"      → {words(finding.remedy)}")


def _say_sum(findings: list[Finding]) -> None:
    counted = {verdict: sum(one.verdict == verdict for one in findings) for verdict in _VERDICTS}
    say()
    say(
        tr(
            f"共 {len(findings)} 项："
            + "，".join(f"{_VERDICTS[name][0]} {number}" for name, number in counted.items()),
            f"{len(findings)} findings: " + ", ".join(f"{number} {name}" for name, number in counted.items()),
        )
    )


def _finding_json(finding: Finding) -> dict[str, object]:
    return {
        "name": finding.name,
        "title": words(finding.title),
        "verdict": finding.verdict,
        "concern": finding.concern,
        "seen": words(finding.seen),
        "remedy": words(finding.remedy) if finding.remedy else None,
    }
