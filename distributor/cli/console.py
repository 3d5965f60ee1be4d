"""What the command line says and how: one language, one table style, JSON where a script may read.

Chinese unless the locale or DISTRIBUTOR_LANG says English; output never fails for want of an encoding (`LC_ALL=C`).
"""

import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TextIO

from distributor.config.environment import preferred_language, process_environment
from distributor.errors import DistributorError, EnvironmentFault
from distributor.problems import Language, Problem, Wording, wording

LANGUAGE: Final[Language] = preferred_language(process_environment())


def tr(zh: str, en: str) -> str:
    """Return the sentence in the language of this command line."""
    return zh if LANGUAGE == "zh" else en


def words(wording: Wording | str) -> str:
    """Return a bilingual sentence in the language of this command line."""
    return wording if isinstance(wording, str) else wording.in_language(LANGUAGE)


def prepare_streams() -> None:
    """Make sure that no character can stop us: UTF-8 where the stream allows, escapes where it does not."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            encoding = "utf-8" if (stream.encoding or "ascii").lower() in ("ascii", "us-ascii", "utf-8") else None
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def say(text: str = "") -> None:
    """Print one line for the person who asked; a full disk or a closed pipe under it stops no work."""
    with suppress(OSError):
        _write(sys.stdout, text)


def complain(text: str) -> None:
    """Print one line about what went wrong; a full disk or a closed pipe under it stops no work."""
    with suppress(OSError):
        _write(sys.stderr, text)


def _write(stream: TextIO, text: str) -> None:
    stream.write(_printable(text) + "\n")
    stream.flush()


def say_error(error: DistributorError) -> None:
    """Print an error as it reads for a person: its problems, then the summary."""
    complain(error.text(LANGUAGE))


def say_problems(problems: Iterable[Problem]) -> None:
    """Print problems that stop nothing, one a line."""
    for problem in problems:
        complain(problem.text(LANGUAGE))


def say_json(value: Any) -> None:
    """Print a value for a script: UTF-8, one document. EnvironmentFault where it cannot be written."""
    try:
        _write(sys.stdout, json.dumps(value, ensure_ascii=False, indent=2, default=str))
    except OSError as error:
        raise EnvironmentFault(
            wording(f"写不了输出：{error.strerror}", f"cannot write the output: {error.strerror}")
        ) from error


def say_table(head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()) -> None:
    """Print a table whose columns line up although Han characters are two columns wide.

    `right` names the columns (from 0) that are set flush right.
    """
    cells = [[_printable(str(cell)) for cell in row] for row in (head, *rows)]
    widths = [max(display_width(row[column]) for row in cells) for column in range(len(head))]
    for number, row in enumerate(cells):
        padded = [_pad(cell, widths[column], flush_right=column in right) for column, cell in enumerate(row)]
        say("  ".join(padded).rstrip())
        if number == 0:
            say("  ".join("─" * width for width in widths))


def say_pairs(pairs: Mapping[str, object]) -> None:
    """Print names and values, the values in one column."""
    width = max((display_width(name) for name in pairs), default=0)
    for name, value in pairs.items():
        say(f"{_pad(name, width, flush_right=False)}  {value}")


def display_width(text: str) -> int:
    """Return how many terminal columns the text takes: wide and full-width characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _pad(text: str, width: int, *, flush_right: bool) -> str:
    blanks = " " * (width - display_width(text))
    return blanks + text if flush_right else text + blanks


def _printable(text: str) -> str:
    # A reader's name may hold an escape sequence; a terminal must never obey it.
    return "".join(
        character if character in "\n\t" or unicodedata.category(character)[0] != "C" else f"\\x{ord(character):02x}"
        for character in text
    )
