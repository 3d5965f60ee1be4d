"""Where each key of a TOML text stands, so that a fault can name its line.

Pure. The standard parser tells no lines; this scan knows tables, arrays of tables and keys at the start of a line,
which is how staff write the file. It never decides what a value is.
"""

import re
from types import MappingProxyType

from distributor.config.model import KeyPath

_TABLE = re.compile(r"\s*\[\s*(?P<name>[\w.\-]+)\s*\]\s*(?:#.*)?")
_ARRAY_TABLE = re.compile(r"\s*\[\[\s*(?P<name>[\w.\-]+)\s*\]\]\s*(?:#.*)?")
_KEY = re.compile(r"""\s*(?P<key>[\w\-]+(?:\s*\.\s*[\w\-]+)*|"[^"]*"|'[^']*')\s*=""")


def key_lines(text: str) -> MappingProxyType[KeyPath, int]:
    """Return the line (from 1) of every table and key; the n-th `[[section]]` is ("section", n)."""
    lines: dict[KeyPath, int] = {}
    seen: dict[str, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _ARRAY_TABLE.fullmatch(line):
            name = match["name"]
            seen[name] = seen.get(name, -1) + 1
            table = (name, seen[name])
            lines.setdefault((name,), number)
            lines.setdefault(table, number)
        elif match := _TABLE.fullmatch(line):
            first, *rest = match["name"].split(".")
            # [schedule.pilot] belongs to the [[schedule]] above it.
            table = (first, seen[first], *rest) if first in seen and rest else (first, *rest)
            lines.setdefault(table, number)
        elif match := _KEY.match(line):
            key = tuple(part.strip().strip("\"'") for part in match["key"].split("."))
            lines.setdefault((*table, *key), number)
    return MappingProxyType(lines)
