"""Letters to operators: what is wrong, put into HTML and plain text by two templates of the workspace.

Values enter, a page of HTML with its styles in the elements and its plain text leave; pure but for the templates. A
letter says what must be done, so it must come out: where staff broke the templates, `plain_letter` needs none.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from distributor.rendering.mail import tidy_text, with_styles
from distributor.rendering.plaintext import wrap
from distributor.rendering.templates import Templates

OPERATORS = "operators"
_BETWEEN_STEPS = re.compile(r"；|; ")
_QUOTED = re.compile(r"`([^`\n]+)`")
_BARE = re.compile(r"(?<![\w./-])(distributor(?: [!-~]*[!-+\--:<-~])+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of a sentence; `is_command` where it is to be typed as it stands."""

    text: str
    is_command: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a person can do, or an alternative to it."""

    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The whole sentence; what is to be typed stands in it as it is."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that operators are told: what happened, since when (local, written), and what to do about it.

    `about` names the slot, mailing, list or issue; `urgent` where something stands still until somebody acts.
    """

    title: str
    about: str
    urgent: bool
    since: str
    what: tuple[str, ...]
    todo: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFrame:
    """What a letter says beside its troubles: its language, whose it is, and where the program runs."""

    language: str
    publication: str
    heading: str
    workspace: str
    host: str


def render_troubles(templates: Templates, frame: LetterFrame, troubles: Sequence[Trouble]) -> tuple[str, str]:
    """Return the HTML and the plain text of a letter. Raises TemplateError."""
    return render_letter(
        templates,
        OPERATORS,
        language=frame.language,
        publication=frame.publication,
        heading=frame.heading,
        workspace=frame.workspace,
        host=frame.host,
        troubles=tuple(troubles),
    )


def render_letter(templates: Templates, name: str, /, **context: object) -> tuple[str, str]:
    """Render `name`.html and `name`.txt with the same values and make both fit for mail. Raises TemplateError."""
    page = with_styles(templates.render(f"{name}.html", **context), f"{name}.html")
    return page, tidy_text(templates.render(f"{name}.txt", **context))


def plain_letter(frame: LetterFrame, troubles: Sequence[Trouble]) -> tuple[str, str]:
    """Return the same letter made without any template."""
    text = tidy_text("\n\n".join([frame.heading, *map(_plainly, troubles), f"{frame.workspace} @ {frame.host}"]))
    page = f'<!DOCTYPE html>\n<html lang="{frame.language}"><body><pre style="white-space:pre-wrap">\n'
    return f"{page}{html.escape(text)}</pre></body></html>\n", text


def _plainly(trouble: Trouble) -> str:
    head = " ".join(part for part in (f"* {trouble.title}", trouble.about, trouble.since) if part)
    return "\n".join([head, *map(wrap, trouble.what), *(f"- {step.text}" for step in trouble.todo)])


def steps_of(remedy: str) -> tuple[Step, ...]:
    """Part a remedy at its semicolons into steps, and each step into words and commands.

    A command stands between backticks; Chinese sentences have none, there it is a run of ASCII after `distributor`.
    """
    command = _QUOTED if "`" in remedy else _BARE
    sentences = (sentence.strip() for sentence in _BETWEEN_STEPS.split(remedy))
    return tuple(Step(pieces=tuple(_pieces(_begun(one), command))) for one in sentences if one)


def _begun(sentence: str) -> str:
    return sentence if sentence.startswith("distributor ") else sentence[0].upper() + sentence[1:]


def _pieces(sentence: str, command: re.Pattern[str]) -> Iterator[Piece]:
    position = 0
    for match in command.finditer(sentence):
        if match.start() > position:
            yield Piece(text=sentence[position : match.start()], is_command=False)
        yield Piece(text=match[1], is_command=True)
        position = match.end()
    if position < len(sentence):
        yield Piece(text=sentence[position:], is_command=False)
