"""Whether a server can do its work now: probes of what it depends on, such as a database."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

__all__ = ["Probe", "Readiness"]

_logger = logging.getLogger("reference_impl.server")

Probe = Callable[[], Awaitable[object]]
"""Looks whether something is there: False, or an exception, means that it is not."""


class Readiness:
    """Asks all probes side by side, each for `timeout` seconds at most.

    What they said holds for `lifetime` seconds: whoever asks in a hurry asks us, and not the database. What one meets
    is logged when it fails first. Add probes when the server is made, or in its lifespan; one that is added under a
    name that is there replaces the other.
    """

    def __init__(
        self, timeout: float = 2.0, lifetime: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._timeout, self._lifetime, self._clock = timeout, lifetime, clock
        self._probes: dict[str, Probe] = {}
        self._asking: asyncio.Task[dict[str, bool]] | None = None
        self._asked = 0.0
        self._failed: frozenset[str] = frozenset()

    def add(self, name: str, probe: Probe) -> None:
        """Depend on what `probe` looks for."""
        self._probes[name] = probe
        self._asking = None

    def remove(self, name: str) -> None:
        """Depend on it no more."""
        self._probes.pop(name, None)
        self._asking = None

    async def checks(self) -> dict[str, bool]:
        """Return each name with whether it is there."""
        if not self._probes:
            return {}
        task = self._asking
        fresh = task is not None and (not task.done() or self._clock() - self._asked < self._lifetime)
        if task is None or not fresh or task.cancelled() or task.get_loop() is not asyncio.get_running_loop():
            self._asked = self._clock()
            task = self._asking = asyncio.get_running_loop().create_task(self._ask())
        return dict(await asyncio.shield(task))

    async def _ask(self) -> dict[str, bool]:
        probes = dict(self._probes)
        answers = await asyncio.gather(*(self._one(name, probe) for name, probe in probes.items()))
        checks = dict(zip(probes, answers, strict=True))
        self._failed = frozenset(name for name, there in checks.items() if not there)
        return checks

    async def _one(self, name: str, probe: Probe) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                return await probe() is not False
        except Exception as error:  # whatever the probe meets, it is not there
            if name not in self._failed:
                _logger.warning("not ready: %s: %s", name, type(error).__name__, exc_info=error)
            return False
