"""What a target elsewhere costs: pages made, pages read, and what is missing between them."""

import os
import subprocess
import sys

import pytest

from loadtest.cost_page import CostPage, listener
from loadtest.exposition import read
from loadtest.live import serve_page
from loadtest.remote_cost import Reading, Scraper, cost_of, fetch

URL = "http://127.0.0.1:9464/metrics"


def reading(at: float, cpu: float, started: float = 1.0) -> Reading:
    return Reading(at, cpu, rss=1000 + int(at), fds=5, threads=2, started=started)


def test_the_cost_is_what_was_used_between_the_first_and_the_last_page() -> None:
    cost = cost_of(URL, tuple(reading(at, 10 + at / 2) for at in (0.0, 1.0, 2.0)))
    assert (cost.cpu_seconds, cost.cpu_percent_mean, cost.cpu_percent_max) == (1.0, 50.0, 50.0)
    assert (cost.rss_bytes_max, cost.fds_max, cost.threads_max, cost.gaps, cost.source) == (1002, 5, 2, (), URL)


def test_pages_that_failed_are_told_and_do_not_spoil_the_sum() -> None:
    cost = cost_of(URL, (reading(0.0, 1.0), Reading(1.0, problem="refused"), reading(3.0, 2.5)))
    assert cost.cpu_seconds == 1.5
    assert cost.gaps == ("1 of 3 readings failed (at second 1): refused",)


def test_another_process_in_its_place_begins_anew() -> None:
    cost = cost_of(URL, (reading(0.0, 9.0), reading(1.0, 9.5), reading(2.0, 0.1, started=2.0), reading(3.0, 0.2, 2.0)))
    assert cost.cpu_seconds == pytest.approx(0.6)
    assert cost.gaps == ("another process answered from second 2 on",)


def test_a_page_that_never_came_costs_nothing_known() -> None:
    cost = cost_of(URL, (Reading(0.0, problem="refused"),))
    assert (cost.cpu_seconds, cost.series) == (None, ())
    assert cost.gaps == ("1 of 1 readings failed (at second 0): refused",)


def test_what_the_exporter_serves_is_what_the_scraper_reads() -> None:
    page = CostPage(os.getpid())
    with serve_page(page, "127.0.0.1", 0) as port:
        found = fetch(f"http://127.0.0.1:{port}/metrics", 0.0)
        scraper = Scraper(f"http://127.0.0.1:{port}/metrics")
        scraper.start()
        cost = scraper.stop()
        assert listener(port) == os.getpid()
    assert found.problem == ""
    assert (found.cpu or 0) > 0
    assert found.rss > 1_000_000
    assert (found.threads or 0) > 0
    assert cost is not None
    assert cost.gaps == ()
    assert cost.cpu_seconds is not None


def test_a_tree_of_processes_is_one_page_and_an_ended_one_is_empty() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        page = CostPage(child.pid)
        assert read(page().decode())["touchstone_processes"] == 1.0
        child.communicate(b"\n")
    assert page() == b""


def test_a_page_of_something_else_is_a_problem() -> None:
    with serve_page(lambda: b"other 1\n", "127.0.0.1", 0) as port:
        found = fetch(f"http://127.0.0.1:{port}/metrics", 0.0)
    assert found.problem == "the page has no process_cpu_seconds_total"
    with pytest.raises(ValueError, match="is no http"):
        Scraper("file:///etc/passwd")
