"""What processes cost, read from the system."""

import os
import subprocess
import sys

from loadtest.resources import ProcessTrees, summarize
from reports.records import CostSample


def test_a_tree_counts_its_descendants_and_not_its_past() -> None:
    trees = ProcessTrees([os.getpid()])
    assert trees.sample(0.0) is None
    alone = trees.sample(1.0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        both = trees.sample(2.0)
        child.communicate(b"\n")
    assert alone is not None
    assert both is not None
    assert alone.cpu_percent < 100
    assert both.rss_bytes > alone.rss_bytes > 1_000_000
    assert (both.fds or 0) > 0
    assert (both.threads or 0) > (alone.threads or 0)


def test_a_process_that_is_gone_costs_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    trees = ProcessTrees([child.pid])
    assert [trees.sample(at) for at in (0.0, 1.0)] == [None, None]
    assert summarize([]) is None


def test_a_series_is_summed_up_by_its_mean_and_its_peaks() -> None:
    cost = summarize(
        CostSample(second=at, cpu_percent=cpu, rss_bytes=rss, fds=fds, threads=2)
        for at, cpu, rss, fds in ((1.0, 10.0, 500, 7), (2.0, 30.0, 400, None))
    )
    assert cost is not None
    assert (cost.cpu_percent_mean, cost.cpu_percent_max) == (20.0, 30.0)
    assert cost.cpu_seconds == 0.4
    assert (cost.rss_bytes_max, cost.fds_max, cost.threads_max) == (500, 7, 2)
