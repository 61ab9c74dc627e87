"""A circuit breaker: an upstream that fails again and again is left alone for a while, then tried with one call.

Closed: calls go through. Open: they are refused at once. Half open, once the rest is over: one goes through, and what
becomes of it closes the circuit or opens it anew.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Breaker", "CircuitOpenError"]


class CircuitOpenError(Exception):
    """Nothing is sent for now; `seconds` until a call may be tried."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"try again in {seconds:.1f} s")
        self.seconds = seconds


class Breaker:
    """Opens after `failures` in a row, for `rest` seconds of `clock`."""

    def __init__(self, failures: int, rest: float, clock: Callable[[], float]) -> None:
        self._most = failures
        self._rest = rest
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._probing = False

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        if self._opened is None:
            return "closed"
        return "half-open" if self._clock() - self._opened >= self._rest else "open"

    def enter(self) -> bool:
        """Ask to send something. Raises `CircuitOpenError`; otherwise one of the three below has to follow, and be told
        what this returned: whether the call is the trial of an open circuit."""
        if self._opened is None:
            return False
        left = self._opened + self._rest - self._clock()
        if left > 0 or self._probing:
            raise CircuitOpenError(max(left, 0.1))
        self._probing = True
        return True

    def succeeded(self, *, trial: bool) -> None:
        """The upstream answered as one that is well."""
        if not self._late(trial):
            self._failures, self._opened, self._probing = 0, None, False

    def failed(self, *, trial: bool) -> None:
        """It did not."""
        if self._late(trial):
            return
        self._failures += 1
        if trial or self._failures >= self._most:
            self._opened, self._probing = self._clock(), False

    def given_up(self, *, trial: bool) -> None:
        """Nobody waited for the answer: nothing was learned."""
        self._probing = self._probing and not trial

    def _late(self, trial: bool) -> bool:
        """Tell whether a call began before the circuit opened: it says nothing about now."""
        return self._opened is not None and not trial
