"""Objections, and the list of problems they become once their place is known.

Pure. Readers of bytes, paths, pictures and headers return an `Objection`: what is wrong and the remedy, without
a place. Whoever knows the file and the line turns it into a `Problem` through `Findings`.
"""

from dataclasses import dataclass, field
from difflib import get_close_matches

from distributor.errors import InputError
from distributor.problems import Problem, Wording, faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What is wrong with something a person wrote, and the remedy; the place is added by `Findings`."""

    what: Wording
    remedy: Wording


@dataclass(slots=True)
class Findings:
    """The problems of one file, collected while it is read; `path` is the file as messages show it."""

    path: str
    problems: list[Problem] = field(default_factory=list)

    def fault(self, line: int | None, what: Wording, remedy: Wording) -> None:
        """Add a problem that refuses the file."""
        self.problems.append(Problem(path=self.path, line=line, what=what, remedy=remedy))

    def warn(self, line: int | None, what: Wording, remedy: Wording) -> None:
        """Add a problem that an editor should know and may leave as it is."""
        self.problems.append(Problem(path=self.path, line=line, what=what, remedy=remedy, warning=True))

    def add(self, line: int | None, objection: Objection) -> None:
        """Add an objection as a fault of this file at that line."""
        self.fault(line, objection.what, objection.remedy)

    @property
    def has_faults(self) -> bool:
        """Whether anything found so far refuses the file."""
        return bool(faults(self.problems))


def refused(path: str, objection: Objection) -> InputError:
    """Return the error that refuses a whole file."""
    problem = Problem(path=path, line=None, what=objection.what, remedy=objection.remedy)
    return InputError(objection.what, problems=(problem,))


def nearest(word: str, known: tuple[str, ...]) -> str | None:
    """Return the known word that was probably meant, or None."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return close[0] if close else None
