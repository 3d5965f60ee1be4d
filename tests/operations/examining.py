"""What tests of the examination share: a workspace as a test wants it, a resolver that answers from a table."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from distributor.errors import EnvironmentFault
from distributor.operations.examinations.findings import Finding, Verdict
from distributor.operations.examinations.nameservers import Lookup, RecordKind
from distributor.operations.workspace import Workspace, open_workspace
from distributor.problems import wording
from tests.conftest import SetClock
from tests.offices import write_workspace

SUMMER = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
OURS = {
    "weekly@news.example.com": "weekly@news.office.cn",
    "https://news.example.com/": "https://news.office.cn/",
    '"ops@example.com"': '"ops@office.cn"',
}
"""Changes that make the sample's publication one of its own."""


def workspace_in(
    root: Path, *, changes: Mapping[str, str] | None = None, more: str = "", at: datetime = SUMMER
) -> Workspace:
    write_workspace(root, changes=OURS | dict(changes or {}), more=more)
    return open_workspace(root, SetClock(at), {})


def verdicts(findings: Iterable[Finding]) -> list[Verdict]:
    return [finding.verdict for finding in findings]


def named(findings: Iterable[Finding], name: str) -> list[Finding]:
    return [finding for finding in findings if finding.name == name]


def told(findings: Iterable[Finding]) -> str:
    """Everything that people would read, in both languages."""
    texts = [text for finding in findings for text in (finding.title, finding.seen, finding.remedy) if text]
    return "\n".join(f"{text.zh}\n{text.en}" for text in texts)


Records = Mapping[tuple[str, RecordKind], tuple[str, ...]]


def answering(records: Records) -> Lookup:
    """A resolver that knows these records and no others."""

    async def lookup(name: str, kind: RecordKind) -> tuple[str, ...]:
        return records.get((name, kind), ())

    return lookup


def unreachable(reason: str = "timed out") -> Lookup:
    """A resolver that never answers."""

    async def lookup(name: str, kind: RecordKind) -> tuple[str, ...]:
        raise EnvironmentFault(wording(f"DNS 没有答复 {name}：{reason}", f"no answer from DNS for {name}: {reason}"))

    return lookup
