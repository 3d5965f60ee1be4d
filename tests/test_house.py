"""The rules of the house that no linter knows: sizes, names, who reads the clock, who writes which table.

Read from the syntax trees of the sources, so that a rule holds for code that no other test runs.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from distributor import errors, schema
from distributor.operations.defaults import sample_folder

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "distributor"
SOURCES = tuple(sorted(PACKAGE.rglob("*.py")))

MODULE_LINES = 400
FUNCTION_LINES = 50
PARAMETERS = 5
NESTING = 3

FORBIDDEN_WORDS = frozenset({"blast", "data", "info", "manager", "helper", "utils", "process", "handle"})
NAMES_GIVEN_ELSEWHERE = {
    "process_bind_param": "SQLAlchemy's TypeDecorator",
    "process_result_value": "SQLAlchemy's TypeDecorator",
    "data_received": "asyncio.Protocol",
    "handle_starttag": "html.parser.HTMLParser",
    "handle_endtag": "html.parser.HTMLParser",
    "handle_data": "html.parser.HTMLParser",
    "AnotherProcess": "a process of the operating system, not a vague deed",
    "process_environment": "the environment of the operating system's process",
}
# Above these floors a moment, randomness and keys are made; below they are arguments.
UPPER_ROOMS = frozenset({"operations", "web", "cli", "__main__.py"})
CLOCKS = frozenset({"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"})
# One door in several files: each says in its docstring that it shares the writing.
PARTS_OF_A_WRITER = {
    "delivery.ledger": (
        "delivery.ledger",
        "delivery.plain",
        "delivery.freezing",
        "delivery.decisions",
        "delivery.refreezing",
    )
}
WRITING = frozenset({"insert", "update", "delete", "upsert"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions_of(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def is_migration(path: Path) -> bool:
    return path.parent.name == "versions"


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def dotted(node: ast.expr) -> str:
    """Return `datetime.now` for that expression, whatever stands before the last two names."""
    return ".".join(ast.unparse(node).split(".")[-2:])


def calls_of(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call))


def called_name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}

    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{shown(path)}:{function.lineno} {function.name}"
        for path in SOURCES
        if not is_migration(path)
        for function in functions_of(path)
        if (function.end_lineno or 0) - function.lineno >= FUNCTION_LINES
    ]

    assert long == []


def _is_command(function: Function) -> bool:
    """Say whether Typer fills the parameters: then each is an option that a person types."""
    return "typer." in ast.unparse(function.args)


def test_no_function_takes_more_than_five_parameters() -> None:
    wide = []
    for path in SOURCES:
        for function in functions_of(path):
            given = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
            names = [one.arg for one in given if one.arg not in ("self", "cls")]
            if len(names) > PARAMETERS and not _is_command(function):
                wide.append(f"{shown(path)}:{function.lineno} {function.name}({', '.join(names)})")

    assert wide == []


def _depth(node: ast.AST, depth: int = 0) -> int:
    blocks = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deepest = max(deepest, _depth(child, depth + (isinstance(child, blocks) and not is_elif)))
    return deepest


def test_no_function_nests_its_blocks_too_deeply() -> None:
    deep = [
        f"{shown(path)}:{function.lineno} {function.name}"
        for path in SOURCES
        for function in functions_of(path)
        if _depth(function) > NESTING
    ]

    assert deep == []


def _words(name: str) -> frozenset[str]:
    return frozenset(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name))


def test_names_say_what_a_thing_is() -> None:
    vague = [f"{shown(path)} (module)" for path in SOURCES if _words(path.stem) & FORBIDDEN_WORDS]
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if _words(node.name) & FORBIDDEN_WORDS and node.name not in NAMES_GIVEN_ELSEWHERE:
                vague.append(f"{shown(path)}:{node.lineno} {node.name}")

    assert vague == []


def test_every_excused_name_is_still_there() -> None:
    names = {getattr(node, "name", "") for path in SOURCES for node in ast.walk(tree_of(path))}

    assert set(NAMES_GIVEN_ELSEWHERE) - names == set()


def test_rooms_export_nothing_from_their_init() -> None:
    inits = [path for path in SOURCES if path.name == "__init__.py" and path.parent != PACKAGE]
    rooms = [path for path in inits if room_of(path) != "migrations"]

    assert [shown(path) for path in rooms if len(tree_of(path).body) != 1] == []


def test_no_clock_is_read_below_operations() -> None:
    readings = [
        f"{shown(path)}:{call.lineno} {dotted(call.func)}"
        for path in SOURCES
        if room_of(path) not in UPPER_ROOMS
        for call in calls_of(path)
        if dotted(call.func) in CLOCKS
    ]

    assert readings == []


def test_the_environment_is_read_in_config_alone() -> None:
    readings = [
        f"{shown(path)}:{node.lineno}"
        for path in SOURCES
        if room_of(path) != "config"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb", "os.getenv")
    ]

    assert readings == []


def _writers() -> dict[str, tuple[str, ...]]:
    """Return the modules that may write each table, as the docstring of schema.py lists them."""
    writers: dict[str, tuple[str, ...]] = {}
    for tables, writer in re.findall(r"^ {4}([\w, ]+?) {2,}([\w.]+)$", schema.__doc__ or "", re.MULTILINE):
        parts = PARTS_OF_A_WRITER.get(writer, (writer,))
        writers |= {table.strip(): parts for table in tables.split(",")}
    return writers


def _module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def _writings(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the table (its variable where it is not named) and line of every INSERT, UPDATE and DELETE."""
    for call in calls_of(path):
        name = called_name(call)
        if name not in WRITING or not call.args:
            continue
        target = call.args[1] if name == "upsert" and len(call.args) > 1 else call.args[0]
        receiver = ast.unparse(call.func).removesuffix(f".{name}")
        if receiver in ("sa", "sqlite", "postgresql", "database", name):
            yield ast.unparse(target).rpartition(".")[2], call.lineno


