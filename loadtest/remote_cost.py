"""What a target elsewhere costs, asked of any page of Prometheus that tells of its process, while a run lasts."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from loadtest.exposition import read
from loadtest.resources import summarize
from reports.records import CostSample, TargetCost

__all__ = ["Reading", "Scraper", "cost_of", "fetch"]

_INTERVAL_SECONDS = 1.0
_PATIENCE_SECONDS = 2.0
_LONGEST_PAGE = 4 * 2**20
_CPU = ("process_cpu_seconds_total", "process_cpu_seconds")
_MEMORY = ("process_resident_memory_bytes",)
_DESCRIPTORS = ("process_open_fds",)
_THREADS = ("process_threads", "process_num_threads", "jvm_threads_current", "go_threads")
_START = ("process_start_time_seconds",)
_NOTHING = TargetCost(cpu_percent_mean=0.0, cpu_percent_max=0.0, rss_bytes_max=0)


@dataclass(frozen=True, slots=True)
class Reading:
    """One page, or why there was none (`problem`). `at` is in seconds of the measurement."""

    at: float
    cpu: float | None = None
    rss: int = 0
    fds: int | None = None
    threads: int | None = None
    started: float | None = None
    problem: str = ""


def fetch(url: str, at: float) -> Reading:
    """Read the page; a page that cannot be had is a reading as well."""
    request = urllib.request.Request(url, headers={"accept": "text/plain"})  # noqa: S310 - http(s), see `Scraper`
    try:
        with _direct.open(request, timeout=_PATIENCE_SECONDS) as response:
            metrics = read(response.read(_LONGEST_PAGE).decode("utf-8", "replace"))
    except (OSError, urllib.error.URLError, ValueError) as problem:
        return Reading(at, problem=str(problem) or type(problem).__name__)
    cpu = _first(metrics, _CPU)
    if cpu is None:
        return Reading(at, problem=f"the page has no {_CPU[0]}")
    counts = [_first(metrics, names) for names in (_MEMORY, _DESCRIPTORS, _THREADS)]
    rss, fds, threads = (None if each is None else int(each) for each in counts)
    return Reading(at, cpu, rss or 0, fds, threads, _first(metrics, _START))


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy: what is asked is beside the target."""


def _first(metrics: dict[str, float], names: Iterable[str]) -> float | None:
    return next((metrics[name] for name in names if name in metrics), None)


class Scraper:
    """Reads a page once a second, in a thread of its own, from `start` to `stop`. Raises ValueError for no http URL."""

    def __init__(self, url: str, fetched: Callable[[str, float], Reading] = fetch) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no http:// or https:// URL")
        self.url = url
        self.readings: list[Reading] = []
        self._fetch = fetched
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin with the measurement."""
        self._thread.start()

    def stop(self) -> TargetCost | None:
        """End with the measurement; return what the target cost, None if the measurement never began."""
        if not self._thread.is_alive() and not self.readings:
            return None
        self._ended.set()
        self._thread.join(2 * _PATIENCE_SECONDS)
        return cost_of(self.url, tuple(self.readings))

    def _run(self) -> None:
        began = time.monotonic()
        while True:
            # Its time is that of the answer: the page tells of the moment at which it was made.
            reading = self._fetch(self.url, time.monotonic() - began)
            self.readings.append(reading)
            if self._ended.wait(_INTERVAL_SECONDS):
                self.readings.append(self._fetch(self.url, time.monotonic() - began))
                return


def cost_of(url: str, readings: tuple[Reading, ...]) -> TargetCost:
    """Return what readings tell, with the gaps between them."""
    spans = list(_spans([each for each in readings if each.cpu is not None]))
    used = sum((end.cpu or 0.0) - (begin.cpu or 0.0) for begin, end in spans)
    seconds = sum(end.at - begin.at for begin, end in spans)
    cost = summarize(_sample(*span) for span in spans) or _NOTHING
    return msgspec.structs.replace(
        cost,
        cpu_percent_mean=100 * used / seconds if seconds else 0.0,
        cpu_seconds=used if spans else None,
        source=url,
        gaps=tuple(_gaps(readings)),
    )


def _spans(good: list[Reading]) -> Iterator[tuple[Reading, Reading]]:
    """Yield the readings that follow each other and tell of one process: another one's counter begins anew."""
    for before, reading in pairwise(good):
        if _same(before, reading) and reading.at > before.at:
            yield before, reading


def _same(before: Reading, reading: Reading) -> bool:
    return (reading.cpu or 0.0) >= (before.cpu or 0.0) and reading.started == before.started


def _sample(before: Reading, reading: Reading) -> CostSample:
    return CostSample(
        second=reading.at,
        cpu_percent=100 * ((reading.cpu or 0.0) - (before.cpu or 0.0)) / (reading.at - before.at),
        rss_bytes=reading.rss,
        fds=reading.fds,
        threads=reading.threads,
    )


def _gaps(readings: tuple[Reading, ...]) -> Iterator[str]:
    failed = [each for each in readings if each.problem]
    if failed:
        times = ", ".join(f"{each.at:.0f}" for each in failed[:10])
        yield f"{len(failed)} of {len(readings)} readings failed (at second {times}): {failed[0].problem}"
    good = [each for each in readings if each.cpu is not None]
    for before, reading in pairwise(good):
        if not _same(before, reading):
            yield f"another process answered from second {reading.at:.0f} on"
