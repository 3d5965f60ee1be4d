"""The page that lists what we break on purpose names tests that exist, and all rooms of faults stand in it."""

import ast
import re

from tests.documents import ROOT

PAGE = ROOT / "docs" / "explanation" / "faults.md"
ROOMS = ("tests/delivery/faults", "tests/host_faults", "tests/postgresql_faults", "tests/migrations")
NAMED = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<test>test_\w+)`")


def named() -> list[tuple[str, str]]:
    return [(match["file"], match["test"]) for match in NAMED.finditer(PAGE.read_text(encoding="utf-8"))]


def test_every_fault_names_a_test_that_exists() -> None:
    missing = []
    for file, test in named():
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        if test not in {node.name for node in tree.body if isinstance(node, kinds)}:
            missing.append(f"{file}::{test}")

    assert missing == []
    assert len(named()) > 30


def test_every_file_of_faults_stands_on_the_page() -> None:
    files = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).glob("test_*.py")}

    assert {file for file in files if "soak" not in file} <= {file for file, _test in named()}
