"""Progress is painted in a terminal, told now and then in a log, and kept back where nobody wants it."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from door.progress import Live


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _run(steps: int, seconds: float, *, quiet: bool = False, terminal: bool = False, width: int = 80) -> str:
    out, clock = StringIO(), Clock()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None, legacy_windows=False)
    with Live(quiet=quiet, console=console, clock=clock) as live:
        stage = live.stage("checking 2025-11-25 over stdio", steps)
        for number in range(steps):
            clock.now += seconds
            stage.step("tools.call.unknown", outcome="failed" if number % 4 == 3 else "passed")
    return out.getvalue()


def test_a_log_gets_a_line_now_and_then_with_counts_and_the_current_check() -> None:
    first, second = _run(24, 1).splitlines()
    assert first == "  10 s  checking 2025-11-25 over stdio: 10 of 24, 8 passed, 2 failed, tools.call.unknown"
    assert second.startswith("  20 s  checking 2025-11-25 over stdio: 20 of 24, ")


def test_lines_of_a_long_run_come_at_growing_distances() -> None:
    assert 20 < len(_run(1200, 1).splitlines()) < 60


def test_a_short_run_says_nothing_in_a_log() -> None:
    assert _run(100, 0.09) == ""


def test_a_quiet_run_says_nothing_at_all() -> None:
    assert _run(100, 1, quiet=True) == ""
    assert _run(100, 1, quiet=True, terminal=True) == ""


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_counts_and_the_current_check_in_a_line(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("TERM", "xterm")
    lines = _run(8, 0, terminal=True, width=width).replace("\r", "\n").splitlines()
    painted = [line for line in lines if "8/8" in line]
    assert painted
    for part in ("checking 2025-11-25 over stdio", "6 passed 2 failed", "tools.call"):
        assert part in painted[-1]


def test_a_terminal_that_can_paint_nothing_gets_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert _run(12, 1, terminal=True).startswith("  10 s  checking")
