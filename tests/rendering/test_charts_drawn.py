import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from distributor.content.model import Chart, ChartSeries
from distributor.rendering.charts import SERIES_COLOURS, chart_to_svg, chart_to_table
from distributor.rendering.colours import DARK_PAPER, LIGHT_PAPER, contrast
from tests.rendering.mails import line_chart

SVG = "{http://www.w3.org/2000/svg}"
VALUES = st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=12)


def bars(*values: float | None) -> Chart:
    labels = tuple(f"第{place}月" for place in range(len(values)))
    return line_chart(0, kind="bar", labels=labels, series=(ChartSeries(name="", values=values),))


def drawn(chart: Chart) -> etree._Element:
    return etree.fromstring(chart_to_svg(chart, "标题"))


def texts(chart: Chart) -> list[str]:
    return [found.text or "" for found in drawn(chart).iter(f"{SVG}text")]


def test_table_names_every_label_and_series() -> None:
    assert chart_to_table(line_chart(3)) == (
        ("日期 2015", "市场1", "市场2"),
        ("07-01", "21.0", "22.0"),
        ("07-02", "21.1", "22.1"),
        ("07-03", "21.2", "22.2"),
    )


def test_table_with_more_series_than_labels_is_turned() -> None:
    assert chart_to_table(line_chart(2, 3)) == (
        ("日期 2015", "07-01", "07-02"),
        ("市场1", "21.0", "21.1"),
        ("市场2", "22.0", "22.1"),
        ("市场3", "23.0", "23.1"),
    )


def test_labels_of_two_years_keep_their_year() -> None:
    chart = line_chart(0, labels=("2014-12-31", "2015-01-01"), series=(ChartSeries(name="甲", values=(1.0, 2.0)),))

    assert [row[0] for row in chart_to_table(chart)] == ["日期", "2014-12-31", "2015-01-01"]


def test_numbers_are_written_alike_and_gaps_are_empty() -> None:
    assert [row[1] for row in chart_to_table(bars(18650, 0.25, None, -3))] == [
        "收盘价", "18,650.00", "0.25", "", "-3.00",
    ]  # fmt: skip


def test_drawing_names_itself_and_holds_nothing_active() -> None:
    svg = chart_to_svg(line_chart(5), '行情 <"周">')
    root = etree.fromstring(svg)

    assert root.get("role") == "img"
    assert root.get("aria-label") == '行情 <"周">'
    assert not re.search(r"<script|<style|<image|href|\son\w+=|\sid=", svg)


def test_drawing_has_axis_titles_ticks_labels_and_legend() -> None:
    shown = texts(line_chart(5))

    assert {"收盘价", "日期 2015", "07-01", "07-05", "市场1", "市场2"} <= set(shown)
    assert [text for text in shown if text.endswith(".0")] == ["21.0", "22.0"]


def test_crowded_labels_are_thinned() -> None:
    shown = [text for text in texts(line_chart(31)) if text.startswith("07-")]

    assert shown[0] == "07-01"
    assert 5 < len(shown) < 16


def test_single_series_needs_no_legend() -> None:
    assert "市场1" not in texts(line_chart(3, 1))


def test_line_is_broken_where_a_value_is_missing() -> None:
    series = (ChartSeries(name="甲", values=(1.0, 2.0, None, 3.0, 4.0)),)

    assert len(list(drawn(line_chart(5, series=series)).iter(f"{SVG}polyline"))) == 2


def test_bars_stand_on_zero_and_carry_their_values() -> None:
    tall, low = drawn(bars(200, -50)).iter(f"{SVG}rect")

    assert float(tall.get("y")) + float(tall.get("height")) == pytest.approx(float(low.get("y")), abs=0.2)
    assert float(tall.get("height")) == pytest.approx(4 * float(low.get("height")), rel=0.01)
    assert {"200", "-50"} <= set(texts(bars(200, -50)))


def test_lines_differ_by_marker_as_well_as_colour() -> None:
    svg = chart_to_svg(line_chart(2, 5), "x")

    assert len(set(re.findall(r'<g fill="(#\w+)">', svg))) == 5
    assert svg.count("<circle") == 3


@pytest.mark.parametrize("colour", SERIES_COLOURS)
@pytest.mark.parametrize("paper", [LIGHT_PAPER, DARK_PAPER])
def test_series_colours_are_seen_on_both_papers(colour: str, paper: str) -> None:
    assert contrast(colour, paper) >= 3


@given(VALUES, st.sampled_from(["line", "bar"]))
def test_whatever_the_values_every_mark_is_inside_the_drawing(values: list[float | None], kind: str) -> None:
    labels = tuple(str(place) for place in range(len(values)))
    chart = line_chart(0, kind=kind, labels=labels, series=(ChartSeries(name="甲", values=tuple(values)),))
    root = drawn(chart)

    heights = [float(found.get("cy")) for found in root.iter(f"{SVG}circle")]
    tops = [float(found.get("y")) for found in root.iter(f"{SVG}rect")]
    assert all(0 <= height <= float(root.get("height")) for height in heights + tops)


def test_same_chart_gives_the_same_bytes() -> None:
    assert chart_to_svg(line_chart(7, 3), "x") == chart_to_svg(line_chart(7, 3), "x")


def test_chart_without_values_is_still_a_drawing() -> None:
    assert drawn(bars(None)).get("role") == "img"
