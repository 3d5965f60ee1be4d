"""Charts: a chart's values as table rows, and drawn as one self-contained SVG.

Pure. Mail and feeds show the rows, the archive shows the drawing. The SVG carries no script, no id and no style
sheet, takes text and axes from `currentColor` so that it reads on light and dark paper, tells its lines apart by
marker as well as colour (WCAG 2.2 §1.4.1), and is the same bytes for the same chart.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from distributor.content.model import Chart
from distributor.rendering.plaintext import width_of

SERIES_COLOURS = ("#c2571a", "#2f7fd1", "#2a9157", "#8f6bd1", "#997a00", "#6f8296", "#c94f7c", "#16909a")
"""At least 3 to 1 against white and against dark paper (WCAG 2.2 §1.4.11); from the start after the eighth."""

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 40, 64
_FONT = 13
_LEGEND_LINE = 22
_TICKS = 5
_LABEL_GAP = 14
_ISO_DATE = re.compile(r"(?P<year>\d{4})-(?P<day>\d{2}-\d{2})", re.ASCII)
_MOST_DECIMALS = 4
_LABELLED_BARS = 16


def chart_to_table(chart: Chart) -> tuple[tuple[str, ...], ...]:
    """Return the chart's values as rows of written numbers, the head row first; the first cell names its row.

    The table is turned so that it is rather long than wide; a gap in the data is an empty cell.
    """
    labels, year = _short_labels(chart.labels)
    corner = f"{chart.x_title} {year}".strip()
    names = tuple(series.name or chart.y_title for series in chart.series)
    values = _written_values(chart)
    if len(names) <= len(labels):
        return ((corner, *names), *zip(labels, *values, strict=True))
    return ((corner, *labels), *((name, *row) for name, row in zip(names, values, strict=True)))


def chart_to_svg(chart: Chart, title: str) -> str:
    """Return the chart as an <svg> element; `title` is its name for screen readers and tooltips."""
    frame = _frame(chart)
    parts = [*_axes(chart, frame), *_marks(chart, frame), *_legend(chart, frame)]
    name = escape(title, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {frame.height}" width="{_WIDTH}" '
        f'height="{frame.height}" role="img" aria-label="{name}" font-size="{_FONT}" '
        f'fill="currentColor"><title>{name}</title>{"".join(parts)}</svg>'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """The drawing's measures: values and label places to points, y growing downward."""

    low: float
    high: float
    step: float
    places: int
    legend: tuple[tuple[float, float], ...]
    height: int

    @property
    def right(self) -> float:
        return _WIDTH - _RIGHT

    @property
    def bottom(self) -> float:
        return _HEIGHT - _BOTTOM

    @property
    def band(self) -> float:
        return (self.right - _LEFT) / max(1, self.places)

    def x(self, place: int) -> float:
        return _LEFT + self.band * (place + 0.5)

    def y(self, value: float) -> float:
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - _TOP)

    def ticks(self) -> Iterator[float]:
        for index in range(round((self.high - self.low) / self.step) + 1):
            yield self.low + index * self.step


def _frame(chart: Chart) -> _Frame:
    known = [value for series in chart.series for value in series.values if value is not None] or [0.0]
    least, most = min(known), max(known)
    if chart.kind == "bar":
        least, most = min(least, 0.0), max(most, 0.0)
    if least == most:
        least, most = least - 1, most + 1
    step = _nice_step((most - least) / _TICKS)
    legend, lines = _legend_places(chart)
    return _Frame(
        low=math.floor(least / step + 1e-9) * step,
        high=math.ceil(most / step - 1e-9) * step,
        step=step,
        places=len(chart.labels),
        legend=legend,
        height=_HEIGHT + lines * _LEGEND_LINE,
    )


def _nice_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next((nice * power for nice in (1, 2, 2.5, 5) if nice * power >= rough), 10 * power)


def _axes(chart: Chart, frame: _Frame) -> Iterator[str]:
    decimals = _decimals(tuple(frame.ticks()))
    for value in frame.ticks():
        y = frame.y(value)
        faint = 0.55 if math.isclose(value, 0, abs_tol=frame.step / 1e6) or value == frame.low else 0.16
        yield _line(_LEFT, y, frame.right, y, f'stroke="currentColor" stroke-opacity="{faint}"')
        yield _text(_LEFT - 8, y + 4.5, _number(value, decimals), "end")
    labels, year = _short_labels(chart.labels)
    widest = max((_text_width(label) for label in labels), default=0)
    every = max(1, math.ceil((widest + _LABEL_GAP) / frame.band))
    for place in range(0, len(labels), every):
        yield _text(frame.x(place), frame.bottom + 20, labels[place], "middle")
    yield _text(_LEFT - 44, 20, chart.y_title, "start")
    yield _text(frame.right, frame.bottom + 44, f"{chart.x_title} {year}".strip(), "end")


