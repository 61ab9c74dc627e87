"""The charts of a load run: latency and throughput by second, the whole distribution, and what it cost the target."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from reports.charts import Chart, Line, Tick, draw, round_steps, tabulate, thin
from reports.histogram import HistogramError, decode, quantiles
from reports.rows import Latency, Load, LoadJudgement, TargetCost
from reports.trend_line import Trend, trend_of
from reports.units import figures, milliseconds, size

_NINES = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn chart with its title, what to know about it, and (name, style) of each line."""

    title: str
    note: str
    legend: tuple[tuple[str, str], ...]
    drawing: Markup
    table: Markup


def figures_of(load: Load) -> tuple[Figure, ...]:
    """Return the charts of one operation."""
    return tuple(_of_operation(load))


def figures_of_cost(cost: TargetCost, judgements: Iterable[LoadJudgement] = ()) -> tuple[Figure, ...]:
    """Return the charts of what the target spent; none where that was not sampled.

    Where it was judged whether memory is left behind, the trend of it is drawn, too.
    """
    if len(cost.series) < 2:
        return ()
    seconds = [sample.second for sample in cost.series]
    cpu = tuple((sample.second, sample.cpu_percent) for sample in cost.series)
    memory = tuple((sample.second, sample.rss_bytes / 2**20 if sample.rss_bytes else None) for sample in cost.series)
    resident = Line("resident", "second", thin(memory, max), filled=True)
    judged = any("memory" in each.name and each.holds is not None for each in judgements)
    trend = trend_of(memory) if judged else None
    return (
        _figure(
            Chart(
                "CPU of the target",
                (Line("CPU", "first", thin(cpu, fmean), filled=True),),
                _percent,
                _second,
                _seconds(seconds),
            ),
            "100 % is one core",
        ),
        _figure(
            Chart(
                "Memory of the target",
                (resident,) if trend is None else (resident, _trend(trend, resident)),
                _mebibytes,
                _second,
                _seconds(seconds),
            ),
            "resident, its whole process tree"
            + ("" if trend is None else "; the trend is that of its lowest values after a warm-up"),
        ),
    )


def _trend(trend: Trend, line: Line) -> Line:
    name = f"trend {'+' if trend.slope >= 0 else '-'}{size(abs(trend.slope) * 2**20)} a second"
    return Line(name, "other", tuple((at, max(0.0, trend.at(at))) for at, _ in line.points if at >= trend.begin))


def _of_operation(load: Load) -> Iterator[Figure]:
    if sum(point.valid for point in load.curve) > 1:
        yield _figure(_curve(load), "by the throughput that was reached; a step that is no result is left out")
    if len(load.series) > 1:
        yield _figure(
            _latency_by_second(load),
            "of what ended in each second, from its intended start"
            if load.model == "open"
            else "of what ended in each second",
        )
        yield _figure(_throughput_by_second(load), "operations completed in each second")
    distribution = _distribution(load)
    if distribution is not None:
        yield _figure(distribution, "how slow the slowest are; each step to the right is ten times rarer")


def _figure(chart: Chart, note: str) -> Figure:
    return Figure(
        chart.title, note, tuple((line.name, line.style) for line in chart.lines), draw(chart), tabulate(chart)
    )


def _latency_by_second(load: Load) -> Chart:
    median = tuple((float(row.second), row.p50) for row in load.series)
    slow = tuple((float(row.second), row.p99) for row in load.series)
    lines = (Line("p99", "second", thin(slow, max)), Line("p50", "first", thin(median, max)))
    return Chart(
        "Latency", lines, milliseconds, _second, _seconds([row.second for row in load.series]), logarithmic=True
    )


def _curve(load: Load) -> Chart:
    steps = sorted((point.throughput, point) for point in load.curve if point.valid)
    slow = Line("p99", "second", tuple((reached, point.p99) for reached, point in steps))
    median = Line("p50", "first", tuple((reached, point.p50) for reached, point in steps))
    ticks = tuple(Tick(at, f"{at:,.10g}/s") for at in round_steps(steps[-1][0] if steps else 1.0, 5))
    marks = tuple(_found(load))
    return Chart("Latency by throughput", (slow, median), milliseconds, _rate, ticks, logarithmic=True, marks=marks)


