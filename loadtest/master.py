"""The master of several generators, in a process of Locust of its own: it gathers them, starts them, hears them out.

It makes no load. What the workers report goes on to whoever started it, each report once.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import gevent.subprocess
import msgspec
from gevent.event import Event

from loadtest import fleet as wire
from loadtest.locustfile import master_runner
from loadtest.outbox import Inbox
from loadtest.reporting import Delta, Fault, Finished, Measurement, Notice, Report, Started, WorkerEnd
from loadtest.workload import LoadPlan, StdioTarget

__all__ = ["BOOT", "Master"]

BOOT = (
    "import sys; root = sys.argv[1]; root in sys.path or sys.path.insert(0, root); "
    "from loadtest.engine import main; main()"
)
"""Our own package must be found wherever the parent found it, and nothing in the working directory instead."""

_POLL_SECONDS = 0.05
_PINGS = 8
_LEAD_SECONDS = 0.3
_SILENCE_SECONDS = 15.0
"""Locust calls a worker missing after four; one on a busy machine comes back after more."""
_STARTUP_SECONDS = 60.0
_STOP_SECONDS = 8.0
_LEAVE_SECONDS = 3.0


@dataclass(slots=True)
class _Worker:
    """What the master knows of one worker. `offset` is its `perf_counter` less ours."""

    client: str
    number: int
    hello: wire.Hello
    seen: float
    trip: float = float("inf")
    offset: float = 0.0
    clock: float = 0.0
    ready: wire.Ready | None = None
    inbox: Inbox = field(default_factory=Inbox)
    late: float = 0.0
    fault: Fault | None = None
    measurement: Measurement | None = None
    lost: str = ""

    @property
    def shown(self) -> str:
        return f"worker {self.number} ({self.hello.host})"


class Master:
    """One run of several workers. `tell` is given all reports; `stop` ends the run early."""

    def __init__(self, plan: LoadPlan, fleet: wire.Fleet, stop: Event, tell: Callable[[Report], None]) -> None:
        self._plan = plan
        self._fleet = fleet
        self._stop = stop
        self._tell = tell
        self._workers: dict[str, _Worker] = {}
        self._turned_away: list[str] = []
        self._local: dict[str, gevent.subprocess.Popen] = {}
        self._pings: dict[tuple[str, int], float] = {}
        self._runner: Any = None

    def run(self) -> None:
        """Carry out the plan; every report is told when this returns, the last of them a `Finished` or a `Fault`."""
        try:
            self._runner = master_runner(self._fleet.host, self._fleet.port)
        except OSError as problem:
            self._tell(Fault(whose="setup", message=f"no workers can be waited for: {problem}"))
            return
        listeners: dict[type, Callable[[str, Any], None]] = {
            wire.Hello: self._hello,
            wire.Pong: self._pong,
            wire.Ready: self._ready,
            wire.Parcel: self._parcel,
        }
        for kind, listener in listeners.items():
            self._runner.register_message(wire.type_of(kind), self._listener(kind, listener))
        self._runner.environment.events.heartbeat_sent.add_listener(self._alive)
        with self._locals():
            self._tell(self._gathered() or self._carried_out())
            with contextlib.suppress(Exception):  # whoever is gone need not be told
                self._runner.quit()
            self._runner.server.close(linger=0)

    def _carried_out(self) -> Report:
        begin = self._begin()
        measuring = begin + self._plan.warm_up
        self._await(lambda: time.perf_counter() >= measuring, self._plan.warm_up + _STARTUP_SECONDS)
        pids = [pid for each in self._workers.values() if each.hello.name and each.ready for pid in each.ready.pids]
        self._tell(Started(measuring=True, target_pids=tuple(pids)))
        self._follow(begin)
        self._tell(Started(measuring=False))
        for each in self._workers.values():
            self._tell(self._end_of(each))
        return Finished()

    @contextlib.contextmanager
    def _locals(self) -> Iterator[None]:
        """Start the workers of this machine; in the end they leave, or are made to."""
        root = str(Path(__file__).resolve().parent.parent)
        try:
            for number in range(self._fleet.local):
                name = f"{os.getpid()}.{number}"
                worker = wire.Worker(host="127.0.0.1", port=self._runner.server.port, name=name)
                process = gevent.subprocess.Popen(
                    [sys.executable, "-P", "-c", BOOT, root],
                    stdin=gevent.subprocess.PIPE,
                    stdout=gevent.subprocess.DEVNULL,
                )
                process.stdin.write(wire.encode(wire.Assignment(role=worker)) + b"\n")
                process.stdin.flush()
                self._local[name] = process
            yield
        finally:
            for process in self._local.values():
                process.stdin.close()  # they leave when their parent is gone
            gevent.joinall([gevent.spawn(_part_with, process) for process in self._local.values()])

    def _gathered(self) -> Fault | None:
        """Wait until all workers are here and ready; return why that will not be."""
        wanted = self._fleet.workers
        if self._fleet.remote:
            port = self._runner.server.port
            self._tell(Notice(text=f"waiting for {self._fleet.remote} worker(s) at {self._fleet.host}:{port}"))
        if not self._await(lambda: len(self._workers) >= wanted, self._fleet.patience):
            return self._missing("has come")
        for each in self._workers.values():
            self._compare_clocks(each)
        for each in self._workers.values():
            self._send(each.client, wire.Share(plan=self._plan, worker=each.number, workers=wanted))
        patience = _STARTUP_SECONDS + 2 * self._plan.calibration + 4 * self._plan.timeout
        if not self._await(lambda: all(each.ready for each in self._workers.values()), patience):
            return self._missing("is ready")
        return None

    def _await(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds; return whether it came to that before the time, a stop or a worker's end."""
        latest = time.perf_counter() + seconds
        while not holds():
            self._look()
            ended = any(each.fault or each.lost for each in self._workers.values())
            if ended or self._stop.is_set() or self._dead() or time.perf_counter() >= latest:
                return holds()
            gevent.sleep(_POLL_SECONDS)
        return True

    def _dead(self) -> list[str]:
        return [name for name, process in self._local.items() if process.poll() is not None]

    def _missing(self, what: str) -> Fault:
        """Say why not every worker is where it should be."""
        for each in self._workers.values():
            if each.fault is not None:
                return Fault(whose=each.fault.whose, message=f"{each.shown}: {each.fault.message}")
            if each.lost:
                return Fault(whose="generator", message=f"{each.shown} was lost before the load began: {each.lost}")
        if self._stop.is_set():
            return Fault(whose="setup", message="interrupted before all workers were there")
        if self._dead():
            return Fault(whose="generator", message="a worker of this machine ended before the load began")
        here = sum(what == "has come" or each.ready is not None for each in self._workers.values())
        others = "".join(f"; turned away: {each}" for each in self._turned_away)
        return Fault(whose="setup", message=f"of {self._fleet.workers} workers {here} {what}{others}")

    def _compare_clocks(self, worker: _Worker) -> None:
        """Find how a worker's clocks differ from ours: the quickest answer of several is the best witness."""
        for number in range(_PINGS):
            self._pings[worker.client, number] = time.perf_counter()
            self._send(worker.client, wire.Ping(number=number))
            self._await(lambda number=number: (worker.client, number) not in self._pings, 1.0)  # type: ignore[misc] # bound

    def _begin(self) -> float:
        """Let all workers go at one moment; return when that is, by our own clock."""
        slowest = max((each.trip for each in self._workers.values()), default=0.0)
        begin = time.perf_counter() + max(_LEAD_SECONDS, 4 * min(slowest, 1.0))
        for each in self._workers.values():
            self._send(each.client, wire.Go(begin=begin + each.offset))
        return begin

    def _follow(self, begin: float) -> None:
        """Hear all workers out, until each has told its end or is lost."""
        plan = self._plan
        latest = begin + plan.warm_up + plan.duration + 4 * plan.timeout + _STARTUP_SECONDS
        told = False
        while not all(each.measurement or each.fault or each.lost for each in self._workers.values()):
            if self._stop.is_set() and not told:
                told = True
                latest = min(latest, time.perf_counter() + _STOP_SECONDS)
                for each in self._workers.values():
                    self._send(each.client, wire.Stop(why="the run was stopped"))
            if time.perf_counter() >= latest:
                return
            self._look()
            gevent.sleep(_POLL_SECONDS)

    def _look(self) -> None:
        """Notice who is gone, and who is back."""
        now = time.perf_counter()
        for each in self._workers.values():
            if each.measurement or each.fault:
                continue
            silent = now - each.seen
            process = self._local.get(each.hello.name)
            code = None if process is None else process.poll()
            lost = ""
            if code is not None and silent > 1.0:  # what it said last may still be on its way
                lost = f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            elif silent > _SILENCE_SECONDS:
                lost = f"not heard of for {_SILENCE_SECONDS:.0f} s"
            if bool(lost) != bool(each.lost):
                self._tell(Notice(text=f"{each.shown}: {lost or 'is back'}"))
                each.lost = lost

    def _end_of(self, worker: _Worker) -> WorkerEnd:
        lost = worker.fault.message if worker.fault else worker.lost
        return WorkerEnd(
            worker=worker.number,
            host=worker.hello.host,
            measurement=worker.measurement,
            lost="" if worker.measurement else lost or "it did not come to its end in time",
            clock_offset=worker.clock,
            clock_uncertainty=min(worker.trip, 1.0) / 2,
            late=worker.late,
        )

    def _listener(self, kind: type, listener: Callable[[str, Any], None]) -> Callable[..., None]:
        """Return what Locust calls for a message: nobody's nonsense ends the master."""

        def listen(msg: Any, **_: Any) -> None:
            try:
                body: Any = msgspec.json.decode(msg.data, type=kind)
            except (msgspec.DecodeError, TypeError) as problem:
                self._tell(Notice(text=f"{str(msg.node_id)[:80]} sent what is no message: {problem}"))
                return
            worker = self._workers.get(msg.node_id)
            if worker is not None:
                worker.seen = time.perf_counter()
            if worker is not None or kind is wire.Hello:
                listener(msg.node_id, body)

        return listen

    def _alive(self, client_id: str, **_: Any) -> None:
        worker = self._workers.get(client_id)
        if worker is not None:
            worker.seen = time.perf_counter()

    def _hello(self, client: str, hello: wire.Hello) -> None:
        if client in self._workers:
            return
        why = self._unwanted(hello)
        if why:
            self._turned_away.append(f"{hello.host}: {why}")
            self._tell(Notice(text=f"turned away a worker of {hello.host}: {why}"))
            self._send(client, wire.Refused(why=why))
            return
        worker = _Worker(client, len(self._workers), hello, time.perf_counter())
        self._workers[client] = worker
        if not hello.name:
            self._tell(Notice(text=f"{worker.shown} has come"))

    def _unwanted(self, hello: wire.Hello) -> str:
        if hello.build != wire.build():
            return f"it runs touchstone {hello.build}, the master {wire.build()}; install the same on both"
        if hello.name and hello.name not in self._local:
            return "it says that this master started it, which is not so"
        remote = sum(not each.hello.name for each in self._workers.values())
        if not hello.name and remote >= self._fleet.remote:
            return f"the master wants {self._fleet.remote} worker(s) from elsewhere and has them"
        if not hello.name and isinstance(self._plan.target, StdioTarget):
            return "the target is a command, which only workers of the master's machine start"
        return ""

    def _pong(self, client: str, pong: wire.Pong) -> None:
        sent = self._pings.pop((client, pong.number), None)
        worker = self._workers[client]
        now = time.perf_counter()
        if sent is not None and now - sent < worker.trip:
            worker.trip = now - sent
            worker.offset = pong.perf - (sent + now) / 2
            worker.clock = pong.wall - (time.time() - worker.trip / 2)

    def _ready(self, client: str, ready: wire.Ready) -> None:
        self._workers[client].ready = ready

    def _parcel(self, client: str, parcel: wire.Parcel) -> None:
        worker = self._workers[client]
        for each in worker.inbox.take(parcel):
            worker.late = max(worker.late, each.late)
            match msgspec.json.decode(each.report, type=Delta | Measurement | Fault):
                case Delta() as delta:
                    self._tell(msgspec.structs.replace(delta, worker=worker.number))
                case Measurement() as measurement:
                    worker.measurement = measurement
                case Fault() as fault:
                    worker.fault = fault
        self._send(client, wire.Acknowledged(number=worker.inbox.number))

    def _send(self, client: str, message: wire.Message) -> None:
        self._runner.send_message(wire.type_of(type(message)), wire.encode(message), client)


def _part_with(process: gevent.subprocess.Popen) -> None:
    try:
        process.wait(timeout=_LEAVE_SECONDS)
    except gevent.subprocess.TimeoutExpired:
        process.kill()
        process.wait()
