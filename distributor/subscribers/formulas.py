"""Cells that a spreadsheet must not run: marked where a table leaves the house, unmarked where a list comes in.

Pure. Excel, WPS and LibreOffice run a cell that begins with `=`, `+`, `-` or `@` (also after blanks, also full-width),
whoever wrote it: a reader's name, a server's answer. Such a cell gets an apostrophe in front, as a person would type it
(OWASP, "CSV Injection"), and `unguarded` takes exactly that apostrophe off again. An address may begin with an
apostrophe of its own, so it gets angle brackets instead, which a list reads anyway. An exported table read back as a
list thus holds the same addresses and names.
"""

import re

_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])")


def guarded(text: str) -> str:
    """Return a cell that no spreadsheet runs; all but formulas stay as they are."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Return what `guarded` was given; what it never returns stays as it is."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def guarded_address(address: str) -> str:
    """Return an address that no spreadsheet runs, `<+tag@example.com>` where it would."""
    return f"<{address}>" if _FORMULA.match(address) else address
