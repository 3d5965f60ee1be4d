"""Patterns that mean the same in every Python that we run on."""

import ast
import re
from pathlib import Path

import distributor

SOURCES = Path(distributor.__file__).parent
POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{[\d,]+\})\+")


def patterns(source: str) -> list[str]:
    """Return what a source hands to `re.compile` as it stands there."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "re.compile"]


def test_no_pattern_repeats_a_group_possessively_which_old_pythons_match_wrongly() -> None:
    found = [
        (path.name, pattern)
        for path in SOURCES.rglob("*.py")
        for pattern in patterns(path.read_text(encoding="utf-8"))
        if POSSESSIVE_GROUP.search(pattern)
    ]

    assert found == []


def test_the_search_for_possessive_groups_finds_them_and_lets_single_characters_be() -> None:
    assert POSSESSIVE_GROUP.search(patterns(r're.compile(rb"(?:a\r\n)++")')[0])
    assert POSSESSIVE_GROUP.search(patterns(r're.compile(r"(a){0,9}+")')[0])
    assert not POSSESSIVE_GROUP.search(patterns(r're.compile(r"[)]*+(a)+b")')[0])
