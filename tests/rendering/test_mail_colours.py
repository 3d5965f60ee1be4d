import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.config.model import Section
from distributor.identifiers import SectionId
from distributor.rendering.colours import (
    DARK_PAPER,
    DEFAULT_COLOURS,
    ENOUGH_CONTRAST,
    LIGHT_PAPER,
    colours_of,
    contrast,
    section_colours,
)
from tests.rendering.mails import SECTIONS

ANY_COLOUR = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("colour", DEFAULT_COLOURS)
def test_default_colours_are_used_as_they_are(colour: str) -> None:
    assert colours_of(colour).text == colour


@given(ANY_COLOUR)
def test_any_colour_can_be_read_on_light_and_on_dark(colour: str) -> None:
    made = colours_of(colour)

    pairs = [
        (made.text, LIGHT_PAPER),
        (made.text, made.tint),
        (made.dark_text, DARK_PAPER),
        (made.dark_text, made.dark_tint),
    ]
    assert all(contrast(*pair) >= ENOUGH_CONTRAST for pair in pairs)


def test_sections_get_distinct_colours_in_order() -> None:
    colours = section_colours(SECTIONS)

    assert [colours[section.id].text for section in SECTIONS] == list(DEFAULT_COLOURS)


def test_colour_of_the_config_wins() -> None:
    section = Section(id=SectionId("policy"), title="政策", colour="#123456")

    assert section_colours([section])[section.id].text == "#123456"


def test_seventh_section_starts_again() -> None:
    sections = [Section(id=SectionId(f"s{place}"), title="栏") for place in range(7)]

    colours = section_colours(sections)

    assert colours[sections[6].id] == colours[sections[0].id]
