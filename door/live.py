"""Whoever is told of a load while it lasts: Prometheus, OpenTelemetry, both or neither."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from door.errors import Refusal
from door.scale_options import ScaleOptions
from loadtest.crew import Crew
from loadtest.live import Figures, page_of, serve_page
from loadtest.live_otlp import MissingError, sending

__all__ = ["watchers"]


class _Latest:
    """The figures as they were told last; a value that is replaced, so that threads may read it."""

    def __init__(self) -> None:
        self.figures = Figures()

    def take(self, crew: Crew) -> None:
        self.figures = Figures.of(crew)


@contextlib.contextmanager
def watchers(options: ScaleOptions, say: Callable[[str], None]) -> Iterator[Callable[[Crew], None]]:
    """Start those that the options name; give what tells them. Raises `Refusal`."""
    latest = _Latest()
    with contextlib.ExitStack() as stack:
        if options.live_prometheus is not None:
            say(f"figures: http://127.0.0.1:{stack.enter_context(_page(options.live_prometheus, latest))}/metrics")
        if options.live_otlp is not None:
            endpoint = None if options.live_otlp == "env" else options.live_otlp
            try:
                stack.enter_context(sending(endpoint, lambda: latest.figures))
            except MissingError as problem:
                raise Refusal(str(problem)) from None
        nobody = options.live_prometheus is None and options.live_otlp is None
        yield (lambda _: None) if nobody else latest.take


@contextlib.contextmanager
def _page(port: int, latest: _Latest) -> Iterator[int]:
    with contextlib.ExitStack() as stack:
        try:
            taken = stack.enter_context(serve_page(lambda: page_of(latest.figures), "127.0.0.1", port))
        except OSError as problem:
            raise Refusal(f"--live-prometheus {port}: {problem.strerror}") from None
        yield taken
