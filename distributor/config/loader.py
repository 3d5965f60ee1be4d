"""The door to distributor.toml and to the environment; nothing else reads either.

Enters: a folder and the process's environment. Leaves: a `Config` whose shape and names are right, or a
ConfigError with every fault at once. A value whose meaning belongs to a room stays the string that staff wrote.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from distributor.config.checks import fit_problems
from distributor.config.faults import set_aside, shape_problems
from distributor.config.model import Places, Secrets, Settings
from distributor.config.places import key_lines
from distributor.errors import ConfigError, EnvironmentFault, WorkspaceNotFound
from distributor.problems import Problem, in_reading_order, wording

FILE_NAME = "distributor.toml"
_CURLY_VALUE = re.compile(r"^(\s*[\w.\-]+\s*)[=＝]\s*[“”＂](?P<value>[^\"“”＂]*)[“”＂]\s*(#.*)?$")
_CURLY = re.compile(r"[“”‘’＂＝【】]")


class Config(BaseModel):
    """A workspace's decisions: the folder, the settings, the secrets, and where each key stands."""

    model_config = ConfigDict(frozen=True)

    root: Path
    settings: Settings
    secrets: Secrets
    places: Places
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What could be read, and all faults by line; `config` is None where nothing could be made of the text.

    With faults, what they touch has stand-ins or is left as written, so that the rooms can look at the rest: the
    tables named in `incomplete` hold stand-ins.
    """

    config: Config | None
    problems: tuple[Problem, ...]
    incomplete: frozenset[str] = frozenset()


def find_workspace(start: Path, explicit: Path | None = None) -> Path:
    """Return the folder with distributor.toml: `explicit`, or the first from `start` upward."""
    candidates = [explicit] if explicit is not None else [start, *start.parents]
    for folder in candidates:
        if (folder / FILE_NAME).is_file():
            return folder.resolve()
    raise WorkspaceNotFound(
        wording(
            f"在 {explicit or start} {'' if explicit else '及其上级'}找不到 {FILE_NAME} → "
            "先运行 distributor init 文件夹，或用 --root 指明工作区",
            f"no {FILE_NAME} in {explicit or start}{'' if explicit else ' or above'}: "
            "run `distributor init DIR` or pass --root",
        )
    )


def load(root: Path, environment: Mapping[str, str]) -> Config:
    """Read the workspace's file. Raises ConfigError with all faults in reading order; safe to repeat."""
    reading = read(root, environment)
    if reading.config is None or reading.problems:
        raise ConfigError(_SUMMARY, problems=reading.problems)
    return reading.config


def read(root: Path, environment: Mapping[str, str]) -> Reading:
    """Read the workspace's file and say what is wrong with it. Raises EnvironmentFault where it cannot be read."""
    path = root / FILE_NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EnvironmentFault(wording(f"读不了 {path}：{error}", f"cannot read {path}: {error}")) from error
    text, problems = _decoded(data)
    places = Places(path=FILE_NAME, lines=key_lines(text))
    settings, incomplete = _settings(text, places, problems)
    if settings is None:
        return Reading(config=None, problems=in_reading_order(problems))
    secrets = Secrets() if "smtp" in incomplete else _secrets(settings, root, environment, problems)
    config = Config(
        root=root, settings=settings, secrets=secrets, places=places, digest=hashlib.sha256(data).hexdigest()
    )
    return Reading(config=config, problems=in_reading_order(problems), incomplete=incomplete)


_SUMMARY = wording(
    f"{FILE_NAME} 有上面这些问题，什么都没有改动；改好后请再运行一次",
    f"{FILE_NAME} was refused, nothing was changed; mend the places above and run the command again",
)


def _fault(line: int | None, what: tuple[str, str], remedy: tuple[str, str]) -> Problem:
    return Problem(path=FILE_NAME, line=line, what=wording(*what), remedy=wording(*remedy))


