"""Line charts as inline SVG: no script needed to see them, no request made, colours left to the style sheet.

Every number in the output is one of ours and every text is escaped, so the result is safe `Markup`.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 460, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 10, 10, 26
_INNER_WIDTH, _INNER_HEIGHT = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

# From this ratio on, the small values of a linear axis lie flat on the ground.
_WIDE = 25.0
_MOST_POINTS = 240
_MOST_ROWS = 12

Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """A named line; `style` is its class in the style sheet. A point whose y is None is a gap."""

    name: str
    style: str
    points: tuple[Point, ...]
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis, at a value of the data."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw: lines that share their x values, how to say a y and an x, the ticks of the x axis, and the `marks`,
    which stand for what was found at an x: a line from top to bottom that says its label."""

    title: str
    lines: tuple[Line, ...]
    say_y: Callable[[float], str]
    say_x: Callable[[float], str]
    ticks_x: tuple[Tick, ...]
    logarithmic: bool = False
    marks: tuple[Tick, ...] = ()

    @property
    def said(self) -> str:
        """The chart in words, for those who do not see it."""
        spans = []
        for line in self.lines:
            values = [y for _, y in line.points if y is not None]
            if values:
                spans.append(f"{line.name} from {self.say_y(min(values))} to {self.say_y(max(values))}")
        return f"{self.title}: {'; '.join([*spans, *(mark.label for mark in self.marks)]) or 'no values'}"


@dataclass(frozen=True, slots=True)
class _Scale:
    """Maps values between `low` and `high` to 0 to 1."""

    low: float
    high: float
    logarithmic: bool = False

    def of(self, value: float) -> float:
        if self.logarithmic:
            return math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def draw(chart: Chart) -> Markup:
    """Return `chart` as an `<svg>` element."""
    x, y, ticks = _scales(chart)
    body = Markup("").join(
        [
            *(_tick_y(tick, y) for tick in ticks),
            *(_tick_x(tick, x) for tick in chart.ticks_x if x.low <= tick.at <= x.high),
            *(_line(line, x, y) for line in chart.lines),
            *(_mark(mark, row, x) for row, mark in enumerate(chart.marks) if x.low <= mark.at <= x.high),
            Markup('<line class="cross" y1="{}" y2="{}" hidden="hidden"></line>').format(_TOP, _TOP + _INNER_HEIGHT),
            *_hits(chart, x),
        ]
    )
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, chart.said, body
    )


def tabulate(chart: Chart) -> Markup:
    """Return the values of `chart` as a `<table>` for those who do not see it: of a long series, some of all along."""
    columns = [{x: y for x, y in line.points if y is not None} for line in chart.lines]
    places = sorted(set().union(*columns))
    shown = _some(places)
    some = "" if len(shown) == len(places) else f", at {len(shown)} of {len(places)} places"
    cell, row = Markup("<td>{}</td>"), Markup('<tr><th scope="row">{}</th>{}</tr>')
    heads = Markup("").join(Markup('<th scope="col">{}</th>').format(line.name) for line in chart.lines)
    rows = Markup("").join(
        row.format(
            chart.say_x(at),
            Markup("").join(cell.format(chart.say_y(ys[at]) if at in ys else "none") for ys in columns),
        )
        for at in shown
    )
    return Markup("<table><caption>{}{}</caption><thead><tr><td></td>{}</tr></thead><tbody>{}</tbody></table>").format(
        chart.title, some, heads, rows
    )


def _some(places: Sequence[float]) -> list[float]:
    """Return all of few places; of many, those next to twelve that stand equally far apart."""
    if len(places) <= _MOST_ROWS:
        return list(places)
    first, step = places[0], (places[-1] - places[0]) / (_MOST_ROWS - 1)
    return sorted({min(places, key=lambda at: abs(at - first - index * step)) for index in range(_MOST_ROWS)})


def thin(points: Sequence[Point], choose: Callable[[Iterable[float]], float]) -> tuple[Point, ...]:
    """Return at most 240 points, each standing for as many neighbours, with the y that `choose` takes from theirs."""
    step = math.ceil(len(points) / _MOST_POINTS) or 1
    return tuple(_merged(points[start : start + step], choose) for start in range(0, len(points), step))


def _merged(points: Sequence[Point], choose: Callable[[Iterable[float]], float]) -> Point:
    values = [y for _, y in points if y is not None]
    return points[0][0], choose(values) if values else None


def round_steps(high: float, count: int = 4) -> list[float]:
    """Return about `count` round numbers from 0, the last of them not below `high`."""
    step = 10 ** math.floor(math.log10(high / count)) if high > 0 else 1.0
    step *= next((factor for factor in (1, 2, 2.5, 5, 10) if step * factor * count >= high), 10)
    return [step * index for index in range(math.ceil(high / step - 1e-9) + 1)] if high > 0 else [0.0, 1.0]


