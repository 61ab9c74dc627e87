"""A process of Locust: an assignment on standard input, reports on standard output, gevent in between.

Its parent (`loadtest.run`, or a master) keeps standard input open. When that ends, or on SIGTERM, the run stops early
and still reports what it has. Whatever goes wrong with ourselves ends the process with a traceback, for the parent to
pass on.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Any

import msgspec

from loadtest.descriptors import raise_limit, shortage
from loadtest.fleet import Alone, Assignment, Master, Worker
from loadtest.reporting import Fault, Progress, Report, encode_report
from loadtest.workload import LoadPlan, OpenModel, StdioTarget

__all__ = ["main"]

_PRECISE_USERS = 256


def main() -> None:
    """Carry out the assignment on standard input."""
    assignment = msgspec.json.decode(sys.stdin.buffer.readline(), type=Assignment)
    _tell(Progress(phase="opening"))
    _choose_timers(assignment)
    from gevent import monkey

    # Before anything opens a socket, as Locust itself does when it is imported.
    monkey.patch_all()
    _run(assignment)


def _choose_timers(assignment: Assignment) -> None:
    """Have timers of microseconds where a schedule needs them.

    libev's epoll rounds every wait up to a millisecond, which is longer than a fast target takes to answer; select does
    not, but its cost grows with the number of sockets. A worker is not told yet what it will do.
    """
    from gevent import config

    plan = assignment.plan
    if plan is None or (isinstance(plan.model, OpenModel) and plan.model.users <= _PRECISE_USERS):
        config.libev_backend = "select"


def _run(assignment: Assignment) -> None:
    import gevent
    from gevent.event import Event

    stop = Event()
    gevent.signal_handler(signal.SIGTERM, stop.set)
    gevent.spawn(_watch_parent, stop)
    raise_limit()
    match assignment:
        case Assignment(role=Worker() as role):
            from loadtest.worker import Generator

            Generator(role, stop, _tell).run()
        case Assignment(role=Master(fleet=fleet), plan=LoadPlan() as plan):
            from loadtest.master import Master as Gatherer

            Gatherer(plan, fleet, stop, _tell).run()
        case Assignment(role=Alone(), plan=LoadPlan() as plan):
            _generate(plan, stop)


def _generate(plan: LoadPlan, stop: Any) -> None:
    """Be the one generator of a run."""
    from loadtest.measure import Measure, calibrate
    from loadtest.part import Part
    from loadtest.pins import pin

    missing = None if isinstance(plan.target, StdioTarget) else shortage(plan.model.users)
    if missing is not None:
        _tell(Fault(whose="setup", message=missing))
        return
    pin(plan.pins)
    measure = Measure(plan, stop, _tell, Part(report=_tell))
    refusal = measure.kind.first_contact()
    if refusal is not None:
        said = f"{refusal.error_class} {refusal.code}: {refusal.message}"
        _tell(Fault(whose="target", message=f"the target could not be opened: {said}"))
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
