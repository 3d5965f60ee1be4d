"""The colours of the shared style sheet: readable, and the same in the mail's dark mode."""

import re
from collections.abc import Mapping

import pytest

from distributor.rendering.colours import DARK_PAPER, ENOUGH_CONTRAST, LIGHT_PAPER, contrast
from tests.rendering.publications import templates

SHEET = templates().read("theme.css")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))
    for block in SHEET.split("@media (prefers-color-scheme: dark)")
)
GROUNDS = {
    "ink": ("page", "paper", "wash"),
    "soft": ("page", "paper"),
    "link": ("paper", "wash"),
    "on-brand": ("brand",),
    "on-brand-soft": ("brand",),
}


@pytest.mark.parametrize("mode", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), [(text, ground) for text, on in GROUNDS.items() for ground in on])
def test_text_can_be_read_on_every_ground(mode: Mapping[str, str], text: str, ground: str) -> None:
    assert contrast(mode[text], mode[ground]) >= ENOUGH_CONTRAST


def test_papers_are_those_that_section_colours_are_made_for() -> None:
    assert (LIGHT["paper"], DARK["paper"]) == (LIGHT_PAPER, DARK_PAPER)


def test_mail_in_dark_mode_has_the_colours_of_the_theme() -> None:
    kept = templates().read("email.html").split('data-css-inline="keep"')[1].split("</style>")[0]

    assert set(re.findall(r"#[0-9a-f]{6}", kept)) <= set(DARK.values())
