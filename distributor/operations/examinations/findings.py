"""What an examination finds: one value for each thing looked at, and the exit code that all of them make.

Pure. A `Check` names the thing; its methods make the `Finding` that says how it stands. Nothing here is an error:
an examination goes on whatever it finds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from distributor.problems import Problem, Wording, wording

Verdict = Literal["ok", "warning", "fault", "not checked"]
Concern = Literal["config", "environment"]
"""Who mends a fault: `config` is what staff write (settings, secrets, lists, templates, DNS records), `environment`
the machine, the disk, the database and the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. `name` stays the same for scripts; `remedy` is None where nothing is to be done."""

    name: str
    title: Wording
    verdict: Verdict
    concern: Concern
    seen: Wording
    remedy: Wording | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A thing to look at: its stable name, its title for people, and who mends it."""

    name: str
    title: Wording
    concern: Concern = "config"

    def ok(self, seen: Wording) -> Finding:
        """Say that all is well."""
        return self._finding("ok", seen)

    def warning(self, seen: Wording, remedy: Wording) -> Finding:
        """Say that it works, but should be mended."""
        return self._finding("warning", seen, remedy)

    def fault(self, seen: Wording, remedy: Wording, *, concern: Concern | None = None) -> Finding:
        """Say that it does not work; `concern` where this fault is somebody else's to mend than usual."""
        return self._finding("fault", seen, remedy, concern)

    def not_checked(self, why: Wording) -> Finding:
        """Say that nobody can tell from here."""
        return self._finding("not checked", why)

    def problem(self, problem: Problem) -> Finding:
        """Return a problem in a file as a finding, its place before it."""
        place = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
        seen = wording(f"{place}: {problem.what.zh}", f"{place}: {problem.what.en}")
        return self._finding("warning" if problem.warning else "fault", seen, problem.remedy)

    def _finding(
        self, verdict: Verdict, seen: Wording, remedy: Wording | None = None, concern: Concern | None = None
    ) -> Finding:
        return Finding(
            name=self.name,
            title=self.title,
            verdict=verdict,
            concern=concern or self.concern,
            seen=seen,
            remedy=remedy,
        )


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 where nothing is at fault, 2 where staff must mend something, 3 where only the machine is at fault."""
    concerns = {finding.concern for finding in findings if finding.verdict == "fault"}
    if "config" in concerns:
        return 2
    return 3 if concerns else 0


def told(message: Wording | str) -> tuple[Wording, Wording]:
    """Part an error's message at its arrow: what was seen, and the remedy."""
    both = message if isinstance(message, Wording) else wording(message, message)
    zh, arrow, remedy = both.zh.partition(" → ")
    if not arrow:
        return both, _READ_ON
    # English messages have a colon in place of the arrow here and there.
    en, arrow, advice = both.en.partition(" → ")
    if not arrow:
        en, _, advice = both.en.rpartition(": ")
    return wording(zh, en), wording(remedy, advice)


_READ_ON = wording("按左边的原因处理", "mend what it names")
