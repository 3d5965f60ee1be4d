from pathlib import Path

import pytest

from distributor.errors import TemplateError
from distributor.rendering.templates import Templates, trusted


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    return folder


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    folder = tmp_path / "defaults"
    folder.mkdir()
    return folder


def fault(templates: Templates, name: str, **context: object) -> str:
    with pytest.raises(TemplateError) as caught:
        templates.render(name, **context)
    return caught.value.text("zh")


def test_workspace_template_wins_over_the_packaged_one(own: Path, packaged: Path) -> None:
    (packaged / "a.html").write_text("packaged")
    (own / "a.html").write_text("own")

    assert Templates([own, packaged]).render("a.html") == "own"


def test_packaged_template_serves_where_the_workspace_has_none(own: Path, packaged: Path) -> None:
    (packaged / "a.html").write_text("packaged")

    assert Templates([own, packaged]).render("a.html") == "packaged"


def test_changed_template_shows_at_the_next_render(own: Path) -> None:
    (own / "a.txt").write_text("one")
    templates = Templates([own])
    templates.render("a.txt")

    (own / "a.txt").write_text("two")

    assert templates.render("a.txt") == "two"


def test_template_that_appears_in_the_workspace_takes_over_at_once(own: Path, packaged: Path) -> None:
    (packaged / "a.txt").write_text("packaged")
    templates = Templates([own, packaged])
    templates.render("a.txt")

    (own / "a.txt").write_text("own")

    assert templates.render("a.txt") == "own"


def test_changed_include_shows_at_the_next_render(own: Path) -> None:
    (own / "a.html").write_text('{% include "b.css" %}')
    (own / "b.css").write_text("one")
    templates = Templates([own])
    templates.render("a.html")

    (own / "b.css").write_text("two")

    assert templates.render("a.html") == "two"


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.xml"])
def test_markup_languages_escape_by_themselves(own: Path, name: str) -> None:
    (own / name).write_text("{{ text }}{{ made }}")

    rendered = Templates([own]).render(name, text="<b>&", made=trusted("<i>"))

    assert rendered == "&lt;b&gt;&amp;<i>"


def test_plain_text_is_not_escaped(own: Path) -> None:
    (own / "a.txt").write_text("{{ text }}")

    assert Templates([own]).render("a.txt", text="<b>&") == "<b>&"


def test_wrong_syntax_names_file_and_line(own: Path) -> None:
    (own / "a.html").write_text("one\n{% for x in %}\n")

    assert fault(Templates([own]), "a.html").startswith("templates/a.html:2: 模板语法错误")


def test_undefined_variable_names_its_line_and_the_near_miss(own: Path) -> None:
    (own / "a.html").write_text("\n\n{{ subjekt }}")

    text = fault(Templates([own]), "a.html", subject="x")

    assert text.startswith("templates/a.html:3: 变量“subjekt”没有定义 → 是否想写 subject？")


def test_undefined_attribute_is_a_fault_too(own: Path) -> None:
    (own / "a.html").write_text("{{ issue.datum }}")

    assert "变量“datum”没有定义" in fault(Templates([own]), "a.html", issue={"date": 1})


def test_fault_inside_an_include_names_the_included_file(own: Path) -> None:
    (own / "a.html").write_text('{% include "site/b.html" %}')
    (own / "site").mkdir()
    (own / "site" / "b.html").write_text("\n{{ nothing }}")

    assert fault(Templates([own]), "a.html").startswith("templates/site/b.html:2:")


def test_missing_include_is_named(own: Path) -> None:
    (own / "a.html").write_text('x\n{% include "gone.html" %}')

    assert fault(Templates([own]), "a.html").startswith("templates/a.html:2: 找不到模板“gone.html”")


def test_missing_template_is_named(own: Path) -> None:
    assert "templates/gone.html: 找不到模板“gone.html”" in fault(Templates([own]), "gone.html")


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "site/../../secret.txt"])
def test_nothing_outside_the_folders_is_read(own: Path, name: str) -> None:
    (own.parent / "secret.txt").write_text("secret")
    (own / "a.txt").write_text(f'{{% include "{name}" %}}')

    assert "找不到模板" in fault(Templates([own]), "a.txt")


def test_link_that_leaves_the_folder_is_not_followed(own: Path) -> None:
    (own.parent / "secret.txt").write_text("secret")
    (own / "a.txt").symlink_to(own.parent / "secret.txt")

    assert "找不到模板" in fault(Templates([own]), "a.txt")


def test_bytes_that_are_not_utf8_name_their_line(own: Path) -> None:
    (own / "a.html").write_bytes(b"one\n" + "中文".encode("gb18030"))

    assert fault(Templates([own]), "a.html").startswith("templates/a.html:2: 文件不是 UTF-8 编码 → ")


def test_byte_order_mark_of_an_editor_is_no_text(own: Path) -> None:
    (own / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo")

    assert Templates([own]).render("a.txt") == "one\ntwo"


@pytest.mark.parametrize("escape", ["''.__class__", "words.__init__", "trusted.append(1)"])
def test_templates_are_sandboxed(own: Path, escape: str) -> None:
    (own / "a.txt").write_text("{{ " + escape + ".x }}")

    fault(Templates([own]), "a.txt", words=object(), trusted=[])


def test_failing_expression_names_its_line(own: Path) -> None:
    (own / "a.txt").write_text("\n{{ 1 // zero }}")

    assert fault(Templates([own]), "a.txt", zero=0).startswith("templates/a.txt:2: 这一行算不出结果")


def test_template_can_be_read_unrendered(own: Path) -> None:
    (own / "a.css").write_text("{{ x }}")

    assert Templates([own]).read("a.css") == "{{ x }}"


def test_reading_a_missing_template_is_a_template_error(own: Path) -> None:
    with pytest.raises(TemplateError):
        Templates([own]).read("gone.css")


def test_template_that_vanishes_is_missed_at_the_next_render(own: Path) -> None:
    (own / "a.txt").write_text("one")
    templates = Templates([own])
    templates.render("a.txt")

    (own / "a.txt").unlink()

    assert "找不到模板“a.txt”" in fault(templates, "a.txt")


@pytest.mark.parametrize(
    "runaway",
    [
        '{{ "x" * 10**9 }}',
        "{{ 10**9 * [1] }}",
        "{{ 7 ** 10000000 }}",
        "{% for a in range(90000) %}{% for b in range(90000) %} {{ b }}{% endfor %}{% endfor %}",
        '{% for a in range(90000) %}{% for b in range(90000) %}{{ b and "" }}{% endfor %}{% endfor %}',
        '{% for a in range(300) %}{{ "x" * 90000 }}{% endfor %}',
        '{{ "{:100000000000000}".format(1) }}',
    ],
)
def test_runaway_template_ends_with_an_error_and_not_with_a_full_memory(own: Path, runaway: str) -> None:
    (own / "a.txt").write_text(runaway)

    assert "多得没有尽头" in fault(Templates([own]), "a.txt")


def test_multiplication_within_reason_is_computed(own: Path) -> None:
    (own / "a.txt").write_text('{{ "-" * 72 }} {{ 3 * "=" }} {{ 6 * 7 }} {{ 2 ** 10 }} {{ 1.5 ** 2 }}')

    assert Templates([own]).render("a.txt") == f"{'-' * 72} === 42 1024 2.25"


def test_runaway_expression_names_its_line(own: Path) -> None:
    (own / "a.txt").write_text('one\n{{ "x" * 10**9 }}\n')

    assert "templates/a.txt:2" in fault(Templates([own]), "a.txt")