def _found(load: Load) -> Iterator[Tick]:
    """Yield what a search found, at the throughput that was reached there."""
    found = load.capacity
    if found is None:
        return
    if found.knee is not None:
        yield Tick(found.knee, f"knee {_rate(found.knee)}")
    reached = [point.throughput for point in load.curve if point.met and point.valid and point.rate == found.rate]
    if found.rate is not None and reached:
        bound = "at least " if found.at_least else ""
        yield Tick(max(reached), f"capacity {bound}{_rate(found.rate)}")


def _rate(value: float) -> str:
    return f"{figures(value)}/s"


def _throughput_by_second(load: Load) -> Chart:
    done = thin(tuple((float(row.second), float(row.completed)) for row in load.series), fmean)
    lines = [Line("completed", "first", done, filled=True)]
    if load.counts.failed:
        failed = thin(tuple((float(row.second), float(row.failed)) for row in load.series), fmean)
        lines.append(Line("failed", "bad", failed))
    return Chart("Throughput", tuple(lines), _count, _second, _seconds([row.second for row in load.series]))


def _distribution(load: Load) -> Chart | None:
    lines = [Line("from the intended start" if load.uncorrected else "latency", "first", _tail(load.corrected))]
    if load.uncorrected is not None:
        lines.insert(0, Line("from sending", "other", _tail(load.uncorrected)))
    reach = max(x for line in lines for x, _ in line.points)
    ticks = tuple(Tick(_rarity(share), _nines(share)) for share in _NINES if _rarity(share) <= reach)
    return Chart("Distribution", tuple(lines), milliseconds, _say_rarity, ticks, logarithmic=True)


def _tail(latency: Latency) -> tuple[tuple[float, float], ...]:
    """Points (rarity, milliseconds): of all values where the histogram can be read, else of the percentiles."""
    try:
        buckets = decode(latency.histogram)
    except HistogramError:
        buckets = ()
    if not buckets:
        found = latency.percentiles
        known = ((0.5, found.p50), (0.9, found.p90), (0.95, found.p95), (0.99, found.p99), (0.999, found.p99_9))
        return tuple((_rarity(share), value) for share, value in known)
    total = sum(bucket.count for bucket in buckets)
    kept: dict[float, float] = {}
    for share, value in quantiles(buckets):
        # The slowest has nothing beyond it: it stands where one of all the values is.
        rarity = math.log10(total) if share >= 1 else _rarity(share)
        kept[round(rarity, 2)] = value / 1000
    return tuple(sorted(kept.items()))


def _rarity(share: float) -> float:
    """0 for all, 1 for the slowest tenth, 2 for the slowest hundredth."""
    return -math.log10(1 - share)


def _say_rarity(rarity: float) -> str:
    return f"{figures_of_share(1 - 10**-rarity)} are faster"


def figures_of_share(fraction: float) -> str:
    """Return a fraction near one in percent, with one figure after its last nine: `50 %`, `99 %`, `99.95 %`."""
    decimals = max(0, math.ceil(-math.log10(max(1 - fraction, 1e-9))) - 1)
    percent = f"{fraction * 100:.{decimals}f}"
    return f"{percent.rstrip('0').rstrip('.') if decimals else percent} %"


def _nines(share: float) -> str:
    return f"{share * 100:.10g} %"


def _seconds(seconds: list[int] | list[float]) -> tuple[Tick, ...]:
    span = max(seconds) - min(seconds)
    return tuple(Tick(min(seconds) + step, f"{step:g} s") for step in round_steps(span, 5) if step <= span)


def _second(second: float) -> str:
    return f"second {second:g}"


def _mebibytes(value: float) -> str:
    return f"{figures(value)} MiB"


def _percent(value: float) -> str:
    return f"{value:.0f} %"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == round(value) else figures(value)
