"""Sockets for one request after the other: connect, send, receive until a deadline; as little of gevent as goes.

gevent's own sockets try to read before they wait, which here never succeeds, and make a timer for each wait: together
they cost as much as the system calls. Under TLS they are used all the same.
"""

from __future__ import annotations

import functools
import socket
import time
from typing import Any, Protocol

import gevent
import gevent.hub
import gevent.monkey
import gevent.select
import gevent.socket
import gevent.ssl

from loadtest.reaper import watch
from loadtest.wire import Endpoint

__all__ = ["Line", "connect", "line_to"]

_CHUNK = 65536
_READ, _WRITE = 1, 2
_socket: type[socket.socket] = gevent.monkey.get_original("socket", "socket")


class Line(Protocol):
    """A connection on which one greenlet at a time sends and receives. Methods raise `OSError`."""

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of it."""

    def receive(self, deadline: float) -> bytes:
        """Wait for the next bytes; none mean the end."""

    def idle(self) -> bool:
        """Whether nothing can be read, not even the end."""

    def close(self) -> None:
        """Close it; whoever waits gets an error."""


class _Plain:
    """A bare socket and its two watchers."""

    __slots__ = ("__weakref__", "_deadline", "_greenlet", "_hub", "_readable", "_socket", "_watched", "_writable")

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._hub = gevent.get_hub()
        self._readable = self._hub.loop.io(connected.fileno(), _READ)
        self._writable = self._hub.loop.io(connected.fileno(), _WRITE)
        self._greenlet: Any = None
        self._deadline = 0.0
        self._watched = False

    def send(self, data: bytes, deadline: float) -> None:
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:], deadline)

    def _send_rest(self, rest: memoryview, deadline: float) -> None:
        while rest:
            self._wait(self._writable, deadline)
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                continue

    def receive(self, deadline: float) -> bytes:
        while True:
            self._wait(self._readable, deadline)
            try:
                return self._socket.recv(_CHUNK)
            except BlockingIOError:
                continue

    def _wait(self, watcher: object, deadline: float) -> None:
        self._greenlet, self._deadline = gevent.getcurrent(), deadline
        if not self._watched:
            self._watched = True
            watch(self)
        try:
            self._hub.wait(watcher)
        finally:
            self._greenlet = None

    def reap(self, now: float) -> bool:
        if self._greenlet is not None and self._deadline <= now:
            self._hub.loop.run_callback(self._throw, self._greenlet, TimeoutError("timed out"))
        self._watched = self._greenlet is not None
        return self._watched

    def _throw(self, greenlet: Any, problem: OSError) -> None:
        if self._greenlet is greenlet:  # it may have got its bytes meanwhile
            greenlet.throw(problem)

    def idle(self) -> bool:
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        if self._greenlet is not None:
            self._hub.loop.run_callback(self._throw, self._greenlet, ConnectionAbortedError("closed on this side"))
        for watcher in (self._readable, self._writable):
            watcher.stop()
            watcher.close()
        self._socket.close()


class _Sealed:
    """A socket under TLS, gevent's own."""

    __slots__ = ("_socket",)

    def __init__(self, connected: gevent.socket.socket) -> None:
        self._socket = connected

    def send(self, data: bytes, deadline: float) -> None:
        self._socket.settimeout(_left(deadline))
        self._socket.sendall(data)

    def receive(self, deadline: float) -> bytes:
        self._socket.settimeout(_left(deadline))
        data: bytes = self._socket.recv(_CHUNK)
        return data

    def idle(self) -> bool:
        return not gevent.select.select([self._socket], [], [], 0)[0]

    def close(self) -> None:
        self._socket.close()


def line_to(endpoint: Endpoint, deadline: float) -> Line:
    """Return a new connection to the endpoint's server. Raises `OSError`."""
    connected = connect(endpoint, _left(deadline))
    if endpoint.tls:
        return _Sealed(connected)
    plain = _socket(fileno=connected.detach())
    plain.settimeout(0)
    return _Plain(plain)


def connect(endpoint: Endpoint, seconds: float) -> gevent.socket.socket:
    """Return a gevent socket to the endpoint's server, sealed by TLS where its URL says so. Raises `OSError`."""
    sock = gevent.socket.create_connection((endpoint.host, endpoint.port), seconds)
    try:
        sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        if endpoint.tls:
            sock = _tls_context().wrap_socket(sock, server_hostname=endpoint.host)
    except OSError:
        sock.close()
        raise
    return sock


def _left(deadline: float) -> float:
    return max(0.001, deadline - time.perf_counter())


@functools.cache
def _tls_context() -> gevent.ssl.SSLContext:
    # Reading the trusted certificates takes milliseconds, in which nobody else would be served.
    return gevent.ssl.create_default_context()
