"""Templates: the only door to Jinja. A name and plain values enter, text leaves.

Folders are searched in order, so that a workspace's own template wins over the packaged one; a changed file
shows at the next render, and nothing is cached on disk. Templates are the staff's own, yet sandboxed: values go
in, never callables or settings. `.html`, `.svg` and `.xml` escape by themselves, `.txt` and `.css` do not. What a
template writes is bounded, and so is what it multiplies: a slip in a loop ends with an error, not with a full memory.
Every fault becomes a TemplateError that names the template's file and line.
"""

import difflib
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from distributor.errors import TemplateError
from distributor.problems import Problem, Wording, wording
from distributor.rendering import plaintext

FILTERS = MappingProxyType({"wrap": plaintext.wrap, "heading": plaintext.heading})
"""What templates may use beyond Jinja's own filters; documented in docs/reference/templates.md."""

MOST_CHARACTERS = 20_000_000
"""What one template may write, and what one multiplication in it may make: a hundred times the largest page."""
MOST_PIECES = 2_000_000
"""Into how many pieces; each turn of a loop writes one or more, so this ends loops in loops within seconds."""
_MOST_BITS = 10_000

_FAULTS_IN_A_TEMPLATE = (
    jinja2.TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
    MemoryError,
)
_UNDEFINED = re.compile(r"'(?P<name>[^']+)' is undefined|has no attribute '(?P<attribute>[^']+)'")


def trusted(html: str) -> Markup:
    """Mark HTML that we made or cleaned ourselves, so that autoescape leaves it alone."""
    return Markup(html)  # noqa: S704 - callers give sanitised prose or markup of our own


class Templates:
    """The templates of a workspace: `folders` in the order in which they are searched."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._environment = _Sandbox(
            loader=_Folders(self._folders),
            autoescape=jinja2.select_autoescape(("html", "svg", "xml"), default=False),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters.update(FILTERS)

    def render(self, name: str, /, **context: object) -> str:
        """Render the template `name` (e.g. email.html, site/index.html) with these values.

        Raises TemplateError for a missing file, wrong syntax, an undefined variable, a failing expression, or more
        output than anybody reads.
        """
        try:
            return "".join(_bounded(self._environment.get_template(name).generate(context)))
        except _FAULTS_IN_A_TEMPLATE as fault:
            raise _template_error(fault, name, self._folders, context) from fault

    def read(self, name: str) -> str:
        """Return a template's own text unrendered, e.g. a style sheet; raises TemplateError."""
        try:
            return _read(self._folders, name)[1]
        except jinja2.TemplateError as fault:
            raise _template_error(fault, name, self._folders, {}) from fault


class _TooMuch(jinja2.TemplateRuntimeError):
    """The template writes or computes without end."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja bounds ranges by itself; this bounds the two operators that make much out of little."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Compute `left * right` or `left ** right` unless the result is beyond all use."""
        if operator == "**":
            too_much = isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > _MOST_BITS
        else:
            many, times = (left, right) if isinstance(left, Sized) else (right, left)
            too_much = isinstance(many, Sized) and isinstance(times, int) and len(many) * times > MOST_CHARACTERS
        if too_much:
            raise _TooMuch(f"{operator} makes too much")
        return super().call_binop(context, operator, left, right)


def _bounded(pieces: Iterable[str]) -> Iterator[str]:
    written = 0
    for number, piece in enumerate(pieces):
        written += len(piece)
        if written > MOST_CHARACTERS or number > MOST_PIECES:
            raise _TooMuch("there is no end to what it writes")
        yield piece


class _Folders(jinja2.BaseLoader):
    """Loads by comparing the text itself: a time stamp misses edits within one tick and new, shadowing files."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        found = _read(self._folders, template)

        def unchanged() -> bool:
            try:
                return _read(self._folders, template) == found
            except jinja2.TemplateNotFound:
                return False

        return found[1], str(found[0]), unchanged


class _NotText(jinja2.TemplateSyntaxError):
    """The template's bytes are not UTF-8."""


