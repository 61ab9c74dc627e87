"""The latencies of load runs as a HistogramLog (HdrHistogram's format V1.3), for its own tools and any other reader.

One line a second and operation, tagged with the operation: seconds since the load began, how long the interval was, the
highest value in milliseconds, and the corrected latencies in microseconds as a compressed histogram.
"""

import re
from collections.abc import Iterable, Iterator

from reports.histogram import HistogramError, decode
from reports.rows import Load
from reports.store import Run

__all__ = ["render_hlog"]

_LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def render_hlog(run: Run) -> str:
    """Return the load of `run` as a HistogramLog; one without intervals where there was none."""
    started = run.header.started
    head = (
        "#[Histogram log format version 1.3]",
        f"#[Touchstone {run.header.touchstone}: corrected latencies in microseconds, timestamps since the load began]",
        f"#[StartTime: {started.timestamp():.3f} (seconds since epoch), {started.isoformat()}]",
        _LEGEND,
    )
    intervals = sorted(_intervals(_apart(run.loads)), key=lambda interval: interval[0])
    return "\n".join([*head, *(line for _, line in intervals)]) + "\n"


def _apart(loads: Iterable[Load]) -> Iterator[Load]:
    """Leave out the sum of operations that are there themselves: a reader who adds up all lines must get each once."""
    by_scenario: dict[str, list[Load]] = {}
    for load in loads:
        by_scenario.setdefault(load.scenario, []).append(load)
    for whole, *parts in by_scenario.values():
        operations = [part for part in parts if part.series]
        yield from operations or [whole]


def _intervals(loads: Iterable[Load]) -> Iterator[tuple[float, str]]:
    for load in loads:
        seconds = [(float(each.second), 1.0, each.histogram) for each in load.series if each.histogram]
        for begin, length, histogram in seconds or [(0.0, load.seconds, load.corrected.histogram)]:
            try:
                highest = max((bucket.value for bucket in decode(histogram)), default=None)
            except HistogramError:
                continue
            if highest is not None:
                tag = re.sub(r"[\s,]+", "_", load.operation)
                yield begin, f"Tag={tag},{begin:.3f},{length:.3f},{highest / 1000:.3f},{histogram}"
