"""What docs/load-arrivals.md shows is so: its shapes are read, its command lines are one model each."""

import re
import shlex
from pathlib import Path

import pytest
import typer

import touchstone
from door.arriving import arrival_of
from door.options import Arrivals, LoadOptions
from loadtest.stages import parse_shape
from reports.rows import Latency, Percentiles
from reports.units import percentiles_of

PAGE = (Path(__file__).parent.parent / "docs" / "load-arrivals.md").read_text("utf-8")
LINES = re.findall(r"^touchstone load .*$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("line", LINES)
def test_each_command_line_asks_for_one_model(line: str) -> None:
    command = typer.main.get_command(touchstone.app).commands["load"]  # type: ignore[attr-defined] # a group
    given = command.make_context("load", shlex.split(line)[2:]).params
    names = ("rate", "users", "shape", "think", "warm_up", "duration", "find_capacity")
    arrivals = given["arrivals"] and Arrivals(given["arrivals"])
    assert arrival_of(LoadOptions(arrivals=arrivals, **{name: given[name] for name in names})).duration > 0


def test_the_shape_of_the_locustfile_is_read() -> None:
    (shape,) = re.findall(r'^    shape = "(.*)"$', PAGE, re.MULTILINE)
    assert parse_shape(shape).seconds == 90


@pytest.mark.parametrize(("name", "samples"), [("p50", 20), ("p99", 1000), ("p99.9", 10_000), ("p99.99", 100_000)])
def test_percentiles_are_told_from_as_many_samples_as_the_page_says(name: str, samples: int) -> None:
    assert f"{samples:,}" in PAGE
    one = Percentiles(p50=1.0, p90=1.0, p95=1.0, p99=1.0, p99_9=1.0, p99_99=1.0, max=1.0, mean=1.0)
    told = [percentiles_of(Latency(percentiles=one, samples=number))[name] for number in (samples - 1, samples)]
    assert told == [None, 1.0]