def _scales(chart: Chart) -> tuple[_Scale, _Scale, list[Tick]]:
    xs = [x for line in chart.lines for x, _ in line.points] or [0.0]
    ys = [y for line in chart.lines for _, y in line.points if y is not None] or [0.0]
    across = _Scale(min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1)
    positive = [y for y in ys if y > 0]
    if chart.logarithmic and positive and max(positive) / min(positive) > _WIDE:
        low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
        steps = [10.0**power for power in range(low, high + 1)]
    else:
        low, steps = 0, round_steps(max(ys))
    logarithmic = steps[0] > 0
    up = _Scale(steps[0], steps[-1], logarithmic)
    return across, up, [Tick(step, _shortest(chart.say_y(step))) for step in steps]


def _shortest(label: str) -> str:
    """Axes show round numbers: `1 ms` says as much as `1.00 ms`."""
    return re.sub(r"(\.\d*?)0+(?=\D|$)", lambda found: found[1].rstrip("."), label)


def _x(value: float, scale: _Scale) -> float:
    return round(_LEFT + scale.of(value) * _INNER_WIDTH, 1)


def _y(value: float, scale: _Scale) -> float:
    return round(_TOP + (1 - scale.of(value)) * _INNER_HEIGHT, 1)


def _tick_y(tick: Tick, scale: _Scale) -> Markup:
    height = _y(tick.at, scale)
    grid = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"></line>')
    label = Markup('<text class="tick" x="{}" y="{}" text-anchor="end" dominant-baseline="middle">{}</text>')
    return grid.format(_LEFT, WIDTH - _RIGHT, height, height) + label.format(_LEFT - 7, height, tick.label)


def _tick_x(tick: Tick, scale: _Scale) -> Markup:
    across = _x(tick.at, scale)
    anchor = "start" if across < _LEFT + 12 else "end" if across > WIDTH - _RIGHT - 16 else "middle"
    return Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        across, HEIGHT - 8, anchor, tick.label
    )


def _mark(mark: Tick, row: int, scale: _Scale) -> Markup:
    """Each mark says its label on a row of its own, on the side of it that has more room."""
    across = _x(mark.at, scale)
    left = across > _LEFT + _INNER_WIDTH / 2
    drawn = Markup('<line class="mark" x1="{0}" x2="{0}" y1="{1}" y2="{2}"></line>')
    label = Markup('<text class="mark" x="{}" y="{}" text-anchor="{}">{}</text>')
    return drawn.format(across, _TOP, _TOP + _INNER_HEIGHT) + label.format(
        across + (-5 if left else 5), _TOP + 11 + 16 * row, "end" if left else "start", mark.label
    )


def _line(line: Line, x: _Scale, y: _Scale) -> Markup:
    paths = [" ".join(f"{_x(at, x)},{_y(value, y)}" for at, value in run) for run in _runs(line.points)]
    drawn = Markup("").join(
        Markup('<polyline class="line {}" points="{}"></polyline>').format(line.style, path) for path in paths
    )
    if not line.filled:
        return drawn
    ground = _TOP + _INNER_HEIGHT
    return drawn + Markup("").join(
        Markup('<polygon class="area {}" points="{},{} {} {},{}"></polygon>').format(
            line.style, _x(run[0][0], x), ground, path, _x(run[-1][0], x), ground
        )
        for run, path in zip(_runs(line.points), paths, strict=True)
    )


def _runs(points: Iterable[Point]) -> Iterator[list[tuple[float, float]]]:
    """Yield the stretches without a gap."""
    run: list[tuple[float, float]] = []
    for at, value in points:
        if value is not None:
            run.append((at, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _hits(chart: Chart, scale: _Scale) -> Iterator[Markup]:
    """Yield one invisible bar for each x, which says the values there when it is pointed at."""
    columns: dict[float, list[str]] = {}
    for line in chart.lines:
        for at, value in line.points:
            if value is not None:
                columns.setdefault(at, []).append(f"{line.name} {chart.say_y(value)}")
    places = sorted(columns)
    edges = [_x(at, scale) for at in places]
    for index, at in enumerate(places):
        left = edges[index] if index == 0 else (edges[index - 1] + edges[index]) / 2
        right = edges[index] if index == len(edges) - 1 else (edges[index] + edges[index + 1]) / 2
        said = f"{chart.say_x(at)}: {', '.join(columns[at])}"
        yield Markup(
            '<rect class="hit" x="{:.1f}" y="{}" width="{:.1f}" height="{}" data-x="{}"><title>{}</title></rect>'
        ).format(left, _TOP, max(right - left, 1.0), _INNER_HEIGHT, edges[index], escape(said))