def _decoded(data: bytes) -> tuple[str, list[Problem]]:
    """Return the text with curly quotes mended for the parser, and a fault for each line that had them."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = _fault(
            data[: error.start].count(b"\n") + 1,
            ("这一行有不是 UTF-8 的字节", "this line has bytes that are not UTF-8"),
            ("在记事本里另存为，编码选 UTF-8", "save the file as UTF-8"),
        )
        return "", [problem]
    lines, problems = [], []
    for number, written in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        mended = _CURLY_VALUE.sub(r'\1= "\g<value>"', written)
        if mended != written:
            problems.append(
                _fault(
                    number,
                    ("用了中文引号或全角等号", "curly quotes or a full-width equals sign"),
                    ('改成英文的 " 和 =', 'use the plain " and ='),
                )
            )
        lines.append(mended)
    return "\n".join(lines), problems


def _settings(text: str, places: Places, problems: list[Problem]) -> tuple[Settings | None, frozenset[str]]:
    """Return the settings and the tables with stand-ins; what is wrong goes to `problems`."""
    if not text and problems:
        return None, frozenset()
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.append(_syntax_fault(text, str(error)))
        return None, frozenset()
    try:
        settings = Settings.model_validate(tables)
    except ValidationError as error:
        problems.extend(shape_problems(error, places))
        return _settings_beyond(tables, error, places, problems)
    problems.extend(fit_problems(settings, places))
    return settings, frozenset()


def _settings_beyond(
    tables: dict[str, Any], error: ValidationError, places: Places, problems: list[Problem]
) -> tuple[Settings | None, frozenset[str]]:
    """Set the misshapen parts aside and look at the rest, so that one run names every fault."""
    sound, incomplete = set_aside(tables, error)
    try:
        settings = Settings.model_validate(sound)
    except ValidationError:
        return None, incomplete
    problems.extend(fit_problems(settings, places, incomplete=incomplete))
    return settings, incomplete


def _syntax_fault(text: str, message: str) -> Problem:
    found = re.search(r"at line (\d+)", message)
    line = int(found[1]) if found else len(text.splitlines())
    written = text.splitlines()[line - 1] if 0 < line <= len(text.splitlines()) else ""
    if curly := _CURLY.search(written):
        remedy = (f"把 {curly[0]} 换成英文符号", f"replace {curly[0]} by its plain form")
    else:
        remedy = (
            "对照 docs/reference/settings.md 的例子改这一行",
            "compare the line with docs/reference/settings.md",
        )
    return _fault(line, (f"TOML 语法不对（{message}）", f"TOML syntax: {message}"), remedy)


def _secrets(settings: Settings, root: Path, environment: Mapping[str, str], problems: list[Problem]) -> Secrets:
    """Return the passwords in the servers' order; what is wrong with their files goes to `problems`, once each."""
    found = [_password(server.password_file, index, root, environment) for index, server in enumerate(settings.smtp)]
    for one in found:
        if isinstance(one, Problem) and one not in problems:
            problems.append(one)
    return Secrets(smtp_passwords=tuple(None if isinstance(one, Problem) else one for one in found))


def _password(file: str | None, index: int, root: Path, environment: Mapping[str, str]) -> SecretStr | Problem | None:
    """Return the password of one server: the environment first (…_2 for the second server), then its file."""
    name = "DISTRIBUTOR_SMTP_PASSWORD" + (f"_{index + 1}" if index else "")
    if environment.get(name):
        return SecretStr(environment[name])
    if file is None:
        return None
    path = root / file
    return _secret_file_problem(path, file) or SecretStr(path.read_text(encoding="utf-8").strip())


def _secret_file_problem(path: Path, shown: str) -> Problem | None:
    if not path.is_file():
        what, remedy = (
            ("密码文件不存在", "the password file does not exist"),
            (
                f"把密码写进 {shown}，或设环境变量 DISTRIBUTOR_SMTP_PASSWORD",
                f"write the password to {shown} or set DISTRIBUTOR_SMTP_PASSWORD",
            ),
        )
    elif path.stat().st_mode & 0o077:
        what, remedy = (
            ("别人也能读这个密码文件", "others can read this password file"),
            (
                f"运行 chmod 600 {shown}",
                f"run chmod 600 {shown}",
            ),
        )
    elif not path.read_text(encoding="utf-8").strip():
        what, remedy = (
            ("密码文件是空的", "the password file is empty"),
            (f"把密码写进 {shown}", f"write it to {shown}"),
        )
    else:
        return None
    return Problem(path=shown, line=None, what=wording(*what), remedy=wording(*remedy))
