"""The Locust process: a plan on standard input, reports on standard output, gevent in between.

Its parent (`loadtest.run`) keeps standard input open. When that ends, or on SIGTERM, the run stops early and still
reports what it has. Whatever goes wrong with ourselves ends the process with a traceback, for the parent to pass on.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

from loadtest.reporting import Fault, Progress, Report, encode_report
from loadtest.workload import LoadPlan, Model, OpenModel, decode_plan

__all__ = ["main"]

_PRECISE_USERS = 256


def main() -> None:
    """Carry out the plan on standard input."""
    plan = decode_plan(sys.stdin.buffer.readline())
    _tell(Progress(phase="opening"))
    _choose_timers(plan.model)
    from gevent import monkey

    # Before anything opens a socket, as Locust itself does when it is imported.
    monkey.patch_all()
    _run(plan)


def _choose_timers(model: Model) -> None:
    """Have timers of microseconds where a schedule needs them.

    libev's epoll rounds every wait up to a millisecond, which is longer than a fast target takes to answer; select does
    not, but its cost grows with the number of sockets.
    """
    from gevent import config

    if isinstance(model, OpenModel) and model.users <= _PRECISE_USERS:
        config.libev_backend = "select"


def _run(plan: LoadPlan) -> None:
    import gevent
    from gevent.event import Event

    from loadtest.measure import Measure, calibrate

    stop = Event()
    gevent.signal_handler(signal.SIGTERM, stop.set)
    gevent.spawn(_watch_parent, stop)
    measure = Measure(plan, stop, _tell)
    refusal = measure.kind.first_contact()
    if refusal is not None:
        _tell(Fault(whose="target", message=f"{refusal.error_class} {refusal.code}: {refusal.message}"))
        return
    gc.collect()
    gc.freeze()
    rate = None
    if plan.calibration > 0:
        _tell(Progress(phase="calibrating"))
        rate = calibrate(plan, stop)
    _tell(measure.run(rate))
    measure.kind.farewell()


def _watch_parent(stop: object) -> None:
    import gevent.os
    from gevent.event import Event

    assert isinstance(stop, Event)
    gevent.os.make_nonblocking(0)
    while gevent.os.nb_read(0, 4096):
        pass
    stop.set()


def _tell(report: Report) -> None:
    view = memoryview(encode_report(report))
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    main()
