from pathlib import PurePosixPath

import pytest

from distributor.content.findings import Objection
from distributor.content.model import Reference
from distributor.content.references import parse_reference, reference_text


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("财政部 | http://a.example/", Reference(name="财政部", url="http://a.example/")),
        ("财政部｜https://a.example/x?y=1#z", Reference(name="财政部", url="https://a.example/x?y=1#z")),
        ("来信 | mailto:a@example.com", Reference(name="来信", url="mailto:a@example.com")),
        ("甲 | 乙 | http://a.example/", Reference(name="甲 | 乙", url="http://a.example/")),
        ("http://a.example/", Reference(name="http://a.example/", url="http://a.example/")),
        ("目标表 | files/a.csv", Reference(name="目标表", file=PurePosixPath("files/a.csv"))),
    ],
)
def test_reference_is_a_name_and_a_target(text: str, reference: Reference) -> None:
    assert parse_reference(text) == reference


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "gopher://a.example/",
        "ftp://a.example/",
        "C:\\x.doc",
        "../x.doc",
        "/etc/passwd",
        "%2e%2e/x.doc",
        "www.example.com",
        "example.com/x",
        "//example.com/x",
        "http：//a.example/",
        "http://",
        "http://[::1",
        "http://a.example:x/",
        "http://a.example/ b",
        "http://a.example/<script>",
        'http://a.example/"onclick=',
        "mailto:nobody",
        "http://a.example/" + "x" * 2000,
        "",
    ],
)
def test_target_that_must_not_go_out_is_refused(target: str) -> None:
    assert isinstance(parse_reference(f"名称 | {target}"), Objection)


def test_bar_without_a_name_is_refused() -> None:
    assert isinstance(parse_reference(" | http://a.example/"), Objection)


def test_written_form_is_read_back() -> None:
    reference = Reference(name="目标表", file=PurePosixPath("files/a.csv"))

    assert parse_reference(reference_text(reference)) == reference
