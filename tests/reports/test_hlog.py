"""A HistogramLog is read back by the library that defines it, with every value once."""

from pathlib import Path

import msgspec
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from reports.histogram import decode, encode
from reports.hlog import render_hlog
from reports.records import LoadSecond, Run

WIDE = (1, 3_600_000_000, 3)


def with_seconds(run: Run, *operations: dict[int, dict[int, int]]) -> Run:
    """Return the run with these operations, each as seconds of microseconds with their counts, behind their sum."""
    like = run.loads[0]
    rows = [
        msgspec.structs.replace(
            like,
            operation=f"call, number {number}",
            series=tuple(
                LoadSecond(second=second, completed=1, failed=0, histogram=encode(values, WIDE[1]))
                for second, values in seconds.items()
            ),
        )
        for number, seconds in enumerate(operations)
    ]
    return Run(header=run.header, loads=(like, *rows))


def read_back(text: str, folder: Path) -> list[HdrHistogram]:
    path = folder / "run.hlog"
    path.write_text(text, "utf-8")
    reader = HistogramLogReader(str(path), HdrHistogram(*WIDE))
    found = []
    while (histogram := reader.get_next_interval_histogram()) is not None:
        found.append(histogram)
    reader.close()
    return found


def test_each_second_of_each_operation_is_read_back_with_its_tag_in_the_order_of_time(
    sample_run: Run, tmp_path: Path
) -> None:
    run = with_seconds(sample_run, {0: {1000: 5}, 1: {2000: 3}}, {0: {7: 1}})
    found = read_back(render_hlog(run), tmp_path)
    assert [(each.get_tag(), each.get_total_count()) for each in found] == [
        ("call_number_0", 5),
        ("call_number_1", 1),
        ("call_number_0", 3),
    ]
    assert [round(each.get_max_value() / 1000) for each in found] == [1, 0, 2]


def test_records_without_seconds_give_one_interval_with_everything(sample_run: Run, tmp_path: Path) -> None:
    load = sample_run.loads[0]
    (found,) = read_back(render_hlog(Run(header=sample_run.header, loads=(load,))), tmp_path)
    assert found.get_total_count() == sum(bucket.count for bucket in decode(load.corrected.histogram))


def test_a_run_without_load_is_a_log_without_intervals(sample_run: Run, tmp_path: Path) -> None:
    text = render_hlog(Run(header=sample_run.header))
    assert text.startswith("#[Histogram log format version 1.3]\n")
    assert read_back(text, tmp_path) == []
