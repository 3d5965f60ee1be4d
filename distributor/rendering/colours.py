"""Section colours that can be read, on light paper and on dark.

Pure. The colour a section is given (by the config or by its place) enters; four colours leave, each text colour
with a contrast of at least 4.5 to 1 on every ground it stands on (WCAG 2.2 §1.4.3).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from distributor.config.model import Section
from distributor.identifiers import SectionId

LIGHT_PAPER = "#ffffff"
DARK_PAPER = "#1b201e"
ENOUGH_CONTRAST = 4.5
DEFAULT_COLOURS = ("#b5471b", "#1d5fa6", "#1f7a4d", "#6a4fa3", "#8f6200", "#4b5d70")
"""Rust, blue, green, violet, ochre, slate: for sections in order, again from the start after the sixth."""

_TINT = 0.09
_DARK_TINT = 0.16
_STEP = 0.04

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """One section's colours as `#rrggbb`: `text` on `tint` or white, `dark_text` on `dark_tint` or dark paper."""

    text: str
    tint: str
    dark_text: str
    dark_tint: str


def section_colours(sections: Iterable[Section]) -> Mapping[SectionId, Colours]:
    """Return the colours of every section, its own where the config names one."""
    return {
        section.id: colours_of(section.colour or DEFAULT_COLOURS[place % len(DEFAULT_COLOURS)])
        for place, section in enumerate(sections)
    }


def colours_of(colour: str) -> Colours:
    """Return readable colours of that hue: a colour too pale for white paper is darkened until it can be read."""
    tint = _mix(LIGHT_PAPER, colour, _TINT)
    dark_tint = _mix(DARK_PAPER, colour, _DARK_TINT)
    return Colours(
        text=_until_readable(colour, on=(LIGHT_PAPER, tint), towards="#000000"),
        tint=tint,
        dark_text=_until_readable(colour, on=(DARK_PAPER, dark_tint), towards="#ffffff"),
        dark_tint=dark_tint,
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _until_readable(colour: str, *, on: tuple[str, str], towards: str) -> str:
    share = 0.0
    while any(contrast(shade := _mix(colour, towards, share), ground) < ENOUGH_CONTRAST for ground in on):
        share = min(1.0, share + _STEP)
    return shade


def _mix(ground: str, colour: str, share: float) -> str:
    pairs = zip(_rgb(ground), _rgb(colour), strict=True)
    return "#" + "".join(f"{round(under + (over - under) * share):02x}" for under, over in pairs)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _rgb(colour: str) -> Rgb:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return (float(red), float(green), float(blue))
