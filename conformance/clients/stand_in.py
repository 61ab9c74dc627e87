"""`python stand_in.py PORT TOKEN`: the server that a stdio client starts. It relays its streams to the judge.

It stands alone, on the standard library: clients start it wherever, with whatever environment they see fit.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading

__all__ = ["main"]


def main() -> int:
    """Relay until either side ends."""
    with contextlib.suppress(OSError, AttributeError):
        # What the client said last is still to be relayed when the client's own processes are ended.
        os.setsid()
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as judge:
        judge.sendall(sys.argv[2].encode() + b"\n")
        threading.Thread(target=_forward_input, args=(judge,), daemon=True).start()
        while data := judge.recv(65536):
            _write(data)
    return 0


def _forward_input(judge: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(0, 65536):
            judge.sendall(data)
        judge.shutdown(socket.SHUT_WR)


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main())