def _read(folders: Iterable[Path], name: str) -> tuple[Path, str]:
    if ".." in PurePosixPath(name).parts or name.startswith("/"):
        raise jinja2.TemplateNotFound(name)
    for folder in folders:
        path = folder / name
        if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            continue
        try:
            return path, path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            line = fault.object.count(b"\n", 0, fault.start) + 1
            raise _NotText(str(fault), line, name, str(path)) from fault
    raise jinja2.TemplateNotFound(name)


def _template_error(
    fault: Exception, name: str, folders: tuple[Path, ...], context: dict[str, object]
) -> TemplateError:
    path, line = _place(fault, name, folders)
    what, remedy = _explain(fault, context)
    problem = Problem(path=path, line=line, what=what, remedy=remedy)
    refused = wording("模板有误，没有生成任何内容。", "A template was refused; nothing was rendered.")
    return TemplateError(refused, problems=[problem])


def _place(fault: Exception, name: str, folders: tuple[Path, ...]) -> tuple[str, int | None]:
    if isinstance(fault, jinja2.TemplateSyntaxError):
        return _shown(fault.filename or fault.name or name, folders), fault.lineno
    for frame in reversed(traceback.extract_tb(fault.__traceback__)):
        if any(Path(frame.filename).is_relative_to(folder) for folder in folders):
            return _shown(frame.filename, folders), frame.lineno
    return f"templates/{name}", None


def _shown(filename: str, folders: tuple[Path, ...]) -> str:
    for folder in folders:
        if Path(filename).is_relative_to(folder):
            return (Path(folder.name) / Path(filename).relative_to(folder)).as_posix()
    return filename


def _explain(fault: Exception, context: dict[str, object]) -> tuple[Wording, Wording]:
    match fault:
        case _NotText():
            return (
                wording("文件不是 UTF-8 编码", "the file is not UTF-8"),
                wording("在编辑器中另存为 UTF-8", "save it as UTF-8 in your editor"),
            )
        case jinja2.TemplateNotFound():
            return (
                wording(f"找不到模板“{fault.name}”", f"template {fault.name!r} does not exist"),
                wording(
                    "检查 include 或 extends 的文件名；文件须在 templates 文件夹内",
                    "check the name in include or extends; the file must lie in the templates folder",
                ),
            )
        case jinja2.TemplateSyntaxError():
            return (
                wording(f"模板语法错误：{fault.message}", f"template syntax: {fault.message}"),
                wording("检查这一行的 {% %} 和 {{ }} 是否成对", "check that {% %} and {{ }} pair up in this line"),
            )
        case _TooMuch() | MemoryError():
            return (
                wording("模板写出或算出的内容多得没有尽头", "the template makes more than anybody could read"),
                wording(
                    "检查循环、range 和 *：是否嵌套或多写了几个零",
                    "check the loops, range and *: nested, or a zero too many",
                ),
            )
        case jinja2.UndefinedError():
            return _explain_undefined(str(fault), context)
        case _:
            return (
                wording(f"这一行算不出结果：{fault}", f"this line fails: {fault}"),
                wording("检查这一行的表达式", "check the expression in this line"),
            )


def _explain_undefined(message: str, context: dict[str, object]) -> tuple[Wording, Wording]:
    match = _UNDEFINED.search(message)
    name = (match["name"] or match["attribute"]) if match else message
    near = difflib.get_close_matches(name, context, n=1)
    return (
        wording(f"变量“{name}”没有定义", f"variable {name!r} is undefined"),
        wording(f"是否想写 {near[0]}？", f"did you mean {near[0]}?")
        if near
        else wording(
            "检查拼写；可用的变量见 docs/reference/templates.md",
            "check the spelling; docs/reference/templates.md lists the variables",
        ),
    )
