"""One generator of several, in a process of Locust: a master gives it its plan, and is told of everything it does."""

from __future__ import annotations

import gc
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import gevent
import msgspec
from gevent.event import Event

from loadtest import fleet as wire
from loadtest.locustfile import worker_runner
from loadtest.measure import Measure, calibrate
from loadtest.outbox import Outbox
from loadtest.part import Part
from loadtest.pins import pin
from loadtest.reporting import Fault, Finished, Notice, Report
from loadtest.workload import StdioTarget

__all__ = ["Generator"]

_SILENCE_SECONDS = 15.0
_LAST_WORDS_SECONDS = 6.0
_OTHERS_SECONDS = 120.0
_POLL_SECONDS = 0.05


class Generator:
    """A worker from its first word to its last. `tell` is for whoever started it; `stop` makes it end early."""

    def __init__(self, role: wire.Worker, stop: Event, tell: Callable[[Report], None]) -> None:
        self._role = role
        self._stop = stop
        self._tell = tell
        self._runner: Any = None
        self._share: wire.Share | None = None
        self._begin: float | None = None
        self._late = 0.0
        self._refused = ""
        self._why = ""
        self._outbox = Outbox(self._send)

    def run(self) -> None:
        """Do as the master says, until it is done; the last report told is a `Finished` or a `Fault`."""
        if not self._connected():
            where = f"{self._role.host}:{self._role.port}"
            self._tell(Fault(whose="setup", message=f"no master answers at {where}"))
            return
        listeners: dict[type, Callable[[Any], None]] = {
            wire.Refused: self._take_refusal,
            wire.Ping: self._take_ping,
            wire.Share: self._take_share,
            wire.Go: self._take_go,
            wire.Acknowledged: self._take_acknowledgement,
            wire.Stop: self._take_stop,
        }
        for kind, listener in listeners.items():
            self._runner.register_message(wire.type_of(kind), _listener(kind, listener))
        watcher = gevent.spawn(self._watch_master)
        host = socket.gethostname()
        self._send(wire.Hello(build=wire.build(), host=host, pid=os.getpid(), name=self._role.name))
        self._tell(self._worked())
        watcher.kill()
        self._runner.greenlet.kill(block=True)  # else Locust would go on reading, without a pause, what is closed
        self._runner.client.close(linger=1000)  # milliseconds

    def _connected(self) -> bool:
        connecting = gevent.spawn(worker_runner, self._role.host, self._role.port)
        while not connecting.ready() and not self._stop.is_set():
            connecting.join(timeout=_POLL_SECONDS)
        self._runner = connecting.value if connecting.successful() else None
        return self._runner is not None

    def _worked(self) -> Report:
        """Carry out the share that comes; return how that went, for whoever started this worker."""
        if not self._await(lambda: self._share is not None or self._refused):
            return Fault(whose="setup", message=self._why or "stopped before there was anything to do")
        if self._share is None:
            return Fault(whose="setup", message=f"the master turned this worker away: {self._refused}")
        share = self._share
        if isinstance(share.plan.target, StdioTarget) and not self._role.name:
            return self._given_up(
                Fault(whose="setup", message="a master elsewhere cannot make this machine run commands")
            )
        self._tell(Notice(text=f"worker {share.worker} of {share.workers}"))
        pin(share.plan.pins)
        measure = Measure(share.plan, self._stop, lambda _: None, self._part(share))
        refusal = measure.kind.first_contact()
        if refusal is not None:
            said = f"{refusal.error_class} {refusal.code}: {refusal.message}"
            return self._given_up(Fault(whose="target", message=f"the target could not be opened: {said}"))
        gc.collect()
        gc.freeze()
        rate = calibrate(share.plan, self._stop) if share.plan.calibration > 0 else None
        self._outbox.put(measure.run(rate), self._late)
        measure.kind.farewell()
        self._hear_out()
        if self._why:
            self._tell(Notice(text=self._why))
        return Finished()

    def _part(self, share: wire.Share) -> Part:
        return Part(share.worker, share.workers, self._agree, self._outbox.put, _OTHERS_SECONDS)

    def _agree(self, pids: tuple[int, ...]) -> float:
        """Tell that all users are ready; return when the master says to begin."""
        self._send(wire.Ready(pids=pids))
        self._await(lambda: self._begin is not None)
        begin = time.perf_counter() if self._begin is None else self._begin
        gevent.sleep(max(0.0, begin - time.perf_counter()))
        self._late = max(0.0, time.perf_counter() - begin)
        return begin

    def _given_up(self, fault: Fault) -> Fault:
        self._outbox.put(fault)
        self._hear_out()
        return fault

    def _hear_out(self) -> None:
        """Wait until the master has all that was told, for a while."""
        latest = time.monotonic() + _LAST_WORDS_SECONDS
        while not self._outbox.empty and time.monotonic() < latest:
            self._outbox.again(after=1.0)
            gevent.sleep(_POLL_SECONDS)

    def _await(self, holds: Callable[[], object]) -> bool:
        while not holds():
            if self._stop.is_set():
                return False
            gevent.sleep(_POLL_SECONDS)
        return True

    def _watch_master(self) -> None:
        """Send again what may have been lost; end where nobody listens any more."""
        while True:
            gevent.sleep(1.0)
            self._outbox.again()
            heard = self._runner.last_heartbeat_timestamp
            if heard is not None and time.time() - heard > _SILENCE_SECONDS:
                self._take_stop(wire.Stop(why=f"the master was not heard of for {_SILENCE_SECONDS:.0f} s"))

    def _take_refusal(self, refused: wire.Refused) -> None:
        self._refused = refused.why

    def _take_ping(self, ping: wire.Ping) -> None:
        self._send(wire.Pong(number=ping.number, perf=time.perf_counter(), wall=time.time()))

    def _take_share(self, share: wire.Share) -> None:
        self._share = share

    def _take_go(self, go: wire.Go) -> None:
        self._begin = go.begin

    def _take_acknowledgement(self, acknowledged: wire.Acknowledged) -> None:
        self._outbox.acknowledge(acknowledged.number)

    def _take_stop(self, stop: wire.Stop) -> None:
        self._why = self._why or stop.why
        self._stop.set()

    def _send(self, message: wire.Message) -> None:
        self._runner.send_message(wire.type_of(type(message)), wire.encode(message))


def _listener(kind: type, listener: Callable[[Any], None]) -> Callable[..., None]:
    def listen(msg: Any, **_: Any) -> None:
        listener(msgspec.json.decode(msg.data, type=kind))

    return listen