def test_every_table_has_a_writer() -> None:
    assert set(_writers()) == set(schema.metadata.tables)


def test_a_table_is_written_by_one_module() -> None:
    writers = _writers()
    known = {module for modules in writers.values() for module in modules}
    wrong = []
    for path in SOURCES:
        module = _module_of(path)
        if room_of(path) in ("migrations", "database.py"):
            continue
        for table, line in _writings(path):
            # A table behind a variable counts as any table: only a writer may have it.
            allowed = writers.get(table, known)
            if module not in allowed:
                wrong.append(f"{shown(path)}:{line} writes {table}, which is for {', '.join(sorted(allowed))}")

    assert wrong == []


def test_the_scan_sees_every_table_being_written() -> None:
    found = {table for path in SOURCES for table, _line in _writings(path)}

    # section_set goes through a variable: store's own way of inserting what may be there already.
    assert set(_writers()) - found == {"section_set"}


def _error_classes() -> dict[str, type[Exception]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == errors.__name__
    }


def test_every_error_is_drawn_in_the_tree_of_its_docstring() -> None:
    drawn = errors.__doc__ or ""

    assert [name for name in _error_classes() if not name.startswith("_") and name not in drawn] == []


def test_every_error_is_raised_somewhere() -> None:
    made = {called_name(call) for path in SOURCES if path.name != "errors.py" for call in calls_of(path)}
    raised = {
        ast.unparse(node.exc).rpartition(".")[2]
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Raise) and node.exc is not None
    }
    bases = {base.__name__ for value in _error_classes().values() for base in value.__bases__}

    assert set(_error_classes()) - made - raised - bases == set()


def _texts() -> Iterator[Path]:
    folders = ("distributor", "docs", "tests", "scripts", "templates", "content", "subscribers", "requirements", ".ci")
    suffixes = {".py", ".md", ".toml", ".txt", ".html", ".css", ".csv", ".yaml", ".cfg", ""}
    for folder in folders:
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix in suffixes)
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.suffix in suffixes)


def _places(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in _texts():
        if path.resolve() == Path(__file__).resolve() or path.name.startswith(".coverage"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{shown(path)}:{number}: {line.strip()[:80]}")
    return found


def test_nothing_is_left_to_do_later() -> None:
    assert _places(re.compile(r"\b(?:TODO|FIXME|XXX)\b")) == []


def test_no_file_names_a_place_on_one_machine() -> None:
    assert _places(re.compile(r"(?<![\w.:/<])/(?:home|Users|root|work)/")) == []


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_locked_requirements_name_no_index(name: str) -> None:
    locked = (ROOT / "requirements" / name).read_text(encoding="utf-8")

    assert "://" not in locked
    assert "--hash=sha256:" in locked


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[\[><=]", one)[0] for one in project["dependencies"]]
    reasons = (ROOT / "docs" / "decisions" / "0006-dependencies.md").read_text(encoding="utf-8").lower()

    assert [name for name in names if name not in reasons] == []


def _wheel() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included: dict[str, str] = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    return included


@pytest.mark.parametrize("part", ["templates", "content", "subscribers", "distributor.toml"])
def test_the_wheel_carries_the_sample(part: str) -> None:
    included = _wheel()

    assert included[part] == f"distributor/defaults/{part}"
    assert (ROOT / part).exists()
    assert (sample_folder() / part).exists()


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
