"""What a run costs while it lasts: the target's processes, or its page, and the generator's own processor."""

from __future__ import annotations

import contextlib
import time

import psutil

from loadtest.remote_cost import Scraper
from loadtest.reporting import Started
from loadtest.resources import ProcessTrees, processor_seconds, summarize
from reports.records import CostSample, TargetCost

__all__ = ["INTERVAL", "Meter"]

INTERVAL = 0.25
"""Seconds between two samples."""


class Meter:
    """Measures the target's processes and the generator's own while a measurement lasts."""

    def __init__(self, generator: int, target: int | None, metrics: str | None) -> None:
        self._generator = generator
        self._scraper = None if metrics is None else Scraper(metrics)
        self._target = target
        self._trees: ProcessTrees | None = None
        self._began = self._next = 0.0
        self._used = 0.0
        self.cpu_percent = 0.0
        self._series: list[CostSample] = []
        self._cost: TargetCost | None = None

    def switch(self, report: Started) -> None:
        """Begin or end with the measurement."""
        if report.measuring:
            self.start(report.target_pids)
        else:
            self.stop()

    def start(self, pids: tuple[int, ...]) -> None:
        """Begin with the measurement; `pids` are the processes that the run started."""
        self._trees = ProcessTrees(pids or (() if self._target is None else (self._target,)))
        self._began = self._next = time.monotonic()
        self._used = self._processor()
        if self._scraper is not None:
            self._scraper.start()
        self.sample()

    def sample(self) -> None:
        """Take a sample if one is due."""
        now = time.monotonic()
        if self._trees is None or now < self._next:
            return
        self._next = now + INTERVAL
        used = self._processor()
        if now > self._began:
            self.cpu_percent = 100 * (used - self._used) / (now - self._began)
        cost = self._trees.sample(now - self._began)
        if cost is not None:
            self._series.append(cost)

    def stop(self) -> None:
        """End with the measurement."""
        if self._trees is None:
            return
        self._next = 0.0
        self.sample()
        self._trees = None
        self._cost = summarize(self._series) if self._scraper is None else self._scraper.stop()

    def cost(self) -> TargetCost | None:
        """Return what the target cost, None if nothing is known."""
        self.stop()
        return self._cost

    def _processor(self) -> float:
        with contextlib.suppress(psutil.Error):
            return processor_seconds(psutil.Process(self._generator)) or self._used
        return self._used
