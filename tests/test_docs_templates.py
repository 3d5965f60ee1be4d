"""What templates may use is documented, all of it and nothing else: files, variables, fields, filters, words.

Mails, pages and readers' pages of the sample are rendered by templates that remember what they were given.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from distributor.content.loader import load_issue
from distributor.editions import cut
from distributor.operations.clocks import SystemClock
from distributor.operations.workspace import Workspace, open_workspace
from distributor.rendering.archive import build_archive
from distributor.rendering.common import words
from distributor.rendering.mail import Press, render_edition
from distributor.rendering.masthead import Masthead
from distributor.rendering.model import Placeholders
from distributor.rendering.page_words import page_words
from distributor.rendering.published import with_files
from distributor.rendering.templates import FILTERS, Templates
from distributor.web.pages import Pages
from distributor.web.words import reader_words
from tests.documents import REFERENCE, ROOT, own_part, rows, section

TEMPLATES = REFERENCE / "templates.md"


class _Recorder(Templates):
    """Renders as ever and remembers what each template was given."""

    def __init__(self) -> None:
        super().__init__((ROOT / "templates",))
        self.given: dict[str, dict[str, Any]] = {}

    def render(self, name: str, /, **context: object) -> str:
        self.given.setdefault(name, {}).update(context)
        return super().render(name, **context)


@pytest.fixture(scope="module")
def recorder() -> _Recorder:
    """Mails, archive and readers' pages of the sample, rendered once."""
    recorder = _Recorder()
    opened = open_workspace(ROOT, SystemClock(), {})
    workspace = dataclasses.replace(opened, templates=recorder)
    loaded = [load_issue(ROOT / "content" / name, root=ROOT, sections=workspace.sections).issue for name in _ISSUES]
    issues = [one for one in loaded if one is not None]
    masthead = Masthead(publication=workspace.publication, sections=workspace.sections)
    build_archive([with_files(one, ROOT) for one in issues], masthead, recorder)
    edition = cut(issues[-1], None)
    assert edition is not None
    render_edition(edition, _press(workspace))
    Pages(workspace).rehearse()
    return recorder


_ISSUES = ("2015-056", "2015-055")


def _press(workspace: Workspace) -> Press:
    return Press(
        publication=workspace.publication,
        sections=workspace.sections,
        email=workspace.settings.email,
        site=workspace.site,
        templates=workspace.templates,
        placeholders=Placeholders(token="T" * 32, address="A" * 32),
    )


def _variables(name: str) -> set[str]:
    """Return the documented variables of a template, those it shares with others included."""
    own = set(rows(own_part(TEMPLATES, f"`{name}`")))
    if name.startswith("email") or name.endswith(".css"):
        return own
    own |= set(rows(own_part(TEMPLATES, "Every page")))
    return own | set(rows(own_part(TEMPLATES, "A reader's own pages"))) if name.startswith("web/") else own


def test_every_template_of_the_workspace_is_listed() -> None:
    listed = set(rows(section(TEMPLATES, "The files")))
    folder = ROOT / "templates"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    # Staff's own pages are listed as one: they belong to the program and are not meant to be changed.
    assert listed == {"web/preview/" if name.startswith("web/preview/") else name for name in names}


def test_every_variable_of_a_template_is_documented_and_no_other(recorder: _Recorder) -> None:
    assert {name: set(given) for name, given in recorder.given.items()} == {
        name: _variables(name) for name in recorder.given
    }


def _values(value: object) -> Iterator[object]:
    """Yield the value and everything inside it."""
    if isinstance(value, str | bytes):
        return
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _values(one)
    elif isinstance(value, Sequence | frozenset):
        for one in value:
            yield from _values(one)
    elif dataclasses.is_dataclass(value) or isinstance(value, BaseModel):
        yield value
        for name in _fields(value):
            yield from _values(getattr(value, name))


def _fields(value: object) -> set[str]:
    kind = type(value)
    given = kind.model_fields if issubclass(kind, BaseModel) else kind.__dataclass_fields__  # type: ignore[attr-defined]  # asked by the caller
    return set(given) | {name for name, member in vars(kind).items() if isinstance(member, property)}


def test_every_field_of_what_templates_see_is_documented_and_no_other(recorder: _Recorder) -> None:
    seen = {type(value).__name__.lstrip("_"): _fields(value) for value in _values(recorder.given)}

    assert {name: set(rows(own_part(TEMPLATES, f"`{name}`"))) for name in seen} == seen


def test_every_filter_is_documented() -> None:
    assert set(rows(section(TEMPLATES, "Filters"))) == set(FILTERS)


@pytest.mark.parametrize(
    ("title", "spoken"),
    [("Words", words), ("PageWords", page_words), ("ReaderWords", reader_words)],
)
def test_the_fixed_words_are_listed_as_they_are(title: str, spoken: Any) -> None:
    documented = rows(own_part(TEMPLATES, f"`{title}`"))

    for place, language in enumerate(("zh-CN", "en")):
        for name, value in _texts(spoken(language)):
            assert documented[name][place].strip("`").strip() == value.strip()


def _texts(spoken: Any) -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(spoken):
        value = getattr(spoken, field.name)
        if isinstance(value, str):
            yield field.name, value
