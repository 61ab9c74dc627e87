"""`python stand_in.py PORT TOKEN`: the server that a stdio client starts. It relays its streams to the judge.

It stands alone, on the standard library: clients start it wherever, with whatever environment they see fit.
Either way travel frames: a letter, the length of what follows in four bytes, and that. To the judge: `i` standard
input, `e` its end, `s` the number of a signal. From it: `o` and `n` for standard output and error, `k` to live on after
a signal, `x` to exit with a status.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import sys
import threading

__all__ = ["main"]

_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")


def main() -> int:
    """Relay until the judge has had enough, or a signal comes."""
    with contextlib.suppress(OSError, AttributeError):
        # What the client said last is still to be relayed when the client's own processes are ended.
        os.setsid()
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as judge:
        judge.sendall(sys.argv[2].encode() + b"\n")
        relay = _Relay(judge)
        for name in _SIGNALS:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), relay.signalled)
        threading.Thread(target=relay.forward_input, daemon=True).start()
        return relay.obey()


class _Relay:
    """Both ways between the client and the judge."""

    def __init__(self, judge: socket.socket) -> None:
        self._judge = judge
        self._reader = judge.makefile("rb")
        self._stubborn = False
        self._ended = False
        self._lock = threading.RLock()

    def _tell(self, kind: bytes, data: bytes = b"") -> None:
        with contextlib.suppress(OSError), self._lock:
            self._judge.sendall(kind + struct.pack(">I", len(data)) + data)

    def forward_input(self) -> None:
        """Tell what comes on standard input, and that it has ended."""
        with contextlib.suppress(OSError):
            while data := os.read(0, 65536):
                self._tell(b"i", data)
        self._tell_end()

    def _tell_end(self) -> None:
        with self._lock:
            if not self._ended:
                self._ended = True
                self._tell(b"e")

    def signalled(self, number: int, _: object) -> None:
        """Tell of a signal, and end unless told to live on."""
        if _hung_up():
            self._tell_end()  # it came first, and nobody has had the time to look
        self._tell(b"s", bytes([number]))
        if not self._stubborn:
            # As an ordinary program ends, without waiting for anybody.
            os._exit(128 + number)

    def obey(self) -> int:
        """Do what the judge says until it says no more; return the status to exit with."""
        while len(head := self._reader.read(5)) == 5:
            kind, data = head[:1], self._reader.read(struct.unpack(">I", head[1:])[0])
            if kind == b"x":
                return data[0]
            if kind == b"k":
                self._stubborn = True
            else:
                _write(1 if kind == b"o" else 2, data)
        return 0


def _hung_up() -> bool:
    """Whether nobody can write to standard input any more."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(0, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _write(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    sys.exit(main())