def _marks(chart: Chart, frame: _Frame) -> Iterator[str]:
    draw = _bars if chart.kind == "bar" else _lines
    yield from draw(chart, frame)


def _lines(chart: Chart, frame: _Frame) -> Iterator[str]:
    for index, series in enumerate(chart.series):
        colour = _colour(index)
        points = [
            None if value is None else (frame.x(place), frame.y(value)) for place, value in enumerate(series.values)
        ]
        for run in _runs(points):
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.2"/>'
        for point, value, label in zip(points, series.values, chart.labels, strict=True):
            if point is not None and value is not None:
                tip = escape(f"{series.name} {label} {_number(value, _decimals((value,)))}".strip())
                yield f'<g fill="{colour}"><title>{tip}</title>{_marker(index, *point)}</g>'


def _bars(chart: Chart, frame: _Frame) -> Iterator[str]:
    count = max(1, len(chart.series))
    width = frame.band * 0.72 / count
    labelled = count * len(chart.labels) <= _LABELLED_BARS
    values = _written_values(chart)
    for index, series in enumerate(chart.series):
        for place, value in enumerate(series.values):
            if value is None:
                continue
            x = frame.x(place) + (index - count / 2) * width
            top, foot = sorted((frame.y(value), frame.y(0.0)))
            written = values[index][place]
            tip = escape(f"{series.name} {chart.labels[place]} {written}".strip())
            yield (
                f'<rect x="{x + 1:.1f}" y="{top:.1f}" width="{max(1.0, width - 2):.1f}" '
                f'height="{foot - top:.1f}" fill="{_colour(index)}"><title>{tip}</title></rect>'
            )
            if labelled:
                yield _text(x + width / 2, top - 6 if value >= 0 else foot + 16, written, "middle")


def _legend(chart: Chart, frame: _Frame) -> Iterator[str]:
    for index, (x, y) in enumerate(frame.legend):
        yield f'<g fill="{_colour(index)}">{_marker(index, x + 6, y - 4.5)}</g>'
        yield _text(x + 18, y, chart.series[index].name, "start")


def _legend_places(chart: Chart) -> tuple[tuple[tuple[float, float], ...], int]:
    """Return where each legend entry starts, and how many lines they take; none for a single series."""
    if len(chart.series) < 2:
        return (), 0
    places: list[tuple[float, float]] = []
    x, line = float(_LEFT), 0
    for series in chart.series:
        wide = _text_width(series.name) + 40
        if x > _LEFT and x + wide > _WIDTH - _RIGHT:
            x, line = float(_LEFT), line + 1
        places.append((x, _HEIGHT + 6 + line * _LEGEND_LINE))
        x += wide
    return tuple(places), line + 1


def _runs(points: Sequence[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    run: list[tuple[float, float]] = []
    for point in (*points, None):
        if point is not None:
            run.append(point)
        elif run:
            yield run
            run = []


def _marker(index: int, x: float, y: float) -> str:
    return _MARKERS[index % len(_MARKERS)](x, y)


def _polygon(*corners: tuple[float, float]) -> Callable[[float, float], str]:
    def draw(x: float, y: float) -> str:
        points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
        return f'<polygon points="{points}"/>'

    return draw


def _circle(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


_MARKERS = (
    _circle,
    _polygon((-3.7, -3.7), (3.7, -3.7), (3.7, 3.7), (-3.7, 3.7)),
    _polygon((0, -5), (4.6, 3.6), (-4.6, 3.6)),
    _polygon((0, -5.2), (5.2, 0), (0, 5.2), (-5.2, 0)),
    _polygon((0, 5), (4.6, -3.6), (-4.6, -3.6)),
)


def _written_values(chart: Chart) -> tuple[tuple[str, ...], ...]:
    known = tuple(value for series in chart.series for value in series.values if value is not None)
    decimals = _decimals(known)
    return tuple(
        tuple("" if value is None else _number(value, decimals) for value in series.values) for series in chart.series
    )


def _decimals(values: Sequence[float]) -> int:
    needed = (len(f"{value:.{_MOST_DECIMALS}f}".rstrip("0").partition(".")[2]) for value in values)
    return max(needed, default=0)


def _number(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}"


def _short_labels(labels: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Return labels without the year when all are days of one year, and that year; else as they are."""
    dates = [_ISO_DATE.fullmatch(label) for label in labels]
    years = {date["year"] for date in dates if date}
    if len(years) != 1 or not all(dates):
        return tuple(labels), ""
    return tuple(date["day"] for date in dates if date), years.pop()


def _colour(index: int) -> str:
    return SERIES_COLOURS[index % len(SERIES_COLOURS)]


def _text_width(text: str) -> float:
    return width_of(text) * _FONT / 2 + 1


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(left: float, top: float, right: float, bottom: float, look: str) -> str:
    return f'<line x1="{left:.1f}" y1="{top:.1f}" x2="{right:.1f}" y2="{bottom:.1f}" {look}/>'
