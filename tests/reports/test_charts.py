"""Charts are well-formed SVG that says in words what it shows."""

import math
import re
import xml.etree.ElementTree as ET

import pytest

from reports.charts import Chart, Line, Tick, draw, round_steps, tabulate, thin

SECONDS = (Tick(0, "0 s"), Tick(2, "2 s"))


def chart(*points: tuple[float, float | None], **options: object) -> Chart:
    return Chart(
        "Latency",
        (Line("p50", "first", points),),
        lambda y: f"{y:.2f} ms",
        lambda x: f"second {x:g}",
        SECONDS,
        **options,
    )


def parsed(shown: Chart) -> ET.Element:
    return ET.fromstring(draw(shown))


def test_a_chart_says_in_words_what_it_shows() -> None:
    assert parsed(chart((0, 1.0), (1, 5.0), (2, 2.0))).get("aria-label") == "Latency: p50 from 1.00 ms to 5.00 ms"


def test_higher_values_are_drawn_higher() -> None:
    line = parsed(chart((0, 1.0), (1, 5.0), (2, 2.0))).find("polyline").get("points").split()
    heights = [float(point.split(",")[1]) for point in line]
    assert heights[1] < heights[2] < heights[0]


def test_a_gap_parts_the_line() -> None:
    assert len(parsed(chart((0, 1.0), (1, None), (2, 2.0))).findall("polyline")) == 2


def test_each_moment_says_its_values() -> None:
    titles = [title.text for title in parsed(chart((0, 1.0), (1, None), (2, 2.0))).iter("title")]
    assert titles == ["second 0: p50 1.00 ms", "second 2: p50 2.00 ms"]


def test_axes_are_labelled_as_short_as_can_be() -> None:
    labels = [label.text for label in parsed(chart((0, 1.0), (2, 100.0), logarithmic=True)).findall("text")]
    assert labels == ["1 ms", "10 ms", "100 ms", "0 s", "2 s"]


def test_a_narrow_range_is_not_drawn_logarithmically() -> None:
    labels = [label.text for label in parsed(chart((0, 1.0), (2, 4.0), logarithmic=True)).findall("text")]
    assert labels[:3] == ["0 ms", "1 ms", "2 ms"]


@pytest.mark.parametrize("points", [[], [(0, 0.0)], [(0, None), (1, None)], [(5, 3.0)], [(0, 0.0), (1, 1e12)]])
@pytest.mark.parametrize("logarithmic", [True, False])
def test_values_without_a_range_are_drawn_too(points: list[tuple[float, float | None]], logarithmic: bool) -> None:
    drawn = draw(chart(*points, logarithmic=logarithmic))
    ET.fromstring(drawn)
    assert not re.search(r"\b(nan|inf)\b", drawn)


def test_names_are_escaped() -> None:
    line = Line('</title><script>"', "first", ((0, 1.0), (1, 2.0)))
    drawn = draw(Chart("<b>", (line,), str, str, ()))
    assert "<script" not in drawn
    assert "<b>" not in drawn


@pytest.mark.parametrize("high", [0.0007, 0.3, 1, 7, 59, 100, 12_345, 3e9])
def test_steps_are_few_and_reach_the_top(high: float) -> None:
    steps = round_steps(high)
    assert steps[0] == 0
    assert 3 <= len(steps) <= 6
    assert steps[-1] >= high > steps[-2] * 0.999
    assert math.isclose(steps[1] * (len(steps) - 1), steps[-1])


def test_a_long_series_is_thinned_without_losing_its_peak() -> None:
    points = [(float(second), 900.0 if second == 3000 else 1.0) for second in range(3600)]
    thinned = thin(points, max)
    assert len(thinned) == 240
    assert max(y for _, y in thinned if y is not None) == 900.0
    assert thin([(0.0, None), (1.0, None)], max) == ((0.0, None), (1.0, None))


def test_what_was_found_is_marked_and_said() -> None:
    marked = parsed(chart((0, 1.0), (2, 2.0), marks=(Tick(1, "knee 1/s"), Tick(9, "beyond"))))
    assert "knee 1/s" in marked.get("aria-label")
    assert [(each.tag, each.text) for each in marked.iterfind("*[@class='mark']")] == [
        ("line", None),
        ("text", "knee 1/s"),
    ]


def test_values_stand_in_a_table_for_those_who_do_not_see_the_chart() -> None:
    table = ET.fromstring(tabulate(chart((0, 1.0), (1, None), (2, 2.0))))
    assert table.find("caption").text == "Latency"
    assert [[cell.text for cell in row] for row in table.find("tbody")] == [
        ["second 0", "1.00 ms"],
        ["second 2", "2.00 ms"],
    ]


def test_of_a_long_series_the_table_has_twelve_rows_from_end_to_end() -> None:
    table = ET.fromstring(tabulate(chart(*((float(second), 1.0) for second in range(240)))))
    rows = [row.find("th").text for row in table.find("tbody")]
    assert table.find("caption").text == "Latency, at 12 of 240 places"
    assert (len(rows), rows[0], rows[-1]) == (12, "second 0", "second 239")


def test_a_line_without_a_value_where_another_has_one_says_so() -> None:
    lines = (Line("p99", "second", ((0, 3.0), (1, 4.0))), Line("p50", "first", ((0, 1.0), (1, None))))
    rows = ET.fromstring(tabulate(Chart("Latency", lines, str, str, ()))).find("tbody")
    assert [cell.text for cell in rows[1]] == ["1", "4.0", "none"]
