"""The curves of one mode as an SVG that stands by itself: throughput across, p99 upwards, both logarithmic."""

from __future__ import annotations

import math
from collections.abc import Iterator

from markupsafe import Markup, escape

from loadtest.benchmarks.comparison.cases import LIBRARIES, Mode
from loadtest.benchmarks.comparison.results import Results
from loadtest.benchmarks.comparison.tables import open_runs, titled
from reports.charts import HEIGHT, WIDTH, Chart, Line, Tick, draw
from reports.units import milliseconds

__all__ = ["curves"]

_COLOURS = ("#0b7285", "#c2255c", "#e8590c", "#6741d9", "#2b8a3e", "#846358")
"""One for each library, in their order; each tells from white and from black."""
_STYLE = """
text { font: 11px system-ui, sans-serif; fill: #868e96; }
.grid { stroke: #868e96; stroke-opacity: .3; } .cross { display: none; } .hit { fill: transparent; }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round; }
"""
_TITLE, _ROW, _COLUMN = 24, 16, WIDTH // 3


def curves(results: Results, mode: Mode) -> str:
    """Return the chart; an empty string where there is nothing to draw."""
    lines = list(_lines(results, mode))
    if not lines:
        return ""
    chart = Chart(
        f"{mode.title}: p99 by calls answered a second",
        tuple(line for _, line in lines),
        milliseconds,
        lambda power: f"{10**power:,.0f} calls/s",
        tuple(_ticks([at for _, line in lines for at, _ in line.points])),
        logarithmic=True,
    )
    return _standing_alone(
        draw(chart), chart.title, [(number, titled(results, LIBRARIES[number])) for number, _ in lines]
    )


def _lines(results: Results, mode: Mode) -> Iterator[tuple[int, Line]]:
    for number, library in enumerate(LIBRARIES):
        runs = sorted(open_runs(results, library, mode), key=lambda run: run.throughput)
        points = tuple((math.log10(run.throughput), run.p99) for run in runs if run.throughput and run.p99 is not None)
        if points:
            # A line of one point is drawn as a dot only if it goes somewhere: to itself.
            yield number, Line(titled(results, library), f"line{number}", points * 2 if len(points) == 1 else points)


def _ticks(places: list[float]) -> Iterator[Tick]:
    """Yield a mark at 1, 2 and 5 of each power of ten."""
    for power in range(math.floor(min(places)), math.ceil(max(places)) + 1):
        for digit in (1, 2, 5):
            yield Tick(power + math.log10(digit), f"{digit * 10**power:,}")


def _standing_alone(drawn: Markup, title: str, libraries: list[tuple[int, str]]) -> str:
    """Return the drawing with colours, a title and a legend of its own."""
    colours = "".join(f".line{number} {{ stroke: {colour}; }}\n" for number, colour in enumerate(_COLOURS))
    legend = "".join(_named(place, number, name) for place, (number, name) in enumerate(libraries))
    height = _TITLE + HEIGHT + _ROW * (1 + math.ceil(len(libraries) / 3))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH * 1.6:.0f}">\n'
        f"<style>{_STYLE}{colours}</style>\n"
        f'<text x="{WIDTH / 2:.0f}" y="15" text-anchor="middle">{escape(title)}</text>\n'
        f'<svg y="{_TITLE}" width="{WIDTH}" height="{HEIGHT}">{drawn}</svg>\n{legend}</svg>\n'
    )


def _named(place: int, number: int, title: str) -> str:
    across, down = 12 + place % 3 * _COLUMN, _TITLE + HEIGHT + _ROW * (1 + place // 3)
    return (
        f'<line class="line line{number}" x1="{across}" x2="{across + 16}" y1="{down - 4}" y2="{down - 4}"/>'
        f'<text x="{across + 21}" y="{down}">{escape(title)}</text>\n'
    )
