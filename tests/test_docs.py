"""The documents tell the truth: what the program knows is documented, what is documented exists."""

import re
import shlex
import stat
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import tomlkit
import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from distributor import schema
from distributor.cli.app import app, run
from distributor.config.loader import load
from distributor.config.model import Settings
from distributor.content import header, issuefile
from distributor.delivery.model import State
from distributor.errors import DistributorError
from distributor.operations.clocks import SystemClock
from distributor.operations.workspace import Workspace, open_workspace
from distributor.scheduling import holidays
from distributor.scheduling.holidays import parse_holidays
from distributor.subscribers import headers
from tests import dkim_keys, documents
from tests.documents import PAGES, REFERENCE, ROOT, CodeBlock, code_blocks, own_part, rows, section, shown

SETTINGS, COMMANDS = REFERENCE / "settings.md", REFERENCE / "commands.md"
TEMPLATES, FILES = REFERENCE / "templates.md", REFERENCE / "files.md"


def named(block: CodeBlock) -> str:
    return str(block)


# Settings


def _models(model: type[BaseModel], name: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield every table of the settings with its name: [publication], [[section]], `pilot` in `[[schedule]]`."""
    yield name, model
    for key, field in model.model_fields.items():
        for found in (field.annotation, *get_args(field.annotation)):
            if isinstance(found, type) and issubclass(found, BaseModel):
                outer = f"[[{key}]]" if get_origin(field.annotation) is tuple else f"[{key}]"
                yield from _models(found, f"`{key}` in `{name}`" if name else outer)


def _keys() -> list[tuple[str, str, str]]:
    """Return table, key and default (as TOML writes it) of every setting."""
    found = []
    for table, model in _models(Settings):
        for key, field in model.model_fields.items():
            is_table = any(isinstance(one, type) and issubclass(one, BaseModel) for one in _types(field.annotation))
            if table or not is_table:
                found.append((table, field.alias or key, _default(field.default)))
    return found


def _types(annotation: object) -> tuple[object, ...]:
    return (annotation, *get_args(annotation))


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "none"
    if value == {}:
        return "{}"
    return tomlkit.item(list(value) if isinstance(value, tuple) else value).as_string().strip()


@pytest.mark.parametrize(("table", "key", "default"), _keys())
def test_every_setting_is_documented_with_its_default(table: str, key: str, default: str) -> None:
    documented = rows(own_part(SETTINGS, table or "The whole file"))

    assert key in documented
    shown_default = documented[key][0].strip("`")
    assert shown_default in (default, "chosen by place")


def test_no_setting_is_documented_that_does_not_exist() -> None:
    for table, _model in _models(Settings):
        known = {key for name, key, _default in _keys() if name == table}

        assert set(rows(own_part(SETTINGS, table or "The whole file"))) == known


TOML = code_blocks("toml")


def _workspace_of(block: CodeBlock, folder: Path) -> Workspace:
    """Open a workspace whose settings are the block, or the sample's with the block's tables in place of theirs."""
    tables: dict[str, Any] = tomllib.loads(block.text)
    if "schema" not in tables:
        sample = tomllib.loads((ROOT / "distributor.toml").read_text(encoding="utf-8"))
        if "schedule" not in tables and tables.keys() & {"list", "section"}:
            del sample["schedule"]  # it names the lists and sections that the block takes away
        tables = sample | tables
    (folder / "distributor.toml").write_text(tomlkit.dumps(tables), encoding="utf-8")
    for server in tables.get("smtp", ()):
        _write_password(folder / server.get("password_file", "secrets/none"))
    if "dkim" in tables:
        assert dkim_keys.write_key(folder) == folder / tables["dkim"]["key_file"]
    return open_workspace(folder, SystemClock(), {})


def _write_password(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("secret", encoding="utf-8")
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)


@pytest.mark.parametrize("block", TOML, ids=named)
def test_a_toml_example_is_accepted_by_the_program(block: CodeBlock, tmp_path: Path) -> None:
    keys = set(tomllib.loads(block.text))
    if keys & {"number", "status"}:
        assert issuefile.parse_settings(block.text, "issue.toml")[1] == ()
    elif keys & {"off", "work"}:
        assert parse_holidays(block.text, path="holidays.toml", today=SystemClock().now().date()).problems == ()
    else:
        assert _workspace_of(block, tmp_path).settings.schema_ == 1


def test_full_settings_are_among_the_examples(tmp_path: Path) -> None:
    whole = next(block for block in TOML if block.text.startswith("schema = 1"))
    (tmp_path / "distributor.toml").write_text(whole.text, encoding="utf-8")

    assert load(tmp_path, {}).settings.publication.name == "节能减排信息动态"


# Commands


def _commands() -> dict[str, Any]:
    """Return every command by what a person types: `send`, `subscribers sync`, `schedule` and `schedule hold`."""
    found: dict[str, Any] = {}
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        found |= {name: command} if inner is None or command.invoke_without_command else {}
        found |= {f"{name} {word}": one for word, one in (inner or {}).items()}
    return found


def _options(command: Any) -> list[str]:
    return [option for one in command.params for option in (*one.opts, *one.secondary_opts) if option.startswith("-")]


def _arguments(command: Any) -> list[str]:
    return [one.metavar.strip("[].") for one in command.params if one.param_type_name == "argument" and one.metavar]


COMMAND_NAMES = sorted(_commands())


@pytest.mark.parametrize("name", COMMAND_NAMES)
def test_every_command_is_documented_with_its_options(name: str) -> None:
    part = own_part(COMMANDS, f"`{name}")
    command = _commands()[name]

    assert [option for option in _options(command) if option not in part] == []
    assert [one for one in _arguments(command) if one not in documents.heading(COMMANDS, f"`{name}")] == []
    assert "Exit codes: 0" in part


@pytest.mark.parametrize("name", COMMAND_NAMES)
def test_no_option_is_documented_that_does_not_exist(name: str) -> None:
    part = own_part(COMMANDS, f"`{name}")
    told = {word for cell in rows(part) for word in re.findall(r"(?<!\w)--?[a-z][a-z-]*", cell)}

    assert told <= set(_options(_commands()[name]))


def test_every_global_option_is_documented() -> None:
    group: Any = typer.main.get_command(app)

    assert [option for option in _options(group) if option not in own_part(COMMANDS, "Options of all")] == []


def test_every_exit_code_is_documented() -> None:
    codes = {cls.exit_code for cls in _subclasses(DistributorError)} | {0, 5, 130}

    assert codes <= {int(code) for code in rows(section(COMMANDS, "Exit codes"))}


@pytest.mark.parametrize("typed", [["nosuch"], ["check", "--nosuch"], ["send"], []], ids=" ".join)
def test_wrong_usage_ends_with_the_documented_code(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(typed) == 2
    assert "Traceback" not in capsys.readouterr().err


def _subclasses(cls: type[DistributorError]) -> Iterator[type[DistributorError]]:
    yield cls
    for one in cls.__subclasses__():
        yield from _subclasses(one)


def _typed() -> Iterator[tuple[str, list[str]]]:
    """Yield every `distributor …` of the pages with its place: console lines, and code within a sentence."""
    for block in code_blocks("console", "sh", "bash", "text"):
        for line in re.findall(r"^(?:\$ |> )?(distributor .*)$", block.text, re.MULTILINE):
            yield str(block), shlex.split(line.split("  #")[0].rstrip("\\"))
    for page in PAGES:
        for line in re.findall(r"`(distributor [^`]+)`", documents.without_code(documents.read(page))):
            yield shown(page), shlex.split(line)


def _command_of(words_typed: Sequence[str]) -> tuple[str, list[str]]:
    """Return the command's name and the options typed after it."""
    rest = list(words_typed[1:])
    while rest and rest[0].startswith("-"):
        rest = rest[2 if rest[0] == "--root" else 1 :]
    groups = {one.split()[0] for one in COMMAND_NAMES if " " in one}
    stands_alone = rest[:1] and rest[0] in COMMAND_NAMES and (not rest[1:] or rest[1].startswith("-"))
    is_inner = rest[:1] and rest[0] in groups and not stands_alone
    name = " ".join(rest[:2]) if is_inner else "".join(rest[:1])
    return name, [word.split("=")[0] for word in rest if word.startswith("-")]


def test_no_page_names_a_command_or_option_that_does_not_exist() -> None:
    commands = _commands()
    wrong = []
    for place, typed in _typed():
        name, options = _command_of(typed)
        known = {*_options(commands[name]), "--help"} if name in commands else set()
        if name and name != "COMMAND" and (name not in commands or not set(options) <= known):
            wrong.append(f"{place}: {' '.join(typed)}")

    assert wrong == []


def test_messages_name_only_commands_that_exist() -> None:
    firsts = {name.split()[0] for name in COMMAND_NAMES}
    named_in_code = re.compile(r"[`：；，运行 ]distributor ([a-z-]+)[ `）”，{\"]")
    wrong = [
        f"{shown(path)}: distributor {word}"
        for path in sorted((ROOT / "distributor").rglob("*.py"))
        for word in named_in_code.findall(path.read_text(encoding="utf-8"))
        if word not in {*firsts, "is"}
    ]

    assert wrong == []


def test_no_page_names_a_make_target_that_does_not_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    told = {word for page in PAGES for word in re.findall(r"`make ([a-z-]+)", documents.read(page))}
    told |= {
        word
        for block in code_blocks("console", "sh")
        for word in re.findall(r"^\$ make ([a-z-]+)", block.text, re.MULTILINE)
    }

    assert told <= targets


# Files


@pytest.mark.parametrize("key", header.KEYS)
def test_every_header_key_of_articles_is_documented_in_both_languages(key: str) -> None:
    documented = rows(own_part(FILES, "An article"))
    chinese = {english: word for word, english in header._CHINESE.items()}

    assert chinese[key] in documented[key][0]


def test_every_key_of_issue_toml_is_documented() -> None:
    assert set(rows(own_part(FILES, "An issue"))) == set(issuefile._KEYS)


def test_every_key_of_holidays_toml_is_documented() -> None:
    assert set(rows(own_part(FILES, "holidays.toml"))) == set(holidays._KEYS)


def test_every_column_of_a_list_is_documented() -> None:
    documented = rows(own_part(FILES, "A list"))

    assert set(documented) == set(headers._NAMES)
    for column, spellings in headers._NAMES.items():
        chinese = next(one for one in spellings if not one.isascii())
        assert chinese in documented[column][0]


def test_every_table_of_the_database_is_documented() -> None:
    assert set(rows(section(FILES, "The database"))) == set(schema.metadata.tables)


@pytest.mark.parametrize("block", code_blocks("markdown"), ids=named)
def test_an_example_of_an_article_is_one(block: CodeBlock) -> None:
    parsed = header.parse_article(block.text, "a01.md")

    assert parsed.problems == ()
    assert parsed.body


@pytest.mark.parametrize("state", get_args(State))
def test_every_state_of_a_copy_is_explained(state: str) -> None:
    for page in ("architecture.md", "explanation/delivery.md"):
        assert state in documents.read(documents.DOCS / page)


# Links


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for target in documents.links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in documents.anchors(found)):
            dead.append(target)

    assert dead == []


def test_every_document_can_be_found_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md", ROOT / "README.zh-CN.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = [(page.parent / target.partition("#")[0]).resolve() for target in documents.links(page)]
        waiting += [one for one in targets if one.suffix == ".md" and one.is_file() and one not in reached]

    assert [shown(page) for page in PAGES if page not in reached] == []


def test_the_settings_of_the_sample_are_documented_where_its_comment_says() -> None:
    told = re.findall(r"docs/[\w/-]+\.md", (ROOT / "distributor.toml").read_text(encoding="utf-8"))

    assert [one for one in told if not (ROOT / one).is_file()] == []


def test_messages_point_to_documents_that_exist() -> None:
    sources = (ROOT / "distributor").rglob("*.py")
    told = {one for path in sources for one in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8"))}

    assert [one for one in sorted(told) if not (ROOT / one).is_file()] == []
