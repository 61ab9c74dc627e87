"""A trend as one page that works offline: a table of runs, and a chart for verdicts and each operation under load."""

from collections.abc import Callable, Iterator, Sequence

from markupsafe import Markup

from reports.charts import Chart, Line, Tick, draw, tabulate
from reports.html import asset, environment, policy
from reports.rows import Load
from reports.severity import Severity
from reports.trend import COLUMNS, Moment, operations_of
from reports.units import figures, milliseconds, percentiles, throughput

__all__ = ["render_trend"]

_MOST_TICKS = 6
_LATENCIES = (("p50", "first"), ("p99", "second"))


def render_trend(moments: Sequence[Moment]) -> str:
    """Return the page. Charts are drawn where there are two runs at least, and a value in one of them."""
    charts = list(_charts(moments)) if len(moments) > 1 else []
    style = asset("report.css")
    script = asset("charts.js") + asset("scheme.js")
    return (
        environment()
        .get_template("trend.html.j2")
        .render(
            moments=moments,
            columns=COLUMNS,
            charts=[(chart, draw(chart), tabulate(chart)) for chart in charts if _has_values(chart)],
            unmeasured=[chart.title for chart in charts if not _has_values(chart)],
            worse=sum(bool(moment.worse) for moment in moments),
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own files
            policy=policy(style=style, script=script),
        )
    )


def _charts(moments: Sequence[Moment]) -> Iterator[Chart]:
    counted: tuple[tuple[str, str, Severity], ...] = (
        ("violations", "bad", "violation"),
        ("warnings", "second", "warning"),
    )
    if any(moment.judged is not None for moment in moments):
        lines = [(name, style, [float(m.counts.get(kind, 0)) for m in moments]) for name, style, kind in counted]
        yield _chart("Violations and warnings", moments, lines, figures)
        judged = [None if moment.judged is None else 100 * moment.judged for moment in moments]
        yield _chart(
            "Checks that could be judged", moments, [("judged", "first", judged)], lambda value: f"{value:.0f} %"
        )
    for scenario, operation in operations_of(moments):
        loads = [moment.load(scenario, operation) for moment in moments]
        latencies = [(name, style, [_latency(load, name) for load in loads]) for name, style in _LATENCIES]
        yield _chart(f"{scenario}, {operation}: latency", moments, latencies, milliseconds)
        rates = [None if load is None else throughput(load) for load in loads]
        yield _chart(
            f"{scenario}, {operation}: throughput",
            moments,
            [("a second", "first", rates)],
            lambda value: f"{figures(value)}/s",
        )


def _has_values(chart: Chart) -> bool:
    return any(value is not None for line in chart.lines for _, value in line.points)


def _latency(load: Load | None, name: str) -> float | None:
    return None if load is None else percentiles(load)[name]


def _chart(
    title: str,
    moments: Sequence[Moment],
    lines: Sequence[tuple[str, str, Sequence[float | None]]],
    say: Callable[[float], str],
) -> Chart:
    last = len(moments) - 1
    step = max(1, round(last / _MOST_TICKS))
    return Chart(
        title=title,
        lines=tuple(
            Line(name, style, tuple((float(index), value) for index, value in enumerate(values)))
            for name, style, values in lines
        ),
        say_y=say,
        say_x=lambda index: f"{moments[round(index)].started} {moments[round(index)].name}",
        ticks_x=tuple(
            Tick(float(index), f"{moments[index].run.header.started:%m-%d}") for index in range(0, last + 1, step)
        ),
    )
